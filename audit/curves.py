"""What the figures of a report are drawn from: summaries per stratum, never rows."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.curve_sections import (
    CalibrationBin,
    CalibrationCurve,
    Curves,
    DecisionCurve,
    OperatingPoint,
    RiskDistribution,
    SmoothCurve,
    ThresholdSweep,
)
from audit.decision_curves import (
    Falling,
    decision_curve,
    operating_points,
    probability_thresholds,
    score_thresholds,
    threshold_sweep,
)
from audit.plan import Plan
from audit.rows import Floats, Grouped, Ints, Rows, grouped
from audit.smooth_curves import smooth_curve
from audit.stats.linear import cluster_variance, interval, ratio_influence
from audit.stats.proportions import wilson
from audit.strata import StrataSet
from audit.sweep import Resampling, workers

MOST_BINS = 10
UNITS_PER_BIN = 25
RISK_EDGES = np.linspace(0, 1, 21)


def curves_of(rows: Rows, sets: Iterable[StrataSet], plan: Plan, scheme: Resampling) -> Curves:
    """Curves of the overall set and of every single attribute and site.

    Calibration, decision and risk curves have no meaning for a score that is not a probability,
    and none at all has for a yes/no prediction.
    """
    chosen = [] if rows.score_kind == "decision" else [s for s in sets if len(s.attributes) < 2]
    probabilities, cuts = probability_thresholds(plan.options), score_thresholds(rows)

    def one(place: tuple[Grouped, int, str]) -> _Stratum | None:
        data, i, stratum = place
        mine = data.take[data.rows.start[i] : data.rows.start[i + 1]]
        if mine.size == 0:
            return None
        by_score = _falling(rows, rows.score, mine)
        sweep = threshold_sweep(stratum, by_score, cuts)
        points = operating_points(stratum, by_score, plan.options)
        if not rows.is_probability:
            return _Stratum(sweep, tuple(points))
        by_risk = _falling(rows, rows.probability, mine)
        decision = decision_curve(
            stratum, by_risk, probabilities, plan.level, clustered=rows.clustered
        )
        calibration = None
        if mine.size >= UNITS_PER_BIN:
            smooth = _smooth(rows, data, i, plan.level, scheme)
            calibration = _calibration(rows, mine, stratum, plan.level, smooth)
        return _Stratum(sweep, tuple(points), _risk(rows, mine, stratum), decision, calibration)

    found: list[_Stratum] = []
    for strata in chosen:
        data = grouped(rows, strata.codes, len(strata.strata), ())
        places = [(data, i, stratum) for i, stratum in enumerate(strata.strata)]
        with ThreadPoolExecutor(workers()) as pool:
            found.extend(s for s in pool.map(one, places) if s is not None)
    return Curves(
        calibration=tuple(s.calibration for s in found if s.calibration is not None),
        decision=tuple(s.decision for s in found if s.decision is not None),
        risk=tuple(s.risk for s in found if s.risk is not None),
        sweep=tuple(s.sweep for s in found),
        operating_points=tuple(point for s in found for point in s.points),
    )


@dataclass(frozen=True)
class _Stratum:
    """The curves of one stratum; those of probabilities only where the score is one."""

    sweep: ThresholdSweep
    points: tuple[OperatingPoint, ...]
    risk: RiskDistribution | None = None
    decision: DecisionCurve | None = None
    calibration: CalibrationCurve | None = None


def _falling(rows: Rows, score: Floats, mine: Ints) -> Falling:
    return Falling(score[mine], rows.label[mine].astype(np.int64), rows.cluster[mine])


def _smooth(
    rows: Rows, data: Grouped, stratum: int, level: float, scheme: Resampling
) -> SmoothCurve | None:
    return smooth_curve(rows, data.rows.only(slice(stratum, stratum + 1)), level, scheme)


def _risk(rows: Rows, mine: Ints, stratum: str) -> RiskDistribution:
    p, label = rows.probability[mine], rows.label[mine] == 1
    return RiskDistribution(
        stratum=stratum,
        edges=tuple(float(e) for e in RISK_EDGES),
        positives=tuple(int(c) for c in np.histogram(p[label], RISK_EDGES)[0]),
        negatives=tuple(int(c) for c in np.histogram(p[~label], RISK_EDGES)[0]),
    )


def _calibration(
    rows: Rows, mine: Ints, stratum: str, level: float, smooth: SmoothCurve | None
) -> CalibrationCurve:
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
        smooth=smooth,
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
