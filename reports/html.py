"""The report as one page that works offline: interactive figures, tables that sort and filter."""

import base64
import gzip
from functools import cache
from typing import Any

from markupsafe import Markup

from reports.blocks import Facts, Report, Section
from reports.papers import Papers
from reports.templating import ASSETS, asset, render
from reports.view import build_view

VEGA = "vega-bundle.js.gz"


def render_html(papers: Papers) -> str:
    """Render the page; the plan stands in it as it was written, where it is at hand."""
    view = build_view(papers)
    return render(
        "page.html",
        view=view if papers.plan_text is None else _with_plan(view, papers.plan_text),
        figures=_figures(view),
        chooser=_chooser(view),
        fonts=_fonts(),
        style=asset("page.css"),
        script=asset("page.js"),
        vega=_vega(),
    )


def prepare() -> None:
    """Import what drawing needs ahead of time; it is most of the cost of a first page."""
    from reports.figures import forest

    forest.template()
    _vega()


def _with_plan(view: Report, plan_text: str) -> Report:
    from dataclasses import replace

    plan = Section("plan", len(view.sections) + 1, "The plan as written",
                   (Facts((("equipoise.yaml", plan_text),), code=True),))  # fmt: skip
    return replace(view, sections=(*view.sections, plan))


def _chooser(view: Report) -> str:
    """Give the text that stands in for the forest plot until it is drawn."""
    if not view.explorer["estimates"]:
        return ""
    drawn = [f.alt for f in view.figures if f.form == "forest" and f.print_only]
    return drawn[0] if drawn else "Every value stands in the tables below."


def _figures(view: Report) -> dict[str, Any]:
    from reports.figures import forest, specification
    from reports.parts.forest import TICKS

    return {
        "forest": forest.template(),
        "stand_ins": {"title": forest.TITLE, "low": forest.LOW, "high": forest.HIGH,
                      "rows": forest.ROWS, "row": forest.ROW, "wide": forest.WIDE,
                      "ticks": TICKS},
        "specs": {f.id: specification(f) for f in view.figures if not f.print_only},
    }  # fmt: skip


@cache
def _vega() -> Markup:
    """Vega, Vega-Lite and Vega-Embed, as bundled by vl-convert (see assets/README.md)."""
    text = gzip.decompress((ASSETS / VEGA).read_bytes()).decode()
    return Markup(text.replace("</script", "<\\/script"))


@cache
def _fonts() -> Markup:
    """The two faces that a page needs most, inside it."""
    faces = []
    for name, weight in (("Inter-Regular.otf", 400), ("Inter-SemiBold.otf", 600)):
        data = base64.b64encode((ASSETS / "fonts" / name).read_bytes()).decode()
        faces.append(
            f"@font-face{{font-family:Inter;font-weight:{weight};font-display:swap;"
            f"src:url(data:font/otf;base64,{data})}}\n"
        )
    return Markup("".join(faces))
