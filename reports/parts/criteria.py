"""The named fairness criteria of each attribute, side by side; none of them is a verdict."""

from audit.criteria_table import CRITERIA
from audit.sections import Criterion
from reports import words
from reports.blocks import Block, Cell, Column, Group, Row, Table, Text
from reports.format import DASH, bare, fixed, interval, left_out
from reports.parts.index import Index

PRINT_ROWS = 44
LEAD = (
    "The criteria contradict each other wherever prevalence differs between groups: no model meets "
    "them all, and which of them matters for the intended use is for the persons who sign to say. "
    "A line is a convention, not a requirement of the plan. The interval holds whichever levels "
    "are the extremes."
)


def blocks(index: Index) -> list[Block]:
    """Make the section; empty where no criterion was computed."""
    found = index.result.criteria
    if not found:
        return []
    # Sites are no groups of people: their criteria stay on the screen.
    people = [c for c in found if c.attribute not in index.site_attributes]
    printed = {c.id for c in people[:PRINT_ROWS]}
    by: dict[str, list[Row]] = {}
    for c in (*people, *(c for c in found if c.attribute in index.site_attributes)):
        by.setdefault(words.of_output(c.attribute, c.output), []).append(
            _row(c, c.id not in printed)
        )
    columns = (
        Column("Criterion", "text", 33),
        Column("Value", "count", 12),
        Column("Interval", "count", 19),
        Column("No disparity; line", "count", 14),
        Column("Between", "text", 32),
    )
    groups = tuple(Group(name, tuple(rows)) for name, rows in by.items())
    table = Table("criteria", "Named fairness criteria by attribute", columns, groups,
                  _note(found), left_out(len(found) - len(printed), "criterion")
                  .replace("criterions", "criteria"), dense=True)  # fmt: skip
    return [Text((LEAD,)), table]


def _row(c: Criterion, screen_only: bool) -> Row:
    declared = CRITERIA.get(c.criterion)
    name = Cell(c.name, title=f"{declared.formula}. {declared.reading}" if declared else "")
    places = 2 if "ratio" in c.criterion else 3
    fair = fixed(c.fair, 0) if c.line is None else f"{fixed(c.fair, 0)}; line {c.line:g}"
    if c.value is None:
        why = Cell(words.STATUS[c.status], kind="status", title=c.reason or "")
        return Row((name, why, Cell(DASH), Cell(fair), Cell(c.reason or "")), screen_only)
    ends = interval(c.lower, c.upper, places) or words.why(c.status, c.reason)
    levels = [bare(s) for s in (c.stratum, c.reference) if s is not None]
    between = " and ".join(levels) + (f"; {c.reason}" if c.reason and c.status == "ok" else "")
    return Row(
        (
            name,
            Cell(fixed(c.value, places), sort=c.value),
            Cell(ends, kind="" if c.status == "ok" else "status"),
            Cell(fair),
            Cell(between),
        ),
        screen_only,
    )


def _note(found: tuple[Criterion, ...]) -> str:
    level = f"{100 * found[0].level:g} %"
    note = f"Intervals at the {level} level are simultaneous over the levels of the attribute."
    if any(c.line is not None for c in found):
        note += " The line 0.8 is the four-fifths rule of United States employment law."
    return note
