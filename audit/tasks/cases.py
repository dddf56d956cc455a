"""Reading cohorts of cases: their files are measured, and the rows put in canonical order."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from audit.cases.pairs import Measured
from audit.cohort import Cohort, arranged, read_ids
from audit.dimensions import Dimension, build_dimensions
from audit.findings import Findings, share
from audit.plan import Plan
from audit.roles import Outcome
from audit.sources.source import Source
from audit.tasks.cohort import Floats, Ints

Bools = NDArray[np.bool_]


def case_base(
    source: Source,
    plan: Plan,
    has_reference: Bools,
    has_prediction: Bools,
    content: Sequence[Floats],
    findings: Findings,
) -> tuple[Cohort, Ints]:
    """Order the cases; a case is assessed where it has reference and prediction.

    `content` is what cases of one sampling unit are ordered by.

    Raises
    ------
    InputError
        With every problem that was found.
    """
    analysed = has_reference & has_prediction
    if not findings.problems and not analysed.any():
        reason = "no row has both a reference and a prediction"
        findings.problem("nothing_to_assess", "data", reason, "check the two columns")
    dimensions = build_dimensions(source, plan, analysed, findings)
    ids = read_ids(source, plan, findings)
    findings.raise_problems()
    for code, column, missing in (
        ("missing_label", plan.columns.label, ~has_reference),
        ("missing_score", plan.columns.prediction, ~has_prediction),
    ):
        if missing.any():
            told = share(int(missing.sum()), len(missing))
            findings.warn(code, f"'{column}' is missing on {told}; they are not assessed",
                          column=column)  # fmt: skip
    label = Outcome(np.where(has_reference, 0, -1).astype(np.int8), "")
    score = np.where(has_prediction, 0.0, np.nan)
    sortable = [np.nan_to_num(values, nan=-1.0, posinf=1e300) for values in content]
    return arranged(source, plan, label, score, sortable, dimensions, ids, findings)


def measured_base(
    source: Source, plan: Plan, measured: Measured, findings: Findings
) -> tuple[Cohort, Measured]:
    """Order measured cases; the files themselves become part of where the result comes from."""
    base, order = case_base(
        source,
        plan,
        measured.has_reference,
        measured.has_prediction,
        list(measured.values.T),
        findings,
    )
    return (
        replace(base, files=(*base.files, *measured.files)),
        replace(measured, values=measured.values[order]),
    )


def with_dimension(base: Cohort, dimension: Dimension) -> Cohort:
    """Add an attribute that was measured, in alphabetical order of the names."""
    every = sorted((*base.dimensions, dimension), key=lambda d: d.name)
    return replace(base, dimensions=tuple(every))
