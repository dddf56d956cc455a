"""``equipoise checklist answer``: one answer from a script."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from audit.problems import InputError, Problem
from checklists.answering import also_answered, figure_evidence, file_evidence, new_answer
from checklists.answers import Answer, Evidence, replaced
from checklists.answers_file import change_answer
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
from commands.checklist.texts import answer_lines


def answer(
    item: Annotated[str, typer.Argument(help="Id of the item: AIA-10.2.f.")],
    response: Annotated[
        str,
        typer.Option("--status", help="Status, or the word of the item's own scale."),
    ],
    rationale: Annotated[
        str | None, typer.Option("--rationale", help="Why; needed for not_applicable.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", help="Option chosen (repeatable).")
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option("--file", help="Document as evidence: PATH or PATH#LOCATOR (repeatable)."),
    ] = None,
    figure: Annotated[
        list[str] | None,
        typer.Option(
            "--figure",
            help="Figure of the audit as evidence, by its id; 'verdict/ID' for a verdict "
            "(repeatable).",
        ),
    ] = None,
    statement: Annotated[
        list[str] | None,
        typer.Option("--statement", help="Own sentence for the figure at the same place."),
    ] = None,
    only: Annotated[
        bool, typer.Option("--only", help="Do not answer the items that are mapped as equal.")
    ] = False,
    name: NameOption = None,
    role: RoleOption = None,
    profile: ProfileOption = PROFILE,
    answers: AnswersOption = ANSWERS,
    audit: AuditOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Answer one item; the answer before goes to its history."""
    desk = open_desk(profile, answers, audit, as_of)
    who = person(name, role)
    before = desk.answers()
    state = desk.state(item, before)
    evidence, problems = _evidence(desk, file or [], figure or [], statement or [])
    also = {} if only else also_answered(desk.profile.catalogue, item, desk.on)
    try:
        made = new_answer(
            state.standing,
            response=response,
            options=option or [],
            rationale=rationale,
            evidence=evidence,
            also=also,
            by=who,
            at=moment(),
        )
    except InputError as error:
        raise InputError([*error.problems, *problems]) from None
    if problems:
        raise InputError(problems)

    def change(previous: Answer | None) -> Answer:
        return replaced(made, previous)

    saved = change_answer(desk.answers_path, item, before.answers.get(item), change)
    typer.echo("\n".join([f"{item} saved in {desk.answers_path}", *answer_lines(saved)]))


def _evidence(
    desk: Desk, files: Sequence[str], figures: Sequence[str], statements: Sequence[str]
) -> tuple[list[Evidence], list[Problem]]:
    """The evidence named on the command line, and every problem of it."""
    base = desk.answers_path.parent
    found: list[Evidence] = []
    problems: list[Problem] = []
    for text in files:
        path, _, locator = text.partition("#")
        try:
            found.append(file_evidence(Path(path), base, locator))
        except InputError as error:
            problems += error.problems
    if len(statements) > len(figures):
        reason = f"{len(statements)} statements for {len(figures)} figures"
        problems.append(Problem("bad_flag", "--statement", reason, "give a figure with each"))
    if figures and desk.audit is None:
        reason = "there is no audit to take a figure from"
        problems.append(Problem("no_audit", "--figure", reason, "give the audit with --audit"))
    elif desk.audit is not None:
        for place, id in enumerate(figures):
            own = statements[place] if place < len(statements) else None
            try:
                found.append(figure_evidence(desk.audit, id, base, own))
            except InputError as error:
                problems += error.problems
    return found, problems
