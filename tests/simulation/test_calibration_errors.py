"""Calibration errors: the null of the ECE holds its level, and the ICI is covered.

Every replicate is one stratum of one large cohort (`test_interval_coverage`). The Monte Carlo
standard error is 0.69 points with 1,000 replicates (0.69 of a level of 5 %, too).
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from audit.figures import Figures
from audit.stats.bootstrap import percentile
from audit.stats.flexible import flexible_errors
from audit.stats.weights import poisson_weights
from tests.simulation.cohorts import (
    Population,
    coverage,
    covered,
    drawn,
    methods_used,
    monte_carlo_error,
    population_ladder,
    truths,
)
from tests.simulation.test_interval_coverage import replicated, within

pytestmark = pytest.mark.simulation

REPLICATES = 1000
NULLS = ("ece", "ece_mass", "smece", "spiegelhalter_z")
CALIBRATED = Population()
SHIFTED = Population(bias=1.0)
# from 5 % by three Monte Carlo standard errors
LEVEL = 0.05 + 3 * monte_carlo_error(REPLICATES)


def rejected(figures: Figures) -> dict[str, float]:
    """Share of the strata whose calibration is doubted, by measure."""
    return {
        id: float(np.mean([null is not None and null.p < 0.05 for null in figures.null[id]]))
        for id in NULLS
    }


def test_calibrated_model_of_independent_rows() -> None:
    found = replicated(21, NULLS, replicates=REPLICATES, patients=600, images=1)
    within(rejected(found), 0.0, LEVEL)


@pytest.mark.parametrize("label_icc", [0.3, 1.0])
def test_calibrated_model_of_patients_with_three_images(label_icc: float) -> None:
    found = replicated(22, NULLS, replicates=REPLICATES, label_icc=label_icc)
    within(rejected(found), 0.0, LEVEL)


def test_model_that_is_off_is_found() -> None:
    found = rejected(replicated(23, NULLS, SHIFTED, replicates=100))
    # Spiegelhalter's weights (1 - 2p) change sign at 1/2, so a shift partly cancels in it
    assert found.pop("spiegelhalter_z") > 0.5
    assert all(share > 0.95 for share in found.values())


def test_labels_redrawn_row_by_row_would_find_what_is_not_there() -> None:
    """Why patients keep their residuals: the null of independent rows, on the same images."""
    found = rejected(replicated(22, NULLS, replicates=REPLICATES, declared=False))
    assert min(found["ece"], found["ece_mass"], found["smece"]) > 0.1


def ece(probability: NDArray[np.float64], label: NDArray[np.int8], weights: NDArray[np.float64],
        ) -> NDArray[np.float64]:  # fmt: skip
    """ECE over 15 equal-width bins in every column of the patients' weights."""
    place = np.minimum((probability * 15).astype(np.int64), 14)
    patients = label.shape[0]
    sums = np.zeros((15, patients))
    np.add.at(sums, (place, np.arange(patients)[:, None]), label - probability)
    found: NDArray[np.float64] = np.abs(sums @ weights).sum(axis=0)
    found /= weights.sum(axis=0) * label.shape[1]
    return found


@pytest.mark.parametrize("images", [1, 3])
def test_percentile_bootstrap_of_the_ece_would_fail(images: int) -> None:
    """Why no such interval is given: of a calibrated model, and of one that is a little off."""
    rng = np.random.default_rng(24)
    keys = rng.integers(0, 2**64, 200, dtype=np.uint64)
    weights = poisson_weights(keys, 1, 400)
    for of, limit in ((CALIBRATED, 0.0), (Population(bias=0.1), 0.5)):
        ends = []
        for _ in range(REPLICATES):
            label, latent = drawn(rng, 200, of, images=images)
            ends.append(percentile(ece(of.reported(latent), label, weights), 0.95))
        lower, upper = np.array(ends).T
        share = covered(lower, upper, truths(of)["ece_limit"])
        print(f"percentile interval of the ECE, bias {of.bias}, {images} images: {share:.4f}")
        assert share <= limit


def limit_of_ici(of: Population) -> float:
    """The ICI that the lowess curve has in 3 million units."""
    score, sick, _ = population_ladder(of, 3000)
    positives = np.round(1000 * sick)
    return float(flexible_errors(score, positives, 1000 - positives, "lowess").ici)


def test_basic_bootstrap_of_the_ici() -> None:
    """900 images of 300 patients, 400 resamples; the curve lies on one side of the diagonal."""
    how = {"replicates": REPLICATES, "patients": 300, "resamples": 400}
    found = replicated(25, ("ici",), SHIFTED, **how)
    assert methods_used(found, "ici") == {"basic_bootstrap_poisson"}
    within(coverage(found, {"ici": limit_of_ici(SHIFTED)}))
