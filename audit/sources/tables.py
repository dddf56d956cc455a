"""A table that is in memory already: a pandas DataFrame or an Arrow table."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from audit.cells import decode
from audit.findings import Findings
from audit.problems import nearest
from audit.result import FileHash
from audit.sources.columnar import plain_column
from audit.sources.source import Part, Source

NAME = "table in memory: the used columns, in any order of rows"
PLACE = "table"


def is_table(given: object) -> bool:
    """Whether this is a table that can be read: pandas is asked without importing it."""
    return isinstance(given, pa.Table) or _is_frame(given)


def read_table(table: Any, columns: Mapping[str, str]) -> Source:
    """Read the needed columns of a pandas DataFrame or an Arrow table.

    A missing value of pandas (NaN, None, NaT, NA) is missing, as an empty cell of a file is. There
    is no file to hash: what is recorded is a hash of the content of the used columns, the same for
    any order of the rows.

    Parameters
    ----------
    table : pandas.DataFrame or pyarrow.Table
        One row a unit; the index of a frame is not read.
    columns : mapping of str to str
        Needed column names and what each is for, as in `audit.sources.files.read_files`.

    Raises
    ------
    InputError
        With every problem: columns that are absent, stand there twice, or hold no single values.
    """
    names = [str(name) for name in (table.columns if _is_frame(table) else table.column_names)]
    findings = Findings()
    _check_names(names, columns, findings)
    if not findings.problems and not len(table):
        findings.problem("no_rows", PLACE, "there are no rows", "give a table with predictions")
    findings.raise_problems()
    arrays = [_column(table, names.index(name), name, findings) for name in columns]
    findings.raise_problems()
    read = pa.Table.from_arrays(arrays, list(columns)).unify_dictionaries()
    part = Part(PLACE, len(table), "row", 1)
    return Source(read, (content_hash(read),), (part,), tuple(names))


def content_hash(table: Any) -> FileHash:
    """Hash the content of a table so that the order of rows and of columns does not matter.

    Each column is written as its sorted values and every row as the places of its own among them;
    the rows are sorted, so that equal tables give the same bytes and other tables do not.
    """
    digest, size = hashlib.sha256(), 0
    places = []
    for name in sorted(table.column_names):
        texts = decode(table.column(name), frozenset())
        order = sorted(range(len(texts.values)), key=texts.values.__getitem__)
        rank = np.empty(len(order) + 1, dtype="<i4")
        rank[order] = np.arange(len(order))
        rank[-1] = -1  # the last slot stands for missing
        places.append(rank[texts.codes])
        head = [name, str(len(order)), *(texts.values[i] for i in order)]
        for text in head:
            block = text.encode()
            digest.update(len(block).to_bytes(8, "little") + block)
            size += len(block) + 8
    rows = np.stack(places, axis=1)
    content = rows[np.lexsort(rows.T[::-1])].tobytes()
    digest.update(content)
    return FileHash(name=NAME, bytes=size + len(content), sha256=digest.hexdigest())


def _is_frame(given: object) -> bool:
    kind = type(given)
    return kind.__module__.partition(".")[0] == "pandas" and kind.__name__ == "DataFrame"


def _check_names(names: list[str], columns: Mapping[str, str], findings: Findings) -> None:
    times = Counter(names)
    for name, purpose in columns.items():
        if not times[name]:
            reason = f"there is no column '{name}' ({purpose})"
            findings.problem("unknown_column", PLACE, reason, nearest(name, sorted(set(names))))
        elif times[name] > 1:
            reason = f"column '{name}' is there twice"
            findings.problem("repeated_column", PLACE, reason, "rename or drop one of them")


def _column(table: Any, place: int, name: str, findings: Findings) -> Any:
    """Return a column as it would come from a file; None where it holds no single values."""
    try:
        if _is_frame(table):
            array = pa.Array.from_pandas(table.iloc[:, place])
        else:
            array = table.column(place)
        chunks = array.chunks if isinstance(array, pa.ChunkedArray) else [array]
        return plain_column(pa.chunked_array(chunks, array.type))
    except (pa.ArrowException, TypeError, ValueError):
        where = f"{PLACE}: column '{name}'"
        reason = "the column does not hold single values of one kind"
        findings.problem("unsupported_type", where, reason, "store numbers, text or dates")
        return None
