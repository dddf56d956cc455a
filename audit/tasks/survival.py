"""Reading a time-to-event cohort: a predicted risk, an event, the time to it or to censoring."""

from dataclasses import replace

import numpy as np

from audit.cells import numbers
from audit.cohort import arranged, read_ids
from audit.dimensions import build_dimensions
from audit.findings import Findings, share
from audit.plan import Plan
from audit.roles import EMPTY_CELL, bad_cells, read_label, read_score, role_conflicts
from audit.sources.source import Source
from audit.tasks.cohort import Floats, SurvivalCohort


def survival_cohort(source: Source, plan: Plan) -> SurvivalCohort:
    """Give the columns of a source their roles and check every cell.

    A row without event, time or risk is not assessed.

    Raises
    ------
    InputError
        With every problem of every column.
    """
    findings = Findings()
    role_conflicts(plan, findings)
    if plan.threshold is not None:
        where, reason = "plan key 'threshold'", "task survival has no decision threshold"
        findings.problem("no_threshold", where, reason, "leave it out")
    event = read_label(source, plan, findings)
    risk = read_score(source, str(plan.columns.score), plan, findings)
    time = _times(source, str(plan.columns.time), findings)
    event = replace(event, label=np.where(np.isnan(time), -1, event.label).astype(np.int8))
    analysed = (event.label >= 0) & ~np.isnan(risk)
    if not findings.problems and not analysed.any():
        reason = "no row has event, time and risk"
        findings.problem("nothing_to_assess", "data", reason, "check the three columns")
    dimensions = build_dimensions(source, plan, analysed, findings)
    ids = read_ids(source, plan, findings)
    findings.raise_problems()
    for code, column, missing in (
        ("missing_label", f"{plan.columns.label}' or '{plan.columns.time}", event.label < 0),
        ("missing_score", plan.columns.score, np.isnan(risk)),
    ):
        if missing.any():
            told = share(int(missing.sum()), len(missing))
            findings.warn(code, f"'{column}' is missing on {told}; they are not assessed",
                          column=column)  # fmt: skip
    _warn_of_follow_up(plan, event.label[analysed] == 1, time[analysed], findings)
    base, order = arranged(
        source, plan, event, risk, [risk, time, event.label], dimensions, ids, findings
    )
    return SurvivalCohort(base, np.where(base.analysed, time[order], np.nan), plan)


def _times(source: Source, column: str, findings: Findings) -> Floats:
    read = numbers(source.table.column(column))
    bad = np.flatnonzero(read.unreadable | np.isinf(read.values))
    bad_cells(source, column, bad, "time_not_number", "is not a finite number", EMPTY_CELL,
              findings)  # fmt: skip
    with np.errstate(invalid="ignore"):
        negative = np.flatnonzero(read.values < 0)
    bad_cells(source, column, negative, "negative_time", "is a negative time",
              "give the time since the start of follow-up", findings)  # fmt: skip
    return read.values + 0.0


def _warn_of_follow_up(
    plan: Plan, event: np.ndarray[tuple[int], np.dtype[np.bool_]], time: Floats, findings: Findings
) -> None:
    if not event.any():
        message = f"None of the {event.size:,} assessed rows has the event"
        findings.warn("one_class", message, column=plan.columns.label)
    horizon = plan.survival.horizon if plan.survival is not None else None
    if horizon is not None and event.size and time.max() < horizon:
        message = (
            f"Follow-up ends at {time.max():g}, before the horizon {horizon:g}: what is measured "
            "at the horizon is undefined"
        )
        findings.warn("short_follow_up", message, column=plan.columns.time)
