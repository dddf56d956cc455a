"""Reading a regression cohort: a numeric outcome and a predicted value."""

import numpy as np

from audit.cells import numbers
from audit.cohort import arranged, read_ids
from audit.dimensions import build_dimensions
from audit.findings import Findings, share
from audit.plan import Plan
from audit.roles import EMPTY_CELL, Outcome, bad_cells, read_score, role_conflicts
from audit.sources.source import Source
from audit.tasks.cohort import Floats, RegressionCohort

LARGEST = 1e30  # squares and cubes of larger numbers would overflow somewhere


def regression_cohort(source: Source, plan: Plan) -> RegressionCohort:
    """Give the columns of a source their roles and check every number.

    A NaN outcome is missing, as an empty cell is; an infinite one is a problem.

    Raises
    ------
    InputError
        With every problem of every column.
    """
    findings = Findings()
    role_conflicts(plan, findings)
    if plan.threshold is not None:
        where, reason = "plan key 'threshold'", "task regression has no decision threshold"
        findings.problem("no_threshold", where, reason, "leave it out")
    outcome = _outcome(source, plan.columns.label, findings)
    as_value = plan.model_copy(update={"score_kind": "rank"})
    predicted = read_score(source, str(plan.columns.score), as_value, findings)
    _refuse_huge(source, plan.columns.label, outcome, findings)
    _refuse_huge(source, str(plan.columns.score), predicted, findings)
    analysed = ~np.isnan(outcome) & ~np.isnan(predicted)
    if not findings.problems and not analysed.any():
        reason = "no row has both an outcome and a predicted value"
        findings.problem("nothing_to_assess", "data", reason, "check the two columns")
    dimensions = build_dimensions(source, plan, analysed, findings)
    ids = read_ids(source, plan, findings)
    findings.raise_problems()

    for code, column, missing in (
        ("missing_label", plan.columns.label, np.isnan(outcome)),
        ("missing_score", plan.columns.score, np.isnan(predicted)),
    ):
        if missing.any():
            told = share(int(missing.sum()), len(missing))
            message = f"'{column}' is missing on {told}; they are not assessed"
            findings.warn(code, message, column=column)
    known = outcome[analysed]
    if known.min() == known.max():
        message = f"The outcome is {known[0]:g} on all {known.size:,} assessed rows"
        findings.warn("outcome_constant", message, column=plan.columns.label)
    label = Outcome(np.where(np.isnan(outcome), -1, 0).astype(np.int8), "")
    base, order = arranged(
        source, plan, label, predicted, [predicted, outcome], dimensions, ids, findings
    )
    return RegressionCohort(base, outcome[order], predicted[order])


def _outcome(source: Source, column: str, findings: Findings) -> Floats:
    read = numbers(source.table.column(column))
    bad_cells(
        source, column, np.flatnonzero(read.unreadable), "outcome_not_number", "is not a number",
        "correct it (decimals take a point), or leave the cell empty", findings,
    )  # fmt: skip
    bad_cells(
        source, column, np.flatnonzero(np.isinf(read.values)), "outcome_not_finite",
        "is not a finite number", EMPTY_CELL, findings,
    )  # fmt: skip
    return read.values + 0.0  # -0.0 becomes 0.0


def _refuse_huge(source: Source, column: str, values: Floats, findings: Findings) -> None:
    with np.errstate(invalid="ignore"):
        huge = np.flatnonzero(np.isfinite(values) & (np.abs(values) > LARGEST))
    bad_cells(
        source, column, huge, "value_too_large", "is too large to be reckoned with",
        "give it in larger units, or leave the cell empty", findings,
    )  # fmt: skip
