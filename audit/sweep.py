"""The exact in-memory way to the sums: rows sorted by score once, then one pass per 64 resamples.

For every set of strata the rows are walked from the highest score down. Each row adds its resample
weights to running counters, from which come the confusion counts (read off where the threshold is
crossed), the tie-aware pair and precision sums, and the probability and calibration sums. No weight
or index matrix is stored, and no result depends on how the blocks of resamples are shared out.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from audit.stats.weights import (
    EXACT_BELOW,
    LANES,
    add_eight,
    multinomial_weights,
    poisson_lanes,
    stream,
)
from audit.sums import FIELDS, FIRST_TERM

Floats = NDArray[np.float64]
_FIELD_COUNT = len(FIELDS)
ECE_BINS = 15
HELD = 8  # rows whose sums are added together


@dataclass(frozen=True)
class Sorted:
    """The rows of one set of strata, sorted by stratum and then by falling score.

    `start` has one more entry than there are strata. `flag_end` is where the flagged rows of each
    stratum end. `block_end` marks the last row of each run of tied scores. `terms` holds the
    terms of every row whose sums are wanted, shape (rows, terms): columns of `sums.TERMS`, named by
    `columns`; the sums of the others come back as NaN. `rung` is the score's place on a ladder of
    quantiles that all strata share.
    """

    unit: NDArray[np.uint64]
    cluster: NDArray[np.int64]
    row_key: NDArray[np.uint64]
    label: NDArray[np.uint8]
    probability: Floats
    block_end: NDArray[np.uint8]
    start: NDArray[np.int64]
    flag_end: NDArray[np.int64]
    terms: Floats
    columns: tuple[int, ...]
    ece_bin: NDArray[np.int8]
    rung: NDArray[np.int32]

    def only(self, strata: slice) -> "Sorted":
        """The rows of a run of strata, as a view."""
        first, last = strata.start, strata.stop
        part = slice(int(self.start[first]), int(self.start[last]))
        return Sorted(
            unit=self.unit[part],
            cluster=self.cluster[part],
            row_key=self.row_key[part],
            label=self.label[part],
            probability=self.probability[part],
            block_end=self.block_end[part],
            start=self.start[first : last + 1] - part.start,
            flag_end=self.flag_end[first:last] - part.start,
            terms=self.terms[part],
            columns=self.columns,
            ece_bin=self.ece_bin[part],
            rung=self.rung[part],
        )


@dataclass(frozen=True)
class Resampling:
    """Which resamples: Poisson weights by key, or an exact-n table for few patients."""

    seed: int
    replicates: int
    exact_table: NDArray[np.uint8]

    @property
    def method(self) -> str:
        """Name of the scheme, for the estimate's `method`."""
        return "multinomial" if self.exact_table.size else "poisson"


def resampling(seed: int, replicates: int, patients: int) -> Resampling:
    """Choose the resampling scheme for a cohort of so many patients."""
    table = (
        multinomial_weights(patients, seed, replicates)
        if patients < EXACT_BELOW
        else np.empty((0, 0), np.uint8)
    )
    return Resampling(seed, replicates, table)


# The kernels loop over lanes by hand: slices would read better and compile twice as long.
@njit(cache=True, nogil=True)
def _lanes(rows):  # type: ignore[no-untyped-def]
    # On the boundary of a cache line, vectors are read and written in one go: half the time.
    raw = np.zeros(rows * LANES + 8)
    skip = (64 - raw.ctypes.data % 64) % 64 // 8
    return raw[skip : skip + rows * LANES].reshape(rows, LANES)


@njit(cache=True, nogil=True)
def _clear(acc, block_pos, block_neg):  # type: ignore[no-untyped-def]
    for r in range(LANES):
        block_pos[r] = 0.0
        block_neg[r] = 0.0
    for k in range(acc.shape[0]):
        for r in range(LANES):
            acc[k, r] = 0.0


@njit(cache=True, nogil=True)
def _read_off_flags(acc):  # type: ignore[no-untyped-def]
    for r in range(LANES):
        acc[2, r] = acc[0, r]
        acc[3, r] = acc[1, r]


@njit(cache=True, nogil=True)
def _close_ties(acc, block_pos, block_neg, any_pos):  # type: ignore[no-untyped-def]
    if any_pos:
        for r in range(LANES):
            # pairs lost: negatives above, and half of those tied
            acc[4, r] += block_pos[r] * (acc[1, r] + 0.5 * block_neg[r])
            acc[0, r] += block_pos[r]
            acc[1, r] += block_neg[r]
            above = max(acc[0, r] + acc[1, r], 1.0)
            acc[5, r] += block_pos[r] * (acc[0, r] / above)
            block_pos[r] = 0.0
            block_neg[r] = 0.0
    else:
        for r in range(LANES):
            acc[1, r] += block_neg[r]
            block_neg[r] = 0.0


@njit(cache=True, nogil=True)
def _add_held(acc, weights, terms, first, held):  # type: ignore[no-untyped-def]
    # Eight rows at a time, so that the sums are read and written once for the eight; added in the
    # order of the rows, as one at a time would.
    if held == HELD:
        for k in range(terms.shape[1]):
            add_eight(  # type: ignore[call-arg]  # the first argument is the compiler's
                acc[FIRST_TERM + k], weights,
                terms[first, k], terms[first + 1, k], terms[first + 2, k], terms[first + 3, k],
                terms[first + 4, k], terms[first + 5, k], terms[first + 6, k], terms[first + 7, k],
            )  # fmt: skip
    else:
        for j in range(held):
            for k in range(terms.shape[1]):
                term = terms[first + j, k]
                for r in range(LANES):
                    acc[FIRST_TERM + k, r] += weights[j, r] * term


@njit(cache=True, nogil=True)
def _write_out(acc, out, g):  # type: ignore[no-untyped-def]
    for r in range(LANES):
        acc[4, r] = acc[0, r] * acc[1, r] - acc[4, r]
    for k in range(acc.shape[0]):
        for r in range(LANES):
            out[k, g, r] = acc[k, r]


@njit(cache=True, nogil=True)
def _sweep_block(  # type: ignore[no-untyped-def]
    unit, cluster, label, block_end, start, flag_end, terms, table, salt, block, plain, out,
):  # fmt: skip
    weights = _lanes(HELD)
    weights[:] = 1.0
    acc = _lanes(FIRST_TERM + terms.shape[1])
    ties = _lanes(2)
    block_pos, block_neg = ties[0], ties[1]
    use_table = table.shape[0] > 0
    for g in range(start.size - 1):
        _clear(acc, block_pos, block_neg)
        any_pos = False
        alone = np.uint8(1)
        held = 0
        for i in range(start[g], start[g + 1]):
            if i == flag_end[g]:
                _read_off_flags(acc)
            w = weights[held]
            if use_table:
                for r in range(LANES):
                    w[r] = table[cluster[i], block * LANES + r]
            elif not plain:
                poisson_lanes(unit[i], salt, block, w)
            held += 1
            if held == HELD:
                _add_held(acc, weights, terms, i - HELD + 1, held)
                held = 0
            if alone and block_end[i]:  # not tied with any other row, as most are not
                if label[i]:
                    for r in range(LANES):
                        acc[4, r] += w[r] * acc[1, r]
                        acc[0, r] += w[r]
                        above = max(acc[0, r] + acc[1, r], 1.0)
                        acc[5, r] += w[r] * (acc[0, r] / above)
                else:
                    for r in range(LANES):
                        acc[1, r] += w[r]
                continue
            alone = block_end[i]
            if label[i]:
                any_pos = True
                for r in range(LANES):
                    block_pos[r] += w[r]
            else:
                for r in range(LANES):
                    block_neg[r] += w[r]
            if block_end[i]:
                _close_ties(acc, block_pos, block_neg, any_pos)
                any_pos = False
        _add_held(acc, weights, terms, start[g + 1] - held, held)
        if flag_end[g] == start[g + 1]:
            _read_off_flags(acc)
        _write_out(acc, out, g)


@njit(cache=True, nogil=True)
def _rung_block(  # type: ignore[no-untyped-def]
    unit, cluster, label, rung, start, table, salt, block, out,
):  # fmt: skip
    w = _lanes(1)[0]
    use_table = table.shape[0] > 0
    for g in range(start.size - 1):
        for i in range(start[g], start[g + 1]):
            if use_table:
                for r in range(LANES):
                    w[r] = table[cluster[i], block * LANES + r]
            else:
                poisson_lanes(unit[i], salt, block, w)
            total = out[g, label[i], rung[i]]
            for r in range(LANES):
                total[r] += w[r]


def workers() -> int:
    """How many threads to use; no result depends on it."""
    return max(1, min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity")
                      else os.cpu_count() or 1, 16))  # fmt: skip


def point_sums(rows: Sorted) -> Floats:
    """Sums of each stratum itself, shape ``(strata, fields)``."""
    out = np.empty((FIRST_TERM + len(rows.columns), rows.start.size - 1, LANES))
    _run_block(rows, np.empty((0, 0), np.uint8), np.uint64(0), 0, True, out)
    return _by_field(rows, np.moveaxis(out[:, :, 0], 0, -1))


def resampled_sums(rows: Sorted, scheme: Resampling) -> Floats:
    """Sums of each stratum in each resample, shape ``(strata, replicates, fields)``."""
    blocks = -(-scheme.replicates // LANES)
    strata, fields = rows.start.size - 1, FIRST_TERM + len(rows.columns)
    # One contiguous array per block: the kernel is then compiled for one layout only.
    out = np.empty((blocks, fields, strata, LANES))
    salt = stream(scheme.seed, 0)

    def one(block: int) -> None:
        _run_block(rows, scheme.exact_table, salt, block, False, out[block])

    share_out(one, blocks)
    by_field = out.transpose(1, 2, 0, 3).reshape(fields, strata, blocks * LANES)
    return _by_field(rows, np.moveaxis(by_field[:, :, : scheme.replicates], 0, -1))


def resampled_rungs(rows: Sorted, scheme: Resampling, rungs: int) -> NDArray[np.float32]:
    """Weights by label and rung in each resample, ``(strata, replicates, 2, rungs)``.

    The counts are whole numbers, which single precision holds exactly up to 16 million.
    """
    blocks = -(-scheme.replicates // LANES)
    strata = rows.start.size - 1
    out = _zeros_on_line((blocks, strata, 2, rungs, LANES))
    salt = stream(scheme.seed, 0)

    def one(block: int) -> None:
        _rung_block(
            rows.unit, rows.cluster, rows.label, rows.rung, rows.start, scheme.exact_table, salt,
            block, out[block],
        )  # fmt: skip

    share_out(one, blocks)
    by_lane = out.transpose(1, 0, 4, 2, 3).reshape(strata, blocks * LANES, 2, rungs)
    return by_lane[:, : scheme.replicates]


def _zeros_on_line(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Zeros that begin on the boundary of a cache line; see `_lanes`."""
    size = int(np.prod(shape))
    raw = np.zeros(size + 16, np.float32)
    skip = -raw.ctypes.data % 64 // 4
    return raw[skip : skip + size].reshape(shape)


def _by_field(rows: Sorted, computed: Floats) -> Floats:
    """Put the computed sums in their places in the record; the rest are NaN."""
    if rows.columns == tuple(range(_FIELD_COUNT - FIRST_TERM)):
        return computed
    record = np.full((*computed.shape[:-1], _FIELD_COUNT), np.nan)
    record[..., :FIRST_TERM] = computed[..., :FIRST_TERM]
    for place, column in enumerate(rows.columns):
        record[..., FIRST_TERM + column] = computed[..., FIRST_TERM + place]
    return record


def _run_block(
    rows: Sorted, table: NDArray[np.uint8], salt: np.uint64, block: int, plain: bool, out: Floats
) -> None:
    _sweep_block(
        rows.unit, rows.cluster, rows.label, rows.block_end, rows.start, rows.flag_end,
        rows.terms, table, salt, block, plain, out,
    )  # fmt: skip


def share_out(task: Callable[[int], None], blocks: int) -> None:
    """Run a task for every block on all workers; blocks must not depend on each other."""
    if blocks == 1 or workers() == 1:
        for block in range(blocks):
            task(block)
        return
    with ThreadPoolExecutor(workers()) as pool:
        for _ in pool.map(task, range(blocks)):
            pass
