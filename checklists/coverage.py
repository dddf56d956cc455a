"""How much of a checklist is answered, by requirement. Coverage says nothing of compliance."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from checklists.assessment import Assessment, ItemState
from checklists.instrument import Instrument
from checklists.vocabulary import STATUSES, State, Status


@dataclass(frozen=True)
class Coverage:
    """Counts over some items that have to be answered.

    `statuses` are those of answers that are not stale; a stale answer counts as `stale` alone. A
    description of the system that is given counts as `stated`, not as met.
    """

    items: int
    statuses: Mapping[Status, int]
    stated: int
    stale: int
    contradicted: int
    unreviewed: int
    unsigned: int

    @property
    def answered(self) -> int:
        """Items with an answer that is current and says more than "not assessed"."""
        judged = sum(n for status, n in self.statuses.items() if status != "not_assessed")
        return judged + self.stated


@dataclass(frozen=True)
class SectionCoverage:
    """A requirement, chapter or part of an instrument with its coverage."""

    id: str
    title: str
    coverage: Coverage


@dataclass(frozen=True)
class InstrumentCoverage:
    """An instrument: how its items stand on the date, and how they are answered.

    `next_due` is the first day on which further items start to apply.
    """

    instrument: Instrument
    states: Mapping[State, int]
    pending: int
    coverage: Coverage
    sections: tuple[SectionCoverage, ...]
    next_due: date | None


def covered(states: Iterable[ItemState]) -> Coverage:
    """Count the items that have to be answered."""
    asked = [s for s in states if s.counted]
    current = [s for s in asked if not s.stale]
    stated = sum(s.status == "met" and not s.judged for s in current)
    statuses = Counter(s.status for s in current if s.judged or s.status != "met")
    answered = [s for s in asked if s.answer is not None]
    return Coverage(
        items=len(asked),
        statuses={status: statuses[status] for status in STATUSES},
        stated=stated,
        stale=sum(bool(s.stale) for s in asked),
        contradicted=sum(any(not c.explained for c in s.contradictions) for s in asked),
        unreviewed=sum(s.decision not in ("accepted", "signed_off") for s in answered),
        unsigned=sum(s.decision != "signed_off" or bool(s.stale) for s in answered),
    )


def coverages(assessment: Assessment) -> tuple[InstrumentCoverage, ...]:
    """Coverage of every instrument of an assessment, and of its top sections."""
    names = dict.fromkeys(s.instrument.id for s in assessment.items)
    return tuple(_of_instrument(assessment.of(name)) for name in names)


def _of_instrument(states: tuple[ItemState, ...]) -> InstrumentCoverage:
    instrument = states[0].instrument
    top = top_sections(instrument)
    by_section: dict[str, list[ItemState]] = {}
    for state in states:
        by_section.setdefault(top[state.item.section], []).append(state)
    coming = [
        s.standing.since
        for s in states
        if s.standing.state == "readiness_gap" and s.standing.since is not None
    ]
    return InstrumentCoverage(
        instrument=instrument,
        states=Counter(s.standing.state for s in states),
        pending=sum(s.standing.in_scope and s.branch == "pending" for s in states),
        coverage=covered(states),
        sections=tuple(
            SectionCoverage(section.id, section.title, covered(by_section[section.id]))
            for section in instrument.sections
            if section.id in by_section
        ),
        next_due=min(coming, default=None),
    )


def top_sections(instrument: Instrument) -> dict[str, str]:
    """Section -> the section at the top that holds it."""
    above = {section.id: section.part_of for section in instrument.sections}

    def top(id: str) -> str:
        parent = above[id]
        return id if parent is None else top(parent)

    return {id: top(id) for id in above}
