"""The scale on which the values of strata are pooled or shrunken, and the way back from it."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from audit.figures import Figures
from audit.measures.declaration import Measure, Scale

Floats = NDArray[np.float64]
# Inference from influence values: their variances need no resamples.
ANALYTIC = ("proportion", "ratio", "auc", "fit")


def on_scale(figures: Figures, measure: Measure) -> tuple[Floats, Floats]:
    """Effects of the strata and their sampling variances, on the measure's scale (delta method).

    NaN or infinite where the scale has no such value.
    """
    value, variance = figures.values[measure.id], figures.variance[measure.id]
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure.scale == "logit":
            effect, spread = logit(value), variance / (value * (1 - value)) ** 2
        elif measure.scale == "log":
            effect, spread = np.log(value), variance / value**2
        else:
            effect, spread = value.copy(), variance.copy()
    if measure.inference in ("proportion", "auc"):
        return _corrected(figures, measure, effect, spread)
    return effect, spread


def usable(effect: Floats, spread: Floats) -> NDArray[np.bool_]:
    """Which effects can enter a pool: finite, with a positive and finite variance."""
    good: NDArray[np.bool_] = np.isfinite(effect) & np.isfinite(spread) & (spread > 0)
    return good


def units_behind(figures: Figures, measure: Measure) -> NDArray[np.int64]:
    """Sampling units that a value rests on.

    Those of the denominator of a proportion, those of the rarer outcome for ranking and for
    calibration fits, all of them otherwise.
    """
    if measure.inference == "proportion":
        return figures.informants[measure.id]
    if measure.inference in ("auc", "fit"):
        return np.minimum(figures.clusters_positive, figures.clusters_negative)
    return figures.clusters


def back(x: float, scale: Scale, bounds: tuple[float, float]) -> float | None:
    """From the pooling scale to the measure's own; None where there is no finite number.

    On the raw scale an interval may reach past the measure's range, where it is cut.
    """
    if not np.isfinite(x):
        return None
    if scale == "logit":
        return float(expit(x))
    moved = float(np.exp(x)) if scale == "log" else float(np.clip(x, *bounds))
    return moved if np.isfinite(moved) else None


def _corrected(
    figures: Figures, measure: Measure, effect: Floats, spread: Floats
) -> tuple[Floats, Floats]:
    """Add half a unit to both cells of a stratum with a proportion, or an AUROC, of 0 or 1.

    Leaving such strata out would bias the pool towards the others. The units are the patients
    behind the proportion; for an AUROC, those of the rarer outcome.
    """
    share, units = figures.values[measure.id], units_behind(figures, measure)
    edge = (share == 0) | (share == 1)
    yes, no = share * units + 0.5, (1 - share) * units + 0.5
    return np.where(edge, np.log(yes / no), effect), np.where(edge, 1 / yes + 1 / no, spread)
