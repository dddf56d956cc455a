"""A matrix of shaded cells with their texts; what has no figure is hatched and says so."""

from dataclasses import dataclass

from reports.figures import theme
from reports.figures.plane import Align, Plane, fitted, measured, wrapped
from reports.parts.matrix import Label, MatrixData, MatrixPanel, Tile

SMALLER = theme.SMALL - 0.5
LINE = 11.5
GAP = 14
HEADER_LINES = 3
WIDEST = 104
PAD = 9
SWATCH, SWATCH_HEIGHT = 36, 9
LEGEND, TITLE, HEAD_ROW = 29, 17, 19
# A shade and the colour of text that is legible on it.
Ramp = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Layout:
    """Where things are: `names` is the width of row labels, `tops` the places of rows."""

    names: float
    cell: float
    header: float
    tops: tuple[float, ...]
    heights: tuple[float, ...]

    @property
    def height(self) -> float:
        return self.header + self.tops[-1] + self.heights[-1] if self.tops else self.header


def spec(data: MatrixData, ramp: Ramp, names: float) -> dict[str, object]:
    """Draw panels beside or below each other, `names` being the width of the row labels."""
    plane = Plane(theme.WIDTH)
    layout = _layout(data, names)
    x, y = names, 0.0
    for place, panel in enumerate(data.panels):
        if place == 0 or not data.beside:
            _rows(plane, data, layout, y)
        _panel(plane, panel, layout, ramp, x, y)
        if data.beside:
            x += len(panel.columns) * layout.cell + GAP
        else:
            y += layout.height + GAP
    plane.height = layout.height if data.beside else y - GAP
    return plane.spec()


def _layout(data: MatrixData, names: float) -> _Layout:
    columns = [len(p.columns) for p in data.panels]
    many = sum(columns) if data.beside else max(columns)
    gaps = GAP * (len(columns) - 1) if data.beside else 0
    cell = min(WIDEST, (theme.WIDTH - names - gaps) / many)
    lines = max((len(t.lines) for p in data.panels for t in p.tiles), default=2)
    heights = tuple(HEAD_ROW if r.head else LINE * lines + PAD for r in data.rows)
    tops = tuple(sum(heights[:i]) for i in range(len(heights)))
    header = LEGEND + (TITLE if any(p.title for p in data.panels) else 0)
    header += TITLE if any(p.across for p in data.panels) else 0
    tallest = max(_header_lines(c, cell) for p in data.panels for c in p.columns)
    return _Layout(names, cell, header + LINE * tallest + 4, tops, heights)


def _header_lines(column: Label, cell: float) -> int:
    return len(wrapped(column.text, cell - 4, HEADER_LINES)) + bool(column.size)


def _rows(plane: Plane, data: MatrixData, layout: _Layout, y: float) -> None:
    """Name the rows, and say what hatching means."""
    if data.hatch:
        at = y + 4 + (TITLE if any(p.title for p in data.panels) else 0)
        plane.rect(0, at, 20, SWATCH_HEIGHT, "white", stroke=theme.QUIET)
        plane.hatch(0, at, 20, SWATCH_HEIGHT)
        plane.text(25, at + SWATCH_HEIGHT / 2, data.hatch, colour=theme.QUIET, size=SMALLER)
    top = y + layout.header
    plane.text(0, top - LINE / 2 - 3, fitted(data.down, layout.names - 8), bold=True)
    for row, offset, height in zip(data.rows, layout.tops, layout.heights, strict=True):
        middle = top + offset + height / 2
        room = layout.names - 10 - (measured(row.size, SMALLER) + 6 if row.size else 0)
        name = fitted(row.text, room if not row.head else layout.names - 8)
        plane.text(0, middle + (2 if row.head else 0), name, bold=row.head)
        plane.text(layout.names - 7, middle, row.size, align="right", colour=theme.QUIET,
                   size=SMALLER)  # fmt: skip


def _panel(
    plane: Plane, panel: MatrixPanel, layout: _Layout, ramp: Ramp, x: float, y: float
) -> None:
    width = layout.cell * len(panel.columns)
    shades = chosen(ramp, len(panel.edges) - 1)
    at = y
    if panel.title:
        plane.text(x, at + TITLE / 2, fitted(panel.title, width), bold=True)
        at += TITLE
    _legend(plane, panel.edges, shades, x, at, width)
    across = fitted(panel.across, width)
    plane.text(x, at + LEGEND + TITLE / 2, across, colour=theme.QUIET, bold=True)
    for i, column in enumerate(panel.columns):
        _column(plane, column, layout, x + (i + 0.5) * layout.cell, y + layout.header)
    for tile in panel.tiles:
        _tile(plane, tile, layout, shades, x, y + layout.header)


def chosen(ramp: Ramp, many: int) -> Ramp:
    """Spread that many shades over the ramp, the darkest included."""
    if many < 2:
        return ramp[len(ramp) // 2 :][:1]
    return tuple(ramp[round(i * (len(ramp) - 1) / (many - 1))] for i in range(many))


def _legend(
    plane: Plane, edges: tuple[str, ...], shades: Ramp, x: float, y: float, width: float
) -> None:
    if not edges:
        return
    step = min(SWATCH, width / len(shades))
    for i, (fill, _) in enumerate(shades):
        plane.rect(x + i * step, y + 4, step, SWATCH_HEIGHT, fill, stroke=theme.QUIET)
    every = all(measured(e, SMALLER) < step for e in edges)
    for i, edge in enumerate(edges):
        if every or i in (0, len(edges) - 1):
            inner: Align = "center" if every else "right"
            align: Align = "left" if i == 0 else inner
            plane.text(x + i * step, y + 4 + SWATCH_HEIGHT + 7.5, edge, size=SMALLER,
                       colour=theme.QUIET, align=align)  # fmt: skip


def _column(plane: Plane, column: Label, layout: _Layout, x: float, bottom: float) -> None:
    lines = wrapped(column.text, layout.cell - 4, HEADER_LINES)
    texts = [(t, theme.INK, float(theme.SMALL)) for t in lines]
    if column.size:
        texts.append((column.size, theme.QUIET, SMALLER))
    for i, (text, colour, size) in enumerate(reversed(texts)):
        y = bottom - 3 - LINE * (i + 0.5)
        plane.text(x, y, text, align="center", colour=colour, size=size)


def _tile(plane: Plane, tile: Tile, layout: _Layout, shades: Ramp, x: float, y: float) -> None:
    left, top = x + tile.column * layout.cell, y + layout.tops[tile.row]
    width, height = layout.cell - 1.5, layout.heights[tile.row] - 1.5
    fill, ink = shades[tile.shade] if tile.shade is not None else ("white", theme.INK)
    edge = theme.BAND if tile.shade is not None and fill == "white" else None
    plane.rect(left, top, width, height, fill, stroke=edge, tip=tile.tip)
    if tile.hatched:
        plane.hatch(left, top, width, height)
    middle = left + width / 2
    if tile.hatched and tile.lines:
        broad = min(width - 6, 3 + max(measured(t, SMALLER) for t in tile.lines))
        tall = LINE * len(tile.lines)
        plane.rect(middle - broad / 2, top + (height - tall) / 2, broad, tall, "white", plate=True)
    for i, line in enumerate(tile.lines):
        at = top + height / 2 + (i - (len(tile.lines) - 1) / 2) * LINE
        plane.text(middle, at, fitted(line, width - 2, SMALLER), align="center", size=SMALLER,
                   colour=ink, bold=i == 0 and tile.shade is not None)  # fmt: skip
