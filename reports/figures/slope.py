"""Slope chart: one line for each stratum from model a to model b, with its values at both ends."""

from typing import Any

import altair as alt

from reports.figures import theme
from reports.figures.plane import fitted
from reports.parts.slope import SlopeData

# Columns from the left: name, n, value under a, the line, value under b, name, difference, change.
N, VALUE_A, POINT_A, POINT_B, VALUE_B, NAME, MOVED, MARK, CHANGE = (
    165, 202, 218, 314, 328, 364, 493, 617, 625,
)  # fmt: skip
NAME_WIDTH = 118
LOOKS: dict[str, dict[str, Any]] = {
    "plain": {"shape": "circle", "size": 26, "fill": "white", "stroke": theme.QUIET},
    "weak": {"shape": "cross", "size": 26, "fill": "white", "stroke": theme.QUIET},
    "held": {"shape": "circle", "size": 26, "fill": "white", "stroke": theme.BLUE},
    "better": {"shape": "circle", "size": 34, "fill": theme.BLUE, "stroke": theme.BLUE},
    "worse": {"shape": "diamond", "size": 70, "fill": theme.VERMILION, "stroke": theme.VERMILION},
}
LINES: dict[str, dict[str, Any]] = {
    "plain": {"color": theme.QUIET, "strokeWidth": 0.9},
    "weak": {"color": theme.QUIET, "strokeWidth": 0.9, "strokeDash": [2, 2]},
    "held": {"color": theme.BLUE, "strokeWidth": 0.9},
    "better": {"color": theme.BLUE, "strokeWidth": 1.4},
    "worse": {"color": theme.VERMILION, "strokeWidth": 2.4},
}


def spec(data: SlopeData) -> dict[str, Any]:
    """Draw the lines between two columns of labels."""
    scale = alt.Scale(domain=[data.height, 0], nice=False)

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", axis=None, scale=scale)

    rows = alt.Chart(alt.NamedData("rows"))
    layers = [*_leaders(rows, y), *_lines(rows, y), *_points(rows, y), *_labels(rows, y)]
    heads = alt.Chart(alt.NamedData("heads"))
    layers += [
        heads.transform_filter(f"datum.align == '{align}'")
        .mark_text(align=align, fontWeight=600)
        .encode(x=_x("x"), y=y("y"), text="text:N")
        for align in ("left", "right", "center")
    ]
    drawn = alt.layer(*layers).properties(width=theme.WIDTH, height=data.height)
    named = [row | {"name": fitted(row["name"], NAME_WIDTH)} for row in data.rows]
    return theme.finished(drawn, {"rows": named, "heads": _heads(data)})


def _x(field: str) -> alt.X:
    return alt.X(f"{field}:Q", axis=None, scale=alt.Scale(domain=[0, theme.WIDTH], nice=False))


def _heads(data: SlopeData) -> list[dict[str, Any]]:
    middle = (POINT_A + POINT_B) / 2
    placed = (
        (0, 22, "left", "Subgroup"),
        (N, 22, "right", "n"),
        (POINT_A, 22, "center", "Model a"),
        (middle, 7, "center", data.title),
        (POINT_B, 22, "center", "Model b"),
        (NAME, 22, "left", "Subgroup"),
        (MOVED, 22, "left", "Difference b − a"),
    )
    return [{"x": x, "y": y, "align": align, "text": text} for x, y, align, text in placed]


def _leaders(rows: Any, y: Any) -> list[Any]:
    """Thin lines from a label that had to move to the point that it belongs to."""
    look = {"color": "#aab3bb", "strokeWidth": 0.6}
    left = rows.mark_rule(**look).encode(
        x=alt.value(VALUE_A + 3), x2=alt.value(POINT_A), y=y("left"), y2="a:Q"
    )
    right = rows.mark_rule(**look).encode(
        x=alt.value(POINT_B), x2=alt.value(VALUE_B - 3), y=y("b"), y2="right:Q"
    )
    return [left, right]


def _lines(rows: Any, y: Any) -> list[Any]:
    return [
        rows.transform_filter(f"datum.mark == '{mark}'")
        .mark_rule(**look)
        .encode(x=alt.value(POINT_A), x2=alt.value(POINT_B), y=y("a"), y2="b:Q")
        for mark, look in LINES.items()
    ]


def _points(rows: Any, y: Any) -> list[Any]:
    tips = [
        alt.Tooltip("full:N", title="Subgroup"),
        alt.Tooltip("n:N", title="n"),
        alt.Tooltip("va:N", title="Model a"),
        alt.Tooltip("vb:N", title="Model b"),
        alt.Tooltip("moved:N", title="Difference [interval]"),
        alt.Tooltip("change:N", title="Change"),
    ]
    placed = ((POINT_A, "a"), (POINT_B, "b"), (MARK, "right"))
    return [
        rows.transform_filter(f"datum.mark == '{mark}'")
        .mark_point(opacity=1, **look)
        .encode(x=alt.value(x), y=y(field), tooltip=tips)
        for mark, look in LOOKS.items()
        for x, field in placed
    ]


def _labels(rows: Any, y: Any) -> list[Any]:
    placed = (
        (0, "left", "left", "name"),
        (N, "right", "left", "n"),
        (VALUE_A, "right", "left", "va"),
        (VALUE_B, "left", "right", "vb"),
        (NAME, "left", "right", "name"),
        (MOVED, "left", "right", "moved"),
        (CHANGE, "left", "right", "word"),
    )
    return [
        rows.transform_filter(f"(datum.mark == 'worse') == {str(worse).lower()}")
        .mark_text(align=align, fontWeight=600 if worse and field != "moved" else 400)
        .encode(x=alt.value(x), y=y(side), text=f"{field}:N")
        for worse in (False, True)
        for x, align, side, field in placed
    ]
