"""Binned calibration: expected calibration error with its null, and Murphy's decomposition."""

from hashlib import sha256
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from audit.stats._arrays import Floats, Ints, as_codes, check_rows
from audit.stats._rungs import as_rungs, as_weights

BINS = 15


class BrierParts(NamedTuple):
    """``brier = reliability - resolution + uncertainty + within_variance - within_covariance``.

    Arrays of the leading shape of the weights, all in squared probability.
    """

    brier: Floats
    reliability: Floats
    resolution: Floats
    uncertainty: Floats
    within_variance: Floats
    within_covariance: Floats

    @property
    def generalised_resolution(self) -> Floats:
        """Resolution with the within-bin terms, ``RES - WBV + WBC``."""
        return self.resolution - self.within_variance + self.within_covariance


def equal_mass_bins(rows: ArrayLike, bins: int = BINS) -> Ints:
    """Bin of each rung when the rows are cut into bins of equal mass, ties never split.

    ``floor(bins * (rows below the rung) / (rows))``: a rung goes, whole, to the bin of its first
    row. A bin can hold more than its share, and bins covered by a large tie stay empty.

    Parameters
    ----------
    rows : array_like, shape (rungs,)
        Rows (or weight) at each ascending score.
    bins : int
        Number of bins, at least 1.

    Returns
    -------
    ndarray of int, shape (rungs,)
        Ascending codes in 0..bins-1.

    Raises
    ------
    ValueError
        If a weight is negative, rows has more than one dimension, or bins is below 1.
    """
    weight = np.asarray(rows, dtype=np.float64)
    as_weights(weight, weight.size)
    if weight.ndim != 1:
        raise ValueError("rows must be one-dimensional")
    _check_bins(bins)
    total = weight.sum()
    if not total > 0.0:
        return np.zeros(weight.size, dtype=np.int64)
    below = np.concatenate(([0.0], np.cumsum(weight)[:-1]))
    # Rungs without rows at the very top have all rows below them.
    place = np.floor(bins * below / total).astype(np.int64)
    return np.asarray(np.minimum(place, bins - 1), dtype=np.int64)


def equal_width_bins(score: ArrayLike, bins: int = BINS) -> Ints:
    """Bin of each score in [0, 1] cut at k/bins: half-open [l, u), the last closed.

    Parameters
    ----------
    score : array_like
        Probabilities.
    bins : int
        Number of bins, at least 1.

    Returns
    -------
    ndarray of int, shape of `score`
        Codes in 0..bins-1.

    Raises
    ------
    ValueError
        If a score lies outside [0, 1] or bins is below 1.
    """
    p = np.asarray(score, dtype=np.float64)
    if not np.all((p >= 0.0) & (p <= 1.0)):
        raise ValueError("score must lie in [0, 1]")
    _check_bins(bins)
    return np.asarray(np.searchsorted(np.arange(1, bins) / bins, p, side="right"), dtype=np.int64)


def _check_bins(bins: int) -> None:
    if bins < 1:
        raise ValueError(f"bins must be at least 1, got {bins!r}")


def _by_bin(values: Floats, bin_of: Ints) -> Floats:
    """Sums over bins that occur; the codes ascend along the ladder."""
    starts = np.flatnonzero(np.diff(bin_of, prepend=-1))
    if starts.size == bin_of.size:
        return values
    return np.asarray(np.add.reduceat(values, starts, axis=-1), dtype=np.float64)


def _check_codes(bin_of: ArrayLike, rungs: int) -> Ints:
    codes = as_codes(bin_of, "bin")
    check_rows(rungs, bin=codes)
    if np.any(codes[1:] < codes[:-1]):
        raise ValueError("bins must ascend along the ladder")
    return codes


def expected_calibration_error(
    score: ArrayLike, positives: ArrayLike, negatives: ArrayLike, bin_of: ArrayLike
) -> Floats:
    """Weighted mean over bins of |mean outcome - mean score|.

    ``sum_b |sum_{i in b} (y_i - p_i)| / n``.

    Parameters
    ----------
    score : array_like, shape (rungs,)
        Ascending probabilities.
    positives, negatives : array_like, shape (..., rungs)
        Weight at each score.
    bin_of : array_like of int, shape (rungs,)
        Bin of each rung, ascending; see `equal_mass_bins` and `equal_width_bins`.

    Returns
    -------
    ndarray of float, the leading shape
        In [0, 1]; NaN without weight. Never 0 by expectation: see `null_ece_equal_mass`.

    Raises
    ------
    ValueError
        If scores or bins do not ascend, a weight is negative or shapes do not fit.

    References
    ----------
    Naeini, Cooper and Hauskrecht 2015, DOI 10.1609/aaai.v29i1.9602.
    """
    p, pos, neg = as_rungs(score, positives, negatives, ties=True)
    codes = _check_codes(bin_of, p.size)
    residual = pos * (1.0 - p) - neg * p
    total = (pos + neg).sum(axis=-1)
    error = np.abs(_by_bin(residual, codes)).sum(axis=-1)
    return np.asarray(error / np.where(total > 0.0, total, np.nan))


def ece_equal_mass(
    score: ArrayLike, positives: ArrayLike, negatives: ArrayLike, bins: int = BINS
) -> Floats:
    """Expected calibration error on bins of equal mass, of one set of weights.

    `expected_calibration_error` with the bins of `equal_mass_bins`, and its errors.
    """
    _, pos, neg = as_rungs(score, positives, negatives)
    return expected_calibration_error(score, pos, neg, equal_mass_bins(pos + neg, bins))


def ece_equal_width(
    score: ArrayLike, positives: ArrayLike, negatives: ArrayLike, bins: int = BINS
) -> Floats:
    """Expected calibration error on bins of equal width, for any leading shape of weights.

    `expected_calibration_error` with the bins of `equal_width_bins`, and its errors.
    """
    return expected_calibration_error(score, positives, negatives, equal_width_bins(score, bins))


def null_generator(seed: int, name: str) -> np.random.Generator:
    """Generator that depends on the seed and a name (the stratum) alone.

    Parameters
    ----------
    seed : int
        Not negative.
    name : str
        Any text; each gets a stream of its own.

    Returns
    -------
    numpy.random.Generator

    Raises
    ------
    ValueError
        If seed is negative.
    """
    if seed < 0:
        raise ValueError(f"seed must not be negative, got {seed!r}")
    words = np.frombuffer(sha256(name.encode("utf-8")).digest()[:16], dtype="<u4")
    return np.random.Generator(np.random.Philox([seed, *words.tolist()]))


def null_positives(
    score: ArrayLike, rows: ArrayLike, generator: np.random.Generator, draws: int
) -> Floats:
    """Labels redrawn from the scores, as if these were the true risks.

    Parameters
    ----------
    score : array_like, shape (rungs,)
        Ascending probabilities; distinct log odds can stand for the same one.
    rows : array_like of int, shape (rungs,)
        Rows at each; memory and time are draws x rungs, so give a short ladder.
    generator : numpy.random.Generator
        From `null_generator`; rungs are in canonical order, so the draws do not depend on that
        of the rows.
    draws : int
        How many, at least 1.

    Returns
    -------
    ndarray of float, shape (draws, rungs)
        Binomial(rows, score) positives.

    Raises
    ------
    ValueError
        If scores do not ascend in [0, 1], rows are not whole or negative, or draws is below 1.
    """
    p, n, _ = as_rungs(score, rows, rows, ties=True)
    if n.ndim != 1 or np.any(n != np.rint(n)):
        raise ValueError("rows must be whole numbers")
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws!r}")
    return generator.binomial(n.astype(np.int64), p, size=(draws, p.size)).astype(np.float64)


def null_ece_equal_mass(
    score: ArrayLike,
    rows: ArrayLike,
    generator: np.random.Generator,
    draws: int = 1000,
    bins: int = BINS,
) -> Floats:
    """Equal-mass ECE of a perfectly calibrated model with the same scores and rows.

    Labels are redrawn from the scores, all rows independent of one another.

    Parameters
    ----------
    score, rows, generator, draws
        As in `null_positives`.
    bins : int
        Number of bins.

    Returns
    -------
    ndarray of float, shape (draws,)
        NaN without rows.

    Raises
    ------
    ValueError
        As in `null_positives`.

    References
    ----------
    Bröcker and Smith 2007, DOI 10.1175/WAF993.1 (consistency resampling).
    """
    positives = null_positives(score, rows, generator, draws)
    n = np.asarray(rows, dtype=np.float64)
    return expected_calibration_error(score, positives, n - positives, equal_mass_bins(n, bins))


def murphy_decomposition(
    score: ArrayLike, positives: ArrayLike, negatives: ArrayLike, bin_of: ArrayLike
) -> BrierParts:
    """Brier score as reliability, resolution and uncertainty, with the within-bin terms.

    With n_b, p_b and o_b the weight, mean score and mean outcome of bin b, o that of all:
    REL = sum n_b (p_b - o_b)^2 / n, RES = sum n_b (o_b - o)^2 / n, UNC = o (1 - o), and within
    bins WBV = sum (p_i - p_b)^2 / n, WBC = 2 sum (p_i - p_b)(y_i - o_b) / n.

    Parameters
    ----------
    score : array_like, shape (rungs,)
        Ascending probabilities.
    positives, negatives : array_like, shape (..., rungs)
        Weight at each score.
    bin_of : array_like of int, shape (rungs,)
        Bin of each rung, ascending; see `equal_mass_bins`.

    Returns
    -------
    BrierParts
        Their identity is exact for any bins. All NaN without weight.

    Raises
    ------
    ValueError
        If scores or bins do not ascend, a weight is negative or shapes do not fit.

    References
    ----------
    Murphy 1973, DOI 10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2; Stephenson, Coelho and
    Jolliffe 2008, DOI 10.1175/2007WAF2006116.1.
    """
    p, pos, neg = as_rungs(score, positives, negatives, ties=True)
    codes = _check_codes(bin_of, p.size)
    weight = pos + neg
    total = weight.sum(axis=-1)
    n = np.where(total > 0.0, total, np.nan)
    mass = _by_bin(weight, codes)
    held = np.where(mass > 0.0, mass, 1.0)  # an empty bin has weight 0 in every sum
    p_bin, o_bin = _by_bin(weight * p, codes) / held, _by_bin(pos, codes) / held
    overall = pos.sum(axis=-1) / n
    place = np.cumsum(np.diff(codes, prepend=codes[:1]) > 0)
    off = p - p_bin[..., place]
    above = pos - weight * o_bin[..., place]
    brier = (pos * (1.0 - p) ** 2 + neg * p * p).sum(axis=-1) / n
    return BrierParts(
        brier=np.asarray(brier),
        reliability=np.asarray((mass * (p_bin - o_bin) ** 2).sum(axis=-1) / n),
        resolution=np.asarray((mass * (o_bin - overall[..., None]) ** 2).sum(axis=-1) / n),
        uncertainty=np.asarray(overall * (1.0 - overall)),
        within_variance=np.asarray((weight * off * off).sum(axis=-1) / n),
        within_covariance=np.asarray(2.0 * (off * above).sum(axis=-1) / n),
    )


def murphy_equal_mass(
    score: ArrayLike, positives: ArrayLike, negatives: ArrayLike, bins: int = BINS
) -> BrierParts:
    """`murphy_decomposition` of one set of weights on its own bins of equal mass."""
    _, pos, neg = as_rungs(score, positives, negatives)
    return murphy_decomposition(score, pos, neg, equal_mass_bins(pos + neg, bins))


def murphy_exact(score: ArrayLike, positives: ArrayLike, negatives: ArrayLike) -> BrierParts:
    """`murphy_decomposition` with every distinct score its own bin: no within-bin terms."""
    p, pos, neg = as_rungs(score, positives, negatives)
    return murphy_decomposition(p, pos, neg, np.arange(p.size))
