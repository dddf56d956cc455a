"""``equipoise checklist lint``: whether the answers are sound and still hold."""

from typing import Annotated

import typer

from checklists.assessment import Assessment
from commands.checklist.desk import (
    ANSWERS,
    PROFILE,
    AnswersOption,
    AsOfOption,
    AuditOption,
    ProfileOption,
    open_desk,
)
from reports.format import plural


def lint(
    profile: ProfileOption = PROFILE,
    answers: AnswersOption = ANSWERS,
    audit: AuditOption = None,
    as_of: AsOfOption = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Also on findings of the audit that are not explained.")
    ] = False,
) -> None:
    """Check profile and answers: quick, for a pre-commit hook.

    Exit code: 0 sound, 1 an answer is stale, void, about no item, or differs from an equal one;
    2 a file cannot be read.
    """
    desk = open_desk(profile, answers, audit, as_of)
    findings = lint_findings(desk.assess(findings=strict), strict=strict)
    for line in findings:
        typer.echo(line)
    count = len(desk.answers().answers)
    if not findings:
        typer.echo(f"{plural(count, 'answer')}, nothing to mend")
    raise typer.Exit(1 if findings else 0)


def lint_findings(assessment: Assessment, *, strict: bool) -> list[str]:
    """One line for everything that a person has to mend."""
    where = "answers"
    found: list[str] = []
    for s in assessment.items:
        id = s.item.id
        if s.answer is None:
            continue
        if s.through is None:
            found += [f"{where}: {id}: stale, {reason}" for reason in s.stale]
            if full := s.answer.full_version_text():
                found.append(f"{where}: {id}: {full}, not as it stands here; review it")
            elif s.answer.voided():
                found.append(f"{where}: {id}: edited after its sign-off; review it again")
            unknown = [o for o in s.answer.options if o not in s.item.options]
            found += [f"{where}: {id}: it has no option '{o}'" for o in unknown]
        elif s.stale:
            found.append(f"{where}: {id}: stale, answered by {s.through}: {s.stale[0]}")
        if strict:
            found += [
                f"{where}: {id}: {c.words}: {c.sentence}"
                for c in s.contradictions
                if not c.explained
            ]
    for one, other in assessment.disagreements:
        found.append(f"{where}: {other}: differs from {one}, which asks the same")
    for one, other in assessment.unmapped:
        found.append(f"{where}: {one}: says it answers {other}, which does not ask the same")
    found += [f"{where}: {id}: no instrument holds this item" for id in assessment.orphans]
    return found
