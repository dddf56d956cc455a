"""The flexible calibration curve, its band, and the error summaries ICI, E50, E90 and Emax."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from audit.stats._arrays import Floats, Ints, check_level, t_quantile
from audit.stats._rungs import CLIP, Rungs, as_rungs, as_weights, weighted_quantiles
from audit.stats.lowess import lowess_operator, smooth
from audit.stats.splines import (
    CurveVariance,
    SplineFit,
    curve_variance,
    fit_logistic_spline,
    predict_linear,
    resampled_curves,
)

Method = Literal["lowess", "rcs"]

LOWESS_UP_TO = 5_000  # rows; beyond, a local fit costs more than it tells
FEWEST_SCORES = 3  # with two distinct scores there is no curve, only a line through two points
GRID = 50  # points at which the band is given
# Share of undefined resamples above which a bound is refused.
MOST_UNDEFINED = 0.05


class FlexibleCurve(NamedTuple):
    """Observed risk as a smooth function of the predicted one, at each rung."""

    method: Method
    curve: Floats
    spline: SplineFit | None


class AbsoluteErrors(NamedTuple):
    """Summaries of |observed - predicted|; arrays of the leading shape of the weights."""

    ici: Floats
    e50: Floats
    e90: Floats
    emax: Floats


class CurveBand(NamedTuple):
    """Curve and pointwise band at grid points, probabilities in [0, 1]."""

    score: Floats
    curve: Floats
    lower: Floats
    upper: Floats


def clip_probability(score: ArrayLike) -> Floats:
    """Probabilities moved into [1e-10, 1 - 1e-10], so that log odds are finite."""
    return np.clip(np.asarray(score, dtype=np.float64), CLIP, 1.0 - CLIP)


def method_for(rows: float) -> Method:
    """``lowess`` up to 5,000 rows, ``rcs`` (restricted cubic spline) beyond."""
    return "lowess" if rows <= LOWESS_UP_TO else "rcs"


def _clipped(ladder: Rungs) -> tuple[Rungs, Ints]:
    """Rungs of the clipped scores, of which some may coincide, and where each rung went."""
    p, rung = np.unique(clip_probability(ladder.score), return_inverse=True)
    if np.any(ladder.positives + ladder.negatives <= 0.0):
        raise ValueError("every rung must hold a row of the data")
    merged = Rungs(p, _merge(ladder.positives, rung), _merge(ladder.negatives, rung))
    return merged, rung.astype(np.int64, copy=False)


def _merge(weights: Floats, rung: Ints) -> Floats:
    """Add up rungs that became one; `rung` ascends by steps of 0 or 1."""
    starts = np.flatnonzero(np.diff(rung, prepend=-1))
    if starts.size == rung.size:
        return weights
    return np.asarray(np.add.reduceat(weights, starts, axis=-1), dtype=np.float64)


def _has_curve(positives: Floats, negatives: Floats) -> NDArray[np.bool_]:
    """Whether both classes and at least three distinct scores are there."""
    scores = np.count_nonzero(positives + negatives, axis=-1) >= FEWEST_SCORES
    both = (positives.sum(axis=-1) > 0.0) & (negatives.sum(axis=-1) > 0.0)
    return np.asarray(scores & both, dtype=np.bool_)


def flexible_curve(
    score: ArrayLike,
    positives: ArrayLike,
    negatives: ArrayLike,
    method: Method | None = None,
    knots: ArrayLike | None = None,
) -> FlexibleCurve:
    """Flexible calibration curve of the data at each distinct score.

    Up to 5,000 rows `lowess` of the outcome on p with f = 2/3 and no robustness iterations;
    beyond, logistic regression on a restricted cubic spline of logit(p) with 5 knots.

    Parameters
    ----------
    score : array_like, shape (rungs,)
        Ascending probabilities; moved into [1e-10, 1 - 1e-10], equal ones count as one.
    positives, negatives : array_like, shape (rungs,)
        Rows at each score, one or more.
    method : {"lowess", "rcs"}, optional
        By default by the number of rows.
    knots : array_like, optional
        Knots of the spline on the logit scale, by default those of `spline_knots`.

    Returns
    -------
    FlexibleCurve
        Curve of shape (rungs,), a probability for rcs, not held within [0, 1] for lowess (as
        in ``rms::val.prob``). NaN with one outcome class or fewer than 3 distinct scores; for
        rcs also where the fit does not exist.

    Raises
    ------
    ValueError
        If scores do not ascend within [0, 1], a weight is negative, a rung holds no row (for
        lowess: a broken number of rows), or shapes do not fit.

    References
    ----------
    Austin and Steyerberg 2019, DOI 10.1002/sim.8281; Van Calster et al. 2016,
    DOI 10.1016/j.jclinepi.2015.12.005.
    """
    (p, pos, neg), rung = _clipped(as_rungs(score, positives, negatives, ties=True))
    kind = method_for(float((pos + neg).sum())) if method is None else method
    if not _has_curve(pos, neg):
        return FlexibleCurve(kind, np.full(rung.size, np.nan), None)
    if kind == "rcs":
        fit = fit_logistic_spline(logit(p), pos, neg, knots)
        return FlexibleCurve(kind, fit.curve[rung], fit)
    curve = smooth(lowess_operator(p, pos + neg), pos, pos + neg)
    return FlexibleCurve(kind, curve[rung], None)


def flexible_resamples(
    score: ArrayLike,
    positives: ArrayLike,
    negatives: ArrayLike,
    resampled_positives: ArrayLike,
    resampled_negatives: ArrayLike,
    method: Method | None = None,
    knots: ArrayLike | None = None,
) -> Floats:
    """Flexible calibration curves of many resamples on one short ladder.

    Lowess keeps the neighbourhoods of the data (`lowess_operator`); the spline keeps its knots
    and takes one Newton step from the fit of the data (`resampled_curves`).

    Parameters
    ----------
    score, positives, negatives : array_like, shape (rungs,)
        The data on the ladder of the resamples: some hundred rungs, each with a row.
    resampled_positives, resampled_negatives : array_like, shape (resamples, rungs)
        Resampled weights at each rung.
    method : {"lowess", "rcs"}, optional
        Give the method of the point; by default by the number of rows.
    knots : array_like, optional
        Give the knots of the point, on the logit scale.

    Returns
    -------
    ndarray of float, shape (resamples, rungs)
        NaN in resamples with one outcome class or fewer than 3 distinct scores, and where
        lowess finds no weight near a rung.

    Raises
    ------
    ValueError
        As in `flexible_curve`.
    """
    (p, pos, neg), rung = _clipped(as_rungs(score, positives, negatives, ties=True))
    again_pos = _merge(as_weights(resampled_positives, rung.size), rung)
    again_neg = _merge(as_weights(resampled_negatives, rung.size), rung)
    if again_pos.ndim != 2 or again_pos.shape != again_neg.shape:
        raise ValueError("resampled weights must have shape (resamples, rungs)")
    if not _has_curve(pos, neg):
        return np.full((again_pos.shape[0], rung.size), np.nan)
    kind = method_for(float((pos + neg).sum())) if method is None else method
    if kind == "rcs":
        fit = fit_logistic_spline(logit(p), pos, neg, knots)
        curves = resampled_curves(fit, again_pos, again_neg)
    else:
        curves = smooth(lowess_operator(p, pos + neg), again_pos, again_pos + again_neg)
    curves[~_has_curve(again_pos, again_neg)] = np.nan
    return curves if p.size == rung.size else curves[:, rung]


def absolute_error_summaries(
    score: ArrayLike, curve: ArrayLike, weights: ArrayLike
) -> AbsoluteErrors:
    """ICI, E50, E90 and Emax: mean, median, 90th centile and maximum of |curve - p|.

    Parameters
    ----------
    score : array_like, shape (rungs,)
        Predicted probability.
    curve : array_like, shape (..., rungs)
        Observed risk at it.
    weights : array_like, shape (..., rungs)
        Weight of the rows there; rungs without weight do not count. Quantiles are of definition
        7 on the expanded rows (see `weighted_quantiles`).

    Returns
    -------
    AbsoluteErrors
        In probability units, each of the leading shape; NaN without weight, or where the curve
        is NaN at a rung with weight.

    Raises
    ------
    ValueError
        If shapes do not fit or a weight is negative.

    References
    ----------
    Austin and Steyerberg 2019, DOI 10.1002/sim.8281; Harrell 2015,
    DOI 10.1007/978-3-319-19425-7 (E90, Emax).
    """
    p = np.asarray(score, dtype=np.float64)
    c, w = np.asarray(curve, dtype=np.float64), as_weights(weights, p.size)
    if c.ndim == 0 or c.shape[-1] != p.size:
        raise ValueError(f"curve has shape {c.shape}, expected {p.size} on the last axis")
    c, w = np.broadcast_arrays(c, w)
    error = np.where(w > 0.0, np.abs(c - p), 0.0)
    total = w.sum(axis=-1)
    there = np.where(total > 0.0, total, np.nan)
    e50, e90 = weighted_quantiles(error, w, (0.5, 0.9))
    largest = error.max(axis=-1) if p.size else np.zeros(total.shape)
    return AbsoluteErrors(
        ici=np.asarray((w * error).sum(axis=-1) / there),
        e50=e50,
        e90=e90,
        emax=np.asarray(np.where(total > 0.0, largest, np.nan)),
    )


def flexible_errors(
    score: ArrayLike,
    positives: ArrayLike,
    negatives: ArrayLike,
    method: Method | None = None,
    knots: ArrayLike | None = None,
) -> AbsoluteErrors:
    """ICI, E50, E90 and Emax of the data, on the exact ladder of all distinct scores.

    `absolute_error_summaries` of `flexible_curve`, with its arguments and errors. NaN with one
    outcome class or fewer than 3 distinct scores.
    """
    found = flexible_curve(score, positives, negatives, method, knots)
    total = np.asarray(positives, dtype=np.float64) + np.asarray(negatives, dtype=np.float64)
    return absolute_error_summaries(score, found.curve, total)


def resampled_errors(
    score: ArrayLike,
    positives: ArrayLike,
    negatives: ArrayLike,
    resampled_positives: ArrayLike,
    resampled_negatives: ArrayLike,
    method: Method | None = None,
    knots: ArrayLike | None = None,
) -> AbsoluteErrors:
    """ICI, E50, E90 and Emax of each resample, arrays of shape (resamples,).

    `absolute_error_summaries` of `flexible_resamples`, with its arguments and errors. They are
    sums of absolute values and so biased upward in small strata: their centre is not the point.
    """
    curves = flexible_resamples(
        score, positives, negatives, resampled_positives, resampled_negatives, method, knots
    )
    again = np.asarray(resampled_positives, dtype=np.float64) + np.asarray(
        resampled_negatives, dtype=np.float64
    )
    return absolute_error_summaries(score, curves, again)


def band_grid(score: ArrayLike, points: int = GRID) -> Floats:
    """Equally spaced points from the lowest to the highest score; one when they coincide."""
    p = np.asarray(score, dtype=np.float64)
    if not p.size:
        return np.empty(0)
    return np.unique(np.linspace(p.min(), p.max(), points))


def resampled_band(
    score: ArrayLike,
    curve: ArrayLike,
    resampled_score: ArrayLike,
    resampled_curve: ArrayLike,
    grid: ArrayLike,
    level: float = 0.95,
) -> CurveBand:
    """Pointwise percentile band of a curve from those of resamples.

    Parameters
    ----------
    score, curve : array_like, shape (rungs,)
        The curve of the data, on its exact ladder.
    resampled_score : array_like, shape (short rungs,)
        Rungs of the resamples.
    resampled_curve : array_like, shape (resamples, short rungs)
        From `flexible_resamples`.
    grid : array_like, shape (points,)
        Where the band is wanted, within the range of the scores; see `band_grid`.
    level : float
        Confidence level in (0, 1), of each point by itself.

    Returns
    -------
    CurveBand
        Linear interpolation between rungs, held within [0, 1]. A bound is NaN where more than
        5 % of the resamples are, or there is none.

    Raises
    ------
    ValueError
        If level is outside (0, 1) or shapes do not fit.
    """
    alpha = (1.0 - check_level(level)) / 2.0
    at, p = np.asarray(grid, dtype=np.float64), np.asarray(score, dtype=np.float64)
    short = np.asarray(resampled_score, dtype=np.float64)
    curves = np.asarray(resampled_curve, dtype=np.float64)
    if curves.ndim != 2 or curves.shape[1] != short.size or not short.size:
        raise ValueError("resampled_curve must have shape (resamples, rungs of the resamples)")
    right = np.clip(np.searchsorted(short, at), 1, max(short.size - 1, 1))
    right, left = np.minimum(right, short.size - 1), right - 1
    gap = np.where(short[right] > short[left], short[right] - short[left], 1.0)
    share = np.clip((at - short[left]) / gap, 0.0, 1.0)
    values = curves[:, left] * (1.0 - share) + curves[:, right] * share
    bounds = np.full((2, at.size), np.nan)
    lost = np.isnan(values).sum(axis=0)
    kept = (lost <= MOST_UNDEFINED * values.shape[0]) & (lost < values.shape[0])
    bounds[:, kept] = np.nanquantile(values[:, kept], (alpha, 1.0 - alpha), axis=0)
    lower, upper = np.clip(bounds, 0.0, 1.0)
    middle = np.interp(at, p, np.asarray(curve, dtype=np.float64))
    return CurveBand(at, np.clip(middle, 0.0, 1.0), lower, upper)


def spline_band(
    fit: SplineFit, variance: CurveVariance, grid: ArrayLike, level: float = 0.95
) -> CurveBand:
    """Pointwise band of a spline curve from the cluster-robust variance of its log odds.

    ``expit(eta -+ t_{C-1} sqrt(d' V d))`` with C the number of clusters.

    Parameters
    ----------
    fit : SplineFit
        The curve, `FlexibleCurve.spline`.
    variance : CurveVariance
        From `robust_covariance`.
    grid : array_like, shape (points,)
        Probabilities, moved into [1e-10, 1 - 1e-10].
    level : float
        Confidence level in (0, 1), of each point by itself.

    Returns
    -------
    CurveBand
        NaN where the fit or its variance is.

    Raises
    ------
    ValueError
        If level is outside (0, 1).
    """
    at = np.asarray(grid, dtype=np.float64)
    x = logit(clip_probability(at))
    centre = predict_linear(fit, x)
    half = t_quantile(variance.clusters - 1.0, level) * np.sqrt(
        curve_variance(fit, variance.covariance, x)
    )
    return CurveBand(at, expit(centre), expit(centre - half), expit(centre + half))
