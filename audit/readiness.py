"""Whether a cohort is ready to be audited by a plan, judged before any score is read."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit.cells import decode
from audit.coverage_verdicts import coverage_verdicts
from audit.dimensions import attribute_levels
from audit.exit_codes import MET, UNDECIDED, VIOLATED, OnInconclusive
from audit.leakage import Overlap
from audit.plan import Plan
from audit.planning import Planned, Sizes, contrasts_at_once, plan_requirements
from audit.power import POWER
from audit.result import (
    AttributeLevels,
    AuditWarning,
    CohortSummary,
    StratumCount,
    ThresholdUsed,
    Verdict,
)
from audit.sections import Record
from audit.unscored import Unscored
from audit.verdicts import check_requirements

FORMAT_VERSION = "1.0"
Bools = NDArray[np.bool_]


class Role(Record):
    """A column, what it is for, and on how many rows it is empty."""

    column: str
    role: str
    missing: int | None


class Stratum(Record):
    """Who is in a stratum, scores not yet counted.

    `n` has a label. `below` names the counts that fall short of the plan's minimum.
    """

    stratum: str
    rows: int
    n: int
    positives: int | None
    negatives: int | None
    patients: int
    below: tuple[str, ...]


class Assumptions(Record):
    """What the planning rests on."""

    power: float
    level: float
    icc: float
    icc_from: str
    rows_per_patient: float
    contrasts_at_once: int
    values: dict[str, float]


class Readiness(Record):
    """What `equipoise check` found. No row and no identifier stands in it."""

    format_version: str = FORMAT_VERSION
    plan_sha256: str
    task: str
    as_of: str | None
    positive: str
    rows: int
    labelled: int
    patients: int
    patients_declared: bool
    roles: tuple[Role, ...]
    attributes: tuple[AttributeLevels, ...]
    strata: tuple[Stratum, ...]
    coverage: tuple[Verdict, ...]
    assumptions: Assumptions
    planned: tuple[Planned, ...]
    leakage: tuple[Overlap, ...]
    warnings: tuple[AuditWarning, ...]
    status: Literal["ready", "stopped", "undecidable"] = "ready"

    def to_json(self) -> str:
        """Write it as JSON text."""
        return self.model_dump_json(indent=1) + "\n"


def readiness_of(
    cohort: Unscored,
    plan: Plan,
    leakage: Sequence[Overlap],
    roles: Mapping[str, str],
    *,
    assumed: Mapping[str, float],
    icc: float | None,
    as_of: str | None,
    source: str,
) -> Readiness:
    """Bring together what is known of a cohort before its scores.

    Raises
    ------
    InputError
        For requirements on strata, attributes or measures that do not exist.
    """
    check_requirements(plan, *_known(cohort, plan), source, _outputs(cohort, plan))
    chosen, origin = _icc(icc, cohort)
    sizes = stratum_sizes(cohort, chosen)
    strata = tuple(_strata(cohort, plan))
    summary = _summary(cohort, plan, strata)
    patients = len(np.unique(cohort.patient))
    found = Readiness(
        plan_sha256=plan.sha256(),
        task=plan.task,
        as_of=as_of,
        positive=cohort.positive_value,
        rows=cohort.rows,
        labelled=int(cohort.labelled.sum()),
        patients=patients,
        patients_declared=cohort.patients_declared,
        roles=tuple(_roles(cohort, roles)),
        attributes=summary.attributes,
        strata=strata,
        coverage=tuple(coverage_verdicts(plan, summary, scores_read=False)),
        assumptions=Assumptions(
            power=POWER,
            level=plan.level,
            icc=chosen,
            icc_from=origin,
            rows_per_patient=cohort.rows / patients,
            contrasts_at_once=contrasts_at_once(plan, sizes),
            values=dict(sorted(assumed.items())),
        ),
        planned=plan_requirements(plan, sizes, assumed),
        leakage=tuple(leakage),
        warnings=cohort.warnings,
    )
    return found.model_copy(update={"status": _status(found)})


def _known(cohort: Unscored, plan: Plan) -> tuple[list[str], list[str]]:
    """Strata and attributes that a requirement may name; sizes of structures are measured later."""
    names = [name for one in cohort.sets for name in one.strata]
    groups = [" & ".join(one.attributes) for one in cohort.sets if one.attributes]
    if plan.task == "segmentation":
        groups.append("size")
        names += [s for r in plan.requirements for s in r.strata if s.startswith("size=")]
    return names, groups


def _outputs(cohort: Unscored, plan: Plan) -> tuple[str, ...]:
    """The classes, labels or structures that a requirement may name."""
    if plan.segmentation is not None:
        return tuple(plan.segmentation.structures)
    if plan.columns.scores or plan.task != "multiclass":
        return tuple(plan.columns.scores)
    # where classes are predicted outright, some may be known to the predictions alone
    named = {r.output for r in plan.requirements if r.output is not None}
    return tuple(sorted(named | set(decode(cohort.source.table.column(plan.columns.label)).values)))


def exit_code(found: Readiness, on_inconclusive: OnInconclusive = "fail") -> int:
    """0 ready, 1 leakage or coverage, 3 a requirement cannot be decided with these sizes."""
    if found.status == "stopped":
        return VIOLATED
    if found.status == "undecidable" and on_inconclusive == "fail":
        return UNDECIDED
    return MET


def _status(found: Readiness) -> Literal["ready", "stopped", "undecidable"]:
    if any(v.status == "violated" for v in found.coverage) or any(o.leak for o in found.leakage):
        return "stopped"
    if any(p.status == "undecidable" for p in found.planned):
        return "undecidable"
    return "ready"


def stratum_sizes(cohort: Unscored, icc: float) -> list[Sizes]:
    """Units of every stratum, divided by the design effect of its own patients."""
    _, person = np.unique(cohort.patient, return_inverse=True)
    found = []
    for one in cohort.sets:
        attribute = " & ".join(one.attributes)
        for index, name in enumerate(one.strata):
            inside = (one.codes == index) & cohort.labelled
            parts = [inside, *_by_outcome(cohort, inside)]
            effects = [design_effect(person[part], icc) for part in parts]
            n, positives, negatives = (
                int(part.sum()) / effect for part, effect in zip(parts, effects, strict=True)
            )
            effect = (effects[0], effects[1], effects[2])
            found.append(Sizes(name, attribute, n, positives, negatives, effect))
    return found


def design_effect(patient: NDArray[np.int64], icc: float) -> float:
    """``1 + (m - 1) icc`` with m the rows of a patient as a row sees them: sum m^2 / sum m."""
    if not len(patient):
        return 1.0
    _, rows = np.unique(patient, return_counts=True)
    return 1.0 + (float((rows**2).sum()) / float(rows.sum()) - 1.0) * icc


def _by_outcome(cohort: Unscored, inside: Bools) -> tuple[Bools, Bools]:
    if cohort.positive is None:
        nobody = np.zeros_like(inside)
        return nobody, nobody
    return inside & cohort.positive, inside & ~cohort.positive


def _icc(icc: float | None, cohort: Unscored) -> tuple[float, str]:
    """The correlation between rows of one patient, and where it comes from."""
    if icc is not None:
        return icc, "--icc"
    if not cohort.patients_declared or len(np.unique(cohort.patient)) == cohort.rows:
        return 0.0, "every row is a patient of its own"
    return 1.0, "the most cautious: rows of one patient count as one; --icc gives a known value"


def _strata(cohort: Unscored, plan: Plan) -> list[Stratum]:
    found = []
    for one in cohort.sets:
        for index, name in enumerate(one.strata):
            rows: Bools = one.codes == index
            found.append(_stratum(cohort, plan, name, rows))
    return found


def _stratum(cohort: Unscored, plan: Plan, name: str, rows: Bools) -> Stratum:
    inside = rows & cohort.labelled
    positive, negative = _by_outcome(cohort, inside)
    counts: dict[str, tuple[int, int]] = {"units": (int(inside.sum()), plan.minimum.denominator)}
    counts["patients"] = (len(np.unique(cohort.patient[inside])), plan.minimum.denominator)
    if cohort.positive is not None:
        for word, part in (("positives", positive), ("negatives", negative)):
            people = len(np.unique(cohort.patient[part]))
            counts[word] = (min(int(part.sum()), people), plan.minimum.events)
    known = cohort.positive is not None
    return Stratum(
        stratum=name,
        rows=int(rows.sum()),
        n=counts["units"][0],
        positives=int(positive.sum()) if known else None,
        negatives=int(negative.sum()) if known else None,
        patients=counts["patients"][0],
        below=tuple(word for word, (have, least) in counts.items() if have < least),
    )


def _roles(cohort: Unscored, roles: Mapping[str, str]) -> list[Role]:
    table = cohort.source.table
    return [
        Role(column=name, role=role,
             missing=int((decode(table.column(name)).codes < 0).sum())
             if name in table.column_names else None)
        for name, role in roles.items()
    ]  # fmt: skip


def _summary(cohort: Unscored, plan: Plan, strata: Sequence[Stratum]) -> CohortSummary:
    """The cohort as coverage is held against it; what only scores tell has no count."""
    made_of = {name: one.attributes for one in cohort.sets for name in one.strata}
    whole = strata[0]
    used = plan.threshold
    return CohortSummary(
        rows=cohort.rows,
        analysed=whole.n,
        n_positive=whole.positives,
        n_negative=whole.negatives,
        missing_label=whole.rows - whole.n,
        missing_score=None,
        patients=whole.patients,
        patients_declared=cohort.patients_declared,
        patients_at_several_sites=None,
        largest_patient=None,
        label=plan.columns.label,
        positive=cohort.positive_value,
        score=plan.columns.score or "",
        score_kind=plan.score_kind,
        threshold=None if used is None else ThresholdUsed(value=used.value, source=used.source),
        attributes=tuple(attribute_levels(d) for d in cohort.dimensions),
        strata=tuple(_count(s, made_of[s.stratum]) for s in strata),
        covariates=(),
        task=plan.task,
    )


def _count(s: Stratum, attributes: tuple[str, ...]) -> StratumCount:
    return StratumCount(
        stratum=s.stratum,
        attributes=attributes,
        rows=s.rows,
        missing_label=s.rows - s.n,
        missing_score=None,
        n=s.n,
        n_positive=s.positives,
        n_negative=s.negatives,
        patients=s.patients,
        tp=None,
        fp=None,
        tn=None,
        fn=None,
    )
