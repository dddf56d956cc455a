"""Lowess without robustness iterations, for rows and for any weights on their distinct scores."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from audit.stats._arrays import Floats, Ints, as_finite, check_rows, group_sum
from audit.stats._rungs import as_weights

# Constants of Cleveland's routine: rows nearer than the first share of the neighbourhood's radius
# weigh 1, rows beyond the second weigh 0.
_INSIDE, _OUTSIDE = 0.001, 0.999
# A neighbourhood whose standard deviation is below this share of the range gets no slope.
_SPREAD = 0.001
_DELTA = 0.01  # default distance between anchors, as a share of the range
_BLOCK = 256  # anchors fitted together


@dataclass(frozen=True, eq=False)
class LowessOperator:
    """The smoother of one set of rows, ready to be applied to any weights on its rungs.

    `anchors` are the rungs where local lines are fitted; columns of `moments` (rungs, 3 anchors)
    hold the kernel times 1, u and u^2, with u the distance to the neighbourhood's mean.
    """

    score: Floats
    anchors: Ints
    left: Ints
    share: Floats
    moments: Floats
    lever: Floats
    has_line: NDArray[np.bool_]
    least_spread: float


def _anchors(x: Floats, delta: float) -> Ints:
    """Rungs that get a local fit: each the farthest within delta of the one before, or the next."""
    found, at = [0], 0
    reach = np.searchsorted(x, x + delta, side="right") - 1
    while at < x.size - 1:
        at = max(at + 1, int(reach[at]))
        found.append(at)
    return np.array(found, dtype=np.int64)


def _radius(x: Floats, rows: Ints, at: Floats, f: float) -> Floats:
    """Distance from each anchor to the farthest of its int(f n) nearest rows.

    R moves the window of rows to the right while that shortens it; as both ends only grow, the
    window's place is found by bisection.
    """
    expanded = np.repeat(x, rows)
    n = expanded.size
    span = max(min(n, int(f * n + 1e-7)), 2)
    first = np.searchsorted(expanded[: n - span] + expanded[span:], 2.0 * at, side="left")
    return np.maximum(at - expanded[first], expanded[first + span - 1] - at)


def _kernel(x: Floats, at: Floats, radius: Floats) -> Floats:
    """Tricube weight of each rung (axis 0) at each anchor (axis 1)."""
    distance = np.abs(x[:, None] - at)
    with np.errstate(divide="ignore", invalid="ignore"):  # radius 0: ties only, replaced below
        scaled = distance / radius
    scaled = np.where(distance <= _INSIDE * radius, 0.0, scaled)
    weight = 1.0 - scaled * scaled * scaled
    weight = weight * weight * weight
    return np.where(distance <= _OUTSIDE * radius, weight, 0.0)


def _moments(x: Floats, rows: Ints, at: Floats, radius: Floats) -> tuple[Floats, Floats]:
    """Kernel moments (rungs, 3 anchors) about each neighbourhood's mean, and the anchor's lever.

    The mean is that of the data's own rows: with their weights nothing cancels.
    """
    kernel = _kernel(x, at, radius)
    mean = (x * rows) @ kernel / (rows @ kernel)
    u = x[:, None] - mean
    once = kernel * u
    return np.hstack([kernel, once, once * u]), at - mean


def _fit(
    moments: Floats,
    lever: Floats,
    has_line: NDArray[np.bool_],
    least: float,
    y: Floats,
    total: Floats,
) -> Floats:
    """Local value at each anchor for weights `total` and weighted outcomes `y`."""
    k = lever.size
    s0, s1, s2 = np.split(total @ moments, 3, axis=-1)
    t0, t1 = np.split(y @ moments[:, : 2 * k], 2, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):  # no weight near the anchor: NaN
        mean, level = s1 / s0, t0 / s0
        spread = s2 / s0 - mean * mean
        slope = (t1 / s0 - mean * level) / spread
    use = has_line & (np.sqrt(np.maximum(spread, 0.0)) > least)
    fitted: Floats = np.where(s0 > 0.0, level + np.where(use, slope, 0.0) * (lever - mean), np.nan)
    return fitted


def _check(score: ArrayLike, rows: ArrayLike, f: float) -> tuple[Floats, Ints]:
    x = as_finite(score, "score")
    count: NDArray[np.int64] = np.asarray(rows)
    if count.dtype.kind not in "iu" and not np.array_equal(count, np.rint(count)):
        raise ValueError("rows must be whole numbers")
    count = count.astype(np.int64)
    check_rows(x.size, count=count)
    if np.any(x[1:] <= x[:-1]):
        raise ValueError("score must be strictly ascending")
    if count.size and count.min() < 1:
        raise ValueError("every rung must hold a row")
    if not 0.0 < f <= 1.0:
        raise ValueError(f"f must lie in (0, 1], got {f!r}")
    return x, count


def _between(x: Floats, anchors: Ints) -> tuple[Ints, Floats]:
    """Anchor at or left of each rung, and the rung's share of the way to the next anchor."""
    last = max(anchors.size - 2, 0)
    left = np.clip(np.searchsorted(anchors, np.arange(x.size), side="right") - 1, 0, last)
    start, end = x[anchors[left]], x[anchors[np.minimum(left + 1, anchors.size - 1)]]
    gap = np.where(end > start, end - start, 1.0)
    return left, (x - start) / gap


def lowess_operator(
    score: ArrayLike, rows: ArrayLike, f: float = 2 / 3, delta: float | None = None
) -> LowessOperator:
    """Prepare the smoother of one set of rows for any weights on its distinct scores.

    Neighbourhoods, anchors and the range are those of the data and stay fixed; only the weights
    change. Resamples then differ from a fresh `lowess` of the resampled rows by the wobble of
    the neighbourhood's width, which is of smaller order than that of the curve.

    Parameters
    ----------
    score : array_like, shape (rungs,)
        Strictly ascending.
    rows : array_like of int, shape (rungs,)
        Rows of the data at each score, at least 1.
    f, delta
        As in `lowess`.

    Returns
    -------
    LowessOperator
        For `smooth`. Memory is rungs x anchors, some hundred anchors by default.

    Raises
    ------
    ValueError
        If scores do not ascend, a count is not a positive whole number, f is not in (0, 1],
        delta is negative, or there is no row.

    References
    ----------
    Cleveland 1979, DOI 10.1080/01621459.1979.10481038.
    """
    x, count = _check(score, rows, f)
    if not x.size:
        raise ValueError("there is no row to smooth")
    width = float(x[-1] - x[0])
    anchors = _anchors(x, _distance(width, delta))
    at = x[anchors]
    # A lone row has no neighbourhood; its value is its own.
    radius = _radius(x, count, at, f) if count.sum() > 1 else np.zeros(1)
    moments, lever = _moments(x, count, at, radius)
    left, share = _between(x, anchors)
    return LowessOperator(
        score=x,
        anchors=anchors,
        left=left,
        share=share,
        moments=moments,
        lever=lever,
        has_line=radius > 0.0,
        least_spread=_SPREAD * width,
    )


def _distance(width: float, delta: float | None) -> float:
    if delta is None:
        return _DELTA * width
    if not delta >= 0.0:
        raise ValueError(f"delta must not be negative, got {delta!r}")
    return float(delta)


def _interpolate(fitted: Floats, left: Ints, share: Floats) -> Floats:
    """Values at the rungs from those at the anchors; an anchor takes nothing from the next."""
    right = np.minimum(left + 1, fitted.shape[-1] - 1)
    low, high = fitted[..., left], fitted[..., right]
    with np.errstate(invalid="ignore"):
        value = share * high + (1.0 - share) * low
    value = np.where(share == 0.0, low, value)
    return np.where(share == 1.0, high, value)


def smooth(operator: LowessOperator, weighted: ArrayLike, total: ArrayLike) -> Floats:
    """Lowess curve at every rung for each set of weights.

    Parameters
    ----------
    operator : LowessOperator
        From `lowess_operator`.
    weighted : array_like, shape (..., rungs)
        Sum of weight times outcome at each score: the weight of the positives.
    total : array_like, shape (..., rungs)
        Weight of all rows at each score. With the data's own counts the curve is that of
        `lowess` on the rows.

    Returns
    -------
    ndarray of float, shape (..., rungs)
        In units of the outcome, not held within its range. NaN where an anchor that a rung
        leans on has no weight in its neighbourhood.

    Raises
    ------
    ValueError
        If shapes do not fit or a weight is negative.
    """
    w = as_weights(total, operator.score.size)
    y = np.asarray(weighted, dtype=np.float64)
    if y.shape != w.shape:
        raise ValueError(f"outcomes have shape {y.shape}, weights {w.shape}")
    fitted = _fit(operator.moments, operator.lever, operator.has_line, operator.least_spread, y, w)
    return _interpolate(fitted, operator.left, operator.share)


def lowess(x: ArrayLike, y: ArrayLike, f: float = 2 / 3, delta: float | None = None) -> Floats:
    """Locally weighted linear regression of y on x, without robustness iterations.

    At each anchor a line is fitted by least squares to the int(f n) nearest rows with tricube
    weights ``(1 - (d/h)^3)^3``, h the distance of the farthest of them; between anchors, which
    lie up to `delta` apart, the curve is interpolated linearly. What R computes as
    ``lowess(x, y, f, iter = 0, delta)``.

    Parameters
    ----------
    x, y : array_like, shape (rows,)
        Finite, in any order, ties allowed.
    f : float
        Share of the rows in each neighbourhood, in (0, 1].
    delta : float, optional
        In units of x; 1 % of the range by default, as in R. 0 fits at every distinct x.

    Returns
    -------
    ndarray of float, shape (rows,)
        Fitted values in the order of the rows; empty without rows.

    Raises
    ------
    ValueError
        If a value is not finite, lengths differ, f is not in (0, 1] or delta is negative.

    References
    ----------
    Cleveland 1979, DOI 10.1080/01621459.1979.10481038.
    """
    xs, ys = as_finite(x, "x"), as_finite(y, "y")
    check_rows(xs.size, y=ys)
    if not xs.size:
        return np.empty(0)
    rungs, rung, count = np.unique(xs, return_inverse=True, return_counts=True)
    _check(rungs, count, f)
    weighted = group_sum(ys, rung, rungs.size)
    width = float(rungs[-1] - rungs[0])
    anchors = _anchors(rungs, _distance(width, delta))
    at = rungs[anchors]
    radius = _radius(rungs, count, at, f) if xs.size > 1 else np.zeros(1)
    fitted = np.empty(anchors.size)
    total = count.astype(np.float64)
    for start in range(0, anchors.size, _BLOCK):  # bounds the memory at rungs x block
        part = slice(start, start + _BLOCK)
        moments, lever = _moments(rungs, count, at[part], radius[part])
        fitted[part] = _fit(moments, lever, radius[part] > 0.0, _SPREAD * width, weighted, total)
    return _interpolate(fitted, *_between(rungs, anchors))[rung]
