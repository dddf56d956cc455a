"""Traceability of planned modifications to the components of the modification protocol.

A cell says what is on record where a row and a column meet; it is not a finding about the plan.
"""

from checklists.assessment import ItemState
from checklists.coverage import covered
from reports.blocks import Block, Cell, Column, Group, Row, Table, Text
from reports.format import DASH
from reports.papers import Papers
from reports.parts import checklist

MODIFICATIONS = ("PCCP-VI.B.1", "PCCP-VI.B.2", "PCCP-VI.B.3", "PCCP-VI.C")
PROTOCOL = {
    "PCCP-VII.B.1": "Data management",
    "PCCP-VII.B.2": "Re-training",
    "PCCP-VII.B.3": "Performance evaluation",
    "PCCP-VII.B.4": "Update procedures",
}


def blocks(papers: Papers) -> list[Block]:
    """The table; where nothing is answered, what is missing and who owes it."""
    found = {id: s for id, s in papers.states.items() if s.standing.in_scope}
    rows = [found[id] for id in MODIFICATIONS if id in found]
    columns = [found[id] for id in PROTOCOL if id in found]
    if not rows or not columns:
        return []
    if all(s.answer is None for s in (*rows, *columns)):
        return [Text((_nothing(rows[0], columns),))]
    return [_table(rows, columns, papers)]


def _nothing(first: ItemState, columns: list[ItemState]) -> str:
    wanted = "; ".join(f"{PROTOCOL[s.item.id].lower()} ({s.item.id})" for s in columns)
    owed = checklist.holders(first.item.duty_holder)
    return (
        "Modifications cannot be traced to the protocol: neither is on record. Missing: a list of "
        f"modifications ({first.item.id} and the items after it) and the protocol: {wanted}. "
        f"Owed by the {owed}."
    )


def _table(rows: list[ItemState], columns: list[ItemState], papers: Papers) -> Table:
    heads = (
        Column("Modification", "text", 25),
        Column("Described", "text", 15),
        *(Column(PROTOCOL[s.item.id], "text", 15) for s in columns),
    )
    protocol = Row((
        Cell("Component of the protocol"),
        Cell(""),
        *(Cell(checklist.status_text(s), s.item.id, kind="verdict") for s in columns),
    ))  # fmt: skip
    modifications = tuple(
        Row((
            Cell(s.item.heading, s.item.id),
            Cell(checklist.status_text(s), kind="verdict"),
            *(_cell(s, component) for component in columns),
        ))
        for s in rows
    )  # fmt: skip
    groups = [
        Group("Modification protocol (Section VII)", (protocol,)),
        Group("Description of modifications (Section VI)", modifications),
    ]
    questions = _questions(columns, papers)
    if questions is not None:
        groups.append(Group("Questions of Appendix A", (questions,)))
    note = "A cell holds the status of the answer about the component of the protocol (column), "
    note += "where the modification (row) is described too; else which of the two is missing. "
    note += "Which part of the protocol serves which modification is for the answers to say "
    note += "(PCCP-VII.C)."
    caption = "Modifications against the components of the modification protocol"
    return Table("pccp-traceability", caption, heads, tuple(groups), note)


def _cell(modification: ItemState, protocol: ItemState) -> Cell:
    if modification.status == "not_applicable" or protocol.status == "not_applicable":
        which = "modification" if modification.status == "not_applicable" else "component"
        return Cell(f"{checklist.SYMBOLS['not_applicable']} not applicable", which)
    said = {"modification": modification.status, "protocol": protocol.status}
    absent = [name for name, status in said.items() if status == "not_assessed"]
    if absent:
        return Cell(f"{DASH} not assessed", f"missing: {' and '.join(absent)}")
    return Cell(checklist.status_text(protocol), kind="verdict")


def _questions(columns: list[ItemState], papers: Papers) -> Row | None:
    """How many questions on each component are answered; none where they are not at hand."""
    cells = []
    for place, _ in enumerate(columns, 1):
        mine = [
            s
            for s in papers.states.values()
            if s.instrument.id == "fda-pccp" and s.item.section.startswith(f"app-a-{place}")
        ]
        c = covered(mine)
        cells.append(Cell(f"{c.answered} of {c.items} answered", sort=c.answered))
        if not c.items:
            return None
    return Row((Cell("Questions answered"), Cell(""), *cells))
