"""FROC: curves by hand, a peer's figures, a brute-force twin, and resampled images."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audit.stats.froc import CPM_RATES, NO_LESION, cpm, detections, froc_curve, sensitivity_at

# Two images with two lesions and one, a third with none; the first lesion is hit twice.
SCORE = [0.9, 0.8, 0.8, 0.7, 0.6, 0.5, 0.5, 0.2]
LESION = [0, NO_LESION, 0, 0, NO_LESION, 1, NO_LESION, NO_LESION]
IMAGE = [0, 2, 0, 1, 0, 0, 1, 1]
LESIONS = [2, 1, 0]


def test_curve_by_hand() -> None:
    curve = froc_curve(detections(SCORE, LESION, IMAGE, LESIONS))
    # The second hit of the first lesion (0.8) is nothing; the ties at 0.5 are one point.
    assert curve.threshold.tolist() == [np.inf, 0.9, 0.8, 0.7, 0.6, 0.5, 0.2]
    np.testing.assert_allclose(curve.false_per_image, np.array([0, 0, 1, 1, 2, 3, 4]) / 3)
    np.testing.assert_allclose(curve.sensitivity, np.array([0, 1, 1, 2, 2, 3, 3]) / 3)


def test_rates_by_hand() -> None:
    found = detections(SCORE, LESION, IMAGE, LESIONS)
    rates = [4 / 3, 0.0, 1 / 6, 1 / 3, 5 / 6, 1.4]
    # At 1/3 two points stand above one another: the higher counts. 1.4 is past the last one.
    linear = [1.0, 1 / 3, 1 / 3, 2 / 3, 5 / 6, np.nan]
    np.testing.assert_allclose(sensitivity_at(found, rates), linear)
    step = [1.0, 1 / 3, 1 / 3, 2 / 3, 2 / 3, np.nan]
    np.testing.assert_allclose(sensitivity_at(found, rates, between="step"), step)
    assert np.isnan(cpm(found))


def test_a_rate_that_is_no_binary_fraction_is_met_exactly() -> None:
    score = np.arange(30, 0, -1)
    found = detections(score, [NO_LESION] * 30, [0] * 30, [1] + [0] * 99)
    rates = np.array([k / 100 for k in range(32)])
    read = sensitivity_at(found, rates)
    assert np.isnan(read).tolist() == [False] * 31 + [True]


def test_the_end_of_the_curve_is_not_drawn_out() -> None:
    perfect = detections([0.9, 0.8], [0, 0], [0, 1], [1, 1])
    np.testing.assert_array_equal(sensitivity_at(perfect, [0.0, 0.125, 8.0]), [1, np.nan, np.nan])
    silent = detections([], np.array([], int), np.array([], int), [1, 1])
    np.testing.assert_array_equal(sensitivity_at(silent, [0.0, 1.0]), [0, np.nan])
    assert froc_curve(silent).sensitivity.tolist() == [0.0]


def test_without_lesions_or_images_nothing_is_defined() -> None:
    healthy = detections([0.5], [NO_LESION], [0], [0, 0])
    assert np.isnan(sensitivity_at(healthy, [0.0, 0.5])).all()
    assert np.isnan(froc_curve(healthy).sensitivity).all()
    assert froc_curve(healthy).false_per_image.tolist() == [0.0, 0.5]
    nothing = detections([], np.array([], int), np.array([], int), np.array([], int))
    assert np.isnan(sensitivity_at(nothing, [0.0])).all()
    assert np.isnan(froc_curve(nothing).false_per_image).all()


def invented(images: int = 40) -> tuple[NDArray[Any], ...]:
    """Detections of many images, with ties, duplicates and images without any."""
    k = np.arange(12 * images)
    lesions = np.arange(images) * 5 // 3 % 4
    image = (k * k * 7 + k * 13) % (images - 3)
    wanted = k * k % 11 % 7
    lesion = np.where(wanted < lesions[image], wanted, NO_LESION)
    score = (k * 31 + k * k * 3) % 97 // 3 + np.where(lesion >= 0, 8, 0)
    return score, lesion, image, lesions


# monai 1.6.1: compute_froc_curve_data(scores of false positives and one of -99, greatest score of
# each lesion hit, lesions, images) and numpy.interp, as in compute_froc_score, at each of
# CPM_RATES. It leaves out the lowest threshold: the -99 is there to be that one.
MONAI = (
    0.2711864406779661,
    0.2729705619982159,
    0.2818911685994648,
    0.288135593220339,
    0.3559322033898305,
    0.423728813559322,
    0.4576271186440678,
)


def test_agrees_with_monai() -> None:
    found = detections(*invented())
    np.testing.assert_allclose(sensitivity_at(found, CPM_RATES), MONAI, rtol=1e-12)
    assert cpm(found) == pytest.approx(np.mean(MONAI), rel=1e-12)


def brute(data: Any, rate: float, linear: bool) -> float:
    """Count at every threshold, then look for the rate among the points."""
    score, lesion, image, lesions = data
    n_images, total = len(lesions), sum(lesions)
    points = [(0.0, 0.0)]
    for threshold in sorted(set(score), reverse=True):
        kept = [i for i in range(len(score)) if score[i] >= threshold]
        hit = {(image[i], lesion[i]) for i in kept if lesion[i] != NO_LESION}
        false = sum(lesion[i] == NO_LESION for i in kept)
        points.append((false / n_images, len(hit) / total if total else np.nan))
    at = [y for x, y in points if x == rate]
    if at:
        return max(at)
    if points[-1][0] < rate:
        return np.nan
    below = max((x, y) for x, y in points if x < rate)
    above = next((x, y) for x, y in points if x > rate)
    share = (rate - below[0]) / (above[0] - below[0]) if linear else 0.0
    return below[1] + share * (above[1] - below[1])


@st.composite
def some_detections(draw: Any) -> tuple[list[float], list[int], list[int], list[int]]:
    lesions = draw(st.lists(st.integers(0, 3), min_size=1, max_size=5).filter(any))
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from([0.1, 0.2, 0.5, 0.9]),
                st.integers(0, len(lesions) - 1),
                st.integers(-1, 2),
            ),
            max_size=14,
        )
    )
    kept = [(s, k if k < lesions[i] else NO_LESION, i) for s, i, k in rows]
    score, lesion, image = ([row[j] for row in kept] for j in range(3))
    return score, lesion, image, lesions


@given(data=some_detections(), linear=st.booleans())
@settings(max_examples=200, deadline=None)
def test_equals_counting_at_every_threshold(data: Any, linear: bool) -> None:
    score, lesion, image, lesions = data
    rates = [0.0, 0.2, 0.25, 1 / 3, 0.5, 0.7, 1.0, 2.0, 5.0]
    found = detections(score, np.array(lesion, int), np.array(image, int), lesions)
    got = sensitivity_at(found, rates, between="linear" if linear else "step")
    expected = np.array([brute(data, rate, linear) for rate in rates])
    np.testing.assert_allclose(got, expected, rtol=1e-12)


@given(data=some_detections(), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_weights_are_repeated_images(data: Any, seed: int) -> None:
    score, lesion, image, lesions = (np.array(part) for part in data)
    image, lesion = image.astype(int), lesion.astype(int)
    times = np.random.default_rng(seed).integers(0, 3, (4, lesions.size))
    rates = [0.0, 0.25, 0.5, 1.0, 2.0]
    got = sensitivity_at(detections(score, lesion, image, lesions), rates, times)
    for r, repeat in enumerate(times):
        chosen = np.repeat(np.arange(lesions.size), repeat)
        rows = [(k, i) for k, old in enumerate(chosen) for i in np.flatnonzero(image == old)]
        copy = np.array([k for k, _ in rows], int)
        at = np.array([i for _, i in rows], int)
        found = detections(score[at], lesion[at], copy, lesions[chosen])
        np.testing.assert_allclose(got[r], sensitivity_at(found, rates), rtol=1e-12)


def test_weights_of_one_change_nothing_and_order_does_not_matter() -> None:
    score, lesion, image, lesions = invented()
    found = detections(score, lesion, image, lesions)
    plain = sensitivity_at(found, CPM_RATES)
    weights = np.stack([np.ones(40), np.full(40, 2.5), np.zeros(40)])
    got = sensitivity_at(found, CPM_RATES, weights)
    np.testing.assert_array_equal(got[0], plain)
    np.testing.assert_allclose(got[1], plain, rtol=1e-12)
    assert np.isnan(got[2]).all()
    np.testing.assert_allclose(np.asarray(cpm(found, weights))[:2], cpm(found), rtol=1e-12)
    order = np.random.default_rng(3).permutation(score.size)
    again = detections(score[order], lesion[order], image[order], lesions)
    for one, other in zip(found, again, strict=True):
        np.testing.assert_array_equal(one, other)
    # A monotone map of the scores keeps the curve.
    mapped = detections(np.exp(3 * score), lesion, image, lesions)
    np.testing.assert_array_equal(sensitivity_at(mapped, CPM_RATES), plain)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"score": [np.nan, *SCORE[1:]]}, "NaN"),
        ({"lesion": [2, *LESION[1:]]}, "lesion must be"),
        ({"lesion": [-2, *LESION[1:]]}, "lesion must be"),
        ({"lesion": [0.0] * 8}, "integers"),
        ({"image": [3, *IMAGE[1:]]}, "image has code 3"),
        ({"image": IMAGE[1:]}, "image has 7 rows"),
        ({"lesions_per_image": [2, -1, 0]}, "negative"),
    ],
)
def test_refuses_impossible_detections(change: dict[str, Any], match: str) -> None:
    right: dict[str, Any] = {
        "score": SCORE,
        "lesion": LESION,
        "image": IMAGE,
        "lesions_per_image": LESIONS,
    }
    with pytest.raises(ValueError, match=match):
        detections(**(right | change))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"rates": 1.0}, "rates"),
        ({"rates": [-1.0]}, "rates"),
        ({"rates": [np.inf]}, "rates"),
        ({"rates": [1.0], "weights": np.ones((2, 4))}, "weights must be of shape"),
        ({"rates": [1.0], "weights": -np.ones((2, 3))}, "weights must be finite"),
        ({"rates": [1.0], "between": "spline"}, "between"),
    ],
)
def test_refuses_other_options(options: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        sensitivity_at(detections(SCORE, LESION, IMAGE, LESIONS), **options)
