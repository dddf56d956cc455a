"""Contrasts of a stratum with everyone else, for measures that are ratios of sums.

The sums of everyone else are those of all less those of the stratum, in the data and in every
resample, as the weights are shared. A group of two needs no complement: it is the other group.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from audit.disparity import SCREENING
from audit.estimates import UNDEFINED_LIMIT, by_measure
from audit.figures import Figures, spread
from audit.intervals import undefined_fraction
from audit.measures.declaration import Measure, divide
from audit.result import Contrast, Disparity, Estimate
from audit.rows import Floats
from audit.stats.bootstrap import percentile


def complement_disparities(
    figures: Figures, estimates: Sequence[Estimate], level: float
) -> list[Disparity]:
    """Difference and ratio of every level of one attribute to all the others together."""
    if len(figures.strata.attributes) != 1 or int((figures.n > 0).sum()) < 3:
        return []
    own = by_measure(estimates)
    out: list[Disparity] = []
    for measure in figures.measures:
        if measure.id not in figures.parts or not measure.contrasted:
            continue
        rest = _of_the_others(figures, measure)
        for contrast in ("difference", "ratio") if measure.bounds[0] == 0 else ("difference",):
            out.extend(_records(figures, measure, contrast, own[measure.id], rest, level))
    return out


def _of_the_others(figures: Figures, measure: Measure) -> tuple[Floats, Floats]:
    """Value and resamples of the measure in everyone else, by stratum."""
    parts = figures.parts[measure.id]
    value = divide(*(p.value.sum() - p.value for p in parts))
    top, bottom = (p.replicates.sum(axis=0) - p.replicates for p in parts)
    return value, divide(top, bottom)


def _records(
    figures: Figures,
    measure: Measure,
    contrast: Contrast,
    estimates: Sequence[Estimate],
    rest: tuple[Floats, Floats],
    level: float,
) -> list[Disparity]:
    own, resampled = figures.values[measure.id], figures.replicates[measure.id]
    if contrast == "difference":
        value, moved = own - rest[0], resampled - rest[1]
    else:
        value, moved = divide(own, rest[0]), divide(resampled, rest[1])
    lower, upper = percentile(moved, level)
    error = spread(resampled - rest[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * ndtr(-np.abs(own - rest[0]) / error)
    undefined = undefined_fraction(moved)
    attribute = figures.strata.attributes[0]
    out = []
    for i, estimate in enumerate(estimates):
        status, reason = estimate.status, estimate.reason
        if status == "ok" and not np.isfinite(value[i]):
            status, reason = "undefined", "the measure is undefined or 0 in the complement"
        elif status == "ok" and (undefined[i] > UNDEFINED_LIMIT or not upper[i] > lower[i]):
            status, reason = "insufficient", "no interval can be formed from these data"
        shown = status in ("ok", "insufficient") and bool(np.isfinite(value[i]))
        other = f"not {estimate.stratum}"
        out.append(
            Disparity(
                id=f"{measure.id}/{contrast}/{estimate.stratum}:{other}",
                measure=measure.id,
                attribute=attribute,
                contrast=contrast,
                stratum=estimate.stratum,
                reference=other,
                value=float(value[i]) if shown else None,
                lower=float(lower[i]) if status == "ok" else None,
                upper=float(upper[i]) if status == "ok" else None,
                level=level,
                method=f"percentile_bootstrap_{figures.scheme}",
                p=float(p[i]) if status == "ok" and np.isfinite(p[i]) else None,
                p_adjusted=None,
                family=SCREENING,
                undefined_fraction=float(undefined[i]),
                status=status,
                reason=reason,
            )
        )
    return out
