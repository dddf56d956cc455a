"""Requirements on a class, on every class and on the whole task."""

from typing import Any

import pytest

from audit.problems import InputError
from audit.result import AuditResult, Verdict
from tests.audit.tasks.builders import (
    MULTICLASS,
    MULTILABEL,
    REGRESSION,
    class_columns,
    label_columns,
    of_output,
    task_audit,
    value_columns,
)


def with_requirements(text: str, *requirements: str) -> str:
    return text + "requirements:\n" + "".join(f"  - {{{r}}}\n" for r in requirements)


def verdict(result: AuditResult, id: str) -> Verdict:
    (found,) = [v for v in result.verdicts if v.requirement == id]
    return found


def test_a_requirement_without_output_holds_for_every_class() -> None:
    text = with_requirements(
        MULTICLASS,
        "id: every, measure: auroc, strata: [overall, sex], floor: 0.6",
        "id: one, measure: auroc, output: bcc, strata: [overall, sex], floor: 0.6",
        "id: whole, measure: macro_auroc, floor: 0.6",
        "id: accuracy, measure: accuracy, floor: 0.99",
        "id: rate, measure: accuracy, output: mel, ceiling: 0.1",
    )
    text = text.replace("ceiling: 0.1", "within: [0.0, 0.1]")
    result = task_audit(text, class_columns(71))
    every = verdict(result, "every")
    assert len(every.parts) == 9
    assert {p.id for p in every.parts} == {
        f"auroc[{k}]/{s}" for k in ("mel", "naevus", "bcc") for s in ("overall", "sex=F", "sex=M")
    }
    worst = min((p for p in every.parts if p.lower is not None), key=lambda p: p.lower or 0)
    assert (every.lower, every.status) == (worst.lower, "met")
    assert f"auroc[{every.output}]/{every.stratum}" == worst.id
    assert every.reason.startswith(f"{every.output}, {every.stratum}: ")
    one = verdict(result, "one")
    assert [p.id for p in one.parts] == [f"auroc[bcc]/{s}" for s in ("overall", "sex=F", "sex=M")]
    assert (one.output, one.statement) == (
        "bcc",
        "AUROC of 'bcc' at least 0.6 overall, in each sex",
    )
    assert [p.id for p in verdict(result, "whole").parts] == ["macro_auroc/overall"]
    assert verdict(result, "whole").output is None
    # the whole task has an accuracy of its own; with an output it is that of the class
    assert [p.id for p in verdict(result, "accuracy").parts] == ["accuracy/overall"]
    assert verdict(result, "accuracy").status == "violated"
    assert [p.id for p in verdict(result, "rate").parts] == ["accuracy[mel]/overall"]


def test_contrasts_of_outputs_and_of_the_whole_task() -> None:
    text = with_requirements(
        MULTILABEL,
        "id: gaps, measure: sensitivity, contrast: gap, attribute: sex, margin: 0.5",
        "id: one, measure: auroc, output: oedema, contrast: difference, attribute: sex, "
        "margin: 0.3",
        "id: whole, measure: macro_auroc, contrast: difference, attribute: sex, margin: 0.2",
        "id: strict, measure: flag_rate, strata: sex, floor: 0.1, level: 0.9",
    )
    result = task_audit(text, label_columns(72))
    gaps = verdict(result, "gaps")
    assert [p.id for p in gaps.parts] == [
        f"sensitivity[{k}]/gap/sex" for k in ("effusion", "oedema", "nodule")
    ]
    assert verdict(result, "one").evidence == ("auroc[oedema]/difference/sex=F:sex=M",)
    assert verdict(result, "whole").evidence == ("macro_auroc/difference/sex=F:sex=M",)
    strict = verdict(result, "strict")
    assert (len(strict.parts), strict.level) == (6, 0.9)
    by_id = {e.id: e for e in result.estimates}
    for part in strict.parts:
        record = by_id[part.id]
        assert record.lower is not None
        assert part.lower is not None
        assert part.lower > record.lower  # 90 % inside 95 %


def test_primary_family_is_one_over_all_outputs() -> None:
    """Holm and the simultaneous intervals see the contrasts of every label at once."""
    text = with_requirements(
        MULTILABEL,
        "id: every, measure: sensitivity, contrast: difference, attribute: sex, margin: 0.5",
        "id: whole, measure: macro_auroc, contrast: difference, attribute: sex, margin: 0.5",
    )
    result = task_audit(text, label_columns(73))
    primary = [d for d in result.disparities if d.family == "primary"]
    differences = [d for d in primary if d.contrast == "difference"]
    assert {d.output for d in differences} == {"effusion", "oedema", "nodule", None}
    p = sorted((d.p, d.p_adjusted) for d in differences if d.p is not None)
    expected, least = [], 0.0
    for place, (raw, _) in enumerate(p):
        least = max(least, min(1.0, (raw or 0) * (len(p) - place)))
        expected.append(least)
    assert [q for _, q in p] == pytest.approx(expected, abs=1e-12)
    alone = task_audit(
        with_requirements(
            MULTILABEL,
            "id: a, measure: sensitivity, output: oedema, contrast: difference, attribute: sex, "
            "margin: 0.5",
            "id: b, measure: sensitivity, output: nodule, contrast: difference, attribute: sex, "
            "margin: 0.5",
        ),
        label_columns(73),
    )
    fewer = {d.id: d for d in alone.disparities if d.family == "primary"}
    assert {d.output for d in fewer.values()} == {"oedema", "nodule"}
    for d in differences:
        assert d.simultaneous is not None
        assert d.lower is not None
        assert d.simultaneous.lower is not None
        assert d.simultaneous.lower < d.lower
        if d.id in fewer:
            narrower = fewer[d.id].simultaneous
            assert narrower is not None
            assert narrower.lower is not None
            assert d.simultaneous.lower < narrower.lower


def test_regression_floors_ceilings_and_contrasts() -> None:
    text = with_requirements(
        REGRESSION,
        "id: mae, measure: mae, strata: [overall, sex], ceiling: 8",
        "id: r2, measure: r2, floor: 0.99",
        "id: bias, measure: bias, strata: sex, within: [-4, 4]",
        "id: gap, measure: mae, contrast: gap, attribute: sex, margin: 3",
        "id: ratio, measure: rmse, contrast: ratio, attribute: sex, margin: 0.5",
    )
    result = task_audit(text, value_columns(74))
    found = {v.requirement: v.status for v in result.verdicts}
    assert found == {"mae": "met", "r2": "violated", "bias": "met", "gap": "met", "ratio": "met"}
    inconclusive = task_audit(
        with_requirements(REGRESSION, "id: tight, measure: mae, ceiling: 5.55"), value_columns(74)
    )
    (one,) = inconclusive.verdicts
    assert one.status == "inconclusive"
    assert one.detectable is not None
    assert one.n_needed is not None


@pytest.mark.parametrize(("text", "requirement", "code"), [
    (MULTICLASS, "measure: auroc, output: melanoma, floor: 0.5", "unknown_output"),
    (MULTICLASS, "measure: macro_auroc, output: mel, floor: 0.5", "no_output"),
    (MULTICLASS, "measure: mae, ceiling: 3", "unknown_measure"),
    (MULTICLASS, "measure: multiclass_brier, floor: 0.1", "reversed_bound"),
    (MULTILABEL, "measure: quadratic_kappa, floor: 0.1", "unknown_measure"),
    (REGRESSION, "measure: mae, output: y, ceiling: 3", "unknown_output"),
    (REGRESSION, "measure: sensitivity, floor: 0.5", "unknown_measure"),
    (REGRESSION, "measure: mae, floor: 3", "reversed_bound"),
    (REGRESSION, "measure: bias, contrast: ratio, attribute: sex, margin: 0.5", "no_ratio"),
])  # fmt: skip
def test_requirements_that_cannot_be_held(text: str, requirement: str, code: str) -> None:
    make: Any = {MULTICLASS: class_columns, MULTILABEL: label_columns, REGRESSION: value_columns}
    with pytest.raises(InputError) as raised:
        task_audit(with_requirements(text, f"id: r, {requirement}"), make[text](75, 60, 60))
    assert [p.code for p in raised.value.problems] == [code]


def test_unknown_measure_of_another_task_says_so() -> None:
    with pytest.raises(InputError) as raised:
        task_audit(with_requirements(REGRESSION, "id: r, measure: auroc, floor: 0.5"),
                   value_columns(76, 60, 60))  # fmt: skip
    assert raised.value.problems[0].reason == "task regression has no measure 'auroc'"


@pytest.mark.parametrize(("text", "extra", "code"), [
    (REGRESSION, "standardise: sex\n", "not_for_task"),
    (REGRESSION, "label_error: {overall: {false_positive: [0, 0.1]}}\n", "not_for_task"),
    (MULTICLASS, "label_error: {overall: {false_positive: [0, 0.1]}}\n", "not_for_task"),
    (MULTICLASS, "intervals: {macro_auroc: wilson}\n", "unknown_method"),
    (REGRESSION, "measures: [mae, auroc]\n", "unknown_measure"),
])  # fmt: skip
def test_plans_that_do_not_fit_the_task(text: str, extra: str, code: str) -> None:
    make: Any = {MULTICLASS: class_columns, REGRESSION: value_columns}
    with pytest.raises(InputError) as raised:
        task_audit(text + extra, make[text](77, 60, 60))
    assert [p.code for p in raised.value.problems] == [code]


def test_label_errors_of_every_label() -> None:
    text = MULTILABEL + "label_error: {overall: {false_negative: [0, 0.1]}}\n"
    result = task_audit(text, label_columns(78))
    assert {b.output for b in result.bounds.label_error} == {"effusion", "oedema", "nodule"}
    assert of_output(result, "sensitivity", "oedema").status == "ok"
