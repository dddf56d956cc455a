"""Radar of a checklist: one axis a requirement, two polygons told apart by mark and line."""

from reports.figures import theme
from reports.figures.layers import (
    Spec,
    computed,
    layer,
    nominal,
    only,
    quantitative,
    text_mark,
    where,
)
from reports.parts.radar import RadarData

ACROSS, UPWARDS = 2.4, 1.46
LOOKS: dict[str, Spec] = {
    "answered": {"shape": "circle", "size": 44, "fill": theme.BLUE, "stroke": theme.BLUE},
    "yes": {"shape": "diamond", "size": 66, "fill": "white", "stroke": theme.VERMILION,
            "strokeWidth": 1.6},
}  # fmt: skip
LINES: dict[str, Spec] = {
    "answered": {"color": theme.BLUE, "strokeWidth": 1.8},
    "yes": {"color": theme.VERMILION, "strokeWidth": 1.8, "strokeDash": [5, 3]},
}
LEGEND = (("answered", "questions answered"), ("yes", "measures answered yes"))
TEXT = {"text": nominal("text")}
TIPS = [nominal("name", title="Requirement"), nominal("told", title="Count")]


def spec(data: RadarData) -> Spec:
    """Draw rings and spokes, the polygons over them, and a label with its counts at each axis."""
    drawn = {
        "layer": [*_frame(), *_polygons(), *_labels(), *_legend()],
        "width": theme.WIDTH,
        "height": round(theme.WIDTH * UPWARDS / ACROSS),
    }
    whole = [r for r in data.rings if r["x"] == 0 and r["y"] > 0]
    scale = [{"x": 0.02, "y": r["y"], "text": f"{round(100 * r['share'])} %"} for r in whole]
    legend = [
        {"kind": kind, "x": -ACROSS + 0.06, "y": UPWARDS - 0.07 - 0.12 * i, "text": text}
        for i, (kind, text) in enumerate(LEGEND)
    ]
    sets = {"axes": data.axes, "labels": data.labels, "rings": data.rings, "sides": data.sides,
            "points": data.points, "scale": scale, "legend": legend}  # fmt: skip
    return theme.finished(drawn, sets)


def _at(x: str = "x", y: str = "y") -> Spec:
    def channel(field: str, end: float) -> Spec:
        return quantitative(field, axis=None, scale={"domain": [-end, end], "nice": False})

    return {"x": channel(x, ACROSS), "y": channel(y, UPWARDS)}


def _to(x: str, y: str) -> Spec:
    """Where a line ends."""
    return {"x2": {"field": x}, "y2": {"field": y}}


def _frame() -> list[Spec]:
    thin = {"type": "rule", "color": "#cfd6dc", "strokeWidth": 0.7}
    share = {"type": "text", "align": "left", "baseline": "top", "color": theme.QUIET,
             "fontSize": theme.SMALL - 1.5}  # fmt: skip
    return [
        layer(thin, _at() | _to("x2", "y2"), data="rings"),
        layer(thin, _at("zero", "zero") | _to("x", "y"), computed("zero", "0"), data="axes"),
        layer(share, _at() | TEXT, data="scale"),
    ]


def _polygons() -> list[Spec]:
    lines = [
        layer({"type": "rule", **look}, _at() | _to("x2", "y2"), only("kind", kind), data="sides")
        for kind, look in LINES.items()
    ]
    marks = [
        layer(_mark(kind), _at() | {"tooltip": TIPS}, only("kind", kind), data="points")
        for kind in LOOKS
    ]
    return [*lines, *marks]


def _mark(kind: str) -> Spec:
    return {"type": "point", "opacity": 1, **LOOKS[kind]}


def _labels() -> list[Spec]:
    return [
        layer(
            text_mark(align, bold=head == 1),
            _at() | TEXT,
            where(f"datum.align == '{align}' && datum.head == {head}"),
            data="labels",
        )
        for align in ("left", "center", "right")
        for head in (0, 1)
    ]


def _legend() -> list[Spec]:
    places = [
        computed("from_", "datum.x - 0.04"),
        computed("to", "datum.x + 0.14"),
        computed("middle", "datum.x + 0.05"),
        computed("after", "datum.x + 0.19"),
    ]
    line = _at("from_") | {"x2": {"field": "to"}}
    return [
        layer(mark, encoding, only("kind", kind), *places, data="legend")
        for kind in LOOKS
        for mark, encoding in (
            ({"type": "rule", **LINES[kind]}, line),
            (_mark(kind), _at("middle")),
            ({"type": "text", "align": "left"}, _at("after") | TEXT),
        )
    ]
