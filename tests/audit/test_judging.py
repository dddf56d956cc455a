"""All that a plan requires, in its order; a failure in one requirement is that one's alone."""

from typing import Any

import pytest

from audit.disclosure import shareable
from audit.judging import ANSWERS, BASELINE, judged
from audit.plan import Plan
from audit.problems import InputError, Problem
from audit.result import AuditResult
from audit.verdicts import Evidence, verdict_of
from tests.audit.builders import audited, counted, plan_of

PLAN = """
columns: {label: y, score: p}
threshold: {value: 0.4}
resamples: 100
permutations: 0
attributes: {sex: }
requirements:
  - {id: floor, measure: sensitivity, floor: 0.5, severity: critical}
  - {id: gap, measure: sensitivity, contrast: gap, attribute: sex, margin: 0.2}
coverage:
  - {id: people, n: 20, strata: sex}
change:
  - {id: worse, measure: sensitivity, worse_by: 0.02, strata: sex, severity: minor}
checklists:
  - {id: papers, instruments: tripod-ai, state: signed, by: 2027-01-01}
"""
ROWS = counted(F=(40, 20, 30, 60), M=(50, 20, 30, 50))


@pytest.fixture(scope="module")
def result() -> AuditResult:
    return audited(PLAN, ROWS)


def again(result: AuditResult) -> tuple[Plan, dict[float, Evidence]]:
    groups = {c.stratum: " & ".join(c.attributes) for c in result.cohort.strata}
    return plan_of(PLAN), {0.95: Evidence(result.estimates, result.disparities, groups)}


def test_every_kind_is_judged_in_the_order_of_the_plan(result: AuditResult) -> None:
    assert [(v.requirement, v.kind, v.measure, v.severity) for v in result.verdicts] == [
        ("floor", "measure", "sensitivity", "critical"),
        ("gap", "measure", "sensitivity", "major"),
        ("people", "coverage", "coverage", "major"),
        ("worse", "change", "sensitivity", "minor"),
        ("papers", "checklist", "checklist", "major"),
    ]
    reasons = {v.requirement: (v.status, v.reason) for v in result.verdicts}
    assert reasons["worse"] == ("not_estimable", BASELINE)
    assert reasons["papers"] == ("not_estimable", ANSWERS)
    assert reasons["people"][0] == "met"


def test_what_is_asked_is_told_in_words(result: AuditResult) -> None:
    told = {v.requirement: (v.statement, v.margin) for v in result.verdicts}
    assert told["worse"] == (
        "Sensitivity worse than in the baseline by at most 0.02 in each sex", 0.02,
    )  # fmt: skip
    assert told["papers"] == (
        "checklist items of tripod-ai are signed off and not stale from 2027-01-01 on", 0,
    )  # fmt: skip


def test_a_failure_in_one_requirement_leaves_the_others(
    result: AuditResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = verdict_of

    def fails(requirement: Any, *rest: Any) -> Any:
        if requirement.id == "floor":
            raise ZeroDivisionError("17 people, division by zero")
        return own(requirement, *rest)

    monkeypatch.setattr("audit.judging.verdict_of", fails)
    verdicts = judged(*again(result), result.cohort)
    first = verdicts[0]
    assert (first.status, first.reason) == (
        "error", "ZeroDivisionError: 17 people, division by zero",
    )  # fmt: skip
    assert (first.value, first.severity, first.margin) == (None, "critical", 0.5)
    assert verdicts[1:] == result.verdicts[1:]
    shared = shareable(result.model_copy(update={"verdicts": verdicts}))
    assert (shared.verdicts[0].status, shared.verdicts[0].reason) == ("error", "ZeroDivisionError")


def test_what_is_wrong_with_the_input_is_not_swallowed(
    result: AuditResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: Any) -> Any:
        raise InputError(Problem("bad", "here", "why", "how"))

    monkeypatch.setattr("audit.judging.coverage_verdict", refuses)
    with pytest.raises(InputError):
        judged(*again(result), result.cohort)
