"""Intervals of a difference, recovered from the intervals of its two parts (MOVER)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def mover_difference(
    first: tuple[ArrayLike, ArrayLike, ArrayLike], second: tuple[ArrayLike, ArrayLike, ArrayLike]
) -> tuple[Floats, Floats]:
    """Interval of the difference of two independent estimates, at the level of their intervals.

    With d = x1 - x2 and intervals (l, u) of each: ``d - sqrt((x1-l1)^2 + (u2-x2)^2)`` to
    ``d + sqrt((u1-x1)^2 + (x2-l2)^2)``. The variance that either estimate would have at the bound
    is read off the distance to that bound, so skewed intervals stay skewed. Of estimates that are
    correlated from above, as two models on the same people, it is wider than need be.

    Parameters
    ----------
    first, second : (array_like, array_like, array_like)
        Value, lower and upper bound of x1 and of x2, broadcast together; both at one level.

    Returns
    -------
    lower, upper : ndarray of float
        NaN where an input is NaN.

    Raises
    ------
    ValueError
        If a lower bound lies above its upper bound.

    References
    ----------
    Zou and Donner 2008, DOI 10.1002/sim.3095. With Wilson bounds of two proportions it is
    Newcombe's method 10.
    """
    x1, l1, u1 = (np.asarray(v, dtype=np.float64) for v in first)
    x2, l2, u2 = (np.asarray(v, dtype=np.float64) for v in second)
    if np.any(l1 > u1) or np.any(l2 > u2):
        raise ValueError("a lower bound lies above its upper bound")
    difference = x1 - x2
    lower: Floats = difference - np.hypot(x1 - l1, u2 - x2)
    upper: Floats = difference + np.hypot(u1 - x1, x2 - l2)
    return lower, upper
