"""Which whole-task measures a plan asks for, and which of them have a meaning for its scores."""

from audit.measures import TASK_MEASURES
from audit.measures.declaration import Measure
from audit.plan import Plan


def outside(measure: Measure, plan: Plan) -> str | None:
    """Say why a whole-task measure has no meaning under a plan, or None when it has."""
    if plan.task == "multilabel" and measure.needs_threshold and plan.threshold is None:
        return "no threshold was declared"
    if plan.task != "multiclass":
        return None
    if (measure.needs_score or measure.needs_probability) and not plan.columns.scores:
        return "there are no scores, only a predicted class"
    if measure.needs_probability and plan.score_kind == "rank":
        return "the scores are not probabilities"
    return None


def task_measures(plan: Plan) -> list[tuple[Measure, str | None]]:
    """Whole-task measures to report, each with the reason where it has no meaning.

    All of the task where the plan lists none; those that a requirement names are always there.
    """
    named = set(plan.measures) | {r.measure for r in plan.requirements if r.output is None}
    return [
        (m, outside(m, plan))
        for m in TASK_MEASURES[plan.task].values()
        if not plan.measures or m.id in named
    ]
