"""Which contrasts were declared, and what looking at many of them does to p values and intervals.

The contrasts that requirements name are the primary family: Holm-adjusted, with simultaneous
intervals from the shared resamples. Everything else is screening, with Benjamini-Hochberg.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audit.disparity import SCREENING, disparities_of
from audit.estimates import Counted
from audit.figures import Figures, spread
from audit.plan import Plan
from audit.result import Disparity, Estimate
from audit.sections import Bounded
from audit.stats.multiplicity import (
    benjamini_hochberg,
    holm,
    simultaneous_critical_value,
    simultaneous_level,
)

PRIMARY = "primary"


def primary_measures(plan: Plan, attribute: str, level: float | None = None) -> tuple[str, ...]:
    """Measures whose differences between levels of an attribute the plan requires something of.

    `level` limits it to the requirements held at that level.
    """
    return tuple(
        dict.fromkeys(
            r.measure
            for r in plan.requirements
            if r.contrast in ("difference", "ratio")
            and r.attribute == attribute
            and (level is None or (r.level or plan.level) == level)
        )
    )


def named(disparities: Sequence[Disparity], plan: Plan) -> list[Disparity]:
    """Mark the contrasts of the primary family."""
    gaps = {(r.measure, r.attribute) for r in plan.requirements if r.contrast == "gap"}
    pairs = {
        (r.measure, r.attribute) for r in plan.requirements if r.contrast in ("difference", "ratio")
    }
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
    """Add intervals that hold for all primary differences of one level at once.

    With ``c`` the `level` quantile over the shared resamples of the largest standardised deviation
    of any of them, every interval is given again by its own method at level ``2 Phi(c) - 1``.
    """
    chosen = [_primary_sets(one, level) for one in compared]
    deviates = []
    for one, sets in zip(compared, chosen, strict=True):
        ok = {d.id for d in one.disparities if d.contrast == "difference" and d.status == "ok"}
        deviates += [row for figures, _ in sets for row in _deviates(figures, ok)]
    if len(deviates) < 2:
        return [list(one.disparities) for one in compared]
    wider = simultaneous_level(simultaneous_critical_value(np.stack(deviates), level))
    return [_widened(one, sets, wider) for one, sets in zip(compared, chosen, strict=True)]


def _primary_sets(compared: Compared, level: float) -> list[tuple[Figures, Counted]]:
    return [
        (_primary_only(figures, compared.plan, level), counted)
        for figures, counted in compared.sets
        if len(figures.strata.attributes) and _primary_only(figures, compared.plan, level).measures
    ]


def _widened(
    compared: Compared, sets: Sequence[tuple[Figures, Counted]], wider: float
) -> list[Disparity]:
    found: dict[str, Bounded] = {}
    for figures, counted in sets:
        for d in disparities_of(figures, compared.estimates(figures, counted, wider), wider):
            if d.contrast != "gap" and d.status == "ok":
                found[d.id] = Bounded(value=d.value, lower=d.lower, upper=d.upper)
    return [d.model_copy(update={"simultaneous": found.get(d.id)}) for d in compared.disparities]


def _primary_only(figures: Figures, plan: Plan, level: float) -> Figures:
    wanted = primary_measures(plan, " & ".join(figures.strata.attributes), level)
    kept = tuple(m for m in figures.measures if m.id in wanted and m.id in figures.replicates)
    return replace(figures, measures=kept)


def _deviates(figures: Figures, ok: set[str]) -> list[NDArray[np.float64]]:
    """Standardised deviations of the resampled differences to the reference."""
    strata = figures.strata
    reference = strata.reference_index(figures.n)
    if reference is None:
        return []
    found = []
    for measure in figures.measures:
        value, replicates = figures.values[measure.id], figures.replicates[measure.id]
        for i, stratum in enumerate(strata.strata):
            if f"{measure.id}/difference/{stratum}:{strata.strata[reference]}" not in ok:
                continue
            moved = replicates[i] - replicates[reference] - (value[i] - value[reference])
            error = float(spread(moved[None, :])[0])
            if error > 0:
                found.append(moved / error)
    return found


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
