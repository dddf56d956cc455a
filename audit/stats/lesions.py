"""Detection of lesions: components of two masks matched with each other, and counted."""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import generate_binary_structure, label

from audit.stats._arrays import Bools, Floats, Ints, as_label, check_rows
from audit.stats.overlap import as_spacing

Criterion = Literal["overlap", "iou"]


class Lesions(NamedTuple):
    """Lesions of a case, and which of them the other mask has too.

    ``detected.sum() + missed`` is the number of reference lesions, ``hits.sum() + false`` that of
    predicted ones.

    Attributes
    ----------
    detected : ndarray of bool, shape (reference lesions,)
        True positives of the reference.
    hits : ndarray of bool, shape (predicted lesions,)
        Predicted lesions that are no false positive. Under `iou` as many as are detected; under
        `overlap` there may be more (one lesion hit twice) or fewer (two lesions covered by one).
    missed, false : int
        False negatives and false positives.
    reference_volume, prediction_volume : ndarray of float
        Of each lesion in mm3 (mm2 for 2-D).
    iou : ndarray of float, shape (reference lesions,)
        Of the pair under `iou`, NaN for a lesion that is missed; under `overlap` the largest with
        any predicted lesion, 0 for a lesion that is missed.
    matched : ndarray of int, shape (reference lesions,)
        Predicted lesion whose `iou` it is; -1 for a lesion that is missed.
    """

    detected: Bools
    hits: Bools
    missed: int
    false: int
    reference_volume: Floats
    prediction_volume: Floats
    iou: Floats
    matched: Ints


def components(mask: ArrayLike, connectivity: int | None = None) -> tuple[Ints, int]:
    """Number the connected components of a mask.

    Parameters
    ----------
    mask : array_like, 2-d or 3-d
        Boolean, or 0 and 1.
    connectivity : int, optional
        How many coordinates neighbours may differ in: 1 for faces (4 neighbours in 2-d, 6 in 3-d),
        2 for edges too (8, 18), 3 for corners too (26). By default all: 8 and 26.

    Returns
    -------
    numbers : ndarray of int
        Of the shape of the mask: 0 outside, 1, 2, ... inside, in the order of first voxels.
    found : int
        How many there are.

    Raises
    ------
    ValueError
        If the mask is not 2-d or 3-d, holds other values than 0 and 1, or the connectivity is not
        between 1 and the dimensions.
    """
    array: NDArray[Any] = np.asarray(mask)
    if array.ndim not in (2, 3):
        raise ValueError(f"mask must be 2-d or 3-d, got {array.ndim} dimensions")
    if array.dtype.kind not in "biu" or (array.size and not 0 <= array.min() <= array.max() <= 1):
        raise ValueError("mask must hold booleans, or 0 and 1")
    reach = array.ndim if connectivity is None else connectivity
    if not 1 <= reach <= array.ndim:
        raise ValueError(f"connectivity must be 1 to {array.ndim}, got {connectivity}")
    numbers, found = label(array, generate_binary_structure(array.ndim, reach), np.int64)
    return numbers, int(found)


def _common(reference: Ints, prediction: Ints, n_predicted: int) -> tuple[Ints, Ints, Ints]:
    """Pairs of lesions with voxels in common (from 0), in increasing order, and how many."""
    both = (reference > 0) & (prediction > 0)
    key = (reference[both] - 1) * max(n_predicted, 1) + (prediction[both] - 1)
    pair, shared = np.unique(key, return_counts=True)
    return pair // max(n_predicted, 1), pair % max(n_predicted, 1), shared.astype(np.int64)


def _one_to_one(row: Ints, column: Ints, iou: Floats) -> Ints:
    """Choose pairs so that no lesion is in two: as many as can be, then of the largest IoU."""
    from scipy.optimize import linear_sum_assignment

    rows, r = np.unique(row, return_inverse=True)
    columns, c = np.unique(column, return_inverse=True)
    gain = np.zeros((rows.size, columns.size))
    # One more pair is worth more than any sum of IoU.
    gain[r, c] = iou + min(rows.size, columns.size) + 1.0
    chosen = np.zeros(gain.shape, dtype=np.bool_)
    chosen[linear_sum_assignment(gain, maximize=True)] = True
    return np.flatnonzero(chosen[r, c])


def match_lesions(
    reference: ArrayLike,
    prediction: ArrayLike,
    spacing: ArrayLike,
    criterion: Criterion = "overlap",
    iou: float = 0.5,
) -> Lesions:
    """Match numbered lesions of a reference with those of a prediction.

    Under `overlap` a reference lesion is detected when any predicted lesion shares a voxel with it,
    and a predicted lesion is false when it shares none with any. Under `iou` a pair needs
    ``common / (reference + prediction - common) >= iou`` and every lesion is in one pair at most;
    among all such pairings the one with most pairs is taken, and of those the one with the largest
    total IoU.

    Parameters
    ----------
    reference, prediction : array_like of int, of one shape, 2-d or 3-d
        0 outside, and the numbers 1, 2, ... of the lesions, as `components` gives them or as
        annotators drew them (then lesions may touch). A number that no voxel has is refused.
    spacing : array_like, shape (dimensions,)
        Distance in mm between voxels along each axis.
    criterion : {"overlap", "iou"}
        What makes a pair.
    iou : float
        Least IoU of a pair, in (0, 1]; not looked at under `overlap`.

    Returns
    -------
    Lesions
        Empty arrays where a mask has no lesion; no count is ever undefined.

    Raises
    ------
    ValueError
        If shapes differ, numbers are negative or leave gaps, or an option is not one of those.
    """
    ref, n_ref = _as_numbers(reference, "reference")
    pred, n_pred = _as_numbers(prediction, "prediction")
    if ref.shape != pred.shape:
        raise ValueError(f"reference is {ref.shape} but prediction is {pred.shape}")
    if criterion not in ("overlap", "iou"):
        raise ValueError(f"criterion must be overlap or iou, got {criterion!r}")
    if not 0.0 < iou <= 1.0:
        raise ValueError(f"iou must lie above 0 and at most at 1, got {iou!r}")
    size = float(np.prod(as_spacing(spacing, ref.ndim)))
    sizes = [
        np.bincount(numbers.ravel(), minlength=n + 1)[1:]
        for numbers, n in ((ref, n_ref), (pred, n_pred))
    ]
    row, column, shared = _common(ref, pred, n_pred)
    ratio = shared / (sizes[0][row] + sizes[1][column] - shared)
    if criterion == "iou":
        fits = np.flatnonzero(ratio >= iou)
        pairs = fits[_one_to_one(row[fits], column[fits], ratio[fits])]
    else:
        pairs = np.arange(row.size)
    detected, hits = np.zeros(n_ref, dtype=np.bool_), np.zeros(n_pred, dtype=np.bool_)
    detected[row[pairs]], hits[column[pairs]] = True, True
    best = np.full(n_ref, 0.0 if criterion == "overlap" else np.nan)
    matched = np.full(n_ref, -1, dtype=np.int64)
    upward = pairs[np.argsort(ratio[pairs], kind="stable")]  # the last to be written is the largest
    best[row[upward]], matched[row[upward]] = ratio[upward], column[upward]
    return Lesions(
        detected=detected,
        hits=hits,
        missed=int(n_ref - detected.sum()),
        false=int(n_pred - hits.sum()),
        reference_volume=np.multiply(sizes[0], size, dtype=np.float64),
        prediction_volume=np.multiply(sizes[1], size, dtype=np.float64),
        iou=best,
        matched=matched,
    )


def _as_numbers(numbers: ArrayLike, name: str) -> tuple[Ints, int]:
    array: NDArray[Any] = np.asarray(numbers)
    if array.ndim not in (2, 3) or array.dtype.kind not in "iu":
        raise ValueError(f"{name} must be a 2-d or 3-d array of lesion numbers")
    if array.size == 0:
        return array.astype(np.int64), 0
    largest = int(array.max())
    if array.min() < 0 or largest > array.size:
        raise ValueError(f"{name} must number its lesions 1, 2, ... without gaps")
    as_int = array.astype(np.int64, copy=False)
    if not np.all(np.bincount(as_int.ravel())[1:]):
        raise ValueError(f"{name} must number its lesions 1, 2, ... without gaps")
    return as_int, largest


def detect_lesions(
    reference: ArrayLike,
    prediction: ArrayLike,
    spacing: ArrayLike,
    criterion: Criterion = "overlap",
    iou: float = 0.5,
    connectivity: int | None = None,
) -> Lesions:
    """Match the connected components of two masks, as `components` and `match_lesions`.

    Parameters
    ----------
    reference, prediction : array_like, 2-d or 3-d, of one shape
        Boolean, or 0 and 1.
    spacing : array_like, shape (dimensions,)
        Distance in mm between voxels along each axis.
    criterion : {"overlap", "iou"}
        What makes a pair: any voxel in common, or IoU of at least `iou` one to one.
    iou : float
        Least IoU of a pair, in (0, 1].
    connectivity : int, optional
        As `components`; by default 8 neighbours in 2-d and 26 in 3-d.

    Returns
    -------
    Lesions

    Raises
    ------
    ValueError
        As `components` and `match_lesions`.
    """
    return match_lesions(
        components(reference, connectivity)[0],
        components(prediction, connectivity)[0],
        spacing,
        criterion,
        iou,
    )


def by_size(volume: ArrayLike, detected: ArrayLike, edges: ArrayLike) -> tuple[Ints, Ints]:
    """Count lesions, and those detected, in bands of size.

    Parameters
    ----------
    volume : array_like, shape (lesions,)
        In mm3, of the reference lesions of any number of cases.
    detected : array_like, shape (lesions,)
        0/1 or boolean.
    edges : array_like, shape (bands - 1,)
        Increasing: bands are ``[edge, next edge)``, the first and the last open-ended.

    Returns
    -------
    lesions, found : ndarray of int, shape (bands,)
        Their ratio is the sensitivity of a band, undefined where it has no lesion.

    Raises
    ------
    ValueError
        If edges do not increase, a volume is NaN or lengths differ.
    """
    cut = np.asarray(edges, dtype=np.float64)
    size, found = np.asarray(volume, dtype=np.float64), as_label(detected)
    if cut.ndim != 1 or np.any(np.isnan(cut)) or np.any(np.diff(cut) <= 0):
        raise ValueError("edges must increase")
    if size.ndim != 1 or np.any(np.isnan(size)):
        raise ValueError("volume must be one-dimensional and hold no NaN")
    check_rows(size.shape[0], detected=found)
    band = np.searchsorted(cut, size, side="right")
    bands = cut.size + 1
    lesions, hit = np.bincount(band, minlength=bands), np.bincount(band[found], minlength=bands)
    return lesions.astype(np.int64, copy=False), hit.astype(np.int64, copy=False)
