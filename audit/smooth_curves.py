"""The flexible calibration curve of a stratum, with its pointwise band."""

from dataclasses import replace

import numpy as np

from audit.curve_sections import SmoothCurve
from audit.ladder import rung_means
from audit.rows import Floats, Ints, Rows
from audit.stats.flexible import (
    CurveBand,
    FlexibleCurve,
    band_grid,
    clip_probability,
    flexible_curve,
    flexible_resamples,
    resampled_band,
    spline_band,
)
from audit.stats.splines import robust_covariance
from audit.sweep import Resampling, Sorted, resampled_rungs

# A band to look at: its bounds need fewer resamples than the interval of a printed number.
REPLICATES = 256
# So many scores tell the spline of hundreds of thousands within a thousandth of its band.
RUNGS = 4096


def smooth_curve(rows: Rows, own: Sorted, level: float, scheme: Resampling) -> SmoothCurve | None:
    """Flexible calibration curve of the rows of one stratum, at 50 points or fewer.

    Lowess with the percentile band of the first 256 patient resamples up to 5,000 rows; beyond, a
    restricted cubic spline with its cluster-robust band, of 4,096 scores of equal mass where there
    are more than four times as many. None where there is no such curve: one
    outcome class, fewer than three distinct scores, or classes that the spline separates.
    """
    score, rung = _scores(own)
    positives = np.bincount(rung, own.label, score.size)
    negatives = np.bincount(rung, minlength=score.size) - positives
    found = flexible_curve(score, positives, negatives)
    if not np.isfinite(found.curve).all():
        return None
    grid = band_grid(own.probability)
    if found.spline is None:
        few = replace(scheme, replicates=min(scheme.replicates, REPLICATES))
        band = _resampled(rows, own, (score, found), grid, level, few)
        method = f"lowess_percentile_bootstrap_{scheme.method}"
    else:
        variance = robust_covariance(found.spline, rung, own.label, own.cluster)
        band = spline_band(found.spline, variance, grid, level)
        method = f"rcs_{'cluster_robust' if rows.clustered else 'robust'}"
    return SmoothCurve(
        predicted=tuple(float(v) for v in band.score),
        observed=tuple(float(v) for v in band.curve),
        lower=_numbers(band.lower),
        upper=_numbers(band.upper),
        method=method,
    )


def _scores(own: Sorted) -> tuple[Floats, Ints]:
    """Ascending probabilities, clipped, and the place of each row among them."""
    falling = clip_probability(own.probability)
    rising = falling[::-1]
    fresh = np.append(True, rising[1:] != rising[:-1])
    place = np.cumsum(fresh) - 1
    if place[-1] >= 4 * RUNGS:
        # by the first row of a score, so that ties stay together
        coarse = np.flatnonzero(fresh)[place] * RUNGS // rising.size
        place = np.cumsum(np.append(False, coarse[1:] != coarse[:-1]))
    rung = place[::-1]
    return rung_means(rung.astype(np.int32), falling), rung


def _resampled(
    rows: Rows,
    own: Sorted,
    curve: tuple[Floats, FlexibleCurve],
    grid: Floats,
    level: float,
    scheme: Resampling,
) -> CurveBand:
    """Band of resamples on the common rungs, each moved by what the rungs cost the curve itself."""
    score, found = curve
    weights = resampled_rungs(own, scheme, rows.rung_score.size)[0].astype(np.float64)
    size = rows.rung_score.size
    total = np.bincount(own.rung, minlength=size)
    positives = np.bincount(own.rung, own.label, size)
    used = np.flatnonzero(total)
    short, starts = np.unique(rows.rung_score[used], return_index=True)
    # Rungs of scores apart can hold one probability, where log odds beyond it are given.
    pos, neg, again = (
        np.add.reduceat(w[..., used], starts, axis=-1)
        for w in (positives, total - positives, weights)
    )
    again_pos, again_neg = again[:, 1], again[:, 0]
    coarse = flexible_curve(short, pos, neg, found.method).curve
    curves = flexible_resamples(short, pos, neg, again_pos, again_neg, found.method)
    cost = np.interp(grid, score, found.curve) - np.interp(grid, short, coarse)
    on_grid = np.stack([np.interp(grid, short, c) for c in curves]) + cost
    return resampled_band(score, found.curve, grid, on_grid, grid, level)


def _numbers(values: Floats) -> tuple[float | None, ...]:
    return tuple(float(v) if np.isfinite(v) else None for v in values)
