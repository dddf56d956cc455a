"""The questions of the ALTAI in a document: its requirements, and what was said to a question."""

from collections.abc import Sequence
from dataclasses import dataclass

from checklists.assessment import ItemState
from checklists.coverage import Coverage, covered, top_sections
from checklists.scales import SCALES
from checklists.vocabulary import STATUS_NAMES
from reports.papers import Papers

ALTAI = "altai"
MEASURE = "measure"
UNKNOWN = "dont_know"


@dataclass(frozen=True)
class Requirement:
    """A requirement with its questions that have to be answered, and those of them on measures."""

    id: str
    name: str
    states: tuple[ItemState, ...]

    @property
    def measures(self) -> tuple[ItemState, ...]:
        """Questions that ask for a measure, not for a description."""
        return tuple(s for s in self.states if s.item.scale == MEASURE)

    @property
    def all(self) -> Coverage:
        """Coverage of every question."""
        return covered(self.states)

    @property
    def asked_for(self) -> Coverage:
        """Coverage of the questions that ask for a measure."""
        return covered(self.measures)


def requirements(papers: Papers) -> tuple[Requirement, ...]:
    """The requirements that have a question to answer; none where the ALTAI is not followed."""
    states = papers.assessment.of(ALTAI) if papers.assessment is not None else ()
    if not states:
        return ()
    instrument = states[0].instrument
    top = top_sections(instrument)
    by: dict[str, list[ItemState]] = {}
    for state in states:
        if state.counted:
            by.setdefault(top[state.item.section], []).append(state)
    return tuple(
        Requirement(section.id, _name(section.title), tuple(by[section.id]))
        for section in instrument.sections
        if section.id in by
    )


def _name(title: str) -> str:
    """The number of a requirement and what it is about, without the word before them."""
    before, colon, rest = title.partition(": ")
    if not colon:
        return title
    number = before.rpartition(" ")[2]
    named = rest[0].upper() + rest[1:]
    return f"{number} {named}" if number.isdigit() else named


def response(state: ItemState) -> str:
    """What was answered, in the words of the question's own scale."""
    answer = state.answer
    if answer is None:
        return "not answered"
    scale = SCALES[state.item.scale]
    # A statement that was made for an equal item may have been given on another scale.
    chosen = scale.response(answer.response or "")
    if chosen is None or chosen.status != answer.status:
        chosen = next((r for r in scale.responses if r.status == answer.status), None)
    return chosen.label if chosen is not None else STATUS_NAMES[answer.status]


def unknown(states: Sequence[ItemState]) -> int:
    """How many were answered with "do not know"."""
    current = [s for s in states if s.answer is not None and not s.stale]
    return sum(s.status == "not_assessed" for s in current)
