"""Measuring one case of a segmentation: overlap, surfaces and lesions of every structure."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audit.plan_tasks import Segmentation
from audit.problems import InputError, Problem
from audit.sources.images import read_mask
from audit.sources.images.image import Image, require_same_grid
from audit.stats.lesions import detect_lesions
from audit.stats.overlap import mask_overlap
from audit.stats.surface import surface

PER_STRUCTURE = (
    "cell", "dice", "iou", "volume_error", "reference_size", "nsd", "hd95", "assd",
    "lesions", "lesions_found", "lesions_predicted", "lesions_true",
)  # fmt: skip
OF_CASE = ("diagonal", "spaced", "undeclared")
WHITE = 255  # value of a structure in masks that are drawn as black and white pictures


def structures_of(declared: Segmentation) -> dict[str, int | None]:
    """Structures and their values; one without a name where masks hold 0 and 1."""
    return dict(declared.structures) or {"": None}


def names_of(declared: Segmentation) -> tuple[str, ...]:
    """Names of what `mask_measure` gives: those of the case, then of each structure."""
    structures = structures_of(declared)
    return (*OF_CASE, *(f"{name}/{of}" for of in structures for name in PER_STRUCTURE))


def mask_measure(declared: Segmentation) -> Callable[[Path, Path], Sequence[float]]:
    """Make the function that measures the masks of one case."""

    def measure(reference: Path, prediction: Path) -> Sequence[float]:
        true, drawn = read_mask(reference), read_mask(prediction)
        require_same_grid(drawn, true, prediction)
        for image, path in ((true, reference), (drawn, prediction)):
            _require_declared(image, path, declared)
        return measured_masks(true, drawn, declared)

    return measure


def _require_declared(image: Image, path: Path, declared: Segmentation) -> None:
    most = int(image.array.max(initial=0))
    if not declared.structures and most > 1 and not _black_and_white(image.array):
        reason = "it holds labels beyond 1, and the plan names no structures"
        remedy = "name them: segmentation.structures {liver: 1, tumour: 2}"
        raise InputError(Problem("undeclared_labels", str(path), reason, remedy))


def _black_and_white(mask: NDArray[np.generic]) -> bool:
    return bool(np.isin(mask, (0, WHITE)).all())


def measured_masks(true: Image, drawn: Image, declared: Segmentation) -> list[float]:
    """Measure two masks of one grid; lengths are NaN where the spacing is not known.

    Raises
    ------
    ValueError
        When the declared spacing does not fit the axes, or masks hold other values than declared.
    """
    arrays = [_one_structure(image.array, declared) for image in (true, drawn)]
    spacing = _spacing(true, drawn, declared)
    if arrays[0].ndim == 3 and arrays[0].shape[0] == 1:
        arrays, spacing = [a[0] for a in arrays], None if spacing is None else spacing[1:]
    steps = spacing or (1.0,) * arrays[0].ndim
    structures = structures_of(declared)
    values = [v for v in structures.values() if v is not None] or None
    sizes = mask_overlap(arrays[0], arrays[1], steps, values)
    tolerances = [declared.tolerance_of(name) for name in structures]
    known = sorted({t for t in tolerances if t is not None})
    edges = surface(arrays[0], arrays[1], steps, known, values)
    lost = 1.0 if spacing is not None else np.nan
    drawn_of = float(np.sum(sizes.reference_volume + sizes.prediction_volume) / np.prod(steps))
    every = sum(int(np.count_nonzero(array)) for array in arrays)
    # More voxels than those of the declared structures: some hold other labels.
    other = every - drawn_of > 0.5
    out = [edges.diagonal * lost, float(spacing is not None), float(other)]
    for i, value in enumerate(structures.values()):
        at = tolerances[i]
        own = edges.nsd[i, known.index(at)] if at is not None else np.nan
        lesions = _lesions(arrays, steps, value, declared)
        out += [
            float(sizes.cell[i]), float(sizes.dice[i]), float(sizes.iou[i]),
            float(sizes.volume_error[i]), float(sizes.reference_volume[i]) * lost,
            # Beyond the tolerance or not is a matter of mm, but for masks that one side lacks.
            float(own) * (lost if own else 1.0), float(edges.hd95[i]) * lost,
            float(edges.assd[i]) * lost, *lesions,
        ]  # fmt: skip
    return out


def _one_structure(mask: NDArray[np.generic], declared: Segmentation) -> NDArray[np.generic]:
    """Take 0 and 255 for 0 and 1 where a mask is of one structure."""
    if declared.structures or mask.dtype == np.bool_ or int(mask.max(initial=0)) != WHITE:
        return mask
    return mask == WHITE if _black_and_white(mask) else mask


def _spacing(true: Image, drawn: Image, declared: Segmentation) -> tuple[float, ...] | None:
    """Spacing of the reference file, else of the prediction's, else the declared one."""
    for image in (true, drawn):
        if image.millimetres is not None:
            return image.millimetres
    if declared.spacing and len(declared.spacing) != true.array.ndim:
        raise ValueError(
            f"segmentation.spacing gives {len(declared.spacing)} lengths, and the mask has "
            f"{true.array.ndim} axes"
        )
    return declared.spacing or None


def _lesions(
    arrays: Sequence[NDArray[np.generic]],
    spacing: Sequence[float],
    value: int | None,
    declared: Segmentation,
) -> tuple[float, float, float, float]:
    if declared.lesions is None:
        return (np.nan,) * 4
    masks = [a != 0 if value is None else a == value for a in arrays]
    found = detect_lesions(masks[0], masks[1], spacing, declared.lesions, declared.lesion_iou)
    return (
        float(found.detected.size), float(found.detected.sum()),
        float(found.hits.size), float(found.hits.sum()),
    )  # fmt: skip
