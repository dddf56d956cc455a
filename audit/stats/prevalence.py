"""Figures of an enriched test set carried over to a declared target prevalence.

All assume that sensitivity, specificity and the scores within each outcome class are the same in
the target population: enrichment that selected on severity, not on the outcome alone, breaks this.
"""

import numpy as np
from numpy.typing import ArrayLike

from audit.stats._arrays import Floats


def _proportions(**values: ArrayLike) -> list[Floats]:
    """Check that values lie in [0, 1] or are NaN, and broadcast them."""
    arrays = [np.asarray(value, dtype=np.float64) for value in values.values()]
    for name, array in zip(values, arrays, strict=True):
        if np.any((array < 0.0) | (array > 1.0)):
            raise ValueError(f"{name} must lie in [0, 1]")
    return list(np.broadcast_arrays(*arrays))


def _divide(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient, NaN where the denominator is 0."""
    top, bottom = np.broadcast_arrays(numerator, denominator)
    out = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=out, where=bottom != 0.0)
    return out


def adjusted_ppv(sensitivity: ArrayLike, specificity: ArrayLike, prevalence: ArrayLike) -> Floats:
    """Positive predictive value at a target prevalence, by Bayes' theorem.

    ``sens pi / (sens pi + (1 - spec)(1 - pi))``.

    Parameters
    ----------
    sensitivity, specificity, prevalence : array_like
        Proportions, broadcast together; NaN is passed on.

    Returns
    -------
    ndarray of float
        In [0, 1]; NaN where nobody would be flagged.

    Raises
    ------
    ValueError
        If a value lies outside [0, 1].

    References
    ----------
    Altman and Bland 1994, DOI 10.1136/bmj.309.6947.102.
    """
    sens, spec, pi = _proportions(
        sensitivity=sensitivity, specificity=specificity, prevalence=prevalence
    )
    true = sens * pi
    return _divide(true, true + (1.0 - spec) * (1.0 - pi))


def adjusted_npv(sensitivity: ArrayLike, specificity: ArrayLike, prevalence: ArrayLike) -> Floats:
    """Negative predictive value at a target prevalence, by Bayes' theorem.

    ``spec (1 - pi) / (spec (1 - pi) + (1 - sens) pi)``.

    Parameters
    ----------
    sensitivity, specificity, prevalence : array_like
        Proportions, broadcast together; NaN is passed on.

    Returns
    -------
    ndarray of float
        In [0, 1]; NaN where everybody would be flagged.

    Raises
    ------
    ValueError
        If a value lies outside [0, 1].

    References
    ----------
    Altman and Bland 1994, DOI 10.1136/bmj.309.6947.102.
    """
    sens, spec, pi = _proportions(
        sensitivity=sensitivity, specificity=specificity, prevalence=prevalence
    )
    true = spec * (1.0 - pi)
    return _divide(true, true + (1.0 - sens) * pi)


def adjusted_net_benefit(
    sensitivity: ArrayLike, specificity: ArrayLike, prevalence: ArrayLike, odds: ArrayLike
) -> Floats:
    """Net benefit at a target prevalence.

    ``sens pi - (1 - spec)(1 - pi) odds`` with odds = t/(1 - t) of the threshold probability t.

    Parameters
    ----------
    sensitivity, specificity, prevalence : array_like
        Proportions, broadcast together; NaN is passed on.
    odds : array_like
        Not negative; harm of a false positive in units of the benefit of a true one.

    Returns
    -------
    ndarray of float
        True positives per unit, net; at most `prevalence`.

    Raises
    ------
    ValueError
        If a proportion lies outside [0, 1] or odds are negative.

    References
    ----------
    Vickers and Elkin 2006, DOI 10.1177/0272989X06295361.
    """
    sens, spec, pi = _proportions(
        sensitivity=sensitivity, specificity=specificity, prevalence=prevalence
    )
    cost = np.asarray(odds, dtype=np.float64)
    if np.any(cost < 0.0):
        raise ValueError("odds must not be negative")
    return np.asarray(sens * pi - (1.0 - spec) * (1.0 - pi) * cost, dtype=np.float64)


def adjusted_oe_ratio(
    mean_p_positives: ArrayLike, mean_p_negatives: ArrayLike, prevalence: ArrayLike
) -> Floats:
    """O:E ratio of the cohort reweighted to a target prevalence, its scores as they are.

    ``pi / (pi m1 + (1 - pi) m0)`` with m1 and m0 the mean predicted probability of positives and
    negatives: the ratio of weighted sums with weights pi/phi and (1 - pi)/(1 - phi), phi the
    cohort's own prevalence.

    Parameters
    ----------
    mean_p_positives, mean_p_negatives, prevalence : array_like
        In [0, 1], broadcast together; NaN (no row of that class) is passed on.

    Returns
    -------
    ndarray of float
        Not negative; NaN where the expected risk is 0.

    Raises
    ------
    ValueError
        If a value lies outside [0, 1].

    References
    ----------
    Van Calster et al. 2016, DOI 10.1016/j.jclinepi.2015.12.005 (the ratio).
    """
    m1, m0, pi = _proportions(
        mean_p_positives=mean_p_positives,
        mean_p_negatives=mean_p_negatives,
        prevalence=prevalence,
    )
    return _divide(pi, pi * m1 + (1.0 - pi) * m0)
