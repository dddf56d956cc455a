"""Tests of calibration: Spiegelhalter's, and whether groups need different recalibrations."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, ndtr

from audit.stats._arrays import (
    Bools,
    Floats,
    Ints,
    as_codes,
    as_finite,
    as_label,
    check_rows,
    pair_codes,
)
from audit.stats.logistic import Recalibration, recalibration, recalibration_influence

# A group's covariance this near to singular, on the scale of correlations, has no inverse.
_SINGULAR = 1e-10
# Intercept and slope need three clusters: the influence values of a group sum to zero.
_LEAST_CLUSTERS = 3


class SpiegelhalterTest(NamedTuple):
    """Standard normal z and its two-sided p value."""

    z: Floats
    p: Floats


class WaldTest(NamedTuple):
    """Chi-squared statistic, its degrees of freedom and p value; NaN and 0 without a test."""

    chi2: float
    df: int
    p: float


@dataclass(frozen=True, eq=False)
class CalibrationInteraction:
    """Whether groups differ in calibration slope, and in intercept or slope.

    `intercept` and `slope` are those of the levels in `kept`; `left_out` are levels without
    rows, without a fit or with too few clusters.
    """

    kept: Ints
    left_out: Ints
    intercept: Floats
    slope: Floats
    clusters: int
    slopes: WaldTest
    joint: WaldTest


def spiegelhalter_terms(score: ArrayLike, label: ArrayLike) -> tuple[Floats, Floats]:
    """Terms of each row that `spiegelhalter` needs summed.

    ``(y - p)(1 - 2p)`` and ``(1 - 2p)^2 p (1 - p)``, shape of the broadcast arguments.

    Raises
    ------
    ValueError
        If a score lies outside [0, 1].
    """
    p, y = np.asarray(score, dtype=np.float64), np.asarray(label, dtype=np.float64)
    if not np.all((p >= 0.0) & (p <= 1.0)):
        raise ValueError("score must lie in [0, 1]")
    tilt = 1.0 - 2.0 * p
    residual, variance = np.broadcast_arrays((y - p) * tilt, tilt * tilt * p * (1.0 - p))
    return residual, variance


def spiegelhalter(residual_sum: ArrayLike, variance_sum: ArrayLike) -> SpiegelhalterTest:
    """Spiegelhalter's z test that the scores are the true risks.

    ``z = sum (y - p)(1 - 2p) / sqrt(sum (1 - 2p)^2 p (1 - p))``: the standardised excess of the
    Brier score over its expectation. Rows count as independent.

    Parameters
    ----------
    residual_sum, variance_sum : array_like
        Sums over the rows of each stratum of the two terms of `spiegelhalter_terms`.

    Returns
    -------
    SpiegelhalterTest
        NaN where the variance is 0: no rows, or every score is 0, 0.5 or 1.

    Raises
    ------
    ValueError
        If a variance is negative.

    References
    ----------
    Spiegelhalter 1986, DOI 10.1002/sim.4780050506.
    """
    top, bottom = np.broadcast_arrays(
        np.asarray(residual_sum, dtype=np.float64), np.asarray(variance_sum, dtype=np.float64)
    )
    if np.any(bottom < 0.0):
        raise ValueError("variance_sum must not be negative")
    z = top / np.sqrt(np.where(bottom > 0.0, bottom, np.nan))
    return SpiegelhalterTest(z, np.asarray(2.0 * ndtr(-np.abs(z)), dtype=np.float64))


def _covariance(
    influence: Floats, group: Ints, cluster: Ints, n_groups: int
) -> tuple[NDArray[np.float64], int]:
    """Cluster-robust covariance of every group's (intercept, slope), and the clusters.

    Parameter 2g is the intercept of group g, 2g + 1 its slope. Clusters that lie in several
    groups give the covariances between groups; they alone are laid out in full.
    """
    owner, pair = pair_codes(group, cluster)
    sums = np.column_stack(
        [np.bincount(pair, weights=influence[:, k], minlength=owner.size) for k in range(2)]
    )
    member = np.empty(owner.size, dtype=np.int64)
    member[pair] = cluster
    _, member, visits = np.unique(member, return_inverse=True, return_counts=True)
    meat = np.zeros((2 * n_groups, 2 * n_groups))
    alone = visits[member] == 1
    for g in range(n_groups):
        mine = sums[alone & (owner == g)]
        meat[2 * g : 2 * g + 2, 2 * g : 2 * g + 2] = mine.T @ mine
    _, row = np.unique(member[~alone], return_inverse=True)
    shared = np.zeros((int(row.max()) + 1 if row.size else 0, 2 * n_groups))
    shared[row, 2 * owner[~alone]] = sums[~alone, 0]
    shared[row, 2 * owner[~alone] + 1] = sums[~alone, 1]
    clusters = int(visits.size)
    return (meat + shared.T @ shared) * (clusters / max(clusters - 1, 1)), clusters


def _wald(difference: Floats, covariance: NDArray[np.float64]) -> WaldTest:
    """Test that all differences are 0; NaN where their covariance has no inverse."""
    nothing = WaldTest(float("nan"), 0, float("nan"))
    if not difference.size:
        return nothing
    scale = np.sqrt(np.diag(covariance))
    if not np.all(scale > 0.0):
        return nothing
    correlation = covariance / np.outer(scale, scale)
    if np.linalg.eigvalsh(correlation)[0] <= _SINGULAR:
        return nothing
    standardised = difference / scale
    chi2 = float(standardised @ np.linalg.solve(correlation, standardised))
    return WaldTest(chi2, difference.size, float(chdtrc(difference.size, chi2)))


def _estimable(found: Bools, group: Ints, cluster: Ints) -> Bools:
    """Levels with a fit and at least three clusters."""
    owner, _ = pair_codes(group, cluster)
    return found & (np.bincount(owner, minlength=found.size) >= _LEAST_CLUSTERS)


def calibration_interaction(
    logit_p: ArrayLike,
    label: ArrayLike,
    level_code: ArrayLike,
    n_levels: int,
    cluster: ArrayLike,
    fit: Recalibration | None = None,
) -> CalibrationInteraction:
    """Wald tests of the interaction of group and logit(p): whether groups differ in calibration.

    In ``logit P(y=1) = a_g + b_g logit(p)``, fitted group by group (the same maximum as the
    model with group, logit(p) and their interaction), `slopes` tests that all b_g are equal
    and `joint` that all a_g and all b_g are. The covariance is the cluster-robust sandwich with
    factor C/(C-1); patients with rows in several groups give it covariances between groups. It
    is asymptotic in clusters: with a handful of them in a group the p value is too small.

    Parameters
    ----------
    logit_p : array_like, shape (rows,)
        Log odds of the predicted probability, finite.
    label : array_like, shape (rows,)
        0/1 or boolean.
    level_code : array_like of int, shape (rows,)
        Group, 0..n_levels-1.
    n_levels : int
        Number of groups.
    cluster : array_like of int, shape (rows,)
        Patient code, not negative.
    fit : Recalibration, optional
        From `recalibration` of the same rows, where it is known.

    Returns
    -------
    CalibrationInteraction
        Levels with one class, separated classes, constant logit_p or fewer than 3 clusters are
        left out. With fewer than 2 levels kept, or a covariance that has no inverse (fewer
        clusters than parameters), the tests are NaN with 0 degrees of freedom.

    Raises
    ------
    ValueError
        If logit_p is not finite, a label is not 0/1, a code is out of range or lengths differ.

    References
    ----------
    Cox 1958, DOI 10.1093/biomet/45.3-4.562; Liang and Zeger 1986, DOI 10.1093/biomet/73.1.13.
    """
    x, positive = as_finite(logit_p, "logit_p"), as_label(label)
    g, c = as_codes(level_code, "level_code", n_levels), as_codes(cluster, "cluster")
    check_rows(x.size, label=positive, level_code=g, cluster=c)
    fit = recalibration(x, positive, g, n_levels) if fit is None else fit
    keep = _estimable(fit.converged_joint, g, c)
    kept = np.flatnonzero(keep)
    a, b = fit.intercept[kept], fit.slope[kept]
    rows = keep[g]
    # Only kept levels have an influence that is a number.
    influence = recalibration_influence(fit, x, positive, g)[rows, 1:]
    group = np.searchsorted(kept, g[rows])
    covariance, clusters = _covariance(influence, group, c[rows], kept.size)
    theta = np.column_stack([a, b]).ravel()
    both = np.kron(_contrast(kept.size), np.eye(2))
    slopes = both[1::2]
    return CalibrationInteraction(
        kept=kept,
        left_out=np.flatnonzero(~keep),
        intercept=a,
        slope=b,
        clusters=clusters,
        slopes=_wald(slopes @ theta, slopes @ covariance @ slopes.T),
        joint=_wald(both @ theta, both @ covariance @ both.T),
    )


def _contrast(levels: int) -> Floats:
    """Differences of every level to the first, shape (levels - 1, levels)."""
    rest = max(levels - 1, 0)
    return np.hstack([-np.ones((rest, min(levels, 1))), np.eye(rest)])
