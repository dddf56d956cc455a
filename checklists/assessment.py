"""The state of a checklist on a date: every item with its standing, its answer and what is wrong.

One pure view over profile, answers and audit, from which the terminal, the exports and the dossier
are made alike.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from checklists.answers import Answer, AnswersFile, Decision, FigureEvidence
from checklists.catalogue import Catalogue
from checklists.crosswalk import equals
from checklists.instrument import Instrument, Item
from checklists.profile import Profile
from checklists.proposals import AuditEvidence
from checklists.scales import SCALES
from checklists.scope import Standing, scoped
from checklists.staleness import Stale, Workplace, stale_reasons
from checklists.vocabulary import STATUS_NAMES, Status

Branch = Literal["asked", "not_asked", "pending"]


@dataclass(frozen=True)
class Contradiction:
    """A finding of the audit that speaks against an answer.

    It is `explained` once the answer cites it: then a person has seen it and said what to make of
    it. It stays on record either way. `shown` is false where the audit merely fails to show what
    the answer says.
    """

    finding: str
    sentence: str
    explained: bool
    shown: bool

    @property
    def words(self) -> str:
        """What the audit has against the answer, and whether somebody dealt with it."""
        what = "the audit says otherwise" if self.shown else "the audit does not show it"
        return f"{what} ({'explained' if self.explained else 'to be explained'})"


@dataclass(frozen=True)
class ItemState:
    """One item on a date.

    `through` is the item whose statement answers this one, where they are mapped as equal.
    """

    standing: Standing
    instrument: Instrument
    branch: Branch
    answer: Answer | None
    through: str | None
    stale: tuple[Stale, ...]
    contradictions: tuple[Contradiction, ...]

    @property
    def item(self) -> Item:
        """The item itself."""
        return self.standing.item

    @property
    def counted(self) -> bool:
        """Whether it has to be answered: in scope, and not branched away."""
        return self.standing.in_scope and self.branch == "asked"

    @property
    def status(self) -> Status:
        """The status of its answer; not assessed where there is none."""
        return self.answer.status if self.answer is not None else "not_assessed"

    @property
    def judged(self) -> bool:
        """Whether its answer says that something is in order, not only how the system is."""
        return SCALES[self.item.scale].judged

    @property
    def status_words(self) -> str:
        """The status in words; "stated" for a description that is given."""
        stated = self.status == "met" and not self.judged
        return "stated" if stated else STATUS_NAMES[self.status]

    @property
    def decision(self) -> Decision | None:
        """What the last review that still holds decided."""
        return self.answer.decision() if self.answer is not None else None

    @property
    def open(self) -> bool:
        """Whether a person has to act: it counts, and is unanswered or stale."""
        return self.counted and (self.answer is None or bool(self.stale))


@dataclass(frozen=True)
class Assessment:
    """All items of the instruments that a product follows, on a date.

    `orphans` are ids in the answers file that no instrument holds; `disagreements` pairs of items
    mapped as equal that are answered differently; `unmapped` pairs of a statement and an item that
    it says it answers and that is not mapped as equal.
    """

    profile: Profile
    on: date
    items: tuple[ItemState, ...]
    orphans: tuple[str, ...]
    disagreements: tuple[tuple[str, str], ...]
    unmapped: tuple[tuple[str, str], ...] = ()

    def of(self, instrument: str) -> tuple[ItemState, ...]:
        """The items of one instrument."""
        return tuple(state for state in self.items if state.instrument.id == instrument)


def assess(
    profile: Profile,
    answers: AnswersFile,
    on: date,
    workplace: Workplace,
    instruments: Iterable[str] | None = None,
    *,
    findings: bool = True,
) -> Assessment:
    """Hold the answers against the items as they are on a date, and against the files at hand.

    Without `findings` the audit's verdicts are not held against the answers.
    """
    catalogue = profile.catalogue
    chosen = profile.instruments if instruments is None else tuple(instruments)
    given = answers.answers
    shared = shared_answers(answers, catalogue)
    evidence = None
    if findings and given and workplace.audit is not None:
        evidence = workplace.audit.evidence
    states: list[ItemState] = []
    for name in chosen:
        instrument = catalogue.instrument(name)
        standings = scoped(instrument, profile.facts, on)
        out = {s.item.id for s in standings if not s.in_scope}
        for standing in standings:
            id = standing.item.id
            through = None if id in given else shared.get(id)
            answer = given.get(through or id)
            stale: tuple[Stale, ...] = ()
            if answer is not None:
                digest = standing.item.sha256(standing.version)
                recorded = answer.also[id] if through is not None else answer.item_sha256
                stale = stale_reasons(answer, recorded == digest, workplace)
            states.append(
                ItemState(
                    standing=standing,
                    instrument=instrument,
                    branch=branch(standing.item, catalogue.items, given, shared, out),
                    answer=answer,
                    through=through,
                    stale=stale,
                    contradictions=contradictions(standing.item, answer, evidence),
                )
            )
    orphans = tuple(id for id in given if id not in catalogue.items)
    return Assessment(
        profile,
        on,
        tuple(states),
        orphans,
        _disagreements(answers, catalogue),
        _unmapped(answers, catalogue),
    )


def shared_answers(answers: AnswersFile, catalogue: Catalogue) -> dict[str, str]:
    """Item -> the item whose statement answers it; the latest where several do.

    Only where the two are mapped as equal today: what was equal once is no answer any more.
    """
    found: dict[str, str] = {}
    for id, answer in answers.answers.items():
        same = equals(catalogue, id) if answer.also and id in catalogue.items else ()
        for other in answer.also:
            if other not in same:
                continue
            rival = found.get(other)
            if rival is None or answers.answers[rival].at < answer.at:
                found[other] = id
    return found


def branch(
    item: Item,
    items: Mapping[str, Item],
    given: Mapping[str, Answer],
    shared: Mapping[str, str],
    out: Collection[str] = (),
    below: frozenset[str] = frozenset(),
) -> Branch:
    """Whether an item is asked, given the answers to the items that it depends on.

    What depends on an item that is not asked is not asked either; what depends on one that is out
    of scope, and so answered by nobody here, is asked. `below` are the items on the way up to this
    one.
    """
    if item.ask_if is None or item.id in below or item.ask_if.item in out:
        return "asked"
    above = branch(items[item.ask_if.item], items, given, shared, out, below | {item.id})
    if above != "asked":
        return above
    parent = given.get(item.ask_if.item) or given.get(shared.get(item.ask_if.item, ""))
    if parent is None:
        return "pending"
    if parent.status == "not_applicable":
        return "not_asked"
    wanted = item.ask_if
    responded = (parent.response or parent.status) in wanted.response
    chosen = bool(set(parent.options) & set(wanted.option))
    return "asked" if responded or chosen else "not_asked"


def contradictions(
    item: Item, answer: Answer | None, audit: AuditEvidence | None
) -> tuple[Contradiction, ...]:
    """Findings of the audit that speak against an answer.

    An item said to be met while a requirement that speaks to it is violated or not shown to be
    met; an item said not to apply while the audit holds figures for it. What only describes the
    system is not contradicted.
    """
    described = not SCALES[item.scale].judged
    if audit is None or answer is None or item.automation == "no" or described:
        return ()
    cited = {e.figure for e in answer.evidence if isinstance(e, FigureEvidence)}
    if answer.status == "met":
        against = {
            f"verdict/{v.requirement}": v.status == "violated"
            for v in audit.result.verdicts
            if v.status in ("violated", "inconclusive", "not_estimable")
            and audit.verdict_keys[v.requirement] & set(item.evidence_keys)
        }
    elif answer.status == "not_applicable" and item.automation == "yes":
        against = {proposal.figure: True for proposal in audit.proposals(item)[:1]}
    else:
        return ()
    return tuple(
        Contradiction(id, audit.sentences[id], id in cited, shown) for id, shown in against.items()
    )


def _disagreements(answers: AnswersFile, catalogue: Catalogue) -> tuple[tuple[str, str], ...]:
    """Pairs of items that ask the same and have answers of their own with different statuses."""
    found: dict[frozenset[str], tuple[str, str]] = {}
    for id, answer in answers.answers.items():
        for other in equals(catalogue, id) if id in catalogue.items else ():
            own = answers.answers.get(other)
            if own is not None and own.status != answer.status:
                found.setdefault(frozenset((id, other)), (id, other))
    return tuple(found.values())


def _unmapped(answers: AnswersFile, catalogue: Catalogue) -> tuple[tuple[str, str], ...]:
    """Statements that say they answer an item which does not ask the same, or does not any more."""
    found = []
    for id, answer in answers.answers.items():
        same = equals(catalogue, id) if answer.also and id in catalogue.items else ()
        found += [(id, other) for other in answer.also if other not in same]
    return tuple(found)
