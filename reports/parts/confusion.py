"""Confusion matrices of a multiclass audit: true by predicted class in each stratum."""

from audit.sections import Confusion
from reports.blocks import Block, Cell, Column, Group, Row, Table, Text
from reports.format import WITHHELD, count, crossed, left_out, plural, share
from reports.parts.index import Index

PRINT_STRATA = 8
MOST_CLASSES = 12


def blocks(index: Index) -> list[Block]:
    """Make a table for the strata of one attribute; empty for other tasks."""
    found = [c for c in index.result.confusion if not crossed(c.stratum)]
    if not found:
        return []
    classes = found[0].classes
    if len(classes) > MOST_CLASSES:
        many = plural(len(classes), "class", "classes")
        return [Text((f"The confusion matrices of {many} are in the attached audit.json.",))]
    least = index.result.disclosure.min_cell if index.result.disclosure is not None else 0
    columns = (
        Column("True class", "text", 20),
        Column("Units", "count", 10),
        *(Column(f"as {name}", "value", max(8, 70 // len(classes))) for name in classes),
    )
    groups = tuple(_group(c, least, i >= PRINT_STRATA) for i, c in enumerate(found))
    note = "Rows are the true class, columns the predicted one: units, and their share of the row. "
    note += "The diagonal is right."
    if least:
        note += f" A matrix with a cell of 1 to {least - 1} people is withheld whole."
    hidden = max(0, len(found) - PRINT_STRATA)
    return [Table("confusion", "Confusion matrix by subgroup", columns, groups, note,
                  left_out(hidden, "matrix").replace("matrixs", "matrices"))]  # fmt: skip


def withheld(c: Confusion, least: int) -> bool:
    """Whether a matrix may not be shown: one small cell would tell of the others' margins."""
    cells = [cell for row in c.counts for cell in row]
    return any(cell is None or 0 < cell < least for cell in cells)


def _group(c: Confusion, least: int, screen_only: bool) -> Group:
    name = "All units" if c.stratum == "overall" else c.stratum
    if withheld(c, least):
        blank = tuple(Cell(WITHHELD, kind="status") for _ in range(len(c.classes) + 1))
        return Group(name, tuple(Row((Cell(t), *blank), screen_only) for t in c.classes))
    rows = []
    for true, counts in zip(c.classes, c.counts, strict=True):
        known = [n for n in counts if n is not None]
        total = sum(known)
        cells = (Cell(count(n), share(n, total), sort=n) for n in known)
        rows.append(Row((Cell(true), Cell(count(total), sort=total), *cells), screen_only))
    return Group(name, tuple(rows))
