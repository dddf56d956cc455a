"""Whether strata are large enough for the precision the plan asks for (Riley et al. 2021)."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from audit.estimates import by_measure
from audit.figures import Figures
from audit.plan import Plan
from audit.result import Estimate
from audit.rows import Rows
from audit.sections import Adequacy
from audit.stats.linear import ratio_influence, unit_variance
from audit.stats.sample_size import (
    SlopeInformation,
    n_for_auroc,
    n_for_net_benefit,
    n_for_oe,
    n_for_slope,
    slope_information,
)

Floats = NDArray[np.float64]


def adequacy_of(
    plan: Plan, rows: Rows, sets: Iterable[tuple[Figures, Sequence[Estimate]]]
) -> tuple[Adequacy, ...]:
    """Hold the width of every interval against the wanted one, overall and by single attribute.

    For O:E, calibration slope, AUROC and, where the threshold is a probability, standardised net
    benefit: the achieved width at the plan's level, and the units at which the wanted width would
    be reached with the stratum's own prevalence, AUROC, sensitivity and specificity, calibration
    and distribution of logit(p). Those units are multiplied by the design effect of clustering, the
    variance found over that of independent rows, at least 1. Measures that the plan does not
    report are left out. `sets` holds figures and estimates of the sets of strata.
    """
    wanted = {
        "oe_ratio": plan.precision.oe_ratio,
        "calibration_slope": plan.precision.calibration_slope,
        "auroc": plan.precision.auroc,
    }
    if np.isfinite(rows.setting.odds):
        wanted["standardised_net_benefit"] = plan.precision.standardised_net_benefit
    out: list[Adequacy] = []
    for figures, estimates in sets:
        if len(figures.strata.attributes) > 1:
            continue
        own = by_measure(estimates)
        widths = {m: width for m, width in wanted.items() if m in own}
        computed = [m for m in widths if m in figures.values]
        effect = _design_effects(rows, figures, computed)
        for measure, width in widths.items():
            needed = np.full(len(own[measure]), np.nan)
            if measure in effect:
                needed = _needed(rows, figures, measure, width, plan.level) * effect[measure]
            out += [_record(e, width, n) for e, n in zip(own[measure], needed, strict=True)]
    return tuple(out)


def _design_effects(rows: Rows, figures: Figures, measures: Sequence[str]) -> dict[str, Floats]:
    """Variance found over that of independent rows, by measure and stratum; at least 1."""
    if not rows.clustered or not measures:
        return {m: np.ones(len(figures.strata.strata)) for m in measures}
    out = {}
    for measure in measures:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = figures.variance[measure] / _independent(rows, figures, measure)
        out[measure] = np.where(np.isfinite(ratio), np.maximum(ratio, 1.0), 1.0)
    return out


def _independent(rows: Rows, figures: Figures, measure: str) -> Floats:
    """Variance of a measure if the rows were independent."""
    if measure in figures.independent:
        return figures.independent[measure]
    label = rows.label.astype(np.float64)
    if measure == "oe_ratio":
        top, bottom = label, rows.probability
    else:
        top, bottom = np.where(label == 1, rows.flagged, -rows.setting.odds * rows.flagged), label
    group = figures.strata.codes[rows.position].astype(np.int64)
    strata = len(figures.strata.strata)
    influence = ratio_influence(top, bottom, group, strata)
    return unit_variance(influence, group, strata, np.ones(label.size, dtype=np.bool_))[0]


def _needed(rows: Rows, figures: Figures, measure: str, width: float, level: float) -> Floats:
    """Rows needed in every stratum if they were independent; NaN where it cannot be told."""
    sums = figures.sums
    prevalence = _share(sums["positives"], sums.n)
    if measure == "oe_ratio":
        ratio = figures.values[measure]
        observed = np.where(np.isfinite(ratio) & (ratio > 0), ratio, 1.0)
        return n_for_oe(prevalence, width, level, oe=observed)
    if measure == "calibration_slope":
        # In units of the recalibrated logit a + b logit(p), whose own slope is 1, b is the unit.
        slope = np.abs(figures.values[measure])
        unit = np.where(slope > 0, slope, np.nan)
        return n_for_slope(_information(rows, figures), width / unit, level)
    if measure == "auroc":
        return n_for_auroc(figures.values[measure], prevalence, width, level)
    sensitivity = _share(sums["tp"], sums["positives"])
    specificity = _share(sums["negatives"] - sums["fp"], sums["negatives"])
    return n_for_net_benefit(sensitivity, specificity, prevalence, rows.setting.odds, width, level)


def _share(part: Floats, whole: Floats) -> Floats:
    return np.where(whole > 0, part / np.maximum(whole, 1.0), np.nan)


def _information(rows: Rows, figures: Figures) -> SlopeInformation:
    """Information on the slope of the recalibrated logits in every stratum; NaN without a fit."""
    group = figures.strata.codes[rows.position].astype(np.int64)
    intercept, slope = figures.sums.fit[..., 0], figures.sums.fit[..., 1]
    logit = np.nan_to_num(intercept)[group] + np.nan_to_num(slope)[group] * rows.logit
    found = slope_information(logit, group, intercept.size)
    known = np.isfinite(intercept) & np.isfinite(slope)
    return SlopeInformation(*(np.where(known, term, np.nan) for term in found))


def _record(estimate: Estimate, width: float, needed: float) -> Adequacy:
    achieved = None
    if estimate.status == "ok" and estimate.lower is not None and estimate.upper is not None:
        achieved = estimate.upper - estimate.lower
    reason = estimate.reason
    if estimate.status == "ok" and not np.isfinite(needed):
        reason = "no size can be given: at the value found, the formula leaves no variance"
    return Adequacy(
        id=estimate.id,
        stratum=estimate.stratum,
        measure=estimate.measure,
        target_width=width,
        achieved_width=achieved,
        n=estimate.n,
        events=estimate.n_positive,
        n_needed=int(np.ceil(needed)) if np.isfinite(needed) else None,
        adequate=None if achieved is None else achieved <= width,
        status=estimate.status,
        reason=reason,
    )
