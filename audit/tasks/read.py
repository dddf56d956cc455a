"""Reading the cohort of any task."""

from audit.cohort import Cohort, build_cohort
from audit.plan import Plan
from audit.sources.source import Source
from audit.tasks.cohort import TaskCohort
from audit.tasks.multiclass import multiclass_cohort
from audit.tasks.multilabel import multilabel_cohort
from audit.tasks.regression import regression_cohort


def build_any_cohort(source: Source, plan: Plan) -> Cohort | TaskCohort:
    """Build the cohort of whatever task the plan names."""
    return build_cohort(source, plan) if plan.task == "binary" else build_task_cohort(source, plan)


def build_task_cohort(source: Source, plan: Plan) -> TaskCohort:
    """Give the columns of a source their roles, check every cell and order the rows.

    Raises
    ------
    InputError
        With every problem of every column, each naming its first rows.
    ValueError
        When the task is binary: that cohort is `audit.cohort.build_cohort`'s.
    """
    if plan.task == "multiclass":
        return multiclass_cohort(source, plan)
    if plan.task == "multilabel":
        return multilabel_cohort(source, plan)
    if plan.task == "regression":
        return regression_cohort(source, plan)
    raise ValueError("a binary cohort is built by audit.cohort.build_cohort")
