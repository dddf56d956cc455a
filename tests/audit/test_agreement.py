"""Point estimates against scikit-learn, fairlearn and independent fits, stratum by stratum."""

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    confusion_matrix,
    roc_auc_score,
)

from audit.measures import MEASURES
from tests.audit.builders import Columns, audited, disparity, estimate, random_columns

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # fairlearn's own imports
    from fairlearn import metrics as fair

PLAN = """
columns: {label: y, score: p}
threshold: {value: 0.37}
resamples: 100
depth: 2
attributes: {race: {reference: B}, sex: }
"""
T = 0.37
SEEDS = (1, 2, 3)


def strata_of(columns: Columns) -> dict[str, NDArray[np.bool_]]:
    race, sex = columns["race"], columns["sex"]
    out = {"overall": np.ones(race.size, dtype=np.bool_)}
    out |= {f"race={r}": race == r for r in np.unique(race)}
    out |= {f"sex={s}": sex == s for s in np.unique(sex)}
    for r in np.unique(race):
        for s in np.unique(sex):
            out[f"race={r} & sex={s}"] = (race == r) & (sex == s)
    return out


def naive_ece(y: NDArray[Any], p: NDArray[Any]) -> float:
    total = 0.0
    for k in range(15):
        low, high = k / 15, (k + 1) / 15
        inside = [i for i in range(p.size) if low <= p[i] < high or (k == 14 and p[i] == 1.0)]
        if inside:
            observed = sum(y[i] for i in inside) / len(inside)
            predicted = sum(p[i] for i in inside) / len(inside)
            total += len(inside) / p.size * abs(observed - predicted)
    return total


def expected(y: NDArray[Any], p: NDArray[Any]) -> dict[str, float]:
    flagged = p >= T
    tn, fp, fn, tp = (int(c) for c in confusion_matrix(y, flagged, labels=[0, 1]).ravel())
    return {
        "sensitivity": tp / (tp + fn),
        "specificity": tn / (tn + fp),
        "ppv": tp / (tp + fp),
        "npv": tn / (tn + fn),
        "fpr": fp / (tn + fp),
        "fnr": fn / (tp + fn),
        "flag_rate": (tp + fp) / y.size,
        "prevalence": (tp + fn) / y.size,
        "auroc": float(roc_auc_score(y, p)),
        "average_precision": float(average_precision_score(y, p)),
        "brier": float(brier_score_loss(y, p)),
        "oe_ratio": float(y.sum() / p.sum()),
        "ece": naive_ece(y, p),
        "net_benefit": tp / y.size - fp / y.size * T / (1 - T),
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_every_measure_in_every_stratum(seed: int) -> None:
    columns = random_columns(seed, 400)
    result = audited(PLAN, columns)
    seen = set()
    for stratum, mask in strata_of(columns).items():
        for measure, value in expected(columns["y"][mask], columns["p"][mask]).items():
            found = estimate(result, measure, stratum)
            assert found.value == pytest.approx(value, abs=1e-12), (measure, stratum)
            assert found.n == mask.sum()
            seen.add(measure)
    fits = {"citl", "calibration_intercept", "calibration_slope"}
    assert seen | fits == set(MEASURES)


@pytest.mark.parametrize("seed", SEEDS)
def test_recalibration_fits(seed: int) -> None:
    columns = random_columns(seed, 400)
    result = audited(PLAN, columns)
    for stratum, mask in strata_of(columns).items():
        y, x = columns["y"][mask], logit(columns["p"][mask])
        citl = brentq(lambda a, y=y, x=x: float(np.sum(y - expit(a + x))), -20, 20, xtol=1e-13)
        fit = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, max_iter=500)
        fit.fit(x[:, None], y)
        assert estimate(result, "citl", stratum).value == pytest.approx(citl, abs=1e-9)
        intercept = estimate(result, "calibration_intercept", stratum).value
        assert intercept == pytest.approx(fit.intercept_[0], abs=1e-6)
        slope = estimate(result, "calibration_slope", stratum).value
        assert slope == pytest.approx(fit.coef_[0, 0], abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("attribute", ["race", "sex"])
def test_fairlearn_metric_frame(seed: int, attribute: str) -> None:
    columns = random_columns(seed, 400)
    result = audited(PLAN, columns)
    y, flagged, group = columns["y"], (columns["p"] >= T).astype(int), columns[attribute]
    frame = fair.MetricFrame(
        metrics={
            "sensitivity": fair.true_positive_rate,
            "specificity": fair.true_negative_rate,
            "fpr": fair.false_positive_rate,
            "fnr": fair.false_negative_rate,
            "flag_rate": fair.selection_rate,
        },
        y_true=y,
        y_pred=flagged,
        sensitive_features=group,
    )
    levels = [str(level) for level in np.unique(group)]
    reference = "B" if attribute == "race" else "M"
    for measure, rates in frame.by_group.items():
        name = str(measure)
        overall = estimate(result, name).value
        assert overall == pytest.approx(frame.overall[name], abs=1e-12)
        for level in levels:
            found = estimate(result, name, f"{attribute}={level}")
            assert found.value == pytest.approx(rates[level], abs=1e-12)
            if level != reference:
                moved = rates[level] - rates[reference]
                stratum = f"{attribute}={level}"
                gap = disparity(result, name, "difference", stratum)
                assert gap.value == pytest.approx(moved, abs=1e-12)
                assert gap.reference == f"{attribute}={reference}"
                ratio = disparity(result, name, "ratio", stratum)
                assert ratio.value == pytest.approx(rates[level] / rates[reference], abs=1e-12)
        # the gap is of the strata with enough data, here all with ten informants
        usable = [
            rates[level]
            for level in levels
            if estimate(result, name, f"{attribute}={level}").status == "ok"
        ]
        gap = disparity(result, name, "gap", attribute)
        assert gap.value == pytest.approx(max(usable) - min(usable), abs=1e-12)
        if len(usable) == len(levels):
            assert gap.value == pytest.approx(frame.difference()[name], abs=1e-12)
            lowest, highest = min(usable), max(usable)
            assert lowest / highest == pytest.approx(frame.ratio()[name], abs=1e-12)


def test_fairlearn_named_criteria() -> None:
    columns = random_columns(4, 1500)
    result = audited(PLAN, columns)
    y, flagged, group = columns["y"], (columns["p"] >= T).astype(int), columns["race"]
    gaps = {
        name: disparity(result, name, "gap", "race").value
        for name in ("flag_rate", "sensitivity", "fpr")
    }
    args: dict[str, Any] = {"sensitive_features": group}
    parity = fair.demographic_parity_difference(y, flagged, **args)
    assert gaps["flag_rate"] == pytest.approx(parity, abs=1e-12)
    opportunity = fair.equal_opportunity_difference(y, flagged, **args)
    assert gaps["sensitivity"] == pytest.approx(opportunity, abs=1e-12)
    odds = fair.equalized_odds_difference(y, flagged, **args)
    assert max(gaps["sensitivity"] or 0, gaps["fpr"] or 0) == pytest.approx(odds, abs=1e-12)


def test_ece_at_the_edges_of_its_bins() -> None:
    edges = np.arange(16) / 15
    below, above = np.nextafter(edges[1:], 0), np.nextafter(edges[:-1], 1)
    p = np.concatenate([edges, edges, below, above, [0.0, 1.0, 0.0, 1.0]])
    y = np.random.default_rng(5).integers(0, 2, p.size)
    result = audited("columns: {label: y, score: p}\nresamples: 100\n", {"y": y, "p": p})
    assert estimate(result, "ece").value == pytest.approx(naive_ece(y, p), abs=1e-12)


@pytest.mark.parametrize(("y", "p"), [([0, 1], [0.0, 1.0]), ([1, 0], [0.0, 1.0])])
def test_ece_of_certain_scores(y: list[int], p: list[float]) -> None:
    result = audited("columns: {label: y, score: p}\nresamples: 100\n", {"y": y * 20, "p": p * 20})
    assert estimate(result, "ece").value == (1.0 if y[0] else 0.0)
    assert estimate(result, "brier").value == (1.0 if y[0] else 0.0)


def test_logit_scores_are_read_as_their_probabilities() -> None:
    columns = random_columns(6, 400)
    text = PLAN.replace("resamples", "score_kind: logit\nresamples").replace(
        "0.37", str(float(logit(T)) - 1e-9)
    )
    moved = columns | {"p": logit(columns["p"])}
    one, other = audited(PLAN, columns), audited(text, moved)
    for a, b in zip(one.estimates, other.estimates, strict=True):
        if a.measure == "ece":  # a probability on an edge may come back on its other side
            continue
        assert b.value == pytest.approx(a.value, abs=1e-8), a.id
