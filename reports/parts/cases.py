"""What masks and detections alone have: the empty-mask ledger and points of the FROC curve."""

from audit.sections import FrocCurve, Ledger
from reports.blocks import Block, Cell, Column, Group, Row, Table
from reports.format import count, crossed, fixed, interval, left_out, share
from reports.parts.index import Index

PRINT_ROWS = 30
_CELLS = (
    ("both_present", "In both"),
    ("reference_only", "Missed"),
    ("prediction_only", "Invented"),
    ("both_empty", "In neither"),
)


def blocks(index: Index) -> list[Block]:
    """Make the tables; empty for other tasks."""
    return [*_ledger(index), *_froc(index)]


def _ledger(index: Index) -> list[Block]:
    found = [r for r in index.result.ledger if not crossed(r.stratum)]
    if not found:
        return []
    columns = (
        Column("Stratum", "text", 28),
        Column("Cases", "count", 10),
        *(Column(title, "value", 15) for _, title in _CELLS),
    )
    groups: dict[str, list[Row]] = {}
    for place, record in enumerate(found):
        name = record.output or "All cases"
        groups.setdefault(name, []).append(_row(record, place >= PRINT_ROWS))
    note = "Cases, and their share of the row, by which of the two masks holds the structure at "
    note += "all. A missed or an invented one counts as Dice 0; where both are empty there is "
    note += "nothing to measure."
    hidden = max(0, len(found) - PRINT_ROWS)
    made = tuple(Group(name, tuple(rows)) for name, rows in groups.items())
    return [Table("ledger", "Ledger of empty masks", columns, made, note,
                  left_out(hidden, "stratum").replace("stratums", "strata"))]  # fmt: skip


def _row(record: Ledger, screen_only: bool) -> Row:
    counts = [getattr(record, name) for name, _ in _CELLS]
    total = None if None in counts else sum(counts)
    name = "All" if record.stratum == "overall" else record.stratum
    cells = (Cell(count(n), share(n, total), sort=n) for n in counts)
    return Row((Cell(name), Cell(count(total), sort=total), *cells), screen_only)


def _froc(index: Index) -> list[Block]:
    found = index.result.froc
    if not found:
        return []
    rates = found[0].rates
    columns = (
        Column("Stratum", "text", 22),
        Column("Images", "count", 9),
        Column("Objects", "count", 9),
        *(Column(f"{rate:g}", "value", 8) for rate in rates),
    )
    rows = tuple(_points(curve, i >= PRINT_ROWS) for i, curve in enumerate(found))
    note = "Sensitivity by object at so many false positives per image, each stratum at a "
    note += "threshold of its own. A dash: the detector never makes so many."
    return [Table("froc", "Points of the FROC curve", columns, (Group("", rows),), note,
                  left_out(max(0, len(found) - PRINT_ROWS), "row"))]  # fmt: skip


def _points(curve: FrocCurve, screen_only: bool) -> Row:
    name = "All" if curve.stratum == "overall" else curve.stratum
    cells = [Cell(name), Cell(count(curve.images), sort=curve.images),
             Cell(count(curve.objects), sort=curve.objects)]  # fmt: skip
    points = zip(curve.sensitivity, curve.lower, curve.upper, strict=True)
    for value, lower, upper in points:
        text = "\N{EN DASH}" if value is None else fixed(value, 2)
        cells.append(Cell(text, interval(lower, upper, 2), sort=value))
    return Row(tuple(cells), screen_only)
