"""Which whole-task measures a plan asks for, and which of them have a meaning for its scores."""

from audit.measures import TASK_MEASURES
from audit.measures.declaration import Measure
from audit.plan import Plan
from audit.plan_tasks import Segmentation

NO_TOLERANCE = "no tolerance was declared"


def _segmentation(plan: Plan) -> Segmentation:
    return plan.segmentation or Segmentation()


def _at_threshold(measure: Measure, plan: Plan) -> bool:
    return measure.compute is not None and plan.threshold is None


def outside(measure: Measure, plan: Plan) -> str | None:
    """Say why a whole-task measure has no meaning under a plan, or None when it has."""
    if plan.task == "multilabel" and measure.needs_threshold and plan.threshold is None:
        return "no threshold was declared"
    if plan.task == "segmentation":
        return None if measure.id != "nsd" or _segmentation(plan).tolerance else NO_TOLERANCE
    if plan.task == "detection":
        return "no threshold was declared" if _at_threshold(measure, plan) else None
    if plan.task == "survival" and measure.needs_probability:
        if plan.survival is None or plan.survival.horizon is None:
            return "no horizon was declared"
        return "the score is no probability" if plan.score_kind != "probability" else None
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
    required = {r.measure for r in plan.requirements if r.output is None}
    compared = {r.measure for r in plan.change if r.output is None}
    named = {*plan.measures, *required, *compared}
    return [
        (m, outside(m, plan))
        for m in TASK_MEASURES[plan.task].values()
        if (not plan.measures and _usual(m, plan)) or m.id in named
    ]


def _usual(measure: Measure, plan: Plan) -> bool:
    """Whether a measure is reported unasked: lesions only where they are to be matched."""
    lesions = measure.id.startswith("lesion_") and plan.task == "segmentation"
    return not lesions or _segmentation(plan).lesions is not None
