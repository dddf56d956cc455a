"""Which contrasts were declared, and what looking at many of them does to p values and intervals.

The contrasts that requirements name are the primary family: Holm-adjusted, with simultaneous
intervals from the shared resamples. Everything else is screening, with Benjamini-Hochberg.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audit.disparity import SCREENING, disparities_of
from audit.estimates import Counted, by_measure, own_error
from audit.figures import Figures, spread
from audit.plan import Plan
from audit.result import Contrast, Disparity, Estimate
from audit.sections import Bounded
from audit.stats._arrays import t_quantile
from audit.stats.multiplicity import (
    benjamini_hochberg,
    gap_deviates,
    holm,
    simultaneous_critical_value,
    simultaneous_level,
)

PRIMARY = "primary"
PAIRS: tuple[Contrast, ...] = ("difference", "ratio")


def primary_measures(
    plan: Plan,
    attribute: str,
    level: float | None = None,
    contrasts: Sequence[Contrast] = (*PAIRS, "gap"),
) -> tuple[str, ...]:
    """Measures whose contrasts between levels of an attribute the plan requires something of.

    `level` limits it to the requirements held at that level, `contrasts` to those of such a kind.
    """
    return tuple(
        dict.fromkeys(
            r.measure
            for r in plan.requirements
            if r.contrast in contrasts
            and r.primary
            and r.attribute == attribute
            and (level is None or (r.level or plan.level) == level)
        )
    )


def named(disparities: Sequence[Disparity], plan: Plan) -> list[Disparity]:
    """Mark the contrasts of the primary family."""
    declared = [r for r in plan.requirements if r.primary]
    gaps = {(r.measure, r.attribute) for r in declared if r.contrast == "gap"}
    pairs = {(r.measure, r.attribute) for r in declared if r.contrast in PAIRS}
    return [
        d.model_copy(update={"family": PRIMARY})
        if (d.measure, d.attribute) in (gaps if d.contrast == "gap" else pairs)
        and not d.reference.startswith("not ")
        else d
        for d in disparities
    ]


def adjusted(disparities: Sequence[Disparity]) -> list[Disparity]:
    """Add adjusted p values: Holm in the primary family, Benjamini-Hochberg in screening.

    A difference and its ratio test one hypothesis and count once. In screening the gaps form their
    own family.
    """
    out = list(disparities)
    for family, contrasts, adjust in (
        (PRIMARY, ("difference", "gap"), holm),
        (SCREENING, ("difference",), benjamini_hochberg),
        (SCREENING, ("gap",), benjamini_hochberg),
    ):
        chosen = [i for i, d in enumerate(out) if d.family == family and d.contrast in contrasts]
        p = np.array([np.nan if out[i].p is None else out[i].p for i in chosen], dtype=np.float64)
        for i, value in zip(chosen, adjust(p), strict=True):
            if not np.isnan(value):
                out[i] = out[i].model_copy(update={"p_adjusted": float(value)})
    differences = {_pair(d): d.p_adjusted for d in out if d.contrast == "difference"}
    return [
        d.model_copy(update={"p_adjusted": differences[_pair(d)]})
        if d.contrast == "ratio" and d.p is not None
        else d
        for d in out
    ]


def _pair(d: Disparity) -> tuple[str, str | None, str, str]:
    return d.measure, d.output, d.stratum, d.reference


@dataclass(frozen=True, eq=False)
class Compared:
    """Contrasts of one cohort with one outcome, and what they were made of.

    `sets` hold the resamples of their primary measures; `estimates` makes the estimates of a set
    again at another level.
    """

    disparities: Sequence[Disparity]
    sets: Sequence[tuple[Figures, Counted]]
    plan: Plan
    estimates: Callable[[Figures, Counted, float], list[Estimate]]


def with_simultaneous(compared: Sequence[Compared], level: float) -> list[list[Disparity]]:
    """Add intervals that hold for all primary differences and gaps of one level at once.

    With ``c`` the `level` quantile over the shared resamples of the largest standardised deviation
    of any of them, every interval is given again by its own method at level ``2 Phi(c) - 1``. A
    bootstrap interval is then made no narrower than the max-T interval itself (`_reach`): so far
    out, its quantiles rest on a handful of resamples.
    """
    chosen = [_primary_sets(one, level) for one in compared]
    deviates = []
    for one, sets in zip(compared, chosen, strict=True):
        ok = {d.id for d in one.disparities if d.status == "ok"}
        for figures, counted in sets:
            deviates += _of_differences(figures, one.plan, level, ok)
            estimates = one.estimates(figures, counted, level)
            deviates += _of_gaps(figures, one.plan, estimates, level, ok)
    if len(deviates) < 2:
        return [list(one.disparities) for one in compared]
    wider = simultaneous_level(simultaneous_critical_value(np.stack(deviates), level))
    return [_widened(one, sets, level, wider) for one, sets in zip(compared, chosen, strict=True)]


def _primary_sets(compared: Compared, level: float) -> list[tuple[Figures, Counted]]:
    return [
        (_primary_only(figures, compared.plan, level), counted)
        for figures, counted in compared.sets
        if len(figures.strata.attributes) and _primary_only(figures, compared.plan, level).measures
    ]


def _widened(
    compared: Compared, sets: Sequence[tuple[Figures, Counted]], level: float, wider: float
) -> list[Disparity]:
    found: dict[str, Bounded] = {}
    for figures, counted in sets:
        wanted = dict.fromkeys(PAIRS, _wanted(figures, compared.plan, level, PAIRS))
        wanted["gap"] = _wanted(figures, compared.plan, level, ("gap",))
        for d in disparities_of(figures, compared.estimates(figures, counted, wider), wider):
            if d.status == "ok" and d.measure in wanted[d.contrast]:
                found[d.id] = _no_narrower(d, figures, wider)
    return [d.model_copy(update={"simultaneous": found.get(d.id)}) for d in compared.disparities]


def _wanted(
    figures: Figures, plan: Plan, level: float, contrasts: Sequence[Contrast]
) -> tuple[str, ...]:
    return primary_measures(plan, " & ".join(figures.strata.attributes), level, contrasts)


def _primary_only(figures: Figures, plan: Plan, level: float) -> Figures:
    wanted = _wanted(figures, plan, level, (*PAIRS, "gap"))
    kept = tuple(m for m in figures.measures if m.id in wanted and m.id in figures.replicates)
    return replace(figures, measures=kept)


def _of_differences(
    figures: Figures, plan: Plan, level: float, ok: set[str]
) -> list[NDArray[np.float64]]:
    """Standardised deviations of the resampled differences to the reference."""
    strata = figures.strata
    reference = strata.reference_index(figures.n)
    if reference is None:
        return []
    wanted = _wanted(figures, plan, level, PAIRS)
    found = []
    for measure in (m for m in figures.measures if m.id in wanted):
        value, replicates = figures.values[measure.id], figures.replicates[measure.id]
        for i, stratum in enumerate(strata.strata):
            if f"{measure.id}/difference/{stratum}:{strata.strata[reference]}" not in ok:
                continue
            moved = replicates[i] - replicates[reference] - (value[i] - value[reference])
            error = float(spread(moved[None, :])[0])
            if error > 0:
                found.append(moved / error)
    return found


def _of_gaps(
    figures: Figures, plan: Plan, estimates: Sequence[Estimate], level: float, ok: set[str]
) -> list[NDArray[np.float64]]:
    """What the resampled gaps are worth beside differences (`gap_deviates`)."""
    attribute = " & ".join(figures.strata.attributes)
    own = by_measure(estimates)
    found = []
    for id in _wanted(figures, plan, level, ("gap",)):
        if f"{id}/gap/{attribute}" not in ok or id not in figures.replicates:
            continue
        usable = [i for i, e in enumerate(own[id]) if e.status == "ok"]
        error = own_error([own[id][i] for i in usable], level)
        found.append(
            gap_deviates(figures.values[id][usable], figures.replicates[id][usable], error)
        )
    return found


def _no_narrower(d: Disparity, figures: Figures, wider: float) -> Bounded:
    """Widen a bootstrap interval to the max-T interval of the same level.

    ``d -+ t se``, for ratios on the log scale and cut at the range of the measure.
    """
    if d.contrast == "gap" or d.value is None or d.lower is None or d.upper is None:
        return Bounded(value=d.value, lower=d.lower, upper=d.upper)
    measure = next(m for m in figures.measures if m.id == d.measure)
    if measure.pairwise or "_bootstrap_" not in d.method:
        return Bounded(value=d.value, lower=d.lower, upper=d.upper)
    pair = [figures.strata.strata.index(s) for s in (d.stratum, d.reference)]
    replicates = figures.replicates[d.measure][pair]
    clusters = figures.informants.get(d.measure, figures.clusters)[pair]
    if d.contrast == "ratio":
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(replicates > 0, np.log(replicates), np.nan)
        factor = float(np.exp(_reach(logs, clusters, wider)))
        low, high = d.value / factor, d.value * factor
    else:
        reach = _reach(replicates, clusters, wider)
        most = measure.bounds[1] - measure.bounds[0]
        low, high = max(d.value - reach, -most), min(d.value + reach, most)
    return Bounded(
        value=d.value, lower=float(np.fmin(low, d.lower)), upper=float(np.fmax(high, d.upper))
    )


def _reach(replicates: NDArray[np.float64], clusters: NDArray[np.int64], level: float) -> float:
    """Half the max-T interval of the difference of two rows of replicates.

    The quantile is Student's, with Satterthwaite's degrees of freedom of two groups of so many
    patients: resamples of few patients do not show how uncertain their own spread is.
    """
    error = float(spread((replicates[0] - replicates[1])[None, :])[0])
    own = spread(replicates) ** 2
    freedom = own.sum() ** 2 / (own**2 / np.maximum(clusters - 1, 1)).sum()
    return float(t_quantile(freedom, level)) * error


def limited(figures: Figures, plan: Plan) -> Figures:
    """Let the resamples go, but those of primary measures: they are most of the memory."""
    kept = primary_measures(plan, " & ".join(figures.strata.attributes))
    replicates: Mapping[str, NDArray[np.float64]] = figures.replicates
    return replace(
        figures,
        replicates={m: r for m, r in replicates.items() if m in kept},
        parts={},
        jackknife={m: j for m, j in figures.jackknife.items() if m in kept},
    )
