"""Model folders of MLflow, read without MLflow: the file that the folder names, and its kind."""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import yaml

from audit.models.files import file_bytes, inside
from audit.models.spec import Format
from audit.problems import InputError, Problem

KNOWN = ("sklearn", "onnx", "pytorch")
_WEIGHTS = ("model.pt2", "model.pt", "model.pth", "state_dict.pth")


@dataclasses.dataclass(frozen=True)
class MlflowModel:
    """The file of the first known flavour of a folder, and what kind of file it is."""

    flavour: str
    path: Path
    format: Format


def read_mlflow(folder: Path, trust: bool) -> MlflowModel:
    """Read ``MLmodel`` and find the model file.

    With `trust` the folder's own code becomes importable, as pickles may need it.

    Raises
    ------
    InputError
        For a folder without ``MLmodel``, flavours that are not known, a file outside of the folder.
    """
    listing = folder / "MLmodel"
    if not listing.is_file():
        reason = "the folder holds no MLmodel file"
        remedy = "give an MLflow model folder, or the model file itself"
        raise InputError(Problem("unknown_model", str(folder), reason, remedy))
    flavours = _flavours(listing)
    known = [name for name in KNOWN if name in flavours]
    if not known:
        others = ", ".join(sorted(set(flavours) - {"python_function"})) or "python_function"
        reason = f"the model is of flavour {others}"
        remedy = f"known: {', '.join(KNOWN)}; others through a callable"
        raise InputError(Problem("unknown_flavour", str(listing), reason, remedy))
    flavour = known[0]
    entry = flavours[flavour] if isinstance(flavours[flavour], dict) else {}
    code = entry.get("code")
    if trust and isinstance(code, str):
        sys.path.append(str(inside(folder, code)))
    path, kind = _file(folder, flavour, entry)
    if not path.is_file():
        reason = f"the {flavour} model names '{path.name}', which is not there"
        raise InputError(Problem("missing_file", str(folder), reason, "copy the whole folder"))
    return MlflowModel(flavour, path, kind)


def _flavours(listing: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file_bytes(listing).decode("utf-8"))
        flavours = content["flavors"]
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, KeyError, TypeError, RecursionError):
        flavours = None
    if not isinstance(flavours, dict) or not flavours:
        reason = "the MLmodel file names no flavours"
        raise InputError(Problem("corrupt_model", str(listing), reason, "save the model again"))
    return {str(name): entry for name, entry in flavours.items()}


def _file(folder: Path, flavour: str, entry: dict[str, Any]) -> tuple[Path, Format]:
    if flavour == "sklearn":
        path = inside(folder, str(entry.get("pickled_model", "model.pkl")))
        skops = path.suffix == ".skops" or entry.get("serialization_format") == "skops"
        return path, "skops" if skops else "pickle"
    if flavour == "onnx":
        return inside(folder, str(entry.get("data", "model.onnx"))), "onnx"
    data = inside(folder, str(entry.get("model_data", "data")))
    if data.is_dir():
        there = [name for name in _WEIGHTS if (data / name).is_file()]
        data = inside(data, there[0] if there else _WEIGHTS[2])
    return data, "auto"
