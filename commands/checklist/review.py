"""``equipoise checklist review``: somebody else accepts, asks for changes or signs off."""

from typing import Annotated, get_args

import typer

from audit.problems import InputError, Problem, nearest
from checklists.answers import DECISION_NAMES, Answer, Decision, reviewed
from checklists.answers_file import change_answers
from checklists.assessment import ItemState
from commands.checklist.desk import (
    ANSWERS,
    PROFILE,
    AnswersOption,
    AsOfOption,
    AuditOption,
    Desk,
    NameOption,
    ProfileOption,
    RoleOption,
    moment,
    open_desk,
    person,
)
from reports.format import plural

DECISIONS: tuple[Decision, ...] = get_args(Decision)


def review(
    items: Annotated[list[str] | None, typer.Argument(help="Items to review.")] = None,
    decision: Annotated[
        str, typer.Option("--decision", help="accepted, changes_requested or signed_off.")
    ] = "accepted",
    comment: Annotated[
        str | None, typer.Option("--comment", help="Why; needed for changes_requested.")
    ] = None,
    instrument: Annotated[
        list[str] | None,
        typer.Option("--instrument", help="All answers to this instrument (repeatable)."),
    ] = None,
    name: NameOption = None,
    role: RoleOption = None,
    profile: ProfileOption = PROFILE,
    answers: AnswersOption = ANSWERS,
    audit: AuditOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Review answers of others: accept them, ask for changes, or sign off what was accepted.

    A review is bound to the answer as it is; a later edit voids it. Stale answers cannot be signed
    off.
    """
    desk = open_desk(profile, answers, audit, as_of)
    who = person(name, role)
    wanted = _decision(decision)
    chosen = _chosen(desk, items or [], instrument or [])
    given = desk.answers().answers
    at = moment()
    reviews: dict[str, Answer] = {}
    problems: list[Problem] = []
    for id, state in chosen.items():
        try:
            if wanted == "signed_off" and state.stale:
                raise ValueError(f"it is stale ({state.stale[0]})")
            reviews[id] = reviewed(given[id], wanted, who, at, comment)
        except ValueError as error:
            remedy = "see `equipoise checklist show " + id + "`"
            problems.append(Problem("no_review", id, str(error), remedy))
    if problems:
        raise InputError(problems)
    seen = {id: given[id] for id in reviews}
    change_answers(desk.answers_path, seen, lambda id, _: reviews[id])
    typer.echo(
        f"{plural(len(reviews), 'answer')} {DECISION_NAMES[wanted]} by {who}: {', '.join(reviews)}"
    )


def _decision(word: str) -> Decision:
    if word in DECISIONS:
        return word
    reason = f"unknown decision '{word}'"
    raise InputError(Problem("bad_flag", "--decision", reason, nearest(word, DECISIONS)))


def _chosen(desk: Desk, items: list[str], instruments: list[str]) -> dict[str, ItemState]:
    """The answered items that are named, by their own answer."""
    if not items and not instruments:
        reason = "no item is named"
        remedy = "name items, or an instrument with --instrument"
        raise InputError(Problem("no_item", "review", reason, remedy))
    given = desk.answers()
    found: dict[str, ItemState] = {}
    problems: list[Problem] = []
    for id in items:
        state = desk.state(id, given)
        if id in given.answers:
            found[id] = state
            continue
        reason, remedy = "it is not answered", "answer it first"
        if state.through is not None:
            reason = f"it is answered by the statement for {state.through}"
            remedy = f"review {state.through}"
        problems.append(Problem("not_answered", id, reason, remedy))
    for name in instruments:
        desk.profile.catalogue.instrument(name)
        for state in desk.assess([name], given).items:
            own = state.through or state.item.id
            if state.counted and own in given.answers and own not in found:
                found[own] = state
    if problems:
        raise InputError(problems)
    if not found:
        reason, remedy = "nothing is answered there yet", "start with `equipoise checklist walk`"
        raise InputError(Problem("not_answered", ", ".join(instruments), reason, remedy))
    return found
