"""What a matrix of cells is drawn from: labels, texts and shades; nothing is measured here."""

import math
from dataclasses import dataclass
from itertools import pairwise

from reports.format import fixed

MOST_SHADES = 6
_STEPS = (1, 2, 2.5, 5)


@dataclass(frozen=True)
class Label:
    """A row or a column: its name, and its size in small type; `head` names what follows."""

    text: str
    size: str = ""
    head: bool = False


@dataclass(frozen=True)
class Tile:
    """One cell: its lines of text and its shade; without a shade it is left white.

    `hatched` marks what has no figure that could be read as one.
    """

    row: int
    column: int
    lines: tuple[str, ...]
    shade: int | None = None
    hatched: bool = False
    tip: str = ""


@dataclass(frozen=True)
class MatrixPanel:
    """Cells under common columns; `edges` are the limits of the shades, one more than shades."""

    title: str
    across: str
    columns: tuple[Label, ...]
    tiles: tuple[Tile, ...]
    edges: tuple[str, ...]


@dataclass(frozen=True)
class MatrixData:
    """Rows that one or more panels share, `beside` or below each other.

    `hatch` says what hatching means, empty where no cell is hatched.
    """

    down: str
    rows: tuple[Label, ...]
    panels: tuple[MatrixPanel, ...]
    hatch: str
    beside: bool = True


@dataclass(frozen=True)
class Shades:
    """Classes of equal width with round limits, each from its lower limit up to the next."""

    start: int
    step: float
    many: int

    @classmethod
    def over(cls, values: list[float]) -> "Shades":
        """Choose the narrowest round classes that hold all values in at most six shades."""
        if not values:
            return cls(0, 1.0, 0)
        low, high = min(values), max(values)
        power = math.floor(math.log10((high - low) / MOST_SHADES)) if high > low else -2
        for exponent in (power, power + 1, power + 2):
            for factor in _STEPS:
                step = factor * 10.0**exponent
                found = cls.of_step(low, high, step)
                if found.many <= MOST_SHADES:
                    return found
        raise AssertionError("ten times the range always fits")

    @classmethod
    def of_step(cls, low: float, high: float, step: float) -> "Shades":
        """Give the classes of a width, the highest value in the last."""
        start = _floor(low / step)
        return cls(start, step, max(1, -_floor(-high / step) - start))

    def of(self, value: float) -> int:
        """Place a value; one on the uppermost limit is in the last class."""
        return min(max(_floor(value / self.step) - self.start, 0), self.many - 1)

    @property
    def edges(self) -> tuple[str, ...]:
        """Write the limits, none where there is no class."""
        if not self.many:
            return ()
        places = next(p for p in range(12) if math.isclose(self.step, round(self.step, p)))
        return tuple(fixed((self.start + i) * self.step, places) for i in range(self.many + 1))


def _floor(quotient: float) -> int:
    """Round down, not tripping over 0.6 / 0.2 being just below 3."""
    return math.floor(round(quotient, 9))


def pieces(many: int, most: int) -> list[range]:
    """Cut a number of things into runs of nearly equal length, none longer than `most`."""
    runs = max(1, -(-many // most))
    cuts = [round(i * many / runs) for i in range(runs + 1)]
    return [range(a, b) for a, b in pairwise(cuts)]
