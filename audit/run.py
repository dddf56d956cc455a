"""The audit: cohort and plan in, one result out. Data flows one way through the room."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from audit.adequacy import adequacy_of
from audit.bounds import bounds_of, check_bounds
from audit.calibration_differences import calibration_interactions
from audit.case_mix import case_mix_of, check_case_mix
from audit.cohort import Cohort
from audit.complement import complement_disparities
from audit.criteria import criteria_of
from audit.curves import curves_of
from audit.dimensions import attribute_levels
from audit.disparity import disparities_of, with_nulls
from audit.estimates import Counted, estimates_of
from audit.families import Compared, adjusted, limited, named, with_simultaneous
from audit.figures import Figures, compute_figures
from audit.intervals import check_methods
from audit.judging import judged
from audit.memory import give_back
from audit.nested_sites import check_nested
from audit.plan import Plan
from audit.provenance import provenance_of
from audit.result import (
    SCHEMA_VERSION,
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
from audit.sections import Criterion
from audit.selection import chosen, possible
from audit.shrunk import with_shrunk
from audit.sites import crossings, sites_of
from audit.strata import StrataSet, lattice, linked
from audit.sweep import Resampling, resampling, workers
from audit.verdicts import Evidence, check_requirements
from audit.warnings import warnings_of

Progress = Callable[[int, int, str], None]
LARGE = 300_000  # rows from which on one set is worked on at a time


@dataclass(frozen=True, eq=False)
class SetResult:
    """What one set of strata gave, at every interval level the plan asks for."""

    figures: Figures
    counted: Counted
    estimates: dict[float, list[Estimate]]
    disparities: dict[float, list[Disparity]]
    criteria: list[Criterion]


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
    # Several sets are worked on at once; a library that starts threads of its own only gets in the
    # way, and its last digits would depend on how many it starts.
    with threadpool_limits(1, user_api="blas"):
        return _audit(cohort, plan, model, command, plan_name, progress)


def _audit(
    cohort: Cohort,
    plan: Plan,
    model: FileHash | None,
    command: str,
    plan_name: str,
    progress: Progress | None,
) -> AuditResult:
    sets = lattice(cohort.dimensions, plan.depth, cohort.rows)
    check_requirements(
        plan,
        [s for strata in sets for s in strata.strata],
        [" & ".join(strata.attributes) for strata in sets if strata.attributes],
        plan_name,
    )
    rows = analysed_rows(cohort, plan)
    check_methods(plan, rows.clustered, plan_name)
    check_nested(plan, plan_name)
    check_case_mix(plan, [d.name for d in cohort.dimensions], plan_name)
    check_bounds(plan, [s for strata in sets for s in strata.strata], plan_name)
    if cohort.rows > LARGE:
        give_back()  # what reading the table left behind
    scheme = resampling(plan.seed, plan.resamples, cohort.clusters)
    site = next((d.codes for d in cohort.dimensions if d.role == "site"), None)
    results = set_results(sets, rows, plan, scheme, site, progress)
    disparities = {level: _in_families(results, rows, plan, level) for level in plan.levels_needed}
    groups = {s: " & ".join(t.attributes) for t in sets for s in t.strata}
    evidence = {
        level: Evidence(
            [e for r in results for e in r.estimates[level]], disparities[level], groups
        )
        for level in plan.levels_needed
    }
    estimates = evidence[plan.level].estimates
    summary = _cohort_summary(cohort, plan, rows, results)
    own = [(r.figures, r.estimates[plan.level]) for r in results]
    fits = {r.figures.strata.attributes: r.figures.sums.fit for r in results}
    # Each is a function of rows and plan alone.
    with ThreadPoolExecutor(_at_once(rows)) as pool:
        sites_found = pool.submit(site_summary, cohort, rows, plan, results)
        curves = pool.submit(curves_of, rows, sets, plan, scheme)
        sizes = pool.submit(adequacy_of, plan, rows, own)
        case_mix = pool.submit(case_mix_of, cohort, plan, rows, sets)
        tests = pool.submit(calibration_interactions, rows, sets, plan.minimum, fits)
        bounds = pool.submit(bounds_of, cohort, plan, rows, sets)
    sites = sites_found.result()
    return AuditResult(
        schema_version=SCHEMA_VERSION,
        plan=plan.model_dump(mode="json"),
        provenance=provenance_of(plan, cohort.files, model, command),
        cohort=summary,
        estimates=tuple(estimates),
        disparities=tuple(disparities[plan.level]),
        sites=sites,
        curves=curves.result(),
        criteria=tuple(c for r in results for c in r.criteria),
        case_mix=case_mix.result(),
        bounds=bounds.result(),
        sample_size=sizes.result(),
        calibration_tests=tests.result(),
        verdicts=judged(plan, evidence, summary),
        warnings=warnings_of(cohort, plan, rows, summary, estimates, sites),
    )


def _in_families(
    results: Sequence[SetResult], rows: Rows, plan: Plan, level: float
) -> list[Disparity]:
    (found,) = with_simultaneous([compared(results, rows, plan, level)], level)
    return adjusted(found)


def compared(results: Sequence[SetResult], rows: Rows, plan: Plan, level: float) -> Compared:
    """The contrasts of all sets at one level, the primary ones marked."""

    def estimates(figures: Figures, counted: Counted, wider: float) -> list[Estimate]:
        return estimates_of(figures, rows, counted, plan, wider, figures.measures)

    found = named([d for r in results for d in r.disparities[level]], plan)
    return Compared(found, [(r.figures, r.counted) for r in results], plan, estimates)


def set_results(
    sets: Sequence[StrataSet],
    rows: Rows,
    plan: Plan,
    scheme: Resampling,
    site: NDArray[np.int32] | None,
    progress: Progress | None,
) -> list[SetResult]:
    """Work on several sets at once; each is a function of its own rows, so the order is free."""

    def one(strata: StrataSet) -> SetResult:
        # A site is permuted over all patients; an intersection has too many strata to compare.
        within = None if strata.codes is site else site
        permuted = len(strata.attributes) == 1
        return set_result(strata, rows, plan, scheme, within, permuted=permuted)

    results: list[SetResult] = []
    with ThreadPoolExecutor(_at_once(rows)) as pool:
        for strata, result in zip(sets, pool.map(one, sets), strict=True):
            results.append(result)
            if progress is not None:
                progress(len(results), len(sets), " & ".join(strata.attributes) or "overall")
    return results


def _at_once(rows: Rows) -> int:
    """How many parts are worked on together: the rows of a large one are most of the memory.

    Its resamples keep every worker busy all the same.
    """
    return workers() if rows.label.size <= LARGE else 1


def set_result(
    strata: StrataSet,
    rows: Rows,
    plan: Plan,
    scheme: Resampling,
    site: NDArray[np.int32] | None = None,
    *,
    permuted: bool = False,
) -> SetResult:
    """Turn figures into records, then let the resamples go: they are most of the memory."""
    measures = possible(chosen(plan, len(strata.attributes)), rows)
    figures = compute_figures(rows, strata, scheme, measures)
    counted = Counted(
        tuple(int(c) for c in np.bincount(strata.codes, minlength=len(strata.strata)))
    )
    estimates: dict[float, list[Estimate]] = {}
    disparities: dict[float, list[Disparity]] = {}
    for level in plan.levels_needed:
        own = estimates_of(figures, rows, counted, plan, level)
        estimates[level] = with_shrunk(own, figures, level)
        disparities[level] = disparities_of(figures, estimates[level], level)
        disparities[level] += complement_disparities(figures, estimates[level], level)
        if permuted:
            disparities[level] = with_nulls(
                disparities[level], figures, estimates[level], rows, site, plan
            )
    criteria = criteria_of(figures, estimates[plan.level], plan.level)
    return SetResult(limited(figures, plan), counted, estimates, disparities, criteria)


def site_summary(
    cohort: Cohort, rows: Rows, plan: Plan, results: Sequence[SetResult]
) -> Sites | None:
    """Summarise the measures and the gaps over the sites, None where there are none."""
    site = next((d for d in cohort.dimensions if d.role == "site"), None)
    if site is None:
        return None
    by_attributes = {r.figures.strata.attributes: r for r in results}
    computed = {attributes: r.figures for attributes, r in by_attributes.items()}
    crossed = crossings(cohort, rows, plan, computed)
    own = by_attributes[(site.name,)]
    return sites_of(plan, site.name, own.figures, own.estimates[plan.level], crossed, plan.level)


def _cohort_summary(
    cohort: Cohort, plan: Plan, rows: Rows, results: Sequence[SetResult]
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
        attributes=tuple(attribute_levels(d) for d in cohort.dimensions),
        strata=tuple(c for r in results for c in _counts(cohort, rows, r)),
        covariates=cohort.covariates,
        linked=linked(cohort.dimensions),
    )


def _counts(cohort: Cohort, rows: Rows, result: SetResult) -> list[StratumCount]:
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
