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


TaskCohort = OutputCohort | RegressionCohort


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
