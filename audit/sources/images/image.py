"""An image as an array whose axes, spacing and directions are stated."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audit.problems import InputError, Problem

Kind = Literal[
    "DICOM", "DICOM series", "DICOM segmentation", "NIfTI", "PNG", "JPEG", "TIFF", "NumPy"
]
Axis = Literal["frames", "slices", "rows", "columns", "channels"]
Point = tuple[float, float, float]

LARGEST = 1 << 32  # bytes of one array; a header that promises more is not believed
_SAME_SPACING = 0.01  # relative
_SAME_ORIGIN = 0.5  # of a voxel


@dataclass(frozen=True, eq=False, repr=False)
class Image:
    """Pixels, and what is known of the space they stand in.

    Attributes
    ----------
    array : ndarray
        Read-only. Integers as stored, or floats where the file rescales them. One axis for each of
        `axes`: ``(rows, columns)``, ``(slices, rows, columns)``, ``(frames, ...)`` for what is no
        volume (a film, the pages of a TIFF), and channels last.
    axes : tuple of str
        What each axis of `array` is.
    spacing : tuple of float or None
        Millimetres between neighbours along each axis but that of the channels; None where the
        file does not say. Frames have none.
    kind : str
        Kind of file.
    bits : int
        Bits that hold a stored value of one channel.
    orientation : str or None
        Where each of the axes slices, rows and columns runs to, as the nearest direction of the
        patient: L, R, A, P, S or I. ``SPL`` (slices to the head, rows to the back, columns to the
        patient's left) is what an axial DICOM series and every NIfTI file are given in; ``PL`` a
        plane of it.
    origin : tuple of float or None
        Position of the first voxel in mm, in DICOM's directions (left, back, head).
    notes : tuple of str
        What a reader of numbers should know: ``sheared`` (a tilted gantry: slices are shifted
        against each other), ``stored_order`` (frames that form no even volume), ``exif_rotation``
        (the file asks viewers to turn it; the array is as stored), ``single_slice``.
    affine : ndarray of float, shape (4, 4), or None
        From the place in the array of a volume (slice, row, column, 1) to millimetres in DICOM's
        directions.
    """

    array: NDArray[Any]
    axes: tuple[Axis, ...]
    spacing: tuple[float | None, ...]
    kind: Kind
    bits: int
    orientation: str | None = None
    origin: Point | None = None
    notes: tuple[str, ...] = ()
    affine: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        array = np.ascontiguousarray(self.array.astype(self.array.dtype.newbyteorder("="), "C"))
        array.flags.writeable = False
        object.__setattr__(self, "array", array)
        if array.ndim != len(self.axes) or len(self.spacing) != len(self.axes) - self.coloured:
            raise ValueError("every axis needs its name and its spacing")

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.array.shape))
        return f"Image({self.kind}, {shape}, {self.array.dtype}, spacing={self.spacing})"

    @property
    def coloured(self) -> bool:
        """Whether the last axis holds channels."""
        return self.axes[-1] == "channels"

    @property
    def millimetres(self) -> tuple[float, ...] | None:
        """The spacing, where it is known along every axis; else None."""
        known = tuple(step for step in self.spacing if step is not None)
        return known if len(known) == len(self.spacing) else None

    def frame(self, number: int) -> "Image":
        """Return one frame of what has frames."""
        return replace(self, array=self.array[number], axes=self.axes[1:], spacing=self.spacing[1:])

    def with_labels(self, labels: NDArray[Any]) -> "Image":
        """Return the same grid with other values, without channels."""
        axes = self.axes[:-1] if self.coloured else self.axes
        return replace(self, array=labels, axes=axes)


class Refusal(NamedTuple):
    """Why a file, or several that belong together, cannot be read; no word of it is theirs."""

    code: str
    reason: str
    remedy: str

    def at(self, where: Path | str) -> InputError:
        """Return the error that names the place."""
        return InputError(Problem(self.code, str(where), self.reason, self.remedy))


class UnreadableError(Exception):
    """A refusal on its way to where the path is known."""

    def __init__(self, code: str, reason: str, remedy: str) -> None:
        self.refusal = Refusal(code, reason, remedy)
        super().__init__(reason)


def require_size(shape: Sequence[int], itemsize: int) -> None:
    """Refuse an array that is empty or larger than `LARGEST`; raises UnreadableError."""
    if min(shape, default=0) < 1:
        raise UnreadableError(
            "no_pixels", "the header gives an axis of no length", "write it again"
        )
    if prod(shape) * itemsize > LARGEST:
        size = " x ".join(map(str, shape))
        raise UnreadableError(
            "too_large", f"the header promises {size} values, more than 4 GiB", "split it"
        )


def require_frame(frame: int | None, frames: int) -> None:
    """Refuse a frame that is not there; raises UnreadableError."""
    if frame is not None and not 0 <= frame < frames:
        reason = f"there is no frame {frame}: it holds {frames}"
        raise UnreadableError("no_such_frame", reason, f"count from 0 to {frames - 1}")


def length(value: float) -> float | None:
    """A length in mm, or None where the number is none."""
    return float(value) if np.isfinite(value) and value > 0 else None


def require_same_grid(mask: Image, image: Image, where: Path) -> None:
    """Hold a mask against the image that it belongs to.

    Shape, directions, spacing (to 1 %) and the place of the first voxel (to half a voxel) are
    compared where both state them.

    Raises
    ------
    InputError
        When one of them differs.
    """
    own, shape = (one.array.shape[: one.array.ndim - one.coloured] for one in (mask, image))
    if own != shape:
        told = f"the mask is {_by(own)}, the image {_by(shape)}"
    elif None not in (mask.orientation, image.orientation) and (
        mask.orientation != image.orientation
    ):
        told = (
            f"the axes of the mask run {mask.orientation}, those of the image {image.orientation}"
        )
    elif any(
        a is not None and b is not None and abs(a - b) > _SAME_SPACING * b
        for a, b in zip(mask.spacing, image.spacing, strict=True)
    ):
        steps = [_millimetres(one) for one in (mask, image)]
        told = f"the mask has a spacing of {steps[0]} mm, the image {steps[1]} mm"
    elif _apart(mask, image):
        told = "mask and image start at different places of the patient"
    else:
        return
    raise Refusal("different_grid", told, "resample the mask onto the grid of the image").at(where)


def _apart(mask: Image, image: Image) -> bool:
    if mask.origin is None or image.origin is None or image.millimetres is None:
        return False
    gap = np.abs(np.subtract(mask.origin, image.origin)).max()
    return bool(gap > _SAME_ORIGIN * min(image.millimetres))


def _millimetres(image: Image) -> str:
    return " x ".join("?" if step is None else f"{step:.6g}" for step in image.spacing)


def _by(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
