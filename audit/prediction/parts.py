"""Parts of a prediction that are finished, kept so that a run that was killed can go on.

Parts are runs of rows at fixed places, so that the batches that a model sees, and with them its
numbers, do not depend on where a run was cut.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

from audit.atomic import atomic_path, write_atomic
from audit.models import ModelDescription
from audit.problems import InputError, Problem

STATE = "state.json"
_REASONS = b"equipoise.reasons"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Parts:
    """Folder of the finished parts of one run, beside its output."""

    folder: Path

    def path(self, number: int) -> Path:
        """File of a part."""
        return self.folder / f"{number:06d}.parquet"

    def read(self, number: int, rows: int) -> "tuple[Any, Counter[str]] | None":
        """Return the columns of a finished part and its reasons; None where it is to be made."""
        import pyarrow as pa
        import pyarrow.parquet as parquet

        if not self.path(number).exists():
            return None
        try:
            table = parquet.read_table(self.path(number))
        except (OSError, pa.ArrowInvalid):
            return None
        if table.num_rows != rows:
            return None
        reasons = json.loads((table.schema.metadata or {}).get(_REASONS, b"{}"))
        return table.replace_schema_metadata(None), Counter(reasons)

    def write(self, number: int, table: Any, reasons: Counter[str]) -> None:
        """Keep a finished part; it is there whole or not at all."""
        import pyarrow.parquet as parquet

        held = table.replace_schema_metadata({_REASONS: json.dumps(reasons, sort_keys=True)})
        with atomic_path(self.path(number)) as temporary:
            parquet.write_table(held, temporary)

    def describe(self, description: ModelDescription) -> None:
        """Keep what the self-check found, so that a run that goes on need not ask again."""
        found = [description.deterministic, description.largest_difference, description.flops]
        write_atomic(self.folder / "checked.json", json.dumps(found))

    def checked(self) -> "list[Any] | None":
        """What the self-check of this run found, where it was done."""
        try:
            found: list[Any] = json.loads((self.folder / "checked.json").read_text())
        except (OSError, ValueError):
            return None
        return found

    def remove(self) -> None:
        """Let the parts go: everything is in the output."""
        rmtree(self.folder, ignore_errors=True)


def open_parts(
    out: Path, source: Path, model: ModelDescription, settings: Sequence[str], *, restart: bool
) -> Parts:
    """Open the parts of exactly this run, or begin.

    Raises
    ------
    InputError
        When there are parts of another model, table or setting and `restart` does not say that they
        may go.
    """
    parts = Parts(out.with_name(out.name + ".parts"))
    state = json.dumps(
        {
            "table": _sha256(source),
            "model": model.sha256,
            "parts": [[part.name, part.sha256] for part in model.parts],
            "takes": json.loads(json.dumps(model.as_json()["takes"])),
            "settings": list(settings),
        },
        sort_keys=True,
    )
    try:
        known = (parts.folder / STATE).read_text(encoding="utf-8")
    except OSError:
        known = None
    if known is not None and known != state and not restart:
        old, new = json.loads(known), json.loads(state)
        other = [name for name in new if old.get(name) != new[name]]
        reason = f"it holds work of a run with another {' and '.join(other) or 'setting'}"
        remedy = "give that run's model and table to go on with it, or add --restart to start anew"
        raise InputError(Problem("other_run", str(parts.folder), reason, remedy))
    if known != state or restart:
        parts.remove()
    write_atomic(parts.folder / STATE, state)
    return parts


def _sha256(path: Path) -> str:
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            hashed.update(block)
    return hashed.hexdigest()
