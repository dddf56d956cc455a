"""Models of every kind behind one protocol; the adapter is chosen by the kind of file."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from audit.models.protocol import (
    Batch,
    Model,
    ModelDescription,
    ModelFile,
    ModelInput,
    Predicted,
    require_images,
    require_inputs,
)
from audit.problems import InputError, Problem

if TYPE_CHECKING:
    from audit.models.spec import ModelSpec

__all__ = [
    "Batch",
    "Model",
    "ModelDescription",
    "ModelFile",
    "ModelInput",
    "Predicted",
    "load_model",
    "load_spec",
    "require_images",
    "require_inputs",
]

_PICKLES = (".joblib", ".pkl", ".pickle")
_TORCH = (".pt2", ".pt", ".pth", ".ts", ".safetensors")
_DECLARATIONS = (".yaml", ".yml")
SUFFIXES = (".skops", *_PICKLES, ".onnx", *_TORCH, *_DECLARATIONS)
_FORMATS = {
    ".skops": "skops",
    ".onnx": "onnx",
    **dict.fromkeys(_PICKLES, "pickle"),
    **dict.fromkeys(_TORCH, "torch"),
}


def load_model(
    path: Path,
    trusted: Sequence[str] = (),
    trust: bool = False,
    *,
    positive: str | None = None,
) -> Model:
    """Load a model.

    Parameters
    ----------
    path : Path
        A skops file, a pickle (``.joblib``, ``.pkl``) when `trust` is given, an MLflow folder, or
        the declaration of a model in YAML (`ModelSpec`), which torch, ONNX and callables need.
    trusted : sequence of str
        Names of types inside a skops file that may be loaded beside the usual ones.
    trust : bool
        Load pickles, and code that a declaration names. They can do anything: only for models
        whose maker is known.
    positive : str, optional
        For scikit-learn: the class whose score is wanted; the last of the model's when absent.

    Raises
    ------
    InputError
        For a missing or damaged file, an unknown kind of file, a pickle without `trust`, types
        that are not trusted, and models that do not give what is declared of them.
    """
    if path.suffix.lower() in _DECLARATIONS:
        from audit.models.spec_file import read_model_spec

        return load_spec(read_model_spec(path), path.parent, trusted, trust)
    return _load_file(path, None, path.parent, trusted, trust, positive)


def load_spec(
    spec: "ModelSpec", folder: Path, trusted: Sequence[str] = (), trust: bool = False
) -> Model:
    """Load the model that a declaration names, from `folder`; see `load_model`."""
    if spec.file is None:
        from audit.models.callables import load_callable

        return load_callable(spec, folder, trust)
    positive = spec.output.positive_name if spec.output is not None else None
    return _load_file(folder / spec.file, spec, folder, trusted, trust, positive)


def _load_file(
    path: Path,
    spec: "ModelSpec | None",
    folder: Path,
    trusted: Sequence[str],
    trust: bool,
    positive: str | None,
) -> Model:
    kind = _format(path, spec)
    if kind == "mlflow":
        return _load_mlflow(path, spec, folder, trusted, trust, positive)
    if kind == "skops":
        from audit.models.sklearn_models import load_skops

        return load_skops(path, trusted, positive)
    if kind == "pickle":
        _require_trust(path, trust)
        from audit.models.sklearn_models import load_pickle

        return load_pickle(path, positive)
    from audit.models.spec import ModelSpec

    declared = spec or ModelSpec(file=path.name)
    if kind == "onnx":
        from audit.models.onnx_models import load_onnx

        return load_onnx(path, declared)
    from audit.models.torch_models import load_torch

    return load_torch(path, declared, folder, trust)


def _format(path: Path, spec: "ModelSpec | None") -> str:
    """Kind of a model file, as declared or by its suffix; unknown ones are refused."""
    if spec is not None and spec.format != "auto":
        return spec.format
    kind = _FORMATS.get(path.suffix.lower())
    if kind is None and path.is_dir() and (path / "MLmodel").exists():
        return "mlflow"
    if kind is None:
        reason = f"'{path.suffix}' is not a known kind of model file"
        remedy = f"known: {', '.join(SUFFIXES)}"
        raise InputError(Problem("unknown_model", str(path), reason, remedy))
    return kind


def _require_trust(path: Path, trust: bool) -> None:
    if not trust:
        reason = "this is a pickle, and loading a pickle runs whatever code it holds"
        remedy = (
            "save the model with skops.io.dump and give the .skops file, or, if you trust whoever "
            "made it, add --trust"
        )
        raise InputError(Problem("untrusted_pickle", str(path), reason, remedy))


def _load_mlflow(
    path: Path,
    spec: "ModelSpec | None",
    folder: Path,
    trusted: Sequence[str],
    trust: bool,
    positive: str | None,
) -> Model:
    from audit.models.files import file_bytes, model_file
    from audit.models.mlflow_folder import read_mlflow
    from audit.models.spec import ModelSpec

    found = read_mlflow(path, trust)
    update = {"file": found.path.name, "format": found.format}
    declared = (spec or ModelSpec(file=path.name)).model_copy(update=update)
    model = _load_file(found.path, declared, folder, trusted, trust, positive)
    known = model.describe()
    listing = model_file("MLmodel", file_bytes(path / "MLmodel"))
    description = dataclasses.replace(
        known,
        format=f"MLflow {found.flavour}: {known.format}",
        name=path.name,
        parts=(*known.parts, listing),
    )
    # Every adapter's model is a frozen dataclass that keeps its description under this name.
    described: Model = dataclasses.replace(model, description=description)  # type: ignore[type-var]
    return described
