"""Image quality: a peer's figures, windows summed by hand, limits, and what is refused."""

from typing import Any

import numpy as np
import pytest

from audit.stats.image_quality import image_quality, mae, nrmse, psnr, ssim

ROW, COLUMN = np.ogrid[:24, :31]
IMAGE = (7 * ROW + 5 * COLUMN + ROW * COLUMN // 3) % 256
NOISY = np.clip(IMAGE + (ROW * 31 + COLUMN * 17) % 23 - 11, 0, 255)
COLOUR = np.stack([IMAGE, 255 - IMAGE, IMAGE // 2], axis=-1)
NOISY_COLOUR = np.stack([NOISY, 255 - IMAGE, np.clip(IMAGE // 2 + 9, 0, 255)], axis=-1)
PLACE = np.arange(12 * 13 * 14).reshape(12, 13, 14)
VOLUME = (PLACE * PLACE // 5 % 101) / 100.0
NOISY_VOLUME = np.clip(VOLUME + (PLACE % 11 - 5) / 40.0, 0.0, 1.0)

# scikit-image 0.26.0, skimage.metrics, images as float64: structural_similarity(..., data_range=r)
# for the uniform window, and with gaussian_weights=True, sigma=1.5, use_sample_covariance=False for
# the Gaussian one (channel_axis=-1 for colour)
SKIMAGE_SSIM = {
    ("grey", "gaussian"): 0.9716829362948204,
    ("grey", "uniform"): 0.9820486694918651,
    ("colour", "gaussian"): 0.9868156837231364,
    ("colour", "uniform"): 0.9903062040942149,
    ("volume", "gaussian"): 0.9731494197710434,
    ("volume", "uniform"): 0.9707885801601741,
}
# skimage.metrics.peak_signal_noise_ratio(IMAGE, NOISY, data_range=255) and normalized_root_mse with
# each normalization
SKIMAGE_PSNR = 31.76029322202443
SKIMAGE_NRMSE = {
    "min_max": 0.025821730190480497,
    "euclidean": 0.045446040611708184,
    "mean": 0.051663066857946936,
}
# monai 1.6.1 (torch 2.13.0), SSIMMetric(spatial_dims, data_range), single precision
MONAI_SSIM = {"grey": 0.9716817736625671, "volume": 0.9731504321098328}

IMAGES: dict[str, tuple[Any, Any, float, int | None]] = {
    "grey": (IMAGE, NOISY, 255.0, None),
    "colour": (COLOUR, NOISY_COLOUR, 255.0, -1),
    "volume": (VOLUME, NOISY_VOLUME, 1.0, None),
}


@pytest.mark.parametrize("window", ["gaussian", "uniform"])
@pytest.mark.parametrize("name", IMAGES)
def test_ssim_agrees_with_scikit_image(name: str, window: Any) -> None:
    reference, image, span, channel = IMAGES[name]
    got = ssim(reference, image, span, window, channel)
    assert got == pytest.approx(SKIMAGE_SSIM[name, window], rel=1e-10)


@pytest.mark.parametrize("name", MONAI_SSIM)
def test_ssim_agrees_with_monai(name: str) -> None:
    reference, image, span, _ = IMAGES[name]
    assert ssim(reference, image, span) == pytest.approx(MONAI_SSIM[name], rel=2e-5)


def test_psnr_and_nrmse_agree_with_scikit_image() -> None:
    assert psnr(IMAGE, NOISY, 255) == pytest.approx(SKIMAGE_PSNR, rel=1e-13)
    for name, expected in SKIMAGE_NRMSE.items():
        got = nrmse(IMAGE, NOISY, normalisation=name)  # type: ignore[arg-type]
        assert got == pytest.approx(expected, rel=1e-13)


def gaussian(ndim: int) -> Any:
    offset = np.arange(11) - 5
    line = np.exp(-(offset**2) / (2 * 1.5**2))
    line /= line.sum()
    window = line
    for _ in range(ndim - 1):
        window = np.multiply.outer(window, line)
    return window


@pytest.mark.parametrize("window", ["gaussian", "uniform"])
def test_ssim_equals_windows_summed_one_by_one(window: Any) -> None:
    weight = gaussian(2) if window == "gaussian" else np.full((7, 7), 1 / 49)
    width = weight.shape[0]
    spare = 1.0 if window == "gaussian" else 49 / 48
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for y in range(IMAGE.shape[0] - width + 1):
        for x in range(IMAGE.shape[1] - width + 1):
            a = IMAGE[y : y + width, x : x + width]
            b = NOISY[y : y + width, x : x + width]
            ma, mb = (weight * a).sum(), (weight * b).sum()
            va = spare * (weight * (a - ma) ** 2).sum()
            vb = spare * (weight * (b - mb) ** 2).sum()
            cov = spare * (weight * (a - ma) * (b - mb)).sum()
            values.append(
                (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
            )
    assert ssim(IMAGE, NOISY, 255, window) == pytest.approx(np.mean(values), rel=1e-11)


def test_figures_by_hand() -> None:
    reference, image = np.array([[0.0, 10.0], [0.0, 10.0]]), np.array([[1.0, 10.0], [0.0, 8.0]])
    assert mae(reference, image) == 0.75
    assert psnr(reference, image, 20.0) == pytest.approx(10 * np.log10(400 / 1.25))
    root = np.sqrt(1.25)
    assert nrmse(reference, image, 20.0) == pytest.approx(root / 20)
    assert nrmse(reference, image, normalisation="min_max") == pytest.approx(root / 10)
    assert nrmse(reference, image, normalisation="euclidean") == pytest.approx(root / np.sqrt(50))
    assert nrmse(reference, image, normalisation="mean") == pytest.approx(root / 5)


@pytest.mark.parametrize("name", IMAGES)
def test_identical_images(name: str) -> None:
    reference, _, span, channel = IMAGES[name]
    found = image_quality(reference, reference.copy(), span, channel_axis=channel)
    assert found == (np.inf, 1.0, 0.0, 0.0)


def test_all_four_at_once_are_the_four() -> None:
    found = image_quality(IMAGE, NOISY, 255, "uniform", "euclidean")
    assert found.psnr == psnr(IMAGE, NOISY, 255)
    assert found.ssim == ssim(IMAGE, NOISY, 255, "uniform")
    assert found.nrmse == nrmse(IMAGE, NOISY, normalisation="euclidean")
    assert found.mae == mae(IMAGE, NOISY)


def test_undefined_norms_are_nan() -> None:
    flat, zero, dark = np.full((3, 3), 4.0), np.zeros((3, 3)), np.full((3, 3), -1000.0)
    assert np.isnan(nrmse(flat, flat + 1, normalisation="min_max"))
    assert np.isnan(nrmse(zero, zero + 1, normalisation="euclidean"))
    assert np.isnan(nrmse(zero, zero + 1, normalisation="mean"))
    assert np.isnan(nrmse(dark, dark + 1, normalisation="mean"))
    assert nrmse(flat, flat + 1, 8.0) == 0.125


def test_symmetric_but_for_the_norm() -> None:
    for window in ("gaussian", "uniform"):
        one, other = (ssim(a, b, 255, window) for a, b in ((IMAGE, NOISY), (NOISY, IMAGE)))
        assert one == pytest.approx(other, rel=1e-14)
    assert psnr(IMAGE, NOISY, 255) == psnr(NOISY, IMAGE, 255)


@pytest.mark.parametrize("name", IMAGES)
def test_units_do_not_matter(name: str) -> None:
    reference, image, span, channel = IMAGES[name]
    plain = image_quality(reference, image, span, channel_axis=channel)
    other = image_quality(reference * 0.01, image * 0.01, span * 0.01, channel_axis=channel)
    np.testing.assert_allclose(other[:3], plain[:3], rtol=1e-10)
    assert other.mae == pytest.approx(plain.mae * 0.01)


def test_axes_and_channels_in_any_order() -> None:
    plain = ssim(COLOUR, NOISY_COLOUR, 255, channel_axis=-1)
    moved = [np.moveaxis(a, -1, 0) for a in (COLOUR, NOISY_COLOUR)]
    assert ssim(moved[0], moved[1], 255, channel_axis=0) == pytest.approx(plain, rel=1e-13)
    each = [ssim(COLOUR[..., k], NOISY_COLOUR[..., k], 255) for k in range(3)]
    assert plain == pytest.approx(np.mean(each), rel=1e-13)
    assert ssim(VOLUME.T, NOISY_VOLUME.T, 1.0) == pytest.approx(
        ssim(VOLUME, NOISY_VOLUME, 1.0), rel=1e-12
    )


def test_small_contrast_on_a_large_offset_keeps_its_digits() -> None:
    # Means of squares less squares of means would lose them all: 1e8 squared is 1e16.
    span, offset = 1.0, 1e8
    a, b = (IMAGE % 97) / 97.0, (NOISY % 97) / 97.0
    a, b = np.round(a, 3), np.round(b, 3)
    found = ssim(a + offset, b + offset, span)
    # Where means agree to one part in 1e8, only the second factor of each window is left.
    c2 = 0.03**2
    weight = gaussian(2)
    values = []
    for y in range(a.shape[0] - 10):
        for x in range(a.shape[1] - 10):
            p, q = a[y : y + 11, x : x + 11], b[y : y + 11, x : x + 11]
            mp, mq = (weight * p).sum(), (weight * q).sum()
            spread = (weight * ((p - mp) ** 2 + (q - mq) ** 2)).sum()
            values.append((2 * (weight * (p - mp) * (q - mq)).sum() + c2) / (spread + c2))
    assert found == pytest.approx(np.mean(values), rel=1e-5)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: psnr(IMAGE, NOISY[1:], 255), "but image is"),
        (lambda: mae(IMAGE, np.where(NOISY > 200, np.nan, NOISY)), "image must be finite"),
        (lambda: nrmse(np.full((2, 2), np.inf), np.ones((2, 2)), 1.0), "reference must be finite"),
        (lambda: psnr(IMAGE, NOISY, 1.0), "more than the data_range"),
        (lambda: ssim(IMAGE, NOISY, 1.0), "more than the data_range"),
        (lambda: psnr(IMAGE, NOISY, 0.0), "data_range must be positive"),
        (lambda: psnr(IMAGE, NOISY, np.nan), "data_range must be positive"),
        (lambda: nrmse(IMAGE, NOISY), "declared"),
        (lambda: nrmse(IMAGE, NOISY, 255, "peak"), "normalisation"),  # type: ignore[arg-type]
        (lambda: ssim(IMAGE, NOISY, 255, "box"), "window"),  # type: ignore[arg-type]
        (lambda: ssim(IMAGE[:10], NOISY[:10], 255), "11 wide but an axis 10"),
        (lambda: ssim(IMAGE[:6], NOISY[:6], 255, "uniform"), "7 wide but an axis 6"),
        (lambda: ssim(IMAGE[0], NOISY[0], 255), "spatial axes"),
        (lambda: ssim(IMAGE, NOISY, 255, channel_axis=2), "channel_axis"),
        (lambda: mae(IMAGE * 1j, NOISY), "real numbers"),
        (lambda: mae(np.empty((0, 2)), np.empty((0, 2))), "no pixels"),
    ],
)
def test_refuses(call: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        call()
