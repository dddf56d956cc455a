"""The audit of a tally against the audit of the rows."""

import re
from typing import Any

import numpy as np
import pytest

from audit.measures import MEASURES
from audit.problems import InputError
from audit.result import AuditResult, Disparity, Estimate
from audit.run import audit
from audit.stats.proportions import newcombe_difference
from audit.tally import merge, tally_of
from audit.tally.audit import audit_tally
from audit.tally.bins import bins_for
from audit.tally.estimates import COARSE, NEEDS_ROWS, rounded_up
from tests.audit.builders import (
    Columns,
    cohort_of,
    disparity,
    estimate,
    plan_of,
    random_columns,
    take,
)

PLAN = """
columns: {label: y, score: p, site: site}
threshold: {value: 0.4}
attributes: {race: , sex: {reference: M}, age: {band: [40, 65]}}
options: {target_prevalence: 0.1}
depth: 2
resamples: 200
permutations: 0
"""
CLUSTERED = PLAN.replace("site: site", "site: site, patient: pid")
# What needs the order of scores inside the bins and for which no bound is given.
REFUSED = {
    "ici", "e50", "e90", "emax", "ece_mass", "smece", "spiegelhalter_z", "murphy_reliability",
    "murphy_resolution",
}  # fmt: skip
BOUNDED = {
    "auroc", "average_precision", "partial_auroc", "sensitivity_at_specificity",
    "specificity_at_sensitivity", "xauc", "citl", "calibration_intercept", "calibration_slope",
}  # fmt: skip


def both(columns: Columns, text: str = PLAN, **bins: Any) -> tuple[AuditResult, AuditResult]:
    plan = plan_of(text)
    cohort = cohort_of(plan, columns)
    tally = tally_of(cohort, plan, bins_for(plan, **bins))
    return audit_tally(tally, plan), audit(cohort, plan)


def stated_error(record: Estimate | Disparity) -> float:
    found = re.fullmatch(r"[a-z0-9_]+\+tally_\d+\((exact|error<=(.+))\)", record.method)
    assert found, record.method
    return 0.0 if found[1] == "exact" else float(found[2])


def check_against_rows(tally: AuditResult, rows: AuditResult) -> dict[str, int]:
    """Every value within its stated error; returns how many of each measure were not exact."""
    own = {e.id: e for e in tally.estimates}
    assert own.keys() == {e.id for e in rows.estimates}
    inexact: dict[str, int] = {}
    for truth in rows.estimates:
        found = own[truth.id]
        assert (found.n, found.n_positive, found.events) == (
            truth.n, truth.n_positive, truth.events,
        )  # fmt: skip
        assert (found.denominator, found.clusters) == (truth.denominator, truth.clusters)
        assert found.baseline == truth.baseline
        if truth.measure in REFUSED and truth.status in ("ok", "insufficient"):
            assert (found.value, found.status, found.reason) == (None, "insufficient", NEEDS_ROWS)
        elif found.reason == COARSE:
            assert found.value is None
        elif truth.value is None:
            assert (found.value, found.status, found.reason) == (None, truth.status, truth.reason)
        else:
            assert found.value is not None, found
            error = stated_error(found)
            slack = 1e-8 if truth.measure.startswith(("cal", "citl")) else 1e-12
            assert abs(found.value - truth.value) <= error + slack * (1 + abs(truth.value)), found
            if error:
                inexact[truth.measure] = inexact.get(truth.measure, 0) + 1
    return inexact


@pytest.mark.parametrize("text", [PLAN, CLUSTERED])
def test_every_measure_in_every_stratum(text: str) -> None:
    columns = random_columns(11, 1500, patients=500, decimals=None)
    inexact = check_against_rows(*both(columns, text))
    assert inexact.keys() <= BOUNDED
    assert {"auroc", "average_precision", "xauc", "citl"} <= inexact.keys()


def test_coarse_bins_are_far_off_and_say_so() -> None:
    tally, rows = both(random_columns(12, 1500, decimals=None), uniform=8)
    inexact = check_against_rows(tally, rows)
    assert inexact.keys() <= BOUNDED
    auroc = estimate(tally, "auroc")
    assert stated_error(auroc) > 1e-3


def test_rounded_scores_lose_nothing() -> None:
    inexact = check_against_rows(*both(random_columns(13, 1500, decimals=2)))
    assert inexact.keys() <= {"citl", "calibration_intercept", "calibration_slope"}
    tally, rows = both(random_columns(13, 1500, decimals=2))
    for measure in ("auroc", "citl", "calibration_slope"):
        found, truth = estimate(tally, measure), estimate(rows, measure)
        assert found.lower == pytest.approx(truth.lower, abs=1e-9)
        assert found.upper == pytest.approx(truth.upper, abs=1e-9)


@pytest.mark.parametrize("kind", ["logit", "rank", "decision"])
def test_other_kinds_of_score(kind: str) -> None:
    columns = random_columns(14, 900, decimals=None)
    columns["s"] = np.log(columns["p"] / (1 - columns["p"]))
    columns["d"] = columns["p"] > 0.5
    role = "prediction: d" if kind == "decision" else "score: s"
    text = PLAN.replace("score: p", role).replace("value: 0.4", "value: -0.3")
    if kind == "decision":
        text = text.replace("threshold: {value: -0.3}\n", "")
    else:
        text += f"score_kind: {kind}\n"
    edges = np.linspace(-4, 4, 500).tolist() if kind == "rank" else []
    inexact = check_against_rows(*both(columns, text, edges=edges))
    assert ("auroc" in inexact) == (kind != "decision")


ANALYTIC = [m.id for m in MEASURES.values() if m.inference in ("proportion", "ratio")]


@pytest.mark.parametrize("text", [PLAN, CLUSTERED])
def test_intervals_of_ratios_are_those_of_the_rows(text: str) -> None:
    tally, rows = both(random_columns(15, 1200, patients=400, decimals=None), text)
    own = {e.id: e for e in tally.estimates}
    compared = 0
    for truth in rows.estimates:
        if truth.measure in ANALYTIC and truth.lower is not None:
            found = own[truth.id]
            assert found.lower == pytest.approx(truth.lower, rel=1e-9, abs=1e-11), found
            assert found.upper == pytest.approx(truth.upper, rel=1e-9, abs=1e-11), found
            assert found.method.startswith(f"{truth.method}+"), (found.method, truth.method)
            assert found.status == truth.status
            compared += 1
    assert compared > 300


def test_linearised_intervals_resemble_the_resampled_ones() -> None:
    text = CLUSTERED.replace("resamples: 200", "resamples: 2000").replace("depth: 2", "depth: 1")
    columns = random_columns(16, 4000, patients=900, decimals=None)
    tally, rows = both(columns, text)
    for measure in ("balanced_accuracy", "f1", "mcc", "lr_plus", "youden", "scaled_brier", "theil"):
        found, truth = estimate(tally, measure), estimate(rows, measure)
        width = truth.upper - truth.lower  # type: ignore[operator]
        assert found.upper - found.lower == pytest.approx(width, rel=0.1)  # type: ignore[operator]
        assert found.method.startswith("cluster_robust_")


def test_balanced_accuracy_by_its_own_formula() -> None:
    tally, _ = both(random_columns(17, 800, decimals=None))
    sens, spec = estimate(tally, "sensitivity"), estimate(tally, "specificity")
    found = estimate(tally, "youden")
    assert found.n is not None
    variance = sum(
        e.value * (1 - e.value) / e.denominator * found.n / (found.n - 1)  # type: ignore[operator]
        for e in (sens, spec)
    )
    half = (found.upper - found.lower) / 2  # type: ignore[operator]
    assert half == pytest.approx(1.963 * np.sqrt(variance), rel=1e-3)  # t with 799 df


def test_resampled_errors_of_the_average_precision() -> None:
    text = PLAN.replace("resamples: 200", "resamples: 2000").replace("depth: 2", "depth: 1")
    tally, rows = both(random_columns(18, 3000, decimals=None), text)
    for measure in ("average_precision", "partial_auroc", "xauc"):
        stratum = "sex=F" if measure == "xauc" else "overall"
        found, truth = estimate(tally, measure, stratum), estimate(rows, measure, stratum)
        width = truth.upper - truth.lower  # type: ignore[operator]
        assert found.upper - found.lower == pytest.approx(width, rel=0.15)  # type: ignore[operator]


def test_where_patients_have_several_rows_some_intervals_cannot_be_had() -> None:
    tally, _ = both(random_columns(19, 1200, patients=400, decimals=None), CLUSTERED)
    for measure in ("auroc", "citl", "calibration_slope", "average_precision", "partial_auroc"):
        found = estimate(tally, measure)
        assert found.value is not None
        assert (found.lower, found.upper, found.status) == (None, None, "insufficient")
        assert found.reason is not None
        assert "patients have several rows" in found.reason
        contrast = disparity(tally, measure, "difference", "sex=F")
        assert (contrast.lower, contrast.status) == (None, "insufficient")


def test_a_telling_error_widens_the_interval_and_is_warned_of() -> None:
    columns = random_columns(20, 6000, decimals=None)
    fine, _ = both(columns)
    coarse, _ = both(columns, uniform=8)
    a, b = estimate(fine, "auroc"), estimate(coarse, "auroc")
    error = stated_error(b)
    half = (a.upper - a.lower) / 2  # type: ignore[operator]
    assert error > 0.1 * half
    assert b.upper - b.lower == pytest.approx(2 * (half + error), rel=0.02)  # type: ignore[operator]
    codes = [(w.code, w.stratum) for w in coarse.warnings]
    assert ("tally_discretisation", "overall") in codes
    assert "tally_discretisation" not in [w.code for w in fine.warnings]


def test_the_null_of_the_calibration_error() -> None:
    tally, rows = both(random_columns(21, 2000, decimals=None))
    for stratum in ("overall", "race=C"):
        found, truth = estimate(tally, "ece", stratum), estimate(rows, "ece", stratum)
        assert found.value == pytest.approx(truth.value, abs=1e-12)
        assert found.null is not None
        assert truth.null is not None
        assert found.null.mean == pytest.approx(truth.null.mean, rel=0.05)
        assert found.null.q95 == pytest.approx(truth.null.q95, rel=0.08)


def test_differences_of_proportions_are_newcombes() -> None:
    tally, _ = both(random_columns(22, 900, decimals=None))
    found = disparity(tally, "sensitivity", "difference", "sex=F")
    one, other = estimate(tally, "sensitivity", "sex=F"), estimate(tally, "sensitivity", "sex=M")
    lower, upper = newcombe_difference(
        one.events, one.denominator, other.events, other.denominator  # type: ignore[arg-type]
    )  # fmt: skip
    assert (found.lower, found.upper) == pytest.approx((float(lower), float(upper)), abs=1e-12)
    assert found.method == "newcombe+tally_4096(exact)"


def test_differences_where_patients_are_in_several_strata_take_the_worst_case() -> None:
    columns = random_columns(23, 900, patients=300, decimals=None)
    tally, _ = both(columns, CLUSTERED)
    one, other = estimate(tally, "brier", "sex=F"), estimate(tally, "brier", "sex=M")
    found = disparity(tally, "brier", "difference", "sex=F")
    assert found.lower == pytest.approx(one.lower - other.upper)  # type: ignore[operator]
    assert found.upper == pytest.approx(one.upper - other.lower)  # type: ignore[operator]
    assert found.method == "mover_any_dependence+tally_4096(exact)"
    ratio = disparity(tally, "brier", "ratio", "sex=F")
    assert ratio.lower == pytest.approx(one.lower / other.upper)  # type: ignore[operator]


def test_differences_where_patients_are_in_one_stratum_each_add_variances() -> None:
    columns = random_columns(24, 1200, patients=400, decimals=None)
    number = np.array([int(p[1:]) for p in columns["pid"]])
    columns["sex"] = np.where(number % 3 == 0, "F", "M")
    tally, _ = both(columns, CLUSTERED)
    one, other = estimate(tally, "brier", "sex=F"), estimate(tally, "brier", "sex=M")
    found = disparity(tally, "brier", "difference", "sex=F")
    arm = np.hypot(one.value - one.lower, other.upper - other.value)  # type: ignore[operator]
    assert found.lower == pytest.approx(found.value - arm)  # type: ignore[operator]
    assert found.method == "mover+tally_4096(exact)"


def test_gaps_hold_for_all_pairs_by_bonferroni() -> None:
    columns = random_columns(25, 1500, decimals=None)
    tally, _ = both(columns)
    found = disparity(tally, "sensitivity", "gap", "race")
    narrow, _ = both(columns, PLAN + f"level: {1 - 0.05 / 3}\n")
    values = {r: estimate(tally, "sensitivity", f"race={r}") for r in "ABC"}
    arms = {r: estimate(narrow, "sensitivity", f"race={r}") for r in "ABC"}
    bounds = []
    for a in "ABC":
        for b in set("ABC") - {a}:
            d = values[a].value - values[b].value  # type: ignore[operator]
            down = np.hypot(arms[a].value - arms[a].lower, arms[b].upper - arms[b].value)  # type: ignore[operator]
            up = np.hypot(arms[a].upper - arms[a].value, arms[b].value - arms[b].lower)  # type: ignore[operator]
            bounds.append((d - down, d + up))
    assert found.lower == pytest.approx(max(0.0, *(low for low, _ in bounds)), abs=1e-12)
    assert found.upper == pytest.approx(max(high for _, high in bounds), abs=1e-12)
    assert found.method == "bonferroni_pairs+tally_4096(exact)"
    spread = [v.value for v in values.values()]
    assert found.value == pytest.approx(max(spread) - min(spread))  # type: ignore[type-var]


def test_cohort_sites_and_curves_are_those_of_the_rows() -> None:
    tally, rows = both(random_columns(26, 1500, patients=1500, decimals=None))
    assert tally.cohort == rows.cohort
    assert tally.curves.risk == rows.curves.risk
    own = {c.stratum: c for c in tally.curves.decision}
    for curve in rows.curves.decision:
        mine = own[curve.stratum]
        assert mine.thresholds == curve.thresholds
        assert mine.net_benefit == pytest.approx(curve.net_benefit, abs=1e-12)
        assert mine.lower == pytest.approx(curve.lower, abs=1e-9)
        assert mine.treat_all == pytest.approx(curve.treat_all, abs=1e-12)
    sweeps = {c.stratum: c for c in tally.curves.sweep}
    for sweep in rows.curves.sweep:
        assert sweeps[sweep.stratum].sensitivity == pytest.approx(sweep.sensitivity, abs=1e-12)
        assert sweeps[sweep.stratum].npv == pytest.approx(sweep.npv, abs=1e-12)
    assert tally.sites is not None
    assert rows.sites is not None
    pooled = {(h.measure, h.stratum): h for h in rows.sites.heterogeneity}
    for found in tally.sites.heterogeneity:
        if found.measure in ANALYTIC and found.pooled is not None:
            truth = pooled[found.measure, found.stratum].pooled
            assert truth is not None
            assert found.pooled.value == pytest.approx(truth.value, rel=1e-6)
            assert found.pooled.lower == pytest.approx(truth.lower, rel=1e-5, abs=1e-8)


def test_warnings_that_counts_can_tell_are_those_of_the_rows() -> None:
    columns = random_columns(27, 300, patients=100, decimals=None)
    columns["p"][:80] = 0.5
    columns["p"][80:83] = 1.0
    columns["sex"] = np.array([None if i % 9 == 0 else s for i, s in enumerate(columns["sex"])])
    columns["y"] = np.array([None if i % 50 == 7 else int(v) for i, v in enumerate(columns["y"])])
    tally, rows = both(columns, CLUSTERED)
    told = {(w.code, w.message) for w in tally.warnings}
    for warning in rows.warnings:
        if warning.code in (
            "missing_label", "missing_attribute", "patient_at_several_sites", "probability_0_or_1",
            "small_stratum", "few_sites", "prevalence_differs_by_site",
        ):  # fmt: skip
            assert (warning.code, warning.message) in told
    assert any(w.code == "tally_patients" for w in tally.warnings)


def test_verdicts_are_given_at_their_own_level() -> None:
    text = PLAN + (
        "requirements:\n"
        "  - {id: a, measure: sensitivity, floor: 0.3, strata: sex, level: 0.9}\n"
        "  - {id: b, measure: specificity, contrast: gap, attribute: race, margin: 0.9}\n"
        "  - {id: c, measure: prevalence, ceiling: 0.1}\n"
    )
    tally, rows = both(random_columns(28, 1200, decimals=None), text)
    assert [v.status for v in tally.verdicts] == ["met", "met", "violated"]
    assert [v.status for v in rows.verdicts] == ["met", "met", "violated"]
    assert tally.verdicts[0].lower == pytest.approx(rows.verdicts[0].lower)


def test_the_result_does_not_depend_on_how_it_was_merged() -> None:
    plan = plan_of(CLUSTERED)
    columns = random_columns(29, 300, patients=100, decimals=None)
    shard = np.array([int(p[1:]) % 3 for p in columns["pid"]])
    parts = [tally_of(cohort_of(plan, take(columns, shard == k)), plan) for k in range(3)]
    whole = audit_tally(tally_of(cohort_of(plan, columns), plan), plan).to_json()
    assert audit_tally(merge(*parts), plan).to_json() == whole
    assert audit_tally(merge(parts[2], merge(parts[1], parts[0])), plan).to_json() == whole


def test_declared_levels_and_references_without_rows() -> None:
    columns = random_columns(30, 300, decimals=None)
    text = PLAN.replace("race: ", "race: {levels: [A, D], reference: D}")
    plan = plan_of(text)
    result = audit_tally(tally_of(cohort_of(plan, columns), plan), plan)
    assert estimate(result, "sensitivity", "race=D").status == "not_collected"
    race = next(a for a in result.cohort.attributes if a.name == "race")
    assert (race.levels, race.reference) == (("A", "B", "C", "D"), "D")
    other = plan_of(PLAN.replace("reference: M", "reference: X"))
    tally = tally_of(cohort_of(plan_of(PLAN), columns), plan_of(PLAN))
    with pytest.raises(InputError, match="another plan"):
        audit_tally(tally, other)


def test_small_strata_say_what_they_lack() -> None:
    columns = take(random_columns(31, 400, decimals=None), slice(0, 60))
    tally, rows = both(columns)
    own = {e.id: e for e in tally.estimates}
    for truth in rows.estimates:
        if truth.measure in ANALYTIC:
            assert (own[truth.id].status, own[truth.id].reason) == (truth.status, truth.reason)


def test_errors_are_rounded_up() -> None:
    assert rounded_up(3.05e-5) == "3.1e-05"
    assert rounded_up(3.1e-5) == "3.1e-05"
    assert rounded_up(9.96e-3) == "1.0e-02"
    assert rounded_up(1.0) == "1.0e+00"
    for error in np.random.default_rng(1).random(200) * 10.0 ** np.arange(-10, 10).repeat(10):
        assert error <= float(rounded_up(error)) <= error * 1.11
