"""Every requirement of a plan, of whatever kind, judged into one verdict each."""

from collections.abc import Mapping

from audit.coverage_verdicts import coverage_statement, coverage_verdict
from audit.measures import DECLARED
from audit.plan import Plan, Requirement, Stated
from audit.problems import InputError
from audit.requirement import ChangeRequirement, ChecklistRequirement, CoverageRequirement, where_of
from audit.result import CohortSummary, Verdict, VerdictKind, VerdictStatus
from audit.verdicts import Evidence, margin, statement, verdict_of

BASELINE = "no baseline was given; judge it with `equipoise gate --baseline`"
ANSWERS = "no answers were given; judge it with `equipoise gate --answers`"
_STATES = {"answered": "answered", "reviewed": "reviewed", "signed": "signed off"}


def judged(
    plan: Plan, evidence: Mapping[float, Evidence], cohort: CohortSummary
) -> tuple[Verdict, ...]:
    """Decide all that a plan requires; `evidence` is keyed by interval level.

    What needs a baseline or answers is not estimable here, and the reason says what to do. A
    failure of this program in one requirement is that one's verdict, and the others are judged.
    """
    return tuple(_isolated(stated, plan, evidence, cohort) for stated in plan.stated)


def _isolated(
    stated: Stated, plan: Plan, evidence: Mapping[float, Evidence], cohort: CohortSummary
) -> Verdict:
    try:
        return _judged(stated, plan, evidence, cohort)
    except InputError:
        raise
    except Exception as error:  # whatever it is, it must not hide the other verdicts
        return undecided(stated, plan.level, "error", f"{type(error).__name__}: {error}")


def _judged(
    stated: Stated, plan: Plan, evidence: Mapping[float, Evidence], cohort: CohortSummary
) -> Verdict:
    if isinstance(stated, Requirement):
        return verdict_of(stated, plan, evidence)
    if isinstance(stated, CoverageRequirement):
        return coverage_verdict(stated, cohort, plan.level)
    missing = BASELINE if isinstance(stated, ChangeRequirement) else ANSWERS
    return undecided(stated, plan.level, "not_estimable", missing)


def undecided(stated: Stated, level: float, status: VerdictStatus, reason: str) -> Verdict:
    """The verdict of a requirement that was held against nothing."""
    kind, measure = _kind(stated)
    return Verdict(
        requirement=stated.id,
        statement=in_words(stated),
        rationale=stated.rationale,
        measure=measure,
        output=getattr(stated, "output", None),
        stratum=None,
        status=status,
        value=None,
        lower=None,
        upper=None,
        level=getattr(stated, "level", None) or level,
        margin=_margin(stated),
        reason=reason,
        detectable=None,
        n_needed=None,
        evidence=(),
        parts=(),
        kind=kind,
        severity=stated.severity,
    )


def in_words(stated: Stated) -> str:
    """Put a requirement of any kind into one line of words."""
    if isinstance(stated, Requirement):
        return statement(stated)
    if isinstance(stated, CoverageRequirement):
        return coverage_statement(stated)
    if isinstance(stated, ChangeRequirement):
        return _change_in_words(stated)
    if isinstance(stated, ChecklistRequirement):
        return _checklist_in_words(stated)
    raise TypeError(f"no words for a {type(stated).__name__}")


def _change_in_words(change: ChangeRequirement) -> str:
    declared = DECLARED.get(change.measure)
    name = declared.name if declared is not None else change.measure
    if change.output is not None:
        name = f"{name} of '{change.output}'"
    where = where_of(change.strata)
    if change.worse_by == 0:
        return f"{name} not worse than in the baseline {where}"
    return f"{name} worse than in the baseline by at most {change.worse_by:g} {where}"


def _checklist_in_words(checklist: ChecklistRequirement) -> str:
    of = ", ".join((*checklist.instruments, *checklist.items))
    stale = "" if checklist.stale == "allowed" else " and not stale"
    since = "" if checklist.by is None else f" from {checklist.by} on"
    return f"checklist items of {of} are {_STATES[checklist.state]}{stale}{since}"


def _kind(stated: Stated) -> tuple[VerdictKind, str]:
    if isinstance(stated, Requirement):
        return "measure", stated.measure
    if isinstance(stated, ChangeRequirement):
        return "change", stated.measure
    return ("coverage", "coverage") if isinstance(stated, CoverageRequirement) else (
        "checklist", "checklist"
    )  # fmt: skip


def _margin(stated: Stated) -> float | tuple[float, float]:
    """What the plan asks for, as one number; 0 where that takes several."""
    if isinstance(stated, Requirement):
        return margin(stated)
    return stated.worse_by if isinstance(stated, ChangeRequirement) else 0.0
