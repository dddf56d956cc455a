"""Calibration by subgroup: observed share against predicted risk, one panel each."""

import math
from typing import Any

from reports.figures import theme
from reports.figures.layers import Spec, computed, layer, multiples, only, quantitative, where

WIDTH = 610
GAP = 14
TIPS = [
    quantitative("p", title="Predicted", format=".3f"),
    quantitative("o", title="Observed", format=".3f"),
    quantitative("l", title="Lower", format=".3f"),
    quantitative("u", title="Upper", format=".3f"),
    quantitative("n", title="n", format=",d"),
]


def spec(panels: list[dict[str, Any]]) -> Spec:
    """Draw small multiples on common axes."""
    rows = [
        {"title": p["title"], "kind": kind, "i": i, **b}
        for p in panels
        for kind, points in (("bin", p["bins"]), ("curve", p["smooth"]))
        for i, b in enumerate(points)
    ]
    bins = [r for r in rows if r["kind"] == "bin"]
    columns = 5 if len(panels) > 12 and len(panels) != 16 else 4
    side = (WIDTH - GAP * (columns - 1)) // columns
    top = max((max(r["u"], r["p"], r["o"]) for r in bins), default=1.0)
    end = min(1.0, math.ceil(top * 10) / 10)
    drawn = {"layer": _layers(end), "width": side, "height": side}
    return theme.finished(
        multiples(drawn, [p["title"] for p in panels], columns, "bins"), {"bins": rows}
    )


def _layers(end: float) -> list[Spec]:
    """Bands, the diagonal, intervals, curves and points, from 0 to `end` on both axes."""
    # No gridlines: crossed by the intervals they would pass for a ruled table.
    axis = {"scale": {"domain": [0, end], "nice": False}, "axis": {"tickCount": 4, "grid": False}}

    def x(field: str) -> Spec:
        return quantitative(field, title="Predicted risk", **axis)

    def y(field: str) -> Spec:
        return quantitative(field, title="Observed share", **axis)

    group, curve = only("kind", "bin"), only("kind", "curve")
    first = where("datum.i == 0 && datum.kind == 'bin'")
    known = where("datum.l != null && datum.u != null")
    band = {"type": "area", "color": theme.BAND, "opacity": 1, "clip": True}
    ideal = {"type": "rule", "color": theme.QUIET, "strokeDash": [4, 3]}
    bar = {"type": "rule", "color": theme.BLUE, "clip": True}
    line = {"type": "line", "color": theme.INK, "strokeWidth": 1.1, "clip": True}
    dot = {"type": "point", "shape": "circle", "size": 22, "fill": theme.BLUE,
           "stroke": theme.BLUE, "opacity": 1}  # fmt: skip
    diagonal = {"x": x("from_"), "y": y("from_"), "x2": {"field": "to"}, "y2": {"field": "to"}}
    return [
        layer(band, {"x": x("p"), "y": y("l"), "y2": {"field": "u"}}, curve, known),
        layer(ideal, diagonal, first, computed("from_", "0"), computed("to", str(end))),
        layer(bar, {"x": x("p"), "y": quantitative("l"), "y2": {"field": "u"}}, group),
        layer(line, {"x": x("p"), "y": y("o")}, curve),
        layer(dot, {"x": x("p"), "y": y("o"), "tooltip": TIPS}, group),
    ]
