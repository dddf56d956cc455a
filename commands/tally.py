"""``equipoise tally``: one site's predictions in, counts and sums that add up out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from audit.problems import InputError, Problem
from commands.audit import Flags, _plan, _planned_data
from commands.options import (
    BandOption,
    ByOption,
    DepthOption,
    LabelOption,
    LevelOption,
    PatientOption,
    PlanOption,
    PositiveOption,
    ReferenceOption,
    ScoreKindOption,
    ScoreOption,
    SiteOption,
    ThresholdOption,
    ThresholdSourceOption,
    UnitOption,
)

SMALL_CELL = 11


def tally(
    predictions: Annotated[
        list[Path] | None, typer.Argument(help="Predictions: files, or a folder of shards.")
    ] = None,
    plan: PlanOption = None,
    label: LabelOption = None,
    positive: PositiveOption = None,
    score: ScoreOption = None,
    prediction: Annotated[
        str | None, typer.Option("--prediction", help="Yes/no column, where no score exists.")
    ] = None,
    score_kind: ScoreKindOption = None,
    threshold: ThresholdOption = None,
    threshold_source: ThresholdSourceOption = None,
    by: ByOption = None,
    band: BandOption = None,
    reference: ReferenceOption = None,
    site: SiteOption = None,
    patient: PatientOption = None,
    unit: UnitOption = None,
    depth: DepthOption = None,
    level: LevelOption = None,
    bins: Annotated[
        int, typer.Option("--bins", help="Bins of equal width, for probabilities and logits.")
    ] = 4096,
    edges: Annotated[
        str | None, typer.Option("--edges", help="Edges of the bins of a rank score: 10,20,30.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Tally to write.")] = Path("site.tally.json"),
) -> None:
    """Count one site's predictions into a tally; `equipoise merge` audits many of them."""
    flags = Flags(
        label=label,
        positive=positive,
        score=score,
        prediction=prediction,
        score_kind=score_kind,
        threshold=threshold,
        threshold_source=threshold_source,
        by=tuple(by or ()),
        band=tuple(band or ()),
        reference=tuple(reference or ()),
        site=site,
        patient=patient,
        unit=unit,
        depth=depth,
        level=level,
    )
    said, warned = run_tally(predictions or [], plan, flags, bins=bins, edges=edges, out=out)
    typer.echo(warned, err=True)
    typer.echo(said)


def run_tally(
    predictions: Sequence[Path],
    plan_path: Path | None,
    flags: Flags,
    *,
    bins: int,
    edges: str | None,
    out: Path,
) -> tuple[str, str]:
    """Tally, write the file; return the lines for the terminal and the warning for stderr."""
    from audit.atomic import check_writable, write_atomic
    from audit.tally.bins import bins_for
    from audit.tally.file import tally_text
    from audit.tally.stream import tally_files

    plan, _, _ = _plan(plan_path, flags)
    paths = list(predictions) or _planned_data(plan, plan_path)
    chosen = bins_for(plan, bins, _numbers(edges))
    check_writable(out.parent)
    made = tally_files(paths, plan, chosen)
    text = tally_text(made)
    write_atomic(out, text)
    rows, assessed = int(made.rows[0]), int(made.totals.whole[0, :2].sum())
    small, cells = int((made.cells.count < SMALL_CELL).sum()), made.cells.count.size
    said = f"{rows:,} rows, {assessed:,} assessed, in {len(made.strata):,} strata\nwrote {out}"
    warned = (
        f"warning: {small:,} of the {cells:,} cells of {out} hold fewer than {SMALL_CELL} rows: it "
        "is for those who audit, not for publication"
    )
    return said, warned


def _numbers(edges: str | None) -> list[float]:
    try:
        return [float(edge) for edge in (edges or "").split(",") if edge.strip()]
    except ValueError:
        reason, remedy = f"--edges {edges}: not numbers", "write --edges 10,20,30"
        raise InputError(Problem("bad_flag", "command line", reason, remedy)) from None
