"""Estimates of whole-task measures: each a value with its interval, or the reason for none."""

from collections.abc import Sequence

import numpy as np

from audit.estimates import UNDEFINED_LIMIT, Counted
from audit.intervals import (
    Intervals,
    events_and_denominator,
    measure_intervals,
    undefined_fraction,
)
from audit.measures.cases import OF_CASES
from audit.measures.declaration import Measure
from audit.plan import Minimum, Plan
from audit.result import Estimate
from audit.sections import Status
from audit.tasks.figures import TaskFigures

NAMED = 5  # classes listed in a reason
# What leaves a mean over outputs undefined: the empty count, and how to say so.
_EMPTY = {
    "balanced_accuracy": (("positives",), "no unit of"),
    "macro_sensitivity": (("positives",), "no unit of"),
    "macro_average_precision": (("positives",), "no unit of"),
    "macro_specificity": (("negatives",), "no unit outside"),
    "macro_auroc": (("positives", "negatives"), "not both units of and units outside"),
    "macro_ppv": (("tp", "fp"), "no unit is predicted to be"),
    "macro_f1": (("positives", "tp", "fp"), "no unit is, or is predicted to be,"),
}
Chosen = tuple[Measure, str | None]


def task_estimates(
    figures: TaskFigures, chosen: Sequence[Chosen], counted: Counted, plan: Plan, level: float
) -> list[Estimate]:
    """Every chosen measure in every stratum of a set.

    `chosen` holds the measures and why one has no meaning for these scores, or None.
    """
    out: list[Estimate] = []
    for measure, outside in chosen:
        strata = range(len(figures.strata.strata))
        if outside is not None:
            out += [_without(figures, measure, i, counted, outside, level) for i in strata]
            continue
        intervals = measure_intervals(figures, measure, level, plan.intervals.get(measure.id))
        replicates = figures.replicates.get(measure.id)
        undefined = None if replicates is None else undefined_fraction(replicates)
        for i in strata:
            share = None if undefined is None else float(undefined[i])
            out.append(_estimate(figures, measure, i, counted, plan, level, intervals, share))
    return out


def _estimate(
    figures: TaskFigures,
    measure: Measure,
    i: int,
    counted: Counted,
    plan: Plan,
    level: float,
    intervals: Intervals,
    undefined: float | None,
) -> Estimate:
    value = float(figures.values[measure.id][i])
    if not np.isfinite(value):
        return _without(figures, measure, i, counted, _reason(figures, measure, i), level)
    lower, upper = float(intervals.lower[i]), float(intervals.upper[i])
    short = _too_little(figures, measure, i, plan.minimum)
    if short is None and undefined is not None and undefined > UNDEFINED_LIMIT:
        short = f"undefined in {undefined:.1%} of the resamples"
    if short is None and not np.isfinite(lower + upper):
        short = "no interval can be formed from these data"
    return _record(
        figures,
        measure,
        i,
        level,
        value=value,
        lower=lower if short is None else None,
        upper=upper if short is None else None,
        method=str(intervals.method[i]),
        undefined_fraction=undefined,
        status="ok" if short is None else "insufficient",
        reason=short,
    )


def _reason(figures: TaskFigures, measure: Measure, i: int) -> str:
    """Say which classes or labels leave a mean over them undefined."""
    if measure.id not in _EMPTY:
        return measure.undefined_when
    fields, words = _EMPTY[measure.id]
    sums = figures.sums
    if measure.id == "macro_auroc":
        gone = (sums["positives"][i] == 0) | (sums["negatives"][i] == 0)
    else:
        gone = np.sum([sums[field][i] for field in fields], axis=0) == 0
    names = [f"'{name}'" for name, empty in zip(figures.outputs, gone, strict=True) if empty]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{words} {', '.join(names[:NAMED])}{more}"


def _too_little(figures: TaskFigures, measure: Measure, i: int, minimum: Minimum) -> str | None:
    """Say which count falls short of the plan's minimum for inference."""
    if measure.id in _EMPTY:
        return _too_few_of_one(figures, measure, i, minimum.events)
    if figures.events is not None and figures.events[i] < minimum.events:
        return f"{int(figures.events[i])} events; the plan asks for {minimum.events}"
    have = int(figures.clusters[i])
    what = figures.whose
    if _informed_by_some(figures, measure):
        have = int(figures.informants[measure.id][i])
        what = measure.denominator_text.replace("units", figures.whose)
    need = minimum.denominator
    return f"{have} {what}; the plan asks for {need}" if have < need else None


def _informed_by_some(figures: TaskFigures, measure: Measure) -> bool:
    """Whether only those patients count that have such a case."""
    some = measure.inference == "proportion" or measure.family in OF_CASES
    return some and measure.id in figures.informants


def _too_few_of_one(figures: TaskFigures, measure: Measure, i: int, need: int) -> str | None:
    """A mean over outputs is as sure as the rarest of them."""
    sides = [(figures.patients_with, "of"), (figures.patients_without, "outside")]
    if measure.id != "macro_auroc":
        sides = [sides[measure.id == "macro_specificity"]]
    for counts, words in sides:
        rarest = int(counts[i].argmin())
        if counts[i][rarest] < need:
            who = f"{int(counts[i][rarest])} {figures.whose} {words} '{figures.outputs[rarest]}'"
            return f"{who}; the plan asks for {need}"
    return None


def _without(
    figures: TaskFigures, measure: Measure, i: int, counted: Counted, reason: str, level: float
) -> Estimate:
    status: Status = "undefined"
    if counted.rows[i] == 0:
        status, reason = "not_collected", "no unit of the cohort is in this stratum"
    elif int(figures.n[i]) == 0:
        status, reason = "not_collected", "no unit of this stratum has both label and score"
    nothing = dict.fromkeys(("value", "lower", "upper", "undefined_fraction"))
    return _record(
        figures, measure, i, level, method="none", status=status, reason=reason, **nothing
    )


def _record(
    figures: TaskFigures, measure: Measure, i: int, level: float, **rest: object
) -> Estimate:
    stratum, n = figures.strata.strata[i], int(figures.n[i])
    counts: tuple[int | None, int] = (None, n)
    clusters = int(figures.clusters[i])
    if measure.inference == "proportion" and measure.id in figures.values:
        events, denominator = events_and_denominator(figures, measure)
        counts = (int(events[i]), int(denominator[i]))
    if _informed_by_some(figures, measure):
        clusters = int(figures.informants[measure.id][i])
    happened = None if figures.events is None else int(figures.events[i])
    if happened is not None:
        counts = (happened, n)
    return Estimate.model_validate(
        {
            "id": f"{measure.id}/{stratum}",
            "measure": measure.id,
            "stratum": stratum,
            "level": level,
            "n": n,
            "n_positive": happened,
            "n_negative": None if happened is None else n - happened,
            "events": counts[0],
            "denominator": counts[1],
            "clusters": clusters,
            **rest,
        }
    )
