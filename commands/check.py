"""``equipoise check``: is the cohort fit for the plan? Asked before any score is read."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.problems import InputError, Problem, nearest

if TYPE_CHECKING:
    from audit.leakage import Overlap, Roles
    from audit.plan import Plan
    from audit.readiness import Readiness
    from audit.sources.source import Source
    from audit.unscored import Unscored

FORMATS = ("text", "json")
CHOICES = ("fail", "warn")


def check(
    predictions: Annotated[
        list[Path] | None, typer.Argument(help="Cohort: files, or a folder; the plan's if absent.")
    ] = None,
    plan: Annotated[
        Path, typer.Option("--plan", envvar="EQUIPOISE_PLAN", help="Plan file.")
    ] = Path("equipoise.yaml"),
    development: Annotated[
        list[Path] | None,
        typer.Option("--development", help="File the model was developed on (repeatable)."),
    ] = None,
    assume: Annotated[
        list[str] | None,
        typer.Option("--assume", help="True value to plan with: sensitivity=0.8 (repeatable)."),
    ] = None,
    icc: Annotated[
        float | None,
        typer.Option(
            "--icc", min=0.0, max=1.0, help="Correlation of rows of a patient (1, the worst)."
        ),
    ] = None,
    lock: Annotated[
        bool, typer.Option("--lock", help="Fix the plan: write equipoise.lock.yaml beside it.")
    ] = False,
    relock: Annotated[
        bool, typer.Option("--relock", help="With --lock: replace another lock, keeping it.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", help="With --relock: why. Printed in every report.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", envvar="EQUIPOISE_AS_OF", help="Date of the check; today if absent."
        ),
    ] = None,
    on_inconclusive: Annotated[
        str, typer.Option("--on-inconclusive", help="fail (default), or warn: 0 instead of 3.")
    ] = "fail",
    format: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
    output: Annotated[
        Path | None, typer.Option("--output", help="File to write, instead of stdout.")
    ] = None,
) -> None:
    """Roles, gaps, strata, leakage and what can be shown, before any score is read."""
    problems = _flag_problems(format, on_inconclusive, lock, relock, reason)
    assumed = _assumed(assume or (), problems)
    if problems:
        raise InputError(problems)
    from audit.readiness import exit_code
    from commands.dates import date_of

    on = date_of(as_of).isoformat() if lock or as_of else None
    found, source, checked = ready(
        predictions or (), plan, development or (), assumed=assumed, icc=icc, as_of=on
    )
    done = _locked(plan, checked, source, str(on), reason if relock else None) if lock else ""
    text = _text(found, format)
    if output is not None:
        from audit.atomic import write_atomic

        write_atomic(output, text)
    else:
        typer.echo(text, nl=False)
    if done:
        typer.echo(done, err=format == "json")
    code = exit_code(found, "warn" if on_inconclusive == "warn" else "fail")
    if code == 0 and found.status == "undecidable":
        typer.echo("warning: some requirement cannot be decided with these sizes", err=True)
    raise typer.Exit(code)


def ready(
    predictions: Sequence[Path],
    plan_path: Path,
    development: Sequence[Path],
    *,
    assumed: dict[str, float],
    icc: float | None = None,
    as_of: str | None = None,
) -> "tuple[Readiness, Source, Plan]":
    """Check a cohort; also give its table as it was read, and the plan."""
    from audit.measures import DECLARED
    from audit.plan_file import read_plan
    from audit.readiness import readiness_of
    from audit.unscored import read_unscored, unscored_columns

    plan = read_plan(plan_path)
    unknown = [
        Problem("bad_flag", "--assume", f"unknown measure '{name}'", nearest(name, list(DECLARED)))
        for name in assumed
        if name not in DECLARED
    ]
    if unknown:
        raise InputError(unknown)
    paths = list(predictions) or [plan_path.parent / name for name in plan.data]
    if not paths:
        remedy = "name the files, or set 'data' in the plan"
        raise InputError(Problem("no_data", "command line", "no cohort file was given", remedy))
    source = _whole(paths, plan, unscored_columns(plan))
    cohort = read_unscored(source, plan)
    overlaps = [*_within(cohort, plan)]
    for path in development:
        overlaps += _between(cohort, plan, plan_path, paths, path)
    found = readiness_of(
        cohort,
        plan,
        overlaps,
        unscored_columns(plan),
        assumed=assumed,
        icc=icc,
        as_of=as_of,
        source=str(plan_path),
    )
    return found, source, plan


def _whole(paths: Sequence[Path], plan: "Plan", needed: dict[str, str]) -> "Source":
    """Read every column but those of the scores; those that cannot be compared are left out."""
    from audit.sources.files import read_files
    from audit.unscored import score_columns

    known = read_files(paths, {}).all_columns
    others = {name: "compared" for name in known if name and name not in needed}
    others = {name: use for name, use in others.items() if name not in score_columns(plan)}
    try:
        return read_files(paths, needed | others)
    except InputError as error:
        odd = [p for p in error.problems if p.code == "unsupported_type"]
        if len(odd) < len(error.problems):
            raise
        bad = {n for n in others if any(p.where.endswith(f"column '{n}'") for p in odd)}
        if not bad:
            raise
    return read_files(paths, needed | {n: u for n, u in others.items() if n not in bad})


def _left_out(plan: "Plan") -> frozenset[str]:
    """Columns that say who a row is, and what a model said of it."""
    from audit.unscored import score_columns

    ids = (plan.columns.patient, plan.columns.unit)
    return score_columns(plan) | frozenset(c for c in ids if c is not None)


def _roles(cohort: "Unscored", plan: "Plan") -> "tuple[Roles, tuple[str, ...]]":
    """What is left out when rows are compared, and the columns of images to compare instead.

    A file name is no content: files of two cohorts may be called alike. References are not compared
    as images, because empty masks are all alike.
    """
    from audit.image_leakage import image_columns
    from audit.leakage import Roles

    left_out = _left_out(plan)
    files = image_columns(cohort.source, left_out)
    roles = Roles(plan.columns.patient, plan.columns.unit, left_out | frozenset(files))
    return roles, tuple(name for name in files if name != plan.columns.label)


def _within(cohort: "Unscored", plan: "Plan") -> "tuple[Overlap, ...]":
    from audit.leakage import within

    return within(cohort, _roles(cohort, plan)[0])


def _between(
    cohort: "Unscored", plan: "Plan", plan_path: Path, paths: Sequence[Path], path: Path
) -> "list[Overlap]":
    from audit.image_leakage import hashed, same_images
    from audit.leakage import between

    other = _whole([path], plan, {})
    roles, images = _roles(cohort, plan)
    found = list(between(cohort, other, roles, path.name))
    folder = plan_path.parent / plan.images if plan.images else None
    for column in images:
        if column in other.table.column_names:
            ours = hashed(cohort.source, column, folder or paths[0].parent)
            theirs = hashed(other, column, folder or path.parent)
            found += same_images(cohort, ours, theirs, column, path.name)
    return found


def _locked(plan_path: Path, plan: "Plan", source: "Source", on: str, reason: str | None) -> str:
    from audit.lock import lock_of, lock_path, write_lock

    path = lock_path(plan_path)
    done = write_lock(path, lock_of(plan, source, on), reason)
    said = {"locked": f"locked on {on}", "same": "already locked, nothing changed",
            "relocked": f"relocked on {on}; the earlier lock is kept"}  # fmt: skip
    return f"{path}: {said[done]}"


def _text(found: "Readiness", format: str) -> str:
    from reports.readiness import readiness_text

    return found.to_json() if format == "json" else readiness_text(found)


def _flag_problems(
    format: str, on_inconclusive: str, lock: bool, relock: bool, reason: str | None
) -> list[Problem]:
    problems = []
    for flag, value, known in (("--format", format, FORMATS),
                               ("--on-inconclusive", on_inconclusive, CHOICES)):  # fmt: skip
        if value not in known:
            told = f"unknown value '{value}'"
            problems.append(Problem("bad_flag", flag, told, nearest(value, known)))
    if relock and not lock:
        told = "it has no meaning without --lock"
        problems.append(Problem("bad_flag", "--relock", told, "add --lock"))
    if relock and not (reason or "").strip():
        told = "the reason is missing, and it is printed in every report"
        problems.append(Problem("bad_flag", "--relock", told, "give --reason '...'"))
    if reason is not None and not relock:
        told = "it has no meaning without --relock"
        problems.append(Problem("bad_flag", "--reason", told, "add --relock"))
    return problems


def _assumed(texts: Sequence[str], problems: list[Problem]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name] = float(value)
            if not 0 <= found[name] < float("inf"):
                raise ValueError
        except ValueError:
            told = f"'{text}' is not of the form MEASURE=NUMBER"
            problems.append(Problem("bad_flag", "--assume", told, "write --assume sensitivity=0.8"))
    return found
