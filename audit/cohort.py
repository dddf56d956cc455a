"""The cohort: the table with roles, checked, in an order that does not depend on the input's."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.cells import Texts, identities, repeated
from audit.dimensions import Dimension, build_dimensions
from audit.findings import Findings, share
from audit.keys import row_keys
from audit.plan import Plan
from audit.recording import record_covariates
from audit.result import AuditWarning, CovariateAtSite, FileHash
from audit.roles import (
    Outcome,
    flags,
    probabilities,
    read_label,
    read_prediction,
    read_score,
    role_conflicts,
)
from audit.score_kind import looks_rescaled
from audit.sources.source import Source
from audit.stratum_names import MISSING

__all__ = ["Cohort", "Dimension", "build_cohort", "needed_columns"]


@dataclass(frozen=True, eq=False)
class Cohort:
    """All rows of the cohort, in canonical order: by sampling unit, score, label, level codes.

    The order is a function of the multiset of rows alone, so everything computed from a cohort is
    the same however its rows were ordered or split over files.

    `label` is 1, 0 or -1 (missing). `score` is NaN where missing; for a yes/no prediction it is
    0.0 or 1.0. `flagged` is 1, 0 or -1 (no threshold, or no score). `probability` is NaN unless
    the score is a probability or a logit. `key` identifies the sampling unit of a row whatever
    the cohort it is in; `cluster` numbers the sampling units 0..C-1 in ascending `key`, so it
    never decreases from row to row.
    """

    label: NDArray[np.int8]
    score: NDArray[np.float64]
    flagged: NDArray[np.int8]
    probability: NDArray[np.float64]
    key: NDArray[np.uint64]
    cluster: NDArray[np.int64]
    patients_declared: bool
    dimensions: tuple[Dimension, ...]
    files: tuple[FileHash, ...]
    positive: str
    warnings: tuple[AuditWarning, ...]
    missing_label: int
    missing_score: int
    patients_at_several_sites: int
    largest_patient: int
    covariates: tuple[CovariateAtSite, ...]

    @property
    def rows(self) -> int:
        """Rows in the cohort, the ones without label or score included."""
        return len(self.label)

    @property
    def clusters(self) -> int:
        """Number of sampling units: patients where declared, rows otherwise."""
        return int(self.cluster[-1]) + 1 if self.rows else 0

    @property
    def analysed(self) -> NDArray[np.bool_]:
        """Which rows have both label and score."""
        return (self.label >= 0) & ~np.isnan(self.score)


def needed_columns(plan: Plan) -> dict[str, str]:
    """Map every column the plan reads to what it is for."""
    columns = plan.columns
    uses: list[tuple[str | None, str]] = [
        (columns.label or None, "label"),
        (columns.score, "score"),
        (columns.prediction, "prediction"),
        (columns.time, "time"),
        *((column, f"label '{name}'") for name, column in columns.labels.items()),
        *((column, f"score of '{name}'") for name, column in columns.scores.items()),
        (columns.patient, "patient"),
        (columns.site, "site"),
        (columns.unit, "unit"),
        *((a.column or name, f"attribute '{name}'") for name, a in plan.attributes.items()),
        *((name, "covariate") for name in columns.covariates),
    ]
    needed: dict[str, str] = {}
    for column, use in uses:
        if column is not None:
            needed[column] = f"{needed[column]}, {use}" if column in needed else use
    return needed


def build_cohort(source: Source, plan: Plan) -> Cohort:
    """Give the columns of a source their roles, check every cell and order the rows.

    Raises
    ------
    InputError
        With every problem of every column, each naming its first rows.
    ValueError
        When the plan is of another task: those cohorts are built by `audit.tasks.read`.
    """
    if plan.task != "binary":
        raise ValueError(f"task {plan.task}: use audit.build_any_cohort and audit.audit_any")
    findings = Findings()
    role_conflicts(plan, findings)
    outcome = read_label(source, plan, findings)
    label, score = outcome.label, _score(source, plan, findings)
    analysed = _analysed(label, score, findings)
    dimensions = build_dimensions(source, plan, analysed, findings)
    ids = read_ids(source, plan, findings)
    findings.raise_problems()

    _warn_of_gaps(plan, label, score, findings)
    _warn_of_scores(plan, label[analysed], score[analysed], findings)
    return arranged(source, plan, outcome, score, [score, label], dimensions, ids, findings)[0]


def arranged(
    source: Source,
    plan: Plan,
    outcome: Outcome,
    score: NDArray[np.float64],
    content: list[NDArray[Any]],
    dimensions: tuple[Dimension, ...],
    ids: tuple[Texts | None, Texts | None],
    findings: Findings,
) -> tuple[Cohort, NDArray[np.int64]]:
    """Put checked columns in canonical order; return the cohort and that order.

    `content` is what rows of one sampling unit are ordered by, before the attributes.
    """
    site = next((d for d in dimensions if d.role == "site"), None)
    covariates = record_covariates(source.table, plan.columns.covariates, site, findings)
    patient, unit = ids
    order, key, cluster = _canonical(patient, unit, [*content, *(d.codes for d in dimensions)])
    dimensions = tuple(dimension.ordered(order) for dimension in dimensions)
    several = _at_several_sites(cluster, dimensions, findings) if patient is not None else 0
    ordered = score[order]
    cohort = Cohort(
        label=outcome.label[order],
        score=ordered,
        flagged=flags(ordered, plan),
        probability=probabilities(ordered, plan),
        key=key,
        cluster=cluster,
        patients_declared=patient is not None,
        dimensions=dimensions,
        files=source.files,
        positive=outcome.positive,
        warnings=tuple(findings.warnings),
        missing_label=int((outcome.label < 0).sum()),
        missing_score=int(np.isnan(score).sum()),
        patients_at_several_sites=several,
        largest_patient=int(np.bincount(cluster).max()) if patient is not None else 1,
        covariates=covariates,
    )
    return cohort, order


def _analysed(
    label: NDArray[np.int8], score: NDArray[np.float64], findings: Findings
) -> NDArray[np.bool_]:
    analysed = (label >= 0) & ~np.isnan(score)
    if not findings.problems and not analysed.any():
        reason = "no row has both a label and a score"
        findings.problem("nothing_to_assess", "data", reason, "check the two columns")
    return analysed


def _canonical(
    patient: Texts | None, unit: Texts | None, content: list[NDArray[Any]]
) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64]]:
    """Order the rows by sampling unit, then content; return that order, the keys, the clusters."""
    key = row_keys(patient, unit, content, len(content[0]))
    order = np.lexsort([*content[::-1], key])
    key = key[order]
    starts = np.append(False, key[1:] != key[:-1])
    return order, key, np.cumsum(starts, dtype=np.int64)


def _score(source: Source, plan: Plan, findings: Findings) -> NDArray[np.float64]:
    if plan.columns.prediction is not None:
        return read_prediction(source, plan.columns.prediction, findings)
    return read_score(source, str(plan.columns.score), plan, findings)


def read_ids(source: Source, plan: Plan, findings: Findings) -> tuple[Texts | None, Texts | None]:
    """Read the ids of patients and units; messages name rows, never ids."""
    columns = plan.columns
    patient = identities(source.table.column(columns.patient)) if columns.patient else None
    unit = identities(source.table.column(columns.unit)) if columns.unit else None
    if unit is not None:
        known = np.flatnonzero(unit.codes >= 0)
        again = known[repeated(unit.codes[known])]
        if len(again):
            first = int(np.flatnonzero(unit.codes == unit.codes[again[0]])[0])
            reason = f"the unit id was already used by {source.origin(first)}{source.tail(again)}"
            where = source.where(int(again[0]), str(columns.unit))
            remedy = "keep each unit once, or name another unit column"
            findings.problem("duplicate_unit", where, reason, remedy)
    for texts, column, code, fate in (
        (patient, columns.patient, "patient_id_missing", "each counts as a patient of its own"),
        (unit, columns.unit, "unit_id_missing", "each counts as a unit of its own"),
    ):
        gaps = int((texts.codes < 0).sum()) if texts is not None else 0
        if texts is not None and gaps:
            message = f"'{column}' is missing on {share(gaps, len(texts.codes))}; {fate}"
            findings.warn(code, message, column=column)
    return patient, unit


def _warn_of_gaps(
    plan: Plan, label: NDArray[np.int8], score: NDArray[np.float64], findings: Findings
) -> None:
    columns = plan.columns
    for code, column, missing in (
        ("missing_label", columns.label, label < 0),
        ("missing_score", columns.score or columns.prediction, np.isnan(score)),
    ):
        if missing.any():
            told = share(int(missing.sum()), len(missing))
            message = f"'{column}' is missing on {told}; they are not assessed"
            findings.warn(code, message, column=column)


def _warn_of_scores(
    plan: Plan, label: NDArray[np.int8], score: NDArray[np.float64], findings: Findings
) -> None:
    """Warn of one class only, and of a declared probability that does not behave like one."""
    prevalence = float(label.mean())
    if prevalence in (0.0, 1.0):
        kind, other = ("positive", "negatives") if prevalence else ("negative", "positives")
        message = f"All {len(label):,} assessed rows are {kind}: nothing can be said of {other}"
        findings.warn("one_class", message, column=plan.columns.label)
    if plan.columns.score is None:
        return
    for sign in looks_rescaled(score, label, plan.score_kind):
        message = f"'{plan.columns.score}': {sign.message}"
        findings.warn("score_looks_rescaled", message, column=plan.columns.score)


def _at_several_sites(
    cluster: NDArray[np.int64], dimensions: tuple[Dimension, ...], findings: Findings
) -> int:
    """Count patients with rows at more than one known site."""
    site = next((d for d in dimensions if d.role == "site"), None)
    if site is None:
        return 0
    known = site.codes != (site.levels.index(MISSING) if MISSING in site.levels else -1)
    pairs = np.unique(cluster[known] * len(site.levels) + site.codes[known])
    visits = np.bincount(pairs // len(site.levels), minlength=int(cluster[-1]) + 1)
    several = int((visits > 1).sum())
    if several:
        told = f"{several:,} of {len(visits):,} patients have rows at more than one site"
        message = f"{told}, so the sites are not independent"
        findings.warn("patient_at_several_sites", message, column=site.column)
    return several
