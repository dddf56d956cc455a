"""The figures of one set of strata out of a tally, and how far each may be from that of the rows.

Measures are computed by the same functions of the record of sums as from rows. What depends on the
order of scores inside a bin comes with a proven bound, or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audit.calibration_errors import NULL_REPLICATES, null_of
from audit.figures import Figures
from audit.measures.declaration import Measure
from audit.result import Null
from audit.stats.binned_calibration import null_generator
from audit.strata import StrataSet
from audit.sums import INDEX, Setting, Sums
from audit.sweep import ECE_BINS
from audit.tally.bounds import Ranked, delong_variance, pairs, precision
from audit.tally.curves import CURVES, curve_figures
from audit.tally.fit import BinnedFit, binned_fit
from audit.tally.sets import (
    TalliedSet,
    binned_logits,
    calibration_error,
    coefficients,
    exact_record,
    informants,
    linear_variance,
)
from audit.tally.tally import FN, FP, TN, TP, is_probability, summed

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STEP = 1e-4  # of a sum, when a measure is differentiated
_FINER = 480  # bins in which labels are redrawn


@dataclass(frozen=True, eq=False)
class TallyFigures:
    """Figures, and by measure the bound of the discretisation error in every stratum.

    `errors` is 0 where exact (or undefined) and infinite where there is no bound; a measure without
    an entry cannot be had from a tally. `bins` names the bins, and `several` counts the patients
    with rows in more than one of the strata.
    """

    figures: Figures
    errors: dict[str, Floats]
    bins: str
    several: int


def tally_figures(
    data: TalliedSet,
    whole: TalliedSet,
    strata: StrataSet,
    measures: Sequence[Measure],
    setting: Setting,
    seed: int,
    replicates: int,
) -> TallyFigures:
    """Compute the measures of every stratum in one set.

    `whole` is the set of the whole cohort; `replicates` is how often rungs are resampled where a
    measure has no other standard error.
    """
    exact = exact_record(data, setting)
    rungs = data.ranked()
    fit = binned_fit(binned_logits(data)) if is_probability(data.tally.kind) else None
    sums = _completed(exact, rungs, fit)
    errors = _errors(data, measures, exact, sums, rungs, fit)
    values = {m.id: m.compute(sums) for m in measures if m.compute and m.id in errors}
    null: dict[str, tuple[Null | None, ...]] = {}
    if any(m.id == "ece" for m in measures):
        values["ece"], null["ece"] = _calibration_error(data, strata.strata, seed)
        errors["ece"] = np.zeros(data.size)
    kept = tuple(m for m in measures if m.id in errors or m.id in CURVES)
    figures = _figures(data, strata, kept, sums, values, null)
    _add_variances(figures, data, rungs, fit, errors)
    curve = curve_figures(data, whole, rungs, figures, seed, replicates)
    return TallyFigures(
        replace(
            figures,
            values=values | curve.values,
            variance=figures.variance | curve.variance,
        ),
        {id: np.where(np.isnan(e), 0.0, e) for id, e in (errors | curve.errors).items()},
        data.tally.bins.name,
        data.tally.several.get(strata.attributes, 0),
    )


def _figures(
    data: TalliedSet,
    strata: StrataSet,
    measures: tuple[Measure, ...],
    sums: Sums,
    values: dict[str, Floats],
    null: dict[str, tuple[Null | None, ...]],
) -> Figures:
    """Figures without resamples, and as yet without variances."""
    proportions = [m for m in measures if m.inference == "proportion"]
    return Figures(
        strata=strata,
        measures=measures,
        sums=sums,
        values=values,
        variance={},
        independent={},
        informants={m.id: informants(m, data, sums.setting) for m in proportions},
        replicates={},
        parts={},
        jackknife={},
        null=null,
        clusters=data.patients(TP | FN | FP | TN),
        clusters_positive=data.patients(TP | FN),
        clusters_negative=data.patients(FP | TN),
        clustered=data.tally.clustered,
        scheme="tally",
    )


def _completed(exact: Sums, rungs: Ranked, fit: BinnedFit | None) -> Sums:
    """The record with what the bins can tell only within bounds."""
    values, fitted = exact.values.copy(), exact.fit
    values[:, INDEX["pairs"]] = pairs(rungs)[0]
    values[:, INDEX["precision"]] = precision(rungs)[0]
    if fit is not None:
        fitted = np.stack([fit.intercept, fit.slope, fit.citl], axis=-1)
        # The score vector is zero at the fit itself.
        for name in ("score_a", "score_b", "score_c"):
            values[:, INDEX[name]] = 0.0
        for name, info in zip(("info_aa", "info_ab", "info_bb", "info_cc"), fit.info, strict=True):
            values[:, INDEX[name]] = info
    return Sums(values, fitted, exact.setting)


def _errors(
    data: TalliedSet,
    measures: Sequence[Measure],
    exact: Sums,
    sums: Sums,
    rungs: Ranked,
    fit: BinnedFit | None,
) -> dict[str, Floats]:
    """Bounds for the measures of the sums: 0 where the exact sums alone give the value."""
    m, n = data.total("positives"), data.total("negatives")
    with np.errstate(divide="ignore", invalid="ignore"):
        known = {
            "auroc": pairs(rungs)[1] / (m * n),
            "average_precision": precision(rungs)[1] / m,
        }
    if fit is not None:
        known |= {
            "citl": fit.citl_error,
            "calibration_intercept": fit.intercept_error,
            "calibration_slope": fit.slope_error,
        }
    errors = {}
    for measure in measures:
        if measure.compute is None:
            continue
        blind, value = measure.compute(exact), measure.compute(sums)
        if np.array_equal(blind, value, equal_nan=True) and measure.id not in known:
            errors[measure.id] = np.zeros(data.size)
        elif measure.id in known:
            errors[measure.id] = known[measure.id]
    return errors


def _calibration_error(
    data: TalliedSet, names: Sequence[str], seed: int
) -> tuple[Floats, tuple[Null | None, ...]]:
    """ECE and its null: labels redrawn in 480 finer bins, each with its mean probability.

    The number of positives of such a bin is then binomial. That the probabilities inside it differ
    by up to 1/480 would make its variance smaller by at most n / (4 * 480^2), one millionth of n.
    """
    value, coarse = calibration_error(data)
    lower = np.concatenate(([0.0], data.tally.bins.edges))
    null: list[Null | None] = []
    for stratum, name in enumerate(names):
        mine = data.group == stratum
        if not mine.any() or data.tally.clustered:
            null.append(None)  # what the rows of a patient share is not in the counts
            continue
        finer = np.floor(lower[data.bin[mine]] * _FINER + 1e-9).astype(np.int64)
        bins, place = np.unique(coarse[mine] * _FINER + finer, return_inverse=True)
        n = np.bincount(place, data.count[mine])
        p = np.clip(np.bincount(place, data.sums[mine, 0]) / n, 0.0, 1.0)
        into = np.zeros((bins.size, ECE_BINS))
        into[place, coarse[mine]] = 1.0
        drawn = null_generator(seed, f"tally ece/{name}").binomial(
            n.astype(np.int64), p, (NULL_REPLICATES, bins.size)
        )
        draws = np.abs((drawn - n * p) @ into).sum(axis=1) / n.sum()
        null.append(null_of(float(value[stratum]), draws))
    return value, tuple(null)


def _add_variances(
    figures: Figures,
    data: TalliedSet,
    rungs: Ranked,
    fit: BinnedFit | None,
    errors: dict[str, Floats],
) -> None:
    """Variances: over patients where the sums over patients give them, else rows independent."""
    setting = figures.sums.setting
    patients = figures.clusters
    alone = np.nan if figures.clustered else 1.0
    for measure in figures.measures:
        if measure.numerator is not None and measure.denominator is not None:
            top = coefficients(measure.numerator, data, setting)
            bottom = coefficients(measure.denominator, data, setting)
            weights = top - figures.values[measure.id][:, None] * bottom
            size = (data.totals @ bottom) ** 2
            units = figures.informants.get(measure.id, patients)
            figures.variance[measure.id] = _over_patients(data, weights, size, units)
        elif measure.inference == "auc":
            figures.variance[measure.id] = delong_variance(rungs) * alone
        elif measure.inference == "fit" and fit is not None:
            figures.variance[measure.id] = (
                alone
                * {
                    "citl": fit.citl_variance,
                    "calibration_intercept": fit.intercept_variance,
                    "calibration_slope": fit.slope_variance,
                }[measure.id]
            )
        elif measure.compute is not None and not errors[measure.id].any():
            slopes = _slopes(measure, data, setting)
            figures.variance[measure.id] = _over_patients(
                data, slopes, np.ones(data.size), patients
            )


def _over_patients(data: TalliedSet, weights: Floats, size: Floats, units: Ints) -> Floats:
    """``C / (C - 1) sum over patients of (weighted totals)^2 / size``; NaN below two patients."""
    with np.errstate(divide="ignore", invalid="ignore"):
        known = np.where(np.isfinite(weights), weights, 0.0)
        factor = np.where(units > 1, units / np.maximum(units - 1, 1), np.nan)
        variance: Floats = factor * linear_variance(data, known) / size
    return np.where(np.isfinite(weights).all(axis=1), variance, np.nan)


# Directions in which sums can move whatever they are: a row more in a cell of the confusion table,
# and more or less of a term. In terms of the sums of the tally.
_DIRECTIONS = (
    ("positives", "tp"),
    ("positives",),
    ("negatives", "fp"),
    ("negatives",),
    ("squared_error",),
    ("predicted", "predicted_positive"),
    ("predicted",),
    ("log_loss",),
)


def _slopes(measure: Measure, data: TalliedSet, setting: Setting) -> Floats:
    """Derivatives of a measure by each of the sums; shape (strata, sums).

    By one-sided differences of the second order, with steps of 1e-4 of the sum: the error is of
    the order of 1e-8 of the derivative. Mean probabilities move towards 1/2, so that they stay
    probabilities. The measures do not change when all sums are multiplied, so that the
    derivatives times the totals add up to zero, as an influence must.
    """
    compute = measure.compute
    if compute is None:
        raise TypeError(f"{measure.id} is not a function of the sums")
    names = summed(data.tally.kind)
    moves = np.array(
        [[float(name in together) for name in names] for together in _DIRECTIONS[: len(names)]]
    )
    along = []
    for place, together in enumerate(_DIRECTIONS[: len(names)]):
        size = STEP * np.maximum(data.total(together[-1]), 1.0)
        step = np.where(_towards_half(data, together), size, -size)
        at = [
            compute(exact_record(replace(data, totals=data.totals + moved), setting))
            for moved in (k * step[:, None] * moves[place] for k in range(3))
        ]
        along.append((4 * at[1] - at[2] - 3 * at[0]) / (2 * step))
    slopes: Floats = np.linalg.solve(moves, np.stack(along)).T
    return slopes


def _towards_half(data: TalliedSet, together: tuple[str, ...]) -> NDArray[np.bool_]:
    """Whether a mean probability has room above; all other sums have."""
    p = data.total("predicted_positive")
    if together == ("predicted",):
        room: NDArray[np.bool_] = 2 * (data.total("predicted") - p) <= data.total("negatives")
        return room
    if "predicted" in together:
        return 2 * p <= data.total("positives")
    return np.ones(data.size, dtype=np.bool_)
