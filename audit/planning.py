"""What a cohort of this size can show of each requirement, before any score is read.

All at 80 % power for every stratum or pair by itself, from the sizes of the strata and a value that
is assumed and printed. With ``z_a`` the quantile of the interval, ``z_b`` that of the power and
``SE(v)`` the standard error were the truth v:

- a bound b can be decided from a truth v when ``z_a SE(b) + z_b SE(v) <= |v - b|`` (for a
  proportion the test that Wilson's interval inverts; Fleiss, Levin & Paik 2003,
  doi:10.1002/0471445428);
- a margin m round equality, when ``z_a SE + z_b SE <= m``. It has two sides, that of a gap too,
  which may come out either way: z_b is ``z_{1-(1-power)/2}`` (Julious 2004, doi:10.1002/sim.1783).

Standard errors: of a proportion ``sqrt(p q / n)``; of the AUROC Hanley & McNeil 1982,
doi:10.1148/radiology.143.1.7063747; of the logarithm of O:E ``sqrt((1 - phi)/(n phi))`` (Riley et
al. 2021, doi:10.1002/sim.9025). A ratio is taken on the log scale (Katz et al. 1978,
doi:10.2307/2530610). Rows of one patient count less: every size is divided by the design effect
``1 + (m - 1) icc`` with m the mean rows of a patient, weighted by rows (Eldridge et al. 2006,
doi:10.1093/ije/dyl129).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, exp, inf, log, sqrt
from statistics import NormalDist
from typing import Literal

from audit.judging import in_words
from audit.measures import measures_of_task
from audit.plan import Plan, Requirement
from audit.power import POWER
from audit.sections import Record
from audit.stats.sample_size import n_for_difference
from audit.verdicts import allowed, statement

PLANNED_TASKS = ("binary",)
DENOMINATOR: dict[str, Literal["n", "positives", "negatives"]] = {
    "sensitivity": "positives",
    "fnr": "positives",
    "specificity": "negatives",
    "fpr": "negatives",
    "flag_rate": "n",
    "prevalence": "n",
    "accuracy": "n",
}
WIDEST = 0.5  # where the interval of a proportion is widest
_STEPS = 60


@dataclass(frozen=True)
class Sizes:
    """Units of one stratum, each divided by its own design effect."""

    stratum: str
    attribute: str
    n: float
    positives: float
    negatives: float
    effect: tuple[float, float, float] = (1.0, 1.0, 1.0)


class Planned(Record):
    """What can be shown of one requirement with these sizes.

    `detectable` is a distance from the bound or margin, on the scale of the measure (for a ratio of
    groups, and for O:E, as a factor); None where no value of the measure could be told from it.
    `have` and `needed` count the units in `unit`, in the stratum that decides; `needed` is for the
    assumed value, or for the best possible one (`needed_for`) where nothing was assumed.
    """

    requirement: str
    statement: str
    status: Literal["decidable", "undecidable", "not_planned"]
    stratum: str | None = None
    assumed: float | None = None
    assumed_from: str = ""
    margin: float | None = None
    detectable: float | None = None
    unit: str | None = None
    have: int | None = None
    needed: int | None = None
    needed_for: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class _Model:
    """How precisely a measure is known: its standard error at a value, on `scale`."""

    unit: str
    error: Callable[[float, Sizes], float]
    log_scale: bool = False
    bounds: tuple[float, float] = (0.0, 1.0)
    widest: float | None = None

    def on_scale(self, value: float) -> float:
        if not self.log_scale:
            return value
        return log(value) if value > 0 else -inf


def auroc_error(auroc: float, positives: float, negatives: float) -> float:
    """Standard error of an AUROC (Hanley & McNeil 1982, their formulas 2 and 3)."""
    if positives <= 0 or negatives <= 0:
        return inf
    q1, q2, square = auroc / (2 - auroc), 2 * auroc**2 / (1 + auroc), auroc**2
    spread = auroc * (1 - auroc) + max(positives - 1, 0) * (q1 - square)
    spread += max(negatives - 1, 0) * (q2 - square)
    return sqrt(max(spread, 0.0) / (positives * negatives))


def proportion_error(p: float, n: float) -> float:
    """Standard error of a proportion."""
    return sqrt(p * (1 - p) / n) if n > 0 else inf


def n_for_bound(bound: float, truth: float, level: float, power: float = POWER) -> int:
    """Units at which the interval of a proportion excludes a bound.

    ``((z_a sqrt(b (1-b)) + z_b sqrt(v (1-v))) / (v - b))^2``.
    """
    z, z_power = _quantiles(level, power)
    reach = z * sqrt(bound * (1 - bound)) + z_power * sqrt(truth * (1 - truth))
    return ceil((reach / (truth - bound)) ** 2 * (1 - 1e-12))


def plan_requirements(
    plan: Plan, sizes: Sequence[Sizes], assumed: Mapping[str, float]
) -> tuple[Planned, ...]:
    """Say of everything the plan requires what these sizes can show.

    `assumed` gives the true value of a measure; without one a bound is told by what lies nearest to
    it that could still be shown, and a contrast at the floor of the same measure or, for a
    proportion, where its interval is widest.
    """
    found = [_planned(plan, r, sizes, assumed) for r in plan.requirements]
    found += [_unplanned(c.id, in_words(c), "it depends on the baseline audit")
              for c in plan.change]  # fmt: skip
    found += [_unplanned(c.id, in_words(c), "no sample decides it") for c in plan.checklists]
    return tuple(found)


def contrasts_at_once(plan: Plan, sizes: Sequence[Sizes]) -> int:
    """Contrasts between levels that primary requirements name: their intervals hold together."""
    named: set[tuple[str, str, str, str]] = set()
    for r in plan.requirements:
        if r.contrast is not None and r.primary:
            named |= {(r.measure, r.contrast, a.stratum, b.stratum)
                      for a, b in _pairs(plan, r, sizes)}  # fmt: skip
    return max(1, len(named))


def _planned(
    plan: Plan, r: Requirement, sizes: Sequence[Sizes], assumed: Mapping[str, float]
) -> Planned:
    told = statement(r)
    if plan.task not in PLANNED_TASKS:
        return _unplanned(r.id, told, f"no planning formula is used for task {plan.task}")
    model = _model(r.measure)
    if model is None:
        return _unplanned(r.id, told, _why_not(plan, r.measure))
    if r.contrast is None:
        chosen = [s for s in sizes if s.stratum in r.strata or s.attribute in r.strata]
        parts = [_bound(plan, r, model, s, assumed) for s in chosen]
    else:
        value, origin = _common(plan, r, model, assumed)
        if value is None:
            return _unplanned(r.id, told, origin)
        at_once = contrasts_at_once(plan, sizes) if r.primary else 1
        if r.contrast == "gap":
            at_once = max(at_once, len(_pairs(plan, r, sizes)))
        parts = [_contrast(plan, r, model, pair, (value, origin), at_once)
                 for pair in _pairs(plan, r, sizes)]  # fmt: skip
    if not parts:
        return _unplanned(r.id, told, "the cohort has no stratum that it speaks of")
    return max(parts, key=lambda p: (p.status == "undecidable", _share_lacking(p), p.stratum or ""))


def _share_lacking(one: Planned) -> float:
    if one.needed is None or one.have is None:
        return inf if one.detectable is None else one.detectable
    return one.needed / max(one.have, 0.5)


def _bound(
    plan: Plan, r: Requirement, model: _Model, size: Sizes, assumed: Mapping[str, float]
) -> Planned:
    """A measure in one stratum against its floor, ceiling or range."""
    level, known = r.level or plan.level, assumed.get(r.measure)
    low, high = allowed(r)
    two_sided = low > -inf and high < inf
    if known is None and two_sided:
        known_value: float | None = (
            exp((log(low) + log(high)) / 2) if model.log_scale and low > 0 else (low + high) / 2
        )
        origin = "the middle of the range"
    else:
        known_value, origin = known, "--assume" if known is not None else "the bound itself"
    bound = _nearer(known_value, low, high, model)
    upwards = (bound == low) if known_value is None else known_value > bound
    detectable = _departure(model, size, bound, upwards, level, two_sided)
    margin = (
        None if known_value is None else abs(model.on_scale(known_value) - model.on_scale(bound))
    )
    reachable = detectable is not None and (margin is None or detectable <= margin)
    have = _have(model, size)
    return Planned(
        requirement=r.id,
        statement=statement(r),
        status="decidable" if reachable else "undecidable",
        stratum=size.stratum,
        assumed=known_value if known_value is not None else bound,
        assumed_from=origin,
        margin=None if margin is None else _shown(margin, model.log_scale),
        detectable=None if detectable is None else _shown(detectable, model.log_scale),
        unit=model.unit,
        have=have,
        needed=_needed(model, size, bound, known_value, upwards, level, two_sided),
        needed_for=_best(model, upwards) if known_value is None else None,
        reason="" if reachable else _too_small(model, bound, known_value, upwards),
    )


def _nearer(value: float | None, low: float, high: float, model: _Model) -> float:
    if value is None:
        return low if low > -inf else high
    at = model.on_scale(value)
    reach = [(abs(at - model.on_scale(b)), b) for b in (low, high) if abs(b) < inf]
    return min(reach)[1]


def _too_small(model: _Model, bound: float, value: float | None, upwards: bool) -> str:
    if value is None:
        best = model.bounds[1] if upwards else model.bounds[0]
        return f"not even a value of {best:g} could be told from {bound:g} with so few"
    return f"a value of {value:g} would not be told from {bound:g} with so few"


def _departure(
    model: _Model, size: Sizes, bound: float, upwards: bool, level: float, two_sided: bool
) -> float | None:
    """Smallest departure from a bound that would be shown; None where no possible value would."""
    z, z_power = _quantiles(level, (1 + POWER) / 2 if two_sided else POWER)
    start = model.on_scale(bound)
    if model.log_scale:
        error = model.error(bound, size)
        return (z + z_power) * error if error < inf else None
    end = model.bounds[1] if upwards else model.bounds[0]

    def lacking(value: float) -> float:
        reach = z * model.error(bound, size) + z_power * model.error(value, size)
        return reach - abs(value - start)

    if not lacking(end) <= 0:
        return None
    # from the bound outwards, the reach falls short first and is there at the end
    near, far = start, end
    for _ in range(_STEPS):
        middle = (near + far) / 2
        near, far = (near, middle) if lacking(middle) <= 0 else (middle, far)
    return abs(far - start)


def _needed(
    model: _Model, size: Sizes, bound: float, value: float | None, upwards: bool, level: float,
    two_sided: bool,
) -> int | None:  # fmt: skip
    """Units at which the assumed value, or else the best possible one, would be told apart."""
    truth = _best(model, upwards) if value is None else value
    if truth is None:
        return None
    distance = abs(model.on_scale(truth) - model.on_scale(bound))
    z, z_power = _quantiles(level, (1 + POWER) / 2 if two_sided else POWER)
    reach = z * model.error(bound, size) + z_power * model.error(truth, size)
    have = _have(model, size)
    if not 0 < distance < inf or not 0 < reach < inf or not have:
        return None
    return ceil(have * (reach / distance) ** 2 * (1 - 1e-12))


def _best(model: _Model, upwards: bool) -> float | None:
    """The value furthest from a bound; None where there is no furthest one."""
    best = model.bounds[1] if upwards else model.bounds[0]
    return None if model.log_scale else best


def _common(
    plan: Plan, r: Requirement, model: _Model, assumed: Mapping[str, float]
) -> tuple[float | None, str]:
    """The value that all groups are taken to have, and where it comes from."""
    if r.measure in assumed:
        return assumed[r.measure], "--assume"
    floors = [o for o in plan.requirements if o.measure == r.measure and o.contrast is None]
    for other in floors:
        for bound in (other.floor, other.ceiling):
            if bound is not None and model.bounds[0] < bound < model.bounds[1]:
                return bound, f"the bound of '{other.id}'"
    if model.widest is not None:
        where = "where its interval is widest" if not model.log_scale else "its target"
        return model.widest, where
    return None, f"its value has to be assumed: --assume {r.measure}=0.8"


def _contrast(
    plan: Plan,
    r: Requirement,
    model: _Model,
    pair: tuple[Sizes, Sizes],
    common: tuple[float, str],
    at_once: int,
) -> Planned:
    """Two groups of equal value against the margin."""
    value, origin = common
    ratio = r.contrast == "ratio"
    high = allowed(r)[1]
    margin = log(high) if ratio else high
    level = 1 - (1 - (r.level or plan.level)) / at_once
    power = (1 + POWER) / 2
    z, z_power = _quantiles(level, power)
    error = sqrt(sum(_contrast_error(model, value, s, ratio) ** 2 for s in pair))
    detectable = (z + z_power) * error
    small = min(pair, key=lambda s: (_units(model, s), s.stratum))
    have = _have(model, small)
    reachable = detectable <= margin
    needed = None
    if 0 < error < inf and have:
        needed = int(n_for_difference(margin, error, have, level, power))
    return Planned(
        requirement=r.id,
        statement=statement(r),
        status="decidable" if reachable else "undecidable",
        stratum=f"{pair[0].stratum}:{pair[1].stratum}",
        assumed=value,
        assumed_from=origin,
        margin=_shown(margin, ratio),
        detectable=_shown(detectable, ratio) if detectable < inf else None,
        unit=f"{model.unit} in {small.stratum}",
        have=have,
        needed=needed,
        reason="" if reachable else "equal groups would not be shown to be within the margin",
    )


def _contrast_error(model: _Model, value: float, size: Sizes, ratio: bool) -> float:
    error = model.error(value, size)
    if ratio == model.log_scale:
        return error
    if ratio:
        return error / value if value > 0 else inf
    return error * value


def _pairs(plan: Plan, r: Requirement, sizes: Sequence[Sizes]) -> list[tuple[Sizes, Sizes]]:
    """The levels that are compared: all of them two by two, or each with the reference."""
    levels = [s for s in sizes if s.attribute == r.attribute and "(missing)" not in s.stratum]
    if r.contrast == "gap":
        return list(combinations(levels, 2))
    if len(levels) < 2:
        return []
    reference = _reference(plan, str(r.attribute), levels)
    return [(s, reference) for s in levels if s is not reference]


def _reference(plan: Plan, attribute: str, levels: Sequence[Sizes]) -> Sizes:
    """The declared reference, or else the largest stratum."""
    parts = []
    for name in sorted(attribute.split(" & ")):
        known = plan.dimensions.get(name)
        if known is None or known.reference is None:
            return max(levels, key=lambda s: s.n)
        parts.append(f"{name}={known.reference}")
    wanted = " & ".join(parts)
    return next((s for s in levels if s.stratum == wanted), max(levels, key=lambda s: s.n))


def _model(measure: str) -> _Model | None:
    if measure in DENOMINATOR:
        unit = DENOMINATOR[measure]
        return _Model(unit, lambda v, s: proportion_error(v, getattr(s, unit)), widest=WIDEST)
    if measure == "auroc":
        return _Model("n", lambda v, s: auroc_error(v, s.positives, s.negatives), bounds=(0.0, 1.0))
    if measure == "oe_ratio":
        return _Model("n", _oe_error, log_scale=True, bounds=(0.0, inf), widest=1.0)
    return None


def _oe_error(value: float, size: Sizes) -> float:
    del value  # the formula is for the logarithm, whatever O:E is
    if size.positives <= 0 or size.negatives <= 0:
        return inf
    prevalence = size.positives / (size.positives + size.negatives)
    return sqrt((1 - prevalence) / (size.n * prevalence))


def _why_not(plan: Plan, measure: str) -> str:
    declared = measures_of_task(plan.task).get(measure)
    if declared is None:
        return f"task {plan.task} has no measure '{measure}'"
    if "flagged" in declared.denominator_text:
        return "its denominator is told by the scores alone"
    return "no planning formula is used for this measure: its precision depends on the scores"


def _unplanned(id: str, told: str, reason: str) -> Planned:
    return Planned(requirement=id, statement=told, status="not_planned", reason=reason)


def _units(model: _Model, size: Sizes) -> float:
    return float(getattr(size, model.unit))


def _have(model: _Model, size: Sizes) -> int:
    """Units as they are counted, before the design effect."""
    place = ("n", "positives", "negatives").index(model.unit)
    return round(_units(model, size) * size.effect[place])


def _shown(distance: float, as_factor: bool) -> float:
    return exp(distance) if as_factor else distance


def _quantiles(level: float, power: float) -> tuple[float, float]:
    normal = NormalDist()
    return normal.inv_cdf(0.5 + level / 2), normal.inv_cdf(power)
