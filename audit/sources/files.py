"""Predictions in files: CSV, Parquet and Feather, one file, several, or a directory of them."""

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from audit.cells import BLANK, decode, dictionary_array
from audit.findings import Findings
from audit.problems import InputError, nearest
from audit.result import FileHash
from audit.sources.columnar import open_columnar
from audit.sources.delimited import open_delimited
from audit.sources.source import Part, Source

__all__ = ["Source", "read_files"]

Kind = Literal["CSV", "Parquet", "Feather"]

SUFFIXES: dict[str, Kind] = {
    ".csv": "CSV",
    ".csv.gz": "CSV",
    ".tsv": "CSV",
    ".tsv.gz": "CSV",
    ".parquet": "Parquet",
    ".pq": "Parquet",
    ".feather": "Feather",
    ".arrow": "Feather",
}


@dataclass(frozen=True)
class _Input:
    path: Path
    name: str
    kind: Kind


@dataclass(frozen=True)
class _Read:
    """What one file gave; `table` is None when its columns do not allow reading it."""

    hash: FileHash
    name: str
    columns: tuple[str, ...]
    table: Any
    part: Part | None


def read_files(paths: Sequence[Path], columns: Mapping[str, str]) -> Source:
    """Read the needed columns of all files, one below the other.

    Parameters
    ----------
    paths : sequence of Path
        Files, or directories whose predictions files are all read, in order of name.
    columns : mapping of str to str
        Needed column names and what each is for (``label``, ``attribute 'sex'``). When empty,
        only `all_columns` is filled, and no row is read.

    Raises
    ------
    InputError
        With every problem of every file.
    """
    findings = Findings()
    inputs = _inputs(paths, findings)
    reads = [read for given in inputs if (read := _read(given, columns, findings)) is not None]
    _check_columns(reads, columns, findings)
    tables = [read.table for read in reads if read.table is not None]
    complete = len(tables) == len(inputs) and not findings.problems
    if columns and complete and not sum(map(len, tables)):
        names = ", ".join(read.name for read in reads)
        findings.problem("no_rows", names, "there are no rows", "give a file with predictions")
    findings.raise_problems()
    table = _concatenated(tables, list(columns))
    hashes = sorted((read.hash for read in reads), key=lambda file: (file.name, file.sha256))
    parts = tuple(read.part for read in reads if read.part is not None)
    return Source(table, tuple(hashes), parts, reads[0].columns)


def _inputs(paths: Sequence[Path], findings: Findings) -> list[_Input]:
    """Expand directories and sort out what cannot be a predictions file."""
    files: list[Path] = []
    for path in paths:
        files.extend(_in_directory(path, findings) if os.path.isdir(path) else [path])
    if not paths:
        findings.problem("no_files", "data", "no predictions file is given", "name at least one")
    basenames = Counter(path.name for path in files)
    inputs: list[_Input] = []
    seen: set[str] = set()
    for path in files:
        kind, real = _kind(path), os.path.realpath(path)
        if real in seen:
            findings.problem("repeated_file", str(path), "the file is given twice", "give it once")
        elif kind is None and not os.path.lexists(path):
            findings.problem("missing_file", str(path), "no such file", "check the path")
        elif kind is None:
            reason = f"'{path.suffix}' is not a known kind of file"
            findings.problem("unknown_suffix", str(path), reason, f"known: {', '.join(SUFFIXES)}")
        else:
            name = path.name if basenames[path.name] == 1 else str(path)
            inputs.append(_Input(path, name, kind))
        seen.add(real)
    return inputs


def _kind(path: Path) -> Kind | None:
    name = path.name.lower()
    return next((kind for suffix, kind in SUFFIXES.items() if name.endswith(suffix)), None)


def _in_directory(path: Path, findings: Findings) -> list[Path]:
    try:
        files = sorted(
            (f for f in path.iterdir() if _kind(f) and not f.name.startswith((".", "_"))),
            key=lambda file: file.name,
        )
    except OSError as error:
        reason = f"the directory cannot be read ({error.strerror})"
        findings.problem("unreadable", str(path), reason, "check its permissions")
        return []
    kinds = sorted({str(_kind(file)) for file in files})
    if not files:
        reason = "the directory holds no predictions files"
        findings.problem("empty_directory", str(path), reason, f"known: {', '.join(SUFFIXES)}")
    if len(kinds) > 1:
        reason = f"the directory mixes {' and '.join(kinds)} files"
        findings.problem("mixed_kinds", str(path), reason, "name the files that belong together")
        return []
    return files


def _read(given: _Input, needed: Mapping[str, str], findings: Findings) -> _Read | None:
    """Open one file, and read it if it has the needed columns."""
    try:
        file_hash = _hash(given.path)
        if file_hash.bytes == 0:
            findings.problem("empty_file", given.name, "the file is empty", "write it again")
            return None
        file = (
            open_delimited(given.path, given.name)
            if given.kind == "CSV"
            else open_columnar(given.path, given.name, given.kind)
        )
        twice = [name for name, count in Counter(file.columns).items() if count > 1 and name]
        for name in twice:
            reason = f"column '{name}' is there twice"
            findings.problem("repeated_column", given.name, reason, "rename or drop one of them")
        if twice or not needed or not set(needed) <= set(file.columns):
            return _Read(file_hash, given.name, file.columns, None, None)
        table, unit, first = file.read(list(needed))
    except InputError as error:
        findings.problems.extend(error.problems)
    except FileNotFoundError:
        findings.problem("missing_file", str(given.path), "no such file", "check the path")
    except OSError as error:
        reason = f"the file cannot be read ({error.strerror or error})"
        findings.problem("unreadable", str(given.path), reason, "check the path and permissions")
    else:
        part = Part(given.name, table.num_rows, unit, first)
        return _Read(file_hash, given.name, file.columns, table, part)
    return None


def _hash(path: Path) -> FileHash:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileHash(name=path.name, bytes=file.tell(), sha256=digest)


def _check_columns(reads: list[_Read], needed: Mapping[str, str], findings: Findings) -> None:
    """Report needed columns that are absent, and files whose columns differ from the first's."""
    lacking: set[str] = set()
    for name, purpose in needed.items():
        without = [read for read in reads if name not in read.columns]
        if without:
            more = f" and {len(without) - 1} more files" if len(without) > 1 else ""
            reason = f"there is no column '{name}' ({purpose})"
            known = sorted(set(without[0].columns))
            findings.problem("unknown_column", without[0].name + more, reason, nearest(name, known))
            lacking.update(read.name for read in without)
    for read in reads:
        if read.name in lacking or reads[0].name in lacking:
            continue
        absent = sorted(set(reads[0].columns) - set(read.columns))
        extra = sorted(set(read.columns) - set(reads[0].columns))
        if absent or extra:
            told = (("lacks", absent), ("adds", extra))
            changes = " and ".join(f"{verb} {_listed(names)}" for verb, names in told if names)
            reason = f"compared with {reads[0].name} it {changes}"
            remedy = "give files of one cohort the same columns"
            findings.problem("different_columns", read.name, reason, remedy)


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:6])
    return shown + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _concatenated(tables: list[Any], columns: list[str]) -> Any:
    """Stack tables. A column stored under several types is stacked as text."""
    arrays = []
    for name in columns:
        parts = [table.column(name) for table in tables]
        kinds = {part.type for part in parts} - {pa.null()}
        if len(kinds) > 1:
            parts = [pa.chunked_array([dictionary_array(decode(part, BLANK))]) for part in parts]
            kinds = {parts[0].type}
        kind = kinds.pop() if kinds else pa.null()
        chunks = [chunk for part in parts for chunk in part.cast(kind).chunks]
        arrays.append(pa.chunked_array(chunks, kind))
    table = pa.Table.from_arrays(arrays, columns)
    return table.unify_dictionaries()
