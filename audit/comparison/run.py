"""The comparison: two files of predictions and a plan in, one result out."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from audit.cases.pairs import Place
from audit.cells import numbers
from audit.cohort import Cohort
from audit.comparison.changes import flips_of, gap_changes, parity_of
from audit.comparison.differences import adjusted, paired_records, worsened
from audit.comparison.join import Joined, join_files, model_columns
from audit.comparison.records import SCHEMA_VERSION, ComparedFile, Comparison, Parity
from audit.comparison.sides import Both, paired_cohorts, pairs_of, require_ids
from audit.measures import measures_of_task
from audit.plan import Plan
from audit.prediction.record import model_of
from audit.problems import InputError, Problem, nearest
from audit.provenance import tool_version
from audit.result import AuditWarning
from audit.roles import flags
from audit.run import Progress
from audit.strata import lattice
from audit.sweep import resampling
from audit.tasks.read import build_task_cohort


def compare(
    paths: tuple[Path, Path],
    plans: tuple[Plan, Plan],
    *,
    folders: tuple[Path, Path] | None = None,
    margins: dict[str, float] | None = None,
    tolerance: float | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare two models on the same units.

    Parameters
    ----------
    paths : (Path, Path)
        Predictions of model a and of model b; one file twice where it holds both.
    plans : (Plan, Plan)
        The same plan for both, but for the columns of the predictions and the threshold.
    folders : (Path, Path), optional
        Where the files are that the tables name; beside the tables when absent.
    margins : dict of str to float
        Measure -> how much worse b may be and still count as no worse.
    tolerance : float, optional
        Largest difference of two numbers that count as the same.
    progress : callable, optional
        Called with (sets done, sets in all, what was done last).

    Raises
    ------
    InputError
        For files whose rows cannot be paired, and whatever an audit of either would refuse.
    """
    _check_margins(margins or {}, plans[0])
    joined = join_files(paths, plans)
    with threadpool_limits(1, user_api="blas"):
        both = _cohorts(joined, plans, folders or (paths[0].parent, paths[1].parent))
        return _compared(joined, both, paths, plans, margins or {}, tolerance, progress)


def _check_margins(margins: dict[str, float], plan: Plan) -> None:
    known = measures_of_task(plan.task)
    problems = []
    for id, margin in margins.items():
        where = f"margin '{id}'"
        if id not in known:
            reason = f"task {plan.task} has no measure '{id}'"
            problems.append(Problem("unknown_measure", where, reason, nearest(id, list(known))))
        elif not margin > 0:
            problems.append(
                Problem("bad_margin", where, f"{margin:g} is not above 0", "give it as 0.05")
            )
        elif known[id].direction == "neutral":
            reason = f"{id} has no better end, so that nothing is worse"
            problems.append(Problem("bad_margin", where, reason, "leave it out"))
    if problems:
        raise InputError(problems)


def _cohorts(joined: Joined, plans: tuple[Plan, Plan], folders: tuple[Path, Path]) -> Both:
    if plans[0].task == "binary":
        return paired_cohorts(joined.a, joined.b, plans)
    require_ids(plans[0])
    a = build_task_cohort(joined.a, plans[0], Place(folders[0]))
    b = build_task_cohort(joined.b, plans[1], Place(folders[1]))
    if not np.array_equal(a.base.cluster, b.base.cluster):
        raise ValueError("the two cohorts are not of the same units")
    return a, b


def _compared(
    joined: Joined,
    both: Both,
    paths: tuple[Path, Path],
    plans: tuple[Plan, Plan],
    margins: dict[str, float],
    tolerance: float | None,
    progress: Progress | None,
) -> Comparison:
    plan, base = plans[0], both[0] if isinstance(both[0], Cohort) else both[0].base
    scheme = resampling(plan.seed, plan.resamples, base.clusters)
    by_row = _by_row(both)
    sets = lattice(base.dimensions, plan.depth, base.rows)
    records, gaps = [], []
    for done, pair in enumerate(pairs_of(both, plans, scheme), start=1):
        own = paired_records(pair, by_row, plan, margins)
        records += own
        gaps += gap_changes(pair, own, plan)
        if progress is not None:
            progress(min(done, len(sets)), len(sets), " & ".join(pair.strata.attributes))
    told = adjusted(records)
    flips = [f for strata in sets for f in flips_of(strata, by_row)] if by_row else []
    return Comparison(
        schema_version=SCHEMA_VERSION,
        tool="equipoise",
        tool_version=tool_version(),
        plan=plan.model_dump(mode="json"),
        plan_sha256=plan.sha256(),
        a=_side(joined, paths, plans, 0),
        b=_side(joined, paths, plans, 1),
        units=base.rows,
        compared=int(_assessed(both).sum()),
        only_a=joined.only_a,
        only_b=joined.only_b,
        parity=tuple(_parities(joined, plans, tolerance)),
        worsened=tuple(worsened(told)),
        paired=tuple(told),
        flips=tuple(f for f in flips if f.n),
        gaps=tuple(gaps),
        warnings=(*base.warnings, *_unpaired(joined)),
    )


def _by_row(both: Both) -> tuple[Cohort, Cohort] | None:
    a, b = both
    return (a, b) if isinstance(a, Cohort) and isinstance(b, Cohort) else None


def _assessed(both: Both) -> NDArray[np.bool_]:
    bases = [one if isinstance(one, Cohort) else one.base for one in both]
    every: NDArray[np.bool_] = bases[0].analysed & bases[1].analysed
    return every


def _side(
    joined: Joined, paths: tuple[Path, Path], plans: tuple[Plan, Plan], which: int
) -> ComparedFile:
    source = (joined.a, joined.b)[which]
    return ComparedFile(
        files=source.files,
        score=", ".join(model_columns(plans[which])),
        model=model_of(paths[which]),
    )


def _unpaired(joined: Joined) -> list[AuditWarning]:
    return [
        AuditWarning(
            code="unpaired_units",
            message=f"{count:,} units are in the file of model {name} only; they are not compared.",
        )
        for name, count in (("a", joined.only_a), ("b", joined.only_b))
        if count
    ]


def _parities(joined: Joined, plans: tuple[Plan, Plan], tolerance: float | None) -> list[Parity]:
    """Compare the numbers of every score column; predictions that are files have none."""
    columns = [model_columns(plan) for plan in plans]
    outputs: list[str | None] = [*plans[0].columns.scores] or [None] * len(columns[0])
    found = []
    for output, a, b in zip(outputs, *columns, strict=True):
        read = [numbers(source.table.column(name))
                for source, name in ((joined.a, a), (joined.b, b))]  # fmt: skip
        if any(one.unreadable.any() for one in read):
            continue
        one, two = (own.values for own in read)
        decisions = None
        if plans[0].task == "binary":
            decisions = (flags(one, plans[0]), flags(two, plans[1]))
        parity = parity_of(one, two, decisions, tolerance, output)
        found += [parity] if parity is not None else []
    return found
