"""Requirements held against intervals: met, violated or inconclusive, never decided by a point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf, sqrt
from statistics import NormalDist

from audit.measures import MEASURES
from audit.plan import Plan, Requirement
from audit.problems import InputError, Problem, nearest
from audit.result import (
    Disparity,
    Estimate,
    Verdict,
    VerdictPart,
    VerdictStatus,
)

POWER = 0.8
LARGEST_N = 10**9
_RANK: tuple[VerdictStatus, ...] = (
    "violated",
    "inconclusive",
    "not_estimable",
    "not_applicable",
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
        """The estimates or disparities a requirement speaks of."""
        if requirement.contrast is None:
            wanted = set(requirement.strata)
            return [
                e
                for e in self.estimates
                if e.measure == requirement.measure
                and (e.stratum in wanted or self.attributes.get(e.stratum) in wanted)
            ]
        return [
            d
            for d in self.disparities
            if d.measure == requirement.measure
            and d.contrast == requirement.contrast
            and d.attribute == requirement.attribute
        ]


def check_requirements(
    plan: Plan, strata: Sequence[str], attributes: Sequence[str], source: str
) -> None:
    """Refuse requirements on a measure, stratum or attribute that does not exist.

    `attributes` are the combinations that were stratified by, as text. Also refuses a bound from
    the wrong side: a floor on a measure that is better low, a ceiling on one that is better high.
    """
    problems: list[Problem] = []
    for requirement in plan.requirements:
        where = f"{source}: requirement '{requirement.id}'"
        problems.extend(_problems(requirement, where, strata, attributes))
    if problems:
        raise InputError(problems)


def _problems(
    requirement: Requirement, where: str, strata: Sequence[str], attributes: Sequence[str]
) -> list[Problem]:
    measure = MEASURES.get(requirement.measure)
    if measure is None:
        reason = f"unknown measure '{requirement.measure}'"
        return [
            Problem("unknown_measure", where, reason, nearest(requirement.measure, list(MEASURES)))
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
    names = [requirement.attribute] if requirement.attribute else list(requirement.strata)
    known = list(attributes) if requirement.attribute else [*strata, *attributes]
    for name in names:
        if name not in known:
            kind = "attribute" if requirement.attribute else "stratum or attribute"
            reason = f"no {kind} '{name}' in this audit"
            found.append(Problem("unknown_stratum", where, reason, nearest(name, known)))
    return found


def verdicts_of(plan: Plan, evidence: Mapping[float, Evidence]) -> list[Verdict]:
    """Decide every requirement of a plan; `evidence` is keyed by interval level."""
    return [_verdict(r, evidence[r.level or plan.level], r.level or plan.level)
            for r in plan.requirements]  # fmt: skip


def _verdict(requirement: Requirement, evidence: Evidence, level: float) -> Verdict:
    records = evidence.of_requirement(requirement)
    parts = [_part(requirement, record) for record in records]
    if not parts:
        return _nothing(requirement, level)
    order = sorted(range(len(parts)), key=lambda i: _urgency(requirement, parts[i]))
    decider, record = parts[order[0]], records[order[0]]
    detectable, needed = (
        _power(requirement, record, level) if decider.status == "inconclusive" else (None, None)
    )
    return Verdict(
        requirement=requirement.id,
        statement=statement(requirement),
        rationale=requirement.rationale,
        measure=requirement.measure,
        stratum=_place(record),
        status=decider.status,
        value=decider.value,
        lower=decider.lower,
        upper=decider.upper,
        level=level,
        margin=margin(requirement),
        reason=_reason(decider, record, parts),
        detectable=detectable,
        n_needed=needed,
        evidence=tuple(part.id for part in parts),
        parts=tuple(parts),
    )


def _nothing(requirement: Requirement, level: float) -> Verdict:
    return Verdict(
        requirement=requirement.id,
        statement=statement(requirement),
        rationale=requirement.rationale,
        measure=requirement.measure,
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
    name = MEASURES[requirement.measure].name if requirement.measure in MEASURES else (
        requirement.measure
    )  # fmt: skip
    if requirement.contrast is not None:
        kind = {"gap": "largest gap", "difference": "difference", "ratio": "ratio"}
        low, high = allowed(requirement)
        bound = f"within {low:g} to {high:g}"
        if requirement.contrast == "gap":
            bound = f"at most {high:g}"
        return f"{name}: {kind[requirement.contrast]} by {requirement.attribute} {bound}"
    where = ", ".join(s if s == "overall" or "=" in s else f"each {s}" for s in requirement.strata)
    if requirement.within is not None:
        return f"{name} within {requirement.within[0]:g} to {requirement.within[1]:g} in {where}"
    if requirement.floor is not None:
        return f"{name} at least {requirement.floor:g} in {where}"
    return f"{name} at most {requirement.ceiling:g} in {where}"


def _part(requirement: Requirement, record: Estimate | Disparity) -> VerdictPart:
    status, reason = _decide(requirement, record)
    return VerdictPart(
        id=record.id,
        status=status,
        value=record.value,
        lower=record.lower,
        upper=record.upper,
        reason=reason,
    )


def _decide(requirement: Requirement, record: Estimate | Disparity) -> tuple[VerdictStatus, str]:
    if record.status == "insufficient":
        return "inconclusive", f"too little data: {record.reason}"
    if record.lower is None or record.upper is None:
        return "not_estimable", f"{record.status}: {record.reason}"
    low, high = allowed(requirement)
    if record.lower >= low and record.upper <= high:
        return "met", "the whole interval is inside the margin"
    if record.upper < low or record.lower > high:
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
    if len(parts) == 1:
        return f"{_place(record)}: {decider.reason}"
    same = sum(part.status == decider.status for part in parts)
    return f"{_place(record)}: {decider.reason} ({same} of {len(parts)} {decider.status})"


def _power(
    requirement: Requirement, record: Estimate | Disparity, level: float
) -> tuple[float | None, int | None]:
    """Smallest distance from the margin these data could show, and the n to show this one.

    ``(z_{1-a/2} + z_{power}) * SE`` with the SE implied by the interval; n scaled by the square of
    its ratio to the observed distance from the margin. For a proportion p against a margin p0,
    ``deff ((z_{1-a/2} sqrt(p0 q0) + z_{power} sqrt(p q)) / (p - p0))^2`` units in the denominator,
    with the design effect of the clustering seen. Power 80 %.
    """
    if record.lower is None or record.upper is None or record.value is None:
        return None, None
    z, z_power = NormalDist().inv_cdf(0.5 + level / 2), NormalDist().inv_cdf(POWER)
    error = (record.upper - record.lower) / (2 * z)
    detectable = (z + z_power) * error
    low, high = allowed(requirement)
    bound = low if abs(record.value - low) <= abs(high - record.value) else high
    distance = abs(record.value - bound)
    if not isinstance(record, Estimate) or distance <= 0 or not error > 0:
        return detectable, None
    p = record.value
    if record.n is None or not record.denominator:
        return detectable, None
    if MEASURES[record.measure].inference == "proportion" and 0 < p < 1 and 0 <= bound <= 1:
        effect = max(1.0, error**2 * record.denominator / (p * (1 - p)))
        reach = z * sqrt(bound * (1 - bound)) + z_power * sqrt(p * (1 - p))
        needed = effect * (reach / distance) ** 2 * record.n / record.denominator
    else:
        needed = record.n * (detectable / distance) ** 2
    return detectable, ceil(needed) if needed < LARGEST_N else None
