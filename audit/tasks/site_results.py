"""How far the measures of a whole task, and of its outputs, differ from site to site."""

from collections.abc import Sequence

import numpy as np

from audit.dimensions import Dimension
from audit.figures import Figures
from audit.plan import Plan
from audit.result import Sites
from audit.run import SetResult
from audit.scales import ANALYTIC
from audit.sites import Crossed, crossings, sites_of
from audit.strata import lattice
from audit.sweep import Resampling
from audit.tasks.estimates import task_estimates
from audit.tasks.figures import TaskFigures
from audit.tasks.measures import task_measures
from audit.tasks.members import Seen, named_by
from audit.tasks.whole import Whole, counted_rows


def task_sites(
    whole: Whole,
    results: Sequence[SetResult],
    outputs: Sequence[tuple[Seen, Sequence[SetResult]]],
    parts: Sequence[tuple[Whole, Sequence[SetResult]]] = (),
) -> Sites | None:
    """Summarise the whole task, then every output, over the sites; None where there are none.

    `parts` are structures, each a task of its own.
    """
    site = next((d for d in whole.cohort.base.dimensions if d.role == "site"), None)
    if site is None:
        return None
    own = _summary(whole.plan, site, results, _crossings(whole, site, results))
    found, nested = list(own.heterogeneity), list(own.nested)
    for seen, of_output in outputs:
        crossed = crossings(seen.member.cohort, seen.rows, seen.plan, _computed(of_output))
        sites = _summary(seen.plan, site, of_output, crossed)
        found += named_by(sites.heterogeneity, seen.member.output)
        nested += named_by(sites.nested, seen.member.output)
    for part, of_part in parts:
        sites = _summary(part.plan, site, of_part, _crossings(part, site, of_part))
        found += named_by(sites.heterogeneity, str(part.output))
        nested += named_by(sites.nested, str(part.output))
    return own.model_copy(update={"heterogeneity": tuple(found), "nested": tuple(nested)})


def _computed(results: Sequence[SetResult]) -> dict[tuple[str, ...], Figures]:
    return {r.figures.strata.attributes: r.figures for r in results}


def _summary(
    plan: Plan, site: Dimension, results: Sequence[SetResult], crossed: dict[str, Crossed]
) -> Sites:
    own = next(r for r in results if r.figures.strata.attributes == (site.name,))
    estimates = own.estimates[plan.level]
    return sites_of(plan, site.name, own.figures, estimates, crossed, plan.level)


def _crossings(whole: Whole, site: Dimension, results: Sequence[SetResult]) -> dict[str, Crossed]:
    """Cross every attribute with the site; values and analytic variances only, as `crossings`."""
    computed = _computed(results)
    chosen = [
        (m, None)
        for m, outside in task_measures(whole.plan)
        if outside is None and m.inference in ANALYTIC
    ]
    automatic = whole.plan.model_copy(update={"intervals": {}})
    nothing = Resampling(whole.plan.seed, 0, np.empty((0, 0), np.uint8))
    base = whole.cohort.base
    out: dict[str, Crossed] = {}
    for attribute in (d for d in base.dimensions if d is not site):
        figures = computed.get(tuple(sorted((attribute.name, site.name))))
        if not isinstance(figures, TaskFigures):
            strata = lattice([attribute, site], 2, base.rows)[-1]
            figures = whole.figures(strata, nothing, [m for m, _ in chosen])
        counted = counted_rows(figures.strata)
        estimates = task_estimates(figures, chosen, counted, automatic, automatic.level)
        out[attribute.name] = Crossed(
            figures, estimates, site.levels, attribute.levels, attribute.reference
        )
    return out
