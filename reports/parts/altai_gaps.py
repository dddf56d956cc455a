"""Measures that the ALTAI asks for and that are not, or not surely, in place."""

from checklists.assessment import ItemState
from reports.blocks import Block, Cell, Column, Group, Row, Table, Text
from reports.format import plural
from reports.papers import Papers
from reports.parts.altai import requirements, response
from reports.parts.checklist import SYMBOLS

GAP = ("not_met", "partly", "not_assessed")


def gaps(papers: Papers) -> list[Block]:
    """Every question on a measure answered no, to some extent or do not know; what closes it."""
    found = requirements(papers)
    if not found:
        return []
    measures = [s for r in found for s in r.measures]
    given = [s for s in measures if s.answer is not None]
    gaps = [s for s in given if s.status in GAP]
    stale = sum(bool(s.stale) for s in given)
    blocks: list[Block] = [Text((_lead(len(measures), len(given), len(gaps), stale),))]
    groups = tuple(
        Group(r.name, rows)
        for r in found
        if (rows := tuple(_row(s) for s in r.measures if s.answer is not None and s.status in GAP))
    )
    if groups:
        columns = (
            Column("Question", "text", 34),
            Column("Answer", "text", 17),
            Column("Rationale given", "text", 24),
            Column("What would close it", "text", 25),
        )
        note = "What would close it: the evidence that the question looks for."
        blocks.append(Table("altai-gaps", "Measures not in place, by requirement", columns, groups,
                            note, dense=True))  # fmt: skip
    return blocks


def _lead(asked: int, given: int, gaps: int, stale: int) -> str:
    if not given:
        return (
            f"None of the {plural(asked, 'question')} on measures has an answer: whether the "
            "measures are in place is not known."
        )
    verb = "has" if given == 1 else "have"
    text = f"Of {plural(asked, 'question')} on measures {given} {verb} an answer"
    text += f", {stale} of them one that is stale" if stale else ""
    what = "no, to some extent or do not know"
    text += f"; {gaps} of them {what}, listed here." if gaps else f"; none of them {what}."
    if asked > given:
        has = "has" if asked - given == 1 else "have"
        text += f" {plural(asked - given, 'question')} {has} no answer yet, which does not mean "
        text += "that the measure is in place."
    return text


def _row(state: ItemState) -> Row:
    answer = state.answer
    assert answer is not None  # only answered questions come here
    stale = " (stale)" if state.stale else ""
    through = f", by the statement for {state.through}" if state.through else ""
    evidence = "; ".join(state.item.evidence)
    asked = " ".join(state.standing.question.split())
    return Row(
        (
            Cell(f"{state.item.id} {state.item.heading}", asked),
            Cell(f"{SYMBOLS[state.status]} {response(state)}{stale}",
                 f"{answer.by}, {answer.at:%Y-%m-%d}{through}", "verdict"),
            Cell(answer.rationale or "No rationale was given."),
            Cell(evidence or "The list names no evidence for it."),
        )
    )  # fmt: skip
