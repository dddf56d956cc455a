"""What a sentence says besides the value: how many, held against what, and what to bear in mind."""

from typing import Any

import pytest

from audit.result import AuditResult
from checklists.figures import figures
from checklists.sentences import inside
from tests.reports.sections_of import sample_data

TUNED = (
    "The threshold was tuned on these data, so that every value at it is optimistic."
)  # fmt: skip


def told(**more: Any) -> dict[str, str]:
    return dict(figures(AuditResult.model_validate(sample_data() | more)))


def with_(kind: str, id: str, **fields: Any) -> dict[str, str]:
    """Sentences of the sample with one record altered."""
    data = sample_data()
    (record,) = [r for r in data[kind] if r.get("id", r.get("requirement")) == id]
    record |= fields
    return dict(figures(AuditResult.model_validate(data)))


def cohort(**fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = sample_data()["cohort"]
    return found | fields


def test_every_verdict_has_its_size_and_the_reason_where_the_interval_did_not_decide() -> None:
    found = told()
    assert found["verdict/waived-example"] == (
        "The requirement 'O:E ratio within 0.80 to 1.25 in hospital=Leiden' is waived, which is "
        "not a pass: 1.120 (95 % interval 0.914 to 1.373; n = 257, 61 with the condition, 257 "
        "patients) in hospital=Leiden; waived until 2025-06-30: recalibration is under way."
    )
    assert found["verdict/not-applicable-example"] == (
        "The requirement 'calibration slope within 0.8 to 1.2 overall' does not apply to these "
        "data: the score was declared a rank in the first version of the plan."
    )
    assert found["verdict/violated-example"] == (
        "The requirement 'difference in sensitivity between levels of race within ±0.10' is "
        "violated: −0.263 (95 % interval −0.380 to −0.146; n = 246 and 913) between race=Black "
        "and race=White."
    )


def test_too_little_data_is_told_as_the_reason_of_an_inconclusive_verdict() -> None:
    found = with_("verdicts", "inconclusive-example", lower=None, upper=None, n_needed=None,
                  reason="sex=F: too little data: 3 patients")  # fmt: skip
    assert found["verdict/inconclusive-example"].endswith(
        "(no interval; n = 710 and 690) between sex=F and sex=M; sex=F: too little data: 3 "
        "patients."
    )


def test_a_verdict_of_several_parts_says_how_many() -> None:
    part = {"id": "auroc/overall", "value": 0.8, "lower": 0.7, "upper": 0.9, "reason": ""}
    parts = [part | {"status": s} for s in ("violated", "met", "violated")]
    found = with_("verdicts", "violated-example", parts=parts)
    assert found["verdict/violated-example"].endswith("; 2 of 3 parts violated.")


def test_a_simultaneous_interval_is_called_that_wherever_it_stands() -> None:
    id = "sensitivity/difference/race=Black:race=White"
    whole = {"value": None, "lower": -0.4, "upper": -0.125}
    found = with_("disparities", id, simultaneous=whole)
    assert "; −0.400 to −0.125 simultaneous over the primary family; " in found[id]
    assert "(95 % simultaneous interval −0.380" in found["verdict/violated-example"]
    assert "simultaneous" not in told()["verdict/violated-example"]


def test_a_threshold_tuned_on_these_data_is_told_at_every_value_that_rests_on_it() -> None:
    threshold = {"value": 0.4, "source": "tuned_here"}
    found = told(cohort=cohort(threshold=threshold))
    rests = ("sensitivity/overall", "net_benefit/sex=F", "sensitivity/gap/race",
             "verdict/violated-example")  # fmt: skip
    assert all(found[id].endswith(f". {TUNED}") for id in rests)
    free = ("auroc/overall", "oe_ratio/overall", "auroc/gap/race", "verdict/met-example")
    assert not any("optimistic" in found[id] for id in free)
    assert not any("optimistic" in sentence for sentence in told().values())


def test_screening_and_what_was_declared_are_told_apart() -> None:
    found = told()
    assert "declared beforehand" in found["sensitivity/difference/race=Black:race=White"]
    assert "screening, not declared" in found["specificity/difference/race=Black:race=White"]
    bare = with_("disparities", "sensitivity/gap/race", p_adjusted=None, p=0.04)
    assert "; p = 0.040 without adjustment, screening" in bare["sensitivity/gap/race"]


def test_groups_of_a_contrast_have_their_values_and_sizes() -> None:
    id = "sensitivity/difference/race=Black:race=White"
    assert "between race=Black (0.276, n = 246) and race=White (0.539, n = 913) was" in told()[id]
    others = with_("disparities", id, reference="not race=Black")
    assert "between race=Black (0.276, n = 246) and everyone else (n = 1,154)" in others[id]


@pytest.mark.parametrize("reference", ["race=White", "not race=(missing)"])
def test_the_size_of_a_withheld_group_is_never_told(reference: str) -> None:
    id = "sensitivity/difference/race=(missing):race=White"
    sentence = with_("disparities", id, reference=reference)[id]
    assert "race=(missing) (n withheld)" in sentence
    if reference.startswith("not"):
        assert "everyone else (n withheld)" in sentence
    verdict = with_("verdicts", "violated-example", evidence=(id,), stratum=None, value=None)
    assert "(counts withheld)" in verdict["verdict/violated-example"]


def test_what_chance_or_a_perfect_model_gives_stands_beside_the_value() -> None:
    found = told()
    assert "a calibrated model gives 0.007 in the mean, p = 0.012" in found["ece/overall"]
    assert found["calibration_slope/overall"].endswith("; ideal 1).")
    chance = with_("estimates", "average_precision/overall", baseline=0.25)
    assert "; 0.250 by chance alone)" in chance["average_precision/overall"]
    null = {"mean": 0.0625, "q95": 0.1, "excess": 0.2, "p": 0.01}
    gap = with_("disparities", "sensitivity/gap/race", null=null)["sensitivity/gap/race"]
    assert "; chance alone gives 0.062 in the mean)" in gap


def test_few_sites_and_sites_left_out_are_told() -> None:
    data = sample_data()
    one = data["sites"]["heterogeneity"][0]
    one |= {"k": 3, "sites": one["sites"][:3], "excluded": ["hospital=Lyon"]}
    found = figures(AuditResult.model_validate(data))["sites/sensitivity"]
    assert found.endswith(
        ". Without hospital=Lyon, which could not be pooled. It rests on few sites."
    )
    assert "; n = 1,024); at a new site" in found


def test_sites_of_several_classes_keep_their_own_sentences() -> None:
    data = sample_data()
    first = data["sites"]["heterogeneity"][0]
    data["sites"]["heterogeneity"] = [first | {"output": o} for o in (None, "mel", "nv")]
    found = figures(AuditResult.model_validate(data))
    assert found["sites/sensitivity"].startswith("Sensitivity over")
    assert found["sites/sensitivity[mel]"].startswith("Sensitivity (mel) over")
    assert found["sites/sensitivity[nv]"].startswith("Sensitivity (nv) over")


def test_tests_of_calibration_say_whom_they_rest_on_and_that_they_are_screening() -> None:
    test = {"id": "calibration_interaction/race", "attribute": "race",
            "levels": ["Asian", "Black", "White"], "left_out": ["Other"], "slope_chi2": 1.0,
            "slope_df": 2, "slope_p": 0.25, "joint_chi2": 9.0, "joint_df": 4, "joint_p": 0.0005,
            "method": "wald_robust", "status": "ok", "reason": None}  # fmt: skip
    assert told(calibration_tests=[test])["calibration_interaction/race"] == (
        "Test of equal calibration by race: intercepts and slopes together p < 0.001, slopes "
        "alone p = 0.250 (3 levels, n = 1,357; screening, without adjustment). Without Other: too "
        "few to test."
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Sensitivity", "sensitivity"),
        ("AUROC", "AUROC"),
        ("O:E ratio", "O:E ratio"),
        ("Brier score", "Brier score"),
        ("Youden's J", "Youden's J"),
        ("Matthews correlation coefficient", "Matthews correlation coefficient"),
    ],
)
def test_names_of_people_keep_their_capital(name: str, expected: str) -> None:
    assert inside(name) == expected
