"""Plans and cohorts as a Python program has them: dicts, paths and tables in memory."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from audit.cases.pairs import Place
from audit.cohort import Cohort, needed_columns
from audit.plan import Plan
from audit.plan_file import checked_plan, read_plan
from audit.problems import InputError, Problem
from audit.sources.files import read_files
from audit.sources.source import Source
from audit.sources.tables import is_table, read_table
from audit.tasks.cohort import TaskCohort
from audit.tasks.read import build_any_cohort

Table = Any  # pandas.DataFrame | pyarrow.Table | str | Path | Sequence[str | Path]


def plan_of(plan: Plan | Mapping[str, Any] | str | Path) -> Plan:
    """Make a plan of a plan file's path, or of a dict with the keys of that file.

    Raises
    ------
    InputError
        With every problem of the plan.
    """
    if isinstance(plan, Plan):
        return plan
    if isinstance(plan, str | Path):
        return read_plan(Path(plan))
    return checked_plan(dict(plan), "plan")


def cohort_of(
    table: Table,
    plan: Plan | Mapping[str, Any] | str | Path,
    *,
    folder: str | Path | None = None,
) -> Cohort | TaskCohort:
    """Read and check the cohort of any task.

    Parameters
    ----------
    table : pandas.DataFrame, pyarrow.Table, path, or sequence of paths
        Predictions in memory, files of them, or a folder of files. A table in memory has no file
        to hash; a hash of the content of its used columns is recorded instead, the same for any
        order of the rows.
    plan : Plan, dict or path
        As for `plan_of`.
    folder : path, optional
        Where the images, masks or detections lie that the table names. If absent, the folder of
        the table's file, or the working folder for a table in memory.

    Raises
    ------
    InputError
        With every problem of the plan, or else of the table.
    """
    chosen = plan_of(plan)
    needed = needed_columns(chosen)
    source, beside = _source(table, needed)
    start = beside if folder is None else Path(folder)
    return build_any_cohort(source, chosen, Place(start / chosen.images))


def _source(table: Table, needed: Mapping[str, str]) -> tuple[Source, Path]:
    """The table as it was read, and the folder that its file lies in."""
    if is_table(table):
        return read_table(table, needed), Path()
    given: Sequence[Any] = [table] if isinstance(table, str | Path) else table
    if not isinstance(given, Sequence) or not all(isinstance(one, str | Path) for one in given):
        reason = f"a {type(table).__name__} is no table that can be read"
        remedy = "give a pandas DataFrame, an Arrow table, or paths of files"
        raise InputError(Problem("not_a_table", "table", reason, remedy))
    paths = [Path(one) for one in given]
    return read_files(paths, needed), paths[0].parent if paths else Path()
