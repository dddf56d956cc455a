"""The instruments that ship: each by the published schema, and each question fit to be asked."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from checklists.catalogue import FOLDER, load_catalogue
from checklists.facts import Facts, possible_values
from checklists.instrument import Instrument, Item, Version
from checklists.scales import SCALES
from checklists.vocabulary import KEYS
from commands.schema import run_schema

FILES = sorted(FOLDER.glob("*.yaml"))
NAMES = [path.stem for path in FILES]
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class PlainDates(LOADER):  # type: ignore[misc]
    """Reads dates as the text that they are, as JSON would hold them."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
        for first, resolvers in LOADER.yaml_implicit_resolvers.items()
    }


@cache
def written(path: Path) -> Any:
    return yaml.load(path.read_text("utf-8"), PlainDates)


@cache
def validator() -> Draft202012Validator:
    schema = json.loads(run_schema("instrument"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def instrument(name: str) -> Instrument:
    return load_catalogue().instruments[name]


def items() -> Iterable[Item]:
    return load_catalogue().items.values()


def applications(version: Version) -> set[date]:
    """Every day from which a version applies to some product."""
    dates = version.applies_from
    if isinstance(dates, dict):
        return set(dates.values())
    return {dates or version.valid_from}


def test_there_are_instruments() -> None:
    assert len(FILES) > 30
    assert len(load_catalogue().items) > 1_300


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_it_fits_the_published_schema(path: Path) -> None:
    found = [f"{e.json_path}: {e.message[:200]}" for e in validator().iter_errors(written(path))]
    assert found == []


@pytest.mark.parametrize("change", [
    {"verified_on": "soon"},
    {"publisher": ""},
    {"status": "law"},
    {"colour": "red"},
    {"items": []},
    {"timelines": {"high_risk": []}},
])  # fmt: skip
def test_the_published_schema_refuses_what_the_reader_refuses(change: dict[str, Any]) -> None:
    data = written(FOLDER / "eu-ai-act.yaml")
    assert validator().is_valid(data)
    assert not validator().is_valid({**data, **change})


def test_ids_are_unique_over_all_files() -> None:
    counted = Counter(item["id"] for path in FILES for item in written(path)["items"])
    assert [id for id, count in counted.items() if count > 1] == []
    assert [path.stem for path in FILES if written(path)["id"] != path.stem] == []


def test_no_key_is_written_twice_and_no_word_was_read_as_a_number() -> None:
    for path in FILES:
        for item in written(path)["items"]:
            for key in ("id", "section", "locator", "heading", "question"):
                assert isinstance(item[key], str), (path.stem, item["id"], key)


def test_every_item_can_be_read_and_found() -> None:
    for item in items():
        assert 1 <= len(item.locator) <= 120, item.id
        assert 5 <= len(item.heading) <= 90, item.id
        assert 25 <= len(item.question) <= 420, item.id
        assert item.evidence, item.id


def test_every_question_of_every_version_ends() -> None:
    texts = [(item.id, item.question) for item in items()]
    texts += [(i.id, v.question) for i in items() for v in i.versions if v.question]
    assert len(texts) > len(load_catalogue().items)
    assert [id for id, text in texts if not text.endswith(("?", "."))] == []


def test_no_question_is_left_from_a_template() -> None:
    marked = re.compile(r"\b(TODO|FIXME|TBD|XXX|lorem)\b|\[(mem|sec|OMN|child)\]|\|")
    for item in items():
        for text in (item.heading, item.question, item.note or "", *item.evidence):
            assert not marked.search(text), (item.id, text)


@pytest.mark.parametrize("name", NAMES)
def test_no_question_or_heading_is_there_twice_in_an_instrument(name: str) -> None:
    found = instrument(name).items
    for texts in ([i.question for i in found], [i.heading for i in found]):
        counted = Counter(" ".join(text.casefold().split()) for text in texts)
        assert [text for text, count in counted.items() if count > 1] == []


def test_a_question_for_one_edition_differs_from_the_usual_one() -> None:
    reworded = [item for item in items() if any(v.question for v in item.versions)]
    assert "AIA-4.1" in {item.id for item in reworded}
    for item in reworded:
        assert all(v.question != item.question for v in item.versions), item.id


def test_every_fact_is_asked_by_some_item() -> None:
    asked = {name for item in items() for condition in item.applies for name in condition}
    # Role and jurisdiction are matched on the duty-holder and on the instrument.
    assert asked == set(Facts.model_fields) - {"role", "jurisdiction"}


def test_the_place_of_every_instrument_can_be_stated() -> None:
    places = {i.jurisdiction for i in load_catalogue().instruments.values()}
    assert places >= {"INT", "EU", "US", "UK", "CA", "US-CO", "US-NYC"}
    assert places <= {"INT", *possible_values("jurisdiction")}


def test_every_role_that_can_be_stated_owes_something() -> None:
    owing = {role for item in items() for role in item.duty_holder}
    assert owing >= {"provider", "deployer", "importer", "distributor", "author", "reviewer"}
    assert owing <= set(possible_values("role"))


@pytest.mark.parametrize("name", NAMES)
def test_versions_follow_each_other_without_a_gap(name: str) -> None:
    for item in instrument(name).items:
        assert item.versions, item.id
        for earlier, later in pairwise(item.versions):
            assert earlier.valid_from < later.valid_from, item.id
            assert earlier.valid_until == later.valid_from, item.id
        assert item.versions[-1].valid_until is None, item.id
        assert item.status == item.versions[-1].status, item.id


@pytest.mark.parametrize("name", NAMES)
def test_dates_are_of_this_century_and_before_they_apply(name: str) -> None:
    found = instrument(name)
    for item in found.items:
        for version in item.versions:
            days = {version.valid_from, *applications(version)}
            assert all(2000 <= day.year <= 2031 for day in days), item.id
        # The first text of a rule cannot bind before it is there.
        first = item.versions[0]
        assert min(applications(first)) >= first.valid_from, item.id
    for edition in found.editions:
        assert edition.published is None or 2000 <= edition.published.year <= 2026, edition.id


def test_a_text_is_current_only_once_it_is_published() -> None:
    early = {
        item.id
        for item in items()
        for version in item.versions
        for edition in instrument(item.instrument).editions
        if edition.id == version.edition
        and edition.published is not None
        and edition.published > version.valid_from
    }
    # The sandbox itself began before the report on it, which is what is cited.
    assert early == {"UK-AIRLOCK"}


@pytest.mark.parametrize("name", NAMES)
def test_a_branch_hangs_on_an_answer_that_its_parent_can_have(name: str) -> None:
    found = instrument(name).items
    place = {item.id: number for number, item in enumerate(found)}
    for number, item in enumerate(found):
        if item.ask_if is None:
            continue
        parent = found[place[item.ask_if.item]]
        assert place[parent.id] < number, f"{item.id} comes before {parent.id}, which it hangs on"
        words = {r.id for r in SCALES[parent.scale].responses}
        assert item.ask_if.response or item.ask_if.option, item.id
        assert set(item.ask_if.response) <= words, item.id
        assert set(item.ask_if.option) <= set(parent.options), item.id


def test_there_are_branches_on_responses_and_on_options() -> None:
    branches = [item.ask_if for item in items() if item.ask_if is not None]
    assert sum(bool(b.response) for b in branches) > 5
    assert sum(bool(b.option) for b in branches) > 2


@pytest.mark.parametrize("name", NAMES)
def test_source_state_and_rights_are_named(name: str) -> None:
    found = instrument(name)
    assert len(found.publisher) >= 3
    assert all(len(edition.citation) >= 15 for edition in found.editions)
    assert date(2026, 9, 1) <= found.verified_on <= date(2026, 11, 23)
    assert all(item.verified_on <= date(2026, 11, 23) for item in found.items)
    assert found.verification.endswith(".")
    assert len(found.verification) >= 40
    assert re.search(r"own words|public law|public domain", found.rights)
    assert all(section.title for section in found.sections)


@pytest.mark.parametrize("name", NAMES)
def test_every_section_holds_something(name: str) -> None:
    found = instrument(name)
    used = {item.section for item in found.items}
    used |= {section.part_of for section in found.sections if section.part_of is not None}
    assert {section.id for section in found.sections} - used == set()


# How many items of an instrument were not checked against its text.
UNCHECKED = {
    "ai-standards": {"memory": 9, "secondary": 10},
    "altai": {"memory": 13},
    "colorado-sb26-189": {"secondary": 7, "uncertain": 1},
    "eu-ai-act": {"memory": 1, "secondary": 1},
    "fda-cad": {"memory": 5, "secondary": 4},
    "fda-cds": {"secondary": 4},
    "fda-cybersecurity": {"secondary": 5},
    "fda-demographics": {"memory": 7},
    "fda-diagnostic-statistics": {"secondary": 4},
    "fda-qmsr": {"memory": 6, "secondary": 1},
    "mdcg-2025-6": {"secondary": 10},
    "mdr-annex-i": {"memory": 11, "secondary": 8},
    "nist-ai-rmf": {"memory": 5},
    "nyc-local-law-144": {"secondary": 5},
    "standing-together": {"memory": 11, "secondary": 18},
    "uk": {"memory": 2},
    "us-watch-list": {"secondary": 8},
    "who": {"memory": 1},
}


def test_what_was_not_checked_against_the_text_is_flagged() -> None:
    found = {
        name: dict(Counter(i.certainty for i in instrument(name).items if unchecked(i)))
        for name in NAMES
    }
    assert {name: counts for name, counts in found.items() if counts} == UNCHECKED


def unchecked(item: Item) -> bool:
    return item.certainty in ("memory", "secondary", "uncertain")


@pytest.mark.parametrize("name", NAMES)
def test_an_instrument_says_itself_where_it_was_not_checked(name: str) -> None:
    found = instrument(name)
    text = found.verification.casefold()
    certainties = {item.certainty for item in found.items}
    if "memory" in certainties:
        assert "from memory" in text
    if "secondary" in certainties:
        assert re.search(r"secondary|summar|third-party|public sources", text)
    if "agreed_text" in certainties:
        assert "agreed text" in text


def test_what_rests_on_the_agreed_text_is_of_the_ai_act() -> None:
    agreed = [item for item in items() if item.certainty == "agreed_text"]
    assert len(agreed) == 38
    assert {item.instrument for item in agreed} == {"eu-ai-act"}
    assert all(item.versions[-1].edition == "2026/1744" for item in agreed)


def test_automation_and_keys_go_together() -> None:
    for item in items():
        assert (item.automation == "no") == (not item.evidence_keys), item.id
    assert {key for item in items() for key in item.evidence_keys} == set(KEYS)


def test_a_proposal_is_dated_and_says_what_it_would_do() -> None:
    proposals = [p for name in NAMES for p in instrument(name).proposals]
    assert len(proposals) >= 5
    for proposal in proposals:
        assert len(proposal.effect) >= 30
        assert proposal.as_of <= date(2026, 11, 23)
