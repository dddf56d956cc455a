"""Estimates out of a tally: values, intervals and the error that the bins leave, in one record."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from audit.estimates import Counted, estimate_record, too_little, value_by_chance, without_value
from audit.figures import Figures
from audit.intervals import Intervals, measure_intervals
from audit.measures.declaration import Measure
from audit.plan import Plan
from audit.result import AuditWarning, Estimate
from audit.rows import Rows
from audit.selection import outside_domain
from audit.stats import linear
from audit.stats.proportions import wilson
from audit.tally.figures import TallyFigures

Floats = NDArray[np.float64]

# A discretisation error beyond this share of the half width widens the interval and is warned of.
TELLING = 0.1
NEEDS_ROWS = "a tally gives no value of it: no bound of the error of its bins is known"
COARSE = "the bins are too coarse to bound its error, or the score separates the outcomes"
CLUSTERED = (
    "patients have several rows, and a tally holds no sums over patients that give its interval"
)
_METHODS = ("wilson", "jeffreys", "clopper_pearson", "cluster_robust")


@dataclass(frozen=True, eq=False)
class Told:
    """Estimates of one set of strata at one level, and the warnings that go with them."""

    estimates: list[Estimate]
    warnings: list[AuditWarning]


def tally_estimates(
    found: TallyFigures,
    rows: Rows,
    counted: Counted,
    plan: Plan,
    level: float,
    measures: Sequence[Measure],
) -> Told:
    """Every measure in every stratum of a set, those of pairs of strata excepted.

    `rows` tells the kind of the score and holds no rows.
    """
    told = Told([], [])
    strata = range(len(found.figures.strata.strata))
    for measure in measures:
        if measure.pairwise:
            continue
        outside = outside_domain(measure, rows)
        if outside is not None:
            told.estimates.extend(
                without_value(found.figures, measure, i, counted, outside, level) for i in strata
            )
        elif measure.id not in found.errors:
            told.estimates.extend(
                _refused(found.figures, measure, i, counted, NEEDS_ROWS, level) for i in strata
            )
        else:
            _add_measure(told, found, measure, counted, plan, level)
    return told


def tally_intervals(figures: Figures, measure: Measure, level: float, plan: Plan) -> Intervals:
    """Interval of a measure, before the discretisation error.

    Chosen as for rows where a formula holds; what would be resampled is linearised instead.
    """
    value, variance = figures.values[measure.id], figures.variance.get(measure.id)
    by_patient = measure.inference in ("proportion", "ratio", "null")
    if figures.clustered and not by_patient and (variance is None or np.isnan(variance).all()):
        nothing = np.full(value.size, np.nan)
        return Intervals(nothing, nothing, ("none",) * value.size)
    if measure.inference not in ("bootstrap", "basic"):
        wanted = plan.intervals.get(measure.id)
        return measure_intervals(figures, measure, level, wanted if wanted in _METHODS else None)
    if variance is None:
        raise TypeError(f"{measure.id} has no variance")
    clusters = np.where(np.isnan(variance), 0, figures.clusters)
    lower, upper = linear.interval(value, variance, clusters, level, measure.scale)
    resampled = measure.compute is None or measure.id == "average_precision"
    kind = "bootstrap_se" if resampled and measure.id != "xauc" else "linearised"
    kind = "cluster_robust" if figures.clustered else kind
    names = np.full(value.size, f"{kind}_{measure.scale}", dtype=object)
    still = np.isnan(lower) & ~np.isnan(variance)
    if measure.bounds == (0.0, 1.0) and still.any():
        units = np.minimum(figures.clusters_positive, figures.clusters_negative)
        rough = wilson(np.clip(np.nan_to_num(value), 0.0, 1.0) * units, units, level)
        lower, upper = np.where(still, rough[0], lower), np.where(still, rough[1], upper)
        names[still] = "wilson_positives" if measure.needs_score else "wilson_patients"
    return Intervals(lower, upper, tuple(str(name) for name in names))


def widened(
    intervals: Intervals, errors: Floats, measure: Measure
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Bounds, moved out by the discretisation error where it is telling; and where it is."""
    half = (intervals.upper - intervals.lower) / 2
    telling = (errors > TELLING * half) & np.isfinite(errors)
    out = np.where(telling, errors, 0.0)
    lowest, highest = measure.bounds
    return (
        np.maximum(intervals.lower - out, lowest),
        np.minimum(intervals.upper + out, highest),
        telling,
    )


def with_error(method: str, error: float, bins: str) -> str:
    """Say in a method how far the bins may have moved the value: at most this."""
    if error == 0:
        return f"{method}+{bins}(exact)"
    return f"{method}+{bins}({f'error<={rounded_up(error)}' if isfinite(error) else 'no bound'})"


def rounded_up(error: float) -> str:
    """Two significant digits, never below the number itself."""
    text = f"{error:.1e}"
    if float(text) >= error:
        return text
    below = Decimal(text)
    return f"{float(below + Decimal((0, (1,), below.adjusted() - 1))):.1e}"


def _add_measure(
    told: Told, found: TallyFigures, measure: Measure, counted: Counted, plan: Plan, level: float
) -> None:
    figures, errors = found.figures, found.errors[measure.id]
    intervals = tally_intervals(figures, measure, level, plan)
    lower, upper, telling = widened(intervals, errors, measure)
    for i in range(len(figures.strata.strata)):
        value = float(figures.values[measure.id][i])
        both = figures.clusters_positive[i] > 0 and figures.clusters_negative[i] > 0
        if measure.inference == "fit" and both and not np.isfinite(value + errors[i]):
            told.estimates.append(_refused(figures, measure, i, counted, COARSE, level))
            continue
        if not np.isfinite(value):
            reason = measure.undefined_when
            told.estimates.append(without_value(figures, measure, i, counted, reason, level))
            continue
        interval = (float(lower[i]), float(upper[i]))
        method = with_error(intervals.method[i] or "none", float(errors[i]), found.bins)
        estimate = _estimate(figures, measure, i, plan, level, value, interval, method)
        told.estimates.append(estimate)
        if telling[i] and estimate.status == "ok":
            told.warnings.append(_warning(measure, estimate, float(errors[i])))


def _estimate(
    figures: Figures,
    measure: Measure,
    i: int,
    plan: Plan,
    level: float,
    value: float,
    interval: tuple[float, float],
    method: str,
) -> Estimate:
    null = measure.inference == "null"
    reason = too_little(figures, measure, i, plan.minimum)
    if reason is None and null and figures.null[measure.id][i] is None and figures.clustered:
        reason = CLUSTERED
    if reason is None and not null and not np.isfinite(interval[0] + interval[1]):
        lacking = figures.clustered and method.startswith("none")
        reason = CLUSTERED if lacking else "no interval can be formed from these data"
    bounded = reason is None and not null
    return estimate_record(
        figures,
        measure,
        i,
        level,
        value=value,
        lower=interval[0] if bounded else None,
        upper=interval[1] if bounded else None,
        method=method,
        undefined_fraction=None,
        status="ok" if reason is None else "insufficient",
        reason=reason,
        null=figures.null[measure.id][i] if null else None,
        baseline=value_by_chance(figures, measure, i),
    )


def _refused(
    figures: Figures, measure: Measure, i: int, counted: Counted, reason: str, level: float
) -> Estimate:
    """No value, because the tally cannot give one: there may well be one in the rows."""
    if int(figures.n[i]) == 0:
        return without_value(figures, measure, i, counted, reason, level)
    nothing = dict.fromkeys(("value", "lower", "upper", "undefined_fraction", "null"))
    events = int(figures.sums["positives"][i])
    rest = {"events": events, "method": "none", "status": "insufficient", "reason": reason}
    return estimate_record(figures, measure, i, level, **nothing, **rest)


def _warning(measure: Measure, estimate: Estimate, error: float) -> AuditWarning:
    message = (
        f"{measure.name} in {estimate.stratum} may be {rounded_up(error)} from that of the rows "
        "because the tally counts scores in bins: its interval was widened by that."
    )
    return AuditWarning(code="tally_discretisation", message=message, stratum=estimate.stratum)
