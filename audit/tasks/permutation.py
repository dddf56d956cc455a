"""The null of a gap of the whole task: the attribute permuted over patients within site.

As `audit.permutation` for one outcome: every output is counted under the same permutations.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.disparity import usable_strata
from audit.measures.declaration import Measure, divide
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
from audit.tasks.case_figures import curve_points, expanded_table, objects_in
from audit.tasks.case_terms import CaseSums, case_table
from audit.tasks.cohort import (
    CaseCohort,
    Floats,
    Ints,
    OutputCohort,
    RegressionCohort,
    SurvivalCohort,
    TaskCohort,
)
from audit.tasks.figures import REGRESSION_TERMS, TaskFigures, regression_terms
from audit.tasks.follow_up import expansion
from audit.tasks.sums import TermSums, output_sums
from audit.tasks.sweeps import OutputRows

Levels = NDArray[
    np.int16
]  # the level of each block in each permutation, shape (permutations, blocks)


@dataclass(frozen=True, eq=False)
class _Way:
    """How the groups of permuted levels come to their sums, and the bytes of one permutation.

    `curves` gives the values of the measures that are no function of sums.
    """

    sums: Callable[[Levels], Sums]
    bytes_each: int
    curves: Callable[[Levels], dict[str, Array]] | None = None


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
    elif isinstance(cohort, CaseCohort):
        way = _of_cases(cohort, figures, blocks, block, plan)
    elif isinstance(cohort, SurvivalCohort):
        way = _of_survival(cohort, figures, blocks, block)
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
    observed = _gaps(way, blocks.level[None, :], measures, usable)
    draws: dict[str, list[Floats]] = {id: [] for id in observed}
    step = max(1, BYTES // max(way.bytes_each, 1))
    permutations = affordable(plan.permutations, blocks.rows.size)
    for first in range(0, permutations, step):
        size = min(step, permutations - first)
        permuted = permutations_of(blocks, plan.seed, first, size)
        for id, drawn in _gaps(way, permuted, measures, usable).items():
            draws[id].append(drawn)
    nulls = {id: null_of(float(observed[id][0]), np.concatenate(draws[id])) for id in draws}
    return {id: null for id, null in nulls.items() if null is not None}


def _gaps(
    way: _Way, level: Levels, measures: Sequence[Measure], usable: dict[str, list[int]]
) -> dict[str, Floats]:
    """Max-min gap of every measure in every permutation; NaN where a stratum has no value."""
    sums = way.sums(level)
    values = {m.id: m.compute(sums) for m in measures if m.compute is not None}
    if way.curves is not None:
        values |= {id: v for id, v in way.curves(level).items() if id in usable}
    found: dict[str, Floats] = {}
    for id, every in values.items():
        value = every[:, usable[id]]
        found[id] = value.max(axis=1) - value.min(axis=1)
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


def _of_cases(
    cohort: CaseCohort, figures: TaskFigures, blocks: Blocks, block: Ints, plan: Plan
) -> _Way:
    """Cases keep the weights that they have among those of their patient in the same stratum."""
    strata = len(figures.strata.strata)
    own = case_table(cohort, figures.strata.codes)
    table = _block_terms(tuple(own.terms.values()), blocks, block)
    nothing = np.full((1, 1), np.nan)

    def sums(level: Levels) -> Sums:
        return CaseSums(_level_sums(table, level, strata), nothing, Setting(), own.place)

    def curves(level: Levels) -> dict[str, Array]:
        mine = np.flatnonzero(block >= 0)
        seen, of_image = objects_in(found, mine), block[mine]
        wanted = [m.id for m in figures.measures if m.compute is None]
        out = {id: np.empty((len(level), strata)) for id in wanted}
        for stratum in range(strata):
            weights = (level[:, of_image] == stratum).astype(np.float64)
            for id, value in curve_points(seen, weights, plan, wanted).items():
                out[id][:, stratum] = value
        return out

    size = strata * 8 * len(own.terms) * 4
    if cohort.found is None:
        return _Way(sums, size)
    found = cohort.found
    return _Way(sums, size + 16 * cohort.base.rows, curves)


def _of_survival(cohort: SurvivalCohort, figures: TaskFigures, blocks: Blocks, block: Ints) -> _Way:
    """To first order: what the rows of a group add to everyone's value, as if all were such."""
    strata = len(figures.strata.strata)
    everyone = np.zeros(cohort.base.rows, np.int32)
    found = expansion(cohort, everyone, 1, [m.id for m in figures.measures])
    own = expanded_table(cohort, found)
    table = _block_terms(tuple(own.terms.values()), blocks, block)
    rows = float(cohort.base.analysed.sum())

    def sums(level: Levels) -> Sums:
        values = _level_sums(table, level, strata)
        values[..., 1:] *= divide(np.full(values.shape[:-1], rows), values[..., 0])[..., None]
        return CaseSums(values, found.value[None], Setting(), own.place, found.ids)

    return _Way(sums, strata * 8 * len(own.terms) * 4)


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
