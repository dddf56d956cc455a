"""Jackknife moments against leaving out every patient in turn, with other software."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    matthews_corrcoef,
    precision_score,
    recall_score,
    roc_auc_score,
)

from audit.cohort import Cohort
from audit.figures import Figures, compute_figures
from audit.jackknife import BCA_BELOW, moments
from audit.measures import MEASURES
from audit.rows import analysed_rows
from audit.selection import chosen, possible
from audit.strata import lattice
from audit.sweep import resampling
from tests.audit.builders import Columns, cohort_of, plan_of, random_columns

Floats = NDArray[np.float64]
Statistic = Callable[[Floats, Floats], float]
T = 0.4
TEXT = """
columns: {label: y, score: p, patient: pid}
threshold: {value: 0.4}
resamples: 100
attributes: {race: }
options: {target_prevalence: 0.2, max_fpr: 0.3}
"""


@cache
def prepared(rows: int = 330, patients: int = 90) -> tuple[Cohort, Figures]:
    return figures_of(random_columns(81, rows, patients=patients))


def figures_of(columns: Columns, attributes: int = 1) -> tuple[Cohort, Figures]:
    plan = plan_of(TEXT)
    cohort = cohort_of(plan, columns)
    rows = analysed_rows(cohort, plan)
    strata = lattice(cohort.dimensions, 1, cohort.rows)[attributes]
    scheme = resampling(plan.seed, plan.resamples, cohort.clusters)
    measures = possible(chosen(plan, attributes), rows)
    return cohort, compute_figures(rows, strata, scheme, measures)


def flags(p: Floats) -> NDArray[np.int64]:
    return (p >= T).astype(np.int64)


def net_benefit(y: Floats, p: Floats) -> float:
    return float(((p >= T) * (y - (1 - y) * T / (1 - T))).mean())


def citl(y: Floats, p: Floats) -> float:
    """Newton's method from 0, in plain numpy."""
    x, a = np.log(p / (1 - p)), 0.0
    for _ in range(50):
        expected = 1 / (1 + np.exp(-a - x))
        a += float((y - expected).sum() / (expected * (1 - expected)).sum())
    return a


def slope(y: Floats, p: Floats) -> float:
    x = np.log(p / (1 - p))[:, None]
    fit = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, max_iter=500)
    return float(fit.fit(x, y).coef_[0, 0])


def sensitivity_at(y: Floats, p: Floats) -> float:
    best = 0.0
    for t in (*np.unique(p), np.inf):
        if (p[y == 0] < t).mean() >= 0.9:
            best = max(best, float((p[y == 1] >= t).mean()))
    return best


def ppv_adjusted(y: Floats, p: Floats) -> float:
    sensitivity, fpr = (p[y == 1] >= T).mean(), (p[y == 0] >= T).mean()
    return float(0.2 * sensitivity / (0.2 * sensitivity + 0.8 * fpr))


EXACT: dict[str, Statistic] = {
    "sensitivity": lambda y, p: recall_score(y, flags(p)),
    "ppv": lambda y, p: precision_score(y, flags(p)),
    "prevalence": lambda y, p: float(y.mean()),
    "balanced_accuracy": lambda y, p: balanced_accuracy_score(y, flags(p)),
    "f1": lambda y, p: f1_score(y, flags(p)),
    "mcc": lambda y, p: matthews_corrcoef(y, flags(p)),
    "auroc": lambda y, p: float(roc_auc_score(y, p)),
    "average_precision": lambda y, p: float(average_precision_score(y, p)),
    "partial_auroc": lambda y, p: float(roc_auc_score(y, p, max_fpr=0.3)),
    "sensitivity_at_specificity": sensitivity_at,
    "brier": lambda y, p: float(brier_score_loss(y, p)),
    "log_loss": lambda y, p: float(log_loss(y, p)),
    "oe_ratio": lambda y, p: float(y.sum() / p.sum()),
    "net_benefit": net_benefit,
    "ppv_adjusted": ppv_adjusted,
}
# The fits without a patient are one Newton step from the fit with all of them.
STEPPED: dict[str, Statistic] = {"citl": citl, "calibration_slope": slope}


def twin(cohort: Cohort, stratum: int, statistic: Statistic) -> tuple[float, float]:
    """Sums over patients of squared and cubed deviations, one patient left out at a time."""
    mine = cohort.dimensions[0].codes == stratum
    y, p = cohort.label[mine].astype(np.float64), cohort.score[mine]
    patient = cohort.cluster[mine]
    without = np.array([statistic(y[patient != c], p[patient != c]) for c in np.unique(patient)])
    deviation = without.mean() - without
    return float((deviation**2).sum()), float((deviation**3).sum())


@pytest.mark.parametrize("measure", EXACT)
def test_moments_are_those_of_leaving_out_each_patient(measure: str) -> None:
    cohort, figures = prepared()
    for stratum in range(2):
        second, third = twin(cohort, stratum, EXACT[measure])
        found = figures.jackknife[measure]
        assert found.second[stratum] == pytest.approx(second, rel=1e-8), measure
        assert found.third[stratum] == pytest.approx(third, rel=1e-6, abs=1e-16), measure


@pytest.mark.parametrize("measure", STEPPED)
def test_moments_of_the_recalibration_fits(measure: str) -> None:
    cohort, figures = prepared(900, 300)
    for stratum in range(2):
        second, third = twin(cohort, stratum, STEPPED[measure])
        found = figures.jackknife[measure]
        assert found.second[stratum] == pytest.approx(second, rel=0.05), measure
        assert np.cbrt(found.third[stratum]) == pytest.approx(np.cbrt(third), rel=0.1), measure


def test_every_resampled_measure_has_moments() -> None:
    _, figures = prepared(900, 300)
    for measure in figures.measures:
        if measure.inference != "bootstrap" or measure.id not in figures.replicates:
            continue
        found = figures.jackknife[measure.id]
        assert np.isfinite(found.second[:2]).all(), measure.id
        assert (found.second[:2] > 0).all(), measure.id


def test_only_small_strata_have_moments() -> None:
    columns = random_columns(82, 1700)
    columns["pid"] = np.arange(1700).astype(str)
    cohort, figures = figures_of(columns)
    size = np.bincount(cohort.dimensions[0].codes)
    assert (size >= BCA_BELOW).any()
    assert (size < BCA_BELOW).any()
    known = np.isfinite(figures.jackknife["f1"].second)
    np.testing.assert_array_equal(known, size < BCA_BELOW)


def test_no_moments_without_a_value_for_every_patient() -> None:
    """Whoever leaves last takes the positives along, or leaves nobody."""
    columns: Columns = {
        "y": np.array([1, 0, 0, 1, 0, 1, 1, 0]),
        "p": np.array([0.9, 0.2, 0.3, 0.8, 0.1, 0.5, 0.6, 0.7]),
        "race": np.array(["A", "A", "A", "B", "B", "B", "B", "C"]),
        "pid": np.array(["1", "2", "3", "4", "5", "6", "6", "7"]),
    }
    _, figures = figures_of(columns)
    for measure in ("auroc", "partial_auroc", "mcc"):
        second = figures.jackknife[measure].second
        assert np.isnan(second).tolist() == [True, True, True], measure  # B without its negative
    second = figures.jackknife["prevalence"].second
    assert np.isnan(second).tolist() == [False, False, True]  # a single patient


def test_moments_by_hand() -> None:
    """Mean of 1, 2, 6 without each: 4, 3.5, 1.5; mean 3; deviations -1, -0.5, 1.5."""
    second, third = moments(np.array([4.0, 3.5, 1.5]))
    assert second == pytest.approx(1 + 0.25 + 2.25)
    assert third == pytest.approx(-1 - 0.125 + 3.375)
    assert np.isnan(moments(np.array([1.0, np.nan, 2.0]))).all()
    assert np.isnan(moments(np.array([1.0]))).all()


def test_twins_cover_every_kind_of_interval() -> None:
    kinds = {MEASURES[m].inference for m in (*EXACT, *STEPPED)}
    assert kinds == {"proportion", "ratio", "auc", "fit", "bootstrap"}
