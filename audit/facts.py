"""What a column looks like: enough to guess its role, and no more."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audit.cells import decode, numbers
from audit.sources.files import read_files

MOST_LEVELS = 12


@dataclass(frozen=True)
class ColumnFacts:
    """A column in brief. `levels` is empty when there are more than twelve."""

    name: str
    numeric: bool
    distinct: int
    missing: int
    levels: tuple[str, ...]
    low: float | None
    high: float | None


def column_facts(path: Path) -> list[ColumnFacts]:
    """Look at every column of a predictions file.

    Raises
    ------
    InputError
        When the file cannot be read.
    """
    names = read_files([path], {}).all_columns
    table = read_files([path], dict.fromkeys(names, "a column")).table
    return [_facts(name, table.column(name)) for name in names]


def _facts(name: str, column: object) -> ColumnFacts:
    texts = decode(column)
    parsed = numbers(column)
    present = ~parsed.missing
    numeric = bool(present.any()) and not bool((parsed.unreadable & present).any())
    known = parsed.values[np.isfinite(parsed.values)]
    few = len(texts.values) <= MOST_LEVELS
    return ColumnFacts(
        name=name,
        numeric=numeric,
        distinct=len(texts.values),
        missing=int((texts.codes < 0).sum()),
        levels=tuple(sorted(texts.values)) if few else (),
        low=float(known.min()) if numeric and known.size else None,
        high=float(known.max()) if numeric and known.size else None,
    )
