from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from audit.models.preprocessing import Preprocessing, preprocess, to_original_grid
from audit.models.resampling import Interpolation, axis_weights, resized
from tests.reports.validators import needs


def done(image: Any, *steps: dict[str, Any], **options: Any) -> Any:
    return preprocess(np.asarray(image), Preprocessing(steps=steps, **options))


IMAGE = np.array([[0.0, 50.0], [100.0, 200.0]])


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        # 40 +- 80 is -40 ... 120: (0 + 40) / 160, (50 + 40) / 160, (100 + 40) / 160, cut to 1.
        ({"step": "window", "centre": 40, "width": 160}, [[0.25, 0.5625], [0.875, 1]]),
        ({"step": "clip", "low": 20, "high": 150}, [[20, 50], [100, 150]]),
        ({"step": "clip", "high": 150}, [[0, 50], [100, 150]]),
        ({"step": "divide", "by": 200}, [[0, 0.25], [0.5, 1]]),
        (
            {"step": "rescale", "source": [0, 200], "target": [-1024, 1024]},
            [[-1024, -512], [0, 1024]],
        ),
        ({"step": "normalise", "mean": 50, "std": 25}, [[-2, 0], [2, 6]]),
        # The quartiles of 0, 50, 100, 200 are 37.5 and 125.
        (
            {"step": "percentiles", "low": 25, "high": 75},
            [[0, 12.5 / 87.5], [62.5 / 87.5, 1]],
        ),
        # Without the zero: 50, 100, 200 have median 100.
        (
            {"step": "percentiles", "low": 0, "high": 50, "of": "nonzero"},
            [[0, 0], [1, 1]],
        ),
        # Mean 87.5, variance (87.5^2 + 37.5^2 + 12.5^2 + 112.5^2) / 4 = 5468.75.
        (
            {"step": "standardise"},
            (IMAGE - 87.5) / np.sqrt(5468.75),
        ),
        # Without the zero: mean 350 / 3, variance 35000 / 9.
        (
            {"step": "standardise", "of": "nonzero"},
            np.where(IMAGE == 0, 0, (IMAGE - 350 / 3) / np.sqrt(35000 / 9)),
        ),
        ({"step": "crop", "shape": [1, 2]}, [[0, 50]]),
        (
            {"step": "pad", "shape": [3, 4], "value": -1},
            [[-1, 0, 50, -1], [-1, 100, 200, -1], [-1, -1, -1, -1]],
        ),
        # Half-way pixels: weights (1, 0), (3/4, 1/4), (1/4, 3/4), (0, 1) along each axis.
        (
            {"step": "resize", "shape": [2, 4], "interpolation": "linear"},
            [[0, 12.5, 37.5, 50], [100, 125, 175, 200]],
        ),
        (
            {"step": "resize", "shape": [1, 1], "interpolation": "area"},
            [[87.5]],
        ),
        (
            {"step": "resize", "shape": [4, 2], "interpolation": "nearest"},
            [[0, 50], [0, 50], [100, 200], [100, 200]],
        ),
    ],
)
def test_each_step_by_hand(step: dict[str, Any], expected: Any) -> None:
    made = done(IMAGE, step, layout="no_channels", dtype="float64")
    np.testing.assert_allclose(made, expected, rtol=1e-12, atol=1e-12)
    single = done(IMAGE.astype(np.uint8), step, layout="no_channels")
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, rtol=2e-6, atol=1e-5)


def test_steps_run_in_the_order_in_which_they_stand() -> None:
    clip = {"step": "clip", "high": 100}
    mean = {"step": "resize", "shape": [1, 1], "interpolation": "area"}
    assert done(IMAGE, clip, mean).item() == 62.5
    assert done(IMAGE, mean, clip).item() == 87.5


def test_channels_and_layouts() -> None:
    colour = np.zeros((2, 3, 3), np.uint8)
    colour[..., 0], colour[..., 1], colour[..., 2] = 10, 20, 30
    assert done(colour).shape == (3, 2, 3)
    assert done(colour, layout="channels_last").shape == (2, 3, 3)
    # 0.299 x 10 + 0.587 x 20 + 0.114 x 30
    grey = done(colour, channels="grey", layout="no_channels")
    np.testing.assert_allclose(grey, np.full((2, 3), 18.15), rtol=1e-6)
    repeated = done(IMAGE, channels="rgb")
    np.testing.assert_array_equal(repeated, np.stack([IMAGE] * 3))
    means = {"step": "normalise", "mean": [10, 20, 30], "std": [1, 2, 3]}
    np.testing.assert_array_equal(done(colour, means), np.zeros((3, 2, 3)))
    volume = np.zeros((4, 5, 6))
    assert done(volume, dimensions=3).shape == (1, 4, 5, 6)


def test_whole_numbers_are_rounded_and_cut() -> None:
    made = done([[-3.0, 1.5], [2.5, 300.0]], layout="no_channels", dtype="uint8")
    np.testing.assert_array_equal(made, np.array([[0, 2], [2, 255]], np.uint8))
    assert made.dtype == np.uint8


def test_a_flat_image_stays_finite() -> None:
    flat = np.full((3, 3), 7.0)
    for step in ("percentiles", "standardise"):
        options = {"low": 1, "high": 99} if step == "percentiles" else {}
        for of in ("all", "nonzero"):
            made = done(flat, {"step": step, "of": of, **options})
            np.testing.assert_array_equal(made, np.zeros((1, 3, 3)))
            np.testing.assert_array_equal(done(flat * 0, {"step": step, "of": of, **options}), made)


def test_the_shorter_side_as_torchvision_counts() -> None:
    step = {"step": "resize", "shorter": 5, "interpolation": "linear"}
    # 5 x 7 / 4 is 8.75, of which the fraction is cut off.
    assert done(np.zeros((4, 7)), step).shape == (1, 5, 8)
    assert done(np.zeros((7, 4)), step).shape == (1, 8, 5)


@pytest.mark.parametrize(
    ("image", "options", "told"),
    [
        (np.zeros((2, 2, 2, 2)), {}, "does not have 2 dimensions"),
        (np.zeros((2, 2)), {"dimensions": 3}, "does not have 3 dimensions"),
        (np.zeros((2, 2, 4)), {"channels": "rgb"}, "4 channels instead of rgb"),
        (np.zeros((2, 2, 2)), {"channels": "grey"}, "2 channels instead of grey"),
        (np.zeros((2, 2)), {"channels": 3}, "1 channels instead of 3"),
        (np.zeros((2, 2, 3)), {"layout": "no_channels"}, "3 channels, and none"),
        (np.array([["a", "b"]]), {}, "instead of numbers"),
        (np.zeros((0, 2)), {}, "no pixels"),
        (np.zeros((2, 2)), {"steps": [{"step": "crop", "shape": [3, 3]}]}, "smaller than the crop"),
        (
            np.zeros((2, 2)),
            {"steps": [{"step": "normalise", "mean": [1, 2], "std": 1}]},
            "2 numbers to normalise 1 channels",
        ),
    ],
)
def test_images_that_do_not_fit_are_refused(image: Any, options: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        preprocess(image, Preprocessing(**options))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"steps": [{"step": "resize", "interpolation": "linear"}]}, "one of 'shape'"),
        ({"steps": [{"step": "crop", "shape": [3, 3, 3]}]}, "must have 2 numbers"),
        ({"steps": [{"step": "clip"}]}, "'low', 'high' or both"),
        ({"steps": [{"step": "percentiles", "low": 5, "high": 5}]}, "must be below"),
        ({"steps": [{"step": "rescale", "source": [1, 1]}]}, "must differ"),
        ({"steps": [{"step": "normalise", "mean": 0, "std": 0}]}, "greater than 0"),
        ({"steps": [{"step": "blur"}]}, "does not match any of the expected tags"),
        ({"scale": 255}, "Extra inputs"),
    ],
)
def test_declarations_that_say_nothing_are_refused(options: Any, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Preprocessing(**options)


def test_the_declared_shape_of_a_unit() -> None:
    crop = {"step": "crop", "shape": [4, 5]}
    shorter = {"step": "resize", "shorter": 6, "interpolation": "linear"}
    cases: list[tuple[dict[str, Any], tuple[int | None, ...]]] = [
        ({}, (None, None, None)),
        ({"channels": "grey", "steps": [crop]}, (1, 4, 5)),
        ({"channels": "rgb", "steps": [crop], "layout": "channels_last"}, (4, 5, 3)),
        ({"steps": [crop, {"step": "pad", "shape": [6, 2]}], "layout": "no_channels"}, (6, 5)),
        ({"channels": 2, "steps": [crop, shorter]}, (2, None, None)),
    ]
    for options, shape in cases:
        spec = Preprocessing(**options)
        assert spec.unit_shape() == shape
        made = preprocess(
            np.zeros((9, 7, int(spec.channels or 1) if spec.channels == 2 else 1)), spec
        )
        assert all(want in (None, have) for want, have in zip(shape, made.shape, strict=True))


GRID = Preprocessing(
    steps=[
        {"step": "resize", "shape": [6, 8], "interpolation": "linear"},
        {"step": "crop", "shape": [4, 8]},
        {"step": "pad", "shape": [10, 10]},
    ]
)


def test_a_mask_returns_to_the_pixels_it_came_from() -> None:
    mask = np.zeros((10, 10), np.uint8)
    mask[3:7, 1:9] = np.arange(1, 33).reshape(4, 8)  # what lay inside the border
    back = to_original_grid(mask, GRID, (3, 4), nearest=True)
    # The crop took a row off each end of six; of the rows 0, 1, ... 5 the middles 1, 3, 5 return.
    whole = np.zeros((6, 8), np.uint8)
    whole[1:5] = np.arange(1, 33).reshape(4, 8)
    np.testing.assert_array_equal(back, whole[1::2, 1::2])
    with pytest.raises(ValueError, match="the model gave"):
        to_original_grid(mask[1:], GRID, (3, 4), nearest=True)


def test_an_image_returns_linearly_with_its_channels() -> None:
    spec = Preprocessing(steps=[{"step": "resize", "shape": [1, 2], "interpolation": "area"}])
    image = np.array([[[0.0, 1.0], [4.0, 3.0]]])
    back = to_original_grid(image, spec, (1, 4), nearest=False)
    np.testing.assert_allclose(back[0, :, 0], [0, 1, 3, 4])
    np.testing.assert_allclose(back[0, :, 1], [1, 1.5, 2.5, 3])


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("interpolation", ["linear", "cubic", "nearest", "area"])
@pytest.mark.parametrize("shape", [(5, 7), (23, 9), (11, 13)])
def test_images_are_resized_as_torch_resizes_them(
    shape: tuple[int, int], interpolation: Interpolation, antialias: bool
) -> None:
    torch = needs("torch")
    if antialias and interpolation in ("nearest", "area"):
        antialias = False
    names = {"linear": "bilinear", "cubic": "bicubic", "nearest": "nearest-exact", "area": "area"}
    image = np.random.default_rng(2).normal(size=(11, 13))
    wanted = torch.nn.functional.interpolate(
        torch.from_numpy(image)[None, None], shape, mode=names[interpolation], antialias=antialias
    )
    made = resized(image, shape, interpolation, antialias)
    np.testing.assert_allclose(made, wanted[0, 0].numpy(), rtol=0, atol=1e-6)


def test_volumes_are_resized_as_torch_resizes_them() -> None:
    torch = needs("torch")
    volume = np.random.default_rng(2).normal(size=(5, 6, 7))
    wanted = torch.nn.functional.interpolate(
        torch.from_numpy(volume)[None, None], (8, 3, 9), mode="trilinear"
    )
    made = resized(volume, (8, 3, 9), "linear", False)
    np.testing.assert_allclose(made, wanted[0, 0].numpy(), rtol=0, atol=1e-12)


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(["linear", "cubic", "area"]),
    st.booleans(),
)
def test_weights_sum_to_one_and_mirror(
    source: int, target: int, interpolation: Interpolation, antialias: bool
) -> None:
    weights = axis_weights(source, target, interpolation, antialias)
    assert weights.shape == (target, source)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(weights[::-1, ::-1], weights, atol=1e-9)
    if source == target:
        np.testing.assert_allclose(weights, np.eye(source), atol=1e-12)
