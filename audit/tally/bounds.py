"""Ranking measures from binned scores, with proven bounds of what the bins cost them.

Where a bin's order is not known, its rows count as tied. A positive and a negative that share such
a bin then count 1/2 where the truth is 0, 1/2 or 1, whence the bounds. A bin whose rows all have
one score is known to be tied, and one whose positives and negatives have one score each is split.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.stats._arrays import group_sum

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Ranked:
    """Rungs of several groups, by group and then ascending score; one entry per rung.

    `unsure` marks rungs in which the order of positives and negatives is not known, and `loose`
    those whose positives need not be tied.
    """

    group: Ints
    groups: int
    positives: Floats
    negatives: Floats
    unsure: Bools
    loose: Bools

    def total(self, values: Floats) -> Floats:
        """Sum over the rungs of each group."""
        return group_sum(values, self.group, self.groups)

    def below(self, values: Floats) -> Floats:
        """Sum over the lower rungs of the same group, for every rung."""
        running = np.cumsum(values) - values
        first = np.concatenate(([0.0], np.cumsum(self.total(values))))[:-1]
        lower: Floats = running - first[self.group]
        return lower

    def above(self, values: Floats) -> Floats:
        """Sum over the higher rungs of the same group, for every rung."""
        return self.total(values)[self.group] - self.below(values) - values


def ranked(
    group: Ints, groups: int, bin: Ints, label: Ints, count: Floats, score: Floats
) -> Ranked:
    """Collect cells into rungs.

    Parameters
    ----------
    group, bin, label : ndarray of int, shape (cells,)
        No two cells have all three in common.
    groups : int
        Number of groups.
    count : ndarray, shape (cells,)
        Rows.
    score : ndarray, shape (cells,)
        The one score that all rows of the cell have, NaN where they differ.
    """
    size = int(bin.max(initial=0)) + 1
    keys, place = np.unique(group * size + bin, return_inverse=True)
    counts, scores = np.zeros((2, keys.size)), np.full((2, keys.size), np.nan)
    counts[label, place], scores[label, place] = count, score
    both = (counts > 0).all(axis=0)
    known = both & ~np.isnan(scores).any(axis=0)
    # The outcome with the higher score gets the upper of two rungs.
    upper = np.zeros((2, keys.size), np.int64)
    upper[0], upper[1] = known & (scores[0] > scores[1]), known & (scores[1] > scores[0])
    parts = keys[place] * 2 + upper[label, place]
    rungs, rung = np.unique(parts, return_inverse=True)
    own = np.zeros((2, rungs.size))
    own[label, rung] = count
    unsure = np.zeros(rungs.size, dtype=np.bool_)
    unsure[rung] = np.logical_and(both, ~known)[place]
    loose = np.zeros(rungs.size, dtype=np.bool_)
    loose[rung[label == 1]] = np.isnan(score[label == 1])
    return Ranked(rungs // (2 * size), groups, own[1], own[0], unsure, loose)


def pairs(data: Ranked) -> tuple[Floats, Floats]:
    """Pairs in which the positive scores higher, ties counted half, and the bound of their error.

    The bound is ``sum over unsure rungs of P N / 2``, with P and N its positives and negatives.
    """
    won = data.total(data.positives * (data.below(data.negatives) + data.negatives / 2))
    return won, data.total(np.where(data.unsure, data.positives * data.negatives / 2, 0.0))


def precision(data: Ranked) -> tuple[Floats, Floats]:
    """Sum over positives of the precision at their score, and the bound of its error.

    With A and B positives and negatives above a rung of P and N whose order is not known: at best
    all its positives have precision ``(A + P) / (A + P + B)``. At worst the k-th has
    ``(A + k) / (A + k + B + N)``; as this is concave in k, the sum over k is at least P times the
    mean of its first and last term. Also where N is 0 it matters whether the positives are tied.
    """
    above_p, above_n = data.above(data.positives), data.above(data.negatives)
    p, n = data.positives, data.negatives
    with np.errstate(divide="ignore", invalid="ignore"):
        tied = np.where(p > 0, p * (above_p + p) / (above_p + p + above_n + n), 0.0)
        best = np.where(p > 0, p * (above_p + p) / (above_p + p + above_n), 0.0)
        first = (above_p + 1) / (above_p + 1 + above_n + n)
        last = (above_p + p) / (above_p + p + above_n + n)
        worst = np.where(p > 0, p * (first + last) / 2, 0.0)
    open_order = data.unsure | data.loose
    up = data.total(np.where(open_order, best - tied, 0.0))
    down = data.total(np.where(data.loose, tied - worst, 0.0))
    return data.total(tied), np.maximum(up, down)


def delong_variance(data: Ranked) -> Floats:
    """DeLong's variance of the AUROC of rungs, rows independent.

    ``sum (V10 - A)^2 / (m (m - 1)) + sum (V01 - A)^2 / (n (n - 1))`` with the placements V. NaN
    with fewer than two positives or negatives. DeLong et al. 1988, doi:10.2307/2531595.
    """
    m, n = data.total(data.positives), data.total(data.negatives)
    with np.errstate(divide="ignore", invalid="ignore"):
        area = (pairs(data)[0] / (m * n))[data.group]
        of_positive = (data.below(data.negatives) + data.negatives / 2) / n[data.group]
        of_negative = (data.above(data.positives) + data.positives / 2) / m[data.group]
        own = data.total(data.positives * (of_positive - area) ** 2) / (m * (m - 1))
        other = data.total(data.negatives * (of_negative - area) ** 2) / (n * (n - 1))
    variance: Floats = np.where((m > 1) & (n > 1), own + other, np.nan)
    return variance


def partial_auroc_error(positives: Floats, negatives: Floats, unsure: Bools, limit: float) -> float:
    """Bound of the error of the standardised partial AUROC of one group, FPR from 0 to `limit`.

    The true curve lies in the rectangle of each unsure rung, as does its diagonal: they differ by
    at most half the rectangle's area, and by the whole of its part where the limit cuts it.
    Standardising divides the area by ``2 (limit - limit^2 / 2)``.
    """
    fpr, tpr = _steps(positives, negatives)
    width, height = np.diff(fpr), np.diff(tpr)
    inside = np.clip(limit - fpr[:-1], 0.0, width)
    area = np.where(inside < width, inside * height, inside * height / 2)
    return float(area[unsure[::-1]].sum() / (2 * (limit - limit**2 / 2)))


def sensitivity_error(
    positives: Floats, negatives: Floats, unsure: Bools, specificity: float
) -> float:
    """Bound of the error of the sensitivity at a fixed specificity, in one group.

    The binned curve stops at the last rung that keeps the specificity; the true one may go on into
    the next, by at most its positives.
    """
    fpr, tpr = _steps(positives, negatives)
    return _overshoot(1 - fpr, tpr, unsure[::-1], specificity)


def specificity_error(
    positives: Floats, negatives: Floats, unsure: Bools, sensitivity: float
) -> float:
    """Bound of the error of the specificity at a fixed sensitivity, in one group.

    As `sensitivity_error`, the curve taken from its other end.
    """
    fpr, tpr = _steps(positives, negatives)
    return _overshoot(tpr[::-1], (1 - fpr)[::-1], unsure, sensitivity)


def _overshoot(kept: Floats, gained: Floats, unsure: Bools, least: float) -> float:
    """What the first rung after the last point with `kept` at or above `least` could still add."""
    last = int(np.flatnonzero(kept >= least)[-1])
    if last >= unsure.size or not unsure[last]:
        return 0.0
    return float(gained[last + 1] - gained[last])


def _steps(positives: Floats, negatives: Floats) -> tuple[Floats, Floats]:
    """The ROC curve from (0, 0): false and true positive rates as the threshold falls."""
    fp = np.concatenate(([0.0], np.cumsum(negatives[::-1])))
    tp = np.concatenate(([0.0], np.cumsum(positives[::-1])))
    return fp / fp[-1], tp / tp[-1]
