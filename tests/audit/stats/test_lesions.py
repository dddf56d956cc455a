"""Lesion-wise detection: cases by hand, a peer's counts, all pairings, and counts that add up."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from audit.stats.lesions import by_size, components, detect_lesions, match_lesions


def test_connectivity_says_what_touches() -> None:
    cube = np.zeros((2, 2, 4), bool)
    cube[0, 0, 0] = cube[0, 0, 3] = True  # two apart
    cube[0, 1, 1] = True  # by an edge with the first
    cube[1, 1, 2] = True  # by an edge with that, by a corner with the second
    assert [components(cube, c)[1] for c in (1, 2, 3, None)] == [4, 2, 1, 1]
    assert [components(cube[0], c)[1] for c in (1, 2, None)] == [3, 2, 2]


# One row of voxels: lesions of the reference 1..4, of the prediction 1..3.
REFERENCE = np.array([[1, 1, 0, 2, 2, 2, 2, 0, 3, 3, 0, 4, 0, 0]])
PREDICTED = np.array([[1, 1, 1, 1, 1, 0, 0, 0, 2, 0, 0, 0, 0, 3]])


def test_any_overlap_by_hand() -> None:
    found = match_lesions(REFERENCE, PREDICTED, (2.0, 0.5))
    assert found.detected.tolist() == [True, True, True, False]
    assert found.hits.tolist() == [True, True, False]
    assert (found.missed, found.false) == (1, 1)
    np.testing.assert_allclose(found.iou, [2 / 5, 2 / 7, 1 / 2, 0])
    assert found.matched.tolist() == [0, 0, 1, -1]
    assert found.reference_volume.tolist() == [2.0, 4.0, 2.0, 1.0]
    assert found.prediction_volume.tolist() == [5.0, 1.0, 1.0]


def test_one_to_one_by_hand() -> None:
    found = match_lesions(REFERENCE, PREDICTED, (2.0, 0.5), "iou", 0.25)
    # One prediction covers lesions 1 and 2: it is the better of the two that it detects.
    assert found.detected.tolist() == [True, False, True, False]
    assert found.hits.tolist() == [True, True, False]
    assert (found.missed, found.false) == (2, 1)
    np.testing.assert_allclose(found.iou, [2 / 5, np.nan, 1 / 2, np.nan])
    assert match_lesions(REFERENCE, PREDICTED, (1, 1), "iou", 0.5).detected.sum() == 1
    assert match_lesions(REFERENCE, PREDICTED, (1, 1), "iou", 0.51).detected.sum() == 0


def test_more_pairs_come_before_better_pairs() -> None:
    # Greedy by IoU would pair lesion 2 with prediction 1 (3/7) and leave the others alone.
    reference = np.array([[1, 1, 2, 2, 2, 2, 2, 0]])
    prediction = np.array([[0, 1, 1, 1, 1, 0, 2, 0]])
    found = match_lesions(reference, prediction, (1, 1), "iou", 0.2)
    assert found.detected.all()
    assert found.matched.tolist() == [0, 1]
    np.testing.assert_allclose(found.iou, [1 / 5, 1 / 5])


def scattered() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Squares on a grid, and the same moved by a share of their width that grows."""
    reference, prediction = np.zeros((120, 120), np.int64), np.zeros((120, 120), np.int64)
    for k in range(36):
        y, x = 20 * (k // 6), 20 * (k % 6)
        reference[y + 2 : y + 12, x + 2 : x + 12] = k + 1
        move = k % 9
        prediction[y + 2 : y + 12, x + 2 + move : x + 12 + move] = k + 1
    return reference, np.where(prediction > 30, 0, prediction)


# monai 1.6.1 (torch 2.13.0), compute_panoptic_quality(prediction, reference, match_iou_threshold=x,
# output_confusion_matrix=True): true positives, false positives, false negatives, sum of IoU
MONAI = {
    0.2: (24.0, 6.0, 12.0, 14.590492),
    0.3: (21.0, 9.0, 15.0, 13.840494),
    0.6: (12.0, 18.0, 24.0, 9.939394),
}


@pytest.mark.parametrize("least", [0.2, 0.3, 0.6])
def test_agrees_with_monai(least: float) -> None:
    reference, prediction = scattered()
    found = match_lesions(reference, prediction, (1, 1), "iou", least)
    got = (found.detected.sum(), found.false, found.missed, np.nansum(found.iou))
    np.testing.assert_allclose(got, MONAI[least], rtol=1e-4)
    assert found.hits.sum() == found.detected.sum()


masks = st.sampled_from([(3, 3, 4), (6, 8), (1, 12)]).flatmap(
    lambda shape: st.tuples(*[arrays(np.bool_, shape) for _ in range(2)])
)


@given(pair=masks, criterion=st.sampled_from(["overlap", "iou"]), least=st.sampled_from([0.1, 0.5]))
@settings(max_examples=150, deadline=None)
def test_counts_add_up(pair: Any, criterion: Any, least: float) -> None:
    found = detect_lesions(pair[0], pair[1], (0.5,) * pair[0].ndim, criterion, least)
    assert found.detected.sum() + found.missed == components(pair[0])[1]
    assert found.hits.sum() + found.false == components(pair[1])[1]
    assert found.reference_volume.sum() == pytest.approx(pair[0].sum() * 0.5 ** pair[0].ndim)
    assert found.prediction_volume.sum() == pytest.approx(pair[1].sum() * 0.5 ** pair[0].ndim)
    np.testing.assert_array_equal(found.matched >= 0, found.detected)
    if criterion == "iou":
        assert found.hits.sum() == found.detected.sum()
        assert np.nanmin(found.iou, initial=1.0) >= least


def best_pairing(reference: Any, prediction: Any, least: float) -> tuple[int, float]:
    """Most pairs, and of those the largest sum of IoU, over every pairing."""
    n, m = int(reference.max(initial=0)), int(prediction.max(initial=0))
    best = (0, 0.0)
    # Rows that stay alone are paired with columns that do not exist.
    for order in permutations(range(m + n), n):
        chosen = []
        for i, j in enumerate(order):
            a, b = reference == i + 1, prediction == j + 1
            iou = (a & b).sum() / (a | b).sum()
            if j < m and iou >= least:
                chosen.append(iou)
        best = max(best, (len(chosen), float(sum(chosen))), key=lambda t: (t[0], round(t[1], 9)))
    return best


small = st.integers(1, 3).flatmap(lambda n: arrays(np.int64, (1, 12), elements=st.integers(0, n)))


def numbered(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same lesions, numbered without gaps."""
    kept = np.unique(ids[ids > 0])
    return np.where(ids > 0, np.searchsorted(kept, ids) + 1, 0)


@given(reference=small, prediction=small, least=st.sampled_from([0.05, 0.2, 0.4]))
@settings(max_examples=60, deadline=None)
def test_no_pairing_is_better(reference: Any, prediction: Any, least: float) -> None:
    a, b = numbered(reference), numbered(prediction)
    found = match_lesions(a, b, (1, 1), "iou", least)
    pairs, total = best_pairing(a, b, least)
    assert found.detected.sum() == pairs
    assert np.nansum(found.iou) == pytest.approx(total)


def test_nothing_to_find() -> None:
    none, one = np.zeros((4, 4), bool), np.eye(4, dtype=bool)
    for criterion in ("overlap", "iou"):
        for pair, expected in (
            ((none, none), (0, 0)),
            ((one, none), (1, 0)),
            ((none, one), (0, 1)),
        ):
            found = detect_lesions(*pair, (1, 1), criterion)
            assert (found.missed, found.false) == expected
            assert found.detected.sum() == found.hits.sum() == 0


def test_bands_of_size_hold_every_lesion() -> None:
    lesions, found = by_size([1, 5, 9.99, 10, 100, 1000], [0, 1, 1, 0, 1, 1], [5, 10, 2000])
    assert lesions.tolist() == [1, 2, 3, 0]
    assert found.tolist() == [0, 2, 2, 0]
    assert by_size([], [], [])[0].tolist() == [0]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: components(np.full((2, 2), 2)), "0 and 1"),
        (lambda: components(np.zeros((2, 2))), "0 and 1"),
        (lambda: components(np.zeros(3, bool)), "2-d or 3-d"),
        (lambda: components(np.zeros((2, 2), bool), 3), "connectivity"),
        (lambda: match_lesions(REFERENCE, PREDICTED[:, 1:], (1, 1)), "but prediction is"),
        (lambda: match_lesions(REFERENCE * 2, PREDICTED, (1, 1)), "without gaps"),
        (lambda: match_lesions(-REFERENCE, PREDICTED, (1, 1)), "without gaps"),
        (lambda: match_lesions(REFERENCE * 1.0, PREDICTED, (1, 1)), "lesion numbers"),
        (lambda: match_lesions(REFERENCE, PREDICTED, (1, 1), "iou", 0.0), "iou"),
        (lambda: match_lesions(REFERENCE, PREDICTED, (1, 1), "dice"), "criterion"),  # type: ignore[arg-type]
        (lambda: by_size([1], [1], [3, 2]), "increase"),
        (lambda: by_size([np.nan], [1], [3]), "NaN"),
        (lambda: by_size([1], [1, 0], [3]), "rows"),
    ],
)
def test_refuses(call: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        call()
