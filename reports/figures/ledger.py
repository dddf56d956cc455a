"""Stacked bars of the ledger of empty masks; patterns and columns of text tell its cells apart."""

from typing import Any, Literal

from reports.figures import theme
from reports.figures.plane import Plane, fitted, measured
from reports.parts.ledger_figure import LedgerData, LedgerRow

NAMES, BAR, TEXT = 166, 164, 80
ROW, BAR_HEIGHT, HEADER = 17, 11, 34
SMALLER = theme.SMALL - 0.5
# Fill, outline and hatching of each cell; they differ without colour.
LOOKS: tuple[tuple[str, str, Literal["rising", "falling"] | None], ...] = (
    (theme.BLUE, theme.BLUE, None),
    ("white", theme.VERMILION, "rising"),
    (theme.LIGHT_BLUE, theme.INK, "falling"),
    ("white", theme.QUIET, None),
)


def spec(data: LedgerData) -> dict[str, Any]:
    """Draw names, bars and counts row by row."""
    plane = Plane(theme.WIDTH, HEADER + ROW * len(data.rows))
    _header(plane, data)
    for i, row in enumerate(data.rows):
        _row(plane, row, HEADER + ROW * i)
    return plane.spec()


def _column(i: int) -> float:
    """Right edge of the text of a cell."""
    return NAMES + BAR + 8 + TEXT * (i + 1)


def _header(plane: Plane, data: LedgerData) -> None:
    plane.text(0, 10, "Stratum", bold=True)
    plane.text(NAMES - 8, 10, "cases", align="right", colour=theme.QUIET, size=SMALLER)
    for i, (title, detail) in enumerate(data.titles):
        right = _column(i)
        plane.text(right, 10, title, align="right", bold=True)
        plane.text(right, 22, detail, align="right", colour=theme.QUIET, size=SMALLER - 0.5)
        _piece(plane, i, right - TEXT + 8, 5, 15, 10)


def _piece(plane: Plane, cell: int, x: float, y: float, width: float, height: float) -> None:
    fill, stroke, slope = LOOKS[cell]
    plane.rect(x, y, width, height, fill, stroke=stroke)
    if slope is not None:
        plane.hatch(x, y, width, height, stroke, slope)


def _row(plane: Plane, row: LedgerRow, top: float) -> None:
    middle = top + ROW / 2
    room = NAMES - 14 - (measured(row.cases, SMALLER) if row.cases else 0)
    plane.text(0 if row.head else 8, middle, fitted(row.name, room - 8), bold=row.head)
    plane.text(NAMES - 8, middle, row.cases, align="right", colour=theme.QUIET, size=SMALLER)
    x = float(NAMES)
    for i, part in enumerate(row.shares):
        if part:
            _piece(plane, i, x, middle - BAR_HEIGHT / 2, BAR * part, BAR_HEIGHT)
            x += BAR * part
    for i, text in enumerate(row.texts):
        plane.text(_column(i), middle, text, align="right", size=SMALLER)
