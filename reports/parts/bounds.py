"""How far missing attributes and wrong labels could move the figures."""

from audit.sections import AssignmentBound, LabelErrorBound
from reports import words
from reports.blocks import Block, Cell, Column, Group, Row, Table
from reports.format import DASH, bare, count, digits, fixed, left_out, percent, signed
from reports.parts.cells import against
from reports.parts.index import Index

PRINT_ROWS = 18


def blocks(index: Index) -> list[Block]:
    """Make the section; empty where no attribute is missing and no error was declared."""
    found = index.result.bounds
    out: list[Block] = []
    if found.missing:
        out.append(_missing(found.missing))
    if found.label_error:
        out.append(_label_error(found.label_error))
    return out


def _range(lower: float | None, upper: float | None, places: int, sign: bool) -> str:
    if lower is None or upper is None:
        return DASH
    write = signed if sign else fixed
    return f"{write(lower, places)} to {write(upper, places)}"


def _title(b: AssignmentBound | LabelErrorBound) -> str:
    return words.of_output(words.name(b.measure), b.output)


def _order(b: AssignmentBound | LabelErrorBound) -> tuple[str, int]:
    return b.output or "", words.rank(b.measure)


def _missing(found: tuple[AssignmentBound, ...]) -> Table:
    ordered = sorted(found, key=_order)
    printed = {b.id for b in sorted(ordered, key=lambda b: b.contrast != "gap")[:PRINT_ROWS]}
    by: dict[str, list[Row]] = {}
    for b in ordered:
        by.setdefault(_title(b), []).append(_missing_row(b, b.id not in printed))
    columns = (
        Column("Contrast", "text", 44),
        Column("Observed", "count", 14),
        Column("Could be", "value", 24),
        Column("Rows missing", "count", 12),
        Column("Bounds", "text", 14),
    )
    note = "From the worst to the best case over every way to hand the rows without a value to the "
    note += "other levels. Sharp bounds are reached by some assignment; outer ones hold them all. "
    note += "Sampling error comes on top."
    groups = tuple(Group(name, tuple(rows)) for name, rows in by.items())
    return Table("missing-bounds", "What missing attribute values could do to each gap", columns,
                 groups, note, left_out(len(found) - len(printed), "bound"))  # fmt: skip


def _missing_row(b: AssignmentBound, screen_only: bool) -> Row:
    sign, places = b.contrast == "difference", digits(b.measure, b.contrast)
    label = Cell(f"{b.attribute}: {against(b.stratum, b.reference)}", words.CONTRAST[b.contrast])
    if b.status != "ok":
        why = Cell(words.why(b.status, b.reason), b.reason or "", "status")
        return Row((label, Cell(DASH), why, Cell(count(b.missing)), Cell("")), screen_only)
    write = signed if sign else fixed
    observed = Cell(DASH if b.observed is None else write(b.observed, places), sort=b.observed)
    text = Cell(_range(b.lower, b.upper, places, sign), sort=b.lower)
    kind = Cell("sharp" if b.sharp else "outer")
    return Row((label, observed, text, Cell(count(b.missing), sort=b.missing), kind), screen_only)


def _label_error(found: tuple[LabelErrorBound, ...]) -> Table:
    ordered = sorted(found, key=_order)
    printed = {b.id for b in sorted(ordered, key=lambda b: b.reference is None)[:PRINT_ROWS]}
    by: dict[str, list[Row]] = {}
    for b in ordered:
        by.setdefault(_title(b), []).append(_label_row(b, b.id not in printed))
    columns = (
        Column("Stratum or difference", "text", 42),
        Column("Observed", "count", 14),
        Column("Could be", "value", 26),
        Column("Rates possible", "count", 18),
    )
    note = "Over the rates of label error that the plan declares. Rates possible: the share of "
    note += "them that the observed counts allow. Sampling error comes on top."
    groups = tuple(Group(name, tuple(rows)) for name, rows in by.items())
    return Table("label-bounds", "What wrong labels could do", columns, groups, note,
                 left_out(len(found) - len(printed), "bound"))  # fmt: skip


def _label_row(b: LabelErrorBound, screen_only: bool) -> Row:
    sign, places = b.reference is not None, digits(b.measure)
    name = "All units" if b.stratum == "overall" else b.stratum
    if b.reference is not None:
        name = f"{b.attribute or ''}: {bare(b.stratum)} against {bare(b.reference)}"
    if b.status != "ok":
        why = Cell(words.why(b.status, b.reason), b.reason or "", "status")
        return Row((Cell(name), Cell(DASH), why, Cell(DASH)), screen_only)
    write = signed if sign else fixed
    observed = Cell(DASH if b.observed is None else write(b.observed, places), sort=b.observed)
    feasible = "" if b.feasible is None else percent(b.feasible)
    text = Cell(_range(b.lower, b.upper, places, sign), sort=b.lower)
    return Row((Cell(name), observed, text, Cell(feasible, sort=b.feasible)), screen_only)
