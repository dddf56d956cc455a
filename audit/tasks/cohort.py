"""Cohorts of the other tasks: one canonical order of the rows, seen as one binary cohort an output.

Every view keeps the keys of the sampling units, so that all outputs share their resamples.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audit.cohort import Cohort
from audit.plan import Plan

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Member:
    """One class or label against the rest: a binary cohort, and the binary plan it is read by."""

    output: str
    cohort: Cohort
    plan: Plan


@dataclass(frozen=True, eq=False)
class OutputCohort:
    """A cohort with several outputs (multiclass or multilabel).

    `base` holds the rows and their roles; its label is 0 where the row is assessed and its score 0
    where there is one. `scored` are the outputs by score, empty where only classes were predicted.
    `decided` are the outputs by the model's decision, empty where it is a threshold on the score.
    `terms` are row terms over all rows, 0 where a row is not assessed. `truth` and `decision` are
    class codes, -1 where missing; empty for multilabel.
    """

    base: Cohort
    outputs: tuple[str, ...]
    scored: tuple[Member, ...]
    decided: tuple[Member, ...]
    terms: Mapping[str, Floats]
    truth: Ints
    decision: Ints

    @property
    def scores_are_probabilities(self) -> bool:
        """Whether the scores can be read as probabilities."""
        return bool(self.scored) and self.scored[0].plan.score_kind != "rank"


@dataclass(frozen=True, eq=False)
class RegressionCohort:
    """A cohort with a numeric outcome; both numbers are NaN where missing."""

    base: Cohort
    outcome: Floats
    predicted: Floats


@dataclass(frozen=True, eq=False)
class Objects:
    """Detections, and what they hit: arrays of one entry for each detection.

    `row` is the image, as a row of the cohort; `hit` the place of the object among those of its
    image, -1 for none. `objects` counts those of every image, shape (rows,).
    """

    score: Floats
    row: Ints
    hit: Ints
    objects: Ints


@dataclass(frozen=True, eq=False)
class CaseCohort:
    """Cases that were measured one by one: masks, images, or the objects of an image.

    `values` are averaged by patient, NaN where a case has none; `counts` are added up. `output`
    names the structure; the cohort of all of them together has none, and holds them as `parts`.
    """

    base: Cohort
    values: Mapping[str, Floats]
    counts: Mapping[str, Floats]
    output: str | None = None
    parts: tuple["CaseCohort", ...] = ()
    found: Objects | None = None


@dataclass(frozen=True, eq=False)
class SurvivalCohort:
    """A cohort with follow-up; time is NaN where a row is not assessed.

    The label of `base` is the event, its score the predicted risk.
    """

    base: Cohort
    time: Floats
    plan: Plan


TaskCohort = OutputCohort | RegressionCohort | CaseCohort | SurvivalCohort


def outputs_of(cohort: TaskCohort) -> tuple[str, ...]:
    """Names of the classes, labels or structures, where there are several."""
    if isinstance(cohort, OutputCohort):
        return cohort.outputs
    parts = cohort.parts if isinstance(cohort, CaseCohort) else ()
    return tuple(str(part.output) for part in parts)


def member_plan(plan: Plan, output: str, label: str, score: str | None) -> Plan:
    """Write the binary plan of one output; without a score column it is a yes/no decision."""
    columns = plan.columns.model_copy(
        update={
            "label": label,
            "score": score,
            "prediction": output if score is None else None,
            "scores": {},
            "labels": {},
        }
    )
    return plan.model_copy(update={"task": "binary", "columns": columns})


def view(
    base: Cohort,
    label: NDArray[np.int8],
    score: Floats,
    flagged: NDArray[np.int8],
    probability: Floats,
    positive: str,
) -> Cohort:
    """See the rows of a cohort with another label and score."""
    return replace(
        base,
        label=label,
        score=score,
        flagged=flagged,
        probability=probability,
        positive=positive,
        warnings=(),
        missing_label=int((label < 0).sum()),
        missing_score=int(np.isnan(score).sum()),
    )
