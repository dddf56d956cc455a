"""`equipoise check` before scores are read, its exit codes, and the lock up to the report."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.end_to_end.command import Outcome
from tests.end_to_end.command import run as run_words

PLAN: dict[str, Any] = {
    "data": ["p.csv"],
    "columns": {"label": "y", "score": "p", "patient": "pid", "site": "site", "unit": "unit"},
    "threshold": {"value": 0.5},
    "attributes": {"sex": {"reference": "M"}},
    "measures": ["sensitivity"],
    "resamples": 100,
    "permutations": 0,
    "requirements": [{"id": "floor", "measure": "sensitivity", "floor": 0.5}],
    "coverage": [{"id": "size", "n": 100, "strata": "sex"}],
}
Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    return lambda *words: run_words(capsys, monkeypatch, *words)


def people(seed: int, rows: int, prefix: str) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, rows)
    return pd.DataFrame(
        {
            "pid": [f"{prefix}{i}" for i in range(rows)],
            "unit": [f"{prefix}u{i}" for i in range(rows)],
            "site": rng.choice(["North", "South"], rows),
            "sex": rng.choice(["F", "M"], rows),
            "y": label,
            "height": rng.normal(170, 10, rows),
            "p": np.clip(rng.normal(0.35 + 0.3 * label, 0.15), 0, 1),
        }
    )


@pytest.fixture
def cohort(tmp_path: Path) -> pd.DataFrame:
    table = people(1, 600, "t")
    table.to_csv(tmp_path / "p.csv", index=False)
    write_plan(tmp_path)
    return table


def write_plan(folder: Path, **changes: Any) -> None:
    (folder / "equipoise.yaml").write_text(yaml.safe_dump(PLAN | changes))


def test_scores_are_not_read(cohort: pd.DataFrame, tmp_path: Path, run: Run) -> None:
    first = run("check", "--format", "json")
    assert first.code == 0, first.err
    cohort.assign(p="garbage").to_csv(tmp_path / "p.csv", index=False)
    assert run("check", "--format", "json").out == first.out
    cohort.drop(columns="p").to_csv(tmp_path / "p.csv", index=False)
    assert run("check", "--format", "json").out == first.out
    assert run("audit", "--plan", "equipoise.yaml", "--quiet").code == 2


def test_what_is_told(cohort: pd.DataFrame, run: Run) -> None:
    told = json.loads(run("check", "--format", "json").out)
    strata = {s["stratum"]: s for s in told["strata"]}
    women = cohort[cohort["sex"] == "F"]
    assert strata["sex=F"]["n"] == len(women)
    assert strata["sex=F"]["positives"] == int(women["y"].sum())
    assert told["coverage"][0]["status"] == "met"
    assert told["planned"][0]["status"] == "decidable"
    text = run("check").out
    assert text.startswith("Ready")
    assert all(len(line) <= 100 for line in text.splitlines())
    assert "t17" not in text


def test_missing_values_and_small_strata_are_marked(
    cohort: pd.DataFrame, tmp_path: Path, run: Run
) -> None:
    sex = cohort["sex"].where(np.arange(600) >= 3)
    cohort.assign(sex=sex).to_csv(tmp_path / "p.csv", index=False)
    told = json.loads(run("check", "--format", "json").out)
    assert {a["name"]: a["missing"] for a in told["attributes"]} == {"sex": 3, "site": 0}
    missing = next(s for s in told["strata"] if s["stratum"] == "sex=(missing)")
    assert {"units", "patients"} <= set(missing["below"])


def test_leakage_from_the_development_file_is_exit_1(
    cohort: pd.DataFrame, tmp_path: Path, run: Run
) -> None:
    clean = people(2, 400, "d")
    clean.to_csv(tmp_path / "train.csv", index=False)
    assert run("check", "--development", "train.csv").code == 0
    pd.concat([clean, cohort.head(5)]).to_csv(tmp_path / "train.csv", index=False)
    leaking = run("check", "--development", "train.csv")
    assert leaking.code == 1
    assert "patients who are in both: 5 of 600" in leaking.out
    assert "exact duplicate rows: 5 of 600" in leaking.out


def test_coverage_that_is_violated_is_exit_1(
    cohort: pd.DataFrame, tmp_path: Path, run: Run
) -> None:
    write_plan(tmp_path, coverage=[{"id": "size", "n": 5000}])
    outcome = run("check")
    assert outcome.code == 1
    assert "size" in outcome.out


def test_rows_without_a_score_are_left_to_the_audit(
    cohort: pd.DataFrame, tmp_path: Path, run: Run
) -> None:
    cohort.assign(p=cohort["p"].where(np.arange(600) >= 60)).to_csv(tmp_path / "p.csv", index=False)
    scored = {"id": "scored", "missing_score": 0.05, "strata": ["overall", "sex"]}
    write_plan(tmp_path, requirements=[], coverage=[scored, scored | {"id": "both", "n": 100}])
    outcome = run("check", "--format", "json")
    assert outcome.code == 0
    alone, both = json.loads(outcome.out)["coverage"]
    told = "overall: rows without a score are counted at the audit, because scores are not read "
    told += "before the plan is locked"
    assert (alone["status"], alone["value"]) == ("not_estimable", None)
    assert alone["reason"] == f"{told} (2 of 2 strata left to it)"
    assert both["reason"] == f"{told} (2 of 5 counts left to it)"
    assert [p["status"] for p in both["parts"]].count("met") == 3
    text = " ".join(run("check").out.split())
    assert f"– scored: at most 5 % of rows without a score overall, in each sex. {told}" in text
    audited = run("audit", "--plan", "equipoise.yaml", "--quiet", "--out", "out")
    assert audited.code == 0, audited.err
    verdicts = json.loads((tmp_path / "out" / "audit.json").read_text())["verdicts"]
    assert [v["status"] for v in verdicts] == ["violated", "violated"]


def test_what_cannot_be_decided_is_exit_3_and_can_be_turned_to_a_warning(
    cohort: pd.DataFrame, tmp_path: Path, run: Run
) -> None:
    gap = {"id": "gap", "measure": "sensitivity", "contrast": "gap", "attribute": "sex",
           "margin": 0.02}  # fmt: skip
    write_plan(tmp_path, requirements=[gap])
    outcome = run("check")
    assert outcome.code == 3
    assert "cannot be decided" in outcome.out
    warned = run("check", "--on-inconclusive", "warn")
    assert warned.code == 0
    assert "warning" in warned.err
    assert run("check", "--assume", "sensitivity=0.999").code == 0


def test_rows_of_one_patient_count_as_one_unless_told_otherwise(
    cohort: pd.DataFrame, tmp_path: Path, run: Run
) -> None:
    pairs = cohort.assign(pid=[f"t{i // 2}" for i in range(600)])
    pairs.to_csv(tmp_path / "p.csv", index=False)
    cautious, free = (
        json.loads(run("check", "--format", "json", *more).out) for more in ((), ("--icc", "0"))
    )
    assert cautious["assumptions"]["icc"] == 1.0
    assert cautious["planned"][0]["detectable"] > free["planned"][0]["detectable"]
    assert cautious["planned"][0]["have"] == free["planned"][0]["have"]


def test_every_problem_of_the_flags_and_the_file_is_told(cohort: pd.DataFrame, run: Run) -> None:
    del cohort
    flags = run("check", "--relock", "--assume", "sensitivity", "--format", "xml")
    assert flags.code == 2
    assert len(flags.errors) == 4
    assert run("check", "--assume", "sensitivty=0.8").code == 2
    assert run("check", "nowhere.csv").code == 2


@pytest.mark.parametrize("task", ["regression", "survival", "multiclass", "multilabel"])
def test_other_tasks_have_strata_and_leakage_and_are_not_planned(
    task: str, cohort: pd.DataFrame, tmp_path: Path, run: Run
) -> None:
    columns: dict[str, Any] = {"label": "y", "patient": "pid", "score": "p"}
    measure = {"regression": "mae", "survival": "uno_c"}.get(task, "macro_sensitivity")
    more: dict[str, Any] = {}
    if task == "survival":
        columns["time"], more = "time", {"survival": {"horizon": 2.0}}
    if task in ("multiclass", "multilabel"):
        del columns["score"]
        columns["scores"] = {"0": "p", "1": "q"}
    if task == "multilabel":
        columns["labels"] = {"0": "y", "1": "z"}
        del columns["label"]
    bound = {"ceiling": 3.0} if measure == "mae" else {"floor": 0.5}
    table = cohort.drop(columns="p").assign(time=cohort["height"], z=1 - cohort["y"])
    table.to_csv(tmp_path / "p.csv", index=False)
    requirement = {"id": "r", "measure": measure} | bound
    plan = {"task": task, "columns": columns, "attributes": {"sex": {}}, "data": ["p.csv"],
            "requirements": [requirement]} | more  # fmt: skip
    (tmp_path / "equipoise.yaml").write_text(yaml.safe_dump(plan))
    outcome = run("check", "--format", "json", "--development", "p.csv")
    assert outcome.code == 1, outcome.err
    told = json.loads(outcome.out)
    assert told["planned"][0]["status"] == "not_planned"
    assert told["strata"][0]["n"] == 600
    shared = next(o for o in told["leakage"] if o["what"] == "shared_patients")
    assert shared["count"] == 600


def test_the_same_image_under_another_name_is_found(
    cohort: pd.DataFrame, tmp_path: Path, run: Run
) -> None:
    from PIL import Image

    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 255, (3, 8, 8), dtype=np.uint8)
    for name, one in zip(("a", "b", "c"), pixels, strict=True):
        Image.fromarray(one).save(tmp_path / f"{name}.png")
    (tmp_path / "copy.png").write_bytes((tmp_path / "a.png").read_bytes())
    Image.fromarray(pixels[1]).save(tmp_path / "again.tiff")
    test = cohort.assign(file=["a.png", "b.png", *["c.png"] * 598])
    test.to_csv(tmp_path / "p.csv", index=False)
    other = people(2, 2, "d").assign(file=["copy.png", "again.tiff"])
    other.to_csv(tmp_path / "train.csv", index=False)
    told = json.loads(run("check", "--format", "json", "--development", "train.csv").out)
    counts = {o["what"]: o["count"] for o in told["leakage"] if o["file"] == "train.csv"}
    assert counts["same_files"] == 1
    assert counts["same_images"] == 2
    assert counts["shared_patients"] == 0


def test_file_names_are_no_content(cohort: pd.DataFrame, tmp_path: Path, run: Run) -> None:
    """Two hospitals that number their files alike; and files that are not there are no match."""
    names = [f"scan{i}.png" for i in range(600)]
    cohort[["pid", "y", "sex", "site", "p"]].assign(unit=cohort["unit"], file=names).to_csv(
        tmp_path / "p.csv", index=False
    )
    people(2, 600, "d")[["pid", "y", "sex", "site"]].assign(file=names).to_csv(
        tmp_path / "train.csv", index=False
    )
    outcome = run("check", "--format", "json", "--development", "train.csv")
    told = {o["what"]: o for o in json.loads(outcome.out)["leakage"] if o["file"] == "train.csv"}
    assert outcome.code == 0, told
    assert "file" not in told["exact_rows"]["compared"]
    assert told["same_files"]["count"] is None
    assert "not found" in told["same_files"]["reason"]


def test_a_lock_travels_into_the_result_and_its_reports(
    cohort: pd.DataFrame, tmp_path: Path, run: Run
) -> None:
    del cohort
    unlocked = run("audit", "--plan", "equipoise.yaml", "--quiet", "--out", "none")
    assert unlocked.code == 0, unlocked.err
    assert "was not locked" in unlocked.out
    assert (
        "nothing shows that the plan was fixed" in (tmp_path / "none" / "report.html").read_text()
    )
    locked = run("check", "--lock", "--as-of", "2026-03-01")
    assert locked.code == 0, locked.err
    assert "locked on 2026-03-01" in locked.out
    looser = [PLAN["requirements"][0] | {"floor": 0.4}]
    write_plan(tmp_path, requirements=looser)
    refused = run("check", "--lock", "--as-of", "2026-03-02")
    assert refused.code == 2
    assert "--relock" in refused.err
    outcome = run("audit", "--plan", "equipoise.yaml", "--quiet", "--out", "out")
    told = "requirement floor: floor 0.5 when locked, 0.4 now"
    assert told in " ".join(outcome.out.split())
    lock = json.loads((tmp_path / "out" / "audit.json").read_text())["lock"]
    assert lock["deviations"] == [told]
    assert lock["locked_on"] == "2026-03-01"
    assert told in (tmp_path / "out" / "report.html").read_text()
    path = tmp_path / "equipoise.lock.yaml"
    path.write_text(path.read_text().replace("floor: 0.5", "floor: 0.4"))
    tampered = run("audit", "--plan", "equipoise.yaml", "--quiet", "--out", "again")
    assert tampered.code == 2
    assert not (tmp_path / "again" / "audit.json").exists()
