"""Restricted cubic splines of logit(p), and logistic regression on them."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from audit.stats._arrays import (
    Bools,
    Floats,
    Ints,
    as_codes,
    as_finite,
    as_label,
    check_rows,
)
from audit.stats._rungs import as_rungs, as_weights, weighted_quantiles

# Harrell's quantiles for 3, 4 and 5 knots.
_QUANTILES = {
    3: (0.10, 0.50, 0.90),
    4: (0.05, 0.35, 0.65, 0.95),
    5: (0.05, 0.275, 0.50, 0.725, 0.95),
}
_MAX_ITERATIONS = 100
_MAX_HALVINGS = 40
_BLOCKS = 1000  # of rungs, fitted first when there are many rungs
# Squared Newton decrement at which one last full step is at machine precision.
_DECREMENT = 1e-18
# A column of the orthogonalised design below this share of its length repeats the others.
_RANK = 1e-8
# Information of the weakest direction as a share of the strongest that is rounding, not curvature.
_DEAD = 1e-14


class CurveVariance(NamedTuple):
    """Covariance of the coefficients, and the clusters behind it."""

    covariance: Floats
    clusters: int


@dataclass(frozen=True, eq=False)
class SplineFit:
    """Logistic regression on a spline: `linear` and `curve` are logit and probability per rung.

    `design` (rungs, k) holds the constant, x and the k - 2 nonlinear terms; `information` is
    that of `coefficients`. All NaN where the fit does not exist, and `converged` is False.
    """

    x: Floats
    knots: Floats
    design: Floats
    coefficients: Floats
    information: Floats
    linear: Floats
    curve: Floats
    converged: bool


def spline_basis(x: ArrayLike, knots: ArrayLike) -> Floats:
    """Restricted cubic spline basis: linear beyond the outer knots, cubic between.

    Columns x and, for j = 1..k-2, ``c(t_j) + ((t_{k-1} - t_j) c(t_k) - (t_k - t_j) c(t_{k-1}))
    / (t_k - t_{k-1})`` with ``c(t) = max(x - t, 0)^3 / (t_k - t_1)^2``.

    Parameters
    ----------
    x : array_like, shape (points,)
        Finite.
    knots : array_like, shape (k,)
        Strictly ascending; fewer than 3 give x alone.

    Returns
    -------
    ndarray of float, shape (points, max(k - 1, 1))
        In units of x.

    Raises
    ------
    ValueError
        If x is not finite or knots do not ascend.

    References
    ----------
    Harrell 2015, Regression Modeling Strategies, DOI 10.1007/978-3-319-19425-7, section 2.4.5
    (Hmisc's ``rcspline.eval`` with ``norm = 2``).
    """
    v, t = as_finite(x, "x"), as_finite(knots, "knots")
    if np.any(t[1:] <= t[:-1]):
        raise ValueError("knots must be strictly ascending")
    if t.size < 3:
        return v[:, None].copy()
    scale = (t[-1] - t[0]) ** (2.0 / 3.0)
    cubes = np.maximum((v[:, None] - t) / scale, 0.0) ** 3
    gap = t[-1] - t[-2]
    above, last = (t[-2] - t[:-2]) / gap, (t[-1] - t[:-2]) / gap
    bent = cubes[:, :-2] + above * cubes[:, -1:] - last * cubes[:, -2:-1]
    return np.column_stack([v, bent])


def spline_knots(x: ArrayLike, rows: ArrayLike, count: int = 5) -> Floats:
    """Knots at Harrell's quantiles of the rows, as many as the data can carry.

    Five knots lie at the quantiles 0.05, 0.275, 0.5, 0.725 and 0.95. Where quantiles coincide,
    or the basis has dependent columns on these scores, four are tried (0.05, 0.35, 0.65, 0.95),
    then three (0.1, 0.5, 0.9), then none: the curve is linear.

    Parameters
    ----------
    x : array_like, shape (rungs,)
        Strictly ascending log odds.
    rows : array_like, shape (rungs,)
        Rows (or weight) at each.
    count : {5, 4, 3}
        Most knots wanted.

    Returns
    -------
    ndarray of float, shape (0,), (3,), (4,) or (5,)

    Raises
    ------
    ValueError
        If x does not ascend, shapes do not fit, a weight is negative or count is not 3 to 5.

    References
    ----------
    Harrell 2015, DOI 10.1007/978-3-319-19425-7, table 2.3.
    """
    if count not in _QUANTILES:
        raise ValueError(f"count must be 3, 4 or 5, got {count!r}")
    v, w, _ = as_rungs(x, rows, rows, probability=False)
    v, w = v[w > 0.0], w[w > 0.0]
    for k in range(count, 2, -1):
        if v.size < k:
            continue
        knots = weighted_quantiles(v, w, _QUANTILES[k])
        if np.all(knots[1:] > knots[:-1]) and _full_rank(_design(v, knots), w):
            return knots
    return np.empty(0)


def _design(x: Floats, knots: Floats) -> Floats:
    return np.column_stack([np.ones(x.size), spline_basis(x, knots)])


def _triangle(design: Floats, weights: Floats) -> Floats:
    """Triangular factor R of the weighted design scaled to one row's weight."""
    rooted: Floats = design * np.sqrt(weights / weights.sum())[:, None]
    return np.asarray(np.linalg.qr(rooted, mode="r"), dtype=np.float64)


def _full_rank(design: Floats, weights: Floats) -> bool:
    """Whether every column adds to those before it, where there is weight."""
    if design.shape[0] < design.shape[1]:
        return False
    triangle = _triangle(design, weights)
    length = np.sqrt((triangle * triangle).sum(axis=0))
    return bool(np.all(np.abs(np.diag(triangle)) > _RANK * np.where(length > 0.0, length, 1.0)))


def _overlap(x: Floats, positives: Floats, negatives: Floats) -> bool:
    """Whether the classes overlap in x, so that the likelihood has a maximum along x."""
    has_positive, has_negative = x[positives > 0.0], x[negatives > 0.0]
    if not has_positive.size or not has_negative.size:
        return False
    return bool(has_negative[-1] > has_positive[0] and has_positive[-1] > has_negative[0])


def _likelihood(linear: Floats, positives: Floats, total: Floats) -> float:
    return float(positives @ linear - total @ np.logaddexp(0.0, linear))


def _start(design: Floats, positives: Floats, negatives: Floats) -> Floats:
    """Coefficients to start from: a flat curve or, with many rungs, the fit of blocks of them."""
    flat = np.zeros(design.shape[1])
    flat[0] = np.log(positives.sum() / negatives.sum()) / design[0, 0]  # a constant column
    if design.shape[0] <= 2 * _BLOCKS:
        return flat
    starts = np.arange(_BLOCKS) * design.shape[0] // _BLOCKS
    total = positives + negatives
    pos, neg, weight = (np.add.reduceat(w, starts) for w in (positives, negatives, total))
    mean = np.add.reduceat(design * total[:, None], starts, axis=0)
    mean /= np.where(weight > 0.0, weight, 1.0)[:, None]
    beta, converged = _newton(mean, pos, neg, flat)
    return beta if converged else flat


def _newton(
    design: Floats, positives: Floats, negatives: Floats, start: Floats
) -> tuple[Floats, bool]:
    """Maximum-likelihood coefficients, by Newton's method with step halving."""
    total, beta = positives + negatives, start
    linear = design @ beta
    likelihood = _likelihood(linear, positives, total)
    for _ in range(_MAX_ITERATIONS):
        hit, miss = expit(linear), expit(-linear)  # both, so that no tail loses digits to 1 - p
        gradient = design.T @ (positives * miss - negatives * hit)
        information = (design.T * (total * hit * miss)) @ design
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError:
            return beta, False
        if not np.all(np.isfinite(step)):
            return beta, False
        last = bool(step @ gradient <= _DECREMENT)
        for halving in range(_MAX_HALVINGS):
            trial = beta + step / 2.0**halving
            linear = design @ trial
            reached = _likelihood(linear, positives, total)
            if last or reached >= likelihood - 1e-11 * (1.0 + abs(likelihood)):
                break
        beta, likelihood = trial, reached
        if last:
            return beta, True
    return beta, False


def _attained(design: Floats, beta: Floats, total: Floats) -> bool:
    """Whether this is a maximum, not a point far along a direction that separates the classes.

    There the information dies out: it falls with the Newton decrement, far below this share.
    """
    linear = design @ beta
    information = (design.T * (total * expit(linear) * expit(-linear))) @ design
    spectrum = np.linalg.eigvalsh(information)
    return bool(spectrum[0] > _DEAD * spectrum[-1])


def fit_logistic_spline(
    logit_p: ArrayLike, positives: ArrayLike, negatives: ArrayLike, knots: ArrayLike | None = None
) -> SplineFit:
    """Maximum-likelihood logistic regression of the outcome on a spline of logit(p).

    ``logit P(y = 1) = b_0 + b_1 x + sum_j b_j s_j(x)`` with x = logit(p), s of `spline_basis`.

    Parameters
    ----------
    logit_p : array_like, shape (rungs,)
        Strictly ascending log odds of the distinct predicted probabilities.
    positives, negatives : array_like, shape (rungs,)
        Weight of the positive and negative rows at each.
    knots : array_like, optional
        By default those of `spline_knots`.

    Returns
    -------
    SplineFit
        Not converged and NaN with one outcome class only, when the classes are separated by x
        (touching counts as separated) or by the spline, or when the columns are dependent where
        there is weight.

    Raises
    ------
    ValueError
        If logit_p does not ascend, a weight is negative, or shapes do not fit.

    References
    ----------
    Harrell 2015, DOI 10.1007/978-3-319-19425-7; Austin and Steyerberg 2019,
    DOI 10.1002/sim.8281 (splines for the calibration curve).
    """
    x, pos, neg = as_rungs(logit_p, positives, negatives, probability=False)
    if pos.ndim != 1 or neg.ndim != 1:
        raise ValueError("one set of weights is fitted at a time")
    t = spline_knots(x, pos + neg) if knots is None else as_finite(knots, "knots")
    design = _design(x, t)
    seen = pos + neg > 0.0
    if not _overlap(x, pos, neg) or not _full_rank(design[seen], (pos + neg)[seen]):
        return _no_fit(x, t, design)
    # In orthonormal columns the information is well conditioned whatever the knots.
    turn = np.linalg.inv(_triangle(design[seen], (pos + neg)[seen]))
    columns = design @ turn
    turned, converged = _newton(columns, pos, neg, _start(columns, pos, neg))
    if not converged or not _attained(columns, turned, pos + neg):
        return _no_fit(x, t, design)
    coefficients = turn @ turned
    linear = design @ coefficients
    weight = (pos + neg) * expit(linear) * expit(-linear)
    information = (design.T * weight) @ design
    return SplineFit(x, t, design, coefficients, information, linear, expit(linear), True)


def _no_fit(x: Floats, knots: Floats, design: Floats) -> SplineFit:
    k = design.shape[1]
    lost = np.full(x.size, np.nan)
    return SplineFit(
        x, knots, design, np.full(k, np.nan), np.full((k, k), np.nan), lost, lost, False
    )


def predict_linear(fit: SplineFit, logit_p: ArrayLike) -> Floats:
    """Fitted log odds at any points, shape of `logit_p` (1-d); NaN where the fit is not."""
    return _design(as_finite(logit_p, "logit_p"), fit.knots) @ fit.coefficients


def robust_covariance(
    fit: SplineFit, rung: ArrayLike, label: ArrayLike, cluster: ArrayLike
) -> CurveVariance:
    """Cluster-robust covariance of the coefficients of a fit with counts as weights.

    ``C/(C-1) H^-1 (sum_c U_c U_c') H^-1`` with U_c the sum over cluster c of
    ``(y - P(y)) (1, x, s(x))`` and H the information.

    Parameters
    ----------
    fit : SplineFit
        From the same rows.
    rung : array_like of int, shape (rows,)
        Position of each row's score on the ladder.
    label : array_like, shape (rows,)
        0/1 or boolean.
    cluster : array_like of int, shape (rows,)
        Patient code, not negative.

    Returns
    -------
    CurveVariance
        Covariance of shape (k, k), NaN when the fit does not exist or C < 2.

    Raises
    ------
    ValueError
        If a code is out of range, a label is not 0/1 or lengths differ.

    References
    ----------
    Liang and Zeger 1986, DOI 10.1093/biomet/73.1.13.
    """
    r, positive = as_codes(rung, "rung", fit.x.size), as_label(label)
    check_rows(r.size, label=positive)
    present, owner = np.unique(as_codes(cluster, "cluster"), return_inverse=True)
    check_rows(r.size, cluster=owner)
    clusters = int(present.size)
    if clusters < 2 or not fit.converged:
        return CurveVariance(np.full_like(fit.information, np.nan), clusters)
    # Rows of one cluster, rung and label are alike: sorted by them, any order adds up the same.
    residual = np.where(positive, expit(-fit.linear[r]), -expit(fit.linear[r]))
    order = np.argsort((owner * fit.x.size + r) * 2 + positive)
    turn = _orthonormal(fit)
    design = (fit.design @ turn)[r[order]]
    sums = _cluster_sums(residual[order], design, owner[order], clusters)
    meat = sums.T @ sums * (clusters / (clusters - 1))
    return CurveVariance(turn @ meat @ turn.T, clusters)


def _orthonormal(fit: SplineFit) -> Floats:
    """Change of columns in which the information is 1, so that no inverse loses digits."""
    return np.asarray(np.linalg.inv(np.linalg.cholesky(fit.information)).T, dtype=np.float64)


def _cluster_sums(residual: Floats, design: Floats, owner: Ints, clusters: int) -> Floats:
    """Score vector of each cluster, shape (clusters, k)."""
    columns = [
        np.bincount(owner, weights=residual * design[:, j], minlength=clusters)
        for j in range(design.shape[1])
    ]
    return np.column_stack(columns)


def curve_variance(fit: SplineFit, covariance: ArrayLike, logit_p: ArrayLike) -> Floats:
    """Variance of the fitted log odds at any points, ``d' V d`` with d the design row.

    Parameters
    ----------
    fit : SplineFit
        The fit.
    covariance : array_like, shape (k, k)
        From `robust_covariance`, or the inverse of `fit.information` for independent rows.
    logit_p : array_like, shape (points,)
        Where.

    Returns
    -------
    ndarray of float, shape (points,)
        In squared log odds; NaN where the covariance is.

    Raises
    ------
    ValueError
        If logit_p is not finite.
    """
    design = _design(as_finite(logit_p, "logit_p"), fit.knots)
    v = np.asarray(covariance, dtype=np.float64)
    return np.asarray(((design @ v) * design).sum(axis=1), dtype=np.float64)


def resampled_curves(
    fit: SplineFit, positives: ArrayLike, negatives: ArrayLike, steps: int = 1
) -> Floats:
    """Curves of many resamples by Newton steps from the fit of the data.

    One step ``b + H_r^-1 U_r`` with the resample's own score vector and information is within
    O(1/n) of its full fit.

    Parameters
    ----------
    fit : SplineFit
        Fit of the data on the same ladder.
    positives, negatives : array_like, shape (resamples, rungs)
        Resampled weights.
    steps : int
        Newton steps, at least 1.

    Returns
    -------
    ndarray of float, shape (resamples, rungs)
        Probabilities; NaN in resamples with one class, or where the information is singular,
        and everywhere when the fit of the data does not exist.

    Raises
    ------
    ValueError
        If shapes do not fit, a weight is negative or steps is below 1.

    References
    ----------
    Shao and Tu 1995, The Jackknife and Bootstrap, DOI 10.1007/978-1-4612-0795-5 (one-step
    resampling).
    """
    pos, neg = as_weights(positives, fit.x.size), as_weights(negatives, fit.x.size)
    if pos.ndim != 2 or pos.shape != neg.shape:
        raise ValueError("resampled weights must have shape (resamples, rungs)")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps!r}")
    if not fit.converged:
        return np.full(pos.shape, np.nan)
    turn = _orthonormal(fit)
    design = fit.design @ turn
    beta = np.linalg.solve(turn, fit.coefficients)
    linear = np.broadcast_to(fit.linear, (1, fit.x.size))
    usable = (pos.sum(axis=1) > 0.0) & (neg.sum(axis=1) > 0.0)
    current = np.broadcast_to(beta, (pos.shape[0], beta.size))
    for _ in range(steps):
        current = current + _resampled_step(design, linear, pos, neg, usable)
        linear = current @ design.T
    curve: Floats = expit(linear)
    curve[~usable] = np.nan
    return curve


def _resampled_step(
    design: Floats, linear: Floats, positives: Floats, negatives: Floats, usable: Bools
) -> Floats:
    """Newton step of each resample, shape (resamples, k); NaN where singular."""
    k = design.shape[1]
    hit, miss = expit(linear), expit(-linear)
    gradient = (positives * miss - negatives * hit) @ design
    upper = np.triu_indices(k)
    products = design[:, upper[0]] * design[:, upper[1]]
    packed = ((positives + negatives) * (hit * miss)) @ products
    information = np.empty((packed.shape[0], k, k))
    information[:, upper[0], upper[1]] = packed
    information[:, upper[1], upper[0]] = packed
    solvable = usable & (np.linalg.eigvalsh(information)[:, 0] > _RANK)
    information[~solvable] = np.eye(k)
    step: Floats = np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
    step[~solvable] = np.nan
    return step
