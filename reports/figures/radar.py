"""Radar of a checklist: one axis a requirement, two polygons told apart by mark and line."""

from typing import Any

import altair as alt

from reports.figures import theme
from reports.parts.radar import RadarData

ACROSS, UPWARDS = 2.4, 1.46
LOOKS: dict[str, dict[str, Any]] = {
    "answered": {"shape": "circle", "size": 44, "fill": theme.BLUE, "stroke": theme.BLUE},
    "yes": {"shape": "diamond", "size": 66, "fill": "white", "stroke": theme.VERMILION,
            "strokeWidth": 1.6},
}  # fmt: skip
LINES: dict[str, dict[str, Any]] = {
    "answered": {"color": theme.BLUE, "strokeWidth": 1.8},
    "yes": {"color": theme.VERMILION, "strokeWidth": 1.8, "strokeDash": [5, 3]},
}
LEGEND = (("answered", "questions answered"), ("yes", "measures answered yes"))


def spec(data: RadarData) -> dict[str, Any]:
    """Draw rings and spokes, the polygons over them, and a label with its counts at each axis."""
    layers = [*_frame(), *_polygons(), *_labels(), *_legend()]
    height = round(theme.WIDTH * UPWARDS / ACROSS)
    drawn = alt.layer(*layers).properties(width=theme.WIDTH, height=height)
    whole = [r for r in data.rings if r["x"] == 0 and r["y"] > 0]
    scale = [{"x": 0.02, "y": r["y"], "text": f"{round(100 * r['share'])} %"} for r in whole]
    legend = [
        {"kind": kind, "x": -ACROSS + 0.06, "y": UPWARDS - 0.07 - 0.12 * i, "text": text}
        for i, (kind, text) in enumerate(LEGEND)
    ]
    sets = {"axes": data.axes, "labels": data.labels, "rings": data.rings, "sides": data.sides,
            "points": data.points, "scale": scale, "legend": legend}  # fmt: skip
    return theme.finished(drawn, sets)


def _x(field: str = "x") -> alt.X:
    return alt.X(f"{field}:Q", axis=None, scale=alt.Scale(domain=[-ACROSS, ACROSS], nice=False))


def _y(field: str = "y") -> alt.Y:
    return alt.Y(f"{field}:Q", axis=None, scale=alt.Scale(domain=[-UPWARDS, UPWARDS], nice=False))


def _frame() -> list[Any]:
    rings = alt.Chart(alt.NamedData("rings")).mark_rule(color="#cfd6dc", strokeWidth=0.7)
    spokes = (
        alt.Chart(alt.NamedData("axes"))
        .transform_calculate(zero="0")
        .mark_rule(color="#cfd6dc", strokeWidth=0.7)
        .encode(x=_x("zero"), y=_y("zero"), x2="x:Q", y2="y:Q")
    )
    scale = (
        alt.Chart(alt.NamedData("scale"))
        .mark_text(align="left", baseline="top", color=theme.QUIET, fontSize=theme.SMALL - 1.5)
        .encode(x=_x(), y=_y(), text="text:N")
    )
    return [rings.encode(x=_x(), y=_y(), x2="x2:Q", y2="y2:Q"), spokes, scale]


def _polygons() -> list[Any]:
    sides, points = alt.Chart(alt.NamedData("sides")), alt.Chart(alt.NamedData("points"))
    tips = [alt.Tooltip("name:N", title="Requirement"), alt.Tooltip("told:N", title="Count")]
    lines = [
        sides.transform_filter(f"datum.kind == '{kind}'")
        .mark_rule(**look)
        .encode(x=_x(), y=_y(), x2="x2:Q", y2="y2:Q")
        for kind, look in LINES.items()
    ]
    marks = [
        points.transform_filter(f"datum.kind == '{kind}'")
        .mark_point(opacity=1, **look)
        .encode(x=_x(), y=_y(), tooltip=tips)
        for kind, look in LOOKS.items()
    ]
    return [*lines, *marks]


def _labels() -> list[Any]:
    labels = alt.Chart(alt.NamedData("labels"))
    return [
        labels.transform_filter(f"datum.align == '{align}' && datum.head == {head}")
        .mark_text(align=align, fontWeight=600 if head else 400)
        .encode(x=_x(), y=_y(), text="text:N")
        for align in ("left", "center", "right")
        for head in (0, 1)
    ]


def _legend() -> list[Any]:
    base = alt.Chart(alt.NamedData("legend"))
    out = []
    for kind, look in LOOKS.items():
        own = base.transform_filter(f"datum.kind == '{kind}'").transform_calculate(
            from_=f"datum.x - {0.04}", to=f"datum.x + {0.14}", middle=f"datum.x + {0.05}",
            after=f"datum.x + {0.19}",
        )  # fmt: skip
        out += [
            own.mark_rule(**LINES[kind]).encode(x=_x("from_"), x2="to:Q", y=_y()),
            own.mark_point(opacity=1, **look).encode(x=_x("middle"), y=_y()),
            own.mark_text(align="left").encode(x=_x("after"), y=_y(), text="text:N"),
        ]
    return out
