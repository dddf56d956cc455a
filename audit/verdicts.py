"""Requirements held against intervals: met, violated or inconclusive, never decided by a point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from audit.measures import BY_CLASS, DECLARED, MEASURES, TASK_MEASURES, measures_of_task
from audit.measures.declaration import Measure
from audit.plan import Plan, Requirement
from audit.power import NOTHING, Power, power_of_disparity, power_of_estimate
from audit.problems import InputError, Problem, nearest
from audit.requirement import ChangeRequirement, where_of
from audit.requirement_checks import change_problems, coverage_problems
from audit.result import (
    Disparity,
    Estimate,
    Verdict,
    VerdictPart,
    VerdictStatus,
)
from audit.stratum_names import OVERALL

_RANK: tuple[VerdictStatus, ...] = (
    "violated",
    "inconclusive",
    "not_estimable",
    "not_applicable",
    "error",
    "waived",
    "met",
)


@dataclass(frozen=True)
class Evidence:
    """What requirements are held against, at one interval level.

    `attributes` maps each stratum to the attributes it is made of, as text.
    """

    estimates: Sequence[Estimate]
    disparities: Sequence[Disparity]
    attributes: Mapping[str, str]

    def of_requirement(self, requirement: Requirement) -> list[Estimate | Disparity]:
        """The estimates or disparities a requirement speaks of.

        Without an output it speaks of the whole task where the measure has a value for that, and
        else of every class or label.
        """
        found: list[Estimate | Disparity]
        if requirement.contrast is None:
            wanted = set(requirement.strata)
            found = [
                e
                for e in self.estimates
                if e.measure == requirement.measure
                and (e.stratum in wanted or self.attributes.get(e.stratum) in wanted)
            ]
        else:
            found = [
                d
                for d in self.disparities
                if d.measure == requirement.measure
                and d.contrast == requirement.contrast
                and d.attribute == requirement.attribute
                and d.reference != f"not {d.stratum}"  # levels are compared, not complements
            ]
        if requirement.output is not None:
            return [record for record in found if record.output == requirement.output]
        return [record for record in found if record.output is None] or found

    def compared(self, disparity: Disparity) -> list[Estimate]:
        """The estimates of the strata between which a disparity lies: all usable ones, for a gap.

        Empty where the audit at hand does not hold them all.
        """
        of = [e for e in self.estimates
              if e.measure == disparity.measure and e.output == disparity.output]  # fmt: skip
        if disparity.contrast == "gap":
            return [e for e in of if e.status == "ok"
                    and self.attributes.get(e.stratum) == disparity.attribute]  # fmt: skip
        pair = [e for e in of if e.stratum in (disparity.stratum, disparity.reference)]
        return pair if len(pair) == 2 else []


def check_requirements(
    plan: Plan,
    strata: Sequence[str],
    attributes: Sequence[str],
    source: str,
    outputs: Sequence[str] = (),
) -> None:
    """Refuse requirements on a measure, stratum, attribute or output that does not exist.

    `attributes` are the combinations that were stratified by, as text. Also refuses a bound from
    the wrong side: a floor on a measure that is better low, a ceiling on one that is better high.
    """
    problems: list[Problem] = []
    for requirement in plan.requirements:
        where = f"{source}: requirement '{requirement.id}'"
        problems.extend(_problems(requirement, where, plan.task, strata, attributes))
        problems.extend(_output_problems(requirement, where, plan.task, outputs))
    for one in plan.coverage:
        where = f"{source}: requirement '{one.id}'"
        problems.extend(coverage_problems(one, where, plan, strata, attributes))
    for change in plan.change:
        where = f"{source}: requirement '{change.id}'"
        bound = _as_bound(change)
        problems.extend(change_problems(change, where, plan.task))
        problems.extend(_problems(bound, where, plan.task, strata, attributes))
        problems.extend(_output_problems(bound, where, plan.task, outputs))
    if problems:
        raise InputError(problems)


def _as_bound(change: ChangeRequirement) -> Requirement:
    """A requirement that reaches as far as one of change: the same measure in the same strata."""
    return Requirement(
        id=change.id,
        measure=change.measure,
        output=change.output,
        strata=change.strata,
        within=(0.0, 1.0),
    )


def _output_problems(
    requirement: Requirement, where: str, task: str, outputs: Sequence[str]
) -> list[Problem]:
    output, measure = requirement.output, requirement.measure
    if output is None:
        return []
    if not outputs:
        reason = f"task {task} has no classes or labels, so output '{output}' means nothing"
        return [Problem("unknown_output", where, reason, "leave output out")]
    if output not in outputs:
        reason = f"no class or label '{output}' in this audit"
        return [Problem("unknown_output", where, reason, nearest(output, list(outputs)))]
    if task in BY_CLASS and measure in TASK_MEASURES[task] and measure not in MEASURES:
        reason = f"{measure} speaks of all classes or labels at once, not of '{output}'"
        return [Problem("no_output", where, reason, "leave output out")]
    return []


def _problems(
    requirement: Requirement,
    where: str,
    task: str,
    strata: Sequence[str],
    attributes: Sequence[str],
) -> list[Problem]:
    declared = measures_of_task(task)
    measure = declared.get(requirement.measure)
    if measure is None:
        reason = f"unknown measure '{requirement.measure}'"
        if requirement.measure in DECLARED:
            reason = f"task {task} has no measure '{requirement.measure}'"
        return [
            Problem("unknown_measure", where, reason, nearest(requirement.measure, list(declared)))
        ]
    found: list[Problem] = []
    wrong = {"lower": requirement.floor, "higher": requirement.ceiling}.get(measure.direction)
    if wrong is not None:
        side, other = ("floor", "ceiling") if measure.direction == "lower" else ("ceiling", "floor")
        reason = f"a {side} on {measure.id}, which is better {measure.direction}"
        found.append(Problem("reversed_bound", where, reason, f"use {other} instead"))
    if measure.inference == "null":
        reason = "the raw ECE has no interval of its own and groups are not ranked by it"
        remedy = "require oe_ratio, citl or calibration_slope instead"
        found.append(Problem("not_gateable", where, reason, remedy))
    if requirement.contrast == "ratio" and measure.bounds[0] != 0:
        reason = f"{measure.id} can be negative, so its ratio means nothing"
        found.append(Problem("no_ratio", where, reason, "use contrast: difference"))
    found.extend(_reach_problems(requirement, where, measure))
    names = [requirement.attribute] if requirement.attribute else list(requirement.strata)
    known = list(attributes) if requirement.attribute else [*strata, *attributes]
    for name in names:
        if name not in known:
            kind = "attribute" if requirement.attribute else "stratum or attribute"
            reason = f"no {kind} '{name}' in this audit"
            found.append(Problem("unknown_stratum", where, reason, nearest(name, known)))
    return found


def _reach_problems(requirement: Requirement, where: str, measure: Measure) -> list[Problem]:
    """Refuse strata in which a measure is never computed, and contrasts it does not have."""
    names = [requirement.attribute] if requirement.attribute else list(requirement.strata)
    crossed = [name for name in names if " & " in name]
    if crossed and not measure.crossed:
        reason = f"{measure.id} is not computed for intersections such as '{crossed[0]}'"
        return [Problem("not_crossed", where, reason, "name single attributes, or another measure")]
    if measure.pairwise and requirement.contrast != "difference":
        reason = (
            f"{measure.id} compares two groups, so it has no value in one and no other contrast"
        )
        return [Problem("pairwise_measure", where, reason, "use contrast: difference")]
    if measure.id == "xauc" and OVERALL in names:
        reason = f"{measure.id} sets a group against all others, and overall there are none"
        return [Problem("no_others", where, reason, "name an attribute or one of its strata")]
    return []


def verdicts_of(plan: Plan, evidence: Mapping[float, Evidence]) -> list[Verdict]:
    """Decide every requirement of a plan; `evidence` is keyed by interval level."""
    return [verdict_of(r, plan, evidence) for r in plan.requirements]


def verdict_of(requirement: Requirement, plan: Plan, evidence: Mapping[float, Evidence]) -> Verdict:
    """Decide one requirement of a plan, at its own level where it states one."""
    level = requirement.level or plan.level
    return _verdict(requirement, evidence[level], level)


def _verdict(requirement: Requirement, evidence: Evidence, level: float) -> Verdict:
    records = evidence.of_requirement(requirement)
    parts = [_part(requirement, record) for record in records]
    if not parts:
        return _nothing(requirement, level)
    order = sorted(range(len(parts)), key=lambda i: _urgency(requirement, parts[i]))
    decider, record = parts[order[0]], records[order[0]]
    power = NOTHING
    if decider.status == "inconclusive":
        power = _power(requirement, record, level, evidence)
    return Verdict(
        requirement=requirement.id,
        statement=statement(requirement),
        rationale=requirement.rationale,
        measure=requirement.measure,
        output=record.output,
        stratum=_place(record),
        status=decider.status,
        value=decider.value,
        lower=decider.lower,
        upper=decider.upper,
        level=level,
        margin=margin(requirement),
        reason=_reason(decider, record, parts),
        detectable=power.detectable,
        n_needed=power.n_needed,
        evidence=tuple(part.id for part in parts),
        parts=tuple(parts),
        severity=requirement.severity,
    )


def _nothing(requirement: Requirement, level: float) -> Verdict:
    return Verdict(
        requirement=requirement.id,
        statement=statement(requirement),
        rationale=requirement.rationale,
        measure=requirement.measure,
        output=requirement.output,
        stratum=None,
        status="not_estimable",
        value=None,
        lower=None,
        upper=None,
        level=level,
        margin=margin(requirement),
        reason="the audit holds no figure to decide it from",
        detectable=None,
        n_needed=None,
        evidence=(),
        parts=(),
        severity=requirement.severity,
    )


def allowed(requirement: Requirement) -> tuple[float, float]:
    """The closed range in which the requirement wants the whole interval to lie."""
    if requirement.contrast is None:
        if requirement.within is not None:
            return requirement.within
        if requirement.floor is not None:
            return requirement.floor, inf
        return -inf, requirement.ceiling if requirement.ceiling is not None else inf
    bound = requirement.margin or 0.0
    if requirement.contrast == "ratio":
        return bound, 1 / bound
    return (-bound, bound) if requirement.contrast == "difference" else (-inf, bound)


def margin(requirement: Requirement) -> float | tuple[float, float]:
    """The number, or the range, that was written in the plan."""
    for bound in (requirement.within, requirement.floor, requirement.ceiling, requirement.margin):
        if bound is not None:
            return bound
    raise TypeError("a requirement always has a bound")


def statement(requirement: Requirement) -> str:
    """Put a requirement into one line of words."""
    declared = DECLARED.get(requirement.measure)
    name = declared.name if declared is not None else requirement.measure
    if requirement.output is not None:
        name = f"{name} of '{requirement.output}'"
    if requirement.contrast is not None:
        kind = {"gap": "largest gap", "difference": "difference", "ratio": "ratio"}
        low, high = allowed(requirement)
        bound = f"within {low:g} to {high:g}"
        if requirement.contrast == "gap":
            bound = f"at most {high:g}"
        return f"{name}: {kind[requirement.contrast]} by {requirement.attribute} {bound}"
    where = where_of(requirement.strata)
    if requirement.within is not None:
        return f"{name} within {requirement.within[0]:g} to {requirement.within[1]:g} {where}"
    if requirement.floor is not None:
        return f"{name} at least {requirement.floor:g} {where}"
    return f"{name} at most {requirement.ceiling:g} {where}"


def _part(requirement: Requirement, record: Estimate | Disparity) -> VerdictPart:
    lower, upper = _interval(record)
    status, reason = _decide(requirement, record)
    if (lower, upper) != (record.lower, record.upper):
        reason += " (simultaneous over the primary family)"
    return VerdictPart(
        id=record.id, status=status, value=record.value, lower=lower, upper=upper, reason=reason
    )


def _interval(record: Estimate | Disparity) -> tuple[float | None, float | None]:
    """The interval that decides: the simultaneous one where there is one."""
    withheld = record.lower is None or record.upper is None
    if isinstance(record, Disparity) and record.simultaneous is not None and not withheld:
        return record.simultaneous.lower, record.simultaneous.upper
    return record.lower, record.upper


def _decide(requirement: Requirement, record: Estimate | Disparity) -> tuple[VerdictStatus, str]:
    if record.status == "insufficient":
        return "inconclusive", f"too little data: {record.reason}"
    lower, upper = _interval(record)
    if lower is None or upper is None:
        return "not_estimable", f"{record.status}: {record.reason}"
    low, high = allowed(requirement)
    if lower >= low and upper <= high:
        return "met", "the whole interval is inside the margin"
    if upper < low or lower > high:
        return "violated", "the whole interval is outside the margin"
    return "inconclusive", "the interval reaches across the margin"


def _urgency(requirement: Requirement, part: VerdictPart) -> tuple[int, float, str]:
    """Worst status first; within it, the part whose interval leaves most room for harm."""
    low, high = allowed(requirement)
    if part.lower is None or part.upper is None:
        return _RANK.index(part.status), inf, part.id
    return _RANK.index(part.status), min(part.lower - low, high - part.upper), part.id


def _place(record: Estimate | Disparity) -> str:
    if isinstance(record, Estimate):
        return record.stratum
    return f"{record.stratum}:{record.reference}"


def _reason(
    decider: VerdictPart, record: Estimate | Disparity, parts: Sequence[VerdictPart]
) -> str:
    place = _place(record)
    if isinstance(record, Disparity) and record.stratum == record.reference:
        place = record.attribute  # the extremes of a gap that is withheld are not named
    place = place if record.output is None else f"{record.output}, {place}"
    if len(parts) == 1:
        return f"{place}: {decider.reason}"
    same = sum(part.status == decider.status for part in parts)
    return f"{place}: {decider.reason} ({same} of {len(parts)} {decider.status})"


def _power(
    requirement: Requirement, record: Estimate | Disparity, level: float, evidence: Evidence
) -> Power:
    if isinstance(record, Estimate):
        return power_of_estimate(record, allowed(requirement), level)
    compared = evidence.compared(record)
    return power_of_disparity(record, _interval(record), allowed(requirement), level, compared)
