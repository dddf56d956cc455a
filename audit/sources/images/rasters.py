"""PNG, JPEG and TIFF: pictures without millimetres, some of them with several pages."""

import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.sources.images.image import (
    Axis,
    Image,
    Kind,
    UnreadableError,
    require_frame,
    require_size,
)

_lock = threading.Lock()
_TURNED = 274  # EXIF tag of the orientation
_PLAIN = {"1", "L", "I", "F", "I;16", "I;16B", "I;16L", "RGB"}


def read_raster(path: Path, kind: Kind, frame: int | None, *, mask: bool) -> Image:
    """Read a picture; raises UnreadableError.

    A palette is kept as its numbers in a mask and becomes colours in an image. Transparency is
    dropped where nothing is transparent.
    """
    import PIL.Image
    import PIL.ImageFile

    # The library that sets PDF pages switches this on for the whole process: what is cut off would
    # be filled up with grey instead of being refused.
    PIL.ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        # The size is checked below; what Pillow warns of first is well below our limit.
        with _lock, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            opened = PIL.Image.open(path)
        with opened as picture:
            frames = int(getattr(picture, "n_frames", 1))
            require_frame(frame, frames)
            width, height = picture.size
            require_size((frames if frame is None else 1, height, width, 4), 1)
            wanted = range(frames) if frame is None else (frame,)
            notes = ("exif_rotation",) if picture.getexif().get(_TURNED, 1) != 1 else ()
            pages = [_page(picture, number, mask=mask) for number in wanted]
    except UnreadableError:
        raise
    except (FileNotFoundError, PermissionError):
        raise
    except Exception:  # a damaged picture fails in every way that a parser can
        pages = []
    if not pages:
        raise UnreadableError(
            "corrupt", f"the {kind} is damaged or cut off", "copy or export it again"
        )
    if len({page.shape for page in pages}) > 1:
        raise UnreadableError("mixed_pages", "its pages differ in size", "save them one by one")
    array = pages[0] if len(pages) == 1 else np.stack(pages)
    channels = pages[0].ndim == 3
    axes: tuple[Axis, ...] = ("rows", "columns", "channels") if channels else ("rows", "columns")
    if len(pages) > 1:
        axes = ("frames", *axes)
    spacing = (None,) * (len(axes) - channels)
    return Image(array, axes, spacing, kind, array.dtype.itemsize * 8, notes=notes)


def _page(picture: Any, number: int, *, mask: bool) -> NDArray[Any]:
    picture.seek(number)
    picture.load()
    if picture.mode == "P" and not mask:
        picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    elif picture.mode in ("LA", "La", "PA"):
        picture = picture.convert("RGBA")
    elif picture.mode in ("CMYK", "YCbCr", "LAB", "HSV", "RGBX"):
        picture = picture.convert("RGB")
    array: NDArray[Any] = np.asarray(picture)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    if array.ndim == 3 and array.shape[-1] == 4 and (array[..., 3] == 255).all():
        array = array[..., :3]
        if (array[..., :1] == array).all() and picture.mode == "RGBA" and mask:
            array = array[..., 0]
    return np.array(array)
