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
        result = AuditResult.from_json(content)
    except FileNotFoundError:
        reason, remedy = "no such file", "run `equipoise audit` first"
    except OSError as error:
        reason, remedy = f"it cannot be read ({error.strerror})", "check the path"
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        reason = f"not an audit result of this version ({place}: {first['msg']})"
        remedy = "run `equipoise audit` again"
    else:
        return ResultFile(path, hashlib.sha256(content).hexdigest(), result)
    raise InputError(Problem("bad_result", str(path), reason, remedy))
