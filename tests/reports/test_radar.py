import math
from typing import Any

import pytest

from checklists.answers import Answer
from checklists.assessment import Assessment
from checklists.catalogue import Catalogue, load_catalogue
from reports.papers import Papers
from reports.parts.altai_gaps import gaps
from reports.parts.radar import blocks
from tests.checklists.builders import catalogue_of, instrument_data, item_data
from tests.checklists.papers import assessed, plain
from tests.reports.drawn import figures, texts
from tests.reports.sample import papers, sample
from tests.reports.sections_of import lines, table, words_of

SECTIONS = [
    {"id": "req-0", "title": "Before the requirements: fundamental rights"},
    {"id": "req-1", "title": "Requirement 1: human agency and oversight"},
    {"id": "req-1.1", "title": "1.1 Human agency", "part_of": "req-1"},
    {"id": "req-2", "title": "Requirement 2: diversity, non-discrimination and fairness"},
    {"id": "req-3", "title": "Requirement 3: accountability"},
]
# Section -> scales of its questions.
QUESTIONS = {
    "req-0": ["descriptive"],
    "req-1.1": ["descriptive", "measure", "measure", "measure"],
    "req-2": ["measure"] * 6,
    "req-3": ["measure", "measure"],
}


def altai(id: str = "altai") -> Catalogue:
    items = [
        item_data(f"{section}-{i}".upper(), section=section, scale=scale)
        for section, scales in QUESTIONS.items()
        for i, scale in enumerate(scales)
    ]
    return catalogue_of(instrument_data(id, *items, sections=SECTIONS))


def said(response: str, status: str, **more: Any) -> Answer:
    return plain(status, response=response, **more)


ANSWERS = {
    "REQ-0-0": said("yes", "met"),
    "REQ-1.1-0": said("no", "met"),
    "REQ-1.1-1": said("yes", "met"),
    "REQ-1.1-2": said("dont_know", "not_assessed", rationale="Nobody has asked yet."),
    "REQ-2-0": said("yes", "met"),
    "REQ-2-1": said("yes", "met"),
    "REQ-2-2": said("some_extent", "partly", rationale="Two sites of five."),
    "REQ-2-3": said("no", "not_met"),
    "REQ-2-4": said("not_applicable", "not_applicable", rationale="No such people."),
}


def of(assessment: Assessment) -> Papers:
    return Papers(sample(), b"{}", assessment=assessment)


@pytest.fixture(scope="module")
def answered() -> Papers:
    # The hash of the question is not what is tested here: none is stale.
    catalogue = altai()
    items = {i.id: i for i in catalogue.instrument("altai").items}
    given = {
        id: a.model_copy(update={"item_sha256": items[id].sha256(items[id].versions[0])})
        for id, a in ANSWERS.items()
    }
    return of(assessed(catalogue, given))


def test_no_radar_without_the_altai() -> None:
    assert blocks(papers()) == gaps(papers()) == []
    other = of(assessed(altai("other"), {}))
    assert blocks(other) == gaps(other) == []


def test_the_counts_stand_at_every_axis(answered: Papers) -> None:
    shown = texts(figures(blocks(answered))[0])
    told = (
        "Fundamental rights", "1 of 1 answered", "no measure asked for",
        "1 Human agency and oversight", "2 of 4 answered", "1 of 3 measures yes",
        "5 of 6 answered", "2 of 6 measures yes", "3 Accountability", "0 of 2 answered",
        "0 of 2 measures yes", "questions answered", "measures answered yes", "100 %",
    )  # fmt: skip
    assert set(told) <= set(shown)
    assert "2 Diversity," in shown  # a long name is broken over lines


def test_points_lie_on_their_axis_at_their_share(answered: Papers) -> None:
    data = figures(blocks(answered))[0].data
    shares = {
        ("answered", "Fundamental rights"): (0, 1.0),
        ("answered", "1 Human agency and oversight"): (1, 0.5),
        ("answered", "2 Diversity, non-discrimination and fairness"): (2, 5 / 6),
        ("answered", "3 Accountability"): (3, 0.0),
        ("yes", "1 Human agency and oversight"): (1, 1 / 3),
        ("yes", "2 Diversity, non-discrimination and fairness"): (2, 1 / 3),
        ("yes", "3 Accountability"): (3, 0.0),
    }
    assert {(p["kind"], p["name"]) for p in data.points} == set(shares)
    for p in data.points:
        axis, share = shares[p["kind"], p["name"]]
        turn = 2 * math.pi * axis / 4
        assert (p["x"], p["y"]) == pytest.approx(
            (share * math.sin(turn), share * math.cos(turn)), abs=1e-4
        )


def test_a_requirement_without_measures_opens_the_polygon_and_is_not_zero(
    answered: Papers,
) -> None:
    data = figures(blocks(answered))[0].data
    by_kind = {k: sum(s["kind"] == k for s in data.sides) for k in ("answered", "yes")}
    assert by_kind == {"answered": 4, "yes": 2}
    assert ("yes", "Fundamental rights") not in {(p["kind"], p["name"]) for p in data.points}


def test_the_table_tells_descriptions_from_measures(answered: Papers) -> None:
    assert lines(table(blocks(answered), "altai-requirements")) == [
        ("Fundamental rights", "1", "1", "0", "–", "–", "–", "–", "–", "–"),
        ("1 Human agency and oversight", "4", "2", "3", "1", "0", "0", "1", "0", "1"),
        ("2 Diversity, non-discrimination and fairness", "6", "5", "6", "2", "1", "1", "0", "1",
         "1"),
        ("3 Accountability", "2", "0", "2", "0", "0", "0", "0", "0", "2"),
    ]  # fmt: skip


def test_the_alternative_text_holds_the_counts_and_claims_nothing(answered: Papers) -> None:
    figure = figures(blocks(answered))[0]
    assert figure.alt == (
        "Fundamental rights: 1 of 1 answered, no measure asked for; 1 Human agency and oversight: "
        "2 of 4 answered, 1 of 3 measures yes; 2 Diversity, non-discrimination and fairness: 5 of "
        "6 answered, 2 of 6 measures yes; 3 Accountability: 0 of 2 answered, 0 of 2 measures yes. "
        "4 requirements; coverage, not compliance."
    )
    assert "It is not compliance" in figure.note


def test_a_stale_answer_is_open() -> None:
    made = of(assessed(altai(), {"REQ-2-0": said("yes", "met"), "REQ-2-3": said("no", "not_met")}))
    rows = {r[0]: r for r in lines(table(blocks(made), "altai-requirements"))}
    assert rows["2 Diversity, non-discrimination and fairness"][2:] == (
        "0", "6", "0", "0", "0", "0", "0", "6",
    )  # fmt: skip
    text = words_of(gaps(made))
    assert "2 have an answer, 2 of them one that is stale; 1 of them no," in text
    assert "✗ no (stale)" in text


def test_two_requirements_make_a_table_alone() -> None:
    items = [item_data("A-1", section="req-1", scale="measure"),
             item_data("A-2", section="req-2", scale="measure")]  # fmt: skip
    data = instrument_data("altai", *items, sections=SECTIONS)
    made = blocks(of(assessed(catalogue_of(data), {})))
    assert [b.kind for b in made] == ["table"]


def test_the_list_itself_has_seven_requirements_and_fundamental_rights() -> None:
    catalogue = load_catalogue()
    found = catalogue.instrument("altai")
    made = blocks(of(assessed(catalogue, {})))
    rows = lines(table(made, "altai-requirements"))
    assert [r[0].split()[0] for r in rows] == ["Fundamental", *"1234567"]
    assert all(r[2] == "0" for r in rows)
    asked = sum(i.ask_if is None for i in found.items)
    assert sum(int(r[1]) for r in rows) == asked
    shown = texts(figures(made)[0])
    assert sum(text.endswith(" measures yes") for text in shown) == 8


# What is not in place


def test_gaps_are_the_measures_answered_no_to_some_extent_or_do_not_know(
    answered: Papers,
) -> None:
    made = gaps(answered)
    found = table(made, "altai-gaps")
    assert [g.label for g in found.groups] == [
        "1 Human agency and oversight", "2 Diversity, non-discrimination and fairness",
    ]  # fmt: skip
    assert lines(found) == [
        ("REQ-1.1-2 Heading of REQ-1.1-2", "– do not know", "Nobody has asked yet.", "a record"),
        ("REQ-2-2 Heading of REQ-2-2", "◐ to some extent", "Two sites of five.", "a record"),
        ("REQ-2-3 Heading of REQ-2-3", "✗ no", "No rationale was given.", "a record"),
    ]
    assert words_of(made).startswith(
        "Of 11 questions on measures 7 have an answer; 3 of them no, to some extent or do not "
        "know, listed here. 4 questions have no answer yet, which does not mean that the measure "
        "is in place."
    )


def test_no_gap_found_is_not_called_a_pass() -> None:
    made = of(assessed(altai(), {}))
    assert words_of(gaps(made)) == (
        "None of the 11 questions on measures has an answer: whether the measures are in place is "
        "not known."
    )


def test_a_statement_for_an_equal_question_is_told_in_the_words_of_this_one() -> None:
    items = [item_data("REQ-2-0", section="req-2", scale="measure")]
    one = instrument_data("altai", *items, sections=SECTIONS)
    two = instrument_data("house", item_data("H-1", maps_to={"equal": ["REQ-2-0"]}))
    catalogue = catalogue_of(one, two)
    sha = catalogue.item("REQ-2-0").sha256(catalogue.item("REQ-2-0").versions[0])
    answer = plain("partly", response="partly", rationale="Half of it.", also={"REQ-2-0": sha})
    found = table(gaps(of(assessed(catalogue, {"H-1": answer}))), "altai-gaps")
    assert lines(found)[0][1] == "◐ to some extent"
    assert found.groups[0].rows[0].cells[1].detail.endswith("by the statement for H-1")
