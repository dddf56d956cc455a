"""Forest plot: a column of labels and one panel for each measure, row by row."""

from functools import cache
from typing import Any

import altair as alt

from reports.figures import theme
from reports.figures.plane import fitted, measured
from reports.parts.forest import ForestData, Panel

ROW = 15
LABELS = 212
INDENT = 8
GAP = 12
# The charts are made once with stand-ins, which the page and the PDF replace alike.
TITLE, LOW, HIGH, ROWS, WIDE = "@title", 0.123454321, 0.987656789, 43210, 65432
POINTS = "points @title"


def spec(data: ForestData) -> dict[str, Any]:
    """Draw labels and panels side by side, within the width of a page."""
    labels, panel = _charts()
    many = len(data.panels)
    width = min(300, (theme.WIDTH - LABELS - GAP * many) // many - 4)
    drawn = [_filled(labels, None, data.rows, width)]
    drawn += [_filled(panel, p, data.rows, width) for p in data.panels]
    points = {f"points {p.title}": p.points for p in data.panels}
    return theme.finished(
        {"hconcat": drawn, "spacing": GAP},
        {"labels": (heading(data), *map(_fitting, data.labels)), **points},
    )


def heading(data: ForestData) -> dict[str, Any]:
    """Head the column of labels."""
    return {"y": -1, "text": "Subgroup", "head": 1, "n": data.heading}


def _fitting(label: dict[str, Any]) -> dict[str, Any]:
    """Cut a name to what its counts leave of the column."""
    taken = measured(label["n"]) + GAP if label["n"] else 0
    return label | {"text": fitted(label["text"], LABELS - INDENT - taken)}


def template() -> dict[str, Any]:
    """Give one panel with its stand-ins; the page fills in the measure and the rows chosen."""
    return theme.finished({"hconcat": list(_charts()), "spacing": GAP}, {})


@cache
def _charts() -> tuple[dict[str, Any], dict[str, Any]]:
    charts = _labels(), _panel()
    labels, panel = (c.to_dict(validate=False) for c in charts)
    for chart in (labels, panel):
        chart.pop("config", None)
        chart.pop("$schema", None)
    return labels, panel


def _filled(node: Any, panel: Panel | None, rows: int, width: int) -> Any:
    """Replace the stand-ins of a chart."""
    if isinstance(node, list):
        return [_filled(x, panel, rows, width) for x in node]
    if isinstance(node, dict):
        out = {k: _filled(v, panel, rows, width) for k, v in node.items()}
        return out if panel is None or not panel.log else _logarithmic(out, panel)
    plain: dict[Any, Any] = {
        ROWS - 0.5: rows - 0.5,
        ROW * (ROWS + 1): ROW * (rows + 1),
        WIDE: width,
    }
    if panel is not None:
        low, high = panel.domain
        plain |= {TITLE: panel.title, POINTS: f"points {panel.title}", LOW: low, HIGH: high}
    return plain.get(node, node)


def _logarithmic(node: dict[str, Any], panel: Panel) -> dict[str, Any]:
    if node.get("type") == "linear" and "domain" in node:
        return {k: v for k, v in node.items() if k != "zero"} | {"type": "log"}
    if node.get("title") == panel.title:
        return node | {"values": panel.ticks}
    return node


def _y() -> alt.Y:
    return alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[ROWS - 0.5, -1.5], nice=False))


def _labels() -> Any:
    base = alt.Chart(alt.NamedData("labels")).encode(y=_y())
    head = base.transform_filter("datum.head == 1").mark_text(align="left", fontWeight="bold")
    plain = base.transform_filter("datum.head == 0").mark_text(align="left")
    n = base.mark_text(align="right", color=theme.QUIET)
    return alt.layer(
        head.encode(x=alt.value(0), text="text:N"),
        plain.encode(x=alt.value(INDENT), text="text:N"),
        n.encode(x=alt.value(LABELS), text="n:N"),
    ).properties(width=LABELS, height=ROW * (ROWS + 1))


def _panel() -> Any:
    scale = alt.Scale(domain=[LOW, HIGH], type="linear", nice=False, zero=False)
    axis = alt.Axis(title=TITLE, tickCount=3, grid=True, orient="bottom", format="~g")
    points = alt.Chart(alt.NamedData(POINTS))
    x = alt.X("v:Q", scale=scale, axis=axis)
    y = _y()
    layers = [
        *_lines(points, scale, axis, y),
        *_intervals(points, scale, axis, y),
        *_marks(points, x, y),
        points.transform_filter("datum.mark == 'none'")
        .mark_text(align="left", fontStyle="italic", color=theme.QUIET, fontSize=theme.SMALL - 0.5)
        .encode(x=alt.value(3), y=y, text="text:N"),
    ]
    return alt.layer(*layers).properties(width=WIDE, height=ROW * (ROWS + 1))


def _lines(points: Any, scale: alt.Scale, axis: alt.Axis, y: alt.Y) -> list[Any]:
    """Value in all units, and limits of the plan, each within its own row."""
    tall = points.transform_calculate(top="datum.y - 0.5", bottom="datum.y + 0.5")
    edge = y.copy()
    edge.shorthand = "top:Q"

    def line(field: str, **mark: Any) -> Any:
        x = alt.X(f"{field}:Q", scale=scale, axis=axis)
        kept = tall.transform_filter(f"datum.{field} != null").mark_rule(clip=True, **mark)
        return kept.encode(x=x, y=edge, y2="bottom:Q")

    limit = {"color": theme.VERMILION, "strokeDash": [3, 2], "strokeWidth": 1.3}
    return [
        line("base", color="#7b8791", strokeWidth=1),
        line("floor", **limit),
        line("ceiling", **limit),
    ]


def _intervals(points: Any, scale: alt.Scale, axis: alt.Axis, y: alt.Y) -> list[Any]:
    known = points.transform_filter("datum.l != null && datum.u != null")
    x = alt.X("l:Q", scale=scale, axis=axis)
    thin = known.transform_filter("datum.mark != 'prediction'").mark_rule(
        color=theme.BLUE, strokeWidth=1.4, clip=True
    )
    thick = known.transform_filter("datum.mark == 'prediction'").mark_rule(
        color=theme.LIGHT_BLUE, strokeWidth=6, clip=True
    )
    return [thick.encode(x=x, x2="u:Q", y=y), thin.encode(x=x, x2="u:Q", y=y)]


def _marks(points: Any, x: alt.X, y: alt.Y) -> list[Any]:
    looks: dict[str, dict[str, Any]] = {
        "ok": {"shape": "circle", "size": 34, "fill": theme.BLUE, "stroke": theme.BLUE},
        "weak": {"shape": "circle", "size": 34, "fill": "white", "stroke": theme.QUIET},
        "pooled": {"shape": "diamond", "size": 80, "fill": theme.INK, "stroke": theme.INK},
    }
    tips = [
        alt.Tooltip("name:N", title="Subgroup"),
        alt.Tooltip("tip:N", title="Value [interval]"),
        alt.Tooltip("n:N", title="n"),
        alt.Tooltip("status:N", title="Status"),
    ]
    return [
        points.transform_filter(f"datum.mark == '{mark}'")
        .mark_point(opacity=1, **look)
        .encode(x=x, y=y, tooltip=tips)
        for mark, look in looks.items()
    ]
