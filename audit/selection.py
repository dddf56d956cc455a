"""Which measures are computed: those of the plan that the score and the strata allow."""

import numpy as np

from audit.measures import MEASURES
from audit.measures.declaration import Measure
from audit.plan import Plan
from audit.rows import Rows


def chosen(plan: Plan, attributes: int) -> tuple[Measure, ...]:
    """Give the measures to report in a set of strata that crosses so many attributes.

    Those that a requirement names are always among them. Measures of a whole curve are left out of
    intersections, where few strata could bear them.
    """
    named = plan.measures_named
    return tuple(
        m
        for m in MEASURES.values()
        if (not plan.measures or m.id in named)
        and (attributes < 2 or m.crossed)
        and (not m.needs_target or plan.options.target_prevalence is not None)
        and (attributes == 1 or not (m.pairwise or m.id == "xauc"))
    )


def outside_domain(measure: Measure, rows: Rows) -> str | None:
    """Say why a measure has no meaning for this kind of score, or None when it has."""
    if measure.needs_score and rows.score_kind == "decision":
        return "there is no score, only a yes/no prediction"
    if measure.needs_probability and not rows.is_probability:
        return "the score is not a probability"
    if measure.needs_threshold and not rows.has_threshold:
        return "no threshold was declared"
    weighed = measure.needs_threshold and measure.needs_probability
    if weighed and not np.isfinite(rows.setting.odds):
        return "the threshold is not strictly between 0 and 1"
    return None


def possible(measures: tuple[Measure, ...], rows: Rows) -> tuple[Measure, ...]:
    """Keep the measures that have a meaning for this kind of score."""
    return tuple(m for m in measures if outside_domain(m, rows) is None)
