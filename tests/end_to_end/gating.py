"""A stored audit of 600 invented rows, that of the version before, and `equipoise gate` on them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from audit.cohort import build_cohort, needed_columns
from audit.result import AuditResult
from audit.run import audit
from audit.sources.files import read_files
from tests.audit.builders import plan_of, random_columns, write
from tests.end_to_end.command import Outcome, run

Gate = Callable[..., Outcome]
PLAN = """\
version: 1
as_of: 2026-03-01
columns: {label: y, score: p, unit: uid}
threshold: {value: 0.4}
resamples: 200
permutations: 0
attributes: {sex: }
measures: [sensitivity, auroc]
"""
REQUIREMENTS = {
    "met": "  - {id: met, measure: auroc, floor: 0.5}\n",
    "violated": "  - {id: violated, measure: auroc, floor: 0.99}\n",
    "inconclusive": "  - {id: inconclusive, measure: sensitivity, floor: 0.7, strata: sex=M}\n",
}
CHANGE = "change:\n  - {id: not-worse, measure: sensitivity, worse_by: 0.05, strata: sex}\n"
WAIVERS = """\
version: 1
waivers:
  - requirement: violated
    justification: Recalibration is under way.
    owner: Ann Owner
    approver: Bo Approver
    created: 2026-01-01
    expires: 2026-06-30
"""


def planned(names: Sequence[str], more: str = "") -> str:
    """A plan with some of the requirements."""
    stated = "".join(REQUIREMENTS[name] for name in names)
    return PLAN + (f"requirements:\n{stated}" if stated else "") + more


def audit_file(folder: Path, plan: str, scale: float = 1.0, name: str = "now") -> AuditResult:
    """Audit the rows, with the scores of women scaled, and write both."""
    columns = random_columns(4)
    women = columns["sex"] == "F"
    columns = columns | {"p": columns["p"] * (women * (scale - 1.0) + 1.0)}
    path = write(columns, folder / f"{name}.parquet")
    read = plan_of(plan)
    result = audit(build_cohort(read_files([path], needed_columns(read)), read), read)
    (folder / f"{name}.json").write_text(result.to_json(), encoding="utf-8")
    return result


def gate_in(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Gate:
    """`equipoise gate` in a folder, on no build server."""
    monkeypatch.chdir(folder)
    for name in ("GITHUB_STEP_SUMMARY", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(name, raising=False)

    def call(*words: str | Path) -> Outcome:
        return run(capsys, monkeypatch, "gate", *words)

    return call
