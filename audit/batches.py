"""Tables of features read a batch at a time, so that memory does not grow with the table."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from audit.problems import InputError, Problem

BATCH_ROWS = 8192
BLOCK = 8 << 20  # bytes of text read at once; a record longer than this is not parsed
SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".pq")

# A number with a leading zero is an identifier (007), which would not survive as a number.
_WHOLE = r"^-?(0|[1-9][0-9]{0,17})$"
_NUMBER = r"^(-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|-?inf|nan|NaN|NAN)$"
_TRUTH = r"^(?i:true|false)$"


class Table(Protocol):
    """A table whose columns and number of rows are known before its rows are read."""

    @property
    def schema(self) -> Any:
        """The ``pyarrow.Schema``."""
        ...

    @property
    def rows(self) -> int:
        """Number of rows."""
        ...

    def batches(self) -> Iterator[Any]:
        """Give the rows in order, as ``pyarrow.Table`` of at most `BATCH_ROWS` rows."""
        ...


@dataclass(frozen=True, eq=False)
class ParquetTable:
    """A Parquet file."""

    path: Path
    schema: Any
    rows: int

    def batches(self) -> Iterator[Any]:
        """Give the rows in order."""
        import pyarrow as pa
        import pyarrow.parquet as parquet

        with _damage_reported(self.path), parquet.ParquetFile(self.path) as file:
            for batch in file.iter_batches(BATCH_ROWS):
                yield pa.Table.from_batches([batch]).replace_schema_metadata(None)


@dataclass(frozen=True, eq=False)
class DelimitedTable:
    """A CSV or TSV file, each column of the type that all its cells allow."""

    path: Path
    text: Any
    schema: Any
    rows: int

    def batches(self) -> Iterator[Any]:
        """Give the rows in order."""
        import pyarrow as pa

        for batch in _text_batches(self.path, self.text):
            columns = [
                column.cast(field.type)
                for column, field in zip(batch.columns, self.schema, strict=True)
            ]
            table = pa.Table.from_arrays(columns, schema=self.schema)
            for start in range(0, table.num_rows, BATCH_ROWS):
                yield table.slice(start, BATCH_ROWS)


def open_table(path: Path) -> Table:
    """Open a table of features.

    Raises
    ------
    InputError
        For a missing, empty or damaged file, one of an unknown kind, columns that are there twice.
    """
    name = path.name.lower()
    if not name.endswith(SUFFIXES):
        reason = f"'{path.suffix}' is not a known kind of table"
        raise InputError(
            Problem("unknown_suffix", str(path), reason, f"known: {', '.join(SUFFIXES)}")
        )
    try:
        if path.stat().st_size == 0:
            raise InputError(
                Problem("empty_file", str(path), "the file is empty", "write it again")
            )
        table = _open_parquet(path) if name.endswith((".parquet", ".pq")) else _open_text(path)
    except FileNotFoundError:
        problem = Problem("missing_file", str(path), "no such file", "check the path")
        raise InputError(problem) from None
    except OSError as error:
        reason = f"the file cannot be read ({error.strerror or error})"
        problem = Problem("unreadable", str(path), reason, "check the path and its permissions")
        raise InputError(problem) from None
    _require_distinct(path, table.schema.names)
    if table.rows == 0:
        raise InputError(Problem("no_rows", str(path), "there are no rows", "give a table of rows"))
    return table


def _require_distinct(path: Path, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            Problem(
                "repeated_column", str(path), f"column '{n}' is there twice", "rename or drop one"
            )
            for n in twice
        )


def _open_parquet(path: Path) -> ParquetTable:
    import pyarrow.parquet as parquet

    with _damage_reported(path), parquet.ParquetFile(path) as file:
        schema = file.schema_arrow.remove_metadata()
        return ParquetTable(path, schema, file.metadata.num_rows)


def _open_text(path: Path) -> DelimitedTable:
    """Check the text, then read it once to learn which type each column can have."""
    import pyarrow as pa

    from audit.sources.delimited import open_delimited

    text = open_delimited(path, path.name)
    _require_distinct(path, list(text.columns))
    # Reading one column is the check that every row has as many fields as the header.
    rows = text.read(text.columns[:1])[0].num_rows
    possible = [[True, True, True] for _ in text.columns]
    seen = [False] * len(text.columns)
    if rows:
        for batch in _text_batches(path, text):
            for place, column in enumerate(batch.columns):
                values = column.drop_null()
                seen[place] = seen[place] or len(values) > 0
                _rule_out(possible[place], values)
    types = [_type(flags, some) for flags, some in zip(possible, seen, strict=True)]
    schema = pa.schema(list(zip(text.columns, types, strict=True)))
    return DelimitedTable(path, text, schema, rows)


def _rule_out(possible: list[bool], values: Any) -> None:
    import pyarrow.compute as pc

    for kind, pattern in enumerate((_TRUTH, _WHOLE, _NUMBER)):
        if possible[kind]:
            fits = pc.all(pc.match_substring_regex(values, pattern), min_count=0)
            possible[kind] = bool(fits.as_py())


def _type(possible: list[bool], seen: bool) -> Any:
    import pyarrow as pa

    types = (pa.bool_(), pa.int64(), pa.float64())
    if not seen:
        return pa.float64()  # as pandas reads a column without a value
    return next((kind for kind, fits in zip(types, possible, strict=True) if fits), pa.string())


def _text_batches(path: Path, text: Any) -> Iterator[Any]:
    """Read every column as text; a cell that says nothing is null."""
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    from audit.sources.delimited import MISSING_TOKENS

    convert = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(text.columns, pa.string()),
        null_values=sorted(MISSING_TOKENS),
        strings_can_be_null=True,
    )
    parse = arrow_csv.ParseOptions(delimiter=text.delimiter, newlines_in_values=text.quoted)
    with (
        _damage_reported(path),
        arrow_csv.open_csv(
            pa.BufferReader(text.data), arrow_csv.ReadOptions(block_size=BLOCK), parse, convert
        ) as reader,
    ):
        for batch in reader:
            yield pa.Table.from_batches([batch])


@contextmanager
def _damage_reported(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        detail = re.sub(r"\s+", " ", str(error))[:200]
        reason = f"the file is damaged ({detail})"
        remedy = "copy or write it again, and check its suffix"
        raise InputError(Problem("corrupt", str(path), reason, remedy)) from None


def require_new_column(path: Path, schema: Any, name: str) -> None:
    """Refuse a score name that would hide a column of the table."""
    if name in schema.names:
        reason = f"there is a column '{name}' already"
        raise InputError(
            Problem("column_exists", str(path), reason, "give the score another name: --score NAME")
        )
