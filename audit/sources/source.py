"""A cohort's table as it was read, and where in the input each row stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from audit.result import FileHash

EXAMPLES = 3  # rows named in a problem


@dataclass(frozen=True)
class Part:
    """A run of consecutive rows that came from one file.

    Row ``i`` of the file is called ``{unit} {i + first}``: lines of a CSV count from its header.
    """

    name: str
    rows: int
    unit: Literal["line", "row"]
    first: int


@dataclass(frozen=True, eq=False)
class Source:
    """The needed columns of all files, in file order, and the names of all columns there are.

    `table` is a ``pyarrow.Table`` whose text columns are dictionaries of strings.
    """

    table: Any
    files: tuple[FileHash, ...]
    parts: tuple[Part, ...]
    all_columns: tuple[str, ...]

    def origin(self, row: int) -> str:
        """Say where a row of the table stands: ``predictions.csv: line 17``."""
        name, unit, number = self._place(row)
        return f"{name}: {unit} {number}" if name else f"{unit} {number}"

    def where(self, row: int, column: str) -> str:
        """Say where a cell stands: ``predictions.csv: line 17, column 'p'``."""
        return f"{self.origin(row)}, column '{column}'"

    def tail(self, rows: Sequence[int] | NDArray[Any]) -> str:
        """Count the rows a problem concerns, as the end of its reason; nothing for a single row.

        Such as `` (12 rows, first at lines 17, 40, 41)``.
        """
        count = len(rows)
        if count == 1:
            return ""
        places = [self._place(int(row)) for row in rows[:EXAMPLES]]
        first = "at" if count <= EXAMPLES else "first at"
        if len({(name, unit) for name, unit, _ in places}) == 1:
            shown = f"{places[0][1]}s " + ", ".join(str(number) for _, _, number in places)
        else:
            shown = ", ".join(f"{name}: {unit} {number}" for name, unit, number in places)
        return f" ({count:,} rows, {first} {shown})"

    def _place(self, row: int) -> tuple[str, str, int]:
        start = 0
        for part in self.parts:
            if row < start + part.rows:
                return part.name, part.unit, row - start + part.first
            start += part.rows
        return "", "row", row + 1
