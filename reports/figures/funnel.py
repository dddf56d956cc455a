"""Funnel: width of the interval against size, with the curve that a proportion would follow."""

import math
from typing import Any

from reports.figures import theme
from reports.figures.plane import fitted, wrapped
from reports.parts.funnel import EVERYONE, WITH, WITHOUT, FunnelData
from reports.ticks import log_ticks

WIDTH, HEIGHT = 348, 296
KEY = 238
KEY_ROW = 45
APART = 0.06  # share of the axis that a number with a comma takes
STRIP = 0.1  # of the widest interval: the strip of strata that have none
# Where a number may stand from its mark, and what it takes of width and height, in pixels.
SIDES = ((8, -7), (8, 8), (-9, 8), (-9, -7), (0, -12), (0, 13), (18, 0), (-18, 0))
ROOM = (7, 10)
QUIET: dict[str, Any] = {"color": theme.QUIET, "fontSize": theme.SMALL - 0.5}
LOOKS: dict[str, dict[str, Any]] = {
    WITHOUT: {"shape": "triangle-up", "size": 42, "fill": "white", "stroke": theme.VERMILION},
    WITH: {"shape": "circle", "size": 38, "fill": theme.BLUE, "stroke": "white"},
    EVERYONE: {"shape": "diamond", "size": 90, "fill": theme.INK, "stroke": "white"},
}


def spec(data: FunnelData) -> dict[str, Any]:
    """Draw the funnel, and beside it what its marks and numbers mean."""
    points = [{**p, "y": -STRIP * data.top * 0.55 if p["w"] is None else p["w"]}
              for p in data.points]  # fmt: skip
    sets: dict[str, Any] = {kind: [p for p in points if p["kind"] == kind] for kind in LOOKS}
    sets |= {"curve": data.curve, "numbers": _numbered(points, data)}
    sets |= {"floor": [{"y": 0}] * bool(sets[WITHOUT])}
    layers = [
        _layer("floor", {"type": "rule", "color": theme.QUIET, "strokeWidth": 0.6}, _y(data)),
        _layer("curve", _dashed(), _x(data) | _y(data, "w")),
        *(_layer(kind, _mark(kind), _x(data) | _y(data) | _tips()) for kind in LOOKS),
        *(_layer("numbers", mark, _at_number(data)) for mark in (_number() | _HALO, _number())),
    ]
    plot = {
        "width": WIDTH,
        "height": HEIGHT,
        "layer": [layer for layer in layers if sets[layer["data"]["name"]]],
    }
    key, key_sets = _key(data, [kind for kind in LOOKS if sets[kind]])
    return theme.finished(
        {"hconcat": [plot, key], "spacing": 16},
        {name: rows for name, rows in (sets | key_sets).items() if rows},
    )


def _layer(name: str, mark: dict[str, Any], encoding: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"name": name}, "mark": mark, "encoding": encoding}


def _x(data: FunnelData) -> dict[str, Any]:
    low, high = data.domain
    axis = {"title": data.x_title, "values": ticks(low, high), "grid": True, "format": ",d"}
    scale = {"type": "log", "domain": [low, high], "nice": False}
    return {"x": {"field": "x", "type": "quantitative", "scale": scale, "axis": axis}}


def ticks(low: float, high: float) -> list[int]:
    """Round numbers of people for the axis."""
    return [int(t) for t in log_ticks(low, high, APART, whole=True)]


def _strip(data: FunnelData) -> float:
    return STRIP if any(p["w"] is None for p in data.points) else 0


def _y(data: FunnelData, name: str = "y") -> dict[str, Any]:
    scale = {"domain": [-_strip(data) * data.top, 1.1 * data.top], "nice": False, "zero": False}
    # A tick below 0 would be a width that cannot be.
    axis = {"title": data.y_title, "tickCount": 5, "labelExpr": _UNLESS_NEGATIVE, "grid": False}
    return {"y": {"field": name, "type": "quantitative", "scale": scale, "axis": axis}}


_HALO = {"stroke": "white", "strokeWidth": 3, "strokeJoin": "round"}
_UNLESS_NEGATIVE = "datum.value < -1e-9 ? '' : datum.label"


def _mark(kind: str) -> dict[str, Any]:
    return {"type": "point", "opacity": 1, "strokeWidth": 1, **LOOKS[kind]}


def _dashed() -> dict[str, Any]:
    return {"type": "line", "color": theme.INK, "strokeDash": [5, 3], "strokeWidth": 1.1,
            "clip": True}  # fmt: skip


def _number() -> dict[str, Any]:
    return {"type": "text", "fontWeight": 600, "align": "center", "baseline": "middle"}


def _at_number(data: FunnelData) -> dict[str, Any]:
    x, y = _x(data)["x"], _y(data)["y"]
    return {"x": x | {"field": "nx"}, "y": y | {"field": "ny"}, "text": {"field": "number"}}


def _numbered(points: list[dict[str, Any]], data: FunnelData) -> list[dict[str, Any]]:
    """Give numbers their places: beside their marks, none upon another or upon a numbered mark."""
    low, high = data.domain
    across = WIDTH / math.log(high / low)
    bottom = -_strip(data) * data.top
    down = HEIGHT / (1.1 * data.top - bottom)
    marks = [
        (p, across * math.log(p["x"] / low), down * (1.1 * data.top - p["y"]))
        for p in points
        if p["number"]
    ]
    taken = [(x, y) for _, x, y in marks]
    out = []
    for p, x, y in marks:
        spots = [(x + dx, y + dy) for dx, dy in SIDES]
        free = [s for s in spots if s[0] > ROOM[0] and not any(_near(s, one) for one in taken)]
        at = (free or spots)[0]
        taken.append(at)
        out.append(p | {"nx": low * math.exp(at[0] / across), "ny": 1.1 * data.top - at[1] / down})
    return out


def _near(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return abs(one[0] - other[0]) < ROOM[0] and abs(one[1] - other[1]) < ROOM[1]


def _tips() -> dict[str, Any]:
    return {
        "tooltip": [
            {"field": "name", "type": "nominal", "title": "Stratum"},
            {"field": "tip", "type": "nominal", "title": "Interval"},
            {"field": "n", "type": "nominal", "title": "n"},
        ]
    }


def _key(data: FunnelData, kinds: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Marks and line in words, then the numbered strata; `y` is in pixels."""
    marks = [{"y": 8 + 16 * i, "text": kind, "kind": kind} for i, kind in enumerate(kinds)]
    line = [{"y": 8 + 16 * len(kinds), "text": data.curve_name}] if data.curve else []
    start = 24 + 16 * (len(marks) + len(line))
    names, lines, details = [], [], []
    for i, k in enumerate(data.key):
        names.append({"y": start + KEY_ROW * i, "number": k.number})
        told = wrapped(k.name, KEY - 22, 2)
        lines += [{"y": start + KEY_ROW * i + 13 * j, "text": t} for j, t in enumerate(told)]
        below = start + KEY_ROW * i + 13 * len(told)
        details.append({"y": below, "text": fitted(k.detail, KEY - 20, QUIET["fontSize"])})
    sets = {f"key {k}": [m for m in marks if m["kind"] == k] for k in kinds}
    sets |= {"key text": marks + line, "key line": line, "key numbers": names,
             "key names": lines, "key details": details}  # fmt: skip
    left = {"type": "text", "align": "left"}
    dash = {"type": "rule", "color": theme.INK, "strokeDash": [5, 3], "strokeWidth": 1.1}
    layers = [
        *(_placed(f"key {k}", _mark(k), 6) for k in kinds),
        _placed("key line", dash, 0, 14),
        _placed("key text", left, 20, text="text"),
        _placed("key numbers", left | {"fontWeight": 600}, 4, text="number"),
        _placed("key names", left, 20, text="text"),
        _placed("key details", left | QUIET, 20, text="text"),
    ]
    drawn = [layer for layer in layers if sets.get(layer["data"]["name"])]
    return {"width": KEY, "height": HEIGHT, "layer": drawn}, sets


def _placed(
    name: str, mark: dict[str, Any], x: float, x2: float | None = None, text: str | None = None
) -> dict[str, Any]:
    scale = {"domain": [HEIGHT, 0], "nice": False, "zero": False}
    encoding: dict[str, Any] = {
        "x": {"value": x},
        "y": {"field": "y", "type": "quantitative", "scale": scale, "axis": None},
    }
    if x2 is not None:
        encoding["x2"] = {"value": x2}
    if text is not None:
        encoding["text"] = {"field": text, "type": "nominal"}
    return _layer(name, mark, encoding)
