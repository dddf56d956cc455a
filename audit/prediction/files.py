"""Masks and images that a model made, one file a unit, on the grid of the image they are of."""

import gzip
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.atomic import atomic_path, write_atomic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from audit.sources.images import Image


def write_made(folder: Path, number: int, array: "NDArray[Any]", grid: "Image | None") -> str:
    """Write one mask or image and return its file name, which says nothing of the unit.

    Masks of one plane are PNG. Volumes of a known grid are NIfTI, and lie on the image in any
    viewer; everything else is a NumPy array. The same array gives the same bytes.
    """
    import numpy as np

    name = f"{number + 1:06d}"
    whole = array.dtype.kind in "bu" or (array.dtype.kind == "i" and array.min(initial=0) >= 0)
    small = whole and array.max(initial=0) < 1 << 16
    if array.ndim == 2 and small:
        return _png(folder / f"{name}.png", array)
    if array.ndim == 3 and grid is not None and _same_volume(array, grid):
        kind: Any = np.uint16 if small else np.float32
        return _nifti(folder / f"{name}.nii.gz", array.astype(kind), grid)
    path = folder / f"{name}.npy"
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, array.astype(np.uint16) if small else array.astype(np.float32))
    return path.name


def _same_volume(array: "NDArray[Any]", grid: "Image") -> bool:
    return grid.affine is not None and grid.array.shape == array.shape


def _png(path: Path, array: "NDArray[Any]") -> str:
    import numpy as np
    import PIL.Image

    kind: Any = np.uint8 if array.max(initial=0) < 1 << 8 else np.uint16
    made = io.BytesIO()
    PIL.Image.fromarray(array.astype(kind)).save(made, "PNG")
    write_atomic(path, made.getvalue())
    return path.name


def _nifti(path: Path, array: "NDArray[Any]", grid: "Image") -> str:
    import numpy as np

    from audit.models.extras import required_module

    nibabel = required_module("nibabel", "imaging", str(path))
    if grid.affine is None:
        raise ValueError("the image has no grid")
    # Ours counts slices, rows, columns towards left, back and head; NIfTI the reverse.
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ grid.affine[:, [2, 1, 0, 3]]
    image = nibabel.Nifti1Image(array.transpose(2, 1, 0), affine)
    image.header.set_xyzt_units("mm")
    made = io.BytesIO()
    with gzip.GzipFile("", "wb", fileobj=made, mtime=0) as file:
        file.write(image.to_bytes())
    write_atomic(path, made.getvalue())
    return path.name
