"""Free-response ROC: sensitivity for lesions against false positives per image."""

from typing import Any, Literal, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from audit.stats._arrays import Floats, Ints, as_codes, check_rows

# The rates of the ANODE09 and LUNA16 challenges.
CPM_RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
# Lesion of a detection that hits none.
NO_LESION = -1

Between = Literal["linear", "step"]


class Detections(NamedTuple):
    """Detections that count, sorted by falling score, and what the images hold.

    Attributes
    ----------
    score : ndarray of float, shape (events,)
    image : ndarray of int, shape (events,)
        Image code.
    hit : ndarray of bool, shape (events,)
        The first detection of a lesion; else a false positive.
    last : ndarray of bool, shape (events,)
        Last of a run of tied scores: the operating point that the run makes.
    lesions : ndarray of int, shape (images,)
        Lesions of each image, found or not.
    """

    score: Floats
    image: Ints
    hit: NDArray[np.bool_]
    last: NDArray[np.bool_]
    lesions: Ints


class Froc(NamedTuple):
    """FROC curve: its operating points by falling threshold, the first of which flags nothing.

    Attributes
    ----------
    threshold : ndarray of float, shape (points,)
        Detections with score >= threshold are kept; infinity at the first point.
    false_per_image, sensitivity : ndarray of float, shape (points,)
        NaN without images and without lesions, in turn.
    """

    threshold: Floats
    false_per_image: Floats
    sensitivity: Floats


def detections(
    score: ArrayLike, lesion: ArrayLike, image: ArrayLike, lesions_per_image: ArrayLike
) -> Detections:
    """Sort detections into first hits of lesions and false positives.

    A lesion counts once, with the highest score of those that hit it; its other detections are
    neither true nor false positives, as in LUNA16 (Setio 2017).

    Parameters
    ----------
    score : array_like, shape (detections,)
        Any real score; only its order matters.
    lesion : array_like of int, shape (detections,)
        Which of the lesions of its image a detection hits, 0..lesions-1; `NO_LESION` for none.
    image : array_like of int, shape (detections,)
        Image code.
    lesions_per_image : array_like of int, shape (images,)
        Lesions of every image, also of images without a detection.

    Returns
    -------
    Detections

    Raises
    ------
    ValueError
        If a score is NaN, a code is out of range, an image has fewer lesions than are hit, or
        lengths differ.
    """
    s = np.asarray(score, dtype=np.float64)
    counts = as_codes(lesions_per_image, "lesions_per_image")
    if s.ndim != 1 or np.any(np.isnan(s)):
        raise ValueError("score must be one-dimensional and hold no NaN")
    which: NDArray[Any] = np.asarray(lesion)
    if which.ndim != 1 or (which.dtype.kind not in "iu" and which.size):
        raise ValueError("lesion must be a one-dimensional array of integers")
    of, where = which.astype(np.int64), as_codes(image, "image", counts.size)
    check_rows(s.size, lesion=of, image=where)
    if np.any((of < NO_LESION) | (of >= counts[where])):
        raise ValueError(f"lesion must be {NO_LESION} or less than the lesions of its image")
    order = np.lexsort((of, where, -s))
    s, of, where = s[order], of[order], where[order]
    hit = of != NO_LESION
    first = np.zeros(s.size, dtype=np.bool_)
    offset = np.cumsum(counts) - counts
    number = (offset[where] + of)[hit]
    first[np.flatnonzero(hit)[np.unique(number, return_index=True)[1]]] = True
    counted = first | ~hit
    s, where, hit = s[counted], where[counted], hit[counted]
    last = np.ones(s.size, dtype=np.bool_)
    last[:-1] = s[1:] != s[:-1]
    return Detections(s, where, hit, last, counts)


def froc_curve(found: Detections) -> Froc:
    """FROC curve of detections, tied scores making one operating point.

    At a threshold t, ``sensitivity = lesions hit with score >= t / lesions`` and
    ``false_per_image = false positives with score >= t / images``.

    Parameters
    ----------
    found : Detections

    Returns
    -------
    Froc

    References
    ----------
    Bunch and others 1978, DOI 10.1117/12.955926; Setio and others 2017,
    DOI 10.1016/j.media.2017.06.015.
    """
    true = np.concatenate(([0], np.cumsum(found.hit)[found.last]))
    false = np.concatenate(([0], np.cumsum(~found.hit)[found.last]))
    images, lesions = found.lesions.size, int(found.lesions.sum())
    nothing = np.full(true.size, np.nan)
    return Froc(
        np.concatenate(([np.inf], found.score[found.last])),
        false / images if images else nothing,
        true / lesions if lesions else nothing,
    )


@njit(cache=True, nogil=True)
def _read_off(image, hit, last, lesions, weights, rates, linear, out):  # type: ignore[no-untyped-def]
    """Sensitivity of every replicate at increasing rates, in one walk along its curve."""
    for r in range(weights.shape[0]):
        images, total = 0.0, 0.0
        for i in range(lesions.size):
            images += weights[r, i]
            total += weights[r, i] * lesions[i]
        if images <= 0.0 or total <= 0.0:
            continue
        true, false = 0.0, 0.0
        before_x, before_y = 0.0, 0.0  # the last operating point
        j = 0
        for e in range(image.size):
            if hit[e]:
                true += weights[r, image[e]]
            else:
                false += weights[r, image[e]]
            if not last[e]:
                continue
            x, y = false / images, true / total
            while j < rates.size and rates[j] < x:
                share = (rates[j] - before_x) / (x - before_x) if linear else 0.0
                out[r, j] = before_y + share * (y - before_y)
                j += 1
            before_x, before_y = x, y
        while j < rates.size and rates[j] == before_x:
            out[r, j] = before_y
            j += 1


def sensitivity_at(
    found: Detections,
    rates: ArrayLike,
    weights: ArrayLike | None = None,
    between: Between = "linear",
) -> Floats:
    """Sensitivity at declared false positives per image, once or for every resample of the images.

    Between operating points the curve is a straight line, as LUNA16 takes it, or the sensitivity
    of the last point before (`step`: what a threshold can really give). Where several operating
    points have the declared rate, the highest sensitivity is taken.

    A rate beyond the last operating point is **undefined**: the detector never made so many false
    positives, and the curve is not continued. So is every rate without lesions or images.

    Parameters
    ----------
    found : Detections
    rates : array_like, shape (rates,)
        False positives per image, 0 or more, in any order.
    weights : array_like, shape (replicates, images), optional
        How often each image is in a resample (all images of a patient alike for a resample of
        patients). It counts the lesions, the false positives and the image itself.
    between : {"linear", "step"}
        How the curve goes between operating points.

    Returns
    -------
    ndarray of float, shape (rates,) or (replicates, rates)
        NaN where undefined.

    Raises
    ------
    ValueError
        If a rate or a weight is negative or not finite, or a shape or option does not fit.

    References
    ----------
    Setio and others 2017, DOI 10.1016/j.media.2017.06.015.
    """
    rate = np.asarray(rates, dtype=np.float64)
    if rate.ndim != 1 or not np.all(np.isfinite(rate) & (rate >= 0.0)):
        raise ValueError("rates must be a list of false positives per image, 0 or more")
    if between not in ("linear", "step"):
        raise ValueError(f"between must be linear or step, got {between!r}")
    images = found.lesions.size
    table = np.ones((1, images)) if weights is None else np.asarray(weights, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != images:
        raise ValueError(f"weights must be of shape (replicates, {images}), got {table.shape}")
    if not np.all(np.isfinite(table) & (table >= 0.0)):
        raise ValueError("weights must be finite and not negative")
    order = np.argsort(rate, kind="stable")
    read = np.full((table.shape[0], rate.size), np.nan)
    _read_off(
        found.image,
        found.hit,
        found.last,
        found.lesions,
        np.ascontiguousarray(table),
        rate[order],
        between == "linear",
        read,
    )
    value = np.empty_like(read)
    value[:, order] = read
    return value[0] if weights is None else value


def cpm(
    found: Detections, weights: ArrayLike | None = None, between: Between = "linear"
) -> Floats | float:
    """Competition performance metric: mean sensitivity at 1/8, 1/4, 1/2, 1, 2, 4 and 8 per image.

    Parameters
    ----------
    found : Detections
    weights : array_like, shape (replicates, images), optional
        As `sensitivity_at`.
    between : {"linear", "step"}
        As `sensitivity_at`.

    Returns
    -------
    float or ndarray of float, shape (replicates,)
        NaN where the curve does not reach 8 false positives per image: a mean over the rates that
        it does reach would be of another measure.

    Raises
    ------
    ValueError
        As `sensitivity_at`.

    References
    ----------
    Niemeijer and others 2011, DOI 10.1109/TMI.2010.2072789; Setio and others 2017,
    DOI 10.1016/j.media.2017.06.015.
    """
    mean = sensitivity_at(found, CPM_RATES, weights, between).mean(axis=-1)
    return float(mean) if weights is None else np.asarray(mean)
