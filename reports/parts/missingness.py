"""What is missing, and where: labels, scores, attributes and covariates, by stratum and site."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import accumulate

from audit.result import AttributeLevels, CovariateAtSite, StratumCount
from audit.stratum_names import MISSING, OVERALL, stratum_name
from reports.blocks import Block, Figure, Text
from reports.format import DASH, WITHHELD, count, left_out, names, plural, share
from reports.parts.index import Index
from reports.parts.matrix import Label, MatrixData, MatrixPanel, Tile, pieces

EDGES = ("0 %", ">0", "1", "5", "20", "50", "100 %")
_LIMITS = (0.01, 0.05, 0.2, 0.5)  # where the next darker shade begins; white is exactly none
# Headings of attributes included; few columns leave room for share and count on one line.
MOST_ROWS, MOST_LINES = 22, 34
ONE_LINE = 5
MOST_COLUMNS, MOST_COVARIATES = 9, 5
PRINT_ROWS = 2 * MOST_LINES
ALL = "All units"


@dataclass(frozen=True)
class Lack:
    """How much is missing in a place, or the word for why that is not told."""

    part: int | None = None
    whole: int | None = None
    word: str = ""

    @property
    def told(self) -> str:
        """Say why there is no share; empty where there is one."""
        if self.word:
            return self.word
        if self.part is None or self.whole is None:
            return WITHHELD
        return "" if self.whole else "no row"

    @property
    def share(self) -> float:
        """Give the share; 0 where it is not told."""
        return (self.part or 0) / (self.whole or 1)


NOT_COUNTED = Lack(word="not counted")
Columns = dict[str, Callable[[str], Lack]]


@dataclass(frozen=True)
class _Map:
    """A map before it is cut: (group, row) down the side, named columns in each panel."""

    id: str
    caption: str
    down: str
    rows: tuple[tuple[str, str], ...]
    sizes: dict[str, int | None]
    panels: dict[str, Columns]
    note: str

    @property
    def one_line(self) -> bool:
        """Whether share and count stand side by side."""
        return sum(len(own) for own in self.panels.values()) <= ONE_LINE


def blocks(index: Index) -> list[Block]:
    """Make the figures by stratum and by site; a sentence where nothing is missing."""
    return [*_of_strata(index), *_of_covariates(index.result.cohort.covariates)]


def _of_strata(index: Index) -> list[Block]:
    single = _single(index)
    if OVERALL not in single:
        return []
    columns = _columns(index, single)
    lacks = [lack(s) for s in single for lack in columns.values()]
    rows = single[OVERALL].rows
    if rows and all(lack.part == 0 for lack in lacks):
        return [Text((f"In {plural(rows, 'row')} no label, no score and no value of an attribute "
                      "is missing.",))]  # fmt: skip
    note = "Each cell gives the share and the count of its stratum's rows that lack the column's "
    note += "value; white is none, darker is more."
    complete = [a.name for a in index.attributes if a.missing == 0]
    if complete:
        note += f" Never missing: {names(complete)}."
    if any(lack == NOT_COUNTED for lack in lacks):
        note += f" {DASH}: the same attribute, or a pair that the audit did not cross."
    made = _Map(
        "missingness",
        "Rows without label, score or value of an attribute",
        "Stratum",
        tuple((s.attributes[0] if s.attributes else "", name) for name, s in single.items()),
        {name: s.rows for name, s in single.items()},
        {"": columns},
        note,
    )
    return _figures(made, MOST_COLUMNS)


def _single(index: Index) -> dict[str, StratumCount]:
    """Counts of everyone and of single attributes, the site last, in level order."""
    known = {s.stratum: s for s in index.result.cohort.strata}
    order = [OVERALL, *(f"{a.name}={v}" for a in index.attributes for v in a.levels)]
    return {s: known[s] for s in order if s in known}


def _columns(index: Index, single: dict[str, StratumCount]) -> Columns:
    def label(stratum: str) -> Lack:
        return Lack(single[stratum].missing_label, single[stratum].rows)

    def score(stratum: str) -> Lack:
        return Lack(single[stratum].missing_score, single[stratum].rows)

    lacking = [a for a in index.attributes if a.missing != 0]
    return {
        "Label": label,
        "Score": score,
        **{a.name: _of_attribute(index, single, a) for a in lacking},
    }


def _of_attribute(
    index: Index, single: dict[str, StratumCount], a: AttributeLevels
) -> Callable[[str], Lack]:
    """Rows without a value of the attribute: a level of its own, crossed with the others."""
    counts = {s.stratum: s for s in index.result.cohort.strata}
    crossed = {s.attributes for s in counts.values()}

    def lack(stratum: str) -> Lack:
        mine = single[stratum]
        if stratum == OVERALL:
            return Lack(a.missing, mine.rows)
        other, _, level = stratum.partition("=")
        pair = tuple(sorted((a.name, other)))
        if other == a.name or pair not in crossed:
            return NOT_COUNTED
        levels = {a.name: MISSING, other: level}
        cell = counts.get(stratum_name(pair, [levels[name] for name in pair]))
        if cell is None:  # a crossing is in the audit if anyone is in it
            return Lack(None if a.missing is None else 0, mine.rows)
        return Lack(cell.rows, mine.rows)

    return lack


def _of_covariates(found: tuple[CovariateAtSite, ...]) -> list[Block]:
    if not found:
        return []
    covariates = list(dict.fromkeys(c.column for c in found))
    sites = dict.fromkeys(c.site for c in found)
    flags = [c for c in covariates if _two_values(found, c)]
    note = "Each cell gives the share and the count of its site's rows in which the covariate is "
    note += "missing (left) or zero (right); white is none, darker is more. A zero may be a "
    note += "measurement or stand for a missing value."
    if flags:
        note += f" Zeros of {names(flags)} are left out: they take two values at most."
    numeric = [c for c in covariates if c not in flags and _numeric(found, c)]
    by = {(c.column, c.site): c for c in found}
    made = _Map(
        "missing-covariates",
        "Covariates that are missing or zero, by site",
        "Site",
        tuple(("", site) for site in sites),
        {c.site: c.rows for c in reversed(found)},
        {
            "Missing": {c: _missing(by, c) for c in covariates},
            "Zero": {c: _zeros(by, c) for c in numeric},
        },
        note,
    )
    return _figures(made, MOST_COVARIATES)


def _two_values(found: tuple[CovariateAtSite, ...], column: str) -> bool:
    """Whether the covariate is no more than a yes/no, whose zeros are plain answers."""
    own = [c for c in found if c.column == column]
    most = max((c.distinct or 0 for c in own), default=0)
    return 0 < most <= 2 and any(c.zeros is not None for c in own)


def _numeric(found: tuple[CovariateAtSite, ...], column: str) -> bool:
    """Whether zeros were counted or, in a shared result, may have been."""
    own = [c for c in found if c.column == column]
    return any(c.zeros is not None for c in own) or all(c.missing is None for c in own)


def _missing(by: dict[tuple[str, str], CovariateAtSite], column: str) -> Callable[[str], Lack]:
    def lack(site: str) -> Lack:
        record = by.get((column, site))
        return NOT_COUNTED if record is None else Lack(record.missing, record.rows)

    return lack


def _zeros(by: dict[tuple[str, str], CovariateAtSite], column: str) -> Callable[[str], Lack]:
    def lack(site: str) -> Lack:
        record = by.get((column, site))
        return NOT_COUNTED if record is None else Lack(record.zeros, record.rows)

    return lack


def _narrow(whole: _Map, most: int) -> list[_Map]:
    """Cut a map with many columns: each part has the same few in every panel."""
    columns = list(dict.fromkeys(c for own in whole.panels.values() for c in own))
    out = []
    for cut in pieces(len(columns), most):
        kept = [columns[i] for i in cut]
        panels = {t: {c: own[c] for c in kept if c in own} for t, own in whole.panels.items()}
        out.append(replace(whole, panels={title: own for title, own in panels.items() if own}))
    return out


def _figures(whole: _Map, most: int) -> list[Block]:
    """Cut many columns and rows into several figures, of which paper has the first."""
    parts = [(part, rows) for part in _narrow(whole, most)
             for rows in _cut(part.rows, MOST_LINES if part.one_line else MOST_ROWS)]  # fmt: skip
    ends = accumulate(len(rows) for _, rows in parts)
    printed = sum(number == 0 or end <= PRINT_ROWS for number, end in enumerate(ends))
    rest = left_out(len(parts) - printed, "part")
    return [
        _figure(part, rows, number, len(parts), rest if number == printed - 1 else "",
                screen_only=number >= printed)
        for number, (part, rows) in enumerate(parts)
    ]  # fmt: skip


def _figure(
    part: _Map, rows: list[tuple[str, str]], number: int, many: int, rest: str, screen_only: bool
) -> Figure:
    tiles = {title: _tiles(columns, rows, part.one_line) for title, columns in part.panels.items()}
    hatched = any(tile.hatched for own in tiles.values() for tile in own)
    data = MatrixData(
        part.down,
        tuple(_labels(rows, part.sizes)),
        tuple(
            MatrixPanel(title, "", tuple(Label(c) for c in columns), tiles[title], EDGES)
            for title, columns in part.panels.items()
        ),
        WITHHELD if hatched else "",
    )
    return Figure(
        f"{part.id}-{number}",
        "missingness",
        part.caption + (f" (part {number + 1} of {many})" if many > 1 else ""),
        _alt(part.panels, rows),
        data,
        part.note + (" Hatched: withheld." if hatched else ""),
        rest,
        screen_only=screen_only,
    )


def _cut(rows: tuple[tuple[str, str], ...], most: int) -> list[list[tuple[str, str]]]:
    """Cut between attributes where possible, so that no piece is taller than a page."""
    made: list[list[tuple[str, str]]] = [[]]
    for group in dict.fromkeys(g for g, _ in rows):
        own = [r for r in rows if r[0] == group]
        for run in pieces(len(own), most - 1):
            headings = len({g for g, _ in made[-1]} | {group})
            if made[-1] and len(made[-1]) + len(run) + headings > most:
                made.append([])
            made[-1] += [own[i] for i in run]
    return made


def _labels(rows: list[tuple[str, str]], sizes: dict[str, int | None]) -> list[Label]:
    labels: list[Label] = []
    last = ""
    for group, row in rows:
        if group != last:
            labels.append(Label(group, head=True))
        last = group
        name = ALL if row == OVERALL else row.partition("=")[2] if group else row
        labels.append(Label(name, f"n {count(sizes.get(row))}"))
    return labels


def _tiles(columns: Columns, rows: list[tuple[str, str]], one_line: bool) -> tuple[Tile, ...]:
    places = [i for i, label in enumerate(_labels(rows, {})) if not label.head]
    return tuple(
        _tile(lack(row), y, x, f"{_named(row)}, {column}", one_line)
        for (_, row), y in zip(rows, places, strict=True)
        for x, (column, lack) in enumerate(columns.items())
    )


def _named(row: str) -> str:
    return ALL if row == OVERALL else row


def _tile(lack: Lack, row: int, column: int, name: str, one_line: bool) -> Tile:
    if lack.told == WITHHELD:
        return Tile(row, column, (WITHHELD,), hatched=True, tip=f"{name}: {WITHHELD}")
    if lack.told:
        word = DASH if lack == NOT_COUNTED else lack.told
        return Tile(row, column, (word,), tip=f"{name}: {lack.told}")
    part, whole = count(lack.part), count(lack.whole)
    text = share(lack.part, lack.whole)
    if lack.part and text == "0.0 %":
        text = "<0.1 %"
    lines: tuple[str, ...] = (f"{text} ({part})",) if one_line else (text, part)
    return Tile(row, column, lines if lack.part else ("0",), _shade(lack),
                tip=f"{name}: {part} of {whole} ({text})")  # fmt: skip


def _shade(lack: Lack) -> int:
    if not lack.part:
        return 0
    return 1 + sum(lack.share > limit for limit in _LIMITS)


def _alt(panels: dict[str, Columns], rows: list[tuple[str, str]]) -> str:
    columns = [(title.lower() or "missing", c, lack)
               for title, own in panels.items() for c, lack in own.items()]  # fmt: skip
    cells = [(f"{c} is {what}", _named(row).replace(ALL, "all units"), lack(row)) for _, row in rows
             for what, c, lack in columns]  # fmt: skip
    told = sorted((c for c in cells if not c[2].told), key=lambda c: -c[2].share)
    some = [
        f"{what} in {count(lack.part)} of the {count(lack.whole)} rows of {row} "
        f"({share(lack.part, lack.whole)})"
        for what, row, lack in told[:3]
        if lack.part
    ]
    text = f"Map of {plural(len(rows), 'stratum', 'strata')} by {plural(len(columns), 'column')}. "
    text += f"The highest shares: {'; '.join(some)}." if some else "No share is above zero."
    withheld = sum(c[2].told == WITHHELD for c in cells)
    return text + (f" {plural(withheld, 'cell')} withheld." if withheld else "")
