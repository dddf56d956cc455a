"""Both models' figures of every set of strata, from the same resamples of the same patients."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.cohort import Cohort, arranged, read_ids
from audit.dimensions import build_dimensions
from audit.estimates import Counted, estimates_of
from audit.figures import Figures, compute_figures
from audit.findings import Findings
from audit.plan import Plan
from audit.problems import InputError, Problem
from audit.result import Estimate
from audit.roles import (
    flags,
    probabilities,
    read_label,
    read_prediction,
    read_score,
    role_conflicts,
)
from audit.rows import Rows, analysed_rows
from audit.selection import chosen, possible
from audit.sources.source import Source
from audit.strata import StrataSet, lattice
from audit.sweep import Resampling
from audit.tasks import members
from audit.tasks.case_sections import structures
from audit.tasks.cohort import OutputCohort, TaskCohort
from audit.tasks.estimates import task_estimates
from audit.tasks.measures import task_measures
from audit.tasks.whole import Whole, counted_rows, whole_of

Both = tuple[Cohort, Cohort] | tuple[TaskCohort, TaskCohort]


@dataclass(frozen=True, eq=False)
class Side:
    """Figures and estimates of one model in one set of strata."""

    figures: Figures
    estimates: list[Estimate]


@dataclass(frozen=True, eq=False)
class Pair:
    """Both models in one set of strata; `output` names a class, label or structure."""

    output: str | None
    strata: StrataSet
    a: Side
    b: Side


def paired_cohorts(a: Source, b: Source, plans: tuple[Plan, Plan]) -> tuple[Cohort, Cohort]:
    """Build two binary cohorts whose rows are the same units in the same order.

    A unit that only one model scored is assessed in neither.

    Raises
    ------
    InputError
        With every problem of the labels, the attributes and both scores.
    """
    findings = Findings()
    role_conflicts(plans[0], findings)
    if plans[1].columns != plans[0].columns:
        role_conflicts(plans[1], findings)
    outcome = read_label(a, plans[0], findings)
    scores = [_score(source, plan, findings)
              for source, plan in zip((a, b), plans, strict=True)]  # fmt: skip
    both = ~np.isnan(scores[0]) & ~np.isnan(scores[1])
    scores = [np.where(both, score, np.nan) for score in scores]
    analysed = both & (outcome.label >= 0)
    if not findings.problems and not analysed.any():
        reason = "no row has a label and a score of both models"
        findings.problem("nothing_to_assess", "comparison", reason, "check the columns")
    dimensions = build_dimensions(a, plans[0], analysed, findings)
    ids = read_ids(a, plans[0], findings)
    findings.raise_problems()
    # In an order that does not depend on which model is called a.
    content: list[NDArray[Any]] = [
        outcome.label, scores[0] + scores[1], np.abs(scores[0] - scores[1]),
    ]  # fmt: skip
    first, order = arranged(a, plans[0], outcome, scores[0], content, dimensions, ids, findings)
    score = scores[1][order]
    second = replace(
        first,
        score=score,
        flagged=flags(score, plans[1]),
        probability=probabilities(score, plans[1]),
        files=b.files,
    )
    return first, second


def _score(source: Source, plan: Plan, findings: Findings) -> NDArray[np.float64]:
    if plan.columns.prediction is not None:
        return read_prediction(source, plan.columns.prediction, findings)
    return read_score(source, str(plan.columns.score), plan, findings)


def require_ids(plan: Plan) -> None:
    """Refuse tasks whose rows can only be drawn alike for both models where they have ids."""
    if plan.columns.patient is None and plan.columns.unit is None:
        reason = f"task {plan.task} is compared by patient or unit, and neither is named"
        raise InputError(
            Problem("not_paired", "comparison", reason, "declare columns.patient or columns.unit")
        )


def pairs_of(both: Both, plans: tuple[Plan, Plan], scheme: Resampling) -> Iterator[Pair]:
    """Figures of both models, one set of strata after another; nothing is kept."""
    a, b = both
    if isinstance(a, Cohort) and isinstance(b, Cohort):
        sets = lattice(a.dimensions, plans[0].depth, a.rows)
        rows = [analysed_rows(c, p) for c, p in zip((a, b), plans, strict=True)]
        for strata in sets:
            sides = [_binary(strata, r, p, scheme) for r, p in zip(rows, plans, strict=True)]
            yield Pair(None, strata, *sides)
    elif not isinstance(a, Cohort) and not isinstance(b, Cohort):
        yield from _task_pairs(a, b, plans, scheme)


def _task_pairs(
    a: TaskCohort, b: TaskCohort, plans: tuple[Plan, Plan], scheme: Resampling
) -> Iterator[Pair]:
    wholes = [whole_of(c, p) for c, p in zip((a, b), plans, strict=True)]
    sets = lattice(a.base.dimensions, plans[0].depth, a.base.rows)
    for strata in sets:
        yield Pair(None, strata, *(_whole(one, strata, scheme) for one in wholes))
    for one, two in zip(structures(a), structures(b), strict=True):
        own = [whole_of(c, p, c.output) for c, p in zip((one, two), plans, strict=True)]
        for strata in lattice(one.base.dimensions, plans[0].depth, one.base.rows):
            yield Pair(one.output, strata, *(_whole(w, strata, scheme) for w in own))
    if isinstance(a, OutputCohort) and isinstance(b, OutputCohort):
        seen = [members.seen_outputs(c, p) for c, p in zip((a, b), plans, strict=True)]
        for first, second in zip(*seen, strict=True):
            for strata in sets:
                sides = [_binary(strata, s.rows, s.plan, scheme) for s in (first, second)]
                yield Pair(first.member.output, strata, *sides)


def _binary(strata: StrataSet, rows: Rows, plan: Plan, scheme: Resampling) -> Side:
    measures = [m for m in possible(chosen(plan, len(strata.attributes)), rows)
                if m.contrasted and not m.pairwise]  # fmt: skip
    figures = compute_figures(rows, strata, scheme, measures)
    counted = Counted(tuple(np.bincount(strata.codes, minlength=len(strata.strata)).tolist()))
    return Side(figures, estimates_of(figures, rows, counted, plan, plan.level, measures))


def _whole(whole: Whole, strata: StrataSet, scheme: Resampling) -> Side:
    measures: Sequence = [m for m, outside in task_measures(whole.plan) if outside is None]  # type: ignore[type-arg]
    figures = whole.figures(strata, scheme, measures)
    named = [(m, None) for m in measures]
    own = task_estimates(figures, named, counted_rows(strata), whole.plan, whole.plan.level)
    return Side(figures, own)
