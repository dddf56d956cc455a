"""What every task has in common: dispatch, workers, progress, provenance."""

from collections.abc import Callable
from typing import Any

import pytest

import audit.sweep
from audit.cohort import build_cohort
from audit.result import AuditResult
from audit.tasks.read import build_any_cohort, build_task_cohort
from audit.tasks.run import audit_any
from tests.audit.builders import PLAN, audited, plan_of, random_columns
from tests.audit.tasks.builders import (
    MULTICLASS,
    MULTILABEL,
    REGRESSION,
    class_columns,
    label_columns,
    source_of,
    task_audit,
    value_columns,
)

TASKS: dict[str, tuple[str, Callable[..., dict[str, Any]]]] = {
    "multiclass": (MULTICLASS, class_columns),
    "multilabel": (MULTILABEL, label_columns),
    "regression": (REGRESSION, value_columns),
}


def test_a_binary_plan_takes_the_binary_way() -> None:
    columns = random_columns(101, 200)
    found, twin = task_audit(PLAN, columns), audited(PLAN, columns)
    assert found.model_dump(exclude={"provenance"}) == twin.model_dump(exclude={"provenance"})


@pytest.mark.parametrize("task", TASKS)
def test_the_cohort_of_one_task_is_not_built_as_that_of_another(task: str) -> None:
    text, make = TASKS[task]
    plan = plan_of(text)
    source = source_of(plan, make(102, 60, 60))
    with pytest.raises(ValueError, match=f"task {task}: use audit.build_any_cohort"):
        build_cohort(source, plan)
    binary = plan_of(PLAN)
    with pytest.raises(ValueError, match="binary cohort"):
        build_task_cohort(source_of(binary, random_columns(103, 60)), binary)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("patients", [120, 260])
def test_workers_change_nothing(monkeypatch: pytest.MonkeyPatch, task: str, patients: int) -> None:
    text, make = TASKS[task]
    columns = make(104, 300, patients)
    found: list[AuditResult] = []
    for workers in (1, 3):
        monkeypatch.setattr(audit.sweep, "workers", lambda workers=workers: workers)
        found.append(task_audit(text, columns))
    assert found[0].to_json() == found[1].to_json()


@pytest.mark.parametrize("task", TASKS)
def test_progress_runs_to_its_end(task: str) -> None:
    text, make = TASKS[task]
    plan = plan_of(text)
    cohort = build_any_cohort(source_of(plan, make(105, 80, 80)), plan)
    told: list[tuple[int, int, str]] = []
    audit_any(cohort, plan, progress=lambda done, steps, what: told.append((done, steps, what)))
    assert [done for done, _, _ in told] == list(range(1, len(told) + 1))
    assert {steps for _, steps, _ in told} == {len(told)}


@pytest.mark.parametrize("task", TASKS)
def test_summary_and_provenance(task: str) -> None:
    text, make = TASKS[task]
    result = task_audit(text, make(106, 80, 60))
    assert result.provenance.plan_sha256 == plan_of(text).sha256()
    assert result.cohort.task == task
    assert (result.cohort.n_positive, result.cohort.n_negative) == (None, None)
    by_stratum = {c.stratum: c for c in result.cohort.strata}
    assert by_stratum["overall"].n == result.cohort.analysed
    assert sum(by_stratum[f"sex={s}"].rows or 0 for s in "FM") == result.cohort.rows == 80
    ids = [e.id for e in result.estimates] + [d.id for d in result.disparities]
    assert len(ids) == len(set(ids))
