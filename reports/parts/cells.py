"""Cells that several sections share."""

from reports import words
from reports.blocks import Cell
from reports.format import DASH, bare, fixed, interval, signed


def bounded(
    value: float | None,
    lower: float | None,
    upper: float | None,
    places: int,
    *,
    sign: bool = False,
    status: str = "ok",
    reason: str | None = None,
) -> Cell:
    """Write a value above its interval, or why it has none."""
    if value is None:
        return Cell(words.STATUS[status] if status != "ok" else DASH, reason or "", "status")
    write = signed if sign else fixed
    if status != "ok" or lower is None or upper is None:
        return Cell(write(value, places), words.why(status, reason), "weak", sort=value)
    return Cell(write(value, places), interval(lower, upper, places, sign), sort=value)


def against(stratum: str, reference: str) -> str:
    """Name two levels that are compared."""
    return f"{bare(stratum)} against {bare(reference)}"
