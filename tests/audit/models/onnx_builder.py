"""ONNX files written field by field, so that no test needs a library to make one.

Field numbers are those of onnx.proto (opset 13, IR version 8).
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TYPES = {"float32": 1, "uint8": 2, "int64": 7, "float64": 11}


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number: int, value: int | str | bytes | float) -> bytes:
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def attribute(name: str, value: Any) -> bytes:
    if isinstance(value, float):
        return field(1, name) + field(2, value) + field(20, 1)
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    numbers = b"".join(field(8, int(item)) for item in value)
    return field(1, name) + numbers + field(20, 7)


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> bytes:
    domain = attributes.pop("domain", "")
    data = b"".join(field(1, name) for name in inputs)
    data += b"".join(field(2, name) for name in outputs)
    data += field(4, kind)
    data += b"".join(field(5, attribute(key, value)) for key, value in attributes.items())
    return data + (field(7, domain) if domain else b"")


def tensor(name: str, array: NDArray[Any], external: str | None = None) -> bytes:
    data = b"".join(field(1, size) for size in array.shape)
    data += field(2, _TYPES[str(array.dtype)]) + field(8, name)
    if external is None:
        return data + field(9, array.tobytes())
    place = field(13, field(1, "location") + field(2, external))
    length = field(13, field(1, "length") + field(2, str(array.nbytes)))
    return data + place + length + field(14, 1)


def value(name: str, shape: Sequence[int | str], dtype: str = "float32") -> bytes:
    sizes = b"".join(
        field(1, field(1, size) if isinstance(size, int) else field(2, size)) for size in shape
    )
    return field(1, name) + field(2, field(1, field(1, _TYPES[dtype]) + field(2, sizes)))


def onnx_bytes(
    nodes: Sequence[bytes],
    inputs: Sequence[bytes],
    outputs: Sequence[bytes],
    weights: Mapping[str, NDArray[Any]],
    external: Mapping[str, str] | None = None,
) -> bytes:
    graph = b"".join(field(1, item) for item in nodes) + field(2, "graph")
    for name, array in weights.items():
        graph += field(5, tensor(name, array, (external or {}).get(name)))
    graph += b"".join(field(11, item) for item in inputs)
    graph += b"".join(field(12, item) for item in outputs)
    opset = field(8, field(2, 13))
    return field(1, 8) + field(7, graph) + opset


def fused_bytes(weights: Mapping[str, NDArray[np.float32]], **options: Any) -> bytes:
    """The network `Fused` of networks.py: convolution, ReLU, mean, columns beside, linear."""
    nodes = [
        node("Conv", ["image", "w", "b"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Relu", ["c"], ["r"]),
        node("ReduceMean", ["r"], ["m"], axes=[2, 3], keepdims=0),
        node("Concat", ["m", "clinical"], ["f"], axis=1),
        node("Gemm", ["f", "l", "o"], ["logits"], transB=1),
    ]
    units = options.pop("units", "n")
    inputs = [value("image", [units, 1, 8, 8]), value("clinical", [units, 2])]
    return onnx_bytes(nodes, inputs, [value("logits", [units, 2])], weights, **options)
