"""Point estimates against scikit-learn, fairlearn and independent fits, stratum by stratum."""

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    class_likelihood_ratios,
    confusion_matrix,
    d2_brier_score,
    f1_score,
    log_loss,
    matthews_corrcoef,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)

from audit.measures import MEASURES
from audit.result import AuditResult
from audit.sections import Criterion
from audit.stats.flexible import flexible_errors
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


def naive_murphy(y: NDArray[Any], p: NDArray[Any]) -> tuple[float, float, float]:
    """Equal-mass ECE, reliability and resolution over 15 bins; tied scores share a bin."""
    bins: dict[int, list[int]] = {}
    for i in range(p.size):
        bins.setdefault(int(15 * np.sum(p < p[i]) / p.size), []).append(i)
    error = reliability = resolution = 0.0
    for rows in bins.values():
        observed, predicted = y[rows].mean(), p[rows].mean()
        error += len(rows) / p.size * abs(observed - predicted)
        reliability += len(rows) / p.size * (observed - predicted) ** 2
        resolution += len(rows) / p.size * (observed - y.mean()) ** 2
    return error, reliability, resolution


def naive_entropies(y: NDArray[Any], flagged: NDArray[Any]) -> tuple[float, float]:
    """Generalised entropy (alpha 2) and Theil index, as AIF360 writes them, row by row."""
    benefits = [1 + float(f) - float(t) for f, t in zip(flagged, y, strict=True)]
    mean = sum(benefits) / len(benefits)
    entropy = sum((b / mean) ** 2 - 1 for b in benefits) / (2 * len(benefits))
    theil = sum(b / mean * np.log(b / mean) for b in benefits if b > 0) / len(benefits)
    return entropy, float(theil)


def of_decisions(y: NDArray[Any], flagged: NDArray[Any]) -> dict[str, float]:
    tn, fp, fn, tp = (int(c) for c in confusion_matrix(y, flagged, labels=[0, 1]).ravel())
    ratios = class_likelihood_ratios(y, flagged)
    entropy, theil = naive_entropies(y, flagged)
    return {
        "sensitivity": float(recall_score(y, flagged)),
        "specificity": float(recall_score(y, flagged, pos_label=0)),
        "ppv": float(precision_score(y, flagged)),
        "npv": float(precision_score(y, flagged, pos_label=0)),
        "fpr": fp / (tn + fp),
        "fnr": fn / (tp + fn),
        "flag_rate": (tp + fp) / y.size,
        "prevalence": (tp + fn) / y.size,
        "accuracy": float(accuracy_score(y, flagged)),
        "balanced_accuracy": float(balanced_accuracy_score(y, flagged)),
        "f1": float(f1_score(y, flagged)),
        "mcc": float(matthews_corrcoef(y, flagged)),
        "lr_plus": float(ratios[0]),
        "lr_minus": float(ratios[1]),
        "youden": float(balanced_accuracy_score(y, flagged, adjusted=True)),
        "fn_fp_ratio": fn / fp,
        "generalised_entropy": entropy,
        "theil": theil,
        "net_benefit": tp / y.size - fp / y.size * T / (1 - T),
        "standardised_net_benefit": (tp - fp * T / (1 - T)) / (tp + fn),
    }


def of_probabilities(y: NDArray[Any], p: NDArray[Any]) -> dict[str, float]:
    error, reliability, resolution = naive_murphy(y, p)
    z = np.sum((y - p) * (1 - 2 * p)) / np.sqrt(np.sum((1 - 2 * p) ** 2 * p * (1 - p)))
    return {
        "auroc": float(roc_auc_score(y, p)),
        "average_precision": float(average_precision_score(y, p)),
        "brier": float(brier_score_loss(y, p)),
        "scaled_brier": float(d2_brier_score(y, p)),
        "log_loss": float(log_loss(y, p)),
        "mean_score_positive": float(p[y == 1].mean()),
        "mean_score_negative": float(p[y == 0].mean()),
        "oe_ratio": float(y.sum() / p.sum()),
        "ece": naive_ece(y, p),
        "murphy_uncertainty": float(y.mean() * (1 - y.mean())),
        # these are not reported for intersections of attributes
        "ece_mass": error,
        "murphy_reliability": reliability,
        "murphy_resolution": resolution,
        "spiegelhalter_z": float(z),
    }


def naive_smece(y: NDArray[Any], p: NDArray[Any]) -> float:
    """The bandwidth s at which the residuals, smoothed by a reflected Gaussian, have mean size s.

    One mirror image at each end, enough for bandwidths far below 1; the integral is a midpoint sum.
    """
    middle = (np.arange(2000) + 0.5) / 2000
    distinct, place = np.unique(p, return_inverse=True)
    images = np.concatenate([distinct, -distinct, 2 - distinct])
    residual = np.tile(np.bincount(place, weights=y - p), 3)

    def size(bandwidth: float) -> float:
        kernel = norm.pdf((middle[:, None] - images) / bandwidth) / bandwidth
        return float(np.abs(kernel @ residual).mean() / p.size)

    return float(brentq(lambda s: size(s) - s, 0.005, 0.4, xtol=1e-6))


def of_curves(y: NDArray[Any], p: NDArray[Any]) -> dict[str, float]:
    fpr, tpr, _ = roc_curve(y, p, drop_intermediate=False)
    distinct, place = np.unique(p, return_inverse=True)
    positives, rows = np.bincount(place, weights=y), np.bincount(place)
    # against R's rms in tests/audit/stats/test_flexible.py
    flexible = flexible_errors(distinct, positives, rows - positives)
    return {
        "partial_auroc": float(roc_auc_score(y, p, max_fpr=0.1)),
        "sensitivity_at_specificity": float(tpr[fpr <= 0.1 + 1e-12].max()),
        "specificity_at_sensitivity": float(1 - fpr[tpr >= 0.9 - 1e-12].min()),
        "ici": float(flexible.ici),
        "e50": float(flexible.e50),
        "e90": float(flexible.e90),
        "emax": float(flexible.emax),
    }


def cross_auroc(columns: Columns, mask: NDArray[np.bool_]) -> float:
    y, p = columns["y"], columns["p"]
    rows = (mask & (y == 1)) | (~mask & (y == 0))
    return float(roc_auc_score(y[rows], p[rows]))


FITS = {"citl", "calibration_intercept", "calibration_slope"}
ADJUSTED = {"ppv_adjusted", "npv_adjusted", "net_benefit_adjusted", "oe_ratio_adjusted"}
BY_STRATUM_ONLY = {"ece_mass", "murphy_reliability", "murphy_resolution", "spiegelhalter_z"}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_measure_in_every_stratum(seed: int) -> None:
    columns = random_columns(seed, 400)
    result = audited(PLAN, columns)
    seen = set()
    for stratum, mask in strata_of(columns).items():
        y, p = columns["y"][mask], columns["p"][mask]
        wanted = of_decisions(y, (p >= T).astype(int)) | of_probabilities(y, p)
        if " & " in stratum:
            wanted = {m: v for m, v in wanted.items() if m not in BY_STRATUM_ONLY}
        else:
            wanted |= of_curves(y, p)
        if stratum != "overall" and " & " not in stratum:
            wanted["xauc"] = cross_auroc(columns, mask)
        for measure, value in wanted.items():
            found = estimate(result, measure, stratum)
            assert found.value == pytest.approx(value, abs=1e-9), (measure, stratum)
            assert found.n == mask.sum()
            seen.add(measure)
        if " & " not in stratum:
            assert estimate(result, "smece", stratum).value == pytest.approx(
                naive_smece(y, p), abs=2e-5
            )
    contrasts = {m.id for m in MEASURES.values() if m.pairwise}
    assert seen | FITS | ADJUSTED | contrasts | {"smece"} == set(MEASURES)


@pytest.mark.parametrize("seed", SEEDS)
def test_measures_at_another_prevalence(seed: int) -> None:
    """Against the same measure with weights that bring the positives to the target prevalence."""
    columns = random_columns(seed, 400)
    result = audited(f"{PLAN}options: {{target_prevalence: 0.11}}\n", columns)
    for stratum, mask in strata_of(columns).items():
        y, p = columns["y"][mask], columns["p"][mask]
        flagged, prevalence = p >= T, y.mean()
        weight = np.where(y == 1, 0.11 / prevalence, 0.89 / (1 - prevalence))
        benefit = np.where(y == 1, 1.0, -T / (1 - T)) * flagged
        wanted = {
            "ppv": precision_score(y, flagged, sample_weight=weight),
            "npv": precision_score(y, flagged, pos_label=0, sample_weight=weight),
            "net_benefit": np.average(benefit, weights=weight),
            "oe_ratio": np.sum(weight * y) / np.sum(weight * p),
        }
        for measure, value in wanted.items():
            found = estimate(result, f"{measure}_adjusted", stratum).value
            assert found == pytest.approx(float(value), abs=1e-9), (measure, stratum)


@pytest.mark.parametrize("seed", SEEDS)
def test_area_between_roc_curves(seed: int) -> None:
    columns = random_columns(seed, 400)
    result = audited(PLAN, columns)
    fine = np.linspace(0, 1, 2_000_001)
    curves = []
    for level in ("F", "M"):
        rows = columns["sex"] == level
        fpr, tpr, _ = roc_curve(columns["y"][rows], columns["p"][rows], drop_intermediate=False)
        # a vertical rise belongs to the left of its place, where it has no area
        curves.append(np.interp(fine, fpr + 1e-13 * np.arange(fpr.size), tpr))
    area = float(np.abs(curves[0] - curves[1]).mean())
    found = disparity(result, "abroca", "difference", "sex=F").value
    assert found == pytest.approx(area, abs=2e-6)


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


def criterion(result: AuditResult, id: str) -> Criterion:
    (found,) = [c for c in result.criteria if c.id == id]
    return found


@pytest.mark.parametrize("attribute", ["race", "sex"])
def test_fairlearn_named_criteria(attribute: str) -> None:
    columns = random_columns(4, 1500)
    result = audited(PLAN, columns)
    y, p = columns["y"], columns["p"]
    flagged, args = (p >= T).astype(int), {"sensitive_features": columns[attribute]}
    functions = {
        "demographic_parity_difference": fair.demographic_parity_difference,
        "demographic_parity_ratio": fair.demographic_parity_ratio,
        "equal_opportunity_difference": fair.equal_opportunity_difference,
        "equal_opportunity_ratio": fair.equal_opportunity_ratio,
        "equalised_odds_difference": fair.equalized_odds_difference,
        "equalised_odds_ratio": fair.equalized_odds_ratio,
        "predictive_equality_difference": fair.false_positive_rate_difference,
        "underdiagnosis": fair.false_negative_rate_difference,
        "overall_accuracy_equality_difference": fair.accuracy_score_difference,
        "minimax_error": fair.accuracy_score_group_min,
    }
    for id, function in functions.items():
        found = criterion(result, f"{id}/{attribute}").value
        assert found == pytest.approx(function(y, flagged, **args), abs=1e-9), id
    best = fair.roc_auc_score_group_min(y, p, **args)
    assert criterion(result, f"worst_group_auroc/{attribute}").value == pytest.approx(best)


@pytest.mark.parametrize("attribute", ["race", "sex"])
def test_fairlearn_metric_frame_of_other_criteria(attribute: str) -> None:
    columns = random_columns(4, 1500)
    result = audited(PLAN, columns)
    y, p, group = columns["y"], columns["p"], columns[attribute]

    def frame(metric: Any, predicted: NDArray[Any]) -> Any:
        return fair.MetricFrame(
            metrics=metric, y_true=y, y_pred=predicted, sensitive_features=group
        )

    def benefit(y: NDArray[Any], flagged: NDArray[Any]) -> float:
        return float(np.mean(flagged * np.where(y == 1, 1, -T / (1 - T))))

    def misses(y: NDArray[Any], flagged: NDArray[Any]) -> float:
        return float(np.sum((y == 1) & (flagged == 0)) / np.sum((y == 0) & (flagged == 1)))

    flagged = (p >= T).astype(int)
    wanted = {
        "predictive_parity_difference": frame(precision_score, flagged).difference(),
        "net_benefit_gap": frame(benefit, flagged).difference(),
        "treatment_equality": frame(misses, flagged).ratio(),
        "balance_positive_class": frame(lambda y, p: p[y == 1].mean(), p).difference(),
        "balance_negative_class": frame(lambda y, p: p[y == 0].mean(), p).difference(),
        "minimax_loss": frame(brier_score_loss, p).group_max(),
    }
    for id, value in wanted.items():
        assert criterion(result, f"{id}/{attribute}").value == pytest.approx(value, abs=1e-9), id
    for id, measure in (
        ("calibration_within_groups_citl", "citl"),
        ("calibration_within_groups_slope", "calibration_slope"),
    ):  # the fits themselves are compared above
        values = [
            e.value
            for e in result.estimates
            if e.measure == measure
            and e.stratum.startswith(f"{attribute}=")
            and e.value
            and " & " not in e.stratum
        ]
        gap = max(values) - min(values)
        assert criterion(result, f"{id}/{attribute}").value == pytest.approx(gap, abs=1e-9)


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
