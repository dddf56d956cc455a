"""The attributes of a tally: levels in their usual order, references, and the sets of strata."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from audit.cells import Texts
from audit.dimensions import Dimension, as_written, band_labels, levelled
from audit.plan import Attribute, Plan
from audit.problems import InputError, Problem, nearest
from audit.strata import StrataSet
from audit.stratum_names import MISSING, stratum_name
from audit.tally.tally import Stratum, Tally, crossings

_NO_ROWS = np.zeros(0, dtype=np.int32)


def tally_dimensions(tally: Tally, plan: Plan) -> tuple[Dimension, ...]:
    """The attributes and the site with the levels that occur or are declared; they have no rows.

    Raises
    ------
    InputError
        When a declared reference, or a declared level of a banded attribute, does not exist.
    """
    rows = {s: int(n) for s, n in zip(tally.strata, tally.rows, strict=True)}
    analysed = tally.totals.whole[:, 0] + tally.totals.whole[:, 1]
    counts = {s: int(n) for s, n in zip(tally.strata, analysed, strict=True)}
    problems: list[Problem] = []
    built = []
    for name, attribute in plan.dimensions.items():
        present = [s.levels[0] for s in tally.strata if s.attributes == (name,)]
        levels = _levels(name, attribute, present, problems)
        own = {level: counts.get(Stratum((name,), (level,)), 0) for level in levels}
        built.append(
            Dimension(
                name=name,
                column=attribute.column or name,
                role="site" if name == plan.columns.site else "attribute",
                edges=attribute.band or None,
                levels=levels,
                codes=_NO_ROWS,
                reference=_reference(name, attribute, own, problems),
                reference_chosen="declared" if attribute.reference is not None else "largest",
                missing=rows.get(Stratum((name,), (MISSING,)), 0),
            )
        )
    if problems:
        raise InputError(problems)
    return tuple(built)


def _levels(
    name: str, attribute: Attribute, present: Sequence[str], problems: list[Problem]
) -> tuple[str, ...]:
    declared = [level.strip() for level in attribute.levels]
    values = tuple(level for level in present if level != MISSING)
    if attribute.band:
        labels = band_labels(attribute.band)
        for level in declared:
            if level not in labels:
                reason = f"the declared level '{level}' is not one of its bands"
                where, remedy = f"attribute '{name}'", nearest(level, list(labels))
                problems.append(Problem("unknown_level", where, reason, remedy))
        codes = [labels.index(value) for value in values]
        values = labels
    else:
        declared = [as_written(level, values) for level in declared]
        codes = list(range(len(values)))
    if MISSING in present:
        codes.append(-1)
    texts = Texts(values, np.array(codes, dtype=np.int32))
    return levelled(texts, tuple(declared), attribute)[0]


def _reference(
    name: str, attribute: Attribute, counts: Mapping[str, int], problems: list[Problem]
) -> str | None:
    """The declared level, else the one with most analysed rows, the first of them in a tie."""
    if attribute.reference is not None:
        level = as_written(attribute.reference, tuple(counts))
        if level not in counts:
            reason = f"the reference '{attribute.reference}' is not one of its levels"
            where, remedy = f"attribute '{name}'", nearest(level, list(counts))
            problems.append(Problem("unknown_reference", where, reason, remedy))
        return level
    known = {level: count for level, count in counts.items() if level != MISSING and count}
    return max(known, key=lambda level: known[level]) if known else None


def tally_sets(
    tally: Tally, plan: Plan, dimensions: Sequence[Dimension]
) -> tuple[list[StrataSet], list[StrataSet]]:
    """The sets of strata of the plan, and those that only serve the gaps inside sites."""
    by_name = {dimension.name: dimension for dimension in dimensions}
    chosen = [
        names for size in range(plan.depth + 1) for names in combinations(sorted(by_name), size)
    ]
    extra = [names for names in crossings(plan) if names not in chosen]
    sets = [_set(tally, [by_name[name] for name in names]) for names in (*chosen, *extra)]
    return sets[: len(chosen)], sets[len(chosen) :]


def _set(tally: Tally, dimensions: Sequence[Dimension]) -> StrataSet:
    attributes = tuple(dimension.name for dimension in dimensions)
    cells: list[tuple[str, ...]]
    if len(dimensions) == 1:
        cells = [(level,) for level in dimensions[0].levels]
    else:
        places = [{level: i for i, level in enumerate(d.levels)} for d in dimensions]
        occurring = [s.levels for s in tally.strata if s.attributes == attributes]
        cells = sorted(
            occurring,
            key=lambda levels: [p[level] for p, level in zip(places, levels, strict=True)],
        )
    strata = tuple(stratum_name(attributes, cell) for cell in cells)
    references = [d.reference for d in dimensions if d.reference is not None]
    known = dimensions and len(references) == len(dimensions)
    name = stratum_name(attributes, references) if known else None
    reference = name if name in strata else None
    return StrataSet(attributes, strata, tuple(cells), _NO_ROWS, reference)
