"""Measures of the whole ROC or precision curve out of a tally, with bounds and resampled errors."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from audit.figures import Figures, spread
from audit.ladder import RUNGS, Ladder
from audit.measures.declaration import Measure
from audit.stats.binned_calibration import null_generator
from audit.stats.ladder import average_precision
from audit.sums import Setting
from audit.tally.bounds import (
    Ranked,
    delong_variance,
    pairs,
    partial_auroc_error,
    sensitivity_error,
    specificity_error,
)
from audit.tally.sets import TalliedSet, crossed

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_ERRORS: dict[str, Callable[[Floats, Floats, Bools, Setting], float]] = {
    "partial_auroc": lambda p, n, u, s: partial_auroc_error(p, n, u, s.max_fpr),
    "sensitivity_at_specificity": lambda p, n, u, s: sensitivity_error(p, n, u, s.specificity),
    "specificity_at_sensitivity": lambda p, n, u, s: specificity_error(p, n, u, s.sensitivity),
}
CURVES = frozenset((*_ERRORS, "xauc"))


@dataclass(frozen=True, eq=False)
class CurveFigures:
    """Values, variances and bounds by measure, each by stratum."""

    values: dict[str, Floats] = field(default_factory=dict)
    variance: dict[str, Floats] = field(default_factory=dict)
    errors: dict[str, Floats] = field(default_factory=dict)


def curve_figures(
    data: TalliedSet,
    whole: TalliedSet,
    rungs: Ranked,
    figures: Figures,
    seed: int,
    replicates: int,
) -> CurveFigures:
    """Compute the measures of a ladder, and the variance of the average precision.

    Rows of one bin and outcome are interchangeable, so that resampling rows means drawing a
    Poisson number for each count. Where patients have several rows that would take rows for
    independent, and there is no variance.
    """
    found = CurveFigures()
    names = figures.strata.strata
    for measure in figures.measures:
        if measure.id == "xauc":
            _add_crossed(found, data, whole, measure, figures)
            continue
        if measure.id not in _ERRORS and measure.id != "average_precision":
            continue
        table = np.array(
            [
                _of_stratum(rungs, i, name, measure, figures, seed, replicates)
                for i, name in enumerate(names)
            ]
        )
        if measure.id in _ERRORS:
            found.values[measure.id], found.errors[measure.id] = table[:, 0], table[:, 1]
        found.variance[measure.id] = table[:, 2]
    return found


def _of_stratum(
    rungs: Ranked,
    stratum: int,
    name: str,
    measure: Measure,
    figures: Figures,
    seed: int,
    replicates: int,
) -> tuple[float, float, float]:
    """Value, bound and variance in one stratum; NaN without both outcomes."""
    mine = rungs.group == stratum
    positives, negatives = rungs.positives[mine], rungs.negatives[mine]
    if not positives.any() or not negatives.any():
        return np.nan, 0.0, np.nan
    setting = figures.sums.setting
    value = error = np.nan
    if measure.id in _ERRORS:
        value = float(_read_off(measure, positives, negatives, setting))
        error = _ERRORS[measure.id](positives, negatives, rungs.unsure[mine], setting)
    if figures.clustered or not replicates:
        return value, error, np.nan
    place = _coarse(positives + negatives)
    generator = null_generator(seed, f"tally {measure.id}/{name}")
    drawn = [
        generator.poisson(np.bincount(place, counts), (replicates, int(place[-1]) + 1))
        for counts in (positives, negatives)
    ]
    of = _read_off(measure, drawn[0].astype(np.float64), drawn[1].astype(np.float64), setting)
    return value, error, float(spread(of)) ** 2


def _read_off(measure: Measure, positives: Floats, negatives: Floats, setting: Setting) -> Floats:
    if measure.of_ladder is None:
        return average_precision(positives, negatives)
    places = np.arange(positives.shape[-1], dtype=np.float64)
    nothing = np.zeros(positives.shape[-1])
    return measure.of_ladder(Ladder(places, positives, negatives, nothing, setting))


def _coarse(total: Floats) -> Ints:
    """Put rungs on at most 256 of about equal mass."""
    below = np.cumsum(total) - total
    place = np.floor(RUNGS * below / total.sum())
    return np.unique(place, return_inverse=True)[1].astype(np.int64)


def _add_crossed(
    found: CurveFigures, data: TalliedSet, whole: TalliedSet, measure: Measure, figures: Figures
) -> None:
    """Cross-group AUROC of every stratum; its variance is DeLong's, the groups being disjoint."""
    value, error, variance = (np.full(data.size, np.nan) for _ in range(3))
    for stratum in range(data.size):
        rungs = crossed(data, whole, stratum)
        size = float(rungs.positives.sum() * rungs.negatives.sum())
        if not size or measure.of_ladder is None:
            continue
        nothing = np.zeros(rungs.positives.size)
        ladder = Ladder(
            np.arange(nothing.size, dtype=np.float64),
            rungs.positives,
            nothing,
            rungs.negatives,
            figures.sums.setting,
        )
        value[stratum] = float(measure.of_ladder(ladder))
        error[stratum] = float(pairs(rungs)[1][0]) / size
        if not figures.clustered:
            variance[stratum] = float(delong_variance(rungs)[0])
    found.values[measure.id], found.errors[measure.id] = value, error
    found.variance[measure.id] = variance
