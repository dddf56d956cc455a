import pickle
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audit.models import Batch, Model, load_model
from audit.models.batched import BatchedModel
from audit.models.self_check import self_check
from tests.audit.models.samples import (
    FUSED,
    FUSED_INPUTS,
    NETWORKS,
    codes,
    declared,
    fused_arrays,
    refusal,
    save_script,
    script,
    softmax,
    units,
)
from tests.reports.validators import needs

torch: Any = None


@pytest.fixture(autouse=True)
def _torch() -> None:
    global torch
    torch = needs("torch")
    torch.manual_seed(3)


def network() -> Any:
    from tests.audit.models.networks import Fused

    return Fused().eval()


def example(batch: Batch) -> tuple[Any, Any]:
    image, clinical = fused_arrays(batch)
    return torch.from_numpy(image), torch.from_numpy(clinical)


def expected(module: Any, batch: Batch) -> Any:
    with torch.no_grad():
        return softmax(module(*example(batch)).numpy())[:, 1]


def exported(module: Any, path: Path, units_: int = 2, free: bool = True) -> None:
    free_units = torch.export.Dim("units")
    shapes = ({0: free_units}, {0: free_units}) if free else None
    program = torch.export.export(module, example(units(units_)), dynamic_shapes=shapes)
    torch.export.save(program, path)


def safetensors(module: Any, path: Path) -> None:
    """Write the published layout: length of the header, header, numbers."""
    import json
    import struct

    header, body = {}, b""
    for name, weight in module.state_dict().items():
        data = weight.numpy().tobytes()
        offsets = [len(body), len(body) + len(data)]
        header[name] = {"dtype": "F32", "shape": list(weight.shape), "data_offsets": offsets}
        body += data
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def saved(module: Any, kind: str, folder: Path) -> Model:
    """Save the network in one of the ways and load it by its declaration."""
    shutil.copy(NETWORKS, folder / "networks.py")
    factory = "factory: networks:fused\narguments: {features: 3}\n"
    if kind == "export":
        exported(module, folder / "m.pt2")
        return declared(folder, "file: m.pt2" + FUSED)
    if kind == "export of 3":
        exported(module, folder / "m.pt2", 3, free=False)
        return declared(folder, "file: m.pt2" + FUSED)
    if kind == "script":
        save_script(script(module), folder / "m.pt")
        return declared(folder, "file: m.pt" + FUSED)
    if kind == "weights":
        torch.save(module.state_dict(), folder / "m.pth")
        return declared(folder, f"file: m.pth\n{factory}" + FUSED, trust=True)
    if kind == "checkpoint":
        weights = {f"module.{name}": value for name, value in module.state_dict().items()}
        torch.save({"state": weights, "epoch": 3}, folder / "m.pt")
        keys = "state_key: state\nstate_prefix: module.\n"
        return declared(folder, f"file: m.pt\n{keys}{factory}" + FUSED, trust=True)
    safetensors(module, folder / "m.safetensors")
    return declared(folder, f"file: m.safetensors\n{factory}" + FUSED, trust=True)


KINDS = ("export", "export of 3", "script", "weights", "checkpoint", "safetensors")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_scores_as_the_network_does(tmp_path: Path, kind: str) -> None:
    module, batch = network(), units(7)
    model = saved(module, kind, tmp_path)
    np.testing.assert_allclose(model.predict(batch), expected(module, batch), rtol=0, atol=1e-6)
    assert model.score_kind == "probability"
    # Other columns and another order of units change nothing.
    back = np.arange(len(batch))[::-1]
    np.testing.assert_allclose(
        model.predict(batch.take(back)), expected(module, batch)[::-1], rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_says_what_it_is(tmp_path: Path, kind: str) -> None:
    model = saved(network(), kind, tmp_path)
    checked, first = self_check(model, units(3))
    # 3 x (1 x 3 x 3) + 3 weights of the convolution, 2 x 5 + 2 of the linear layer.
    assert checked.parameters == 30 + 12
    # Two for each product and sum: 8 x 8 x 27 in the convolution, 10 in the linear layer.
    assert checked.flops == 2 * (8 * 8 * 27 + 10)
    assert (checked.deterministic, checked.largest_difference) == (True, 0.0)
    assert checked.inputs == ("age", "sex")
    assert [(item.name, item.columns, item.shape) for item in checked.takes] == [
        ("image", ("path",), (1, None, None)),
        ("clinical", ("age", "sex"), (2,)),
    ]
    assert (checked.classes, checked.positive) == (("healthy", "disease"), "disease")
    assert checked.activation == "softmax"
    assert checked.batch_size == (3 if kind == "export of 3" else 4)
    assert checked.library == f"torch {torch.__version__}"
    assert [part.name for part in checked.parts] == (["networks.py"] if kind in KINDS[3:] else [])
    record = checked.as_json()
    assert record["takes"][0]["preprocessing"]["steps"] == [{"step": "divide", "by": 255.0}]
    assert len(np.asarray(first)) == 3


def test_the_setting_of_deterministic_algorithms_lasts_no_longer_than_the_call(
    tmp_path: Path,
) -> None:
    module = network()
    exported(module, tmp_path / "m.pt2")
    model = declared(tmp_path, "file: m.pt2\ndeterministic: true" + FUSED)
    np.testing.assert_allclose(model.predict(units()), expected(module, units()), atol=1e-6)
    assert not torch.are_deterministic_algorithms_enabled()


def test_cuda_is_refused_where_there_is_none_and_auto_takes_what_there_is(tmp_path: Path) -> None:
    module = network()
    exported(module, tmp_path / "m.pt2")
    model = declared(tmp_path, "file: m.pt2\ndevice: auto" + FUSED)
    here = "cuda" if torch.cuda.is_available() else "cpu"
    assert model.describe().device == here
    np.testing.assert_allclose(model.predict(units()), expected(module, units()), atol=1e-4)
    if here == "cpu":
        error = refusal(lambda: declared(tmp_path, "file: m.pt2\ndevice: cuda" + FUSED))
        assert codes(error) == ["no_device"]


class Payload:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("ran"),))


def test_a_full_pickle_is_refused_without_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    module = network()
    torch.save(module, tmp_path / "full.pt")
    torch.save({"weights": Payload()}, tmp_path / "evil.pt")
    for name in ("full.pt", "evil.pt"):
        error = refusal(partial(declared, tmp_path, f"file: {name}" + FUSED))
        assert codes(error) == ["untrusted_pickle"], name
        assert "runs whatever code" in str(error)
    (tmp_path / "old.pth").write_bytes(pickle.dumps(Payload()))  # none of torch's files
    assert codes(refusal(lambda: declared(tmp_path, "file: old.pth" + FUSED))) == ["corrupt_model"]
    assert not (tmp_path / "ran").exists()
    model = declared(tmp_path, "file: full.pt" + FUSED, trust=True)
    np.testing.assert_allclose(model.predict(units()), expected(module, units()), atol=1e-6)


def test_a_factory_is_code_and_needs_trust(tmp_path: Path) -> None:
    shutil.copy(NETWORKS, tmp_path / "networks.py")
    torch.save(network().state_dict(), tmp_path / "m.pth")
    text = "file: m.pth\nfactory: networks:fused" + FUSED
    assert codes(refusal(lambda: declared(tmp_path, text))) == ["untrusted_code"]


@pytest.mark.parametrize(
    ("factory", "code", "told"),
    [
        ("", "no_factory", "factory"),
        ("factory: networks:fuse", "unknown_callable", "did you mean 'fused'"),
        ("factory: no_such_module:fused", "missing_module", "no module no_such_module"),
        ("factory: networks:no_network", "factory_failed", "returned a dict"),
        ("factory: networks:broken", "factory_failed", "no such backbone"),
        ("factory: networks:Unet", "weights_mismatch", "convolution.weight"),
        (
            "factory: networks:fused\narguments: {features: 5}",
            "weights_mismatch",
            "size mismatch",
        ),
        ("factory: networks:fused\nstate_key: state", "no_weights", "convolution.weight"),
    ],
)
def test_weights_that_find_no_network_are_refused_in_a_line(
    tmp_path: Path, factory: str, code: str, told: str
) -> None:
    shutil.copy(NETWORKS, tmp_path / "networks.py")
    torch.save(network().state_dict(), tmp_path / "m.pth")
    error = refusal(lambda: declared(tmp_path, f"file: m.pth\n{factory}" + FUSED, trust=True))
    assert codes(error) == [code]
    assert told in str(error)


def test_columns_and_images_that_are_missing_are_named(tmp_path: Path) -> None:
    model = saved(network(), "script", tmp_path)
    batch = units(3)
    renamed = Batch(batch.table.rename(columns={"sex": "Sex"}), batch.images)
    error = refusal(lambda: model.predict(renamed))
    assert codes(error) == ["missing_feature"]
    assert "did you mean 'Sex'" in str(error)
    error = refusal(lambda: model.predict(Batch(batch.table, {"scan": batch.images["image"]})))
    assert codes(error) == ["missing_image"]
    assert "'image'" in str(error)
    with pytest.raises(ValueError, match="3 images 'image' for 2 units"):
        Batch(batch.table.iloc[:2], batch.images)


def test_cells_that_are_no_numbers_are_about_the_row(tmp_path: Path) -> None:
    model = saved(network(), "script", tmp_path)
    batch = units(3)
    for column, cell, told in (
        ("sex", "X", "column sex holds 'X', which has no code"),
        ("sex", None, "column sex is empty"),
        ("age", "old", "column age holds 'old', not a number"),
        ("age", None, "column age is empty"),
    ):
        table = batch.table.astype({"age": object, "sex": object})
        table.loc[1, column] = cell
        with pytest.raises(ValueError, match=told):
            model.predict(Batch(table, batch.images))


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_shape_is_one_clear_line(tmp_path: Path, kind: str) -> None:
    model = saved(network(), kind, tmp_path)
    batch = units(3, size=9 if "export" in kind else 8)
    if "export" not in kind:
        # A third clinical column, which the linear layer has no weight for.
        text = (tmp_path / "model.yaml").read_text().replace("[{name: age", "[id, {name: age")
        model = declared(tmp_path, text, trust=True)
    error = refusal(lambda: model.predict(batch))
    assert codes(error) == ["wrong_shape"]
    assert ("8, 8" if "export" in kind else "mat1 and mat2") in str(error)


def test_the_inputs_of_an_export_have_the_names_of_the_file(tmp_path: Path) -> None:
    exported(network(), tmp_path / "m.pt2")
    text = FUSED.replace("name: clinical", "name: clinicals")
    error = refusal(lambda: declared(tmp_path, "file: m.pt2" + text))
    assert codes(error) == ["unknown_input", "missing_input"]
    assert "did you mean 'clinical'" in str(error)
    # The order of the declaration does not matter then.
    start = FUSED_INPUTS.index("  - name: image")
    middle = FUSED_INPUTS.index("  - name: clinical")
    swapped = (FUSED_INPUTS[:start] + FUSED_INPUTS[middle:] + FUSED_INPUTS[start:middle]) + FUSED[
        len(FUSED_INPUTS) :
    ]
    module = network()
    exported(module, tmp_path / "m.pt2")
    model = declared(tmp_path, "file: m.pt2" + swapped)
    np.testing.assert_allclose(model.predict(units()), expected(module, units()), atol=1e-6)


def test_images_of_several_sizes_need_one_size_or_one_at_a_time(tmp_path: Path) -> None:
    module = network()
    save_script(script(module), tmp_path / "m.pt")
    batch = units(2)
    images = [batch.images["image"][0], batch.images["image"][1][:6]]
    mixed = Batch(batch.table, {"image": images})
    model = declared(tmp_path, "file: m.pt" + FUSED)
    assert codes(refusal(lambda: model.predict(mixed))) == ["image_sizes"]
    one = declared(tmp_path, "file: m.pt" + FUSED.replace("batch_size: 4", "batch_size: 1"))
    each = [expected(module, mixed.take(np.array([row])))[0] for row in range(2)]
    np.testing.assert_allclose(one.predict(mixed), each, rtol=0, atol=1e-6)


UNET = """
inputs:
  - name: image
    kind: image
    preprocessing:
      channels: grey
      steps:
        - {step: divide, by: 255}
        - {step: resize, shape: [8, 8], interpolation: linear}
"""


def test_a_segmentation_network_gives_masks(tmp_path: Path) -> None:
    from tests.audit.models.networks import Unet

    module = Unet().eval()
    save_script(script(module), tmp_path / "m.pt")
    batch = units(5)
    image, _ = fused_arrays(batch)
    with torch.no_grad():
        logits = module(torch.from_numpy(image))["out"].numpy()
    text = "file: m.pt" + UNET + "output: {kind: masks, select: out, activation: softmax}\n"
    masks = declared(tmp_path, text).predict(batch)
    assert isinstance(masks, tuple)
    assert {mask.dtype for mask in masks} == {np.dtype("uint8")}
    np.testing.assert_array_equal(np.stack(masks), logits.argmax(axis=1))
    assert len(set(np.unique(np.stack(masks)))) > 1
    sigmoid = "output: {kind: masks, select: out, activation: sigmoid, threshold: 0.4, positive: 2}"
    masks = declared(tmp_path, "file: m.pt" + UNET + sigmoid).predict(batch)
    np.testing.assert_array_equal(np.stack(list(masks)), 1 / (1 + np.exp(-logits[:, 2])) >= 0.4)


def test_masks_come_back_on_the_pixels_of_the_image(tmp_path: Path) -> None:
    from tests.audit.models.networks import Unet

    save_script(script(Unet().eval()), tmp_path / "m.pt")
    text = "file: m.pt" + UNET + "output: {kind: masks, select: out, activation: softmax, grid: "
    batch = units(2, size=16)
    small = declared(tmp_path, text + "model}").predict(batch)
    large = declared(tmp_path, text + "image}").predict(batch)
    for coarse, fine in zip(small, large, strict=True):
        np.testing.assert_array_equal(fine, np.kron(coarse, np.ones((2, 2), np.uint8)))


def test_several_outputs_need_a_choice(tmp_path: Path) -> None:
    from tests.audit.models.networks import Unet

    save_script(script(Unet().eval()), tmp_path / "m.pt")
    for select, told in (("", "'out', 'low'"), ("select: ou, ", "did you mean 'out'")):
        text = f"file: m.pt{UNET}output: {{kind: masks, {select}activation: softmax}}\n"
        model = declared(tmp_path, text)
        error = refusal(partial(model.predict, units(2)))
        assert codes(error) == ["unknown_output"]
        assert told in str(error)


def test_an_image_comes_out_of_an_image(tmp_path: Path) -> None:
    from tests.audit.models.networks import Denoiser

    module = Denoiser().eval()
    save_script(script(module), tmp_path / "m.pt")
    batch = units(3)
    text = "file: m.pt" + UNET + "output: {kind: images, activation: none}\nbatch_size: 2\n"
    images = declared(tmp_path, text).predict(batch)
    with torch.no_grad():
        wanted = module(torch.from_numpy(fused_arrays(batch)[0])).numpy()[:, 0]
    assert isinstance(images, tuple)
    assert {image.dtype for image in images} == {np.dtype("float32")}
    np.testing.assert_allclose(np.stack(images), wanted, rtol=0, atol=1e-6)


def test_a_network_that_keeps_its_dropout_is_caught(tmp_path: Path) -> None:
    from tests.audit.models.networks import Restless

    save_script(script(Restless()), tmp_path / "m.pt")
    model = declared(
        tmp_path,
        "file: m.pt\n"
        "inputs: [{name: table, kind: columns, columns: [a, b]}]\n"
        "output: {activation: sigmoid}\n",
    )
    table = pd.DataFrame(np.random.default_rng(1).normal(size=(20, 2)), columns=["a", "b"])
    error = refusal(lambda: self_check(model, Batch(table)))
    assert codes(error) == ["not_repeatable"]
    assert "dropout" in str(error)


def test_a_file_alone_does_not_say_what_its_numbers_mean(tmp_path: Path) -> None:
    exported(network(), tmp_path / "m.pt2")
    error = refusal(lambda: load_model(tmp_path / "m.pt2"))
    assert codes(error) == ["undeclared_model"]
    assert "file: m.pt2" in str(error)


@pytest.mark.parametrize("suffix", [".pt2", ".pt", ".pth", ".safetensors"])
def test_damaged_files_are_bad_input(tmp_path: Path, suffix: str) -> None:
    exported(network(), tmp_path / "whole.pt2")
    whole = (tmp_path / "whole.pt2").read_bytes()
    path = tmp_path / f"m{suffix}"
    for content in (b"", b"no model at all", whole[: len(whole) // 2]):
        path.write_bytes(content)
        error = refusal(lambda: declared(tmp_path, f"file: {path.name}" + FUSED))
        assert set(codes(error)) <= {"corrupt_model", "untrusted_pickle"}, content[:9]
    path.unlink()
    error = refusal(lambda: declared(tmp_path, f"file: {path.name}" + FUSED))
    assert codes(error) == ["missing_file"]


def test_batched_models_are_one_type(tmp_path: Path) -> None:
    assert isinstance(saved(network(), "export", tmp_path), BatchedModel)
