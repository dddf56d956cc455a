"""``equipoise checklist export`` and ``import``: tables for colleagues, and machine formats."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from audit.problems import InputError, Problem, nearest
from audit.result_file import ResultFile
from checklists.answering import also_answered, file_evidence, new_answer
from checklists.answers import Answer, Evidence, Person, replaced
from checklists.answers_file import change_answers
from checklists.assessment import Assessment, ItemState, assess
from checklists.scales import SCALES
from checklists.staleness import CurrentAudit, Workplace
from checklists.tables import Row, read_table, table, to_csv, to_xlsx
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
from commands.sharing import MinCellOption, ShareOption, as_they_leave
from reports.format import plural

TABLES = ("csv", "xlsx")
FORMATS = (*TABLES, "markdown", "json", "oscal", "cyclonedx")
_ENDINGS = {".csv": "csv", ".xlsx": "xlsx", ".md": "markdown", ".json": "json"}


def export(
    instruments: Annotated[
        list[str] | None, typer.Argument(help="Instruments; those of the profile if none.")
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="csv, xlsx (to be filled in and imported), markdown, json, oscal or cyclonedx; "
            "by the ending of --out if absent.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; stdout if absent.")
    ] = None,
    profile: ProfileOption = PROFILE,
    answers: AnswersOption = ANSWERS,
    audit: AuditOption = None,
    as_of: AsOfOption = None,
    share: ShareOption = False,
    min_cell: MinCellOption = None,
) -> None:
    """Write the checklists as they stand: for a colleague to fill in, to read, or for machines."""
    chosen = format or (_ENDINGS.get(out.suffix.lower(), "json") if out is not None else "markdown")
    if chosen not in FORMATS:
        reason = f"unknown format '{chosen}'"
        raise InputError(Problem("bad_flag", "--format", reason, nearest(chosen, FORMATS)))
    desk = open_desk(profile, answers, audit, as_of)
    file, given = as_they_leave(desk, min_cell, share=share)
    if chosen in TABLES:  # no evidence stands there, and rows are read back by the answer's hash
        given = desk.answers()
    place = Workplace(answers.parent, desk.profile, None if file is None else CurrentAudit(file))
    assessment = assess(desk.profile, given, desk.on, place, instruments or None)
    content = _written(chosen, file, assessment)
    if out is None:
        if isinstance(content, bytes):
            import sys

            sys.stdout.buffer.write(content)
        else:
            typer.echo(content, nl=False)
        return
    from audit.atomic import write_atomic

    write_atomic(out, content)
    typer.echo(f"wrote {out}")


def _written(format: str, audit: ResultFile | None, assessment: Assessment) -> str | bytes:
    if format in TABLES:
        rows = table(assessment.items)
        if format == "csv":
            return to_csv(rows)
        counted = [s for s in assessment.items if s.counted]
        allowed = [[r.id for r in SCALES[s.item.scale].responses] for s in counted]
        return to_xlsx(rows, allowed)
    writers: dict[str, Callable[[], str]] = {}
    if format == "markdown":
        from reports.checklist_text import checklist_markdown

        writers["markdown"] = lambda: checklist_markdown(assessment)
    elif format == "json":
        from reports.checklist_text import checklist_json

        writers["json"] = lambda: checklist_json(assessment)
    elif format == "oscal":
        from reports.oscal import oscal

        writers["oscal"] = lambda: oscal(assessment, audit, moment())
    else:
        from reports.cyclonedx import cyclonedx

        writers["cyclonedx"] = lambda: cyclonedx(assessment, audit, moment())
    return writers[format]()


def import_(
    path: Annotated[Path, typer.Argument(help="CSV or XLSX from `export`, filled in.")],
    name: NameOption = None,
    role: RoleOption = None,
    only: Annotated[
        bool, typer.Option("--only", help="Do not answer the items that are mapped as equal.")
    ] = False,
    profile: ProfileOption = PROFILE,
    answers: AnswersOption = ANSWERS,
    audit: AuditOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Take in a filled table: all of its rows, or none when one of them is wrong.

    A row says who answered in its columns name and role; --as and --role stand where it does not.
    Rows that were left as they were are passed over.
    """
    desk = open_desk(profile, answers, audit, as_of)
    rows = read_table(path)
    held = desk.answers()
    given = held.answers
    items = desk.profile.catalogue.items
    named = sorted({items[row.item].instrument for row in rows if row.item in items})
    states = {s.item.id: s for s in desk.assess(named, held).items}
    made: dict[str, Answer] = {}
    problems: list[Problem] = []
    for row in rows:
        try:
            item = desk.profile.catalogue.item(row.item)
            answer = _answer(desk, path, row, states[item.id], given.get(item.id), name, role, only)
        except InputError as error:
            where = f"{path}: row {row.line}"
            problems += [
                Problem(p.code, where, f"{row.item}: {p.reason}", p.remedy) for p in error.problems
            ]
            continue
        if answer is not None:
            made[row.item] = answer
    if problems:
        raise InputError(problems)
    if made:
        seen = {item: given.get(item) for item in made}
        change_answers(desk.answers_path, seen, lambda id, before: replaced(made[id], before))
    typer.echo(
        f"{plural(len(made), 'answer')} saved in {desk.answers_path}, "
        f"{len(rows) - len(made)} unchanged"
    )


def _answer(
    desk: Desk,
    path: Path,
    row: Row,
    state: ItemState,
    before: Answer | None,
    name: str | None,
    role: str | None,
    only: bool,
) -> Answer | None:
    """The answer of a row; none where the row says what stands already."""
    if before is not None and _same(row, before):
        return None
    if row.item_sha256 and row.item_sha256 != state.item.sha256(state.standing.version):
        reason = "its question changed since the table was exported"
        raise InputError(Problem("item_changed", row.item, reason, "export it again"))
    if row.answer_sha256 != (before.sha256() if before is not None else ""):
        who = f"answered by {before.by}" if before is not None else "removed"
        reason = f"it was {who} since the table was exported"
        remedy = "export it again and fill it in there"
        raise InputError(Problem("changed_meanwhile", row.item, reason, remedy))
    evidence: list[Evidence] = list(before.evidence) if before is not None else []
    for document in row.documents:
        place, _, locator = document.partition("#")
        evidence.append(file_evidence(path.parent / place, desk.answers_path.parent, locator))
    also = {} if only else also_answered(desk.profile.catalogue, row.item, desk.on)
    return new_answer(
        state.standing,
        response=row.response,
        options=row.options,
        rationale=row.rationale,
        evidence=evidence,
        also=also,
        by=_by(row, name, role),
        at=moment(),
    )


def _same(row: Row, before: Answer) -> bool:
    """Whether a row says what the answer says, by whomever."""
    said = (before.response or before.status, before.options, before.rationale or "")
    return said == (row.response, row.options, row.rationale) and not row.documents


def _by(row: Row, name: str | None, role: str | None) -> Person:
    if row.name and row.role:
        return Person(name=row.name, role=row.role)
    return person(row.name or name, row.role or role)
