"""Sharing in the commands that write documents: an audit as it may leave, and what goes with it."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.problems import InputError, Problem

if TYPE_CHECKING:
    from audit.result import AuditResult, Waiver
    from audit.result_file import ResultFile
    from checklists.answers import AnswersFile
    from commands.checklist.desk import Desk

ShareOption = Annotated[
    bool,
    typer.Option("--share", help="Withhold small cells everywhere, so that it may leave (binary)."),
]
MinCellOption = Annotated[
    int | None, typer.Option("--min-cell", help="With --share: fewest people shown (11).")
]


def as_shared(
    file: "ResultFile",
    min_cell: int | None = None,
    *,
    share: bool,
    previous: "ResultFile | None" = None,
) -> tuple["ResultFile", "ResultFile | None"]:
    """An audit, and the one of the version before, as they may leave.

    Without `share` an audit that was shared before decides by which rule the other one is. Where
    neither is shared, both are given back as they are.

    Raises
    ------
    InputError
        When one of them cannot be shared.
    """
    known = file.result.disclosure
    if not share and known is None:
        return file, previous
    from audit.disclosure import MIN_CELL, shareable_together

    least = min_cell if min_cell is not None else known.min_cell if known is not None else MIN_CELL
    files = [file] if previous is None else [file, previous]
    try:
        made = shareable_together([f.result for f in files], least)
    except ValueError as error:
        raise InputError(_problem(files, str(error))) from None
    pairs = [(f.result, shared) for f, shared in zip(files, made, strict=True)]
    made = with_shared_words(pairs, [str(f.path) for f in files])
    stated = min_cell is not None or least != MIN_CELL
    flags = " --share" + (f" --min-cell {least}" if stated else "")
    out = [_written(f, r, flags) for f, r in zip(files, made, strict=True)]
    return out[0], out[1] if previous is not None else None


def with_shared_words(
    pairs: "Sequence[tuple[AuditResult, AuditResult]]", names: Sequence[str]
) -> "tuple[AuditResult, ...]":
    """Shared audits in which the words of people tell nothing that is withheld from any of them.

    `pairs` are audits as they were, each with its shared form; `names` are how problems call them.

    Raises
    ------
    InputError
        With every text that tells it and that somebody could word anew.
    """
    from checklists.shared_texts import told_in_result, without_told
    from checklists.withheld import Withheld

    withheld = Withheld(tuple(pairs))
    named = zip(pairs, names, strict=True)
    problems = [p for (full, _), name in named for p in told_in_result(full, name, withheld)]
    if problems:
        raise InputError(problems)
    return tuple(one if one is full else without_told(one, withheld) for full, one in pairs)


def _written(before: "ResultFile", result: "AuditResult", flags: str) -> "ResultFile":
    """The shared audit as `equipoise audit --share` would have written it."""
    from audit.result_file import ResultFile

    if result is before.result:
        return before
    origin = result.provenance
    origin = origin.model_copy(update={"command": origin.command + flags})
    made = result.model_copy(update={"provenance": origin})
    return ResultFile(before.path, hashlib.sha256(made.to_json().encode()).hexdigest(), made)


def json_of(file: "ResultFile", before: "ResultFile", content: bytes) -> bytes:
    """The bytes of an audit: those that were read, unless it was changed since."""
    return content if file is before else file.result.to_json().encode()


def _problem(files: list["ResultFile"], reason: str) -> Problem:
    where = " and ".join(str(f.path) for f in files)
    remedy = "keep the document inside"
    if len(files) > 1:
        remedy += ", leave --previous out, or give both audits as they were before sharing"
    return Problem("not_shareable", where, reason, remedy)


def as_they_leave(
    desk: "Desk", min_cell: int | None, *, share: bool
) -> tuple["ResultFile | None", "AnswersFile"]:
    """The audit on a desk and the answers, shared where that is asked for or the audit is.

    Raises
    ------
    InputError
        When there is no audit to share by, it cannot be shared, or an answer tells what is
        withheld.
    """
    from commands.audit import check_sharing

    check_sharing(share, min_cell)
    given = desk.answers()
    if desk.audit is None:
        if share:
            reason = "there is no audit to say what is withheld"
            raise InputError(Problem("no_audit", "--share", reason, "give it with --audit"))
        return None, given
    read = desk.audit.file
    file, _ = as_shared(read, min_cell, share=share)
    if file.result.disclosure is None:
        return file, given
    from audit.yaml_file import read_text
    from checklists.shared import Shared
    from checklists.shared_texts import told_in_file
    from checklists.withheld import Withheld

    withheld = Withheld(((read.result, file.result),))
    shared = Shared(file, read if read is not file else None, withheld)
    beside = [desk.profile.path, *(desk.profile.path.parent / name for name in desk.profile.own)]
    problems = [p for f in beside for p in told_in_file(read_text(f), str(f), withheld)]
    problems += shared.told(given)
    if problems:
        raise InputError(problems)
    return file, shared.answers(given)


def refuse_comparison(path: Path | None) -> None:
    """Refuse a comparison beside a shared audit: its flips have no rule by which to withhold."""
    if path is None:
        return
    reason = "a comparison counts single people, and no rule withholds them beside a shared audit"
    remedy = "leave --comparison out, or keep the document inside"
    raise InputError(Problem("not_shareable", str(path), reason, remedy))


def refuse_told_of(
    waivers: "Iterable[Waiver]", name: str, shared: "AuditResult", full: "AuditResult"
) -> None:
    """Refuse waivers whose words tell what was withheld from an audit; `name` is their file."""
    from checklists.shared_texts import told_in_waivers
    from checklists.withheld import Withheld

    problems = [*told_in_waivers(waivers, name, Withheld(((full, shared),)))]
    if problems:
        raise InputError(problems)
