"""Specification to SVG, the same bytes every time, in the font that comes with the package.

The SVG is made flatter than Vega writes it: every group costs a level of the graphics state in the
PDF, and PDF/A allows 28.
"""

import json
import re
import xml.etree.ElementTree as ET
from functools import cache, lru_cache
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from reports.shaping import shaped

FONTS = Path(__file__).parent / "assets" / "fonts"
KEPT = 32
SVG = "http://www.w3.org/2000/svg"
_UNSEEN = ("class", "role", "pointer-events")
_GENERATED = re.compile(r"\b((?:clip|gradient|pattern)[-_]?)(\d+)\b")


class Size(NamedTuple):
    """Width and height of a figure in whole pixels."""

    width: int
    height: int


@cache
def register_fonts() -> None:
    """Let the converter know the fonts of the package."""
    import vl_convert

    vl_convert.register_font_directory(str(FONTS))


def to_svg(spec: dict[str, Any]) -> str:
    """Convert a specification. Ids that the converter counts up are counted from 0 again."""
    return _converted(json.dumps(spec))


def size_of(svg: str) -> Size:
    """Width and height that an SVG states."""
    root = ET.fromstring(svg)
    return Size(*(ceil(float(str(root.get(side)))) for side in Size._fields))


@lru_cache(maxsize=KEPT)
def _converted(spec: str) -> str:
    """Convert once: documents of one audit share most of their figures."""
    import vl_convert

    register_fonts()
    text = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    return stable_ids(flattened(text))


def flattened(svg: str) -> str:
    """Drop what is not drawn: groups without a look of their own, roles, empty backgrounds."""
    ET.register_namespace("", SVG)
    root = ET.fromstring(svg)
    _flatten(root)
    shaped(root)
    return ET.tostring(root, encoding="unicode")


def _flatten(parent: ET.Element) -> None:
    kept: list[ET.Element] = []
    for child in parent:
        if child.get("class") == "background" and child.get("stroke") is None:
            continue
        _flatten(child)
        for name in [n for n in child.attrib if n in _UNSEEN or n.startswith("aria-")]:
            del child.attrib[name]
        if child.get("transform") == "translate(0,0)":
            del child.attrib["transform"]
        bare = child.tag == f"{{{SVG}}}g" and not child.attrib
        kept.extend(child if bare else (child,))
    parent[:] = kept


def stable_ids(svg: str) -> str:
    """Give generated ids numbers in order of appearance."""
    seen: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        return seen.setdefault(match.group(), f"{match.group(1)}{len(seen)}")

    return _GENERATED.sub(number, svg)
