"""The null of a gap of the whole task: the attribute permuted over patients within site.

As `audit.permutation` for one outcome: every output is counted under the same permutations.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.disparity import usable_strata
from audit.measures.declaration import Measure
from audit.permutation import (
    BYTES,
    Blocks,
    CountedRows,
    affordable,
    blocks_at,
    counts_of,
    null_of,
    permutations_of,
    sums_of_counts,
)
from audit.plan import Plan
from audit.result import Disparity, Estimate, Null
from audit.rows import Rows
from audit.strata import StrataSet
from audit.sums import FIRST_TERM, Array, Setting, Sums
from audit.tasks.cohort import Floats, Ints, OutputCohort, RegressionCohort, TaskCohort
from audit.tasks.figures import REGRESSION_TERMS, TaskFigures, regression_terms
from audit.tasks.sums import TermSums, output_sums
from audit.tasks.sweeps import OutputRows

Levels = NDArray[
    np.int16
]  # the level of each block in each permutation, shape (permutations, blocks)


@dataclass(frozen=True, eq=False)
class _Way:
    """How the groups of permuted levels come to their sums, and the bytes of one permutation."""

    sums: Callable[[Levels], Sums]
    bytes_each: int


def with_task_nulls(
    disparities: Sequence[Disparity],
    cohort: TaskCohort,
    rows: OutputRows,
    figures: TaskFigures,
    estimates: Sequence[Estimate],
    site: NDArray[np.int32] | None,
    plan: Plan,
) -> list[Disparity]:
    """Put beside every gap of the whole task what it would be by chance alone."""
    usable = usable_strata(estimates)
    measures = [m for m in figures.measures if m.id in usable]
    if not measures or plan.permutations < 1:
        return list(disparities)
    base = cohort.base
    position = np.flatnonzero(base.analysed)
    blocks = blocks_at(position, base.cluster[position], figures.strata.codes, site)
    block = np.full(base.rows, -1, dtype=np.int64)
    block[position[blocks.rows]] = np.repeat(np.arange(blocks.level.size), np.diff(blocks.first))
    if isinstance(cohort, OutputCohort):
        way = _of_outputs(cohort, rows, figures, blocks, block)
    else:
        way = _of_regression(cohort, figures, blocks, block)
    nulls = _nulls(way, measures, usable, blocks, plan)
    return [
        d.model_copy(update={"null": nulls.get(d.measure)})
        if d.contrast == "gap" and d.status == "ok"
        else d
        for d in disparities
    ]


def _nulls(
    way: _Way,
    measures: Sequence[Measure],
    usable: dict[str, list[int]],
    blocks: Blocks,
    plan: Plan,
) -> dict[str, Null]:
    observed = _gaps(way.sums(blocks.level[None, :]), measures, usable)
    draws: dict[str, list[Floats]] = {m.id: [] for m in measures}
    step = max(1, BYTES // max(way.bytes_each, 1))
    permutations = affordable(plan.permutations, blocks.rows.size)
    for first in range(0, permutations, step):
        size = min(step, permutations - first)
        sums = way.sums(permutations_of(blocks, plan.seed, first, size))
        for id, drawn in _gaps(sums, measures, usable).items():
            draws[id].append(drawn)
    nulls = {id: null_of(float(observed[id][0]), np.concatenate(draws[id])) for id in draws}
    return {id: null for id, null in nulls.items() if null is not None}


def _gaps(
    sums: Sums, measures: Sequence[Measure], usable: dict[str, list[int]]
) -> dict[str, Floats]:
    """Max-min gap of every measure in every permutation; NaN where a stratum has no value."""
    found: dict[str, Floats] = {}
    for measure in measures:
        if measure.compute is not None:
            value = measure.compute(sums)[:, usable[measure.id]]
            found[measure.id] = value.max(axis=1) - value.min(axis=1)
    return found


def _of_outputs(
    cohort: OutputCohort, rows: OutputRows, figures: TaskFigures, blocks: Blocks, block: Ints
) -> _Way:
    """Count every output under the permuted levels, its order at most at the common rungs."""
    strata, names = len(figures.strata.strata), tuple(cohort.terms)
    table = _block_terms(tuple(cohort.terms.values()), blocks, block)
    decided = [_output_counter(r, blocks, block, strata) for r in rows.decided]
    scored = [_output_counter(r, blocks, block, strata) for r in rows.scored]

    def sums(level: Levels) -> Sums:
        swept = [count(level) for count in decided or scored]
        if decided:
            for place, out in enumerate(swept):
                out[..., 4:] = scored[place](level)[..., 4:] if scored else np.nan
        return output_sums(np.stack(swept), _level_sums(table, level, strata), names)

    rungs = max((r.rung_score.size for r in (*rows.decided, *rows.scored)), default=1)
    return _Way(sums, strata * 8 * (2 * rungs + 24 * len(cohort.outputs) + len(names)))


def _output_counter(
    rows: Rows, blocks: Blocks, block: Ints, strata: int
) -> Callable[[Levels], Array]:
    """Count one output, whose rows may be some of those that are permuted."""
    own = block[rows.position]
    order = np.argsort(own, kind="stable")
    own, size = own[order], blocks.level.size
    first = np.searchsorted(own, np.arange(size + 1)).astype(np.int64)
    of_output = Blocks(blocks.level, blocks.site, order, first)
    label, flagged = rows.label[order].astype(np.int64), rows.flagged[order]
    sums = np.stack(
        [
            np.bincount(own, weights=flagged * (label == y), minlength=size).astype(np.float64)
            for y in (0, 1)
        ],
        axis=1,
    )
    rungs = rows.rung_score.size
    cell = label * rungs + rows.rung[order]
    counted = CountedRows(cell, 2 * rungs, sums, (), np.full((1, 1, 3), np.nan))

    def count(level: Levels) -> Array:
        found = counts_of(level, of_output, counted, strata)
        return sums_of_counts(*found, counted, rows.setting).values[..., :FIRST_TERM]

    return count


def _of_regression(
    cohort: RegressionCohort, figures: TaskFigures, blocks: Blocks, block: Ints
) -> _Way:
    strata = len(figures.strata.strata)
    everyone = StrataSet((), ("",), ((),), np.zeros(cohort.base.rows, np.int32), None)
    terms, centres = regression_terms(cohort, everyone)
    table = _block_terms(tuple(terms.values()), blocks, block)

    def sums(level: Levels) -> Sums:
        values = _level_sums(table, level, strata)
        return TermSums(values, centres[None], Setting(), REGRESSION_TERMS)

    return _Way(sums, strata * 8 * len(REGRESSION_TERMS) * 4)


def _block_terms(terms: Sequence[Floats], blocks: Blocks, block: Ints) -> Floats:
    """Sums of the row terms in every block, shape (terms, blocks)."""
    used, count = block >= 0, blocks.level.size
    return np.stack(
        [np.bincount(block[used], weights=values[used], minlength=count) for values in terms]
    )


def _level_sums(table: Floats, level: Levels, strata: int) -> Floats:
    """Sums of the blocks' terms by permuted level, shape (permutations, strata, terms)."""
    out = np.empty((level.shape[0], strata, table.shape[0]))
    for j, own in enumerate(level):
        for place, values in enumerate(table):
            out[j, :, place] = np.bincount(own, weights=values, minlength=strata)
    return out
