"""The measures, one file per family, in the order in which they are reported."""

from audit.measures import (
    calibration,
    classification,
    composite,
    multiclass,
    probability,
    ranking,
    regression,
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
}

# Every id once; where a task has a measure of the same id, the binary declaration stands.
DECLARED: dict[str, Measure] = MEASURES | {
    id: measure
    for measures in TASK_MEASURES.values()
    for id, measure in measures.items()
    if id not in MEASURES
}


def measures_of_task(task: str) -> dict[str, Measure]:
    """Every measure that a plan of this task may name."""
    return TASK_MEASURES[task] if task == "regression" else TASK_MEASURES[task] | MEASURES
