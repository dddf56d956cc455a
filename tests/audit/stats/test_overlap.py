"""Overlap of masks: figures by hand, peers' figures, the ledger of empty masks, and its laws."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from audit.stats.overlap import (
    BOTH_EMPTY,
    BOTH_PRESENT,
    CELLS,
    PREDICTION_ONLY,
    REFERENCE_ONLY,
    VoxelCounts,
    as_masks,
    empty_cell,
    ledger,
    mask_overlap,
    overlap,
    voxel_counts,
)

# Literal volume of 4 x 5 x 6 with labels 0..3, and a prediction that disagrees here and there.
PLACE = np.arange(120).reshape(4, 5, 6)
REFERENCE = (PLACE * PLACE + PLACE // 7) % 4
PREDICTION = np.where(PLACE % 5 == 0, (PLACE * 3) % 4, REFERENCE)
# medpy 0.5.2, medpy.metric.binary on `PREDICTION == label, REFERENCE == label`: dc, jc, precision,
# recall, ravd (relative absolute volume difference, signed in spite of its name)
MEDPY = {
    1: (0.8363636363636363, 0.71875, 0.8214285714285714, 0.8518518518518519, 0.037037037037037035),
    2: (0.8484848484848485, 0.7368421052631579, 0.8484848484848485, 0.8484848484848485, 0.0),
    3: (0.7916666666666666, 0.6551724137931034, 0.7916666666666666, 0.7916666666666666, 0.0),
}


@pytest.mark.parametrize("label", [1, 2, 3])
def test_agrees_with_medpy(label: int) -> None:
    found = mask_overlap(REFERENCE, PREDICTION, (2.0, 0.5, 0.5), [label])
    got = [found.dice[0], found.iou[0], found.precision[0], found.recall[0], found.volume_error[0]]
    np.testing.assert_allclose(got, MEDPY[label], rtol=1e-14)


def test_figures_by_hand() -> None:
    reference = np.array([[1, 1, 1, 0], [1, 0, 0, 0]])
    prediction = np.array([[0, 1, 1, 1], [0, 1, 1, 1]])
    found = mask_overlap(reference, prediction, (2.0, 0.5))
    assert found.cell.tolist() == [BOTH_PRESENT]
    assert found.dice[0] == 4 / 10
    assert found.iou[0] == 2 / 8
    assert found.precision[0] == 2 / 6
    assert found.recall[0] == 2 / 4
    assert found.volume_error[0] == 0.5
    assert (found.reference_volume[0], found.prediction_volume[0]) == (4.0, 6.0)


def test_undefined_is_nan_and_a_miss_is_zero() -> None:
    counts = VoxelCounts(np.array([5, 0, 0]), np.array([0, 7, 0]), np.array([0, 0, 0]))
    found = overlap(counts, 2.0)
    assert found.cell.tolist() == [REFERENCE_ONLY, PREDICTION_ONLY, BOTH_EMPTY]
    nan = np.nan
    np.testing.assert_array_equal(found.dice, [0, 0, nan])
    np.testing.assert_array_equal(found.iou, [0, 0, nan])
    np.testing.assert_array_equal(found.precision, [nan, 0, nan])
    np.testing.assert_array_equal(found.recall, [0, nan, nan])
    np.testing.assert_array_equal(found.volume_error, [-1, nan, nan])
    np.testing.assert_array_equal(found.reference_volume, [10, 0, 0])
    np.testing.assert_array_equal(found.prediction_volume, [0, 14, 0])


def test_ledger_counts_every_case_once() -> None:
    cell = empty_cell([3, 3, 0, 0, 1, 0], [2, 0, 4, 0, 1, 0])
    assert [CELLS[i] for i in cell] == [
        "both_present",
        "reference_only",
        "prediction_only",
        "both_empty",
        "both_present",
        "both_empty",
    ]
    table = ledger(cell, [0, 0, 0, 2, 2, 0], 3)
    assert table.tolist() == [[1, 1, 1, 1], [0, 0, 0, 0], [1, 0, 0, 1]]
    with pytest.raises(ValueError, match="cell"):
        ledger([4], [0], 1)
    with pytest.raises(ValueError, match="cell"):
        ledger([0, 1], [0], 1)


shapes = st.sampled_from([(3, 4, 5), (1, 2, 9), (6, 7), (1, 1)])
kinds = st.sampled_from([np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64])
labelled = shapes.flatmap(
    lambda shape: st.tuples(
        *[kinds.flatmap(lambda k: arrays(k, shape, elements=st.integers(0, 4))) for _ in range(2)]
    )
)


@given(pair=labelled, labels=st.permutations([0, 1, 2, 3, 9]), fortran=st.booleans())
@settings(max_examples=100, deadline=None)
def test_counts_are_those_of_comparisons(pair: Any, labels: list[int], fortran: bool) -> None:
    a, b = (np.asfortranarray(mask) if fortran else mask for mask in pair)
    counts = voxel_counts(a, b, labels)
    for i, label in enumerate(labels):
        x, y = pair[0] == label, pair[1] == label
        assert [int(count[i]) for count in counts] == [x.sum(), y.sum(), (x & y).sum()]


@given(pair=labelled)
@settings(max_examples=50, deadline=None)
def test_order_of_masks_swaps_precision_and_recall(pair: Any) -> None:
    spacing = (1.5,) * pair[0].ndim
    one, other = (mask_overlap(a, b, spacing, [0, 1, 2]) for a, b in (pair, pair[::-1]))
    np.testing.assert_array_equal(one.dice, other.dice)
    np.testing.assert_array_equal(one.iou, other.iou)
    np.testing.assert_array_equal(one.precision, other.recall)
    np.testing.assert_allclose(one.iou, one.dice / (2.0 - one.dice), rtol=1e-14)


def test_boolean_and_labelled_masks_agree() -> None:
    a, b = REFERENCE == 2, PREDICTION == 2
    expected = mask_overlap(a, b, (1, 1, 1))
    cases: list[tuple[tuple[Any, Any], list[int] | None]] = [
        ((a.astype(np.uint8), b.astype(np.int64)), None),
        ((a, b), [1]),
        ((REFERENCE, PREDICTION), [2]),
        ((REFERENCE.astype(np.uint64), PREDICTION), [2]),
        ((REFERENCE[:, ::-1], PREDICTION[:, ::-1]), [2]),
        (((REFERENCE == 2) * 70000, (PREDICTION == 2) * 70000), [70000]),
    ]
    for (x, y), labels in cases:
        found = mask_overlap(x, y, (1, 1, 1), labels)
        for got, right in zip(found, expected, strict=True):
            np.testing.assert_array_equal(got, right)


def test_voxel_size_may_differ_between_cases() -> None:
    none = np.zeros((2, 2), np.int64)
    counts = VoxelCounts(np.array([[4, 2], [4, 0]]), np.array([[2, 2], [4, 0]]), none)
    found = overlap(counts, np.array([[0.5], [3.0]]))
    np.testing.assert_array_equal(found.reference_volume, [[2.0, 1.0], [12.0, 0.0]])
    np.testing.assert_array_equal(found.volume_error, [[-0.5, 0.0], [0.0, np.nan]])


@pytest.mark.parametrize(
    ("reference", "prediction", "labels", "match"),
    [
        (np.zeros((2, 2)), np.zeros((2, 2), int), None, "booleans or integer"),
        (np.zeros((2, 2), int), np.zeros((2, 3), int), None, "but prediction is"),
        (np.zeros(4, int), np.zeros(4, int), None, "2-d or 3-d"),
        (np.full((2, 2), 255), np.zeros((2, 2), int), None, "holds 255"),
        (np.zeros((2, 2), int), np.full((2, 2), -1), None, "prediction holds -1"),
        (np.zeros((2, 2), int), np.zeros((2, 2), int), [1, 1], "distinct"),
    ],
)
def test_refuses_other_masks(reference: Any, prediction: Any, labels: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        as_masks(reference, prediction, labels)


def test_refuses_impossible_counts() -> None:
    with pytest.raises(ValueError, match="common voxels"):
        overlap(VoxelCounts(np.array([1]), np.array([1]), np.array([2])), 1.0)
    with pytest.raises(ValueError, match="spacing"):
        mask_overlap(np.zeros((2, 2), bool), np.zeros((2, 2), bool), (1.0,))
