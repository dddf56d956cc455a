from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audit.models import Batch, load_model
from audit.models.onnx_file import onnx_weights
from audit.models.self_check import self_check
from tests.audit.models.onnx_builder import fused_bytes, node, onnx_bytes, value
from tests.audit.models.samples import (
    FUSED,
    codes,
    declared,
    fused_arrays,
    refusal,
    softmax,
    units,
)
from tests.reports.validators import needs


@pytest.fixture(autouse=True)
def _runtime() -> None:
    needs("onnxruntime")


def weights() -> dict[str, Any]:
    rng = np.random.default_rng(5)
    shapes = {"w": (3, 1, 3, 3), "b": (3,), "l": (2, 5), "o": (2,)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def by_hand(batch: Batch) -> Any:
    """The network written out: correlation with a border of zeros, ReLU, mean, linear."""
    of = weights()
    image, clinical = fused_arrays(batch)
    framed = np.pad(image.astype(np.float64)[:, 0], ((0, 0), (1, 1), (1, 1)))
    maps = np.zeros((len(image), 3, 8, 8))
    for row in range(3):
        for column in range(3):
            part = framed[:, None, row : row + 8, column : column + 8]
            maps += of["w"][None, :, 0, row, column, None, None] * part
    seen = np.maximum(maps + of["b"][None, :, None, None], 0).mean(axis=(2, 3))
    logits = np.concatenate([seen, clinical], axis=1) @ of["l"].T + of["o"]
    return softmax(logits)[:, 1]


@pytest.mark.parametrize("deterministic", ["false", "true"])
@pytest.mark.parametrize("fixed", ["n", 3])
def test_a_network_scores_as_its_formula_does(
    tmp_path: Path, fixed: str | int, deterministic: str
) -> None:
    (tmp_path / "m.onnx").write_bytes(fused_bytes(weights(), units=fixed))
    model = declared(tmp_path, f"file: m.onnx\ndeterministic: {deterministic}" + FUSED)
    np.testing.assert_allclose(model.predict(units()), by_hand(units()), rtol=0, atol=1e-6)
    checked, _ = self_check(model, units())
    assert (checked.parameters, checked.flops, checked.deterministic) == (30 + 12, None, True)
    assert (checked.format, checked.batch_size) == ("ONNX", 4 if fixed == "n" else 3)


def test_a_network_gives_the_same_scores_in_torch(tmp_path: Path) -> None:
    torch = needs("torch")
    from tests.audit.models.networks import Fused
    from tests.audit.models.samples import save_script, script

    module = Fused().eval()
    state = {name: array.numpy() for name, array in module.state_dict().items()}
    names = {"w": "convolution.weight", "b": "convolution.bias"}
    names |= {"l": "linear.weight", "o": "linear.bias"}
    same = {short: state[name] for short, name in names.items()}
    (tmp_path / "m.onnx").write_bytes(fused_bytes(same))
    save_script(script(module), tmp_path / "m.pt")
    one = declared(tmp_path, "file: m.onnx" + FUSED).predict(units())
    other = declared(tmp_path, "file: m.pt" + FUSED).predict(units())
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    assert torch is not None


def test_weights_in_a_second_file_are_loaded_and_hashed(tmp_path: Path) -> None:
    content = fused_bytes(weights(), external={"w": "m.onnx.data"})
    (tmp_path / "m.onnx").write_bytes(content)
    error = refusal(lambda: declared(tmp_path, "file: m.onnx" + FUSED))
    assert codes(error) == ["missing_file"]
    assert "m.onnx.data" in str(error)
    (tmp_path / "m.onnx.data").write_bytes(weights()["w"].tobytes())
    model = declared(tmp_path, "file: m.onnx" + FUSED)
    np.testing.assert_allclose(model.predict(units()), by_hand(units()), rtol=0, atol=1e-6)
    (part,) = model.describe().parts
    assert (part.name, part.bytes) == ("m.onnx.data", 4 * 27)


def test_weights_outside_of_the_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(weights()["w"].tobytes())
    folder = tmp_path / "model"
    folder.mkdir()
    content = fused_bytes(weights(), external={"w": "../secret"})
    (folder / "m.onnx").write_bytes(content)
    error = refusal(lambda: declared(folder, "file: m.onnx" + FUSED))
    assert codes(error) == ["outside_folder"]


def test_weights_are_counted_and_shapes_are_not() -> None:
    of = weights() | {"shape": np.array([1, 2, 3])}
    found = onnx_weights(fused_bytes(of, external={"b": "b.bin", "l": "l.bin"}))
    assert (found.count, found.files) == (30 + 12, ("b.bin", "l.bin"))
    for damaged in (b"\xff" * 9, b"\x3a\x7f\x00", b"\x3b"):
        with pytest.raises(ValueError, match=r"cut off|not a protocol buffer"):
            onnx_weights(damaged)


TABLE = "inputs: [{name: x, kind: columns, columns: [a, b]}]\n"


def linear(outputs: int) -> bytes:
    matrix = np.arange(1, 2 * outputs + 1, dtype=np.float32).reshape(2, outputs) / 10
    return onnx_bytes(
        [node("MatMul", ["X", "m"], ["y"])],
        [value("X", ["n", 2])],
        [value("y", ["n", outputs])],
        {"m": matrix},
    )


def table() -> Batch:
    return Batch(pd.DataFrame({"a": [1.0, -2.0], "b": [0.5, 1.0]}))


def test_a_single_input_may_be_called_anything(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(linear(1))
    text = "file: m.onnx\n" + TABLE + "output: {activation: none, score_kind: logit}"
    model = declared(tmp_path, text)
    # (1, 1/2) and (-2, 1) by (0.1, 0.2)
    np.testing.assert_allclose(model.predict(table()), [0.2, 0.0], atol=1e-7)
    assert model.score_kind == "logit"


def test_shapes_types_and_names_are_held_against_the_file(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(fused_bytes(weights()))
    cases = (
        ("columns: [{name: age", "columns: [id, {name: age", "wrong_shape", "(3)"),
        ("kind: columns", "kind: columns\n    dtype: float64", "wrong_dtype", "dtype: float32"),
        ("channels: grey", "channels: rgb", "wrong_shape", "(3, 8, 8)"),
    )
    for old, new, code, told in cases:
        model = declared(tmp_path, "file: m.onnx" + FUSED.replace(old, new))
        error = refusal(partial(model.predict, units()))
        assert codes(error) == [code]
        assert told in str(error)
    error = refusal(
        lambda: declared(tmp_path, "file: m.onnx" + FUSED.replace("name: image", "name: imag"))
    )
    assert codes(error) == ["unknown_input", "missing_input"]
    assert "did you mean 'image'" in str(error)


def test_damaged_files_are_bad_input(tmp_path: Path) -> None:
    whole = fused_bytes(weights())
    for content in (b"no model at all", whole[: len(whole) // 2], b""):
        (tmp_path / "m.onnx").write_bytes(content)
        error = refusal(lambda: declared(tmp_path, "file: m.onnx" + FUSED))
        assert codes(error) == ["corrupt_model"]
    (tmp_path / "m.onnx").unlink()
    error = refusal(lambda: declared(tmp_path, "file: m.onnx" + FUSED))
    assert codes(error) == ["missing_file"]


def test_a_file_alone_does_not_say_what_its_numbers_mean(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(linear(1))
    assert codes(refusal(lambda: load_model(tmp_path / "m.onnx"))) == ["undeclared_model"]


def test_cuda_is_refused_where_there_is_none(tmp_path: Path) -> None:
    runtime = needs("onnxruntime")
    if "CUDAExecutionProvider" in runtime.get_available_providers():
        pytest.skip("there is a CUDA device")
    (tmp_path / "m.onnx").write_bytes(fused_bytes(weights()))
    error = refusal(lambda: declared(tmp_path, "file: m.onnx\ndevice: cuda" + FUSED))
    assert codes(error) == ["no_device"]
    assert declared(tmp_path, "file: m.onnx\ndevice: auto" + FUSED).describe().device == "cpu"
