"""NIfTI: volumes, brought to one orientation so that masks of several tools lie on each other."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.models.extras import required_module
from audit.sources.images.image import Axis, Image, UnreadableError, length, require_size

_UNITS = {"meter": 1000.0, "micron": 0.001}
_DAMAGED = ("corrupt", "the NIfTI file is damaged or cut off", "copy or export it again")


def read_nifti(path: Path) -> Image:
    """Read a NIfTI file as slices to the head, rows to the back and columns to the left.

    Values are scaled as the header says. A fourth axis, of time, becomes frames.

    Raises
    ------
    UnreadableError
        For a damaged file and one of more than four axes.
    InputError
        With the line that installs nibabel, when it is not there.
    """
    nibabel = required_module("nibabel", "imaging", str(path))
    try:
        found = nibabel.load(path)
        shape = tuple(int(n) for n in found.shape)
        header, affine = found.header, np.asarray(found.affine, dtype=np.float64)
    except (FileNotFoundError, PermissionError):
        raise
    except Exception:  # a damaged header fails in every way that a parser can
        raise UnreadableError(*_DAMAGED) from None
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) > 4:
        reason = f"it has {len(shape)} axes"
        raise UnreadableError("axes", reason, "save volumes of 3 axes, or 4 with time")
    require_size(shape, max(found.get_data_dtype().itemsize, 1))
    if not np.isfinite(affine).all() or np.linalg.det(affine[:3, :3]) == 0:
        raise UnreadableError(
            "no_geometry", "its header gives no place in space", "write it with an affine"
        )
    data = _values(found, shape)
    return _oriented(nibabel, data, affine, header)


def _to_patient(moved: NDArray[Any]) -> NDArray[np.float64]:
    """Turn NIfTI's axes and directions (right, front, head) into ours."""
    affine: NDArray[np.float64] = np.diag([-1.0, -1.0, 1.0, 1.0]) @ moved[:, [2, 1, 0, 3]]
    affine[3] = (0, 0, 0, 1)
    return affine


def _values(found: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    try:
        data: NDArray[Any] = np.asanyarray(found.dataobj)
    except (FileNotFoundError, PermissionError):
        raise
    except Exception:
        raise UnreadableError(*_DAMAGED) from None
    if data.dtype.names:
        raise UnreadableError("coloured", "its voxels are colours", "save one channel a file")
    data = data.reshape(shape + (1,) * (3 - len(shape)))
    whole = data.dtype.kind == "f" and found.get_data_dtype().kind in "iu"
    if whole and (np.rint(data) == data).all() and np.abs(data).max(initial=0) < 2**31:
        data = data.astype(np.int32)  # integers, scaled by an integer
    return data


def _oriented(nibabel: Any, data: NDArray[Any], affine: NDArray[Any], header: Any) -> Image:
    orientation = nibabel.orientations.io_orientation(affine)
    turn = nibabel.orientations.ornt_transform(
        orientation, nibabel.orientations.axcodes2ornt(("L", "P", "S"))
    )
    array = nibabel.orientations.apply_orientation(data, turn)
    moved = affine @ nibabel.orientations.inv_ornt_aff(turn, data.shape[:3])
    factor = _UNITS.get(str(header.get_xyzt_units()[0]), 1.0)
    steps = np.linalg.norm(moved[:3, :3], axis=0) * factor
    left, back, head = (float(step) for step in steps)
    corner = moved[:3, 3] * factor * (-1, -1, 1)
    axes: tuple[Axis, ...] = ("slices", "rows", "columns")
    spacing = tuple(length(step) for step in (head, back, left))
    order = (2, 1, 0)
    if data.ndim == 4:
        axes, spacing, order = ("frames", *axes), (None, *spacing), (3, 2, 1, 0)  # type: ignore[assignment]
    notes = ("single_slice",) if data.shape[2] == 1 else ()
    return Image(
        array.transpose(order),
        axes,
        spacing,
        "NIfTI",
        data.dtype.itemsize * 8,
        orientation="SPL",
        origin=(float(corner[0]), float(corner[1]), float(corner[2])),
        notes=notes,
        affine=_to_patient(moved * factor),
    )
