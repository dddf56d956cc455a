"""Strata: every conjunction of attribute levels up to a declared depth."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from audit.dimensions import Dimension
from audit.problems import InputError, Problem
from audit.stratum_names import OVERALL, stratum_name

MAX_STRATA = 20_000
FIRST = 10_000
Codes = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class StrataSet:
    """The strata of one combination of attributes; each row is in exactly one of them.

    `strata` holds canonical text (``overall``, ``sex=F``, ``race=Black & sex=F``) in level order;
    `levels` holds the level of each attribute behind that text. `codes[i]` is the index in
    `strata` of row ``i``. `reference` is the stratum that combines the references of the
    attributes, None when it does not occur.
    """

    attributes: tuple[str, ...]
    strata: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    codes: Codes
    reference: str | None

    def reference_index(self, n: NDArray[np.int64]) -> int | None:
        """Place of the reference, or of the largest stratum by `n` where it does not occur."""
        if self.reference is not None:
            return self.strata.index(self.reference)
        return int(np.argmax(n)) if n.size and n.max() > 0 else None


def lattice(dimensions: Sequence[Dimension], depth: int, rows: int) -> tuple[StrataSet, ...]:
    """Cross the dimensions: the overall set first, then every 1..`depth` of them.

    A single attribute keeps its declared levels without rows; a combination holds only what
    occurs. `rows` is the number of rows of the cohort.

    Raises
    ------
    InputError
        When there are more than 20,000 strata, or two that read the same.
    """
    ordered = sorted(dimensions, key=lambda dimension: dimension.name)
    sets = [StrataSet((), (OVERALL,), ((),), np.zeros(rows, dtype=np.int32), None)]
    total = 1
    for size in range(1, depth + 1):
        for chosen in combinations(ordered, size):
            cells, codes = _occurring(chosen)
            total += len(cells)
            if total > MAX_STRATA:
                raise InputError(_too_many(ordered, depth))
            sets.append(_named(chosen, cells, codes))
    _refuse_namesakes(sets)
    return tuple(sets)


def linked(dimensions: Sequence[Dimension]) -> tuple[tuple[str, ...], ...]:
    """Name strata of two attributes that hold the same rows together, as a region and its sites.

    For every two attributes, the levels that occur together, directly or through others, where
    they fall into several such groups; crossed or not, their counts add up to the same.
    """
    found: list[tuple[str, ...]] = []
    for one, other in combinations(sorted(dimensions, key=lambda d: d.name), 2):
        occurs: NDArray[np.bool_] = np.zeros((len(one.levels), len(other.levels)), dtype=np.bool_)
        for rows_in in (slice(FIRST), slice(FIRST, None)):  # mostly a few tell that all are linked
            occurs[one.codes[rows_in], other.codes[rows_in]] = True
            rows, columns = _groups(occurs)
            if not rows.any() and not columns.any():
                break
        groups = np.unique(rows[rows >= 0]).tolist()
        if len(groups) > 1:
            for group in groups:
                names = [f"{one.name}={one.levels[i]}" for i in np.flatnonzero(rows == group)]
                names += [
                    f"{other.name}={other.levels[i]}" for i in np.flatnonzero(columns == group)
                ]
                found.append(tuple(names))
    return tuple(found)


def _groups(occurs: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the groups of rows and columns of a table that its cells connect; -1 if it has none.

    A group bears the number of its first row, which is handed on until nothing changes.
    """
    none = occurs.shape[0]
    rows = np.where(occurs.any(axis=1), np.arange(none), none)
    while True:
        columns = np.where(occurs, rows[:, None], none).min(axis=0, initial=none)
        again = np.where(occurs, columns[None, :], none).min(axis=1, initial=none)
        if np.array_equal(again, rows):
            return np.where(rows == none, -1, rows), np.where(columns == none, -1, columns)
        rows = again


def _occurring(chosen: Sequence[Dimension]) -> tuple[NDArray[np.int64], Codes]:
    """Find the cells of a crossing that occur, in level order.

    The first result is the position of each in the full crossing, the second each row's place.
    """
    if len(chosen) == 1:
        return np.arange(len(chosen[0].levels)), chosen[0].codes
    size = 1
    cell = np.zeros(len(chosen[0].codes), dtype=np.int64)
    for dimension in chosen:
        size *= len(dimension.levels)
        cell = cell * len(dimension.levels) + dimension.codes
    if size > max(4 * len(cell), 2**16):
        cells, codes = np.unique(cell, return_inverse=True)
        return cells, codes.astype(np.int32)
    occurs = np.zeros(size, dtype=np.bool_)
    occurs[cell] = True
    place = (np.cumsum(occurs) - 1).astype(np.int32)
    return np.flatnonzero(occurs), place[cell]


def _named(chosen: Sequence[Dimension], cells: NDArray[np.int64], codes: Codes) -> StrataSet:
    attributes = tuple(dimension.name for dimension in chosen)
    shape = tuple(len(dimension.levels) for dimension in chosen)
    places = np.stack(np.unravel_index(cells, shape), axis=1).tolist() if len(cells) else []
    levels = tuple(
        tuple(d.levels[i] for d, i in zip(chosen, place, strict=True)) for place in places
    )
    strata = tuple(stratum_name(attributes, cell) for cell in levels)
    references = [dimension.reference for dimension in chosen]
    known = [reference for reference in references if reference is not None]
    name = stratum_name(attributes, known) if len(known) == len(chosen) else None
    return StrataSet(attributes, strata, levels, codes, name if name in strata else None)


def _too_many(dimensions: Sequence[Dimension], depth: int) -> Problem:
    sizes = ", ".join(f"'{d.name}' ({len(d.levels)} levels)" for d in dimensions)
    reason = f"crossing {sizes} at depth {depth} gives more than {MAX_STRATA:,} strata"
    return Problem("too_many_strata", "attributes", reason, "lower the depth, or band or drop one")


def _refuse_namesakes(sets: Sequence[StrataSet]) -> None:
    """Refuse levels that hold ' & ' and '=' so that two strata would have one name."""
    seen: set[str] = set()
    for strata in sets:
        for name in strata.strata:
            if name in seen:
                reason = f"two strata are called '{name}'"
                remedy = "rename the level that holds ' & '"
                raise InputError(Problem("ambiguous_stratum", "attributes", reason, remedy))
            seen.add(name)
