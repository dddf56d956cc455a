"""``equipoise checklist diff`` and ``crosswalk``: two files of answers; one statement for many."""

import json
from pathlib import Path
from typing import Annotated

import typer

from checklists.answers import Answer
from checklists.answers_file import natural, read_answers
from checklists.crosswalk import Overlap, matrix
from checklists.vocabulary import STATUS_NAMES
from commands.checklist.desk import PROFILE, ProfileOption
from commands.checklist.lookup import catalogue_of
from commands.checklist.texts import wrapped


def diff(
    old: Annotated[Path, typer.Argument(help="Answers file before.")],
    new: Annotated[Path, typer.Argument(help="Answers file after.")],
) -> None:
    """Show which answers differ between two files: status, reasons, evidence, reviews.

    Exit code: 0 when none differs, 1 when some do.
    """
    before = read_answers(old, absent_ok=False).answers
    after = read_answers(new, absent_ok=False).answers
    lines: list[str] = []
    for id in sorted({*before, *after}, key=natural):
        lines += _differences(id, before.get(id), after.get(id))
    typer.echo("\n".join(lines) if lines else "no answer differs")
    raise typer.Exit(1 if lines else 0)


def _differences(id: str, a: Answer | None, b: Answer | None) -> list[str]:
    if a is None and b is not None:
        return [f"+ {id}: {STATUS_NAMES[b.status]}, by {b.by}"]
    if b is None and a is not None:
        return [f"- {id}: {STATUS_NAMES[a.status]}, by {a.by}"]
    if a is None or b is None or a == b:
        return []
    told = []
    if a.status != b.status or a.response != b.response:
        told.append(f"status: {_word(a)} -> {_word(b)}")
    if a.options != b.options:
        told.append(
            f"options: {', '.join(a.options) or 'none'} -> {', '.join(b.options) or 'none'}"
        )
    if a.rationale != b.rationale:
        told.append(f"rationale: {a.rationale or 'none'} -> {b.rationale or 'none'}")
    if a.evidence != b.evidence:
        told.append(f"evidence: {_cited(a)} -> {_cited(b)}")
    if (a.item_sha256, a.edition) != (b.item_sha256, b.edition):
        told.append(f"question of {a.edition} -> question of {b.edition}")
    if a.by != b.by:
        told.append(f"by: {a.by} -> {b.by}")
    if a.decision() != b.decision():
        told.append(f"review: {a.decision() or 'none'} -> {b.decision() or 'none'}")
    told = told or ["dates, reviews or history differ"]
    return [f"~ {id}", *(wrapped(text, 2, 4) for text in told)]


def _word(answer: Answer) -> str:
    return (answer.response or STATUS_NAMES[answer.status]).replace("_", " ")


def _cited(answer: Answer) -> str:
    ids = [getattr(e, "figure", None) or getattr(e, "file", "") for e in answer.evidence]
    return ", ".join(map(str, ids)) or "none"


def crosswalk(
    instruments: Annotated[
        list[str] | None, typer.Argument(help="Instruments to compare; all that ship if none.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    profile: ProfileOption = PROFILE,
) -> None:
    """Show how far statements for one instrument serve another: a matrix of items.

    In each cell: items of the row that the column answers (equal), covers in part, or drafts.
    """
    catalogue = catalogue_of(profile)
    chosen = instruments or [*catalogue.instruments]
    for name in chosen:
        catalogue.instrument(name)
    found = [o for o in matrix(catalogue, chosen) if o.equal or o.part or o.related]
    if as_json:
        rows = [vars(o) for o in found]
        typer.echo(json.dumps(rows, indent=1))
        return
    typer.echo("\n".join(_matrix_lines(found)))


def _matrix_lines(found: list[Overlap]) -> list[str]:
    lines = ["items of the first that the second answers / covers in part / has a draft for", ""]
    name = ""
    for o in found:
        if o.instrument != name:
            name = o.instrument
            lines.append(f"{name} ({o.items} items)")
        lines.append(f"  {o.other:<28} {o.equal:>4} / {o.part:>4} / {o.related:>4}")
    return lines if found else ["these instruments have nothing in common"]
