"""All instruments at once: every problem of every file in one go, own files, mappings both ways."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from audit.problems import InputError, Problem
from checklists.catalogue import load_catalogue
from checklists.crosswalk import equals
from checklists.profile import read_profile
from checklists.vocabulary import Relation
from tests.checklists.builders import (
    Data,
    catalogue_of,
    instrument_data,
    item_data,
    profile_of,
    write_instrument,
    write_profile,
    write_yaml,
)

REVERSED: dict[Relation, Relation] = {
    "equal": "equal",
    "related": "related",
    "subset": "superset",
    "superset": "subset",
}


def refused(*paths: Path) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        load_catalogue(paths)
    return caught.value.problems


def only(problems: tuple[Problem, ...]) -> Problem:
    assert len(problems) == 1, [str(p) for p in problems]
    return problems[0]


def versions(*rows: tuple[date, date | None]) -> list[Data]:
    return [
        {"edition": "first", "valid_from": start, "valid_until": end, "status": "binding"}
        for start, end in rows
    ]


def test_the_shipped_files_load_alone_and_in_order() -> None:
    found = load_catalogue()
    assert list(found.instruments) == sorted(found.instruments)
    assert len(found.items) == sum(len(i.items) for i in found.instruments.values())
    assert found.item("AIA-10.2.f").instrument == "eu-ai-act"
    assert load_catalogue() is found, "they are read once"


Broken = Callable[[Data], None]


def item(data: Data, place: int = 0, **more: Any) -> None:
    data["items"][place].update(more)


@pytest.mark.parametrize(("code", "named", "remedy", "change"), [
    ("unknown_section", "'onne'", "did you mean 'one'?", lambda d: item(d, section="onne")),
    ("unknown_section", "'main'", "'one'",
     lambda d: d["sections"].append({"id": "two", "title": "Two", "part_of": "main"})),
    ("unknown_scale", "'obligations'", "did you mean 'obligation'?",
     lambda d: item(d, scale="obligations")),
    ("unknown_fact", "'mdr_clas'", "did you mean 'mdr_class'?",
     lambda d: item(d, applies=[{"mdr_clas": ["I"]}])),
    ("unknown_value", "'2a'", "'IIa'", lambda d: item(d, applies=[{"mdr_class": ["2a"]}])),
    ("unknown_value", "'true'", "'yes'", lambda d: item(d, applies=[{"generative": ["true"]}])),
    ("unknown_edition", "'frist'", "did you mean 'first'?",
     lambda d: d["timelines"]["usual"][0].update(edition="frist")),
    ("unknown_timeline", "'usuall'", "did you mean 'usual'?",
     lambda d: item(d, timeline="usuall")),
    ("unknown_timeline", "'other'", "'usual'", lambda d: d.update(defaults={"timeline": "other"})),
    ("unknown_item", "'AIA-10.2.ff'", "did you mean 'AIA-10.2.f'?",
     lambda d: item(d, maps_to={"equal": ["AIA-10.2.ff"]})),
    ("unknown_item", "'HOUSE-9'", "did you mean 'HOUSE-",
     lambda d: item(d, ask_if={"item": "HOUSE-9", "response": ["met"]})),
    ("unknown_item", "'AIA-10.2.f'", "'HOUSE-1'",
     lambda d: item(d, ask_if={"item": "AIA-10.2.f", "response": ["met"]})),
    ("unknown_answer", "'yes'", "'met'",
     lambda d: item(d, 1, ask_if={"item": "HOUSE-1", "response": ["yes"]})),
    ("unknown_answer", "'blu'", "did you mean 'blue'?",
     lambda d: item(d, 1, ask_if={"item": "HOUSE-1", "option": ["blu"]})),
    ("unknown_answer", "HOUSE-1", "name a response or an option",
     lambda d: item(d, 1, ask_if={"item": "HOUSE-1"})),
    ("unknown_item", "'HOUSE-7'", "did you mean 'HOUSE-",
     lambda d: d.update(proposals=[{
         "id": "reform", "citation": "a draft", "effect": "ends it", "as_of": date(2026, 1, 1),
         "certainty": "uncertain", "items": ["HOUSE-7"]}])),
    ("repeated_item", "AIA-10.2.f", "keep it in one of them", lambda d: item(d, id="AIA-10.2.f")),
    ("repeated_item", "HOUSE-1", "keep it in one of them", lambda d: item(d, 1, id="HOUSE-1")),
    ("repeated_instrument", "eu-ai-act", "another id", lambda d: d.update(id="eu-ai-act")),
    ("bad_versions", "2026-01-01", "end the one of 2025-01-01 on 2026-01-01",
     lambda d: item(d, versions=versions(
         (date(2025, 1, 1), date(2025, 6, 1)), (date(2026, 1, 1), None)))),
    ("bad_versions", "timeline usual", "end the one of 2025-01-01 on 2026-01-01",
     lambda d: d["timelines"].update(usual=versions(
         (date(2025, 1, 1), None), (date(2026, 1, 1), None)))),
    ("bad_versions", "2026-01-01 ends on 2025-01-01", "the oldest first",
     lambda d: item(d, versions=versions(
         (date(2026, 1, 1), date(2025, 1, 1)), (date(2025, 1, 1), None)))),
])  # fmt: skip
def test_what_leads_nowhere_is_told_with_file_and_remedy(
    tmp_path: Path, code: str, named: str, remedy: str, change: Broken
) -> None:
    data = instrument_data(
        "house",
        item_data("HOUSE-1", options={"red": "Red", "blue": "Blue"}),
        item_data("HOUSE-2", ask_if={"item": "HOUSE-1", "option": ["red"]}),
    )
    path = write_yaml(tmp_path / "ours.yaml", data)
    assert load_catalogue((path,)).item("HOUSE-2").instrument == "house"
    change(data)
    found = [p for p in refused(write_yaml(tmp_path / "broken.yaml", data)) if p.code == code]
    assert found, f"nothing of the kind {code}"
    assert found[0].where == str(tmp_path / "broken.yaml")
    assert named in found[0].reason
    assert remedy in found[0].remedy
    assert "\n" not in str(found[0])


def test_all_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    one = instrument_data("one", item_data("ONE-1", section="nowhere", scale="none"))
    two = instrument_data("two", item_data("TWO-1", timeline="never"))
    three = instrument_data("three", item_data("THREE-1", applies=[{"colour": ["red"]}]))
    four = {**instrument_data("four", item_data("FOUR-1")), "colour": "red", "status": "law"}
    paths = [write_instrument(tmp_path, data) for data in (one, two, three, four)]
    five = tmp_path / "five.yaml"
    five.write_text("id: [", encoding="utf-8")
    found = refused(*paths, five, tmp_path / "six.yaml")
    told = {(Path(p.where.partition(": ")[0]).name, p.code) for p in found}
    assert told == {
        ("one.yaml", "unknown_section"),
        ("one.yaml", "unknown_scale"),
        ("two.yaml", "unknown_timeline"),
        ("three.yaml", "unknown_fact"),
        ("four.yaml", "unknown_key"),
        ("four.yaml", "bad_value"),
        ("five.yaml", "yaml"),
        ("six.yaml", "missing_file"),
    }
    assert len(found) == len(told)


def test_a_key_of_the_schema_is_named_with_its_line(tmp_path: Path) -> None:
    path = write_instrument(tmp_path, instrument_data())
    text = path.read_text("utf-8")
    path.write_text(text.replace("  heading:", "  headng:"), "utf-8")
    line = text.splitlines().index(next(t for t in text.splitlines() if "heading:" in t)) + 1
    codes = {p.code: p for p in refused(path)}
    assert set(codes) == {"unknown_key", "missing_key"}
    assert codes["unknown_key"].where == f"{path}: line {line}"
    assert codes["unknown_key"].remedy == "did you mean 'heading'?"


def test_an_empty_timeline_is_refused(tmp_path: Path) -> None:
    data = instrument_data(timelines={"usual": []})
    assert "timelines.usual" in only(refused(write_instrument(tmp_path, data))).reason


def test_two_files_of_ones_own_may_not_share_an_id(tmp_path: Path) -> None:
    first = write_instrument(tmp_path, instrument_data("house", item_data("A-1")))
    second = write_yaml(tmp_path / "b.yaml", instrument_data("house", item_data("B-1")))
    problem = only(refused(first, second))
    assert (problem.code, problem.where) == ("repeated_instrument", str(second))
    assert str(first) in problem.reason


def test_an_item_is_named_by_where_it_was_before(tmp_path: Path) -> None:
    path = write_instrument(tmp_path, instrument_data("house", item_data("GMLP-1")))
    assert only(refused(path)).reason == "item GMLP-1 is in gmlp too"


def test_a_profile_brings_instruments_of_its_own(tmp_path: Path) -> None:
    data = instrument_data("house", item_data("HOUSE-1", maps_to={"subset": ["AIA-10.2.f"]}))
    profile = profile_of(tmp_path, data, role=["provider"])
    assert profile.instruments == ("house",)
    assert profile.catalogue.item("HOUSE-1").heading == "Heading of HOUSE-1"
    assert profile.catalogue.mapped["AIA-10.2.f"]["HOUSE-1"] == "superset"
    assert "house" not in load_catalogue().instruments, "it is not for other profiles"


def test_own_and_shipped_instruments_are_followed_together(tmp_path: Path) -> None:
    write_instrument(tmp_path, instrument_data("house"))
    path = write_profile(tmp_path, instruments=["house.yaml", "gmlp"])
    assert read_profile(path).instruments == ("gmlp", "house")


def test_a_profile_that_names_no_instrument_follows_all(tmp_path: Path) -> None:
    followed = read_profile(write_profile(tmp_path, role=["provider"])).instruments
    assert followed == tuple(load_catalogue().instruments)


def test_a_profile_is_told_what_is_wrong_with_its_instruments(tmp_path: Path) -> None:
    write_instrument(tmp_path, instrument_data("house", item_data("HOUSE-1", section="two")))
    with pytest.raises(InputError) as caught:
        read_profile(write_profile(tmp_path, instruments=["house.yaml"]))
    problem = only(caught.value.problems)
    assert problem.where == str((tmp_path / "house.yaml").resolve())
    with pytest.raises(InputError) as caught:
        read_profile(write_profile(tmp_path, instruments=["gmpl"]))
    problem = only(caught.value.problems)
    assert (problem.code, problem.where) == (
        "unknown_instrument",
        str(tmp_path / "equipoise.yaml"),
    )
    assert problem.remedy == "did you mean 'gmlp'?"


def test_an_instrument_of_ones_own_cannot_stand_in_for_a_shipped_one(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        profile_of(tmp_path, instrument_data("altai", item_data("OWN-1")))
    assert [p.code for p in caught.value.problems] == ["repeated_instrument"]


def test_unknown_ids_are_answered_with_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        load_catalogue().item("aia-10.2.F")
    assert str(caught.value).endswith("unknown item 'aia-10.2.F'; did you mean 'AIA-10.2.f'?")
    with pytest.raises(InputError) as caught:
        load_catalogue().instrument("eu-aiact")
    assert str(caught.value).endswith("'eu-aiact'; did you mean 'eu-ai-act'?")


@pytest.mark.parametrize(("stated", "back"), list(REVERSED.items()))
def test_a_mapping_is_read_both_ways(stated: Relation, back: Relation) -> None:
    one = instrument_data("one", item_data("ONE-1", maps_to={stated: ["TWO-1"]}))
    two = instrument_data("two", item_data("TWO-1"), item_data("TWO-2"))
    for order in ((one, two), (two, one)):
        mapped = catalogue_of(*order).mapped
        assert mapped == {"ONE-1": {"TWO-1": stated}, "TWO-1": {"ONE-1": back}, "TWO-2": {}}


def test_what_both_sides_state_stands_for_each() -> None:
    one = instrument_data("one", item_data("ONE-1", maps_to={"subset": ["TWO-1"]}))
    two = instrument_data("two", item_data("TWO-1", maps_to={"superset": ["ONE-1"]}))
    mapped = catalogue_of(one, two).mapped
    assert (mapped["ONE-1"]["TWO-1"], mapped["TWO-1"]["ONE-1"]) == ("subset", "superset")


def test_the_shipped_mappings_agree_in_both_directions() -> None:
    mapped = load_catalogue().mapped
    for id, others in mapped.items():
        for other, relation in others.items():
            assert mapped[other][id] == REVERSED[relation], (id, other)


def test_the_shipped_mappings_lead_to_other_instruments() -> None:
    catalogue = load_catalogue()
    for id, others in catalogue.mapped.items():
        for other in others:
            assert catalogue.items[other].instrument != catalogue.items[id].instrument, (id, other)


def test_items_that_share_an_answer_are_all_answered_alike() -> None:
    catalogue = load_catalogue()
    for id in catalogue.items:
        for other in equals(catalogue, id):
            scales = {catalogue.items[id].scale, catalogue.items[other].scale}
            # A description is no statement that something is in order.
            assert len(scales & {"descriptive", "classification"}) in (0, len(scales)), (id, other)
