"""Empirical-Bayes values of intersections: each drawn towards what its attributes suggest.

They stand beside the estimates, for strata too small to be read alone, and decide nothing.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audit.estimates import by_measure
from audit.figures import Figures
from audit.heterogeneity import limits
from audit.measures.declaration import Measure
from audit.result import Estimate
from audit.scales import back, on_scale, units_behind, usable
from audit.sections import Shrunk
from audit.stats.shrinkage import Shrunken, main_effects, shrink

Floats = NDArray[np.float64]
# As many strata must have an estimate of their own before anything is borrowed from them.
FEWEST = 3
# The regression takes time with the strata and the square of the levels; beyond, the common mean.
MOST_REGRESSED = 64


def with_shrunk(estimates: Sequence[Estimate], figures: Figures, level: float) -> list[Estimate]:
    """Put the shrunken value beside every estimate of a set that crosses attributes.

    Measures of the appendix, and those without a variance, have none. Strata are drawn towards the
    sum of what their levels do alone, on the scale on which sites are pooled, or towards the common
    mean where there are too few strata for that (or more than 64). A stratum below the minimum
    for inference gets a value too; its variance is then at least what its size suggests.
    """
    if len(figures.strata.attributes) < 2:
        return list(estimates)
    own = by_measure(estimates)
    found: dict[str, Shrunk] = {}
    for measure in figures.measures:
        if measure.id in figures.variance and measure.id in own and not measure.appendix:
            found |= _of_measure(figures, measure, own[measure.id], level)
    return [e.model_copy(update={"shrunk": found[e.id]}) if e.id in found else e for e in estimates]


def _of_measure(
    figures: Figures, measure: Measure, estimates: Sequence[Estimate], level: float
) -> dict[str, Shrunk]:
    effect, spread = _entering(figures, measure, estimates)
    if int(np.isfinite(spread).sum()) < FEWEST:
        return {}
    fit = _shrunken(figures, effect, spread, level)
    bounds = limits(measure)
    out = {}
    for i, estimate in enumerate(estimates):
        value, lower, upper = (
            back(float(x[i]), measure.scale, bounds) for x in (fit.value, fit.lower, fit.upper)
        )
        if value is not None and lower is not None and upper is not None:
            weight = float(fit.own_weight[i])
            out[estimate.id] = Shrunk(value=value, lower=lower, upper=upper, weight=weight)
    return out


def _entering(
    figures: Figures, measure: Measure, estimates: Sequence[Estimate]
) -> tuple[Floats, Floats]:
    """Effects and variances on the measure's scale, NaN for strata that do not enter.

    The variance that a few units show may be far too small; where they are below the minimum it is
    no less than the variance per unit of the other strata (their median) over the units.
    """
    effect, spread = on_scale(figures, measure)
    enough = usable(effect, spread) & np.array([e.status == "ok" for e in estimates], np.bool_)
    nothing = np.full(effect.size, np.nan)
    if int(enough.sum()) < FEWEST:
        return nothing, nothing
    units = units_behind(figures, measure)
    typical = float(np.median(spread[enough] * units[enough]))
    few = np.array([e.status == "insufficient" for e in estimates], np.bool_)
    few &= np.isfinite(effect) & (units > 0)
    least = typical / np.maximum(units, 1)
    spread = np.where(few, np.fmax(np.where(np.isfinite(spread), spread, np.nan), least), spread)
    entering = enough | few
    return np.where(entering, effect, np.nan), np.where(entering, spread, np.nan)


def _shrunken(figures: Figures, effect: Floats, spread: Floats, level: float) -> Shrunken:
    if int(np.isfinite(spread).sum()) <= MOST_REGRESSED:
        fit = shrink(effect, spread, main_effects(_codes(figures)), level)
        if np.isfinite(fit.lower).any():
            return fit
    return shrink(effect, spread, None, level)


def _codes(figures: Figures) -> NDArray[np.int64]:
    """Level code of every stratum on every attribute."""
    columns = zip(*figures.strata.levels, strict=True)
    return np.stack([np.unique(column, return_inverse=True)[1] for column in columns], axis=1)
