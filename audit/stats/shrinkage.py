"""Empirical-Bayes shrinkage of stratum effects towards a regression on their attributes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from audit.stats._arrays import Bools, Floats, Ints, normal_quantile

# A column of the design is a combination of those before it when this share of it is left.
_DEPENDENT = 1e-9
_GRID = 120
_BISECTIONS = 200
_LIKELIHOOD_ROUNDING = 1e-13


class Shrunken(NamedTuple):
    """Shrunken effects of k strata, on the scale of the effects.

    `own_weight` is the weight of a stratum's own estimate, 1 where nothing is borrowed; `fitted` is
    the regression value that takes the rest. `sd` takes tau2 as known; `full_sd`, behind the
    bounds, does not. `used` strata out of k entered; `parameters` is the rank of the design.
    """

    tau2: float
    used: int
    parameters: int
    value: Floats
    sd: Floats
    full_sd: Floats
    lower: Floats
    upper: Floats
    own_weight: Floats
    fitted: Floats


class _Regression(NamedTuple):
    """Weighted regression on orthonormal columns at one tau2, or at each of an array of them."""

    weight: Floats
    covariance: Floats
    residual: Floats


def main_effects(levels: ArrayLike) -> Floats:
    """Design that says an intersection is the sum of what its levels do alone.

    A column of ones, then one indicator column per level of each attribute.

    Parameters
    ----------
    levels : array_like of int, shape (k, attributes)
        Level code of each stratum on each attribute, not negative.

    Returns
    -------
    ndarray of float, shape (k, 1 + levels in all)
        Its columns are linearly dependent, which `shrink` allows.

    Raises
    ------
    ValueError
        If levels is not two-dimensional, not of integers, or negative.
    """
    codes: Ints = np.asarray(levels)
    if codes.ndim != 2 or (codes.dtype.kind not in "iu" and codes.size):
        raise ValueError("levels must be a two-dimensional array of integer codes")
    if codes.size and codes.min() < 0:
        raise ValueError("levels codes must not be negative")
    columns = [np.ones((codes.shape[0], 1))]
    for attribute in codes.T:
        found = np.unique(attribute)
        columns.append((attribute[:, None] == found[None, :]).astype(np.float64))
    return np.hstack(columns)


def _orthonormal(design: Floats) -> Floats:
    """Orthonormal columns that span the design, dropping dependent ones from the left on.

    Gram-Schmidt, twice for accuracy. Shrunken values depend on the span alone.
    """
    basis: list[Floats] = []
    for column in design.T:
        size = np.sqrt(np.sum(column * column))
        rest = column.astype(np.float64)
        for _ in range(2):
            for unit in basis:
                rest = rest - np.sum(unit * rest) * unit
        left = np.sqrt(np.sum(rest * rest))
        if left > _DEPENDENT * size:
            basis.append(rest / left)
    return np.stack(basis, axis=1) if basis else np.empty((design.shape[0], 0))


def _regress(y: Floats, v: Floats, x: Floats, tau2: ArrayLike) -> _Regression:
    weight = 1.0 / (v + np.asarray(tau2)[..., None])
    # einsum and not a matrix product, whose last digits depend on the library's threads.
    gram = np.einsum("ia,...i,ib->...ab", x, weight, x)
    covariance = np.linalg.inv(gram)
    moment = np.einsum("ia,...i,i->...a", x, weight, y)
    fitted = np.einsum("ia,...ab,...b->...i", x, covariance, moment)
    return _Regression(weight, covariance, y - fitted)


def _likelihood(y: Floats, v: Floats, x: Floats, tau2: ArrayLike) -> Floats:
    """Restricted log likelihood at each tau2, up to a constant."""
    fit = _regress(y, v, x, tau2)
    spread = -np.log(fit.weight).sum(-1) - np.linalg.slogdet(fit.covariance)[1]
    return np.asarray(-0.5 * (spread + np.sum(fit.weight * fit.residual**2, axis=-1)))


def _score(y: Floats, v: Floats, x: Floats, tau2: float) -> float:
    """Twice the derivative of the restricted log likelihood, y'PPy - tr P."""
    fit = _regress(y, v, x, tau2)
    taken = np.einsum("ia,ab,ib,i->", x, fit.covariance, x, fit.weight**2)
    return float(np.sum((fit.weight * fit.residual) ** 2) - fit.weight.sum() + taken)


def _reml(y: Floats, v: Floats, x: Floats) -> float:
    """REML tau2, the highest of the maxima: a grid finds it, bisection of the score places it."""
    freedom = y.size - x.shape[1]
    plain = np.sum((y - np.einsum("ia,a->i", x, np.einsum("ja,j->a", x, y))) ** 2)
    top = plain / freedom + float(v.max())  # beyond it the score is negative
    points = np.concatenate(([0.0], top * np.logspace(-12, 1, _GRID)))
    heights = _likelihood(y, v, x, points)
    best = int(np.argmax(heights))
    low, high = points[max(best - 1, 0)], points[min(best + 1, _GRID)]
    if best == 0 and _score(y, v, x, 0.0) <= 0.0:
        return 0.0
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        low, high = (middle, high) if _score(y, v, x, middle) > 0.0 else (low, middle)
    tau2 = float(0.5 * (low + high))
    at_zero, height = heights[0], float(_likelihood(y, v, x, tau2))
    return 0.0 if at_zero > height + _LIKELIHOOD_ROUNDING * (1.0 + abs(height)) else tau2


def _morris_sd(v: Floats, tau2: float, fit: _Regression, of_fitted: Floats, freedom: int) -> Floats:
    """Posterior sd that allows for the estimation of tau2 and of the regression."""
    if freedom < 3:
        return np.full(v.size, np.nan)
    pull = (freedom - 2) / freedom * v * fit.weight
    typical = np.sum(fit.weight * v) / fit.weight.sum()
    unsure = 2.0 / (freedom - 2) * pull**2 * (typical + tau2) * fit.weight
    kept = v * (1.0 - (1.0 - fit.weight * of_fitted) * pull)
    return np.asarray(np.sqrt(kept + unsure * fit.residual**2))


def _checked(
    effect: ArrayLike, variance: ArrayLike, design: ArrayLike | None
) -> tuple[Floats, Floats, Floats, Bools]:
    """Effects, variances and design as arrays, and which strata have an estimate."""
    y, v = (np.asarray(a, dtype=np.float64) for a in (effect, variance))
    if y.ndim != 1 or y.shape != v.shape:
        raise ValueError("effect and variance must be one-dimensional and equally long")
    x = np.ones((y.size, 1)) if design is None else np.asarray(design, dtype=np.float64)
    if x.ndim != 2 or x.shape[0] != y.size:
        raise ValueError(f"design must have two dimensions and {y.size} rows")
    used = ~(np.isnan(y) | np.isnan(v))
    if np.any(np.isinf(y[used])) or np.any(np.isinf(v[used])) or np.any(v[used] <= 0.0):
        raise ValueError("effect must be finite and variance positive and finite, or NaN")
    if not np.all(np.isfinite(x[used])):
        raise ValueError("design must be finite")
    return y, v, x, used


def shrink(
    effect: ArrayLike,
    variance: ArrayLike,
    design: ArrayLike | None = None,
    level: float = 0.95,
) -> Shrunken:
    """Shrink stratum effects towards a regression mean (normal-normal empirical Bayes).

    With ``W_i = tau2 / (tau2 + v_i)``, tau2 by REML and beta by weighted least squares:
    ``value_i = W_i y_i + (1 - W_i) x_i'beta`` and ``sd_i^2 = W_i v_i + (1 - W_i)^2 x_i' V x_i``, V
    the variance of beta, as metafor's ``blup``. That takes tau2 as known and covers too little, so
    the bounds are ``value -+ z full_sd`` with Morris's variance (p parameters, k strata):
    ``full_sd_i^2 = v_i (1 - (1 - h_i) B_i) + 2/(k - p - 2) B_i^2 (vbar + tau2)/(v_i + tau2)
    (y_i - x_i'beta)^2``, ``B_i = (k - p - 2)/(k - p) v_i/(v_i + tau2)``,
    ``h_i = x_i' V x_i/(v_i + tau2)``, vbar the mean of v with weights 1/(v + tau2).

    Parameters
    ----------
    effect, variance : array_like, shape (k,)
        Estimates on a scale where they are near normal, and their sampling variances. Strata
        where either is NaN are ignored.
    design : array_like, shape (k, p), optional
        Regression of the effects, with its own column of ones; columns may be dependent. Left
        out, the common mean. `main_effects` shrinks intersections towards additivity.
    level : float
        Confidence level in (0, 1).

    Returns
    -------
    Shrunken
        Arrays of shape (k,), NaN for ignored strata; everything NaN where no more strata are used
        than the design has parameters, which leaves tau2 undefined. full_sd and the bounds are NaN
        unless at least three more strata are used than the design has parameters.

    Raises
    ------
    ValueError
        If lengths differ, a variance is not positive, a value is infinite, or level is outside
        (0, 1).

    References
    ----------
    Morris 1983, DOI 10.1080/01621459.1983.10477920; Raudenbush and Bryk 1985,
    DOI 10.3102/10769986010002075; Viechtbauer 2005, DOI 10.3102/10769986030003261 (REML).
    """
    y, v, x, used = _checked(effect, variance, design)
    quantile = normal_quantile(level)
    basis = _orthonormal(x[used])
    k, rank = int(used.sum()), basis.shape[1]
    if k <= rank or rank == 0:
        return Shrunken(float("nan"), k, rank, *(np.full(y.size, np.nan) for _ in range(7)))
    own, noise = y[used], v[used]
    tau2 = _reml(own, noise, basis)
    fit = _regress(own, noise, basis, tau2)
    fitted = own - fit.residual
    of_fitted = np.einsum("ia,ab,ib->i", basis, fit.covariance, basis)
    weight = tau2 / (tau2 + noise)
    value = weight * own + (1.0 - weight) * fitted
    sd = np.sqrt(weight * noise + (1.0 - weight) ** 2 * of_fitted)
    full = _morris_sd(noise, tau2, fit, of_fitted, k - rank)
    half = quantile * full
    filled = []
    for part in (value, sd, full, value - half, value + half, weight, fitted):
        whole = np.full(y.size, np.nan)
        whole[used] = part
        filled.append(whole)
    return Shrunken(tau2, k, rank, *filled)
