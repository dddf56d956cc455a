"""Planted leaks are found, chance is not called a leak, and hashing equals comparing every pair."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from audit.leakage import (
    NEAR,
    Overlap,
    Roles,
    between,
    compared_rows,
    measurements,
    near_rows,
    within,
)
from audit.plan import Plan
from audit.sources.source import Part, Source
from audit.unscored import Unscored, read_unscored

ROLES = Roles("pid", "unit", frozenset({"pid", "unit", "p"}))
PLAN = Plan.model_validate(
    {
        "columns": {"label": "y", "score": "p", "patient": "pid", "unit": "unit", "site": "site"},
        "attributes": {"sex": {}},
    }
)


def people(seed: int, rows: int, first: int = 0) -> dict[str, list[Any]]:
    rng = np.random.default_rng(seed)
    return {
        "pid": [f"P{first + i}" for i in range(rows)],
        "unit": [f"U{first + i}" for i in range(rows)],
        "site": rng.choice(["North", "South"], rows).tolist(),
        "sex": rng.choice(["F", "M"], rows).tolist(),
        "y": rng.integers(0, 2, rows).tolist(),
        "age": rng.integers(20, 90, rows).tolist(),
        "height": rng.normal(170, 10, rows).tolist(),
        "weight": rng.normal(75, 15, rows).tolist(),
    }


def source(columns: dict[str, list[Any]]) -> Source:
    table = pa.table(columns)
    return Source(table, (), (Part("cohort", len(table), "row", 1),), tuple(table.column_names))


def cohort(columns: dict[str, list[Any]]) -> Unscored:
    return read_unscored(source(columns), PLAN)


def found(test: dict[str, list[Any]], other: dict[str, list[Any]]) -> dict[str, Overlap]:
    overlaps = between(cohort(test), source(other), ROLES, "train.csv")
    return {one.what: one for one in overlaps}


def stacked(*tables: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: [v for t in tables for v in t[name]] for name in tables[0]}


def taken(table: dict[str, list[Any]], rows: list[int]) -> dict[str, list[Any]]:
    return {name: [values[i] for i in rows] for name, values in table.items()}


def test_independent_cohorts_have_no_leak() -> None:
    kinds = found(people(1, 400), people(2, 900, first=1000))
    assert {one.count for one in kinds.values()} == {0}
    assert not any(one.leak for one in kinds.values())


def test_planted_leaks_of_every_kind_are_counted_by_site() -> None:
    test, other = people(1, 400), people(2, 900, first=1000)
    same = taken(test, [3, 4, 5])  # the same patients with all of their values
    renamed = taken(test, [10, 11]) | {"pid": ["X1", "X2"], "unit": ["V1", "V2"]}
    moved = taken(test, [20]) | {"pid": ["X3"], "unit": ["V3"]}
    moved["height"] = [moved["height"][0] + 0.05]
    kinds = found(test, stacked(other, same, renamed, moved))
    counts = {what: one.count for what, one in kinds.items()}
    assert counts == {"shared_patients": 3, "shared_units": 3, "exact_rows": 5, "near_rows": 1}
    assert all(one.leak for one in kinds.values())
    sites = [test["site"][i] for i in (3, 4, 5, 10, 11)]
    told = {one.site: one.count for one in kinds["exact_rows"].by_site}
    assert told == {site: sites.count(site) for site in set(sites)}


def test_nothing_of_a_row_is_told() -> None:
    test = people(1, 100)
    for one in found(test, taken(test, [0])).values():
        text = one.model_dump_json()
        assert '"P0"' not in text
        assert '"U0"' not in text


def test_numbers_written_otherwise_are_the_same_id() -> None:
    test = people(1, 100) | {"pid": [str(i) for i in range(100)]}
    other = people(2, 5, first=500) | {"pid": [1.0, 2.0, 700.0, 701.0, 702.0]}
    assert found(test, other)["shared_patients"].count == 2


def test_chance_agreement_of_telling_little_is_not_a_leak() -> None:
    keep = ("pid", "unit", "site", "sex", "y", "age")
    test = {name: people(1, 400)[name] for name in keep}
    other = {name: people(2, 900, first=1000)[name] for name in keep}
    exact = found(test, other)["exact_rows"]
    assert exact.count
    assert not exact.telling
    assert not exact.leak
    assert "not excluded" in exact.reason


def test_near_rows_by_chance_are_not_a_leak() -> None:
    keep = ("pid", "unit", "height")
    rows = [
        {name: people(seed, 4000, first)[name] for name in keep}
        for seed, first in ((1, 0), (2, 9000))
    ]
    for one in rows:
        one["y"] = [0, 1] * 2000
        one["site"] = ["North"] * 4000
        one["sex"] = ["F"] * 4000
    kinds = found(*rows)
    assert kinds["exact_rows"].telling
    assert kinds["near_rows"].count
    assert not kinds["near_rows"].telling
    assert not kinds["near_rows"].leak


def test_columns_that_are_not_there_are_told_and_never_counted_as_none() -> None:
    other = {name: people(2, 90)[name] for name in ("height", "weight")}
    kinds = found(people(1, 100), other)
    assert kinds["shared_patients"].count is None
    assert "no column 'pid'" in kinds["shared_patients"].reason
    assert kinds["exact_rows"].compared == ("height", "weight")
    nothing = found(people(1, 100), {"other": ["a", "b"]})
    assert nothing["exact_rows"].count is None


def test_scores_are_not_compared() -> None:
    test = people(1, 100)
    other = taken(test, [7]) | {"p": [0.9]}
    assert found(test | {"p": [0.1] * 100}, other)["exact_rows"].count == 1


def brute(test: dict[str, list[Any]], other: dict[str, list[Any]]) -> np.ndarray[Any, Any]:
    """Compare every pair of rows, as the definition says it."""
    columns = sorted(set(test) - ROLES.left_out)
    measured = [c for c in columns if c in ("age", "height", "weight")]
    scale = {}
    for c in measured:
        values = np.array([v for v in (*test[c], *other[c]) if v is not None], dtype=float)
        scale[c] = NEAR * values.std()
    hits = []
    for i in range(len(test["y"])):
        hit = False
        for j in range(len(other["y"])):
            near = True
            for c in columns:
                a, b = test[c][i], other[c][j]
                if c in scale and a is not None and b is not None:
                    near &= abs(a - b) <= scale[c]
                else:
                    near &= a == b
            hit |= near
        hits.append(hit)
    return np.array(hits)


@pytest.mark.parametrize("seed", [5, 6, 7])
def test_near_rows_equal_those_of_comparing_every_pair(seed: int) -> None:
    rng = np.random.default_rng(seed)
    test = people(seed, 150)
    copies = taken(test, rng.integers(0, 150, 60).tolist())
    # edits on both sides of the limit, and gaps
    copies["height"] = [
        h + d for h, d in zip(copies["height"], rng.normal(0, 0.1, 60), strict=True)
    ]
    copies["weight"] = [w if rng.random() > 0.2 else None for w in copies["weight"]]
    test["weight"] = [w if rng.random() > 0.1 else None for w in test["weight"]]
    other = stacked(people(seed + 50, 40), copies)
    one, two = source(test), source(other)
    columns = sorted(set(test) - ROLES.left_out)
    kinds = measurements(one, two, columns)
    assert set(kinds) == {"age", "height", "weight"}
    rows = [compared_rows(s, columns, kinds, "pid") for s in (one, two)]
    hits = near_rows(rows[0], rows[1])
    expected = brute(test, other)
    assert 5 < expected.sum() < 60
    np.testing.assert_array_equal(hits, expected)


def test_order_of_rows_does_not_matter() -> None:
    test, other = people(1, 200), stacked(people(2, 300, first=900), taken(people(1, 200), [4, 9]))
    order = np.random.default_rng(3).permutation(200).tolist()
    again = np.random.default_rng(4).permutation(302).tolist()
    assert found(test, other) == found(taken(test, order), taken(other, again))


def test_within_the_cohort() -> None:
    test = people(1, 300)
    twice = taken(test, [0]) | {"site": ["South" if test["site"][0] == "North" else "North"]}
    copied = taken(test, [8]) | {"pid": ["Y"], "unit": ["Z"]}
    kinds = {one.what: one for one in within(cohort(stacked(test, twice, copied)), ROLES)}
    assert kinds["repeated_units"].count == 2
    assert kinds["repeated_units"].leak
    assert kinds["patients_at_several_sites"].count == 1
    assert kinds["repeated_rows"].count == 2
    assert not kinds["repeated_rows"].leak


def test_a_hundred_thousand_rows_are_no_quadratic_work() -> None:
    import time

    rng = np.random.default_rng(9)
    rows = 100_000
    columns = {f"x{i}": rng.normal(size=rows) for i in range(4)}
    one, two = (
        source({k: (v + shift).tolist() for k, v in columns.items()}) for shift in (0.0, 0.001)
    )
    names = sorted(columns)
    kinds = measurements(one, two, names)
    start = time.process_time()
    test, other = (compared_rows(s, names, kinds, None) for s in (one, two))
    assert near_rows(test, other).all()
    assert time.process_time() - start < 60  # every pair would be 10^10 comparisons
