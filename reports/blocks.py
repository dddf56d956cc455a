"""What a document is made of. Templates print these and decide nothing."""

from dataclasses import dataclass, field
from typing import Any, Literal
from unicodedata import east_asian_width

# Letters of the facts that the first page holds, in its usual and in smaller type.
ROOMY, MOST = 800, 1300
CONTINUED = " … (in full on the next page)"


@dataclass(frozen=True)
class Cell:
    """One cell: its text, a second line in small type, and the key it is sorted by.

    `base` is what a value rests on, set small before it.
    """

    text: str
    detail: str = ""
    kind: str = ""
    anchor: str = ""
    sort: float | str | None = None
    title: str = ""
    base: str = ""


@dataclass(frozen=True)
class Column:
    """A column: heading, kind of content (text, count, value) and share of the width."""

    label: str
    kind: Literal["text", "count", "value", "verdict"] = "value"
    width: int = 10
    title: str = ""


@dataclass(frozen=True)
class Row:
    """A row; the first cell is its heading. `screen_only` rows are left out in print."""

    cells: tuple[Cell, ...]
    screen_only: bool = False


@dataclass(frozen=True)
class Group:
    """Rows under one heading; no heading when the label is empty."""

    label: str
    rows: tuple[Row, ...]

    @property
    def screen_only(self) -> bool:
        """Whether print shows none of its rows."""
        return all(row.screen_only for row in self.rows)


@dataclass(frozen=True)
class Table:
    """A table with its caption; `note` stands below it, `print_note` only on paper.

    `dense` sets it in smaller type, for tables of the annex.
    """

    id: str
    caption: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    note: str = ""
    print_note: str = ""
    screen_only: bool = False
    print_only: bool = False
    dense: bool = False
    kind: Literal["table"] = "table"

    @property
    def widths(self) -> tuple[float, ...]:
        """Widths of the columns, adding up to 100."""
        total = sum(c.width for c in self.columns)
        return tuple(round(100 * c.width / total, 2) for c in self.columns)

    @property
    def off_paper(self) -> bool:
        """Whether nothing of it is printed."""
        return self.screen_only or all(g.screen_only for g in self.groups)

    @property
    def heads_rows(self) -> bool:
        """Whether first cells are header cells in print: not where headers would outnumber data."""
        rows = sum(not r.screen_only for g in self.groups for r in g.rows)
        return len(self.columns) + rows <= rows * (len(self.columns) - 1)


@dataclass(frozen=True)
class Figure:
    """A figure: what it shows, in words made from its numbers, and what to draw it from."""

    id: str
    form: Literal[
        "forest",
        "calibration",
        "decision",
        "risk",
        "heatmap",
        "missingness",
        "funnel",
        "ledger",
        "slope",
        "radar",
    ]
    caption: str
    alt: str
    data: Any
    note: str = ""
    print_note: str = ""
    screen_only: bool = False
    print_only: bool = False
    kind: Literal["figure"] = "figure"


@dataclass(frozen=True)
class Text:
    """Paragraphs; those of a `lead` stay with what follows them."""

    paragraphs: tuple[str, ...]
    lead: bool = False
    kind: Literal["text"] = "text"


@dataclass(frozen=True)
class Bullets:
    """A list, with an optional lead-in; `dense` sets it in two columns of smaller type."""

    items: tuple[str, ...]
    lead: str = ""
    print_only: bool = False
    dense: bool = False
    kind: Literal["bullets"] = "bullets"


@dataclass(frozen=True)
class Facts:
    """Pairs of a name and a value."""

    pairs: tuple[tuple[str, str], ...]
    caption: str = ""
    code: bool = False
    kind: Literal["facts"] = "facts"


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str
    id: str
    screen_only: bool = False
    kind: Literal["heading"] = "heading"


Block = Table | Figure | Text | Bullets | Facts | Heading


@dataclass(frozen=True)
class Section:
    """A numbered section; `locator` is its place in the text that asks for it."""

    id: str
    number: int
    title: str
    blocks: tuple[Block, ...]
    locator: str = ""
    intro: str = ""


@dataclass(frozen=True)
class VerdictLine:
    """A requirement and what the interval says of it."""

    id: str
    status: str
    symbol: str
    word: str
    statement: str
    rationale: str
    value: str
    where: str
    margin: str
    reason: str
    more: str


@dataclass(frozen=True)
class Cover:
    """What stands on the first page."""

    title: str
    product: str
    version: str
    facts: tuple[tuple[str, str], ...]
    roles: tuple[str, ...] = ("Prepared by", "Clinical review", "Statistical review", "Approved by")

    @property
    def small(self) -> bool:
        """Whether the facts need smaller type to leave room for the sign-off."""
        return sum(_room(text) for _, text in self.facts) > ROOMY

    @property
    def most(self) -> int:
        """Room that one fact may take, so that all of them fit on the page."""
        needs = sorted(_room(text) for _, text in self.facts)
        left = MOST
        for i, need in enumerate(needs):
            share = left // (len(needs) - i)
            if need > share:
                return share
            left -= need
        return MOST

    @property
    def shown(self) -> tuple[tuple[str, str], ...]:
        """Facts as the first page has room for them."""
        return tuple((name, _begun(text, self.most)) for name, text in self.facts)

    @property
    def in_full(self) -> tuple[tuple[str, str], ...]:
        """Facts that the first page only begins; the page after it tells them whole."""
        return tuple(f for f, shown in zip(self.facts, self.shown, strict=True) if f != shown)


def _room(text: str) -> int:
    """Letters of usual width that a text takes the room of."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _begun(text: str, most: int) -> str:
    """Give the beginning of a text that is too long, to the end of a word."""
    if _room(text) <= most:
        return text
    kept = text[: most - len(CONTINUED)]
    while _room(kept) > most - len(CONTINUED):
        kept = kept[:-1]
    words = kept.rpartition(" ")[0]
    return (words if len(words) > len(kept) // 2 else kept).rstrip() + CONTINUED


@dataclass(frozen=True)
class Summary:
    """What stands on the second page."""

    sentences: tuple[str, ...]
    verdicts: tuple[VerdictLine, ...]
    legend: str
    not_assessed: tuple[str, ...]
    warnings: tuple[str, ...]
    more_warnings: str


@dataclass(frozen=True)
class Report:
    """The whole document as text, and the numbers its figures and explorers draw."""

    title: str
    cover: Cover
    summary: Summary
    sections: tuple[Section, ...]
    as_of: str
    tool: str
    fingerprint: str
    fingerprint_of: str
    kind: str = "Bias audit dossier"
    neutral: str = ""
    explorer: dict[str, Any] = field(default_factory=dict)

    @property
    def foot(self) -> str:
        """Give the line at the foot of every page."""
        dated = f"as of {self.as_of}" if self.as_of[:1].isdigit() else self.as_of
        return f"{self.fingerprint_of.capitalize()} {self.fingerprint} · {dated}"

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Every figure, in order."""
        return tuple(b for s in self.sections for b in s.blocks if isinstance(b, Figure))
