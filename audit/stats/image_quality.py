"""Likeness of an image to its reference: PSNR, SSIM, NRMSE, MAE, with a declared data range."""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import correlate1d, uniform_filter1d

from audit.stats._arrays import Floats

Window = Literal["gaussian", "uniform"]
Normalisation = Literal["data_range", "min_max", "euclidean", "mean"]

_K1, _K2 = 0.01, 0.03
_ROUNDING = 1e-6  # of images kept in single precision
_SIGMA = 1.5
_WIDTH = {"gaussian": 11, "uniform": 7}


class ImageQuality(NamedTuple):
    """Likeness of one image; `psnr` in dB, `mae` in the units of the image."""

    psnr: float
    ssim: float
    nrmse: float
    mae: float


def _as_images(reference: ArrayLike, image: ArrayLike) -> tuple[Floats, Floats]:
    pair = []
    for name, given in (("reference", reference), ("image", image)):
        array: NDArray[Any] = np.asarray(given)
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{name} must hold real numbers, got {array.dtype}")
        if array.size == 0:
            raise ValueError(f"{name} has no pixels")
        pair.append(array.astype(np.float64))
        if not np.all(np.isfinite(pair[-1])):
            raise ValueError(f"{name} must be finite")
    if pair[0].shape != pair[1].shape:
        raise ValueError(f"reference is {pair[0].shape} but image is {pair[1].shape}")
    return pair[0], pair[1]


def _check_range(reference: Floats, data_range: float) -> float:
    spread = float(reference.max() - reference.min())
    if not (np.isfinite(data_range) and data_range > 0.0):
        raise ValueError(f"data_range must be positive and finite, got {data_range!r}")
    if spread > data_range * (1.0 + _ROUNDING):
        raise ValueError(f"the reference spans {spread:g}, more than the data_range {data_range:g}")
    return float(data_range)


def psnr(reference: ArrayLike, image: ArrayLike, data_range: float) -> float:
    """Peak signal-to-noise ratio, ``10 log10(data_range^2 / mean((image - reference)^2))``.

    Parameters
    ----------
    reference, image : array_like, of one shape
        Any number of axes; channels count as pixels.
    data_range : float
        Greatest less least value that an image can hold, such as 255: declared, never taken from
        the image, for figures of images with unlike ranges do not compare.

    Returns
    -------
    float
        In dB; infinite for identical images, which is its value and not a gap.

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite, or the reference spans more than the range.
    """
    ref, img = _as_images(reference, image)
    error = float(np.mean((img - ref) ** 2))
    span = _check_range(ref, data_range)
    return float(10.0 * np.log10(span * span / error)) if error > 0.0 else np.inf


def mae(reference: ArrayLike, image: ArrayLike) -> float:
    """Mean absolute error, ``mean(|image - reference|)``, in the units of the image.

    Parameters
    ----------
    reference, image : array_like, of one shape
        Any number of axes.

    Raises
    ------
    ValueError
        If shapes differ or a value is not finite.
    """
    ref, img = _as_images(reference, image)
    return float(np.mean(np.abs(img - ref)))


def nrmse(
    reference: ArrayLike,
    image: ArrayLike,
    data_range: float | None = None,
    normalisation: Normalisation = "data_range",
) -> float:
    """Normalised root mean squared error, ``sqrt(mean((image - reference)^2)) / norm``.

    Parameters
    ----------
    reference, image : array_like, of one shape
        Any number of axes.
    data_range : float, optional
        Greatest less least value that an image can hold; needed when it is the norm.
    normalisation : {"data_range", "min_max", "euclidean", "mean"}
        The norm: the declared range; greatest less least value of the reference;
        ``sqrt(mean(reference^2))``; ``mean(reference)``.

    Returns
    -------
    float
        NaN where the norm is not positive: a constant reference with `min_max`, one that is zero
        throughout with `euclidean`, one with a mean of zero or less (as CT numbers may have) with
        `mean`.

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite, the option is none of these, or the range is
        missing, not positive or less than the reference spans.
    """
    ref, img = _as_images(reference, image)
    if normalisation == "data_range":
        if data_range is None:
            raise ValueError("data_range must be declared when it is the norm")
        norm = _check_range(ref, data_range)
    elif normalisation == "min_max":
        norm = float(ref.max() - ref.min())
    elif normalisation == "euclidean":
        norm = float(np.sqrt(np.mean(ref * ref)))
    elif normalisation == "mean":
        norm = float(np.mean(ref))
    else:
        raise ValueError(f"no normalisation {normalisation!r}")
    return float(np.sqrt(np.mean((img - ref) ** 2)) / norm) if norm > 0.0 else np.nan


def _local_means(image: Floats, window: Window) -> Floats:
    """Weighted mean around every pixel whose window lies wholly in the image."""
    width = _WIDTH[window]
    offset = np.arange(width) - width // 2
    weight = np.exp(-0.5 * (offset / _SIGMA) ** 2)
    mean = image
    for axis in range(image.ndim):
        if window == "gaussian":
            mean = correlate1d(mean, weight / weight.sum(), axis=axis)
        else:
            mean = uniform_filter1d(mean, width, axis=axis)
        inside = [slice(None)] * image.ndim
        inside[axis] = slice(width // 2, -(width // 2))
        mean = mean[tuple(inside)]
    return mean


def _ssim(ref: Floats, img: Floats, span: float, window: Window) -> float:
    # Variances are differences of means: about the middle of the image, less of them cancels.
    middle = (ref.mean() + img.mean()) / 2.0
    a, b = ref - middle, img - middle
    mean_a, mean_b = _local_means(a, window), _local_means(b, window)
    pixels = _WIDTH[window] ** ref.ndim
    unbiased = pixels / (pixels - 1.0) if window == "uniform" else 1.0
    var_a = unbiased * (_local_means(a * a, window) - mean_a * mean_a)
    var_b = unbiased * (_local_means(b * b, window) - mean_b * mean_b)
    covariance = unbiased * (_local_means(a * b, window) - mean_a * mean_b)
    mean_a, mean_b = mean_a + middle, mean_b + middle
    c1, c2 = (_K1 * span) ** 2, (_K2 * span) ** 2
    top = (2.0 * mean_a * mean_b + c1) * (2.0 * covariance + c2)
    bottom = (mean_a * mean_a + mean_b * mean_b + c1) * (var_a + var_b + c2)
    return float(np.mean(top / bottom))


def ssim(
    reference: ArrayLike,
    image: ArrayLike,
    data_range: float,
    window: Window = "gaussian",
    channel_axis: int | None = None,
) -> float:
    """Structural similarity.

    The mean, over the windows that lie wholly in the image, of
    ``(2 m_r m_i + c1) (2 s_ri + c2) / ((m_r^2 + m_i^2 + c1) (s_r^2 + s_i^2 + c2))`` with the means
    m, variances s^2 and covariance s_ri of a window, ``c1 = (0.01 data_range)^2`` and
    ``c2 = (0.03 data_range)^2``.

    `gaussian` is that of Wang 2004: 11 pixels wide along each axis, sigma 1.5, moments weighted.
    `uniform` is the default of scikit-image: 7 pixels wide, all alike, moments of a sample
    (divided by pixels less one). The two differ and must not be mixed.

    Parameters
    ----------
    reference, image : array_like, of one shape
        Two or three spatial axes (windows are cubes in the latter), and the channels if any.
    data_range : float
        Greatest less least value that an image can hold, declared.
    window : {"gaussian", "uniform"}
        Weights of a window.
    channel_axis : int, optional
        Axis of the channels; the mean of their similarities is taken.

    Returns
    -------
    float
        At most 1, which is reached by identical images alone; never undefined.

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite, an axis is shorter than the window, there are not
        two or three spatial axes, or the reference spans more than the range.

    References
    ----------
    Wang and others 2004, DOI 10.1109/TIP.2003.819861.
    """
    ref, img = _as_images(reference, image)
    span = _check_range(ref, data_range)
    if window not in _WIDTH:
        raise ValueError(f"window must be gaussian or uniform, got {window!r}")
    if channel_axis is None:
        channels = [(ref, img)]
    else:
        if not -ref.ndim <= channel_axis < ref.ndim:
            raise ValueError(f"channel_axis {channel_axis} is none of {ref.ndim} axes")
        pair = np.moveaxis(ref, channel_axis, 0), np.moveaxis(img, channel_axis, 0)
        channels = list(zip(*pair, strict=True))
    shape = channels[0][0].shape
    if len(shape) not in (2, 3):
        raise ValueError(f"an image has two or three spatial axes, got {len(shape)}")
    if min(shape) < _WIDTH[window]:
        raise ValueError(f"the {window} window is {_WIDTH[window]} wide but an axis {min(shape)}")
    return float(np.mean([_ssim(a, b, span, window) for a, b in channels]))


def image_quality(
    reference: ArrayLike,
    image: ArrayLike,
    data_range: float,
    window: Window = "gaussian",
    normalisation: Normalisation = "data_range",
    channel_axis: int | None = None,
) -> ImageQuality:
    """All four figures of one image; see `psnr`, `ssim`, `nrmse` and `mae` for each.

    Raises
    ------
    ValueError
        As they do.
    """
    return ImageQuality(
        psnr(reference, image, data_range),
        ssim(reference, image, data_range, window, channel_axis),
        nrmse(reference, image, data_range, normalisation),
        mae(reference, image),
    )
