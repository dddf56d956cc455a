"""The one typed result of an audit, as it stands in ``audit.json``.

Everything that leaves the audit room is here: reports, gates and checklists read nothing else.
Missing numbers are ``null`` with a `status` and a `reason`; no NaN and no infinity is ever written.
"""

from typing import Any, Literal

from audit.curve_sections import Curves
from audit.requirement import Severity
from audit.sections import (
    Adequacy,
    Bounded,
    Bounds,
    CalibrationInteraction,
    CaseMix,
    Confusion,
    Criterion,
    FrocCurve,
    Ledger,
    NestedSites,
    Record,
    Shrunk,
)
from audit.sections import Contrast as Contrast
from audit.sections import Status as Status

SCHEMA_VERSION = "1.3"

VerdictStatus = Literal[
    "met", "violated", "inconclusive", "not_estimable", "not_applicable", "waived", "error"
]
VerdictKind = Literal["measure", "coverage", "change", "checklist"]


class Null(Record):
    """What the value would be if there were nothing to find.

    For a calibration error: labels redrawn from the probabilities. For a gap: the attribute
    permuted over patients within site.
    """

    mean: float
    q95: float
    excess: float
    p: float


class Estimate(Record):
    """One measure in one stratum.

    `events` / `denominator` are the numerator and denominator counts of a proportion, or the
    positives and rows behind any other measure. `clusters` is the number of patients (rows, when
    no patient role is declared) that inform it. Counts are null only in a shared result, and
    those of positives where a record speaks of several classes or of a number. `output` names the
    class or label where there are several. `baseline` is what chance alone would give.
    """

    id: str
    measure: str
    stratum: str
    value: float | None
    lower: float | None
    upper: float | None
    level: float
    method: str
    n: int | None
    n_positive: int | None
    n_negative: int | None
    events: int | None
    denominator: int | None
    clusters: int | None
    undefined_fraction: float | None
    status: Status
    reason: str | None
    null: Null | None = None
    output: str | None = None
    baseline: float | None = None
    shrunk: Shrunk | None = None


class Disparity(Record):
    """A contrast between strata of one attribute (or one intersection of attributes).

    For a gap, `stratum` and `reference` are the two extremes: the worst and the best where the
    measure has a better end, the highest and the lowest where it has none. `simultaneous` holds
    for the whole declared primary family at once.
    """

    id: str
    measure: str
    attribute: str
    contrast: Contrast
    stratum: str
    reference: str
    value: float | None
    lower: float | None
    upper: float | None
    level: float
    method: str
    p: float | None
    p_adjusted: float | None
    family: str
    undefined_fraction: float | None
    status: Status
    reason: str | None
    null: Null | None = None
    simultaneous: Bounded | None = None
    output: str | None = None


class VerdictPart(Record):
    """One estimate or disparity that a requirement was held against."""

    id: str
    status: VerdictStatus
    value: float | None
    lower: float | None
    upper: float | None
    reason: str


class Waiver(Record):
    """A named decision to set one requirement aside for a stated time."""

    requirement: str
    justification: str
    owner: str
    approver: str
    created: str
    expires: str


class Finding(Record):
    """Something about the gate itself that a reader must see, beside the verdicts.

    `requirement` is the one it speaks of, where it speaks of one.
    """

    code: Literal[
        "waiver_expired", "waiver_unmatched", "waiver_not_needed", "waiver_not_yet",
        "waiver_refused",
    ]  # fmt: skip
    requirement: str | None
    message: str


class Lock(Record):
    """The plan as it was fixed before scores were read, and how the present one departs from it.

    `sha256` is that of the locked plan.
    """

    sha256: str
    locked_on: str | None
    file: str
    deviations: tuple[str, ...]


class Verdict(Record):
    """What the interval says of one requirement. The numbers are those of the deciding part.

    `found` is the status that the numbers gave, where a waiver has replaced it.
    """

    requirement: str
    statement: str
    rationale: str | None
    measure: str
    output: str | None = None
    stratum: str | None
    status: VerdictStatus
    value: float | None
    lower: float | None
    upper: float | None
    level: float
    margin: float | tuple[float, float]
    reason: str
    detectable: float | None
    n_needed: int | None
    evidence: tuple[str, ...]
    parts: tuple[VerdictPart, ...]
    kind: VerdictKind = "measure"
    severity: Severity = "major"
    found: VerdictStatus | None = None
    waiver: Waiver | None = None


class AuditWarning(Record):
    """Something a reader must know before trusting a number."""

    code: str
    message: str
    stratum: str | None = None
    column: str | None = None


class StratumCount(Record):
    """Who is in a stratum, and the confusion counts at the declared threshold.

    Counts are null where they are withheld from a shared result (`audit.disclosure`).
    """

    stratum: str
    attributes: tuple[str, ...]
    rows: int | None
    missing_label: int | None
    missing_score: int | None
    n: int | None
    n_positive: int | None
    n_negative: int | None
    patients: int | None
    tp: int | None
    fp: int | None
    tn: int | None
    fn: int | None


class AttributeLevels(Record):
    """An attribute: where it came from and which level the others are compared with."""

    name: str
    column: str
    role: Literal["attribute", "site"]
    edges: tuple[float, ...] | None
    levels: tuple[str, ...]
    reference: str | None
    reference_chosen: Literal["declared", "largest", "none"]
    missing: int | None


class CovariateAtSite(Record):
    """How a declared covariate was recorded at one site (counts only; null where withheld)."""

    column: str
    site: str
    rows: int | None
    missing: int | None
    zeros: int | None
    distinct: int | None


class ThresholdUsed(Record):
    """The decision threshold on the score, and where it came from."""

    value: float
    source: Literal["fixed", "external", "tuned_here"]


class CohortSummary(Record):
    """The audited cohort in counts; null where they are withheld from a shared result.

    `linked` names strata of two attributes that hold the same people together, as a region and its
    sites; empty in a shared result.
    """

    rows: int | None
    analysed: int | None
    n_positive: int | None
    n_negative: int | None
    missing_label: int | None
    missing_score: int | None
    patients: int | None
    patients_declared: bool
    patients_at_several_sites: int | None
    largest_patient: int | None
    label: str
    positive: str
    score: str
    score_kind: Literal["probability", "rank", "logit", "decision", "value"]
    threshold: ThresholdUsed | None
    attributes: tuple[AttributeLevels, ...]
    strata: tuple[StratumCount, ...]
    covariates: tuple[CovariateAtSite, ...]
    linked: tuple[tuple[str, ...], ...] = ()
    task: Literal[
        "binary", "multiclass", "multilabel", "regression",
        "segmentation", "detection", "image", "survival",
    ] = "binary"  # fmt: skip
    outputs: tuple[str, ...] = ()


class Pooled(Record):
    """A pooled value with its interval."""

    value: float
    lower: float | None
    upper: float | None


class Prediction(Record):
    """Where the value at a new site is expected."""

    lower: float
    upper: float


class LeftOut(Record):
    """The pooled value when one site is left out."""

    site: str
    value: float
    lower: float | None
    upper: float | None
    tau2: float


class Heterogeneity(Record):
    """Random-effects summary of one measure (or one gap) over the sites."""

    measure: str
    contrast: Contrast | None
    attribute: str | None
    stratum: str | None
    reference: str | None
    scale: Literal["identity", "logit", "log"]
    method: str
    sites: tuple[str, ...]
    excluded: tuple[str, ...]
    k: int
    tau2: float | None
    i2: float | None
    q: float | None
    q_p: float | None
    pooled: Pooled | None
    prediction: Prediction | None
    leave_one_out: tuple[LeftOut, ...]
    status: Status
    reason: str | None
    output: str | None = None


class Sites(Record):
    """The sites, and how far the measures differ between them."""

    attribute: str
    strata: tuple[str, ...]
    heterogeneity: tuple[Heterogeneity, ...]
    nested: tuple[NestedSites, ...] = ()


class FileHash(Record):
    """A file that went in, by content."""

    name: str
    bytes: int
    sha256: str


class Provenance(Record):
    """What produced the result, enough to repeat it.

    `predicted_by` is what the predictions file says of its model, preprocessing included.
    """

    tool: str
    tool_version: str
    command: str
    as_of: str | None
    seed: int
    resamples: int
    plan_sha256: str
    data: tuple[FileHash, ...]
    model: FileHash | None
    versions: dict[str, str]
    predicted_by: dict[str, Any] | None = None


class Disclosure(Record):
    """The sharing rule that was applied, and how many strata it withholds."""

    min_cell: int
    strata_suppressed: int


class AuditResult(Record):
    """The whole result of one audit."""

    schema_version: str
    plan: dict[str, Any]
    provenance: Provenance
    cohort: CohortSummary
    estimates: tuple[Estimate, ...]
    disparities: tuple[Disparity, ...]
    sites: Sites | None
    curves: Curves
    criteria: tuple[Criterion, ...] = ()
    case_mix: CaseMix = CaseMix()
    bounds: Bounds = Bounds()
    sample_size: tuple[Adequacy, ...] = ()
    calibration_tests: tuple[CalibrationInteraction, ...] = ()
    confusion: tuple[Confusion, ...] = ()
    ledger: tuple[Ledger, ...] = ()
    froc: tuple[FrocCurve, ...] = ()
    verdicts: tuple[Verdict, ...]
    warnings: tuple[AuditWarning, ...]
    findings: tuple[Finding, ...] = ()
    lock: Lock | None = None
    disclosure: Disclosure | None = None

    def to_json(self) -> str:
        """Write the result as canonical JSON text: fixed field order, one trailing newline."""
        return self.model_dump_json(indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "AuditResult":
        """Read a result back; raises pydantic.ValidationError when it does not fit the schema."""
        return cls.model_validate_json(text)
