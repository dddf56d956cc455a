"""Accuracy for the groups of each attribute: everyone, the two extremes, and the gap."""

from audit.result import Disparity
from reports import words
from reports.blocks import Block, Cell, Column, Group, Row, Table
from reports.format import bare, digits, left_out, with_interval
from reports.parts.index import Index
from reports.parts.results import TASK_FRONT, estimate_cell

PRINT_ROWS = 24


def blocks(index: Index) -> list[Block]:
    """One row for each front measure and attribute; empty where no gap was computed."""
    gaps = [
        d
        for d in index.result.disparities
        if d.contrast == "gap"
        and d.output == index.output
        and d.attribute in index.single
        and d.measure in TASK_FRONT[index.task]
    ]
    if not gaps:
        return []
    gaps.sort(key=lambda d: words.rank(d.measure))
    by: dict[str, list[Row]] = {}
    for place, d in enumerate(gaps):
        by.setdefault(_heading(index, d), []).append(_row(index, d, place >= PRINT_ROWS))
    columns = (
        Column("Attribute", "text", 16),
        Column("Group at one end", "text", 20),
        Column("Its value", "value", 17),
        Column("Group at the other end", "text", 20),
        Column("Its value", "value", 17),
        Column("Largest gap", "value", 20),
    )
    groups = tuple(Group(title, tuple(rows)) for title, rows in by.items())
    note = "The first group is the worse one where the measure has a better end, else the highest. "
    note += "A gap without an interval says why; it is not taken as none."
    caption = "Each measure in the groups at both ends of an attribute"
    return [Table("group-accuracy", caption, columns, groups, note,
                  left_out(max(0, len(gaps) - PRINT_ROWS), "row"), dense=True)]  # fmt: skip


def _heading(index: Index, d: Disparity) -> str:
    e = index.estimate(d.measure, "overall")
    if e is None or e.value is None:
        return f"{words.name(d.measure)} (all units: not estimated)"
    value = with_interval(e.value, e.lower, e.upper, digits(d.measure))
    return f"{words.name(d.measure)} (all units: {value})"


def _row(index: Index, d: Disparity, screen_only: bool) -> Row:
    ends = []
    for stratum in (d.stratum, d.reference):
        cell = estimate_cell(index.estimate(d.measure, stratum))
        ends += [Cell(bare(stratum)), Cell(cell.text, cell.detail, cell.kind, sort=cell.sort)]
    if d.value is None or d.status != "ok":
        gap = Cell(words.why(d.status, d.reason), d.reason or "", "status")
    else:
        places = digits(d.measure, d.contrast)
        gap = Cell(with_interval(d.value, d.lower, d.upper, places), sort=d.value)
    return Row((Cell(d.attribute), *ends, gap), screen_only)
