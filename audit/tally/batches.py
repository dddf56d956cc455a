"""Predictions files read a batch at a time: only the needed columns, in memory that stays flat.

A gzipped CSV is the exception: it is unpacked in memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from audit.cells import decode, dictionary_array
from audit.problems import InputError, Problem, nearest
from audit.sources.columnar import damage_reported, open_ipc, plain_column
from audit.sources.delimited import BLOCK, MISSING_TOKENS, open_delimited
from audit.sources.files import SUFFIXES, read_files
from audit.sources.source import Part, Source

BATCH_ROWS = 1 << 17


@dataclass(frozen=True)
class Predictions:
    """Files that are known to have the needed columns, and their size in bytes."""

    paths: tuple[Path, ...]
    columns: tuple[str, ...]
    size: int

    def batches(self) -> Iterator[Source]:
        """Give the rows in order, in parts that know where in their file they stand."""
        for path in self.paths:
            done = 0
            for table in _tables(path, self.columns):
                part = Part(path.name, len(table), "row", done + 1)
                yield Source(table, (), (part,), self.columns)
                done += len(table)


def open_predictions(paths: Sequence[Path], needed: dict[str, str]) -> Predictions:
    """Find the files and check that they are whole and have the needed columns.

    Parameters
    ----------
    paths : sequence of Path
        Files, or folders whose predictions files are all read, in order of name.
    needed : dict
        Column names and what each is for, from `audit.cohort.needed_columns`.

    Raises
    ------
    InputError
        With every problem of every file.
    """
    source = read_files(paths, {})
    known = sorted(source.all_columns)
    names = ", ".join(path.name for path in paths)
    absent = [
        Problem("unknown_column", names, f"there is no column '{c}' ({use})", nearest(c, known))
        for c, use in needed.items()
        if c not in known
    ]
    if absent:
        raise InputError(absent)
    files = tuple(file for path in paths for file in _files(path))
    return Predictions(files, tuple(needed), sum(file.bytes for file in source.files))


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(
        (f for f in path.iterdir() if _suffix(f) and f.name[0] not in "._"),
        key=lambda file: file.name,
    )


def _suffix(path: Path) -> str | None:
    return next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), None)


def _tables(path: Path, columns: Sequence[str]) -> Iterator[Any]:
    kind = SUFFIXES[_suffix(path) or ""]
    if kind == "CSV":
        yield from _text_tables(path, columns)
        return
    with damage_reported(kind, path.name):
        read = _parquet_tables if kind == "Parquet" else _ipc_tables
        for table in read(path, columns):
            table.validate(full=True)  # damaged offsets and indices would otherwise be followed
            yield _plain_table(table, path.name)


def _parquet_tables(path: Path, columns: Sequence[str]) -> Iterator[Any]:
    import pyarrow.parquet as parquet

    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH_ROWS, columns=list(columns)):
            yield pa.Table.from_batches([batch]).select(list(columns))


def _ipc_tables(path: Path, columns: Sequence[str]) -> Iterator[Any]:
    schema = open_ipc(path, None).schema
    reader = open_ipc(path, [schema.get_field_index(name) for name in columns])
    whole = hasattr(reader, "num_record_batches")
    batches = map(reader.get_batch, range(reader.num_record_batches)) if whole else reader
    for batch in batches:
        table = pa.Table.from_batches([batch]).select(list(columns))
        for start in range(0, len(table), BATCH_ROWS):
            yield table.slice(start, BATCH_ROWS)


def _plain_table(table: Any, name: str) -> Any:
    arrays = []
    for column in table.column_names:
        try:
            arrays.append(plain_column(table.column(column)))
        except (pa.ArrowException, TypeError):
            reason = f"the column holds {table.column(column).type}, not single values"
            where, remedy = f"{name}: column '{column}'", "store numbers, text or dates"
            raise InputError(Problem("unsupported_type", where, reason, remedy)) from None
    return pa.Table.from_arrays(arrays, table.column_names)


def _text_tables(path: Path, columns: Sequence[str]) -> Iterator[Any]:
    """Read every column as text, as `audit.sources.delimited` does: roles parse it later."""
    import pyarrow.csv as arrow_csv

    text = open_delimited(path, path.name)
    if text.lines == 1:
        return
    convert = arrow_csv.ConvertOptions(
        include_columns=list(columns),
        column_types=dict.fromkeys(columns, pa.dictionary(pa.int32(), pa.string())),
        strings_can_be_null=False,
    )
    parse = arrow_csv.ParseOptions(delimiter=text.delimiter, newlines_in_values=text.quoted)
    read = arrow_csv.ReadOptions(block_size=BLOCK)
    try:
        with arrow_csv.open_csv(pa.BufferReader(text.data), read, parse, convert) as reader:
            for batch in reader:
                table = pa.Table.from_batches([batch])
                arrays = [dictionary_array(decode(c, MISSING_TOKENS)) for c in table.columns]
                yield pa.Table.from_arrays(arrays, list(columns))
    except pa.ArrowException:
        # Arrow's message quotes the row; reading one column whole tells which row it is instead.
        text.read(columns[:1])
        reason, remedy = "the table cannot be parsed", "write it again as plain CSV"
        raise InputError(Problem("corrupt", path.name, reason, remedy)) from None
