"""The null of a gap: the attribute permuted over patients within site.

A max-min gap grows with the number of groups even when nothing differs. What it would be by chance
alone is seen by handing the levels out again among the patients of each site, some hundred times.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from audit.between_curves import areas
from audit.figures import Figures
from audit.ladder import Ladder
from audit.measures.declaration import Measure
from audit.result import Null
from audit.rows import Ints, Rows, grouped
from audit.stats.mixing import GOLDEN
from audit.stats.weights import mix, stream
from audit.sums import FIRST_TERM, INDEX, TERMS, Setting, Sums

PURPOSE = 3  # of the random stream: 0 resamples, 1 multinomial, 2 and 4 null labels
BYTES = 64 * 2**20
# Rows times permutations beyond which fewer permutations are made, though never fewer than 200.
MOST_WORK, FEWEST = 200_000_000, 200


@dataclass(frozen=True, eq=False)
class Blocks:
    """Who is permuted: a patient's rows at one site with one level, as one block.

    `level` is the level of each block and `site` where the blocks of each site begin, blocks being
    sorted by site and then by patient. `rows` puts the analysed rows in the order of the blocks,
    `first` is where each block's rows begin.
    """

    level: NDArray[np.int16]
    site: Ints
    rows: Ints
    first: Ints


def blocks_of(rows: Rows, codes: NDArray[np.int32], site: NDArray[np.int32] | None) -> Blocks:
    """Group the analysed rows into blocks; `codes` and `site` cover the whole cohort."""
    return blocks_at(rows.position, rows.cluster, codes, site)


def blocks_at(
    position: Ints, cluster: Ints, codes: NDArray[np.int32], site: NDArray[np.int32] | None
) -> Blocks:
    """Group rows into blocks, given their places in the cohort and their patients."""
    level = codes[position].astype(np.int64)
    place = np.zeros(level.size, np.int64) if site is None else site[position].astype(np.int64)
    levels = int(level.max(initial=0)) + 1
    clusters = int(cluster.max(initial=0)) + 1
    full = (place * clusters + cluster) * levels + level
    order = np.argsort(full, kind="stable")
    ordered = full[order]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    every = ordered[first]
    sites = every // (clusters * levels)
    start = np.searchsorted(sites, np.arange(int(sites.max(initial=-1)) + 2))
    ends = np.append(first, full.size).astype(np.int64)
    return Blocks((every % levels).astype(np.int16), start.astype(np.int64), order, ends)


def gap_nulls(
    rows: Rows,
    figures: Figures,
    usable: dict[str, list[int]],
    site: NDArray[np.int32] | None,
    permutations: int,
    seed: int,
) -> dict[str, Null]:
    """Null of the max-min gap of every measure in `usable`, over the strata named there.

    ABROCA, which compares two strata, gets one for every stratum: ``abroca/sex=F``.
    Scores keep their common rungs: AUROC and average precision of the permuted groups, and of the
    observed ones they are compared with, come from at most 128 scores.
    """
    measures = [m for m in figures.measures if m.id in usable and m.contrasted]
    measures = [m for m in measures if m.compute is not None or m.of_ladder is not None]
    between = any(m.pairwise for m in figures.measures)
    if not (measures or between) or permutations < 1 or rows.label.size == 0:
        return {}
    blocks = blocks_of(rows, figures.strata.codes, site)
    counted = _counted(rows, blocks, measures)
    strata = figures.strata
    reference = strata.reference_index(figures.n) if between else None

    def statistics(levels: NDArray[np.int16]) -> dict[str, NDArray[np.float64]]:
        rungs, sums = counts_of(levels, blocks, counted, len(strata.strata))
        gaps = _gaps(
            rungs, sums_of_counts(rungs, sums, counted, rows.setting), rows, measures, usable
        )
        return gaps | _between(rungs, strata.strata, reference)

    observed = statistics(blocks.level[None, :])
    permutations = affordable(permutations, rows.label.size)
    cells = len(strata.strata) * (2 * rows.rung_score.size + len(counted.names) + 2)
    per_slice = max(1, BYTES // (8 * cells + 2 * blocks.level.size))
    draws: dict[str, list[NDArray[np.float64]]] = {id: [] for id in observed}
    for first in range(0, permutations, per_slice):
        size = min(per_slice, permutations - first)
        for id, drawn in statistics(permutations_of(blocks, seed, first, size)).items():
            draws[id].append(drawn)
    nulls = {id: null_of(float(observed[id][0]), np.concatenate(draws[id])) for id in draws}
    return {id: null for id, null in nulls.items() if null is not None}


def permutations_of(blocks: Blocks, seed: int, first: int, size: int) -> NDArray[np.int16]:
    """Levels of the blocks in `size` permutations from the `first` on."""
    permuted = np.empty((size, blocks.level.size), np.int16)
    _permute(blocks.level, blocks.site, stream(seed, PURPOSE), first, permuted)
    return permuted


def affordable(permutations: int, rows: int) -> int:
    """How many permutations are made of so many rows."""
    return min(permutations, max(FEWEST, MOST_WORK // max(rows, 1)))


def null_of(observed: float, draws: NDArray[np.float64]) -> Null | None:
    """What a statistic is by chance alone; None where it is known in no permutation."""
    known = draws[~np.isnan(draws)]
    if known.size == 0 or not np.isfinite(observed):
        return None
    mean = float(known.mean())
    p = (1 + int((known >= observed - 1e-12).sum())) / (known.size + 1)
    q95 = float(np.quantile(known, 0.95))
    return Null(mean=mean, q95=q95, excess=observed - mean, p=p)


@njit(cache=True, nogil=True)
def _permute(level, start, salt, first, out):  # type: ignore[no-untyped-def]
    for j in range(out.shape[0]):
        state = mix(salt + np.uint64(first + j + 1) * GOLDEN)
        for k in range(level.size):  # a slice would mean the same and compile ten times as long
            out[j, k] = level[k]
        for s in range(start.size - 1):
            for k in range(start[s + 1] - 1, start[s], -1):
                state = state + GOLDEN
                span = np.uint64(k - start[s] + 1)
                pick = start[s] + np.int64(((mix(state) >> np.uint64(32)) * span) >> np.uint64(32))
                held = out[j, k]
                out[j, k] = out[j, pick]
                out[j, pick] = held


@njit(cache=True, nogil=True)
def _count(level, first, cell, block, rungs, sums):  # type: ignore[no-untyped-def]
    for j in range(level.shape[0]):
        for b in range(first.size - 1):
            g = level[j, b]
            for i in range(first[b], first[b + 1]):
                rungs[j, g, cell[i]] += 1.0
            for k in range(block.shape[1]):
                sums[j, g, k] += block[b, k]


@dataclass(frozen=True, eq=False)
class CountedRows:
    """What is counted: the cell (label, rung) of every row and the sums of every block.

    `sums` has the flagged negatives, the flagged positives and the terms `names`. `fit` is the fit
    to everyone: the fits of permuted groups are one Newton step from it, as are those of the
    observed groups they are compared with.
    """

    cell: Ints
    cells: int
    sums: NDArray[np.float64]
    names: tuple[str, ...]
    fit: NDArray[np.float64]


def _counted(rows: Rows, blocks: Blocks, measures: list[Measure]) -> CountedRows:
    whole = np.zeros(int(rows.position.max(initial=-1)) + 1, np.int32)
    data = grouped(rows, whole, 1, {t for m in measures for t in m.terms})
    flagged = rows.flagged[data.take]
    label = data.rows.label.astype(np.float64)
    columns = np.column_stack([flagged * (1 - label), flagged * label, data.rows.terms])
    order = blocks.rows  # the rows of everyone keep their places: falling scores, one stratum
    sums = np.add.reduceat(columns[order], blocks.first[:-1], axis=0)
    cell = data.rows.label.astype(np.int64) * rows.rung_score.size + data.rows.rung
    names = tuple(TERMS[i] for i in data.rows.columns)
    fit = np.array([[[data.fit.intercept[0], data.fit.slope[0], data.fit.citl[0]]]])
    return CountedRows(cell[order], 2 * rows.rung_score.size, sums, names, fit)


def counts_of(
    level: NDArray[np.int16], blocks: Blocks, counted: CountedRows, strata: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows by stratum, label and rung, and sums by stratum, of every permutation."""
    size, cells = level.shape[0], counted.cells
    rungs = np.zeros((size, strata, cells))
    sums = np.zeros((size, strata, counted.sums.shape[1]))
    _count(level, blocks.first, counted.cell, counted.sums, rungs, sums)
    return rungs.reshape(size, strata, 2, cells // 2), sums


def _gaps(
    rungs: NDArray[np.float64],
    sums: Sums,
    rows: Rows,
    measures: list[Measure],
    usable: dict[str, list[int]],
) -> dict[str, NDArray[np.float64]]:
    """Max-min gap of every measure in every permutation; NaN where a stratum has no value."""
    negatives = rungs[:, :, 0]
    outside = negatives.sum(axis=1, keepdims=True) - negatives
    ladder = Ladder(rows.rung_score, rungs[:, :, 1], negatives, outside, rows.setting)
    found = {}
    for measure in measures:
        of_ladder = measure.of_ladder
        if measure.compute is not None:
            value = measure.compute(sums)
        elif of_ladder is not None:
            value = of_ladder(ladder)
        of_usable = value[:, usable[measure.id]]
        found[measure.id] = of_usable.max(axis=1) - of_usable.min(axis=1)
    return found


def _between(
    rungs: NDArray[np.float64], strata: tuple[str, ...], reference: int | None
) -> dict[str, NDArray[np.float64]]:
    if reference is None:
        return {}
    return {
        f"abroca/{stratum}": areas(rungs[:, i], rungs[:, reference])
        for i, stratum in enumerate(strata)
        if i != reference
    }


def sums_of_counts(
    rungs: NDArray[np.float64], sums: NDArray[np.float64], counted: CountedRows, setting: Setting
) -> Sums:
    """Write the counts of permuted groups as records of sums."""
    values = np.full((*sums.shape[:2], FIRST_TERM + len(TERMS)), np.nan)
    negatives, positives = rungs[:, :, 0], rungs[:, :, 1]
    values[..., INDEX["positives"]] = positives.sum(-1)
    values[..., INDEX["negatives"]] = negatives.sum(-1)
    values[..., INDEX["fp"]], values[..., INDEX["tp"]] = sums[..., 0], sums[..., 1]
    below = np.cumsum(negatives, axis=-1) - negatives
    values[..., INDEX["pairs"]] = (positives * (below + negatives / 2)).sum(-1)
    above_pos = np.cumsum(positives[..., ::-1], axis=-1)[..., ::-1]
    above = above_pos + np.cumsum(negatives[..., ::-1], axis=-1)[..., ::-1]
    values[..., INDEX["precision"]] = (positives * above_pos / np.maximum(above, 1)).sum(-1)
    for place, name in enumerate(counted.names):
        values[..., INDEX[name]] = sums[..., 2 + place]
    return Sums(values, counted.fit, setting)
