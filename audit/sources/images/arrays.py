"""Arrays saved by NumPy: their axes are told from their shape, as nothing else is known of them."""

from pathlib import Path
from typing import Any

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
        # Mapped, so that a header is not believed before its size is seen.
        found = np.load(path, allow_pickle=False, mmap_mode="r")
        if isinstance(found, np.ndarray):
            require_size(found.shape, found.dtype.itemsize)
            return found
        with found:
            if len(found.files) != 1:
                raise UnreadableError(
                    "several_arrays", f"it holds {len(found.files)} arrays", "save one in a file"
                )
            return _entry(found)
    except UnreadableError:
        raise
    except (ValueError, EOFError, KeyError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        pickled = "allow_pickle" in str(error)
    if pickled:
        raise UnreadableError("pickled", "it holds Python objects", "save an array of numbers")
    raise UnreadableError("corrupt", "it is damaged or cut off", "copy or export it again")


def _entry(archive: Any) -> NDArray[Any]:
    info = archive.zip.infolist()[0]
    require_size((info.file_size,), 1)
    try:
        array: NDArray[Any] = archive[archive.files[0]]
    except Exception as error:  # zlib and zipfile have errors of their own
        if "allow_pickle" in str(error):
            raise ValueError("allow_pickle") from None
        raise EOFError from None
    return array
