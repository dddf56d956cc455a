"""Arrays saved by NumPy: their axes are told from their shape, as nothing else is known of them."""

import zlib
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from audit.sources.images.image import Axis, Image, UnreadableError, require_size

_CHANNELS = (3, 4)


def read_numpy(path: Path) -> Image:
    """Read an .npy file, or an .npz file of one array; raises UnreadableError.

    Two axes are rows and columns. Of three, the last holds channels where it has 3 or 4 entries,
    else the first holds slices. Of four, the last holds channels.
    """
    array = _array(path)
    if array.dtype.kind not in "biuf":
        raise UnreadableError(
            "no_numbers", f"it holds values of type {array.dtype}", "save an array of numbers"
        )
    axes: tuple[Axis, ...]
    if array.ndim == 2:
        axes = ("rows", "columns")
    elif array.ndim == 3 and array.shape[-1] in _CHANNELS:
        axes = ("rows", "columns", "channels")
    elif array.ndim == 3:
        axes = ("slices", "rows", "columns")
    elif array.ndim == 4 and array.shape[-1] <= max(_CHANNELS):
        axes = ("slices", "rows", "columns", "channels")
    else:
        reason = f"it has {array.ndim} axes of lengths {array.shape}"
        raise UnreadableError("axes", reason, "save an image of 2 or 3 axes, channels last")
    spaces = len(axes) - ("channels" in axes)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    return Image(array, axes, (None,) * spaces, "NumPy", array.dtype.itemsize * 8)


def _array(path: Path) -> NDArray[Any]:
    try:
        with path.open("rb") as file:
            if file.read(2) == b"PK":
                file.seek(0)
                return _entry(file)
        # Mapped, so that a header is not believed before its size is seen.
        found: NDArray[Any] = np.load(path, allow_pickle=False, mmap_mode="r")
        require_size(found.shape, found.dtype.itemsize)
        return found
    except UnreadableError:
        raise
    except (ValueError, EOFError, KeyError, BadZipFile, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        pickled = "allow_pickle" in str(error) or "Python objects" in str(error)
    if pickled:
        raise UnreadableError("pickled", "it holds Python objects", "save an array of numbers")
    raise UnreadableError("corrupt", "it is damaged or cut off", "copy or export it again")


def _entry(file: BinaryIO) -> NDArray[Any]:
    """Read the one array of an archive, whose size is looked at before it is inflated."""
    with np.load(file, allow_pickle=False) as archive:
        if len(archive.files) != 1:
            raise UnreadableError(
                "several_arrays", f"it holds {len(archive.files)} arrays", "save one in a file"
            )
        require_size((archive.zip.infolist()[0].file_size,), 1)
        array: NDArray[Any] = archive[archive.files[0]]
        return array
