"""The measures, one file per family, in the order in which they are reported."""

from audit.measures import (
    calibration,
    classification,
    composite,
    detection,
    image_quality,
    multiclass,
    probability,
    ranking,
    regression,
    segmentation,
    survival,
    utility,
)
from audit.measures.declaration import Measure

MEASURES: dict[str, Measure] = {
    measure.id: measure
    for family in (classification, composite, ranking, probability, calibration, utility)
    for measure in family.MEASURES
}

# Measures of a whole task other than the binary one, beside the binary ones of each class or label.
TASK_MEASURES: dict[str, dict[str, Measure]] = {
    "binary": {},
    "multiclass": {measure.id: measure for measure in multiclass.MULTICLASS},
    "multilabel": {measure.id: measure for measure in multiclass.MULTILABEL},
    "regression": {measure.id: measure for measure in regression.REGRESSION},
    "segmentation": {measure.id: measure for measure in segmentation.SEGMENTATION},
    "detection": {measure.id: measure for measure in detection.DETECTION},
    "image": {measure.id: measure for measure in image_quality.IMAGE},
    "survival": {measure.id: measure for measure in survival.SURVIVAL},
}

# Tasks whose classes or labels are each seen as a binary task.
BY_CLASS = ("binary", "multiclass", "multilabel")

# Every id once; where a task has a measure of the same id, the binary declaration stands.
DECLARED: dict[str, Measure] = MEASURES | {
    id: measure
    for measures in TASK_MEASURES.values()
    for id, measure in measures.items()
    if id not in MEASURES
}


def measures_of_task(task: str) -> dict[str, Measure]:
    """Every measure that a plan of this task may name."""
    own = TASK_MEASURES[task]
    return own | MEASURES if task in BY_CLASS else own
