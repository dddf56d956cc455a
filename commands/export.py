"""``equipoise export``: an audit in the forms that other programs read."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.problems import InputError, Problem, nearest
from commands.environment import fitting
from commands.options import AnswersOption
from commands.papers import Named
from commands.sharing import MinCellOption, ShareOption

if TYPE_CHECKING:
    from reports.papers import Papers

# Those that hold answers beside figures.
WITH_CHECKLISTS = ("ml-bom", "chai", "huggingface", "xlsx")
FORMATS = (*WITH_CHECKLISTS, "in-toto", "csv", "parquet")
FOLDERS = ("mlflow",)
_ENDINGS = {".csv": "csv", ".parquet": "parquet", ".xlsx": "xlsx", ".xml": "chai",
            ".md": "huggingface"}  # fmt: skip
_BINARY = ("parquet", "xlsx")


def export(
    ctx: typer.Context,
    result: Annotated[Path, typer.Argument(help="audit.json to export.")],
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="ml-bom, chai, huggingface, in-toto, csv, parquet, xlsx or mlflow; by the ending "
            "of --out if absent.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="File to write, or folder for mlflow; stdout if absent."),
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(
            "--profile",
            envvar="EQUIPOISE_PROFILE",
            help="Product profile; one beside the audit if absent.",
        ),
    ] = None,
    answers: AnswersOption = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            envvar="EQUIPOISE_AS_OF",
            help="Date of the checklists; the audit's, or the last answer's.",
        ),
    ] = None,
    share: ShareOption = False,
    min_cell: MinCellOption = None,
) -> None:
    """Export an audit: ML-BOM, model cards, test results, tidy tables, workbook, MLflow.

    The checklists are told where the format has a place for them.
    """
    chosen = format or _ENDINGS.get(out.suffix.lower() if out is not None else "", "")
    told = chosen in WITH_CHECKLISTS
    named = Named(
        result,
        None,
        fitting(ctx, "profile", profile, fits=told),
        fitting(ctx, "answers", answers, fits=told),
        fitting(ctx, "as_of", as_of, fits=told),
        share=share,
        min_cell=min_cell,
    )
    text = run_export(named, chosen, out)
    if text:
        typer.echo(text)


def run_export(named: Named, format: str, out: Path | None) -> str:
    """Write an export; return a line for the terminal, none where the export itself went there."""
    _check(named, format, out)
    papers = _gathered(named, format)
    if format in FOLDERS and out is not None:
        return _folder(papers, out)
    content = _written(papers, format)
    if out is None:
        import sys

        sys.stdout.buffer.write(content)
        return ""
    from audit.atomic import write_atomic

    write_atomic(out, content)
    return f"wrote {out}"


def _folder(papers: "Papers", out: Path) -> str:
    """Write the files of a folder; its file of metrics, which is read first, comes last."""
    from audit.atomic import check_writable, write_atomic
    from reports.exports.mlflow_results import mlflow_folder

    files = mlflow_folder(papers)
    check_writable(out)
    for name in sorted(files, key="metrics.json".__eq__):
        write_atomic(out / name, files[name])
    return f"wrote {len(files)} files in {out}"


def _check(named: Named, format: str, out: Path | None) -> None:
    known = (*FORMATS, *FOLDERS)
    if not format:
        reason = "no format is named, and the file's ending names none"
        raise InputError(Problem("bad_flag", "--format", reason, f"give {', '.join(known)}"))
    if format not in known:
        reason = f"unknown format '{format}'"
        raise InputError(Problem("bad_flag", "--format", reason, nearest(format, known)))
    if format in FOLDERS and out is None:
        reason = f"{format} is a folder of files"
        raise InputError(Problem("bad_flag", "--out", reason, "name a folder to write"))
    given = {"--profile": named.profile, "--answers": named.answers, "--as-of": named.as_of}
    if format not in WITH_CHECKLISTS and any(given.values()):
        flag = next(flag for flag, value in given.items() if value)
        reason = f"the format {format} holds no checklists"
        raise InputError(Problem("bad_flag", flag, reason, "leave it out"))
    import sys

    if format in _BINARY and out is None and sys.stdout.isatty():
        reason = f"{format} is no text for a terminal"
        raise InputError(Problem("bad_flag", "--out", reason, "name a file to write"))


def _gathered(named: Named, format: str) -> "Papers":
    """The audit, with the checklists where the format has a place for them."""
    from commands.papers import audit_alone, gather

    if format not in WITH_CHECKLISTS:
        return audit_alone(named)
    from reports.outline import outline

    # The card asks its own questions, whether or not the profile names that instrument.
    instruments = ("chai-model-card",) if format == "chai" else ()
    return gather(named, outline("full").model_copy(update={"instruments": instruments}))


def _written(papers: "Papers", format: str) -> bytes:
    if format == "ml-bom":
        from reports.exports.ml_bom import ml_bom

        return ml_bom(papers).encode()
    if format == "chai":
        from reports.exports.chai import chai

        return chai(papers)
    if format == "huggingface":
        from reports.exports.hugging_face import hugging_face

        return hugging_face(papers).encode()
    if format == "in-toto":
        from reports.exports.in_toto import in_toto

        return in_toto(papers).encode()
    if format == "xlsx":
        from reports.exports.workbook import workbook

        return workbook(papers)
    from reports.exports.tidy import tidy_csv, tidy_parquet

    return tidy_csv(papers) if format == "csv" else tidy_parquet(papers)
