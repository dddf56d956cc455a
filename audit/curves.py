"""What the figures of a report are drawn from: summaries per stratum, never rows."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from audit.result import CalibrationBin, CalibrationCurve, Curves, DecisionCurve, RiskDistribution
from audit.rows import Floats, Ints, Rows
from audit.stats.linear import cluster_variance, interval, ratio_influence
from audit.stats.proportions import wilson
from audit.strata import StrataSet

MOST_BINS = 10
UNITS_PER_BIN = 25
THRESHOLDS = np.arange(1, 100) / 100
RISK_EDGES = np.linspace(0, 1, 21)


def curves_of(rows: Rows, sets: Iterable[StrataSet], level: float) -> Curves:
    """Curves of the overall set and of every single attribute.

    Empty when the score is not a probability: none of the three curves has a meaning then.
    """
    calibration: list[CalibrationCurve] = []
    decision: list[DecisionCurve] = []
    risk: list[RiskDistribution] = []
    if rows.is_probability:
        for strata in sets:
            codes = strata.codes[rows.position]
            for i, stratum in enumerate(strata.strata):
                mine = np.flatnonzero(codes == i)  # in falling order of the score
                if mine.size == 0:
                    continue
                risk.append(_risk(rows, mine, stratum))
                decision.append(_decision(rows, mine, stratum))
                if mine.size >= UNITS_PER_BIN:
                    calibration.append(_calibration(rows, mine, stratum, level))
    return Curves(calibration=tuple(calibration), decision=tuple(decision), risk=tuple(risk))


def _risk(rows: Rows, mine: Ints, stratum: str) -> RiskDistribution:
    p, label = rows.probability[mine], rows.label[mine] == 1
    return RiskDistribution(
        stratum=stratum,
        edges=tuple(float(e) for e in RISK_EDGES),
        positives=tuple(int(c) for c in np.histogram(p[label], RISK_EDGES)[0]),
        negatives=tuple(int(c) for c in np.histogram(p[~label], RISK_EDGES)[0]),
    )


def _decision(rows: Rows, mine: Ints, stratum: str) -> DecisionCurve:
    """Net benefit TP/n - FP/n t/(1-t) over threshold probabilities (Vickers & Elkin 2006)."""
    p, label = rows.probability[mine], rows.label[mine]
    flagged = np.searchsorted(-p, -THRESHOLDS, side="right")  # p >= t
    found = np.concatenate(([0], np.cumsum(label)))[flagged]
    odds = THRESHOLDS / (1 - THRESHOLDS)
    n, positives = mine.size, int(label.sum())
    benefit = (found - (flagged - found) * odds) / n
    treat_all = (positives - (n - positives) * odds) / n
    return DecisionCurve(
        stratum=stratum,
        thresholds=tuple(float(t) for t in THRESHOLDS),
        net_benefit=tuple(float(b) for b in benefit),
        treat_all=tuple(float(b) for b in treat_all),
    )


def _calibration(rows: Rows, mine: Ints, stratum: str, level: float) -> CalibrationCurve:
    """Observed share of positives in equal-mass bins; tied scores stay in one bin."""
    rising = mine[::-1]
    p, label = rows.probability[rising], rows.label[rising].astype(np.float64)
    bins = int(np.clip(p.size // UNITS_PER_BIN, 1, MOST_BINS))
    first_of_tie = np.searchsorted(p, p, side="left")
    _, code = np.unique(first_of_tie * bins // p.size, return_inverse=True)
    count = int(code.max()) + 1
    n = np.bincount(code, minlength=count)
    events = np.bincount(code, weights=label, minlength=count)
    mean = np.bincount(code, weights=p, minlength=count) / n
    lower, upper = _bounds(rows, rising, code, label, level, count)
    return CalibrationCurve(
        stratum=stratum,
        method=f"equal_mass_{'cluster_robust' if rows.clustered else 'wilson'}",
        bins=tuple(
            CalibrationBin(
                n=int(n[b]),
                predicted=float(mean[b]),
                observed=float(events[b] / n[b]),
                lower=float(lower[b]),
                upper=float(upper[b]),
            )
            for b in range(count)
        ),
    )


def _bounds(
    rows: Rows, taken: Ints, code: NDArray[np.intp], label: Floats, level: float, count: int
) -> tuple[Floats, Floats]:
    if not rows.clustered:
        n = np.bincount(code, minlength=count)
        return wilson(np.bincount(code, weights=label, minlength=count), n, level)
    one = np.ones_like(label)
    influence = ratio_influence(label, one, code, count)
    variance, clusters = cluster_variance(
        influence, code, rows.cluster[taken], count, one.astype(np.bool_)
    )
    value = np.bincount(code, weights=label, minlength=count) / np.bincount(code, minlength=count)
    lower, upper = interval(value, variance, clusters, level, "logit")
    rough = wilson(value * clusters, clusters, level)
    return np.where(np.isnan(lower), rough[0], lower), np.where(np.isnan(upper), rough[1], upper)
