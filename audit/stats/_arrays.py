"""Argument checks and quantiles shared by the estimators."""

from typing import Any

import numpy as np
import scipy  # its parts are loaded when they are first used: reading a result needs none
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
_TABLE = 16  # entries for every row, at most


def check_level(level: float) -> float:
    """Return `level` if it is a confidence level strictly between 0 and 1, else ValueError."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie strictly between 0 and 1, got {level!r}")
    return float(level)


def normal_quantile(level: float) -> float:
    """Two-sided standard normal quantile, 1.96 for level 0.95."""
    return float(scipy.special.ndtri(0.5 + check_level(level) / 2.0))


def t_quantile(df: ArrayLike, level: float) -> Floats:
    """Two-sided Student t quantile for each `df`; NaN where df < 1."""
    freedom = np.asarray(df, dtype=np.float64)
    quantile = scipy.special.stdtrit(np.maximum(freedom, 1.0), 0.5 + check_level(level) / 2.0)
    return np.asarray(np.where(freedom >= 1.0, quantile, np.nan), dtype=np.float64)


def as_codes(codes: ArrayLike, name: str, bound: int | None = None) -> Ints:
    """Return 1-d integer codes in 0..bound-1 as int64, else ValueError."""
    array: NDArray[Any] = np.asarray(codes)
    if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
        raise ValueError(f"{name} must be a one-dimensional array of integer codes")
    if array.size and array.min() < 0:
        raise ValueError(f"{name} codes must not be negative")
    if bound is not None and array.size and array.max() >= bound:
        raise ValueError(f"{name} has code {array.max()} but only {bound} are declared")
    return array.astype(np.int64, copy=False)


def as_label(label: ArrayLike) -> Bools:
    """Return a 1-d 0/1 or boolean label as boolean, else ValueError."""
    array: NDArray[Any] = np.asarray(label)
    if array.ndim != 1:
        raise ValueError("label must be one-dimensional")
    if array.dtype == np.bool_:
        return array
    if not np.all((array == 0) | (array == 1)):
        raise ValueError("label must hold only 0 and 1")
    return array.astype(np.bool_)


def as_finite(values: ArrayLike, name: str) -> Floats:
    """Return a 1-d float64 array without NaN or infinity, else ValueError."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} must be finite: drop missing rows first")
    return array


def check_rows(rows: int, **arrays: NDArray[Any]) -> None:
    """Raise ValueError naming the first array that does not have `rows` rows."""
    for name, array in arrays.items():
        if array.shape[0] != rows:
            raise ValueError(f"{name} has {array.shape[0]} rows, expected {rows}")


def group_sum(values: NDArray[Any], group: Ints, n_groups: int) -> Floats:
    """Sum of a per-row array within each group, shape (n_groups,)."""
    summed = np.bincount(group, weights=values, minlength=n_groups)
    # bincount gives integers, whatever the weights, when there are no rows.
    return summed.astype(np.float64, copy=False)


def pair_codes(group: Ints, cluster: Ints) -> tuple[Ints, Ints]:
    """Give each (group, cluster) pair that occurs a number.

    Returns the group of each pair, in increasing (group, cluster) order, and each row's pair.
    """
    n_clusters = int(cluster.max()) + 1 if cluster.size else 1
    key = group * n_clusters + cluster
    possible = (int(group.max()) + 1) * n_clusters if group.size else 0
    if possible <= _TABLE * key.size:  # a table of all of them is faster than sorting
        present = np.zeros(possible, dtype=np.bool_)
        present[key] = True
        keys = np.flatnonzero(present)
        number = np.empty(possible, dtype=np.int32)
        number[keys] = np.arange(keys.size, dtype=np.int32)
        return keys // n_clusters, number[key].astype(np.int64)
    keys, pair = np.unique(key, return_inverse=True)
    return keys // n_clusters, pair.astype(np.int64, copy=False)
