"""How much is answered, counted by hand; what is branched away, stale or unassessed counts so."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checklists.answering import find_response
from checklists.answers import Answer, Decision, Person, reviewed
from checklists.assessment import Branch, ItemState
from checklists.catalogue import Catalogue
from checklists.coverage import Coverage, coverages, covered, top_sections
from checklists.scales import SCALES
from tests.checklists.builders import BEN, MOMENT, catalogue_of, instrument_data, item_data
from tests.checklists.papers import ON, assessed, judged, plain, saved, single, state_of

LATER = date(2027, 8, 2)
SECTIONS = [
    {"id": "one", "title": "One"},
    {"id": "one-a", "title": "One, a", "part_of": "one"},
    {"id": "one-a-i", "title": "One, a, i", "part_of": "one-a"},
    {"id": "two", "title": "Two"},
    {"id": "three", "title": "Three"},
]
ITEMS = [
    item_data("C-1", section="one-a-i"),
    item_data("C-2", section="one-a"),
    item_data("C-3", section="one"),
    item_data("C-4", section="two"),
    item_data("C-5", section="two"),
    item_data("C-6", section="two", scale="measure"),
    item_data("C-7", section="two", ask_if={"item": "C-6", "response": ["yes"]}),
    item_data("C-8", section="two", ask_if={"item": "C-9", "response": ["yes"]}),
    item_data("C-9", section="two", scale="measure"),
    item_data("C-10", section="two", duty_holder=["deployer"]),
    item_data(
        "C-11",
        section="two",
        versions=[{"edition": "first", "valid_from": date(2025, 1, 1), "applies_from": LATER,
                   "status": "binding"}],
    ),
    item_data("C-12", section="three", scale="descriptive"),
]  # fmt: skip


def checklist() -> Catalogue:
    return catalogue_of(instrument_data("house", *ITEMS, sections=SECTIONS))


def answered(catalogue: Catalogue, word: str, item: str, **more: Any) -> Answer:
    """The answer to an item in the word of its scale."""
    asked = catalogue.items[item]
    response = find_response(asked, word)
    assert response is not None
    said = None if asked.scale == "obligation" else response.id
    sha256 = asked.sha256(asked.versions[0])
    return plain(response.status, **{"response": said, "item_sha256": sha256, **more})


def decided(answer: Answer, *decisions: Decision) -> Answer:
    for decision in decisions:
        answer = reviewed(answer, decision, BEN, MOMENT, "so")
    return answer


def answers(catalogue: Catalogue) -> dict[str, Answer]:
    return {
        "C-1": decided(answered(catalogue, "met", "C-1"), "accepted", "signed_off"),
        "C-2": decided(answered(catalogue, "partly", "C-2"), "accepted"),
        "C-4": decided(
            answered(catalogue, "not_met", "C-4", item_sha256="0" * 64), "changes_requested"
        ),
        "C-5": answered(catalogue, "not_applicable", "C-5", rationale="No device."),
        "C-6": answered(catalogue, "dont_know", "C-6"),
        "C-7": answered(catalogue, "met", "C-7"),  # given while it was asked
        "C-10": answered(catalogue, "met", "C-10"),
        "C-12": answered(catalogue, "yes", "C-12"),
    }


def counts(*, stated: int = 0, **statuses: int) -> tuple[dict[str, int], int]:
    names = ("met", "partly", "not_met", "not_applicable", "not_assessed")
    return {name: statuses.get(name, 0) for name in names}, stated


def told(c: Coverage) -> tuple[dict[str, int], int]:
    return {str(status): n for status, n in c.statuses.items()}, c.stated


def test_coverage_is_that_counted_by_hand() -> None:
    catalogue = checklist()
    (found,) = coverages(assessed(catalogue, answers(catalogue), role=["provider"]))
    assert dict(found.states) == {"due_now": 10, "readiness_gap": 1, "not_in_scope": 1}
    assert (found.pending, found.next_due) == (1, LATER)
    whole = found.coverage
    # Not counted: C-7 (not asked), C-8 (pending), C-10 (of the deployer).
    assert whole.items == 9
    # C-3, C-6, C-9 and C-11 are not assessed; C-4 is stale and nothing else.
    assert told(whole) == counts(met=1, partly=1, not_applicable=1, not_assessed=4, stated=1)
    assert (whole.stale, whole.answered, whole.contradicted) == (1, 4, 0)
    # Of C-1, C-2, C-4, C-5, C-6 and C-12 two are accepted and one is signed off.
    assert (whole.unreviewed, whole.unsigned) == (4, 5)


def test_every_top_section_counts_what_is_under_it() -> None:
    catalogue = checklist()
    (found,) = coverages(assessed(catalogue, answers(catalogue), role=["provider"]))
    sections = {s.id: s.coverage for s in found.sections}
    assert [*sections] == ["one", "two", "three"]
    assert {id: (c.items, c.answered, c.stale) for id, c in sections.items()} == {
        "one": (3, 2, 0), "two": (5, 1, 1), "three": (1, 1, 0),
    }  # fmt: skip
    assert told(sections["one"]) == counts(met=1, partly=1, not_assessed=1)
    assert told(sections["two"]) == counts(not_applicable=1, not_assessed=3)
    assert told(sections["three"]) == counts(stated=1)
    assert top_sections(found.instrument) == {
        "one": "one", "one-a": "one", "one-a-i": "one", "two": "two", "three": "three",
    }  # fmt: skip


def test_a_stale_answer_counts_once_though_several_things_changed() -> None:
    catalogue = single(item_data("H-1"))
    evidence = [{"file": "gone.pdf", "sha256": "a" * 64}, {"file": "too.pdf", "sha256": "a" * 64}]
    given_ = {"H-1": plain("met", item_sha256="0" * 64, evidence=evidence)}
    assessment = assessed(catalogue, given_)
    assert len(state_of(assessment, "H-1").stale) == 3
    found = covered(assessment.items)
    assert (found.stale, found.answered, told(found)) == (1, 0, counts())


def test_a_signed_answer_that_is_stale_is_not_signed() -> None:
    catalogue = single(item_data("H-1"))
    fresh = decided(answered(catalogue, "met", "H-1"), "accepted", "signed_off")
    old = decided(plain("met", item_sha256="0" * 64), "accepted", "signed_off")
    for answer, unsigned in ((fresh, 0), (old, 1)):
        found = covered(assessed(catalogue, {"H-1": answer}).items)
        assert (found.unreviewed, found.unsigned) == (0, unsigned)


WORDS = sorted({(s.id, r.id) for s in SCALES.values() for r in s.responses})


@pytest.mark.parametrize(("scale", "word"), WORDS)
def test_every_word_counts_as_what_it_says(scale: str, word: str) -> None:
    catalogue = single(item_data("H-1", scale=scale))
    response = SCALES[scale].response(word)
    assert response is not None
    found = covered(
        assessed(catalogue, {"H-1": answered(catalogue, word, "H-1", rationale="So.")}).items
    )
    describes = scale in ("descriptive", "classification") and response.status == "met"
    wanted = counts(stated=1) if describes else counts(**{response.status: 1})
    assert told(found) == wanted
    assert found.answered == (response.status != "not_assessed")
    assert (found.statuses["met"] == 1) == (
        (scale, word) in {
            ("obligation", "met"), ("measure", "yes"), ("reporting", "reported"),
            ("signalling", "yes"), ("signalling", "probably_yes"), ("prohibition", "absent"),
        }
    )  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.integers(1, 12),
        st.tuples(st.sampled_from(["met", "partly", "not_met", "not_applicable"]), st.booleans()),
    )
)
def test_every_item_counts_once(drawn: Mapping[int, tuple[str, bool]]) -> None:
    catalogue = single(*(item_data(f"C-{n}") for n in range(1, 13)))
    given_ = {
        f"C-{n}": plain(
            status,
            rationale="So.",
            item_sha256="0" * 64 if stale else catalogue.items[f"C-{n}"].sha256(),
        )
        for n, (status, stale) in drawn.items()
    }
    found = covered(assessed(catalogue, given_).items)
    assert found.items == sum(found.statuses.values()) + found.stale + found.stated == 12
    assert found.statuses["not_assessed"] == 12 - len(drawn)
    assert found.stale == sum(stale for _, stale in drawn.values())
    assert found.answered == len(drawn) - found.stale
    assert found.statuses["met"] == sum(s == ("met", False) for s in drawn.values())


def test_a_contradicted_item_counts_once_and_until_it_is_explained(tmp_path: Path) -> None:
    audit = saved(judged(), tmp_path / "audit.json")
    catalogue = single(item_data("H-1", evidence_keys=["PERF", "SUB"], automation="yes"))
    given_ = {"H-1": answered(catalogue, "met", "H-1")}
    assessment = assessed(catalogue, given_, audit=audit, folder=tmp_path)
    assert len(state_of(assessment, "H-1").contradictions) > 1
    assert covered(assessment.items).contradicted == 1
    assert covered(assessed(catalogue, given_).items).contradicted == 0


# Branches

TREE = (
    item_data("T-1", scale="measure", options={"mri": "MRI", "ct": "CT"}),
    item_data("T-2", scale="measure", ask_if={"item": "T-1", "response": ["yes", "some_extent"]}),
    item_data("T-3", ask_if={"item": "T-2", "response": ["no"]}),
    item_data("T-4", ask_if={"item": "T-1", "option": ["mri"]}),
    item_data("T-5"),
    item_data("T-6", ask_if={"item": "T-5", "response": ["not_met"]}),
)
BRANCHES: list[tuple[dict[str, tuple[str, tuple[str, ...]]], str]] = [
    ({}, "asked pending pending pending asked pending"),
    ({"T-1": ("yes", ())}, "asked asked pending not_asked asked pending"),
    ({"T-1": ("some_extent", ("ct",))}, "asked asked pending not_asked asked pending"),
    ({"T-1": ("no", ("mri",))}, "asked not_asked not_asked asked asked pending"),
    ({"T-1": ("not_applicable", ("mri",))}, "asked not_asked not_asked not_asked asked pending"),
    ({"T-1": ("yes", ()), "T-2": ("no", ())}, "asked asked asked not_asked asked pending"),
    ({"T-1": ("yes", ()), "T-2": ("yes", ())}, "asked asked not_asked not_asked asked pending"),
    ({"T-1": ("no", ()), "T-2": ("no", ())}, "asked not_asked not_asked not_asked asked pending"),
    ({"T-2": ("no", ())}, "asked pending pending pending asked pending"),
    ({"T-5": ("not_met", ())}, "asked pending pending pending asked asked"),
    ({"T-5": ("met", ())}, "asked pending pending pending asked not_asked"),
]


def states_of(said: Mapping[str, tuple[str, tuple[str, ...]]]) -> tuple[ItemState, ...]:
    catalogue = single(*TREE)
    given_ = {
        id: answered(catalogue, word, id, options=options, rationale="So.")
        for id, (word, options) in said.items()
    }
    return assessed(catalogue, given_).items


@pytest.mark.parametrize(("said", "wanted"), BRANCHES)
def test_an_item_is_asked_after_the_answers_it_depends_on(
    said: dict[str, tuple[str, tuple[str, ...]]], wanted: str
) -> None:
    states = states_of(said)
    found: list[Branch] = [s.branch for s in states]
    assert found == wanted.split()
    (instrument,) = coverages(assessed(single(*TREE), {s.item.id: s.answer for s in states
                                                       if s.answer is not None}))  # fmt: skip
    assert instrument.pending == found.count("pending")
    assert instrument.coverage.items == found.count("asked")


def test_an_item_is_asked_after_an_answer_that_was_given_through_another() -> None:
    catalogue = catalogue_of(
        instrument_data("house", *TREE),
        instrument_data("other", item_data("O-1", scale="measure", maps_to={"equal": ["T-1"]})),
    )
    sha256 = catalogue.items["T-1"].sha256()
    through = answered(catalogue, "yes", "O-1", also={"T-1": sha256})
    assert state_of(assessed(catalogue, {"O-1": through}), "T-2").branch == "asked"


# Instruments


def test_an_answer_to_no_item_is_an_orphan_and_counts_nowhere() -> None:
    catalogue = single(item_data("H-1"))
    assessment = assessed(catalogue, {"H-9": plain()})
    assert assessment.orphans == ("H-9",)
    assert covered(assessment.items).answered == 0


def test_instruments_are_counted_by_themselves() -> None:
    catalogue = catalogue_of(
        instrument_data("one", item_data("A-1"), item_data("A-2")),
        instrument_data("two", item_data("B-1")),
    )
    ada = Person(name="Ada", role="lead")
    given_ = {"B-1": answered(catalogue, "met", "B-1", by=ada)}
    found = {c.instrument.id: c for c in coverages(assessed(catalogue, given_, on=ON))}
    assert {id: (c.coverage.items, c.coverage.answered) for id, c in found.items()} == {
        "one": (2, 0), "two": (1, 1),
    }  # fmt: skip
    assert found["one"].next_due is None


def test_what_depends_on_an_item_of_somebody_else_is_asked() -> None:
    first = item_data("H-1", scale="descriptive", duty_holder=["provider"])
    second = item_data("H-2", duty_holder=["deployer"], ask_if={"item": "H-1", "response": ["yes"]})
    catalogue = catalogue_of(instrument_data("house", first, second))
    assessment = assessed(catalogue, {}, role=["deployer"])
    assert state_of(assessment, "H-1").standing.state == "not_in_scope"
    assert state_of(assessment, "H-2").branch == "asked"
    both = assessed(catalogue, {}, role=["provider", "deployer"])
    assert state_of(both, "H-2").branch == "pending"
