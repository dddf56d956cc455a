"""Requirements on change: a figure is not worse than in a stored audit by more than a margin."""

from math import inf

from audit.change import Audits
from audit.judging import undecided
from audit.plan import Plan
from audit.requirement import ChangeRequirement
from audit.result import Estimate, Verdict, VerdictPart, VerdictStatus

_RANK: tuple[VerdictStatus, ...] = ("violated", "inconclusive", "not_estimable", "met")


def change_verdicts(plan: Plan, audits: Audits) -> list[Verdict]:
    """Decide what a plan requires of change, from the interval and never from the point alone.

    A failure of this program in one requirement is that one's verdict.
    """
    level = float(audits.now.plan["level"])
    return [_isolated(requirement, audits, level) for requirement in plan.change]


def _isolated(requirement: ChangeRequirement, audits: Audits, level: float) -> Verdict:
    try:
        return _verdict(requirement, audits, level)
    except Exception as error:  # whatever it is, it must not hide the other verdicts
        return undecided(requirement, level, "error", f"{type(error).__name__}: {error}")


def _verdict(requirement: ChangeRequirement, audits: Audits, level: float) -> Verdict:
    records = _records(requirement, audits)
    if not records:
        reason = "neither audit holds a figure to decide it from"
        return undecided(requirement, level, "not_estimable", reason)
    parts = [_part(requirement, e, audits) for e in records]
    order = sorted(range(len(parts)), key=lambda i: _urgency(requirement, parts[i]))
    decider, record = parts[order[0]], records[order[0]]
    reason = _reason(decider, record, parts)
    return undecided(requirement, level, decider.status, reason).model_copy(
        update={
            "output": record.output,
            "stratum": record.stratum,
            "value": decider.value,
            "lower": decider.lower,
            "upper": decider.upper,
            "evidence": tuple(p.id for p in parts),
            "parts": tuple(parts),
        }
    )


def _records(requirement: ChangeRequirement, audits: Audits) -> list[Estimate]:
    """The figures meant, of both audits: one that vanished is not left out."""
    wanted = set(requirement.strata)
    found: dict[str, Estimate] = {}
    for audit in (audits.now, audits.before):
        groups = {c.stratum: " & ".join(c.attributes) for c in audit.cohort.strata}
        for e in audit.estimates:
            named = e.stratum in wanted or groups.get(e.stratum) in wanted
            if e.measure == requirement.measure and named:
                found.setdefault(e.id, e)
    if requirement.output is not None:
        return [e for e in found.values() if e.output == requirement.output]
    return [e for e in found.values() if e.output is None] or list(found.values())


def _part(requirement: ChangeRequirement, record: Estimate, audits: Audits) -> VerdictPart:
    change = audits.change(record.id)
    status: VerdictStatus = "inconclusive"
    if change.lower is None or change.upper is None:
        status = "inconclusive" if change.scarce else "not_estimable"
        reason = f"too little data: {change.reason}" if change.scarce else change.reason
    elif change.lower >= -requirement.worse_by:
        status, reason = "met", f"the whole interval is inside the margin; {change.method}"
    elif change.upper < -requirement.worse_by:
        status, reason = "violated", f"the whole interval is outside the margin; {change.method}"
    else:
        reason = f"the interval reaches across the margin; {change.method}"
    return VerdictPart(
        id=record.id,
        status=status,
        value=change.value,
        lower=change.lower,
        upper=change.upper,
        reason=reason,
    )


def _urgency(requirement: ChangeRequirement, part: VerdictPart) -> tuple[int, float, str]:
    """Worst status first; within it, the part whose interval leaves most room for harm."""
    room = inf if part.lower is None else part.lower + requirement.worse_by
    return _RANK.index(part.status), room, part.id


def _reason(decider: VerdictPart, record: Estimate, parts: list[VerdictPart]) -> str:
    place = record.stratum if record.output is None else f"{record.output}, {record.stratum}"
    if len(parts) == 1:
        return f"{place}: {decider.reason}"
    same = sum(part.status == decider.status for part in parts)
    return f"{place}: {decider.reason} ({same} of {len(parts)} {decider.status})"
