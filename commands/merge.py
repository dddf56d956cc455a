"""``equipoise merge``: tallies of many sites in, one audit out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from commands.audit import check_sharing, shared_result, sharing_flags, write_result
from commands.sharing import MinCellOption


def merge(
    tallies: Annotated[list[Path], typer.Argument(help="Tallies made with the same plan.")],
    tally: Annotated[
        Path | None, typer.Option("--tally", help="Also write the merged tally here.")
    ] = None,
    share: Annotated[
        bool, typer.Option("--share", help="Withhold small cells, so that the result may leave.")
    ] = False,
    min_cell: MinCellOption = None,
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")] = Path("out"),
) -> None:
    """Audit the tallies of several sites, files or months as one cohort."""
    typer.echo(run_merge(tallies, tally, out, share=share, min_cell=min_cell))


def run_merge(
    paths: Sequence[Path],
    merged_path: Path | None,
    out: Path,
    *,
    share: bool = False,
    min_cell: int | None = None,
) -> str:
    """Merge tallies, audit them, write the results; return the summary for the terminal."""
    import shlex

    import yaml

    from audit.atomic import check_writable, write_atomic
    from audit.plan import Plan
    from audit.problems import InputError, Problem
    from audit.tally.audit import audit_tally
    from audit.tally.file import read_tally, tally_text
    from audit.tally.tally import merge as merge_tallies

    check_sharing(share, min_cell)
    real = [path.resolve() for path in paths]
    again = next((p for i, p in enumerate(paths) if real[i] in real[:i]), None)
    if again is not None:
        reason, remedy = "the tally is given twice", "give it once"
        raise InputError(Problem("repeated_file", str(again), reason, remedy))
    read = [read_tally(path) for path in paths]
    merged = merge_tallies(*read)
    check_writable(out)
    plan = Plan.model_validate(merged.plan)
    words = ["equipoise", "merge", *sorted(path.name for path in paths)]
    command = shlex.join([*words, *sharing_flags(share, min_cell)])
    result = audit_tally(merged, plan, command=command, plan_name="the tallies' plan")
    plan_text = yaml.safe_dump({"version": 1} | merged.plan, sort_keys=False, allow_unicode=True)
    if share:
        result = shared_result(result, min_cell, plan=(plan_text, "the tallies' plan"))
    if merged_path is not None:
        write_atomic(merged_path, tally_text(merged))
    return write_result(result, out, plan_text, keep_plan=True)
