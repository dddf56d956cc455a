"""What a plan requires of checklists, held against the answers as they are on a date.

Only items that are due count, and those named one by one where they are in scope. Nothing due is
never a pass: then the requirement does not apply, and says so.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date

from audit.judging import undecided
from audit.plan import Plan
from audit.problems import InputError, Problem, nearest
from audit.requirement import ChecklistRequirement
from audit.result import Verdict, VerdictPart, VerdictStatus
from checklists.assessment import Assessment, ItemState
from checklists.catalogue import Catalogue

Assess = Callable[[Sequence[str] | None], Assessment]
_NAMED = 5
_SHORT = {"answered": "not answered", "reviewed": "not reviewed", "signed": "not signed off"}
_DONE = {"answered": "answered", "reviewed": "reviewed", "signed": "signed off"}
_REVIEWED = ("accepted", "signed_off")


def checklist_verdicts(plan: Plan, assess: Assess, on: date) -> tuple[Verdict, ...]:
    """Decide what a plan requires of checklists; `assess` gives the state of some instruments.

    Raises
    ------
    InputError
        With every instrument and item that the requirements name and no file holds.
    """
    catalogue = assess(()).profile.catalogue
    problems = [p for r in plan.checklists for p in _problems(r, catalogue)]
    if problems:
        raise InputError(problems)
    return tuple(_verdict(r, plan.level, assess, catalogue, on) for r in plan.checklists)


def _problems(requirement: ChecklistRequirement, catalogue: Catalogue) -> Iterator[Problem]:
    where = f"requirement '{requirement.id}'"
    for kind, names, known in (
        ("instrument", requirement.instruments, catalogue.instruments),
        ("item", requirement.items, catalogue.items),
    ):
        for name in names:
            if name not in known:
                remedy = nearest(name, [*known])
                yield Problem(f"unknown_{kind}", where, f"unknown {kind} '{name}'", remedy)


def _verdict(
    requirement: ChecklistRequirement,
    level: float,
    assess: Assess,
    catalogue: Catalogue,
    on: date,
) -> Verdict:
    if requirement.by is not None and on < date.fromisoformat(requirement.by):
        reason = f"it applies from {requirement.by}; this is {on}"
        return undecided(requirement, level, "not_applicable", reason)
    wanted = dict.fromkeys(requirement.instruments)
    of_items = {catalogue.items[item].instrument for item in requirement.items}
    states = assess(tuple(wanted | dict.fromkeys(sorted(of_items)))).items
    parts = [
        part
        for state in states
        if (part := _part(requirement, state, whole=state.instrument.id in wanted)) is not None
    ]
    judged = [part for part in parts if part.status != "not_applicable"]
    if not judged:
        bare = undecided(requirement, level, "not_applicable", "no item is due or in scope")
        return bare.model_copy(update={"parts": tuple(parts)})
    short = [part for part in judged if part.status == "violated"]
    status: VerdictStatus = "violated" if short else "met"
    return undecided(requirement, level, status, _reason(requirement, judged, short)).model_copy(
        update={"value": float(len(short)), "parts": tuple(parts)}
    )


def _part(
    requirement: ChecklistRequirement, state: ItemState, *, whole: bool
) -> VerdictPart | None:
    """How one item stands; None where it is not meant.

    `whole` holds where its instrument is required as a whole: then only what is due counts. An
    item that is named counts as soon as it is in scope.
    """
    named = state.item.id in requirement.items
    due = state.standing.state == "due_now" and state.branch != "not_asked"
    if not (named or (whole and due)):
        return None
    status: VerdictStatus
    if not state.standing.in_scope:
        status, reason = "not_applicable", f"not in scope: {state.standing.reason}"
    elif state.branch == "not_asked":
        status, reason = "not_applicable", "another answer says that it is not asked"
    else:
        missing = _missing(requirement, state)
        status, reason = ("violated", missing) if missing else ("met", _DONE[requirement.state])
    return VerdictPart(
        id=f"checklist/{state.item.id}",
        status=status,
        value=None,
        lower=None,
        upper=None,
        reason=reason,
    )


def _missing(requirement: ChecklistRequirement, state: ItemState) -> str:
    """What an item lacks; empty where it is as far as it must be."""
    if state.status == "not_assessed":
        return "not answered"
    reached = {
        "answered": True,
        "reviewed": state.decision in _REVIEWED,
        "signed": state.decision == "signed_off",
    }[requirement.state]
    lacks = [] if reached else [_SHORT[requirement.state]]
    if state.stale and requirement.stale == "refused":
        lacks.append("stale")
    return " and ".join(lacks)


def _reason(
    requirement: ChecklistRequirement, judged: Sequence[VerdictPart], short: Sequence[VerdictPart]
) -> str:
    many = "item" if len(judged) == 1 else "items"
    if not short:
        return f"all of {len(judged):,} {many} {_DONE[requirement.state]}"
    told = [f"{p.id.partition('/')[2]} ({p.reason})" for p in short[:_NAMED]]
    rest = len(short) - len(told)
    more = f" and {rest:,} more" if rest else ""
    return f"{len(short):,} of {len(judged):,} {many} short: {', '.join(told)}{more}"
