"""A plane in pixels: rectangles, hatching and text, for figures laid out cell by cell."""

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal
from unicodedata import bidirectional, east_asian_width

from reports.figures import theme
from reports.format import shorten

Align = Literal["left", "center", "right"]
Slope = Literal["rising", "falling"]
HATCH_GAP = 6


@dataclass
class Plane:
    """What is drawn, in order: rectangles, hatching, plates over it, text; y grows downwards."""

    width: float
    height: float = 0
    rects: list[dict[str, Any]] = field(default_factory=list)
    hatches: list[dict[str, Any]] = field(default_factory=list)
    plates: list[dict[str, Any]] = field(default_factory=list)
    texts: list[dict[str, Any]] = field(default_factory=list)

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: str,
        *,
        stroke: str | None = None,
        tip: str = "",
        plate: bool = False,
    ) -> None:
        """Fill a rectangle; a `plate` lies over the hatching."""
        place = {"x": x, "y": y, "x2": x + width, "y2": y + height}
        row = {k: round(v, 2) for k, v in place.items()} | {"fill": fill, "stroke": stroke}
        (self.plates if plate else self.rects).append(row | {"tip": tip})

    def hatch(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        colour: str = theme.QUIET,
        slope: Slope = "rising",
    ) -> None:
        """Hatch a rectangle."""
        self.hatches.append(
            {
                "x": round(x + width / 2, 2),
                "y": round(y + height / 2, 2),
                "path": hatching(round(width, 2), round(height, 2), slope),
                "colour": colour,
            }
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        align: Align = "left",
        bold: bool = False,
        italic: bool = False,
        colour: str = theme.INK,
        size: float = theme.SMALL,
    ) -> None:
        """Write a line of text, `y` its middle."""
        look = {"align": align, "bold": bold, "italic": italic, "size": size}
        place = {"x": round(x, 2), "y": round(y, 2), "text": text, "colour": colour}
        if text:
            self.texts.append(place | look)

    def spec(self) -> dict[str, Any]:
        """Give the specification; each look of text is a layer."""
        looks = {_look(t): t for t in self.texts}
        sets = {"rects": self.rects, "hatches": self.hatches, "plates": self.plates}
        sets |= {f"text {i}": [_plain(t) for t in self.texts if _look(t) == look]
                 for i, look in enumerate(looks)}  # fmt: skip
        layers = [
            self._rects("rects"),
            self._hatches(),
            self._rects("plates"),
            *(self._text(f"text {i}", t) for i, t in enumerate(looks.values())),
        ]
        drawn = [layer for layer in layers if sets[layer["data"]["name"]]]
        return theme.finished(
            {"width": self.width, "height": self.height, "layer": drawn},
            {name: rows for name, rows in sets.items() if rows},
        )

    def _at(self, *second: str) -> dict[str, Any]:
        def channel(name: str, domain: list[float]) -> dict[str, Any]:
            scale = {"domain": domain, "nice": False, "zero": False}
            return {"field": name, "type": "quantitative", "scale": scale, "axis": None}

        place = {"x": channel("x", [0, self.width]), "y": channel("y", [self.height, 0])}
        return place | {name: {"field": name} for name in second}

    def _rects(self, name: str) -> dict[str, Any]:
        encoding = self._at("x2", "y2") | {"fill": _as_is("fill"), "stroke": _as_is("stroke")}
        encoding["tooltip"] = {"field": "tip", "type": "nominal", "title": "Cell"}
        mark = {"type": "rect", "strokeWidth": 0.8}
        return {"data": {"name": name}, "mark": mark, "encoding": encoding}

    def _hatches(self) -> dict[str, Any]:
        # A path is drawn in half the root of the size: 4 leaves its pixels as they are.
        mark = {"type": "point", "filled": False, "size": 4, "strokeWidth": 0.9, "opacity": 1}
        encoding = self._at() | {"shape": _as_is("path"), "stroke": _as_is("colour")}
        return {"data": {"name": "hatches"}, "mark": mark, "encoding": encoding}

    def _text(self, name: str, look: dict[str, Any]) -> dict[str, Any]:
        mark = {
            "type": "text",
            "align": look["align"],
            "baseline": "middle",
            "fontSize": look["size"],
            "fontWeight": 600 if look["bold"] else 400,
            "fontStyle": "italic" if look["italic"] else "normal",
        }
        encoding = self._at() | {"color": _as_is("colour")}
        encoding["text"] = {"field": "text", "type": "nominal"}
        return {"data": {"name": name}, "mark": mark, "encoding": encoding}


def _as_is(name: str) -> dict[str, Any]:
    return {"field": name, "type": "nominal", "scale": None, "legend": None}


def _look(text: dict[str, Any]) -> tuple[Any, ...]:
    return text["align"], text["bold"], text["italic"], text["size"]


def _plain(text: dict[str, Any]) -> dict[str, Any]:
    return {k: text[k] for k in ("x", "y", "text", "colour")}


@cache
def hatching(width: float, height: float, slope: Slope) -> str:
    """Give slanted lines inside a rectangle around the origin, as an SVG path."""
    across, down = width / 2, height / 2
    lines = []
    reach = across + down
    for i in range(-int(reach // HATCH_GAP), int(reach // HATCH_GAP) + 1):
        shift = i * HATCH_GAP  # of the line y = x + shift
        left, right = max(-across, -down - shift), min(across, down - shift)
        if right > left:
            turn = 1 if slope == "falling" else -1
            lines.append(
                f"M{left:.2f},{turn * (left + shift):.2f}L{right:.2f},{turn * (right + shift):.2f}"
            )
    return "".join(lines) or "M0,0L0,0"


def measured(text: str, size: float = theme.SMALL) -> float:
    """Estimate the width of a line, a little more than it takes."""
    return size * sum(_breadth(c) for c in text)


def _breadth(letter: str) -> float:
    if east_asian_width(letter) in "WF":
        return 1.0
    if bidirectional(letter) in ("AL", "R"):
        return 0.85  # letters are not joined here
    if letter in "MW@%":
        return 1.02
    narrow: Callable[[str], bool] = "iljtfr.,:;'|![]() ".__contains__
    return (
        0.36 if narrow(letter) else 0.92 if letter in "mw" else 0.76 if letter.isupper() else 0.62
    )


def fitted(text: str, width: float, size: float = theme.SMALL) -> str:
    """Cut a name in the middle until it fits."""
    most = len(text)
    while most > 4 and measured(shorten(text, most), size) > width:
        most -= 1
    return shorten(text, most)


def wrapped(text: str, width: float, most: int, size: float = theme.SMALL) -> list[str]:
    """Break a name into lines, what is too long cut in the middle first."""
    widest = measured(text, size) / max(1, len(text))
    letters = max(3, int(width / widest)) if widest else 3
    short = shorten(text, letters * most - most)
    return textwrap.wrap(short, letters, max_lines=most, placeholder="…") or [""]
