"""``equipoise verify``: a dossier against what is attached to it, its signatures, and a re-run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.problems import InputError, Problem
from commands.options import QuietOption

if TYPE_CHECKING:
    from audit.result import AuditResult
    from reports.verification import Check

_SIGNS = {"same": "✓", "differs": "✗", "not_checked": "?"}


def verify(
    dossier: Annotated[Path, typer.Argument(help="PDF made by `equipoise dossier`.")],
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Also repeat the audit on the inputs at hand.")
    ] = False,
    inputs: Annotated[
        Path, typer.Option("--inputs", help="Folder of the data and model files, for --rerun.")
    ] = Path("."),
    trust: Annotated[
        list[Path] | None,
        typer.Option(
            "--trust",
            help="Certificate of a signer or authority to trust, PEM or DER (repeatable).",
        ),
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Check every hash of a dossier, and derive every printed figure from the attached audit again.

    Signatures are checked too, without any network; whose they are, against --trust.

    Exit code: 0 all the same, 1 something differs, 2 not a dossier, or no inputs to repeat the
    audit on.
    """
    from reports.credentials import Named
    from reports.signature_checks import signature_checks
    from reports.verification import attached_files
    from reports.verification import verify as hold

    pdf = _content(dossier)
    trusted = [Named(str(path), _content(path)) for path in trust] if trust else None
    checks = [*hold(pdf, str(dossier)), *signature_checks(pdf, str(dossier), trusted)]
    if rerun:
        checks.append(repeated(attached_files(dossier), inputs, quiet=quiet))
    for check in checks:
        detail = f": {check.detail}" if check.detail else ""
        typer.echo(f"{_SIGNS[check.outcome]} {check.what}{detail}")
    raise typer.Exit(1 if any(c.outcome == "differs" for c in checks) else 0)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = f"it cannot be read ({error.strerror})"
        raise InputError(Problem("unreadable", str(path), reason, "check the path")) from None


def repeated(files: dict[str, bytes], inputs: Path, *, quiet: bool) -> "Check":
    """Repeat the audit on the same inputs and compare the results byte for byte."""
    from audit.result_file import parse_result
    from reports.verification import Check

    stored = parse_result(files["audit.json"], "audit.json")
    if "equipoise.yaml" not in files:
        reason = "the plan is not attached as it was written"
        remedy = "give it to `equipoise dossier` with --plan"
        raise InputError(Problem("no_plan", "--rerun", reason, remedy))
    paths = _at_hand(stored, inputs)
    again = _audited(files["equipoise.yaml"].decode(), stored, paths, inputs, quiet=quiet)
    what = "audit repeated"
    if again.to_json().encode() == files["audit.json"]:
        return Check("same", what, "on the same inputs, byte for byte")
    ours, theirs = again.provenance.versions, stored.provenance.versions
    moved = [f"{n} {theirs.get(n)} to {v}" for n, v in ours.items() if theirs.get(n) != v]
    because = f"; versions differ: {', '.join(moved)}" if moved else ""
    return Check("differs", what, f"{_first_difference(again, stored)}{because}")


def _at_hand(stored: "AuditResult", inputs: Path) -> list[Path]:
    """The data files of the audit in a folder, each the very one that was audited."""
    from audit.provenance import file_hash

    problems: list[Problem] = []
    paths = []
    used = [
        *stored.provenance.data,
        *((stored.provenance.model,) if stored.provenance.model else ()),
    ]
    for file in used:
        path = inputs / file.name
        try:
            found = file_hash(path)
        except InputError as error:
            problems += error.problems
            continue
        if found.sha256 != file.sha256:
            reason = "it is not the file that was audited"
            problems.append(Problem("other_file", str(path), reason, "give the right one"))
        paths.append(path)
    if problems:
        raise InputError(problems)
    return paths[: len(stored.provenance.data)]


def _audited(
    plan_text: str, stored: "AuditResult", paths: list[Path], inputs: Path, *, quiet: bool
) -> "AuditResult":
    from audit.disclosure import withheld_from
    from audit.plan_file import parse_plan
    from audit.waivers import carried_over
    from commands.audit import audited, shared_result

    p = stored.provenance
    plan = parse_plan(plan_text, "equipoise.yaml")
    model = None if p.model is None else inputs / p.model.name
    result, _ = audited(
        paths, plan, inputs / "equipoise.yaml", p.command, model=model, out=inputs, quiet=quiet
    )
    if stored.disclosure is not None:
        # Beside the version before more may have been withheld than this audit alone asks for.
        result = shared_result(result, stored.disclosure.min_cell, withheld_from(stored))
    # Waivers are decisions, not figures: those on record are held against the repeated verdicts.
    verdicts, _ = carried_over(stored.verdicts, result.verdicts, ())
    origin = result.provenance.model_copy(update={"as_of": p.as_of})
    repeated: AuditResult = result.model_copy(
        update={
            "provenance": origin,
            "verdicts": verdicts,
            "findings": stored.findings,
            "lock": stored.lock,
        }
    )
    return repeated


def _first_difference(again: "AuditResult", stored: "AuditResult") -> str:
    """The first estimate that differs, or the part of the result that does."""
    old = {e.id: e for e in stored.estimates}
    for e in again.estimates:
        if old.get(e.id) != e:
            before = old[e.id].value if e.id in old else None
            return f"{e.id} is {e.value}, the dossier has {before}"
    for name in type(again).model_fields:
        if getattr(again, name) != getattr(stored, name):
            return f"'{name}' differs"
    return "the bytes differ, the values do not"
