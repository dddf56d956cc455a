"""Bootstrap intervals from replicates along the last axis: percentile, BCa and basic.

Replicates that are NaN (resamples in which the measure was undefined) have no say.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from audit.stats._arrays import Floats, Ints, check_level, normal_quantile

# Replicates this near to one another, relative to their size, differ by rounding alone.
_TIED = 1e-12


def percentile(replicates: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Equal-tailed percentile interval, quantiles by Hyndman and Fan's definition 7.

    The ``(1 - level)/2`` and ``(1 + level)/2`` quantiles of the replicates.

    Parameters
    ----------
    replicates : array_like, shape (..., resamples)
        Replicates of the estimate, infinities allowed.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    lower, upper : ndarray of float, shape (...)
        NaN where every replicate is NaN; one point where all are equal.

    Raises
    ------
    ValueError
        If level is outside (0, 1).

    References
    ----------
    Efron and Tibshirani 1993, An Introduction to the Bootstrap, ISBN 9780412042317; Hyndman and
    Fan 1996, DOI 10.2307/2684934.
    """
    tail = (1.0 - check_level(level)) / 2.0
    ordered, count = _ordered(replicates)
    return _quantile(ordered, count, tail), _quantile(ordered, count, 1.0 - tail)


def bca(
    value: ArrayLike, replicates: ArrayLike, acceleration: ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Bias-corrected and accelerated interval.

    The quantiles of the replicates at ``Phi(z0 + (z0 -+ z) / (1 - a (z0 -+ z)))``, with z the
    two-sided normal quantile, a the acceleration and ``z0 = Phi^-1`` of the share of replicates
    below the estimate, ties counted half.

    Parameters
    ----------
    value : array_like, shape (...)
        Estimates on the data.
    replicates : array_like, shape (..., resamples)
        Replicates of each.
    acceleration : array_like, shape (...)
        From `acceleration` or `acceleration_of_difference`.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    lower, upper : ndarray of float, shape (...)
        NaN where all replicates are equal or lie on one side of the value, where
        ``a (z0 -+ z) >= 1`` (the correction has no meaning beyond its pole), and where the value
        or the acceleration is not finite.

    Raises
    ------
    ValueError
        If shapes do not fit or level is outside (0, 1).

    References
    ----------
    Efron 1987, DOI 10.1080/01621459.1987.10478410.
    """
    z = normal_quantile(level)
    ordered, count = _ordered(replicates)
    centre, skew = _like(count, value=value, acceleration=acceleration)
    tie = _TIED * np.max(np.abs(ordered), axis=-1, where=np.isfinite(ordered), initial=0.0)
    shift = ndtri(_share_below(centre, ordered, count, tie))
    usable = np.isfinite(shift) & np.isfinite(skew) & (_spread(ordered, count) > tie)
    shift, skew = np.where(usable, shift, 0.0), np.where(usable, skew, 0.0)
    bounds = []
    for side in (-z, z):
        rest = 1.0 - skew * (shift + side)
        usable = usable & (rest > 0.0)
        place = ndtr(shift + (shift + side) / np.where(rest > 0.0, rest, 1.0))
        bounds.append(_quantile(ordered, count, place))
    return np.where(usable, bounds[0], np.nan), np.where(usable, bounds[1], np.nan)


def basic(
    value: ArrayLike,
    replicates: ArrayLike,
    level: float = 0.95,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> tuple[Floats, Floats]:
    """Basic (pivotal) interval, cut at the range of the measure.

    ``2 v - q_upper`` to ``2 v - q_lower``, with v the estimate and q the bounds of `percentile`.

    Parameters
    ----------
    value : array_like, shape (...)
        Estimates on the data.
    replicates : array_like, shape (..., resamples)
        Replicates of each.
    level : float
        Confidence level in (0, 1).
    bounds : (float, float)
        Least and largest possible value.

    Returns
    -------
    lower, upper : ndarray of float, shape (...)
        NaN where every replicate or the value is NaN, and where all replicates are equal or the
        cut leaves a single point: no observed variation is not certainty.

    Raises
    ------
    ValueError
        If shapes do not fit, the bounds are not ascending or level is outside (0, 1).

    References
    ----------
    Davison and Hinkley 1997, Bootstrap Methods and their Application,
    DOI 10.1017/CBO9780511802843 (equation 5.6).
    """
    if not bounds[0] < bounds[1]:
        raise ValueError(f"bounds must be ascending, got {bounds!r}")
    low, high = percentile(replicates, level)
    (centre,) = _like(low, value=value)
    with np.errstate(invalid="ignore"):  # infinity less infinity has no place on the line
        lower = np.clip(2.0 * centre - high, *bounds)
        upper = np.clip(2.0 * centre - low, *bounds)
    wide = lower < upper
    return np.where(wide, lower, np.nan), np.where(wide, upper, np.nan)


def acceleration(second: ArrayLike, third: ArrayLike) -> Floats:
    """Acceleration of BCa from sums over patients of jackknife deviations.

    ``sum d^3 / (6 (sum d^2)^(3/2))`` with d_i the mean of the estimates that leave one patient
    out, less the one without patient i.

    Parameters
    ----------
    second, third : array_like
        Sums of the squared and of the cubed deviations, broadcast together.

    Returns
    -------
    ndarray of float
        NaN where the second is 0 or a sum is NaN.

    Raises
    ------
    ValueError
        If a sum of squares is negative.

    References
    ----------
    Efron 1987, DOI 10.1080/01621459.1987.10478410; Efron and Tibshirani 1993, An Introduction to
    the Bootstrap, ISBN 9780412042317 (equation 14.15).
    """
    square, cube = np.asarray(second, dtype=np.float64), np.asarray(third, dtype=np.float64)
    if np.any(square < 0.0):
        raise ValueError("a sum of squares must not be negative")
    with np.errstate(divide="ignore", invalid="ignore"):  # 0/0 is the documented NaN
        skew: Floats = np.where(square > 0.0, cube / (6.0 * square * np.sqrt(square)), np.nan)
    return skew


def acceleration_of_difference(
    second_a: ArrayLike, third_a: ArrayLike, second_b: ArrayLike, third_b: ArrayLike
) -> Floats:
    """Acceleration of the difference a - b of estimates on two disjoint sets of patients.

    ``(sum d_a^3 - sum d_b^3) / (6 (sum d_a^2 + sum d_b^2)^(3/2))``: leaving out a patient of b
    moves the difference the other way.

    Parameters
    ----------
    second_a, third_a, second_b, third_b : array_like
        Sums as in `acceleration` for each set, broadcast together.

    Returns, errors and references are those of `acceleration`.
    """
    square_a, square_b = (np.asarray(part, dtype=np.float64) for part in (second_a, second_b))
    if np.any(square_a < 0.0) or np.any(square_b < 0.0):
        raise ValueError("a sum of squares must not be negative")
    cube_a, cube_b = (np.asarray(part, dtype=np.float64) for part in (third_a, third_b))
    return acceleration(square_a + square_b, cube_a - cube_b)


def _ordered(replicates: ArrayLike) -> tuple[Floats, Ints]:
    """Replicates in ascending order, NaN last, and how many are not NaN."""
    ordered = np.sort(np.asarray(replicates, dtype=np.float64), axis=-1)
    if ordered.shape[-1] == 0:
        ordered = np.full((*ordered.shape[:-1], 1), np.nan)
    return ordered, np.asarray((~np.isnan(ordered)).sum(axis=-1))


def _quantile(ordered: Floats, count: Ints, q: Floats | float) -> Floats:
    last = np.maximum(count - 1, 0)
    place = q * last
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, last)
    low = np.take_along_axis(ordered, below[..., None], axis=-1)[..., 0]
    high = np.take_along_axis(ordered, above[..., None], axis=-1)[..., 0]
    # low + w (high - low) would spoil an infinite pair, or with w = 0 a finite low beside infinity.
    exact = (place == below) | (low == high)
    with np.errstate(invalid="ignore"):
        value: Floats = np.where(exact, low, low + (place - below) * (high - low))
    return value


def _share_below(value: Floats, ordered: Floats, count: Ints, tie: Floats) -> Floats:
    """Share of replicates below the value, those that tie with it counted half."""
    edges = (value - tie)[..., None], (value + tie)[..., None]
    below = (ordered < edges[0]).sum(axis=-1)
    not_above = (ordered <= edges[1]).sum(axis=-1)
    with np.errstate(invalid="ignore"):  # 0/0: no replicate is defined
        share: Floats = np.where(np.isfinite(value), 0.5 * (below + not_above) / count, np.nan)
    return share


def _spread(ordered: Floats, count: Ints) -> Floats:
    """Largest less smallest replicate; NaN where there is none or all are infinite."""
    highest = np.take_along_axis(ordered, np.maximum(count - 1, 0)[..., None], axis=-1)[..., 0]
    with np.errstate(invalid="ignore"):
        spread: Floats = highest - ordered[..., 0]
    return spread


def _like(model: NDArray[Any], **arrays: ArrayLike) -> list[Floats]:
    """Broadcast arrays to the shape of the model, else ValueError with the name."""
    out = []
    for name, array in arrays.items():
        values = np.asarray(array, dtype=np.float64)
        if np.broadcast_shapes(values.shape, model.shape) != model.shape:
            raise ValueError(f"replicates must have the shape of {name} and one more axis")
        out.append(np.broadcast_to(values, model.shape))
    return out
