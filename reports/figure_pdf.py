"""SVG to a PDF of one page, its text set in the fonts of the package, the same bytes every time."""

import re
from io import BytesIO
from typing import Any

from reports.svg import register_fonts

_CHOSEN = re.compile(rb"/(\w+)(?= [\d.]+ Tf)")


def to_pdf(svg: str) -> bytes:
    """Convert an SVG to a PDF of one page.

    The converter numbers fonts in an order that changes from run to run; here they are numbered by
    their names, which hold a hash of what is in them.
    """
    import pikepdf
    import vl_convert

    register_fonts()
    out = BytesIO()
    with pikepdf.open(BytesIO(vl_convert.svg_to_pdf(svg))) as drawn, pikepdf.new() as ordered:
        page = drawn.pages[0]
        page.contents_coalesce()
        _order_fonts(page.obj.Contents, page.obj.Resources)
        ordered.pages.append(page)
        ordered.save(out, deterministic_id=True)
    return out.getvalue()


def _order_fonts(content: Any, resources: Any) -> None:
    """Name the fonts of a content stream, and of what is drawn in it, in order."""
    import pikepdf

    fonts = resources.get("/Font", {})
    names = {
        old: f"/f{i}" for i, old in enumerate(sorted(fonts, key=lambda f: str(fonts[f].BaseFont)))
    }
    if names:
        resources.Font = pikepdf.Dictionary({new: fonts[old] for old, new in names.items()})
        known = {old.encode(): new.encode() for old, new in names.items()}
        content.write(_CHOSEN.sub(lambda m: known[m.group()], content.read_bytes()))
    for form in resources.get("/XObject", {}).values():
        if "/Resources" in form:
            _order_fonts(form, form.Resources)
