"""What inconclusive data could have shown: the detectable distance and the size that decides.

All at 80 % power, from the interval that the verdict was taken from.
"""

from collections.abc import Sequence
from math import ceil, copysign, exp, inf, log, sqrt
from statistics import NormalDist
from typing import NamedTuple

from audit.measures import DECLARED
from audit.result import Contrast, Disparity, Estimate

POWER = 0.8
LARGEST_N = 10**9


class Power(NamedTuple):
    """Smallest detectable distance from the margin, and the units needed to detect this one.

    None where it cannot be told.
    """

    detectable: float | None
    n_needed: int | None


NOTHING = Power(None, None)


def power_of_estimate(estimate: Estimate, allowed: tuple[float, float], level: float) -> Power:
    """Power of a measure in one stratum against the nearest end of the allowed range.

    ``(z_{1-a/2} + z_{power}) * SE`` with the SE implied by the interval; n scaled by the square of
    its ratio to the observed distance from the margin. For a proportion p against a margin p0,
    ``deff ((z_{1-a/2} sqrt(p0 q0) + z_{power} sqrt(p q)) / (p - p0))^2`` units in the denominator,
    with the design effect of the clustering seen.
    """
    if estimate.lower is None or estimate.upper is None or estimate.value is None:
        return NOTHING
    z, z_power = _quantiles(level)
    error = (estimate.upper - estimate.lower) / (2 * z)
    detectable = (z + z_power) * error
    p, bound = estimate.value, _nearest(estimate.value, allowed)
    distance = abs(p - bound)
    if distance <= 0 or not error > 0 or estimate.n is None or not estimate.denominator:
        return Power(detectable, None)
    if DECLARED[estimate.measure].inference == "proportion" and 0 < p < 1 and 0 <= bound <= 1:
        effect = max(1.0, error**2 * estimate.denominator / (p * (1 - p)))
        reach = z * sqrt(bound * (1 - bound)) + z_power * sqrt(p * (1 - p))
        needed = effect * (reach / distance) ** 2 * estimate.n / estimate.denominator
    else:
        needed = estimate.n * (detectable / distance) ** 2
    return Power(detectable, _whole(needed))


def power_of_disparity(
    disparity: Disparity,
    interval: tuple[float | None, float | None],
    allowed: tuple[float, float],
    level: float,
    compared: Sequence[Estimate],
) -> Power:
    """Power of a contrast against the nearest end of the allowed range.

    With h the half-width of the deciding `interval` and SE the standard error,
    ``h + z_{power} SE`` is detectable; the interval of this contrast alone has
    ``h = z_{1-a/2} SE``, a simultaneous one is wider. n is the units of the strata in `compared`,
    scaled by ``((h + z_{power} SE) / distance)^2``. Ratios are taken on the log scale; what is
    detectable is given as a distance from the margin on the scale of the ratio. For the difference
    of two proportions n is at least that of independent units, from
    ``SE^2 = p1 q1/n1 + p2 q2/n2``: what SE exceeds it by is the design effect of the clustering.
    """
    lower, upper = interval
    if disparity.value is None or lower is None or upper is None:
        return NOTHING
    kind = disparity.contrast
    value, low, high = (_on_scale(x, kind) for x in (disparity.value, lower, upper))
    margin = _nearest(value, (_on_scale(allowed[0], kind), _on_scale(allowed[1], kind)))
    half = _arm(value, low, high, margin) if kind == "gap" else (high - low) / 2
    if not 0 < half < inf:
        return NOTHING
    error = _error(disparity, half, level, compared)
    z_power = _quantiles(level)[1]
    detectable, distance = half + z_power * error, abs(value - margin)
    shown = detectable
    if kind == "ratio":
        shown = abs(exp(margin + copysign(detectable, value - margin)) - exp(margin))
    units = [e.n for e in compared if e.n is not None]
    if not distance > 0 or len(units) < max(2, len(compared)):
        return Power(shown, None)
    swollen = 1.0
    if kind == "difference":
        swollen = max(1.0, _independent_error(compared) / error)
    return Power(shown, _whole(sum(units) * (swollen * detectable / distance) ** 2))


def _quantiles(level: float) -> tuple[float, float]:
    normal = NormalDist()
    return normal.inv_cdf(0.5 + level / 2), normal.inv_cdf(POWER)


def _nearest(value: float, allowed: tuple[float, float]) -> float:
    low, high = allowed
    return low if abs(value - low) <= abs(high - value) else high


def _whole(n: float) -> int | None:
    return ceil(n) if n < LARGEST_N else None


def _on_scale(x: float, kind: Contrast) -> float:
    if kind != "ratio":
        return x
    return log(x) if x > 0 else -inf


def _arm(value: float, low: float, high: float, margin: float) -> float:
    """The arm of a gap's interval that points at the margin; the lower end is cut at 0."""
    if value <= margin:
        return high - value
    return value - low if low > 0 else max(value, high - value)


def _error(disparity: Disparity, half: float, level: float, compared: Sequence[Estimate]) -> float:
    """Standard error of a contrast, at most what the half-width implies.

    Intervals of gaps hold for all pairs at once, and simultaneous ones for a family: the error then
    follows from the intervals of the two strata, or from the contrast's own interval.
    """
    z = _quantiles(level)[0]
    if disparity.contrast == "gap":
        ends = [e for e in compared if e.stratum in (disparity.stratum, disparity.reference)]
        own = [
            (e.upper - e.lower) / (2 * z)
            for e in ends
            if e.upper is not None and e.lower is not None
        ]
        return min(half / z, sqrt(sum(s * s for s in own)) if len(own) == 2 else inf)
    if disparity.lower is None or disparity.upper is None:
        return half / z
    low, high = (_on_scale(x, disparity.contrast) for x in (disparity.lower, disparity.upper))
    own_half = (high - low) / 2
    return min(half, own_half) / z if own_half > 0 else half / z


def _independent_error(compared: Sequence[Estimate]) -> float:
    """Unpooled standard error of a difference of proportions; 0 for other measures."""
    total = 0.0
    for e in compared:
        if DECLARED[e.measure].inference != "proportion" or not e.denominator or e.value is None:
            return 0.0
        total += e.value * (1 - e.value) / e.denominator
    return sqrt(total)
