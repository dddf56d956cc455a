"""CSV and TSV: text that is checked before it is parsed.

Needed columns are read as strings: numbers are parsed by the cohort, which knows their roles and
can name the rows. A cell that says nothing, or says that nothing is known, is read as null; "NaN"
stays text, because in a label or a score it is an error and not a missing value.
"""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from audit.cells import decode, dictionary_array
from audit.problems import InputError, Problem
from audit.sources.source import EXAMPLES

MISSING_TOKENS = frozenset({"", "NA", "N/A", "null", "NULL", "<NA>"})
CHUNK = 1 << 20
BLOCK = 8 << 20  # a record longer than this is not parsed
TO_UTF8 = "save it as UTF-8"


@dataclass(frozen=True)
class Delimited:
    """An open CSV file: its columns, and how its rows are counted in messages."""

    name: str
    data: Any
    delimiter: str
    columns: tuple[str, ...]
    lines: int
    quoted: bool

    def read(self, columns: Sequence[str]) -> tuple[Any, Literal["line", "row"], int]:
        """Read columns; return the table, what its rows are called and the number of the first.

        Raises
        ------
        InputError
            When rows have more or fewer fields than the header, or the text cannot be parsed.
        """
        if self.lines == 1:
            kinds = [pa.nulls(0, pa.dictionary(pa.int32(), pa.string())) for _ in columns]
            return pa.Table.from_arrays(kinds, list(columns)), "line", 2
        ragged: list[Any] = []
        table = self._parse(columns, ragged, threads=True)
        exact = self.lines == table.num_rows + len(ragged) + 1
        if ragged:
            raise InputError(self._ragged(columns, exact))
        arrays = [dictionary_array(decode(table.column(name), MISSING_TOKENS)) for name in columns]
        table = pa.Table.from_arrays(arrays, list(columns))
        return (table, "line", 2) if exact else (table, "row", 1)

    def _parse(self, columns: Sequence[str], ragged: list[Any], *, threads: bool) -> Any:
        import pyarrow.csv as arrow_csv

        def collect(row: Any) -> str:
            ragged.append((row.number, row.expected_columns, row.actual_columns))
            return "skip"

        text = pa.dictionary(pa.int32(), pa.string())
        try:
            return arrow_csv.read_csv(
                pa.BufferReader(self.data),
                arrow_csv.ReadOptions(use_threads=threads, block_size=BLOCK),
                arrow_csv.ParseOptions(
                    delimiter=self.delimiter,
                    newlines_in_values=self.quoted,
                    invalid_row_handler=collect,
                ),
                arrow_csv.ConvertOptions(
                    include_columns=list(columns),
                    column_types=dict.fromkeys(columns, text),
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowException as error:
            reason = f"the table cannot be parsed ({str(error).splitlines()[0]})"
            remedy = "write it again as plain CSV"
            raise InputError(Problem("corrupt", self.name, reason, remedy)) from None

    def _ragged(self, columns: Sequence[str], exact: bool) -> Problem:
        """Parse once more on one thread, which alone numbers the rows."""
        rows: list[Any] = []
        self._parse(columns, rows, threads=False)
        unit, shift = ("line", 0) if exact else ("row", 1)
        places = [number - shift for number, _, _ in rows[:EXAMPLES]]
        _, expected, actual = rows[0]
        plural = "s" * (actual != 1)
        reason = f"the row has {actual} field{plural} where the header has {expected}"
        if len(rows) > 1:
            shown = ", ".join(map(str, places))
            first = "first at" if len(rows) > EXAMPLES else "at"
            reason += f" ({len(rows):,} such rows, {first} {unit}s {shown})"
        remedy = "quote fields that hold the separator, and complete short rows"
        return Problem("ragged_row", f"{self.name}: {unit} {places[0]}", reason, remedy)


def open_delimited(path: Path, name: str) -> Delimited:
    """Open a CSV or TSV file, plain or gzipped, and check its text.

    Raises
    ------
    InputError
        When the text is empty, is not UTF-8, has an unclosed quote or another separator.
    """
    data = _bytes(path, name)
    view = memoryview(data).cast("B")
    end = len(view)
    while end and view[end - 1] in b"\r\n":
        end -= 1
    start = len(codecs.BOM_UTF8) if bytes(view[:3]) == codecs.BOM_UTF8 else 0
    if end <= start:
        raise InputError(Problem("empty_file", name, "the file is empty", "write it again"))
    _refuse_utf16(bytes(view[:4096]), name)
    lines, quotes = _scan(view[:end], name)
    if quotes % 2:
        _refuse_unclosed_quote(view[start:], name)
    delimiter = "\t" if ".tsv" in path.suffixes else ","
    columns = _header(bytes(view[start : start + CHUNK]), delimiter, name)
    return Delimited(name, data, delimiter, columns, lines, quotes > 0)


def _bytes(path: Path, name: str) -> Any:
    if path.suffix != ".gz":
        with pa.memory_map(str(path)) as file:
            return file.read_buffer()
    try:
        return pa.py_buffer(gzip.decompress(path.read_bytes()))
    except (gzip.BadGzipFile, EOFError, zlib.error):
        reason, remedy = "the file is not a whole gzip file", "copy or write it again"
        raise InputError(Problem("corrupt", name, reason, remedy)) from None


def _refuse_utf16(head: bytes, name: str) -> None:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(Problem("encoding", f"{name}: byte 0", "the file is UTF-16", TO_UTF8))
    if b"\x00" in head:
        where = f"{name}: byte {head.index(0)}"
        reason = "there is a zero byte, as in UTF-16 or in a file that is not text"
        raise InputError(Problem("encoding", where, reason, TO_UTF8))


def _scan(view: memoryview, name: str) -> tuple[int, int]:
    """Count lines and quotes, and find the first byte that is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    feeds = returns = quotes = 0
    for start in range(0, len(view), CHUNK):
        chunk = bytes(view[start : start + CHUNK])
        try:
            decoder.decode(chunk, final=start + CHUNK >= len(view))
        except UnicodeDecodeError as error:
            # the decoder puts the unfinished end of the previous chunk before this one
            position = start - (len(error.object) - len(chunk)) + error.start
            line = 1 + feeds + chunk.count(b"\n", 0, max(position - start, 0))
            reason = f"byte {position} (0x{view[position]:02X}) is not UTF-8; Latin-1, perhaps"
            where = f"{name}: line {line}"
            raise InputError(Problem("encoding", where, reason, TO_UTF8)) from None
        feeds += chunk.count(b"\n")
        returns += chunk.count(b"\r")
        quotes += chunk.count(b'"')
    return (feeds or returns) + 1, quotes


def _refuse_unclosed_quote(view: memoryview, name: str) -> None:
    """Look for the record whose quote never closes: it would swallow every row after it."""
    reader = csv.reader(io.StringIO(str(view, "utf-8"), newline=""), strict=True)
    line = 1
    try:
        for _ in reader:
            line = reader.line_num + 1
    except csv.Error:
        reason = "a quote opened in this line is not closed as it should be"
        remedy = "close it, or double a quote that is part of the text"
        raise InputError(
            Problem("unclosed_quote", f"{name}: line {line}", reason, remedy)
        ) from None


def _header(head: bytes, delimiter: str, name: str) -> tuple[str, ...]:
    text = head.decode("utf-8", errors="ignore")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    columns = next((tuple(record) for record in reader if record), ())
    if len(columns) == 1:
        for other, called in ((";", "semicolons"), ("\t", "tabs"), (",", "commas"), ("|", "bars")):
            if other in columns[0]:
                wanted = "tabs" if delimiter == "\t" else "commas"
                reason = f"the columns are separated by {called}"
                remedy = f"save it with {wanted} (and decimal points)"
                raise InputError(Problem("separator", f"{name}: line 1", reason, remedy))
    return columns
