"""Ladders of distinct scores, and quantiles on them."""

from typing import Any

import numpy as np
import pytest

from audit.stats._rungs import as_rungs, rungs_of, weighted_quantiles


def test_rows_collapse_to_distinct_scores() -> None:
    ladder = rungs_of([0.4, 0.1, 0.4, 0.9, 0.4], [1, 0, 0, 1, 1])
    assert [side.tolist() for side in ladder] == [[0.1, 0.4, 0.9], [0, 2, 1], [1, 1, 0]]
    assert [side.size for side in rungs_of([], [])] == [0, 0, 0]
    assert rungs_of([0.0, -0.0], [1, 0]).score.size == 1


def test_leading_axes_are_kept() -> None:
    assert as_rungs([0.1, 0.2], np.ones((3, 4, 2)), [1, 1]).positives.shape == (3, 4, 2)
    assert as_rungs([-7.0, 3.0], [1, 1], [1, 1], probability=False).score[0] == -7.0


def test_quantiles_of_resamples() -> None:
    values = np.array([0.5, 0.1, 0.9])
    weights = np.array([[[1, 1, 1.0], [0, 4, 0]], [[2, 0, 2], [0, 0, 0]]])
    found = weighted_quantiles(values, weights, (0.5, 0.9))
    assert found.shape == (2, 2, 2)
    np.testing.assert_allclose(found[0], [[0.5, 0.1], [0.7, np.nan]])
    np.testing.assert_allclose(found[1], [[0.82, 0.1], [0.9, np.nan]])
    assert np.isnan(weighted_quantiles(np.array([0.1, np.nan]), np.ones(2), (0.0,))).all()
    held = weighted_quantiles(np.array([0.1, np.nan]), np.array([2.0, 0.0]), (0.0,))
    assert held.tolist() == [0.1]
    assert np.isnan(weighted_quantiles(np.empty(0), np.empty(0), (0.5,))).all()


def test_quantiles_of_broken_weights_stay_among_the_values() -> None:
    rng = np.random.default_rng(0)
    values = np.sort(rng.random(20))
    weights = rng.random((50, 20)) * 3
    found = weighted_quantiles(values, weights, (0.0, 0.5, 0.9, 1.0))
    assert np.all(np.diff(found, axis=0) >= 0.0)
    np.testing.assert_array_equal(found[0], values[0])
    assert np.all(found[3] <= values[-1])


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: as_rungs([0.2, 0.2], [1, 1], [1, 1]), "ascending"),
        (lambda: as_rungs([0.2, 1.2], [1, 1], [1, 1]), r"\[0, 1\]"),
        (lambda: as_rungs([0.2, np.inf], [1, 1], [1, 1]), "finite"),
        (lambda: as_rungs([0.2, 0.3], [1, -1], [1, 1]), "negative"),
        (lambda: as_rungs([0.2, 0.3], [1, np.nan], [1, 1]), "finite"),
        (lambda: as_rungs([0.2, 0.3], [1], [1, 1]), "last axis"),
        (lambda: rungs_of([0.2, 0.3], [1]), "label"),
    ],
)
def test_bad_arguments(call: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        call()
