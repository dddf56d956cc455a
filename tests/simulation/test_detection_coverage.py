"""Coverage of the sensitivity at declared false positives per image, patients with many images."""

import numpy as np
import pytest
from numpy.typing import NDArray

from audit.stats.bootstrap import percentile
from audit.stats.froc import Detections, detections, sensitivity_at

PATIENTS = 200
RATE = 1.0
REPLICATES = 400


def drawn(rng: np.random.Generator, patients: int) -> tuple[Detections, NDArray[np.int64]]:
    """Images of patients, some of whom have lesions that are hard to find in every image."""
    owner = np.repeat(np.arange(patients), rng.integers(1, 7, patients))
    images = owner.size
    hard = rng.normal(0, 1.2, patients)[owner]
    lesions = rng.integers(0, 3, images)
    of = np.repeat(np.arange(images), lesions)
    place = np.concatenate([np.arange(n) for n in lesions]) if lesions.sum() else of
    found = rng.random(of.size) < 0.9
    hit_score = 1.0 + hard[of] + rng.normal(size=of.size)
    false = np.repeat(np.arange(images), rng.poisson(2.5, images))
    score = np.concatenate([hit_score[found], rng.normal(size=false.size)])
    lesion = np.concatenate([place[found], np.full(false.size, -1)])
    return detections(score, lesion, np.concatenate([of[found], false]), lesions), owner


def interval(
    seen: Detections, owner: NDArray[np.int64], rng: np.random.Generator
) -> tuple[float, float]:
    """Percentile interval of resamples of the owners."""
    weights = rng.poisson(1.0, (REPLICATES, int(owner.max()) + 1))[:, owner].astype(float)
    values = sensitivity_at(seen, (RATE,), weights)[:, 0]
    lower, upper = percentile(values[None, :], 0.95)
    return float(lower[0]), float(upper[0])


@pytest.mark.simulation
def test_patient_bootstrap_covers_and_an_image_bootstrap_does_not() -> None:
    rng = np.random.default_rng(4)
    truth = float(sensitivity_at(drawn(rng, 60_000)[0], (RATE,))[0])
    hits = np.zeros((1000, 2))
    for run in range(len(hits)):
        seen, owner = drawn(rng, PATIENTS)
        for k, units in enumerate((owner, np.arange(owner.size))):
            low, high = interval(seen, units, rng)
            hits[run, k] = low <= truth <= high
    ours, images = hits.mean(axis=0)
    assert 0.93 <= ours <= 0.97
    assert images < 0.92
