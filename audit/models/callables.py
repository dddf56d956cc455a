"""Models that are a Python function, and factories of networks: ``module:function``."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from audit.models.batched import BatchedModel
from audit.models.files import file_bytes, first_line, model_file
from audit.models.outputs import selected
from audit.models.preprocessing import preprocess
from audit.models.protocol import Batch, ModelDescription, ModelFile
from audit.models.spec import (
    ImageInput,
    ModelSpec,
    declared_output,
    described_inputs,
    table_columns,
)
from audit.problems import InputError, Problem, nearest


def load_callable(spec: ModelSpec, folder: Path, trust: bool) -> BatchedModel:
    """Make a model of ``module:function``.

    The function gets a `Batch` of at most `batch_size` units, with the declared columns as they
    stand in the table and the images preprocessed as declared, and returns one result per unit: an
    array, or for masks and images also a list of arrays.
    """
    assert spec.callable is not None
    function, source = import_callable(spec.callable, folder, trust)
    output = declared_output(spec, folder / f"{spec.callable.split(':')[0]}.py")
    columns = list(table_columns(spec))
    pictures = [item for item in spec.inputs if isinstance(item, ImageInput)]

    def run(batch: Batch) -> Any:
        images = {item.name: _images(item, batch) for item in pictures}
        raw = function(Batch(batch.table[columns], images))
        if isinstance(raw, dict) or output.select is not None:
            return selected(raw, output.select, spec.callable or "")
        return raw

    description = ModelDescription(
        format="callable",
        name=spec.callable,
        sha256=source.sha256,
        bytes=source.bytes,
        inputs=table_columns(spec),
        classes=output.classes or (),
        positive=output.positive_name,
        parameters=None,
        takes=described_inputs(spec),
        gives=output.kind,
        activation=output.activation,
        device="as the callable decides",
        batch_size=spec.batch_size,
    )
    return BatchedModel(description, spec, output, run)


def _images(item: ImageInput, batch: Batch) -> list[Any]:
    steps, images = item.preprocessing, batch.images[item.name]
    return list(images) if steps is None else [preprocess(image, steps) for image in images]


def import_callable(name: str, folder: Path, trust: bool) -> tuple[Callable[..., Any], ModelFile]:
    """Import ``module:function``, from `folder` if the module is there, else as installed.

    Code that lies beside a model runs with the rights of whoever starts it, so `trust` is needed.
    The folder stays at the end of ``sys.path``: behind everything installed, for what the module
    imports itself.

    Returns
    -------
    tuple
        The callable and the file of its source, hashed.

    Raises
    ------
    InputError
        Without `trust`, and when there is no such module or callable, or it fails on import.
    """
    if not trust:
        reason = "it is Python code, which can do anything on this machine"
        remedy = "if you trust whoever made it, add --trust"
        raise InputError(Problem("untrusted_code", name, reason, remedy))
    module_name, _, attribute = name.partition(":")
    found: Any = _module(module_name, folder)
    source = getattr(found, "__file__", None)
    module = found
    for part in attribute.split("."):
        if not hasattr(found, part):
            known = [key for key in vars(module) if not key.startswith("_")]
            reason = f"module {module_name} has no '{attribute}'"
            raise InputError(Problem("unknown_callable", name, reason, nearest(part, known)))
        found = getattr(found, part)
    if not callable(found):
        reason = f"'{attribute}' is a {type(found).__name__} and cannot be called"
        raise InputError(Problem("unknown_callable", name, reason, "name a function or class"))
    if source is None or not Path(source).is_file():
        return found, ModelFile(module_name, "", 0)
    # What was imported is hashed: a method of a class may come from another file than its module.
    home = inspect.getsourcefile(found) if inspect.isroutine(found) else None
    path = Path(home or source)
    return found, model_file(path.name, file_bytes(path))


def _module(name: str, folder: Path) -> ModuleType:
    beside = _beside(name, folder)
    entry = str(folder.resolve())
    if entry not in sys.path:
        sys.path.append(entry)
    try:
        if beside is None:
            return importlib.import_module(name)
        loaded = sys.modules.get(name)
        if loaded is not None and _same_file(loaded, beside):
            return loaded
        return _from_file(name, beside, free=loaded is None)
    except ModuleNotFoundError as error:
        if error.name is not None and name.split(".")[0] == error.name.split(".")[0]:
            reason = f"there is no module {name} in {folder} and none is installed"
            remedy = "put it beside the declaration, or install it"
            raise InputError(Problem("missing_module", name, reason, remedy)) from None
        raise InputError(_failed(name, error)) from None
    # A module of the user's may fail in any way.
    except Exception as error:
        raise InputError(_failed(name, error)) from None


def _failed(name: str, error: Exception) -> Problem:
    reason = f"the module cannot be imported ({first_line(error)})"
    return Problem("broken_module", name, reason, "correct it, or install what it needs")


def _beside(name: str, folder: Path) -> Path | None:
    base = folder.joinpath(*name.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py")
    return next((path.resolve() for path in candidates if path.is_file()), None)


def _same_file(module: ModuleType, path: Path) -> bool:
    source = getattr(module, "__file__", None)
    return source is not None and Path(source).resolve() == path


def _from_file(name: str, path: Path, free: bool) -> ModuleType:
    """Load a file; under another name when its own is taken by an unrelated module."""
    called = name if free else f"_model_{abs(hash(path)):x}_{name.replace('.', '_')}"
    packages = [str(path.parent)] if path.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(called, path, submodule_search_locations=packages)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[called] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[called]
        raise
    return module
