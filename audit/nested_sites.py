"""Sites with an attribute nested in them: how far values differ between sites and inside them.

Three-level random effects: scanners within hospitals, say. A level that occurs at several sites is
taken as another unit at each of them.
"""

from collections.abc import Sequence

import numpy as np

from audit.dimensions import Dimension
from audit.estimates import by_measure
from audit.heterogeneity import limits
from audit.measures.declaration import Measure
from audit.plan import Plan
from audit.problems import InputError, Problem, nearest
from audit.result import AuditWarning, Estimate
from audit.scales import back, on_scale, usable
from audit.sections import NestedSites
from audit.site_gaps import Crossed, cells_of
from audit.stats.nested import NestedEffects, nested_random_effects
from audit.stratum_names import MISSING

METHOD = "reml_three_level"
NAMED = 5


def check_nested(plan: Plan, source: str) -> None:
    """Refuse a nested attribute that is not one, or that has no sites to be nested in.

    Raises
    ------
    InputError
        With the problem of ``columns.nested``.
    """
    nested, site = plan.columns.nested, plan.columns.site
    if nested is None:
        return
    where = f"{source}: columns.nested"
    attributes = [name for name in plan.dimensions if name != site]
    if nested == site:
        reason = f"'{nested}' is the site itself"
        raise InputError(Problem("nested_in_itself", where, reason, "name an attribute inside it"))
    if nested not in attributes:
        reason = f"no attribute '{nested}' in this plan"
        raise InputError(Problem("unknown_nested", where, reason, nearest(nested, attributes)))
    if site is None:
        reason = f"there are no sites in which '{nested}' could be nested"
        raise InputError(Problem("nested_without_site", where, reason, "declare columns.site"))


def nested_warnings(plan: Plan, dimensions: Sequence[Dimension]) -> list[AuditWarning]:
    """Tell of levels of the nested attribute that occur at several sites."""
    site = next((d for d in dimensions if d.role == "site"), None)
    inner = next((d for d in dimensions if d.name == plan.columns.nested), None)
    if site is None or inner is None or inner is site:
        return []
    known = (site.codes != _missing(site)) & (inner.codes != _missing(inner))
    if not known.any():
        return []
    pairs = np.unique(np.stack([inner.codes[known], site.codes[known]]), axis=1)
    level, sites = np.unique(pairs[0], return_counts=True)
    several = [inner.levels[i] for i in level[sites > 1]]
    if not several:
        return []
    rest = f" and {len(several) - NAMED} more" if len(several) > NAMED else ""
    named = ", ".join(f"'{lv}'" for lv in several[:NAMED])
    message = (
        f"Levels of '{inner.name}' occur at more than one site ({named}{rest}): at each site such "
        "a level counts as a unit of its own, whether or not it is the same one."
    )
    return [AuditWarning(code="not_nested", message=message, column=inner.column)]


def nested_of(site: str, attribute: str, within: Crossed, level: float) -> tuple[NestedSites, ...]:
    """Summarise every measure over the levels of an attribute within the sites."""
    own = by_measure(within.estimates)
    return tuple(
        _nested(site, attribute, within, measure, own[measure.id], level)
        for measure in within.figures.measures
        if measure.id in own
    )


def _nested(
    site: str,
    attribute: str,
    within: Crossed,
    measure: Measure,
    estimates: Sequence[Estimate],
    level: float,
) -> NestedSites:
    effect, spread = on_scale(within.figures, measure)
    good = usable(effect, spread) & np.array([e.status == "ok" for e in estimates], dtype=np.bool_)
    cells = cells_of(within.figures, site, attribute)
    known = [(s, i) for (s, lv), i in cells.items() if MISSING not in (s, lv)]
    kept = sorted((within.sites.index(s), i) for s, i in known if good[i])
    outer, place = [s for s, _ in kept], [i for _, i in kept]
    fit = nested_random_effects(effect[place], spread[place], np.array(outer, np.int64), level)
    left_out = len(known) - len(kept)
    note = f"{left_out} of {len(known)} left out for want of data" if left_out else None
    head = {
        "measure": measure.id,
        "outer": site,
        "inner": attribute,
        "scale": measure.scale,
        "k_outer": fit.outer,
        "k_inner": fit.k,
        "method": METHOD,
    }
    if not np.isfinite(fit.estimate):
        empty = dict.fromkeys(("tau2_outer", "tau2_inner", "q", "q_p", "pooled", "prediction"))
        reason = "the fit did not converge"
        if fit.outer < 2 or fit.k == fit.outer:
            reason = f"needs two sites with enough data, one of them at two levels of {attribute}"
        return NestedSites.model_validate(
            head
            | empty
            | {"status": "insufficient", "reason": "; ".join(filter(None, (reason, note)))}
        )
    return NestedSites.model_validate(
        head | _numbers(fit, measure) | {"status": "ok", "reason": note}
    )


def _numbers(fit: NestedEffects, measure: Measure) -> dict[str, object]:
    scale, bounds = measure.scale, limits(measure)
    value, *ends = (
        back(x, scale, bounds)
        for x in (fit.estimate, fit.lower, fit.upper, fit.prediction_lower, fit.prediction_upper)
    )
    return {
        "tau2_outer": fit.sigma2_outer,
        "tau2_inner": fit.sigma2_inner,
        "q": fit.q,
        "q_p": fit.q_p,
        "pooled": {"value": value, "lower": ends[0], "upper": ends[1]},
        "prediction": {"value": value, "lower": ends[2], "upper": ends[3]},
    }


def _missing(dimension: Dimension) -> int:
    return dimension.levels.index(MISSING) if MISSING in dimension.levels else -1
