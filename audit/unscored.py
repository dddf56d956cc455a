"""The cohort before any score is read: roles, outcome, attributes, and who is in which stratum."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit.cells import BLANK, Texts, decode, identities, numbers
from audit.cohort import needed_columns
from audit.dimensions import Dimension, build_dimensions
from audit.findings import Findings
from audit.keys import Keys, text_keys
from audit.plan import Plan
from audit.result import AuditWarning
from audit.roles import bad_cells, read_label, role_conflicts
from audit.sources.source import Source
from audit.stats.mixing import splitmix64
from audit.strata import StrataSet, lattice
from audit.stratum_names import MISSING

Bools = NDArray[np.bool_]
OwnRole = Literal["attribute", "site"]
WITH_CASES = ("binary", "survival")  # an outcome that is there or not


@dataclass(frozen=True, eq=False)
class Unscored:
    """The rows of a cohort without what the model said of them.

    `positive` marks the units with the condition, None where the task has no such thing.
    `labelled` marks the rows with a reference, of which those with a score will be analysed.
    `patient` identifies whose row it is; without a patient role each row is a patient of its own.
    """

    source: Source
    labelled: Bools
    positive: Bools | None
    positive_value: str
    patient: Keys
    patients_declared: bool
    dimensions: tuple[Dimension, ...]
    sets: tuple[StrataSet, ...]
    warnings: tuple[AuditWarning, ...]

    @property
    def rows(self) -> int:
        """All rows, those without a label included."""
        return len(self.labelled)

    @property
    def site(self) -> Dimension | None:
        """The site, where the plan names one."""
        return next((d for d in self.dimensions if d.role == "site"), None)


def score_columns(plan: Plan) -> frozenset[str]:
    """Columns that hold what a model said."""
    columns = plan.columns
    named = (columns.score, columns.prediction, *columns.scores.values())
    return frozenset(name for name in named if name is not None)


def unscored_columns(plan: Plan) -> dict[str, str]:
    """Map every column that can be read before the scores are to what it is for."""
    scores = score_columns(plan)
    return {name: use for name, use in needed_columns(plan).items() if name not in scores}


def read_unscored(source: Source, plan: Plan) -> Unscored:
    """Give the columns of a source their roles, without those of the scores.

    Raises
    ------
    InputError
        With every problem found in the columns that are read.
    """
    findings = Findings()
    role_conflicts(plan, findings)
    labelled, positive, value = _outcome(source, plan, findings)
    if not findings.problems and not labelled.any():
        reason = "no row has a label"
        findings.problem("nothing_to_assess", "data", reason, "check the label column")
    dimensions = build_dimensions(source, plan, labelled, findings)
    findings.raise_problems()
    return Unscored(
        source,
        labelled,
        positive,
        value,
        patients_of(source, plan.columns.patient),
        plan.columns.patient is not None,
        dimensions,
        lattice(dimensions, plan.depth, len(labelled)),
        tuple(findings.warnings),
    )


def patients_of(source: Source, column: str | None) -> Keys:
    """Key of the patient of every row; a row without one is a patient of its own."""
    rows = source.table.num_rows
    own: Keys = splitmix64(np.arange(rows, dtype=np.uint64))
    if column is None or column not in source.table.column_names:
        return own
    texts: Texts = identities(source.table.column(column))
    return np.where(texts.codes >= 0, text_keys(texts), own)


def at_sites(site: Dimension) -> list[tuple[str, Bools]]:
    """The rows of every known site."""
    return [
        (level, site.codes == index)
        for index, level in enumerate(site.levels)
        if level != MISSING
    ]  # fmt: skip


def _outcome(source: Source, plan: Plan, findings: Findings) -> tuple[Bools, Bools | None, str]:
    """Which rows have a reference, which have the condition, and the value that means it."""
    rows, columns = source.table.num_rows, plan.columns
    if plan.task in WITH_CASES:
        outcome = read_label(source, plan, findings)
        labelled = outcome.label >= 0
        if columns.time is not None:
            labelled &= _numeric(source, columns.time, findings)
        return labelled, (outcome.label == 1) & labelled, outcome.positive
    if plan.task == "regression":
        return _numeric(source, columns.label, findings), None, ""
    if plan.task == "detection":
        return np.ones(rows, dtype=np.bool_), None, ""
    named = tuple(columns.labels.values()) or (columns.label,)
    known: Bools = np.zeros(rows, dtype=np.bool_)
    for name in named:
        known |= decode(source.table.column(name), BLANK).codes >= 0
    return known, None, ""


def _numeric(source: Source, column: str, findings: Findings) -> Bools:
    read = numbers(source.table.column(column))
    bad = np.flatnonzero(read.unreadable | read.not_finite)
    remedy = "correct it, or leave the cell empty"
    bad_cells(source, column, bad, "not_number", "is not a finite number", remedy, findings)
    return ~read.missing & ~read.unreadable
