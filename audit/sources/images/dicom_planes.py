"""Where the frames of DICOM files stand in the patient, and whether they form an even volume."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from audit.sources.images.dicom_header import groups, numbers
from audit.sources.images.image import Point, Refusal, length

_UNIT = 0.01  # how far direction cosines may be from unit length and a right angle
_SAME_DIRECTION = 1e-3
_SAME_PLACE = 1e-3  # mm
_SAME_SPACING = 1e-3  # relative
_GAP = 1.5  # steps: one slice is missing
_OFF = 0.25  # steps off the even grid; rounded positions are nearer, a missing slice is not
_TILT = 0.1  # shift within the plane, in steps: beyond a tenth the grid is sheared


class Plane(NamedTuple):
    """One frame: position of its first pixel, direction cosines, (row, column) spacing in mm."""

    position: Point | None
    directions: tuple[float, ...] | None
    spacing: tuple[float | None, float | None]

    @property
    def normal(self) -> NDArray[np.float64] | None:
        """The direction that slices are counted in."""
        if self.directions is None:
            return None
        normal: NDArray[np.float64] = np.cross(self.directions[:3], self.directions[3:])
        return normal

    def orientation(self, *, volume: bool) -> str | None:
        """Where the axes run to, such as ``SPL``."""
        normal = self.normal
        if self.directions is None or normal is None:
            return None
        across, down = self.directions[:3], self.directions[3:]
        axes = [normal, down, across] if volume else [down, across]
        return "".join(_letter(np.asarray(axis)) for axis in axes)


class Stack(NamedTuple):
    """Frames as an even volume: their order, the step between them, and whether it is sheared."""

    order: NDArray[np.intp]
    step: float | None
    sheared: bool


def planes(dataset: Any) -> list[Plane]:
    """Planes of all frames of a file, in stored order."""
    return [_plane(parts) for parts in groups(dataset)]


def plane_of(parts: Sequence[Any], keyword: str, count: int) -> tuple[float, ...] | None:
    """First value of an element among the datasets that describe a frame."""
    for part in parts:
        found = numbers(part, keyword, count)
        if found is not None:
            return found
    return None


def _plane(parts: Sequence[Any]) -> Plane:
    position = plane_of(parts, "ImagePositionPatient", 3)
    directions = plane_of(parts, "ImageOrientationPatient", 6)
    if directions is not None and not _are_directions(np.asarray(directions)):
        directions = None
    place = None if position is None else (position[0], position[1], position[2])
    return Plane(place, directions, _pixel_spacing(parts))


def _are_directions(cosines: NDArray[np.float64]) -> bool:
    across, down = cosines[:3], cosines[3:]
    lengths = np.linalg.norm([across, down], axis=1)
    return bool(np.abs(lengths - 1).max() <= _UNIT and abs(across @ down) <= _UNIT)


def _pixel_spacing(parts: Sequence[Any]) -> tuple[float | None, float | None]:
    """Spacing in the patient.

    The spacing of a radiograph's detector is that of the patient only after division by the
    magnification, so without one it is not known.
    """
    found = plane_of(parts, "PixelSpacing", 2)
    if found is None:
        detector = plane_of(parts, "ImagerPixelSpacing", 2)
        magnified = plane_of(parts, "EstimatedRadiographicMagnificationFactor", 1)
        if detector is None or magnified is None or magnified[0] <= 0:
            return None, None
        found = (detector[0] / magnified[0], detector[1] / magnified[0])
    return length(found[0]), length(found[1])


def common_spacing(given: Sequence[Plane]) -> tuple[float | None, float | None]:
    """Spacing of the pixels, where it is the same in all frames."""
    rows = np.array([plane.spacing for plane in given], dtype=float)
    if np.isnan(rows).any() or np.ptp(rows, axis=0).max() > _SAME_SPACING * rows.min():
        return None, None
    return given[0].spacing


def stacked(given: Sequence[Plane]) -> Stack | Refusal:
    """Order frames along their common normal, if they form an even volume.

    The step is the mean distance of neighbouring planes, measured between positions: the
    thickness of a slice says nothing about where the next one is.
    """
    normal = given[0].normal
    if normal is None or any(plane.position is None or plane.normal is None for plane in given):
        lacking = sum(plane.position is None or plane.normal is None for plane in given)
        reason = f"{_slices(lacking, len(given))} have no position or no direction in the patient"
        return Refusal("no_position", reason, "give the files one by one")
    cosines = np.array([plane.directions for plane in given])
    turned = int((np.abs(cosines - cosines[0]).max(axis=1) > _SAME_DIRECTION).sum())
    if turned:
        reason = f"{_slices(turned, len(given))} lie in another direction than the first"
        return Refusal("mixed_directions", reason, "take localizers and reformats out")
    if len(given) > 1 and given[0].spacing != (None, None) and common_spacing(given)[0] is None:
        reason = "slices differ in the spacing of their pixels"
        return Refusal("mixed_spacing", reason, "put the files of each acquisition in one folder")
    positions = np.array([plane.position for plane in given])
    heights = positions @ (normal / np.linalg.norm(normal))
    order = np.argsort(heights, kind="stable")
    if len(given) == 1:
        return Stack(order, None, False)
    return _even(order, heights[order], positions[order], normal / np.linalg.norm(normal))


def _even(
    order: NDArray[np.intp],
    heights: NDArray[np.float64],
    positions: NDArray[np.float64],
    normal: NDArray[np.float64],
) -> Stack | Refusal:
    steps = np.diff(heights)
    same = int((steps <= _SAME_PLACE).sum())
    if same:
        reason = f"{_slices(same, len(heights))} stand where another one stands"
        remedy = "put each phase, echo or repeat in a folder of its own"
        return Refusal("repeated_position", reason, remedy)
    usual = float(np.median(steps))
    gaps = int((steps > _GAP * usual).sum())
    if gaps:
        widest = float(steps.max())
        reason = (
            f"there are {gaps} gaps between slices that are usually {usual:.4g} mm apart, "
            f"the widest {widest:.4g} mm"
        )
        return Refusal("gap", reason, "add the missing slices")
    step = float(heights[-1] - heights[0]) / len(steps)
    off = np.abs(heights - heights[0] - step * np.arange(len(heights))).max()
    if off > _OFF * step:
        reason = f"slices are between {steps.min():.4g} and {steps.max():.4g} mm apart"
        return Refusal("uneven", reason, "resample the series to an even step")
    shift = np.diff(positions, axis=0)
    within = shift - np.outer(shift @ normal, normal)
    sheared = bool(np.linalg.norm(within, axis=1).max() > _TILT * step)
    return Stack(order, step, sheared)


def _letter(axis: NDArray[np.float64]) -> str:
    strongest = int(np.abs(axis).argmax())
    return ("RL", "AP", "IS")[strongest][int(axis[strongest] > 0)]


def _slices(count: int, total: int) -> str:
    return f"{count:,} of {total:,} slices"
