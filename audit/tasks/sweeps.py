"""Sweeping the rows of the other tasks: any row terms, and the counts of every output.

The sweep and its keyed resamples are those of the binary audit (`audit.sweep`), so that a patient
has one weight in a resample whatever the task, the output and the stratum.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audit.cohort import Cohort
from audit.jackknife import BCA_BELOW
from audit.rows import Rows, analysed_rows, grouped
from audit.stats.weights import LANES
from audit.sums import FIRST_TERM, TERMS, Array
from audit.sweep import Resampling, Sorted, point_sums, resampled_sums
from audit.tasks.cohort import Floats, Ints, OutputCohort
from audit.tasks.sums import OutputSums, output_sums

Codes = NDArray[np.int32]
Run = Callable[[Sorted], Array]


def term_rows(base: Cohort, codes: Codes, strata: int, terms: Mapping[str, Floats]) -> Sorted:
    """Sort the analysed rows by stratum for a sweep of row terms alone.

    The sweep adds up whatever terms it is given; here they take the places of the binary ones.

    Raises
    ------
    ValueError
        When there are more terms than the sweep has places for.
    """
    if len(terms) > len(TERMS):
        raise ValueError(f"at most {len(TERMS)} terms can be swept at once, got {len(terms)}")
    position = np.flatnonzero(base.analysed)
    code = codes[position].astype(np.int64)
    taken = position[np.argsort(code, kind="stable")]
    group = np.sort(code, kind="stable")
    start = np.searchsorted(group, np.arange(strata + 1)).astype(np.int64)
    n = taken.size
    table = np.empty((n, len(terms)))
    for place, values in enumerate(terms.values()):
        table[:, place] = values[taken]
    return Sorted(
        unit=base.key[taken],
        cluster=base.cluster[taken],
        row_key=np.zeros(n, dtype=np.uint64),
        label=np.zeros(n, dtype=np.uint8),
        probability=np.zeros(n),
        block_end=np.zeros(n, dtype=np.uint8),
        start=start,
        flag_end=start[:-1].copy(),
        terms=table,
        columns=tuple(range(len(terms))),
        ece_bin=np.zeros(n, dtype=np.int8),
        rung=np.zeros(n, dtype=np.int32),
    )


def group_of(rows: Sorted) -> Ints:
    """Stratum of each sorted row."""
    return np.repeat(np.arange(rows.start.size - 1), np.diff(rows.start))


def swept_terms(rows: Sorted, run: Run) -> Array:
    """Sums of the row terms, shape ``(..., terms)``."""
    return run(rows)[..., FIRST_TERM : FIRST_TERM + len(rows.columns)]


@dataclass(frozen=True, eq=False)
class OutputRows:
    """The analysed rows of every output, ready to be grouped by any set of strata."""

    decided: tuple[Rows, ...]
    scored: tuple[Rows, ...]


def output_rows(cohort: OutputCohort) -> OutputRows:
    """Sort every output once: by its decision and by its score."""
    decided = tuple(analysed_rows(m.cohort, m.plan) for m in cohort.decided)
    scored = tuple(analysed_rows(m.cohort, m.plan) for m in cohort.scored)
    return OutputRows(decided, scored)


@dataclass(frozen=True, eq=False)
class Swept:
    """Rows of one set of strata, sorted for every sweep that the task needs.

    Where the decision is no threshold on the score, `decided` gives the confusion counts and
    `scored` the order; else `decided` is empty and `scored` gives both.
    """

    decided: tuple[Sorted, ...]
    scored: tuple[Sorted, ...]
    terms: Sorted
    names: tuple[str, ...]

    def only(self, strata: slice) -> "Swept":
        """The rows of a run of strata, as views."""
        return replace(
            self,
            decided=tuple(rows.only(strata) for rows in self.decided),
            scored=tuple(rows.only(strata) for rows in self.scored),
            terms=self.terms.only(strata),
        )

    def sums(self, run: Run) -> OutputSums:
        """The record of sums that one way of running the sweep gives."""
        counts = [run(rows)[..., :FIRST_TERM] for rows in self.decided or self.scored]
        if self.decided:
            for place, out in enumerate(counts):
                order = run(self.scored[place])[..., 4:FIRST_TERM] if self.scored else np.nan
                out[..., 4:FIRST_TERM] = order
        return output_sums(np.stack(counts), swept_terms(self.terms, run), self.names)


def swept_rows(cohort: OutputCohort, rows: OutputRows, codes: Codes, strata: int) -> Swept:
    """Group the rows of every output by one set of strata."""
    return Swept(
        decided=tuple(grouped(r, codes, strata, ()).rows for r in rows.decided),
        scored=tuple(grouped(r, codes, strata, ()).rows for r in rows.scored),
        terms=term_rows(cohort.base, codes, strata, cohort.terms),
        names=tuple(cohort.terms),
    )


def points(rows: Sorted) -> Array:
    """Run the sweep on the data themselves."""
    return point_sums(rows)


def resamples(scheme: Resampling) -> Run:
    """Run the sweep on every resample."""
    return lambda rows: resampled_sums(rows, scheme)


def slices(strata: int, bytes_each: int, limit: int) -> Iterator[slice]:
    """Runs of strata whose sums need about so many bytes at once."""
    step = max(1, limit // max(bytes_each, 1))
    for first in range(0, strata, step):
        yield slice(first, min(first + step, strata))


def without_each(
    parts: Sequence[Sorted], all_rows: Sorted, stratum: int
) -> tuple[list[Sorted], Resampling] | None:
    """Rows of one small stratum in every sweep, and the weights that leave out each patient.

    `all_rows` holds every analysed row of the stratum; the sweeps may hold some of them.
    """
    size = int(all_rows.start[stratum + 1] - all_rows.start[stratum])
    if not 2 <= size < BCA_BELOW:
        return None
    only = slice(stratum, stratum + 1)
    patients = np.unique(all_rows.only(only).cluster)
    count = patients.size
    if count < 2:
        return None
    table = np.ones((count, -(-count // LANES) * LANES), np.uint8)
    table[np.arange(count), np.arange(count)] = 0
    left = []
    for rows in parts:
        part = rows.only(only)
        left.append(replace(part, cluster=np.searchsorted(patients, part.cluster)))
    return left, Resampling(0, count, table)
