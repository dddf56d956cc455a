"""The lock: it holds the plan, tells every departure in words, and shows that it was edited."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from jsonschema import Draft202012Validator

from audit.lock import (
    column_hash,
    deviations,
    held_against_lock,
    judged_against_lock,
    lock_of,
    lock_path,
    read_lock,
    write_lock,
)
from audit.plan import Plan
from audit.plan_changes import plan_changes
from audit.problems import InputError
from audit.sources.source import Part, Source
from commands.schema import run_schema
from tests.reports.sample import sample

BASE: dict[str, Any] = {
    "columns": {"label": "y", "score": "p"},
    "threshold": {"value": 0.5},
    "attributes": {"sex": {"reference": "M"}},
    "requirements": [
        {"id": "sens-sex", "measure": "sensitivity", "contrast": "gap", "attribute": "sex",
         "margin": 0.05},
        {"id": "floor", "measure": "sensitivity", "floor": 0.8},
    ],
    "coverage": [{"id": "size", "n": 100}],
}  # fmt: skip


def plan(**changes: Any) -> Plan:
    return Plan.model_validate(BASE | changes)


def table(**columns: list[Any]) -> Source:
    made = pa.table({"y": [0, 1, 1], "sex": ["F", "M", "F"], "p": [0.1, 0.2, 0.9]} | columns)
    return Source(made, (), (Part("c", len(made), "row", 1),), tuple(made.column_names))


def written(path: Path, one: Plan, source: Source | None = None, reason: str | None = None) -> str:
    return write_lock(lock_path(path), lock_of(one, source, "2026-03-01"), reason)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "equipoise.yaml"


def test_a_plan_without_a_lock_has_none(path: Path) -> None:
    assert held_against_lock(path, plan(), table()) is None
    assert held_against_lock(None, plan(), table()) is None


def test_the_file_fits_its_published_schema_and_a_changed_key_does_not(path: Path) -> None:
    schema = json.loads(run_schema("lock"))
    written(path, plan(), table())
    written(path, plan(seed=2), table(), "another seed")
    file = yaml.safe_load(lock_path(path).read_text("utf-8"))
    assert len(file["history"]) == 1
    Draft202012Validator(schema).validate(file)
    file["lock"]["sha256"] = None
    (error,) = Draft202012Validator(schema).iter_errors(file)
    assert list(error.absolute_path) == ["lock", "sha256"]


def test_the_same_plan_has_no_deviation(path: Path) -> None:
    written(path, plan(), table())
    lock = held_against_lock(path, plan(), table())
    assert lock is not None
    assert lock.deviations == ()
    assert (lock.file, lock.locked_on) == ("equipoise.lock.yaml", "2026-03-01")
    assert lock.sha256 == plan().sha256()


CHANGED: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"requirements": [BASE["requirements"][0] | {"margin": 0.1}, BASE["requirements"][1]]},
        ["requirement sens-sex: margin 0.05 when locked, 0.1 now"],
    ),
    (
        {"requirements": BASE["requirements"][:1]},
        ["requirement floor removed after the lock"],
    ),
    (
        {"requirements": [*BASE["requirements"], {"id": "x", "measure": "auroc", "floor": 0.7}]},
        ["requirement x added after the lock"],
    ),
    (
        {"coverage": [{"id": "size", "n": 50}]},
        ["coverage requirement size: n 100 when locked, 50 now"],
    ),
    ({"threshold": {"value": 0.4}}, ["threshold.value 0.5 when locked, 0.4 now"]),
    ({"threshold": None}, ["threshold {value: 0.5, source: fixed} when locked, not set now"]),
    (
        {"attributes": {"sex": {"reference": "F"}, "race": {}}},
        ["attributes.sex.reference M when locked, F now", "attributes.race added after the lock"],
    ),
    (
        {"requirements": BASE["requirements"][::-1]},
        ["the requirements stand in another order than when locked"],
    ),
]


@pytest.mark.parametrize(("change", "told"), CHANGED)
def test_every_departure_is_told_in_words(
    change: dict[str, Any], told: list[str], path: Path
) -> None:
    written(path, plan(), table())
    lock = held_against_lock(path, plan(**change), table())
    assert lock is not None
    assert list(lock.deviations) == told


def test_a_plan_of_a_version_with_fewer_fields_is_not_a_departure() -> None:
    older = plan().canonical()
    del older["change"]
    del older["max_levels"]
    assert list(plan_changes(older, plan())) == []


def test_order_of_classes_counts_where_it_has_a_meaning() -> None:
    scores = {"a": "p_a", "b": "p_b"}
    made = [
        Plan.model_validate(
            {"task": "multiclass", "columns": {"label": "y", "scores": dict(order)}}
        )
        for order in (scores.items(), list(scores.items())[::-1])
    ]
    assert len(list(plan_changes(made[0].canonical(), made[1]))) == 1
    assert list(plan_changes(made[0].canonical(), made[0])) == []


def test_the_cohort_is_hashed_without_scores_whatever_the_order_of_rows() -> None:
    one = lock_of(plan(), table(), "2026-03-01").cohort
    other = table(y=[1, 0, 1], sex=["F", "F", "M"], p=[0.5, 0.5, 0.5])
    assert one is not None
    assert set(one.columns) == {"y", "sex"}
    assert one == lock_of(plan(), other, "2026-03-01").cohort
    assert column_hash(pa.chunked_array([["a", "a", "b"]])) != column_hash(
        pa.chunked_array([["a", "b", "b"]])
    )
    assert column_hash(pa.chunked_array([["a", None]])) != column_hash(pa.chunked_array([["a"]]))


def test_another_cohort_is_a_deviation_told_without_counts(path: Path) -> None:
    written(path, plan(), table())
    other = table(y=[0, 1, 1, 1], sex=["F", "M", "F", "F"], p=[0.1] * 4)
    lock = held_against_lock(path, plan(), other)
    assert lock is not None
    assert lock.deviations == (
        "the cohort has another number of rows than when locked",
        "column 'sex' of the cohort has other content than when locked",
        "column 'y' of the cohort has other content than when locked",
    )


def test_a_lock_is_not_replaced_without_a_reason(path: Path) -> None:
    assert written(path, plan(), table()) == "locked"
    before = lock_path(path).read_bytes()
    assert written(path, plan(), table()) == "same"
    with pytest.raises(InputError, match="the plan is another one"):
        written(path, plan(threshold=None), table())
    with pytest.raises(InputError, match="the cohort is another one"):
        written(path, plan(), None)
    assert lock_path(path).read_bytes() == before


def test_a_relock_keeps_the_earlier_locks_and_is_told_for_ever(path: Path) -> None:
    written(path, plan(), table())
    looser = plan(threshold={"value": 0.4})
    assert written(path, looser, table(), "the vendor moved the threshold") == "relocked"
    written(path, plan(threshold={"value": 0.3}), table(), "again")
    file = read_lock(lock_path(path))
    assert [e.lock.sha256 for e in file.history] == [plan().sha256(), looser.sha256()]
    told = list(deviations(file, plan(threshold={"value": 0.3}), table()))
    assert len(told) == 2
    assert told[0] == (
        "relocked on 2026-03-01 (first locked on 2026-03-01): the vendor moved the threshold; "
        "then changed: threshold.value 0.5 when locked, 0.4 now"
    )
    assert "0.4 when locked, 0.3 now" in told[1]


def test_an_edited_plan_or_history_is_refused(path: Path) -> None:
    written(path, plan(), table())
    written(path, plan(threshold={"value": 0.4}), table(), "moved")
    good = yaml.safe_load(lock_path(path).read_text())

    def refused(change: dict[str, Any], match: str) -> None:
        lock_path(path).write_text(yaml.safe_dump(good | change))
        with pytest.raises(InputError, match=match):
            held_against_lock(path, plan(), table())

    edited = good["lock"]["plan"] | {"threshold": {"value": 0.3, "source": "fixed"}}
    refused({"lock": good["lock"] | {"plan": edited}}, "does not have the hash")
    refused({"history": []}, "seal does not fit")
    refused({"lock": good["lock"] | {"locked_on": "2025-01-01"}}, "seal does not fit")


def test_a_gate_with_another_plan_tells_how_that_departs(path: Path) -> None:
    written(path, plan(), table())
    looser = plan(threshold={"value": 0.4})
    told = "threshold.value 0.5 when locked, 0.4 now"
    audited = sample().model_copy(update={"lock": held_against_lock(path, plan(), table())})
    lock = judged_against_lock(audited, path, looser).lock
    assert lock is not None
    assert lock.deviations == (told,)
    assert judged_against_lock(audited, path, plan()).lock == audited.lock
    elsewhere = judged_against_lock(audited, path.parent / "other.yaml", looser).lock
    assert elsewhere is not None
    assert "not of the plan audited" in elsewhere.deviations[0]
    # a lock that was written after the audit does not show anything of it
    unlocked = sample().model_copy(update={"lock": None})
    assert judged_against_lock(unlocked, path, looser).lock is None


def test_the_text_is_the_same_for_the_same_lock_and_numbers_survive_it(path: Path) -> None:
    odd = plan(positive="1e3", threshold={"value": 1e-05}, as_of="2026-01-31")
    written(path, odd)
    first = lock_path(path).read_bytes()
    lock_path(path).unlink()
    written(path, odd)
    assert lock_path(path).read_bytes() == first
    assert read_lock(lock_path(path)).lock.plan == odd.canonical()
