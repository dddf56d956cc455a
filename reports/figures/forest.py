"""Forest plot: a column of labels and one panel for each measure, row by row."""

from collections.abc import Iterable
from typing import Any

from reports.figures import theme
from reports.figures.layers import Spec, computed, layer, nominal, only, quantitative, where
from reports.figures.plane import fitted, measured
from reports.parts.forest import ForestData, Panel

ROW = 15
LABELS = 212
INDENT = 8
GAP = 12
# What stands in the template for what the page replaces.
TITLE, LOW, HIGH, ROWS, WIDE = "@title", 0.123454321, 0.987656789, 43210, 65432
LOOKS: dict[str, Spec] = {
    "ok": {"shape": "circle", "size": 34, "fill": theme.BLUE, "stroke": theme.BLUE},
    "weak": {"shape": "circle", "size": 34, "fill": "white", "stroke": theme.QUIET},
    "pooled": {"shape": "diamond", "size": 80, "fill": theme.INK, "stroke": theme.INK},
}
TIPS = [
    nominal("name", title="Subgroup"),
    nominal("tip", title="Value [interval]"),
    nominal("n", title="n"),
    nominal("status", title="Status"),
]


def spec(data: ForestData) -> Spec:
    """Draw labels and panels side by side, within the width of a page."""
    many = len(data.panels)
    width = min(300, (theme.WIDTH - LABELS - GAP * many) // many - 4)
    points = {_points(p): p.points for p in data.panels}
    return theme.finished(
        _drawn(data.panels, data.rows, width),
        {"labels": (heading(data), *map(_fitting, data.labels)), **points},
    )


def heading(data: ForestData) -> dict[str, Any]:
    """Head the column of labels."""
    return {"y": -1, "text": "Subgroup", "head": 1, "n": data.heading}


def _fitting(label: dict[str, Any]) -> dict[str, Any]:
    """Cut a name to what its counts leave of the column."""
    taken = measured(label["n"]) + GAP if label["n"] else 0
    return label | {"text": fitted(label["text"], LABELS - INDENT - taken)}


def template() -> Spec:
    """Give one panel with its stand-ins; the page fills in the measure and the rows chosen."""
    return theme.finished(_drawn([Panel(TITLE, False, (LOW, HIGH), ())], ROWS, WIDE), {})


def _drawn(panels: Iterable[Panel], rows: int, width: int) -> Spec:
    panes = [
        {"data": {"name": "labels"}, "layer": _labels(rows), "width": LABELS},
        *({"data": {"name": _points(p)}, "layer": _panel(p, rows), "width": width} for p in panels),
    ]
    height = ROW * (rows + 1)
    return {"hconcat": [pane | {"height": height} for pane in panes], "spacing": GAP}


def _points(panel: Panel) -> str:
    """Name the data of a panel."""
    return f"points {panel.title}"


def _y(rows: int, field: str = "y") -> Spec:
    return quantitative(field, axis=None, scale={"domain": [rows - 0.5, -1.5], "nice": False})


def _labels(rows: int) -> list[Spec]:
    def column(x: int, text: str, look: Spec, *steps: Spec) -> Spec:
        encoding = {"x": {"value": x}, "y": _y(rows), "text": nominal(text)}
        return layer({"type": "text", **look}, encoding, *steps)

    bold = {"align": "left", "fontWeight": "bold"}
    return [
        column(0, "text", bold, where("datum.head == 1")),
        column(INDENT, "text", {"align": "left"}, where("datum.head == 0")),
        column(LABELS, "n", {"align": "right", "color": theme.QUIET}),
    ]


def _panel(panel: Panel, rows: int) -> list[Spec]:
    domain = {"domain": list(panel.domain), "nice": False}
    axis = {"title": panel.title, "grid": True, "orient": "bottom", "labelSeparation": 3,
            "labelExpr": "format(datum.value, '~g')"}  # fmt: skip
    place: Spec
    if panel.log:
        # Without a count, by which Vega would leave out some of the values that are given.
        axis |= {"title": f"{panel.title}, log", "values": panel.ticks, "labelOverlap": False}
        place = {"scale": domain | {"type": "log"}, "axis": axis}
    else:
        axis["tickCount"] = 3
        place = {"scale": domain | {"type": "linear", "zero": False}, "axis": axis}
    said = {"type": "text", "align": "left", "fontStyle": "italic", "color": theme.QUIET,
            "fontSize": theme.SMALL - 0.5}  # fmt: skip
    at = {"x": quantitative("v", **place), "y": _y(rows)}
    return [
        *_lines(place, rows),
        *_intervals(place, rows),
        *(
            layer(
                {"type": "point", "opacity": 1, **look}, at | {"tooltip": TIPS}, only("mark", mark)
            )
            for mark, look in LOOKS.items()
        ),
        layer(said, at | {"x": {"value": 3}, "text": nominal("text")}, only("mark", "none")),
    ]


def _lines(place: Spec, rows: int) -> list[Spec]:
    """Value in all units, and limits of the plan, each within its own row."""
    steps = (computed("top", "datum.y - 0.5"), computed("bottom", "datum.y + 0.5"))
    limit = {"color": theme.VERMILION, "strokeDash": [3, 2], "strokeWidth": 1.3}
    looks = {"base": {"color": "#7b8791", "strokeWidth": 1}, "floor": limit, "ceiling": limit}
    tall = {"y": _y(rows, "top"), "y2": {"field": "bottom"}}
    return [
        layer({"type": "rule", "clip": True, **look}, {"x": quantitative(field, **place)} | tall,
              *steps, where(f"datum.{field} != null"))
        for field, look in looks.items()
    ]  # fmt: skip


def _intervals(place: Spec, rows: int) -> list[Spec]:
    known = where("datum.l != null && datum.u != null")
    ends = {"x": quantitative("l", **place), "x2": {"field": "u"}, "y": _y(rows)}
    thin = {"type": "rule", "color": theme.BLUE, "strokeWidth": 1.4, "clip": True}
    thick = {"type": "rule", "color": theme.LIGHT_BLUE, "strokeWidth": 6, "clip": True}
    return [
        layer(thick, ends, known, only("mark", "prediction")),
        layer(thin, ends, known, where("datum.mark != 'prediction'")),
    ]
