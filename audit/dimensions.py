"""The attributes and the site of a cohort, each as levels and one level code per row."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit.cells import NUMBER, Texts, decode, number_text, numbers
from audit.findings import Findings, share
from audit.plan import Attribute, Plan
from audit.problems import nearest
from audit.result import AttributeLevels
from audit.sources.source import Source
from audit.stratum_names import MISSING

Codes = NDArray[np.int32]
Chosen = Literal["declared", "largest", "none"]


@dataclass(frozen=True, eq=False)
class Dimension:
    """One attribute, or the site: its levels and the level of every row.

    `codes[i]` is the index in `levels` of row ``i``. ``(missing)``, when it occurs, is the last
    level and `missing` counts its rows. A declared level may have no rows. `reference` is the
    level the others are compared with; None when no level but ``(missing)`` has rows.
    """

    name: str
    column: str
    role: Literal["attribute", "site"]
    edges: tuple[float, ...] | None
    levels: tuple[str, ...]
    codes: Codes
    reference: str | None
    reference_chosen: Chosen
    missing: int

    def ordered(self, order: NDArray[np.int64]) -> "Dimension":
        """Return the dimension with its rows in another order."""
        return replace(self, codes=self.codes[order])


def attribute_levels(dimension: Dimension) -> AttributeLevels:
    """Describe an attribute and its levels."""
    return AttributeLevels(
        name=dimension.name,
        column=dimension.column,
        role=dimension.role,
        edges=dimension.edges,
        levels=dimension.levels,
        reference=dimension.reference,
        reference_chosen=dimension.reference_chosen,
        missing=dimension.missing,
    )


def build_dimensions(
    source: Source, plan: Plan, analysed: NDArray[np.bool_], findings: Findings
) -> tuple[Dimension, ...]:
    """Read every attribute of the plan and the site, in alphabetical order of their names.

    `analysed` marks the rows with label and score: among them the largest level is the reference
    where none is declared.
    """
    built = (
        _build(source, plan, name, attribute, analysed, findings)
        for name, attribute in plan.dimensions.items()
    )
    return tuple(dimension for dimension in built if dimension is not None)


def band_labels(edges: Sequence[float]) -> tuple[str, ...]:
    """Name the half-open bands between edges: ``(-inf,40)``, ``[40,65)``, ``[65,inf)``."""
    texts = [number_text(float(edge)) for edge in edges]
    inner = [f"[{a},{b})" for a, b in pairwise(texts)]
    return (f"(-inf,{texts[0]})", *inner, f"[{texts[-1]},inf)")


def _build(
    source: Source,
    plan: Plan,
    name: str,
    attribute: Attribute,
    analysed: NDArray[np.bool_],
    findings: Findings,
) -> Dimension | None:
    column = attribute.column or name
    before = len(findings.problems)
    if attribute.band:
        texts, declared = _banded(source, name, column, attribute, findings)
    else:
        texts, declared = _plain(source, name, column, attribute, plan.max_levels, findings)
    if len(findings.problems) > before:
        return None
    levels, codes = levelled(texts, declared, attribute)
    missing = int((texts.codes < 0).sum())
    reference, chosen = _reference(name, attribute, levels, codes[analysed], findings)
    _warn(name, column, texts, missing, declared, findings)
    return Dimension(
        name,
        column,
        "site" if name == plan.columns.site else "attribute",
        attribute.band or None,
        levels,
        codes,
        reference,
        chosen,
        missing,
    )


def _plain(
    source: Source, name: str, column: str, attribute: Attribute, limit: int, findings: Findings
) -> tuple[Texts, tuple[str, ...]]:
    texts = decode(source.table.column(column))
    if MISSING in texts.values:
        rows = np.flatnonzero(texts.codes == texts.values.index(MISSING))
        reason = f"the text '{MISSING}' is reserved for absent values{source.tail(rows)}"
        where = source.where(int(rows[0]), column)
        findings.problem("reserved_level", where, reason, "leave the cell empty")
    if len(texts.values) > limit:
        numeric = all(NUMBER.fullmatch(value) for value in texts.values)
        kind, remedy = ("a measurement", "band it") if numeric else ("an identifier", "group it")
        reason = f"it has {len(texts.values):,} levels (at most {limit}): it looks like {kind}"
        remedy = f"{remedy}, leave it out, or raise max_levels in the plan"
        findings.problem("too_many_levels", f"attribute '{name}'", reason, remedy)
    return texts, tuple(as_written(level, texts.values) for level in attribute.levels)


def _banded(
    source: Source, name: str, column: str, attribute: Attribute, findings: Findings
) -> tuple[Texts, tuple[str, ...]]:
    measured = numbers(source.table.column(column))
    infinite = np.isinf(measured.values)
    bad = np.flatnonzero(measured.unreadable | infinite)
    if len(bad):
        row = int(bad[0])
        value = source.table.column(column)[row].as_py()
        reason = f"'{value}' cannot be put in a band, it is not a number{source.tail(bad)}"
        remedy = "correct it, leave the cell empty, or do not band this attribute"
        findings.problem("band_not_numeric", source.where(row, column), reason, remedy)
    labels = band_labels(attribute.band)
    for level in attribute.levels:
        if level.strip() not in labels:
            reason = f"the declared level '{level}' is not one of its bands"
            findings.problem(
                "unknown_level", f"attribute '{name}'", reason, nearest(level, list(labels))
            )
    codes = np.searchsorted(attribute.band, measured.values, side="right").astype(np.int32)
    codes[np.isnan(measured.values)] = -1
    declared = tuple(level.strip() for level in attribute.levels)
    return Texts(labels, codes), declared


def as_written(level: str, values: Sequence[str]) -> str:
    """Find a declared level among those read: "1.0" is 1 there."""
    level = level.strip()
    if level not in values and NUMBER.fullmatch(level):
        number = number_text(float(level))
        return number if number in values else level
    return level


def levelled(
    texts: Texts, declared: tuple[str, ...], attribute: Attribute
) -> tuple[tuple[str, ...], Codes]:
    """Order the levels that have rows or are declared, and recode the rows."""
    counts = texts.counts()
    present = {value for value, count in zip(texts.values, counts, strict=True) if count}
    wanted = (present | set(declared)) - {MISSING}
    if attribute.band:
        levels = [value for value in texts.values if value in wanted]
    elif all(NUMBER.fullmatch(value) for value in wanted):
        levels = sorted(wanted, key=lambda value: (float(value), value))
    else:
        levels = sorted(wanted)
    if MISSING in declared or (texts.codes < 0).any():
        levels.append(MISSING)
    place = {level: index for index, level in enumerate(levels)}
    remap = [place.get(value, -1) for value in texts.values] + [place.get(MISSING, -1)]
    return tuple(levels), np.array(remap, dtype=np.int32)[texts.codes]


def _reference(
    name: str, attribute: Attribute, levels: tuple[str, ...], codes: Codes, findings: Findings
) -> tuple[str | None, Chosen]:
    if attribute.reference is not None:
        declared = as_written(attribute.reference, levels)
        if declared not in levels:
            reason = f"the reference '{attribute.reference}' is not one of its levels"
            findings.problem(
                "unknown_reference", f"attribute '{name}'", reason, nearest(declared, levels)
            )
        return declared, "declared"
    counts = np.bincount(codes, minlength=len(levels))
    if levels and levels[-1] == MISSING:
        counts = counts[:-1]
    if not counts.any():
        return None, "none"
    return levels[int(np.argmax(counts))], "largest"


def _warn(
    name: str,
    column: str,
    texts: Texts,
    missing: int,
    declared: tuple[str, ...],
    findings: Findings,
) -> None:
    rows = len(texts.codes)
    if missing:
        message = f"'{name}' is missing on {share(missing, rows)}; they form the level {MISSING}"
        findings.warn("missing_attribute", message, column=column, stratum=f"{name}={MISSING}")
    if not declared:
        return
    for value, count in sorted(zip(texts.values, texts.counts().tolist(), strict=True)):
        if count and value not in declared:
            found = f"on {share(count, rows)}"
            message = f"'{name}' is '{value}' {found}, a level the plan does not declare"
            findings.warn("undeclared_level", message, column=column, stratum=f"{name}={value}")
