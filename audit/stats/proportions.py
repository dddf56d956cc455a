"""Intervals of proportions, and of the difference of two, independent or paired."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainccinv, betaincinv

from audit.stats._arrays import Floats, check_level, normal_quantile

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


def clopper_pearson(events: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Exact interval of a proportion, from the tails of the binomial distribution.

    The ``a/2`` quantile of Beta(x, n - x + 1) to the ``1 - a/2`` quantile of Beta(x + 1, n - x),
    with x events of n and a = 1 - level. It covers with at least `level`, mostly with more.

    Parameters
    ----------
    events, n, level
        As in `wilson`.

    Returns
    -------
    lower, upper : ndarray of float
        As in `wilson`.

    Raises
    ------
    ValueError
        As in `wilson`.

    References
    ----------
    Clopper and Pearson 1934, DOI 10.1093/biomet/26.4.404.
    """
    return _beta_interval(events, n, level, 0.0)


def jeffreys(events: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Equal-tailed posterior interval of a proportion under Jeffreys' prior, Beta(1/2, 1/2).

    The ``a/2`` and ``1 - a/2`` quantiles of Beta(x + 1/2, n - x + 1/2), with x events of n and
    a = 1 - level, but 0 below no events and 1 above all events: without that, coverage falls
    to nothing for proportions near 0 and 1.

    Parameters
    ----------
    events, n, level
        As in `wilson`.

    Returns
    -------
    lower, upper : ndarray of float
        As in `wilson`. With less than one event (an effective count), or at a low level, the
        bounds need not hold events / n.

    Raises
    ------
    ValueError
        As in `wilson`.

    References
    ----------
    Brown, Cai and DasGupta 2001, DOI 10.1214/ss/1009213286.
    """
    return _beta_interval(events, n, level, 0.5)


def _beta_interval(
    events: ArrayLike, n: ArrayLike, level: float, prior: float
) -> tuple[Floats, Floats]:
    """Beta(x + h, n - x + 1 - h) and Beta(x + 1 - h, n - x + h) quantiles, h = prior."""
    x, size = _counts(events, n)
    tail = (1.0 - check_level(level)) / 2.0
    rest = size - x
    known = (size > 0.0) & ~np.isnan(x)
    # A shape of 0 has no quantile: those bounds are set by hand, and 1 stands in.
    low, high = known & (x > 0.0), known & (rest > 0.0)
    lower = betaincinv(np.where(low, x + prior, 1.0), np.where(low, rest + 1.0 - prior, 1.0), tail)
    upper = betainccinv(
        np.where(high, x + 1.0 - prior, 1.0), np.where(high, rest + prior, 1.0), tail
    )
    undefined = np.where(known, 0.0, np.nan)
    return np.where(low, lower, 0.0) + undefined, np.where(high, upper, 1.0) + undefined


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


def newcombe_paired_difference(
    a: ArrayLike, b: ArrayLike, c: ArrayLike, d: ArrayLike, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Hybrid score interval of p1 - p2 for paired proportions (Newcombe's method 10).

    With p1 = (a + b)/n, p2 = (a + c)/n, Wilson bounds (l, u) of each and D = p1 - p2:
    ``D - sqrt(g^2 - 2 phi g h + h^2)`` with g = p1 - l1 and h = u2 - p2, to
    ``D + sqrt(g^2 - 2 phi g h + h^2)`` with g = u1 - p1 and h = p2 - l2. The correlation is
    ``phi = m / sqrt((a + b)(c + d)(a + c)(b + d))``, where m = ad - bc is moved towards 0 by n/2,
    but not past it, when it is positive; phi is 0 when a margin is empty.

    Parameters
    ----------
    a, b, c, d : array_like
        Pairs that have the event in both members, the first only, the second only, and neither;
        broadcast together.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    lower, upper : ndarray of float
        Bounds in [-1, 1]. NaN where there are no pairs or an input is NaN.

    Raises
    ------
    ValueError
        If a count is negative or infinite, or level is outside (0, 1).

    References
    ----------
    Newcombe 1998, DOI 10.1002/(SICI)1097-0258(19981130)17:22<2635::AID-SIM954>3.0.CO;2-C.
    """
    both, first, second, neither = np.broadcast_arrays(
        *(np.asarray(count, dtype=np.float64) for count in (a, b, c, d))
    )
    if any(
        np.any(count < 0) or np.any(np.isinf(count)) for count in (both, first, second, neither)
    ):
        raise ValueError("counts of pairs must be finite and not negative")
    n = both + first + second + neither
    lower1, upper1 = wilson(both + first, n, level)
    lower2, upper2 = wilson(both + second, n, level)
    moment = both * neither - first * second
    moment = np.where(moment > 0, np.maximum(moment - n / 2.0, 0.0), moment)
    # Roots one by one: the product of four margins overflows before they do.
    margins = (both + first, second + neither, both + second, first + neither)
    scale = np.sqrt(margins[0] * margins[1]) * np.sqrt(margins[2] * margins[3])
    phi = np.divide(moment, scale, out=np.zeros(n.shape), where=scale > 0)
    with np.errstate(invalid="ignore"):  # 0/0 is the documented NaN
        share1, share2, difference = margins[0] / n, margins[2] / n, (first - second) / n
    lower = difference - _correlated(share1 - lower1, upper2 - share2, phi)
    upper = difference + _correlated(upper1 - share1, share2 - lower2, phi)
    return np.clip(lower, -1.0, 1.0), np.clip(upper, -1.0, 1.0)


def _correlated(g: Floats, h: Floats, phi: Floats) -> Floats:
    """``sqrt(g^2 - 2 phi g h + h^2)``, written so that nothing negative is left by rounding."""
    return np.sqrt(np.square(g - h) + 2.0 * (1.0 - phi) * g * h)
