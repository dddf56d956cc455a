"""Which of torch's kinds of file something is, and whether it can be loaded without trust."""

import io
import json
import re
import struct
import zipfile
from pathlib import Path
from typing import Any, Literal

from audit.models.extras import library
from audit.models.files import damaged
from audit.models.pt2_archive import archive_problem
from audit.problems import InputError, Problem

Kind = Literal["torch_export", "torchscript", "state_dict"]

# Operators with which a TorchScript program reaches beyond its tensors, and foreign operators.
_REACHES_OUT = re.compile(
    r"\b(save|from_file|load_tensor|PythonOp|IgnoredPythonOp)\b"
    r"|\bops\s*\.\s*(?!(?:prim|aten|quantized|torchvision)\b)\w+"
    r"|\btorch\s*\.\s*classes\s*\.\s*(?!quantized\b)\w+"
)
_SAFETENSORS = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64",
    "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip


def torch_kind(data: bytes) -> Kind:
    """Tell an export, a TorchScript program and weights apart by what the file holds."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return "state_dict"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [name.partition("/")[2] for name in archive.namelist()]
        whole = archive.namelist()
    if "archive_format" in names or "serialized_exported_program.json" in whole:
        return "torch_export"
    if any(name.startswith("code/") for name in names) or "constants.pkl" in names:
        return "torchscript"
    return "state_dict"


def load_export(data: bytes, path: Path, trust: bool) -> Any:
    """Load an archive of ``torch.export``; without trust only after a look at all it holds."""
    torch = library("torch")
    try:
        problem = None if trust else archive_problem(data)
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError, RecursionError) as error:
        raise damaged(path, "torch.export", error) from None
    if problem is not None:
        reason = f"loading this archive could run code: {problem}"
        remedy = "export it again with torch.export.save, or, if you trust its maker, add --trust"
        raise InputError(Problem("untrusted_archive", str(path), reason, remedy))
    try:
        return torch.export.load(io.BytesIO(data))
    except Exception as error:
        raise damaged(path, "torch.export", error) from None


def load_script(data: bytes, path: Path, trust: bool) -> Any:
    """Load a TorchScript archive; without trust only if its program stays among its tensors."""
    import warnings

    torch = library("torch")
    try:
        found = None if trust else _reaching_out(data)
    except (zipfile.BadZipFile, KeyError) as error:
        raise damaged(path, "TorchScript", error) from None
    if found is not None:
        reason = f"the TorchScript program in the file uses '{found}', which reaches beyond tensors"
        remedy = "export it with torch.export, or, if you trust its maker, add --trust"
        raise InputError(Problem("untrusted_archive", str(path), reason, remedy))
    try:
        with warnings.catch_warnings():
            # torch advises against the format; whoever ships it knows.
            warnings.simplefilter("ignore", DeprecationWarning)
            return torch.jit.load(io.BytesIO(data), map_location="cpu")
    except Exception as error:
        raise damaged(path, "TorchScript", error) from None


def _reaching_out(data: bytes) -> str | None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        if len(set(names)) < len(names):
            return "two members of one name"
        for name in names:
            if name.endswith(".py"):
                found = _REACHES_OUT.search(archive.read(name).decode("utf-8", "replace"))
                if found:
                    return found.group().replace("\n", " ")
    return None


def load_weights(data: bytes, path: Path, trust: bool) -> Any:
    """Load weights, or with trust whatever was pickled.

    Raises
    ------
    InputError
        For a pickle that holds more than weights, without trust.
    """
    import pickle

    torch = library("torch")
    if path.suffix.lower() == ".safetensors":
        try:
            return _safetensors(data)
        except (ValueError, KeyError, struct.error, RuntimeError, TypeError) as error:
            raise damaged(path, "safetensors", error) from None
    try:
        return torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
    except pickle.UnpicklingError:
        if not trust:
            reason = "it pickles more than weights, and loading it runs whatever code it holds"
            remedy = (
                "save model.state_dict() and name its factory, or use torch.export.save; if you "
                "trust whoever made it, add --trust"
            )
            raise InputError(Problem("untrusted_pickle", str(path), reason, remedy)) from None
    except Exception as error:
        raise damaged(path, "torch", error) from None
    try:
        return torch.load(io.BytesIO(data), weights_only=False, map_location="cpu")
    except Exception as error:
        raise damaged(path, "torch", error) from None


def _safetensors(data: bytes) -> dict[str, Any]:
    """Read the safetensors format: length of the header, header as JSON, the numbers."""
    torch = library("torch")
    (length,) = struct.unpack_from("<Q", data)
    if length > len(data) - 8:
        raise ValueError("the header is cut off")
    header = json.loads(data[8 : 8 + length])
    body = bytearray(data[8 + length :])
    weights = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        dtype = getattr(torch, _SAFETENSORS[entry["dtype"]])
        if not 0 <= start <= end <= len(body):
            raise ValueError(f"weight {name} is cut off")
        if start == end:
            weights[name] = torch.zeros(entry["shape"], dtype=dtype)
            continue
        flat = torch.frombuffer(body[start:end], dtype=dtype)
        weights[name] = flat.reshape(entry["shape"])
    return weights


def state_dict_of(loaded: Any, path: Path, key: str | None, prefix: str) -> dict[str, Any]:
    """Find the weights in what was loaded, under `key` where that is declared."""
    torch = library("torch")

    def refuse(reason: str, remedy: str) -> InputError:
        return InputError(Problem("no_weights", str(path), reason, remedy))

    if key is not None:
        if not isinstance(loaded, dict) or key not in loaded:
            keys = ", ".join(map(str, list(loaded)[:8])) if isinstance(loaded, dict) else "none"
            raise refuse(f"the checkpoint has no '{key}'", f"its keys: {keys}")
        loaded = loaded[key]
    if not isinstance(loaded, dict) or not loaded:
        raise refuse(f"the file holds a {type(loaded).__name__}", "save model.state_dict()")
    others = [name for name, value in loaded.items() if not isinstance(value, torch.Tensor)]
    if others:
        reason = f"the file holds more than weights: {', '.join(map(str, others[:4]))}"
        raise refuse(reason, "name the key of the weights: state_key")
    return {str(name).removeprefix(prefix): value for name, value in loaded.items()}
