"""Bytes of a model file, read once: what is hashed is what is loaded."""

import hashlib
from pathlib import Path

from audit.models.protocol import ModelFile
from audit.problems import InputError, Problem


def file_bytes(path: Path) -> bytes:
    """Read a file; InputError when that cannot be done."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        problem = Problem("missing_file", str(path), "no such file", "check the path")
    except OSError as error:
        reason = f"the file cannot be read ({error.strerror or error})"
        problem = Problem("unreadable", str(path), reason, "check the path and its permissions")
    raise InputError(problem)


def model_file(name: str, data: bytes) -> ModelFile:
    """Name a file with its hash and size."""
    return ModelFile(name, hashlib.sha256(data).hexdigest(), len(data))


def first_line(error: BaseException, most: int = 200) -> str:
    """First line of a message, with the kind of error before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = (lines or [""])[0][:most].rstrip(" .:")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def damaged(path: Path, kind: str, error: BaseException) -> InputError:
    """Say in one line that a file cannot be loaded."""
    reason = f"the file cannot be loaded as a {kind} model ({first_line(error)})"
    remedy = "copy or save it again, with the library versions that are installed here"
    return InputError(Problem("corrupt_model", str(path), reason, remedy))


def inside(folder: Path, name: str) -> Path:
    """Resolve a name that a model file gives; it may not lead out of the folder.

    Raises
    ------
    InputError
        For an absolute path, one with ``..`` that leads out, or a link that does.
    """
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        reason = f"the model names a file outside of its folder: {name}"
        raise InputError(Problem("outside_folder", str(folder), reason, "move the file into it"))
    return path
