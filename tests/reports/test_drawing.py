"""Figures are drawn the same here and aside, the same every time, and end up in their place."""

import re
import sys
from io import BytesIO

import pikepdf
import pytest

from reports import drawing
from reports.blocks import Figure
from reports.drawing import Drawn, DrawnAside
from reports.figure_pdf import to_pdf
from reports.placed import place_figures, placeholder
from reports.svg import SVG, Size, size_of

FIGURE = Figure("f", "forest", "A figure", "What it shows", {})
TEXTS = (("400", "plain"), ("600", "strong"), ("700", "bold"))


def svg(texts: tuple[tuple[str, str], ...] = TEXTS, width: str = "120", height: str = "80") -> str:
    """Words of several weights, one of them inside a group that is drawn as a whole."""
    words = [
        f'<text x="5" y="{20 * i + 15}" font-family="Inter" font-size="11px"'
        f' font-weight="{weight}">{word}</text>'
        for i, (weight, word) in enumerate(texts)
    ]
    group = f'<g opacity="0.5"><path d="M0 0h9v9z"/>{words[-1]}</g>'
    return f'<svg xmlns="{SVG}" width="{width}" height="{height}">{"".join(words)}{group}</svg>'


@pytest.mark.parametrize("program", ["/nowhere/python", "/bin/false"])
def test_where_the_process_fails_the_figures_are_drawn_here(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    monkeypatch.setattr(drawing, "_specifications", lambda figures: [f.id for f in figures])
    monkeypatch.setattr(drawing, "to_svg", lambda spec: f"<{spec}>")
    monkeypatch.setattr(drawing, "size_of", lambda svg: Size(len(svg), 1))
    monkeypatch.setattr(drawing, "to_pdf", lambda svg: svg.encode())
    with DrawnAside() as draw:
        drawn = draw([FIGURE])
        assert drawn.sizes() == [(3, 1)]
        assert drawn.pages() == [b"<f>"]
        assert not draw.worked


def test_the_process_draws_what_would_be_drawn_here(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = {"mark": "point", "data": {"values": [{"x": 1}]}, "encoding": {"x": {"field": "x"}}}
    monkeypatch.setattr(drawing, "_specifications", lambda figures: [spec for _ in figures])
    here: Drawn = drawing.drawn_here([FIGURE, FIGURE])
    with DrawnAside() as draw:
        aside = draw([FIGURE, FIGURE])
        assert aside.sizes() == here.sizes()
        assert aside.pages() == here.pages()
        assert draw.worked


def test_a_process_that_is_not_needed_ends_at_once() -> None:
    with DrawnAside() as draw:
        process = draw._process
    assert process is not None
    assert process.returncode not in (None, 0)


def test_the_size_is_in_whole_pixels_and_loses_nothing() -> None:
    assert size_of(svg(width="120", height="80.2")) == (120, 81)


def test_a_page_is_the_same_every_time() -> None:
    """The converter holds fonts in a random order: of twelve pages some would differ."""
    assert len({to_pdf(svg()) for _ in range(12)}) == 1


def test_a_page_is_set_in_the_fonts_of_the_package_and_can_be_read() -> None:
    with pikepdf.open(BytesIO(to_pdf(svg()))) as pdf:
        fonts = pdf.pages[0].obj.Resources.Font
        names = {str(f.BaseFont).split("+")[1].removesuffix("-Identity-H") for f in fonts.values()}
        assert names == {"Inter-Regular", "Inter-SemiBold", "Inter-Bold"}
        assert all("/ToUnicode" in f for f in fonts.values())
        used = set(re.findall(rb"/(\w+) [\d.]+ Tf", pdf.pages[0].obj.Contents.read_bytes()))
    assert {f"/{name.decode()}" for name in used} <= set(fonts.keys())


def document(*addresses: str) -> pikepdf.Pdf:
    """A document of one page that shows an image fetched from each address."""
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(200, 200))
    images = {name: pikepdf.Stream(pdf, b"image") for name in map(placed_name, addresses)}
    page.obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(images))
    return pdf


def placed_name(address: str) -> str:
    from reports import placed

    return placed._name(address)


def test_a_figure_takes_the_square_that_its_placeholder_had() -> None:
    with document("figure:0", "other") as pdf:
        place_figures(pdf, {"figure:0": to_pdf(svg())})
        objects = pdf.pages[0].obj.Resources.XObject
        form = objects[placed_name("figure:0")]
        assert str(form.Subtype) == "/Form"
        box, matrix = [float(v) for v in form.BBox], [float(v) for v in form.Matrix]
        assert [box[2] * matrix[0], box[3] * matrix[3]] == pytest.approx([1, 1])
        assert objects[placed_name("other")].read_bytes() == b"image"


def test_a_figure_without_a_place_is_an_error() -> None:
    with document("figure:0") as pdf, pytest.raises(ValueError, match="1 figures have no place"):
        place_figures(pdf, {"figure:0": to_pdf(svg()), "figure:1": to_pdf(svg())})


def test_a_placeholder_is_as_large_as_the_figure() -> None:
    from PIL import Image

    with Image.open(BytesIO(placeholder(Size(12, 7)))) as image:
        assert image.size == (12, 7)
