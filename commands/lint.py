"""``equipoise lint``: whether plans and waivers can be read, quick enough for every commit."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.problems import InputError, Problem, nearest

if TYPE_CHECKING:
    from audit.plan import Plan
    from audit.result import Waiver

PLANS, WAIVERS = ("equipoise.yaml", "equipoise.yml"), ("waivers.yaml", "waivers.yml")


def lint(
    plans: Annotated[
        list[Path] | None,
        typer.Argument(help="Plans, or waivers.yaml beside them; equipoise.yaml if absent."),
    ] = None,
    waivers: Annotated[
        Path | None,
        typer.Option(
            "--waivers",
            envvar="EQUIPOISE_WAIVERS",
            help="File of waivers; waivers.yaml beside the plan if there is one.",
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", envvar="EQUIPOISE_AS_OF", help="Date to judge waivers on; today if absent."
        ),
    ] = None,
) -> None:
    """Check plans and waivers without any data: quick, for a pre-commit hook.

    Exit code: 0 sound, 1 a waiver has expired or belongs to no requirement, 2 a file cannot be
    read.
    """
    paths = plans or [Path(PLANS[0])]
    lines, read = run_lint(paths, waivers, as_of)
    for line in lines:
        typer.echo(line)
    if not lines:
        typer.echo(f"{', '.join(read)}: nothing to mend")
    raise typer.Exit(1 if lines else 0)


def run_lint(
    paths: list[Path], waivers: Path | None, as_of: str | None
) -> tuple[list[str], list[str]]:
    """What there is to mend, a line each, and the files that were read.

    Raises
    ------
    InputError
        With every problem of every file.
    """
    from commands.dates import date_of

    problems: list[Problem] = []
    plans: dict[Path, Plan] = {}
    given: dict[Path, tuple[Waiver, ...]] = {}
    on = date_of(as_of)
    paths = list(dict.fromkeys(_plan_meant(path) for path in paths))
    for path in paths:
        try:
            plans[path] = _plan(path)
        except InputError as error:
            problems += error.problems
    for path in dict.fromkeys(_waiver_files(paths, waivers)):
        try:
            given[path] = _waivers(path)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    lines = [
        line
        for path, read in given.items()
        for line in _mend(path, read, _beside(path, waivers, plans), on)
    ]
    return lines, [str(path) for path in (*plans, *given)]


def _plan_meant(path: Path) -> Path:
    """The plan itself, or the one beside its waivers: a hook is given whichever file changed."""
    if path.name not in WAIVERS:
        return path
    beside = [path.with_name(name) for name in PLANS]
    return next((plan for plan in beside if plan.exists()), beside[0])


def _plan(path: Path) -> "Plan":
    from audit.plan_file import read_plan

    return read_plan(path)


def _waivers(path: Path) -> "tuple[Waiver, ...]":
    from audit.waivers import read_waivers

    return read_waivers(path)


def _waiver_files(plans: list[Path], waivers: Path | None) -> list[Path]:
    if waivers is not None:
        return [waivers]
    beside = [path.with_name(name) for path in plans for name in WAIVERS]
    return [path for path in beside if path.exists()]


def _beside(path: Path, waivers: Path | None, plans: dict[Path, "Plan"]) -> list["Plan"]:
    """The plans that a file of waivers speaks of."""
    return [plan for place, plan in plans.items() if waivers or place.parent == path.parent]


def _mend(path: Path, waivers: "tuple[Waiver, ...]", plans: list["Plan"], on: date) -> list[str]:
    known = sorted({one.id for plan in plans for one in plan.stated})
    found = []
    for w in waivers:
        if w.requirement not in known:
            reason = f"no plan has the requirement '{w.requirement}'"
            found.append(f"{path}: {reason}; {nearest(w.requirement, known)}")
        if w.expires < on.isoformat():
            reason = f"the waiver of '{w.requirement}' expired on {w.expires}"
            found.append(f"{path}: {reason}; mend the model, or have it decided anew")
    return found
