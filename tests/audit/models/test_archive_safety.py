"""Archives that would run code when loaded are refused before any of them is loaded."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.models.pt2_archive import archive_problem
from tests.audit.models.samples import (
    FUSED,
    codes,
    declared,
    fused_arrays,
    refusal,
    save_script,
    script,
    units,
)
from tests.reports.validators import needs

torch: Any = None
RUN = "__import__('pathlib').Path('ran').touch()"
Change = Callable[[dict[str, bytes]], None]


@pytest.fixture(autouse=True)
def _torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    global torch
    torch = needs("torch")
    monkeypatch.chdir(tmp_path)


class Payload:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("ran"),))


def export() -> dict[str, bytes]:
    """Members of a plain export."""
    from tests.audit.models.networks import Fused

    image, clinical = (torch.from_numpy(array) for array in fused_arrays(units(2)))
    free = torch.export.Dim("units")
    program = torch.export.export(
        Fused().eval(), (image, clinical), dynamic_shapes=({0: free}, {0: free})
    )
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    with zipfile.ZipFile(buffer) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def member(members: dict[str, bytes], end: str) -> str:
    (name,) = (name for name in members if name.endswith(end))
    return name


def in_json(end: str, edit: Callable[[Any], None]) -> Change:
    def change(members: dict[str, bytes]) -> None:
        name = member(members, end)
        content = json.loads(members[name])
        edit(content)
        members[name] = json.dumps(content).encode()

    return change


def pickled(end: str) -> Change:
    def change(members: dict[str, bytes]) -> None:
        buffer = io.BytesIO()
        torch.save(Payload(), buffer)
        members[member(members, end)] = buffer.getvalue()

    return change


def added(name: str) -> Change:
    def change(members: dict[str, bytes]) -> None:
        members[next(iter(members)).split("/")[0] + "/" + name] = b"x"

    return change


def first_node(content: Any) -> Any:
    return content["graph_module"]["graph"]["nodes"][0]


def call(target: str) -> Change:
    return in_json("model.json", lambda content: first_node(content).update(target=target))


def size(text: str) -> Change:
    def edit(content: Any) -> None:
        values = content["graph_module"]["graph"]["tensor_values"]
        values["image"]["sizes"][0] = {"as_expr": {"expr_str": text, "hint": {"as_int": 2}}}

    return in_json("model.json", edit)


def container(kind: str, context: str) -> Change:
    def edit(content: Any) -> None:
        signature = content["graph_module"]["module_call_graph"][0]["signature"]
        spec = {"type": kind, "context": context, "children_spec": []}
        signature["out_spec"] = json.dumps([1, spec])

    return in_json("model.json", edit)


CHANGES: dict[str, Change] = {
    "operator of the system": call("torch.os.system"),
    "operator of files": call("torch.ops.aten.from_file.default"),
    "operator of a package": call("torch.hub.load"),
    "size": size(RUN),
    "size by attribute": size("Symbol('s').func"),
    "size by text": size("Symbol('__import__(1)')"),
    "guard": in_json("model.json", lambda content: content.update(guards_code=[RUN])),
    "guard by statement": in_json(
        "model.json", lambda content: content.update(guards_code=["1)\n  import os"])
    ),
    "range": in_json(
        "model.json", lambda content: content["range_constraints"].update({RUN: {"min_val": 0}})
    ),
    "name": in_json("model.json", lambda content: first_node(content).update(name="a(b)")),
    "result": container("collections.defaultdict", '["os", "system"]'),
    "key of a result": container("builtins.dict", '["a\'); import os"]'),
    "pickled example": pickled("sample_inputs/model.pt"),
    "pickled weight": in_json(
        "model_weights_config.json",
        lambda content: next(iter(content["config"].values())).update(use_pickle=True),
    ),
    "object": in_json(
        "model_weights_config.json",
        lambda content: next(iter(content["config"].values())).update(path_name="opaque_obj_0"),
    ),
    "compiled code": added("data/aotinductor/model/model.so"),
    "foreign member": added("data/constants/custom_obj_0"),
}


def write(members: dict[str, bytes], path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("name", CHANGES)
def test_an_export_that_could_run_code_is_refused(tmp_path: Path, name: str) -> None:
    members = export()
    CHANGES[name](members)
    write(members, tmp_path / "m.pt2")
    error = refusal(lambda: declared(tmp_path, "file: m.pt2" + FUSED))
    assert codes(error) == ["untrusted_archive"]
    assert "--trust" in str(error)
    assert not (tmp_path / "ran").exists()


def test_a_plain_export_is_loaded_and_a_trusted_one_runs_what_it_holds(tmp_path: Path) -> None:
    members = export()
    write(members, tmp_path / "m.pt2")
    assert declared(tmp_path, "file: m.pt2" + FUSED).describe().format == "torch.export"
    # What is refused above is no fancy: torch itself runs it.
    CHANGES["pickled example"](members)
    write(members, tmp_path / "m.pt2")
    refusal(lambda: declared(tmp_path, "file: m.pt2" + FUSED, trust=True))
    assert (tmp_path / "ran").exists()


def test_free_sizes_assertions_and_many_kinds_of_layers_are_plain(tmp_path: Path) -> None:
    nn, functional = torch.nn, torch.nn.functional

    class Varied(nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

        def forward(self, x: Any, k: Any) -> Any:
            y = functional.interpolate(functional.max_pool2d(k, 2), size=k.shape[-2:])
            z = self.attention(x)
            seen = torch.nonzero(k > 0).shape[0]
            return {"a": torch.einsum("bij,bkj->bik", z, z), "b": [z * seen, y]}

    auto = torch.export.Dim.AUTO
    program = torch.export.export(
        Varied().eval(),
        (torch.rand(2, 6, 8), torch.rand(2, 1, 8, 8)),
        dynamic_shapes=({0: auto, 1: auto}, {0: auto, 2: auto, 3: auto}),
    )
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    assert archive_problem(buffer.getvalue()) is None


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    members = export()
    write(members, tmp_path / "m.pt2")
    with (
        zipfile.ZipFile(tmp_path / "m.pt2", "a") as archive,
        pytest.warns(UserWarning, match="Duplicate name"),
    ):
        archive.writestr(member(members, "model.json"), b"{}")
    error = refusal(lambda: declared(tmp_path, "file: m.pt2" + FUSED))
    assert codes(error) == ["untrusted_archive"]


def test_a_script_that_writes_files_is_refused(tmp_path: Path) -> None:
    class Writer(torch.nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
        def forward(self, image: torch.Tensor, clinical: torch.Tensor) -> torch.Tensor:
            torch.save(clinical, "ran")
            return clinical

    Writer.forward.__annotations__ = dict.fromkeys(("image", "clinical", "return"), torch.Tensor)
    save_script(script(Writer()), tmp_path / "m.pt")
    error = refusal(lambda: declared(tmp_path, "file: m.pt" + FUSED))
    assert codes(error) == ["untrusted_archive"]
    assert "'save'" in str(error)
    model = declared(tmp_path, "file: m.pt" + FUSED, trust=True)
    assert not (tmp_path / "ran").exists()
    model.predict(units(2))
    assert os.path.getsize(tmp_path / "ran") > 0
