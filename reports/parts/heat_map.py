"""Intersections of two attributes as a map: value and n of every crossing, one pair a figure."""

from dataclasses import dataclass
from itertools import combinations

from audit.result import Estimate
from audit.stratum_names import stratum_name
from reports import words
from reports.blocks import Block, Figure, Text
from reports.format import (
    DASH,
    WITHHELD,
    count,
    digits,
    fixed,
    left_out,
    plural,
    with_interval,
)
from reports.parts.index import Index
from reports.parts.matrix import Label, MatrixData, MatrixPanel, Shades, Tile
from reports.parts.results import TASK_FRONT

MOST_MEASURES = 2
PRINT_PAIRS = 2
MOST_ROWS, MOST_COLUMNS = 15, 8
# As many columns leave room for a second measure beside, as many rows for one below.
BESIDE, BELOW = 4, 6
NOBODY = "no unit"


@dataclass(frozen=True)
class Pair:
    """Two crossed attributes; the one with more levels goes down the side."""

    down: str
    across: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def title(self) -> str:
        """Name the pair."""
        return f"{self.down} and {self.across}"

    def stratum(self, row: str, column: str) -> str:
        """Name the stratum of a cell as the audit does."""
        (a, x), (b, y) = sorted(((self.down, row), (self.across, column)))
        return stratum_name((a, b), (x, y))

    def strata(self) -> tuple[str, ...]:
        """Name the stratum of every cell that is drawn."""
        return tuple(self.stratum(r, c) for r in self.rows for c in self.columns)


def blocks(index: Index) -> list[Block]:
    """Make a figure for each pair of attributes; empty where none were crossed."""
    pairs = _pairs(index)
    measures = _measures(index, pairs)
    if not measures:
        return []
    withheld = [p for p in pairs if _withheld(index, measures, p)]
    pairs = [p for p in pairs if p not in withheld]
    # Shades are chosen once for each measure, so that they mean the same in every figure.
    scales = {m: Shades.over(_values(index, m, pairs)) for m in measures}
    ordered = sorted(pairs, key=lambda p: -_with_inference(index, measures[0], p))
    rest = left_out(max(0, len(ordered) - PRINT_PAIRS), "crossed pair")
    figures: list[Block] = [
        _figure(index, pair, scales, i, rest if i == min(PRINT_PAIRS, len(ordered)) - 1 else "")
        for i, pair in enumerate(ordered)
    ]
    return [*figures, *_told(withheld)]


def _pairs(index: Index) -> list[Pair]:
    crossed = {s.attributes for s in index.result.cohort.strata if len(s.attributes) == 2}
    levels = {a.name: a.levels for a in index.attributes}
    found = []
    for names in combinations(sorted(levels), 2):
        if names in crossed:
            across, down = sorted(names, key=lambda n: (len(levels[n]), n))
            rows, less = _largest(index, down, levels[down], MOST_ROWS)
            columns, fewer = _largest(index, across, levels[across], MOST_COLUMNS)
            found.append(Pair(down, across, rows, columns, (*less, *fewer)))
    return found


def _largest(
    index: Index, attribute: str, levels: tuple[str, ...], most: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Keep the largest levels in their order; the second result says how many there are."""
    if len(levels) <= most:
        return levels, ()

    def size(level: str) -> int:
        counted = index.counts.get(f"{attribute}={level}")
        return (counted.n if counted is not None else None) or 0

    kept = set(sorted(levels, key=lambda v: -size(v))[:most])
    return tuple(v for v in levels if v in kept), (
        f"{most} of {len(levels)} levels of {attribute}",
    )


def _measures(index: Index, pairs: list[Pair]) -> list[str]:
    strata = [s for p in pairs for s in p.strata()]
    front = TASK_FRONT[index.task]
    known = [m for m in front if any(index.estimate(m, s) is not None for s in strata)]
    return known[:MOST_MEASURES]


def _withheld(index: Index, measures: list[str], pair: Pair) -> bool:
    found = [index.estimate(m, s) for m in measures for s in pair.strata()]
    return all(e is None or e.status == "suppressed" for e in found)


def _told(withheld: list[Pair]) -> list[Block]:
    """Say which pairs have no map because every cell of theirs is withheld."""
    if not withheld:
        return []
    where = "; ".join(p.title for p in withheld)
    return [Text((f"Withheld for privacy in every cell, and so without a map: {where}.",))]


def _values(index: Index, measure: str, pairs: list[Pair]) -> list[float]:
    found = (index.estimate(measure, s) for p in pairs for s in p.strata())
    return [e.value for e in found if e is not None and e.status == "ok" and e.value is not None]


def _with_inference(index: Index, measure: str, pair: Pair) -> int:
    return len(_values(index, measure, [pair]))


def _figure(index: Index, pair: Pair, scales: dict[str, Shades], place: int, rest: str) -> Figure:
    beside = len(pair.columns) <= BESIDE
    room = beside or len(pair.rows) <= BELOW
    measures = list(scales) if room else list(scales)[:1]
    panels = tuple(_panel(index, pair, m, scales[m]) for m in measures)
    hatched = any(t.hatched for p in panels for t in p.tiles)
    title = " and ".join(words.name(m) for m in measures)
    return Figure(
        f"heat-map-{place}",
        "heatmap",
        f"{title} where {pair.title} cross",
        _alt(index, pair, measures),
        MatrixData(
            pair.down,
            tuple(_label(index, pair.down, v) for v in pair.rows),
            panels,
            "without inference" if hatched else "",
            beside,
        ),
        _note(pair, hatched),
        rest,
        screen_only=place >= PRINT_PAIRS,
    )


def _note(pair: Pair, hatched: bool) -> str:
    note = "Each cell is one intersection: the value of the measure and n, its units. Darker is "
    note += "higher, in the same shades for every pair of attributes."
    if hatched:
        note += " Hatched cells have no shade: they say why there is no inference, after the "
        note += "value without inference (○) where there is one."
    if pair.left_out:
        note += f" Drawn are the largest {' and '.join(pair.left_out)}; the rest is in audit.json."
    return note


def _label(index: Index, attribute: str, level: str) -> Label:
    """Name a level with its n, unless that is withheld."""
    stratum = f"{attribute}={level}"
    counted = index.counts.get(stratum)
    if counted is None:
        return Label(level)
    hidden = any(
        e is not None and e.status == "suppressed"
        for e in (index.estimate(m, stratum) for m in TASK_FRONT[index.task][:MOST_MEASURES])
    )
    return Label(level, _size(None if hidden else counted.n))


def _size(n: int | None) -> str:
    return f"n {count(n)}"


def _panel(index: Index, pair: Pair, measure: str, shades: Shades) -> MatrixPanel:
    tiles = tuple(
        _tile(index, measure, pair.stratum(r, c), (i, j), shades)
        for i, r in enumerate(pair.rows)
        for j, c in enumerate(pair.columns)
    )
    columns = tuple(_label(index, pair.across, v) for v in pair.columns)
    return MatrixPanel(words.name(measure), pair.across, columns, tiles, shades.edges)


def _tile(index: Index, measure: str, stratum: str, place: tuple[int, int], shades: Shades) -> Tile:
    e = index.estimate(measure, stratum)
    row, column = place
    if e is None:
        nobody = stratum not in index.counts  # a crossing is in the audit if anyone is in it
        text = NOBODY if nobody else "not computed"
        return Tile(row, column, (DASH, text) if nobody else (text,), hatched=not nobody,
                    tip=f"{stratum}: {text}")  # fmt: skip
    if e.status == "ok" and e.value is not None:
        places = digits(measure)
        text = with_interval(e.value, e.lower, e.upper, places)
        return Tile(row, column, (fixed(e.value, places), _size(e.n)), shades.of(e.value),
                    tip=f"{stratum}: {text}, {_size(e.n)}")  # fmt: skip
    lines = _unread(e)
    return Tile(row, column, lines, hatched=True, tip=f"{stratum}: {', '.join(lines)}")


def _unread(e: Estimate) -> tuple[str, ...]:
    """Write what has no inference: its value if any, its n unless withheld, and why."""
    if e.status == "suppressed":
        return (WITHHELD,)
    why = words.why_brief(e.status, e.reason)
    if e.value is None:
        return (why, _size(e.n))
    return (f"○ {fixed(e.value, digits(e.measure))}", _size(e.n), why)


def _alt(index: Index, pair: Pair, measures: list[str]) -> str:
    strata = pair.strata()
    told = [_extremes([e for s in strata if (e := index.estimate(m, s)) is not None], m)
            for m in measures]  # fmt: skip
    absent = sum(s not in index.counts for s in strata)
    nobody = f" Nobody is in {plural(absent, 'cell')}." if absent else ""
    return (
        f"Map of {plural(len(pair.rows), 'level')} of {pair.down} by "
        f"{plural(len(pair.columns), 'level')} of {pair.across}. {' '.join(told)}{nobody}"
    )


def _extremes(found: list[Estimate], measure: str) -> str:
    name = words.name(measure)
    known = [(e.value, e) for e in found if e.status == "ok" and e.value is not None]
    withheld = sum(e.status == "suppressed" for e in found)
    weak = len(found) - len(known) - withheld
    told = f"{name} has no cell with inference"
    if known:
        places = digits(measure)
        (low, lowest), (high, highest) = (f(known, key=lambda k: k[0]) for f in (min, max))
        told = (
            f"{name} is lowest in the intersection {lowest.stratum} at {fixed(low, places)} "
            f"({_size(lowest.n)}) and highest in the intersection {highest.stratum} at "
            f"{fixed(high, places)} ({_size(highest.n)})"
        )
    if weak:
        told += f"; {plural(weak, 'cell')} without inference"
    return told + (f"; {plural(withheld, 'cell')} withheld." if withheld else ".")
