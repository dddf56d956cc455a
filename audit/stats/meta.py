"""Random-effects pooling of site estimates: REML, Hartung-Knapp, prediction interval."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from audit.stats._arrays import Bools, Floats, as_finite, check_level, t_quantile

_MAX_ITERATIONS = 1000
_MAX_HALVINGS = 60
_TOLERANCE = 1e-12
_SHORT_STEP = 0.1
_LIKELIHOOD_ROUNDING = 1e-13
# metafor takes a residual sum of squares up to machine epsilon as no variation at all.
_NO_VARIATION = float(np.finfo(np.float64).eps)


class LeftOut(NamedTuple):
    """Pooled values with one study omitted."""

    estimate: float
    lower: float
    upper: float
    tau2: float


@dataclass(frozen=True)
class RandomEffects:
    """Random-effects pooling of k studies; on the scale of the effects unless said.

    `i2` is in percent. `q_p` is the p value of Cochran's Q. `hk_factor` multiplies the usual
    variance: below 1 the Hartung-Knapp interval is narrower than the normal one.
    """

    k: int
    tau2: float
    i2: float
    q: float
    q_p: float
    estimate: float
    lower: float
    upper: float
    prediction_lower: float
    prediction_upper: float
    hk_factor: float
    leave_one_out: tuple[LeftOut, ...]


class _Pool(NamedTuple):
    """Weighted mean, its total weight and residual sum of squares, one row per subset."""

    mean: Floats
    weight: Floats
    total: Floats
    residual: Floats


def _pool(effect: Floats, variance: Floats, kept: Bools, tau2: Floats) -> _Pool:
    """Weighted means with weights 1/(v + tau2) over the kept studies of each subset."""
    weight = kept / (variance + tau2[:, None])
    total = weight.sum(axis=1)
    mean = (weight * effect).sum(axis=1) / total
    residual = (weight * (effect - mean[:, None]) ** 2).sum(axis=1)
    return _Pool(mean, weight, total, residual)


def _likelihood(effect: Floats, variance: Floats, kept: Bools, tau2: Floats) -> Floats:
    """Restricted log likelihood of each subset, up to a constant."""
    pool = _pool(effect, variance, kept, tau2)
    spread = np.where(kept, np.log(variance + tau2[:, None]), 0.0).sum(axis=1)
    return np.asarray(-0.5 * (spread + np.log(pool.total) + pool.residual))


def _projection_trace(pool: _Pool) -> Floats:
    """Trace of P = W - W 1 (1'W1)^-1 1'W."""
    return np.asarray(pool.total - (pool.weight**2).sum(axis=1) / pool.total)


def _adjustment(effect: Floats, variance: Floats, kept: Bools, tau2: Floats) -> Floats:
    """Scoring step of tau2, (y'PPy - tr P) / information.

    Fisher's expected information tr PP, as metafor; once the step is short, the observed
    2 y'PPPy - tr PP, because Fisher scoring crawls where the likelihood is flat at its top.
    """
    pool = _pool(effect, variance, kept, tau2)
    weight = pool.weight
    square = (weight**2).sum(axis=1)
    cube = (weight**3).sum(axis=1)
    expected = square - 2.0 * cube / pool.total + (square / pool.total) ** 2
    residual = weight * (effect - pool.mean[:, None])
    score = (residual**2).sum(axis=1) - _projection_trace(pool)
    sandwich = (weight * residual**2).sum(axis=1)
    sandwich -= (weight * residual).sum(axis=1) ** 2 / pool.total
    observed = 2.0 * sandwich - expected
    scale = tau2 + (kept * variance).sum(axis=1) / kept.sum(axis=1)
    short = (np.abs(score) < _SHORT_STEP * scale * expected) & (observed > 1e-3 * expected)
    return np.asarray(score / np.where(short, observed, expected))


def _reml(effect: Floats, variance: Floats, kept: Bools) -> Floats:
    """REML tau2 of each subset (at least two studies), truncated at 0; NaN if not converged."""
    size = kept.sum(axis=1)
    centre = (kept * effect).sum(axis=1) / size
    typical = (kept * variance).sum(axis=1) / size
    squares = (kept * (effect - centre[:, None]) ** 2).sum(axis=1)
    tau2 = np.maximum(squares / (size - 1) - typical, 0.0)  # Hedges' moment estimate
    likelihood = _likelihood(effect, variance, kept, tau2)
    live = np.ones(tau2.shape, dtype=np.bool_)
    for _ in range(_MAX_ITERATIONS):
        step = _adjustment(effect, variance, kept, tau2)
        goal = np.where(live, np.maximum(tau2 + step, 0.0), tau2)
        for _ in range(_MAX_HALVINGS):
            trial = _likelihood(effect, variance, kept, goal)
            worse = trial < likelihood - _LIKELIHOOD_ROUNDING * (1.0 + np.abs(likelihood))
            if not worse.any():
                break
            goal = np.where(worse, (goal + tau2) / 2.0, goal)
        live &= np.abs(goal - tau2) > _TOLERANCE * (tau2 + typical)
        tau2, likelihood = goal, trial
        if not live.any():
            break
    # Scoring may stop at a local maximum below the boundary value.
    at_zero = _likelihood(effect, variance, kept, np.zeros_like(tau2))
    tau2 = np.where(at_zero > likelihood, 0.0, tau2)
    return np.where(live, np.nan, tau2)


class _Fits(NamedTuple):
    """Hartung-Knapp results of each subset."""

    tau2: Floats
    estimate: Floats
    error: Floats
    factor: Floats
    lower: Floats
    upper: Floats


def _fit(effect: Floats, variance: Floats, kept: Bools, level: float) -> _Fits:
    """REML and Hartung-Knapp for each subset of at least two studies."""
    tau2 = _reml(effect, variance, kept)
    pool = _pool(effect, variance, kept, tau2)
    freedom = kept.sum(axis=1) - 1
    factor = pool.residual / freedom
    # Effects that agree exactly would give an interval of no width: that is not certainty.
    error = np.sqrt(np.where(pool.residual > _NO_VARIATION, factor, np.nan) / pool.total)
    half = t_quantile(freedom, level) * error
    return _Fits(tau2, pool.mean, error, factor, pool.mean - half, pool.mean + half)


def random_effects(effect: ArrayLike, variance: ArrayLike, level: float = 0.95) -> RandomEffects:
    """Pool study effects with REML and Hartung-Knapp, as metafor's test="knha".

    Weights w = 1/(v + tau2); ``se^2 = sum w (y - mu)^2 / ((k - 1) sum w)``; interval
    ``mu -+ t_{k-1} se``; prediction interval ``mu -+ t_{k-1} sqrt(se^2 + tau2)``;
    ``I^2 = 100 tau2 / (tau2 + (k - 1)/tr P)`` with P the projection at tau2 = 0.

    Parameters
    ----------
    effect : array_like, shape (k,)
        Study effects on the scale of pooling (logit AUROC, log O:E, ...).
    variance : array_like, shape (k,)
        Their sampling variances, positive.
    level : float
        Confidence level in (0, 1) of both intervals.

    Returns
    -------
    RandomEffects
        Every number but k is NaN for k < 2, or should REML fail to converge. Bounds are NaN when
        all effects are equal. `leave_one_out` holds one `LeftOut` per study, in input
        order, NaN when fewer than two remain.

    Raises
    ------
    ValueError
        If an effect is not finite, a variance not positive and finite, lengths differ, or
        level is outside (0, 1). Studies without an estimate are for the caller to drop and
        count.

    References
    ----------
    Viechtbauer 2005, DOI 10.3102/10769986030003261; Hartung and Knapp 2001,
    DOI 10.1002/sim.1009; IntHout et al. 2016, DOI 10.1136/bmjopen-2015-010247 (prediction);
    Higgins and Thompson 2002, DOI 10.1002/sim.1186 (I^2).
    """
    y, v = as_finite(effect, "effect"), as_finite(variance, "variance")
    check_level(level)
    if y.shape != v.shape:
        raise ValueError(f"{y.size} effects but {v.size} variances")
    if np.any(v <= 0.0):
        raise ValueError("variance must be positive")
    k = y.size
    nan = float("nan")
    blank = LeftOut(nan, nan, nan, nan)
    if k < 2:
        return RandomEffects(k, *(nan,) * 10, leave_one_out=(blank,) * k)
    everything = np.ones((1, k), dtype=np.bool_)
    # With two studies, omitting one leaves nothing to pool.
    subsets = np.vstack((everything, ~np.eye(k, dtype=np.bool_))) if k > 2 else everything
    fits = _fit(y, v, subsets, level)
    common = _pool(y, v, everything, np.zeros(1))
    q, tau2, mu = float(common.residual[0]), float(fits.tau2[0]), float(fits.estimate[0])
    typical = (k - 1) / float(_projection_trace(common)[0])
    reach = float(t_quantile(k - 1, level)) * float(np.sqrt(fits.error[0] ** 2 + tau2))
    rows = zip(fits.estimate[1:], fits.lower[1:], fits.upper[1:], fits.tau2[1:], strict=True)
    omitted = tuple(LeftOut(*(float(value) for value in row)) for row in rows)
    return RandomEffects(
        k=k,
        tau2=tau2,
        i2=100.0 * tau2 / (tau2 + typical),
        q=q,
        q_p=float(chdtrc(k - 1, q)),
        estimate=mu,
        lower=float(fits.lower[0]),
        upper=float(fits.upper[0]),
        prediction_lower=mu - reach,
        prediction_upper=mu + reach,
        hk_factor=float(fits.factor[0]),
        leave_one_out=omitted if k > 2 else (blank,) * k,
    )
