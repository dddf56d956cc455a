"""Which interval a measure gets, and the interval.

The choice is automatic and written into every estimate's `method`: analytic where a formula holds,
resampled where none does, and never a single point where the data happen to show no variation.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.figures import ROUNDING, Figures
from audit.measures import measures_of_task
from audit.measures.cases import OF_CASES
from audit.measures.declaration import Measure
from audit.plan import Plan
from audit.problems import InputError, Problem, nearest
from audit.rows import Ints
from audit.stats import linear
from audit.stats.auc import auc_interval
from audit.stats.bootstrap import acceleration, basic, bca, percentile
from audit.stats.proportions import clopper_pearson, jeffreys, wilson

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Intervals:
    """Bounds of one measure in every stratum of a set; NaN where there is no interval."""

    lower: Floats
    upper: Floats
    method: tuple[str, ...]


def measure_intervals(
    figures: Figures, measure: Measure, level: float, method: str | None = None
) -> Intervals:
    """Give the interval of a measure in every stratum of a set.

    `method` is the plan's choice where it is not the automatic one.
    """
    if measure.inference == "null":
        nothing = np.full(len(figures.strata.strata), np.nan)
        return Intervals(
            nothing, nothing, (_null_method(measure, figures.clustered),) * nothing.size
        )
    if method in ("bootstrap", "bca", "basic"):
        return _bootstrap(figures, measure, level, method)
    if measure.inference == "proportion":
        if method in _SCORES:
            return _score(figures, measure, level, method)
        return _proportion(figures, measure, level, method == "cluster_robust")
    if measure.inference == "auc":
        return _auc(figures, measure, level)
    if measure.inference in ("bootstrap", "basic"):
        return _bootstrap(figures, measure, level, None)
    return _linearised(figures, measure, level)


def _null_method(measure: Measure, clustered: bool) -> str:
    if measure.id == "spiegelhalter_z":
        return "standard_normal_patients" if clustered else "standard_normal"
    return "null_reference_patients" if clustered else "null_reference"


def check_methods(plan: Plan, clustered: bool, source: str) -> None:
    """Refuse interval methods that do not exist for a measure or for clustered rows."""
    problems = []
    declared = measures_of_task(plan.task)
    for id, method in plan.intervals.items():
        where = f"{source}: intervals '{id}'"
        measure = declared.get(id)
        if measure is None:
            reason, remedy = f"unknown measure '{id}'", nearest(id, list(declared))
            problems.append(Problem("unknown_measure", where, reason, remedy))
            continue
        possible = methods_for(measure)
        if method not in possible:
            reason = f"{method} is no interval of {id}"
            remedy = f"choose {', '.join(possible)}" if possible else "leave it out"
            problems.append(Problem("unknown_method", where, reason, remedy))
        elif method == "delong" and clustered:
            reason = "patients have several rows, which DeLong would take as independent"
            problems.append(Problem("not_independent", where, reason, "use obuchowski"))
    for id in plan.measures:
        if id not in declared:
            reason, remedy = f"unknown measure '{id}'", nearest(id, list(declared))
            problems.append(Problem("unknown_measure", f"{source}: measures", reason, remedy))
    if problems:
        raise InputError(problems)


def methods_for(measure: Measure) -> tuple[str, ...]:
    """Interval methods that a plan may choose for a measure."""
    resampled = ("bootstrap", "bca", "basic")
    return {
        "proportion": (*_SCORES, "cluster_robust", *resampled),
        "auc": ("delong", "obuchowski", *resampled),
        "null": (),
        "bootstrap": resampled,
        "basic": resampled,
    }.get(measure.inference, ("cluster_robust", *resampled))


def events_and_denominator(figures: Figures, measure: Measure) -> tuple[Floats, Floats]:
    """Numerator and denominator counts of a proportion."""
    if measure.numerator is None or measure.denominator is None:
        raise TypeError(f"{measure.id} is not a ratio of sums")
    return measure.numerator(figures.sums), measure.denominator(figures.sums)


def _score(figures: Figures, measure: Measure, level: float, method: str) -> Intervals:
    """Interval of a binomial proportion; under clustering, of the effective number of units.

    With ``n* = p (1 - p) / variance`` in place of the rows, at most the rows (Korn & Graubard
    1998).
    """
    events, denominator = events_and_denominator(figures, measure)
    if figures.clustered:
        p, variance = figures.values[measure.id], figures.variance[measure.id]
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.where(variance > 0, p * (1 - p) / variance, figures.informants[measure.id])
        size = np.nan_to_num(np.minimum(size, denominator))
        events, denominator = np.nan_to_num(p) * size, size
    lower, upper = _SCORES[method](events, denominator, level)
    name = f"{method}_effective" if figures.clustered else method
    return Intervals(lower, upper, (name,) * lower.size)


_SCORES = {"wilson": wilson, "jeffreys": jeffreys, "clopper_pearson": clopper_pearson}


def _proportion(figures: Figures, measure: Measure, level: float, robust: bool) -> Intervals:
    events, denominator = events_and_denominator(figures, measure)
    if not figures.clustered and not robust:
        lower, upper = wilson(events, denominator, level)
        return Intervals(lower, upper, ("wilson",) * lower.size)
    value = figures.values[measure.id]
    clusters = figures.informants[measure.id]
    lower, upper = linear.interval(
        value, figures.variance[measure.id], clusters, level, measure.scale
    )
    # No variation among patients is not certainty: as many independent units as patients.
    rough = wilson(np.nan_to_num(value) * clusters, clusters, level)
    degenerate = np.isnan(lower)
    method = np.where(degenerate, "wilson_patients", "cluster_robust_logit")
    return Intervals(
        np.where(degenerate, rough[0], lower), np.where(degenerate, rough[1], upper), tuple(method)
    )


def _auc(figures: Figures, measure: Measure, level: float) -> Intervals:
    lower, upper, method = auc_interval(
        figures.values[measure.id],
        figures.variance[measure.id],
        figures.clusters_positive,
        figures.clusters_negative,
        level,
        clustered=figures.clustered,
    )
    return Intervals(lower, upper, tuple(str(m) for m in method))


def _linearised(figures: Figures, measure: Measure, level: float) -> Intervals:
    # Degrees of freedom come from all the patients, whichever class is rarer; for measures of
    # cases from those who have such a case.
    everyone = figures.informants[measure.id] if measure.family in OF_CASES else figures.clusters
    clusters = np.where(np.isnan(figures.variance[measure.id]), 0, everyone)
    value = figures.values[measure.id]
    lower, upper = linear.interval(
        value, figures.variance[measure.id], clusters, level, measure.scale
    )
    # Where all units are alike the variance is 0, or what rounding leaves of it.
    with np.errstate(invalid="ignore"):
        still = ~(upper - lower > ROUNDING * np.abs(value))
    kind = "cluster_robust" if figures.clustered else "linearised"
    names = np.full(value.size, f"{kind}_{measure.scale}", dtype=object)
    rough = np.full(value.size, np.nan), np.full(value.size, np.nan)
    if measure.bounds == (0.0, 1.0) and measure.family in (*OF_CASES, "survival"):
        # A mean of values in [0, 1] varies at most as a proportion of as many units does.
        units = figures.clusters_positive if measure.needs_score else everyone
        rough = wilson(np.nan_to_num(value) * units, units, level)
        names[still] = "wilson_positives" if measure.needs_score else "wilson_patients"
    return Intervals(
        np.where(still, rough[0], lower),
        np.where(still, rough[1], upper),
        tuple(str(name) for name in names),
    )


def _bootstrap(figures: Figures, measure: Measure, level: float, method: str | None) -> Intervals:
    """Percentile, BCa or basic interval; by default BCa in strata of fewer than 1,000 rows."""
    value, replicates = figures.values[measure.id], figures.replicates[measure.id]
    lower, upper = percentile(replicates, level)
    names = np.full(value.size, f"percentile_bootstrap_{figures.scheme}", dtype=object)
    if method == "basic" or (method is None and measure.inference == "basic"):
        lower, upper = basic(value, replicates, level, measure.bounds)
        names[:] = f"basic_bootstrap_{figures.scheme}"
    elif method != "bootstrap" and measure.id in figures.jackknife:
        jackknife = figures.jackknife[measure.id]
        own = acceleration(jackknife.second, jackknife.third)
        corrected = bca(value, replicates, own, level)
        usable = np.isfinite(own) & np.isfinite(corrected[0]) & np.isfinite(corrected[1])
        lower = np.where(usable, corrected[0], lower)
        upper = np.where(usable, corrected[1], upper)
        names[usable] = f"bca_bootstrap_{figures.scheme}"
    still = ~(upper - lower > ROUNDING * np.maximum(1.0, np.abs(value)))
    if measure.bounds == (0.0, 1.0) and still.any():
        # No resample differs: as many independent units as there are patients that could.
        units = _informing(figures, measure)
        rough = wilson(np.nan_to_num(value) * units, units, level)
        lower, upper = np.where(still, rough[0], lower), np.where(still, rough[1], upper)
        names[still] = "wilson_positives" if measure.needs_score else "wilson_patients"
    elif still.any():
        lower, upper = np.where(still, np.nan, lower), np.where(still, np.nan, upper)
    return Intervals(lower, upper, tuple(str(name) for name in names))


def _informing(figures: Figures, measure: Measure) -> Ints:
    """Patients that could have made a measure vary: those of the rarer class, or the positives."""
    if measure.id == "average_precision":
        return figures.clusters_positive
    return np.minimum(figures.clusters_positive, figures.clusters_negative)


def undefined_fraction(replicates: Floats) -> Floats:
    """Share of resamples in which the measure was undefined."""
    fraction: Floats = np.isnan(replicates).mean(axis=-1)
    return fraction
