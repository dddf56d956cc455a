"""The audit: cohort and plan in, one result out. Data flows one way through the room."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from audit.cohort import Cohort
from audit.curves import curves_of
from audit.dimensions import Dimension
from audit.disparity import adjusted, disparities_of
from audit.estimates import Counted, estimates_of
from audit.figures import Figures, compute_figures
from audit.plan import Plan
from audit.provenance import provenance_of
from audit.result import (
    SCHEMA_VERSION,
    AttributeLevels,
    AuditResult,
    CohortSummary,
    Disparity,
    Estimate,
    FileHash,
    Sites,
    StratumCount,
    ThresholdUsed,
)
from audit.rows import Rows, analysed_rows
from audit.sites import Crossed, sites_of
from audit.strata import StrataSet, lattice
from audit.sweep import Resampling, resampling, workers
from audit.verdicts import Evidence, check_requirements, verdicts_of
from audit.warnings import warnings_of

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class _SetResult:
    """What one set of strata gave, at every interval level the plan asks for."""

    figures: Figures
    counted: Counted
    estimates: dict[float, list[Estimate]]
    disparities: dict[float, list[Disparity]]


def audit(
    cohort: Cohort,
    plan: Plan,
    *,
    model: FileHash | None = None,
    command: str = "audit.audit",
    plan_name: str = "plan",
    progress: Progress | None = None,
) -> AuditResult:
    """Audit a cohort as the plan says.

    Parameters
    ----------
    cohort : Cohort
        From `audit.cohort.build_cohort`.
    plan : Plan
        The plan the cohort was built with.
    model : FileHash, optional
        Hash of the model file, for the provenance.
    command : str
        How the audit was called, without folders, for the provenance.
    plan_name : str
        How problems call the plan.
    progress : callable, optional
        Called with (sets done, sets in all, what was done last).

    Returns
    -------
    AuditResult
        A pure function of the multiset of rows and the plan (besides the file hashes).

    Raises
    ------
    InputError
        When a requirement names a measure, stratum or attribute that does not exist.
    """
    sets = lattice(cohort.dimensions, plan.depth, cohort.rows)
    check_requirements(
        plan,
        [s for strata in sets for s in strata.strata],
        [" & ".join(strata.attributes) for strata in sets if strata.attributes],
        plan_name,
    )
    rows = analysed_rows(cohort, plan)
    scheme = resampling(plan.seed, plan.resamples, cohort.clusters)
    results = _set_results(sets, rows, plan, scheme, progress)
    disparities = {
        level: adjusted([d for r in results for d in r.disparities[level]])
        for level in plan.levels_needed
    }
    groups = {s: " & ".join(t.attributes) for t in sets for s in t.strata}
    evidence = {
        level: Evidence(
            [e for r in results for e in r.estimates[level]], disparities[level], groups
        )
        for level in plan.levels_needed
    }
    estimates = evidence[plan.level].estimates
    summary = _cohort_summary(cohort, plan, rows, results)
    sites = _sites(cohort, plan, rows, results, scheme)
    return AuditResult(
        schema_version=SCHEMA_VERSION,
        plan=plan.model_dump(mode="json"),
        provenance=provenance_of(plan, cohort.files, model, command),
        cohort=summary,
        estimates=tuple(estimates),
        disparities=tuple(disparities[plan.level]),
        sites=sites,
        curves=curves_of(rows, [s for s in sets if len(s.attributes) < 2], plan.level),
        verdicts=tuple(verdicts_of(plan, evidence)),
        warnings=warnings_of(cohort, plan, rows, summary, estimates, sites),
    )


def _set_results(
    sets: Sequence[StrataSet],
    rows: Rows,
    plan: Plan,
    scheme: Resampling,
    progress: Progress | None,
) -> list[_SetResult]:
    """Work on several sets at once; each is a function of its own rows, so the order is free."""

    def one(strata: StrataSet) -> _SetResult:
        return _set_result(compute_figures(rows, strata, scheme), rows, plan)

    results: list[_SetResult] = []
    with ThreadPoolExecutor(workers()) as pool:
        for strata, result in zip(sets, pool.map(one, sets), strict=True):
            results.append(result)
            if progress is not None:
                progress(len(results), len(sets), " & ".join(strata.attributes) or "overall")
    return results


def _set_result(figures: Figures, rows: Rows, plan: Plan) -> _SetResult:
    """Turn figures into records, then let the resamples go: they are most of the memory."""
    strata = figures.strata
    counted = Counted(
        tuple(int(c) for c in np.bincount(strata.codes, minlength=len(strata.strata)))
    )
    estimates: dict[float, list[Estimate]] = {}
    disparities: dict[float, list[Disparity]] = {}
    for level in plan.levels_needed:
        estimates[level] = estimates_of(figures, rows, counted, plan.minimum, level)
        disparities[level] = disparities_of(figures, estimates[level], level)
    return _SetResult(replace(figures, replicates={}), counted, estimates, disparities)


def _sites(
    cohort: Cohort, plan: Plan, rows: Rows, results: Sequence[_SetResult], scheme: Resampling
) -> Sites | None:
    site = next((d for d in cohort.dimensions if d.role == "site"), None)
    if site is None:
        return None
    by_attributes = {r.figures.strata.attributes: r for r in results}
    crossed: dict[str, Crossed] = {}
    wanted = {r.attribute for r in plan.requirements if r.attribute is not None}
    for attribute in (d for d in cohort.dimensions if d.name in wanted and d is not site):
        pair = tuple(sorted((attribute.name, site.name)))
        result = by_attributes.get(pair)
        if result is None:  # not crossed by the plan, but needed for the gap inside each site
            strata = lattice([attribute, site], 2, cohort.rows)[-1]
            result = _set_result(compute_figures(rows, strata, scheme), rows, plan)
        crossed[attribute.name] = Crossed(
            result.figures, result.estimates[plan.level], attribute.reference
        )
    own = by_attributes[(site.name,)]
    return sites_of(plan, site.name, own.figures, own.estimates[plan.level], crossed, plan.level)


def _cohort_summary(
    cohort: Cohort, plan: Plan, rows: Rows, results: Sequence[_SetResult]
) -> CohortSummary:
    columns = plan.columns
    positives = int(rows.label.sum())
    threshold = plan.threshold
    return CohortSummary(
        rows=cohort.rows,
        analysed=rows.label.size,
        n_positive=positives,
        n_negative=rows.label.size - positives,
        missing_label=cohort.missing_label,
        missing_score=cohort.missing_score,
        patients=cohort.clusters,
        patients_declared=cohort.patients_declared,
        patients_at_several_sites=cohort.patients_at_several_sites,
        largest_patient=cohort.largest_patient,
        label=columns.label,
        positive=cohort.positive,
        score=columns.score or columns.prediction or "",
        score_kind=rows.score_kind,
        threshold=None
        if threshold is None
        else ThresholdUsed(value=threshold.value, source=threshold.source),
        attributes=tuple(_levels(d) for d in cohort.dimensions),
        strata=tuple(c for r in results for c in _counts(cohort, rows, r)),
        covariates=cohort.covariates,
    )


def _levels(dimension: Dimension) -> AttributeLevels:
    return AttributeLevels(
        name=dimension.name,
        column=dimension.column,
        role=dimension.role,
        edges=dimension.edges,
        levels=dimension.levels,
        reference=dimension.reference,
        reference_chosen=dimension.reference_chosen,
        missing=dimension.missing,
    )


def _counts(cohort: Cohort, rows: Rows, result: _SetResult) -> list[StratumCount]:
    figures = result.figures
    strata = figures.strata
    size = len(strata.strata)
    no_label = np.bincount(strata.codes[cohort.label < 0], minlength=size)
    no_score = np.bincount(strata.codes[np.isnan(cohort.score)], minlength=size)
    tp, fp = figures.sums["tp"], figures.sums["fp"]
    positive, negative = figures.sums["positives"], figures.sums["negatives"]
    known = rows.has_threshold
    return [
        StratumCount(
            stratum=stratum,
            attributes=strata.attributes,
            rows=result.counted.rows[i],
            missing_label=int(no_label[i]),
            missing_score=int(no_score[i]),
            n=int(figures.n[i]),
            n_positive=int(positive[i]),
            n_negative=int(negative[i]),
            patients=int(figures.clusters[i]),
            tp=int(tp[i]) if known else None,
            fp=int(fp[i]) if known else None,
            tn=int(negative[i] - fp[i]) if known else None,
            fn=int(positive[i] - tp[i]) if known else None,
        )
        for i, stratum in enumerate(strata.strata)
    ]
