"""Score intervals for independent proportions and their differences."""

import numpy as np
from numpy.typing import ArrayLike

from audit.stats._arrays import Floats, normal_quantile

# An effective count p * n_eff may pass n_eff by rounding alone.
_ROUNDING = 1e-9


def _counts(events: ArrayLike, n: ArrayLike) -> tuple[Floats, Floats]:
    """Broadcast and check counts, and clip rounding error."""
    x, size = np.broadcast_arrays(
        np.asarray(events, dtype=np.float64), np.asarray(n, dtype=np.float64)
    )
    slack = _ROUNDING * np.maximum(1.0, np.abs(size))
    if np.any(size < 0) or np.any(np.isinf(size)):
        raise ValueError("n must be finite and not negative")
    if np.any(x < -slack) or np.any(x > size + slack):
        raise ValueError("events must lie between 0 and n")
    return np.clip(x, 0.0, size), size


def wilson(events: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Wilson score interval of a proportion, without continuity correction.

    ``(2x + z^2 -+ z sqrt(z^2 + 4x(1 - x/n))) / (2(n + z^2))`` with x events of n and z the
    two-sided normal quantile.

    Parameters
    ----------
    events, n : array_like
        Counts, broadcast together. `n` need not be whole: an effective sample size is allowed.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    lower, upper : ndarray of float
        Bounds in [0, 1]; exactly 0 below no events and exactly 1 above all events. NaN where
        n is 0 or an input is NaN.

    Raises
    ------
    ValueError
        If events lies outside [0, n], n is negative or infinite, or level is outside (0, 1).

    References
    ----------
    Wilson 1927, DOI 10.1080/01621459.1927.10502953; Newcombe 1998,
    DOI 10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E (method 3).
    """
    x, size = _counts(events, n)
    z = normal_quantile(level)
    share = np.divide(x, size, out=np.full(x.shape, np.nan), where=size > 0)
    spread = z * np.sqrt(z * z + 4.0 * x * (1.0 - share))
    lower = (2.0 * x + z * z - spread) / (2.0 * (size + z * z))
    upper = (2.0 * x + z * z + spread) / (2.0 * (size + z * z))
    # The bounds touch 0 and 1 exactly in theory; rounding would leave 1e-17 or 1 - 1e-16.
    lower = np.where(share == 0.0, 0.0, np.clip(lower, 0.0, 1.0))
    upper = np.where(share == 1.0, 1.0, np.clip(upper, 0.0, 1.0))
    return lower, upper


def newcombe_difference(
    events1: ArrayLike, n1: ArrayLike, events2: ArrayLike, n2: ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Hybrid score interval of p1 - p2 for independent proportions (Newcombe's method 10).

    With d = p1 - p2 and Wilson bounds (l, u) of each proportion:
    ``d - sqrt((p1-l1)^2 + (u2-p2)^2)`` to ``d + sqrt((u1-p1)^2 + (p2-l2)^2)``.

    Parameters
    ----------
    events1, n1, events2, n2 : array_like
        Counts, broadcast together; they need not be whole (effective sizes).
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    lower, upper : ndarray of float
        Bounds in [-1, 1]. NaN where either n is 0 or an input is NaN.

    Raises
    ------
    ValueError
        As in `wilson`.

    References
    ----------
    Newcombe 1998,
    DOI 10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.
    """
    x1, size1 = _counts(events1, n1)
    x2, size2 = _counts(events2, n2)
    lower1, upper1 = wilson(x1, size1, level)
    lower2, upper2 = wilson(x2, size2, level)
    with np.errstate(invalid="ignore"):  # 0/0 is the documented NaN
        share1, share2 = x1 / size1, x2 / size2
    difference = share1 - share2
    lower = difference - np.hypot(share1 - lower1, upper2 - share2)
    upper = difference + np.hypot(upper1 - share1, share2 - lower2)
    return np.clip(lower, -1.0, 1.0), np.clip(upper, -1.0, 1.0)
