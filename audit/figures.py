"""The figures of one set of strata: points, resamples and variances of every measure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.measures import MEASURES
from audit.measures.declaration import Measure
from audit.result import Null
from audit.rows import Floats, Grouped, Ints, Rows, grouped
from audit.stats.auc import auc_variance, placements
from audit.stats.linear import cluster_variance, ratio_influence
from audit.stats.logistic import recalibration_influence
from audit.strata import StrataSet
from audit.sums import FIELDS, Sums
from audit.sweep import Resampling, null_ece, point_sums, resampled_sums

NULL_REPLICATES = 1000
# Resampled sums are turned into measures in slices of strata of about this many bytes.
SLICE_BYTES = 48 * 2**20


@dataclass(frozen=True, eq=False)
class Figures:
    """Numbers of one set of strata, before they become records.

    Arrays are indexed by stratum. `variance` is on the measure's natural scale; `informants` is
    how many sampling units are behind the denominator of a ratio;
    `replicates` has shape (strata, resamples). A measure outside the score's domain is absent
    from `values`.
    """

    strata: StrataSet
    sums: Sums
    values: dict[str, Floats]
    variance: dict[str, Floats]
    informants: dict[str, Ints]
    replicates: dict[str, NDArray[np.float64]]
    null: tuple[Null | None, ...]
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


def outside_domain(measure: Measure, rows: Rows) -> str | None:
    """Say why a measure has no meaning for this kind of score, or None when it has."""
    if measure.needs_score and rows.score_kind == "decision":
        return "there is no score, only a yes/no prediction"
    if measure.needs_probability and not rows.is_probability:
        return "the score is not a probability"
    if measure.needs_threshold and not rows.has_threshold:
        return "no threshold was declared"
    if measure.id == "net_benefit" and not np.isfinite(rows.odds):
        return "the threshold is not strictly between 0 and 1"
    return None


def compute_figures(rows: Rows, strata: StrataSet, scheme: Resampling) -> Figures:
    """Compute every measure of every stratum in one set, with its resamples and variance."""
    count = len(strata.strata)
    data = grouped(rows, strata.codes, count)
    measures = [m for m in MEASURES.values() if outside_domain(m, rows) is None]
    fit = np.stack([data.fit.intercept, data.fit.slope, data.fit.citl], axis=-1)
    sums = Sums(point_sums(data.rows), fit, rows.odds)
    values = {m.id: m.compute(sums) for m in measures if m.inference != "null"}
    null: tuple[Null | None, ...] = (None,) * count
    if rows.is_probability:
        values["ece"], null = _ece(data, scheme.seed)
    variance, informants, classes = _variances(rows, data, measures)
    replicates = _replicates(data, measures, fit, rows.odds, scheme)
    for measure in measures:
        if measure.inference == "bootstrap":
            variance[measure.id] = spread(replicates[measure.id]) ** 2
    return Figures(
        strata=strata,
        sums=sums,
        values=values,
        variance=variance,
        informants=informants,
        replicates=replicates,
        null=null,
        clusters=_clusters(data),
        clusters_positive=classes[0],
        clusters_negative=classes[1],
        clustered=rows.clustered,
        scheme=scheme.method,
    )


def spread(replicates: Floats) -> Floats:
    """Standard deviation over the replicates in which the measure is defined, last axis."""
    known = ~np.isnan(replicates)
    n = known.sum(-1)
    filled = np.where(known, replicates, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = filled.sum(-1) / n
        centred = np.where(known, replicates - mean[..., None], 0.0)
        deviation: Floats = np.sqrt((centred**2).sum(-1) / (n - 1))
    return deviation


def _replicates(
    data: Grouped, measures: list[Measure], fit: Floats, odds: float, scheme: Resampling
) -> dict[str, NDArray[np.float64]]:
    resampled = [m for m in measures if m.inference != "null"]
    shape = (data.strata, scheme.replicates)
    out = {m.id: np.empty(shape) for m in resampled}
    per_slice = max(1, SLICE_BYTES // (scheme.replicates * len(FIELDS) * 8))
    for first in range(0, data.strata, per_slice):
        part = slice(first, min(first + per_slice, data.strata))
        sums = Sums(resampled_sums(data.rows.only(part), scheme), fit[part, None, :], odds)
        for measure in resampled:
            out[measure.id][part] = measure.compute(sums)
    return out


def _ece(data: Grouped, seed: int) -> tuple[Floats, tuple[Null | None, ...]]:
    rows = data.rows
    cell = data.group * 16 + rows.ece_bin
    difference = np.bincount(
        cell, weights=rows.probability - rows.label, minlength=data.strata * 16
    )
    n = np.diff(rows.start)
    with np.errstate(invalid="ignore"):
        value = np.abs(difference).reshape(data.strata, 16).sum(1) / n
    redrawn = null_ece(rows, seed, NULL_REPLICATES)
    nulls: list[Null | None] = []
    for observed, draws, size in zip(value, redrawn, n, strict=True):
        if size == 0:
            nulls.append(None)
            continue
        mean = float(draws.mean())
        # Equal sums can differ in the last digit, being added in another order.
        p = (1 + int((draws >= observed - 1e-9).sum())) / (draws.size + 1)
        q95 = float(np.quantile(draws, 0.95))
        nulls.append(Null(mean=mean, q95=q95, excess=float(observed) - mean, p=p))
    return value, tuple(nulls)


def _clusters(data: Grouped) -> Ints:
    pairs = np.unique(data.group * (data.rows.cluster.max(initial=0) + 1) + data.rows.cluster)
    owner = pairs // (data.rows.cluster.max(initial=0) + 1)
    return np.bincount(owner, minlength=data.strata)


def _variances(
    rows: Rows, data: Grouped, measures: list[Measure]
) -> tuple[dict[str, Floats], dict[str, Ints], tuple[Ints, Ints]]:
    """Variances from influence values summed by patient, and how many patients inform each."""
    variance: dict[str, Floats] = {}
    informants: dict[str, Ints] = {}
    label = data.rows.label
    placement = placements(rows.score[data.take], label, data.group, data.strata)
    _, auc_var, positive, negative = auc_variance(
        placement, label, data.group, data.rows.cluster, data.strata
    )
    names, influence, contributes = _influences(rows, data, measures)
    if names:
        table, clusters = cluster_variance(
            influence, data.group, data.rows.cluster, data.strata, contributes
        )
        for column, name in enumerate(names):
            variance[name] = table[:, column]
            informants[name] = clusters[:, column]
    for measure in measures:
        if measure.inference == "auc":
            variance[measure.id] = auc_var
    return variance, informants, (positive, negative)


def _influences(
    rows: Rows, data: Grouped, measures: list[Measure]
) -> tuple[list[str], Floats, NDArray[np.bool_]]:
    records = rows.records()
    names: list[str] = []
    columns: list[Floats] = []
    used: list[NDArray[np.bool_]] = []
    for measure in measures:
        if measure.numerator is None or measure.denominator is None:
            continue
        top = measure.numerator(records)[data.take]
        bottom = measure.denominator(records)[data.take]
        names.append(measure.id)
        columns.append(ratio_influence(top, bottom, data.group, data.strata))
        proportion = measure.inference == "proportion"
        used.append(bottom != 0 if proportion else np.ones_like(bottom, dtype=np.bool_))
    if rows.is_probability:
        fitted = recalibration_influence(
            data.fit, rows.logit[data.take], data.rows.label, data.group
        )
        for name, column in (("citl", 0), ("calibration_intercept", 1), ("calibration_slope", 2)):
            names.append(name)
            columns.append(fitted[:, column])
            used.append(np.ones(data.take.size, dtype=np.bool_))
    if not names:
        return [], np.empty((data.take.size, 0)), np.empty((data.take.size, 0), dtype=np.bool_)
    return names, np.stack(columns, axis=1), np.stack(used, axis=1)
