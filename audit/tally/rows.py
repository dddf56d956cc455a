"""From rows to a tally: every row into its cells, every patient into the sums over patients."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.cohort import Cohort
from audit.dimensions import Dimension
from audit.plan import Plan
from audit.provenance import tool_version
from audit.roles import flags, probabilities
from audit.rows import CLIP
from audit.strata import StrataSet, lattice
from audit.stratum_names import MISSING
from audit.sums import probability_terms
from audit.tally.bins import Bins, bins_for
from audit.tally.fixed import Fixed, fixed_sums, joined
from audit.tally.tally import (
    FN,
    FP,
    PATTERNS,
    TERMED,
    TN,
    TP,
    Cells,
    Stratum,
    Tally,
    Totals,
    common_score,
    crossings,
    is_probability,
    kind_of,
    merge,
    pairs_of,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Units:
    """Rows with their roles: what a tally is made of, from a cohort or from a part of a file.

    `label` is -1 and `score` NaN where missing; `cluster` is a code of the row's patient.
    """

    label: NDArray[np.int8]
    score: Floats
    cluster: Ints
    dimensions: tuple[Dimension, ...]


def tally_of(cohort: Cohort, plan: Plan, bins: Bins | None = None) -> Tally:
    """Tally a cohort.

    Parameters
    ----------
    cohort : Cohort
        From `audit.cohort.build_cohort`.
    plan : Plan
        The plan the cohort was built with.
    bins : Bins, optional
        From `audit.tally.bins.bins_for`; its default where absent.

    Raises
    ------
    InputError
        When the score is a rank and no bins are given, or the task is not binary.
    """
    units = Units(cohort.label, cohort.score, cohort.cluster, cohort.dimensions)
    chosen = bins if bins is not None else bins_for(plan)
    return tally_units(units, plan, chosen)


def tally_units(units: Units, plan: Plan, bins: Bins) -> Tally:
    """Tally rows; every patient must lie wholly among them."""
    kind = kind_of(plan)
    analysed = np.flatnonzero((units.label >= 0) & ~np.isnan(units.score))
    table = _table(units, plan, analysed, bins)
    sets = _sets(units, plan)
    parts = [_of_set(units, table, strata, bins) for strata in sets]
    rows_of_patient = np.unique(units.cluster, return_counts=True)[1]
    declared = plan.columns.patient is not None
    cohort = Totals(
        patients=rows_of_patient.size,
        largest_patient=int(rows_of_patient.max(initial=0)) if declared else 1,
        patients_at_several_sites=_at_several_sites(units) if declared else 0,
        clipped=table.clipped,
        at_half=int((table.score == 0.5).sum()) if kind == "probability" else 0,
    )
    # Merging puts the strata in canonical order and leaves out those without rows.
    return merge(
        Tally(
            plan=plan.model_dump(mode="json", exclude_defaults=True),
            plan_sha256=plan.sha256(),
            tool_versions=(tool_version(),),
            kind=kind,
            patients_declared=declared,
            bins=bins,
            cohort=cohort,
            several={s.attributes: part.several for s, part in zip(sets, parts, strict=True)},
            strata=tuple(Stratum(s.attributes, levels) for s in sets for levels in s.levels),
            rows=np.concatenate([part.rows for part in parts]),
            missing_label=np.concatenate([part.missing_label for part in parts]),
            missing_score=np.concatenate([part.missing_score for part in parts]),
            patterns=np.concatenate([part.patterns for part in parts]),
            totals=joined([part.totals for part in parts]),
            products=joined([part.products for part in parts]),
            cells=_stacked([part.cells for part in parts], sets, bins.count),
        )
    )


def _sets(units: Units, plan: Plan) -> list[StrataSet]:
    """The lattice of the plan, and what its gaps inside sites need beside it."""
    rows = units.label.size
    sets = list(lattice(units.dimensions, plan.depth, rows))
    by_name = {dimension.name: dimension for dimension in units.dimensions}
    known = {strata.attributes for strata in sets}
    for pair in crossings(plan):
        if pair not in known:
            sets.append(lattice([by_name[name] for name in pair], 2, rows)[-1])
    return sets


def _at_several_sites(units: Units) -> int:
    """Count patients with rows at more than one known site."""
    site = next((d for d in units.dimensions if d.role == "site"), None)
    if site is None:
        return 0
    known = site.codes != (site.levels.index(MISSING) if MISSING in site.levels else -1)
    pairs = np.unique(units.cluster[known] * len(site.levels) + site.codes[known])
    return int((np.bincount(pairs // len(site.levels)) > 1).sum())


@dataclass(frozen=True, eq=False)
class _Table:
    """The analysed rows: place among all rows, bin, counted and summed terms."""

    place: Ints
    label: Ints
    score: Floats
    bin: Ints
    counted: Ints
    terms: Floats
    cell_terms: Floats
    clipped: int


def _table(units: Units, plan: Plan, analysed: Ints, bins: Bins) -> _Table:
    score = units.score[analysed]
    label = units.label[analysed].astype(np.int64)
    flagged = (flags(score, plan) == 1).astype(np.int64)
    counted = np.stack([label, 1 - label, label * flagged, (1 - label) * flagged], axis=1)
    if not is_probability(kind_of(plan)):
        nothing = np.zeros((score.size, 0))
        return _Table(analysed, label, score, bins.of(score), counted, nothing, nothing, 0)
    p = probabilities(score, plan)
    safe = np.clip(p, CLIP, 1 - CLIP)
    logit = np.log(safe) - np.log1p(-safe)
    found = probability_terms(label.astype(np.float64), p, logit)
    terms = np.stack([found[name] for name in TERMED], axis=1)
    cell_terms = np.stack([p, logit, logit * logit], axis=1)
    clipped = int((safe != p).sum())
    return _Table(analysed, label, score, bins.of(p), counted, terms, cell_terms, clipped)


@dataclass(frozen=True, eq=False)
class _Part:
    """One set of strata; the cells are keyed within the set."""

    rows: Ints
    missing_label: Ints
    missing_score: Ints
    patterns: Ints
    totals: Fixed
    products: Fixed
    several: int
    cells: Cells


def _of_set(units: Units, table: _Table, strata: StrataSet, bins: Bins) -> _Part:
    size = len(strata.strata)
    codes = strata.codes.astype(np.int64)
    code = codes[table.place]
    cluster = units.cluster[table.place]
    clusters = int(units.cluster.max(initial=0)) + 1
    pairs, pair = np.unique(code * clusters + cluster, return_inverse=True)
    owner = pairs // clusters
    counts = np.stack(
        [
            np.bincount(pair, table.counted[:, k], pairs.size).astype(np.int64)
            for k in range(table.counted.shape[1])
        ],
        axis=1,
    )
    exact = _beside(Fixed(counts, np.zeros_like(counts)), fixed_sums(table.terms, pair, pairs.size))
    return _Part(
        rows=np.bincount(codes, minlength=size),
        missing_label=np.bincount(codes[units.label < 0], minlength=size),
        missing_score=np.bincount(codes[np.isnan(units.score)], minlength=size),
        patterns=_patterns(counts, owner, size),
        totals=exact.added(owner, size),
        products=_products(exact.value, owner, size),
        several=int((np.bincount(pairs % clusters) > 1).sum()),
        cells=_cells(table, code, bins.count),
    )


def _beside(left: Fixed, right: Fixed) -> Fixed:
    return Fixed(
        np.concatenate([left.whole, right.whole], axis=1),
        np.concatenate([left.fraction, right.fraction], axis=1),
    )


def _products(own: Floats, owner: Ints, size: int) -> Fixed:
    """Sums over patients of the products of their own totals; shape (strata, pairs)."""
    columns = [
        fixed_sums((own[:, i] * own[:, j])[:, None], owner, size) for i, j in pairs_of(own.shape[1])
    ]
    return Fixed(
        np.concatenate([column.whole for column in columns], axis=1),
        np.concatenate([column.fraction for column in columns], axis=1),
    )


def _patterns(counts: Ints, owner: Ints, size: int) -> Ints:
    positives, negatives, tp, fp = counts.T
    held = TP * (tp > 0) + FN * (positives > tp) + FP * (fp > 0) + TN * (negatives > fp)
    return np.bincount(owner * PATTERNS + held, minlength=size * PATTERNS).reshape(size, PATTERNS)


def _cells(table: _Table, code: Ints, bins: int) -> Cells:
    key, group = np.unique((code * 2 + table.label) * bins + table.bin, return_inverse=True)
    return Cells(
        key=key,
        count=np.bincount(group, minlength=key.size),
        sums=fixed_sums(table.cell_terms, group, key.size),
        score=common_score(table.score, group, key.size),
    )


def _stacked(parts: Sequence[Cells], sets: Sequence[StrataSet], bins: int) -> Cells:
    sizes = [len(strata.strata) for strata in sets]
    first = np.cumsum([0, *sizes[:-1]])
    keys = [
        cells.key + start * 2 * bins for cells, start in zip(parts, first.tolist(), strict=True)
    ]
    return Cells(
        key=np.concatenate(keys),
        count=np.concatenate([cells.count for cells in parts]),
        sums=joined([cells.sums for cells in parts]),
        score=np.concatenate([cells.score for cells in parts]),
    )
