"""Results of the whole task, set by set: figures, estimates and contrasts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.complement import complement_disparities
from audit.disparity import disparities_of
from audit.estimates import Counted
from audit.families import Compared, limited, named
from audit.figures import Figures
from audit.measures import TASK_MEASURES
from audit.measures.declaration import Measure
from audit.plan import Plan
from audit.result import Disparity, Estimate
from audit.run import SetResult
from audit.strata import StrataSet
from audit.sweep import Resampling
from audit.tasks.case_figures import case_figures, survival_figures
from audit.tasks.cohort import CaseCohort, OutputCohort, SurvivalCohort, TaskCohort
from audit.tasks.estimates import task_estimates
from audit.tasks.figures import TaskFigures, output_figures, regression_figures
from audit.tasks.measures import task_measures
from audit.tasks.permutation import with_task_nulls
from audit.tasks.sweeps import OutputRows, output_rows


@dataclass(frozen=True, eq=False)
class Whole:
    """A task's cohort, its rows sorted for every output, and the plan of the task as a whole."""

    cohort: TaskCohort
    rows: OutputRows
    plan: Plan

    @property
    def output(self) -> str | None:
        """Structure that it is the task of, where there are several."""
        return self.cohort.output if isinstance(self.cohort, CaseCohort) else None

    @property
    def site(self) -> NDArray[np.int32] | None:
        """Site of every row, where one is declared."""
        return next((d.codes for d in self.cohort.base.dimensions if d.role == "site"), None)

    def figures(
        self, strata: StrataSet, scheme: Resampling, measures: Sequence[Measure]
    ) -> TaskFigures:
        """Figures of any set of strata."""
        if isinstance(self.cohort, OutputCohort):
            return output_figures(self.cohort, self.rows, strata, scheme, measures)
        if isinstance(self.cohort, CaseCohort):
            return case_figures(self.cohort, strata, scheme, measures, self.plan)
        if isinstance(self.cohort, SurvivalCohort):
            return survival_figures(self.cohort, strata, scheme, measures)
        return regression_figures(self.cohort, strata, scheme, measures)


def whole_of(cohort: TaskCohort, plan: Plan, output: str | None = None) -> Whole:
    """Sort the rows once, and keep those requirements that speak of the whole task.

    Or of one structure of a segmentation, which is a task of its own.
    """
    rows = output_rows(cohort) if isinstance(cohort, OutputCohort) else OutputRows((), ())
    own = TASK_MEASURES[plan.task]
    kept = tuple(r for r in plan.requirements if r.output == output and r.measure in own)
    return Whole(cohort, rows, plan.model_copy(update={"requirements": kept}))


def counted_rows(strata: StrataSet) -> Counted:
    """Rows of every stratum of a set."""
    return Counted(tuple(np.bincount(strata.codes, minlength=len(strata.strata)).tolist()))


def whole_result(
    whole: Whole, strata: StrataSet, scheme: Resampling, levels: Sequence[float]
) -> SetResult:
    """Give the whole task's result in one set of strata.

    As in the binary audit, gaps between the levels of one attribute get their permutation null; a
    site is permuted over all patients.
    """
    plan, chosen = whole.plan, task_measures(whole.plan)
    figures = whole.figures(strata, scheme, [m for m, outside in chosen if outside is None])
    counted = counted_rows(strata)
    estimates: dict[float, list[Estimate]] = {}
    disparities: dict[float, list[Disparity]] = {}
    for level in levels:
        estimates[level] = own = task_estimates(figures, chosen, counted, plan, level)
        found = disparities_of(figures, own, level) + complement_disparities(figures, own, level)
        if len(strata.attributes) == 1:
            site = None if strata.codes is whole.site else whole.site
            found = with_task_nulls(found, whole.cohort, whole.rows, figures, own, site, plan)
        disparities[level] = found
    return SetResult(limited(figures, plan), counted, estimates, disparities, [])


def whole_compared(whole: Whole, results: Sequence[SetResult], level: float) -> Compared:
    """The contrasts of the whole task at one level, the primary ones marked."""

    def estimates(figures: Figures, counted: Counted, wider: float) -> list[Estimate]:
        if not isinstance(figures, TaskFigures):
            raise TypeError("the whole task has figures of its own")
        chosen = [(m, None) for m in figures.measures]
        return task_estimates(figures, chosen, counted, whole.plan, wider)

    found = named([d for r in results for d in r.disparities[level]], whole.plan)
    return Compared(found, [(r.figures, r.counted) for r in results], whole.plan, estimates)
