"""From what a model returns to scores, masks or images, as its owner declared and no other way."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from audit.models.preprocessing import to_original_grid
from audit.models.protocol import Batch, Predicted
from audit.models.spec import ImageInput, ModelSpec, Output
from audit.problems import InputError, Problem, nearest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Classes of one pixel are counted in a byte.
_MOST_CLASSES = 256


def selected(raw: Any, wanted: str | int | None, where: str) -> Any:
    """Take the declared one of several outputs; a single output needs no declaration.

    Raises
    ------
    InputError
        When there are several and none is declared, or the declared one is not there.
    """
    if isinstance(raw, Mapping):
        if wanted is None and len(raw) == 1:
            return next(iter(raw.values()))
        if wanted in raw:
            return raw[wanted]
        named = [str(key) for key in raw]
        raise _no_output(wanted, nearest(str(wanted or ""), named), where)
    if isinstance(raw, tuple) or (isinstance(raw, list) and not _is_ragged_list(raw)):
        if wanted is None and len(raw) == 1:
            return raw[0]
        if isinstance(wanted, int) and -len(raw) <= wanted < len(raw):
            return raw[wanted]
        raise _no_output(wanted, f"there are {len(raw)}, by place from 0", where)
    if wanted not in (None, 0):
        raise _no_output(wanted, "the model gives one output: leave 'select' out", where)
    return raw


def _is_ragged_list(raw: list[Any]) -> bool:
    """Tell rows (numbers, lists, maps from class to number) from a list of outputs."""
    return not raw or isinstance(raw[0], Mapping | int | float | list)


def _no_output(wanted: str | int | None, remedy: str, where: str) -> InputError:
    if wanted is None:
        reason = "the model gives several outputs and none is selected"
        remedy = f"say 'select' in the declared output; {remedy}"
    else:
        reason = f"the model has no output '{wanted}'"
    return InputError(Problem("unknown_output", where, reason, remedy))


def as_array(raw: Any, where: str) -> "NDArray[Any]":
    """Turn an output into an array of numbers, units first; rows of class maps into a matrix."""
    import numpy as np

    if isinstance(raw, Sequence) and raw and isinstance(raw[0], Mapping):
        raw = [list(row.values()) for row in raw]
    try:
        array = np.asarray(raw)
    except ValueError:  # a list of arrays of several shapes
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "biuf":
        reason = f"the model gives {_type(raw)} instead of an array of numbers"
        remedy = "select another output, or return an array with one row per unit"
        raise InputError(Problem("no_numbers", where, reason, remedy))
    return array


def _type(raw: Any) -> str:
    return f"a {type(raw).__name__}" if not hasattr(raw, "dtype") else f"an array of {raw.dtype}"


def converted(raw: Any, spec: ModelSpec, output: Output, batch: Batch, where: str) -> Predicted:
    """Make the declared scores, masks or images of a model's output for a batch.

    Raises
    ------
    InputError
        When the output does not have one row per unit, or not the declared classes or dimensions.
    """
    arrays = _rows(raw, len(batch), where) if output.kind != "scores" else None
    if arrays is None:
        array = as_array(raw, where)
        _require_units(array.shape[0] if array.ndim else 0, len(batch), where)
        return _scores(array, output, where)
    dimensions = _dimensions(spec)
    make = _mask if output.kind == "masks" else _image
    made = tuple(make(array, output, dimensions, where) for array in arrays)
    return _on_image_grid(made, spec, output, batch, where)


def _rows(raw: Any, units: int, where: str) -> "list[NDArray[Any]]":
    """Part an output by unit; callables may return a list of arrays of several sizes."""
    parts = raw if isinstance(raw, list | tuple) else as_array(raw, where)
    _require_units(len(parts) if getattr(parts, "ndim", 1) else 0, units, where)
    return [as_array(part, where) for part in parts]


def _require_units(given: int, units: int, where: str) -> None:
    if given != units:
        reason = f"the model gave {given} results for {units} units"
        remedy = "it must give one result per unit, in their order"
        raise InputError(Problem("wrong_output", where, reason, remedy))


def _dimensions(spec: ModelSpec) -> int | None:
    """How many dimensions the model's images have; None when nothing is declared."""
    found = {
        item.preprocessing.dimensions
        for item in spec.inputs
        if isinstance(item, ImageInput) and item.preprocessing is not None
    }
    return found.pop() if len(found) == 1 else None


def _scores(array: "NDArray[Any]", output: Output, where: str) -> "NDArray[np.float64]":
    import numpy as np

    scores = array.astype(np.float64)
    while scores.ndim > 2 and scores.shape[-1] == 1:
        scores = scores[..., 0]
    if scores.ndim > 2:
        reason = f"the model gives an array of shape {array.shape[1:]} per unit as scores"
        raise InputError(Problem("wrong_output", where, reason, "declare kind: masks or images"))
    columns = scores.shape[1] if scores.ndim == 2 else 1
    _require_classes(columns, output, where)
    scores = _activated(scores, output.activation, 1)
    if columns == 1:
        scores = scores.reshape(-1)
    elif output.place is not None:
        scores = scores[:, output.place]
    if output.activation == "none" and output.score_kind == "probability":
        outside = (scores < 0) | (scores > 1)
        if outside.any():
            value = scores[outside].ravel()[0]
            reason = f"a score is {value:g}, and probabilities were declared"
            remedy = "declare activation: sigmoid or softmax, or another score_kind"
            raise InputError(Problem("not_probability", where, reason, remedy))
    return scores


def _require_classes(columns: int, output: Output, where: str) -> None:
    """Refuse columns whose meaning is not declared."""
    problem = None
    if columns == 1 and output.activation == "softmax":
        problem = ("one column, and softmax makes it 1 for every unit", "declare sigmoid")
    elif columns == 1 and output.place not in (None, 0):
        problem = ("one column", f"there is no class {output.positive}")
    elif output.classes is not None and columns not in (1, len(output.classes)):
        problem = (f"{columns} columns", f"{len(output.classes)} classes are declared")
    elif output.place is not None and output.place >= columns:
        problem = (f"{columns} columns", f"there is no class {output.positive}")
    elif columns == 2 and output.place is None and output.activation != "sigmoid":
        problem = ("two columns", "declare 'positive': the class whose score is wanted")
    elif columns > 1 and output.place is None and output.classes is None:
        problem = (f"{columns} columns", "declare 'positive', or name all 'classes'")
    if problem is not None:
        reason = f"the model's output has {problem[0]}"
        raise InputError(Problem("wrong_classes", where, reason, problem[1]))


def _activated(array: "NDArray[Any]", activation: str | None, axis: int) -> "NDArray[Any]":
    from scipy.special import expit, softmax

    if activation == "sigmoid":
        result: NDArray[Any] = expit(array)
    elif activation == "softmax":
        result = softmax(array, axis=axis)
    else:
        result = array
    return result


def _channels_last(
    array: "NDArray[Any]", output: Output, dimensions: int | None, where: str
) -> "tuple[NDArray[Any], bool]":
    """Move channels, where there are any, to the end; say whether there were."""
    import numpy as np

    expected = dimensions if dimensions is not None else array.ndim
    if array.ndim == expected:
        return array, False
    if array.ndim != expected + 1:
        reason = f"the model gives arrays of shape {array.shape} for {expected} dimensions"
        remedy = "select another output, or declare the dimensions of the image"
        raise InputError(Problem("wrong_output", where, reason, remedy))
    return (np.moveaxis(array, 0, -1) if output.layout == "channels_first" else array), True


def _mask(
    array: "NDArray[Any]", output: Output, dimensions: int | None, where: str
) -> "NDArray[np.uint8]":
    """Labels of pixels, 0 for background; several sigmoid channels stay apart, channels last."""
    import numpy as np

    values, channels = _channels_last(array, output, dimensions, where)
    if channels and values.shape[-1] == 1:
        values, channels = values[..., 0], False
    if channels and output.classes is not None and values.shape[-1] != len(output.classes):
        reason = f"the masks have {values.shape[-1]} channels"
        remedy = f"{len(output.classes)} classes are declared"
        raise InputError(Problem("wrong_classes", where, reason, remedy))
    if output.activation == "softmax":
        if not channels or values.shape[-1] > _MOST_CLASSES:
            reason = "softmax masks need a channel for each class, 256 at the most"
            raise InputError(Problem("wrong_classes", where, reason, "declare sigmoid or none"))
        # The largest logit is the largest probability.
        likeliest: NDArray[np.uint8] = values.argmax(axis=-1).astype(np.uint8)
        return likeliest
    if output.place is not None:
        if not channels or output.place >= values.shape[-1]:
            reason = f"the masks have no channel for class {output.positive}"
            raise InputError(Problem("wrong_classes", where, reason, "correct 'positive'"))
        values, channels = values[..., output.place], False
    if output.activation == "sigmoid" or output.threshold is not None:
        values = _activated(values.astype(np.float64), output.activation, -1)
        inside: NDArray[np.uint8] = (values >= output.threshold).astype(np.uint8)
        return inside
    return _labels(values, where)


def _labels(values: "NDArray[Any]", where: str) -> "NDArray[np.uint8]":
    """Take labels as they are; numbers that are none need a threshold."""
    import numpy as np

    labels = values.astype(np.uint8) if np.isfinite(values).all() else np.zeros(0, np.uint8)
    if labels.shape != values.shape or not np.array_equal(labels, values):
        reason = "the masks hold numbers that are no labels (0 to 255)"
        remedy = "declare activation: sigmoid or softmax, or a threshold"
        raise InputError(Problem("not_labels", where, reason, remedy))
    return labels


def _image(
    array: "NDArray[Any]", output: Output, dimensions: int | None, where: str
) -> "NDArray[Any]":
    """An image with channels last; a single channel is dropped."""
    import numpy as np

    values, channels = _channels_last(array, output, dimensions, where)
    if channels and values.shape[-1] == 1:
        values = values[..., 0]
    kept = values if values.dtype == np.float64 else values.astype(np.float32)
    return np.ascontiguousarray(_activated(kept, output.activation, -1))


def _on_image_grid(
    made: "tuple[NDArray[Any], ...]", spec: ModelSpec, output: Output, batch: Batch, where: str
) -> "tuple[NDArray[Any], ...]":
    if output.grid == "model":
        return made
    (picture,) = (item for item in spec.inputs if isinstance(item, ImageInput))
    steps = picture.preprocessing
    assert steps is not None
    masks = output.kind == "masks"
    try:
        return tuple(
            to_original_grid(array, steps, image.shape[: steps.dimensions], nearest=masks)
            for array, image in zip(made, batch.images[picture.name], strict=True)
        )
    except ValueError as error:
        remedy = "declare grid: model"
        raise InputError(Problem("wrong_output", where, str(error), remedy)) from None
