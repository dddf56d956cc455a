"""What the shipped instruments say, as JSON beside them.

Their YAML is written for people and takes longer to read than all the rest of a short command. The
JSON holds the hash of the texts that it was made from: where one was edited since, they are read.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError

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


def kept_text(files: Mapping[Path, InstrumentFile]) -> str:
    """What is kept of these files."""
    named = {path.name: files[path] for path in sorted(files)}
    kept = _Kept.model_construct(sha256=_hash(files), files=named)
    return kept.model_dump_json(exclude_unset=True) + "\n"


def _hash(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
