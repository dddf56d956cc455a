"""Records of the result's further sections: criteria, case-mix, bounds and sample size."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Status = Literal["ok", "undefined", "insufficient", "suppressed", "not_collected"]
Contrast = Literal["difference", "ratio", "gap"]


class Record(BaseModel):
    """A frozen part of the result; unknown keys and non-finite numbers are refused."""

    # Built when the first one is made: a short command makes few kinds of record.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, allow_inf_nan=False)


class Bounded(Record):
    """A value with its interval."""

    value: float | None
    lower: float | None
    upper: float | None


class Shrunk(Record):
    """An empirical-Bayes value: the stratum's own, drawn towards what its attributes suggest.

    `weight` is the share of the stratum's own value in it.
    """

    value: float
    lower: float
    upper: float
    weight: float


class Criterion(Record):
    """A named fairness criterion for one attribute, from the estimates of its levels.

    `line` is the conventional line where one exists (four fifths), not a requirement. `stratum`
    and `reference` are the two levels that decide the value.
    """

    id: str
    criterion: str
    name: str
    attribute: str
    output: str | None = None
    value: float | None
    lower: float | None
    upper: float | None
    level: float
    method: str
    fair: float
    line: float | None
    stratum: str | None
    reference: str | None
    status: Status
    reason: str | None
    evidence: tuple[str, ...]


class SiteSplit(Record):
    """A gap between two groups, split into attending different sites and the part inside sites.

    Kitagawa's decomposition. `reversal` says whether the part inside sites has the other sign:
    `resolved` when both intervals exclude zero.
    """

    id: str
    measure: str
    attribute: str
    stratum: str
    reference: str
    total: Bounded
    within: Bounded
    between: Bounded
    sites: int
    one_group_only: tuple[str, ...]
    reversal: Literal["none", "point", "resolved"] | None
    level: float
    method: str
    status: Status
    reason: str | None
    output: str | None = None


class StandardisedGap(Record):
    """A difference directly standardised to the cohort's distribution of declared covariates.

    `covered` is the share of the pooled denominator in cells where both groups occur.
    """

    id: str
    measure: str
    attribute: str
    covariates: tuple[str, ...]
    stratum: str
    reference: str
    crude: float | None
    value: float | None
    lower: float | None
    upper: float | None
    level: float
    covered: float | None
    method: str
    status: Status
    reason: str | None
    output: str | None = None


class CaseMix(Record):
    """Gaps seen again with site or case-mix held fixed."""

    by_site: tuple[SiteSplit, ...] = ()
    standardised: tuple[StandardisedGap, ...] = ()


class AssignmentBound(Record):
    """How far a contrast could move, whatever the missing attribute of `missing` rows is.

    `sharp` bounds are reached by some assignment; others contain every assignment.
    """

    id: str
    measure: str
    attribute: str
    contrast: Contrast
    stratum: str
    reference: str
    observed: float | None
    lower: float | None
    upper: float | None
    missing: int | None
    sharp: bool
    status: Status
    reason: str | None
    output: str | None = None


class LabelErrorBound(Record):
    """How far a measure, or a difference of it, could move under the declared label errors.

    `reference` is null for a measure in one stratum. `feasible` is the share of the declared rates
    that the observed counts allow.
    """

    id: str
    measure: str
    attribute: str | None
    stratum: str
    reference: str | None
    observed: float | None
    lower: float | None
    upper: float | None
    feasible: float | None
    status: Status
    reason: str | None
    output: str | None = None


class Bounds(Record):
    """What missing attributes and wrong labels could do to the figures."""

    missing: tuple[AssignmentBound, ...] = ()
    label_error: tuple[LabelErrorBound, ...] = ()


class Adequacy(Record):
    """Whether a stratum is large enough for the wanted precision of one measure (Riley 2021)."""

    id: str
    stratum: str
    measure: str
    target_width: float
    achieved_width: float | None
    n: int | None
    events: int | None
    n_needed: int | None
    adequate: bool | None
    status: Status
    reason: str | None
    output: str | None = None


class CalibrationInteraction(Record):
    """Test whether calibration differs between the levels of an attribute.

    Wald tests of group by logit(p): of the slopes alone, and of intercepts and slopes together.
    """

    id: str
    attribute: str
    levels: tuple[str, ...]
    left_out: tuple[str, ...]
    slope_chi2: float | None
    slope_df: int | None
    slope_p: float | None
    joint_chi2: float | None
    joint_df: int | None
    joint_p: float | None
    method: str
    status: Status
    reason: str | None
    output: str | None = None


class NestedSites(Record):
    """Random-effects summary with an attribute nested in the sites (scanner within hospital)."""

    measure: str
    outer: str
    inner: str
    scale: Literal["identity", "logit", "log"]
    k_outer: int
    k_inner: int
    tau2_outer: float | None
    tau2_inner: float | None
    q: float | None
    q_p: float | None
    pooled: Bounded | None
    prediction: Bounded | None
    method: str
    status: Status
    reason: str | None
    output: str | None = None


class Confusion(Record):
    """Counts of true class (rows) by predicted class (columns) in one stratum; null if withheld."""

    stratum: str
    classes: tuple[str, ...]
    counts: tuple[tuple[int | None, ...], ...]


class Ledger(Record):
    """Which of the two masks holds a structure at all, in cases; null if withheld."""

    stratum: str
    output: str | None = None
    both_present: int | None
    reference_only: int | None
    prediction_only: int | None
    both_empty: int | None


class FrocCurve(Record):
    """Sensitivity against false positives per image, with intervals at the usual rates.

    `sensitivity` is null at rates that the detector never reaches.
    """

    stratum: str
    images: int
    objects: int
    rates: tuple[float, ...]
    sensitivity: tuple[float | None, ...]
    lower: tuple[float | None, ...]
    upper: tuple[float | None, ...]
    level: float
    method: str
