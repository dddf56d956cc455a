"""Distances between the surfaces of two masks in mm: normalised surface Dice, Hausdorff, averages.

The surface of a mask is its **boundary voxels**: those with a face neighbour (4 in 2-d, 6 in 3-d)
that is not in the mask, the outside of the image counting as such. Every boundary voxel weighs the
same, whatever area it stands for, and its distance is that of voxel centres, in mm, to the nearest
boundary voxel of the other mask. This is the surface of MONAI without `use_subvoxels` and of medpy;
the surface elements of DeepMind's surface-distance, weighted by area, are others, and so are its
figures.

Distances are exact. Where surfaces are near each other, the nearest voxel is looked for in the rows
around; where that would cost more than a distance transform, slices are transformed, one at a time.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from audit.stats._arrays import Floats, Ints
from audit.stats.overlap import (
    BOTH_EMPTY,
    BOTH_PRESENT,
    PREDICTION_ONLY,
    REFERENCE_ONLY,
    as_masks,
    as_spacing,
    empty_cell,
    in_memory_order,
    scan,
)

# Spacing is often stored in single precision: a distance this near to the tolerance is equal to it.
_EQUAL = 1e-6
# The search gives up where it would cost more than the transform, judged on the way by the share
# of the voxels it has done: these many rows for each voxel of the box, measured, and a head start.
_ROWS_PER_VOXEL = 2.0
_HEAD_START = 0.125


class SurfaceDistances(NamedTuple):
    """Distance in mm from each boundary voxel of one mask to the nearest one of the other.

    Attributes
    ----------
    from_reference : ndarray of float, shape (boundary voxels of the reference,)
        In no order that means anything; NaN where the prediction is empty.
    from_prediction : ndarray of float, shape (boundary voxels of the prediction,)
        NaN where the reference is empty.
    """

    from_reference: Floats
    from_prediction: Floats


class Surface(NamedTuple):
    """How far apart the surfaces of each structure are, arrays of shape (labels,).

    Attributes
    ----------
    cell : ndarray of int
        Place in `audit.stats.overlap.CELLS`: which of the masks holds the structure at all.
    nsd : ndarray of float, shape (labels, tolerances)
        Normalised surface Dice; 0 where one mask is empty, NaN where both are.
    hd, hd95, assd, masd : ndarray of float
        In mm; NaN where either mask is empty, for there is no distance: `penalise` gives what
        enters a mean.
    reference_elements, prediction_elements : ndarray of int
        Boundary voxels.
    diagonal : float
        Diagonal of the image in mm.
    """

    cell: Ints
    nsd: Floats
    hd: Floats
    hd95: Floats
    assd: Floats
    masd: Floats
    reference_elements: Ints
    prediction_elements: Ints
    diagonal: float


class _Rows(NamedTuple):
    """Boundary voxels of a box, row by row along its last axis.

    `start` of shape (slices x rows + 1,) says where those of a row begin in `x`, which increases
    within a row; `extent` of shape (slices, 2) has the first and last row of a slice with any.
    """

    start: Ints
    x: NDArray[np.int32]
    extent: Ints


@njit(cache=True, nogil=True)
def _boundary(mask, flat, start, x, extent):  # type: ignore[no-untyped-def]
    """Find the boundary voxels of a mask that has an empty margin of one voxel; return how many."""
    depth, height, width = mask.shape
    edge = np.zeros(width, np.uint8)
    found = 0
    for z in range(depth):
        extent[z, 0], extent[z, 1] = height, -1
        for y in range(height):
            start[z * height + y] = found
            row = mask[z, y]
            some = np.uint8(0)
            for i in range(width):
                some |= row[i]
            if some == 0:
                continue
            # A row with a voxel is never the margin, so that all its neighbours are there.
            above, below = mask[z, y - 1], mask[z, y + 1]
            before, behind = (row, row) if flat else (mask[z - 1, y], mask[z + 1, y])
            for i in range(1, width - 1):
                inner = row[i - 1] & row[i + 1] & above[i] & below[i] & before[i] & behind[i]
                edge[i] = row[i] & (inner ^ 1)
            first = found
            for i in range(1, width - 1):
                if edge[i]:
                    x[found] = i
                    found += 1
            if found > first:
                extent[z, 0], extent[z, 1] = min(extent[z, 0], y), y
    start[depth * height] = found
    return found


@njit(cache=True, nogil=True)
def _nearest_in_row(x, low, high, place):  # type: ignore[no-untyped-def]
    """Return the member of the increasing x[low:high], not empty, that is nearest to a place."""
    first, last = low, high - 1
    while low < high:
        middle = (low + high) // 2
        if x[middle] < place:
            low = middle + 1
        else:
            high = middle
    if low > last:
        return x[last]
    if low > first and place - x[low - 1] < x[low] - place:
        return x[low - 1]
    return x[low]


@njit(cache=True, nogil=True)
def _search_slice(start, x, lowest, highest, base, y, place, gap, wy, wx, best, near):  # type: ignore[no-untyped-def]
    """Search the rows of a slice outward from y; return the best square and the rows seen."""
    rows = 0
    begin = min(max(y, lowest), highest)
    for step in (1, -1):
        at = begin if step == 1 else begin - 1
        while lowest <= at <= highest:
            square = gap + (at - y) * (at - y) * wy
            if square >= best:
                break
            rows += 1
            low, high = start[base + at], start[base + at + 1]
            if low < high:
                off = _nearest_in_row(x, low, high, place)
                square += (off - place) * (off - place) * wx
                if square < best:
                    best = square
                    near[1], near[2] = at, off
            at += step
    return best, rows


@njit(cache=True, nogil=True)
def _search(start_a, x_a, start_b, x_b, extent_b, weight, budget, out):  # type: ignore[no-untyped-def]
    """Squared distance of the voxels of a to the nearest of b; return the row it got to."""
    depth = extent_b.shape[0]
    height = (start_a.size - 1) // depth
    near = np.zeros(3, np.int64)
    point, looked = -1, 0
    for row in range(start_a.size - 1):
        if looked > budget * (_HEAD_START + start_a[row] / x_a.size):
            return row
        z, y = row // height, row % height
        for k in range(start_a[row], start_a[row + 1]):
            best = np.inf
            if point >= 0:  # the nearest voxel of the last one cannot be far from this one's
                dz, dy, dx = near[0] - z, near[1] - y, near[2] - x_a[k]
                best = dz * dz * weight[0] + dy * dy * weight[1] + dx * dx * weight[2]
            point = k
            for away in range(depth):
                gap = away * away * weight[0]
                if gap >= best or (away > z and z + away >= depth):
                    break
                for side in range(1 if away == 0 else 2):
                    at = z - away if side == 0 else z + away
                    if at < 0 or at >= depth:
                        continue
                    before = best
                    best, rows = _search_slice(
                        start_b, x_b, extent_b[at, 0], extent_b[at, 1], at * height,
                        y, x_a[k], gap, weight[1], weight[2], best, near,
                    )  # fmt: skip
                    looked += rows
                    if best < before:
                        near[0] = at
            out[k] = best
    return start_a.size - 1


@njit(cache=True, nogil=True)
def _along_rows(start, x, base, lowest, rows, weight, out):  # type: ignore[no-untyped-def]
    """Squared distance of every place to the nearest voxel in each row that has any."""
    width = out.shape[1]
    filled = 0
    for y in range(lowest, lowest + rows.size):
        low, high = start[base + y], start[base + y + 1]
        if low == high:
            continue
        k = low
        for i in range(width):
            while k + 1 < high and abs(x[k + 1] - i) < abs(x[k] - i):
                k += 1
            out[filled, i] = (x[k] - i) * (x[k] - i) * weight
        rows[filled] = y
        filled += 1
    return filled


@njit(cache=True, nogil=True)
def _across_rows(square, rows, filled, weight, out):  # type: ignore[no-untyped-def]
    """Lower envelope of the parabolas of each column (Felzenszwalb and Huttenlocher 2012)."""
    height, width = out.shape
    kept = np.empty(filled, np.int64)
    edge = np.empty(filled + 1)
    for i in range(width):
        kept[0], edge[0], edge[1], top = 0, -np.inf, np.inf, 0
        for j in range(1, filled):
            here = square[j, i] + weight * rows[j] * rows[j]
            while True:
                other = kept[top]
                there = square[other, i] + weight * rows[other] * rows[other]
                meet = (here - there) / (2.0 * weight * (rows[j] - rows[other]))
                if meet > edge[top]:
                    break
                top -= 1
            top += 1
            kept[top], edge[top], edge[top + 1] = j, meet, np.inf
        top = 0
        for y in range(height):
            while edge[top + 1] < y:
                top += 1
            away = y - rows[kept[top]]
            out[y, i] = away * away * weight + square[kept[top], i]


@njit(cache=True, nogil=True)
def _transform(start_a, x_a, first, start_b, x_b, extent_b, width, weight, out):  # type: ignore[no-untyped-def]
    """Squared distances of the rows of a from `first` on, by transforming b slice by slice."""
    depth = extent_b.shape[0]
    height = (start_a.size - 1) // depth
    square = np.empty((height, width))
    plane = np.empty((height, width))
    out[start_a[first] :] = np.inf
    for at in range(depth):
        lowest, highest = extent_b[at, 0], extent_b[at, 1]
        if lowest > highest:
            continue
        rows = np.empty(highest - lowest + 1, np.int64)
        filled = _along_rows(start_b, x_b, at * height, lowest, rows, weight[2], square)
        _across_rows(square, rows, filled, weight[1], plane)
        for row in range(first, start_a.size - 1):
            z, y = row // height, row % height
            gap = (z - at) * (z - at) * weight[0]
            for k in range(start_a[row], start_a[row + 1]):
                if gap < out[k]:
                    out[k] = min(out[k], gap + plane[y, x_a[k]])


def _rows(mask: NDArray[np.uint8], voxels: int, flat: bool) -> _Rows:
    depth, height, _ = mask.shape
    start = np.empty(depth * height + 1, dtype=np.int64)
    x = np.empty(voxels, dtype=np.int32)
    extent = np.empty((depth, 2), dtype=np.int64)
    found = _boundary(mask, flat, start, x, extent)
    return _Rows(start, x[:found], extent)


def _directed(a: _Rows, b: _Rows, shape: tuple[int, ...], weight: Floats) -> Floats:
    """Distance of each boundary voxel of a to the nearest of b."""
    square = np.empty(a.x.size)
    if a.x.size == 0 or b.x.size == 0:
        square[:] = np.nan
        return square
    budget = _ROWS_PER_VOXEL * float(np.prod(shape))
    done = _search(a.start, a.x, b.start, b.x, b.extent, weight, budget, square)
    if done < a.start.size - 1:
        _transform(a.start, a.x, done, b.start, b.x, b.extent, shape[2], weight, square)
    return np.sqrt(square)


def _within_box(
    reference: NDArray[Any],
    prediction: NDArray[Any],
    label: int,
    box: Ints,
    counts: Ints,
    spacing: Floats,
    flat: bool,
) -> SurfaceDistances:
    """Distances of one label, in the box that holds it and a margin of one voxel."""
    inside = tuple(slice(box[2 * axis], box[2 * axis + 1] + 1) for axis in range(3))
    margin = (0 if flat else 1, 1, 1)
    shape = tuple(s.stop - s.start + 2 * m for s, m in zip(inside, margin, strict=True))
    rows = []
    for mask, voxels in ((reference, counts[0]), (prediction, counts[1])):
        padded = np.zeros(shape, dtype=np.uint8)
        middle = tuple(slice(m, n - m) for m, n in zip(margin, shape, strict=True))
        np.equal(mask[inside], label, out=padded[middle].view(np.bool_))
        rows.append(_rows(padded, int(voxels), flat))
    weight = spacing * spacing
    return SurfaceDistances(
        _directed(rows[0], rows[1], shape, weight),
        _directed(rows[1], rows[0], shape, weight),
    )


def _distances(
    reference: ArrayLike, prediction: ArrayLike, spacing: ArrayLike, labels: Sequence[int] | None
) -> tuple[list[SurfaceDistances], Ints]:
    """Distances of every label, and its voxels in reference, prediction and both."""
    ref, pred, wanted = as_masks(reference, prediction, labels)
    step = as_spacing(spacing, ref.ndim)
    flat = ref.ndim == 2
    ref, pred, reverse = in_memory_order(ref, pred)
    step = np.concatenate((np.ones(3 - step.size), step[::-1] if reverse else step))
    counts, boxes = scan(ref, pred, wanted)
    found = [
        _within_box(ref, pred, int(label), box, count, step, flat)
        if count[0] or count[1]
        else SurfaceDistances(np.empty(0), np.empty(0))
        for label, box, count in zip(wanted, boxes, counts.T, strict=True)
    ]
    return found, counts


def surface_distances(
    reference: ArrayLike, prediction: ArrayLike, spacing: ArrayLike
) -> SurfaceDistances:
    """Distances in mm between the boundary voxels of two masks of one structure, both ways.

    Parameters
    ----------
    reference, prediction : array_like, 2-d or 3-d, of one shape
        Boolean, or 0 and 1. A 3-d mask of one slice is all boundary: give it as 2-d.
    spacing : array_like, shape (dimensions,)
        Distance in mm between voxels along each axis of the arrays.

    Returns
    -------
    SurfaceDistances
        NaN from each voxel of a mask whose other is empty.

    Raises
    ------
    ValueError
        If shapes differ, a mask is not 2-d or 3-d or holds other values than 0 and 1, or the
        spacing is not one positive number for each axis.
    """
    return _distances(reference, prediction, spacing, None)[0][0]


def _as_tolerances(tolerances: ArrayLike) -> Floats:
    tau = np.asarray(tolerances, dtype=np.float64)
    if tau.ndim != 1 or not np.all(np.isfinite(tau) & (tau >= 0.0)):
        raise ValueError("tolerances must be a list of lengths in mm, 0 or more")
    return tau


def _summary(distances: SurfaceDistances, tau: Floats) -> tuple[Floats, list[float]]:
    """NSD at each tolerance; HD, HD95, ASSD and MASD of a pair of surfaces that are both there."""
    both = np.concatenate(distances)
    within = both[:, None] <= tau * (1.0 + _EQUAL)
    a, b = distances
    return within.mean(axis=0), [
        float(both.max()),
        float(max(np.quantile(a, 0.95), np.quantile(b, 0.95))),
        float((a.sum() + b.sum()) / both.size),
        float((a.mean() + b.mean()) / 2.0),
    ]


def surface(
    reference: ArrayLike,
    prediction: ArrayLike,
    spacing: ArrayLike,
    tolerances: ArrayLike,
    labels: Sequence[int] | None = None,
) -> Surface:
    """Normalised surface Dice, Hausdorff and average surface distances of the structures of a case.

    With D_R the distances from the boundary voxels of the reference to the prediction's and D_P
    the reverse, ``nsd = (#{D_R <= tau} + #{D_P <= tau}) / (#D_R + #D_P)``,
    ``hd = max(max D_R, max D_P)``, ``hd95 = max(q95(D_R), q95(D_P))`` with q95 the 95th percentile
    of one direction by linear interpolation (not that of both pooled, which medpy takes),
    ``assd = (sum D_R + sum D_P) / (#D_R + #D_P)`` and ``masd = (mean D_R + mean D_P) / 2``.
    A distance equal to the tolerance, up to one part in a million, is within it.

    A structure that only one mask has gives NSD 0 and no distance; one that both lack gives
    nothing. Undefined is NaN, and `cell` says which of the masks is empty.

    Parameters
    ----------
    reference, prediction : array_like, 2-d or 3-d, of one shape
        Boolean, or integer labels. A 3-d mask of one slice is all boundary: give it as 2-d.
    spacing : array_like, shape (dimensions,)
        Distance in mm between voxels along each axis of the arrays.
    tolerances : array_like, shape (tolerances,)
        Deviations in mm that count as none.
    labels : sequence of int, optional
        The structures to compare, in the order of the result. Without it the masks are of one
        structure: boolean, or 0 and 1.

    Returns
    -------
    Surface

    Raises
    ------
    ValueError
        If shapes differ, a mask is not 2-d or 3-d, is not boolean or integer or holds labels that
        are not declared when none are, or spacing or tolerances are not lengths.

    References
    ----------
    Nikolov and others 2021, DOI 10.2196/26151 (NSD); Maier-Hein and others 2024,
    DOI 10.1038/s41592-023-02151-z (NSD, HD95, ASSD and MASD).
    """
    tau = _as_tolerances(tolerances)
    found, counts = _distances(reference, prediction, spacing, labels)
    cell = empty_cell(counts[0], counts[1])
    nsd = np.full((cell.size, tau.size), np.nan)
    nsd[(cell == REFERENCE_ONLY) | (cell == PREDICTION_ONLY)] = 0.0
    apart = np.full((4, cell.size), np.nan)
    for i in np.flatnonzero(cell == BOTH_PRESENT):
        nsd[i], apart[:, i] = _summary(found[i], tau)
    shape = np.shape(reference)
    return Surface(
        cell,
        nsd,
        hd=apart[0],
        hd95=apart[1],
        assd=apart[2],
        masd=apart[3],
        reference_elements=np.array([d.from_reference.size for d in found], dtype=np.int64),
        prediction_elements=np.array([d.from_prediction.size for d in found], dtype=np.int64),
        diagonal=float(np.linalg.norm(np.asarray(shape) * as_spacing(spacing, len(shape)))),
    )


def penalise(
    distance: ArrayLike, cell: ArrayLike, diagonal: ArrayLike, penalty: float | None = None
) -> Floats:
    """Give a structure that one mask lacks the declared distance, so that no mean can drop it.

    One penalty serves all cases, by default the largest image diagonal among them: with a penalty
    of its own for each case, a case missed in a small image could lower a mean.

    Parameters
    ----------
    distance : array_like, shape (cases,) or (cases, labels)
        HD, HD95, ASSD or MASD in mm.
    cell : array_like of int, of the same shape
        Place in `audit.stats.overlap.CELLS`.
    diagonal : array_like
        Diagonals in mm of the images of the whole cohort, not of one stratum.
    penalty : float, optional
        Declared instead of the largest diagonal.

    Returns
    -------
    ndarray of float
        `distance` where both masks are present, the penalty where one is, NaN where neither is.

    Raises
    ------
    ValueError
        If shapes differ, there is no diagonal to take, or the penalty is smaller than a distance,
        which would let a missed case lower a mean.
    """
    apart, which = np.asarray(distance, dtype=np.float64), np.asarray(cell)
    if apart.shape != which.shape:
        raise ValueError(f"distance is {apart.shape} but cell is {which.shape}")
    if penalty is None:
        images = np.asarray(diagonal, dtype=np.float64)
        if images.size == 0 or not np.all(np.isfinite(images)):
            raise ValueError("diagonal must be finite and of at least one image")
        penalty = float(images.max())
    largest = np.max(apart, where=which == BOTH_PRESENT, initial=0.0)
    if not penalty >= largest:
        raise ValueError(f"a penalty of {penalty:g} mm is less than a distance of {largest:g} mm")
    filled = np.where(which == BOTH_PRESENT, apart, penalty)
    return np.where(which == BOTH_EMPTY, np.nan, filled)
