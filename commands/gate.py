"""``equipoise gate``: verdicts in every format asked for, and an exit code."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.problems import InputError, Problem
from commands.environment import fitting
from commands.judge import Inputs
from commands.options import ProfileOption
from commands.papers import WaiversOption

if TYPE_CHECKING:
    from audit.exit_codes import OnInconclusive
    from commands.outlets import Outlet
    from reports.gate.judged import Failed, Judged


def gate(
    ctx: typer.Context,
    result: Annotated[Path, typer.Argument(help="audit.json to judge.")],
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan",
            envvar="EQUIPOISE_PLAN",
            help="Requirements from here, not from the audit.",
        ),
    ] = None,
    format: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            envvar="EQUIPOISE_FORMAT",
            metavar="FORMAT[=FILE]",
            help="text (default), json, junit, sarif, github, github-summary, gitlab or markdown; "
            "with a file, as junit=gate.xml, written there (repeatable).",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="File for the one format, instead of stdout.")
    ] = None,
    on_inconclusive: Annotated[
        str,
        typer.Option(
            "--on-inconclusive",
            envvar="EQUIPOISE_ON_INCONCLUSIVE",
            help="fail, or warn: exit code 0 where nothing is violated and something was judged.",
        ),
    ] = "fail",
    waivers: WaiversOption = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            envvar="EQUIPOISE_AS_OF",
            help="Date to judge on: the plan's as_of, or today if absent.",
        ),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            envvar="EQUIPOISE_BASELINE",
            help="audit.json of the version before, to compare with.",
        ),
    ] = None,
    baseline_predictions: Annotated[
        Path | None,
        typer.Option(
            "--baseline-predictions", help="Predictions behind the baseline, to pair units."
        ),
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option("--predictions", help="Predictions behind the audit.")
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(
            "--answers",
            envvar="EQUIPOISE_ANSWERS",
            help="Answers, for requirements of checklists.",
        ),
    ] = None,
    profile: ProfileOption = None,
) -> None:
    """Verdicts on the plan's requirements, and an exit code for CI.

    Exit code: 0 all met, 1 any violated, 2 bad input, 3 any inconclusive or not estimable, or
    nothing judged, 4 internal error. Every output is written whatever the code is.
    """
    inputs = Inputs(
        result, plan, as_inconclusive(on_inconclusive), waivers, as_of, baseline,
        baseline_predictions, predictions, answers,
        fitting(ctx, "profile", profile, fits=answers is not None),
    )  # fmt: skip
    from commands.outlets import outlets

    text, code, error = run_gate(inputs, outlets(format or [], output))
    if text:
        typer.echo(text, nl=False)
    if error is not None:
        raise error
    raise typer.Exit(code)


def run_gate(inputs: Inputs, wanted: "Sequence[Outlet]") -> "tuple[str, int, Exception | None]":
    """Judge and write every format; what is for stdout, the exit code, and what went wrong.

    Where nothing could be judged every format says so, and the error is given back.
    """
    from commands.judge import judge
    from commands.outlets import emit
    from reports.gate.formats import FAILED, FORMATS

    try:
        judged = judge(inputs)
        warn_of(judged)
        return emit(wanted, lambda name: FORMATS[name](judged)), judged.code, None
    except Exception as error:  # told in every format, and raised once they are written
        failed = _failed(inputs, error)
        return emit(wanted, lambda name: FAILED[name](failed)), failed.code, error


def _failed(inputs: Inputs, error: Exception) -> "Failed":
    from audit.exit_codes import BAD_INPUT, INTERNAL
    from commands.plan_places import from_here
    from reports.gate.judged import Failed

    audit = from_here(inputs.audit)
    if isinstance(error, InputError):
        return Failed(audit, BAD_INPUT, "; ".join(str(p) for p in error.problems))
    return Failed(audit, INTERNAL, f"{type(error).__name__}: {error}")


def warn_of(judged: "Judged") -> None:
    """Say aloud where a gate is passed that has not been shown to hold."""
    from audit.exit_codes import UNDECIDED, exit_code

    if judged.on_inconclusive != "warn" or judged.code == UNDECIDED:
        return
    if exit_code(judged.result.verdicts) != UNDECIDED:
        return
    open_ = [v.requirement for v in judged.result.verdicts
             if v.status in ("inconclusive", "not_estimable")]  # fmt: skip
    typer.echo(
        f"warning: not shown to be met: {', '.join(open_)}; the exit code is 0 only because of "
        "--on-inconclusive warn",
        err=True,
    )


def as_inconclusive(text: str) -> "OnInconclusive":
    """Read what to do where nothing can be concluded."""
    known: dict[str, OnInconclusive] = {"fail": "fail", "warn": "warn"}
    if text in known:
        return known[text]
    reason = f"--on-inconclusive {text}: it is fail or warn"
    raise InputError(Problem("bad_flag", "command line", reason, "write --on-inconclusive fail"))
