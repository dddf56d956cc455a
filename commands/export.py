"""``equipoise export``: an audit in the forms that other programs read."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.problems import InputError, Problem, nearest
from commands.papers import Named
from commands.sharing import MinCellOption, ShareOption

if TYPE_CHECKING:
    from reports.papers import Papers

# Those that hold answers beside figures.
WITH_CHECKLISTS = ("ml-bom", "chai", "huggingface", "xlsx")
FORMATS = (*WITH_CHECKLISTS, "in-toto", "csv", "parquet")
_ENDINGS = {".csv": "csv", ".parquet": "parquet", ".xlsx": "xlsx", ".xml": "chai",
            ".md": "huggingface"}  # fmt: skip
_BINARY = ("parquet", "xlsx")


def export(
    result: Annotated[Path, typer.Argument(help="audit.json to export.")],
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="ml-bom, chai, huggingface, in-toto, csv, parquet or xlsx; by the ending of "
            "--out if absent.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; stdout if absent.")
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option("--profile", help="Product profile; one beside the audit if absent."),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option("--answers", help="Answers; answers.yaml beside the audit if absent."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="Date of the checklists; the audit's, or the last answer's."),
    ] = None,
    share: ShareOption = False,
    min_cell: MinCellOption = None,
) -> None:
    """Export an audit: ML-BOM, model cards, test-result statement, tidy tables, workbook.

    The checklists are told where the format has a place for them.
    """
    chosen = format or _ENDINGS.get(out.suffix.lower() if out is not None else "", "")
    named = Named(result, None, profile, answers, as_of, share=share, min_cell=min_cell)
    told = run_export(named, chosen, out)
    if told:
        typer.echo(told)


def run_export(named: Named, format: str, out: Path | None) -> str:
    """Write an export; return a line for the terminal, none where the export itself went there."""
    _check(named, format, out)
    content = _written(_gathered(named, format), format)
    if out is None:
        import sys

        sys.stdout.buffer.write(content)
        return ""
    from audit.atomic import write_atomic

    write_atomic(out, content)
    return f"wrote {out}"


def _check(named: Named, format: str, out: Path | None) -> None:
    if not format:
        reason = "no format is named, and the file's ending names none"
        raise InputError(Problem("bad_flag", "--format", reason, f"give {', '.join(FORMATS)}"))
    if format not in FORMATS:
        reason = f"unknown format '{format}'"
        raise InputError(Problem("bad_flag", "--format", reason, nearest(format, FORMATS)))
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
