"""The further sections of the result, for every class or label: case-mix, bounds, sample size."""

from collections.abc import Sequence

from audit.adequacy import adequacy_of
from audit.bounds import bounds_of, check_bounds
from audit.calibration_differences import calibration_interactions
from audit.case_mix import case_mix_of, check_case_mix
from audit.measures import BY_CLASS
from audit.nested_sites import check_nested
from audit.plan import Plan
from audit.problems import InputError, Problem
from audit.run import SetResult
from audit.sections import Adequacy, Bounds, CalibrationInteraction, CaseMix
from audit.strata import StrataSet
from audit.tasks.members import Seen, named_by

Outputs = Sequence[tuple[Seen, Sequence[SetResult]]]


def check_sections(
    plan: Plan, attributes: Sequence[str], strata: Sequence[str], source: str
) -> None:
    """Refuse what the plan asks for and a task does not have.

    Raises
    ------
    InputError
        When gaps are to be standardised in a regression, or labels are declared to be wrong where
        they are no yes/no labels; and with the problems of the declarations themselves.
    """
    problems = []
    if plan.standardise and plan.task not in BY_CLASS:
        reason = f"gaps are standardised for yes/no outcomes only, not in task {plan.task}"
        problems.append(Problem("not_for_task", f"{source}: standardise", reason, "leave it out"))
    if plan.label_error and plan.task != "multilabel":
        reason = f"label errors are rates of yes/no labels, which task {plan.task} does not have"
        problems.append(Problem("not_for_task", f"{source}: label_error", reason, "leave it out"))
    if problems:
        raise InputError(problems)
    check_nested(plan, source)
    check_case_mix(plan, attributes, source)
    check_bounds(plan, strata, source)


def case_mix(outputs: Outputs, sets: Sequence[StrataSet]) -> CaseMix:
    """Gaps of every output with site or covariates held fixed."""
    found = [(seen, case_mix_of(seen.member.cohort, seen.plan, seen.rows, sets))
             for seen, _ in outputs]  # fmt: skip
    return CaseMix(
        by_site=tuple(r for s, c in found for r in named_by(c.by_site, s.member.output)),
        standardised=tuple(r for s, c in found for r in named_by(c.standardised, s.member.output)),
    )


def bounds(outputs: Outputs, sets: Sequence[StrataSet]) -> Bounds:
    """What missing attributes and wrong labels could do to the figures of every output."""
    found = [(seen, bounds_of(seen.member.cohort, seen.plan, seen.rows, sets))
             for seen, _ in outputs]  # fmt: skip
    return Bounds(
        missing=tuple(r for s, b in found for r in named_by(b.missing, s.member.output)),
        label_error=tuple(r for s, b in found for r in named_by(b.label_error, s.member.output)),
    )


def sample_size(outputs: Outputs, plan: Plan) -> list[Adequacy]:
    """Whether strata are large enough for the wanted precision of every output."""
    out: list[Adequacy] = []
    for seen, results in outputs:
        sets = [(r.figures, r.estimates[plan.level]) for r in results]
        out += named_by(adequacy_of(seen.plan, seen.rows, sets), seen.member.output)
    return out


def calibration_tests(
    outputs: Outputs, sets: Sequence[StrataSet], plan: Plan
) -> list[CalibrationInteraction]:
    """Whether the calibration of every output differs between groups."""
    out: list[CalibrationInteraction] = []
    for seen, _ in outputs:
        if seen.by_score:
            found = calibration_interactions(seen.rows, sets, plan.minimum)
            out += named_by(found, seen.member.output)
    return out
