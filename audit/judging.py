"""Every requirement of a plan, of whatever kind, judged into one verdict each."""

from collections.abc import Mapping

from audit.plan import Plan
from audit.result import CohortSummary, Verdict
from audit.verdicts import Evidence, verdicts_of

BASELINE = "no baseline was given; judge it with `equipoise gate --baseline`"
ANSWERS = "no answers were given; judge it with `equipoise gate --answers`"


def judged(
    plan: Plan, evidence: Mapping[float, Evidence], cohort: CohortSummary
) -> tuple[Verdict, ...]:
    """Decide all that a plan requires; `evidence` is keyed by interval level.

    What needs a baseline or answers is not estimable here, and the reason says what to do.
    """
    return tuple(verdicts_of(plan, evidence))
