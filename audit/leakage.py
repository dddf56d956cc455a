"""Whether the test cohort was seen in development: people, units, rows and images in both.

What is compared of rows are the columns that both tables have, ids and scores left out. A row of
the test cohort is

- an exact duplicate when a row of the other table has the same in all of these columns,
- a near duplicate when it is no exact one and a row of the other table has the same text in every
  column that is no measurement, gaps in the same places, and no measurement further away than
  `NEAR` standard deviations (of the values in both tables). A measurement is a column of numbers
  with more than `FEW` distinct values.

Rows agree by chance where the columns tell too little: two women of 60. Whether they tell enough is
judged within each table: if more than `ALIKE` of its patients have a row that a row of another
patient equals (for near duplicates: is near to, in the test cohort), matches between the tables
show nothing, and are counted as matches that can neither be shown nor excluded to be the same
people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit.cells import Texts, identities, numbers
from audit.keys import text_keys
from audit.sections import Record
from audit.sources.source import Source
from audit.stats.mixing import splitmix64
from audit.unscored import Unscored, at_sites, patients_of

NEAR = 0.01
FEW = 10
ALIKE = 0.01
_CHUNK = 100_000

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]
What = Literal[
    "shared_patients", "shared_units", "exact_rows", "near_rows", "same_files", "same_images",
    "repeated_units", "repeated_rows", "patients_at_several_sites",
]  # fmt: skip


class AtSite(Record):
    """Rows at one site that are concerned."""

    site: str
    count: int
    of: int


class Overlap(Record):
    """One kind of overlap, in counts.

    `count` of `of` are rows of the test cohort; for patients at several sites they are patients.
    Both are None where it could not be looked for, and `reason` says why. `telling` is False where
    matches may be chance; `leak` is what stops a build.
    """

    what: What
    file: str | None
    count: int | None
    of: int | None
    leak: bool = False
    telling: bool = True
    compared: tuple[str, ...] = ()
    by_site: tuple[AtSite, ...] = ()
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Rows:
    """A table as rows are compared: one key of all that must be equal, and the measurements."""

    patient: Keys
    all_columns: Keys
    categories: Keys
    measured: Floats


@dataclass(frozen=True)
class Roles:
    """Columns with a role in the comparison, as both tables call them."""

    patient: str | None
    unit: str | None
    left_out: frozenset[str]


def between(cohort: Unscored, development: Source, roles: Roles, name: str) -> tuple[Overlap, ...]:
    """Overlaps of the test cohort with a development table; both hold all columns to compare."""
    found = [
        _shared("shared_patients", cohort, development, roles.patient, "patient", name),
        _shared("shared_units", cohort, development, roles.unit, "unit", name),
    ]
    columns = common_columns(cohort.source, development, roles)
    if not columns:
        reason = "the two tables have no column in common, ids and scores left out"
        return (*found, _unlooked("exact_rows", name, reason), _unlooked("near_rows", name, reason))
    kinds = measurements(cohort.source, development, columns)
    test = compared_rows(cohort.source, columns, kinds, roles.patient)
    other = compared_rows(development, columns, kinds, roles.patient)
    exact: Bools = np.isin(test.all_columns, other.all_columns)
    telling = tells_people_apart(test) and tells_people_apart(other)
    found.append(_counted("exact_rows", cohort, exact, name, telling=telling, compared=columns))
    if not kinds:
        reason = "there is no column of measurements in common"
        return (*found, _unlooked("near_rows", name, reason))
    near = near_rows(test, other) & ~exact
    telling = telling and near_rows_tell_people_apart(test)
    found.append(_counted("near_rows", cohort, near, name, telling=telling, compared=columns))
    return tuple(found)


def within(cohort: Unscored, roles: Roles) -> tuple[Overlap, ...]:
    """What stands in the test cohort more than once; only a repeated unit is an error in itself."""
    columns = [c for c in cohort.source.table.column_names if c not in roles.left_out]
    rows = compared_rows(cohort.source, columns, {}, roles.patient)
    again = _repeated(rows.all_columns)
    telling = tells_people_apart(rows)
    found = [_counted("repeated_rows", cohort, again, None, telling=telling, leak=False,
                      compared=columns)]  # fmt: skip
    if roles.unit is not None:
        texts = identities(cohort.source.table.column(roles.unit))
        twice = _repeated(text_keys(texts)) & (texts.codes >= 0)
        found.insert(0, _counted("repeated_units", cohort, twice, None))
    if cohort.site is not None and cohort.patients_declared:
        found.append(_several_sites(cohort))
    return tuple(found)


def common_columns(one: Source, other: Source, roles: Roles) -> tuple[str, ...]:
    """Columns that both tables have, ids and scores left out, in alphabetical order."""
    both = set(one.table.column_names) & set(other.table.column_names)
    return tuple(sorted(both - roles.left_out))


def measurements(one: Source, other: Source, columns: Sequence[str]) -> dict[str, float]:
    """Columns of measurements and what is near in each: `NEAR` standard deviations."""
    found: dict[str, float] = {}
    for column in columns:
        read = [numbers(source.table.column(column)) for source in (one, other)]
        if any(r.unreadable.any() for r in read):
            continue
        values = np.concatenate([r.values for r in read])
        values = values[np.isfinite(values)]
        if len(np.unique(values)) > FEW:
            found[column] = NEAR * float(values.std())
    return found


def compared_rows(
    source: Source, columns: Sequence[str], near: Mapping[str, float], patient: str | None
) -> Rows:
    """Bring a table into the form in which rows are compared.

    `near` maps columns of measurements to what is near in each; they are divided by it, and a gap
    is 0 there and part of the categories.
    """
    rows = source.table.num_rows
    everything, categories = np.zeros(rows, dtype=np.uint64), np.zeros(rows, dtype=np.uint64)
    measured = np.zeros((rows, len(near)))
    for place, column in enumerate(columns):
        if column in near:
            read = numbers(source.table.column(column))
            gap = ~np.isfinite(read.values)
            # -0.0 is 0.0
            value = np.where(gap, 0.0, read.values + 0.0)
            measured[:, list(near).index(column)] = value / near[column]
            own = np.where(gap, np.uint64(0), splitmix64(value.view(np.uint64)))
            category = gap.astype(np.uint64)
        else:
            own = category = text_keys(_same_spelling(source, column))
        salt = splitmix64(np.full(1, place, dtype=np.uint64))
        everything = splitmix64(everything ^ splitmix64(own ^ salt))
        categories = splitmix64(categories ^ splitmix64(category ^ salt))
    return Rows(patients_of(source, patient), everything, categories, measured)


def tells_people_apart(rows: Rows) -> bool:
    """Whether at most `ALIKE` of the patients have a row that a row of another patient equals."""
    pairs = np.unique(np.stack([rows.all_columns, rows.patient], axis=1), axis=0)
    alike = _repeated(pairs[:, 0])
    concerned = len(np.unique(pairs[alike, 1]))
    return concerned <= ALIKE * len(np.unique(rows.patient))


def near_rows_tell_people_apart(rows: Rows) -> bool:
    """The same of rows that are near, between the first rows of every patient."""
    first = np.unique(rows.patient, return_index=True)[1]
    one = Rows(
        rows.patient[first], rows.all_columns[first], rows.categories[first], rows.measured[first]
    )
    return int(near_rows(one, one, beside_itself=True).sum()) <= ALIKE * len(first)


def near_rows(test: Rows, other: Rows, *, beside_itself: bool = False) -> Bools:
    """Rows of one table that have a row of the other near by, by a tree in every category.

    `beside_itself` is for a table that is held against itself.
    """
    from scipy.spatial import cKDTree

    found: Bools = np.zeros(len(test.categories), dtype=np.bool_)
    theirs = np.argsort(other.categories, kind="stable")
    ours = np.argsort(test.categories, kind="stable")
    keys, starts = np.unique(other.categories[theirs], return_index=True)
    ends = np.append(starts[1:], len(theirs))
    mine, my_starts = np.unique(test.categories[ours], return_index=True)
    my_ends = np.append(my_starts[1:], len(ours))
    shared, at, my_at = np.intersect1d(keys, mine, assume_unique=True, return_indices=True)
    del shared
    for k, m in zip(at.tolist(), my_at.tolist(), strict=True):
        # equal rows of the other table are one point: a tree of ties is slow
        points = other.measured[theirs[starts[k] : ends[k]]]
        if not beside_itself:
            points = np.unique(points, axis=0)
        rows = ours[my_starts[m] : my_ends[m]]
        tree = cKDTree(points, balanced_tree=False, compact_nodes=False)
        limit = np.nextafter(1.0 + 1e-9, 2.0)  # what is at the limit itself is near
        for first in range(0, len(rows), _CHUNK):
            part = rows[first : first + _CHUNK]
            distance, _ = tree.query(
                test.measured[part],
                k=[2 if beside_itself else 1],
                p=np.inf,
                distance_upper_bound=limit,
            )
            found[part] = np.isfinite(distance[:, 0])
    return found


def _same_spelling(source: Source, column: str) -> Texts:
    """A column as text, whole numbers without decimals whatever the others in it look like."""
    return identities(source.table.column(column))


def _repeated(keys: Keys) -> Bools:
    """Entries whose key occurs more than once."""
    _, place, times = np.unique(keys, return_inverse=True, return_counts=True)
    again: Bools = times[place] > 1
    return again


def _shared(
    what: What, cohort: Unscored, development: Source, column: str | None, role: str, name: str
) -> Overlap:
    if column is None:
        return _unlooked(what, name, f"the plan names no {role} column")
    if column not in development.table.column_names:
        return _unlooked(what, name, f"there is no column '{column}' in it")
    test, other = (identities(s.table.column(column)) for s in (cohort.source, development))
    known = set(other.values)
    hit = np.array([value in known for value in test.values] + [False])[test.codes]
    return _counted(what, cohort, hit, name)


def _counted(
    what: What,
    cohort: Unscored,
    hit: Bools,
    file: str | None,
    *,
    telling: bool = True,
    leak: bool = True,
    compared: Sequence[str] = (),
) -> Overlap:
    count = int(hit.sum())
    reason = ""
    if count and not telling:
        reason = "the columns do not tell people apart: matches may be chance, and are not excluded"
    return Overlap(
        what=what,
        file=file,
        count=count,
        of=len(hit),
        leak=leak and telling and count > 0,
        telling=telling,
        compared=tuple(compared),
        by_site=_by_site(cohort, hit) if count else (),
        reason=reason,
    )


def _by_site(cohort: Unscored, hit: Bools) -> tuple[AtSite, ...]:
    if cohort.site is None:
        return ()
    return tuple(
        AtSite(site=level, count=int(hit[rows].sum()), of=int(rows.sum()))
        for level, rows in at_sites(cohort.site)
        if hit[rows].any()
    )


def _several_sites(cohort: Unscored) -> Overlap:
    none = np.zeros(0, dtype=np.uint64)
    sites = at_sites(cohort.site) if cohort.site is not None else []
    visits = [np.unique(cohort.patient[rows]) for _, rows in sites]
    times = np.unique(np.concatenate([none, *visits]), return_counts=True)[1]
    return Overlap(
        what="patients_at_several_sites",
        file=None,
        count=int((times > 1).sum()),
        of=len(np.unique(cohort.patient)),
    )


def _unlooked(what: What, file: str | None, reason: str) -> Overlap:
    return Overlap(what=what, file=file, count=None, of=None, telling=False, reason=reason)
