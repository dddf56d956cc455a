"""The analysed rows: both label and score known, sorted once by falling score."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from audit.cohort import Cohort
from audit.ladder import common_rungs, rung_means
from audit.plan import Plan
from audit.stats.logistic import Recalibration, recalibration
from audit.stats.mixing import splitmix64
from audit.sums import TERMS, Setting, probability_terms
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
    score is not a probability. `row_key` tells rows apart; it is empty where patients have several,
    for nothing is drawn by row there. `rung` places every row on the ladder of quantiles that all
    strata share, and `rung_score` is the mean probability (or score) of each rung.
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
    setting: Setting
    score_kind: Kind
    has_threshold: bool
    rung: NDArray[np.int32]
    rung_score: Floats

    @property
    def is_probability(self) -> bool:
        """Whether the score can be read as a probability."""
        return self.score_kind in ("probability", "logit")


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
    # The same numbers need the room only once.
    score = probability if cohort.probability is cohort.score else cohort.score[position]
    rung, rung_score = common_rungs(score)
    clustered = cohort.patients_declared and cohort.largest_patient > 1
    numbered = position[:0] if clustered else position
    if is_probability and score.size:
        rung_score = rung_means(rung, probability)
    return Rows(
        position=position,
        label=cohort.label[position].astype(np.uint8),
        score=score,
        flagged=(cohort.flagged[position] == 1).astype(np.float64),
        probability=probability,
        logit=np.log(safe) - np.log1p(-safe) if is_probability else np.zeros(position.size),
        clipped=int((safe != probability).sum()) if is_probability else 0,
        key=cohort.key[position],
        row_key=splitmix64(numbered.astype(np.uint64)),
        cluster=cohort.cluster[position],
        clustered=clustered,
        setting=_setting(plan, kind),
        score_kind=kind,
        has_threshold=plan.threshold is not None or kind == "decision",
        rung=rung,
        rung_score=rung_score,
    )


def _setting(plan: Plan, kind: str) -> Setting:
    options = plan.options
    target = options.target_prevalence
    return Setting(
        odds=_threshold_odds(plan, kind),
        target_prevalence=float("nan") if target is None else target,
        max_fpr=options.max_fpr,
        specificity=options.specificity,
        sensitivity=options.sensitivity,
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
    stratum of each row in that order. `reference` is the stratum that the others are compared with.
    """

    take: Ints
    group: Ints
    strata: int
    rows: Sorted
    fit: Recalibration
    reference: int | None = None


def grouped(
    rows: Rows, codes: NDArray[np.int32], strata: int, terms: Collection[str] = TERMS
) -> Grouped:
    """Sort the analysed rows by stratum; `codes` covers the whole cohort.

    `terms` names the row terms whose sums are wanted.
    """
    code = codes[rows.position].astype(np.int64)
    # A stable sort keeps the falling score order inside each stratum.
    small = code.astype(np.int16) if strata < 2**15 else code
    take = np.argsort(small, kind="stable")
    group = code[take]
    start = np.searchsorted(group, np.arange(strata + 1)).astype(np.int64)
    score = rows.score[take]
    label = rows.label[take]
    last = np.ones(take.size, dtype=np.uint8)
    last[:-1] = (score[1:] != score[:-1]) | (group[1:] != group[:-1])
    flags = np.bincount(group, weights=rows.flagged[take], minlength=strata)
    columns = tuple(i for i, name in enumerate(TERMS) if name in terms)
    wanted = {TERMS[i] for i in columns}
    fit = _fit(rows, rows.logit[take], label, group, strata, bool(wanted & set(_FITTED)))
    probability = rows.probability[take]
    sorted_rows = Sorted(
        unit=rows.key[take],
        cluster=rows.cluster[take],
        row_key=rows.row_key if rows.clustered else rows.row_key[take],
        label=label,
        probability=probability,
        block_end=last,
        start=start,
        flag_end=start[:-1] + flags.astype(np.int64),
        terms=_terms(wanted, fit, label, probability, rows.logit[take], group),
        columns=columns,
        ece_bin=ece_bins(probability),
        rung=rows.rung[take],
    )
    return Grouped(take, group, strata, sorted_rows, fit)


def ece_bins(probability: Floats) -> NDArray[np.int8]:
    """Number the 15 equal-width bins [l, u); the last one is closed."""
    edges = np.arange(1, ECE_BINS) / ECE_BINS
    return np.searchsorted(edges, probability, side="right").astype(np.int8)


def _fit(
    rows: Rows, logit: Floats, label: NDArray[np.uint8], group: Ints, strata: int, wanted: bool
) -> Recalibration:
    if wanted and rows.is_probability and logit.size:
        return recalibration(logit, label, group, strata)
    nothing, never = np.full(strata, np.nan), np.zeros(strata, dtype=np.bool_)
    return Recalibration(nothing, nothing, nothing, never, never)


_FITTED = ("score_a", "score_b", "info_aa", "info_ab", "info_bb", "score_c", "info_cc")


def _terms(
    wanted: set[str],
    fit: Recalibration,
    label: NDArray[np.uint8],
    probability: Floats,
    logit: Floats,
    group: Ints,
) -> Floats:
    """Terms of every row, in the order of the record; shape (rows, terms)."""
    place = {name: i for i, name in enumerate(name for name in TERMS if name in wanted)}
    out = np.empty((label.size, len(place)))
    if wanted & set(_FITTED):
        for name, values in _calibration_terms(fit, logit, label, group):
            if name in place:
                out[:, place[name]] = values
    if wanted - set(_FITTED):
        for name, values in probability_terms(label.astype(np.float64), probability, logit).items():
            if name in place:
                out[:, place[name]] = values
    return out


def _calibration_terms(
    fit: Recalibration, logit: Floats, label: NDArray[np.uint8], group: Ints
) -> Iterator[tuple[str, Floats]]:
    """Per-row score and information terms at the stratum's fit; zero where there is no fit.

    One after another: all of them at once are most of the memory of a large cohort.
    """
    joint = np.nan_to_num(fit.intercept)[group] + np.nan_to_num(fit.slope)[group] * logit
    expected = expit(joint)
    residual = label - expected
    yield "score_a", residual
    yield "score_b", residual * logit
    weight = expected * (1 - expected)
    yield "info_aa", weight
    weight = weight * logit
    yield "info_ab", weight
    yield "info_bb", weight * logit
    shifted = expit(np.nan_to_num(fit.citl)[group] + logit)
    yield "score_c", label - shifted
    yield "info_cc", shifted * (1 - shifted)
