"""The tally as a file: canonical, readable back, and refused when it was damaged."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.problems import InputError
from audit.tally import Tally, merge, tally_of
from audit.tally.bins import bins_for
from audit.tally.file import read_tally, tally_sha256, tally_text
from tests.audit.builders import cohort_of, plan_of, random_columns

PLAN = """
columns: {label: y, score: p, patient: pid, unit: uid, site: site}
threshold: {value: 0.4}
attributes: {race: , sex: {reference: M}, age: {band: [40, 65]}}
requirements: [{id: gap, measure: sensitivity, contrast: gap, attribute: sex, margin: 0.1}]
"""


def made(text: str = PLAN, edges: tuple[float, ...] = ()) -> Tally:
    plan = plan_of(text)
    columns = random_columns(3, 300, patients=120, decimals=None)
    return tally_of(cohort_of(plan, columns), plan, bins_for(plan, edges=edges))


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        (PLAN, ()),
        (PLAN.replace("0.4", "0.37"), (0.123,)),
        ("columns: {label: y, score: p}\nscore_kind: rank", (0.2, 0.5)),
        ("columns: {label: y, prediction: y2}", ()),
    ],
)
def test_reads_back_to_the_same_bytes(text: str, edges: tuple[float, ...], tmp_path: Path) -> None:
    plan = plan_of(text)
    columns = random_columns(3, 200, patients=90, decimals=None)
    columns["y2"] = columns["p"] > 0.5
    tally = tally_of(cohort_of(plan, columns), plan, bins_for(plan, edges=edges))
    path = tmp_path / "a.tally.json"
    path.write_text(tally_text(tally), encoding="utf-8")
    again = read_tally(path)
    assert tally_text(again) == tally_text(tally) == tally_text(merge(again))
    assert tally_sha256(again) == tally_sha256(tally)


def test_holds_no_identifiers_and_says_what_it_is() -> None:
    text = tally_text(made())
    for i in range(120):
        assert f'"k{i}"' not in text
    assert "u00" not in text
    assert "not for publication" in text
    assert "counts as two" in text


def test_one_line_for_each_stratum() -> None:
    tally = made()
    lines = tally_text(tally).splitlines()
    strata = [line for line in lines if line.startswith('{"attributes":')]
    assert len(strata) == len(tally.strata)
    assert json.loads(strata[0].rstrip(","))["rows"] == 300


Change = Callable[[dict[str, Any]], object]


def _first(data: dict[str, Any]) -> dict[str, Any]:
    stratum: dict[str, Any] = data["strata"][0]
    return stratum


DAMAGE: dict[str, tuple[Change, str]] = {
    "count": (lambda d: _first(d)["positive"]["count"].__setitem__(0, 99), "cells and totals"),
    "total": (lambda d: _first(d)["totals"].__setitem__("positives", 1), "cells and totals"),
    "flagged": (lambda d: _first(d)["totals"].__setitem__("tp", 999), "more are flagged"),
    "rows": (lambda d: _first(d).__setitem__("rows", 3), "more rows are analysed"),
    "patients": (lambda d: _first(d)["patients"].__setitem__(5, 9999), "patients and rows"),
    "bin": (lambda d: _first(d)["positive"]["bin"].reverse(), "out of order"),
    "no bin": (lambda d: _first(d)["positive"]["bin"].__setitem__(-1, 10**6), "no such bin"),
    "length": (lambda d: _first(d)["positive"]["p"].pop(), "differ in length"),
    "negative": (lambda d: _first(d)["positive"]["count"].__setitem__(0, -1), "count"),
    "plan": (lambda d: d["plan"].__setitem__("depth", 2), "not the one that was hashed"),
    "bad plan": (lambda d: d["plan"].__setitem__("dept", 2), "not one of this version"),
    "edges": (lambda d: d["bins"]["cuts"].remove(0.4), "lack an edge"),
    "strata": (lambda d: d["strata"].reverse(), "out of order"),
    "overall": (lambda d: d["strata"].pop(0), "whole cohort is absent"),
    "attribute": (lambda d: d["strata"][-1].__setitem__("attributes", ["zip"]), "not of its plan"),
    "format": (lambda d: d.__setitem__("equipoise_tally", 2), "format 2"),
    "unknown key": (lambda d: d.__setitem__("patients", ["k1"]), "patients"),
    "huge": (lambda d: _first(d)["totals"].__setitem__("log_loss", 1 << 120), "does not add up"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_refused_in_one_line(damage: str, tmp_path: Path) -> None:
    change, reason = DAMAGE[damage]
    data = json.loads(tally_text(made()))
    change(data)
    path = tmp_path / "a.tally.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(InputError) as raised:
        read_tally(path)
    (problem,) = raised.value.problems
    assert problem.code == "bad_tally"
    assert reason in str(problem)
    assert "\n" not in str(problem)


def test_a_file_that_is_absent_or_cut_short(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_tally(tmp_path / "none.json")
    path = tmp_path / "a.tally.json"
    path.write_text(tally_text(made())[:-500], encoding="utf-8")
    with pytest.raises(InputError, match="not a tally"):
        read_tally(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_tally(tmp_path)
