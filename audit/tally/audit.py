"""The audit of a tally: the same result as that of rows, with the error of the bins stated."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from audit.cohort import Cohort
from audit.curve_sections import Curves
from audit.dimensions import Dimension, attribute_levels
from audit.estimates import Counted
from audit.families import adjusted, named
from audit.findings import Findings, share
from audit.intervals import check_methods
from audit.judging import judged
from audit.measures import MEASURES
from audit.measures.declaration import Measure
from audit.plan import Plan
from audit.problems import InputError, Problem
from audit.provenance import provenance_of
from audit.result import (
    SCHEMA_VERSION,
    AuditResult,
    AuditWarning,
    CohortSummary,
    Disparity,
    Estimate,
    FileHash,
    Sites,
    StratumCount,
    ThresholdUsed,
)
from audit.rows import Rows, analysed_rows
from audit.scales import ANALYTIC
from audit.selection import chosen, possible
from audit.site_gaps import Crossed
from audit.sites import sites_of
from audit.strata import StrataSet
from audit.stratum_names import MISSING
from audit.tally.contrasts import tally_disparities
from audit.tally.drawn import tally_curves
from audit.tally.estimates import tally_estimates
from audit.tally.figures import TallyFigures, tally_figures
from audit.tally.file import tally_text
from audit.tally.levels import tally_dimensions, tally_sets
from audit.tally.sets import TalliedSet, tallied
from audit.tally.tally import Stratum, Tally, is_probability, positive_of
from audit.verdicts import Evidence, check_requirements
from audit.warnings import MOST_NAMED, warnings_of

PILE_UP, DRIFT = 0.2, 0.25  # share of scores at 0.5; |mean score - prevalence|


@dataclass(frozen=True, eq=False)
class _SetResult:
    """What one set of strata gave, at every interval level the plan asks for."""

    strata: StrataSet
    data: TalliedSet
    found: TallyFigures
    estimates: dict[float, list[Estimate]]
    disparities: dict[float, list[Disparity]]
    warnings: list[AuditWarning]


def audit_tally(
    tally: Tally, plan: Plan, *, command: str = "audit.tally.audit_tally", plan_name: str = "plan"
) -> AuditResult:
    """Audit a tally as its plan says.

    Parameters
    ----------
    tally : Tally
        Of one cohort, or merged from several.
    plan : Plan
        The plan the tally was made with.
    command : str
        How the audit was called, without folders, for the provenance.
    plan_name : str
        How problems call the plan.

    Returns
    -------
    AuditResult
        A pure function of tally and plan. Where the bins cost a measure accuracy, the estimate's
        `method` states a proven bound of that error.

    Raises
    ------
    InputError
        When the tally was made with another plan, or a requirement names a measure, stratum or
        attribute that does not exist.
    """
    if plan.sha256() != tally.plan_sha256:
        reason, remedy = "the tally was made with another plan", "audit it with its own"
        raise InputError(Problem("other_plan", plan_name, reason, remedy))
    dimensions = tally_dimensions(tally, plan)
    sets, extra = tally_sets(tally, plan, dimensions)
    check_requirements(
        plan,
        [s for strata in sets for s in strata.strata],
        [" & ".join(strata.attributes) for strata in sets if strata.attributes],
        plan_name,
    )
    check_methods(plan, tally.clustered, plan_name)
    cohort = _without_rows(tally, plan, dimensions)
    rows = replace(
        analysed_rows(cohort, plan), clipped=tally.cohort.clipped, clustered=tally.clustered
    )
    whole = tallied(tally, [Stratum((), ())])
    results = [
        _set_result(tally, strata, whole, rows, plan, chosen(plan, len(strata.attributes)))
        for strata in sets
    ]
    results += [
        _set_result(tally, strata, whole, rows, plan, _analytic(plan, rows)) for strata in extra
    ]
    return _assembled(tally, plan, cohort, rows, results, len(sets), command)


def _assembled(
    tally: Tally,
    plan: Plan,
    cohort: Cohort,
    rows: Rows,
    results: Sequence[_SetResult],
    reported: int,
    command: str,
) -> AuditResult:
    """Put the result together; of the sets, only the first so many are reported."""
    own = results[:reported]
    disparities = {
        level: adjusted(named([d for r in own for d in r.disparities[level]], plan))
        for level in plan.levels_needed
    }
    groups = {s: " & ".join(r.strata.attributes) for r in own for s in r.strata.strata}
    evidence = {
        level: Evidence([e for r in own for e in r.estimates[level]], disparities[level], groups)
        for level in plan.levels_needed
    }
    estimates = evidence[plan.level].estimates
    summary = _cohort_summary(tally, plan, cohort.dimensions, own)
    sites = _sites(tally, plan, cohort.dimensions, results)
    single = [(r.strata, r.data) for r in own if len(r.strata.attributes) < 2]
    drawn = tally_curves(single, plan) if is_probability(tally.kind) else _NO_CURVES
    warned = [w for r in own for w in r.warnings]
    return AuditResult(
        schema_version=SCHEMA_VERSION,
        plan=plan.model_dump(mode="json"),
        provenance=provenance_of(plan, (_content(tally),), None, command),
        cohort=summary,
        estimates=tuple(estimates),
        disparities=tuple(disparities[plan.level]),
        sites=sites,
        curves=drawn,
        verdicts=judged(plan, evidence, summary),
        warnings=(
            *warnings_of(cohort, plan, rows, summary, estimates, sites),
            *_tally_warnings(tally, warned),
        ),
    )


_NO_CURVES = Curves(calibration=(), decision=(), risk=())


def _content(tally: Tally) -> FileHash:
    """The tally by its content, which is the same however it was merged."""
    text = tally_text(tally).encode()
    return FileHash(name="tally", bytes=len(text), sha256=hashlib.sha256(text).hexdigest())


def _analytic(plan: Plan, rows: Rows) -> tuple[Measure, ...]:
    """Measures that are compared inside sites."""
    return tuple(m for m in possible(chosen(plan, 2), rows) if m.inference in ANALYTIC)


def _set_result(
    tally: Tally,
    strata: StrataSet,
    whole: TalliedSet,
    rows: Rows,
    plan: Plan,
    measures: tuple[Measure, ...],
) -> _SetResult:
    data = tallied(tally, [Stratum(strata.attributes, levels) for levels in strata.levels])
    found = tally_figures(
        data, whole, strata, possible(measures, rows), rows.setting, plan.seed, plan.resamples
    )
    counted = Counted(tuple(int(n) for n in data.rows))
    estimates: dict[float, list[Estimate]] = {}
    disparities: dict[float, list[Disparity]] = {}
    warnings: list[AuditWarning] = []
    for level in plan.levels_needed:
        told = tally_estimates(found, rows, counted, plan, level, measures)
        estimates[level] = told.estimates
        disparities[level] = tally_disparities(found, told.estimates, plan, level)
        if level == plan.level:
            warnings.extend(told.warnings)
    return _SetResult(strata, data, found, estimates, disparities, warnings)


def _sites(
    tally: Tally, plan: Plan, dimensions: Sequence[Dimension], results: Sequence[_SetResult]
) -> Sites | None:
    site = next((d for d in dimensions if d.role == "site"), None)
    if site is None:
        return None
    by_attributes = {r.strata.attributes: r for r in results}
    compared = {m.id for m in MEASURES.values() if m.inference in ANALYTIC}
    within = {}
    for attribute in (d for d in dimensions if d is not site):
        result = by_attributes[tuple(sorted((attribute.name, site.name)))]
        within[attribute.name] = Crossed(
            result.found.figures,
            [e for e in result.estimates[plan.level] if e.measure in compared],
            site.levels,
            attribute.levels,
            attribute.reference,
        )
    own = by_attributes[(site.name,)]
    return sites_of(
        plan, site.name, own.found.figures, own.estimates[plan.level], within, plan.level
    )


def _without_rows(tally: Tally, plan: Plan, dimensions: tuple[Dimension, ...]) -> Cohort:
    """The cohort as far as a tally tells of it: roles, levels, counts and warnings, no rows."""
    nothing = np.zeros(0)
    return Cohort(
        label=nothing.astype(np.int8),
        score=nothing,
        flagged=nothing.astype(np.int8),
        probability=nothing,
        key=nothing.astype(np.uint64),
        cluster=nothing.astype(np.int64),
        patients_declared=tally.patients_declared,
        dimensions=dimensions,
        files=(),
        positive=positive_of(plan),
        warnings=_cohort_warnings(tally, plan, dimensions),
        missing_label=_of_all(tally, "missing_label"),
        missing_score=_of_all(tally, "missing_score"),
        patients_at_several_sites=tally.cohort.patients_at_several_sites,
        largest_patient=tally.cohort.largest_patient,
        covariates=(),
    )


def _of_all(tally: Tally, name: str) -> int:
    values = {"rows": tally.rows, "missing_label": tally.missing_label}
    values["missing_score"] = tally.missing_score
    return int(values[name][tally.strata.index(Stratum((), ()))])


def _cohort_warnings(
    tally: Tally, plan: Plan, dimensions: Sequence[Dimension]
) -> tuple[AuditWarning, ...]:
    """What the counts tell of the cohort that a reader must know."""
    findings = Findings()
    columns, rows = plan.columns, _of_all(tally, "rows")
    score = columns.score or columns.prediction
    for code, column in (("missing_label", columns.label), ("missing_score", score)):
        missing = _of_all(tally, code)
        if missing:
            message = f"'{column}' is missing on {share(missing, rows)}; they are not assessed"
            findings.warn(code, message, column=column)
    for d in dimensions:
        if d.missing:
            message = f"'{d.name}' is missing on {share(d.missing, rows)}; they form the level "
            stratum = f"{d.name}={MISSING}"
            findings.warn("missing_attribute", message + MISSING, column=d.column, stratum=stratum)
    _warn_of_scores(tally, plan, findings)
    several = tally.cohort.patients_at_several_sites
    if several:
        told = f"{several:,} of {tally.cohort.patients:,} patients have rows at more than one site"
        message = f"{told}, so the sites are not independent"
        findings.warn("patient_at_several_sites", message, column=columns.site)
    return tuple(findings.warnings)


def _warn_of_scores(tally: Tally, plan: Plan, findings: Findings) -> None:
    totals = tally.totals.value[tally.strata.index(Stratum((), ()))]
    n = totals[0] + totals[1]
    prevalence = totals[0] / n if n else np.nan
    if prevalence in (0.0, 1.0):
        kind, other = ("positive", "negatives") if prevalence else ("negative", "positives")
        message = f"All {int(n):,} assessed rows are {kind}: nothing can be said of {other}"
        findings.warn("one_class", message, column=plan.columns.label)
    if tally.kind != "probability" or not n:
        return
    mean, at_half, signs = totals[5] / n, tally.cohort.at_half, []
    if at_half >= PILE_UP * n:
        signs.append(f"it is exactly 0.5 on {share(at_half, int(n))}")
    if abs(mean - prevalence) > DRIFT:
        signs.append(f"its mean is {mean:.2f} where the prevalence is {prevalence:.2f}")
    if signs:
        told = ", and ".join(signs)
        message = f"'{plan.columns.score}' may be rescaled, not a probability: {told}"
        findings.warn("score_looks_rescaled", message, column=plan.columns.score)


def _tally_warnings(tally: Tally, widened: list[AuditWarning]) -> list[AuditWarning]:
    found = widened[:MOST_NAMED]
    if len(widened) > MOST_NAMED:
        rest = len(widened) - MOST_NAMED
        message = f"{rest} more intervals were widened because the tally counts scores in bins."
        found.append(AuditWarning(code="tally_discretisation", message=message))
    if tally.patients_declared:
        message = (
            "The figures come from tallies, which hold no identities: a patient with rows in two "
            "of the tallies that were merged counts as two patients."
        )
        found.append(AuditWarning(code="tally_patients", message=message))
    if len(tally.tool_versions) > 1:
        versions = ", ".join(tally.tool_versions)
        message = f"The tallies were made by different versions of the tool: {versions}."
        found.append(AuditWarning(code="tally_versions", message=message))
    return found


def _cohort_summary(
    tally: Tally, plan: Plan, dimensions: Sequence[Dimension], results: Sequence[_SetResult]
) -> CohortSummary:
    columns, threshold = plan.columns, plan.threshold
    whole = results[0].data
    positives, negatives = int(whole.total("positives")[0]), int(whole.total("negatives")[0])
    return CohortSummary(
        rows=int(whole.rows[0]),
        analysed=positives + negatives,
        n_positive=positives,
        n_negative=negatives,
        missing_label=int(whole.missing_label[0]),
        missing_score=int(whole.missing_score[0]),
        patients=tally.cohort.patients,
        patients_declared=tally.patients_declared,
        patients_at_several_sites=tally.cohort.patients_at_several_sites,
        largest_patient=tally.cohort.largest_patient,
        label=columns.label,
        positive=positive_of(plan),
        score=columns.score or columns.prediction or "",
        score_kind=tally.kind,
        threshold=None
        if threshold is None
        else ThresholdUsed(value=threshold.value, source=threshold.source),
        attributes=tuple(attribute_levels(d) for d in dimensions),
        strata=tuple(count for r in results for count in _counts(r, plan)),
        covariates=(),
    )


def _counts(result: _SetResult, plan: Plan) -> list[StratumCount]:
    data = result.data
    known = plan.threshold is not None or plan.columns.score is None
    positive, negative = data.total("positives"), data.total("negatives")
    tp, fp = data.total("tp"), data.total("fp")
    return [
        StratumCount(
            stratum=stratum,
            attributes=result.strata.attributes,
            rows=int(data.rows[i]),
            missing_label=int(data.missing_label[i]),
            missing_score=int(data.missing_score[i]),
            n=int(positive[i] + negative[i]),
            n_positive=int(positive[i]),
            n_negative=int(negative[i]),
            patients=int(result.found.figures.clusters[i]),
            tp=int(tp[i]) if known else None,
            fp=int(fp[i]) if known else None,
            tn=int(negative[i] - fp[i]) if known else None,
            fn=int(positive[i] - tp[i]) if known else None,
        )
        for i, stratum in enumerate(result.strata.strata)
    ]
