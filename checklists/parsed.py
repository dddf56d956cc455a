"""The shipped instruments as they were parsed before, kept beside the bytecode of this package.

Their YAML is written for people and takes a third of a second to read, more than all the rest of a
short command. What it says is kept as JSON with the hash of the texts: an edited text is read anew,
and a file that cannot be used or written is done without.
"""

import hashlib
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from audit.atomic import write_atomic
from audit.problems import InputError
from checklists.instrument import InstrumentFile, Record


class _Kept(Record):
    """Instruments by the name of their file, and the hash of the texts that they were read from."""

    sha256: str
    files: dict[str, InstrumentFile]


def kept_instruments(paths: Iterable[Path], at: Path) -> Mapping[str, InstrumentFile] | None:
    """The instruments of these files as kept at a place; None where they are not, or have changed.

    Raises
    ------
    OSError
        When one of the files cannot be read.
    """
    try:
        kept = _Kept.model_validate_json(at.read_bytes())
    except (OSError, ValidationError):
        return None
    return kept.files if kept.sha256 == _hash(paths) else None


def keep_instruments(files: Mapping[Path, InstrumentFile], at: Path) -> None:
    """Keep what these files say at a place, unless Python keeps no bytecode or it is not ours."""
    if sys.dont_write_bytecode:
        return
    named = {path.name: text for path, text in files.items()}
    kept = _Kept.model_construct(sha256=_hash(files), files=named)
    with suppress(InputError):
        write_atomic(at, kept.model_dump_json(exclude_unset=True))


def _hash(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
