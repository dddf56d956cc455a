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
attributes: {race: , sex: {reference: M}}
options: {target_prevalence: 0.1}
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


def of_tally(columns: Columns, text: str = PLAN, **bins: Any) -> AuditResult:
    plan = plan_of(text)
    return audit_tally(tally_of(cohort_of(plan, columns), plan, bins_for(plan, **bins)), plan)


def of_rows(columns: Columns, text: str = PLAN) -> AuditResult:
    plan = plan_of(text)
    return audit(cohort_of(plan, columns), plan)


def both(columns: Columns, text: str = PLAN, **bins: Any) -> tuple[AuditResult, AuditResult]:
    return of_tally(columns, text, **bins), of_rows(columns, text)


def only(*measures: str) -> str:
    """A plan that reports so few measures."""
    return PLAN + f"measures: [{', '.join(measures)}]\n"


def numbers(record: Estimate | Disparity) -> tuple[float, float, float]:
    """Value, lower and upper bound."""
    assert record.value is not None
    assert record.lower is not None
    assert record.upper is not None
    return record.value, record.lower, record.upper


def width(record: Estimate | Disparity) -> float:
    _, lower, upper = numbers(record)
    return upper - lower


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


DEEP = PLAN.replace("race: ,", "race: , age: {band: [40, 65]}, ") + (
    f"depth: 2\nmeasures: [{', '.join(sorted(set(MEASURES) - REFUSED))}]\n"
)


@pytest.mark.parametrize("text", [PLAN, CLUSTERED, DEEP])
def test_every_measure_in_every_stratum(text: str) -> None:
    columns = random_columns(11, 1200, patients=500, decimals=None)
    inexact = check_against_rows(*both(columns, text))
    assert inexact.keys() <= BOUNDED
    assert {"auroc", "average_precision", "xauc", "citl"} <= inexact.keys()


@pytest.mark.parametrize("uniform", [4, 4096])
@pytest.mark.parametrize("seed", range(4))
def test_scores_on_edges_and_at_the_ends(seed: int, uniform: int) -> None:
    columns = random_columns(40 + seed, 240, decimals=None)
    rng = np.random.default_rng(seed)
    special = np.array([0.0, 1.0, 0.4, 0.5, *(np.arange(1, 15) / 15), 1 / 4096, 1e-9, 1 - 1e-12])
    near = np.clip(np.nextafter(special, rng.choice([0.0, 1.0], special.size)), 0, 1)
    moved = rng.random(240) < 0.8
    columns["p"] = np.where(moved, rng.choice([*special, *near], 240), columns["p"])
    tally, rows = both(columns, only(*(set(MEASURES) - REFUSED)), uniform=uniform)
    assert check_against_rows(tally, rows).keys() <= BOUNDED


def test_coarse_bins_are_far_off_and_say_so() -> None:
    tally, rows = both(random_columns(12, 1500, decimals=None), only(*BOUNDED), uniform=8)
    inexact = check_against_rows(tally, rows)
    assert inexact.keys() <= BOUNDED
    auroc = estimate(tally, "auroc")
    assert stated_error(auroc) > 1e-3


def test_rounded_scores_lose_nothing() -> None:
    tally, rows = both(random_columns(13, 1500, decimals=2), only(*BOUNDED))
    inexact = check_against_rows(tally, rows)
    assert inexact.keys() <= {"citl", "calibration_intercept", "calibration_slope"}
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
    text += f"depth: 2\nmeasures: [{', '.join(ANALYTIC)}]\n"
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
    measures = ("balanced_accuracy", "f1", "mcc", "lr_plus", "youden", "scaled_brier", "theil")
    text = only(*measures).replace("site: site", "site: site, patient: pid")
    text = text.replace("resamples: 200", "resamples: 2000")
    columns = random_columns(16, 4000, patients=900, decimals=None)
    tally, rows = both(columns, text)
    for measure in measures:
        found, truth = estimate(tally, measure), estimate(rows, measure)
        assert width(found) == pytest.approx(width(truth), rel=0.1)
        assert found.method.startswith("cluster_robust_")


def test_balanced_accuracy_by_its_own_formula() -> None:
    tally = of_tally(random_columns(17, 800, decimals=None))
    variance = 0.0
    for measure in ("sensitivity", "specificity"):
        part = estimate(tally, measure)
        assert part.denominator is not None
        value = numbers(part)[0]
        variance += value * (1 - value) / part.denominator * 800 / 799
    half = width(estimate(tally, "youden")) / 2
    assert half == pytest.approx(1.96293 * np.sqrt(variance), rel=1e-5)  # t with 799 df


def test_resampled_errors_of_the_average_precision() -> None:
    measures = ("average_precision", "partial_auroc", "xauc")
    text = only(*measures).replace("resamples: 200", "resamples: 2000")
    tally, rows = both(random_columns(18, 3000, decimals=None), text)
    for measure in measures:
        stratum = "sex=F" if measure == "xauc" else "overall"
        found, truth = estimate(tally, measure, stratum), estimate(rows, measure, stratum)
        assert width(found) == pytest.approx(width(truth), rel=0.15)


def test_where_patients_have_several_rows_some_intervals_cannot_be_had() -> None:
    tally = of_tally(random_columns(19, 1200, patients=400, decimals=None), CLUSTERED)
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
    fine, coarse = of_tally(columns, only("auroc")), of_tally(columns, only("auroc"), uniform=8)
    error = stated_error(estimate(coarse, "auroc"))
    half = width(estimate(fine, "auroc")) / 2
    assert error > 0.1 * half
    assert width(estimate(coarse, "auroc")) == pytest.approx(2 * (half + error), rel=0.02)
    codes = [(w.code, w.stratum) for w in coarse.warnings]
    assert ("tally_discretisation", "overall") in codes
    assert "tally_discretisation" not in [w.code for w in fine.warnings]


def test_the_null_of_the_calibration_error() -> None:
    tally, rows = both(random_columns(21, 2000, decimals=None), only("ece"))
    for stratum in ("overall", "race=C"):
        found, truth = estimate(tally, "ece", stratum), estimate(rows, "ece", stratum)
        assert found.value == pytest.approx(truth.value, abs=1e-12)
        assert found.null is not None
        assert truth.null is not None
        assert found.null.mean == pytest.approx(truth.null.mean, rel=0.05)
        assert found.null.q95 == pytest.approx(truth.null.q95, rel=0.08)


def test_differences_of_proportions_are_newcombes() -> None:
    tally = of_tally(random_columns(22, 900, decimals=None))
    found = disparity(tally, "sensitivity", "difference", "sex=F")
    one, other = estimate(tally, "sensitivity", "sex=F"), estimate(tally, "sensitivity", "sex=M")
    lower, upper = newcombe_difference(
        one.events, one.denominator, other.events, other.denominator  # type: ignore[arg-type]
    )  # fmt: skip
    assert (found.lower, found.upper) == pytest.approx((float(lower), float(upper)), abs=1e-12)
    assert found.method == "newcombe+tally_4096(exact)"


def test_differences_where_patients_are_in_several_strata_take_the_worst_case() -> None:
    columns = random_columns(23, 900, patients=300, decimals=None)
    tally = of_tally(columns, CLUSTERED)
    _, low, high = numbers(estimate(tally, "brier", "sex=F"))
    _, other_low, other_high = numbers(estimate(tally, "brier", "sex=M"))
    found = disparity(tally, "brier", "difference", "sex=F")
    assert numbers(found)[1:] == pytest.approx((low - other_high, high - other_low))
    assert found.method == "mover_any_dependence+tally_4096(exact)"
    ratio = disparity(tally, "brier", "ratio", "sex=F")
    assert numbers(ratio)[1:] == pytest.approx((low / other_high, high / other_low))


def test_differences_where_patients_are_in_one_stratum_each_add_variances() -> None:
    columns = random_columns(24, 1200, patients=400, decimals=None)
    number = np.array([int(p[1:]) for p in columns["pid"]])
    columns["sex"] = np.where(number % 3 == 0, "F", "M")
    tally = of_tally(columns, CLUSTERED)
    value, low, _ = numbers(estimate(tally, "brier", "sex=F"))
    other, _, other_high = numbers(estimate(tally, "brier", "sex=M"))
    found = disparity(tally, "brier", "difference", "sex=F")
    arm = np.hypot(value - low, other_high - other)
    assert numbers(found)[:2] == pytest.approx((value - other, value - other - arm))
    assert found.method == "mover+tally_4096(exact)"


def test_gaps_hold_for_all_pairs_by_bonferroni() -> None:
    columns = random_columns(25, 1500, decimals=None)
    tally = of_tally(columns)
    found = disparity(tally, "sensitivity", "gap", "race")
    narrow = of_tally(columns, PLAN + f"level: {1 - 0.05 / 3}\n")
    own = {r: numbers(estimate(narrow, "sensitivity", f"race={r}")) for r in "ABC"}
    lowers, uppers = [0.0], []
    for a in "ABC":
        for b in set("ABC") - {a}:
            (one, low, high), (other, other_low, other_high) = own[a], own[b]
            lowers.append(one - other - np.hypot(one - low, other_high - other))
            uppers.append(one - other + np.hypot(high - one, other - other_low))
    values = [v for v, _, _ in own.values()]
    expected = (max(values) - min(values), max(lowers), max(uppers))
    assert numbers(found) == pytest.approx(expected, abs=1e-12)
    assert found.method == "bonferroni_pairs+tally_4096(exact)"


def test_cohort_sites_and_curves_are_those_of_the_rows() -> None:
    columns = random_columns(26, 1500, decimals=None)
    tally, rows = both(columns, only(*ANALYTIC, "auroc", "citl"))
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
    measures = "measures: [sensitivity, prevalence]\n"
    tally, rows = both(columns, CLUSTERED + measures)
    told = {(w.code, w.message) for w in tally.warnings}
    for warning in rows.warnings:
        if warning.code in (
            "missing_label", "missing_attribute", "patient_at_several_sites", "probability_0_or_1",
            "small_stratum", "few_sites", "prevalence_differs_by_site",
        ):  # fmt: skip
            assert (warning.code, warning.message) in told
    assert any(w.code == "tally_patients" for w in tally.warnings)


def test_verdicts_are_given_at_their_own_level() -> None:
    text = only("sensitivity") + (
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
    plan = plan_of(CLUSTERED + "depth: 2\n")
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
    tally, rows = both(columns, only(*ANALYTIC) + "depth: 2\n")
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
