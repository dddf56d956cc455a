"""The figures of one set of strata: points, resamples and variances of every measure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audit.curve_figures import curve_figures
from audit.jackknife import Moments, jackknife_moments
from audit.measures.declaration import Measure
from audit.result import Null
from audit.rows import Floats, Grouped, Ints, Rows, grouped
from audit.stats._arrays import group_sum, pair_codes
from audit.stats.auc import paired_auc_variance, sorted_placements
from audit.stats.linear import ratio_influence, unit_variance
from audit.stats.logistic import recalibration_influence
from audit.strata import StrataSet
from audit.sums import FIELDS, TERMS, Sums, columns_of
from audit.sweep import Resampling, point_sums, resampled_sums

Replicates = NDArray[np.float64]
_FIT_COLUMN = {"citl": 0, "calibration_intercept": 1, "calibration_slope": 2}
# Resampled sums are turned into measures in slices of strata of about this many bytes.
SLICE_BYTES = 48 * 2**20
# Replicates nearer to one another than this, relative to their size, did not vary.
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Part:
    """Numerator or denominator of a ratio of sums, and its resamples."""

    value: Floats
    replicates: Replicates


@dataclass(frozen=True, eq=False)
class Figures:
    """Numbers of one set of strata, before they become records.

    Arrays are indexed by stratum. `variance` is on the measure's natural scale; `independent` is
    what that of the AUROC and the fits would be if rows were independent; `informants` is how many
    sampling units are behind the denominator of a ratio;
    `replicates` has shape (strata, resamples); `parts` holds those of numerators and denominators,
    for single attributes; `jackknife` holds the moments of leaving out one
    patient, where the stratum is small. `measures` are those computed.
    """

    strata: StrataSet
    measures: tuple[Measure, ...]
    sums: Sums
    values: dict[str, Floats]
    variance: dict[str, Floats]
    independent: dict[str, Floats]
    informants: dict[str, Ints]
    replicates: dict[str, Replicates]
    parts: dict[str, tuple[Part, Part]]
    jackknife: dict[str, Moments]
    null: dict[str, tuple[Null | None, ...]]
    clusters: Ints
    clusters_positive: Ints
    clusters_negative: Ints
    clustered: bool
    scheme: str

    @property
    def n(self) -> Ints:
        """Analysed rows."""
        return self.sums.n.astype(np.int64)

    def rarer(self) -> Ints:
        """Rows in the rarer class."""
        return np.minimum(self.sums["positives"], self.sums["negatives"]).astype(np.int64)


def compute_figures(
    rows: Rows, strata: StrataSet, scheme: Resampling, measures: Sequence[Measure]
) -> Figures:
    """Compute the measures of every stratum in one set, with their resamples and variances.

    `measures` must be within the domain of the score (`audit.selection`). A scheme without
    replicates gives values and analytic variances only.
    """
    count = len(strata.strata)
    data = grouped(rows, strata.codes, count, {t for m in measures for t in m.terms})
    data = replace(data, reference=strata.reference_index(np.diff(data.rows.start)))
    fit = np.stack([data.fit.intercept, data.fit.slope, data.fit.citl], axis=-1)
    additive = [m for m in measures if m.compute is not None]
    sums = Sums(point_sums(data.rows), fit, rows.setting)
    values = {m.id: m.compute(sums) for m in additive if m.compute is not None}
    pairs = _pairs(data, rows.clustered)
    placement = sorted_placements(data.rows.label == 1, data.rows.block_end == 1, data.rows.start)
    fits = dict(_fit_influences(rows, data, measures))
    variance, informants, classes = _variances(rows, data, pairs, measures, placement, fits, sums)
    clusters = pairs.clusters
    del pairs  # the rest is large and done with
    independent: dict[str, Floats] = {}
    if rows.clustered and len(strata.attributes) < 2:
        independent = _independent(data, measures, placement, fits)
    replicates: dict[str, Replicates] = {}
    parts: dict[str, tuple[Part, Part]] = {}
    jackknife: dict[str, Moments] = {}
    if scheme.replicates:
        whole = [m for m in additive if len(strata.attributes) == 1 and m.numerator is not None]
        replicates, parts = _replicates(data, additive, whole, sums, scheme)
        jackknife = jackknife_moments(data, additive, sums)
    curve = curve_figures(rows, data, strata.strata, measures, scheme)
    replicates |= curve.replicates
    for measure in measures:
        resampled = measure.inference in ("bootstrap", "basic") and not measure.pairwise
        if resampled and measure.id in replicates:
            variance[measure.id] = spread(replicates[measure.id]) ** 2
    return Figures(
        strata=strata,
        measures=tuple(measures),
        sums=sums,
        values=values | curve.values,
        variance=variance,
        independent=independent,
        informants=informants,
        replicates=replicates,
        parts=parts,
        jackknife=jackknife | curve.jackknife,
        null=curve.null,
        clusters=clusters,
        clusters_positive=classes[0],
        clusters_negative=classes[1],
        clustered=rows.clustered,
        scheme=scheme.method,
    )


def spread(replicates: Floats) -> Floats:
    """Standard deviation over the replicates in which the measure is defined, last axis.

    Zero where they differ by rounding alone.
    """
    known = ~np.isnan(replicates)
    n = known.sum(-1)
    filled = np.where(known, replicates, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = filled.sum(-1) / n
        centred = np.where(known, replicates - mean[..., None], 0.0)
        deviation: Floats = np.sqrt((centred**2).sum(-1) / (n - 1))
        still = deviation <= ROUNDING * np.maximum(1.0, np.abs(mean))
    return np.where(still, 0.0, deviation)


def _replicates(
    data: Grouped,
    measures: Sequence[Measure],
    whole: Sequence[Measure],
    point: Sums,
    scheme: Resampling,
) -> tuple[dict[str, Replicates], dict[str, tuple[Part, Part]]]:
    """Resamples of every measure; of those in `whole`, also numerator and denominator."""
    shape = (data.strata, scheme.replicates)
    out = {m.id: np.empty(shape) for m in measures}
    halves = [(m.id, of) for m in whole for of in (m.numerator, m.denominator) if of is not None]
    tops = [np.empty(shape) for _ in halves]
    per_slice = max(1, SLICE_BYTES // (scheme.replicates * len(FIELDS) * 8))
    for first in range(0, data.strata, per_slice):
        part = slice(first, min(first + per_slice, data.strata))
        values = resampled_sums(data.rows.only(part), scheme)
        sums = Sums(values, point.fit[part, None, :], point.setting)
        for measure in measures:
            if measure.compute is not None:
                out[measure.id][part] = measure.compute(sums)
        for (_, of), kept in zip(halves, tops, strict=True):
            kept[part] = of(sums)
    found = [Part(of(point), kept) for (_, of), kept in zip(halves, tops, strict=True)]
    pairs = zip(found[::2], found[1::2], strict=True)
    return out, {m.id: pair for m, pair in zip(whole, pairs, strict=True)}


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Rows summed by stratum and patient: the units whose influence values are independent.

    `owner` is the stratum of each pair, `of_row` the pair of each row, `clusters` the patients of
    each stratum. Where no patient has several rows (`alone`), the pairs are the rows.
    """

    owner: Ints
    of_row: Ints
    clusters: Ints
    alone: bool

    def total(self, values: Floats) -> Floats:
        """Sum a per-row array by pair."""
        return values if self.alone else group_sum(values, self.of_row, self.owner.size)


def _pairs(data: Grouped, clustered: bool) -> _Pairs:
    if not clustered:
        of_row = np.arange(data.group.size)
        return _Pairs(data.group, of_row, np.diff(data.rows.start), alone=True)
    owner, of_row = pair_codes(data.group, data.rows.cluster)
    return _Pairs(owner, of_row, np.bincount(owner, minlength=data.strata), alone=False)


def _variances(
    rows: Rows,
    data: Grouped,
    pairs: _Pairs,
    measures: Sequence[Measure],
    placement: Floats,
    fits: dict[str, Floats],
    sums: Sums,
) -> tuple[dict[str, Floats], dict[str, Ints], tuple[Ints, Ints]]:
    """Variances from influence values summed by patient, and how many patients inform each."""
    variance: dict[str, Floats] = {}
    informants: dict[str, Ints] = {}
    positives = data.rows.label == 1
    _, auc_var, positive, negative = paired_auc_variance(
        placement, positives, data.group, pairs.owner, pairs.of_row, data.strata
    )
    for measure in measures:
        if measure.inference == "auc":
            variance[measure.id] = auc_var
    counted = [m for m in measures if pairs.alone and m.inference == "proportion"]
    for measure in counted:
        variance[measure.id], informants[measure.id] = _counted_variance(measure, sums)
    others = [m for m in measures if m not in counted]
    for name, influence, used in _influences(rows, data, pairs, others, fits):
        variance[name], informants[name] = unit_variance(influence, pairs.owner, data.strata, used)
    return variance, informants, (positive, negative)


def _counted_variance(measure: Measure, sums: Sums) -> tuple[Floats, Ints]:
    """Give `unit_variance` of a share of independent rows, from its counts.

    With A of B rows and t = A / B: ``B / (B - 1) (A (1 - t)^2 + (B - A) t^2) / B^2``.
    """
    if measure.numerator is None or measure.denominator is None:
        raise TypeError(f"{measure.id} is not a ratio of counts")
    top, bottom = measure.numerator(sums), measure.denominator(sums)
    with np.errstate(divide="ignore", invalid="ignore"):  # no rows, or one: NaN
        share = top / bottom
        squares = (top * (1 - share) ** 2 + (bottom - top) * share**2) / bottom**2
        factor = np.where(bottom > 1, bottom / (bottom - 1), np.nan)
    return factor * squares, np.rint(bottom).astype(np.int64)


def _independent(
    data: Grouped, measures: Sequence[Measure], placement: Floats, fits: dict[str, Floats]
) -> dict[str, Floats]:
    """Variances of the AUROC and the fits if every row were a patient of its own."""
    found: dict[str, Floats] = {}
    auroc = [m.id for m in measures if m.inference == "auc"]
    if auroc:
        alone = np.arange(data.group.size)
        positives = data.rows.label == 1
        value = paired_auc_variance(
            placement, positives, data.group, data.group, alone, data.strata
        )[1]
        found |= dict.fromkeys(auroc, value)
    for name, influence in fits.items():
        every = np.ones(influence.size, dtype=np.bool_)
        found[name] = unit_variance(influence, data.group, data.strata, every)[0]
    return found


def _fit_influences(
    rows: Rows, data: Grouped, measures: Sequence[Measure]
) -> Iterator[tuple[str, Floats]]:
    """Influence value of every row on the fits that are among the measures."""
    fits = [m.id for m in measures if m.inference == "fit"]
    if fits:
        logit = rows.logit[data.take]
        fitted = recalibration_influence(data.fit, logit, data.rows.label, data.group)
        for name in fits:
            yield name, fitted[:, _FIT_COLUMN[name]]


def _influences(
    rows: Rows,
    data: Grouped,
    pairs: _Pairs,
    measures: Sequence[Measure],
    fits: dict[str, Floats],
) -> Iterator[tuple[str, Floats, NDArray[np.bool_]]]:
    """Name of each measure, influence value of every pair, and which pairs contribute."""
    ratios = [m for m in measures if m.numerator is not None and m.denominator is not None]
    every = np.ones(pairs.owner.size, dtype=np.bool_)
    if ratios:
        records = _pair_sums(rows, data, pairs)
        for measure in ratios:
            if measure.numerator is None or measure.denominator is None:
                continue
            top, bottom = measure.numerator(records), measure.denominator(records)
            used = bottom != 0 if measure.inference == "proportion" else every
            yield measure.id, ratio_influence(top, bottom, pairs.owner, data.strata), used
    for name, influence in fits.items():
        yield name, pairs.total(influence), every


def _pair_sums(rows: Rows, data: Grouped, pairs: _Pairs) -> Sums:
    """Sums of every pair, as the record of a stratum of one patient."""
    label = data.rows.label.astype(np.float64)
    columns = {"positives": pairs.total(label), "negatives": pairs.total(1 - label)}
    # One after another: a column of a large cohort is summed before the next is made.
    hit = label * rows.flagged[data.take]
    columns["tp"] = pairs.total(hit)
    columns["fp"] = pairs.total(rows.flagged[data.take] - hit)
    del label, hit
    for place, column in enumerate(data.rows.columns):
        columns[TERMS[column]] = pairs.total(data.rows.terms[:, place])
    return columns_of(columns, rows.setting)
