"""Which withheld counts are told by the published ones once it is used that none is negative.

Equations alone may leave a count open that has one value left when the zeros around it are used:
in a ring of withheld cells one pair of zeros fixes all the others. The unknowns are the cells of
the full crossing of the attributes, which exist whether or not the plan crosses that many; each
elementary count (true positives and so on) is a system of its own. A count is told where a linear
program finds no other value for it; a small one also where all values that it finds are small.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Above this many cells of the full crossing the unknowns are the withheld strata themselves: what
# is told of them is then a little less than what could be known.
MOST_ATOMS = 2500
STILL = 1e-6


@dataclass(frozen=True, eq=False)
class Unknowns:
    """Unknown numbers that are not negative, and what is known of them.

    Every row of `known` adds up to that of `sums`, by elementary count; every row of `wanted` to a
    withheld stratum.
    """

    known: csr_array
    sums: Ints
    wanted: csr_array


Parsed = tuple[tuple[str, ...], tuple[str, ...]]  # attributes and levels of a stratum


def atoms_of(
    parsed: Sequence[Parsed],
    levels: Mapping[str, Sequence[str]],
    apart: Mapping[tuple[str, str], frozenset[tuple[str, str]]],
) -> csr_array | None:
    """Strata (rows) by the cells of the full crossing that they hold; None where these are many.

    A cell is left out where nobody is in it: one of the strata that would hold it is not in the
    audit, or its levels never occur together. `apart` names those that do, for some attributes.
    """
    names = [a for a in levels if any(a in attributes for attributes, _ in parsed)]
    sizes = [len(levels[a]) for a in names]
    if np.prod(sizes, dtype=np.float64) > MOST_ATOMS:
        return None
    codes = np.stack([c.ravel() for c in np.indices(sizes)], axis=1) if names else np.zeros((1, 0))
    place = {a: {level: i for i, level in enumerate(levels[a])} for a in names}
    depth = max(len(attributes) for attributes, _ in parsed)
    exists: Bools = np.ones(len(codes), dtype=np.bool_)
    for some in combinations(range(len(names)), depth):
        wanted = tuple(sorted(names[i] for i in some))
        order = [names.index(a) for a in wanted]
        found: Bools = np.zeros([sizes[i] for i in order], dtype=np.bool_)
        for attributes, cell in parsed:
            if attributes == wanted:
                found[tuple(place[a][v] for a, v in zip(attributes, cell, strict=True))] = True
        exists &= found[tuple(codes[:, i] for i in order)]
    for pair, together in apart.items():
        one, other = (names.index(a) for a in pair)
        allowed: Bools = np.zeros((sizes[one], sizes[other]), dtype=np.bool_)
        for first, second in together:
            allowed[place[pair[0]][first], place[pair[1]][second]] = True
        exists &= allowed[codes[:, one], codes[:, other]]
    codes = codes[exists]
    rows = []
    for attributes, cell in parsed:
        inside: Bools = np.ones(len(codes), dtype=np.bool_)
        for a, v in zip(attributes, cell, strict=True):
            inside &= codes[:, names.index(a)] == place[a][v]
        rows.append(inside)
    return csr_array(np.array(rows, dtype=np.float64))


def told(unknowns: Unknowns, counts: Ints, small: Bools, enough: int) -> list[int]:
    """Rows of `wanted` of which some count is told.

    Parameters
    ----------
    unknowns : Unknowns
        Of the withheld strata.
    counts : array of int
        What the withheld strata hold, by elementary count.
    small : array of bool
        Which of these are too small to be shown.
    enough : int
        Fewest rows that may be shown.
    """
    found: set[int] = set()
    for kind in range(counts.shape[1]):
        rows = np.flatnonzero(counts[:, kind] > 0)
        if rows.size:
            mine = _System.of(unknowns, kind, rows)
            left = mine.fixed(counts[rows, kind], small[rows, kind], enough)
            found.update(int(rows[i]) for i in left)
    return sorted(found)


@dataclass(frozen=True, eq=False)
class _System:
    """One elementary count: the unknowns that are not zero for sure."""

    known: csr_array
    sums: Floats
    wanted: csr_array

    @classmethod
    def of(cls, unknowns: Unknowns, kind: int, rows: Ints) -> "_System":
        sums = unknowns.sums[:, kind]
        positive = bool((unknowns.known.data > 0).all())
        none = np.flatnonzero(sums == 0) if positive else np.zeros(0, dtype=np.int64)
        held = np.asarray(unknowns.known[none].sum(axis=0)).ravel()
        free = np.flatnonzero(held == 0)
        rest = np.setdiff1d(np.arange(sums.size), none)
        return cls(
            unknowns.known[rest][:, free],
            sums[rest].astype(np.float64),
            unknowns.wanted[rows][:, free],
        )

    def fixed(self, counts: Ints, small: Bools, enough: int) -> list[int]:
        """Rows for which no value is found that would do."""
        left = np.arange(counts.size)

        def narrowed(left: Ints, weight: Floats) -> Ints:
            value = self.value_at(weight)
            if value is None:
                return left
            apart = np.abs(value[left] - counts[left]) > 1 - STILL
            plain = (value[left] < STILL) | (value[left] > enough - STILL)
            return left[~np.where(small[left], plain, apart)]

        for sign in (1.0, -1.0):  # many at once, as long as that settles any
            before = -1
            while left.size and left.size != before:
                before = left.size
                weight = np.zeros(counts.size)
                weight[left] = sign
                left = narrowed(left, weight)
        for row in left.tolist():  # those that are still open, one by one
            for sign in (1.0, -1.0):
                if row in left:
                    weight = np.zeros(counts.size)
                    weight[row] = sign
                    left = narrowed(left, weight)
        return [int(row) for row in left]

    def value_at(self, weight: Floats) -> Floats | None:
        """Values of the rows where their weighted sum is least; None where none is found."""
        made = linprog(self.wanted.T @ weight, A_eq=self.known, b_eq=self.sums, method="highs")
        return np.asarray(self.wanted @ made.x, dtype=np.float64) if made.status == 0 else None
