"""How far the gaps between groups differ from site to site.

Inside each site every level of an attribute is compared with the reference; the differences are
pooled over the sites. Cochran's Q of such a pool is the test of the site-by-group interaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.cohort import Cohort
from audit.estimates import Counted, by_measure, estimates_of, own_error
from audit.figures import Figures, compute_figures
from audit.heterogeneity import Effects, Gap, summary
from audit.measures.declaration import Measure
from audit.plan import Plan
from audit.result import Estimate, Heterogeneity
from audit.rows import Rows
from audit.scales import ANALYTIC
from audit.selection import chosen, possible
from audit.strata import lattice
from audit.stratum_names import MISSING
from audit.sweep import Resampling

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Crossed:
    """An attribute crossed with the site: its figures and the estimates of every cell.

    The estimates are those of measures whose variance needs no resamples. `sites` and `levels` are
    in their own order; ``(missing)``, when it occurs, is one of them.
    """

    figures: Figures
    estimates: Sequence[Estimate]
    sites: tuple[str, ...]
    levels: tuple[str, ...]
    reference: str | None


def crossings(
    cohort: Cohort, rows: Rows, plan: Plan, computed: Mapping[tuple[str, ...], Figures]
) -> dict[str, Crossed]:
    """Cross every attribute with the site; empty where there is no site.

    `computed` holds figures by attributes: a crossing that the plan asked for is not computed
    again. The others get values and analytic variances only, so that no gap depends on the depth.
    """
    site = next((d for d in cohort.dimensions if d.role == "site"), None)
    if site is None:
        return {}
    measures = [m for m in possible(chosen(plan, 2), rows) if m.inference in ANALYTIC]
    no_resamples = Resampling(plan.seed, 0, np.empty((0, 0), np.uint8))
    automatic = plan.model_copy(update={"intervals": {}})
    out: dict[str, Crossed] = {}
    for attribute in (d for d in cohort.dimensions if d is not site):
        figures = computed.get(tuple(sorted((attribute.name, site.name))))
        if figures is None:
            strata = lattice([attribute, site], 2, cohort.rows)[-1]
            figures = compute_figures(rows, strata, no_resamples, measures)
        size = len(figures.strata.strata)
        counted = Counted(tuple(np.bincount(figures.strata.codes, minlength=size).tolist()))
        estimates = estimates_of(figures, rows, counted, automatic, plan.level, measures)
        out[attribute.name] = Crossed(
            figures, estimates, site.levels, attribute.levels, attribute.reference
        )
    return out


def gaps_of(site: str, attribute: str, within: Crossed, level: float) -> list[Heterogeneity]:
    """Pool the difference of each level to the reference over the sites, measure by measure."""
    if within.reference is None:
        return []
    cells = cells_of(within.figures, site, attribute)
    sites = [s for s in within.sites if s != MISSING]
    present = {lv for _, lv in cells} - {within.reference}
    levels = [lv for lv in within.levels if lv in present]
    own = by_measure(within.estimates)
    out: list[Heterogeneity] = []
    for measure in within.figures.measures:
        if measure.id not in own or not measure.contrasted:
            continue
        variance = _variance(within.figures, measure, own[measure.id], level)
        for lv in levels:
            pairs = {
                f"{site}={s}": (cells.get((s, lv)), cells.get((s, within.reference))) for s in sites
            }
            effects = _differences(pairs, own[measure.id], variance)
            gap = Gap(attribute, f"{attribute}={lv}", f"{attribute}={within.reference}")
            out.append(summary(measure, effects, level, gap))
    return out


def cells_of(figures: Figures, site: str, attribute: str) -> dict[tuple[str, str], int]:
    """Place of every (site, level) that occurs in the strata of their crossing."""
    names = figures.strata.attributes
    first, second = names.index(site), names.index(attribute)
    return {(lv[first], lv[second]): i for i, lv in enumerate(figures.strata.levels)}


def _variance(
    figures: Figures, measure: Measure, estimates: Sequence[Estimate], level: float
) -> Floats:
    """Variances of the cells; one without variation is not known exactly: its interval tells."""
    variance, value = figures.variance[measure.id], figures.values[measure.id]
    still = ~(variance > 0) | np.isin(value, [0.0, 1.0])
    return np.where(still, own_error(estimates, level) ** 2, variance)


def _differences(
    pairs: Mapping[str, tuple[int | None, int | None]],
    estimates: Sequence[Estimate],
    variance: Floats,
) -> Effects:
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
    return Effects(
        sites=tuple(kept),
        excluded=tuple(site for site in pairs if site not in kept),
        value=np.array([v for v, _ in kept.values()], dtype=np.float64),
        variance=np.array([v for _, v in kept.values()], dtype=np.float64),
        scale="identity",
    )
