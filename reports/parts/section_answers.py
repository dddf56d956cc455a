"""What the checklists say in a section: how its items stand by date, what was said, what is owed.

One item is told in full; several stand in a table. What is out of the product's scope says why.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from checklists.assessment import ItemState
from checklists.vocabulary import STATE_NAMES
from reports.blocks import Block, Facts, Text
from reports.format import names, plural
from reports.outline import OutlineSection
from reports.papers import Papers
from reports.parts import checklist

NAMED = 6


def blocks(planned: OutlineSection, papers: Papers) -> list[Block]:
    """Everything the checklists hold for a section; what is missing where none is at hand."""
    if not planned.items:
        return []
    states = matching(planned.items, papers)
    inside = [s for s in states if s.standing.in_scope]
    if not inside and not planned.required:
        return []
    if not states:
        return [Text((f"No answer to a checklist is at hand. {checklist.missing_text(planned)}",))]
    outside = [s for s in states if not s.standing.in_scope]
    return [*_inside(planned.id, inside, papers), *_outside(outside)]


def matching(patterns: tuple[str, ...], papers: Papers) -> list[ItemState]:
    """Items whose ids match, in the order of the patterns; each once."""
    found: dict[str, ItemState] = {}
    for pattern in patterns:
        for id, state in papers.states.items():
            if fnmatchcase(id, pattern):
                found.setdefault(id, state)
    return list(found.values())


def _inside(id: str, states: list[ItemState], papers: Papers) -> list[Block]:
    if not states:
        return []
    on = f"Standing on {papers.assessment.on}" if papers.assessment is not None else "Standing"
    if len(states) == 1 and states[0].branch == "asked":
        return [in_full(states[0], on)]
    return [
        Text(tuple(f"{on}: {line}" for line in standings(states)), lead=True),
        *checklist.answered(id, states),
        *checklist.troubles(states),
        *_not_asked(states),
    ]


def standings(states: Sequence[ItemState]) -> list[str]:
    """How the items stand: the state and why, with the ids where they differ."""
    by: dict[str, list[str]] = {}
    for s in states:
        line = f"{STATE_NAMES[s.standing.state]}: {s.standing.reason}"
        by.setdefault(line, []).append(s.item.id)
    if len(by) == 1:
        return [f"{line}." for line in by]
    return [f"{line} ({names(ids, NAMED)})." for line, ids in by.items()]


def in_full(state: ItemState, on: str) -> Facts:
    """One item: what is asked, since when, what was answered, with which evidence."""
    answer = state.answer
    asked = " ".join(state.standing.question.split())
    pairs = [(state.item.id, f"{state.item.heading}. {asked}"), (on, standings([state])[0])]
    if answer is None:
        pairs.append(("Answer", f"– not assessed; {checklist.owed_text(state.item)}"))
    else:
        said = f"{checklist.status_text(state)}; {checklist.given_text(state)}"
        pairs += [
            ("Answer", said),
            ("Statement", answer.rationale or checklist.NO_RATIONALE),
            ("Evidence", checklist.evidence_text(answer) or "None was named."),
        ]
        pairs += [("Stale", f"{reason}.") for reason in state.stale]
        pairs += [("Audit", f"{c.words}: {c.sentence}") for c in state.contradictions]
    return Facts(tuple(pairs))


def _not_asked(states: Sequence[ItemState]) -> list[Block]:
    """Items that hang on the answer to another one."""
    said = {
        "pending": "asked once the answer that it depends on is given",
        "not_asked": "not asked, given the answer that it depends on",
    }
    lines = []
    for branch, why in said.items():
        ids = [s.item.id for s in states if s.branch == branch]
        if ids:
            lines.append(f"{plural(len(ids), 'item')} {why}: {names(ids, NAMED)}.")
    return [Text(tuple(lines))] if lines else []


def _outside(states: Sequence[ItemState]) -> list[Block]:
    """Items that the profile puts out of scope, with the reason."""
    by: dict[str, list[str]] = {}
    for s in states:
        by.setdefault(s.standing.reason, []).append(s.item.id)
    lines = [
        f"Not in the scope of the product profile: {names(ids, NAMED)}; {reason}."
        for reason, ids in by.items()
    ]
    return [Text(tuple(lines))] if lines else []
