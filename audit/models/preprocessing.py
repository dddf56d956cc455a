"""How an image becomes what a model was trained on: declared step by step, applied as declared.

The order matters (clipping before or after resizing gives other numbers), so the steps are a list.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from numpy.typing import NDArray

Length = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Percent = Annotated[float, Field(ge=0, le=100)]
# Red, green and blue in luma, ITU-R BT.601, as Pillow's mode L.
_LUMA = (0.299, 0.587, 0.114)


def _several(value: object) -> object:
    return (value,) if isinstance(value, int | float) and not isinstance(value, bool) else value


PerChannel = Annotated[tuple[float, ...], BeforeValidator(_several), Field(min_length=1)]
PerChannelPositive = Annotated[tuple[Positive, ...], BeforeValidator(_several), Field(min_length=1)]


class SpecPart(BaseModel):
    """A frozen part of a declaration; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Resize(SpecPart):
    """Resample to a number of pixels."""

    step: Literal["resize"] = "resize"
    shape: tuple[Length, ...] = Field((), description="Wanted rows and columns (slices first).")
    shorter: Length | None = Field(
        None, description="Instead of shape: pixels of the shorter side; the aspect is kept."
    )
    interpolation: Literal["nearest", "linear", "cubic", "area"]
    antialias: bool = Field(False, description="Widen the kernel when shrinking, as Pillow does.")

    @model_validator(mode="after")
    def _one_size(self) -> "Resize":
        if bool(self.shape) == (self.shorter is not None):
            raise ValueError("give one of 'shape' and 'shorter'")
        return self


class Crop(SpecPart):
    """Keep the middle of the image."""

    step: Literal["crop"] = "crop"
    shape: tuple[Length, ...]


class Pad(SpecPart):
    """Add a border until the image is at least so large; half of it on each side."""

    step: Literal["pad"] = "pad"
    shape: tuple[Length, ...]
    value: float = 0.0


class Window(SpecPart):
    """Clip to centre +- width / 2 and scale that to 0 ... 1 (DICOM's LINEAR_EXACT)."""

    step: Literal["window"] = "window"
    centre: float
    width: Positive


class Clip(SpecPart):
    """Cut values off, without scaling."""

    step: Literal["clip"] = "clip"
    low: float | None = None
    high: float | None = None

    @model_validator(mode="after")
    def _some_end(self) -> "Clip":
        if self.low is None and self.high is None:
            raise ValueError("give 'low', 'high' or both")
        return self


class Percentiles(SpecPart):
    """Clip to percentiles of the image itself and scale them to 0 ... 1; a flat image becomes 0."""

    step: Literal["percentiles"] = "percentiles"
    low: Percent
    high: Percent
    of: Literal["all", "nonzero"] = "all"

    @model_validator(mode="after")
    def _ascending(self) -> "Percentiles":
        if self.low >= self.high:
            raise ValueError("'low' must be below 'high'")
        return self


class Rescale(SpecPart):
    """Map a range of values to another one, straight through its two ends."""

    step: Literal["rescale"] = "rescale"
    source: tuple[float, float]
    target: tuple[float, float] = (0.0, 1.0)

    @model_validator(mode="after")
    def _not_empty(self) -> "Rescale":
        if self.source[0] == self.source[1]:
            raise ValueError("the two ends of 'source' must differ")
        return self


class Divide(SpecPart):
    """Divide by one number (255 for 8-bit images)."""

    step: Literal["divide"] = "divide"
    by: Positive


class Normalise(SpecPart):
    """Take off a mean and divide by a standard deviation: one for all channels, or one each."""

    step: Literal["normalise"] = "normalise"
    mean: PerChannel
    std: PerChannelPositive


class Standardise(SpecPart):
    """Take off the image's own mean and divide by its own standard deviation (1 where it is 0)."""

    step: Literal["standardise"] = "standardise"
    of: Literal["all", "nonzero"] = "all"


Step = Annotated[
    Resize | Crop | Pad | Window | Clip | Percentiles | Rescale | Divide | Normalise | Standardise,
    Field(discriminator="step"),
]


class Preprocessing(SpecPart):
    """What is done to an image before the model sees it."""

    dimensions: Literal[2, 3] = Field(2, description="2 for images, 3 for volumes.")
    channels: Literal["grey", "rgb"] | Length | None = Field(
        None, description="Make grey or rgb of it, or require so many channels; absent: as read."
    )
    steps: tuple[Step, ...] = Field((), description="Applied in this order.")
    layout: Literal["channels_first", "channels_last", "no_channels"] = "channels_first"
    dtype: Literal["float32", "float16", "float64", "uint8", "int16", "int32", "int64"] = "float32"

    @model_validator(mode="after")
    def _shapes_fit(self) -> "Preprocessing":
        for step in self.steps:
            shape = getattr(step, "shape", ())
            if shape and len(shape) != self.dimensions:
                raise ValueError(f"the shape of '{step.step}' must have {self.dimensions} numbers")
        return self

    def unit_shape(self) -> tuple[int | None, ...]:
        """Shape of one preprocessed image, None where it depends on the image."""
        spatial: tuple[int | None, ...] = (None,) * self.dimensions
        for step in self.steps:
            if isinstance(step, Crop) or (isinstance(step, Resize) and step.shape):
                spatial = step.shape
            elif isinstance(step, Resize):
                spatial = (None,) * self.dimensions
            elif isinstance(step, Pad):
                spatial = tuple(
                    None if length is None else max(length, least)
                    for length, least in zip(spatial, step.shape, strict=True)
                )
        channels = {"grey": 1, "rgb": 3}.get(str(self.channels), self.channels)
        count = channels if isinstance(channels, int) else None
        if self.layout == "no_channels":
            return spatial
        return (count, *spatial) if self.layout == "channels_first" else (*spatial, count)


def preprocess(image: "NDArray[Any]", spec: Preprocessing) -> "NDArray[Any]":
    """Apply the declared steps to one image.

    Steps run in single precision, in double when that is the declared type. Integer types are
    rounded to nearest and cut at their range.

    Parameters
    ----------
    image : ndarray
        Rows, columns (slices first) and, where there are any, channels last.
    spec : Preprocessing
        What to do.

    Raises
    ------
    ValueError
        When the image has other dimensions or channels than declared, or is smaller than a crop.
    """
    import numpy as np

    array = _with_channels(np.asarray(image), spec)
    before = array.shape[: spec.dimensions]
    array = array.astype(np.float64 if spec.dtype == "float64" else np.float32)
    array = _in_channels(array, spec.channels)
    for step in spec.steps:
        array = _applied(array, step, spec.dimensions)
    if not all(before):
        raise ValueError("the image has no pixels")
    if spec.dtype.startswith(("int", "uint")):
        limits = np.iinfo(spec.dtype)
        array = np.rint(array).clip(limits.min, limits.max)
    array = array.astype(spec.dtype)
    if spec.layout == "no_channels":
        if array.shape[-1] != 1:
            raise ValueError(f"the image has {array.shape[-1]} channels, and none are declared")
        return np.ascontiguousarray(array[..., 0])
    first = spec.layout == "channels_first"
    return np.ascontiguousarray(np.moveaxis(array, -1, 0) if first else array)


def _with_channels(image: "NDArray[Any]", spec: Preprocessing) -> "NDArray[Any]":
    if image.dtype.kind not in "biuf":
        raise ValueError(f"the image holds {image.dtype} instead of numbers")
    if image.ndim == spec.dimensions:
        return image[..., None]
    if image.ndim == spec.dimensions + 1:
        return image
    reason = f"an image of shape {image.shape} does not have {spec.dimensions} dimensions"
    raise ValueError(f"{reason}, with or without channels")


def _in_channels(array: "NDArray[Any]", wanted: str | int | None) -> "NDArray[Any]":
    import numpy as np

    count = array.shape[-1]
    if wanted == "grey" and count == 3:
        luma: NDArray[Any] = array @ np.asarray(_LUMA, dtype=array.dtype)
        return luma[..., None]
    if wanted == "rgb" and count == 1:
        return np.repeat(array, 3, axis=-1)
    needed = {"grey": 1, "rgb": 3}.get(str(wanted), wanted)
    if needed is not None and count != needed:
        raise ValueError(f"the image has {count} channels instead of {wanted}")
    return array


def _applied(array: "NDArray[Any]", step: Any, dimensions: int) -> "NDArray[Any]":
    if isinstance(step, Resize | Crop | Pad):
        return _on_grid(array, step, dimensions)
    return _in_values(array, step)


def _on_grid(array: "NDArray[Any]", step: Resize | Crop | Pad, dimensions: int) -> "NDArray[Any]":
    import numpy as np

    from audit.models.resampling import resized

    shape = array.shape[:dimensions]
    target = grid_after(shape, step)
    if isinstance(step, Resize):
        return resized(array, target, step.interpolation, step.antialias)
    if isinstance(step, Crop):
        return array[_middle(shape, target)]
    framed = np.full((*target, *array.shape[dimensions:]), step.value, dtype=array.dtype)
    framed[_place(shape, target)] = array
    return framed


def grid_after(shape: tuple[int, ...], step: Resize | Crop | Pad) -> tuple[int, ...]:
    """Lengths of an image after a step that changes them; ValueError for too small an image.

    Of a side that follows the shorter one the fraction is cut off, as torchvision does.
    """
    if isinstance(step, Pad):
        return tuple(max(pair) for pair in zip(shape, step.shape, strict=True))
    if isinstance(step, Crop):
        if any(have < want for have, want in zip(shape, step.shape, strict=True)):
            raise ValueError(f"an image of {shape} pixels is smaller than the crop {step.shape}")
        return step.shape
    if step.shorter is None:
        return step.shape
    least = min(shape)
    return tuple(
        step.shorter if side == least else int(step.shorter * side / least) for side in shape
    )


def _middle(shape: tuple[int, ...], target: tuple[int, ...]) -> tuple[slice, ...]:
    # Python rounds halves to even here, and so does torchvision's CenterCrop.
    starts = [round((have - want) / 2) for have, want in zip(shape, target, strict=True)]
    return tuple(slice(start, start + want) for start, want in zip(starts, target, strict=True))


def _place(shape: tuple[int, ...], target: tuple[int, ...]) -> tuple[slice, ...]:
    starts = [(want - have) // 2 for have, want in zip(shape, target, strict=True)]
    return tuple(slice(start, start + have) for start, have in zip(starts, shape, strict=True))


def _in_values(array: "NDArray[Any]", step: Any) -> "NDArray[Any]":
    if isinstance(step, Percentiles | Standardise):
        return _by_itself(array, step)
    result: NDArray[Any]
    if isinstance(step, Window):
        low, high = step.centre - step.width / 2, step.centre + step.width / 2
        result = (array.clip(low, high) - low) / step.width
    elif isinstance(step, Clip):
        limits: Any = (step.low, step.high)
        result = array.clip(*limits)
    elif isinstance(step, Rescale):
        (low, high), (start, end) = step.source, step.target
        result = (array - low) * ((end - start) / (high - low)) + start
    elif isinstance(step, Divide):
        result = array / step.by
    else:
        result = _normalised(array, step)
    return result


def _normalised(array: "NDArray[Any]", step: Normalise) -> "NDArray[Any]":
    import numpy as np

    channels = array.shape[-1]
    for numbers in (step.mean, step.std):
        if len(numbers) not in (1, channels):
            raise ValueError(f"{len(numbers)} numbers to normalise {channels} channels with")
    mean, std = (np.asarray(numbers, dtype=array.dtype) for numbers in (step.mean, step.std))
    result: NDArray[Any] = (array - mean) / std
    return result


def _by_itself(array: "NDArray[Any]", step: Percentiles | Standardise) -> "NDArray[Any]":
    """Scale by numbers that come from the image; with ``nonzero`` other pixels stay out of them."""
    import numpy as np

    values = array[array != 0] if step.of == "nonzero" else array.ravel()
    if not values.size:
        return np.zeros_like(array)
    if isinstance(step, Percentiles):
        low, high = np.percentile(values.astype(np.float64), [step.low, step.high])
        if low == high:
            return np.zeros_like(array)
        clipped: NDArray[Any] = (array.clip(low, high) - low) / (high - low)
        return clipped.astype(array.dtype)
    mean, std = values.mean(dtype=np.float64), values.std(dtype=np.float64)
    spread = std if std > 0 else np.float64(1)
    scaled: NDArray[Any] = ((array - mean) / spread).astype(array.dtype)
    if step.of == "nonzero":
        return np.where(array != 0, scaled, 0).astype(array.dtype)
    return scaled


def to_original_grid(
    array: "NDArray[Any]", spec: Preprocessing, shape: tuple[int, ...], *, nearest: bool
) -> "NDArray[Any]":
    """Bring a model's mask or image back to the pixels of the image that it was made from.

    Undoes the steps that change the grid, last one first: what was cropped off comes back as 0,
    a border is taken off, a resize is undone by nearest neighbour (`nearest`, for masks) or
    linearly. Values of the undone steps themselves are not recovered.

    Parameters
    ----------
    array : ndarray
        Rows and columns (slices first), further axes last, on the grid that the model was given.
    shape : tuple of int
        Rows and columns of the image before preprocessing.

    Raises
    ------
    ValueError
        When `array` is not on the grid to which the steps lead.
    """
    import numpy as np

    from audit.models.resampling import resized

    steps = [step for step in spec.steps if isinstance(step, Resize | Crop | Pad)]
    grids = [tuple(shape)]
    for step in steps:
        grids.append(grid_after(grids[-1], step))
    if array.shape[: spec.dimensions] != grids[-1]:
        given = array.shape[: spec.dimensions]
        raise ValueError(f"the model gave {given} pixels for an image of {grids[-1]}")
    for step, before, after in zip(reversed(steps), grids[-2::-1], grids[::-1], strict=False):
        if isinstance(step, Resize):
            array = resized(array, before, "nearest" if nearest else "linear", False)
        elif isinstance(step, Pad):
            array = array[_place(before, after)]
        else:
            whole = np.zeros((*before, *array.shape[spec.dimensions :]), dtype=array.dtype)
            whole[_middle(before, after)] = array
            array = whole
    return np.ascontiguousarray(array)
