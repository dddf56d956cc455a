"""The example repository of examples/ci: its pipeline, every way it ends, and all its reports."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from audit.plan_file import read_plan
from audit.result import AuditResult
from tests.end_to_end.command import run

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "ci"
REPORTS = {"gate.json", "gate.xml", "gate.sarif", "gate.gitlab.json", "gate.md"}
WOMEN = """
  - id: auroc-women
    measure: auroc
    floor: 0.70
    strata: sex=Female
"""


@dataclass(frozen=True)
class Ended:
    """How a gate ended, and what it wrote."""

    code: int
    text: str
    err: str
    out: Path

    def read(self, name: str) -> str:
        return (self.out / name).read_text("utf-8")

    @property
    def statuses(self) -> dict[str, str]:
        """Status of every requirement in the JSON report, whose exit code is the process's."""
        found: dict[str, Any] = json.loads(self.read("gate.json"))
        assert found["exit_code"] == self.code
        return {v["requirement"]: v["status"] for v in found["verdicts"]}

    @property
    def cases(self) -> dict[str, set[str]]:
        """What JUnit says of every requirement: failure, error or skipped, or nothing."""
        tree = ElementTree.fromstring(self.read("gate.xml"))
        return {
            re.sub(r".*\(|\).*", "", str(case.get("name"))): {
                child.tag for child in case if child.tag in ("failure", "error", "skipped")
            }
            for case in tree.iter("testcase")
        }

    @property
    def results(self) -> list[dict[str, Any]]:
        (found,) = json.loads(self.read("gate.sarif"))["runs"]
        results: list[dict[str, Any]] = found.get("results", [])
        return results


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, audited once by its own plan."""
    from commands.audit import Flags, run_audit

    folder = tmp_path_factory.mktemp("repository")
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SOURCE_DATE_EPOCH", raising=False)
        plan, out = folder / "equipoise.yaml", folder / "out"
        run_audit([], plan, Flags(), model=None, out=out, quiet=True)
    return folder


def gate_words() -> list[str]:
    """The call of the gate in pipeline.sh."""
    script = (EXAMPLE / "pipeline.sh").read_text("utf-8").replace("\\\n", " ")
    (line,) = re.findall(r"^equipoise (gate .*)$", script, re.MULTILINE)
    return [word.replace("$EQUIPOISE_OUT", "out") for word in shlex.split(line)]


class Repository:
    """The audited repository, to be judged again and again."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.folder, self.capsys, self.monkeypatch = folder, capsys, monkeypatch
        monkeypatch.chdir(folder)
        for name in [name for name in os.environ if name.startswith("EQUIPOISE_")]:
            monkeypatch.delenv(name)
        monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)

    def gate(self, plan: str | None = None, **environment: str) -> Ended:
        """Judge as the pipeline does; `plan` is the text of another plan."""
        if plan is not None:
            (self.folder / "other.yaml").write_text(plan, "utf-8")
            environment["PLAN"] = "other.yaml"
        for name, value in environment.items():
            self.monkeypatch.setenv(f"EQUIPOISE_{name}", value)
        for name in REPORTS:
            (self.folder / "out" / name).unlink(missing_ok=True)
        done = run(self.capsys, self.monkeypatch, *gate_words())
        assert {p.name for p in (self.folder / "out").iterdir()} >= REPORTS
        return Ended(done.code, done.out, done.err, self.folder / "out")


@pytest.fixture
def repository(
    audited: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Repository:
    return Repository(audited, capsys, monkeypatch)


def without_gap() -> str:
    text = (EXAMPLE / "equipoise.yaml").read_text("utf-8")
    return text[: text.index("  - id: sensitivity-gap-sex")]


def test_green(repository: Repository) -> None:
    ended = repository.gate(without_gap())
    assert ended.code == 0
    assert ended.statuses == {"auroc": "met", "specificity": "met"}
    assert ended.cases == {"auroc": set(), "specificity": set()}
    assert [r for r in ended.results if r.get("kind", "fail") == "fail"] == []
    assert "2 of 2 requirements met" in ended.text
    assert "violated" not in ended.read("gate.md")


def test_violated(repository: Repository) -> None:
    ended = repository.gate()
    assert ended.code == 1
    assert ended.statuses["sensitivity-gap-sex"] == "violated"
    assert ended.cases["sensitivity-gap-sex"] == {"failure"}
    assert ended.cases["auroc"] == set()
    (found,) = [r for r in ended.results if r.get("level") == "error"]
    assert "sensitivity-gap-sex" in found["ruleId"]
    (place,) = found["locations"]
    line = place["physicalLocation"]["region"]["startLine"]
    text = (EXAMPLE / "equipoise.yaml").read_text("utf-8")
    assert "sensitivity-gap-sex" in text.splitlines()[line - 1]
    for told in (ended.text, ended.read("gate.md")):
        assert "0.308" in told
        assert "violated" in told.lower()


def test_inconclusive_is_no_pass_and_warns_only_where_that_is_asked_for(
    repository: Repository,
) -> None:
    plan = without_gap() + WOMEN.lstrip("\n")
    ended = repository.gate(plan)
    assert ended.code == 3
    assert ended.statuses["auroc-women"] == "inconclusive"
    assert ended.cases["auroc-women"]
    assert "INCONCLUSIVE" in ended.text
    assert "inconclusive" in ended.read("gate.md").lower()
    assert any("auroc-women" in r["ruleId"] for r in ended.results)
    warned = repository.gate(plan, ON_INCONCLUSIVE="warn")
    assert warned.code == 0
    assert warned.statuses["auroc-women"] == "inconclusive"
    assert "not shown to be met: auroc-women" in warned.err


def test_waived_until_the_last_day(repository: Repository) -> None:
    ended = repository.gate(WAIVERS="waivers.yaml", AS_OF="2027-02-28")
    assert ended.code == 0
    assert ended.statuses["sensitivity-gap-sex"] == "waived"
    assert ended.cases["sensitivity-gap-sex"] == {"skipped"}
    assert not [r for r in ended.results if r.get("level") == "error" and not suppressed(r)]
    for told in (ended.text, ended.read("gate.md"), ended.read("gate.json")):
        assert "few women" in told
        assert "violated" in told
    assert "R. Regulatory" in ended.read("gate.xml")


def suppressed(result: dict[str, Any]) -> bool:
    return bool(result.get("suppressions"))


def test_an_expired_waiver_no_longer_holds(repository: Repository) -> None:
    ended = repository.gate(WAIVERS="waivers.yaml", AS_OF="2027-03-01")
    assert ended.code == 1
    assert ended.statuses["sensitivity-gap-sex"] == "violated"
    assert ended.cases["sensitivity-gap-sex"] == {"failure"}
    (finding,) = json.loads(ended.read("gate.json"))["findings"]
    assert finding["code"] == "waiver_expired"
    for told in (ended.text, ended.read("gate.md")):
        assert "expired on 2027-02-28" in " ".join(told.split())


def broken(ended: Ended, said: str) -> None:
    """Every report is there, says what went wrong, and passes nothing."""
    assert ended.statuses == {}
    for name in REPORTS:
        assert said in ended.read(name), name
    tree = ElementTree.fromstring(ended.read("gate.xml"))
    assert next(tree.iter("error"), None) is not None
    assert "requirements met" not in ended.read("gate.md")


def test_a_gate_that_breaks_still_writes_every_report(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    import commands.judge

    def breaks(*_: object) -> None:
        raise RuntimeError("out of paper")

    monkeypatch.setattr(commands.judge, "judge", breaks)
    ended = repository.gate()
    assert ended.code == 4
    assert "internal error: RuntimeError: out of paper" in ended.err
    broken(ended, "out of paper")


def test_without_an_audit_every_report_says_so(repository: Repository) -> None:
    audit = repository.folder / "out" / "audit.json"
    kept = audit.read_bytes()
    audit.unlink()
    try:
        ended = repository.gate()
    finally:
        audit.write_bytes(kept)
    assert ended.code == 2
    broken(ended, "audit.json")


def test_the_plan_is_the_one_that_was_audited(audited: Path) -> None:
    result = AuditResult.from_json((audited / "out" / "audit.json").read_bytes())
    assert result.provenance.plan_sha256 == read_plan(EXAMPLE / "equipoise.yaml").sha256()
    assert result.cohort.rows == 738


STAND_IN = """#!/bin/sh
echo "$1 $EQUIPOISE_PLAN $EQUIPOISE_OUT $EQUIPOISE_WAIVERS" >> calls
[ "$1" = audit ] && [ -e out/audit.json ] && echo "an old audit" >> calls
case "$1" in audit) exit {audit} ;; gate) exit {gate} ;; *) exit 1 ;; esac
"""


@pytest.mark.parametrize(
    ("audit", "gate", "code"), [(0, 0, 0), (0, 1, 1), (0, 3, 3), (2, 2, 2), (4, 2, 4), (1, 0, 1)]
)
def test_the_pipeline_ends_with_the_code_that_matters(
    audit: int, gate: int, code: int, tmp_path: Path
) -> None:
    """A stand-in for the program notes how it is called."""
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "audit.json").write_text("old", "utf-8")
    stand_in = tmp_path / "bin" / "equipoise"
    stand_in.parent.mkdir()
    stand_in.write_text(STAND_IN.format(audit=audit, gate=gate), "utf-8")
    stand_in.chmod(0o755)
    done = subprocess.run(
        ["./pipeline.sh"],
        cwd=tmp_path,
        env={"PATH": f"{stand_in.parent}:{os.environ['PATH']}", "EQUIPOISE_OUT": "out"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == code
    told = "equipoise.yaml out waivers.yaml"
    assert (tmp_path / "calls").read_text("utf-8").splitlines() == [
        f"{name} {told}" for name in ("lint", "audit", "gate")
    ]
    assert sys.platform == "win32" or os.access(EXAMPLE / "pipeline.sh", os.X_OK)
