"""The other tasks from the command line: flags, plan, gate, report."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.audit.tasks.builders import class_columns, label_columns, value_columns
from tests.end_to_end.command import Outcome
from tests.end_to_end.command import run as run_words

MULTICLASS = (
    "--task", "multiclass", "--label", "y", "--scores", "mel=p_mel", "--scores", "naevus=p_naevus",
    "--scores", "bcc=p_bcc", "--top-k", "1",
)  # fmt: skip
MULTILABEL = (
    "--task", "multilabel", "--labels", "effusion=y_e", "--labels", "oedema=y_o",
    "--scores", "effusion=p_e", "--scores", "oedema=p_o", "--threshold", "0.4",
)  # fmt: skip
REGRESSION = ("--task", "regression", "--label", "y", "--score", "p")
COMMON = ("--by", "sex", "--patient", "pid", "--resamples", "100", "--quiet")
TASKS = {
    "multiclass": (MULTICLASS, class_columns),
    "multilabel": (MULTILABEL, label_columns),
    "regression": (REGRESSION, value_columns),
}


Run = Callable[..., Outcome]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    return lambda *words: run_words(capsys, monkeypatch, *words)


@pytest.mark.parametrize("task", TASKS)
def test_flags_to_report_and_back_by_the_plan(task: str, tmp_path: Path, run: Run) -> None:
    flags, make = TASKS[task]
    pd.DataFrame(make(91, 200, 150)).to_csv(tmp_path / "p.csv", index=False)
    first = run("audit", "p.csv", *flags, *COMMON, "--out", "one")
    assert first.code == 0, first.err
    result = json.loads((tmp_path / "one" / "audit.json").read_text())
    assert result["cohort"]["task"] == task
    assert "<html" in (tmp_path / "one" / "report.html").read_text()
    command = result["provenance"]["command"]
    assert f"--task {task}" in command
    again = run("audit", "p.csv", "--plan", "one/equipoise.yaml", "--out", "two")
    assert again.code == 0, again.err
    twin = json.loads((tmp_path / "two" / "audit.json").read_text())
    assert twin["estimates"] == result["estimates"]
    assert twin["provenance"]["plan_sha256"] == result["provenance"]["plan_sha256"]


def test_top_k_of_the_flag(tmp_path: Path, run: Run) -> None:
    pd.DataFrame(class_columns(92, 200, 150)).to_csv(tmp_path / "p.csv", index=False)
    run("audit", "p.csv", *MULTICLASS, *COMMON)
    result = json.loads((tmp_path / "out" / "audit.json").read_text())
    by_id = {e["id"]: e["value"] for e in result["estimates"]}
    assert by_id["top_k_accuracy/overall"] == by_id["accuracy/overall"]


@pytest.mark.parametrize("task", TASKS)
def test_sharing_is_refused_and_nothing_is_written(task: str, tmp_path: Path, run: Run) -> None:
    flags, make = TASKS[task]
    pd.DataFrame(make(93, 60, 60)).to_csv(tmp_path / "p.csv", index=False)
    found = run("audit", "p.csv", *flags, *COMMON, "--share")
    assert found.code == 2
    assert f"not for {task}" in found.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("flags", "words"), [
    (("--task", "multiclass", "--label", "y"), "--score is missing"),
    (("--task", "multiclass", "--label", "y", "--scores", "mel"), "not of the form NAME=VALUE"),
    (("--task", "multiclass", "--label", "y", "--scores", "a=p", "--scores", "a=q"),
     "'a' was given before"),
    (("--task", "multilabel", "--labels", "a=y", "--scores", "b=p"), "labels and columns.scores"),
    (("--task", "regresion", "--label", "y", "--score", "p"), "task"),
    (("--task", "regression", "--label", "y", "--scores", "a=p"), "columns.scores"),
    (("--task", "multiclass", "--label", "y", "--scores", "a=nope", "--scores", "b=p"), "nope"),
])  # fmt: skip
def test_bad_flags(flags: tuple[str, ...], words: str, tmp_path: Path, run: Run) -> None:
    pd.DataFrame({"y": [1.0, 2.0], "p": [0.1, 0.2]}).to_csv(tmp_path / "p.csv", index=False)
    found = run("audit", "p.csv", *flags)
    assert found.code == 2
    assert words in found.err


def test_the_gate_judges_every_class(tmp_path: Path, run: Run) -> None:
    columns = class_columns(94, 400, 300)
    pd.DataFrame(columns).to_csv(tmp_path / "p.csv", index=False)
    plan = """
task: multiclass
columns: {label: y, scores: {mel: p_mel, naevus: p_naevus, bcc: p_bcc}, patient: pid}
resamples: 100
attributes: {sex: }
requirements:
  - {id: order, measure: auroc, floor: 0.5}
  - {id: accurate, measure: accuracy, floor: 0.99}
"""
    (tmp_path / "plan.yaml").write_text(plan)
    done = run("audit", "p.csv", "--plan", "plan.yaml", "--quiet")
    assert done.code == 0, done.err
    found = run("gate", "out/audit.json", "--format", "json")
    assert found.code == 1
    verdicts = {v["requirement"]: v for v in json.loads(found.out)["verdicts"]}
    assert verdicts["accurate"]["status"] == "violated"
    assert len(verdicts["order"]["evidence"]) == 3
    other = plan.replace("measure: auroc", "measure: auroc, output: bcc").replace("0.99", "0.3")
    (tmp_path / "other.yaml").write_text(other)
    found = run("gate", "out/audit.json", "--plan", "other.yaml", "--format", "json")
    assert found.code == 0, found.err
    verdicts = {v["requirement"]: v for v in json.loads(found.out)["verdicts"]}
    assert verdicts["order"]["evidence"] == ["auroc[bcc]/overall"]
    (tmp_path / "binary.yaml").write_text("columns: {label: y, score: p}\n")
    found = run("gate", "out/audit.json", "--plan", "binary.yaml")
    assert found.code == 2
    assert "it is of task binary, the audit of task multiclass" in found.err


def test_explain_knows_ids_of_outputs(tmp_path: Path, run: Run) -> None:
    for id, words in (
        ("auroc[mel]/sex=F", "AUROC"),
        ("quadratic_kappa/overall", "Quadratic-weighted kappa"),
        ("loa_lower", "Lower limit of agreement"),
    ):
        found = run("explain", id)
        assert found.code == 0, found.err
        assert words in found.out


def test_unreadable_numbers_name_file_row_and_column(tmp_path: Path, run: Run) -> None:
    frame = pd.DataFrame({"y": ["1", "tall", "3"], "p": np.array([1.0, 2.0, 3.0])})
    frame.to_csv(tmp_path / "p.csv", index=False)
    found = run("audit", "p.csv", *REGRESSION)
    assert found.code == 2
    assert "p.csv: line 3, column 'y': 'tall' is not a number" in found.err
