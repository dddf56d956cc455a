"""Arrays that a network takes, made of a batch as declared, and checked before the network runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit.models.outputs import as_array, selected
from audit.models.preprocessing import preprocess
from audit.models.protocol import Batch
from audit.models.spec import ColumnsInput, ImageInput, ModelSpec, TableColumn
from audit.problems import InputError, Problem, nearest

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Arrays = dict[str, "NDArray[Any]"]


@dataclass(frozen=True)
class Port:
    """What a model file says of one of its inputs; None for a free length, the units first."""

    shape: tuple[int | None, ...]
    dtype: str


def in_file_order(spec: ModelSpec, ports: Mapping[str, Port], where: str) -> tuple[str, ...]:
    """Names of the declared inputs in the order of the file's own.

    A single input may be called anything; several must have the file's names.
    """
    declared = [item.name for item in spec.inputs]
    if len(declared) == len(ports) == 1:
        return tuple(declared)
    problems = [
        Problem("unknown_input", where, f"the model has no input '{name}'", nearest(name, [*ports]))
        for name in declared
        if name not in ports
    ] + [
        Problem("missing_input", where, f"input '{name}' is not declared", "add it to 'inputs'")
        for name in ports
        if name not in declared
    ]
    if problems:
        raise InputError(problems)
    return tuple(ports)


def array_runner(
    spec: ModelSpec,
    order: tuple[str, ...],
    ports: Mapping[str, Port],
    call: "Callable[[list[NDArray[Any]]], Any]",
    where: str,
) -> "Callable[[Batch], NDArray[Any]]":
    """Make a function from a batch to the wanted output of `call`, one row per unit.

    Where the file was made for a fixed number of units, the last one is repeated to fill it up and
    what comes out for the repeats is dropped.
    """
    wanted = spec.output.select if spec.output is not None else None
    known = dict(zip(order, ports.values(), strict=True)) if ports else {}
    fixed = {port.shape[0] for port in known.values() if port.shape} - {None}

    def run(batch: Batch) -> "NDArray[Any]":
        arrays = input_arrays(spec, batch)
        for name, port in known.items():
            _require_fit(name, arrays[name], port, where)
        size = max((length for length in fixed if length is not None), default=len(batch))
        ordered = [_filled(arrays[name], size) for name in order]
        raw = as_array(selected(call(ordered), wanted, where), where)
        return raw[: len(batch)] if raw.ndim and raw.shape[0] == size else raw

    return run


def fixed_units(ports: Mapping[str, Port]) -> int | None:
    """How many units at a time a model file was made for; None when that is free."""
    sizes = {port.shape[0] for port in ports.values() if port.shape} - {None}
    return max((size for size in sizes if size is not None), default=None)


def input_arrays(spec: ModelSpec, batch: Batch) -> Arrays:
    """Make the declared inputs, units first.

    Raises
    ------
    ValueError
        For a cell or an image that cannot be used.
    InputError
        For images of several sizes in one batch.
    """
    import numpy as np

    arrays: Arrays = {}
    for item in spec.inputs:
        if isinstance(item, ColumnsInput):
            columns = [_numbers(batch.table[column.name], column) for column in item.columns]
            arrays[item.name] = np.stack(columns, axis=1).astype(item.dtype)
        else:
            arrays[item.name] = _stacked(item, batch)
    return arrays


def _stacked(item: ImageInput, batch: Batch) -> "NDArray[Any]":
    import numpy as np

    assert item.preprocessing is not None
    images = [preprocess(image, item.preprocessing) for image in batch.images[item.name]]
    shapes = {image.shape for image in images}
    if len(shapes) > 1:
        reason = f"the images differ in size ({', '.join(map(str, sorted(shapes)[:3]))})"
        remedy = "declare a resize to one shape, or batch_size: 1"
        raise InputError(Problem("image_sizes", f"input '{item.name}'", reason, remedy))
    return np.stack(images)


def _numbers(cells: "pd.Series[Any]", column: TableColumn) -> "NDArray[np.float64]":
    """Turn cells into numbers as declared; ValueError for one that cannot be."""
    import numpy as np
    import pandas as pd

    absent = cells.isna().to_numpy(dtype=bool)
    if column.codes:
        text = [_cell_text(cell) for cell in cells]
        coded = np.array([t in column.codes for t in text], dtype=bool)
        unknown = [text[place] for place in np.flatnonzero(~coded & ~absent)[:1]]
        if unknown:
            raise ValueError(f"column {column.name} holds '{unknown[0]}', which has no code")
        numbers = np.array([column.codes.get(t, np.nan) for t in text], dtype=np.float64)
        numbers[absent] = np.nan
    else:
        numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        words = np.isnan(numbers) & ~absent
        if words.any():
            raise ValueError(f"column {column.name} holds '{cells[words].iloc[0]}', not a number")
    if absent.any():
        if column.missing is None:
            raise ValueError(f"column {column.name} is empty")
        numbers = np.where(absent, column.missing, numbers)
    return (numbers - column.mean) / column.std


def _cell_text(cell: Any) -> str:
    """Write a cell as codes are written: 1.0 is 1."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _require_fit(name: str, array: "NDArray[Any]", port: Port, where: str) -> None:
    """Refuse an array that the file says it cannot take; the number of units is not looked at."""
    fits = array.ndim == len(port.shape) and all(
        want is None or want == have
        for want, have in zip(port.shape[1:], array.shape[1:], strict=False)
    )
    if not fits:
        free = ", ".join("any" if length is None else str(length) for length in port.shape[1:])
        had = ", ".join(map(str, array.shape[1:]))
        reason = (
            f"input '{name}' is declared with ({had}) numbers per unit, the model takes ({free})"
        )
        remedy = "declare the columns or the preprocessing that the model was trained with"
        raise InputError(Problem("wrong_shape", where, reason, remedy))
    if str(array.dtype) != port.dtype:
        reason = f"input '{name}' is declared as {array.dtype}, and the model takes {port.dtype}"
        raise InputError(Problem("wrong_dtype", where, reason, f"declare dtype: {port.dtype}"))


def _filled(array: "NDArray[Any]", size: int) -> "NDArray[Any]":
    import numpy as np

    lacking = size - array.shape[0]
    if lacking <= 0:
        return array
    return np.concatenate([array, np.repeat(array[-1:], lacking, axis=0)])
