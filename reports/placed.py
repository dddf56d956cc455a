"""Figures in a document: an empty picture of each one's size, and the drawing that takes its place.

WeasyPrint draws an SVG letter by letter, which is slow and tears words apart; the drawing is a PDF
page already and is put in as it is.
"""

from collections.abc import Mapping
from decimal import Decimal
from hashlib import md5
from io import BytesIO
from typing import Any

from reports.svg import Size


def placeholder(size: Size) -> bytes:
    """A white PNG with as many pixels as the figure has."""
    from PIL import Image

    out = BytesIO()
    Image.new("L", size, 255).save(out, "PNG")
    return out.getvalue()


def place_figures(document: Any, pages: Mapping[str, bytes]) -> None:
    """Put each page where the placeholder that was fetched from an address stands.

    Raises
    ------
    ValueError
        When a placeholder is not in the document.
    """
    names = {_name(address): page for address, page in pages.items()}
    placed: dict[str, Any] = {}
    for page in document.pages:
        objects = page.obj.get("/Resources", {}).get("/XObject", {})
        for name in (n for n in names if n in objects):
            if name not in placed:
                placed[name] = _form(document, names[name])
            objects[name] = placed[name]
    if missing := names.keys() - placed.keys():
        raise ValueError(f"{len(missing)} figures have no place in the document")


def _name(address: str) -> str:
    """What WeasyPrint calls the image that it fetched from an address."""
    return f"/i{md5(address.encode(), usedforsecurity=False).hexdigest()}1"


def _form(document: Any, page: bytes) -> Any:
    """The page as something to be drawn into a square of side one, as a picture is."""
    import pikepdf

    with pikepdf.open(BytesIO(page)) as source:
        form = document.copy_foreign(source.pages[0].as_form_xobject())
        width, height = (round(1 / Decimal(str(v)), 9) for v in list(source.pages[0].mediabox)[2:])
    form.Matrix = pikepdf.Array([width, 0, 0, height, 0, 0])
    return form
