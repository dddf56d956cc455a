"""Refusing requirements on coverage and on change that cannot be judged, before any work."""

from collections.abc import Sequence

from audit.measures import measures_of_task
from audit.plan import Plan
from audit.problems import Problem, nearest
from audit.requirement import ChangeRequirement, CoverageRequirement

_OUTCOME = ("positives", "negatives")


def coverage_problems(
    requirement: CoverageRequirement,
    where: str,
    plan: Plan,
    strata: Sequence[str],
    attributes: Sequence[str],
) -> list[Problem]:
    """Why the cohort of an audit cannot be held against a requirement."""
    found = []
    known = [*strata, *attributes]
    for name in requirement.strata:
        if name not in known:
            reason = f"no stratum or attribute '{name}' in this audit"
            found.append(Problem("unknown_stratum", where, reason, nearest(name, known)))
    single = [name for name in attributes if " & " not in name]
    if requirement.attribute is not None and requirement.attribute not in single:
        reason = f"no attribute '{requirement.attribute}' in this audit"
        remedy = nearest(requirement.attribute, single)
        found.append(Problem("unknown_attribute", where, reason, remedy))
    if requirement.sites is not None and plan.columns.site is None:
        reason = "sites are asked for and the plan names no column of sites"
        found.append(Problem("no_site", where, reason, "declare columns.site"))
    if requirement.patients is not None and plan.columns.patient is None:
        reason = "patients are asked for and the plan names no column of patients"
        remedy = "declare columns.patient, or ask for n"
        found.append(Problem("no_patient", where, reason, remedy))
    outcome = [name for name in _OUTCOME if name in requirement.counts]
    if outcome and plan.task != "binary":
        reason = f"task {plan.task} has no {' and '.join(outcome)} to count in its strata"
        found.append(Problem("no_outcome", where, reason, "ask for n or patients"))
    return found


def change_problems(requirement: ChangeRequirement, where: str, task: str) -> list[Problem]:
    """Refuse a change for the worse of a measure that has no worse."""
    measure = measures_of_task(task).get(requirement.measure)
    if measure is None or measure.direction != "neutral":
        return []
    reason = f"{measure.id} is better neither high nor low, so no change of it is for the worse"
    return [Problem("no_direction", where, reason, "bound it with within, among the requirements")]
