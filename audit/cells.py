"""What the cells of a column hold, as text or as numbers, whatever type the file gave them.

Only the unique values pass through Python. Arrays are read from Arrow's buffers directly, because
pyarrow imports pandas for the usual conversions and pandas is slow to start.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

NOT_A_NUMBER = frozenset({"nan", "NaN", "NAN"})
BLANK = frozenset({""})
NOT_RECORDED = BLANK | NOT_A_NUMBER

WHOLE = re.compile(r"-?(?:0|[1-9]\d*)(?:\.0+)?", re.ASCII)
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, eq=False)
class Texts:
    """A column as text: row ``i`` holds ``values[codes[i]]``, or nothing where the code is -1.

    Every value occurs in at least one row. Their order depends on the rows; sort before use.
    """

    values: tuple[str, ...]
    codes: NDArray[np.int32]

    def counts(self) -> NDArray[np.int64]:
        """Count the rows of each value."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.values))

    def merged(self, spelling: Callable[[str], str | None]) -> "Texts":
        """Respell every value; equal spellings become one value, None becomes missing."""
        return _texts([spelling(value) for value in self.values], self.codes)


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column as numbers: NaN in `values` where missing, unreadable or literally NaN.

    `unreadable` marks cells that hold something other than a number.
    """

    values: NDArray[np.float64]
    missing: NDArray[np.bool_]
    unreadable: NDArray[np.bool_]

    @property
    def not_finite(self) -> NDArray[np.bool_]:
        """Cells that hold a literal NaN or infinity."""
        return ~self.missing & ~self.unreadable & ~np.isfinite(self.values)


def decode(column: Any, missing: frozenset[str] = NOT_RECORDED) -> Texts:
    """Read a column as text, stripped of surrounding white space.

    Integers and integer-valued floats read "1" (a column of integers with gaps is often stored as
    floats); other floats read as their shortest form, dates in ISO 8601. Where all values of a
    column are whole numbers, "1.0" reads "1" too, so that CSV and Parquet agree.

    Parameters
    ----------
    column : pyarrow.ChunkedArray
        Any type of single values.
    missing : frozenset of str
        Texts that count as missing, beside nulls.
    """
    array = one_chunk(column)
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    spelled = [
        None if text is None or text.strip() in missing else text.strip()
        for text in _spell(array.dictionary)
    ]
    codes = np.where(is_null(array.indices), -1, buffer(array.indices)).astype(np.int32)
    texts = _texts(spelled, codes)
    values = [value for value in texts.values if value not in NOT_A_NUMBER]
    if any("." in v for v in values) and all(WHOLE.fullmatch(v) for v in values):
        return texts.merged(whole)
    return texts


def identities(column: Any) -> Texts:
    """Read a column of ids: as `decode`, and "1.0" is 1 whatever the other ids look like."""
    texts = decode(column)
    return texts.merged(whole) if any("." in value for value in texts.values) else texts


def numbers(column: Any) -> Numbers:
    """Read a column as numbers; text is parsed, blank text is missing."""
    kind = column.type
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_null(kind):
        return _parsed(decode(column, BLANK))
    array = one_chunk(column)
    missing = is_null(array)
    if pa.types.is_boolean(kind):
        array = array.cast(pa.uint8())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return Numbers(np.full(len(array), np.nan), missing, ~missing)
    values = buffer(array.cast(pa.float64(), safe=False))
    return Numbers(np.where(missing, np.nan, values), missing, np.zeros(len(array), dtype=np.bool_))


def whole(text: str) -> str:
    """Drop the ".0" of a whole number; other text stays as it is."""
    return text.partition(".")[0] if "." in text and WHOLE.fullmatch(text) else text


def number_text(value: float) -> str:
    """Write a number the way levels are written: "1" for 1.0."""
    return whole(str(value + 0))  # -0.0 + 0 is 0.0


def one_chunk(column: Any) -> Any:
    """Return a chunked array as one array, dictionaries unified."""
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return array.cast(pa.string()) if pa.types.is_null(array.type) else array


def is_null(array: Any) -> NDArray[np.bool_]:
    """Mark the nulls of an array."""
    return buffer(pc.is_null(array).cast(pa.uint8())).astype(np.bool_)


def buffer(array: Any) -> NDArray[Any]:
    """View the values of a primitive array; what stands at a null is arbitrary."""
    dtype = np.dtype(array.type.to_pandas_dtype())
    data = array.buffers()[1]
    if data is None:
        return np.zeros(len(array), dtype)
    return np.frombuffer(data, dtype, count=len(array), offset=array.offset * dtype.itemsize)


def dictionary_array(texts: Texts) -> Any:
    """Build the Arrow dictionary array of a text column."""
    encoded = [value.encode() for value in texts.values]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    values = pa.Array.from_buffers(
        pa.string(), len(encoded), [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    )
    valid = np.packbits(texts.codes >= 0, bitorder="little")
    codes = np.maximum(texts.codes, 0).astype(np.int32)
    indices = pa.Array.from_buffers(
        pa.int32(), len(codes), [pa.py_buffer(valid), pa.py_buffer(codes)]
    )
    return pa.DictionaryArray.from_arrays(indices, values)


def _texts(spelled: list[str | None], codes: NDArray[np.int32]) -> Texts:
    """Merge equal spellings, drop those without rows. The last code slot stands for missing."""
    used = np.zeros(len(spelled) + 1, dtype=np.bool_)
    used[codes] = True
    place: dict[str, int] = {}
    remap = np.full(len(spelled) + 1, -1, dtype=np.int32)
    for index, text in enumerate(spelled):
        if text is not None and used[index]:
            remap[index] = place.setdefault(text, len(place))
    return Texts(tuple(place), remap[codes])


def _spell(values: Any) -> Iterable[str | None]:
    """Spell the unique values of a column."""
    kind = values.type
    if pa.types.is_string(kind):
        texts: list[str | None] = values.to_pylist()
        return texts
    if pa.types.is_floating(kind):
        # numpy's own scalars: a float32 reads 0.1, not 0.10000000149011612
        return [number_text(value) for value in buffer(values)]
    if pa.types.is_timestamp(kind):
        return _spell_timestamps(values)
    if pa.types.is_decimal(kind):
        return [_spell_decimal(value) for value in values.to_pylist()]
    if pa.types.is_duration(kind):
        values = values.cast(pa.int64())
    if pa.types.is_time(kind):
        values = values.cast(pa.string())
    return [None if value is None else str(value) for value in values.to_pylist()]


def _spell_timestamps(values: Any) -> list[str]:
    unit = values.type.unit
    zone = "" if values.type.tz is None else "Z"
    stamps = buffer(values.cast(pa.int64())).view(f"datetime64[{unit}]")
    return [_spell_timestamp(str(stamp), zone) for stamp in stamps]


def _spell_timestamp(text: str, zone: str) -> str:
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.removesuffix("T00:00:00") if text.endswith("T00:00:00") else text + zone


def _spell_decimal(value: Decimal | None) -> str | None:
    if value is None:
        return None
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _parsed(texts: Texts) -> Numbers:
    """Parse the unique texts; the last slot of each table stands for missing."""
    read = [_number(text) for text in texts.values]
    value = np.array([np.nan if v is None else v for v in read] + [np.nan])
    unreadable = np.array([v is None for v in read] + [False])
    return Numbers(value[texts.codes], texts.codes < 0, unreadable[texts.codes])


def _number(text: str) -> float | None:
    """Read one number. Python also takes "1_000" and digits of other scripts; a table may not."""
    if NUMBER.fullmatch(text) or text.lower().lstrip("+-") in {"nan", "inf", "infinity"}:
        return float(text)
    return None


def repeated(codes: NDArray[Any]) -> NDArray[np.int64]:
    """Return the rows whose code also stands in an earlier row, in row order."""
    order = np.argsort(codes, kind="stable")
    again = order[1:][codes[order][1:] == codes[order][:-1]]
    return np.sort(again)
