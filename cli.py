"""The door: parse, one call, print, exit code. Bodies import what they need when they run."""

import gc
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from audit.memory import keep_one_arena
from audit.problems import InputError
from commands.check import check
from commands.compare import compare
from commands.dossier import dossier
from commands.export import export
from commands.gate import gate
from commands.lazy import lazy_group
from commands.lint import lint
from commands.manifest import manifest
from commands.merge import merge
from commands.options import (
    BandOption,
    ByOption,
    DepthOption,
    LabelOption,
    LevelOption,
    PatientOption,
    PositiveOption,
    QuietOption,
    ReferenceOption,
    ResamplesOption,
    ScoreKindOption,
    ScoreOption,
    SeedOption,
    SiteOption,
    ThresholdOption,
    ThresholdSourceOption,
    UnitOption,
)
from commands.sharing import MinCellOption
from commands.sign import sign
from commands.tally import tally
from commands.verify import verify

app = typer.Typer(
    name="equipoise",
    help="Audit medical AI for bias, and carry the result through regulation.",
    epilog="Exit codes: 0 met, 1 a requirement violated, 2 usage or bad input, "
    "3 inconclusive or nothing assessed, 4 internal error.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Out = Annotated[Path, typer.Option("--out", envvar="EQUIPOISE_OUT", help="Folder to write to.")]


def _version(wanted: bool) -> None:
    if wanted:
        from audit.provenance import tool_version

        typer.echo(f"equipoise {tool_version()}")
        raise typer.Exit


@app.callback()
def root(
    debug: Annotated[
        bool, typer.Option("--debug", envvar="EQUIPOISE_DEBUG", help="Show tracebacks.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Audit medical AI for bias, and carry the result through regulation."""
    del version
    if debug:
        os.environ["EQUIPOISE_DEBUG"] = "1"
    else:  # set to 0, or to false
        os.environ.pop("EQUIPOISE_DEBUG", None)


@app.command()
def demo(
    name: Annotated[str, typer.Argument(help="heart or support2.")] = "heart",
    out: Out = Path("out"),
    quiet: QuietOption = False,
) -> None:
    """The whole job on real patients that come with the install."""
    from commands.demo import run_demo

    typer.echo(run_demo(name, out, quiet=quiet))


@app.command()
def init(
    predictions: Annotated[Path, typer.Argument(help="Predictions file: CSV, Parquet, Feather.")],
    out: Annotated[Path, typer.Option("--out", help="Plan to write.")] = Path("equipoise.yaml"),
    ci: Annotated[
        str, typer.Option("--ci", help="Also write a job: github, gitlab or none.")
    ] = "none",
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Scaffold a plan: roles guessed from the columns, every guess commented."""
    from commands.init import run_init

    typer.echo(run_init(predictions, out, force=force, ci=ci))


@app.command()
def predict(
    model: Annotated[
        Path,
        typer.Argument(
            help="Model: .skops, an MLflow folder, or a YAML that declares a torch or ONNX file."
        ),
    ],
    cohort: Annotated[
        Path, typer.Argument(help="Table of features and image files: CSV or Parquet.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Parquet to write.")] = Path(
        "predictions.parquet"
    ),
    score: Annotated[
        str | None,
        typer.Option("--score", help="Name of the new column: score, mask or image if absent."),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option("--images", help="Folder of the images, if not that of the table."),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Do not go on with a run that was stopped.")
    ] = False,
    trust_type: Annotated[
        list[str] | None,
        typer.Option("--trust-type", help="Allow this type inside the model file (repeatable)."),
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Load pickles and named code, which can do anything.")
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Run a model over a cohort and write what it predicts beside the cohort's columns.

    A run that is stopped goes on where it was when it is called again.
    """
    from commands.predict import run_predict

    text = run_predict(
        model,
        cohort,
        out,
        score=score,
        images=images,
        restart=restart,
        trusted=trust_type or [],
        trust=trust,
        quiet=quiet,
    )
    typer.echo(text)


@app.command()
def audit(
    ctx: typer.Context,
    predictions: Annotated[
        list[Path] | None, typer.Argument(help="Predictions: files, or a folder of shards.")
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", envvar="EQUIPOISE_PLAN", help="Plan file, instead of flags."),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            help="binary (default), multiclass, multilabel, regression, segmentation, image or "
            "survival; detection takes a plan.",
        ),
    ] = None,
    label: LabelOption = None,
    labels: Annotated[
        list[str] | None,
        typer.Option("--labels", help="Multilabel: LABEL=COLUMN (repeatable)."),
    ] = None,
    positive: PositiveOption = None,
    score: ScoreOption = None,
    scores: Annotated[
        list[str] | None,
        typer.Option("--scores", help="Score column of a class or label: CLASS=COLUMN (repeat)."),
    ] = None,
    prediction: Annotated[
        str | None,
        typer.Option("--prediction", help="Yes/no or class predicted, where no score exists."),
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", help="Survival: time to event or censoring.")
    ] = None,
    horizon: Annotated[
        float | None, typer.Option("--horizon", help="Survival: time at which risks are compared.")
    ] = None,
    data_range: Annotated[
        float | None, typer.Option("--data-range", help="Image: range of its values, as 255.")
    ] = None,
    score_kind: ScoreKindOption = None,
    threshold: ThresholdOption = None,
    threshold_source: ThresholdSourceOption = None,
    top_k: Annotated[
        int | None, typer.Option("--top-k", help="Multiclass: the k of top-k accuracy (2).")
    ] = None,
    by: ByOption = None,
    band: BandOption = None,
    reference: ReferenceOption = None,
    site: SiteOption = None,
    patient: PatientOption = None,
    unit: UnitOption = None,
    covariate: Annotated[
        list[str] | None,
        typer.Option("--covariate", help="Column whose recording is compared by site."),
    ] = None,
    depth: DepthOption = None,
    level: LevelOption = None,
    resamples: ResamplesOption = None,
    seed: SeedOption = None,
    measure: Annotated[
        list[str] | None, typer.Option("--measure", help="Report only this measure (repeatable).")
    ] = None,
    interval: Annotated[
        list[str] | None,
        typer.Option("--interval", help="Another interval method: sensitivity=jeffreys."),
    ] = None,
    permutations: Annotated[
        int | None, typer.Option("--permutations", help="Permutations behind a gap's null (500).")
    ] = None,
    standardise: Annotated[
        list[str] | None,
        typer.Option("--standardise", help="Attribute whose distribution gaps are held to."),
    ] = None,
    target_prevalence: Annotated[
        float | None,
        typer.Option("--target-prevalence", help="Also adjust PPV, NPV, O:E, net benefit to it."),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Date the evidence is stated for: 2026-01-31.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="Model file to record by hash.")
    ] = None,
    share: Annotated[
        bool, typer.Option("--share", help="Withhold small cells to let the result leave (binary).")
    ] = False,
    min_cell: MinCellOption = None,
    waivers: Annotated[
        Path | None,
        typer.Option(
            "--waivers",
            envvar="EQUIPOISE_WAIVERS",
            help="File of waivers, held on the plan's as_of or today.",
        ),
    ] = None,
    out: Out = Path("out"),
    quiet: QuietOption = False,
) -> None:
    """Audit predictions by subgroup and site: out/audit.json and out/report.html."""
    from commands.audit import Flags, run_audit
    from commands.environment import fitting

    flags = Flags(
        task=task,
        label=label,
        labels=tuple(labels or ()),
        positive=positive,
        score=score,
        scores=tuple(scores or ()),
        prediction=prediction,
        time=time,
        horizon=horizon,
        data_range=data_range,
        score_kind=score_kind,
        threshold=threshold,
        threshold_source=threshold_source,
        top_k=top_k,
        by=tuple(by or ()),
        band=tuple(band or ()),
        reference=tuple(reference or ()),
        site=site,
        patient=patient,
        unit=unit,
        covariate=tuple(covariate or ()),
        depth=depth,
        level=level,
        resamples=resamples,
        seed=seed,
        measure=tuple(measure or ()),
        interval=tuple(interval or ()),
        permutations=permutations,
        standardise=tuple(standardise or ()),
        target_prevalence=target_prevalence,
        as_of=as_of,
    )
    text = run_audit(
        predictions or [],
        fitting(ctx, "plan", plan, fits=not flags.given()),
        flags,
        model=model,
        out=out,
        quiet=quiet,
        share=share,
        min_cell=min_cell,
        waivers=waivers,
    )
    typer.echo(text)


app.command()(gate)
app.command()(lint)
app.command()(check)
app.command()(manifest)
app.command()(compare)
app.command()(tally)
app.command()(merge)
app.command()(dossier)
app.command()(sign)
app.command()(verify)
app.command()(export)
app.add_typer(
    typer.Typer(
        name="checklist",
        cls=lazy_group("commands.checklist.app"),
        help="Answer ALTAI, the EU AI Act, FDA and reporting guidelines once, with evidence, for "
        "the right date.",
        no_args_is_help=True,
    )
)


@app.command()
def explain(
    id: Annotated[
        str, typer.Argument(help="Measure, criterion, status, verdict, method or alias.")
    ],
) -> None:
    """Definition, formula, reference and how to read it."""
    from commands.explain import run_explain

    typer.echo(run_explain(id), nl=False)


@app.command()
def schema(
    name: Annotated[
        str,
        typer.Argument(
            help="plan, result, model, comparison, instrument, answers, profile, waivers or lock."
        ),
    ],
) -> None:
    """JSON schema of a file that is read or written."""
    from commands.schema import run_schema

    typer.echo(run_schema(name), nl=False)


def main() -> None:
    """Run the command line and turn every outcome into an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # an ASCII terminal must not stop a result
            stream.reconfigure(errors="replace")
    # One command makes few reference cycles and many records that stay: looking for the former
    # among the latter takes a tenth of a short run.
    gc.disable()
    keep_one_arena()
    try:
        app()
    except InputError as error:
        for problem in error.problems:
            typer.echo(f"error: {problem}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("stopped; nothing half-written is left", err=True)
        sys.exit(130)
    except Exception as error:
        if os.environ.get("EQUIPOISE_DEBUG"):
            raise
        typer.echo(
            f"internal error: {type(error).__name__}: {error}; run `equipoise --debug ...` "
            "for the traceback",
            err=True,
        )
        sys.exit(4)


if __name__ == "__main__":
    main()
