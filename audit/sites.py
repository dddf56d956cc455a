"""How far the measures, and the gaps between groups, differ from site to site.

Random-effects summaries (REML, Hartung-Knapp) on logit, log or raw scales, with the prediction
interval for a new site and the influence of each site.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from audit.estimates import by_measure
from audit.figures import Figures
from audit.heterogeneity import Effects, summary
from audit.measures.declaration import Measure
from audit.nested_sites import nested_of
from audit.plan import Plan
from audit.result import Estimate, Sites
from audit.scales import on_scale, usable
from audit.site_gaps import Crossed, crossings, gaps_of
from audit.stratum_names import MISSING

__all__ = ["Crossed", "crossings", "sites_of"]


def sites_of(
    plan: Plan,
    site: str,
    figures: Figures,
    estimates: Sequence[Estimate],
    crossed: Mapping[str, Crossed],
    level: float,
) -> Sites:
    """Summarise every poolable measure over the sites, and every gap inside them.

    `figures` and `estimates` are those of the site's own strata; `crossed` holds, by attribute,
    those of the attribute within each site (`crossings`).
    """
    own = by_measure(estimates)
    found = [
        summary(measure, _effects(figures, measure, own[measure.id]), level)
        for measure in figures.measures
        if measure.id in figures.variance and measure.id in own
    ]
    for attribute, within in crossed.items():
        found.extend(gaps_of(site, attribute, within, level))
    inner = plan.columns.nested
    nested = () if inner is None else nested_of(site, inner, crossed[inner], level)
    return Sites(
        attribute=site,
        strata=figures.strata.strata,
        heterogeneity=tuple(found),
        nested=nested,
    )


def _effects(figures: Figures, measure: Measure, estimates: Sequence[Estimate]) -> Effects:
    effect, spread = on_scale(figures, measure)
    known = np.array([levels[0] != MISSING for levels in figures.strata.levels], dtype=np.bool_)
    enough = np.array([e.status == "ok" for e in estimates], dtype=np.bool_)
    good = known & enough & usable(effect, spread)
    names = figures.strata.strata
    return Effects(
        sites=tuple(s for s, g in zip(names, good, strict=True) if g),
        excluded=tuple(s for s, g in zip(names, good, strict=True) if not g),
        value=effect[good],
        variance=spread[good],
        scale=measure.scale,
    )
