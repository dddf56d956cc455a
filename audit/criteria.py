"""The named fairness criteria of one attribute, from the figures of its levels."""

from collections.abc import Sequence

import numpy as np

from audit.criteria_table import CRITERIA, CriterionDeclaration
from audit.estimates import by_measure, own_error
from audit.figures import Figures
from audit.measures import MEASURES
from audit.result import Estimate
from audit.rows import Floats
from audit.sections import Criterion
from audit.stats.multiplicity import (
    MOST_PAIRED,
    Gap,
    gap_interval,
    simultaneous_critical_value,
)


def criteria_of(figures: Figures, estimates: Sequence[Estimate], level: float) -> list[Criterion]:
    """Every declared criterion whose measures were computed, for one attribute.

    Differences and ratios run between the extreme groups, with simultaneous intervals over all
    pairs; with several parts, each part's interval is held at ``1 - (1 - level) / parts``.
    """
    if len(figures.strata.attributes) != 1:
        return []
    own = by_measure(estimates)
    return [
        _criterion(declared, figures, own, level)
        for declared in CRITERIA.values()
        if all(part in own and part in figures.replicates for part in declared.parts)
    ]


def _criterion(
    declared: CriterionDeclaration,
    figures: Figures,
    own: dict[str, list[Estimate]],
    level: float,
) -> Criterion:
    attribute = figures.strata.attributes[0]
    usable = {
        part: [i for i, e in enumerate(own[part]) if e.status == "ok"] for part in declared.parts
    }
    left_out = sorted(
        {e.stratum for part in declared.parts for e in own[part] if e.status != "ok"},
        key=figures.strata.strata.index,
    )
    most = max(len(strata) for strata in usable.values())
    by_group = declared.contrast == "worst" or most > MOST_PAIRED
    head = {
        "id": f"{declared.id}/{attribute}",
        "criterion": declared.id,
        "name": declared.name,
        "attribute": attribute,
        "level": level,
        "method": f"max_t_{'groups' if by_group else 'pairs'}_{figures.scheme}",
        "fair": declared.fair,
        "line": declared.line,
    }
    if min(len(strata) for strata in usable.values()) < 2:
        empty = dict.fromkeys(("value", "lower", "upper", "stratum", "reference"))
        reason = "fewer than two groups have enough data to be compared"
        return Criterion.model_validate(
            head | empty | {"status": "insufficient", "reason": reason, "evidence": ()}
        )
    found = [_part(declared, figures, part, usable[part], own[part], level) for part in usable]
    if declared.contrast == "ratio":
        decisive = min(found, key=lambda f: f[0])
        bounds = min(f[1] for f in found), min(f[2] for f in found)
    else:
        decisive = max(found, key=lambda f: f[0]) if len(found) > 1 else found[0]
        bounds = max(f[1] for f in found), max(f[2] for f in found)
    known = bool(np.isfinite(decisive[0]))
    bounded = known and bool(np.isfinite(bounds[0] + bounds[1]))
    note = f"left out for want of data: {', '.join(left_out)}" if left_out else None
    return Criterion.model_validate(
        head
        | {
            "value": decisive[0] if known else None,
            "lower": bounds[0] if bounded else None,
            "upper": bounds[1] if bounded else None,
            "stratum": decisive[3],
            "reference": decisive[4],
            "status": "ok" if bounded else "insufficient" if known else "undefined",
            "reason": note if bounded else "no interval can be formed from these data",
            "evidence": tuple(own[part][i].id for part in usable for i in usable[part]),
        }
    )


_Part = tuple[float, float, float, str, str | None]


def _part(
    declared: CriterionDeclaration,
    figures: Figures,
    part: str,
    usable: list[int],
    estimates: Sequence[Estimate],
    level: float,
) -> _Part:
    """Value, bounds and the deciding groups of one measure of a criterion."""
    measure = MEASURES[part]
    value = figures.values[part][usable]
    replicates = figures.replicates[part][usable]
    error = own_error([estimates[i] for i in usable], level)
    shared = 1 - (1 - level) / len(declared.parts)
    names = [estimates[i].stratum for i in usable]
    lowest, highest = names[int(value.argmin())], names[int(value.argmax())]
    worst, best = (lowest, highest) if measure.direction == "higher" else (highest, lowest)
    if declared.contrast == "worst":
        ends = _worst(value, replicates, error, level, higher=measure.direction == "higher")
        return (*ends, worst, best)
    if declared.contrast == "difference":
        width = measure.bounds[1] - measure.bounds[0]
        gap = gap_interval(value, replicates, error, shared, width)
        return gap.value, gap.lower, gap.upper, worst, best
    gap = _log_gap(value, replicates, error, shared)
    return (
        float(np.exp(-gap.value)), float(np.exp(-gap.upper)), float(np.exp(-gap.lower)),
        lowest, highest,
    )  # fmt: skip


def _log_gap(value: Floats, replicates: Floats, error: Floats, level: float) -> Gap:
    """Gap of the logarithms; from a group at zero the ratio is 0, and no interval is formed."""
    if value.min() <= 0:
        nothing = float("nan")
        gap = float("inf") if value.max() > 0 else nothing
        return Gap(gap, nothing, nothing, nothing, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = np.log(replicates)
    moved[~np.isfinite(moved)] = np.nan
    return gap_interval(np.log(value), moved, error / value, level, float("inf"))


def _worst(
    value: Floats, replicates: Floats, error: Floats, level: float, *, higher: bool
) -> tuple[float, float, float]:
    """Worst group's value, with an interval that holds whichever group it is.

    All groups lie within ``v_k -+ c se_k`` at once, so the worst lies between the worst of the
    lower and the worst of the upper ends.
    """
    spread = np.nanstd(replicates, axis=1, ddof=1)
    spread = np.fmax(spread, error)
    deviates = (replicates - value[:, None]) / np.where(spread > 0, spread, np.nan)[:, None]
    reach = simultaneous_critical_value(deviates, level) * spread
    of = np.min if higher else np.max
    return float(of(value)), float(of(value - reach)), float(of(value + reach))
