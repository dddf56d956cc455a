"""Simulated coverage of the 95 % intervals of a measure, patients with three images.

Every replicate is one stratum of one large cohort, so that a whole experiment is one call of what
the audit calls. Labels and scores have an intra-class correlation of 0.3 (`cohorts`). The Monte
Carlo standard error of a coverage of 95 % is 0.49 points with 2,000 replicates and 0.56 with 1,500.
"""

from collections.abc import Sequence

import numpy as np
import pytest

from audit.figures import Figures
from audit.stats.proportions import clopper_pearson, jeffreys, newcombe_difference, wilson
from tests.audit.builders import plan_of
from tests.simulation import cohorts
from tests.simulation.cohorts import Population, coverage, methods_used, truths

pytestmark = pytest.mark.simulation

PLAN = """
columns: {{label: y, score: p, patient: pid}}
threshold: {{value: 0.4}}
attributes: {{replicate: }}
permutations: 0
measures: {measures}
"""
ANALYTIC, RESAMPLED, PATIENTS = 2000, 1500, 200
CALIBRATED = Population()
OFF = Population(bias=0.4, slope=1.3)
PROPORTIONS = ("sensitivity", "specificity", "ppv", "flag_rate")
RATIOS = ("brier", "log_loss", "oe_ratio", "net_benefit")
FITS = ("citl", "calibration_intercept", "calibration_slope")
LINEAR = (*PROPORTIONS, "auroc", *RATIOS, *FITS)


def replicated(
    seed: int,
    measures: Sequence[str],
    of: Population = CALIBRATED,
    *,
    replicates: int = ANALYTIC,
    patients: int = PATIENTS,
    resamples: int = 0,
    **how: bool | int | float,
) -> Figures:
    """Figures of so many independent strata; `how` is for the drawing, `declared` the patients."""
    rng = np.random.default_rng(seed)
    declared = bool(how.pop("declared", True))
    label, latent = cohorts.drawn(rng, replicates * patients, of, **how)  # type: ignore[arg-type]
    stratum = np.repeat(np.arange(replicates), patients)
    drawn = cohorts.cohort(
        rng, label, of.reported(latent), {"replicate": stratum}, declared=declared
    )
    plan = plan_of(PLAN.format(measures=cohorts.names(measures)))
    return cohorts.figures_of(drawn, plan, resamples, "replicate")


def some(of: Population, measures: Sequence[str]) -> dict[str, float]:
    return {id: truths(of)[id] for id in measures}


def within(found: dict[str, float], low: float = 0.93, high: float = 0.97) -> None:
    print(found)
    assert all(low <= share <= high for share in found.values()), found


@pytest.fixture(scope="module")
def images() -> Figures:
    return replicated(11, LINEAR)


@pytest.fixture(scope="module")
def undeclared() -> Figures:
    """The cohort of `images` in a file without a patient column."""
    return replicated(11, LINEAR, declared=False)


def test_the_correlation_is_as_said() -> None:
    rng = np.random.default_rng(10)
    label, latent = cohorts.drawn(rng, 200_000, CALIBRATED)
    sick = (label[:, 0] == 1) & (label[:, 1] == 1)
    flagged = latent > CALIBRATED.cut
    for one, other in (
        (label[:, 0], label[:, 1]),
        (latent[sick, 0], latent[sick, 1]),
        (flagged[sick, 0], flagged[sick, 1]),
    ):
        assert np.corrcoef(one, other)[0, 1] == pytest.approx(0.3, abs=0.01)


def test_the_truths_are_those_of_a_large_sample() -> None:
    found = replicated(12, LINEAR, OFF, replicates=1, patients=400_000)
    for id in LINEAR:
        error = float(np.sqrt(found.variance[id][0]))
        assert abs(found.values[id][0] - truths(OFF)[id]) < 4 * error, id


@pytest.mark.parametrize("family", [PROPORTIONS, ("auroc",), RATIOS, FITS])
def test_formulas_with_disease_of_the_image(images: Figures, family: tuple[str, ...]) -> None:
    within(coverage(images, some(CALIBRATED, family)))


def test_the_methods_are_those_of_clusters(images: Figures, undeclared: Figures) -> None:
    assert methods_used(images, "sensitivity") == {"cluster_robust_logit"}
    assert methods_used(images, "auroc") == {"obuchowski_logit"}
    assert methods_used(images, "brier") == {"cluster_robust_logit"}
    assert methods_used(images, "oe_ratio") == {"cluster_robust_log"}
    assert methods_used(images, "citl") == {"cluster_robust_identity"}
    assert methods_used(images, "net_benefit") == {"cluster_robust_identity"}
    assert methods_used(undeclared, "sensitivity") == {"wilson"}
    assert methods_used(undeclared, "auroc") == {"delong_logit"}


@pytest.mark.parametrize(
    ("method", "high"), [("wilson", 0.97), ("jeffreys", 0.97), ("clopper_pearson", 0.99)]
)
def test_effective_sample_sizes(images: Figures, method: str, high: float) -> None:
    assert methods_used(images, "sensitivity", method) == {f"{method}_effective"}
    found = coverage(images, some(CALIBRATED, PROPORTIONS), dict.fromkeys(PROPORTIONS, method))
    within(found, 0.93, high)


def test_disease_of_the_patient_and_a_model_that_is_off() -> None:
    within(coverage(replicated(13, LINEAR, OFF, label_icc=1.0), some(OFF, LINEAR)))


def test_rows_taken_as_independent_do_not_cover(undeclared: Figures) -> None:
    """What the intervals above are worth: without a patient column all of these are too short."""
    for method in ("wilson", "jeffreys", "clopper_pearson"):
        chosen = dict.fromkeys(PROPORTIONS, method)
        within(coverage(undeclared, some(CALIBRATED, PROPORTIONS), chosen), 0.5, 0.93)
    within(coverage(undeclared, some(CALIBRATED, ("oe_ratio", "net_benefit", *FITS))), 0.5, 0.93)
    found = replicated(13, ("auroc", "brier"), OFF, label_icc=1.0, declared=False)
    within(coverage(found, some(OFF, ("auroc", "brier"))), 0.5, 0.93)


def test_independent_rows() -> None:
    found = replicated(14, LINEAR, patients=3 * PATIENTS, images=1)
    assert methods_used(found, "sensitivity") == {"wilson"}
    assert methods_used(found, "auroc") == {"delong_logit"}
    within(coverage(found, some(CALIBRATED, LINEAR)))
    chosen = dict.fromkeys(PROPORTIONS, "jeffreys")
    within(coverage(found, some(CALIBRATED, PROPORTIONS), chosen))
    chosen = dict.fromkeys(PROPORTIONS, "clopper_pearson")
    within(coverage(found, some(CALIBRATED, PROPORTIONS), chosen), 0.945, 0.99)


def test_percentile_bootstrap_of_the_average_precision() -> None:
    """1,200 images of 400 patients, 1,000 resamples."""
    measures = ("average_precision",)
    how = {"replicates": RESAMPLED, "patients": 400, "resamples": 1000}
    found = replicated(15, measures, **how)  # type: ignore[arg-type]
    assert methods_used(found, measures[0]) == {"percentile_bootstrap_poisson"}
    within(coverage(found, some(CALIBRATED, measures)))
    wrong = replicated(15, measures, declared=False, **how)  # type: ignore[arg-type]
    within(coverage(wrong, some(CALIBRATED, measures)), 0.5, 0.93)


def test_bca_bootstrap_of_small_strata() -> None:
    """600 images of 200 patients, 1,000 resamples."""
    measures = ("f1", "balanced_accuracy")
    found = replicated(16, measures, replicates=RESAMPLED, resamples=1000)
    for id in measures:
        assert methods_used(found, id) == {"bca_bootstrap_poisson"}
    within(coverage(found, some(CALIBRATED, measures)))


@pytest.mark.parametrize(("p", "n"), [(0.8, 60), (0.95, 80), (0.3, 25), (0.5, 200)])
def test_proportions_themselves(p: float, n: int) -> None:
    """Exact coverage, by summation; it oscillates with n, so that the limits are wider."""
    x = np.arange(n + 1)
    steps = np.log(np.arange(n, 0, -1) / np.arange(1, n + 1))
    share = np.exp(np.append(0.0, np.cumsum(steps)) + x * np.log(p) + (n - x) * np.log1p(-p))
    for function, low in ((wilson, 0.92), (jeffreys, 0.92), (clopper_pearson, 0.95)):
        lower, upper = function(x, n, 0.95)
        covered = float(share[(lower <= p) & (p <= upper)].sum())
        print(f"{function.__name__} {p} of {n}: {covered:.4f}")
        assert low <= covered <= 0.99


@pytest.mark.parametrize(("p1", "n1", "p2", "n2"), [
    (0.8, 60, 0.7, 150),
    (0.95, 80, 0.9, 400),
    (0.3, 25, 0.5, 40),
    (0.98, 100, 0.98, 60),
])  # fmt: skip
def test_newcombe_itself(p1: float, n1: int, p2: float, n2: int) -> None:
    """Monte Carlo standard error 0.11 points."""
    rng = np.random.default_rng(83)
    x1, x2 = rng.binomial(n1, p1, 40_000), rng.binomial(n2, p2, 40_000)
    lower, upper = newcombe_difference(x1, n1, x2, n2, 0.95)
    share = float(np.mean((lower <= p1 - p2) & (p1 - p2 <= upper)))
    print(f"Newcombe {p1} of {n1}, {p2} of {n2}: {share:.4f}")
    assert 0.93 <= share <= 0.985  # conservative where both are near 1
