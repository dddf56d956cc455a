"""Overlap of a predicted with a reference mask: Dice, IoU, volumes, and which of them is empty."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from audit.stats._arrays import Floats, Ints, as_codes, check_rows

# The empty-mask ledger: what a case can be. The number of a cell is its place in CELLS.
BOTH_PRESENT, REFERENCE_ONLY, PREDICTION_ONLY, BOTH_EMPTY = range(4)
CELLS = ("both_present", "reference_only", "prediction_only", "both_empty")

# What the kernels are compiled for; other integers are widened to one of these.
_COMPILED = (np.uint8, np.int16, np.int32, np.int64)


class VoxelCounts(NamedTuple):
    """Voxels of a structure, arrays of one shape: (labels,) for a case, any for many cases."""

    reference: Ints
    prediction: Ints
    common: Ints


class Overlap(NamedTuple):
    """Overlap of each structure, arrays of the shape of the counts.

    Attributes
    ----------
    cell : ndarray of int
        Place in `CELLS`: which of the masks holds the structure at all.
    dice, iou, precision, recall : ndarray of float
        In [0, 1]; NaN where the denominator is empty.
    volume_error : ndarray of float
        Signed, relative to the reference; NaN where the reference is empty.
    reference_volume, prediction_volume : ndarray of float
        In mm3; in mm2 for 2-D masks.
    """

    cell: Ints
    dice: Floats
    iou: Floats
    precision: Floats
    recall: Floats
    volume_error: Floats
    reference_volume: Floats
    prediction_volume: Floats


def as_spacing(spacing: ArrayLike, ndim: int) -> Floats:
    """Return the voxel spacing in mm, one positive number for each axis, else ValueError."""
    array = np.asarray(spacing, dtype=np.float64)
    if array.shape != (ndim,):
        raise ValueError(f"spacing must give one length in mm for each of the {ndim} axes")
    if not np.all(np.isfinite(array) & (array > 0.0)):
        raise ValueError("spacing must be positive and finite")
    return array


def as_masks(
    reference: ArrayLike, prediction: ArrayLike, labels: Sequence[int] | None = None
) -> tuple[NDArray[Any], NDArray[Any], Ints]:
    """Return two masks of one integer type, each in the memory order it has, and their labels.

    Parameters
    ----------
    reference, prediction : array_like, 2-d or 3-d, of one shape
        Boolean, or integer labels.
    labels : sequence of int, optional
        The structures to compare. Without it the masks are of one structure: boolean, or 0 and 1.

    Raises
    ------
    ValueError
        If shapes differ, a mask is not 2-d or 3-d, is not boolean or integer, a label is declared
        twice, or no labels are declared for a mask that holds other values than 0 and 1.
    """
    masks = []
    for name, mask in (("reference", reference), ("prediction", prediction)):
        array: NDArray[Any] = np.asarray(mask)
        if array.ndim not in (2, 3):
            raise ValueError(f"{name} must be a 2-d or 3-d mask, got {array.ndim} dimensions")
        if array.dtype.kind not in "biu":
            raise ValueError(f"{name} must hold booleans or integer labels, got {array.dtype}")
        masks.append(array.view(np.uint8) if array.dtype == np.bool_ else array)
        if labels is None and array.dtype != np.bool_ and array.size:
            for value in (array.min(), array.max()):
                if value not in (0, 1):
                    raise ValueError(f"{name} holds {value}: declare the labels to be compared")
    if masks[0].shape != masks[1].shape:
        raise ValueError(f"reference is {masks[0].shape} but prediction is {masks[1].shape}")
    wanted = np.asarray((1,) if labels is None else labels, dtype=np.int64)
    if wanted.ndim != 1 or np.unique(wanted).size != wanted.size:
        raise ValueError("labels must be distinct integers")
    if any(mask.dtype == np.uint64 for mask in masks):
        common: Any = np.int64  # NumPy would make floats of unsigned and signed 64 bits
    else:
        common = np.result_type(*masks)
    kind = next(kind for kind in _COMPILED if np.can_cast(common, kind))
    return masks[0].astype(kind, copy=False), masks[1].astype(kind, copy=False), wanted


def in_memory_order(
    reference: NDArray[Any], prediction: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], bool]:
    """Return both masks as contiguous 3-d arrays, and whether their axes had to be reversed.

    A 2-d mask becomes one slice. Masks read from NIfTI lie in the other order of axes; reversing
    the axes of both costs nothing, copying them would.
    """
    reverse = reference.flags.f_contiguous and prediction.flags.f_contiguous
    reverse = reverse and not reference.flags.c_contiguous
    if reverse:
        reference, prediction = reference.T, prediction.T
    shape = (1,) * (3 - reference.ndim) + reference.shape
    return (
        np.ascontiguousarray(reference).reshape(shape),
        np.ascontiguousarray(prediction).reshape(shape),
        reverse,
    )


@njit(cache=True, nogil=True)
def _place(value, labels):  # type: ignore[no-untyped-def]
    """Where a value stands among increasing labels, or -1."""
    low, high = 0, labels.size
    while low < high:
        middle = (low + high) // 2
        if labels[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low if low < labels.size and labels[low] == value else -1


@njit(cache=True, nogil=True)
def _widen(box, z, y, first, last):  # type: ignore[no-untyped-def]
    box[0], box[1] = min(box[0], z), max(box[1], z)
    box[2], box[3] = min(box[2], y), max(box[3], y)
    box[4], box[5] = min(box[4], first), max(box[5], last)


@njit(cache=True, nogil=True)
def _scan(reference, prediction, labels, counts, boxes):  # type: ignore[no-untyped-def]
    """Count the voxels of increasing labels and widen the boxes that hold either mask's."""
    depth, height, width = reference.shape
    zero = _place(0, labels)
    for z in range(depth):
        for y in range(height):
            row_a, row_b = reference[z, y], prediction[z, y]
            if zero < 0:
                found = row_a[0] ^ row_a[0]
                for x in range(width):
                    found |= row_a[x] | row_b[x]
                if found == 0:
                    continue
            end = 0
            while end < width:  # run by run of one pair of values
                first, a, b = end, row_a[end], row_b[end]
                while end < width and row_a[end] == a and row_b[end] == b:
                    end += 1
                at_a = _place(a, labels)
                at_b = at_a if a == b else _place(b, labels)
                if at_a >= 0:
                    counts[0, at_a] += end - first
                    _widen(boxes[at_a], z, y, first, end - 1)
                if at_b >= 0:
                    counts[1, at_b] += end - first
                    _widen(boxes[at_b], z, y, first, end - 1)
                    if at_a == at_b:
                        counts[2, at_b] += end - first


def scan(reference: NDArray[Any], prediction: NDArray[Any], labels: Ints) -> tuple[Ints, Ints]:
    """Count the voxels of every label and find the boxes they lie in.

    Parameters
    ----------
    reference, prediction : ndarray of int, 3-d, contiguous, of one type
        As `in_memory_order` gives them.
    labels : ndarray of int, shape (labels,)
        Distinct.

    Returns
    -------
    counts : ndarray of int, shape (3, labels)
        Voxels of the reference, of the prediction, and of both.
    boxes : ndarray of int, shape (labels, 6)
        First and last place on each axis where either mask has the label.
    """
    order = np.argsort(labels)
    counts = np.zeros((3, labels.size), dtype=np.int64)
    boxes = np.empty((labels.size, 6), dtype=np.int64)
    boxes[:, ::2], boxes[:, 1::2] = np.iinfo(np.int64).max, -1
    _scan(reference, prediction, labels[order], counts, boxes)
    back = np.argsort(order)
    return counts[:, back], boxes[back]


def voxel_counts(
    reference: ArrayLike, prediction: ArrayLike, labels: Sequence[int] | None = None
) -> VoxelCounts:
    """Count the voxels of each structure in the reference, in the prediction and in both.

    Parameters
    ----------
    reference, prediction : array_like, 2-d or 3-d, of one shape
        Boolean, or integer labels.
    labels : sequence of int, optional
        The structures to compare, in the order of the result. They are declared, not found in the
        masks: a structure that both masks lack is still a case of its own cell. Without it the
        masks are of one structure: boolean, or 0 and 1.

    Returns
    -------
    VoxelCounts
        Arrays of shape (labels,); (1,) without labels.

    Raises
    ------
    ValueError
        As `as_masks`.
    """
    ref, pred, wanted = as_masks(reference, prediction, labels)
    counts, _ = scan(*in_memory_order(ref, pred)[:2], wanted)
    return VoxelCounts(*counts)


def empty_cell(reference_voxels: ArrayLike, prediction_voxels: ArrayLike) -> Ints:
    """Return the cell of the empty-mask ledger, a place in `CELLS`, of each case."""
    has = np.asarray(reference_voxels) > 0, np.asarray(prediction_voxels) > 0
    cell = np.where(has[1], PREDICTION_ONLY, BOTH_EMPTY)
    cell = np.where(has[0], np.where(has[1], BOTH_PRESENT, REFERENCE_ONLY), cell)
    return cell.astype(np.int64)


def ledger(cell: ArrayLike, group: ArrayLike, n_groups: int) -> Ints:
    """Count the cases of each stratum in the four cells of the empty-mask ledger.

    Parameters
    ----------
    cell : array_like of int, shape (cases,)
        Place in `CELLS`.
    group : array_like of int, shape (cases,)
        Stratum code, 0..n_groups-1.
    n_groups : int
        Number of strata.

    Returns
    -------
    ndarray of int, shape (n_groups, 4)
        In the order of `CELLS`; a row adds up to the cases of the stratum.

    Raises
    ------
    ValueError
        If a code is out of range or lengths differ.
    """
    g, place = as_codes(group, "group", n_groups), as_codes(cell, "cell", len(CELLS))
    check_rows(g.shape[0], cell=place)
    counts = np.bincount(g * len(CELLS) + place, minlength=n_groups * len(CELLS))
    return counts.reshape(n_groups, len(CELLS)).astype(np.int64, copy=False)


def overlap(counts: VoxelCounts, voxel_size: ArrayLike) -> Overlap:
    """Overlap of structures from their voxel counts.

    With R voxels in the reference, P in the prediction and C in both: ``dice = 2C / (R + P)``,
    ``iou = C / (R + P - C)``, ``precision = C / P``, ``recall = C / R``,
    ``volume_error = (P - R) / R``.

    A structure missed altogether therefore has Dice, IoU and recall 0, volume error -1 and no
    precision; one that only the prediction has, Dice, IoU and precision 0 and no recall or volume
    error; where both are empty nothing is defined. Undefined is NaN, and `cell` says which of the
    masks is empty.

    Parameters
    ----------
    counts : VoxelCounts
        Arrays of one shape, such as (cases, labels).
    voxel_size : array_like
        Volume of a voxel in mm3 (area in mm2 for 2-D), broadcast to the counts: shape (cases, 1)
        where it differs between cases.

    Returns
    -------
    Overlap
        Arrays of the shape of the counts.

    Raises
    ------
    ValueError
        If a count is negative, or more voxels are common than a mask has.

    References
    ----------
    Dice 1945, DOI 10.2307/1932409; Taha and Hanbury 2015, DOI 10.1186/s12880-015-0068-x.
    """
    ref, pred, both = (np.asarray(count, dtype=np.float64) for count in counts)
    if np.any(both < 0) or np.any(both > ref) or np.any(both > pred):
        raise ValueError("common voxels must be 0 or more, and no more than either mask has")
    size = np.asarray(voxel_size, dtype=np.float64)

    def over(top: Floats, bottom: Floats) -> Floats:
        share = np.full(bottom.shape, np.nan)
        np.divide(top, bottom, out=share, where=bottom > 0.0)
        return share

    return Overlap(
        cell=empty_cell(ref, pred),
        dice=over(2.0 * both, ref + pred),
        iou=over(both, ref + pred - both),
        precision=over(both, pred),
        recall=over(both, ref),
        volume_error=over(pred - ref, ref),
        reference_volume=ref * size,
        prediction_volume=pred * size,
    )


def mask_overlap(
    reference: ArrayLike,
    prediction: ArrayLike,
    spacing: ArrayLike,
    labels: Sequence[int] | None = None,
) -> Overlap:
    """Overlap of the structures of one case, as `voxel_counts` and `overlap`.

    Parameters
    ----------
    reference, prediction : array_like, 2-d or 3-d, of one shape
        Boolean, or integer labels.
    spacing : array_like, shape (dimensions,)
        Distance in mm between voxels along each axis of the arrays.
    labels : sequence of int, optional
        The structures to compare. Without it the masks are of one structure: boolean, or 0 and 1.

    Returns
    -------
    Overlap
        Arrays of shape (labels,); (1,) without labels.

    Raises
    ------
    ValueError
        As `voxel_counts`, or if the spacing is not one positive number for each axis.
    """
    counts = voxel_counts(reference, prediction, labels)
    return overlap(counts, np.prod(as_spacing(spacing, np.ndim(reference))))
