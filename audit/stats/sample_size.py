"""Sample size for a target interval width, and the smallest difference the data could detect."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, ndtri

from audit.stats._arrays import (
    Floats,
    as_codes,
    as_finite,
    check_rows,
    group_sum,
    normal_quantile,
)

# Widths of a 95 % interval: the defaults of pmvalsampsize (Riley 2021, BMJ 2024 part 3,
# DOI 10.1136/bmj-2023-074821), 0.2 being a standard error of 0.051. For O:E the right width depends
# on the prevalence: Riley 2021 itself accepts a width of 1 at a prevalence of 0.018.
OE_WIDTH = 0.2
SLOPE_WIDTH = 0.2
AUROC_WIDTH = 0.1
NET_BENEFIT_WIDTH = 0.2

# Spread of the linear predictor below this share of its mean square is rounding.
_NO_SPREAD = 1e-12
# A sample size within this share of a whole number is that number.
_ROUNDING = 1e-12


class SlopeInformation(NamedTuple):
    """Fisher information of one row on (intercept, slope) of the calibration model, by stratum."""

    i_a: Floats
    i_ab: Floats
    i_b: Floats


def _open_unit(values: ArrayLike, name: str) -> Floats:
    """Values in [0, 1] with NaN at the ends, where a proportion has no information."""
    array = np.asarray(values, dtype=np.float64)
    if np.any((array < 0.0) | (array > 1.0)):
        raise ValueError(f"{name} must lie between 0 and 1")
    return np.where((array > 0.0) & (array < 1.0), array, np.nan)


def _width(width: ArrayLike) -> Floats:
    array = np.asarray(width, dtype=np.float64)
    if np.any(array <= 0.0):
        raise ValueError("width must be positive")
    return array


def _whole(n: Floats) -> Floats:
    """Smallest whole number that is at least n; NaN where n is not positive and finite."""
    usable = np.isfinite(n) & (n > 0.0)
    return np.where(usable, np.ceil(np.where(usable, n, 1.0) * (1.0 - _ROUNDING)), np.nan)


def n_for_oe(
    prevalence: ArrayLike,
    width: ArrayLike = OE_WIDTH,
    level: float = 0.95,
    *,
    oe: ArrayLike = 1.0,
) -> Floats:
    """Rows needed for an O:E interval of the target width.

    ``SE(ln O:E) = sqrt((1 - phi) / (n phi))``; the interval ``oe exp(-+ z SE)`` has width
    ``2 oe sinh(z SE)``, so ``n = (1 - phi) / (phi SE^2)`` at ``SE = asinh(width / (2 oe)) / z``.

    Parameters
    ----------
    prevalence : array_like
        Anticipated proportion phi with the outcome, broadcast together with the others.
    width : array_like
        Target width of the interval on the scale of O:E.
    level : float
        Confidence level in (0, 1).
    oe : array_like
        Anticipated O:E; 1 is no miscalibration in the large.

    Returns
    -------
    ndarray of float
        Whole numbers; NaN where prevalence is 0, 1 or NaN.

    Raises
    ------
    ValueError
        If prevalence is outside [0, 1], width or oe is not positive, or level is outside (0, 1).

    References
    ----------
    Riley et al. 2021, DOI 10.1002/sim.9025.
    """
    phi, ratio = _open_unit(prevalence, "prevalence"), np.asarray(oe, dtype=np.float64)
    if np.any(ratio <= 0.0):
        raise ValueError("oe must be positive")
    error = np.arcsinh(_width(width) / (2.0 * ratio)) / normal_quantile(level)
    return _whole((1.0 - phi) / (phi * error**2))


def slope_information(
    linear_predictor: ArrayLike,
    group: ArrayLike | None = None,
    n_groups: int = 1,
    *,
    weight: ArrayLike | None = None,
    intercept: float = 0.0,
    slope: float = 1.0,
) -> SlopeInformation:
    """Information terms of the calibration slope, averaged over the linear predictor.

    With ``q = expit(a + b LP) (1 - expit(a + b LP))``: ``I_a = mean q``, ``I_ab = mean LP q``,
    ``I_b = mean LP^2 q``.

    Parameters
    ----------
    linear_predictor : array_like, shape (rows,)
        logit of the predicted risks, observed or drawn from an assumed distribution.
    group : array_like of int, shape (rows,), optional
        Stratum code, 0..n_groups-1; one stratum when left out.
    n_groups : int
        Number of strata.
    weight : array_like, shape (rows,), optional
        Not negative; 1 when left out. Lets a binned distribution stand for its rows.
    intercept, slope : float
        Anticipated calibration; 0 and 1 is none amiss.

    Returns
    -------
    SlopeInformation
        Arrays of shape (n_groups,); NaN for a stratum without weight.

    Raises
    ------
    ValueError
        If a value is not finite, a weight negative, a code out of range or lengths differ.

    References
    ----------
    Riley et al. 2021, DOI 10.1002/sim.9025 (after Demidenko 2007, DOI 10.1002/sim.2771).
    """
    lp = as_finite(linear_predictor, "linear_predictor")
    zeros = np.zeros(lp.size, dtype=np.int64)
    g = zeros if group is None else as_codes(group, "group", n_groups)
    w = np.ones(lp.size) if weight is None else as_finite(weight, "weight")
    check_rows(lp.size, group=g, weight=w)
    if np.any(w < 0.0):
        raise ValueError("weight must not be negative")
    eta = intercept + slope * lp
    q = w * expit(eta) * expit(-eta)
    total = group_sum(w, g, n_groups)
    total = np.where(total > 0.0, total, np.nan)
    a, ab, b = (group_sum(term, g, n_groups) / total for term in (q, q * lp, q * lp * lp))
    return SlopeInformation(a, ab, b)


def n_for_slope(
    information: SlopeInformation, width: ArrayLike = SLOPE_WIDTH, level: float = 0.95
) -> Floats:
    """Rows needed for a calibration slope interval of the target width.

    ``n = I_a / (SE^2 (I_a I_b - I_ab^2))`` at ``SE = width / (2 z)``.

    Parameters
    ----------
    information : SlopeInformation
        From `slope_information`, or terms taken from a report.
    width : array_like
        Target width, broadcast with the information.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    ndarray of float
        Whole numbers; NaN where the linear predictor does not vary or has no information.

    Raises
    ------
    ValueError
        If width is not positive or level is outside (0, 1).

    References
    ----------
    Riley et al. 2021, DOI 10.1002/sim.9025.
    """
    a, ab, b = (np.asarray(term, dtype=np.float64) for term in information)
    with np.errstate(divide="ignore", invalid="ignore"):  # no information: NaN below
        spread = b - ab * ab / a
        error = _width(width) / (2.0 * normal_quantile(level))
        needed = 1.0 / (error**2 * np.where(spread > _NO_SPREAD * b, spread, np.nan))
    return _whole(needed)


def n_for_auroc(
    auroc: ArrayLike,
    prevalence: ArrayLike,
    width: ArrayLike = AUROC_WIDTH,
    level: float = 0.95,
) -> Floats:
    """Rows needed for an AUROC interval of the target width.

    Solves for n the quadratic that follows from ``SE^2 = C (1 - C) (1 + (n/2 - 1) k) /
    (n^2 phi (1 - phi))`` with ``k = (1 - C)/(2 - C) + C/(1 + C)`` and ``SE = width / (2 z)``.

    Parameters
    ----------
    auroc : array_like
        Anticipated AUROC C, broadcast together with the others.
    prevalence : array_like
        Anticipated proportion phi with the outcome.
    width : array_like
        Target width.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    ndarray of float
        Whole numbers; NaN where auroc or prevalence is 0, 1 or NaN.

    Raises
    ------
    ValueError
        If auroc or prevalence is outside [0, 1], width is not positive, or level is outside (0, 1).

    References
    ----------
    Newcombe 2006, DOI 10.1002/sim.2324 (method 4), as used in Riley et al. 2021,
    DOI 10.1002/sim.9025.
    """
    c, phi = _open_unit(auroc, "auroc"), _open_unit(prevalence, "prevalence")
    error = _width(width) / (2.0 * normal_quantile(level))
    k = (1.0 - c) / (2.0 - c) + c / (1.0 + c)
    ratio = c * (1.0 - c) / (error**2 * phi * (1.0 - phi))
    # n^2 = ratio (1 - k + n k / 2); k < 1, so the larger root is the positive one.
    linear = ratio * k / 4.0
    return _whole(linear + np.sqrt(linear**2 + ratio * (1.0 - k)))


def n_for_net_benefit(
    sensitivity: ArrayLike,
    specificity: ArrayLike,
    prevalence: ArrayLike,
    odds: ArrayLike,
    width: ArrayLike = NET_BENEFIT_WIDTH,
    level: float = 0.95,
) -> Floats:
    """Rows needed for a standardised net benefit interval of the target width.

    With ``w = odds (1 - phi)/phi``: ``n = (Se (1 - Se)/phi + w^2 Sp (1 - Sp)/(1 - phi)
    + w^2 (1 - Sp)^2 / (phi (1 - phi))) / SE^2`` at ``SE = width / (2 z)``.

    Parameters
    ----------
    sensitivity, specificity : array_like
        Anticipated values at the threshold, broadcast together with the others.
    prevalence : array_like
        Anticipated proportion phi with the outcome.
    odds : array_like
        Odds t/(1 - t) of the threshold t.
    width : array_like
        Target width; standardised net benefit is net benefit / prevalence, at most 1.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    ndarray of float
        Whole numbers; NaN where prevalence is 0, 1 or NaN, and where sensitivity and
        specificity are 1, which leaves the formula no variance.

    Raises
    ------
    ValueError
        If a proportion is outside [0, 1], odds is negative, width is not positive, or level is
        outside (0, 1).

    References
    ----------
    Riley et al. 2021, DOI 10.1002/sim.9025; Vickers and Elkin 2006, DOI 10.1177/0272989X06295361
    (net benefit).
    """
    se, sp = (np.asarray(x, dtype=np.float64) for x in (sensitivity, specificity))
    if np.any((se < 0.0) | (se > 1.0) | (sp < 0.0) | (sp > 1.0)):
        raise ValueError("sensitivity and specificity must lie between 0 and 1")
    phi, weight = _open_unit(prevalence, "prevalence"), np.asarray(odds, dtype=np.float64)
    if np.any(weight < 0.0):
        raise ValueError("odds must not be negative")
    error = _width(width) / (2.0 * normal_quantile(level))
    w2 = (weight * (1.0 - phi) / phi) ** 2
    spread = se * (1.0 - se) / phi + w2 * sp * (1.0 - sp) / (1.0 - phi)
    spread = spread + w2 * (1.0 - sp) ** 2 / (phi * (1.0 - phi))
    return _whole(spread / error**2)


def _reach(level: float, power: float) -> float:
    """z_{1 - alpha/2} + z_power."""
    if not 0.5 <= power < 1.0:
        raise ValueError(f"power must lie in [0.5, 1), got {power!r}")
    return normal_quantile(level) + float(ndtri(power))


def detectable_difference(se: ArrayLike, level: float = 0.95, power: float = 0.8) -> Floats:
    """Smallest distance from a margin (or from no difference) that would be detected.

    ``(z_{1 - alpha/2} + z_power) SE``: were the truth that far from the margin, the two-sided
    interval would exclude the margin with probability `power`.

    Parameters
    ----------
    se : array_like
        Standard error of the estimate, on the scale of the margin.
    level : float
        Confidence level in (0, 1).
    power : float
        In [0.5, 1).

    Returns
    -------
    ndarray of float
        NaN where se is not positive: no observed variation is not certainty.

    Raises
    ------
    ValueError
        If level or power is out of range.

    References
    ----------
    Bloom 1995, DOI 10.1177/0193841X9501900504 (minimum detectable effect).
    """
    error = np.asarray(se, dtype=np.float64)
    return np.where(error > 0.0, _reach(level, power) * error, np.nan)


def n_for_difference(
    difference: ArrayLike,
    se: ArrayLike,
    n: ArrayLike,
    level: float = 0.95,
    power: float = 0.8,
) -> Floats:
    """Size at which a distance from a margin would be detected, from the standard error at n.

    ``n (detectable_difference / |difference|)^2``: a standard error shrinks as 1/sqrt(n) while the
    mix of groups, patients and outcomes stays as it is.

    Parameters
    ----------
    difference : array_like
        Distance of the anticipated truth from the margin, broadcast with the others.
    se : array_like
        Standard error at the present size.
    n : array_like
        Present size, in whatever unit the answer is wanted: rows, patients or events.
    level, power : float
        As in `detectable_difference`.

    Returns
    -------
    ndarray of float
        Whole numbers, below n where the data already suffice; NaN where difference is 0, or se or
        n not positive.

    Raises
    ------
    ValueError
        If level or power is out of range.

    References
    ----------
    Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, ISBN 9780805802832.
    """
    size, gap = np.asarray(n, dtype=np.float64), np.abs(np.asarray(difference, dtype=np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):  # no difference: NaN
        return _whole(size * (detectable_difference(se, level, power) / gap) ** 2)


def n_for_two_proportions(
    p1: ArrayLike,
    p2: ArrayLike,
    ratio: ArrayLike = 1.0,
    level: float = 0.95,
    power: float = 0.8,
    *,
    null_variance: Literal["unpooled", "pooled"] = "unpooled",
) -> tuple[Floats, Floats]:
    """Rows of each group at which a difference of two independent proportions is detected.

    With q = 1 - p, r = n2/n1 and z as in `detectable_difference`. Unpooled, the test that the
    interval of the difference makes: ``n1 = (z_a + z_b)^2 (p1 q1 + p2 q2/r) / (p1 - p2)^2``.
    Pooled, with pbar = (p1 + r p2)/(1 + r): ``n1 = (z_a sqrt((1 + 1/r) pbar qbar)
    + z_b sqrt(p1 q1 + p2 q2/r))^2 / (p1 - p2)^2``. No continuity correction.

    Parameters
    ----------
    p1, p2 : array_like
        Anticipated proportions, broadcast together with ratio.
    ratio : array_like
        Size of the second group over the first, n2/n1.
    level, power : float
        As in `detectable_difference`.
    null_variance : {"unpooled", "pooled"}
        Variance under no difference.

    Returns
    -------
    n1, n2 : ndarray of float
        Whole numbers; n2 is n1 times ratio before rounding up. NaN where p1 = p2, or where both
        are 0 or 1, which leaves no variance.

    Raises
    ------
    ValueError
        If a proportion is outside [0, 1], ratio is not positive, null_variance is unknown, or
        level or power is out of range.

    References
    ----------
    Fleiss, Tytun and Ury 1980, DOI 10.2307/2529990 (unequal groups, pooled); Chow, Shao and Wang,
    Sample Size Calculations in Clinical Research, ISBN 9781584889823 (unpooled).
    """
    x, y, r = (np.asarray(a, dtype=np.float64) for a in (p1, p2, ratio))
    if np.any((x < 0.0) | (x > 1.0) | (y < 0.0) | (y > 1.0)):
        raise ValueError("proportions must lie between 0 and 1")
    if np.any(r <= 0.0):
        raise ValueError("ratio must be positive")
    spread = x * (1.0 - x) + y * (1.0 - y) / r
    if null_variance == "unpooled":
        reach = _reach(level, power) * np.sqrt(spread)
    elif null_variance == "pooled":
        pooled = (x + r * y) / (1.0 + r)
        null = np.sqrt((1.0 + 1.0 / r) * pooled * (1.0 - pooled))
        z = normal_quantile(level)
        reach = z * null + (_reach(level, power) - z) * np.sqrt(spread)
    else:
        raise ValueError(f"null_variance must be 'unpooled' or 'pooled', got {null_variance!r}")
    with np.errstate(divide="ignore", invalid="ignore"):  # no difference: NaN
        first = (reach / (x - y)) ** 2
    return _whole(first), _whole(first * r)
