"""The checklists in a document: a matrix of statuses, the answers with evidence, who signed."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from checklists.answers import DECISION_NAMES, FULL_VERSION, Answer, FileEvidence, Review
from checklists.assessment import ItemState
from checklists.coverage import Coverage, coverages
from checklists.instrument import Item
from checklists.vocabulary import CERTAINTY_NAMES, ROLE_NAMES, STATE_NAMES, Role
from reports.blocks import Block, Bullets, Cell, Column, Group, Row, Table, Text
from reports.format import names, plural
from reports.outline import OutlineSection
from reports.papers import Papers

SYMBOLS = {"met": "✓", "partly": "◐", "not_met": "✗", "not_applicable": "○", "not_assessed": "–"}
COVERAGE_NOTE = (
    "Answered items over items that have to be answered. A share of items met is coverage; it says "
    "nothing of compliance. A stale answer counts as stale alone."
)


class _Counted(NamedTuple):
    """A column of the matrix, and what is said where it would hold nothing but zeros."""

    column: Column
    words: str


COUNTED = (
    _Counted(Column("Items", "count", 7), ""),
    _Counted(Column("Met", "count", 7), "met"),
    _Counted(Column("Partly", "count", 7), "partly met"),
    _Counted(Column("Not met", "count", 8), "not met"),
    _Counted(Column("N/a", "count", 6), "not applicable"),
    _Counted(Column("Stated", "count", 8), "stated"),
    _Counted(Column("Open", "count", 7), "open"),
    _Counted(Column("Stale", "count", 7), "stale"),
    _Counted(Column("Unsigned", "count", 9), "answered and unsigned"),
)
NO_RATIONALE = "No rationale was given."
_MOST_MISSING = 12
_MOST_NAMED = 6


def status(papers: Papers) -> list[Block]:
    """Matrix of statuses: instrument and requirement by what was answered."""
    if papers.assessment is None:
        return []
    groups = []
    for found in coverages(papers.assessment):
        if not found.coverage.items:
            continue
        states = ", ".join(
            f"{STATE_NAMES[s]} {n}" for s, n in found.states.items() if n and s != "not_in_scope"
        )
        due = f"; further ones apply from {found.next_due}" if found.next_due else ""
        label = f"{found.instrument.short} ({found.instrument.status}): {states}{due}"
        rows = [_coverage_row(s.title, s.coverage) for s in found.sections if s.coverage.items]
        groups.append(Group(label, (*rows, _coverage_row("All of it", found.coverage))))
    if not groups:
        return []
    columns, shown, none = _telling(groups)
    note = f"{COVERAGE_NOTE}{none}{_signed_elsewhere(papers.states.values())}"
    return [
        Text((f"As of {papers.assessment.on}, for the product profile attached to the answers.",)),
        Table("checklist-status", "Checklists by requirement", columns, shown, note),
        *troubles(papers.states.values()),
    ]


def _telling(groups: Sequence[Group]) -> tuple[tuple[Column, ...], tuple[Group, ...], str]:
    """The columns that hold more than zeros, the rows in them, and what the others counted."""
    rows = [row for group in groups for row in group.rows]
    kept = [i for i in range(len(COUNTED) + 1) if i < 2 or any(r.cells[i].sort for r in rows)]
    columns = [Column("Requirement", "text", 36), *(c.column for c in COUNTED)]
    nothing = [c.words for i, c in enumerate(COUNTED, 1) if i not in kept]
    return (
        tuple(columns[i] for i in kept),
        tuple(
            replace(
                g, rows=tuple(replace(r, cells=tuple(r.cells[i] for i in kept)) for r in g.rows)
            )
            for g in groups
        ),
        f" No item is {_alternatives(nothing)}." if nothing else "",
    )


def _alternatives(words: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _signed_elsewhere(states: Iterable[ItemState]) -> str:
    """How many of the unsigned were signed before figures were withheld; empty where none was."""
    given = [s.answer for s in states if s.counted and s.answer is not None]
    many = sum(answer.signed_in_full() is not None for answer in given)
    if not many:
        return ""
    were = "is" if many == 1 else "are"
    return (
        f" Of the unsigned answers {many} {were} signed in the full version, from which this one "
        "withholds figures."
    )


def _coverage_row(title: str, c: Coverage) -> Row:
    n = c.statuses
    values = (c.items, n["met"], n["partly"], n["not_met"], n["not_applicable"], c.stated)
    rest = (c.items - c.answered - c.stale, c.stale, c.unsigned)
    return Row((Cell(title), *(Cell(str(v), sort=v) for v in (*values, *rest))))


def troubles(states: Iterable[ItemState]) -> list[Block]:
    """Stale answers, and findings of the audit that speak against answers; each finding once."""
    stale: list[str] = []
    against: dict[str, list[str]] = {}
    for state in states:
        if not state.counted:
            continue
        stale += [f"{state.item.id} is stale, {reason}." for reason in state.stale[:2]]
        for c in state.contradictions:
            against.setdefault(f"{c.words}: {c.sentence}", []).append(state.item.id)
    told = [*stale, *(f"{names(ids, _MOST_NAMED)}: {found}" for found, ids in against.items())]
    if not told:
        return []
    shown = told[:30]
    rest = len(told) - len(shown)
    more = f" {plural(rest, 'further one')} in the attached answers." if rest else ""
    return [
        Bullets(tuple(shown), f"Answers that no longer hold, or that the audit speaks to:{more}")
    ]


def answers(papers: Papers) -> list[Block]:
    """Every instrument's answers, one table each."""
    if papers.assessment is None:
        return []
    blocks: list[Block] = []
    for name in dict.fromkeys(s.instrument.id for s in papers.assessment.items):
        states = [s for s in papers.assessment.of(name) if s.standing.in_scope]
        blocks += answered(name, states)
    return blocks


def answered(id: str, states: Sequence[ItemState]) -> list[Block]:
    """A table of what was answered, and after it what is open and who owes it."""
    given = [s for s in states if s.answer is not None and s.branch == "asked"]
    found: list[Block] = []
    if given:
        names = dict.fromkeys(s.instrument.short for s in given)
        columns = (
            Column("Item", "text", 27),
            Column("Answer", "text", 16),
            Column("Statement and evidence", "text", 57),
        )
        groups = tuple(
            Group(
                name if len(names) > 1 else "", tuple(_row(s) for s in given if _short(s) == name)
            )
            for name in names
        )
        caption = f"Answers to {', '.join(names)}"
        found.append(Table(f"answers-{id}", caption, columns, groups, dense=True))
    return found + _open([s for s in states if s.counted and s.answer is None])


def _short(state: ItemState) -> str:
    return state.instrument.short


def _row(state: ItemState) -> Row:
    answer = state.answer
    assert answer is not None  # only answered items come here
    return Row(
        (
            Cell(f"{state.item.id} {state.item.heading}", f"{state.item.locator}. {_asked(state)}"),
            Cell(status_text(state), given_text(state), kind="verdict"),
            Cell(answer.rationale or NO_RATIONALE, evidence_text(answer)),
        )
    )


def status_text(state: ItemState) -> str:
    """The status of an answer as symbol and words; a stale one says so."""
    return f"{SYMBOLS[state.status]} {state.status_words}{' (stale)' if state.stale else ''}"


def given_text(state: ItemState) -> str:
    """Who gave an answer and when, and what was decided about it; empty where there is none."""
    answer = state.answer
    if answer is None:
        return ""
    return f"{answer.by}, {answer.at:%Y-%m-%d}{_through(state)}{_decided(answer)}"


def evidence_text(answer: Answer) -> str:
    """The evidence that an answer cites."""
    return "; ".join(_evidence(answer))


def _asked(state: ItemState) -> str:
    return " ".join(state.standing.question.split())


def _through(state: ItemState) -> str:
    return f", by the statement for {state.through}" if state.through else ""


def _decided(answer: Answer) -> str:
    decision, full = answer.decision(), answer.full_version_text()
    if full:
        return f"; {full}"
    if decision is None:
        return "; not reviewed" if not answer.voided() else "; sign-off void, edited since"
    last = answer.standing_reviews()[-1]
    return f"; {DECISION_NAMES[decision]} by {last.by}"


def _evidence(answer: Answer) -> Iterable[str]:
    for evidence in answer.evidence:
        if isinstance(evidence, FileEvidence):
            place = f", {evidence.locator}" if evidence.locator else ""
            yield f"{evidence.file}{place} (SHA-256 {evidence.sha256[:12]}…)"
        else:
            yield f"{evidence.statement} [{evidence.figure}]"
    if answer.options:
        yield f"Chosen: {', '.join(answer.options)}"


def _open(states: Sequence[ItemState]) -> list[Block]:
    """What nobody has answered, and who owes it: once, where it is the same for all."""
    if not states:
        return []
    owners = {holders(s.item.duty_holder) for s in states}
    alike = len(owners) == 1
    by = f", owed by the {owners.pop()}" if alike else ""
    shown = tuple(_owed(s, alike) for s in states[:_MOST_MISSING])
    rest = len(states) - len(shown)
    more = f" {plural(rest, 'further item')} open besides these." if rest else ""
    lead = f"Not assessed, {plural(len(states), 'item')}{by}:{more}"
    return [Bullets(shown, lead, dense=True)]


def _owed(state: ItemState, alike: bool) -> str:
    text = expected_text(state.item) if alike else owed_text(state.item)
    return f"{state.item.id} {state.item.heading}" + (f"; {text}" if text else "")


def owed_text(item: Item) -> str:
    """Who owes the answer to an item, and what is expected with it."""
    parts = (f"owed by the {holders(item.duty_holder)}", expected_text(item))
    return "; ".join(part for part in parts if part)


def expected_text(item: Item) -> str:
    """What is expected with the answer to an item; empty where nothing is named."""
    return f"expected: {', '.join(item.evidence)}" if item.evidence else ""


def holders(roles: Iterable[Role]) -> str:
    """The roles that have to bring something; the provider where none is named."""
    return " or ".join(ROLE_NAMES[role] for role in roles) or ROLE_NAMES["provider"]


def missing(planned: OutlineSection) -> Text:
    """What belongs into an empty section and who owes it; nothing is made up in its place."""
    return Text((f"Nothing is on record for this section. {missing_text(planned)}",))


def missing_text(planned: OutlineSection) -> str:
    """What belongs into a section and who owes it."""
    needs = planned.needs or f"{planned.title}."
    return f"Missing: {needs} Owed by the {holders(planned.owed_by)}."


def _review(state: ItemState, review: Review, decided: str, bound: Cell) -> Row:
    by = Cell(str(review.by), f"{review.at:%Y-%m-%d %H:%M} UTC")
    return Row((Cell(state.item.id), Cell(decided), by, Cell(review.comment or ""), bound))


def reviews(papers: Papers) -> list[Block]:
    """Who reviewed and signed, with the hash that binds them to the answer."""
    rows = []
    for state in papers.states.values():
        if state.answer is None or state.through is not None:
            continue
        digest = state.answer.sha256()
        bound = Cell(digest[:16] + "…", kind="code")
        for review in state.answer.standing_reviews():
            rows.append(_review(state, review, DECISION_NAMES[review.decision], bound))
        full = state.answer.signed_in_full()
        if full is not None:
            rows.append(_review(state, full, FULL_VERSION, Cell("not of the words here")))
    if not rows:
        return []
    columns = (
        Column("Item", "text", 16),
        Column("Decision", "text", 15),
        Column("By", "text", 27),
        Column("Comment", "text", 24),
        Column("Answer, SHA-256", "text", 18),
    )
    note = "A review holds for the answer with this hash; an edit after it voids it."
    return [Table("reviews", "Reviews and sign-offs", columns, (Group("", tuple(rows)),), note,
                  dense=True)]  # fmt: skip


def sources(papers: Papers) -> list[Block]:
    """The instruments behind the checklists: editions, and how far each was checked."""
    if papers.assessment is None:
        return []
    rows = []
    for name in dict.fromkeys(s.instrument.id for s in papers.assessment.items):
        instrument = papers.assessment.profile.catalogue.instruments[name]
        states = papers.assessment.of(name)
        used = {s.standing.version.edition for s in states if s.standing.version is not None}
        texts = [e.citation for e in instrument.editions if e.id in used]
        levels = dict.fromkeys(CERTAINTY_NAMES[i.certainty] for i in instrument.items)
        rows.append(
            Row(
                (
                    Cell(instrument.short, instrument.status),
                    Cell("; ".join(texts) or instrument.editions[-1].citation),
                    Cell(str(instrument.verified_on), "; ".join(levels)),
                )
            )
        )
    columns = (
        Column("Instrument", "text", 22),
        Column("Text", "text", 50),
        Column("Checked on", "text", 28),
    )
    return [Table("instruments", "Texts behind the checklists", columns, (Group("", tuple(rows)),))]
