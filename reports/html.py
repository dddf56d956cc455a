"""The report as one page that works offline: interactive figures, tables that sort and filter."""

import base64
import gzip
import json
import re
from dataclasses import replace
from functools import cache
from typing import Any

from markupsafe import Markup

from reports.blocks import Cell, Facts, Figure, Report, Section
from reports.format import MINUS
from reports.papers import Papers
from reports.parts.index import Index
from reports.templating import ASSETS, asset, render
from reports.view import build_view

VEGA = "vega-bundle.js.gz"
FACES = (("Inter-Regular.woff2", 400), ("Inter-SemiBold.woff2", 600))
# In this order they make one script: later ones use what earlier ones define.
SCRIPTS = (
    "elements",
    "numbers",
    "data",
    "controls",
    "tip",
    "address",
    "tables",
    "explorer",
    "figures",
    "reader",
    "rows",
    "forest",
    "calibration",
    "panels",
    "start",
)
DRAWN_DIGITS = 8
_PRINTED = re.compile(r"(-?\d+(?:\.(\d+))?)(%)?")
_PLAIN = str.maketrans({MINUS: "-", "+": "", " ": "", ",": ""})


def render_html(papers: Papers) -> str:
    """Render the page; the plan stands in it as it was written, where it is at hand."""
    view = build_view(papers, explored=True)
    return render(
        "page.html",
        view=view if papers.plan_text is None else _with_plan(view, papers),
        data=packed(view.explorer),
        figures=packed(_figures(view, papers.index)),
        chooser=_chooser(view),
        sort_key=sort_key,
        fonts=_fonts(),
        style=asset("page.css"),
        script=_script(),
        vega=_vega(),
    )


def prepare() -> None:
    """Read ahead of time what is largest in every page."""
    _vega()


def _with_plan(view: Report, papers: Papers) -> Report:
    plan_text = papers.plan_text or ""
    bare = papers.result.disclosure is not None
    title = "The plan, without its comments" if bare else "The plan as written"
    plan = Section("plan", len(view.sections) + 1, title,
                   (Facts((("equipoise.yaml", plan_text),), code=True),))  # fmt: skip
    return replace(view, sections=(*view.sections, plan))


def _chooser(view: Report) -> str:
    """Give the text that stands in for the forest plot until it is drawn."""
    if not view.explorer["estimates"]:
        return ""
    drawn = [f.alt for f in view.figures if f.form == "forest" and f.print_only]
    return drawn[0] if drawn else "Every value stands in the tables below."


def _figures(view: Report, index: Index) -> dict[str, Any]:
    from reports.figures import forest
    from reports.parts import curves
    from reports.parts.forest import NUMBER
    from reports.ticks import ENOUGH, STEPS

    own = [f for f in view.figures if not f.print_only]
    choices = {f.id: found for f in own if (found := curves.choice(index, f.form)) is not None}
    own = [replace(f, data=choices[f.id].data) if f.id in choices else f for f in own]
    return {
        "forest": forest.template(),
        "stand_ins": {"title": forest.TITLE, "low": forest.LOW, "high": forest.HIGH,
                      "rows": forest.ROWS, "row": forest.ROW, "wide": forest.WIDE,
                      "labels": forest.LABELS, "gap": forest.GAP,
                      "steps": STEPS, "enough": ENOUGH, "number": NUMBER},
        "specs": {f.id: _specification(f) for f in own},
        "panels": {id: [found.attributes, found.rest] for id, found in choices.items()},
    }  # fmt: skip


def _specification(figure: Figure) -> dict[str, Any]:
    """Give what the page draws; the curves of calibration come from the explorer's numbers."""
    from reports.figures import specification

    spec = specification(figure)
    if figure.form == "calibration":
        return spec | {"datasets": {name: [] for name in spec["datasets"]}}
    if "datasets" in spec:
        spec = spec | {"datasets": shortened(spec["datasets"])}
    return spec


def shortened(node: Any) -> Any:
    """Cut numbers to what can be seen in a figure."""
    if isinstance(node, float):
        return float(f"{node:.{DRAWN_DIGITS}g}")
    if isinstance(node, dict):
        return {key: shortened(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [shortened(value) for value in node]
    return node


def sort_key(cell: Cell, kind: str) -> str:
    """Give what a cell is sorted by, where the number it prints would not do."""
    if cell.sort is None or isinstance(cell.sort, str):
        return cell.sort or ""
    number = _PRINTED.fullmatch(cell.text.translate(_PLAIN)) if kind in ("value", "count") else None
    if number is not None:
        value, decimals, percent = number.groups()
        scale = 100 if percent else 1
        step = 10.0 ** -len(decimals or "") / scale
        if abs(float(value) / scale - cell.sort) <= 0.5001 * step:
            return ""
    return f"{cell.sort:.9g}"


def packed(value: Any) -> Markup:
    """Write numbers as compressed JSON, which also cannot end the element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _base64(gzip.compress(text.encode(), 9, mtime=0))


def _base64(data: bytes) -> Markup:
    return Markup(base64.b64encode(data).decode("ascii"))


@cache
def _script() -> Markup:
    """Join the parts of the page's script into one function, which leaves no names behind."""
    parts = (asset(f"page/{name}.js") for name in SCRIPTS)
    return Markup('"use strict";\n(async () => {{\n{}}})();\n').format(Markup("\n").join(parts))


@cache
def _vega() -> Markup:
    """Vega, Vega-Lite and Vega-Embed, as bundled by vl-convert (see assets/README.md)."""
    return _base64((ASSETS / VEGA).read_bytes())


@cache
def _fonts() -> Markup:
    """The two faces that a page needs most, inside it."""
    return Markup("").join(
        Markup(
            "@font-face{{font-family:Inter;font-weight:{};font-display:swap;"
            "src:url(data:font/woff2;base64,{}) format('woff2')}}\n"
        ).format(weight, _base64((ASSETS / "fonts" / name).read_bytes()))
        for name, weight in FACES
    )
