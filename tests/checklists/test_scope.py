"""What applies on a date, since when and why: by the shipped laws, and by brute force."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import chain, combinations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checklists.catalogue import FOLDER, load_catalogue
from checklists.facts import Facts, possible_values, values_of
from checklists.instrument import Instrument, Item
from checklists.scope import Standing, scoped, standing
from checklists.vocabulary import State
from tests.checklists.builders import (
    Data,
    catalogue_of,
    instrument_data,
    instrument_of,
    item_data,
    standing_of,
)

DEVICE = {"ai_act_route": ["annex_i"], "mdr_class": "IIa"}
LISTED = {"ai_act_route": ["annex_iii"]}
BIAS = "AIA-10.2.f"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def stands(item: str, on: str, **facts: Any) -> Standing:
    return standing_of(load_catalogue(), item, on, **facts)


def told(item: str, on: str, **facts: Any) -> tuple[State, str | None]:
    """State, and the day since or from which it applies."""
    found = stands(item, on, **facts)
    return found.state, str(found.since) if found.since else None


@pytest.mark.parametrize(("facts", "on", "state", "since"), [
    (DEVICE, "2024-07-31", "watch", "2027-08-02"),
    (DEVICE, "2024-08-01", "readiness_gap", "2027-08-02"),
    (DEVICE, "2026-07-26", "readiness_gap", "2027-08-02"),
    (DEVICE, "2026-07-27", "readiness_gap", "2028-08-02"),
    (DEVICE, "2026-11-28", "readiness_gap", "2028-08-02"),
    (DEVICE, "2027-08-02", "readiness_gap", "2028-08-02"),
    (DEVICE, "2027-12-02", "readiness_gap", "2028-08-02"),
    (DEVICE, "2028-08-01", "readiness_gap", "2028-08-02"),
    (DEVICE, "2028-08-02", "due_now", "2028-08-02"),
    (LISTED, "2026-07-26", "readiness_gap", "2026-08-02"),
    (LISTED, "2026-07-27", "readiness_gap", "2027-12-02"),
    (LISTED, "2026-08-02", "readiness_gap", "2027-12-02"),
    (LISTED, "2027-12-01", "readiness_gap", "2027-12-02"),
    (LISTED, "2027-12-02", "due_now", "2027-12-02"),
])  # fmt: skip
def test_the_high_risk_duties_by_route_and_day(
    facts: Data, on: str, state: State, since: str
) -> None:
    assert told(BIAS, on, **facts) == (state, since)


def test_the_reason_names_the_route_and_says_so_when_none_is_stated() -> None:
    assert stands(BIAS, "2026-11-28", **DEVICE).reason == (
        "binding, applies from 2028-08-02 (route annex_i)"
    )
    both = stands(BIAS, "2026-11-28", ai_act_route=["annex_i", "annex_iii"], mdr_class="IIa")
    assert both.reason == "binding, applies from 2027-12-02 (route annex_iii)"
    open_route = stands(BIAS, "2026-11-28")
    assert str(open_route.since) == "2027-12-02"
    assert "states no route: earliest date" in open_route.reason


@pytest.mark.parametrize(("facts", "words"), [
    ({"ai_act_route": ["annex_i"], "mdr_class": "I"}, ("mdr_class", "says I")),
    ({"ai_act_route": ["annex_i"], "ivdr_class": "A"}, ("ivdr_class", "says A")),
    ({"ai_act_route": ["not_high_risk"]}, ("ai_act_route", "says not_high_risk")),
    ({"role": ["importer"], **DEVICE}, ("owed by the provider (manufacturer)", "of the importer")),
    ({"jurisdiction": ["US", "UK"], **DEVICE}, ("applies in EU", "names UK and US")),
])  # fmt: skip
def test_what_takes_a_duty_away_is_named(facts: Data, words: tuple[str, ...]) -> None:
    found = stands(BIAS, "2026-11-28", **facts)
    assert (found.state, found.since, found.in_scope) == ("not_in_scope", None, False)
    for word in words:
        assert word in found.reason, found.reason


@pytest.mark.parametrize("facts", [
    {"ai_act_route": ["annex_i"], "mdr_class": "Im"},
    {"ai_act_route": ["annex_i"], "ivdr_class": "As"},
    {"mdr_class": "I"},  # it may still be a listed use
    {"ai_act_route": ["annex_i", "annex_iii"], "mdr_class": "I"},
    {"role": ["importer", "provider"], **DEVICE},
    {"jurisdiction": ["US", "EU"], **DEVICE},
    {},
])  # fmt: skip
def test_what_leaves_a_duty_in(facts: Data) -> None:
    assert stands(BIAS, "2026-11-28", **facts).state == "readiness_gap"


def test_the_former_rule_on_sensitive_data_is_repealed_and_not_a_day_before() -> None:
    assert told("AIA-10.5", "2026-07-26", **DEVICE) == ("readiness_gap", "2027-08-02")
    assert told("AIA-10.5", "2026-07-27", **DEVICE) == ("repealed", None)
    assert told("AIA-10.5", "2030-01-01", **DEVICE) == ("repealed", None)
    gone = stands("AIA-10.5", "2026-07-27", **DEVICE)
    assert gone.reason == "repealed on 2026-07-27 by 2026/1744"
    assert not gone.in_scope


def test_its_successor_is_watched_before_and_due_on_that_day() -> None:
    assert told("AIA-4a.1", "2026-07-26", **DEVICE) == ("watch", "2026-07-27")
    assert stands("AIA-4a.1", "2026-07-26").reason == (
        "binding from 2026-07-27; no text before that"
    )
    assert told("AIA-4a.1", "2026-07-27", **DEVICE) == ("due_now", "2026-07-27")


def test_literacy_is_due_since_2025_and_asks_less_since_2026() -> None:
    assert told("AIA-4.1", "2025-02-01") == ("readiness_gap", "2025-02-02")
    assert told("AIA-4.1", "2025-02-02") == ("due_now", "2025-02-02")
    assert told("AIA-4.1", "2026-07-26") == ("due_now", "2025-02-02")
    assert stands("AIA-4.1", "2026-07-27").state == "due_now"
    before, after = (stands("AIA-4.1", day).question for day in ("2026-07-26", "2026-07-27"))
    assert "sufficient level" in before
    assert "sufficient level" not in after
    item = load_catalogue().items["AIA-4.1"]
    assert len({item.sha256(version) for version in item.versions}) == 2


@pytest.mark.parametrize("item", ["AIA-5.1.ba", "AIA-5.1.bb"])
def test_the_new_prohibitions_are_due_in_december(item: str) -> None:
    assert told(item, "2026-07-26") == ("watch", "2026-12-02")
    assert told(item, "2026-07-27") == ("readiness_gap", "2026-12-02")
    assert told(item, "2026-12-01") == ("readiness_gap", "2026-12-02")
    assert told(item, "2026-12-02") == ("due_now", "2026-12-02")


def test_the_old_prohibitions_are_due_since_2025_whatever_the_edition() -> None:
    assert told("AIA-5.1.a", "2025-02-01") == ("readiness_gap", "2025-02-02")
    for day in ("2025-02-02", "2026-07-26", "2026-07-27", "2028-08-02"):
        assert told("AIA-5.1.a", day) == ("due_now", "2025-02-02")


def states(name: str, on: str, **facts: Any) -> set[tuple[State, str | None]]:
    found = scoped(load_catalogue().instrument(name), Facts(**facts), date.fromisoformat(on))
    return {(one.state, str(one.since) if one.since else None) for one in found}


def test_a_draft_is_watched_and_never_due() -> None:
    for day in ("2025-01-07", "2026-11-28", "2031-01-01"):
        assert states("fda-ai-dsf", day) == {("watch", None)}
    assert states("fda-ai-dsf", "2025-01-06") == {("watch", None)}
    item = load_catalogue().instruments["fda-ai-dsf"].items[0].id
    assert stands(item, "2026-11-28").reason == "draft of 2025-01-07, not in force"


def test_colorado_is_due_from_new_year() -> None:
    facts = {"jurisdiction": ["US-CO"]}
    assert states("colorado-sb26-189", "2026-12-31", **facts) == {("readiness_gap", "2027-01-01")}
    assert states("colorado-sb26-189", "2027-01-01", **facts) == {("due_now", "2027-01-01")}
    assert states("colorado-sb26-189", "2027-01-01", jurisdiction=["US"]) == {
        ("not_in_scope", None)
    }


def test_who_is_in_a_state_is_in_its_country() -> None:
    device = {"medical_device": True, "fda_pathway": "510k"}
    assert states("fda-ai-dsf", "2026-11-28", jurisdiction=["EU", "US-CO"], **device) == {
        ("watch", None)
    }
    assert states("fda-ai-dsf", "2026-11-28", jurisdiction=["EU"], **device) == {
        ("not_in_scope", None)
    }


def test_a_pending_reform_is_shown_from_the_day_on_which_it_was_seen() -> None:
    assert stands(BIAS, "2026-11-22", **DEVICE).proposals == ()
    shown = {p.id for p in stands(BIAS, "2026-11-23", **DEVICE).proposals}
    assert "DATE-13" in shown
    assert stands("AIA-4.1", "2026-11-23").proposals == ()


@pytest.mark.parametrize(("study", "role", "guidelines"), [
    ("prediction_model", "author", {"tripod-ai"}),
    ("prediction_model", "reviewer", {"probast-ai"}),
    ("imaging", "author", {"claim-2024"}),
    ("diagnostic_accuracy", "author", {"stard-ai"}),
    ("early_clinical", "author", {"decide-ai"}),
    ("trial_protocol", "author", {"spirit-ai"}),
    ("trial_report", "author", {"consort-ai"}),
    ("systematic_review", "author", {"prisma-2020"}),
    ("systematic_review", "reviewer", {"probast-ai"}),
    ("language_model", "author", {"mi-clear-llm"}),
])  # fmt: skip
def test_a_study_has_its_guideline(study: str, role: str, guidelines: set[str]) -> None:
    facts = Facts.model_validate({"study": [study], "role": [role]})
    found = {
        instrument.id
        for instrument in load_catalogue().instruments.values()
        if any(s.in_scope for s in scoped(instrument, facts, date(2026, 11, 28)))
    }
    assert found == guidelines


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_item_can_be_in_scope_and_says_why(name: str) -> None:
    instrument = load_catalogue().instruments[name]
    for on in (date(2020, 1, 1), date(2026, 11, 28), date(2031, 1, 1)):
        for found in scoped(instrument, Facts(), on):
            assert found.state != "not_in_scope", found.item.id
            assert found.reason
            pending = found.version or found.item.versions[0]
            applies = pending.status not in ("draft", "proposed", "repealed")
            assert (found.since is not None) == applies, found.item.id
            if found.since is not None and found.state == "due_now":
                assert found.since <= on


@pytest.mark.parametrize("name", NAMES)
def test_states_change_on_the_day_that_was_announced(name: str) -> None:
    """What is announced for a day holds on it and not before, unless the text itself changes."""
    instrument = load_catalogue().instruments[name]
    for item in instrument.items:
        for version in item.versions:
            found = standing(item, instrument, Facts(), version.valid_from)
            if found.state != "readiness_gap" or found.since is None:
                continue
            if version.valid_until is not None and found.since >= version.valid_until:
                continue
            eve = found.since - timedelta(days=1)
            assert standing(item, instrument, Facts(), eve).state == "readiness_gap", item.id
            assert standing(item, instrument, Facts(), found.since).state == "due_now", item.id


# Synthetic instruments over a few facts, held against every way to complete what is not stated.
SEVERAL = ("role", "jurisdiction", "ai_act_route")
DOMAIN: Mapping[str, tuple[str, ...]] = {
    "role": ("provider", "deployer"),
    "jurisdiction": ("EU", "US", "US-CO"),
    "ai_act_route": ("annex_i", "annex_iii"),
    "mdr_class": ("I", "IIa", "III"),
    "generative": ("yes", "no"),
}
ON = date(2026, 11, 28)


def subsets(values: Iterable[str]) -> Iterator[tuple[str, ...]]:
    listed = list(values)
    return chain.from_iterable(combinations(listed, n) for n in range(1, len(listed) + 1))


def facts_of(stated: Mapping[str, tuple[str, ...]]) -> Facts:
    plain = {
        name: values if name in SEVERAL else {"yes": True, "no": False}.get(values[0], values[0])
        for name, values in stated.items()
    }
    return Facts.model_validate(plain)


def completions(stated: Mapping[str, tuple[str, ...]]) -> Iterator[dict[str, set[str]]]:
    """Every product that is as stated, with all facts known."""
    ways = []
    for name, values in DOMAIN.items():
        if name in stated:
            ways.append([stated[name]])
        elif name in SEVERAL:
            ways.append(list(subsets(values)))
        else:
            ways.append([(value,) for value in values])
    for chosen in product(*ways):
        yield {name: set(values) for name, values in zip(DOMAIN, chosen, strict=True)}


def concerned(item: Item, instrument: Instrument, known: Mapping[str, set[str]]) -> bool:
    """Whether an item is for a product of which everything is known."""
    laws = {"INT", *known["jurisdiction"]}
    if "US-CO" in laws:
        laws.add("US")
    if instrument.jurisdiction not in laws or not known["role"] & set(item.duty_holder):
        return False
    dates = item.versions[0].applies_from
    if isinstance(dates, dict) and not known["ai_act_route"] & set(dates):
        return False
    ways = [all(known[n] & set(values) for n, values in one.items()) for one in item.applies]
    return not ways or any(ways)


stated_facts = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from(
            list(subsets(values)) if name in SEVERAL else [(value,) for value in values]
        )
        for name, values in DOMAIN.items()
    },
)
conditions = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from([list(some) for some in subsets(values)])
        for name, values in DOMAIN.items()
        if name != "role"
    },
)
routes = st.sampled_from([
    None,
    {"annex_i": date(2028, 8, 2)},
    {"annex_i": date(2028, 8, 2), "annex_iii": date(2026, 1, 1)},
])  # fmt: skip


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    timeline = {
        "edition": "first",
        "valid_from": draw(st.sampled_from([date(2025, 1, 1), date(2026, 12, 1)])),
        "applies_from": draw(routes),
        "status": "binding",
    }
    item = item_data(
        "X-1",
        duty_holder=draw(st.sampled_from([list(some) for some in subsets(DOMAIN["role"])])),
        applies=draw(st.lists(conditions, max_size=3)),
    )
    place = draw(st.sampled_from(["INT", *DOMAIN["jurisdiction"]]))
    return instrument_of(
        instrument_data("x", item, jurisdiction=place, timelines={"usual": [timeline]})
    )


@settings(deadline=None, max_examples=150)
@given(instruments(), stated_facts)
def test_an_item_stays_as_long_as_some_product_like_this_is_concerned(
    instrument: Instrument, stated: dict[str, tuple[str, ...]]
) -> None:
    (found,) = scoped(instrument, facts_of(stated), ON)
    possible = any(concerned(found.item, instrument, known) for known in completions(stated))
    assert found.in_scope == possible, found.reason


@settings(deadline=None, max_examples=150)
@given(instruments(), stated_facts, st.data())
def test_a_fact_that_is_no_longer_stated_takes_nothing_away(
    instrument: Instrument, stated: dict[str, tuple[str, ...]], data: st.DataObject
) -> None:
    (before,) = scoped(instrument, facts_of(stated), ON)
    kept = data.draw(st.sets(st.sampled_from(sorted(stated))) if stated else st.just(set()))
    (after,) = scoped(instrument, facts_of({n: stated[n] for n in kept}), ON)
    assert after.in_scope or not before.in_scope, after.reason
    if before.since is not None and after.since is not None:
        # With less known it is taken to apply at the earliest.
        assert after.since <= before.since


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_on_the_shipped_instruments_too(data: st.DataObject) -> None:
    named = data.draw(st.lists(st.sampled_from(sorted(Facts.model_fields)), unique=True))
    several = {n for n in Facts.model_fields if Facts.model_fields[n].default == ()}
    stated: Data = {}
    for name in named:
        word = data.draw(st.sampled_from(possible_values(name)))
        stated[name] = [word] if name in several else {"yes": True, "no": False}.get(word, word)
    dropped = data.draw(st.sampled_from([*named, None]))
    fewer = {name: value for name, value in stated.items() if name != dropped}
    assert dropped is None or values_of(Facts(**fewer), dropped) is None
    on = data.draw(st.dates(date(2024, 1, 1), date(2030, 1, 1)))
    for instrument in load_catalogue().instruments.values():
        before = scoped(instrument, Facts(**stated), on)
        after = scoped(instrument, Facts(**fewer), on)
        for one, other in zip(before, after, strict=True):
            assert other.in_scope or not one.in_scope, (one.item.id, other.reason)


def test_of_several_ways_into_scope_the_one_that_fails_latest_is_told() -> None:
    applies = [
        {"medical_device": ["yes"], "mdr_class": ["III"]},
        {"generative": ["yes"]},
    ]
    catalogue = catalogue_of(instrument_data("x", item_data("X-1", applies=applies)))
    facts: Data = {"medical_device": True, "mdr_class": "I", "generative": False}
    assert standing_of(catalogue, "X-1", **facts).reason == (
        "applies where mdr_class is III; the profile says I"
    )
    del facts["generative"]
    assert standing_of(catalogue, "X-1", **facts).state == "due_now"


def test_a_product_out_of_scope_is_told_so_before_any_date() -> None:
    applies = [{"generative": ["yes"]}]
    version = {"edition": "first", "valid_from": date(2030, 1, 1), "status": "binding"}
    item = item_data("X-1", applies=applies, versions=[version])
    catalogue = catalogue_of(instrument_data("x", item))
    assert standing_of(catalogue, "X-1", generative=False).state == "not_in_scope"
    assert standing_of(catalogue, "X-1").state == "watch"
