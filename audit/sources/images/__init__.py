"""Reading medical images: DICOM, NIfTI, PNG, JPEG, TIFF and NumPy, with the spacing they state."""

from pathlib import Path

import numpy as np

from audit.problems import InputError, Problem
from audit.sources.images.arrays import read_numpy
from audit.sources.images.image import Image, UnreadableError, require_frame, require_same_grid
from audit.sources.images.kinds import KNOWN, file_kind, named_kind
from audit.sources.images.rasters import read_raster

__all__ = ["Image", "read_image", "read_mask", "require_same_grid"]


def read_image(path: Path, frame: int | None = None) -> Image:
    """Read an image, or a folder that holds one DICOM series.

    Parameters
    ----------
    path : Path
        The file is known by its content, not by its name.
    frame : int, optional
        One frame of a film, of a file of many pages or of a 4-d NIfTI; all of them when absent.

    Returns
    -------
    Image
        Values as stored or, where the file rescales them, as it says. Palettes become colours.

    Raises
    ------
    InputError
        For a missing, damaged, empty or unknown file, one that promises more than 4 GiB, a series
        whose slices form no even volume, and what needs a library that is not installed.
    """
    return _read(path, frame, mask=False)


def read_mask(path: Path, frame: int | None = None) -> Image:
    """Read a mask: as `read_image`, but of whole numbers, without colours.

    Entries of a palette stay the numbers that they are; whole numbers stored as floats become
    integers; a DICOM segmentation gives the number of the segment of every voxel.

    Raises
    ------
    InputError
        As `read_image`, and for colours, fractions, NaN and negative values.
    """
    image = _read(path, frame, mask=True)
    if image.coloured:
        reason = "it has colours, and a mask is of whole numbers"
        raise InputError(
            Problem("coloured_mask", str(path), reason, "save the labels, not their colours")
        )
    array = image.array
    if array.dtype.kind == "f":
        if not np.isfinite(array).all() or (array != np.rint(array)).any():
            reason = "it holds fractions or NaN, and a mask is of whole numbers"
            remedy = "apply the threshold before saving, and save integers"
            raise InputError(Problem("fractional_mask", str(path), reason, remedy))
        array = array.astype(np.int64)
    if array.dtype.kind == "i" and array.min() < 0:
        reason, remedy = "it holds negative labels", "number structures from 1, background 0"
        raise InputError(Problem("negative_mask", str(path), reason, remedy))
    return image if array is image.array else image.with_labels(array)


def _read(path: Path, frame: int | None, *, mask: bool) -> Image:
    try:
        if path.is_dir():
            from audit.sources.images.dicom import read_series

            return _one_frame(read_series(path), frame)
        kind = file_kind(path)
        if kind == "DICOM":
            from audit.sources.images.dicom import read_dicom

            return read_dicom(path, frame)
        if kind == "NIfTI":
            from audit.sources.images.nifti import read_nifti

            return _one_frame(read_nifti(path), frame)
        if kind == "NumPy":
            return _one_frame(read_numpy(path), frame)
        if kind is not None:
            return read_raster(path, kind, frame, mask=mask)
        raise _unknown(path)
    except FileNotFoundError:
        problem = Problem("missing_file", str(path), "there is no such file", "check the path")
    except OSError as error:
        reason = f"it cannot be read ({error.strerror or type(error).__name__})"
        problem = Problem("unreadable", str(path), reason, "check its permissions")
    except UnreadableError as error:
        raise error.refusal.at(path) from None
    raise InputError(problem)


def _unknown(path: Path) -> UnreadableError:
    named = named_kind(path)
    if path.stat().st_size == 0:
        return UnreadableError("empty_file", "it is empty", "copy or export it again")
    if named is not None:
        reason = f"its content is not what its name promises ({named})"
        return UnreadableError("corrupt", reason, "copy or export it again")
    return UnreadableError("unknown_image", "this is no kind of image known here", f"use {KNOWN}")


def _one_frame(image: Image, frame: int | None) -> Image:
    if frame is None:
        return image
    if image.axes[0] != "frames":
        require_frame(frame, 1)
        return image
    require_frame(frame, image.array.shape[0])
    return image.frame(frame)
