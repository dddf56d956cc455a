"""Changing how many pixels an image has, axis by axis, with weights that can be written down.

Pixels are areas: the centre of output pixel i of n lies at (i + 1/2) * m / n of m input pixels.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

Interpolation = Literal["nearest", "linear", "cubic", "area"]


def resized(
    array: "NDArray[Any]", shape: "Sequence[int]", interpolation: Interpolation, antialias: bool
) -> "NDArray[Any]":
    """Resample the leading axes of an array to `shape`; further axes (channels) stay.

    Every interpolation is separable: out = W_1 x ... W_k x in, with `axis_weights` W.

    Parameters
    ----------
    array : ndarray of shape (n_1, ..., n_k, ...)
        Floating, or any type for ``nearest``, which only takes pixels over.
    shape : sequence of k ints
        Wanted lengths, in pixels.
    interpolation : {"nearest", "linear", "cubic", "area"}
        See `axis_weights`.
    antialias : bool
        Widen linear and cubic kernels when shrinking.

    Returns
    -------
    ndarray
        Of the type of `array`.
    """
    import numpy as np

    for axis, length in enumerate(shape):
        if length == array.shape[axis]:
            continue
        if interpolation == "nearest":
            array = array.take(_nearest(array.shape[axis], length), axis=axis)
            continue
        weights = axis_weights(array.shape[axis], length, interpolation, antialias)
        turned = np.tensordot(weights.astype(array.dtype), array, axes=(1, axis))
        array = np.moveaxis(turned, 0, axis)
    return np.ascontiguousarray(array)


def _nearest(source: int, target: int) -> "NDArray[np.intp]":
    """Take the input pixel in which the centre of each output pixel lies."""
    import numpy as np

    return np.minimum(((np.arange(target) + 0.5) * source / target).astype(np.intp), source - 1)


@lru_cache(maxsize=64)
def axis_weights(
    source: int, target: int, interpolation: Interpolation, antialias: bool
) -> "NDArray[np.float64]":
    """Weights W of shape (target, source) by which an axis is resampled; rows sum to one.

    ``linear`` is the triangle max(0, 1 - |x|), ``cubic`` Keys' kernel, ``area`` the mean of the
    input pixels that an output pixel touches. With `antialias` the kernel is widened by
    source / target when shrinking, cut at the border and normalised, and cubic has a = -1/2, as in
    Pillow and in PyTorch with ``antialias=True``. Without it the border pixel is repeated and cubic
    has a = -3/4, as in OpenCV and in PyTorch. ``area`` is PyTorch's.

    References
    ----------
    Keys 1981, doi:10.1109/TASSP.1981.1163711.
    """
    import numpy as np

    weights = np.zeros((target, source))
    scale = source / target
    if interpolation == "area":
        for row in range(target):
            first, last = row * source // target, -(-(row + 1) * source // target)
            weights[row, first:last] = 1 / (last - first)
        return weights
    wide = max(scale, 1.0) if antialias else 1.0
    reach = (1 if interpolation == "linear" else 2) * wide
    for row in range(target):
        centre = (row + 0.5) * scale
        pixels = np.arange(int(np.floor(centre - reach)) - 1, int(np.ceil(centre + reach)) + 1)
        value = _kernel((pixels + 0.5 - centre) / wide, interpolation, antialias)
        if antialias:
            inside = (pixels >= 0) & (pixels < source)
            pixels, value = pixels[inside], value[inside]
        np.add.at(weights[row], pixels.clip(0, source - 1), value)
    weights /= weights.sum(axis=1, keepdims=True)
    weights.flags.writeable = False
    return weights


def _kernel(x: "NDArray[Any]", interpolation: Interpolation, antialias: bool) -> "NDArray[Any]":
    import numpy as np

    x = np.abs(x)
    if interpolation == "linear":
        triangle: NDArray[Any] = np.maximum(0, 1 - x)
        return triangle
    a = -0.5 if antialias else -0.75
    near = ((a + 2) * x - (a + 3)) * x**2 + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    cubic: NDArray[Any] = np.where(x <= 1, near, np.where(x < 2, far, 0.0))
    return cubic
