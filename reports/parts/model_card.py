"""The model card: what it is for, whom it is for, key figures by subgroup, known risks; two pages.

Fields follow the CHAI Applied Model Card. Each is filled from the plan, the audit or an answer that
somebody gave; a field of which nothing is on record says so, and who owes it.
"""

from checklists.vocabulary import ROLE_NAMES
from reports import words
from reports.blocks import Block, Bullets, Cell, Column, Facts, Group, Row, Table
from reports.format import count, left_out, plural
from reports.papers import Papers
from reports.parts import front
from reports.parts.index import Index
from reports.parts.results import TASK_FRONT, estimate_cell, piece_level

# What the two pages have room for.
LETTERS = 330
MOST_ROWS = 14
MOST_VERDICTS = 7
MOST_RISKS = 6
MOST_MEASURES = 4

_USE = (
    ("Intended use and workflow", ("CHAI-UD.1",), "intended_use"),
    ("Primary intended users", ("CHAI-UD.2", "HTI1-2.iii"), ""),
    ("How to use", ("CHAI-UD.3",), ""),
    ("Targeted patient population", ("CHAI-UD.4", "HTI1-2.ii"), ""),
    ("Cautioned, out of scope", ("CHAI-UD.5", "HTI1-3.i"), ""),
)
_RISKS = (
    ("Known risks and limitations", ("CHAI-W.1", "HTI1-3.ii", "MC-5"), ""),
    ("Known biases or ethical considerations", ("CHAI-W.2",), ""),
    ("Clinical risk level", ("CHAI-W.3",), ""),
)
_INGREDIENTS = (
    ("Outcome and output", ("CHAI-SF.1",), "output"),
    ("Model type", ("CHAI-SF.2",), "description"),
    ("Input data", ("CHAI-SF.4", "CHAI-SF.5"), "inputs"),
    ("Development data", ("CHAI-SF.6", "MC-13"), ""),
    ("Test cohort", ("MC-9",), "cohort"),
    ("Bias mitigation", ("CHAI-SF.7",), ""),
    ("Maintenance and monitoring", ("CHAI-SF.8",), ""),
    ("Security and compliance practices", ("CHAI-SF.9",), ""),
    ("Transparency mechanisms", ("CHAI-SF.10",), ""),
)
_RELEASE = (
    ("Developer", ("CHAI-BI.2",), "manufacturer"),
    ("Contact", ("CHAI-BI.3",), ""),
    ("Release stage", ("CHAI-RI.1",), ""),
    ("Regulatory status", ("CHAI-RI.5", "MC-2"), ""),
    ("Funding", ("CHAI-TI.1", "HTI1-1.ii"), ""),
)


def release(papers: Papers) -> list[Block]:
    """Who makes it, which version, in which state."""
    product = papers.result.plan.get("product") or {}
    named = [
        ("Model", str(product.get("name") or "Not stated in the plan")),
        ("Version", str(product.get("version") or "Not stated in the plan")),
    ]
    return [Facts((*named, *_filled(papers, _RELEASE)), "Basic information")]


def use(papers: Papers) -> list[Block]:
    """Uses and directions."""
    return [Facts(tuple(_filled(papers, _USE)), "Uses and directions")]


def ingredients(papers: Papers) -> list[Block]:
    """What it is made of."""
    return [Facts(tuple(_filled(papers, _INGREDIENTS)), "Trust ingredients")]


def risks(papers: Papers) -> list[Block]:
    """Warnings: what people say, and what the audit found."""
    found = [Facts(tuple(_filled(papers, _RISKS)), "Warnings")]
    told = [words.warning(w) for w in front.urgent(papers.result)]
    lines = [*_undecided(papers.index), *map(_short, told)]
    shown = tuple(lines[:MOST_RISKS])
    rest = len(lines) - len(shown)
    lead = "Found by the audit" + (f" ({rest} more in the attached audit)" if rest else "") + ":"
    return [*found, Bullets(shown, lead)] if shown else list(found)


def _undecided(index: Index) -> list[str]:
    """Strata of one attribute in which a front measure has no inference."""
    weak = [
        s
        for strata in index.demographic.values()
        for s in strata
        if any(
            (e := index.estimate(m, s)) is not None and e.status != "ok"
            for m in TASK_FRONT[index.task][:2]
        )
    ]
    if not weak:
        return []
    named = ", ".join(weak[:5]) + (f" and {len(weak) - 5} more" if len(weak) > 5 else "")
    return [f"Too little data for inference in {plural(len(weak), 'subgroup')}: {named}."]


def figures(papers: Papers) -> list[Block]:
    """Key figures: all units, then each subgroup, with interval and counts."""
    index = papers.index
    measures = [m for m in TASK_FRONT[index.task] if m in index.measures][:MOST_MEASURES]
    rows = [(a, s) for a, strata in index.single.items() for s in strata]
    shown = rows[:MOST_ROWS]
    groups = []
    for attribute in dict.fromkeys(a for a, _ in shown):
        own = tuple(_figure_row(index, s, measures) for a, s in shown if a == attribute)
        groups.append(Group(attribute, own))
    columns = (
        Column("Subgroup", "text", 24),
        Column("n / n+" if index.has_outcome else "n", "count", 12),
        *(Column(words.short(m), "value", 16) for m in measures),
    )
    level = f"{piece_level(index) * 100:g} %"
    note = (
        f"Below each value: its {level} interval, or why there is none; it is then not zero. "
        f"{left_out(len(rows) - len(shown), 'subgroup')}"
    )
    caption = "Key figures by subgroup"
    return [Table("card-figures", caption, columns, tuple(groups), note.strip(), dense=True)]


def _figure_row(index: Index, stratum: str, measures: list[str]) -> Row:
    counts = index.counts.get(stratum)
    n = count(counts.n) if counts is not None else ""
    if index.has_outcome and counts is not None and counts.n_positive is not None:
        n += f" / {count(counts.n_positive)}"
    name = "All units" if stratum == "overall" else stratum.partition("=")[2]
    cells = (estimate_cell(index.estimate(m, stratum)) for m in measures)
    plain = tuple(Cell(c.text, c.detail, c.kind) for c in cells)
    return Row((Cell(_short(name, 60)), Cell(n), *plain))


def verdicts(papers: Papers) -> list[Block]:
    """The requirements of the plan and what the intervals say of them."""
    index = papers.index
    lines = [front.verdict_line(index, v) for v in papers.result.verdicts]
    if not lines:
        return [Bullets((front.verdict_sentence(papers.result),))]
    rows = tuple(
        Row(
            (
                Cell(_short(v.statement, 120)),
                Cell(f"{v.symbol} {v.word}", kind="verdict"),
                Cell(v.value, f"{v.where}; limit {v.margin}" if v.where else f"limit {v.margin}"),
            )
        )
        for v in lines[:MOST_VERDICTS]
    )
    columns = (
        Column("Requirement", "text", 48),
        Column("Verdict", "text", 18),
        Column("Value [interval]", "text", 34),
    )
    note = left_out(len(lines) - len(rows), "requirement")
    caption = front.verdict_sentence(papers.result)
    return [Table("card-verdicts", caption, columns, (Group("", rows),), note, dense=True)]


def _filled(
    papers: Papers, fields: tuple[tuple[str, tuple[str, ...], str], ...]
) -> list[tuple[str, str]]:
    return [(label, _short(_field(papers, items, source))) for label, items, source in fields]


def _field(papers: Papers, items: tuple[str, ...], source: str) -> str:
    """What somebody answered, else what the plan and the audit say, else that nothing is there."""
    for id in items:
        state = papers.states.get(id)
        if state is not None and state.answer is not None and state.answer.rationale:
            stale = " (stale answer)" if state.stale else ""
            return f"{state.answer.rationale}{stale}"
    said = _from_audit(papers, source)
    return said if said else f"Not stated. Owed by the {ROLE_NAMES['provider']} ({items[0]})."


def _from_audit(papers: Papers, source: str) -> str:
    result = papers.result
    if source == "output":
        return f"{front.outcome_text(papers.index).capitalize()}. {front.threshold(result)}"
    if source == "inputs":
        known = result.provenance.predicted_by or {}
        inputs = [str(name) for name in known.get("inputs") or ()]
        return f"Inputs: {', '.join(inputs)}." if inputs else ""
    product = result.plan.get("product") or {}
    return str(product.get(source) or "") if source else ""


def _short(text: str, most: int = LETTERS) -> str:
    """As much of a text as the card has room for; what is cut is in the attached files."""
    plain = " ".join(text.split())
    return plain if len(plain) <= most else plain[: most - 1].rsplit(" ", 1)[0] + "…"
