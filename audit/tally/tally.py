"""The tally: counts and sums per stratum, outcome and score bin, which add up.

Tallies of files, workers, hospitals and months are merged into the tally of all their rows, bit for
bit the same in whatever grouping and order: counts are integers and sums are in fixed point. What a
tally cannot see is that a patient lies in two of the parts; such a patient counts as two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audit.cells import NUMBER, number_text
from audit.plan import Plan
from audit.problems import InputError, Problem
from audit.rows import Kind
from audit.stratum_names import stratum_name
from audit.tally.bins import Bins
from audit.tally.fixed import Fixed, joined

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COUNTED = ("positives", "negatives", "tp", "fp")
TERMED = ("squared_error", "predicted", "predicted_positive", "log_loss")
CELL_SUMS = ("p", "logit", "logit_squared")
# Which of true positive, missed, false alarm and true negative a patient has rows of.
TP, FN, FP, TN = 1, 2, 4, 8
PATTERNS = 16


class Stratum(NamedTuple):
    """A conjunction of attribute levels; the attributes are in alphabetical order."""

    attributes: tuple[str, ...]
    levels: tuple[str, ...]

    @property
    def name(self) -> str:
        """Canonical text, such as ``sex=F``."""
        return stratum_name(self.attributes, self.levels)


@dataclass(frozen=True)
class Totals:
    """Counts of the whole cohort that no stratum holds.

    `patients` are sampling units: rows, where no patient role is declared. `clipped` scores are
    exactly 0 or 1 and `at_half` exactly 0.5.
    """

    patients: int
    largest_patient: int
    patients_at_several_sites: int
    clipped: int
    at_half: int


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells (stratum, outcome, bin) that hold rows, in ascending `key`.

    ``key = (stratum * 2 + label) * bins + bin``. `sums` are of the probability, its logit and the
    squared logit. `score` is the one score that all rows of the cell have, NaN where they differ.
    """

    key: Ints
    count: Ints
    sums: Fixed
    score: Floats


@dataclass(frozen=True, eq=False)
class Tally:
    """What a cohort adds up to. Arrays are indexed by stratum, in the order of `strata`.

    `patterns` counts patients by which of the four cells of the confusion table they have rows of
    (a sum of `TP`, `FN`, `FP` and `TN`). `totals` are the sums of `summed`, and `products` the sums
    over patients of the products of a patient's own totals, in the order of `pairs_of`.
    `several` counts, by attributes, the patients with rows in more than one of their strata.
    `plan` holds what the plan says beyond its defaults.
    """

    plan: dict[str, Any]
    plan_sha256: str
    tool_versions: tuple[str, ...]
    kind: Kind
    patients_declared: bool
    bins: Bins
    cohort: Totals
    several: dict[tuple[str, ...], int]
    strata: tuple[Stratum, ...]
    rows: Ints
    missing_label: Ints
    missing_score: Ints
    patterns: Ints
    totals: Fixed
    products: Fixed
    cells: Cells

    @property
    def clustered(self) -> bool:
        """Whether any patient has several rows."""
        return self.patients_declared and self.cohort.largest_patient > 1


def is_probability(kind: Kind) -> bool:
    """Whether such a score can be read as a probability."""
    return kind in ("probability", "logit")


def kind_of(plan: Plan) -> Kind:
    """The kind of score a plan speaks of."""
    return "decision" if plan.columns.score is None else plan.score_kind


def positive_of(plan: Plan) -> str:
    """The label value that means the condition, as label columns write their values."""
    positive = plan.positive
    if positive is None:
        return "1"
    if isinstance(positive, str):
        text = positive.strip()
        return number_text(float(text)) if NUMBER.fullmatch(text) and "." in text else text
    return str(positive) if isinstance(positive, bool) else number_text(positive)


def crossings(plan: Plan) -> tuple[tuple[str, ...], ...]:
    """Every attribute with the site, whatever the depth: for the gaps inside sites."""
    site = plan.columns.site
    names = [name for name in plan.dimensions if name != site]
    return tuple(tuple(sorted((name, site))) for name in names if site is not None)


def summed(kind: Kind) -> tuple[str, ...]:
    """Names of the sums a tally holds of every stratum."""
    return COUNTED + (TERMED if is_probability(kind) else ())


def pairs_of(count: int) -> tuple[tuple[int, int], ...]:
    """Pairs of places whose products are summed over patients."""
    return tuple(combinations_with_replacement(range(count), 2))


def merge(*tallies: Tally) -> Tally:
    """Add tallies up: the tally of all their rows.

    Associative and commutative to the last bit. Strata that only some have are united.

    Raises
    ------
    InputError
        When the tallies follow different plans, or have different bins.
    """
    if not tallies:
        raise ValueError("there is no tally to merge")
    _require_alike(tallies)
    first = tallies[0]
    strata = tuple(sorted({s for tally in tallies for s in _occurring(tally)}))
    place = {stratum: index for index, stratum in enumerate(strata)}
    # A stratum without rows adds zeros, wherever they are added.
    own = [np.array([place.get(s, 0) for s in t.strata], np.int64) for t in tallies]
    group = np.concatenate(own)
    sets = sorted({attributes for tally in tallies for attributes in tally.several})
    return Tally(
        plan=first.plan,
        plan_sha256=first.plan_sha256,
        tool_versions=tuple(sorted({v for tally in tallies for v in tally.tool_versions})),
        kind=first.kind,
        patients_declared=first.patients_declared,
        bins=first.bins,
        cohort=Totals(
            patients=sum(t.cohort.patients for t in tallies),
            largest_patient=max(t.cohort.largest_patient for t in tallies),
            patients_at_several_sites=sum(t.cohort.patients_at_several_sites for t in tallies),
            clipped=sum(t.cohort.clipped for t in tallies),
            at_half=sum(t.cohort.at_half for t in tallies),
        ),
        several={s: sum(tally.several.get(s, 0) for tally in tallies) for s in sets},
        strata=strata,
        rows=_added([t.rows for t in tallies], group, len(strata)),
        missing_label=_added([t.missing_label for t in tallies], group, len(strata)),
        missing_score=_added([t.missing_score for t in tallies], group, len(strata)),
        patterns=_added([t.patterns for t in tallies], group, len(strata)),
        totals=joined([t.totals for t in tallies]).added(group, len(strata)),
        products=joined([t.products for t in tallies]).added(group, len(strata)),
        cells=_merged_cells([t.cells for t in tallies], own, first.bins.count),
    )


def _occurring(tally: Tally) -> list[Stratum]:
    return [s for s, rows in zip(tally.strata, tally.rows, strict=True) if rows or not s.attributes]


def _require_alike(tallies: Sequence[Tally]) -> None:
    """One problem that names every way in which the tallies do not belong together."""
    first = tallies[0]
    differ = [
        name
        for name, same in (
            ("plans", all(t.plan_sha256 == first.plan_sha256 for t in tallies)),
            ("score bins", all(t.bins == first.bins for t in tallies)),
        )
        if not same
    ]
    if differ:
        reason = f"they were made with different {' and '.join(differ)}"
        remedy = "make each with the same plan and the same options of `equipoise tally`"
        raise InputError(Problem("tallies_differ", "tallies", reason, remedy))


def _added(parts: Sequence[Ints], group: Ints, groups: int) -> Ints:
    stacked = np.concatenate(parts)
    total = np.zeros((groups, *stacked.shape[1:]), np.int64)
    np.add.at(total, group, stacked)
    return total


def _merged_cells(parts: Sequence[Cells], places: Sequence[Ints], bins: int) -> Cells:
    moved = [
        place[cells.key // (2 * bins)] * (2 * bins) + cells.key % (2 * bins)
        for cells, place in zip(parts, places, strict=True)
    ]
    key, group = np.unique(np.concatenate(moved), return_inverse=True)
    return Cells(
        key=key,
        count=_added([cells.count for cells in parts], group, key.size),
        sums=joined([cells.sums for cells in parts]).added(group, key.size),
        score=common_score(np.concatenate([cells.score for cells in parts]), group, key.size),
    )


def common_score(score: Floats, group: Ints, groups: int) -> Floats:
    """The score that all of a group have, NaN where there is none."""
    lowest, highest = np.full(groups, np.inf), np.full(groups, -np.inf)
    with np.errstate(invalid="ignore"):  # NaN wins
        np.minimum.at(lowest, group, score)
        np.maximum.at(highest, group, score)
    return np.where(lowest == highest, lowest, np.nan)
