"""Which interval a measure gets, and the interval.

The choice is automatic and written into every estimate's `method`: analytic where a formula holds,
resampled where none does, and never a single point where the data happen to show no variation.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.figures import Figures
from audit.measures.declaration import Measure
from audit.stats import linear
from audit.stats.auc import auc_interval
from audit.stats.proportions import wilson

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Intervals:
    """Bounds of one measure in every stratum of a set; NaN where there is no interval."""

    lower: Floats
    upper: Floats
    method: tuple[str, ...]


def measure_intervals(figures: Figures, measure: Measure, level: float) -> Intervals:
    """Give the interval of a measure in every stratum of a set."""
    if measure.inference == "proportion":
        return _proportion(figures, measure, level)
    if measure.inference == "auc":
        return _auc(figures, measure, level)
    if measure.inference == "bootstrap":
        return _bootstrap(figures, measure, level)
    if measure.inference == "null":
        nothing = np.full(len(figures.strata.strata), np.nan)
        return Intervals(nothing, nothing, ("null_reference",) * nothing.size)
    return _linearised(figures, measure, level)


def events_and_denominator(figures: Figures, measure: Measure) -> tuple[Floats, Floats]:
    """Numerator and denominator counts of a proportion."""
    if measure.numerator is None or measure.denominator is None:
        raise TypeError(f"{measure.id} is not a ratio of sums")
    return measure.numerator(figures.sums), measure.denominator(figures.sums)


def _proportion(figures: Figures, measure: Measure, level: float) -> Intervals:
    events, denominator = events_and_denominator(figures, measure)
    if not figures.clustered:
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
    clusters = np.where(
        np.isnan(figures.variance[measure.id]), 0, figures.clusters
    )  # degrees of freedom come from all the patients, whichever class is rarer
    lower, upper = linear.interval(
        figures.values[measure.id], figures.variance[measure.id], clusters, level, measure.scale
    )
    kind = "cluster_robust" if figures.clustered else "linearised"
    return Intervals(lower, upper, (f"{kind}_{measure.scale}",) * lower.size)


def _bootstrap(figures: Figures, measure: Measure, level: float) -> Intervals:
    replicates = figures.replicates[measure.id]
    lower, upper = percentile_interval(replicates, level)
    spread = upper > lower
    # All positives ranked first in every resample: as many independent units as positive patients.
    value, units = figures.values[measure.id], figures.clusters_positive
    rough = wilson(np.nan_to_num(value) * units, units, level)
    name = f"percentile_bootstrap_{figures.scheme}"
    method = np.where(spread, name, "wilson_positives")
    return Intervals(
        np.where(spread, lower, rough[0]), np.where(spread, upper, rough[1]), tuple(method)
    )


def percentile_interval(replicates: Floats, level: float) -> tuple[Floats, Floats]:
    """Equal-tailed percentiles of the finite replicates along the last axis (Hyndman-Fan 7)."""
    ordered = np.sort(replicates, axis=-1)  # NaN sort last
    finite = (~np.isnan(ordered)).sum(axis=-1)
    tail = (1 - level) / 2
    return _quantile(ordered, finite, tail), _quantile(ordered, finite, 1 - tail)


def _quantile(ordered: Floats, finite: NDArray[np.int64], q: float) -> Floats:
    place = q * np.maximum(finite - 1, 0)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(finite - 1, 0))
    low = np.take_along_axis(ordered, below[..., None], axis=-1)[..., 0]
    high = np.take_along_axis(ordered, above[..., None], axis=-1)[..., 0]
    # low + 0 * (high - low) would spoil a finite low beside an infinite high.
    with np.errstate(invalid="ignore"):
        value: Floats = np.where(place == below, low, low + (place - below) * (high - low))
    return value


def undefined_fraction(replicates: Floats) -> Floats:
    """Share of resamples in which the measure was undefined."""
    fraction: Floats = np.isnan(replicates).mean(axis=-1)
    return fraction
