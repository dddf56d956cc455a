"""Tests of whether calibration differs between the levels of an attribute."""

from audit.sections import CalibrationInteraction
from reports import words
from reports.blocks import Block, Cell, Column, Group, Row, Table
from reports.format import DASH, fixed, left_out, names, p_value
from reports.parts.index import Index

PRINT_ROWS = 18


def blocks(index: Index) -> list[Block]:
    """Make the table; empty where nothing was tested."""
    found = index.result.calibration_tests
    if not found:
        return []
    columns = (
        Column("Attribute", "text", 22),
        Column("Levels compared", "text", 30),
        Column("Slopes differ", "value", 24),
        Column("Slopes or intercepts differ", "value", 24),
    )
    rows = tuple(_row(t, i >= PRINT_ROWS) for i, t in enumerate(found))
    note = (
        "Wald tests of group by logit(p): χ² with degrees of freedom in brackets. A small p says "
    )
    note += "that one recalibration for all groups would not do; a large p does not say that "
    note += "calibration is the same."
    return [Table("calibration-tests", "Does calibration differ between groups?", columns,
                  (Group("", rows),), note,
                  left_out(max(0, len(found) - PRINT_ROWS), "test"))]  # fmt: skip


def _row(t: CalibrationInteraction, screen_only: bool) -> Row:
    title = words.of_output(t.attribute, t.output)
    without = f"without {names(list(t.left_out), 3)}" if t.left_out else ""
    label = Cell(title), Cell(names(list(t.levels), 6), without)
    if t.slope_p is None and t.joint_p is None:
        why = Cell(words.why(t.status, t.reason), t.reason or "", "status")
        return Row((*label, why, Cell(DASH)), screen_only)
    return Row(
        (
            *label,
            _test(t.slope_chi2, t.slope_df, t.slope_p),
            _test(t.joint_chi2, t.joint_df, t.joint_p),
        ),
        screen_only,
    )


def _test(chi2: float | None, df: int | None, p: float | None) -> Cell:
    if chi2 is None or p is None:
        return Cell(DASH)
    return Cell(f"p {p_value(p)}", f"χ² {fixed(chi2, 1)} ({df})", sort=p)
