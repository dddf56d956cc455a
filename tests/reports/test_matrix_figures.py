import io
import json
import re
from itertools import pairwise
from pathlib import Path

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reports.pdf
from audit.result import AuditResult
from reports import sections
from reports.figures.heatmap import BLUES
from reports.figures.matrix import Ramp, chosen
from reports.figures.missingness import GREYS
from reports.figures.plane import Plane, Slope, fitted, hatching, measured, wrapped
from reports.outline import OutlineSection, outline
from reports.parts import funnel, heat_map, ledger_figure, missingness
from reports.parts.index import Index
from reports.parts.matrix import MOST_SHADES, Shades, pieces
from reports.pdf import render_pdf
from reports.svg import to_svg
from tests.reports.drawn import NAMES, figures, fresh, with_clinics
from tests.reports.sample import papers_of
from tests.reports.validators import assert_conforms, needs

PARTS = {"heat_map": heat_map, "missingness": missingness, "funnel": funnel,
         "ledger": ledger_figure}  # fmt: skip
SLOPES: tuple[Slope, ...] = ("rising", "falling")
ROWS = ("overall", "hospital=Lyon", "sex=F", "sex=M")


@pytest.mark.parametrize(
    ("values", "edges"),
    [
        ([0.1875, 0.8636], ("0.0", "0.2", "0.4", "0.6", "0.8", "1.0")),
        ([0.6, 0.75], ("0.600", "0.625", "0.650", "0.675", "0.700", "0.725", "0.750")),
        ([-0.02, 0.03], ("−0.02", "−0.01", "0.00", "0.01", "0.02", "0.03")),
        ([0.5], ("0.50", "0.51")),
        ([17.0, 131.0], ("0", "25", "50", "75", "100", "125", "150")),
        ([], ()),
    ],
)
def test_shades_have_round_limits(values: list[float], edges: tuple[str, ...]) -> None:
    assert Shades.over(values).edges == edges


def test_a_value_on_a_limit_is_in_the_upper_class_and_the_last_limit_in_the_last() -> None:
    shades = Shades.over([0.0, 1.0])
    assert [shades.of(v) for v in (0.0, 0.2, 0.6, 0.59, 1.0)] == [0, 1, 3, 2, 4]


@given(st.lists(st.floats(-1e4, 1e4), min_size=1))
def test_shades_hold_every_value_in_order(values: list[float]) -> None:
    shades = Shades.over(values)
    assert 1 <= shades.many <= MOST_SHADES
    placed = [shades.of(v) for v in sorted(values)]
    assert placed == sorted(placed)
    for value in values:
        low = (shades.start + shades.of(value)) * shades.step
        assert low - 1e-6 * shades.step <= value <= low + shades.step * (1 + 1e-6)


@given(st.integers(0, 500), st.integers(1, 60))
def test_pieces_are_even_and_complete(many: int, most: int) -> None:
    cuts = pieces(many, most)
    assert [i for cut in cuts for i in cut] == list(range(many))
    assert max(map(len, cuts)) <= most
    assert max(map(len, cuts)) - min(map(len, cuts)) <= 1


def _luminance(colour: str) -> float:
    code = {"white": "#ffffff"}.get(colour, colour)
    parts = (int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("ramp", [BLUES, GREYS])
def test_ramps_darken_in_grey_too_and_carry_legible_text(ramp: Ramp) -> None:
    light = [116 * _luminance(fill) ** (1 / 3) - 16 for fill, _ in ramp]  # CIE lightness
    assert all(a - b > 6 for a, b in pairwise(light))
    for fill, ink in ramp:
        darker, lighter = sorted((_luminance(fill), _luminance(ink)))
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_few_shades_are_spread_over_the_ramp() -> None:
    assert chosen(BLUES, 2) == (BLUES[0], BLUES[-1])
    assert chosen(BLUES, 6) == BLUES
    assert len(chosen(BLUES, 1)) == 1


@given(st.floats(1, 300), st.floats(1, 60), st.sampled_from(SLOPES))
def test_hatching_stays_inside(width: float, height: float, slope: Slope) -> None:
    path = hatching(width, height, slope)
    points = [tuple(map(float, p.split(","))) for p in re.findall(r"[ML]([-\d.]+,[-\d.]+)", path)]
    assert all(abs(x) <= width / 2 + 0.01 and abs(y) <= height / 2 + 0.01 for x, y in points)


def test_the_two_hatchings_lean_apart() -> None:
    def leans(path: str) -> set[bool]:
        ends = re.findall(r"M([-\d.]+),([-\d.]+)L([-\d.]+),([-\d.]+)", path)
        return {(float(x2) > float(x)) == (float(y2) > float(y)) for x, y, x2, y2 in ends}

    assert leans(hatching(60, 20, "rising")) == {False}
    assert leans(hatching(60, 20, "falling")) == {True}


@given(st.text(min_size=1, max_size=120), st.floats(30, 200))
def test_names_are_cut_to_fit(text: str, width: float) -> None:
    assert measured(fitted(text, width)) <= width or len(fitted(text, width)) <= 4
    assert len(wrapped(text, width, 3)) <= 3


def test_cut_names_keep_both_ends_and_short_ones_are_whole() -> None:
    assert fitted("hospital", 200) == "hospital"
    cut = fitted("a" * 60 + "z" * 60, 90)
    assert cut.startswith("aa")
    assert cut.endswith("zz")


def test_markup_in_a_text_is_only_text() -> None:
    plane = Plane(100, 20)
    plane.text(0, 10, NAMES[0])
    assert "&lt;b onload=x&gt;&amp;amp;&lt;/b&gt;" in to_svg(plane.spec())


def test_rectangles_are_drawn_where_they_were_put() -> None:
    plane = Plane(100, 40)
    plane.rect(10, 5, 30, 20, "#0d4a7c")
    assert re.search(r'<path d="M10,5h30v20h-30Z"[^>]*fill="#0d4a7c"', to_svg(plane.spec()))


@pytest.fixture(scope="module")
def hostile() -> AuditResult:
    data = with_clinics(200).model_dump()
    data["ledger"] = [
        {"stratum": stratum, "output": output, "both_present": 7 + i, "reference_only": 2,
         "prediction_only": 1, "both_empty": i}
        for output in (*NAMES[1:4], None)
        for i, stratum in enumerate(ROWS)
    ]  # fmt: skip
    return AuditResult.model_validate(data)


@pytest.fixture
def four_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, part in PARTS.items():
        monkeypatch.setitem(sections.BUILDERS, name, sections._of_index(part.blocks))
    planned = tuple(OutlineSection(id=n, title=n, parts=(n,)) for n in PARTS)
    short = outline("full").model_copy(update={"sections": planned})
    monkeypatch.setattr(reports.pdf, "outline", lambda _: short)


@pytest.mark.usefixtures("four_figures")
def test_both_validators_accept_all_four_figures(hostile: AuditResult, tmp_path: Path) -> None:
    assert_conforms(render_pdf(papers_of(hostile)), tmp_path)


@pytest.mark.usefixtures("four_figures")
def test_boxes_of_figures_are_in_points_on_their_page() -> None:
    made = render_pdf(papers_of(AuditResult.model_validate(fresh())))
    pymupdf = needs("pymupdf")
    with pymupdf.open(stream=made) as document:
        heads = [p.rect.height - r.y1 for p in document for r in p.search_for("Figure ")]
    with pikepdf.open(io.BytesIO(made)) as document:
        known = [o for o in document.objects if isinstance(o, pikepdf.Dictionary)]
        boxes = [[float(v) for v in o.A.BBox] for o in known if str(o.get("/S")) == "/Figure"]
    assert len(boxes) > 3
    margin = 18 / 25.4 * 72
    for left, bottom, right, top in boxes:
        assert left == pytest.approx(margin, abs=0.01)
        assert left < right <= 595.3 - margin + 0.1
        assert bottom < top
        assert any(0 < head - top < 10 for head in heads)  # its caption stands just above it


def test_alternative_texts_read_as_language_though_names_are_numbers(hostile: AuditResult) -> None:
    text = hostile.model_dump_json()
    for place, name in enumerate((*NAMES, "Black", "White", "Asian")):
        text = text.replace(json.dumps(name, ensure_ascii=False)[1:-1], f"{place}0-{place}9")
    index = Index(AuditResult.from_json(text))
    told = [f.alt for part in PARTS.values() for f in figures(part.blocks(index))]
    assert len(told) > 9
    for alt in told:
        assert sum(map(str.isalpha, alt)) > 0.52 * len(alt), alt
