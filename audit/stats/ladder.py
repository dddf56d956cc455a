"""Ranking measures of a ladder: weights of positives and negatives at ascending scores.

Every function takes `positives` and `negatives` of shape ``(..., R)``: the weight (number of rows,
or any non-negative real) of each class on each of R rungs, rungs in ascending order of score, every
distinct score on one rung of its own. Leading axes (strata, resamples) broadcast. A rung may be
empty. The ROC curve joins, by straight lines, the points whose thresholds are plus infinity and
then each rung from the highest down, so that ties between the classes count one half.
"""

import numpy as np
from numpy.typing import ArrayLike

from audit.stats._arrays import Floats, Ints
from audit.stats._rungs import as_weights

# A specificity of 0.9 asked for is reached by 9/10 however that is rounded.
_REACHED = 1e-12


def auroc(positives: ArrayLike, negatives: ArrayLike) -> Floats:
    """Area under the ROC curve.

    ``P(score of a positive > score of a negative) + P(equal) / 2``.

    Parameters
    ----------
    positives, negatives : array_like, shape (..., R)
        Weights on the rungs.

    Returns
    -------
    ndarray of float, shape (...)
        In [0, 1]; NaN where a class has no weight.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, or the numbers of rungs differ.

    References
    ----------
    Hanley and McNeil 1982, DOI 10.1148/radiology.143.1.7063747.
    """
    tp, fp = _reached(positives, negatives)
    pairs = (np.diff(fp) * (tp[..., 1:] + tp[..., :-1])).sum(axis=-1)
    return _share(pairs, 2.0 * tp[..., -1] * fp[..., -1])


def cross_auroc(positives: ArrayLike, negatives: ArrayLike) -> Floats:
    """AUROC of the positives of one group against the negatives of another (xAUC).

    ``P(score of a positive of group A > score of a negative of group B) + P(equal) / 2``: `auroc`
    with `positives` from A and `negatives` from B, on the same rungs.

    Parameters, returns and errors are those of `auroc`.

    References
    ----------
    Kallus and Zhou 2019, The fairness of risk scores beyond classification: bipartite ranking and
    the xAUC metric, arXiv 1902.05826.
    """
    return auroc(positives, negatives)


def partial_auroc(positives: ArrayLike, negatives: ArrayLike, max_fpr: float) -> Floats:
    """Area under the ROC curve over false positive rates up to `max_fpr`, standardised.

    ``(1 + (A - m) / (f - m)) / 2`` with f = max_fpr, A the area over [0, f] and m = f^2 / 2 the
    area of a score without information: 0.5 by chance, 1 at best, the AUROC at f = 1.

    Parameters
    ----------
    positives, negatives : array_like, shape (..., R)
        Weights on the rungs.
    max_fpr : float
        In (0, 1].

    Returns
    -------
    ndarray of float, shape (...)
        In [(1 - f) / (2 - f), 1]: below 0.5 where the score ranks worse than chance. NaN where a
        class has no weight.

    Raises
    ------
    ValueError
        As in `auroc`, or if max_fpr is not in (0, 1].

    References
    ----------
    McClish 1989, DOI 10.1177/0272989X8900900307.
    """
    if not 0.0 < max_fpr <= 1.0:
        raise ValueError(f"max_fpr must lie in (0, 1], got {max_fpr!r}")
    fpr, tpr = _roc(positives, negatives)
    start, end = fpr[..., :-1], fpr[..., 1:]
    width = np.minimum(end, max_fpr) - np.minimum(start, max_fpr)
    part = np.divide(width, end - start, out=np.zeros(width.shape), where=end > start)
    area = (width * (tpr[..., :-1] + 0.5 * part * np.diff(tpr))).sum(axis=-1)
    chance = 0.5 * max_fpr * max_fpr
    standardised: Floats = 0.5 * (1.0 + (area - chance) / (max_fpr - chance))
    return standardised + 0.0 * (fpr[..., -1] + tpr[..., -1])  # NaN without a class, rungs or not


def average_precision(positives: ArrayLike, negatives: ArrayLike) -> Floats:
    """Mean over positives of the precision at their own score (step interpolation).

    ``sum_r positives_r / P * TP_r / (TP_r + FP_r)``, units flagged at the score of rung r or above.

    Parameters
    ----------
    positives, negatives : array_like, shape (..., R)
        Weights on the rungs.

    Returns
    -------
    ndarray of float, shape (...)
        In (0, 1]; NaN where the positives have no weight.

    Raises
    ------
    ValueError
        As in `auroc`.

    References
    ----------
    Davis and Goadrich 2006, DOI 10.1145/1143844.1143874 (why not linear interpolation).
    """
    tp, fp = _reached(positives, negatives)
    flagged = tp + fp
    precision = np.divide(tp, flagged, out=np.zeros(flagged.shape), where=flagged > 0.0)
    return _share((np.diff(tp) * precision[..., 1:]).sum(axis=-1), tp[..., -1])


def sensitivity_at_specificity(
    positives: ArrayLike, negatives: ArrayLike, specificity: float
) -> tuple[Floats, Ints]:
    """Best sensitivity of a threshold whose specificity is at least the one asked for.

    Thresholds (score >= t) are the rungs and plus infinity; no point between two of them is made
    up. Of thresholds with the same sensitivity the most specific is chosen.

    Parameters
    ----------
    positives, negatives : array_like, shape (..., R)
        Weights on the rungs.
    specificity : float
        In [0, 1]; reached within 1e-12.

    Returns
    -------
    sensitivity : ndarray of float, shape (...)
        NaN where a class has no weight.
    rung : ndarray of int, shape (...)
        Rung whose score is the threshold; R for plus infinity, -1 where undefined.

    Raises
    ------
    ValueError
        As in `auroc`, or if specificity is not in [0, 1].

    References
    ----------
    Pepe 2003, The Statistical Evaluation of Medical Tests for Classification and Prediction,
    ISBN 9780198509844.
    """
    _check_share(specificity, "specificity")
    tn_rate, tpr = _specificity(positives, negatives)
    last = (tn_rate >= specificity - _REACHED).sum(axis=-1) - 1
    best = _at(tpr, np.maximum(last, 0))
    return best, _rung(tn_rate, tpr, best)


def specificity_at_sensitivity(
    positives: ArrayLike, negatives: ArrayLike, sensitivity: float
) -> tuple[Floats, Ints]:
    """Best specificity of a threshold whose sensitivity is at least the one asked for.

    Thresholds as in `sensitivity_at_specificity`; of those with the same specificity the most
    sensitive is chosen.

    Parameters
    ----------
    positives, negatives : array_like, shape (..., R)
        Weights on the rungs.
    sensitivity : float
        In [0, 1]; reached within 1e-12.

    Returns
    -------
    specificity : ndarray of float, shape (...)
        NaN where a class has no weight.
    rung : ndarray of int, shape (...)
        As in `sensitivity_at_specificity`.

    Raises
    ------
    ValueError
        As in `auroc`, or if sensitivity is not in [0, 1].

    References
    ----------
    As in `sensitivity_at_specificity`.
    """
    _check_share(sensitivity, "sensitivity")
    tn_rate, tpr = _specificity(positives, negatives)
    first = np.argmax(tpr >= sensitivity - _REACHED, axis=-1)
    best = _at(tn_rate, first)
    last = (tn_rate >= best[..., None]).sum(axis=-1) - 1
    return best, _rung(tn_rate, tpr, _at(tpr, np.maximum(last, 0)))


def abroca(
    positives_a: ArrayLike, negatives_a: ArrayLike, positives_b: ArrayLike, negatives_b: ArrayLike
) -> Floats:
    """Absolute area between the ROC curves of two groups.

    ``integral over f in [0, 1] of |ROC_a(f) - ROC_b(f)|``, exact for the piecewise linear curves,
    including where they cross within a segment.

    Parameters
    ----------
    positives_a, negatives_a : array_like, shape (..., R_a)
        Weights on the rungs of group a.
    positives_b, negatives_b : array_like, shape (..., R_b)
        The same for group b, whose rungs need not be those of a.

    Returns
    -------
    ndarray of float, shape (...)
        In [0, 1]; NaN where a class of a group has no weight.

    Raises
    ------
    ValueError
        As in `auroc`.

    References
    ----------
    Gardner, Brooks and Baker 2019, DOI 10.1145/3303772.3303791.
    """
    a, b = _roc(positives_a, negatives_a), _roc(positives_b, negatives_b)
    shape = np.broadcast_shapes(a[0].shape[:-1], b[0].shape[:-1])
    if min(a[0].shape[-1], b[0].shape[-1]) < 2:  # no rungs at all
        return np.full(shape, np.nan)
    fpr_a, tpr_a = (np.broadcast_to(axis, (*shape, axis.shape[-1])) for axis in a)
    fpr_b, tpr_b = (np.broadcast_to(axis, (*shape, axis.shape[-1])) for axis in b)
    points = np.concatenate([fpr_a, fpr_b], axis=-1)
    order = np.argsort(points, axis=-1, kind="stable")
    points = np.take_along_axis(points, order, axis=-1)
    # Between two neighbouring points that differ each curve is on one segment: the one that starts
    # at the last of its own points so far.
    seen_a = np.cumsum(order < fpr_a.shape[-1], axis=-1)[..., :-1]
    seen_b = np.arange(1, points.shape[-1]) - seen_a
    start, end = points[..., :-1], points[..., 1:]
    width = np.where(end > start, end - start, 0.0)
    gap_start = _height(fpr_a, tpr_a, seen_a, start) - _height(fpr_b, tpr_b, seen_b, start)
    gap_end = _height(fpr_a, tpr_a, seen_a, end) - _height(fpr_b, tpr_b, seen_b, end)
    both = np.abs(gap_start) + np.abs(gap_end)
    crossing = (gap_start < 0.0) != (gap_end < 0.0)
    # Two triangles that meet where the curves cross, else a trapezium.
    triangles = np.divide(
        gap_start * gap_start + gap_end * gap_end, both, out=np.zeros(both.shape), where=both > 0.0
    )
    area = 0.5 * np.where(width > 0.0, width * np.where(crossing, triangles, both), 0.0)
    undefined = 0.0 * (fpr_a + tpr_a)[..., -1] + 0.0 * (fpr_b + tpr_b)[..., -1]
    total: Floats = area.sum(axis=-1) + undefined
    return total


def _reached(positives: ArrayLike, negatives: ArrayLike) -> tuple[Floats, Floats]:
    """Weight of each class at or above falling thresholds, from none: shape (..., R + 1)."""
    pos = as_weights(positives, np.shape(positives)[-1] if np.ndim(positives) else 0)
    neg = as_weights(negatives, pos.shape[-1])
    shape = np.broadcast_shapes(pos.shape, neg.shape)
    tp, fp = (np.zeros((*shape[:-1], shape[-1] + 1)) for _ in range(2))
    np.cumsum(np.broadcast_to(pos, shape)[..., ::-1], axis=-1, out=tp[..., 1:])
    np.cumsum(np.broadcast_to(neg, shape)[..., ::-1], axis=-1, out=fp[..., 1:])
    return tp, fp


def _roc(positives: ArrayLike, negatives: ArrayLike) -> tuple[Floats, Floats]:
    """False and true positive rates, shape (..., R + 1), NaN for a class without weight."""
    tp, fp = _reached(positives, negatives)
    return _share(fp, fp[..., -1:]), _share(tp, tp[..., -1:])


def _specificity(positives: ArrayLike, negatives: ArrayLike) -> tuple[Floats, Floats]:
    """True negative and true positive rates; both NaN where either class has no weight."""
    tp, fp = _reached(positives, negatives)
    defined = (tp[..., -1:] > 0.0) & (fp[..., -1:] > 0.0)
    tn_rate = _share(fp[..., -1:] - fp, fp[..., -1:])
    tpr = _share(tp, tp[..., -1:])
    return np.where(defined, tn_rate, np.nan), np.where(defined, tpr, np.nan)


def _share(part: Floats, whole: Floats) -> Floats:
    """Part / whole, NaN where the whole is 0."""
    with np.errstate(invalid="ignore"):  # 0/0 is the documented NaN
        share: Floats = part / whole
    return share


def _at(values: Floats, place: Ints) -> Floats:
    taken: Floats = np.take_along_axis(values, place[..., None], axis=-1)[..., 0]
    return taken


def _rung(tn_rate: Floats, tpr: Floats, sensitivity: Floats) -> Ints:
    """Highest threshold with that sensitivity, as a rung; empty rungs are never the highest."""
    place = np.argmax(tpr >= sensitivity[..., None], axis=-1)
    rung = tn_rate.shape[-1] - 1 - place
    return np.where(np.isnan(sensitivity), -1, rung).astype(np.int64)


def _height(fpr: Floats, tpr: Floats, seen: Ints, at: Floats) -> Floats:
    """Height of a curve at `at` on the segment that starts at the last of `seen` points."""
    segment = np.clip(seen - 1, 0, fpr.shape[-1] - 2)
    start = np.take_along_axis(fpr, segment, axis=-1)
    width = np.take_along_axis(fpr, segment + 1, axis=-1) - start
    low = np.take_along_axis(tpr, segment, axis=-1)
    rise = np.take_along_axis(tpr, segment + 1, axis=-1) - low
    part = np.divide(at - start, width, out=np.zeros(width.shape), where=width > 0.0)
    height: Floats = low + rise * part
    return height


def _check_share(value: float, name: str) -> None:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must lie in [0, 1], got {value!r}")
