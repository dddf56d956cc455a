"""``equipoise checklist list`` and ``show``: instruments and items, as they stand."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from checklists.assessment import Assessment
from checklists.catalogue import Catalogue, load_catalogue
from checklists.crosswalk import equals, offers
from checklists.instrument import Instrument
from checklists.vocabulary import RELATION_NAMES, STATE_NAMES
from commands.checklist.desk import (
    ANSWERS,
    PROFILE,
    AnswersOption,
    AsOfOption,
    AuditOption,
    ProfileOption,
    open_desk,
)
from commands.checklist.texts import (
    SIGNS,
    answer_lines,
    choices,
    evidence_lines,
    instrument_lines,
    item_lines,
    trouble_lines,
    why_lines,
    wrapped,
)


def list_(
    instruments: Annotated[
        list[str] | None, typer.Argument(help="Instruments whose items to list.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    profile: ProfileOption = PROFILE,
    answers: AnswersOption = ANSWERS,
    audit: AuditOption = None,
    as_of: AsOfOption = None,
) -> None:
    """List the instruments with source, edition and verification; or the items of some.

    Items are shown as they stand for the profile on the date.
    """
    if instruments:
        desk = open_desk(profile, answers, audit, as_of)
        assessment = desk.assess(instruments)
        typer.echo(_items_json(assessment) if as_json else _items_text(assessment))
        return
    catalogue = catalogue_of(profile)
    if as_json:
        rows = [_instrument_row(i) for i in catalogue.instruments.values()]
        typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    lines: list[str] = []
    for instrument in catalogue.instruments.values():
        lines += [*instrument_lines(instrument), ""]
    total = len(catalogue.items)
    lines.append(f"{len(catalogue.instruments)} instruments, {total} items. All texts are our own.")
    typer.echo("\n".join(lines))


def show(
    items: Annotated[list[str], typer.Argument(help="Ids of items: AIA-10.2.f.")],
    profile: ProfileOption = PROFILE,
    answers: AnswersOption = ANSWERS,
    audit: AuditOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Show items whole: question, standing, text, answer, evidence, and what else asks it."""
    desk = open_desk(profile, answers, audit, as_of)
    given = desk.answers()
    evidence = desk.audit.evidence if desk.audit is not None else None
    lines: list[str] = []
    for id in items:
        state = desk.state(id, given)
        lines += [*item_lines(state), wrapped(f"Answers: {choices(state)}.", 0, 2), ""]
        lines += [*why_lines(state), ""]
        if state.answer is not None:
            lines += [*answer_lines(state.answer, state.through), *trouble_lines(state), ""]
        else:
            lines += ["· not assessed", ""]
        lines += [*evidence_lines(state, evidence), ""]
        lines += _mapped_lines(desk.profile.catalogue, id, [*given.answers])
    typer.echo("\n".join(lines).rstrip())


def catalogue_of(profile: Path) -> Catalogue:
    """The instruments of the profile, or those that ship where there is none."""
    if not profile.exists():
        return load_catalogue()
    from checklists.profile import read_profile

    return read_profile(profile).catalogue


def _mapped_lines(catalogue: Catalogue, id: str, answered: list[str]) -> list[str]:
    lines = []
    same = equals(catalogue, id)
    if same:
        lines.append(wrapped(f"The same is asked by: {', '.join(same)}.", 0, 2))
    rest = {o: r for o, r in catalogue.mapped[id].items() if r != "equal"}
    if rest:
        told = ", ".join(f"{o} (this is {RELATION_NAMES[r]})" for o, r in sorted(rest.items()))
        lines.append(wrapped(f"Mapped to: {told}.", 0, 2))
    drafts = offers(catalogue, id, answered)
    if drafts:
        told = ", ".join(o.item for o in drafts)
        lines.append(wrapped(f"Statements at hand as drafts: {told}.", 0, 2))
    return lines


def _items_text(assessment: Assessment) -> str:
    lines = []
    for s in assessment.items:
        sign = SIGNS[s.status] if s.standing.in_scope else " "
        stale = " (stale)" if s.stale else ""
        state = STATE_NAMES[s.standing.state]
        branch = "" if s.branch == "asked" else f", {s.branch.replace('_', ' ')}"
        lines.append(
            f"{sign} {s.item.id}  {s.item.heading}  [{state}{branch}; {s.status_words}{stale}]"
        )
    return "\n".join(lines)


def _items_json(assessment: Assessment) -> str:
    from reports.checklist_text import item_rows

    return json.dumps(item_rows(assessment.items), indent=1, ensure_ascii=False)


def _instrument_row(instrument: Instrument) -> dict[str, Any]:
    row = instrument.model_dump(mode="json", exclude={"items", "sections"})
    return {**row, "items": len(instrument.items)}
