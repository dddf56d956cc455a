"""What must not change a result: order, another seed, a map of the score, rows of one patient."""

import json
import math
from functools import cache

import numpy as np
import pytest

from audit.curve_figures import FLEXIBLE
from audit.measures import MEASURES
from audit.result import AuditResult
from tests.audit.builders import (
    PLAN,
    Columns,
    audited,
    estimate,
    joined,
    random_columns,
    take,
    width,
)

FULL = """
columns: {label: y, score: p, site: siteROLES}
threshold: {value: 0.4}
resamples: 100
permutations: 50
depth: 2
level: 0.95
attributes:
  age: {band: [40, 65]}
  sex:
requirements:
  - {id: floor, measure: sensitivity, strata: [overall, sex, age], floor: 0.6}
  - {id: gap, measure: auroc, contrast: gap, attribute: sex, margin: 0.1}
  - {id: ratio, measure: flag_rate, contrast: ratio, attribute: age, margin: 0.8, level: 0.9}
  - {id: within, measure: oe_ratio, strata: site, within: [0.8, 1.25]}
"""
ROLES = {
    "rows": "",
    "unit": ", unit: uid",
    "patient": ", patient: pid",
    "patient and unit": ", patient: pid, unit: uid",
}
PARTS = ("cohort", "estimates", "disparities", "sites", "curves", "verdicts")


def same(one: AuditResult, other: AuditResult) -> None:
    """Every part but the provenance is the same to the last byte."""
    a, b = json.loads(one.to_json()), json.loads(other.to_json())
    for part in PARTS:
        assert json.dumps(a[part]) == json.dumps(b[part]), part


def invariant_columns() -> Columns:
    """Ties, duplicate rows, missing attributes, labels and scores."""
    columns = random_columns(21, 500, patients=230)
    columns = joined(columns, take(columns, slice(0, 60)))
    columns["uid"] = np.array([f"v{i}" for i in range(560)])
    sex = [None if i % 41 == 0 else s for i, s in enumerate(columns["sex"])]
    label = [None if i % 97 == 0 else int(y) for i, y in enumerate(columns["y"])]
    score = [math.nan if i % 89 == 3 else float(p) for i, p in enumerate(columns["p"])]
    columns["sex"] = np.array(sex, dtype=object)
    columns["y"] = np.array(label, dtype=object)
    columns["p"] = np.array([None if math.isnan(s) else s for s in score], dtype=object)
    return columns


@cache
def audited_in_order(roles: str) -> AuditResult:
    return audited(FULL.replace("ROLES", ROLES[roles]), invariant_columns())


@pytest.mark.parametrize("roles", ROLES)
def test_order_of_rows_and_columns_and_files(roles: str) -> None:
    text = FULL.replace("ROLES", ROLES[roles])
    columns = invariant_columns()
    rng = np.random.default_rng(22)
    whole = audited_in_order(roles)
    shuffled = take(columns, rng.permutation(560))
    same(whole, audited(text, dict(reversed(shuffled.items()))))
    shuffled = take(columns, rng.permutation(560))
    cuts = [take(shuffled, part) for part in (slice(0, 100), slice(100, 103), slice(103, None))]
    same(whole, audited(text, *reversed(cuts)))


def test_small_cohort_is_invariant_too() -> None:
    """Below 200 patients the weights come from a table by rank of the key."""
    text = FULL.replace("ROLES", "")
    columns = take(invariant_columns(), slice(0, 150))
    whole = audited(text, columns)
    order = np.random.default_rng(23).permutation(150)
    same(whole, audited(text, take(columns, order)))
    assert "multinomial" in estimate(whole, "average_precision").method


def test_another_seed_moves_only_what_is_resampled() -> None:
    columns = random_columns(24, 400)
    one, other = audited(PLAN, columns), audited(PLAN + "seed: 9\n", columns)
    for a, b in zip(one.estimates, other.estimates, strict=True):
        assert a.value == b.value
        if "bootstrap" not in a.method and a.undefined_fraction == b.undefined_fraction:
            assert (a.lower, a.upper) == (b.lower, b.upper)
    ap = [estimate(r, "average_precision").lower for r in (one, other)]
    assert ap[0] != ap[1]


def test_flipped_label_and_score() -> None:
    columns = random_columns(25, 400, decimals=None)
    flipped = columns | {"y": 1 - columns["y"], "p": 1 - columns["p"]}
    # 1 - p >= 0.6 is p <= 0.4: no score is exactly 0.4 here
    one, other = audited(PLAN, columns), audited(PLAN.replace("0.4", "0.6"), flipped)
    assert not (columns["p"] == 0.4).any()
    pairs = {
        "auroc": "auroc",
        "sensitivity": "specificity",
        "specificity": "sensitivity",
        "ppv": "npv",
        "fpr": "fnr",
        "brier": "brier",
        "calibration_slope": "calibration_slope",
    }
    for stratum in ("overall", "sex=F", "race=B"):
        for name, twin in pairs.items():
            a, b = estimate(one, name, stratum), estimate(other, twin, stratum)
            assert b.value == pytest.approx(a.value, abs=1e-9), name
            assert b.lower == pytest.approx(a.lower, abs=1e-9), name
            assert b.upper == pytest.approx(a.upper, abs=1e-9), name
        for name in ("citl", "calibration_intercept"):
            a, b = estimate(one, name, stratum), estimate(other, name, stratum)
            assert b.value == pytest.approx(-(a.value or 0), abs=1e-9)
            assert b.lower == pytest.approx(-(a.upper or 0), abs=1e-9)


@pytest.mark.parametrize("patients", [None, 230])
def test_monotone_map_of_the_score(patients: int | None) -> None:
    columns = random_columns(26, 500, patients=patients)
    text = PLAN if patients is None else PLAN.replace("score: p", "score: p, patient: pid")
    mapped = columns | {"p": np.exp(7 * columns["p"]) - 40}
    rank = text.replace("resamples", "score_kind: rank\nresamples").replace(
        "0.4", repr(float(np.exp(7 * 0.4) - 40))
    )
    one, other = audited(text, columns), audited(rank, mapped)
    for a, b in zip(one.estimates, other.estimates, strict=True):
        if MEASURES[a.measure].needs_probability:
            assert (b.value, b.lower, b.status) == (None, None, "undefined")
            assert b.reason == "the score is not a probability"
        else:
            assert a == b
    kept = [d for d in one.disparities if not MEASURES[d.measure].needs_probability]
    drop = {"p_adjusted"}  # fewer hypotheses, hence smaller adjusted p values
    assert [d.model_dump(exclude=drop) for d in kept] == [
        d.model_dump(exclude=drop) for d in other.disparities
    ]
    assert other.curves.decision == ()
    assert other.curves.calibration == ()
    assert other.cohort.score_kind == "rank"


@pytest.mark.parametrize("roles", [", patient: pid", ", unit: uid", ""])
def test_another_attribute_leaves_the_first_alone(roles: str) -> None:
    """Without ids this holds for scores without ties: tied rows are told apart by attributes."""
    columns = random_columns(27, 500, patients=230, decimals=None)
    one = PLAN.replace("score: p", f"score: p{roles}").replace("race: , sex:", "sex:")
    both = one.replace("sex: ", "age: {band: [50]}, race: , sex: ")
    a, b = audited(one, columns), audited(both, columns)
    strata = {e.stratum for e in a.estimates}
    assert strata == {"overall", "sex=F", "sex=M"}
    assert list(a.estimates) == [e for e in b.estimates if e.stratum in strata]
    drop = {"p_adjusted"}
    assert [d.model_dump(exclude=drop) for d in a.disparities] == [
        d.model_dump(exclude=drop) for d in b.disparities if d.attribute == "sex"
    ]


def test_rows_written_twice() -> None:
    """Under one patient they add nothing; without a patient they pass for information."""
    text = PLAN.replace("score: p", "score: p, patient: pid")
    columns = random_columns(28, 480, patients=240)  # fewer than 1,000 rows even twice: all BCa
    twice = joined(columns, columns)
    one, other = audited(text, columns), audited(text, twice)
    for a, b in zip(one.estimates, other.estimates, strict=True):
        assert (b.n, b.clusters) == (2 * (a.n or 0), a.clusters)
        if a.measure in FLEXIBLE:  # a span of 2/3 is rounded down to whole rows
            assert b.value == pytest.approx(a.value, abs=0.02), a.id
            continue
        assert b.value == pytest.approx(a.value, abs=1e-9), a.id
        if a.lower is not None:
            assert b.lower == pytest.approx(a.lower, abs=1e-9), a.id
            assert b.upper == pytest.approx(a.upper, abs=1e-9), a.id
    for c, d in zip(one.disparities, other.disparities, strict=True):
        if c.measure in FLEXIBLE:
            continue
        assert d.value == pytest.approx(c.value, abs=1e-9), c.id
        if c.lower is not None:
            assert d.lower == pytest.approx(c.lower, abs=1e-8), c.id
            assert d.upper == pytest.approx(c.upper, abs=1e-8), c.id
    free, naive = audited(PLAN, columns), audited(PLAN, twice)
    for measure in ("sensitivity", "auroc", "brier", "calibration_slope", "oe_ratio"):
        before, after = estimate(free, measure), estimate(naive, measure)
        assert after.value == pytest.approx(before.value, abs=1e-9)
        ratio = width(after) / width(before)
        assert ratio == pytest.approx(math.sqrt(0.5), abs=0.02), measure


def test_one_row_per_patient_is_no_clustering() -> None:
    columns = random_columns(29, 400) | {"pid": np.array([f"k{i}" for i in range(400)])}
    free = audited(PLAN, columns)
    declared = audited(PLAN.replace("score: p", "score: p, patient: pid"), columns)
    assert estimate(declared, "sensitivity").method == "wilson"
    assert estimate(declared, "auroc").method == "delong_logit"
    for a, b in zip(free.estimates, declared.estimates, strict=True):
        assert b.value == pytest.approx(a.value, abs=1e-9)
        if "bootstrap" not in a.method + b.method:  # resampled by another key
            assert a.method == b.method
            if None not in (a.lower, b.lower):
                assert b.lower == pytest.approx(a.lower, abs=1e-9)
                assert b.upper == pytest.approx(a.upper, abs=1e-9)


def test_json_holds_no_infinity_and_comes_back() -> None:
    result = audited_in_order("patient")
    text = result.to_json()

    def refuse(name: str) -> None:
        raise AssertionError(name)

    json.loads(text, parse_constant=refuse)
    again = AuditResult.from_json(text)
    assert again == result
    assert again.to_json() == text
