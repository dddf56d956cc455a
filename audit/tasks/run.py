"""The audit of any task: every class or label by the binary engine, and the task as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from threadpoolctl import threadpool_limits

from audit.cohort import Cohort
from audit.curves import curves_of
from audit.families import adjusted, with_simultaneous
from audit.intervals import check_methods
from audit.judging import judged
from audit.plan import Plan
from audit.provenance import provenance_of
from audit.result import (
    SCHEMA_VERSION,
    AuditResult,
    Disparity,
    FileHash,
)
from audit.run import (
    Progress,
    SetResult,
    audit,
    compared,
    set_results,
)
from audit.sections import Criterion
from audit.strata import StrataSet, lattice
from audit.sweep import Resampling, resampling
from audit.tasks import members
from audit.tasks.case_sections import froc_curves, ledgers, structures, task_curves
from audit.tasks.cohort import CaseCohort, OutputCohort, TaskCohort, outputs_of
from audit.tasks.figures import whose
from audit.tasks.members import Seen
from audit.tasks.sections import (
    bounds,
    calibration_tests,
    case_mix,
    check_sections,
    sample_size,
)
from audit.tasks.site_results import task_sites
from audit.tasks.summary import confusions, task_summary, task_warnings
from audit.tasks.whole import Whole, whole_compared, whole_of, whole_result
from audit.verdicts import Evidence, check_requirements


@dataclass(frozen=True, eq=False)
class _Part:
    """One structure of a segmentation: a task of its own, with its own strata by size."""

    whole: Whole
    sets: Sequence[StrataSet]
    results: list[SetResult]

    @property
    def output(self) -> str:
        """Name of the structure."""
        return str(self.whole.output)


@dataclass(frozen=True, eq=False)
class _Results:
    """Results of the whole task, of every output and of every structure, set by set."""

    whole: Whole
    sets: Sequence[StrataSet]
    of_whole: list[SetResult]
    outputs: list[tuple[Seen, list[SetResult]]]
    parts: list[_Part]

    def at(self, level: float) -> list[tuple[Seen, list[SetResult]]]:
        """The outputs of which something is asked at a level."""
        return [(seen, r) for seen, r in self.outputs if level in seen.plan.levels_needed]

    def by_output(self) -> list[tuple[str, list[tuple[Seen, list[SetResult]]]]]:
        """The ways of seeing each output, together."""
        pairs = groupby(self.outputs, key=lambda pair: pair[0].member.output)
        return [(output, list(ways)) for output, ways in pairs]


def audit_any(
    cohort: Cohort | TaskCohort,
    plan: Plan,
    *,
    model: FileHash | None = None,
    command: str = "audit.audit",
    plan_name: str = "plan",
    progress: Progress | None = None,
) -> AuditResult:
    """Audit a cohort of whatever task its plan names.

    Parameters
    ----------
    cohort : Cohort or TaskCohort
        From `audit.tasks.read.build_any_cohort`.
    plan, model, command, plan_name, progress
        As in `audit.run.audit`.

    Returns
    -------
    AuditResult
        Records of one class or label carry it as `output`; those of the whole task carry none.

    Raises
    ------
    InputError
        When a requirement names a measure, stratum, attribute or output that does not exist.
    """
    if isinstance(cohort, Cohort):
        return audit(
            cohort, plan, model=model, command=command, plan_name=plan_name, progress=progress
        )
    # As in the binary audit: no library starts threads of its own.
    with threadpool_limits(1, user_api="blas"):
        return _audit(cohort, plan, model, command, plan_name, progress)


def _audit(
    cohort: TaskCohort,
    plan: Plan,
    model: FileHash | None,
    command: str,
    plan_name: str,
    progress: Progress | None,
) -> AuditResult:
    base = cohort.base
    sets = lattice(base.dimensions, plan.depth, base.rows)
    parts = [(whole_of(one, plan, one.output), _lattice(one, plan)) for one in structures(cohort)]
    _check(cohort, plan, [*sets, *(s for _, own in parts for s in own)], plan_name)
    scheme = resampling(plan.seed, plan.resamples, base.clusters)
    results = _results(whole_of(cohort, plan), plan, sets, parts, scheme, progress)
    evidence = {level: _evidence(results, level) for level in plan.levels_needed}
    own = evidence[plan.level]
    summary = task_summary(cohort, plan, results.of_whole)
    of_parts = [(part.whole, part.results) for part in results.parts]
    sites = task_sites(results.whole, results.of_whole, results.outputs, of_parts)
    outputs = [seen for seen, _ in results.outputs]
    curves = [
        (seen.member.output, curves_of(seen.rows, sets, seen.plan, scheme))
        for seen in outputs
        if seen.by_score
    ]
    return AuditResult(
        schema_version=SCHEMA_VERSION,
        plan=plan.model_dump(mode="json"),
        provenance=provenance_of(plan, base.files, model, command),
        cohort=summary,
        estimates=tuple(own.estimates),
        disparities=tuple(own.disparities),
        sites=sites,
        curves=members.curves_joined(curves) if curves else task_curves(cohort, sets, plan),
        criteria=tuple(_criteria(results)),
        case_mix=case_mix(results.outputs, sets),
        bounds=bounds(results.outputs, sets),
        sample_size=tuple(sample_size(results.outputs, plan)),
        calibration_tests=tuple(calibration_tests(results.outputs, sets, plan)),
        confusion=tuple(confusions(cohort, sets)),
        ledger=tuple(ledgers(cohort, sets, [(p.whole.cohort, p.sets) for p in results.parts])),
        froc=tuple(froc_curves(cohort, sets, plan, scheme)),
        verdicts=judged(plan, evidence, summary),
        warnings=tuple(task_warnings(cohort, plan, summary, outputs, own.estimates, sites)),
    )


def _lattice(cohort: CaseCohort, plan: Plan) -> Sequence[StrataSet]:
    return lattice(cohort.base.dimensions, plan.depth, cohort.base.rows)


def _check(cohort: TaskCohort, plan: Plan, sets: Sequence[StrataSet], plan_name: str) -> None:
    """Refuse what the plan asks for and this audit does not have."""
    strata = [stratum for one in sets for stratum in one.strata]
    crossed = [" & ".join(one.attributes) for one in sets if one.attributes]
    check_requirements(plan, strata, crossed, plan_name, outputs_of(cohort))
    check_methods(plan, whose(cohort.base) == "patients", plan_name)
    check_sections(plan, [d.name for d in cohort.base.dimensions], strata, plan_name)


def _results(
    whole: Whole,
    plan: Plan,
    sets: Sequence[StrataSet],
    parts: Sequence[tuple[Whole, Sequence[StrataSet]]],
    scheme: Resampling,
    progress: Progress | None,
) -> _Results:
    cohort = whole.cohort
    seen = members.seen_outputs(cohort, plan) if isinstance(cohort, OutputCohort) else []
    steps = len(sets) * (len(seen) + 1) + sum(len(own) for _, own in parts)
    done: list[SetResult] = []
    for strata in sets:
        done.append(whole_result(whole, strata, scheme, plan.levels_needed))
        if progress is not None:
            progress(len(done), steps, " & ".join(strata.attributes) or "overall")
    outputs = []
    for place, one in enumerate(seen, start=1):
        told = _shifted(progress, place * len(sets), steps, one.member.output)
        outputs.append((one, set_results(sets, one.rows, one.plan, scheme, whole.site, told)))
    ended = len(sets) * (len(seen) + 1)
    made = []
    for part, own in parts:
        found = [whole_result(part, strata, scheme, plan.levels_needed) for strata in own]
        made.append(_Part(part, own, found))
        ended += len(own)
        if progress is not None:
            progress(ended, steps, made[-1].output)
    return _Results(whole, sets, done, outputs, made)


def _shifted(progress: Progress | None, before: int, steps: int, output: str) -> Progress | None:
    """Report the progress of one output as part of all."""
    if progress is None:
        return None
    return lambda done, _, what: progress(before + done, steps, f"{output}, {what}")


def _evidence(results: _Results, level: float) -> Evidence:
    """What requirements at one level are held against, the whole task first."""
    every = [*results.sets, *(one for part in results.parts for one in part.sets)]
    groups = {s: " & ".join(t.attributes) for t in every for s in t.strata}
    estimates = [e for r in results.of_whole for e in r.estimates[level]]
    for output, ways in results.by_output():
        for place in range(len(results.sets)):
            found = [
                e for seen, r in ways if level in seen.plan.levels_needed
                for e in r[place].estimates[level]
            ]  # fmt: skip
            estimates += members.named_by(members.estimates_ordered(found), output)
    for part in results.parts:
        own = [e for r in part.results for e in r.estimates[level]]
        estimates += members.named_by(own, part.output)
    return Evidence(estimates, _disparities(results, level), groups)


def _disparities(results: _Results, level: float) -> list[Disparity]:
    """All contrasts at one level, adjusted over the whole task and every output together."""
    asked = results.at(level)
    parts = with_simultaneous(
        [
            whole_compared(results.whole, results.of_whole, level),
            *(compared(r, seen.rows, seen.plan, level) for seen, r in asked),
            *(whole_compared(part.whole, part.results, level) for part in results.parts),
        ],
        level,
    )
    by_output: dict[str, list[Disparity]] = {}
    for (seen, _), found in zip(asked, parts[1 : 1 + len(asked)], strict=True):
        by_output.setdefault(seen.member.output, []).extend(found)
    out = list(parts[0])
    for output, found in by_output.items():
        out += members.named_by(members.disparities_ordered(found), output)
    for part, found in zip(results.parts, parts[1 + len(asked) :], strict=True):
        out += members.named_by(found, part.output)
    return adjusted(out)


def _criteria(results: _Results) -> list[Criterion]:
    return [
        criterion
        for output, ways in results.by_output()
        for place in range(len(results.sets))
        for _, r in ways
        for criterion in members.named_by(r[place].criteria, output)
    ]
