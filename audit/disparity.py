"""Contrasts between the strata of one attribute: differences, ratios and max-min gaps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from audit.estimates import UNDEFINED_LIMIT, by_measure, own_error
from audit.figures import Figures, spread
from audit.intervals import events_and_denominator, undefined_fraction
from audit.measures import MEASURES
from audit.measures.declaration import Measure
from audit.permutation import gap_nulls
from audit.plan import Plan
from audit.result import Contrast, Disparity, Estimate, Status
from audit.rows import Rows
from audit.stats.bootstrap import acceleration_of_difference, basic, bca, percentile
from audit.stats.multiplicity import MOST_PAIRED, gap_interval
from audit.stats.proportions import newcombe_difference

Floats = NDArray[np.float64]
SCREENING = "screening"


@dataclass(frozen=True)
class Bounds:
    """Intervals of one contrast for every stratum against the reference."""

    value: Floats
    lower: Floats
    upper: Floats
    method: tuple[str, ...]
    p: Floats
    undefined: Floats


def disparities_of(
    figures: Figures, estimates: Sequence[Estimate], level: float
) -> list[Disparity]:
    """Every contrast in one set of strata; `estimates` are those of the same set."""
    attributes = figures.strata.attributes
    if not attributes:
        return []
    own = by_measure(estimates)
    out: list[Disparity] = []
    for measure in figures.measures:
        if measure.pairwise:
            out.extend(_between_curves(figures, measure, own, level))
        elif measure.id in figures.replicates and measure.contrasted:
            out.extend(_of_measure(figures, measure, own[measure.id], level))
    return out


def usable_strata(estimates: Sequence[Estimate]) -> dict[str, list[int]]:
    """Places of the strata that can be compared on each measure, where there are at least two."""
    usable = {
        measure: [i for i, e in enumerate(own) if e.status == "ok"]
        for measure, own in by_measure(estimates).items()
    }
    return {measure: strata for measure, strata in usable.items() if len(strata) > 1}


def with_nulls(
    disparities: Sequence[Disparity],
    figures: Figures,
    estimates: Sequence[Estimate],
    rows: Rows,
    site: NDArray[np.int32] | None,
    plan: Plan,
) -> list[Disparity]:
    """Put beside every gap what it would be by chance alone (`audit.permutation`)."""
    usable = usable_strata(estimates)
    nulls = gap_nulls(rows, figures, usable, site, plan.permutations, plan.seed)
    return [
        d.model_copy(update={"null": nulls.get(d.measure, nulls.get(f"{d.measure}/{d.stratum}"))})
        if d.status == "ok" and (d.contrast == "gap" or MEASURES[d.measure].pairwise)
        else d
        for d in disparities
    ]


def _of_measure(
    figures: Figures, measure: Measure, estimates: Sequence[Estimate], level: float
) -> list[Disparity]:
    strata = figures.strata
    out: list[Disparity] = []
    reference = strata.reference_index(figures.n)
    if reference is not None and len(strata.strata) > 1:
        difference = _differences(figures, measure, estimates, reference, level)
        for i in range(len(strata.strata)):
            if i != reference:
                pair = (i, reference)
                out.append(
                    _record(figures, measure, "difference", estimates, pair, difference, level)
                )
        if measure.bounds[0] == 0:
            ratio = _ratios(figures, measure, estimates, reference, level, difference.p)
            for i in range(len(strata.strata)):
                if i != reference:
                    pair = (i, reference)
                    out.append(_record(figures, measure, "ratio", estimates, pair, ratio, level))
    if len(strata.strata) > 1:
        out.append(_gap(figures, measure, estimates, level))
    return out


def _differences(
    figures: Figures, measure: Measure, estimates: Sequence[Estimate], reference: int, level: float
) -> Bounds:
    value = figures.values[measure.id]
    replicates = figures.replicates[measure.id]
    moved = replicates - replicates[reference]
    difference = value - value[reference]
    lower, upper = percentile(moved, level)
    error = spread(moved)
    still = ~(spread(replicates) > 1e-12)
    still = still | still[reference]
    own = own_error(estimates, level)
    error = np.where(still, np.sqrt(own**2 + own[reference] ** 2), error)
    method = np.full(value.size, f"percentile_bootstrap_{figures.scheme}", dtype=object)
    corrected = _accelerated(figures, measure, difference, moved, reference, level)
    usable = np.isfinite(corrected[0]) & np.isfinite(corrected[1])
    lower, upper = np.where(usable, corrected[0], lower), np.where(usable, corrected[1], upper)
    method[usable] = f"bca_bootstrap_{figures.scheme}"
    if measure.inference == "proportion" and not figures.clustered:
        events, denominator = events_and_denominator(figures, measure)
        lower, upper = newcombe_difference(
            events, denominator, events[reference], denominator[reference], level
        )
        method[:] = "newcombe"
    elif still.any():
        rough = _mover(estimates, reference)
        lower, upper = np.where(still, rough[0], lower), np.where(still, rough[1], upper)
        method[still] = "mover"
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * ndtr(-np.abs(difference) / error)
    return Bounds(
        difference, lower, upper, tuple(method), np.where(error > 0, p, np.nan),
        undefined_fraction(moved),
    )  # fmt: skip


def _accelerated(
    figures: Figures,
    measure: Measure,
    difference: Floats,
    moved: Floats,
    reference: int,
    level: float,
) -> tuple[Floats, Floats]:
    """BCa intervals of differences between two small strata; NaN elsewhere.

    A patient in both strata counts as two, which matters for the skewness only.
    """
    nothing = np.full(difference.size, np.nan)
    jackknife = figures.jackknife.get(measure.id)
    if jackknife is None or np.isnan(jackknife.second[reference]):
        return nothing, nothing
    second, third = jackknife.second, jackknife.third
    own = acceleration_of_difference(second, third, second[reference], third[reference])
    lower, upper = bca(difference, moved, own, level)
    small = np.isfinite(own)
    return np.where(small, lower, np.nan), np.where(small, upper, np.nan)


def _between_curves(
    figures: Figures, measure: Measure, own: dict[str, list[Estimate]], level: float
) -> list[Disparity]:
    """Contrast of every stratum with the reference for a measure that is itself a contrast.

    No p value: it is never 0 in a sample, and its null stands beside it.
    """
    reference = figures.strata.reference_index(figures.n)
    estimates = own.get("auroc")
    if reference is None or estimates is None:
        return []
    value, replicates = figures.values[measure.id], figures.replicates[measure.id]
    lower, upper = basic(value, replicates, level, measure.bounds)
    nothing = np.full(value.size, np.nan)
    bounds = Bounds(
        value, lower, upper, (f"basic_bootstrap_{figures.scheme}",) * value.size, nothing,
        undefined_fraction(replicates),
    )  # fmt: skip
    return [
        _record(figures, measure, "difference", estimates, (i, reference), bounds, level)
        for i in range(value.size)
        if i != reference
    ]


def _own_intervals(estimates: Sequence[Estimate]) -> tuple[Floats, Floats, Floats]:
    """Values and bounds of the strata, NaN where there is none."""
    table = np.array(
        [[np.nan if v is None else v for v in (e.value, e.lower, e.upper)] for e in estimates],
        dtype=np.float64,
    )
    return table[:, 0], table[:, 1], table[:, 2]


def _mover(estimates: Sequence[Estimate], reference: int) -> tuple[Floats, Floats]:
    """Difference interval recovered from the two strata's own intervals.

    Used where resamples show no variation (every case found, say). Zou & Donner 2008,
    doi:10.1002/sim.3095; assumes that no patient is in both strata.
    """
    value, lower, upper = _own_intervals(estimates)
    v0, l0, u0 = value[reference], lower[reference], upper[reference]
    d = value - v0
    return (
        d - np.sqrt((value - lower) ** 2 + (u0 - v0) ** 2),
        d + np.sqrt((upper - value) ** 2 + (v0 - l0) ** 2),
    )


def _ratios(
    figures: Figures,
    measure: Measure,
    estimates: Sequence[Estimate],
    reference: int,
    level: float,
    p: Floats,
) -> Bounds:
    value = figures.values[measure.id]
    replicates = figures.replicates[measure.id]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(value[reference] > 0, value / value[reference], np.nan)
        moved = np.where(replicates[reference] > 0, replicates / replicates[reference], np.nan)
    lower, upper = percentile(moved, level)
    still = ~(spread(replicates) > 1e-12)
    still = still | still[reference]
    rough = _mover_ratio(estimates, reference)
    method = np.where(still, "mover", f"percentile_bootstrap_{figures.scheme}")
    return Bounds(
        ratio,
        np.where(still, rough[0], lower),
        np.where(still, rough[1], upper),
        tuple(str(m) for m in method),
        p,
        undefined_fraction(moved),
    )


def _mover_ratio(estimates: Sequence[Estimate], reference: int) -> tuple[Floats, Floats]:
    """Ratio interval recovered from the two strata's own intervals (see `_mover`).

    Donner & Zou 2012, doi:10.1177/0962280210393908. NaN where the reference's interval reaches 0.
    """
    v, low, high = _own_intervals(estimates)
    v0, low0, high0 = v[reference], low[reference], high[reference]
    product = v * v0
    with np.errstate(divide="ignore", invalid="ignore"):
        below = product**2 - low * high0 * (2 * v - low) * (2 * v0 - high0)
        above = product**2 - high * low0 * (2 * v - high) * (2 * v0 - low0)
        lower = (product - np.sqrt(below)) / (high0 * (2 * v0 - high0))
        upper = (product + np.sqrt(above)) / (low0 * (2 * v0 - low0))
    bounded = (high0 * (2 * v0 - high0) > 0) & (low0 * (2 * v0 - low0) > 0)
    return np.where(bounded, lower, np.nan), np.where(bounded, upper, np.nan)


def _record(
    figures: Figures,
    measure: Measure,
    contrast: Contrast,
    estimates: Sequence[Estimate],
    pair: tuple[int, int],
    bounds: Bounds,
    level: float,
) -> Disparity:
    i, reference = pair
    stratum, other = figures.strata.strata[i], figures.strata.strata[reference]
    status, reason = _status(estimates[i], estimates[reference], bounds, i)
    value = float(bounds.value[i])
    p = float(bounds.p[i])
    shown = status in ("ok", "insufficient") and bool(np.isfinite(value))
    return Disparity(
        id=f"{measure.id}/{contrast}/{stratum}:{other}",
        measure=measure.id,
        attribute=" & ".join(figures.strata.attributes),
        contrast=contrast,
        stratum=stratum,
        reference=other,
        value=value if shown else None,
        lower=float(bounds.lower[i]) if status == "ok" else None,
        upper=float(bounds.upper[i]) if status == "ok" else None,
        level=level,
        method=bounds.method[i],
        p=p if status == "ok" and np.isfinite(p) else None,
        p_adjusted=None,
        family=SCREENING,
        undefined_fraction=float(bounds.undefined[i]),
        status=status,
        reason=reason,
    )


def _status(one: Estimate, other: Estimate, bounds: Bounds, i: int) -> tuple[Status, str | None]:
    for estimate in (one, other):
        if estimate.status in ("undefined", "not_collected", "suppressed"):
            return estimate.status, f"{estimate.stratum}: {estimate.reason}"
    for estimate in (one, other):
        if estimate.status == "insufficient":
            return "insufficient", f"{estimate.stratum}: {estimate.reason}"
    if not np.isfinite(bounds.value[i]):
        return "undefined", f"the measure is 0 in {other.stratum}"
    if bounds.undefined[i] > UNDEFINED_LIMIT:
        return "insufficient", f"undefined in {bounds.undefined[i]:.1%} of the resamples"
    if not np.isfinite(bounds.lower[i] + bounds.upper[i]):
        return "insufficient", "no interval can be formed from these data"
    return "ok", None


def _gap(
    figures: Figures, measure: Measure, estimates: Sequence[Estimate], level: float
) -> Disparity:
    attribute = " & ".join(figures.strata.attributes)
    usable = [i for i, e in enumerate(estimates) if e.status == "ok"]
    left_out = [e.stratum for e in estimates if e.status != "ok"]
    common = {
        "id": f"{measure.id}/gap/{attribute}",
        "measure": measure.id,
        "attribute": attribute,
        "contrast": "gap",
        "level": level,
        "method": f"max_t_{'pairs' if len(usable) <= MOST_PAIRED else 'groups'}_{figures.scheme}",
        "p_adjusted": None,
        "family": SCREENING,
    }
    if len(usable) < 2:
        first = estimates[usable[0]].stratum if usable else estimates[0].stratum
        return Disparity.model_validate(
            common
            | dict.fromkeys(("value", "lower", "upper", "p", "undefined_fraction"))
            | {"stratum": first, "reference": first, "status": "insufficient"}
            | {"reason": "fewer than two strata have enough data to be compared"}
        )
    value = figures.values[measure.id][usable]
    gap = gap_interval(
        value,
        figures.replicates[measure.id][usable],
        own_error([estimates[i] for i in usable], level),
        level,
        measure.bounds[1] - measure.bounds[0],
    )
    worst, best = _extremes(measure, value)
    known = bool(np.isfinite(gap.lower + gap.upper))
    note = f"left out for want of data: {', '.join(left_out)}" if left_out else None
    return Disparity.model_validate(
        common
        | {
            "stratum": estimates[usable[worst]].stratum,
            "reference": estimates[usable[best]].stratum,
            "value": gap.value,
            "lower": gap.lower if known else None,
            "upper": gap.upper if known else None,
            "p": gap.p if known else None,
            "undefined_fraction": gap.undefined_fraction,
            "status": "ok" if known else "insufficient",
            "reason": note if known else "no interval can be formed from these data",
        }
    )


def _extremes(measure: Measure, value: Floats) -> tuple[int, int]:
    """The worst and the best stratum; the highest and the lowest where neither end is better."""
    if measure.direction == "higher":
        return int(value.argmin()), int(value.argmax())
    return int(value.argmax()), int(value.argmin())
