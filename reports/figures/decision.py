"""Decision curves: net benefit of the model beside treating all and treating none."""

from typing import Any

from reports.figures import theme
from reports.figures.layers import Spec, layer, multiples, nominal, only, quantitative, where

COLUMNS = 4
SIDE = 131
DASH = {"model": [1, 0], "treat all": [5, 3], "treat none": [1.5, 2.5]}
COLOUR = {"model": theme.BLUE, "treat all": theme.VERMILION, "treat none": theme.INK}
LEGEND = {"title": None, "orient": "top", "direction": "horizontal", "symbolStrokeWidth": 2,
          "symbolSize": 400, "columnPadding": 18}  # fmt: skip
TIPS = [
    nominal("line", title="Strategy"),
    quantitative("t", title="Threshold", format=".2f"),
    quantitative("v", title="Net benefit", format=".3f"),
]
# Treating all falls without end; below this share of the top nothing is to be read.
FLOOR = 0.25


def spec(data: dict[str, Any]) -> Spec:
    """Draw all units large, and the subgroups as small multiples below."""
    panels = data["panels"]
    t = data["threshold"]
    data_sets = {"whole": _rows(panels[:1], t), "groups": _rows(panels[1:], t)}
    first = _chart(panels[:1], "whole", 590, 116)
    if len(panels) == 1:
        return theme.finished(first, data_sets)
    rest = _chart(panels[1:], "groups", SIDE, 62)
    apart = {"scale": {"color": "independent", "strokeDash": "independent"}}
    return theme.finished({"vconcat": [first, rest], "spacing": 14, "resolve": apart}, data_sets)


def _rows(panels: list[dict[str, Any]], threshold: float | None) -> list[dict[str, Any]]:
    return [
        {"title": p["title"], "t": q["t"], "v": v, "line": line, "mark": threshold}
        | ({"l": q["l"], "u": q["u"]} if line == "model" else {"l": None, "u": None})
        for p in panels
        for q in p["points"]
        for line, v in (("model", q["m"]), ("treat all", q["a"]), ("treat none", 0))
        if v >= -3 * p["top"]
    ]


def _chart(panels: list[dict[str, Any]], data: str, width: int, height: int) -> Spec:
    drawn = {"layer": _layers(panels, large=height > 100), "width": width, "height": height}
    return multiples(drawn, [p["title"] for p in panels], COLUMNS, data)


def _layers(panels: list[dict[str, Any]], *, large: bool) -> list[Spec]:
    """The band of the model, the threshold, and the three lines."""
    top = max(p["top"] for p in panels)
    end = max(q["t"] for p in panels for q in p["points"])
    legend = LEGEND if large else None

    def x(field: str) -> Spec:
        scale = {"domain": [0, end], "nice": False}
        return quantitative(field, title="Threshold probability", scale=scale, axis={"grid": False})

    def y(field: str) -> Spec:
        scale = {"domain": [-FLOOR * top, 1.05 * top], "nice": False}
        # No axis line: with the gridlines and the threshold it would pass for a ruled table.
        axis = {"tickCount": 4, "domain": False}
        title = "Net benefit (per unit)" if large else "Net benefit"
        return quantitative(field, title=title, scale=scale, axis=axis)

    def look(of: dict[str, Any]) -> Spec:
        return nominal(
            "line", scale={"domain": list(of), "range": list(of.values())}, legend=legend
        )

    band = {"type": "area", "color": theme.BAND, "opacity": 1, "clip": True}
    rule = {"type": "rule", "color": theme.QUIET, "strokeWidth": 1}
    lines = {"type": "line", "clip": True, "strokeWidth": 1.6}
    looks = {"color": look(COLOUR), "strokeDash": look(DASH), "tooltip": TIPS}
    known = where("datum.line == 'model' && datum.l != null && datum.u != null")
    # The threshold is drawn once in each panel: from one row.
    declared = where(f"datum.mark != null && datum.t == {panels[0]['points'][0]['t']}")
    return [
        layer(band, {"x": x("t"), "y": y("l"), "y2": {"field": "u"}}, known),
        layer(rule, {"x": x("mark")}, declared, only("line", "treat none")),
        layer(lines, {"x": x("t"), "y": y("v")} | looks),
    ]
