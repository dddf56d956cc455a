"""Reading the cohort of any task."""

from pathlib import Path

from audit.cases.pairs import Place
from audit.cohort import Cohort, build_cohort
from audit.plan import Plan
from audit.sources.source import Source
from audit.tasks.cohort import TaskCohort
from audit.tasks.multiclass import multiclass_cohort
from audit.tasks.multilabel import multilabel_cohort
from audit.tasks.regression import regression_cohort

HERE = Place(Path())


def build_any_cohort(source: Source, plan: Plan, place: Place = HERE) -> Cohort | TaskCohort:
    """Build the cohort of whatever task the plan names.

    `place` says where the files are that a table names.
    """
    if plan.task == "binary":
        return build_cohort(source, plan)
    return build_task_cohort(source, plan, place)


def build_task_cohort(source: Source, plan: Plan, place: Place = HERE) -> TaskCohort:
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
    if plan.task == "survival":
        from audit.tasks.survival import survival_cohort

        return survival_cohort(source, plan)
    # What reads images is loaded where there are any.
    if plan.task == "segmentation":
        from audit.tasks.segmentation import segmentation_cohort

        return segmentation_cohort(source, plan, place)
    if plan.task == "image":
        from audit.tasks.image_to_image import image_cohort

        return image_cohort(source, plan, place)
    if plan.task == "detection":
        from audit.tasks.detection import detection_cohort

        return detection_cohort(source, plan, place.folder)
    raise ValueError("a binary cohort is built by audit.cohort.build_cohort")
