"""``equipoise compare``: two models or two versions on the same units, paired."""

from pathlib import Path
from typing import Annotated

import typer

from audit.problems import InputError, Problem
from commands.audit import Flags, _place, _plan
from commands.options import (
    BandOption,
    ByOption,
    DepthOption,
    LabelOption,
    LevelOption,
    PatientOption,
    PlanOption,
    PositiveOption,
    QuietOption,
    ResamplesOption,
    ScoreKindOption,
    SeedOption,
    SiteOption,
)


def compare(
    a: Annotated[Path, typer.Argument(help="Predictions of model a.")],
    b: Annotated[
        Path | None, typer.Argument(help="Predictions of model b; absent: the same file.")
    ] = None,
    plan: PlanOption = None,
    score_a: Annotated[
        str | None, typer.Option("--score-a", help="Score column of model a.")
    ] = None,
    score_b: Annotated[
        str | None, typer.Option("--score-b", help="Score column of model b.")
    ] = None,
    threshold_a: Annotated[
        float | None, typer.Option("--threshold-a", help="Threshold of model a.")
    ] = None,
    threshold_b: Annotated[
        float | None, typer.Option("--threshold-b", help="Threshold of model b.")
    ] = None,
    detections_b: Annotated[
        str | None,
        typer.Option("--detections-b", help="Task detection: model b's table of detections."),
    ] = None,
    margin: Annotated[
        list[str] | None,
        typer.Option("--margin", help="How much worse b may be: sensitivity=0.05 (repeatable)."),
    ] = None,
    parity: Annotated[
        float | None,
        typer.Option("--parity", help="Largest difference of two scores that are the same."),
    ] = None,
    label: LabelOption = None,
    positive: PositiveOption = None,
    score: Annotated[str | None, typer.Option("--score", help="Score column of both.")] = None,
    score_kind: ScoreKindOption = None,
    threshold: Annotated[
        float | None, typer.Option("--threshold", help="Flag when score >= this, in both.")
    ] = None,
    by: ByOption = None,
    band: BandOption = None,
    site: SiteOption = None,
    patient: PatientOption = None,
    unit: Annotated[
        str | None, typer.Option("--unit", help="Column that says which rows belong together.")
    ] = None,
    depth: DepthOption = None,
    level: LevelOption = None,
    resamples: ResamplesOption = None,
    seed: SeedOption = None,
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")] = Path("out"),
    quiet: QuietOption = False,
) -> None:
    """Compare two models on the same units: who got worse first.

    Exit code with margins: 0 no worse everywhere, 1 worse beyond a margin somewhere, 3 not shown.
    """
    flags = Flags(
        label=label,
        positive=positive,
        score=score or score_a,
        score_kind=score_kind,
        threshold=threshold if threshold is not None else threshold_a,
        by=tuple(by or ()),
        band=tuple(band or ()),
        site=site,
        patient=patient,
        unit=unit,
        depth=depth,
        level=level,
        resamples=resamples,
        seed=seed,
    )
    if plan is not None:
        flags = _without(flags, score_a if score is None else None, threshold, threshold_a)
    text, code = run_compare(
        a, b or a, plan, flags,
        scores=(score_a, score_b), thresholds=(threshold_a, threshold_b),
        margins=margin or [], parity=parity, out=out, quiet=quiet, detections_b=detections_b,
    )  # fmt: skip
    typer.echo(text)
    raise typer.Exit(code)


def _without(
    flags: Flags, score: str | None, threshold: float | None, threshold_a: float | None
) -> Flags:
    """Columns and thresholds of one side may stand beside a plan."""
    import dataclasses

    update: dict[str, None] = {"score": None} if score is not None else {}
    if threshold is None and threshold_a is not None:
        update["threshold"] = None
    return dataclasses.replace(flags, **update)  # type: ignore[arg-type]


def run_compare(
    a: Path,
    b: Path,
    plan_path: Path | None,
    flags: Flags,
    *,
    scores: tuple[str | None, str | None],
    thresholds: tuple[float | None, float | None],
    margins: list[str],
    parity: float | None,
    out: Path,
    quiet: bool,
    detections_b: str | None = None,
) -> tuple[str, int]:
    """Compare, write comparison.json and comparison.md; return the text and the exit code."""
    from audit.atomic import check_writable, write_atomic
    from audit.comparison.join import with_columns, with_detections
    from audit.comparison.run import compare as compared
    from commands.progress import progress_line
    from reports.comparison import comparison_markdown, comparison_text

    plan, _, _ = _plan(plan_path, flags)
    same = a == b and scores[0] == scores[1] and thresholds[0] == thresholds[1]
    if same and detections_b is None:
        reason = "one file, one column and one threshold: there is nothing to compare"
        remedy = "give a second file, or --score-b (or --threshold-b)"
        raise InputError(Problem("nothing_to_compare", "command line", reason, remedy))
    check_writable(out)
    plans = (
        with_columns(plan, scores[0], thresholds[0]),
        with_detections(with_columns(plan, scores[1], thresholds[1]), detections_b),
    )
    folders = (
        _place(plan, plan_path, [a], out, None).folder,
        _place(plan, plan_path, [b], out, None).folder,
    )
    with progress_line("comparing", quiet=quiet) as progress:
        result = compared(
            (a, b),
            plans,
            folders=folders,
            margins=_margins(margins),
            tolerance=parity,
            progress=progress,
        )
    write_atomic(out / "comparison.json", result.to_json())
    write_atomic(out / "comparison.md", comparison_markdown(result))
    text = comparison_text(result)
    return f"{text}\nwrote {out / 'comparison.json'} and {out / 'comparison.md'}", _code(result)


def _margins(texts: list[str]) -> dict[str, float]:
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            reason = f"--margin {text}: not of the form MEASURE=NUMBER"
            raise InputError(
                Problem("bad_flag", "command line", reason, "write --margin sensitivity=0.05")
            ) from None
    return found


def _code(result: object) -> int:
    """Exit code: what was declared beforehand decides, nothing else."""
    from audit.comparison.records import Comparison

    if not isinstance(result, Comparison):
        raise TypeError("only a comparison has an exit code")
    if any(parity.within is False for parity in result.parity):
        return 1
    judged = [r for r in result.paired if r.margin is not None]
    if any(r.beyond_margin for r in judged):
        return 1
    shown = all(r.change in ("no_worse", "better") for r in judged)
    return 0 if shown else 3
