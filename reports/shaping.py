"""Words of a figure in scripts that Inter does not hold, drawn as outlines.

What draws figures would set them in whichever font of the machine holds the letters. HarfBuzz
shapes them here with the fonts of the package; what is read aloud is the alternative text.
"""

import re
import xml.etree.ElementTree as ET
from functools import cache
from itertools import groupby
from typing import Any

from reports.fonts import SCRIPTS, Script
from reports.templating import ASSETS

SVG = "http://www.w3.org/2000/svg"
_RIGHT_TO_LEFT = ("Noto Sans Arabic", "Noto Sans Hebrew")
_LATIN = Script("Inter", "Inter-Regular.otf", "")


def shaped(root: ET.Element) -> None:
    """Replace every text of an SVG that holds such a script by its outlines."""
    for parent in root.iter():
        for place, child in enumerate(parent):
            if child.tag == f"{{{SVG}}}text" and _script_of(child.text or "") is not None:
                parent[place] = _outlined(child)


def _script_of(text: str) -> Script | None:
    return next((s for s in SCRIPTS if re.search(f"[{s.letters}]", text)), None)


def _outlined(text: ET.Element) -> ET.Element:
    """A group that draws a text element where it stood."""
    size = float((text.get("font-size") or "11").removesuffix("px"))
    paths: list[str] = []
    pen = 0.0
    for script, words in _runs(text.text or ""):
        advance, drawn = _drawn(words, script, size, pen)
        pen += advance
        paths += drawn
    shift = {"middle": -pen / 2, "end": -pen}.get(text.get("text-anchor") or "start", 0.0)
    group = ET.Element(f"{{{SVG}}}g")
    for name in ("transform", "fill", "opacity", "fill-opacity"):
        if text.get(name) is not None:
            group.set(name, str(text.get(name)))
    path = ET.SubElement(group, f"{{{SVG}}}path")
    path.set("d", " ".join(paths))
    path.set("transform", f"translate({shift:.3f},0)")
    return group


def _runs(text: str) -> list[tuple[Script, str]]:
    """Pieces of one script each, from left to right; spaces stay with the letters before them."""
    kinds: list[Script] = []
    for letter in text:
        found = _script_of(letter) or (kinds[-1] if kinds and letter == " " else _LATIN)
        kinds.append(found)
    pairs = groupby(zip(kinds, text, strict=True), key=lambda pair: pair[0])
    return [(script, "".join(letter for _, letter in group)) for script, group in pairs]


def _drawn(text: str, script: Script, size: float, start: float) -> tuple[float, list[str]]:
    """Width of a piece, and the outlines of its glyphs from a starting point."""
    import uharfbuzz as hb

    font = _font(script.file)
    buffer = hb.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    if script.family in _RIGHT_TO_LEFT:
        buffer.direction = "rtl"
    hb.shape(font, buffer)
    scale = size / font.face.upem
    pen, paths = start, []
    for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        x, y = pen + position.x_offset * scale, -position.y_offset * scale
        paths.append(_glyph(script.file, info.codepoint, round(x, 3), round(y, 3), scale))
        pen += position.x_advance * scale
    return pen - start, [path for path in paths if path]


def _glyph(file: str, glyph: int, x: float, y: float, scale: float) -> str:
    """The outline of a glyph as the data of a path, y downwards."""
    import uharfbuzz as hb

    commands: list[str] = []

    def at(px: float, py: float) -> str:
        return f"{x + px * scale:.3f} {y - py * scale:.3f}"

    functions = hb.DrawFuncs()
    functions.set_move_to_func(lambda a, b, _: commands.append(f"M{at(a, b)}"))
    functions.set_line_to_func(lambda a, b, _: commands.append(f"L{at(a, b)}"))
    functions.set_quadratic_to_func(
        lambda a, b, c, d, _: commands.append(f"Q{at(a, b)} {at(c, d)}")
    )
    functions.set_cubic_to_func(
        lambda a, b, c, d, e, f, _: commands.append(f"C{at(a, b)} {at(c, d)} {at(e, f)}")
    )
    functions.set_close_path_func(lambda _: commands.append("Z"))
    _font(file).draw_glyph(glyph, functions, None)
    return "".join(commands)


@cache
def _font(file: str) -> Any:
    import uharfbuzz as hb

    blob = hb.Blob.from_file_path(str(ASSETS / "fonts" / file))
    return hb.Font(hb.Face(blob))
