"""Every measure in every awkward cohort: the number by hand, or the reason why there is none."""

import json
import math
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from audit.measures import MEASURES
from audit.result import AuditResult, Estimate
from audit.stats.proportions import wilson
from tests.audit.builders import Columns, audited, disparity, estimate, joined
from tests.audit.by_hand import by_hand, pairs

T = 0.4
TEXT = f"""
columns: {{label: y, score: p}}
threshold: {{value: {T}}}
resamples: 100
permutations: 20
options: {{target_prevalence: 0.2}}
attributes: {{g: }}
"""
LOGIT = TEXT.replace("resamples", "score_kind: logit\nresamples").replace(
    str(T), repr(float(np.log(T / (1 - T))))
)
# Those that the twins leave out: curves through all rows, tested on their own.
UNTWINNED = {"ici", "e50", "e90", "emax", "smece"}
Floats = NDArray[np.float64]


def ordinary(seed: int = 1, rows: int = 160) -> Columns:
    rng = np.random.default_rng(seed)
    p = np.clip(np.round(rng.beta(1.2, 2.0, rows), 3), 0.01, 0.99)
    y = (rng.random(rows) < p).astype(np.int64)
    return {"y": y, "p": p, "g": rng.choice(["A", "B"], rows)}


def group(y: list[int], p: Floats | list[float], name: str = "N") -> Columns:
    return {"y": np.array(y), "p": np.array(p), "g": np.array([name] * len(y))}


def but(**changed: object) -> Columns:
    return ordinary() | {name: np.asarray(values) for name, values in changed.items()}


def cohorts() -> dict[str, Columns]:
    own = ordinary()
    p, y, rows = own["p"], own["y"], own["y"].size
    edges = p.copy()
    edges[:8], edges[8:16] = 0.0, 1.0
    spread = np.linspace(0.1, 0.9, 25)
    return {
        "ordinary": own,
        "a group without positives": joined(own, group([0] * 25, spread)),
        "a group without negatives": joined(own, group([1] * 25, spread)),
        "a group of one row": joined(own, group([1], [T])),
        "a group of two rows that tie": joined(own, group([1, 0], [0.3, 0.3])),
        "a group that ties": joined(own, group([1, 0] * 12, [0.6] * 24)),
        "a group nobody of whom is flagged": joined(own, group([1, 0] * 12, spread[:24] / 3)),
        "a group all of whom are flagged": joined(own, group([1, 0] * 12, 0.5 + spread[:24] / 3)),
        "a group all of whom are missed": joined(own, group([1] * 12, spread[:12] / 2)),
        "one level": but(g=["A"] * rows),
        "no level known": {**own, "g": [None] * rows},
        "positives only": but(y=np.ones(rows, np.int64)),
        "negatives only": but(y=np.zeros(rows, np.int64)),
        "one row": group([1], [0.3]),
        "two rows": group([1, 0], [0.3, 0.6]),
        "all tied": but(p=np.full(rows, 0.3)),
        "all tied at the threshold": but(p=np.full(rows, T)),
        "all tied at 0": but(p=np.zeros(rows)),
        "all tied at 1": but(p=np.ones(rows)),
        "all tied at one half": but(p=np.full(rows, 0.5)),
        "some exactly 0 and 1": but(p=edges),
        "all exactly 0 or 1": but(p=(p > 0.5).astype(np.float64)),
        "perfect": but(p=y.astype(np.float64)),
        "perfectly wrong": but(p=1.0 - y),
        "next to 0": but(p=np.where(own["g"] == "A", p, p * 1e-30)),
        "next to 1": but(p=1 - p * 1e-9),
    }


COHORTS = cohorts()


def check(result: AuditResult) -> None:
    """What holds of every record of every audit."""
    json.loads(result.to_json(), parse_constant=lambda name: pytest.fail(name))
    strata = {c.stratum: c for c in result.cohort.strata}
    listed = Counter((e.measure, e.stratum) for e in result.estimates)
    assert set(listed.values()) == {1}
    for e in result.estimates:
        check_estimate(e)
        counts = strata[e.stratum]
        assert (e.n, e.n_positive, e.n_negative) == (
            counts.n, counts.n_positive, counts.n_negative
        )  # fmt: skip
    for d in result.disparities:
        assert (d.lower is None) == (d.upper is None) == (d.status != "ok"), d.id
        if d.status in ("undefined", "not_collected"):
            assert d.value is None, d.id
        if d.lower is not None and d.upper is not None:
            assert d.lower < d.upper, d.id


def check_estimate(e: Estimate) -> None:
    measure = MEASURES[e.measure]
    assert (e.status == "ok") == (e.reason is None), e.id
    if e.status in ("undefined", "not_collected"):
        assert (e.value, e.lower, e.upper, e.method) == (None, None, None, "none"), e.id
        return
    assert e.value is not None, e.id
    least, most = measure.bounds
    assert least - 1e-12 <= e.value <= most + 1e-12, e.id
    if measure.inference == "null":
        assert e.null is not None, e.id
        assert (e.lower, e.upper) == (None, None), e.id
        return
    assert (e.lower is None) == (e.upper is None) == (e.status != "ok"), e.id
    if e.lower is not None and e.upper is not None:
        assert least - 1e-12 <= e.lower < e.upper <= most + 1e-12, e.id


def twins(
    columns: Columns, flag: Floats, p: Floats | None, odds: float
) -> dict[str, dict[str, float]]:
    """Measures by hand of everyone and of every level, by stratum."""
    y, s = np.asarray(columns["y"], np.float64), np.asarray(columns["p"], np.float64)
    level = np.array(["(missing)" if g is None else str(g) for g in columns["g"]])
    own = {"overall": np.ones(y.size, dtype=np.bool_)}
    own |= {f"g={name}": level == name for name in np.unique(level)}
    return {
        stratum: by_hand(
            y[mine], s[mine], flag[mine], s[~mine & (y == 0)], None if p is None else p[mine], odds
        )
        for stratum, mine in own.items()
    }


def same_by_hand(result: AuditResult, expected: dict[str, dict[str, float]]) -> None:
    """Every value is the one by hand; where there is none by hand, there is none at all."""
    seen = set()
    for e in result.estimates:
        if e.measure in UNTWINNED:
            continue
        seen.add(e.measure)
        wanted = expected[e.stratum].get(e.measure, math.nan)
        if math.isnan(wanted):
            assert (e.value, e.status) == (None, "undefined"), (e.id, e.value)
        else:
            # residuals of 1e-10, where all is certain, keep but six digits
            near = 1e-6 if MEASURES[e.measure].inference == "fit" else 1e-9
            assert e.value == pytest.approx(wanted, rel=1e-7, abs=near), e.id
    everything = {m.id for m in MEASURES.values() if not m.pairwise} - UNTWINNED
    assert seen == everything


@pytest.mark.parametrize("name", COHORTS)
def test_every_measure_by_hand(name: str) -> None:
    columns = COHORTS[name]
    p = np.asarray(columns["p"], np.float64)
    result = audited(TEXT, columns)
    check(result)
    flag = (p >= T).astype(np.float64)
    same_by_hand(result, twins(columns, flag, p, T / (1 - T)))


def test_group_without_positives() -> None:
    result = audited(TEXT, COHORTS["a group without positives"])
    found = estimate(result, "sensitivity", "g=N")
    assert (found.status, found.value) == ("undefined", None)
    assert found.reason == "there are no units with the condition"
    assert (found.n, found.n_positive, found.n_negative) == (25, 0, 25)
    assert (found.events, found.denominator, found.clusters) == (0, 0, 0)
    found = estimate(result, "specificity", "g=N")  # 25 scores from 0.1 to 0.9, nine below 0.4
    assert (found.value, found.events, found.denominator) == (9 / 25, 9, 25)
    lower, upper = wilson(9, 25)
    assert (found.lower, found.upper, found.method) == (float(lower), float(upper), "wilson")
    assert estimate(result, "prevalence", "g=N").value == 0.0
    gap = disparity(result, "sensitivity", "gap", "g")
    assert gap.reason == "left out for want of data: g=N"
    assert {gap.stratum, gap.reference} == {"g=A", "g=B"}
    gone = disparity(result, "sensitivity", "difference", "g=N")
    assert (gone.status, gone.value) == ("undefined", None)
    assert gone.reason == "g=N: there are no units with the condition"


def test_group_without_negatives() -> None:
    result = audited(TEXT, COHORTS["a group without negatives"])
    found = estimate(result, "specificity", "g=N")
    assert (found.status, found.value) == ("undefined", None)
    assert found.reason == "there are no units without the condition"
    assert (found.n, found.n_positive, found.n_negative) == (25, 25, 0)
    found = estimate(result, "sensitivity", "g=N")
    assert (found.value, found.events, found.denominator) == (16 / 25, 16, 25)
    assert (found.lower, found.upper) == tuple(float(b) for b in wilson(16, 25))
    found = estimate(result, "xauc", "g=N")  # the negatives are those outside
    assert found.value is not None
    assert found.status == "insufficient"
    assert estimate(result, "auroc", "g=N").reason == "there are no positives or no negatives"


def test_group_of_one_row_flagged_at_the_threshold() -> None:
    result = audited(TEXT, COHORTS["a group of one row"])
    counts = next(c for c in result.cohort.strata if c.stratum == "g=N")
    assert (counts.rows, counts.n, counts.patients) == (1, 1, 1)
    assert (counts.tp, counts.fp, counts.tn, counts.fn) == (1, 0, 0, 0)
    found = estimate(result, "sensitivity", "g=N")
    assert (found.value, found.lower, found.status) == (1.0, None, "insufficient")
    assert found.reason == "1 units with the condition; the plan asks for 10"
    found = estimate(result, "brier", "g=N")
    assert found.value == pytest.approx((1 - T) ** 2)
    assert (found.status, found.reason) == ("insufficient", "1 units; the plan asks for 10")
    assert any(w.code == "small_stratum" and w.stratum == "g=N" for w in result.warnings)


def test_one_level_has_nobody_to_be_compared_with() -> None:
    result = audited(TEXT, COHORTS["one level"])
    assert [d for d in result.disparities if d.contrast != "gap"] == []
    overall = {e.measure: e for e in result.estimates if e.stratum == "overall"}
    for e in result.estimates:
        if e.stratum == "g=A" and e.measure not in ("xauc", "smece", "ece", "ece_mass"):
            own = overall[e.measure]
            assert (e.value, e.lower, e.upper) == (own.value, own.lower, own.upper), e.id
    assert estimate(result, "xauc", "g=A").status == "undefined"


def test_no_level_known() -> None:
    result = audited(TEXT, COHORTS["no level known"])
    assert [c.stratum for c in result.cohort.strata] == ["overall", "g=(missing)"]
    (attribute,) = result.cohort.attributes
    assert (attribute.reference, attribute.reference_chosen) == (None, "none")
    assert attribute.missing == 160


def test_group_that_ties_shows_no_point_for_an_interval() -> None:
    """The mean score of a group with one score does not vary, up to rounding: no interval."""
    result = audited(TEXT, COHORTS["a group that ties"])
    found = estimate(result, "mean_score_positive", "g=N")
    assert found.value == pytest.approx(0.6)
    assert (found.status, found.lower) == ("insufficient", None)
    assert found.reason == "no interval can be formed from these data"
    auroc = estimate(result, "auroc", "g=N")
    assert auroc.value == 0.5
    assert auroc.lower is not None
    assert auroc.lower < 0.4
    assert estimate(result, "oe_ratio", "g=N").value == pytest.approx(12 / (24 * 0.6))
    assert estimate(result, "calibration_slope", "g=N").status == "undefined"


def test_probabilities_of_0_and_1_are_counted() -> None:
    columns = COHORTS["some exactly 0 and 1"]
    result = audited(TEXT, columns)
    (clipped,) = [w for w in result.warnings if w.code == "probability_0_or_1"]
    assert clipped.message.startswith("16 scores stand for a probability of 0 or 1")
    assert clipped.column == "p"
    nearly = audited(TEXT, but(p=np.where(np.arange(160) < 3, 1e-12, ordinary()["p"])))
    (clipped,) = [w for w in nearly.warnings if w.code == "probability_0_or_1"]
    assert clipped.message.startswith("3 scores stand for")
    assert not [w for w in audited(TEXT, ordinary()).warnings if "0_or_1" in w.code]


@pytest.mark.parametrize("threshold", [0.0, 1.0, -3.0, 7.0])
def test_threshold_at_and_beyond_the_ends(threshold: float) -> None:
    columns = COHORTS["some exactly 0 and 1"]
    result = audited(TEXT.replace(f"value: {T}", f"value: {threshold}"), columns)
    check(result)
    p = np.asarray(columns["p"])
    flag = (p >= threshold).astype(np.float64)
    assert flag.sum() == {0.0: 160, 1.0: 8, -3.0: 160, 7.0: 0}[threshold]
    same_by_hand(result, twins(columns, flag, p, math.nan))
    found = estimate(result, "net_benefit")
    assert found.reason == "the threshold is not strictly between 0 and 1"


def test_flagged_is_at_or_above_the_threshold_in_its_last_digit() -> None:
    p = np.array([T, np.nextafter(T, 0), np.nextafter(T, 1), T] * 10)
    y = np.array([1, 1, 0, 0] * 10)
    counts = audited(TEXT, {"y": y, "p": p, "g": ["A"] * 40}).cohort.strata[0]
    assert (counts.tp, counts.fn, counts.fp, counts.tn) == (10, 10, 20, 0)


KINDS = {
    "rank": (TEXT.replace("resamples", "score_kind: rank\nresamples"), "the score is not a "
             "probability"),
    "prediction": (TEXT.replace("score: p", "prediction: p").replace(
        f"threshold: {{value: {T}}}\n", ""), "there is no score, only a yes/no prediction"),
    "no threshold": (TEXT.replace(f"threshold: {{value: {T}}}\n", ""), "no threshold was declared"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_measures_outside_the_domain_are_stated_never_computed(kind: str) -> None:
    columns = ordinary()
    p = np.asarray(columns["p"])
    if kind == "rank":
        columns["p"] = 300 * p - 100
    if kind == "prediction":
        columns["p"] = p >= T
    text = KINDS[kind][0].replace(f"value: {T}", f"value: {300 * T - 100}")
    result = audited(text, columns)
    check(result)
    assert {e.measure for e in result.estimates} == set(MEASURES) - {"abroca"}
    expected = twins(
        columns | {"p": p},
        (p >= T).astype(np.float64),
        p if kind == "no threshold" else None,
        T / (1 - T),
    )
    for e in result.estimates:
        reason = outside(kind, e.measure)
        if reason is not None:
            assert (e.status, e.reason) == ("undefined", reason), e.id
            assert (e.value, e.method, e.null) == (None, "none", None), e.id
        elif e.measure not in UNTWINNED:
            assert e.value == pytest.approx(expected[e.stratum][e.measure], abs=1e-9), e.id
            assert e.status == "ok", e.id
    assert not [d for d in result.disparities if outside(kind, d.measure) is not None]


def outside(kind: str, measure: str) -> str | None:
    """Why a measure has no meaning for such a score."""
    needs = MEASURES[measure]
    if kind == "prediction" and needs.needs_score:
        return KINDS["prediction"][1]
    if kind != "no threshold" and needs.needs_probability:
        return KINDS["rank"][1]
    return KINDS["no threshold"][1] if kind == "no threshold" and needs.needs_threshold else None


def test_log_odds_are_the_probabilities_they_stand_for() -> None:
    columns = ordinary()
    p = np.asarray(columns["p"])
    score = np.log(p) - np.log1p(-p)
    result = audited(LOGIT, columns | {"p": score})
    check(result)
    assert result.cohort.score_kind == "logit"
    flag = (score >= float(np.log(T / (1 - T)))).astype(np.float64)
    same_by_hand(result, twins(columns | {"p": score}, flag, expit(score), T / (1 - T)))


@pytest.mark.parametrize("patients", [False, True])
@pytest.mark.parametrize("scale", [20.0, 500.0, 1e300])
def test_log_odds_that_saturate(scale: float, patients: bool) -> None:
    """Beyond 37 log odds are told apart as scores while the probability is 1 for all of them."""
    columns = ordinary()
    p = np.asarray(columns["p"])
    score = scale * (np.log(p) - np.log1p(-p))
    assert np.unique(score).size > np.unique(expit(score)).size
    text = LOGIT.replace("score: p", "score: p, patient: pid") if patients else LOGIT
    pid = np.array([f"k{i // 2}" for i in range(160)])
    result = audited(text, columns | {"p": score, "pid": pid})
    check(result)
    assert estimate(result, "auroc").value == pytest.approx(
        pairs(p[columns["y"] == 1], p[columns["y"] == 0])
    )
    for measure in ("brier", "smece", "ece", "log_loss"):
        assert estimate(result, measure).value is not None


@pytest.mark.parametrize("scale", [1e-80, 1e-200, 5e-324])
def test_probabilities_too_small_to_divide_by(scale: float) -> None:
    """Nothing overflows: below 1e-60 a probability is 0, and still a score with its own rank."""
    columns = ordinary()
    p = np.asarray(columns["p"])
    tiny = p * scale
    result = audited(TEXT, columns | {"p": tiny})
    check(result)
    found = estimate(result, "oe_ratio")
    assert (found.status, found.reason) == ("undefined", "the probabilities sum to zero")
    y = np.asarray(columns["y"])
    assert estimate(result, "auroc").value == pytest.approx(pairs(tiny[y == 1], tiny[y == 0]))
    assert estimate(result, "brier").value == pytest.approx(y.mean())


def test_ranks_of_any_size() -> None:
    columns = ordinary()
    p = np.asarray(columns["p"])
    text = KINDS["rank"][0].replace(f"value: {T}", "value: 0")
    plain = audited(text, columns)
    for mapped in (p * 1.7e308, -1.7e308 * (1 - p), p * 1e-300):
        result = audited(text, columns | {"p": mapped})
        check(result)
        for measure in ("auroc", "average_precision", "xauc"):
            one, other = estimate(plain, measure, "g=A"), estimate(result, measure, "g=A")
            if measure != "xauc" or mapped.min() != 0:
                assert (other.value, other.lower, other.upper) == (one.value, one.lower, one.upper)
