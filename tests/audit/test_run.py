"""What must change a result, what is counted, and the reason where there is no number."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from audit.measures import MEASURES
from audit.result import Estimate
from audit.stats.proportions import wilson
from tests.audit.builders import (
    PLAN,
    Columns,
    audited,
    counted,
    disparity,
    estimate,
    random_columns,
    take,
    width,
)


def reported() -> set[str]:
    """What is reported of everyone: groups have more, and a target prevalence adds some."""
    return {m.id for m in MEASURES.values() if not m.needs_target and not m.pairwise} - {"xauc"}


def test_same_share_in_every_patient_is_not_certainty() -> None:
    """50 patients with three lesions each, of which one is found: 1/3, but not exactly."""
    rng = np.random.default_rng(30)
    columns = {
        "y": np.repeat([1, 0], [150, 60]),
        "p": np.concatenate([np.tile([0.1, 0.2, 0.7], 50), rng.uniform(0, 1, 60)]),
        "pid": np.concatenate([np.repeat(np.arange(50), 3), 100 + np.arange(60)]).astype(str),
    }
    text = """
    columns: {label: y, score: p, patient: pid}
    threshold: {value: 0.4}
    resamples: 100
    """
    found = estimate(audited(text, columns), "sensitivity")
    assert found.value == pytest.approx(1 / 3)
    assert found.method == "wilson_patients"
    lower, upper = wilson(50 / 3, 50)
    assert found.lower == pytest.approx(lower)
    assert found.upper == pytest.approx(upper)


def test_missing_values_keep_their_level_and_their_counts() -> None:
    columns: Columns = {
        "y": [1, 0, None, 1, 0, None, 1, 0],
        "p": [0.9, 0.1, 0.5, None, None, None, 0.4, 0.3],
        "sex": ["F", "F", "F", "F", None, None, None, "M"],
        "pid": ["a", "a", "a", "b", "b", "c", "c", "d"],
    }
    text = """
    columns: {label: y, score: p, patient: pid}
    threshold: {value: 0.4}
    resamples: 100
    attributes: {sex: {levels: [F, M, X]}}
    """
    result = audited(text, columns)
    counts = {c.stratum: c for c in result.cohort.strata}
    assert list(counts) == ["overall", "sex=F", "sex=M", "sex=X", "sex=(missing)"]
    shown = {
        s: (c.rows, c.missing_label, c.missing_score, c.n, c.n_positive, c.n_negative, c.patients)
        for s, c in counts.items()
    }
    assert shown == {
        "overall": (8, 2, 3, 4, 2, 2, 3),
        "sex=F": (4, 1, 1, 2, 1, 1, 1),
        "sex=M": (1, 0, 0, 1, 0, 1, 1),
        "sex=X": (0, 0, 0, 0, 0, 0, 0),
        "sex=(missing)": (3, 1, 2, 1, 1, 0, 1),
    }
    # the score 0.4 equals the threshold and is flagged
    missing = counts["sex=(missing)"]
    assert (missing.tp, missing.fp, missing.tn, missing.fn) == (1, 0, 0, 0)
    assert (counts["overall"].tp, counts["overall"].tn) == (2, 2)
    assert (result.cohort.missing_label, result.cohort.missing_score) == (2, 3)
    assert (result.cohort.rows, result.cohort.analysed, result.cohort.patients) == (8, 4, 4)
    assert result.cohort.attributes[0].missing == 3
    assert {w.code for w in result.warnings} >= {
        "missing_attribute",
        "missing_label",
        "missing_score",
    }


def test_threshold_equality() -> None:
    p = np.array([0.3, 0.1 + 0.2, np.nextafter(0.3, 0), 0.3])
    result = audited(
        "columns: {label: y, score: p}\nthreshold: {value: 0.3}\nresamples: 100\n",
        {"y": np.array([1, 1, 1, 0]), "p": p},
    )
    count = result.cohort.strata[0]
    assert (count.tp, count.fn, count.fp, count.tn) == (2, 1, 1, 0)


def test_counts_behind_every_estimate() -> None:
    result = audited(PLAN.replace("race: , ", ""), counted(F=(30, 10, 5, 45), M=(12, 18, 33, 7)))
    behind = {
        "sensitivity": (30, 40),
        "specificity": (45, 50),
        "ppv": (30, 35),
        "npv": (45, 55),
        "fpr": (5, 50),
        "fnr": (10, 40),
        "flag_rate": (35, 90),
        "prevalence": (40, 90),
        "auroc": (40, 90),
        "brier": (40, 90),
    }
    for measure, counts in behind.items():
        found = estimate(result, measure, "sex=F")
        assert (found.events, found.denominator) == counts, measure
        assert (found.n, found.n_positive, found.n_negative) == (90, 40, 50)
        proportion = MEASURES[measure].inference == "proportion"
        assert found.clusters == (counts[1] if proportion else 90)
        assert found.value == pytest.approx(counts[0] / counts[1]) or not proportion
        if proportion:
            assert found.method == "wilson"
            lower, upper = wilson(*counts)
            assert (found.lower, found.upper) == (float(lower), float(upper))
    count = next(c for c in result.cohort.strata if c.stratum == "sex=M")
    assert (count.tp, count.fn, count.fp, count.tn) == (12, 18, 33, 7)


def test_clusters_are_the_patients_that_inform() -> None:
    columns = counted(F=(30, 10, 20, 40), M=(40, 20, 20, 20))
    columns["pid"] = np.array([f"k{i // 4}" for i in range(200)])  # 10 with, 15 without in F
    text = PLAN.replace("race: , ", "").replace("score: p", "score: p, patient: pid")
    result = audited(text, columns)
    assert estimate(result, "sensitivity", "sex=F").clusters == 10
    assert estimate(result, "specificity", "sex=F").clusters == 15
    assert estimate(result, "auroc", "sex=F").clusters == 25
    assert estimate(result, "sensitivity", "sex=F").denominator == 40
    assert estimate(result, "sensitivity", "sex=F").method == "cluster_robust_logit"
    assert result.cohort.largest_patient == 4


def nothing(record: Estimate) -> tuple[Any, ...]:
    return record.value, record.lower, record.upper


def test_each_reason_for_no_number() -> None:
    group = ["only negative"] * 30 + ["only positive"] * 30 + ["row"] + ["pair"] * 40
    group += ["unknown"] * 3
    rng = np.random.default_rng(31)
    label: list[int | None] = [0] * 30 + [1] * 30 + [1] + [0, 1] * 20 + [None] * 3
    score = [float(p) for p in np.round(rng.uniform(0.02, 0.98, 104), 3)]
    text = """
    columns: {label: y, score: p}
    threshold: {value: 0.4}
    resamples: 200
    attributes: {g: {levels: [only negative, only positive, row, pair, unknown, absent]}}
    """
    result = audited(text, {"y": label, "p": score, "g": group})
    for measure in ("sensitivity", "fnr", "auroc", "average_precision", "citl"):
        found = estimate(result, measure, "g=only negative")
        assert (found.status, nothing(found)) == ("undefined", (None, None, None)), measure
    assert estimate(result, "sensitivity", "g=only negative").reason == (
        "there are no units with the condition"
    )
    assert estimate(result, "specificity", "g=only negative").status == "ok"
    assert estimate(result, "prevalence", "g=only negative").value == 0.0
    assert estimate(result, "oe_ratio", "g=only negative").status == "insufficient"
    for measure in ("specificity", "fpr", "auroc", "calibration_slope"):
        assert estimate(result, measure, "g=only positive").status == "undefined", measure
    assert estimate(result, "average_precision", "g=only positive").value == 1.0
    assert estimate(result, "average_precision", "g=only positive").status == "insufficient"
    one = estimate(result, "sensitivity", "g=row")
    assert one.value in (0.0, 1.0)
    assert (one.status, one.lower, one.upper) == ("insufficient", None, None)
    assert one.reason == "1 units with the condition; the plan asks for 10"
    for stratum, why in (("unknown", "both label and score"), ("absent", "no unit of the cohort")):
        for measure in ("sensitivity", "auroc", "brier", "ece"):
            found = estimate(result, measure, f"g={stratum}")
            assert (found.status, nothing(found)) == ("not_collected", (None, None, None))
            assert why in (found.reason or "")
            assert (found.n, found.denominator) == (0, 0)
    # withholding numbers is the business of what leaves the site, never of the audit itself
    assert {e.status for e in result.estimates} == {
        "ok",
        "undefined",
        "insufficient",
        "not_collected",
    }
    for found in result.estimates:
        assert (found.status == "ok") == (found.reason is None)
        if found.status in ("undefined", "not_collected"):
            assert (found.method, nothing(found)) == ("none", (None, None, None))
        elif MEASURES[found.measure].inference == "null":
            assert found.value is not None
            assert found.null is not None
            assert (found.lower, found.upper) == (None, None)
        else:
            assert found.value is not None
            assert found.null is None
            assert (found.lower is not None) == (found.status == "ok")


def test_rarely_defined_in_resamples_is_insufficient() -> None:
    """Ten flagged rows of two patients: PPV is missing where neither is drawn."""
    label = np.array([1, 0] * 5 + [0, 1] * 150)
    score = np.array([0.9] * 10 + [0.1, 0.2] * 150)
    pid = np.array(["a"] * 5 + ["b"] * 5 + [f"k{i}" for i in range(300)])
    text = """
    columns: {label: y, score: p, patient: pid}
    threshold: {value: 0.4}
    resamples: 1000
    minimum: {denominator: 2, events: 1}
    """
    found = estimate(audited(text, {"y": label, "p": score, "pid": pid}), "ppv")
    assert found.value == 0.5
    assert (found.status, found.lower, found.upper) == ("insufficient", None, None)
    assert found.undefined_fraction == pytest.approx(math.exp(-2), abs=0.05)
    assert "of the resamples" in (found.reason or "")


def test_all_scores_tied() -> None:
    rng = np.random.default_rng(32)
    label = (rng.random(120) < 0.3).astype(int)
    result = audited(
        "columns: {label: y, score: p}\nthreshold: {value: 0.5}\nresamples: 200\n",
        {"y": label, "p": np.full(120, 0.3)},
    )
    assert estimate(result, "auroc").value == 0.5
    assert width(estimate(result, "auroc")) > 0.05
    assert estimate(result, "average_precision").value == pytest.approx(label.mean())
    assert estimate(result, "sensitivity").value == 0.0
    assert estimate(result, "ppv").status == "undefined"
    assert estimate(result, "calibration_slope").status == "undefined"
    citl = np.log(label.mean() / (1 - label.mean())) - np.log(0.3 / 0.7)
    assert estimate(result, "citl").value == pytest.approx(citl)


def test_probabilities_of_exactly_0_and_1() -> None:
    rng = np.random.default_rng(33)
    p = np.concatenate([rng.uniform(0, 1, 200), [0.0] * 5, [1.0] * 4])
    label = np.concatenate([(rng.random(200) < p[:200]).astype(int), [0] * 5, [1] * 4])
    text = "columns: {label: y, score: p}\nthreshold: {value: 0.5}\nresamples: 200\n"
    result = audited(text, {"y": label, "p": p})
    clipped = [w for w in result.warnings if w.code == "probability_0_or_1"]
    assert len(clipped) == 1
    assert clipped[0].message.startswith("9 scores")
    for found in result.estimates:
        assert found.status == "ok", found.id
    assert {e.measure for e in result.estimates} == reported()
    assert estimate(result, "oe_ratio").value == pytest.approx(label.sum() / p.sum())
    safe = np.clip(p, 1e-10, 1 - 1e-10)
    x = np.log(safe / (1 - safe))
    citl, slope = estimate(result, "citl").value, estimate(result, "calibration_slope").value
    intercept = estimate(result, "calibration_intercept").value
    assert citl is not None
    assert slope is not None
    assert intercept is not None
    assert np.sum(label - expit(citl + x)) == pytest.approx(0, abs=1e-6)
    residual = label - expit(intercept + slope * x)
    assert residual.sum() == pytest.approx(0, abs=1e-6)
    assert (residual * x).sum() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("patients", [False, True])
def test_perfect_separation_is_not_certainty(patients: bool) -> None:
    columns: Columns = {
        "y": np.repeat([1, 0], [40, 160]),
        "p": np.concatenate([np.linspace(0.6, 0.9, 40), np.linspace(0.1, 0.4, 160)]),
        "pid": np.array([f"k{i // 2}" for i in range(200)]),
    }
    roles = ", patient: pid" if patients else ""
    text = f"columns: {{label: y, score: p{roles}}}\nthreshold: {{value: 0.5}}\nresamples: 200\n"
    result = audited(text, columns)
    units = 20 if patients else 40
    lowest = float(wilson(units, units)[0])
    for measure in ("sensitivity", "auroc", "average_precision", "ppv"):
        found = estimate(result, measure)
        assert (found.value, found.upper, found.status) == (1.0, 1.0, "ok"), measure
        assert found.lower == pytest.approx(lowest), measure
    assert estimate(result, "specificity").lower == pytest.approx(wilson(4 * units, 4 * units)[0])
    for measure in ("fpr", "fnr"):
        found = estimate(result, measure)
        assert (found.value, found.lower) == (0.0, 0.0)
        assert width(found) > 0.01
    for measure in ("calibration_slope", "calibration_intercept"):
        assert estimate(result, measure).status == "undefined"


def test_requirement_with_its_own_level() -> None:
    rng = np.random.default_rng(34)
    columns = random_columns(34, 500)
    half = rng.permutation(500)[:250]
    text = (
        PLAN.replace("race: , ", "")
        + """
requirements:
  - {id: plain, measure: sensitivity, floor: 0.5}
  - {id: own, measure: sensitivity, floor: 0.5, level: 0.8}
  - {id: gap, measure: auroc, contrast: gap, attribute: sex, margin: 0.1, level: 0.8}
"""
    )
    result = audited(text, take(columns, half))
    plain, own, gap = result.verdicts
    found = estimate(result, "sensitivity")
    assert (plain.lower, plain.upper, plain.level) == (found.lower, found.upper, 0.95)
    lower, upper = wilson(found.events or 0, found.denominator or 0, 0.8)
    assert (own.lower, own.upper, own.level) == (float(lower), float(upper), 0.8)
    assert own.value == plain.value
    narrow = audited(text.replace("resamples", "level: 0.8\nresamples"), take(columns, half))
    at_own = disparity(narrow, "auroc", "gap", "sex")
    assert (gap.lower, gap.upper, gap.level) == (at_own.lower, at_own.upper, 0.8)
    assert {e.level for e in result.estimates} == {0.95}
    wide = disparity(result, "auroc", "gap", "sex")
    assert wide.upper is not None
    assert gap.upper is not None
    assert wide.upper > gap.upper


def test_prediction_instead_of_a_score() -> None:
    columns = random_columns(35, 300)
    flagged: NDArray[np.int64] = (columns["p"] >= 0.4).astype(np.int64)
    text = PLAN.replace("score: p", "prediction: f").replace("threshold: {value: 0.4}\n", "")
    result = audited(text, columns | {"f": flagged})
    scored = audited(PLAN, columns)
    for measure in ("sensitivity", "specificity", "ppv", "flag_rate"):
        a, b = estimate(result, measure, "sex=F"), estimate(scored, measure, "sex=F")
        assert (a.value, a.lower, a.upper) == (b.value, b.lower, b.upper)
    assert estimate(result, "auroc").reason == "there is no score, only a yes/no prediction"
    assert estimate(result, "brier").reason == "the score is not a probability"
    assert estimate(result, "net_benefit").status == "undefined"


def test_no_threshold() -> None:
    text = PLAN.replace("threshold: {value: 0.4}\n", "")
    result = audited(text, random_columns(36, 300))
    for measure in reported():
        found = estimate(result, measure)
        if MEASURES[measure].needs_threshold:
            assert (found.status, found.reason) == ("undefined", "no threshold was declared")
        else:
            assert found.status == "ok"
    assert result.cohort.strata[0].tp is None
