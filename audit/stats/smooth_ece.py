"""Smooth expected calibration error (smECE) of Błasiok and Nakkiran."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.fft import dct

from audit.stats._arrays import Floats
from audit.stats._rungs import as_rungs
from audit.stats.binned_calibration import null_positives

TOLERANCE = 1e-4
DRAWS_TOLERANCE = 5e-4  # of a null only the mean and a quantile are read
_COARSEST, _FINEST = 256, 2**19  # cells of [0, 1]; the finest meets 1e-4 in any case
# The L1 error of laying mass on the grid, and again of integrating between its points, is below
# (1/8) (cell/sigma)^2 int|phi''| of the mass, and int|phi''| = 4 phi(1) = 0.9679.
_GRID_ERROR = 0.242
_LEAST_CELLS = 2.0  # cells to a sigma; below, the cosine series is cut before it has decayed
_REFINE = 8  # factor on the grid where the fixed point lies below what it resolves
_FIRST_GUESS = 0.02
_MAX_STEPS = 60
# Share of the tolerance left to the search for the fixed point.
_SEARCH = 0.01


class _Solution(NamedTuple):
    sigma: Floats
    cells: Floats


def _on_grid(score: Floats, residual: Floats, cells: int) -> Floats:
    """Residual mass on the cells + 1 points of a grid, each split linearly between neighbours."""
    place = score * cells
    left = np.minimum(np.floor(place), cells - 1).astype(np.int64)
    share = place - left
    starts = np.flatnonzero(np.diff(left, prepend=-1))
    at = left[starts]
    mass = np.zeros((residual.shape[0], cells + 1))
    mass[:, at] = np.add.reduceat(residual * (1.0 - share), starts, axis=-1)
    mass[:, at + 1] += np.add.reduceat(residual * share, starts, axis=-1)
    return mass


def _cosines(mass: Floats) -> Floats:
    """Cosine coefficients ``sum_j m_j cos(pi k j / cells)``, k = 0..cells."""
    doubled = mass.copy()
    doubled[:, 1:-1] *= 0.5  # the transform counts inner points twice
    return np.asarray(dct(doubled, type=1, axis=-1), dtype=np.float64)


def _mean_absolute(cosines: Floats, sigma: Floats) -> Floats:
    """Integral over [0, 1] of the absolute smoothed residual, per row.

    Cosines are the eigenfunctions of the reflected Gaussian kernel, exp(-(pi k sigma)^2 / 2) its
    eigenvalues. Between grid points the density is taken as linear, its sign change included.
    """
    cells = cosines.shape[-1] - 1
    used = min(cells, int(9.0 / (np.pi * float(sigma.min())))) + 1  # exp(-81/2) is nothing
    damped = np.zeros_like(cosines)
    k = np.arange(used)
    damped[:, :used] = cosines[:, :used] * np.exp(-0.5 * np.square(np.pi * k * sigma[:, None]))
    density = dct(damped, type=1, axis=-1)
    low, high = np.abs(density[:, :-1]), np.abs(density[:, 1:])
    area = low + high
    crossing = density[:, :-1] * density[:, 1:] < 0.0
    np.divide(low * low + high * high, area, out=area, where=crossing)
    return np.asarray(area.sum(axis=-1) / (2.0 * cells), dtype=np.float64)


def _fixed_points(cosines: Floats, guess: Floats, low: float, width: float) -> Floats:
    """Sigma in [low, 1] with ``smECE_sigma = sigma``, to within `width`; NaN where it is below.

    As smECE_sigma falls with sigma, the fixed point lies between sigma and smECE_sigma: every
    evaluation gives a bracket, of which a secant finds the next point.
    """
    at_low = _mean_absolute(cosines, np.full(guess.size, low))
    below = at_low <= low
    lower, upper = np.full(guess.size, low), np.minimum(at_low, 1.0)
    sigma = np.clip(guess, low, 1.0)
    before, value_before = np.full(guess.size, low), at_low
    for _ in range(_MAX_STEPS):
        open_ = (upper - lower > width) & ~below  # a finished row is left as it is
        if not open_.any():
            break
        value = _mean_absolute(cosines, sigma)
        lower = np.where(open_, np.maximum(lower, np.minimum(sigma, value)), lower)
        upper = np.where(open_, np.minimum(upper, np.maximum(sigma, value)), upper)
        with np.errstate(divide="ignore", invalid="ignore"):  # sigma did not move
            slope = np.minimum((value - value_before) / (sigma - before), 0.0)
        slope = np.where(np.isfinite(slope), slope, 0.0)
        before, value_before = sigma, value
        secant = (value - slope * sigma) / (1.0 - slope)
        inside = (secant > lower) & (secant < upper)
        sigma = np.where(inside, secant, 0.5 * (lower + upper))
    return np.where(below, np.nan, 0.5 * (lower + upper))


def _ascending(score: ArrayLike) -> Floats:
    nothing = np.zeros(np.size(score))
    return as_rungs(score, nothing, nothing, ties=True).score


def smooth_ece_draws(
    score: ArrayLike, residual: ArrayLike, tolerance: float = DRAWS_TOLERANCE
) -> Floats:
    """Smooth calibration error of many sets of outcomes on one ladder.

    ``smECE_sigma = int_0^1 |sum_i r_i K_sigma(t, p_i)| dt`` with K the Gaussian kernel reflected
    at 0 and 1, and smECE the sigma at which ``smECE_sigma = sigma``.

    The mass is laid on a grid and transformed to cosines, where smoothing is a product. With c
    the cell and M the total of |r|, smECE_sigma errs by less than ``0.242 (c/sigma)^2 M`` and,
    because it falls with sigma, so does the fixed point; rows are repeated on finer grids until
    that bound is below the tolerance. (What is found is far closer than this worst case.)

    Parameters
    ----------
    score : array_like, shape (rungs,)
        Ascending probabilities.
    residual : array_like, shape (draws, rungs)
        Outcome less prediction, summed at each score and divided by the number of rows:
        ``(positives - rows * score) / n``.
    tolerance : float
        Largest absolute error wanted, at least 1e-4.

    Returns
    -------
    ndarray of float, shape (draws,)
        In [0, 1], in probability units; NaN where a residual is NaN or there are no rungs.

    Raises
    ------
    ValueError
        If scores do not ascend in [0, 1], the total of |residual| exceeds 1, tolerance is below
        1e-4, or shapes do not fit.

    References
    ----------
    Błasiok and Nakkiran 2023, DOI 10.48550/arXiv.2309.12236.
    """
    p = _ascending(score)
    r = np.asarray(residual, dtype=np.float64)
    if r.ndim != 2 or r.shape[1] != p.size:
        raise ValueError(f"residual has shape {r.shape}, expected (draws, {p.size})")
    if not tolerance >= TOLERANCE:
        raise ValueError(f"tolerance must be at least {TOLERANCE:g}, got {tolerance!r}")
    mass = np.abs(r).sum(axis=-1)
    if np.any(mass > 1.0 + 1e-9):
        raise ValueError("residual must be divided by the number of rows")
    found = np.full(r.shape[0], np.nan)
    if not p.size:
        return found
    guess = np.full(r.shape[0], _FIRST_GUESS)
    cells = np.where(np.isfinite(mass), _COARSEST, 0)
    while cells.any():
        # Every draw climbs through grids of its own, whatever the others need.
        grid = int(cells[cells > 0].min())
        now = np.flatnonzero(cells == grid)
        solution = _solve(p, r[now], guess[now], grid, tolerance)
        found[now] = guess[now] = solution.sigma
        finer = (2 ** np.ceil(np.log2(solution.cells))).astype(np.int64)
        cells[now] = np.where(solution.cells > grid, finer, 0)
    return found


def _solve(
    score: Floats, residual: Floats, guess: Floats, cells: int, tolerance: float
) -> _Solution:
    """Fixed points on one grid, and the cells that each would need for the tolerance."""
    cosines = _cosines(_on_grid(score, residual, cells))
    low = max(tolerance, _LEAST_CELLS / cells)
    sigma = _fixed_points(cosines, guess, low, _SEARCH * tolerance)
    below = np.isnan(sigma)
    reached = np.where(below, low, sigma)
    mass = np.abs(residual).sum(axis=-1)
    need = np.maximum(np.sqrt(_GRID_ERROR * mass / tolerance), _LEAST_CELLS) / reached
    if below.any():
        # Below the tolerance any value between smECE_sigma and sigma will do.
        sigma[below] = _mean_absolute(cosines[below], np.full(int(below.sum()), low))
        if low > tolerance:
            need[below] = _REFINE * cells
    return _Solution(sigma, np.minimum(need, _FINEST))


def smooth_ece(
    score: ArrayLike, positives: ArrayLike, negatives: ArrayLike, tolerance: float = TOLERANCE
) -> float:
    """Smooth expected calibration error of the data.

    Parameters
    ----------
    score : array_like, shape (rungs,)
        Ascending probabilities.
    positives, negatives : array_like, shape (rungs,)
        Weight at each score.
    tolerance : float
        Largest absolute error wanted, at least 1e-4.

    Returns
    -------
    float
        In [0, 1]; NaN without weight. For its definition see `smooth_ece_draws`. It lies
        between half the distance to the nearest calibrated predictor and twice its root.

    Raises
    ------
    ValueError
        As in `smooth_ece_draws`, or if a weight is negative.

    References
    ----------
    Błasiok and Nakkiran 2023, DOI 10.48550/arXiv.2309.12236.
    """
    p, pos, neg = as_rungs(score, positives, negatives, ties=True)
    if pos.ndim != 1 or neg.ndim != 1:
        raise ValueError("one set of weights at a time; see smooth_ece_draws")
    total = float((pos + neg).sum())
    if not total > 0.0:
        return float("nan")
    residual = (pos * (1.0 - p) - neg * p) / total
    return float(smooth_ece_draws(p, residual[None, :], tolerance)[0])


def null_smooth_ece(
    score: ArrayLike, rows: ArrayLike, generator: np.random.Generator, draws: int = 200
) -> Floats:
    """Smooth ECE of a perfectly calibrated model with the same scores and rows.

    Arguments and errors of `audit.stats.binned_calibration.null_positives`: labels are redrawn
    from the scores. Shape (draws,); NaN without rows.
    """
    positives = null_positives(score, rows, generator, draws)
    p, n = np.asarray(score, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    total = float(n.sum())
    if not total > 0.0:
        return np.full(draws, np.nan)
    return smooth_ece_draws(p, (positives - n * p) / total)
