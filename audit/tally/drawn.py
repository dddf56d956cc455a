"""What figures are drawn from, out of a tally: curves whose edges are edges of bins."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.curve_sections import (
    CalibrationBin,
    CalibrationCurve,
    Curves,
    DecisionCurve,
    RiskDistribution,
    ThresholdSweep,
)
from audit.curves import MOST_BINS, RISK_EDGES, UNITS_PER_BIN
from audit.decision_curves import STEPS, probability_thresholds
from audit.plan import Plan
from audit.stats._arrays import group_sum
from audit.stats.linear import interval
from audit.stats.proportions import wilson
from audit.strata import StrataSet
from audit.tally.sets import TalliedSet

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Bins:
    """The bins of one stratum: lower ends, counts by outcome and summed probabilities."""

    stratum: str
    lower: Floats
    positives: Floats
    negatives: Floats
    p: Floats

    @property
    def total(self) -> Floats:
        """Rows in each bin."""
        return self.positives + self.negatives

    def reached(self, counts: Floats, thresholds: Floats) -> Floats:
        """Counts at or above each threshold, which is the lower end of a bin."""
        above = np.append(np.cumsum(counts[::-1])[::-1], 0.0)
        found: Floats = above[np.searchsorted(self.lower, thresholds)]
        return found


def tally_curves(sets: Iterable[tuple[StrataSet, TalliedSet]], plan: Plan) -> Curves:
    """Curves of the strata of at most one attribute, for scores that are probabilities.

    All but the calibration curves are exact, their edges being edges of bins. The groups of a
    calibration curve are of nearly equal mass. Where patients have several rows a tally does not
    hold what the intervals would need: decision curves then have no band, and calibration curves
    are left out.
    """
    calibration: list[CalibrationCurve] = []
    decision: list[DecisionCurve] = []
    risk: list[RiskDistribution] = []
    sweep: list[ThresholdSweep] = []
    thresholds = probability_thresholds(plan.options)
    for strata, data in sets:
        clustered = data.tally.clustered
        for i, stratum in enumerate(strata.strata):
            bins = _bins(data, i, stratum)
            n = bins.total.sum()
            if not n:
                continue
            risk.append(_risk(bins))
            decision.append(_decision(bins, thresholds, plan.level, clustered=clustered))
            if data.tally.kind == "probability":
                sweep.append(_sweep(bins))
            if not clustered and n >= UNITS_PER_BIN:
                calibration.append(_calibration(bins, plan.level, data.tally.bins.name))
    return Curves(
        calibration=tuple(calibration),
        decision=tuple(decision),
        risk=tuple(risk),
        sweep=tuple(sweep),
    )


def _bins(data: TalliedSet, stratum: int, name: str) -> _Bins:
    mine = data.group == stratum
    size = data.tally.bins.count
    negatives, positives = (
        group_sum(data.count[mine] * (data.label[mine] == label), data.bin[mine], size)
        for label in (0, 1)
    )
    lower = np.concatenate(([0.0], data.tally.bins.edges))
    return _Bins(
        name, lower, positives, negatives, group_sum(data.sums[mine, 0], data.bin[mine], size)
    )


def _risk(bins: _Bins) -> RiskDistribution:
    place = np.searchsorted(RISK_EDGES[1:-1], bins.lower, side="right")
    size = RISK_EDGES.size - 1
    return RiskDistribution(
        stratum=bins.stratum,
        edges=tuple(float(e) for e in RISK_EDGES),
        positives=tuple(int(c) for c in np.bincount(place, bins.positives, size)),
        negatives=tuple(int(c) for c in np.bincount(place, bins.negatives, size)),
    )


def _decision(bins: _Bins, thresholds: Floats, level: float, *, clustered: bool) -> DecisionCurve:
    """Net benefit; its band takes rows as independent.

    With n B the sum of ``y - odds (1 - y)`` over the flagged, the variance of B is
    ``(TP (1 - B)^2 + FP (odds + B)^2 + (n - TP - FP) B^2) / (n (n - 1))``.
    """
    tp, fp = bins.reached(bins.positives, thresholds), bins.reached(bins.negatives, thresholds)
    n, m = float(bins.total.sum()), float(bins.positives.sum())
    odds = thresholds / (1 - thresholds)
    benefit = (tp - fp * odds) / n
    squares = tp * (1 - benefit) ** 2 + fp * (odds + benefit) ** 2 + (n - tp - fp) * benefit**2
    variance = squares / (n * (n - 1)) if n > 1 and not clustered else np.full(tp.size, np.nan)
    lower, upper = interval(benefit, variance, n, level)
    return DecisionCurve(
        stratum=bins.stratum,
        thresholds=tuple(thresholds.tolist()),
        net_benefit=tuple(benefit.tolist()),
        lower=_numbers(lower),
        upper=_numbers(upper),
        treat_all=tuple(((m - (n - m) * odds) / n).tolist()),
        prevalence=m / n,
        method="none" if clustered else "linearised_identity",
    )


def _numbers(values: Floats) -> tuple[float | None, ...]:
    return tuple(float(v) if np.isfinite(v) else None for v in values)


def _sweep(bins: _Bins) -> ThresholdSweep:
    thresholds = np.arange(STEPS + 1) / STEPS
    tp, fp = bins.reached(bins.positives, thresholds), bins.reached(bins.negatives, thresholds)
    m, n = bins.positives.sum(), bins.negatives.sum()
    return ThresholdSweep(
        stratum=bins.stratum,
        thresholds=tuple(thresholds.tolist()),
        sensitivity=_shares(tp, m),
        specificity=_shares(n - fp, n),
        ppv=_shares(tp, tp + fp),
        npv=_shares(n - fp, m + n - tp - fp),
        flag_rate=_shares(tp + fp, m + n),
    )


def _shares(part: Floats, whole: Floats | np.float64) -> tuple[float | None, ...]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return _numbers(part / whole)


def _calibration(bins: _Bins, level: float, name: str) -> CalibrationCurve:
    held = bins.total > 0
    total = bins.total[held]
    groups = int(np.clip(total.sum() // UNITS_PER_BIN, 1, MOST_BINS))
    below = np.cumsum(total) - total
    _, code = np.unique(np.floor(below * groups / total.sum()), return_inverse=True)
    n, events = np.bincount(code, total), np.bincount(code, bins.positives[held])
    predicted = np.bincount(code, bins.p[held]) / n
    lower, upper = wilson(events, n, level)
    return CalibrationCurve(
        stratum=bins.stratum,
        method=f"equal_mass_wilson+{name}",
        bins=tuple(
            CalibrationBin(
                n=int(n[b]),
                predicted=float(predicted[b]),
                observed=float(events[b] / n[b]),
                lower=float(lower[b]),
                upper=float(upper[b]),
            )
            for b in range(n.size)
        ),
    )
