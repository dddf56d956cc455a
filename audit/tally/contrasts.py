"""Contrasts between strata out of a tally: without resamples, from the strata's own intervals.

Differences and ratios recover their variance from the two intervals (MOVER: Zou & Donner 2008,
doi:10.1002/sim.3095; Donner & Zou 2012, doi:10.1177/0962280210393908), which for proportions is
Newcombe's method. That takes the strata as independent. Where patients have rows in several of
them, a tally holds no covariance, and the arms are added as in the worst case.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from audit.disparity import SCREENING
from audit.estimates import by_measure
from audit.measures.declaration import Measure
from audit.plan import Plan
from audit.result import Disparity, Estimate
from audit.sections import Contrast, Status
from audit.stats._arrays import normal_quantile
from audit.tally.estimates import TELLING, tally_intervals, widened, with_error
from audit.tally.figures import TallyFigures

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Own:
    """Values of a measure by stratum, with intervals, standard and discretisation errors.

    `dependent` says that patients have rows in several strata.
    """

    value: Floats
    lower: Floats
    upper: Floats
    spread: Floats
    error: Floats
    dependent: bool

    def together(self, one: Floats, other: Floats) -> Floats:
        """Add two arms: of independent values, or in the worst case."""
        total: Floats = one + other if self.dependent else np.hypot(one, other)
        return total


@dataclass(frozen=True, eq=False)
class _Contrasts:
    """One contrast between pairs of strata; arrays by pair."""

    value: Floats
    lower: Floats
    upper: Floats
    p: Floats
    error: Floats


def tally_disparities(
    found: TallyFigures, estimates: Sequence[Estimate], plan: Plan, level: float
) -> list[Disparity]:
    """Every contrast in one set of strata; `estimates` are those of the same set and level."""
    strata = found.figures.strata
    if not strata.attributes or len(strata.strata) < 2:
        return []
    estimates_of = by_measure(estimates)
    out: list[Disparity] = []
    for measure in found.figures.measures:
        if not measure.contrasted or measure.id not in estimates_of:
            continue
        own = _own(found, measure, plan, level)
        out.extend(_to_reference(found, measure, estimates_of[measure.id], own, level))
        out.append(_gap(found, measure, estimates_of[measure.id], plan, level))
    return out


def _own(found: TallyFigures, measure: Measure, plan: Plan, level: float) -> _Own:
    figures = found.figures
    value, variance = figures.values[measure.id], figures.variance[measure.id]
    intervals = tally_intervals(figures, measure, level, plan)
    lower, upper, _ = widened(intervals, found.errors[measure.id], measure)
    # No variation is not certainty: then the longer arm of the interval tells.
    arm = np.maximum(upper - value, value - lower) / normal_quantile(level)
    spread = np.where(variance > 0, np.sqrt(np.where(variance > 0, variance, 0.0)), arm)
    return _Own(value, lower, upper, spread, found.errors[measure.id], found.several > 0)


def _to_reference(
    found: TallyFigures,
    measure: Measure,
    estimates: Sequence[Estimate],
    own: _Own,
    level: float,
) -> list[Disparity]:
    strata = found.figures.strata
    reference = strata.reference_index(found.figures.n)
    if reference is None:
        return []
    others = np.array([i for i in range(len(strata.strata)) if i != reference], np.int64)
    pairs = (others, np.full_like(others, reference))
    kinds: dict[Contrast, _Contrasts] = {"difference": _differences(own, *pairs)}
    if measure.bounds[0] == 0:
        kinds["ratio"] = _ratios(own, *pairs)
    return [
        _record(found, measure, contrast, estimates, (i, reference), table, place, level)
        for contrast, table in kinds.items()
        for place, i in enumerate(others.tolist())
    ]


def _differences(own: _Own, i: Ints, j: Ints) -> _Contrasts:
    value = own.value[i] - own.value[j]
    down = own.together(own.value[i] - own.lower[i], own.upper[j] - own.value[j])
    up = own.together(own.upper[i] - own.value[i], own.value[j] - own.lower[j])
    error = own.error[i] + own.error[j]
    telling = np.where(error > TELLING * (up + down) / 2, error, 0.0)
    return _Contrasts(value, value - down - telling, value + up + telling, _p(own, i, j), error)


def _p(own: _Own, i: Ints, j: Ints) -> Floats:
    """Two-sided normal p value of no difference."""
    spread = own.together(own.spread[i], own.spread[j])
    with np.errstate(divide="ignore", invalid="ignore"):
        p: Floats = 2 * ndtr(-np.abs(own.value[i] - own.value[j]) / spread)
    return np.where(spread > 0, p, np.nan)


def _ratios(own: _Own, i: Ints, j: Ints) -> _Contrasts:
    """NaN bounds where the reference's interval reaches 0."""
    v, low, high = own.value[i], own.lower[i], own.upper[i]
    v0, low0, high0 = own.value[j], own.lower[j], own.upper[j]
    product = v * v0
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(v0 > 0, v / v0, np.nan)
        # Values as far from the truth as their bounds allow.
        error = np.where(v0 > own.error[j], (own.error[i] + value * own.error[j]), np.inf)
        error = np.where(error > 0, error / (v0 - own.error[j]), 0.0)
        if own.dependent:
            lower, upper = low / high0, high / low0
        else:
            below = product**2 - low * high0 * (2 * v - low) * (2 * v0 - high0)
            above = product**2 - high * low0 * (2 * v - high) * (2 * v0 - low0)
            lower = (product - np.sqrt(below)) / (high0 * (2 * v0 - high0))
            upper = (product + np.sqrt(above)) / (low0 * (2 * v0 - low0))
            bounded = (high0 * (2 * v0 - high0) > 0) & (low0 * (2 * v0 - low0) > 0)
            lower, upper = np.where(bounded, lower, np.nan), np.where(bounded, upper, np.nan)
    telling = np.where(error > TELLING * (upper - lower) / 2, error, 0.0)
    return _Contrasts(
        value, np.maximum(lower - telling, 0.0), upper + telling, _p(own, i, j), error
    )


def _record(
    found: TallyFigures,
    measure: Measure,
    contrast: Contrast,
    estimates: Sequence[Estimate],
    pair: tuple[int, int],
    table: _Contrasts,
    place: int,
    level: float,
) -> Disparity:
    one, other = (estimates[i] for i in pair)
    value, p = float(table.value[place]), float(table.p[place])
    lower, upper = float(table.lower[place]), float(table.upper[place])
    status, reason = _status(one, other, value, lower + upper)
    shown = status in ("ok", "insufficient") and bool(np.isfinite(value))
    return Disparity(
        id=f"{measure.id}/{contrast}/{one.stratum}:{other.stratum}",
        measure=measure.id,
        attribute=" & ".join(found.figures.strata.attributes),
        contrast=contrast,
        stratum=one.stratum,
        reference=other.stratum,
        value=value if shown else None,
        lower=lower if status == "ok" else None,
        upper=upper if status == "ok" else None,
        level=level,
        method=with_error(_method(found, measure, contrast), float(table.error[place]), found.bins),
        p=p if status == "ok" and np.isfinite(p) else None,
        p_adjusted=None,
        family=SCREENING,
        undefined_fraction=None,
        status=status,
        reason=reason,
    )


def _method(found: TallyFigures, measure: Measure, contrast: Contrast) -> str:
    if found.several:
        return "mover_any_dependence"
    simple = measure.inference == "proportion" and not found.figures.clustered
    return "newcombe" if simple and contrast == "difference" else "mover"


def _status(
    one: Estimate, other: Estimate, value: float, bounds: float
) -> tuple[Status, str | None]:
    for estimate in (one, other):
        if estimate.status in ("undefined", "not_collected", "suppressed"):
            return estimate.status, f"{estimate.stratum}: {estimate.reason}"
    for estimate in (one, other):
        if estimate.status == "insufficient":
            return "insufficient", f"{estimate.stratum}: {estimate.reason}"
    if not np.isfinite(value):
        return "undefined", f"the measure is 0 in {other.stratum}"
    if not np.isfinite(bounds):
        return "insufficient", "no interval can be formed from these data"
    return "ok", None


def _gap(
    found: TallyFigures,
    measure: Measure,
    estimates: Sequence[Estimate],
    plan: Plan,
    level: float,
) -> Disparity:
    """Largest less smallest value of the strata that have enough data."""
    usable = [i for i, e in enumerate(estimates) if e.status == "ok"]
    left_out = [e.stratum for e in estimates if e.status != "ok"]
    attribute = " & ".join(found.figures.strata.attributes)
    head = {
        "id": f"{measure.id}/gap/{attribute}",
        "measure": measure.id,
        "attribute": attribute,
        "contrast": "gap",
        "level": level,
        "method": "bonferroni_pairs_any_dependence" if found.several else "bonferroni_pairs",
        "p_adjusted": None,
        "family": SCREENING,
        "undefined_fraction": None,
    }
    if len(usable) < 2:
        first = estimates[usable[0]].stratum if usable else estimates[0].stratum
        return Disparity.model_validate(
            head
            | dict.fromkeys(("value", "lower", "upper", "p"))
            | {"stratum": first, "reference": first, "status": "insufficient"}
            | {"reason": "fewer than two strata have enough data to be compared"}
        )
    gap, lower, upper, p, error = _gap_interval(found, measure, usable, plan, level)
    worst, best = _extremes(measure, found.figures.values[measure.id][usable])
    known = bool(np.isfinite(lower + upper))
    note = f"left out for want of data: {', '.join(left_out)}" if left_out else None
    return Disparity.model_validate(
        head
        | {
            "stratum": estimates[usable[worst]].stratum,
            "reference": estimates[usable[best]].stratum,
            "value": gap,
            "lower": lower if known else None,
            "upper": upper if known else None,
            "method": with_error(str(head["method"]), error, found.bins),
            "p": p if known else None,
            "status": "ok" if known else "insufficient",
            "reason": note if known else "no interval can be formed from these data",
        }
    )


def _gap_interval(
    found: TallyFigures, measure: Measure, usable: list[int], plan: Plan, level: float
) -> tuple[float, float, float, float, float]:
    """Gap, its bounds, p value and discretisation error, from Bonferroni intervals of all pairs.

    All differences lie in their intervals at once, so that the largest lies between the largest of
    the lower bounds and the largest of the upper bounds of their sizes.
    """
    one, other = (np.array(usable)[side] for side in np.triu_indices(len(usable), 1))
    own = _own(found, measure, plan, 1 - (1 - level) / one.size)
    table = _differences(own, one, other)
    gap, error = float(np.ptp(own.value[usable])), 2 * float(own.error[usable].max())
    lower = max(0.0, float(np.maximum(table.lower, -table.upper).max()))
    upper = float(np.maximum(table.upper, -table.lower).max())
    upper = min(upper, measure.bounds[1] - measure.bounds[0])
    p = float(min(1.0, one.size * np.nanmin(table.p)))
    return gap, min(lower, gap), max(upper, gap), p, error


def _extremes(measure: Measure, value: Floats) -> tuple[int, int]:
    """The worst and the best stratum; the highest and the lowest where neither end is better."""
    if measure.direction == "higher":
        return int(value.argmin()), int(value.argmax())
    return int(value.argmax()), int(value.argmin())
