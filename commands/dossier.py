"""``equipoise dossier``: an audit, and the answers to checklists, as a PDF."""

from pathlib import Path
from typing import Annotated

import typer

from commands.options import AnswersOption, ProfileOption
from commands.papers import Named, WaiversOption
from commands.sharing import MinCellOption, ShareOption


def dossier(
    result: Annotated[Path, typer.Argument(help="audit.json to render.")],
    template: Annotated[
        str,
        typer.Option("--template", help="full, fda, eu-annex-iv, altai or model-card."),
    ] = "full",
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan", envvar="EQUIPOISE_PLAN", help="Plan file to attach as it was written."
        ),
    ] = None,
    answers: AnswersOption = None,
    profile: ProfileOption = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            envvar="EQUIPOISE_AS_OF",
            help="Date of checklists and waivers; the audit's, or the last answer's.",
        ),
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
    waivers: WaiversOption = None,
    share: ShareOption = False,
    min_cell: MinCellOption = None,
    out: Annotated[Path, typer.Option("--out", help="PDF to write.")] = Path("dossier.pdf"),
) -> None:
    """Render a dossier (PDF/A-3a, PDF/UA-1) with audit, plan, answers and manifest attached."""
    named = Named(
        result, plan, profile, answers, as_of, previous, comparison, croissant, share, min_cell,
        waivers,
    )  # fmt: skip
    typer.echo(run_dossier(named, template, out))


def run_dossier(named: Named, template: str, out: Path) -> str:
    """Render the dossier, write it and return a line for the terminal."""
    from reports.outline import outline

    chosen = outline(template)  # an unknown one is told before any work

    from audit.atomic import check_writable, write_atomic
    from commands.papers import gather
    from reports.drawing import DrawnAside

    with DrawnAside() as draw:
        papers = gather(named, chosen)
        check_writable(out.parent)

        from reports.pdf import render_pdf

        write_atomic(out, render_pdf(papers, template, draw))
    return f"wrote {out}"
