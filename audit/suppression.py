"""Which strata a shared result must withhold, so that no small cell is shown or can be solved.

A stratum is withheld whole. The published strata must satisfy three rules:

1. Every elementary cell of a published stratum (the four cells of the confusion table, or the two
   classes where there is no threshold) holds nobody or at least `min_cell` people.
2. Whatever remains of a published stratum when its published refinements by other attributes are
   taken away obeys rule 1 too: the withheld strata of a block, taken together, are no small cell.
3. No withheld stratum is a linear combination of published ones. The unknowns are the withheld
   strata and the equations say that the refinements of a stratum by one more attribute add up to
   it, and that strata of two attributes hold the same people together (a region and its sites);
   a stratum is determined exactly where every vector of the null space is zero.

4. Nor is a count of a withheld stratum told once it is used that no count is negative: there is
   another value for it, and for a small one a value that is not small (`audit.feasible`).

Exact solution is excluded, and that a count is surely small; wider bounds of a withheld count can
still be derived.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from audit.feasible import Parsed, Unknowns, atoms_of, told
from audit.result import CohortSummary, Estimate, StratumCount
from audit.stratum_names import stratum_name

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Above this many linked unknowns the null space takes too long: everything but the whole cohort
# is withheld, which is safe.
MOST_UNKNOWNS = 3000
NULL, STILL = 1e-9, 1e-7


@dataclass(frozen=True, eq=False)
class _Blocks:
    """A stratum (`parent`) and those that refine it by the same further attributes.

    `member` has a row per block and a column per stratum; `single` marks the blocks that refine
    by one attribute only, from which all the others follow. Behind the strata stand the `unions`
    of them that levels of another attribute hold together: unknown, but for their two blocks.
    `parsed` are attributes and levels of the strata, `apart` the pairs of attributes that have
    such unions, with the levels that occur together.
    """

    parent: Ints
    member: csr_array
    single: Bools
    unions: csr_array
    parsed: Sequence[Parsed]
    levels: Mapping[str, Sequence[str]]
    apart: Mapping[tuple[str, str], frozenset[tuple[str, str]]]

    @cached_property
    def atoms(self) -> csr_array | None:
        """Cells of the full crossing in every stratum, where they are not too many."""
        return atoms_of(self.parsed, self.levels, self.apart)

    @property
    def strata(self) -> int:
        """How many strata there are; unions come after them."""
        return len(self.parsed)

    def known(self, hidden: Bools) -> Bools:
        """Which strata are published; a union where one of its two sides is."""
        told = ~hidden
        sides = np.flatnonzero(self.parent >= self.strata)
        whole = np.asarray(self.member[sides] @ hidden.astype(np.int64)) == 0
        told[self.parent[sides[whole]]] = True
        return told


def withheld_strata(
    cohort: CohortSummary,
    estimates: Sequence[Estimate],
    min_cell: int,
    also: Collection[str] = (),
) -> frozenset[str]:
    """Name the strata of which nothing may be shown.

    Parameters
    ----------
    cohort : CohortSummary
        Of an audit that was not shared yet.
    estimates : sequence of Estimate
        Of the same audit: they say how many patients are behind each margin.
    min_cell : int
        Fewest people a cell may show.
    also : collection of str
        Strata to withhold in any case.
    """
    strata = sorted(cohort.strata, key=lambda s: s.stratum)
    largest = rows_per_person(cohort)
    counts = np.array([cells_of(s) for s in strata], dtype=np.int64)
    people = _people(strata, counts, estimates, largest)
    hidden: Bools = np.any((counts > 0) & (people < min_cell), axis=1, keepdims=False)
    hidden |= np.array([s.stratum in also for s in strata], dtype=np.bool_)
    if hidden.any():
        blocks = _blocks(strata, cohort)
        unions = blocks.unions @ counts
        hidden = np.append(hidden, np.ones(len(unions), dtype=np.bool_))
        counts = np.concatenate([counts, unions])
        people = np.concatenate([people, np.zeros_like(unions)])  # nothing is read of a union's
        _complete(hidden, counts, people, counts.sum(axis=1), blocks, largest, min_cell)
    return frozenset(s.stratum for s, h in zip(strata, hidden, strict=False) if h)


def rows_per_person(cohort: CohortSummary) -> int:
    """Most rows that one person can have in a cell."""
    return cohort.largest_patient or 1 if cohort.patients_declared else 1


def cells_of(s: StratumCount) -> tuple[int, ...]:
    """Elementary cells, which add up to the analysed rows: tp, fn, fp, tn, or the two classes."""
    confusion = (s.tp, s.fn, s.fp, s.tn)
    cells = confusion if s.tp is not None else (s.n_positive, s.n_negative)
    return tuple(c or 0 for c in cells)


def is_small(rows: Ints, largest: int, min_cell: int) -> bool:
    """Whether any of these numbers of rows is not 0 and may belong to too few people."""
    return bool(((rows != 0) & (-(-rows // largest) < min_cell)).any())


def _people(
    strata: Sequence[StratumCount], counts: Ints, estimates: Sequence[Estimate], largest: int
) -> Ints:
    """Lower bounds on the people in every cell.

    A cell's rows divided by the most rows of one person; or the people of a margin that holds it
    less those who can be in the margin's other cell. The people of the margins are known: they
    inform the proportion that has the margin as its denominator.
    """
    least: Ints = -(-counts // largest)
    if largest == 1 or counts.shape[1] != 4:
        return least
    informed = {(e.measure, e.stratum): e.clusters or 0 for e in estimates}
    margins = np.array(
        [
            [informed.get((m, s.stratum), 0) for m in ("sensitivity", "specificity", "ppv", "npv")]
            for s in strata
        ],
        dtype=np.int64,
    )
    ill, well, flagged, unflagged = margins.T
    # tp, fn, fp, tn: the outcome's margin, the decision's margin
    places = ((ill, flagged), (ill, unflagged), (well, flagged), (well, unflagged))
    other = {(0, 0): 1, (1, 0): 0, (2, 0): 3, (3, 0): 2, (0, 1): 2, (2, 1): 0, (1, 1): 3, (3, 1): 1}
    out = least.copy()
    for cell, held in enumerate(places):
        for side in (0, 1):
            rival = other[cell, side]
            most = np.minimum(counts[:, rival], np.minimum(*places[rival]))
            out[:, cell] = np.maximum(out[:, cell], held[side] - most)
    return np.minimum(out, counts)


def _blocks(strata: Sequence[StratumCount], cohort: CohortSummary) -> _Blocks:
    levels = {a.name: a.levels for a in cohort.attributes}
    parsed = [(s.attributes, _levels(s.stratum, s.attributes, levels)) for s in strata]
    place = {s.stratum: i for i, s in enumerate(strata)}
    found: dict[tuple[int, tuple[str, ...]], list[int]] = {}
    for i, (attributes, cell) in enumerate(parsed):
        for size in range(len(attributes)):
            for kept in combinations(range(len(attributes)), size):
                name = stratum_name([attributes[k] for k in kept], [cell[k] for k in kept])
                if name in place:
                    found.setdefault((place[name], attributes), []).append(i)
    single = [len(a) - len(strata[p].attributes) == 1 for p, a in found]
    sides = [_sides(names, parsed, place) for names in cohort.linked]
    parents = [p for p, _ in found]
    children = [*found.values()]
    for number, (one, other) in enumerate(sides, start=len(strata)):
        parents += [number, number]
        children += [one, other]
        single += [True, True]
    return _Blocks(
        np.array(parents, dtype=np.int64),
        _membership(children, len(strata) + len(sides)),
        np.array(single, dtype=np.bool_),
        _membership([one for one, _ in sides], len(strata)),
        parsed,
        levels,
        _apart(sides, parsed),
    )


def _membership(groups: Sequence[Sequence[int]], columns: int) -> csr_array:
    start = np.concatenate(([0], np.cumsum([len(g) for g in groups], dtype=np.int64)))
    column = np.array([c for group in groups for c in group], dtype=np.int64)
    ones = np.ones(column.size, dtype=np.int64)
    return csr_array((ones, column, start), shape=(len(groups), columns))


def _sides(
    names: Sequence[str], parsed: Sequence[Parsed], place: Mapping[str, int]
) -> tuple[list[int], list[int]]:
    """The strata of the one attribute and of the other that hold the same people together."""
    places = [place[name] for name in names]
    first = parsed[places[0]][0]
    return (
        [i for i in places if parsed[i][0] == first],
        [i for i in places if parsed[i][0] != first],
    )


def _apart(
    sides: Sequence[tuple[Sequence[int], Sequence[int]]], parsed: Sequence[Parsed]
) -> Mapping[tuple[str, str], frozenset[tuple[str, str]]]:
    """Levels of two attributes that may occur together, for attributes that have unions."""
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for one, other in sides:
        pair = (parsed[one[0]][0][0], parsed[other[0]][0][0])
        together = {(parsed[i][1][0], parsed[j][1][0]) for i in one for j in other}
        found.setdefault(pair, set()).update(together)
    return {pair: frozenset(levels) for pair, levels in found.items()}


def _levels(
    name: str, attributes: Sequence[str], levels: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    """Read the levels back from a stratum's name; a level may itself hold ' & '."""

    def rest(text: str, left: Sequence[str]) -> Iterator[tuple[str, ...]]:
        if not left:
            if not text:
                yield ()
            return
        for level in levels.get(left[0], ()):
            start = f"{left[0]}={level}" + (" & " if left[1:] else "")
            if text.startswith(start):
                for tail in rest(text[len(start) :], left[1:]):
                    yield (level, *tail)

    found = next(rest(name, attributes), None) if attributes else ()
    if found is None:
        raise ValueError(f"the levels of stratum '{name}' are not among those of the cohort")
    return found


def _complete(
    hidden: Bools,
    counts: Ints,
    people: Ints,
    total: Ints,
    blocks: _Blocks,
    largest: int,
    min_cell: int,
) -> None:
    """Withhold more strata, in place, until all the rules hold.

    Ends because every pass withholds one more; when all is withheld nothing can be solved.
    """
    while True:
        more = _small_remainders(hidden, counts, people, total, blocks, largest, min_cell)
        if not more:
            solved = _solved(hidden, total, blocks)
            if solved is None:
                hidden |= (total > 0) & (blocks_depth(blocks, total.size) > 0)
                return
            if not solved:
                solved = _told(hidden, counts, people, blocks, largest, min_cell)
            more = _opened(solved, hidden, total, blocks)
        if not more:
            return
        hidden[sorted(more)] = True


def blocks_depth(blocks: _Blocks, strata: int) -> Ints:
    """How many blocks each stratum is a part of: none only for the whole cohort."""
    return np.asarray(np.bincount(blocks.member.indices, minlength=strata), dtype=np.int64)


def _small_remainders(
    hidden: Bools,
    counts: Ints,
    people: Ints,
    total: Ints,
    blocks: _Blocks,
    largest: int,
    min_cell: int,
) -> set[int]:
    """For every block whose withheld rest is a small cell, its smallest published part."""
    shown = np.where(hidden[:, None], 0, counts)
    rest = counts[blocks.parent] - blocks.member @ shown
    least = -(-rest // largest)
    if largest > 1:  # a union holds at least the people of its largest part
        for b in np.flatnonzero(((rest > 0) & (least < min_cell)).any(axis=1)):
            parts = _parts(blocks, b)
            known = people[parts[hidden[parts]]]
            least[b] = np.maximum(least[b], known.max(axis=0, initial=0))
    bad = ((rest > 0) & (least < min_cell)).any(axis=1) & blocks.known(hidden)[blocks.parent]
    return _cover([_parts(blocks, b) for b in np.flatnonzero(bad)], hidden, total)


def _cover(groups: Sequence[Ints], hidden: Bools, total: Ints) -> set[int]:
    """Take a published stratum of every group: the one in most groups, of these the smallest."""
    picked: set[int] = set()
    left = [g[~hidden[g] & (total[g] > 0)] for g in groups]
    while left := [g for g in left if g.size]:
        found, times = np.unique(np.concatenate(left), return_counts=True)
        best = found[times == times.max()]
        one = int(best[np.argmin(total[best])])
        picked.add(one)
        left = [g for g in left if one not in g]
    return picked


def _parts(blocks: _Blocks, block: np.integer[Any]) -> Ints:
    found: Ints = blocks.member.indices[
        blocks.member.indptr[block] : blocks.member.indptr[block + 1]
    ]
    return found


def _opened(solved: Sequence[int], hidden: Bools, total: Ints, blocks: _Blocks) -> set[int]:
    """Say what to withhold so that none of `solved` is determined.

    A sibling, in a block that lacks nothing else; where nobody has one, another sibling, else a
    parent or a part. What is determined through others is looked at again after that.
    """
    known = blocks.known(hidden)
    alone, siblings, parents, own = [], [], [], []
    for x in solved:
        mine = np.flatnonzero(blocks.single & (blocks.member[:, [x]].toarray()[:, 0] > 0))
        parts = [_parts(blocks, b) for b in mine]
        alone += [
            p
            for p, b in zip(parts, mine, strict=True)
            if known[blocks.parent[b]] and hidden[p].sum() == 1
        ]
        siblings += [np.concatenate(parts)] if parts else []
        parents.append(blocks.parent[mine])
        own += [_parts(blocks, b) for b in np.flatnonzero(blocks.single & (blocks.parent == x))]
    for groups in (alone, siblings, parents, own, [np.flatnonzero(total > 0)] if solved else []):
        picked = _cover(groups, hidden, total)
        if picked:
            return picked
    return set()


def _solved(hidden: Bools, total: Ints, blocks: _Blocks) -> list[int] | None:
    """Withheld strata that the published ones determine; None when there are too many to tell."""
    unknown = np.flatnonzero(hidden)
    equations = _equations(blocks)[:, unknown]
    linked = abs(equations).T @ abs(equations)
    _, label = connected_components(linked, directed=False)
    found: list[int] = []
    for part in range(int(label.max(initial=-1)) + 1):
        columns = np.flatnonzero(label == part)
        if columns.size > MOST_UNKNOWNS:
            return None
        matrix = equations[:, columns]
        gram = (matrix.T @ matrix).toarray().astype(np.float64)
        value, vector = np.linalg.eigh(gram)
        null = value <= NULL * max(1.0, float(value[-1]))
        freedom = (vector[:, null] ** 2).sum(axis=1)
        found.extend(int(i) for i in unknown[columns[freedom < STILL]] if i < blocks.strata)
    return found


def _equations(blocks: _Blocks) -> csr_array:
    """Say of every refinement by one attribute that its parts less the whole are nothing."""
    parents = csr_array(
        (np.ones(blocks.parent.size, dtype=np.int64),
         (np.arange(blocks.parent.size), blocks.parent)),
        shape=blocks.member.shape,
    )  # fmt: skip
    return csr_array((blocks.member - parents)[np.flatnonzero(blocks.single)])


def _told(
    hidden: Bools, counts: Ints, people: Ints, blocks: _Blocks, largest: int, min_cell: int
) -> list[int]:
    """Withheld strata with a count that is told once it is used that none is negative.

    Where attributes are not crossed none is: the parts of a block are open from nothing up to what
    they add up to.
    """
    unknown = np.flatnonzero(hidden[: blocks.strata])
    if np.unique(blocks.parent).size < 2:
        return []
    if blocks.atoms is not None:
        shown = np.flatnonzero(~hidden)
        unknowns = Unknowns(blocks.atoms[shown], counts[shown], blocks.atoms[unknown])
    else:
        equations, seen = _equations(blocks), np.where(hidden[:, None], 0, counts)
        columns = np.flatnonzero(hidden)
        wanted = csr_array(np.eye(unknown.size, columns.size))  # unions come last
        unknowns = Unknowns(csr_array(equations[:, columns]), -(equations @ seen), wanted)
    small = (counts > 0) & (people < min_cell)
    found = told(unknowns, counts[unknown], small[unknown], (min_cell - 1) * largest + 1)
    return [int(unknown[i]) for i in found]
