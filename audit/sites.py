"""How far the measures, and the gaps between groups, differ from site to site.

Random-effects summaries (REML, Hartung-Knapp) on logit, log or raw scales, with the prediction
interval for a new site and the influence of each site.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from audit.dimensions import MISSING
from audit.estimates import own_error
from audit.figures import Figures
from audit.measures import MEASURES
from audit.measures.declaration import Measure, Scale
from audit.plan import Plan
from audit.result import (
    Estimate,
    Heterogeneity,
    Sites,
)
from audit.stats.meta import RandomEffects, random_effects

Floats = NDArray[np.float64]
METHOD = "reml_hartung_knapp"
FEW_SITES = 5


@dataclass(frozen=True)
class _Effects:
    """Effects of the sites on the scale on which they are pooled."""

    sites: tuple[str, ...]
    excluded: tuple[str, ...]
    value: Floats
    variance: Floats
    scale: Scale


@dataclass(frozen=True, eq=False)
class Crossed:
    """An attribute crossed with the site: its figures, estimates and reference level."""

    figures: Figures
    estimates: Sequence[Estimate]
    reference: str | None


def sites_of(
    plan: Plan,
    site: str,
    figures: Figures,
    estimates: Sequence[Estimate],
    crossed: Mapping[str, Crossed],
    level: float,
) -> Sites:
    """Summarise every poolable measure over the sites, and every declared gap.

    `figures` and `estimates` are those of the site's own strata; `crossed` holds, by attribute,
    those of the attribute within each site.
    """
    count = len(figures.strata.strata)
    by_measure = {
        estimates[first].measure: estimates[first : first + count]
        for first in range(0, len(estimates), count)
    }
    found = [
        _summary(measure, _measure_effects(figures, measure, by_measure[measure.id]), level)
        for measure in MEASURES.values()
        if measure.id in figures.variance
    ]
    for requirement in plan.requirements:
        attribute = requirement.attribute
        if attribute is not None and attribute in crossed:
            measure = MEASURES[requirement.measure]
            found.extend(_gaps(measure, site, attribute, crossed[attribute], level))
    unique = {(h.measure, h.contrast, h.stratum, h.reference): h for h in found}
    return Sites(attribute=site, strata=figures.strata.strata, heterogeneity=tuple(unique.values()))


def _measure_effects(figures: Figures, measure: Measure, estimates: Sequence[Estimate]) -> _Effects:
    usable = np.array([e.status == "ok" for e in estimates], dtype=np.bool_)
    value = figures.values[measure.id].copy()
    variance = figures.variance[measure.id].copy()
    scale: Scale = measure.scale
    with np.errstate(divide="ignore", invalid="ignore"):
        if scale == "logit":
            inside = value * (1 - value)
            effect, spread = logit(value), variance / inside**2
        elif scale == "log":
            effect, spread = np.log(value), variance / value**2
        else:
            effect, spread = value, variance
    if measure.inference in ("proportion", "auc"):
        effect, spread = _corrected(figures, measure, effect, spread)
    known = np.array([levels[0] != MISSING for levels in figures.strata.levels], dtype=np.bool_)
    good = known & usable & np.isfinite(effect) & np.isfinite(spread) & (spread > 0)
    names = figures.strata.strata
    return _Effects(
        sites=tuple(s for s, g in zip(names, good, strict=True) if g),
        excluded=tuple(s for s, g in zip(names, good, strict=True) if not g),
        value=effect[good],
        variance=spread[good],
        scale=scale,
    )


def _corrected(
    figures: Figures, measure: Measure, effect: Floats, spread: Floats
) -> tuple[Floats, Floats]:
    """Add half a unit to both cells of a site with a proportion, or an AUROC, of 0 or 1.

    Leaving such sites out would bias the pool towards the others. The units are the patients
    behind the proportion; for an AUROC, those of the rarer outcome.
    """
    share = figures.values[measure.id]
    units = (
        figures.informants[measure.id]
        if measure.inference == "proportion"
        else np.minimum(figures.clusters_positive, figures.clusters_negative)
    )
    edge = (share == 0) | (share == 1)
    yes, no = share * units + 0.5, (1 - share) * units + 0.5
    return np.where(edge, np.log(yes / no), effect), np.where(edge, 1 / yes + 1 / no, spread)


def _gaps(
    measure: Measure, site: str, attribute: str, within: Crossed, level: float
) -> list[Heterogeneity]:
    """Pool the difference of each level to the reference inside each site."""
    figures, reference = within.figures, within.reference
    if measure.id not in figures.variance or reference is None:
        return []
    cells = [
        dict(zip(figures.strata.attributes, levels, strict=True))
        for levels in figures.strata.levels
    ]
    index = {(cell[site], cell[attribute]): i for i, cell in enumerate(cells)}
    sites = [s for s in dict.fromkeys(cell[site] for cell in cells) if s != MISSING]
    by_stratum = {e.stratum: e for e in within.estimates if e.measure == measure.id}
    estimates = [by_stratum[s] for s in figures.strata.strata]
    # A group without variation (all found, say) is not known exactly: its own interval tells.
    variance = figures.variance[measure.id]
    value = figures.values[measure.id]
    still = ~(variance > 0) | np.isin(value, [0.0, 1.0])
    variance = np.where(still, own_error(estimates, level) ** 2, variance)
    out = []
    for lv in dict.fromkeys(cell[attribute] for cell in cells):
        if lv != reference:
            pairs = {f"{site}={s}": (index.get((s, lv)), index.get((s, reference))) for s in sites}
            effects = _difference_effects(pairs, estimates, variance)
            place = (attribute, f"{attribute}={lv}", f"{attribute}={reference}")
            out.append(_summary(measure, effects, level, place))
    return out


def _difference_effects(
    pairs: Mapping[str, tuple[int | None, int | None]],
    estimates: Sequence[Estimate],
    variance: Floats,
) -> _Effects:
    """Differences inside each site; a site lacking either group, or enough of it, is left out."""
    kept: dict[str, tuple[float, float]] = {}
    for site, (one, other) in pairs.items():
        if one is None or other is None:
            continue
        a, b = estimates[one], estimates[other]
        spread = float(variance[one] + variance[other])
        if a.status != "ok" or b.status != "ok" or a.value is None or b.value is None:
            continue
        if spread > 0:
            kept[site] = (a.value - b.value, spread)
    return _Effects(
        sites=tuple(kept),
        excluded=tuple(site for site in pairs if site not in kept),
        value=np.array([v for v, _ in kept.values()], dtype=np.float64),
        variance=np.array([v for _, v in kept.values()], dtype=np.float64),
        scale="identity",
    )


def _summary(
    measure: Measure,
    effects: _Effects,
    level: float,
    place: tuple[str, str, str] | None = None,
) -> Heterogeneity:
    attribute, stratum, reference = place if place is not None else (None, None, None)
    head = {
        "measure": measure.id,
        "contrast": None if place is None else "difference",
        "attribute": attribute,
        "stratum": stratum,
        "reference": reference,
        "scale": effects.scale,
        "method": METHOD,
        "sites": effects.sites,
        "excluded": effects.excluded,
        "k": len(effects.sites),
    }
    fit = random_effects(effects.value, effects.variance, level) if len(effects.sites) > 1 else None
    if fit is None or not np.isfinite(fit.estimate):
        empty = dict.fromkeys(("tau2", "i2", "q", "q_p", "pooled", "prediction"))
        reason = (
            "fewer than two sites have enough data" if fit is None else "the fit did not converge"
        )
        return Heterogeneity.model_validate(
            head | empty | {"leave_one_out": (), "status": "insufficient", "reason": reason}
        )
    few = f"only {fit.k} sites: tau2 and the prediction interval are unsure"
    return Heterogeneity.model_validate(
        head
        | _pooled(fit, effects)
        | {"status": "ok", "reason": few if fit.k < FEW_SITES else None}
    )


def _back(x: float, scale: Scale) -> float | None:
    """From the pooling scale to the measure's own; None where there is no finite number."""
    if not np.isfinite(x):
        return None
    if scale == "logit":
        return float(expit(x))
    moved = float(np.exp(x)) if scale == "log" else float(x)
    return moved if np.isfinite(moved) else None


def _pooled(fit: RandomEffects, effects: _Effects) -> dict[str, object]:
    scale = effects.scale
    low, high = _back(fit.prediction_lower, scale), _back(fit.prediction_upper, scale)
    left_out = [
        {
            "site": site,
            "value": _back(other.estimate, scale),
            "lower": _back(other.lower, scale),
            "upper": _back(other.upper, scale),
            "tau2": other.tau2,
        }
        for site, other in zip(effects.sites, fit.leave_one_out, strict=True)
        if np.isfinite(other.estimate)
    ]
    return {
        "tau2": fit.tau2,
        "i2": fit.i2,
        "q": fit.q,
        "q_p": fit.q_p,
        "pooled": {
            "value": _back(fit.estimate, scale),
            "lower": _back(fit.lower, scale),
            "upper": _back(fit.upper, scale),
        },
        "prediction": None if low is None or high is None else {"lower": low, "upper": high},
        "leave_one_out": left_out,
    }
