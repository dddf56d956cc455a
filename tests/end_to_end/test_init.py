"""`equipoise init`: a plan whose examples are valid, jobs that run, and nothing overwritten."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from audit.plan import Plan
from audit.plan_file import parse_plan
from audit.result_file import read_result
from commands.ci_files import ci_text
from tests.audit.builders import random_columns, write
from tests.end_to_end.command import Outcome, run

Init = Callable[..., Outcome]


@pytest.fixture
def init(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Init:
    """`equipoise` in a folder with predictions."""
    monkeypatch.chdir(tmp_path)
    columns = random_columns(1, 400)
    rows = len(columns["y"])
    more = {"pid": [i // 2 for i in range(rows)], "site": [f"s{i % 4}" for i in range(rows)]}
    write(columns | more, tmp_path / "predictions.parquet")

    def call(*words: str) -> Outcome:
        return run(capsys, monkeypatch, *words)

    return call


def uncommented(text: str) -> str:
    """The plan with the # before each line of an example deleted."""
    return re.sub(r"^#(?=\w+:$|  )", "", text, flags=re.M)


def test_the_examples_are_a_valid_plan_when_uncommented(init: Init, tmp_path: Path) -> None:
    assert init("init", "predictions.parquet").code == 0
    text = (tmp_path / "equipoise.yaml").read_text("utf-8")
    assert parse_plan(text, "plan").stated == ()
    whole = uncommented(text).replace("resamples: 2000", "resamples: 100")
    assert [r.id for r in parse_plan(whole, "plan").stated] == [
        "sensitivity-floor", "sensitivity-gap", "enough-people", "attribute-known",
        "enough-sites", "auroc-not-worse", "reported",
    ]  # fmt: skip
    (tmp_path / "equipoise.yaml").write_text(whole, "utf-8")
    ended = init("audit", "--plan", "equipoise.yaml", "--out", "out", "--quiet")
    assert ended.code == 0, ended.err
    kinds = [v.kind for v in read_result(tmp_path / "out" / "audit.json").verdicts]
    assert kinds == ["measure"] * 2 + ["coverage"] * 3 + ["change", "checklist"]


def test_examples_that_the_columns_do_not_allow_are_left_out(init: Init, tmp_path: Path) -> None:
    write({"y": [0, 1] * 20, "p": [i / 40 for i in range(40)]}, tmp_path / "bare.parquet")
    assert init("init", "bare.parquet", "--out", "bare.yaml").code == 0
    plan = parse_plan(uncommented((tmp_path / "bare.yaml").read_text("utf-8")), "plan")
    assert [r.id for r in plan.stated] == [
        "sensitivity-floor", "enough-people", "auroc-not-worse", "reported",
    ]  # fmt: skip
    assert plan.coverage[0].counts == {"n": 200, "positives": 50}


def test_it_ends_with_what_to_do_next(init: Init) -> None:
    lines = init("init", "predictions.parquet", "--out", "my plan.yaml").out.splitlines()
    assert lines[1:] == [
        "next: equipoise check --plan 'my plan.yaml' --lock",
        "then: equipoise audit --plan 'my plan.yaml' --out out",
        "then: equipoise gate out/audit.json",
    ]


@pytest.mark.parametrize(("ci", "path"), [
    ("github", ".github/workflows/equipoise.yml"), ("gitlab", "equipoise.gitlab-ci.yml"),
])  # fmt: skip
def test_nothing_is_overwritten_and_every_conflict_is_told(
    init: Init, tmp_path: Path, ci: str, path: str
) -> None:
    job = tmp_path / path
    job.parent.mkdir(parents=True, exist_ok=True)
    job.write_text("mine", "utf-8")
    ended = init("init", "predictions.parquet", "--ci", ci)
    assert ended.code == 2
    assert not (tmp_path / "equipoise.yaml").exists()
    (tmp_path / "equipoise.yaml").write_text("mine too", "utf-8")
    ended = init("init", "predictions.parquet", "--ci", ci)
    assert len(ended.errors) == 2
    assert (job.read_text("utf-8"), (tmp_path / "equipoise.yaml").read_text("utf-8")) == (
        "mine", "mine too",
    )  # fmt: skip
    assert init("init", "predictions.parquet", "--ci", ci, "--force").code == 0
    assert job.read_text("utf-8") == ci_text(ci, "equipoise.yaml")


def test_an_unknown_server_is_told_with_the_nearest(init: Init, tmp_path: Path) -> None:
    ended = init("init", "predictions.parquet", "--ci", "githob")
    assert (ended.code, len(ended.errors)) == (2, 1)
    assert "did you mean 'github'?" in ended.err
    assert not (tmp_path / "equipoise.yaml").exists()


def commands_of(ci: str, plan: str) -> list[list[str]]:
    """The words of every `equipoise` command of a job."""
    job: Any = yaml.safe_load(ci_text(ci, plan))
    steps = (
        [s.get("run", "") for s in job["jobs"]["audit"]["steps"]]
        if ci == "github"
        else job["equipoise"]["script"]
    )
    return [shlex.split(step)[1:] for step in steps if step.startswith("equipoise ")]


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_the_job_runs_as_it_is_written(init: Init, tmp_path: Path, ci: str) -> None:
    (tmp_path / "a plan.yaml").write_text(
        "data: predictions.parquet\ncolumns: {label: y, score: p}\nresamples: 100\n"
        "coverage: [{id: many, n: 300}, {id: more, n: 90000, severity: minor}]\n",
        "utf-8",
    )
    audit, gate = commands_of(ci, "a plan.yaml")
    assert init(*audit).code == 0
    ended = init(*gate)
    assert ended.code == 1, ended.err
    wanted = [w.partition("=")[2] for w in gate if w.startswith(("junit=", "sarif=", "gitlab="))]
    assert len(wanted) == 2
    assert all((tmp_path / name).stat().st_size for name in wanted)
    assert isinstance(parse_plan((tmp_path / "a plan.yaml").read_text("utf-8"), "p"), Plan)


@pytest.mark.parametrize(
    ("ci", "schema"), [("github", "github-workflows"), ("gitlab", "gitlab-ci")]
)
def test_the_job_fits_the_schema_of_its_server(tmp_path: Path, ci: str, schema: str) -> None:
    """The schemas are those of SchemaStore and GitLab that check-jsonschema ships."""
    from check_jsonschema.cli import main_command

    job = tmp_path / "job.yml"
    job.write_text(ci_text(ci, "equipoise.yaml"), "utf-8")
    with pytest.raises(SystemExit) as ended:
        main_command.main(["--builtin-schema", f"vendor.{schema}", str(job)], prog_name="check")
    assert ended.value.code == 0
