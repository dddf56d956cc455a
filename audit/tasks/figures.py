"""Figures of one set of strata for a whole task: points, resamples, variances and counts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from audit.cohort import Cohort
from audit.figures import SLICE_BYTES, Figures, Part, spread
from audit.jackknife import Moments, moments
from audit.measures.cases import OF_CASES
from audit.measures.declaration import Measure
from audit.stats.linear import cluster_variance, ratio_influence
from audit.strata import StrataSet
from audit.sums import FIELDS, Array, Setting, Sums
from audit.sweep import Resampling, Sorted
from audit.tasks.cohort import Floats, Ints, OutputCohort, RegressionCohort
from audit.tasks.sums import OutputSums, TermSums
from audit.tasks.sweeps import (
    OutputRows,
    Run,
    Swept,
    group_of,
    points,
    resamples,
    slices,
    swept_rows,
    swept_terms,
    term_rows,
    without_each,
)

REGRESSION_TERMS = (
    "rows", "error", "absolute_error", "squared_error", "outcome", "predicted",
    "outcome_squared", "predicted_squared", "product",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class TaskFigures(Figures):
    """Figures of the whole task; `patients_with` counts patients by stratum and output.

    `clusters_positive` and `clusters_negative` are those of the rarest output, or all patients
    where there are no outputs. `whose` names the sampling units. `events` counts those of
    follow-up, where there is one.
    """

    whose: str
    outputs: tuple[str, ...]
    patients_with: Ints
    patients_without: Ints
    events: Ints | None = None


@dataclass(frozen=True, eq=False)
class Way:
    """How the sums of a set come about: all at once, in part, or leaving out each patient."""

    rows: Sorted
    of: Callable[[slice | None, Run], Sums]
    left_out: Callable[[int], Sums | None]
    bytes_each: int


def output_figures(
    cohort: OutputCohort,
    rows: OutputRows,
    strata: StrataSet,
    scheme: Resampling,
    measures: Sequence[Measure],
) -> TaskFigures:
    """Compute the whole-task measures of every stratum in one set."""
    count = len(strata.strata)
    swept = swept_rows(cohort, rows, strata.codes, count)

    def of(part: slice | None, run: Run) -> OutputSums:
        return (swept if part is None else swept.only(part)).sums(run)

    def left_out(stratum: int) -> OutputSums | None:
        parts = [*swept.decided, *swept.scored, swept.terms]
        left = without_each(parts, swept.terms, stratum)
        if left is None:
            return None
        done, d = left[0], len(swept.decided)
        without = Swept(tuple(done[:d]), tuple(done[d:-1]), done[-1], swept.names)
        return without.sums(resamples(left[1]))

    sweeps = len(swept.decided) + len(swept.scored) + 1
    way = Way(swept.terms, of, left_out, scheme.replicates * len(FIELDS) * 8 * sweeps)
    records = _row_record(swept.terms, swept.names)
    figures = figures_of(way, records, strata, scheme, measures, clustered=_clustered(cohort))
    counts = [patients_by_label(r, count) for r in swept.decided or swept.scored]
    with_it = np.stack([c[0] for c in counts], axis=1)
    without = np.stack([c[1] for c in counts], axis=1)
    return replace(
        figures,
        clusters_positive=with_it.min(axis=1),
        clusters_negative=without.min(axis=1),
        whose=whose(cohort.base),
        outputs=cohort.outputs,
        patients_with=with_it,
        patients_without=without,
    )


def regression_figures(
    cohort: RegressionCohort, strata: StrataSet, scheme: Resampling, measures: Sequence[Measure]
) -> TaskFigures:
    """Compute the regression measures of every stratum in one set."""
    count = len(strata.strata)
    terms, centres = regression_terms(cohort, strata)
    rows = term_rows(cohort.base, strata.codes, count, terms)

    def of(part: slice | None, run: Run) -> TermSums:
        own = rows if part is None else rows.only(part)
        fit = centres if part is None else centres[part, None, :]
        return TermSums(swept_terms(own, run), fit, Setting(), REGRESSION_TERMS)

    def left_out(stratum: int) -> TermSums | None:
        left = without_each([rows], rows, stratum)
        if left is None:
            return None
        values = swept_terms(left[0][0], resamples(left[1]))
        fit = centres[stratum, None, :][None]
        return TermSums(values, fit, Setting(), REGRESSION_TERMS)

    way = Way(rows, of, left_out, scheme.replicates * len(FIELDS) * 8)
    records = TermSums(rows.terms, centres[group_of(rows)], Setting(), REGRESSION_TERMS)
    own = whose(cohort.base)
    figures = figures_of(way, records, strata, scheme, measures, clustered=own == "patients")
    return replace(figures, whose=own)


def regression_terms(
    cohort: RegressionCohort, strata: StrataSet
) -> tuple[dict[str, Floats], Floats]:
    """Row terms about the means of each stratum, and those means, shape (strata, 2)."""
    used = cohort.base.analysed
    code, count = strata.codes, len(strata.strata)
    n = np.bincount(code[used], minlength=count)
    y, p = (np.where(used, v, 0.0) for v in (cohort.outcome, cohort.predicted))
    means = [
        np.bincount(code[used], weights=v[used], minlength=count) / np.maximum(n, 1) for v in (y, p)
    ]
    centres = np.stack(means, axis=-1)
    error = p - y
    y, p = np.where(used, y - means[0][code], 0.0), np.where(used, p - means[1][code], 0.0)
    values = (
        used.astype(np.float64), error, np.abs(error), error**2, y, p, y**2, p**2, y * p,
    )  # fmt: skip
    return dict(zip(REGRESSION_TERMS, values, strict=True)), centres


def whose(base: Cohort) -> str:
    """Name the sampling units: patients where some have several rows, else units."""
    return "patients" if base.patients_declared and base.largest_patient > 1 else "units"


def _clustered(cohort: OutputCohort) -> bool:
    """Whether a proportion's units may depend on each other: the labels of a row always do."""
    return whose(cohort.base) == "patients" or not cohort.decided


def _row_record(rows: Sorted, names: tuple[str, ...]) -> OutputSums:
    """Every row as the record of a stratum of one; it has terms only."""
    return OutputSums(rows.terms, np.full((1, 3), np.nan), Setting(), 0, names)


def figures_of(
    way: Way,
    records: Sums,
    strata: StrataSet,
    scheme: Resampling,
    measures: Sequence[Measure],
    *,
    clustered: bool,
) -> TaskFigures:
    """Figures of one set of strata from any record of sums; `records` holds one for each row."""
    count = len(strata.strata)
    sums = way.of(None, points)
    values = {m.id: m.compute(sums) for m in measures if m.compute is not None}
    variance, informants = _variances(records, way.rows, measures, count)
    replicates: dict[str, Floats] = {}
    parts: dict[str, tuple[Part, Part]] = {}
    jackknife: dict[str, Moments] = {}
    if scheme.replicates:
        replicates, parts = _replicates(way, sums, scheme, measures, len(strata.attributes) == 1)
        jackknife = _jackknife(way, measures, count)
    for measure in measures:
        if measure.inference == "bootstrap" and measure.id in replicates:
            variance[measure.id] = spread(replicates[measure.id]) ** 2
    everyone = patients_by_label(way.rows, count)[1]
    nobody = np.empty((count, 0), dtype=np.int64)
    return TaskFigures(
        strata=strata,
        measures=tuple(measures),
        sums=sums,
        values=values,
        variance=variance,
        independent={},
        informants=informants,
        replicates=replicates,
        parts=parts,
        jackknife=jackknife,
        null={},
        clusters=everyone,
        clusters_positive=everyone,
        clusters_negative=everyone,
        clustered=clustered,
        scheme=scheme.method,
        whose="units",
        outputs=(),
        patients_with=nobody,
        patients_without=nobody,
    )


def _replicates(
    way: Way, sums: Sums, scheme: Resampling, measures: Sequence[Measure], single: bool
) -> tuple[dict[str, Floats], dict[str, tuple[Part, Part]]]:
    """Resample every measure, and for a single attribute what means and proportions consist of."""
    count = way.rows.start.size - 1
    shape = (count, scheme.replicates)
    out = {m.id: np.empty(shape) for m in measures if m.compute is not None}
    parts = {
        m.id: (Part(m.numerator(sums), np.empty(shape)), Part(m.denominator(sums), np.empty(shape)))
        for m in measures
        if single and m.numerator is not None and m.denominator is not None
    }
    for run in slices(count, way.bytes_each, SLICE_BYTES):
        resampled = way.of(run, resamples(scheme))
        for m in measures:
            if m.compute is not None:
                out[m.id][run] = m.compute(resampled)
            if m.id in parts and m.numerator is not None and m.denominator is not None:
                parts[m.id][0].replicates[run] = m.numerator(resampled)
                parts[m.id][1].replicates[run] = m.denominator(resampled)
    return out, parts


def _jackknife(way: Way, measures: Sequence[Measure], count: int) -> dict[str, Moments]:
    """Moments of leaving out one patient, in every small stratum."""
    table = np.full((len(measures), 2, count), np.nan)
    for stratum in range(count):
        sums = way.left_out(stratum)
        if sums is None:
            continue
        for place, measure in enumerate(measures):
            if measure.compute is not None:
                values: Array = measure.compute(sums)
                table[place, :, stratum] = moments(values[0])
    return {m.id: Moments(table[k, 0], table[k, 1]) for k, m in enumerate(measures)}


def _variances(
    records: Sums, rows: Sorted, measures: Sequence[Measure], count: int
) -> tuple[dict[str, Floats], dict[str, Ints]]:
    """Variances of means and proportions from influence values summed by patient."""
    group = group_of(rows)
    variance: dict[str, Floats] = {}
    informants: dict[str, Ints] = {}
    for measure in measures:
        if measure.numerator is None or measure.denominator is None:
            continue
        top, bottom = measure.numerator(records), measure.denominator(records)
        influence = ratio_influence(top, bottom, group, count)
        some = measure.inference == "proportion" or measure.family in OF_CASES
        used = bottom != 0 if some else np.ones_like(bottom, np.bool_)
        own, clusters = cluster_variance(influence, group, rows.cluster, count, used)
        variance[measure.id], informants[measure.id] = own, clusters
    return variance, informants


def patients_by_label(rows: Sorted, count: int) -> tuple[Ints, Ints]:
    """Patients with a positive row, and patients with a negative one, in every stratum."""
    group = group_of(rows)
    width = int(rows.cluster.max(initial=0)) + 1
    found = []
    for positive in (True, False):
        mine = (rows.label == 1) == positive
        pairs = np.unique(group[mine] * width + rows.cluster[mine])
        found.append(np.bincount(pairs // width, minlength=count))
    return found[0], found[1]
