"""Ladders: the rows of a stratum collapsed to its distinct scores, and quantiles on them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from audit.stats._arrays import Floats, as_finite, as_label, check_rows

# A probability of exactly 0 or 1 has no log odds; it is moved by this much.
CLIP = 1e-10


class Rungs(NamedTuple):
    """Ascending distinct scores, and how many positives and negatives have each."""

    score: Floats
    positives: Floats
    negatives: Floats


def rungs_of(score: ArrayLike, label: ArrayLike) -> Rungs:
    """Collapse rows to their distinct scores.

    Parameters
    ----------
    score : array_like, shape (rows,)
        Finite.
    label : array_like, shape (rows,)
        0/1 or boolean.

    Returns
    -------
    Rungs
        Three arrays of shape (rungs,); the same for any order of the rows.

    Raises
    ------
    ValueError
        If a score is not finite, a label is not 0/1 or lengths differ.
    """
    s, positive = as_finite(score, "score"), as_label(label)
    check_rows(s.shape[0], label=positive)
    rungs, rung = np.unique(s, return_inverse=True)
    positives = np.bincount(rung[positive], minlength=rungs.size)
    negatives = np.bincount(rung[~positive], minlength=rungs.size)
    return Rungs(rungs, positives.astype(np.float64), negatives.astype(np.float64))


def as_rungs(
    score: ArrayLike,
    positives: ArrayLike,
    negatives: ArrayLike,
    *,
    probability: bool = True,
    ties: bool = False,
) -> Rungs:
    """Return a checked ladder as float64; `positives` and `negatives` may have leading axes.

    `ties` allows equal scores: distinct log odds can stand for the same probability.

    Raises
    ------
    ValueError
        If the scores are not finite and ascending (strictly, but for `ties`; within [0, 1] where
        `probability`), or a weight is negative or not finite, or shapes do not fit.
    """
    s = as_finite(score, "score")
    if np.any(s[1:] < s[:-1]) or (not ties and np.any(s[1:] == s[:-1])):
        raise ValueError("score must be ascending" if ties else "score must be strictly ascending")
    if probability and s.size and (s[0] < 0.0 or s[-1] > 1.0):
        raise ValueError("score must lie in [0, 1]")
    return Rungs(s, as_weights(positives, s.size), as_weights(negatives, s.size))


def as_weights(weights: ArrayLike, rungs: int) -> Floats:
    """Return non-negative finite weights of shape (..., rungs), else ValueError."""
    w = np.asarray(weights, dtype=np.float64)
    if w.ndim == 0 or w.shape[-1] != rungs:
        raise ValueError(f"weights have shape {w.shape}, expected {rungs} on the last axis")
    # Two passes without a temporary: resamples make these arrays large.
    if w.size and not (w.min() >= 0.0 and w.max() < np.inf):
        raise ValueError("weights must be finite and not negative")
    return w


def weighted_quantiles(values: Floats, weights: Floats, levels: Sequence[float]) -> Floats:
    """Quantiles of values that count `weights` times.

    With W the sum of the weights and h = (W - 1) q, the values at positions floor(h) and
    floor(h) + 1 of the expanded, sorted rows, interpolated: definition 7 of Hyndman and Fan
    1996, DOI 10.1080/00031305.1996.10473566, the default of R and NumPy.

    Parameters
    ----------
    values : ndarray, shape (..., rungs)
        Any order; NaN only where the weight is 0.
    weights : ndarray, shape (..., rungs)
        Not negative; whole numbers are counts of rows.
    levels : sequence of float
        In [0, 1].

    Returns
    -------
    ndarray of float, shape (len(levels), ...)
        NaN where all weights are 0, and where a value with weight is NaN.
    """
    v, w = np.broadcast_arrays(values, weights)
    order = np.argsort(v, axis=-1)  # NaN sorts last
    v, w = np.take_along_axis(v, order, -1), np.take_along_axis(w, order, -1)
    below = np.cumsum(w, axis=-1)
    total = below[..., -1:] if v.shape[-1] else np.zeros((*v.shape[:-1], 1))
    last = np.maximum(np.ceil(total) - 1.0, 0.0)
    out = np.full((len(levels), *v.shape[:-1]), np.nan)
    if not v.shape[-1]:
        return out
    for k, level in enumerate(levels):
        position = np.maximum(total - 1.0, 0.0) * level
        low = np.floor(position)
        at_low = _value_at(v, below, low)
        at_high = _value_at(v, below, np.minimum(low + 1.0, last))
        part = (position - low)[..., 0]
        # A value that is its own neighbour is returned as it is: inf - inf would be NaN.
        moved = np.where(at_high == at_low, 0.0, (at_high - at_low) * part)
        out[k] = np.where(total[..., 0] > 0.0, at_low + moved, np.nan)
    out[:, np.any(np.isnan(v) & (w > 0.0), axis=-1)] = np.nan
    return out


def _value_at(values: Floats, below: Floats, position: Floats) -> Floats:
    """Value of the row at a position, counted from 0, of the expanded rows."""
    at = np.argmax(below > position, axis=-1)
    return np.take_along_axis(values, at[..., None], -1)[..., 0]
