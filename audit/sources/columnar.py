"""Parquet and Feather (Arrow IPC): only the needed columns are read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from audit.problems import InputError, Problem


@dataclass(frozen=True)
class Columnar:
    """A Parquet or Feather file and its columns; the row index that pandas stores is not one."""

    name: str
    path: Path
    kind: Literal["Parquet", "Feather"]
    schema: Any
    columns: tuple[str, ...]

    def read(self, columns: Sequence[str]) -> tuple[Any, Literal["line", "row"], int]:
        """Read columns; return the table, what its rows are called and the number of the first.

        Raises
        ------
        InputError
            When the file is damaged, or a column holds something else than single values.
        """
        with damage_reported(self.kind, self.name):
            read = _read_parquet if self.kind == "Parquet" else _read_ipc
            table = read(self, columns)
            # damaged offsets, indices and text would otherwise be followed
            table.validate(full=True)
        arrays, problems = [], []
        for column in columns:
            try:
                arrays.append(plain_column(table.column(column)))
            except (pa.ArrowException, TypeError):
                reason = f"the column holds {table.column(column).type}, not single values"
                where = f"{self.name}: column '{column}'"
                problems.append(
                    Problem("unsupported_type", where, reason, "store numbers, text or dates")
                )
        if problems:
            raise InputError(problems)
        return pa.Table.from_arrays(arrays, list(columns)), "row", 1


def open_columnar(path: Path, name: str, kind: Literal["Parquet", "Feather"]) -> Columnar:
    """Open a file far enough to know its columns; raises InputError when it is damaged."""
    with damage_reported(kind, name):
        if kind == "Parquet":
            import pyarrow.parquet as parquet

            with parquet.ParquetFile(path, memory_map=True) as file:
                schema = file.schema_arrow
        else:
            schema = open_ipc(path, None).schema
        names = tuple(schema.names)  # here, as damaged names cannot be decoded
    columns = tuple(column for column in names if not column.startswith("__index_level_"))
    return Columnar(name, path, kind, schema, columns)


@contextmanager
def damage_reported(kind: str, name: str) -> Iterator[None]:
    """Say that a file is not whole where Arrow fails on it."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = f"the file is not a whole {kind} file ({str(error).splitlines()[0]})"
        remedy = "copy or write it again, and check its suffix"
        raise InputError(Problem("corrupt", name, reason, remedy)) from None


def _read_parquet(file: Columnar, columns: Sequence[str]) -> Any:
    import pyarrow.parquet as parquet

    text = [name for name in columns if _is_text(file.schema.field(name).type)]
    with parquet.ParquetFile(file.path, memory_map=True, read_dictionary=text) as opened:
        return opened.read(columns=list(columns))


def open_ipc(path: Path, columns: Sequence[int] | None) -> Any:
    """Open the file format or, where its marker is absent, the stream format."""
    options = pa.ipc.IpcReadOptions(included_fields=columns)
    source = pa.memory_map(str(path))
    try:
        return pa.ipc.open_file(source, options=options)
    except pa.ArrowInvalid:
        source.seek(0)
        if source.read(6) == b"ARROW1":
            raise
        source.seek(0)
        return pa.ipc.open_stream(source, options=options)


def _read_ipc(file: Columnar, columns: Sequence[str]) -> Any:
    places = [file.schema.get_field_index(name) for name in columns]
    return open_ipc(file.path, places).read_all()


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def plain_column(column: Any) -> Any:
    """Bring a column to one of few types: text as a dictionary of strings, everything else bare.

    Raises TypeError for lists, structs and the like, ArrowInvalid for bytes that are not UTF-8.
    """
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return plain_column(pa.chunked_array([c.storage for c in column.chunks], kind.storage_type))
    if pa.types.is_dictionary(kind):
        inner = kind.value_type
        if _is_text(inner):
            return column.cast(pa.dictionary(pa.int32(), pa.string())).unify_dictionaries()
        return plain_column(column.cast(inner))
    if pa.types.is_nested(kind) or pa.types.is_interval(kind) or pa.types.is_run_end_encoded(kind):
        raise TypeError(kind)
    if _is_text(kind) or pa.types.is_string_view(kind) or _is_binary(kind):
        return column.cast(pa.string()).dictionary_encode().unify_dictionaries()
    return column


def _is_binary(kind: Any) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )
