"""Documents of single sections, and what stands in their tables."""

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest

from reports import sections
from reports.blocks import Block, Bullets, Facts, Table, Text
from reports.outline import Outline, OutlineSection
from reports.papers import Papers
from reports.pdf import render_pdf
from reports.sections import Builder
from tests.reports.sample import sample


def printed(papers: Papers, monkeypatch: pytest.MonkeyPatch, **builders: Builder) -> bytes:
    """Print a document that holds these sections alone."""
    for name, builder in builders.items():
        monkeypatch.setitem(sections.BUILDERS, name, builder)
    planned = tuple(OutlineSection(id=n, title=n.title(), parts=(n,)) for n in builders)
    made = Outline(id="full", kind="Test", file="x", purpose="x", neutral="x", sections=planned)
    monkeypatch.setattr("reports.pdf.outline", lambda _: made)
    return render_pdf(papers)


def table(blocks: Iterable[Block], id: str) -> Table:
    """The table of that id."""
    return next(b for b in blocks if isinstance(b, Table) and b.id == id)


def lines(table: Table, *, printed: bool = False) -> list[tuple[str, ...]]:
    """Its rows as texts; `printed` ones alone."""
    return [
        tuple(cell.text for cell in row.cells)
        for group in table.groups
        for row in group.rows
        if not (printed and row.screen_only)
    ]


def words_of(blocks: Iterable[Block]) -> str:
    """Everything that blocks say in words, tables included."""
    out: list[str] = []
    for b in blocks:
        if isinstance(b, Text):
            out += b.paragraphs
        elif isinstance(b, Bullets):
            out += [b.lead, *b.items]
        elif isinstance(b, Facts):
            out += [f"{name}: {value}" for name, value in b.pairs]
        elif isinstance(b, Table):
            out += [b.caption, b.note, b.print_note, *(g.label for g in b.groups)]
            out += [f"{c.text} {c.detail}" for g in b.groups for r in g.rows for c in r.cells]
    return "\n".join(out)


@cache
def _written() -> str:
    return sample().to_json()


def sample_data() -> dict[str, Any]:
    """The sample as plain data, to be altered; faster than making it anew."""
    data: dict[str, Any] = json.loads(_written())
    return data
