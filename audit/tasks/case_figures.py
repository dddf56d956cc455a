"""Figures of cases, of detected objects and of follow-up in one set of strata."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from audit.figures import spread
from audit.jackknife import BCA_BELOW, Moments, moments
from audit.measures.declaration import Measure
from audit.measures.survival import INFLUENCE
from audit.plan import Plan
from audit.stats.froc import Detections, cpm, detections, sensitivity_at
from audit.stats.linear import cluster_variance
from audit.stats.weights import poisson_weights
from audit.strata import StrataSet
from audit.sums import FIELDS, Array, Setting
from audit.sweep import Resampling, Sorted
from audit.tasks.case_terms import CaseSums, Table, case_table, chunked_rows, row_record, swept
from audit.tasks.cohort import CaseCohort, Floats, Ints, Objects, SurvivalCohort
from audit.tasks.figures import TaskFigures, Way, figures_of, whose
from audit.tasks.follow_up import Expansion, expansion
from audit.tasks.sweeps import Run, resamples, without_each

WEIGHTS = 24 * 2**20  # weights of images drawn at once


def case_figures(
    cohort: CaseCohort,
    strata: StrataSet,
    scheme: Resampling,
    measures: Sequence[Measure],
    plan: Plan,
) -> TaskFigures:
    """Compute the measures of cases, and those of the FROC curve, of every stratum in one set."""
    count = len(strata.strata)
    table = case_table(cohort, strata.codes)
    rows = chunked_rows(cohort, strata.codes, count, table)
    way = _way(rows, table, np.full((count, 1), np.nan), (), scheme)
    own = whose(cohort.base)
    # Lesions of a case, as objects of an image, depend on each other.
    clustered = own == "patients" or "lesions" in cohort.counts or cohort.found is not None
    records = row_record(rows, table)
    figures = figures_of(way, records, strata, scheme, measures, clustered=clustered)
    figures = replace(figures, whose=own)
    if cohort.found is None:
        return figures
    return _with_curves(figures, cohort, cohort.found, scheme, measures, plan)


def survival_figures(
    cohort: SurvivalCohort, strata: StrataSet, scheme: Resampling, measures: Sequence[Measure]
) -> TaskFigures:
    """Compute the measures of follow-up of every stratum in one set, to first order.

    A resample moves a value by the influence of the patients that it draws; see
    `audit.measures.survival`.
    """
    count, base = len(strata.strata), cohort.base
    found = expansion(cohort, strata.codes, count, [m.id for m in measures])
    table = expanded_table(cohort, found)
    seen = CaseCohort(base, {}, {})
    rows = chunked_rows(seen, strata.codes, count, table)
    way = _way(rows, table, found.value, found.ids, scheme)
    records = row_record(rows, table)
    own = whose(base)
    figures = figures_of(way, records, strata, scheme, measures, clustered=own == "patients")
    variance, informants = dict(figures.variance), dict(figures.informants)
    used = np.flatnonzero(base.analysed)
    group, cluster = strata.codes[used].astype(np.int64), base.cluster[used]
    for place, id in enumerate(found.ids):
        influence = found.influence[used, place]
        every = np.ones(influence.shape, dtype=np.bool_)
        variance[id], informants[id] = cluster_variance(influence, group, cluster, count, every)
    died = used[base.label[used] == 1]
    pairs = np.unique(strata.codes[died].astype(np.int64) * (base.clusters + 1)
                      + base.cluster[died])  # fmt: skip
    return replace(
        figures,
        variance=variance,
        informants=informants,
        whose=own,
        clusters_positive=np.bincount(pairs // (base.clusters + 1), minlength=count),
        events=np.bincount(strata.codes[died], minlength=count),
    )


def expanded_table(cohort: SurvivalCohort, found: Expansion) -> Table:
    """Row terms of an expansion: the row itself, and its influence on every measure."""
    terms = {"rows": cohort.base.analysed.astype(np.float64)}
    for place, id in enumerate(found.ids):
        terms[INFLUENCE + id] = np.nan_to_num(found.influence[:, place])
    return Table(terms, {name: place for place, name in enumerate(terms)})


def _way(
    rows: Sequence[Sorted], table: Table, fit: Floats, fitted: tuple[str, ...], scheme: Resampling
) -> Way:
    def of(part: slice | None, run: Run) -> CaseSums:
        own = rows if part is None else [chunk.only(part) for chunk in rows]
        held = fit if part is None else fit[part, None, :]
        return CaseSums(swept(own, run), held, Setting(), table.place, fitted)

    def left_out(stratum: int) -> CaseSums | None:
        left = without_each(rows, rows[0], stratum)
        if left is None:
            return None
        values = swept(left[0], resamples(left[1]))
        return CaseSums(values, fit[stratum][None, None, :], Setting(), table.place, fitted)

    return Way(rows[0], of, left_out, scheme.replicates * len(FIELDS) * 8 * len(rows))


def _with_curves(
    figures: TaskFigures,
    cohort: CaseCohort,
    found: Objects,
    scheme: Resampling,
    measures: Sequence[Measure],
    plan: Plan,
) -> TaskFigures:
    """Add the points of the FROC curve, each patient drawn with all his images."""
    wanted = [m.id for m in measures if m.compute is None]
    count = len(figures.strata.strata)
    values = {id: np.full(count, np.nan) for id in wanted}
    replicates = {id: np.full((count, scheme.replicates), np.nan) for id in wanted}
    second = {id: (np.full(count, np.nan), np.full(count, np.nan)) for id in wanted}
    for stratum in range(count):
        mine = np.flatnonzero(cohort.base.analysed & (figures.strata.codes == stratum))
        if not wanted or not mine.size:
            continue
        seen = objects_in(found, mine)
        for id, value in curve_points(seen, None, plan, wanted).items():
            values[id][stratum] = value[0]
        step = max(1, WEIGHTS // (8 * mine.size))
        drawn = image_weights(cohort, mine, scheme)
        for first in range(0, scheme.replicates, step):
            part = slice(first, min(first + step, scheme.replicates))
            for id, value in curve_points(
                seen, drawn[part].astype(np.float64), plan, wanted
            ).items():
                replicates[id][stratum, part] = value
        if scheme.replicates and mine.size < BCA_BELOW:
            patients = np.unique(cohort.base.cluster[mine])
            left = (cohort.base.cluster[mine] != patients[:, None]).astype(np.float64)
            for id, value in curve_points(seen, left, plan, wanted).items():
                second[id][0][stratum], second[id][1][stratum] = moments(value)
    variance = {id: spread(replicates[id]) ** 2 for id in wanted} if scheme.replicates else {}
    more = replicates if scheme.replicates else {}
    return replace(
        figures,
        values=figures.values | values,
        replicates=figures.replicates | more,
        variance=figures.variance | variance,
        jackknife=figures.jackknife | {id: Moments(*second[id]) for id in wanted},
    )


def objects_in(found: Objects, rows: Ints) -> Detections:
    """Detections in some of the images, which are numbered in their order."""
    place = np.full(found.objects.size, -1, dtype=np.int64)
    place[rows] = np.arange(rows.size)
    inside = place[found.row] >= 0
    return detections(
        found.score[inside], found.hit[inside], place[found.row[inside]], found.objects[rows]
    )


def curve_points(
    seen: Detections, weights: Array | None, plan: Plan, wanted: Sequence[str]
) -> dict[str, Floats]:
    """Points of the FROC curve under each row of weights of the images."""
    if plan.detection is None:
        raise ValueError("only a detection has a FROC curve")
    table = np.ones((1, seen.lesions.size)) if weights is None else weights
    out: dict[str, Floats] = {}
    if "sensitivity_at_fp" in wanted:
        rates = (plan.detection.false_positives,)
        out["sensitivity_at_fp"] = sensitivity_at(seen, rates, table)[:, 0]
    if "cpm" in wanted:
        out["cpm"] = np.asarray(cpm(seen, table))
    return out


def image_weights(cohort: CaseCohort, rows: Ints, scheme: Resampling) -> NDArray[np.uint8]:
    """How often each image is in each resample, shape (replicates, images)."""
    if scheme.exact_table.size:
        return scheme.exact_table[cohort.base.cluster[rows], : scheme.replicates].T
    out = np.empty((scheme.replicates, rows.size), np.uint8)
    step = max(1, WEIGHTS // (64 * max(scheme.replicates, 1)))
    for first in range(0, rows.size, step):
        keys = cohort.base.key[rows[first : first + step]]
        out[:, first : first + step] = poisson_weights(keys, scheme.seed, scheme.replicates).T
    return out
