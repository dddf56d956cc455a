"""Reading ``audit.json`` back, with one clear line for a file that is not one."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from audit.problems import InputError, Problem
from audit.result import AuditResult


@dataclass(frozen=True)
class ResultFile:
    """An audit as it lies on disk, and the hash of its bytes."""

    path: Path
    sha256: str
    result: AuditResult


def read_result(path: Path) -> AuditResult:
    """Read audit.json; one clear line when it is absent, cut short or of another version."""
    return read_result_file(path).result


def read_result_file(path: Path) -> ResultFile:
    """Read audit.json and hash it.

    Raises
    ------
    InputError
        Code ``bad_result``, when the file is absent, unreadable, cut short or of another version.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        problem = _problem(path, "no such file", "run `equipoise audit` first")
    except OSError as error:
        problem = _problem(path, f"it cannot be read ({error.strerror})", "check the path")
    else:
        result = parse_result(content, str(path))
        return ResultFile(path, hashlib.sha256(content).hexdigest(), result)
    raise InputError(problem)


def parse_result(content: bytes, name: str) -> AuditResult:
    """Read the content of an audit.json; `name` is how problems call it."""
    try:
        return AuditResult.from_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        reason = f"not an audit result of this version ({place}: {first['msg']})"
        raise InputError(_problem(name, reason, "run `equipoise audit` again")) from None


def _problem(where: Path | str, reason: str, remedy: str) -> Problem:
    return Problem("bad_result", str(where), reason, remedy)
