"""Saving an estimator as a skops file whose bytes depend on nothing but the estimator.

skops names arrays and objects by their address in memory and stamps the time of day on every
member of the archive, so that the same model gives other bytes on each run. Here addresses become
numbers in order of appearance and every member gets the earliest time an archive can hold.
"""

import io
import json
import zipfile
from pathlib import PurePosixPath
from typing import Any

_EARLIEST = (1980, 1, 1, 0, 0, 0)


def skops_bytes(estimator: Any) -> bytes:
    """Return the content of a skops file that loads as `estimator`."""
    import skops.io

    files: dict[str, str] = {}
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(estimator))) as archive:
        schema = _renamed(json.loads(archive.read("schema.json")), {}, files)
        members = [(new, archive.read(old)) for old, new in files.items()]
    members.append(("schema.json", json.dumps(schema, indent=2).encode()))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members:
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return buffer.getvalue()


def _renamed(node: Any, ids: dict[int, int], files: dict[str, str]) -> Any:
    """Copy a schema with ids and file names replaced; `ids` and `files` collect the new names."""
    if isinstance(node, list):
        return [_renamed(item, ids, files) for item in node]
    if not isinstance(node, dict):
        return node
    copy: dict[str, Any] = {}
    for key, value in node.items():
        if key == "__id__":
            copy[key] = ids.setdefault(value, len(ids) + 1)
        elif key == "file" and isinstance(value, str) and "__loader__" in node:
            suffix = PurePosixPath(value).suffix
            copy[key] = files.setdefault(value, f"{len(files) + 1}{suffix}")
        else:
            copy[key] = _renamed(value, ids, files)
    return copy
