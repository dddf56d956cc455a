"""``equipoise checklist status``: coverage, due dates, what is stale, contradicted or unsigned."""

from collections.abc import Sequence
from typing import Annotated

import typer

from audit.problems import InputError, Problem, nearest
from checklists.assessment import Assessment, ItemState
from checklists.coverage import Coverage, InstrumentCoverage, coverages
from checklists.vocabulary import STATE_NAMES, STATES
from commands.checklist.desk import (
    ANSWERS,
    PROFILE,
    AnswersOption,
    AsOfOption,
    AuditOption,
    ProfileOption,
    open_desk,
)
from commands.checklist.texts import trouble_lines, wrapped

FAILURES = ("unanswered", "not_met", "stale", "contradicted", "unreviewed", "unsigned")


def status(
    instruments: Annotated[
        list[str] | None, typer.Argument(help="Instruments; those of the profile if none.")
    ] = None,
    scope: Annotated[
        bool, typer.Option("--scope", help="Also list what does not apply, and why.")
    ] = False,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on",
            help="Exit with 1 on: unanswered, not_met, stale, contradicted, unreviewed, unsigned "
            "(items due now; repeatable).",
        ),
    ] = None,
    profile: ProfileOption = PROFILE,
    answers: AnswersOption = ANSWERS,
    audit: AuditOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Show how far the checklists are answered on a date. Coverage is not compliance.

    Exit code with --fail-on: 1 when one of these is found among items due now, 3 when no item is
    due now.
    """
    for word in fail_on or []:
        if word not in FAILURES:
            reason = f"unknown failure '{word}'"
            raise InputError(Problem("bad_flag", "--fail-on", reason, nearest(word, FAILURES)))
    desk = open_desk(profile, answers, audit, as_of)
    assessment = desk.assess(instruments or None)
    typer.echo("\n".join(status_lines(assessment, scope=scope)))
    if fail_on:
        raise typer.Exit(_failing(assessment, fail_on))


def status_lines(assessment: Assessment, *, scope: bool) -> list[str]:
    """The whole status as text."""
    facts = assessment.profile.facts
    name = assessment.profile.product.name or assessment.profile.path.name
    lines = [f"{name}, as of {assessment.on}", ""]
    unknown = [k for k in ("role", "jurisdiction") if not getattr(facts, k)]
    if unknown:
        lines += [f"The profile does not state: {', '.join(unknown)}; nothing is left out for it."]
        lines.append("")
    for found in coverages(assessment):
        lines += instrument_status(found)
    lines += _troubles(assessment)
    if scope:
        lines += ["", "Out of scope:"]
        for state in assessment.items:
            if not state.standing.in_scope:
                lines.append(wrapped(f"{state.item.id}: {state.standing.reason}", 2, 4))
    lines += ["", "A share of items met is coverage. It says nothing of compliance."]
    return lines


def instrument_status(found: InstrumentCoverage) -> list[str]:
    """One instrument: its standing, its coverage, and its requirements."""
    instrument = found.instrument
    counts = [
        f"{STATE_NAMES[state]} {found.states[state]}" for state in STATES if found.states.get(state)
    ]
    if found.pending:
        counts.append(f"after another answer {found.pending}")
    next_due = f"; the next ones apply from {found.next_due}" if found.next_due else ""
    lines = [f"{instrument.id}  {instrument.short} ({instrument.status})"]
    lines.append(wrapped(f"{', '.join(counts)}{next_due}", 2, 4))
    if not found.coverage.items:
        return [*lines, ""]
    lines.append(_row("all", found.coverage))
    for section in found.sections:
        if section.coverage.items:
            lines.append(_row(section.title, section.coverage))
    return [*lines, ""]


def _row(title: str, c: Coverage) -> str:
    parts = [f"{c.answered} of {c.items} answered"]
    names = {"met": "met", "partly": "partly", "not_met": "not met", "not_applicable": "n/a"}
    parts += [f"{names[s]} {n}" for s, n in c.statuses.items() if n and s in names]
    flagged = (
        ("stated", c.stated),
        ("not assessed", c.statuses["not_assessed"]),
        ("stale", c.stale),
        ("contradicted", c.contradicted),
        ("unreviewed", c.unreviewed),
        ("unsigned", c.unsigned),
    )
    parts += [f"{word} {n}" for word, n in flagged if n]
    return wrapped(f"{title}: {', '.join(parts)}", 2, 6)


def _troubles(assessment: Assessment) -> list[str]:
    lines: list[str] = []
    for state in assessment.items:
        told = trouble_lines(state) if state.counted else []
        if told:
            lines += [f"{state.item.id}  {state.item.heading}", *told]
    for one, other in assessment.disagreements:
        text = f"{other} has an answer of its own that differs from {one}, which asks the same"
        lines.append(wrapped(text, 0, 2))
    for one, other in assessment.unmapped:
        text = f"{one} says that it answers {other}, which does not ask the same"
        lines.append(wrapped(text, 0, 2))
    for id in assessment.orphans:
        lines.append(f"{id}: answered, but no instrument holds it")
    return ["To look at:", *lines] if lines else []


def _failing(assessment: Assessment, wanted: Sequence[str]) -> int:
    due = [s for s in assessment.items if s.counted and s.standing.state == "due_now"]
    if not due:
        return 3
    return 1 if any(failure(s, word) for s in due for word in wanted) else 0


def failure(state: ItemState, word: str) -> bool:
    """Whether an item fails in one respect."""
    if word == "unanswered":
        return state.status == "not_assessed"
    if word == "not_met":
        return state.status in ("not_met", "partly")
    if word == "stale":
        return bool(state.stale)
    if word == "contradicted":
        return any(not c.explained for c in state.contradictions)
    if word == "unreviewed":
        return state.decision not in ("accepted", "signed_off")
    return state.decision != "signed_off" or bool(state.stale)
