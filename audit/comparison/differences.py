"""Paired differences of every measure in every stratum, and which way they go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from audit.cohort import Cohort
from audit.comparison.records import Change, Paired
from audit.comparison.sides import Pair
from audit.estimates import UNDEFINED_LIMIT
from audit.figures import spread
from audit.intervals import undefined_fraction
from audit.measures.declaration import Measure
from audit.plan import Plan
from audit.result import Estimate
from audit.sections import Status
from audit.stats.auc import paired_delong
from audit.stats.bootstrap import percentile
from audit.stats.linear import interval
from audit.stats.multiplicity import holm
from audit.stats.paired import mcnemar, paired_ratio_difference, tango_difference
from audit.tasks.members import id_of

Floats = NDArray[np.float64]
Terms = Callable[[Floats, Floats], tuple[Floats, Floats]]

# Differences that single precision alone can make.
ROUNDING = 1e-6
SIGNIFICANT = 0.05
# What is asked first of a model; the others follow in a list of what got worse.
KEY = (
    "sensitivity", "specificity", "ppv", "npv", "auroc", "average_precision", "net_benefit",
    "brier", "accuracy", "macro_sensitivity", "macro_auroc", "quadratic_kappa", "mae", "rmse",
    "dice", "nsd", "hd95", "missed_rate", "lesion_sensitivity", "psnr", "ssim", "harrell_c",
    "uno_c", "brier_at_horizon", "oe_at_horizon",
)  # fmt: skip

# Numerator and denominator of a row (label, flagged); those in _COMMON have one denominator.
_TERMS: dict[str, Terms] = {
    "sensitivity": lambda y, f: (y * f, y),
    "fnr": lambda y, f: (y * (1 - f), y),
    "specificity": lambda y, f: ((1 - y) * (1 - f), 1 - y),
    "fpr": lambda y, f: ((1 - y) * f, 1 - y),
    "accuracy": lambda y, f: (1.0 * (y == f), np.ones_like(y)),
    "flag_rate": lambda y, f: (f, np.ones_like(y)),
    "ppv": lambda y, f: (y * f, f),
    "npv": lambda y, f: ((1 - y) * (1 - f), 1 - f),
}
_COMMON = ("sensitivity", "fnr", "specificity", "fpr", "accuracy", "flag_rate")


@dataclass(frozen=True, eq=False)
class Bounds:
    """Differences b - a of one measure by stratum; NaN where there is none."""

    lower: Floats
    upper: Floats
    p: Floats
    method: str


def paired_records(
    pair: Pair, cohorts: tuple[Cohort, Cohort] | None, plan: Plan, margins: dict[str, float]
) -> list[Paired]:
    """Every measure of one set of strata; `cohorts` are those of a binary task, row by row."""
    out: list[Paired] = []
    for measure in pair.a.figures.measures:
        ids = (measure.id in pair.a.figures.values, measure.id in pair.b.figures.values)
        if all(ids):
            out += _records(pair, measure, cohorts, plan, margins.get(measure.id))
    return out


def _records(
    pair: Pair,
    measure: Measure,
    cohorts: tuple[Cohort, Cohort] | None,
    plan: Plan,
    margin: float | None,
) -> list[Paired]:
    a, b = (side.figures.values[measure.id] for side in (pair.a, pair.b))
    moved = _moved(pair, measure)
    bounds = _exact(pair, measure, cohorts, plan.level) or _resampled(pair, moved, a, b, plan.level)
    harm = _harm(pair, measure, a, b, bounds, plan.level)
    undefined = undefined_fraction(moved) if moved is not None else np.zeros(a.size)
    own = [{e.stratum: e for e in side.estimates if e.measure == measure.id}
           for side in (pair.a, pair.b)]  # fmt: skip
    out = []
    for i, stratum in enumerate(pair.strata.strata):
        if stratum not in own[0] or stratum not in own[1]:
            continue
        status, reason = _status(own[0][stratum], own[1][stratum], bounds, i, float(undefined[i]))
        out.append(_record(pair, measure, i, (a, b), bounds, harm, margin, plan, status, reason))
    return out


def _moved(pair: Pair, measure: Measure) -> Floats | None:
    """Differences of the two models in each resample, which draws the same patients for both."""
    one, two = (side.figures.replicates.get(measure.id) for side in (pair.a, pair.b))
    return None if one is None or two is None else two - one


def _resampled(pair: Pair, moved: Floats | None, a: Floats, b: Floats, level: float) -> Bounds:
    scheme = f"paired_bootstrap_{pair.a.figures.scheme}"
    if moved is None:
        nothing = np.full(a.size, np.nan)
        return Bounds(nothing, nothing, nothing, scheme)
    lower, upper = percentile(moved, level)
    error = spread(moved)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * ndtr(-np.abs(b - a) / error)
    still = error == 0
    same = still & (a == b)  # two models that never differ differ by 0 in every resample
    lower, upper = np.where(still & ~same, np.nan, lower), np.where(still & ~same, np.nan, upper)
    return Bounds(lower, upper, np.where(same, 1.0, np.where(still, np.nan, p)), scheme)


def _exact(
    pair: Pair, measure: Measure, cohorts: tuple[Cohort, Cohort] | None, level: float
) -> Bounds | None:
    """Analytic intervals where rows pair: score, linearised, or DeLong's; None where none holds."""
    if cohorts is None or (measure.inference != "auc" and measure.id not in _TERMS):
        return None
    a, b = cohorts
    used = a.analysed & b.analysed
    group = pair.strata.codes[used].astype(np.int64)
    count, cluster = len(pair.strata.strata), a.cluster[used]
    clustered = pair.a.figures.clustered
    label = a.label[used].astype(np.float64)
    if measure.inference == "auc":
        found = paired_delong(
            b.score[used], a.score[used], label, cluster if clustered else None, group, count, level
        )
        same = found.difference == 0
        lower = np.where(np.isnan(found.lower) & same, 0.0, found.lower)
        upper = np.where(np.isnan(found.upper) & same, 0.0, found.upper)
        p = np.where(np.isnan(found.p) & same, 1.0, found.p)
        name = "paired_obuchowski" if clustered else "paired_delong"
        return Bounds(lower, upper, p, name)
    if (a.flagged[used] < 0).any() or (b.flagged[used] < 0).any():
        return None
    terms = [_TERMS[measure.id](label, c.flagged[used].astype(np.float64)) for c in cohorts]
    if measure.id in _COMMON and not clustered:
        return _tango(terms, group, count, level)
    return _linearised(terms, group, cluster, count, level)


def _tango(
    terms: Sequence[tuple[Floats, Floats]], group: NDArray[np.int64], count: int, level: float
) -> Bounds:
    (top_a, bottom), (top_b, _) = terms
    first = np.bincount(group, weights=top_a * (1 - top_b), minlength=count)
    second = np.bincount(group, weights=top_b * (1 - top_a) * bottom, minlength=count)
    n = np.bincount(group, weights=bottom, minlength=count)
    lower, upper = tango_difference(first, second, n, level)
    p = mcnemar(first, second).mid_p
    return Bounds(lower, upper, np.where((first + second == 0) & (n > 0), 1.0, p), "tango")


def _linearised(
    terms: Sequence[tuple[Floats, Floats]],
    group: NDArray[np.int64],
    cluster: NDArray[np.int64],
    count: int,
    level: float,
) -> Bounds:
    found = paired_ratio_difference(terms[0], terms[1], group, cluster, count)
    low, high = interval(found.difference, found.variance, found.clusters, level, "identity")
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * ndtr(-np.abs(found.difference) / np.sqrt(found.variance))
    same = (found.variance == 0) & (found.difference == 0)
    lower, upper = (np.where(same, 0.0, np.clip(v, -1, 1)) for v in (low, high))
    return Bounds(lower, upper, np.where(same, 1.0, p), "paired_cluster_robust")


def _harm(
    pair: Pair, measure: Measure, a: Floats, b: Floats, bounds: Bounds, level: float
) -> tuple[Floats, Floats, Floats] | None:
    """How much worse b is, positive for harm; further from its target where a measure has one."""
    if measure.direction == "higher":
        return a - b, -bounds.upper, -bounds.lower
    if measure.direction == "lower":
        return b - a, bounds.lower, bounds.upper
    one, two = (side.figures.replicates.get(measure.id) for side in (pair.a, pair.b))
    if measure.direction == "neutral" or one is None or two is None or measure.target is None:
        return None
    moved = np.abs(two - measure.target) - np.abs(one - measure.target)
    lower, upper = percentile(moved, level)
    return np.abs(b - measure.target) - np.abs(a - measure.target), lower, upper


def _status(
    one: Estimate, two: Estimate, bounds: Bounds, i: int, undefined: float
) -> tuple[Status, str | None]:
    for name, e in (("a", one), ("b", two)):
        if e.value is None:
            return e.status, f"model {name}: {e.reason}"
    for name, e in (("a", one), ("b", two)):
        # Without an interval of its own a value may still be compared; too few units may not.
        if e.status == "insufficient" and "the plan asks for" in (e.reason or ""):
            return "insufficient", f"model {name}: {e.reason}"
    if undefined > UNDEFINED_LIMIT:
        return "insufficient", f"undefined in {undefined:.1%} of the resamples"
    if not np.isfinite(bounds.lower[i] + bounds.upper[i]):
        return "insufficient", "no interval can be formed from these data"
    return "ok", None


def _record(
    pair: Pair,
    measure: Measure,
    i: int,
    values: tuple[Floats, Floats],
    bounds: Bounds,
    harm: tuple[Floats, Floats, Floats] | None,
    margin: float | None,
    plan: Plan,
    status: Status,
    reason: str | None,
) -> Paired:
    stratum = pair.strata.strata[i]
    a, b = (float(v[i]) for v in values)
    known, sure = bool(np.isfinite(a + b)), status == "ok"
    parts = [float(part[i]) for part in harm] if harm is not None and sure else None
    change = _change(parts, margin)
    if change in ("worse", "better", "unclear") and abs(b - a) <= ROUNDING * max(1.0, abs(a)):
        change = "same"
    p = float(bounds.p[i])
    id = f"{measure.id}/{stratum}"
    return Paired(
        id=id if pair.output is None else id_of(id, pair.output),
        measure=measure.id,
        stratum=stratum,
        output=pair.output,
        value_a=a if np.isfinite(a) else None,
        value_b=b if np.isfinite(b) else None,
        difference=b - a if known else None,
        lower=float(bounds.lower[i]) if sure else None,
        upper=float(bounds.upper[i]) if sure else None,
        level=plan.level,
        method=bounds.method,
        p=p if sure and np.isfinite(p) else None,
        p_adjusted=None,
        n=int(pair.a.figures.n[i]),
        clusters=int(pair.a.figures.clusters[i]),
        harm=parts[0] if parts else None,
        harm_lower=parts[1] if parts else None,
        harm_upper=parts[2] if parts else None,
        margin=margin,
        beyond_margin=bool(parts and margin is not None and parts[1] > margin),
        change=change,
        status=status,
        reason=reason,
    )


def _change(harm: Sequence[float] | None, margin: float | None) -> Change:
    """Read the change from the whole interval of the harm; a difference that is 0 is none."""
    if harm is None:
        return "none"
    _, lower, upper = harm
    if lower > 0:
        return "no_worse" if margin is not None and upper < margin else "worse"
    if upper < 0:
        return "better"
    return "no_worse" if margin is not None and upper < margin else "unclear"


def adjusted(records: Sequence[Paired]) -> list[Paired]:
    """Adjust the p values of each measure and output over its strata (Holm)."""
    families: dict[tuple[str, str | None], list[int]] = {}
    for place, record in enumerate(records):
        if record.p is not None:
            families.setdefault((record.measure, record.output), []).append(place)
    out = list(records)
    for places in families.values():
        values = holm(np.array([records[i].p for i in places], dtype=np.float64))
        for i, value in zip(places, values, strict=True):
            out[i] = records[i].model_copy(update={"p_adjusted": float(value)})
    return out


def adjusted_significant(record: Paired) -> bool:
    """Whether a difference stands after Holm's adjustment over the strata of its measure."""
    return record.p_adjusted is not None and record.p_adjusted < SIGNIFICANT


def worsened(records: Sequence[Paired]) -> list[str]:
    """Records that got worse: beyond a margin, then after adjustment, then by how sure it is."""
    found = [r for r in records if r.change == "worse" and r.harm is not None]

    def order(r: Paired) -> tuple[bool, bool, bool, bool, float, str]:
        width = (r.harm_upper or 0.0) - (r.harm_lower or 0.0)
        sureness = (r.harm or 0.0) / width if width else np.inf
        return (
            not r.beyond_margin,
            not adjusted_significant(r),
            r.measure not in KEY,
            " & " in r.stratum,
            -sureness,
            r.id,
        )

    return [r.id for r in sorted(found, key=order)]
