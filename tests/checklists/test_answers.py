"""Answers and reviews of them: what is refused, what a sign-off is bound to, what is kept."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from audit.problems import InputError, Problem
from checklists.answering import new_answer
from checklists.answers import (
    Answer,
    AuditSource,
    Decision,
    FigureEvidence,
    FileEvidence,
    Person,
    Said,
    replaced,
    reviewed,
    stamped,
)
from checklists.scales import SCALES
from checklists.vocabulary import Status
from tests.checklists.builders import (
    ADA,
    BEN,
    MOMENT,
    catalogue_of,
    instrument_data,
    item_data,
    standing_of,
)
from tests.checklists.papers import ANSWERS, plain, single

CARL = Person(name="Carl", role="head of quality")
SOURCE = AuditSource(file="out/audit.json", sha256="1" * 64, plan="2" * 64, data=("3" * 64,))
FIGURE = FigureEvidence(figure="auroc/overall", audit=SOURCE, statement="AUROC was 0.8.")
FILE = FileEvidence(file="plan.pdf", sha256="4" * 64, locator="page 3")
FULL = plain(
    response="yes",
    options=("one",),
    rationale="Because.",
    evidence=(FIGURE, FILE),
    also={"B-1": "5" * 64},
)


def signed(answer: Answer) -> Answer:
    accepted = reviewed(answer, "accepted", BEN, MOMENT)
    return reviewed(accepted, "signed_off", CARL, MOMENT)


def problems(item: dict[str, Any], **said: Any) -> tuple[Problem, ...]:
    standing = standing_of(single(item_data("H-1", **item)), "H-1")
    with pytest.raises(InputError) as caught:
        new_answer(standing, by=ADA, at=MOMENT, **said)
    return caught.value.problems


# Not applicable


@pytest.mark.parametrize("rationale", [None, "", "   ", "\n"])
def test_not_applicable_needs_a_rationale(rationale: str | None) -> None:
    found = problems({}, response="not_applicable", rationale=rationale)
    assert [(p.code, p.where) for p in found] == [("no_rationale", "H-1")]


def test_not_applicable_in_a_file_needs_a_rationale() -> None:
    with pytest.raises(ValidationError, match="'not_applicable' needs a rationale"):
        plain("not_applicable")
    assert plain("not_applicable", rationale="No device.").rationale == "No device."


# Reviews


@pytest.mark.parametrize(("own", "other"), [
    ("Ada", "Ada"), ("Ada", "ada"), ("ada roe", "ADA ROE"), ("Straße", "STRASSE"), ("Ada", " Ada "),
])  # fmt: skip
@pytest.mark.parametrize("decision", ["accepted", "changes_requested", "signed_off"])
def test_nobody_reviews_their_own_answer(own: str, other: str, decision: Decision) -> None:
    answer = plain(name=own)
    with pytest.raises(ValueError, match="somebody else has to review it"):
        reviewed(answer, decision, Person(name=other, role="quality"), MOMENT, "well done")


def test_an_accepted_answer_is_not_signed_off_by_its_author() -> None:
    accepted = reviewed(plain(name="Ada"), "accepted", BEN, MOMENT)
    with pytest.raises(ValueError, match="answered by Ada; somebody else"):
        reviewed(accepted, "signed_off", Person(name="ADA", role="head"), MOMENT)


def test_a_sign_off_needs_an_acceptance_that_stands() -> None:
    with pytest.raises(ValueError, match="cannot be signed off: nobody has accepted it"):
        reviewed(FULL, "signed_off", BEN, MOMENT)
    asked = reviewed(FULL, "changes_requested", BEN, MOMENT, "cite the record")
    with pytest.raises(ValueError, match="cannot be signed off: changes are asked for"):
        reviewed(asked, "signed_off", CARL, MOMENT)
    overruled = reviewed(reviewed(FULL, "accepted", BEN, MOMENT), "changes_requested", CARL,
                         MOMENT, "no")  # fmt: skip
    with pytest.raises(ValueError, match="changes are asked for"):
        reviewed(overruled, "signed_off", CARL, MOMENT)
    done = signed(FULL)
    assert done.decision() == "signed_off"
    assert [r.decision for r in done.reviews] == ["accepted", "signed_off"]
    assert reviewed(done, "signed_off", BEN, MOMENT).decision() == "signed_off"


@pytest.mark.parametrize("comment", [None, ""])
def test_asking_for_changes_needs_a_comment(comment: str | None) -> None:
    with pytest.raises(ValueError, match="say in a comment what has to change"):
        reviewed(FULL, "changes_requested", BEN, MOMENT, comment)


def test_an_acceptance_of_an_earlier_answer_does_not_allow_a_sign_off() -> None:
    accepted = reviewed(FULL, "accepted", BEN, MOMENT)
    edited = accepted.model_copy(update={"rationale": "Another reason."})
    with pytest.raises(ValueError, match="nobody has accepted it"):
        reviewed(edited, "signed_off", CARL, MOMENT)


# What a sign-off is bound to

EDITS: dict[str, Any] = {
    "status": "partly",
    "response": "no",
    "options": ("two",),
    "rationale": "Because!",
    "evidence": (FILE, FIGURE),
    "also": {"B-2": "5" * 64},
    "by": Person(name="Ada", role="engineer"),
    "at": MOMENT + timedelta(seconds=1),
    "item_sha256": "b" * 64,
    "edition": "second",
}
INNER: list[Any] = [
    FIGURE.model_copy(update={"figure": "auroc/sex=F"}),
    FIGURE.model_copy(update={"statement": "AUROC was 0.9."}),
    *(
        FIGURE.model_copy(update={"audit": SOURCE.model_copy(update={field: value})})
        for field, value in {
            "file": "audit.json", "sha256": "6" * 64, "plan": "6" * 64,
            "data": ("6" * 64,), "model": "6" * 64,
        }.items()
    ),
]  # fmt: skip


def test_every_field_of_an_answer_is_edited_below() -> None:
    assert set(EDITS) == set(Said.model_fields)


def unbound(edited: Answer) -> None:
    assert edited.decision() is None
    assert edited.standing_reviews() == ()
    assert edited.voided()
    assert len(edited.reviews) == 2


@pytest.mark.parametrize("field", EDITS)
def test_an_edit_of_any_field_voids_the_sign_off(field: str) -> None:
    before = signed(FULL)
    assert not before.voided()
    unbound(before.model_copy(update={field: EDITS[field]}))


@pytest.mark.parametrize("evidence", INNER)
def test_an_edit_of_any_part_of_the_evidence_voids_the_sign_off(evidence: FigureEvidence) -> None:
    unbound(signed(FULL).model_copy(update={"evidence": (evidence, FILE)}))


@pytest.mark.parametrize("update", [{"file": "b.pdf"}, {"sha256": "7" * 64}, {"locator": None}])
def test_an_edit_of_a_cited_file_voids_the_sign_off(update: dict[str, Any]) -> None:
    unbound(signed(FULL).model_copy(update={"evidence": (FIGURE, FILE.model_copy(update=update))}))


def test_an_edit_that_is_undone_leaves_the_sign_off_standing() -> None:
    edited = signed(FULL).model_copy(update={"rationale": "Another."})
    back = edited.model_copy(update={"rationale": "Because."})
    assert back.decision() == "signed_off"
    assert not back.voided()


def test_only_a_lost_sign_off_is_void() -> None:
    accepted = reviewed(FULL, "accepted", BEN, MOMENT)
    assert not accepted.model_copy(update={"rationale": "Other."}).voided()
    assert not FULL.voided()


@settings(max_examples=50, deadline=None)
@given(answer=ANSWERS, other=ANSWERS)
def test_the_hash_is_of_what_was_said_and_of_nothing_else(answer: Answer, other: Answer) -> None:
    beside = {"reviews": other.reviews, "history": other.history}
    assert answer.model_copy(update=beside).sha256() == answer.sha256()
    said = {name: getattr(answer, name) for name in Said.model_fields}
    differ = any(said[name] != getattr(other, name) for name in said)
    if differ:
        assert answer.sha256() != other.sha256()
    back = Answer.model_validate_json(answer.model_dump_json())
    assert (back, back.sha256()) == (answer, answer.sha256())


# History


def test_history_keeps_the_old_answer_with_its_reviews() -> None:
    first = signed(FULL)
    second = replaced(plain("partly"), first)
    assert second.status == "partly"
    assert second.reviews == ()
    (past,) = second.history
    assert past.reviews == first.reviews
    assert {n: getattr(past, n) for n in Said.model_fields} == {
        n: getattr(first, n) for n in Said.model_fields
    }
    third = replaced(plain("not_met", name="Carl"), second)
    assert [p.status for p in third.history] == ["met", "partly"]
    assert third.history[0] == past


def test_the_first_answer_has_no_history() -> None:
    assert replaced(FULL, None) == FULL


def test_answering_again_voids_the_sign_off_of_the_answer_before() -> None:
    again = replaced(plain("partly"), signed(FULL))
    assert again.voided()
    assert again.decision() is None
    anew = reviewed(reviewed(again, "accepted", BEN, MOMENT), "signed_off", CARL, MOMENT)
    assert not anew.voided()


# Responses

MEANT: dict[tuple[str, str], Status] = {
    ("obligation", "met"): "met",
    ("obligation", "partly"): "partly",
    ("obligation", "not_met"): "not_met",
    ("descriptive", "yes"): "met",
    ("descriptive", "no"): "met",
    ("descriptive", "possibly"): "met",
    ("descriptive", "dont_know"): "not_assessed",
    ("measure", "yes"): "met",
    ("measure", "some_extent"): "partly",
    ("measure", "no"): "not_met",
    ("measure", "dont_know"): "not_assessed",
    ("reporting", "reported"): "met",
    ("reporting", "partly"): "partly",
    ("reporting", "not_reported"): "not_met",
    ("signalling", "yes"): "met",
    ("signalling", "probably_yes"): "met",
    ("signalling", "probably_no"): "not_met",
    ("signalling", "no"): "not_met",
    ("signalling", "no_information"): "not_assessed",
    ("classification", "applies"): "met",
    ("classification", "does_not_apply"): "met",
    ("classification", "undecided"): "not_assessed",
    ("prohibition", "absent"): "met",
    ("prohibition", "unclear"): "not_assessed",
    ("prohibition", "present"): "not_met",
    **{(scale, "not_applicable"): "not_applicable" for scale in SCALES},
}


def test_every_response_of_every_scale_is_held_below() -> None:
    assert set(MEANT) == {(s.id, r.id) for s in SCALES.values() for r in s.responses}


def given_on(scale: str, word: str) -> Answer:
    standing = standing_of(single(item_data("H-1", scale=scale)), "H-1")
    return new_answer(standing, response=word, by=ADA, at=MOMENT, rationale="Reason.")


@pytest.mark.parametrize(("scale", "word"), MEANT)
def test_a_response_maps_to_its_status_and_is_kept_as_given(scale: str, word: str) -> None:
    answer = given_on(scale, word)
    assert answer.status == MEANT[scale, word]
    assert answer.response == (None if scale == "obligation" else word)


@pytest.mark.parametrize(
    ("scale", "status", "word"),
    [
        ("measure", "partly", "some_extent"),
        ("measure", "not_assessed", "dont_know"),
        ("descriptive", "met", "yes"),
        ("signalling", "not_met", "probably_no"),
        ("prohibition", "not_met", "present"),
        ("reporting", "met", "reported"),
    ],
)
def test_a_status_stands_for_the_first_word_that_means_it(
    scale: str, status: Status, word: str
) -> None:
    answer = given_on(scale, status)
    assert (answer.response, answer.status) == (word, status)


def test_a_status_that_a_scale_cannot_say_is_refused() -> None:
    (found,) = problems({"scale": "descriptive"}, response="not_met")
    assert found.code == "bad_response"
    assert found.reason == "'not_met' is no answer to this item"


def test_a_bad_response_and_every_bad_option_give_one_line_each() -> None:
    item = {"scale": "measure", "options": {"mri": "MRI", "ct": "CT"}}
    found = problems(item, response="some_extend", options=["mri", "mrr", "pet"])
    assert [(p.code, p.where, p.reason) for p in found] == [
        ("bad_response", "H-1", "'some_extend' is no answer to this item"),
        ("bad_option", "H-1", "it has no option 'mrr'"),
        ("bad_option", "H-1", "it has no option 'pet'"),
    ]
    assert [p.remedy for p in found[:2]] == ["did you mean 'some_extent'?", "did you mean 'mri'?"]
    assert all("\n" not in str(p) for p in found)


def test_a_bad_option_and_a_missing_rationale_are_told_together() -> None:
    found = problems({"options": {"mri": "MRI"}}, response="not_applicable", options=["ct"])
    assert [p.code for p in found] == ["bad_option", "no_rationale"]


def test_options_that_an_item_has_are_kept_in_order() -> None:
    standing = standing_of(single(item_data("H-1", options={"a": "A", "b": "B"})), "H-1")
    answer = new_answer(standing, response="met", by=ADA, at=MOMENT, options=["b", "a"])
    assert answer.options == ("b", "a")


# What is recorded


def test_an_answer_records_the_text_that_was_current() -> None:
    data = instrument_data(
        "house",
        item_data("H-1"),
        editions=[{"id": "first", "citation": "I"}, {"id": "second", "citation": "II"}],
        timelines={
            "usual": [
                {"edition": "first", "valid_from": "2025-01-01", "valid_until": "2027-01-01",
                 "status": "binding"},
                {"edition": "second", "valid_from": "2027-01-01", "status": "binding",
                 "question": "Is more asked?"},
            ]
        },
    )  # fmt: skip
    catalogue = catalogue_of(data)
    hashes = []
    for day, edition in (("2026-12-31", "first"), ("2027-01-01", "second")):
        standing = standing_of(catalogue, "H-1", day)
        answer = new_answer(standing, response="met", by=ADA, at=MOMENT)
        assert answer.edition == edition
        assert answer.item_sha256 == standing.item.sha256(standing.version)
        hashes.append(answer.item_sha256)
    assert hashes[0] != hashes[1]


def test_a_moment_is_written_in_utc_and_whole_seconds() -> None:
    zone = timezone(timedelta(hours=2))
    moment = datetime(2026, 11, 28, 14, 30, 5, 999999, tzinfo=zone)
    assert stamped(moment).isoformat() == "2026-11-28T12:30:05+00:00"
    assert stamped(moment).tzinfo is UTC
