"""Slope chart: one line for each stratum from model a to model b, with its values at both ends."""

from collections.abc import Callable
from typing import Any

from reports.figures import theme
from reports.figures.layers import Spec, layer, nominal, only, quantitative, text_mark, where
from reports.figures.plane import fitted
from reports.parts.slope import SlopeData

# Columns from the left: name, n, value under a, the line, value under b, name, difference, change.
N, VALUE_A, POINT_A, POINT_B, VALUE_B, NAME, MOVED, MARK, CHANGE = (
    165, 202, 218, 314, 328, 364, 493, 617, 625,
)  # fmt: skip
NAME_WIDTH = 118
LOOKS: dict[str, Spec] = {
    "plain": {"shape": "circle", "size": 26, "fill": "white", "stroke": theme.QUIET},
    "weak": {"shape": "cross", "size": 26, "fill": "white", "stroke": theme.QUIET},
    "held": {"shape": "circle", "size": 26, "fill": "white", "stroke": theme.BLUE},
    "better": {"shape": "circle", "size": 34, "fill": theme.BLUE, "stroke": theme.BLUE},
    "worse": {"shape": "diamond", "size": 70, "fill": theme.VERMILION, "stroke": theme.VERMILION},
}
LINES: dict[str, Spec] = {
    "plain": {"color": theme.QUIET, "strokeWidth": 0.9},
    "weak": {"color": theme.QUIET, "strokeWidth": 0.9, "strokeDash": [2, 2]},
    "held": {"color": theme.BLUE, "strokeWidth": 0.9},
    "better": {"color": theme.BLUE, "strokeWidth": 1.4},
    "worse": {"color": theme.VERMILION, "strokeWidth": 2.4},
}
TIPS = [
    nominal("full", title="Subgroup"),
    nominal("n", title="n"),
    nominal("va", title="Model a"),
    nominal("vb", title="Model b"),
    nominal("moved", title="Difference [interval]"),
    nominal("change", title="Change"),
]
Y = Callable[[str], Spec]


def spec(data: SlopeData) -> Spec:
    """Draw the lines between two columns of labels."""
    scale = {"domain": [data.height, 0], "nice": False}

    def y(field: str) -> Spec:
        return quantitative(field, axis=None, scale=scale)

    drawn = {
        "layer": [*_leaders(y), *_lines(y), *_points(y), *_labels(y), *_headers(y)],
        "width": theme.WIDTH,
        "height": data.height,
    }
    named = [row | {"name": fitted(row["name"], NAME_WIDTH)} for row in data.rows]
    return theme.finished(drawn, {"rows": named, "heads": _heads(data)})


def _headers(y: Y) -> list[Spec]:
    x = quantitative("x", axis=None, scale={"domain": [0, theme.WIDTH], "nice": False})
    return [
        layer(
            text_mark(align, bold=True),
            {"x": x, "y": y("y"), "text": nominal("text")},
            only("align", align),
            data="heads",
        )
        for align in ("left", "right", "center")
    ]


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


def _across(x: float, x2: float, y: Spec, y2: str) -> Spec:
    """A line from a place to another."""
    return {"x": {"value": x}, "x2": {"value": x2}, "y": y, "y2": {"field": y2}}


def _leaders(y: Y) -> list[Spec]:
    """Thin lines from a label that had to move to the point that it belongs to."""
    look = {"type": "rule", "color": "#aab3bb", "strokeWidth": 0.6}
    return [
        layer(look, _across(VALUE_A + 3, POINT_A, y("left"), "a"), data="rows"),
        layer(look, _across(POINT_B, VALUE_B - 3, y("b"), "right"), data="rows"),
    ]


def _lines(y: Y) -> list[Spec]:
    ends = _across(POINT_A, POINT_B, y("a"), "b")
    return [
        layer({"type": "rule", **look}, ends, only("mark", mark), data="rows")
        for mark, look in LINES.items()
    ]


def _points(y: Y) -> list[Spec]:
    placed = ((POINT_A, "a"), (POINT_B, "b"), (MARK, "right"))
    return [
        layer(
            {"type": "point", "opacity": 1, **look},
            {"x": {"value": x}, "y": y(field), "tooltip": TIPS},
            only("mark", mark),
            data="rows",
        )
        for mark, look in LOOKS.items()
        for x, field in placed
    ]


def _labels(y: Y) -> list[Spec]:
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
        layer(
            text_mark(align, bold=worse and field != "moved"),
            {"x": {"value": x}, "y": y(side), "text": nominal(field)},
            where(f"(datum.mark == 'worse') == {str(worse).lower()}"),
            data="rows",
        )
        for worse in (False, True)
        for x, align, side, field in placed
    ]
