"""The cohort of the other tasks in counts, its confusion matrices and its warnings."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from audit.dimensions import Dimension, attribute_levels
from audit.plan import Plan
from audit.result import (
    AuditWarning,
    CohortSummary,
    Estimate,
    Sites,
    StratumCount,
    ThresholdUsed,
)
from audit.run import SetResult
from audit.sections import Confusion
from audit.strata import StrataSet
from audit.tasks.cohort import CaseCohort, OutputCohort, SurvivalCohort, TaskCohort, outputs_of
from audit.tasks.members import Seen
from audit.warnings import (
    clipping_warnings,
    few_sites,
    prevalence_warnings,
    threshold_warnings,
)

MOST_NAMED = 20
Kind = Literal["probability", "rank", "logit", "decision", "value"]


def task_summary(cohort: TaskCohort, plan: Plan, results: Sequence[SetResult]) -> CohortSummary:
    """Sum the cohort up; there are no positives and negatives of a whole task."""
    base, threshold = cohort.base, plan.threshold
    events = int((base.label[base.analysed] == 1).sum())
    timed = isinstance(cohort, SurvivalCohort)
    analysed = int(base.analysed.sum())
    return CohortSummary(
        rows=base.rows,
        analysed=analysed,
        n_positive=events if timed else None,
        n_negative=analysed - events if timed else None,
        missing_label=base.missing_label,
        missing_score=base.missing_score,
        patients=base.clusters,
        patients_declared=base.patients_declared,
        patients_at_several_sites=base.patients_at_several_sites,
        largest_patient=base.largest_patient,
        label=_references(plan),
        positive=base.positive if timed else "",
        score=_predictions(plan),
        score_kind=_kind(cohort, plan),
        threshold=None
        if threshold is None
        else ThresholdUsed(value=threshold.value, source=threshold.source),
        attributes=tuple(attribute_levels(d) for d in _dimensions(cohort)),
        strata=tuple(c for r in results for c in _counts(cohort, r)),
        covariates=base.covariates,
        task=plan.task,
        outputs=outputs_of(cohort),
    )


def _references(plan: Plan) -> str:
    if plan.detection is not None:
        return plan.detection.references
    return plan.columns.label or ", ".join(plan.columns.labels.values())


def _predictions(plan: Plan) -> str:
    columns = plan.columns
    if plan.detection is not None:
        return plan.detection.detections
    return columns.score or columns.prediction or ", ".join(columns.scores.values())


def _dimensions(cohort: TaskCohort) -> list[Dimension]:
    """The attributes of the cohort, and the size that only its structures have."""
    found = {d.name: d for d in cohort.base.dimensions}
    for part in cohort.parts if isinstance(cohort, CaseCohort) else ():
        for own in part.base.dimensions:
            known = found.setdefault(own.name, own)
            if set(own.levels) - set(known.levels):
                found[own.name] = own
    return [found[name] for name in sorted(found)]


def _kind(cohort: TaskCohort, plan: Plan) -> Kind:
    if isinstance(cohort, SurvivalCohort):
        return plan.score_kind
    if not isinstance(cohort, OutputCohort):
        return "value"
    return plan.score_kind if cohort.scored else "decision"


def _counts(cohort: TaskCohort, result: SetResult) -> list[StratumCount]:
    strata, base = result.figures.strata, cohort.base
    size = len(strata.strata)
    no_label = np.bincount(strata.codes[base.label < 0], minlength=size)
    no_score = np.bincount(strata.codes[np.isnan(base.score)], minlength=size)
    nothing = dict.fromkeys(("n_positive", "n_negative", "tp", "fp", "tn", "fn"))
    return [
        StratumCount(
            stratum=stratum,
            attributes=strata.attributes,
            rows=result.counted.rows[i],
            missing_label=int(no_label[i]),
            missing_score=int(no_score[i]),
            n=int(result.figures.n[i]),
            patients=int(result.figures.clusters[i]),
            **nothing,
        )
        for i, stratum in enumerate(strata.strata)
    ]


def confusions(cohort: TaskCohort, sets: Sequence[StrataSet]) -> list[Confusion]:
    """Count true by predicted class in every stratum; a multiclass task has them alone."""
    if not isinstance(cohort, OutputCohort) or not cohort.decided:
        return []
    classes = len(cohort.outputs)
    used = cohort.base.analysed
    cell = cohort.truth[used] * classes + cohort.decision[used]
    found = []
    for strata in sets:
        size = len(strata.strata)
        place = strata.codes[used].astype(np.int64) * classes**2 + cell
        table = np.bincount(place, minlength=size * classes**2).reshape(size, classes, classes)
        found += [
            Confusion(
                stratum=stratum,
                classes=cohort.outputs,
                counts=tuple(tuple(int(c) for c in row) for row in table[i]),
            )
            for i, stratum in enumerate(strata.strata)
        ]
    return found


def task_warnings(
    cohort: TaskCohort,
    plan: Plan,
    summary: CohortSummary,
    outputs: Sequence[Seen],
    estimates: Sequence[Estimate],
    sites: Sites | None,
) -> list[AuditWarning]:
    """Collect the cohort's warnings, those of the outputs and those of the whole task."""
    found = [*cohort.base.warnings, *threshold_warnings(plan)]
    for seen in outputs:
        found += clipping_warnings(seen.rows, str(seen.plan.columns.score))
    if sites is not None:
        for output in summary.outputs:
            found += prevalence_warnings(sites, estimates, output)
        found += few_sites(sites)
    return [*found, *_small(summary, plan)]


def _small(summary: CohortSummary, plan: Plan) -> list[AuditWarning]:
    need = plan.minimum.denominator
    found = [
        AuditWarning(
            code="small_stratum",
            message=f"{count.stratum} has {count.n} analysed units: its measures are shown without "
            "inference.",
            stratum=count.stratum,
        )
        for count in summary.strata
        if count.n and count.n < need and len(count.attributes) < 3
    ]
    if len(found) > MOST_NAMED:
        rest = len(found) - MOST_NAMED
        message = f"{rest} more strata are too small for inference."
        found = [*found[:MOST_NAMED], AuditWarning(code="small_stratum", message=message)]
    return found
