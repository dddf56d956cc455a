"""What a plan requires of checklists: which items count, how far they must be, and from when."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from audit.plan import Plan
from audit.problems import InputError
from audit.result import Verdict
from checklists.answers import Answer, AnswersFile, Person, Review
from checklists.assessment import Assessment, assess
from checklists.requirements import checklist_verdicts
from checklists.staleness import Workplace
from tests.checklists.builders import MOMENT, TODAY, catalogue_of, instrument_data, item_data
from tests.checklists.papers import plain, profile_with

BEN = Person(name="Ben", role="quality")
TIMES = {
    "timelines": {
        "usual": [{"edition": "first", "valid_from": date(2025, 1, 1), "status": "binding"}],
        "later": [
            {
                "edition": "first",
                "valid_from": date(2025, 1, 1),
                "applies_from": date(2027, 6, 1),
                "status": "binding",
            }
        ],
    }
}
CATALOGUE = catalogue_of(
    instrument_data(
        "house",
        item_data("HOUSE-1"),
        item_data("HOUSE-2"),
        item_data("HOUSE-3", timeline="later"),
        item_data("HOUSE-4", applies=[{"role": ["deployer"]}]),
        item_data("HOUSE-5", ask_if={"item": "HOUSE-1", "response": ["not_met"]}),
        **TIMES,
    ),
    instrument_data("guest", *(item_data(f"GUEST-{i}") for i in range(1, 8))),
    instrument_data("later", item_data("LATER-1", timeline="later"), **TIMES),
)


def answered(item: str, *decisions: str, current: bool = True) -> Answer:
    """An answer with these reviews; one of another text of the item is stale."""
    found = CATALOGUE.item(item)
    digest = found.sha256(found.versions[0]) if current else "0" * 64
    answer = plain(item_sha256=digest)
    reviews = [
        Review.model_validate(
            {"decision": d, "by": BEN, "at": MOMENT, "answer_sha256": answer.sha256()}
        )
        for d in decisions
    ]
    return answer.model_copy(update={"reviews": tuple(reviews)})


def decide(answers: dict[str, Answer], on: date = TODAY, **asked: Any) -> Verdict:
    columns = {"label": "y", "score": "p"}
    plan = Plan.model_validate({"columns": columns, "checklists": [{"id": "c", **asked}]})
    (verdict,) = checklist_verdicts(plan, at_desk(answers, on), on)
    assert (verdict.kind, verdict.measure, verdict.margin) == ("checklist", "checklist", 0)
    return verdict


def at_desk(answers: dict[str, Answer], on: date) -> Callable[[Sequence[str] | None], Assessment]:
    profile = profile_with(CATALOGUE, Path(), role=["provider"])

    def now(instruments: Sequence[str] | None) -> Assessment:
        place = Workplace(Path(), profile, None)
        return assess(profile, AnswersFile(answers=answers), on, place, instruments)

    return now


def test_only_what_is_due_counts() -> None:
    verdict = decide({"HOUSE-1": answered("HOUSE-1")}, instruments="house")
    assert (verdict.status, verdict.value) == ("violated", 1)
    assert verdict.reason == "1 of 2 items short: HOUSE-2 (not answered)"
    assert {p.id: p.status for p in verdict.parts} == {
        "checklist/HOUSE-1": "met",
        "checklist/HOUSE-2": "violated",
    }


@pytest.mark.parametrize(("decisions", "states"), [
    ((), {"answered"}),
    (("changes_requested",), {"answered"}),
    (("accepted",), {"answered", "reviewed"}),
    (("accepted", "signed_off"), {"answered", "reviewed", "signed"}),
    (("signed_off", "changes_requested"), {"answered"}),
])  # fmt: skip
def test_each_state_asks_for_more(decisions: tuple[str, ...], states: set[str]) -> None:
    answers = {"HOUSE-1": answered("HOUSE-1", *decisions)}
    met = {
        state
        for state in ("answered", "reviewed", "signed")
        if decide(answers, items="HOUSE-1", state=state).status == "met"
    }
    assert met == states


def test_stale_answers_are_refused_unless_allowed() -> None:
    answers = {"HOUSE-1": answered("HOUSE-1", "signed_off", current=False)}
    refused = decide(answers, items="HOUSE-1", state="signed")
    assert (refused.status, refused.parts[0].reason) == ("violated", "stale")
    allowed = decide(answers, items="HOUSE-1", state="signed", stale="allowed")
    assert (allowed.status, allowed.value, allowed.reason) == ("met", 0, "all of 1 item signed off")


def test_before_its_date_it_does_not_apply() -> None:
    asked: dict[str, Any] = {"instruments": "house", "by": "2026-12-01"}
    before = decide({}, date(2026, 11, 30), **asked)
    assert (before.status, before.value) == ("not_applicable", None)
    assert before.reason == "it applies from 2026-12-01; this is 2026-11-30"
    assert decide({}, date(2026, 12, 1), **asked).status == "violated"


def test_nothing_due_is_no_pass() -> None:
    verdict = decide({}, instruments="later")
    assert (verdict.status, verdict.value) == ("not_applicable", None)
    assert verdict.reason == "no item is due or in scope"
    assert decide({}, date(2027, 6, 1), instruments="later").status == "violated"


def test_a_named_item_counts_where_it_is_in_scope() -> None:
    assert decide({}, items="LATER-1").status == "violated"  # to get ready for
    out = decide({}, items="HOUSE-4")
    assert (out.status, out.parts[0].status) == ("not_applicable", "not_applicable")
    assert out.parts[0].reason.startswith("not in scope: ")
    both = decide({"HOUSE-1": answered("HOUSE-1")}, items=["HOUSE-4", "HOUSE-1"])
    assert (both.status, both.value) == ("met", 0)


def test_what_is_not_asked_does_not_count_and_what_waits_does() -> None:
    asked: dict[str, Any] = {"items": ["HOUSE-5", "HOUSE-2"]}
    two = {"HOUSE-2": answered("HOUSE-2")}
    assert decide({"HOUSE-1": answered("HOUSE-1"), **two}, **asked).status == "met"
    assert decide(two, **asked).status == "violated"


def test_five_items_are_named_and_the_rest_counted() -> None:
    verdict = decide({}, instruments=["guest"])
    named = ", ".join(f"GUEST-{i} (not answered)" for i in range(1, 6))
    assert verdict.reason == f"7 of 7 items short: {named} and 2 more"
    assert verdict.value == 7


def test_every_unknown_name_is_told() -> None:
    with pytest.raises(InputError) as told:
        decide({}, instruments=["hose", "guest"], items=["HOUSE-44"])
    assert [(p.code, p.remedy) for p in told.value.problems] == [
        ("unknown_instrument", "did you mean 'house'?"),
        ("unknown_item", "did you mean 'HOUSE-4'?"),
    ]
