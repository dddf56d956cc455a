"""``equipoise dossier``: an audit, and the answers to checklists, as a PDF."""

from pathlib import Path
from typing import Annotated

import typer

from commands.papers import Named
from commands.sharing import MinCellOption, ShareOption


def dossier(
    result: Annotated[Path, typer.Argument(help="audit.json to render.")],
    template: Annotated[
        str,
        typer.Option("--template", help="full, fda, eu-annex-iv, altai or model-card."),
    ] = "full",
    plan: Annotated[
        Path | None, typer.Option("--plan", help="Plan file to attach as it was written.")
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option("--answers", help="Answers; answers.yaml beside the audit if absent."),
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option("--profile", help="Product profile; that in the plan or beside the audit."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="Date of the checklists; the audit's, or the last answer's."),
    ] = None,
    previous: Annotated[
        Path | None,
        typer.Option("--previous", help="Version before: its PDF or audit.json."),
    ] = None,
    comparison: Annotated[
        Path | None, typer.Option("--comparison", help="comparison.json of two versions.")
    ] = None,
    croissant: Annotated[
        Path | None,
        typer.Option("--croissant", help="Croissant file: what the data set's provider claims."),
    ] = None,
    share: ShareOption = False,
    min_cell: MinCellOption = None,
    out: Annotated[Path, typer.Option("--out", help="PDF to write.")] = Path("dossier.pdf"),
) -> None:
    """Render a dossier (PDF/A-3a, PDF/UA-1) with audit, plan, answers and manifest attached."""
    named = Named(
        result, plan, profile, answers, as_of, previous, comparison, croissant, share, min_cell
    )
    typer.echo(run_dossier(named, template, out))


def run_dossier(named: Named, template: str, out: Path) -> str:
    """Render the dossier, write it and return a line for the terminal."""
    from reports.outline import outline

    chosen = outline(template)  # an unknown one is told before any work

    from audit.atomic import check_writable, write_atomic
    from commands.papers import gather

    papers = gather(named, chosen)
    check_writable(out.parent)

    from reports.pdf import render_pdf

    write_atomic(out, render_pdf(papers, template))
    return f"wrote {out}"
