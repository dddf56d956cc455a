"""A form of the law with what is on record for each field; the rest is left blank for a person."""

from dataclasses import dataclass

from reports.blocks import Cell, Column, Group, Row, Table
from reports.papers import Papers
from reports.parts import checklist

BLANK = "…" * 24


@dataclass(frozen=True)
class Field:
    """One point of a form: what has to stand there, what is on record, who fills it in."""

    point: str
    wanted: str
    content: str
    told: str
    owed: str


def on_record(papers: Papers, item: str) -> tuple[str, str]:
    """The statement of an answer that holds, and what to say of the answer.

    An answer that is stale, or that says less than "met", fills no field.
    """
    state = papers.states.get(item)
    if state is None:
        return "", ""
    if not state.standing.in_scope:
        return "", f"{item}: {state.standing.reason}"
    if state.answer is None:
        return "", f"{item}: not assessed"
    told = f"{item}: {checklist.status_text(state)}, {checklist.given_text(state)}"
    rationale = state.answer.rationale or ""
    if state.status == "met" and not state.stale and state.judged:
        return rationale, told
    return "", f"{told}. {rationale}".strip()


def table(id: str, caption: str, fields: tuple[Field, ...], note: str) -> Table:
    """Lay the fields out; an empty one is a blank line with who has to fill it in."""
    columns = (
        Column("Point", "text", 7),
        Column("What has to stand here", "text", 31),
        Column("On record", "text", 40),
        Column("To be filled in by", "text", 22),
    )
    rows = tuple(
        Row((
            Cell(f.point),
            Cell(f.wanted),
            Cell(f.content or BLANK, f.told),
            Cell(f.owed),
        ))
        for f in fields
    )  # fmt: skip
    return Table(id, caption, columns, (Group("", rows),), note)
