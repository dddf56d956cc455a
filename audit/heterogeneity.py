"""Random-effects summary of effects over sites, as a record."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.measures.declaration import Measure, Scale
from audit.result import Heterogeneity
from audit.scales import back
from audit.stats.meta import RandomEffects, random_effects

Floats = NDArray[np.float64]
METHOD = "reml_hartung_knapp"
FEW_SITES = 5
# Cochran's Q of one gap over the sites asks whether the groups differ alike in all of them.
INTERACTION = "q_p tests the site-by-group interaction"


@dataclass(frozen=True)
class Effects:
    """Effects of the sites on the scale on which they are pooled."""

    sites: tuple[str, ...]
    excluded: tuple[str, ...]
    value: Floats
    variance: Floats
    scale: Scale


@dataclass(frozen=True)
class Gap:
    """Which gap the effects are: a level of an attribute against the reference."""

    attribute: str
    stratum: str
    reference: str


def summary(
    measure: Measure, effects: Effects, level: float, gap: Gap | None = None
) -> Heterogeneity:
    """Pool the effects of a measure, or of a gap of it, over the sites."""
    head = {
        "measure": measure.id,
        "contrast": None if gap is None else "difference",
        "attribute": None if gap is None else gap.attribute,
        "stratum": None if gap is None else gap.stratum,
        "reference": None if gap is None else gap.reference,
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
    notes = [] if gap is None else [INTERACTION]
    if fit.k < FEW_SITES:
        notes.append(f"only {fit.k} sites: tau2 and the prediction interval are unsure")
    return Heterogeneity.model_validate(
        head
        | _pooled(fit, effects.scale, effects.sites, limits(measure, difference=gap is not None))
        | {"status": "ok", "reason": "; ".join(notes) or None}
    )


def limits(measure: Measure, *, difference: bool = False) -> tuple[float, float]:
    """Least and largest possible value of a measure, or of a difference of it."""
    low, high = measure.bounds
    return (low - high, high - low) if difference else (low, high)


def _pooled(
    fit: RandomEffects, scale: Scale, sites: Sequence[str], bounds: tuple[float, float]
) -> dict[str, object]:
    low = back(fit.prediction_lower, scale, bounds)
    high = back(fit.prediction_upper, scale, bounds)
    left_out = [
        {
            "site": site,
            "value": back(other.estimate, scale, bounds),
            "lower": back(other.lower, scale, bounds),
            "upper": back(other.upper, scale, bounds),
            "tau2": other.tau2,
        }
        for site, other in zip(sites, fit.leave_one_out, strict=True)
        if np.isfinite(other.estimate)
    ]
    return {
        "tau2": fit.tau2,
        "i2": fit.i2,
        "q": fit.q,
        "q_p": fit.q_p,
        "pooled": {
            "value": back(fit.estimate, scale, bounds),
            "lower": back(fit.lower, scale, bounds),
            "upper": back(fit.upper, scale, bounds),
        },
        "prediction": None if low is None or high is None else {"lower": low, "upper": high},
        "leave_one_out": left_out,
    }
