"""The audit in brief, inside documents that are about something else: its summary as blocks."""

from checklists.proposals import AuditEvidence
from reports.blocks import Block, Bullets, Cell, Column, Facts, Group, Row, Table, Text, VerdictLine
from reports.format import WITHHELD, count, left_out, names, share
from reports.papers import Papers
from reports.parts import front, product
from reports.parts.index import Index

MOST_LEVELS = 8


def blocks(papers: Papers) -> list[Block]:
    """What was audited, what the requirements came to, what is unknown."""
    s = front.summary(papers.index)
    found: list[Block] = [Text(s.sentences)]
    if s.verdicts:
        columns = (
            Column("Requirement", "text", 34),
            Column("Verdict", "text", 15),
            Column("Value [interval]", "text", 22),
            Column("Reason", "text", 29),
        )
        rows = tuple(_row(v) for v in s.verdicts)
        groups = (Group("", rows),)
        title = "Requirements of the plan"
        found.append(Table("audit-verdicts", title, columns, groups, s.legend))
    found.append(Bullets(s.not_assessed, "What could not be assessed:"))
    if s.warnings:
        rest = left_out(len(papers.result.warnings) - len(s.warnings), "warning")
        found.append(Bullets(s.warnings, f"Warnings of the audit: {rest}".rstrip()))
    return found


def _row(v: VerdictLine) -> Row:
    limit = " · ".join(part for part in (v.where, f"limit {v.margin}") if part)
    return Row((
        Cell(v.statement, v.id),
        Cell(f"{v.symbol} {v.word}", kind="verdict"),
        Cell(v.value, limit),
        Cell(v.reason, v.more),
    ))  # fmt: skip


def public(papers: Papers) -> list[Block]:
    """What an audit can give to a public summary: the test data, and results with intervals."""
    evidence = AuditEvidence(papers.result)
    told = evidence.sentences
    pairs = [
        ("Intended use", product.told(papers, "intended_use")),
        ("Model", product.told(papers, "description")),
        ("Test data", told.get("cohort/overall", WITHHELD)),
        ("Source", product.told(papers, "cohort")),
        *_make_up(papers.index),
        ("Decision", front.threshold(papers.result)),
        *(("Result", told[id]) for id in evidence.overall(evidence.front()) if id in told),
        ("Development data", "not in the audit; the provider describes them"),
    ]
    return [Facts(tuple(pairs), "From the plan and the audit, for the public summary")]


def _make_up(index: Index) -> list[tuple[str, str]]:
    """Units by level of each attribute, with their share of the analysed ones."""
    whole = index.counts["overall"].n if "overall" in index.counts else None
    found = []
    for name in index.single:
        levels = []
        for stratum in index.single[name] if name else ():
            n = index.counts[stratum].n if stratum in index.counts else None
            size = WITHHELD if n is None else f"{count(n)} ({share(n, whole)})"
            levels.append(f"{stratum.partition('=')[2]} {size}")
        if levels:
            found.append((f"Make-up by {name}", names(levels, MOST_LEVELS)))
    return found
