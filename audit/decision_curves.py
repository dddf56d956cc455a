"""What a decision would give as its threshold moves: net benefit, error rates, working points."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from audit.curve_sections import DecisionCurve, OperatingPoint, ThresholdSweep
from audit.plan import Options
from audit.rows import Floats, Ints, Rows
from audit.stats.ladder import sensitivity_at_specificity, specificity_at_sensitivity
from audit.stats.linear import interval

STEPS = 100  # of the grid of thresholds
# A sum of squares below this share of its terms is rounding, not variance.
_CANCELLED = 1e-12


@dataclass(frozen=True, eq=False)
class Falling:
    """The rows of one stratum in falling order of a score that is compared with thresholds."""

    score: Floats
    label: Ints
    cluster: Ints

    def above(self, thresholds: Floats) -> Ints:
        """How many rows score at or above each threshold."""
        return np.searchsorted(-self.score, -thresholds, side="right")


def probability_thresholds(options: Options) -> Floats:
    """Hundredths within the declared decision range, and its two ends."""
    lower, upper = options.decision_range
    grid = np.arange(1, STEPS) / STEPS
    return np.unique(np.concatenate(([lower], grid[(grid > lower) & (grid < upper)], [upper])))


def score_thresholds(rows: Rows) -> Floats:
    """Hundredths for a probability; for another score, its centiles over the whole cohort.

    The centiles are scores that occur, so that a monotone map of the score moves nobody.
    """
    grid = np.arange(STEPS + 1) / STEPS
    if rows.score_kind == "probability" or rows.score.size == 0:
        return grid
    return np.unique(np.quantile(rows.score, grid, method="inverted_cdf"))


def decision_curve(
    stratum: str, falling: Falling, thresholds: Floats, level: float, *, clustered: bool
) -> DecisionCurve:
    """Net benefit TP/n - FP/n t/(1-t) over threshold probabilities (Vickers & Elkin 2006).

    The band is pointwise: Student t with the variance of the linearised mean, summed by patient.
    """
    flagged = falling.above(thresholds)
    odds = thresholds / (1 - thresholds)
    n, positives = falling.label.size, int(falling.label.sum())
    found = _reached(falling.label, flagged)
    benefit = (found - (flagged - found) * odds) / n
    treat_all = (positives - (n - positives) * odds) / n
    variance, clusters = _variance(falling, flagged, odds, benefit, clustered=clustered)
    lower, upper = interval(benefit, variance, clusters, level)
    return DecisionCurve(
        stratum=stratum,
        thresholds=tuple(thresholds.tolist()),
        net_benefit=tuple(benefit.tolist()),
        lower=_numbers(lower),
        upper=_numbers(upper),
        treat_all=tuple(treat_all.tolist()),
        prevalence=positives / n,
        method=f"{'cluster_robust' if clustered else 'linearised'}_identity",
    )


def _reached(values: Ints, flagged: Ints) -> Ints:
    """Sum of values over the rows at or above each threshold."""
    total: Ints = np.concatenate(([0], np.cumsum(values)))[flagged]
    return total


def _variance(
    falling: Falling, flagged: Ints, odds: Floats, benefit: Floats, *, clustered: bool
) -> tuple[Floats, int]:
    """Variance of the net benefit at each threshold, and the number of patients.

    With T, F and N a patient's true positives, false positives and rows, the sum of squares of
    ``T - odds F - benefit N`` over patients, times C/(C-1)/n^2. Sums of products over patients
    grow by whole numbers from row to row, so that one pass serves every threshold.
    """
    y = falling.label
    size, pos, neg, clusters = _within_patients(falling, clustered)
    hit, miss = y, 1 - y
    tt = _reached(hit * (2 * pos + 1), flagged)
    ff = _reached(miss * (2 * neg + 1), flagged)
    tf = _reached(hit * neg + miss * pos, flagged)
    tn, fn = _reached(hit * size, flagged), _reached(miss * size, flagged)
    nn = int(size.sum())  # each patient's rows, counted once for each of them
    gained = tt + odds**2 * ff + benefit**2 * nn + 2 * benefit * odds * fn
    lost = 2 * odds * tf + 2 * benefit * tn
    square = gained - lost
    square = np.where(square <= _CANCELLED * (np.abs(gained) + np.abs(lost)), 0.0, square)
    if clusters < 2:
        return np.full(odds.size, np.nan), clusters
    return square * (clusters / (clusters - 1)) / y.size**2, clusters


def _within_patients(falling: Falling, clustered: bool) -> tuple[Ints, Ints, Ints, int]:
    """Rows of each row's patient; its positives and negatives that score higher; all patients."""
    y = falling.label
    if not clustered:
        nothing = np.zeros_like(y)
        return np.ones_like(y), nothing, nothing, y.size
    order = np.argsort(falling.cluster, kind="stable")
    code = falling.cluster[order]
    starts = np.flatnonzero(np.append(True, code[1:] != code[:-1]))
    rows = np.diff(np.append(starts, code.size))
    own = np.repeat(starts, rows)
    reached = np.cumsum(y[order]) - y[order]
    size, positives, earlier = (np.empty(y.size, np.int64) for _ in range(3))
    size[order] = np.repeat(rows, rows)
    positives[order] = reached - reached[own]
    earlier[order] = np.arange(y.size) - own
    return size, positives, earlier - positives, starts.size


def threshold_sweep(stratum: str, falling: Falling, thresholds: Floats) -> ThresholdSweep:
    """The decision measures at every threshold; a unit is flagged when its score reaches it."""
    flagged = falling.above(thresholds)
    n, positives = falling.label.size, int(falling.label.sum())
    tp = _reached(falling.label, flagged)
    fp = flagged - tp
    tn = (n - positives) - fp
    return ThresholdSweep(
        stratum=stratum,
        thresholds=tuple(thresholds.tolist()),
        sensitivity=_shares(tp, np.full(tp.size, positives)),
        specificity=_shares(tn, np.full(tp.size, n - positives)),
        ppv=_shares(tp, flagged),
        npv=_shares(tn, n - flagged),
        flag_rate=_shares(flagged, np.full(tp.size, n)),
    )


def operating_points(stratum: str, falling: Falling, options: Options) -> list[OperatingPoint]:
    """The stratum's own thresholds at the wanted specificity and at the wanted sensitivity.

    Without a threshold where only flagging nobody reaches it; without rates where a class has no
    rows.
    """
    last = np.append(falling.score[1:] != falling.score[:-1], True)
    ends = np.flatnonzero(last)[::-1]  # ascending scores
    total = ends + 1
    positives = np.cumsum(falling.label)[ends]
    pos = positives - np.append(positives[1:], 0)
    neg = total - np.append(total[1:], 0) - pos
    score = falling.score[ends]
    at_specificity = sensitivity_at_specificity(pos, neg, options.specificity)[1]
    at_sensitivity = specificity_at_sensitivity(pos, neg, options.sensitivity)[1]
    return [
        _point(stratum, "specificity", options.specificity, int(at_specificity), score, pos, neg),
        _point(stratum, "sensitivity", options.sensitivity, int(at_sensitivity), score, pos, neg),
    ]


def _point(
    stratum: str,
    fixed: Literal["specificity", "sensitivity"],
    wanted: float,
    rung: int,
    score: Floats,
    positives: Ints,
    negatives: Ints,
) -> OperatingPoint:
    known = rung >= 0
    found, cleared = positives[rung:].sum(), negatives[:rung].sum()
    return OperatingPoint(
        stratum=stratum,
        fixed=fixed,
        at_least=wanted,
        threshold=float(score[rung]) if 0 <= rung < score.size else None,
        sensitivity=float(found / positives.sum()) if known else None,
        specificity=float(cleared / negatives.sum()) if known else None,
    )


def _shares(part: Ints, whole: Ints) -> tuple[float | None, ...]:
    return tuple(a / b if b else None for a, b in zip(part.tolist(), whole.tolist(), strict=True))


def _numbers(values: Floats) -> tuple[float | None, ...]:
    return tuple(float(v) if np.isfinite(v) else None for v in values)
