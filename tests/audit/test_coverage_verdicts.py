"""Requirements on the cohort: the counts by hand, the worst that decides, and what is refused."""

import re
from typing import Any

import pytest

from audit.coverage_verdicts import coverage_verdicts, decided_by
from audit.disclosure import shareable
from audit.plan import Plan
from audit.problems import InputError
from audit.result import AuditResult, CohortSummary, Verdict
from audit.tally import tally_of
from audit.tally.audit import audit_tally
from audit.tally.bins import bins_for
from audit.verdicts import check_requirements
from tests.audit.builders import audited, cohort_of, counted, plan_of
from tests.audit.tasks.builders import task_audit, value_columns

PLAN = """
columns: {label: y, score: p, site: site, patient: pat}
threshold: {value: 0.4}
resamples: 100
permutations: 0
depth: 2
attributes: {sex: {levels: [F, M, X]}, race: }
coverage:
"""


@pytest.fixture(scope="module")
def result() -> AuditResult:
    """31 positives of 40 F, 60 of 100 M, nobody X; race unknown in 7; two sites, one more empty."""
    y = [1] * 31 + [0] * 9 + [1] * 60 + [0] * 40
    rows = len(y)
    return audited(
        PLAN.replace("coverage:", ""),
        {
            "y": [*y, None, None],
            "p": [0.2 + 0.6 * (i % 7) / 7 for i in range(rows)] + [0.5, 0.5],
            "sex": ["F"] * 40 + ["M"] * 100 + ["M", "M"],
            "race": [None] * 7 + ["a"] * 33 + ["b"] * 102,
            "site": ["s1"] * 70 + ["s2"] * 70 + ["s3"] * 2,
            "pat": [i // 2 for i in range(rows)] + [900, 901],
        },
    )


def decide(result: AuditResult | CohortSummary, **asked: Any) -> Verdict:
    cohort = result.cohort if isinstance(result, AuditResult) else result
    coverage = [{"id": "c", **asked}]
    plan = Plan.model_validate({"columns": {"label": "y", "score": "p"}, "coverage": coverage})
    (verdict,) = coverage_verdicts(plan, cohort)
    assert (verdict.kind, verdict.measure, verdict.lower, verdict.upper) == (
        "coverage", "coverage", None, None,
    )  # fmt: skip
    return verdict


@pytest.mark.parametrize(("asked", "status", "value", "stratum"), [
    ({"n": 140}, "met", 140, "overall"),
    ({"n": 141}, "violated", 140, "overall"),
    ({"positives": 31, "strata": "sex=F"}, "met", 31, "sex=F"),
    ({"positives": 32, "strata": ["sex=M", "sex=F"]}, "violated", 31, "sex=F"),
    ({"negatives": 9, "strata": ["sex=M", "sex=F"]}, "met", 9, "sex=F"),
    ({"patients": 70}, "met", 70, "overall"),
    ({"patients": 20, "strata": "sex=F"}, "met", 20, "sex=F"),
    ({"missing_label": 2 / 142}, "met", 2 / 142, "overall"),
    ({"missing_label": 0.014}, "violated", 2 / 142, "overall"),
    ({"missing_score": 0}, "met", 0, "overall"),
    ({"attribute": "race", "missing": 7 / 142}, "met", 7 / 142, "race"),
    ({"attribute": "race", "missing": 0.04}, "violated", 7 / 142, "race"),
    ({"sites": 2}, "met", 2, "site"),
    ({"sites": 3}, "violated", 2, "site"),
    ({"n": 1, "strata": "race"}, "met", 33, "race=a"),
    ({"n": 1, "strata": "race=(missing)"}, "met", 7, "race=(missing)"),
])  # fmt: skip
def test_counts_are_facts(
    result: AuditResult, asked: dict[str, Any], status: str, value: float, stratum: str
) -> None:
    verdict = decide(result, **asked)
    assert (verdict.status, verdict.value, verdict.stratum) == (status, value, stratum)


def test_the_worst_decides_and_is_told_in_counts(result: AuditResult) -> None:
    verdict = decide(result, positives=50, strata=["sex=F", "sex=M"])
    assert verdict.statement == "at least 50 positives in sex=F, sex=M"
    assert verdict.reason == "sex=F: 31 positives of at least 50 (1 of 2 strata short)"
    assert verdict.margin == 50
    assert decided_by(verdict) == "positives"
    assert {p.id: p.status for p in verdict.parts} == {
        "coverage/positives/sex=F": "violated",
        "coverage/positives/sex=M": "met",
    }


def test_a_declared_level_without_rows_counts_nobody(result: AuditResult) -> None:
    verdict = decide(result, n=10, positives=5, strata="sex")
    assert (verdict.status, verdict.stratum, verdict.value) == ("violated", "sex=X", 0)
    assert verdict.reason == "sex=X: 0 units of at least 10 (2 of 6 counts short)"


def test_a_combination_in_which_nobody_is_counts_nobody(result: AuditResult) -> None:
    verdict = decide(result, n=1, strata="race & sex")
    assert verdict.status == "violated"
    assert {p.id: p.value for p in verdict.parts} == {
        "coverage/n/race=a & sex=F": 33, "coverage/n/race=a & sex=M": 0,
        "coverage/n/race=a & sex=X": 0, "coverage/n/race=b & sex=F": 0,
        "coverage/n/race=b & sex=M": 100, "coverage/n/race=b & sex=X": 0,
    }  # fmt: skip


def test_a_share_of_nothing_is_not_zero(result: AuditResult) -> None:
    verdict = decide(result, missing_label=0.5, strata="sex=X")
    assert (verdict.status, verdict.value) == ("not_estimable", None)
    assert verdict.reason == "sex=X: no rows to be a share of"


def test_an_attribute_that_was_never_recorded_counts_nobody() -> None:
    columns = counted(F=(30, 10, 5, 30)) | {"sex": [None] * 75}
    plan = "columns: {label: y, score: p}\nresamples: 100\nattributes: {sex: }\n"
    verdict = decide(audited(plan, columns), n=5, strata="sex")
    assert (verdict.status, verdict.value, verdict.stratum) == ("violated", 0, "sex")


def test_all_statements_read_as_words(result: AuditResult) -> None:
    verdict = decide(
        result, n=1200, patients=200, strata="sex", missing_label=0.05, attribute="race",
        missing=0.1, sites=1,
    )  # fmt: skip
    assert verdict.statement == (
        "at least 1,200 units and 200 patients in each sex; "
        "at most 5 % of rows without a label in each sex; "
        "race not recorded on at most 10 % of rows; at least 1 site"
    )


def test_everything_unknown_is_refused_at_once() -> None:
    plan = Plan.model_validate(
        {
            "columns": {"label": "y", "score": "p"},
            "coverage": [
                {"id": "a", "n": 5, "strata": ["sexx", "overall"]},
                {"id": "b", "attribute": "rase", "missing": 0.1},
                {"id": "c", "sites": 2},
                {"id": "d", "patients": 2},
            ],
            "change": [
                {"id": "e", "measure": "sensitivty", "worse_by": 0.1},
                {"id": "f", "measure": "flag_rate", "worse_by": 0.1},
                {"id": "g", "measure": "auroc", "worse_by": 0.1, "strata": "sex=FF"},
                {"id": "h", "measure": "auroc", "worse_by": 0.1, "output": "cat"},
            ],
        }
    )
    with pytest.raises(InputError) as told:
        check_requirements(plan, ["overall", "sex=F", "race=a"], ["sex", "race"], "plan.yaml")
    assert [(p.where[-2], p.code, p.remedy) for p in told.value.problems] == [
        ("a", "unknown_stratum", "did you mean 'sex'?"),
        ("b", "unknown_attribute", "did you mean 'race'?"),
        ("c", "no_site", "declare columns.site"),
        ("d", "no_patient", "declare columns.patient, or ask for n"),
        ("e", "unknown_measure", "did you mean 'sensitivity'?"),
        ("f", "no_direction", "bound it with within, among the requirements"),
        ("g", "unknown_stratum", "did you mean 'sex=F'?"),
        ("h", "unknown_output", "leave output out"),
    ]


def test_other_tasks_have_no_positives() -> None:
    plan = Plan.model_validate(
        {
            "task": "regression",
            "columns": {"label": "y", "score": "p"},
            "coverage": [{"id": "a", "positives": 5, "n": 1}],
        }
    )
    with pytest.raises(InputError, match="task regression has no positives"):
        check_requirements(plan, ["overall"], [], "plan.yaml")


SHARED = """
columns: {label: y, score: p}
threshold: {value: 0.4}
resamples: 100
permutations: 0
attributes: {sex: }
coverage:
  - {id: few, n: 7, strata: sex=X}
  - {id: fewer, n: 9, strata: sex}
  - {id: many, n: 100}
  - {id: labels, missing_label: 0.5, strata: sex}
  - {id: known, attribute: sex, missing: 0.01}
change:
  - {id: worse, measure: auroc, worse_by: 0.02}
checklists:
  - {id: papers, instruments: tripod-ai}
"""


@pytest.mark.parametrize("few", [6, 7, 8, 9, 10])
def test_whether_a_withheld_count_reaches_a_bound_is_not_told(few: int) -> None:
    columns = counted(F=(40, 20, 30, 60), M=(50, 20, 30, 50), X=(few - 3, 1, 1, 1))
    own = audited(SHARED, columns)
    made = {v.requirement: v for v in shareable(own).verdicts}
    assert next(v for v in own.verdicts if v.requirement == "few").status == (
        "met" if few >= 7 else "violated"
    )
    for id in ("few", "fewer"):
        assert (made[id].status, made[id].value) == ("not_estimable", None)
        assert "withheld" in made[id].reason
        assert not set(re.findall(r"\d+", made[id].reason)) & {str(few), str(few - 1)}
        hidden = next(p for p in made[id].parts if p.id == "coverage/n/sex=X")
        assert (hidden.status, hidden.value) == ("not_estimable", None)
    assert (made["many"].status, made["many"].value) == ("met", own.cohort.analysed)
    assert (made["worse"].status, made["papers"].status) == ("not_estimable", "not_estimable")


def test_other_tasks_count_their_units() -> None:
    columns = value_columns(7)
    plan = """
        task: regression
        columns: {label: y, score: p, patient: pid}
        resamples: 100
        permutations: 0
        attributes: {sex: }
        coverage:
          - {id: few, n: 100, patients: 50, strata: [sex=F, sex=M]}
          - {id: many, n: 501}
    """
    result = task_audit(plan, columns)
    few, many = result.verdicts
    assert few.status == "met"
    counted_by_hand = {f"coverage/n/sex={s}": [*columns["sex"]].count(s) for s in "FM"}
    own = {p.id: p.value for p in few.parts if p.id.startswith("coverage/n/")}
    assert own == counted_by_hand
    assert (many.status, many.value) == ("violated", 500)


def test_a_tally_counts_what_its_rows_count() -> None:
    columns = counted(F=(40, 20, 30, 60), M=(50, 20, 30, 50))
    text = SHARED.replace("sex=X", "sex=F")
    plan = plan_of(text)
    tally = tally_of(cohort_of(plan, columns), plan, bins_for(plan))
    counts = {v.requirement: v for v in audit_tally(tally, plan).verdicts if v.kind == "coverage"}
    rows = {v.requirement: v for v in audited(text, columns).verdicts if v.kind == "coverage"}
    assert counts == rows
