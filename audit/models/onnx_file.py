"""The few things an ONNX file says of its weights, read from the protocol buffer itself.

onnxruntime tells neither how many weights there are nor which further files hold them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

# Field numbers of onnx.proto.
_MODEL_GRAPH, _GRAPH_NODE, _GRAPH_INITIALIZER, _NODE_ATTRIBUTE = 7, 1, 5, 5
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH = 5, 6
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_EXTERNAL = 1, 2, 13
# Whole numbers of 32 and 64 bits, truth values and text are shapes and indices, not weights.
_NO_WEIGHTS = {6, 7, 8, 9, 12, 13}

Field: TypeAlias = tuple[int, "int | memoryview"]


@dataclass(frozen=True)
class OnnxWeights:
    """How many weights a file has, and the files beside it that hold some of them."""

    count: int
    files: tuple[str, ...]


def onnx_weights(data: bytes) -> OnnxWeights:
    """Count initialisers and constants of floating or quantised type.

    Raises
    ------
    ValueError
        When the bytes are no protocol buffer.
    """
    count, files = 0, set()
    graphs = [value for number, value in _fields(memoryview(data)) if number == _MODEL_GRAPH]
    while graphs:
        graph = graphs.pop()
        for number, value in _fields(_nested(graph)):
            if number == _GRAPH_INITIALIZER:
                tensors = [value]
            elif number == _GRAPH_NODE:
                tensors, inner = _of_node(_nested(value))
                graphs += inner
            else:
                continue
            for tensor in tensors:
                size, external = _tensor(_nested(tensor))
                count += size
                files |= external
    return OnnxWeights(count, tuple(sorted(files)))


def _of_node(node: memoryview) -> "tuple[list[int | memoryview], list[int | memoryview]]":
    """Tensors and graphs among the attributes of a node."""
    tensors: list[int | memoryview] = []
    graphs: list[int | memoryview] = []
    for number, attribute in _fields(node):
        if number == _NODE_ATTRIBUTE:
            for inner, value in _fields(_nested(attribute)):
                if inner == _ATTRIBUTE_TENSOR:
                    tensors.append(value)
                elif inner == _ATTRIBUTE_GRAPH:
                    graphs.append(value)
    return tensors, graphs


def _tensor(tensor: memoryview) -> tuple[int, set[str]]:
    size, kind, external = 1, 0, set()
    for number, value in _fields(tensor):
        if number == _TENSOR_DIMS:
            lengths = [value] if isinstance(value, int) else _packed(value)
            for length in lengths:
                size *= length
        elif number == _TENSOR_TYPE and isinstance(value, int):
            kind = value
        elif number == _TENSOR_EXTERNAL:
            pair = {key: bytes(_nested(text)).decode() for key, text in _fields(_nested(value))}
            if pair.get(1) == "location":
                external.add(pair.get(2, ""))
    return (0 if kind in _NO_WEIGHTS else size), external


def _nested(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message should be")
    return value


def _packed(data: memoryview) -> list[int]:
    numbers, place = [], 0
    while place < len(data):
        number, place = _varint(data, place)
        numbers.append(number)
    return numbers


def _fields(data: memoryview) -> Iterator[Field]:
    """Part a message into its fields."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        kind = key & 7
        if kind == 0:
            value, place = _varint(data, place)
            yield key >> 3, value
            continue
        if kind == 2:
            length, place = _varint(data, place)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError("not a protocol buffer")
        if place + length > len(data):
            raise ValueError("the message is cut off")
        if kind == 2:
            yield key >> 3, data[place : place + length]
        place += length


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 64:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return value, place
        shift += 7
    raise ValueError("the message is cut off")
