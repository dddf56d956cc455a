"""The analysed rows: both label and score known, sorted once by falling score."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from audit.cohort import Cohort
from audit.plan import Plan
from audit.stats.logistic import Recalibration, recalibration
from audit.stats.mixing import splitmix64
from audit.sums import Sums, row_sums
from audit.sweep import ECE_BINS, Sorted

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Kind = Literal["probability", "rank", "logit", "decision"]

# A probability of exactly 0 or 1 has no log odds; it is moved by this much for the calibration
# fits only, and the moved rows are counted in a warning.
CLIP = 1e-10


@dataclass(frozen=True, eq=False)
class Rows:
    """Analysed rows in falling order of score (ties in canonical order).

    `position` gives each row's index in the cohort. `probability` and `logit` are zeros when the
    score is not a probability. `odds` are those of the decision threshold on the probability
    scale, NaN without one.
    """

    position: Ints
    label: NDArray[np.uint8]
    score: Floats
    flagged: Floats
    probability: Floats
    logit: Floats
    clipped: int
    key: NDArray[np.uint64]
    row_key: NDArray[np.uint64]
    cluster: Ints
    clustered: bool
    odds: float
    score_kind: Kind
    has_threshold: bool

    @property
    def is_probability(self) -> bool:
        """Whether the score can be read as a probability."""
        return self.score_kind in ("probability", "logit")

    def records(self) -> Sums:
        """Every row as the record of a stratum of one."""
        return row_sums(self.label.astype(np.float64), self.flagged, self.probability, self.odds)


def analysed_rows(cohort: Cohort, plan: Plan) -> Rows:
    """Take the analysed rows of a cohort and sort them by falling score."""
    position = np.flatnonzero(cohort.analysed)
    position = position[np.argsort(-cohort.score[position], kind="stable")]
    kind: Kind = "decision" if plan.columns.score is None else plan.score_kind
    probability = cohort.probability[position]
    if kind not in ("probability", "logit"):
        probability = np.zeros(position.size)
    safe = np.clip(probability, CLIP, 1 - CLIP)
    is_probability = kind in ("probability", "logit")
    return Rows(
        position=position,
        label=cohort.label[position].astype(np.uint8),
        score=cohort.score[position],
        flagged=(cohort.flagged[position] == 1).astype(np.float64),
        probability=probability,
        logit=np.log(safe) - np.log1p(-safe) if is_probability else np.zeros(position.size),
        clipped=int((safe != probability).sum()) if is_probability else 0,
        key=cohort.key[position],
        row_key=splitmix64(position.astype(np.uint64)),
        cluster=cohort.cluster[position],
        clustered=cohort.patients_declared and cohort.largest_patient > 1,
        odds=_threshold_odds(plan, kind),
        score_kind=kind,
        has_threshold=plan.threshold is not None or kind == "decision",
    )


def _threshold_odds(plan: Plan, kind: str) -> float:
    if plan.threshold is None or kind not in ("probability", "logit"):
        return float("nan")
    t = plan.threshold.value
    probability = float(expit(t)) if kind == "logit" else t
    return probability / (1 - probability) if 0 < probability < 1 else float("nan")


@dataclass(frozen=True, eq=False)
class Grouped:
    """The rows of one set of strata: sorted for the sweep, with the calibration fits.

    `take` puts the rows in the order of `rows`, by stratum and then falling score; `group` is the
    stratum of each row in that order.
    """

    take: Ints
    group: Ints
    strata: int
    rows: Sorted
    fit: Recalibration


def grouped(rows: Rows, codes: NDArray[np.int32], strata: int) -> Grouped:
    """Sort the analysed rows by stratum; `codes` covers the whole cohort."""
    code = codes[rows.position].astype(np.int64)
    # A stable sort keeps the falling score order inside each stratum.
    small = code.astype(np.int16) if strata < 2**15 else code
    take = np.argsort(small, kind="stable")
    group = code[take]
    start = np.searchsorted(group, np.arange(strata + 1)).astype(np.int64)
    score = rows.score[take]
    label = rows.label[take]
    logit = rows.logit[take]
    last = np.ones(take.size, dtype=np.uint8)
    last[:-1] = (score[1:] != score[:-1]) | (group[1:] != group[:-1])
    flags = np.bincount(group, weights=rows.flagged[take], minlength=strata)
    fit = _fit(rows, logit, label, group, strata)
    sorted_rows = Sorted(
        unit=rows.key[take],
        cluster=rows.cluster[take],
        row_key=rows.row_key[take],
        label=label,
        probability=rows.probability[take],
        block_end=last,
        start=start,
        flag_end=start[:-1] + flags.astype(np.int64),
        terms=_calibration_terms(fit, logit, label, group),
        ece_bin=ece_bins(rows.probability[take]),
    )
    return Grouped(take, group, strata, sorted_rows, fit)


def ece_bins(probability: Floats) -> NDArray[np.int8]:
    """Number the 15 equal-width bins [l, u); the last one is closed."""
    edges = np.arange(1, ECE_BINS) / ECE_BINS
    return np.searchsorted(edges, probability, side="right").astype(np.int8)


def _fit(
    rows: Rows, logit: Floats, label: NDArray[np.uint8], group: Ints, strata: int
) -> Recalibration:
    if rows.is_probability and logit.size:
        return recalibration(logit, label, group, strata)
    nothing, never = np.full(strata, np.nan), np.zeros(strata, dtype=np.bool_)
    return Recalibration(nothing, nothing, nothing, never, never)


def _calibration_terms(
    fit: Recalibration, logit: Floats, label: NDArray[np.uint8], group: Ints
) -> Floats:
    """Per-row score and information terms at the stratum's fit; zero where there is no fit."""
    terms = np.zeros((7, logit.size))
    joint = np.nan_to_num(fit.intercept)[group] + np.nan_to_num(fit.slope)[group] * logit
    expected = expit(joint)
    weight = expected * (1 - expected)
    terms[0] = label - expected
    terms[1] = terms[0] * logit
    terms[2] = weight
    terms[3] = weight * logit
    terms[4] = terms[3] * logit
    expected = expit(np.nan_to_num(fit.citl)[group] + logit)
    terms[5] = label - expected
    terms[6] = expected * (1 - expected)
    return terms
