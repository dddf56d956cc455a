"""Three-level random effects: effects nested in two levels, such as scanners within sites."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from audit.stats._arrays import (
    Floats,
    Ints,
    as_codes,
    as_finite,
    check_level,
    check_rows,
    group_sum,
    t_quantile,
)

_MAX_ITERATIONS = 500
_MAX_HALVINGS = 60
_TOLERANCE = 1e-13
_LIKELIHOOD_ROUNDING = 1e-14
# Where on the plane of the two variances the search starts, in units of the effects' variance.
_STARTS = np.concatenate(([0.0], np.logspace(-5, 1, 13)))


@dataclass(frozen=True)
class NestedEffects:
    """Pooling of k effects in `outer` units; on the scale of the effects.

    `i2_outer` and `i2_inner` are the percentages of the total variance that lie between outer units
    and between the effects inside them. `q_p` is the p value of Cochran's Q.
    """

    k: int
    outer: int
    sigma2_outer: float
    sigma2_inner: float
    estimate: float
    se: float
    lower: float
    upper: float
    prediction_lower: float
    prediction_upper: float
    q: float
    q_p: float
    i2_outer: float
    i2_inner: float


class _Fit(NamedTuple):
    """Generalised least squares mean at one pair of variances (outer s, inner t).

    The covariance of a unit's effects is diag(v + t) + s 11'; its inverse has a closed form, so
    every quantity is a sum over effects or over units. `pull` is the column of M^-1 1, `share` its
    sum in each unit, `total` its sum, `scaled` is P y.
    """

    weight: Floats
    spill: Floats
    pull: Floats
    share: Floats
    total: float
    mean: float
    scaled: Floats
    height: float


class _Data(NamedTuple):
    effect: Floats
    variance: Floats
    unit: Ints
    units: int


def _solve(values: Floats, weight: Floats, spill: Floats, data: _Data) -> Floats:
    """M^-1 values; spill is s / (1 + s sum of the unit's weights)."""
    moved = spill * group_sum(weight * values, data.unit, data.units)
    return weight * (values - moved[data.unit])


def _fit(data: _Data, variances: Floats) -> _Fit:
    outer, inner = float(variances[0]), float(variances[1])
    weight = 1.0 / (data.variance + inner)
    inflated = 1.0 + outer * group_sum(weight, data.unit, data.units)
    spill = outer / inflated
    pull = _solve(np.ones_like(weight), weight, spill, data)
    share = group_sum(pull, data.unit, data.units)
    total = float(share.sum())
    mean = float(np.sum(pull * data.effect)) / total
    scaled = _solve(data.effect - mean, weight, spill, data)
    size = np.log(inflated).sum() - np.log(weight).sum() + np.log(total)
    height = float(-0.5 * (size + np.sum(scaled * (data.effect - mean))))
    return _Fit(weight, spill, pull, share, total, mean, scaled, height)


def _slopes(data: _Data, fit: _Fit) -> tuple[Floats, Floats, Floats]:
    """Gradient of the restricted log likelihood, minus its Hessian, and the expected information.

    ``g_a = -(tr P D_a - y'P D_a P y) / 2`` with D the derivative of M: 11' within units, and I.
    """
    w, c, d, total = fit.weight, fit.spill, fit.share, fit.total
    s2, s3 = (group_sum(w**power, data.unit, data.units) for power in (2, 3))
    e = group_sum(fit.pull**2, data.unit, data.units)
    lent = _solve(fit.pull, w, c, data)
    of_units = group_sum(fit.scaled, data.unit, data.units)
    trace = np.array(
        [d.sum() - np.sum(d * d) / total, np.sum(w) - np.sum(c * s2) - e.sum() / total]
    )
    quadratic = np.array([np.sum(of_units**2), np.sum(fit.scaled**2)])
    squares = np.sum(w**2) - 2.0 * np.sum(c * s3) + np.sum((c * s2) ** 2)
    inner = squares - 2.0 * np.sum(fit.pull * lent) / total + (e.sum() / total) ** 2
    mixed = e.sum() - 2.0 * np.sum(e * d) / total + e.sum() * np.sum(d * d) / total**2
    outer = np.sum(d * d) - 2.0 * np.sum(d**3) / total + (np.sum(d * d) / total) ** 2
    expected = 0.5 * np.array([[outer, mixed], [mixed, inner]])
    moves = (of_units[data.unit], fit.scaled)
    projected = []
    for move in moves:
        part = _solve(move, w, c, data)
        projected.append(part - fit.pull * (part.sum() / total))
    curvature = np.array([[np.sum(a * b) for b in projected] for a in moves])
    return 0.5 * (quadratic - trace), curvature - expected, expected


def _step(at: Floats, gradient: Floats, observed: Floats, expected: Floats) -> Floats:
    """Best step on the local quadratic that keeps both variances from going below 0.

    Newton's quadratic, or Fisher's where the surface is not concave. Clipping an unrestricted step
    would crawl along the boundary, so each way of holding variances at 0 is solved and compared.
    """
    free = np.flatnonzero((at > 0.0) | (gradient > 0.0))
    if free.size < 2:
        alone = np.zeros(2)
        for i in free.tolist():  # at most one
            bend = observed[i, i] if observed[i, i] > 0.0 else expected[i, i]
            alone[i] = max(gradient[i] / bend, -at[i])
        return alone
    scale = observed[0, 0] * observed[1, 1]
    concave = observed[0, 0] > 0.0 and scale - observed[0, 1] ** 2 > 1e-12 * abs(scale)
    m = observed if concave else expected
    determinant = m[0, 0] * m[1, 1] - m[0, 1] ** 2
    steps = [-at]
    for a, b in ((0, 1), (1, 0)):  # hold b at 0
        steps.append(np.array([0.0, 0.0]))
        steps[-1][b] = -at[b]
        steps[-1][a] = (gradient[a] + m[0, 1] * at[b]) / m[a, a]
    if determinant > 0.0:
        first = m[1, 1] * gradient[0] - m[0, 1] * gradient[1]
        second = m[0, 0] * gradient[1] - m[0, 1] * gradient[0]
        steps.append(np.array([first, second]) / determinant)
    allowed = [step for step in steps if np.all(at + step >= 0.0)]
    return max(allowed, key=lambda step: _gain(step, gradient, m))


def _gain(step: Floats, gradient: Floats, m: Floats) -> float:
    bend = m[0, 0] * step[0] ** 2 + 2.0 * m[0, 1] * step[0] * step[1] + m[1, 1] * step[1] ** 2
    return float(np.sum(gradient * step) - 0.5 * bend)


def _climb(data: _Data, start: Floats, scale: float) -> tuple[Floats, _Fit] | None:
    """Local maximum from `start` with variances not below 0; None if not reached."""
    at, fit = start, _fit(data, start)
    for _ in range(_MAX_ITERATIONS):
        gradient, observed, expected = _slopes(data, fit)
        goal = np.maximum(at + _step(at, gradient, observed, expected), 0.0)
        for _ in range(_MAX_HALVINGS):
            trial = _fit(data, goal)
            if trial.height >= fit.height - _LIKELIHOOD_ROUNDING * (1.0 + abs(fit.height)):
                break
            goal = 0.5 * (goal + at)
        else:
            return at, fit  # no height left to gain in floating point
        moved = float(np.max(np.abs(goal - at)))
        at, fit = goal, trial
        if moved <= _TOLERANCE * (scale + float(at.max())):
            return at, fit
    return None


def _heights(data: _Data, pairs: Floats) -> Floats:
    """Restricted log likelihood at each pair of variances, up to a constant."""
    first = np.searchsorted(data.unit, np.arange(data.units))  # effects are sorted by unit
    weight = 1.0 / (data.variance + pairs[:, 1:])
    one, y = (np.add.reduceat(weight * x, first, axis=1) for x in (1.0, data.effect))
    inflated = 1.0 + pairs[:, :1] * one
    total = (one / inflated).sum(axis=1)
    mean = (y / inflated).sum(axis=1) / total
    square = (weight * (data.effect - mean[:, None]) ** 2).sum(axis=1)
    square -= (pairs[:, :1] * (y - mean[:, None] * one) ** 2 / inflated).sum(axis=1)
    size = np.log(inflated).sum(axis=1) - np.log(weight).sum(axis=1) + np.log(total)
    return np.asarray(-0.5 * (size + square))


def _reml(data: _Data) -> tuple[Floats, _Fit] | None:
    """Highest restricted likelihood: climbs from the best points of a grid and of its edges."""
    spread = float(np.mean((data.effect - data.effect.mean()) ** 2))
    scale = spread + float(np.median(data.variance))
    pairs = scale * np.array([(a, b) for a in _STARTS for b in _STARTS])
    heights = _heights(data, pairs)
    inside = np.all(pairs > 0.0, axis=1)
    starts = [np.zeros(2)]
    for kept in (inside, (pairs[:, 0] == 0.0), (pairs[:, 1] == 0.0)):
        starts.append(pairs[kept][np.argmax(heights[kept])])
    found = [top for top in (_climb(data, start, scale) for start in starts) if top is not None]
    return max(found, key=lambda top: top[1].height) if found else None


def _heterogeneity(data: _Data, sigma2: Floats) -> tuple[float, float, Floats]:
    """Cochran's Q, its p value, and the percentages of variance at the two levels."""
    weight = 1.0 / data.variance
    total, k = float(weight.sum()), data.effect.size
    mean = np.sum(weight * data.effect) / total
    q = float(np.sum(weight * (data.effect - mean) ** 2))
    typical = (k - 1) / (total - np.sum(weight**2) / total)
    return q, float(chdtrc(k - 1, q)), 100.0 * sigma2 / (sigma2.sum() + typical)


def nested_random_effects(
    effect: ArrayLike, variance: ArrayLike, outer_code: ArrayLike, level: float = 0.95
) -> NestedEffects:
    """Pool effects nested in outer units by REML, as metafor's ``rma.mv(~ 1 | outer/inner)``.

    ``y_ij = mu + a_i + b_ij + e_ij`` with variances sigma2_outer, sigma2_inner and v_ij. With M
    the covariance of y, ``se^2 = 1 / (1' M^-1 1)``; interval ``mu -+ t_{k-1} se``; prediction
    interval, for one effect in a new outer unit, ``mu -+ t_{k-1} sqrt(se^2 + sigma2_outer
    + sigma2_inner)``; ``I^2`` of a level is 100 sigma2 / (sum of both + (k - 1)/tr P) with P the
    projection at no heterogeneity.

    Parameters
    ----------
    effect : array_like, shape (k,)
        Effects on the scale of pooling, one per inner unit (site and scanner, say).
    variance : array_like, shape (k,)
        Their sampling variances, positive; the effects are taken as independent given the levels.
    outer_code : array_like of int, shape (k,)
        Outer unit of each effect, not negative.
    level : float
        Confidence level in (0, 1) of both intervals.

    Returns
    -------
    NestedEffects
        Every number but k and outer is NaN where the two variances cannot be told apart: fewer
        than two outer units, or no outer unit with two effects; and should REML not converge.

    Raises
    ------
    ValueError
        If an effect is not finite, a variance not positive and finite, a code negative, lengths
        differ, or level is outside (0, 1).

    References
    ----------
    Konstantopoulos 2011, DOI 10.1002/jrsm.35; Van den Noortgate et al. 2013,
    DOI 10.3758/s13428-012-0261-6; Cheung 2014, DOI 10.1037/a0032968 (I^2 by level).
    """
    y, v = as_finite(effect, "effect"), as_finite(variance, "variance")
    codes = as_codes(outer_code, "outer_code")
    check_level(level)
    check_rows(y.size, variance=v, outer_code=codes)
    if np.any(v <= 0.0):
        raise ValueError("variance must be positive")
    k = y.size
    # A fixed order of summation, so that the result does not depend on the order of the effects.
    order = np.lexsort((v, y, codes))
    found, unit = np.unique(codes[order], return_inverse=True)
    data = _Data(y[order], v[order], unit.astype(np.int64), found.size)
    top = _reml(data) if 2 <= found.size < k else None
    if top is None:
        return NestedEffects(k, found.size, *(float("nan"),) * 12)
    sigma2, fit = top
    q, q_p, i2 = _heterogeneity(data, sigma2)
    se, quantile = float(np.sqrt(1.0 / fit.total)), float(t_quantile(k - 1, level))
    reach = quantile * float(np.sqrt(se**2 + sigma2.sum()))
    return NestedEffects(
        k=k,
        outer=found.size,
        sigma2_outer=float(sigma2[0]),
        sigma2_inner=float(sigma2[1]),
        estimate=fit.mean,
        se=se,
        lower=fit.mean - quantile * se,
        upper=fit.mean + quantile * se,
        prediction_lower=fit.mean - reach,
        prediction_upper=fit.mean + reach,
        q=q,
        q_p=q_p,
        i2_outer=float(i2[0]),
        i2_inner=float(i2[1]),
    )
