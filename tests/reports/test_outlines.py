"""The templates for authorities: what each holds, and what it says is missing."""

import re
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from checklists.answers import AnswersFile
from checklists.catalogue import load_catalogue
from commands.checklist.desk import Desk
from reports.blocks import Figure, Table
from reports.outline import Outline, outline, outlines
from reports.papers import Papers
from reports.pdf import render_pdf
from reports.sections import BUILDERS
from reports.view import build_view
from tests.reports.brief import brief_papers
from tests.reports.ingredients import in_a_fresh_process, ingredients
from tests.reports.sample import papers
from tests.reports.submission import (
    TEMPLATES,
    answer,
    by_section,
    desk_at,
    every,
    papers_at,
    told,
)
from tests.reports.validators import assert_conforms, needs

CLAIMS = re.compile(r"\b(compliant|fair|unbiased|bias-free|trustworthy)\b", re.IGNORECASE)
CATALOGUE = load_catalogue()
IN_A_FRESH_PROCESS = """
import sys
from pathlib import Path
from commands.checklist.desk import open_desk
from tests.reports.ingredients import ingredients
from tests.reports.submission import ON, TEMPLATES, papers_at
folder = Path(sys.argv[1])
desk = open_desk(folder / "equipoise.yaml", folder / "answers.yaml", None, ON)
for name in TEMPLATES:
    print(ingredients(papers_at(desk, name), name))
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    made = desk_at(tmp_path_factory.mktemp("submission"))
    answer(made)
    return made


def chosen(template: Outline) -> Counter[str]:
    """How often each item of the template's instruments is asked for."""
    items = [i.id for i in CATALOGUE.items.values() if i.instrument in template.instruments]
    return Counter(
        id
        for section in every(template.sections)
        for id in items
        if any(fnmatchcase(id, pattern) for pattern in section.items)
    )


def items_of(instrument: str, prefix: str = "") -> set[str]:
    return {i.id for i in CATALOGUE.instruments[instrument].items if i.id.startswith(prefix)}


@pytest.mark.parametrize("name", sorted(outlines()))
def test_every_builder_and_instrument_exists(name: str) -> None:
    wanted = {part for s in every(outline(name).sections) for part in s.parts}
    assert wanted <= set(BUILDERS)
    assert set(outline(name).instruments) <= set(CATALOGUE.instruments)


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_pattern_finds_items_of_the_instruments(name: str) -> None:
    template = outline(name)
    for section in every(template.sections):
        for pattern in section.items:
            found = [i for i in CATALOGUE.items.values() if fnmatchcase(i.id, pattern)]
            assert found, pattern
            assert {i.instrument for i in found} <= set(template.instruments), pattern


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_asks_for_items_says_what_belongs_there_and_who_owes_it(name: str) -> None:
    for section in every(outline(name).sections):
        if section.items and section.required:
            assert section.needs.endswith("."), section.id
            assert section.owed_by, section.id


@pytest.mark.parametrize("name", TEMPLATES)
def test_ids_of_sections_and_builders_stand_once(name: str) -> None:
    sections = list(every(outline(name).sections))
    for found in ([s.id for s in sections], [part for s in sections for part in s.parts]):
        assert max(Counter(found).values()) == 1


def test_every_point_of_annex_iv_is_there_once() -> None:
    asked = chosen(outline("eu-annex-iv"))
    points = {id: n for id, n in asked.items() if id.startswith("ANNEX-IV.")}
    assert points == dict.fromkeys(items_of("eu-ai-act", "ANNEX-IV."), 1)
    assert len(points) == 23


def test_the_first_sections_bear_the_numbers_of_annex_iv(desk: Desk) -> None:
    view = build_view(papers_at(desk, "eu-annex-iv"), outline("eu-annex-iv"))
    located = {s.number: s.locator for s in view.sections[:9]}
    assert located == {n: located[n] for n in range(1, 10)}
    assert all(located[n].startswith(f"Annex IV, point {n}") for n in located)


def test_every_item_of_the_guidance_is_there_once() -> None:
    asked = chosen(outline("fda"))
    assert set(asked) == items_of("fda-ai-dsf", "AIDSF-") | items_of("fda-pccp")
    assert set(asked.values()) == {1}


def test_the_order_is_that_of_the_guidance() -> None:
    places = [s.locator for s in outline("fda").sections if s.locator.startswith("Draft")]
    sections = ["V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII"]
    appendices = ["B", "C", "D", "E (an example, not a required template)"]
    assert places == [f"Draft guidance, Section {n}" for n in sections] + [
        f"Draft guidance, Appendix {n}" for n in appendices
    ]


def test_every_question_of_altai_is_there_once() -> None:
    assert chosen(outline("altai")) == Counter(items_of("altai"))


@pytest.mark.parametrize("name", TEMPLATES)
def test_without_a_checklist_every_section_says_what_is_missing_and_who_owes_it(name: str) -> None:
    template = outline(name)
    texts = by_section(template, papers())
    for section in every(template.sections):
        if section.items and section.required:
            assert f"Missing: {section.needs} Owed by the " in texts[section.id], section.id
        elif section.required and not section.subsections:
            assert texts[section.id], section.id


@pytest.mark.parametrize("name", TEMPLATES)
def test_without_an_answer_every_section_says_who_owes_it(name: str, desk: Desk) -> None:
    template = outline(name)
    texts = by_section(template, papers_at(desk, name, AnswersFile()))
    for section in every(template.sections):
        if section.items and section.id in texts:
            owed = "owed by the " in texts[section.id]
            assert owed or "Not in the scope of the product profile" in texts[section.id]
    assert "Owed by the provider" in texts["reviews"]


@pytest.mark.parametrize("name", TEMPLATES)
def test_how_items_stand_on_the_date_is_told_in_every_section(name: str, desk: Desk) -> None:
    template = outline(name)
    texts = by_section(template, papers_at(desk, name))
    standing = {
        "fda": "Standing on 2026-11-23: watch: draft of 2025-01-07, not in force.",
        "eu-annex-iv": "readiness gap: binding, applies from 2028-08-02 (route annex_i).",
        "altai": "Standing on 2026-11-23: due now: voluntary, current since 2020-07-17.",
    }[name]
    first = {"fda": "labelling", "eu-annex-iv": "point-2b", "altai": "fundamental-rights"}[name]
    assert standing in texts[first]
    for section in every(template.sections):
        if section.items and section.id in texts:
            assert (
                "Standing on 2026-11-23" in texts[section.id] or "Not in the" in texts[section.id]
            )


def test_out_of_scope_is_no_gap(tmp_path: Path) -> None:
    made = desk_at(tmp_path, "not_high_risk", "false")
    texts = by_section(outline("eu-annex-iv"), papers_at(made, "eu-annex-iv"))
    assert "the profile says not_high_risk" in texts["point-1b"]
    assert "Missing" not in texts["point-1b"]
    texts = by_section(outline("fda"), papers_at(made, "fda"))
    assert "applies where change_plan is yes; the profile says no" in texts["pccp"]
    assert "pccp-questions" not in texts


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_was_answered_is_told_with_what_no_longer_holds(name: str, desk: Desk) -> None:
    text = told(build_view(papers_at(desk, name), outline(name)))
    expected = {
        "fda": ("Stated on page 1.", "AIDSF-VII.1 is stale, changing.md", "◐ partly met"),
        "eu-annex-iv": ("General description, version 3.", "✓ met (stale)", "○ not applicable"),
        "altai": ("No scheme yet.", "✓ stated", "Ben Beispiel (Quality manager)"),
    }[name]
    for words in expected:
        assert words in text
    assert "Ann Example" in text


@pytest.mark.parametrize("name", TEMPLATES)
def test_nothing_is_claimed(name: str, desk: Desk) -> None:
    catalogue = papers_at(desk, name).assessment
    assert catalogue is not None
    text = told(build_view(papers_at(desk, name), outline(name)))
    for state in catalogue.items:
        asked = " ".join(state.standing.question.split())
        for quoted in (asked, state.item.heading, state.instrument.title):
            text = text.replace(quoted, "")
    # The list's own name, and what the document says that it does not say.
    for named in (
        "trustworthy AI",
        "Trustworthy Artificial",
        "not state that a system is trustworthy",
    ):
        text = text.replace(named, "")
    assert not CLAIMS.search(text)
    assert not re.search(r"\b(nan|NaN)\b", text)


@pytest.mark.parametrize("name", TEMPLATES)
def test_tables_and_figures_have_ids_of_their_own(name: str, desk: Desk) -> None:
    view = build_view(papers_at(desk, name), outline(name))
    ids = [b.id for s in view.sections for b in s.blocks if isinstance(b, Table | Figure)]
    assert max(Counter(ids).values()) == 1


@pytest.fixture(scope="module", params=TEMPLATES)
def rendered(request: pytest.FixtureRequest, desk: Desk) -> tuple[str, bytes]:
    name: str = request.param
    return name, render_pdf(papers_at(desk, name), name)


def test_the_pdf_conforms(rendered: tuple[str, bytes], tmp_path: Path) -> None:
    assert_conforms(rendered[1], tmp_path)


def test_another_process_lays_them_out_from_the_same(desk: Desk) -> None:
    """That the same ingredients give the same bytes is shown of the full dossier."""
    folder = desk.answers_path.parent
    expected = [ingredients(papers_at(desk, name), name) for name in TEMPLATES]
    assert in_a_fresh_process(IN_A_FRESH_PROCESS, folder) == expected


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_pdf_conforms_without_answers(name: str, tmp_path: Path) -> None:
    # The validator takes the footer of a document of five pages for prose.
    found = papers() if name == "altai" else brief_papers()
    assert_conforms(render_pdf(found, name), tmp_path)


def test_the_cover_fits_on_the_first_page(rendered: tuple[str, bytes]) -> None:
    name, pdf = rendered
    pymupdf = needs("pymupdf")
    with pymupdf.open(stream=pdf) as document:
        first, second = (" ".join(document[n].get_text().split()) for n in (0, 1))
    assert outline(name).neutral in first
    assert ("Summary" in second) is outline(name).summary
    notes = {"fda": "draft and not for implementation", "eu-annex-iv": "In preparation",
             "altai": "It is no certificate"}  # fmt: skip
    assert notes[name] in first


def test_the_covers_name_who_and_by_which_way(desk: Desk) -> None:
    def facts(name: str, at: Papers) -> dict[str, str]:
        return dict(build_view(at, outline(name)).cover.facts)

    fda = facts("fda", papers_at(desk, "fda"))
    assert fda["Sponsor"] == "Example Medical AB"
    assert fda["Pathway"] == "510(k)"
    assert fda["Change control plan"] == "yes (product profile)"
    assert "draft guidance, 7 January 2025" in fda["Guidance"]
    eu = facts("eu-annex-iv", papers_at(desk, "eu-annex-iv"))
    assert eu["Procedure"] == (
        "route Annex I (product legislation); MDR class IIa; conformity assessment (AIA-43.3): "
        "not assessed"
    )
    assert eu["Annex IV"] == "readiness gap: binding, applies from 2028-08-02 (route annex_i)"
    assert "2026/1744" in eu["Regulation"]
    altai = facts("altai", papers_at(desk, "altai"))
    assert altai["Team"] == "Ann Example (Clinical lead), Ben Beispiel (Quality manager)"
    assert altai["Answered"] == "from 2026-11-03 to 2026-11-20"
    assert facts("eu-annex-iv", papers())["Procedure"] == (
        "not stated: no product profile is at hand"
    )
    assert facts("altai", papers())["Team"] == "nobody has answered yet"
