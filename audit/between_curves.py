"""The area between the ROC curves of two strata (ABROCA), its resamples and its null."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from audit.ladder import exact_ladder
from audit.rows import Floats, Grouped, Rows
from audit.stats.ladder import abroca
from audit.sweep import Resampling, resampled_rungs

REPLICATES = 500  # they give an interval, not a tail
MERGED = 4  # rungs that become one: the curves are then lines between 32 points


def abroca_figures(rows: Rows, data: Grouped, scheme: Resampling) -> tuple[Floats, Floats]:
    """Area between the curve of every stratum and that of the largest one or the reference.

    Returns values of shape (strata,) and resamples of shape (strata, at most 500).
    """
    reference = data.reference
    if reference is None:
        nothing = np.full(data.strata, np.nan)
        return nothing, np.full((data.strata, 1), np.nan)
    value = np.array([_exact(rows, data, i, reference) for i in range(data.strata)])
    fewer = replace(scheme, replicates=min(scheme.replicates, REPLICATES))
    if not fewer.replicates:
        return value, np.full((data.strata, 1), np.nan)
    own = resampled_rungs(
        data.rows.only(slice(reference, reference + 1)), fewer, rows.rung_score.size
    )[0]
    moved = np.empty((data.strata, fewer.replicates))
    for i in range(data.strata):
        weights = resampled_rungs(data.rows.only(slice(i, i + 1)), fewer, rows.rung_score.size)[0]
        coarse = areas(_counts(rows, data, i), _counts(rows, data, reference))[0]
        moved[i] = np.clip(areas(weights, own) + value[i] - coarse, 0.0, 1.0)
    return value, moved


def areas(one: NDArray[np.floating], other: NDArray[np.floating]) -> Floats:
    """ABROCA of counts by label and rung, shape (..., 2, rungs), on merged rungs."""
    a, b = merged(one), merged(other)
    return abroca(a[..., 1, :], a[..., 0, :], b[..., 1, :], b[..., 0, :])


def merged(counts: NDArray[np.floating]) -> Floats:
    """Add up every four neighbouring rungs."""
    starts = np.arange(0, counts.shape[-1], MERGED)
    added: Floats = np.add.reduceat(counts.astype(np.float64), starts, axis=-1)
    return added


def _counts(rows: Rows, data: Grouped, stratum: int) -> Floats:
    part = slice(int(data.rows.start[stratum]), int(data.rows.start[stratum + 1]))
    size = rows.rung_score.size
    cell = data.rows.label[part].astype(np.int64) * size + data.rows.rung[part]
    return np.bincount(cell, minlength=2 * size).reshape(1, 2, size).astype(np.float64)


def _exact(rows: Rows, data: Grouped, stratum: int, reference: int) -> float:
    """Area between two curves with every distinct score of either."""
    parts = [
        slice(int(data.rows.start[i]), int(data.rows.start[i + 1])) for i in (stratum, reference)
    ]
    score = [rows.score[data.take[part]] for part in parts]
    if not all(s.size for s in score):
        return float("nan")
    label = [data.rows.label[part].astype(np.float64) for part in parts]
    ladders = [exact_ladder(s, s, y, rows.setting) for s, y in zip(score, label, strict=True)]
    distinct = np.unique(np.concatenate([ladder.score for ladder in ladders]))
    counts = []
    for ladder in ladders:
        for own in (ladder.positives, ladder.negatives):
            full = np.zeros(distinct.size)
            full[np.searchsorted(distinct, ladder.score)] = own
            counts.append(full)
    return float(abroca(*counts))
