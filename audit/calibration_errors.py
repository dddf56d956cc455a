"""Calibration errors: those read against their null, and the summaries of the flexible curve."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from audit.ladder import Ladder, exact_ladder
from audit.null_labels import null_ece, signed_residuals
from audit.result import Null
from audit.rows import Floats, Grouped, Rows
from audit.stats import flexible
from audit.stats._arrays import pair_codes
from audit.stats.binned_calibration import (
    BINS,
    equal_mass_bins,
    murphy_decomposition,
    null_generator,
)
from audit.stats.calibration_tests import spiegelhalter, spiegelhalter_terms
from audit.stats.smooth_ece import null_smooth_ece, smooth_ece, smooth_ece_draws
from audit.sweep import Sorted

NULLS = ("ece", "ece_mass", "smece", "spiegelhalter_z")
NULL_REPLICATES = 1000
SMOOTH_NULL_REPLICATES = 200


def calibration_nulls(
    rows: Rows, data: Grouped, names: Sequence[str], wanted: Sequence[str], seed: int
) -> tuple[dict[str, Floats], dict[str, tuple[Null | None, ...]]]:
    """Values and nulls of the measures that are read against a null, by measure.

    `names` are the strata's.
    """
    values: dict[str, Floats] = {}
    null: dict[str, tuple[Null | None, ...]] = {}
    if "ece" in wanted:
        values["ece"], null["ece"] = _ece(data.rows, seed, rows.clustered)
    if "ece_mass" in wanted:
        by_mass = replace(data.rows, ece_bin=_mass_bins(data.rows))
        values["ece_mass"], null["ece_mass"] = _ece(by_mass, seed, rows.clustered)
    if "smece" in wanted:
        values["smece"], null["smece"] = _smooth(rows, data, names, seed)
    if "spiegelhalter_z" in wanted:
        values["spiegelhalter_z"], null["spiegelhalter_z"] = _spiegelhalter(data)
    return values, null


def flexible_errors(ladder: Ladder, data: Ladder | None) -> tuple[Floats, Floats, Floats, Floats]:
    """ICI, E50, E90 and Emax of a ladder; `data` is that of the data where resamples are given."""
    if data is None or ladder.positives.ndim == 1:
        return flexible.flexible_errors(ladder.score, ladder.positives, ladder.negatives)
    return flexible.resampled_errors(
        data.score, data.positives, data.negatives, ladder.positives, ladder.negatives
    )


def _ece(rows: Sorted, seed: int, clustered: bool) -> tuple[Floats, tuple[Null | None, ...]]:
    """ECE of every stratum over the bins of the rows, and its null."""
    strata = rows.start.size - 1
    n = np.diff(rows.start)
    group = np.repeat(np.arange(strata), n)
    difference = np.bincount(
        group * 16 + rows.ece_bin, weights=rows.probability - rows.label, minlength=strata * 16
    )
    with np.errstate(invalid="ignore"):
        value = np.abs(difference).reshape(strata, 16).sum(1) / n
    drawn = null_ece(rows, seed, NULL_REPLICATES, signed=clustered)
    return value, tuple(
        null_of(float(observed), draws) if size else None
        for observed, draws, size in zip(value, drawn, n, strict=True)
    )


def _mass_bins(rows: Sorted) -> NDArray[np.int8]:
    """Bin ``floor(15 (rows with a lower score) / n)`` of every row in its stratum."""
    ends = np.flatnonzero(rows.block_end)
    last_of_tie = ends[np.searchsorted(ends, np.arange(rows.label.size))]
    n = np.diff(rows.start)
    below = np.repeat(rows.start[1:], n) - 1 - last_of_tie
    bins: NDArray[np.int8] = (BINS * below // np.repeat(n, n)).astype(np.int8)
    return bins


def _smooth(
    rows: Rows, data: Grouped, names: Sequence[str], seed: int
) -> tuple[Floats, tuple[Null | None, ...]]:
    """SmECE of every stratum, and its null on the common rungs of the score."""
    value = np.full(data.strata, np.nan)
    nulls: list[Null | None] = []
    for i, name in enumerate(names):
        part = slice(int(data.rows.start[i]), int(data.rows.start[i + 1]))
        if part.start == part.stop:
            nulls.append(None)
            continue
        p, label = data.rows.probability[part], data.rows.label[part].astype(np.float64)
        exact = exact_ladder(p, p, label, rows.setting)
        value[i] = smooth_ece(exact.score, exact.positives, exact.negatives)
        nulls.append(null_of(float(value[i]), _smooth_draws(rows, data, i, name, seed)))
    return value, tuple(nulls)


def _smooth_draws(rows: Rows, data: Grouped, stratum: int, name: str, seed: int) -> Floats:
    own = data.rows.only(slice(stratum, stratum + 1))
    rungs = rows.rung_score.size
    count = np.bincount(own.rung, minlength=rungs)
    used = count > 0
    score = rows.rung_score[used]
    if not rows.clustered:
        generator = null_generator(seed, name)
        return null_smooth_ece(score, count[used], generator, SMOOTH_NULL_REPLICATES)
    residual = signed_residuals(own, rungs, seed, SMOOTH_NULL_REPLICATES)
    return smooth_ece_draws(score, residual[:, used] / own.label.size)


def _spiegelhalter(data: Grouped) -> tuple[Floats, tuple[Null | None, ...]]:
    """Spiegelhalter's z; where patients have several rows, with the variance of their sums.

    Its null is the standard normal: `q95` is that of |z|, `p` two-sided.
    """
    residual, variance = spiegelhalter_terms(data.rows.probability, data.rows.label)
    total = np.bincount(data.group, residual, minlength=data.strata)
    own = np.bincount(data.group, variance, minlength=data.strata)
    owner, pair = pair_codes(data.group, data.rows.cluster)
    if owner.size < data.group.size:
        by_patient = np.bincount(pair, residual, minlength=owner.size)
        own = np.where(own > 0, np.bincount(owner, by_patient**2, minlength=data.strata), own)
    test = spiegelhalter(total, own)
    nulls = tuple(
        Null(mean=0.0, q95=float(ndtri(0.975)), excess=float(z), p=float(p))
        if np.isfinite(z)
        else None
        for z, p in zip(np.atleast_1d(test.z), np.atleast_1d(test.p), strict=True)
    )
    return np.atleast_1d(test.z), nulls


def null_of(observed: float, draws: Floats) -> Null:
    """Summarise the draws of a null beside what was observed."""
    mean = float(draws.mean())
    # Equal sums can differ in the last digit, being added in another order.
    p = (1 + int((draws >= observed - 1e-9).sum())) / (draws.size + 1)
    return Null(mean=mean, q95=float(np.quantile(draws, 0.95)), excess=observed - mean, p=p)


def murphy_parts(ladder: Ladder, data: Ladder | None) -> tuple[Floats, Floats]:
    """Reliability and resolution of the Brier score over 15 bins of equal mass of the data."""
    bins = equal_mass_bins((data or ladder).total)
    parts = murphy_decomposition(ladder.score, ladder.positives, ladder.negatives, bins)
    return parts.reliability, parts.resolution
