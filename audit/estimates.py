"""From figures to estimates: each a value with its interval, or the reason why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from audit.figures import Figures
from audit.intervals import (
    Intervals,
    events_and_denominator,
    measure_intervals,
    undefined_fraction,
)
from audit.measures.declaration import Measure
from audit.plan import Minimum, Plan
from audit.result import Estimate, Status
from audit.rows import Rows
from audit.selection import chosen, outside_domain

Floats = NDArray[np.float64]
UNDEFINED_LIMIT = 0.05
# Means over all units, or bins of them: what counts is how many there are, not of which outcome.
_BY_UNITS = frozenset(
    ("brier", "log_loss", "net_benefit", "ece", "ece_mass", "smece", "spiegelhalter_z", "f1",
     "generalised_entropy", "theil", "murphy_reliability", "murphy_resolution",
     "murphy_uncertainty")
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Counted:
    """Rows of every stratum of a set, those without label or score included."""

    rows: tuple[int, ...]


def estimates_of(
    figures: Figures,
    rows: Rows,
    counted: Counted,
    plan: Plan,
    level: float,
    measures: Sequence[Measure] | None = None,
) -> list[Estimate]:
    """Every measure in every stratum of a set, in the order of the declarations.

    `measures` are by default all those the plan chooses, outside the score's domain too.
    """
    out: list[Estimate] = []
    for measure in chosen(plan, len(figures.strata.attributes)) if measures is None else measures:
        if measure.pairwise:
            continue
        outside = outside_domain(measure, rows)
        if outside is not None:
            out.extend(
                without_value(figures, measure, i, counted, outside, level)
                for i in range(len(figures.strata.strata))
            )
            continue
        out.extend(_of_measure(figures, measure, counted, plan, level))
    return out


def by_measure(estimates: Sequence[Estimate]) -> dict[str, list[Estimate]]:
    """Estimates of one set of strata, by measure, in the order of the strata."""
    found: dict[str, list[Estimate]] = {}
    for estimate in estimates:
        found.setdefault(estimate.measure, []).append(estimate)
    return found


def own_error(estimates: Sequence[Estimate], level: float) -> Floats:
    """Standard errors implied by the strata's own intervals, which are never degenerate.

    The longer arm counts: at 0 or 1 the whole interval lies on one side.
    """
    z = ndtri(0.5 + level / 2)
    return np.array(
        [
            np.nan
            if e.lower is None or e.upper is None or e.value is None
            else max(e.upper - e.value, e.value - e.lower) / z
            for e in estimates
        ],
        dtype=np.float64,
    )


def _of_measure(
    figures: Figures, measure: Measure, counted: Counted, plan: Plan, level: float
) -> list[Estimate]:
    intervals = measure_intervals(figures, measure, level, plan.intervals.get(measure.id))
    replicates = figures.replicates.get(measure.id)
    count = len(figures.strata.strata)
    undefined = undefined_fraction(replicates) if replicates is not None else np.full(count, np.nan)
    return [
        _estimate(figures, measure, i, counted, plan.minimum, level, intervals, float(undefined[i]))
        for i in range(count)
    ]


def _estimate(
    figures: Figures,
    measure: Measure,
    i: int,
    counted: Counted,
    minimum: Minimum,
    level: float,
    intervals: Intervals,
    undefined: float,
) -> Estimate:
    value = float(figures.values[measure.id][i])
    if not np.isfinite(value):
        reason = measure.undefined_when
        return without_value(figures, measure, i, counted, reason, level)
    lower, upper = float(intervals.lower[i]), float(intervals.upper[i])
    reason_short = too_little(figures, measure, i, minimum)
    if reason_short is None and undefined > UNDEFINED_LIMIT:
        reason_short = f"undefined in {undefined:.1%} of the resamples"
    if reason_short is None and measure.inference != "null" and not np.isfinite(lower + upper):
        reason_short = "no interval can be formed from these data"
    bounded = reason_short is None and measure.inference != "null"
    return estimate_record(
        figures,
        measure,
        i,
        level,
        value=value,
        lower=lower if bounded else None,
        upper=upper if bounded else None,
        method=str(intervals.method[i]),
        undefined_fraction=None if np.isnan(undefined) else undefined,
        status="ok" if reason_short is None else "insufficient",
        reason=reason_short,
        null=figures.null[measure.id][i] if measure.inference == "null" else None,
        baseline=value_by_chance(figures, measure, i),
    )


def value_by_chance(figures: Figures, measure: Measure, i: int) -> float | None:
    """What chance alone gives, beside measures that are easily misread without it."""
    if measure.id != "average_precision":
        return None
    return float(figures.sums["positives"][i] / figures.n[i])


def too_little(figures: Figures, measure: Measure, i: int, minimum: Minimum) -> str | None:
    """Say which count falls short of the plan's minimum for inference."""
    whose = "patients" if figures.clustered else "units"
    if measure.inference == "proportion":
        have = int(figures.informants[measure.id][i])
        what, need = measure.denominator_text.replace("units", whose), minimum.denominator
    elif measure.id in _BY_UNITS:
        have, what, need = int(figures.clusters[i]), whose, minimum.denominator
    else:
        positive, negative = int(figures.clusters_positive[i]), int(figures.clusters_negative[i])
        have, need = min(positive, negative), minimum.events
        what = f"{whose} {'with' if positive <= negative else 'without'} the condition"
    return f"{have} {what}; the plan asks for {need}" if have < need else None


def without_value(
    figures: Figures, measure: Measure, i: int, counted: Counted, reason: str, level: float
) -> Estimate:
    """Record that there is no value, and why."""
    status: Status = "undefined"
    if counted.rows[i] == 0:
        status, reason = "not_collected", "no unit of the cohort is in this stratum"
    elif int(figures.n[i]) == 0:
        status, reason = "not_collected", "no unit of this stratum has both label and score"
    return estimate_record(
        figures,
        measure,
        i,
        level,
        value=None,
        lower=None,
        upper=None,
        method="none",
        undefined_fraction=None,
        status=status,
        reason=reason,
        null=None,
    )


def estimate_record(
    figures: Figures, measure: Measure, i: int, level: float, **rest: object
) -> Estimate:
    """Fill in what every estimate says of its stratum and its counts."""
    stratum = figures.strata.strata[i]
    positives = int(figures.sums["positives"][i])
    n = int(figures.n[i])
    counts: tuple[int | None, int] = (positives, n)
    if measure.id not in figures.values:
        counts = (None, n)
    elif measure.inference == "proportion":
        events, denominator = events_and_denominator(figures, measure)
        counts = (int(events[i]), int(denominator[i]))
    informants = figures.informants.get(measure.id, figures.clusters)
    clusters = informants if measure.inference == "proportion" else figures.clusters
    return Estimate.model_validate(
        {
            "id": f"{measure.id}/{stratum}",
            "measure": measure.id,
            "stratum": stratum,
            "level": level,
            "n": n,
            "n_positive": positives,
            "n_negative": n - positives,
            "events": counts[0],
            "denominator": counts[1],
            "clusters": int(clusters[i]),
            **rest,
        }
    )
