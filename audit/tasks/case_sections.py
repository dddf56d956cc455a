"""Sections of the result that one task alone has: the ledger, FROC curves, calibration in time."""

from collections.abc import Iterator, Sequence

import numpy as np

from audit.curve_sections import CalibrationBin, CalibrationCurve, Curves
from audit.plan import Plan
from audit.sections import FrocCurve, Ledger
from audit.stats.bootstrap import percentile
from audit.stats.froc import CPM_RATES, sensitivity_at
from audit.stats.horizon import observed_risk
from audit.stats.proportions import wilson
from audit.stats.survival import horizon_weights, linearised_interval
from audit.strata import StrataSet
from audit.sweep import Resampling
from audit.tasks.case_figures import image_weights, objects_in
from audit.tasks.cohort import CaseCohort, Ints, SurvivalCohort, TaskCohort
from audit.tasks.follow_up import assessed

BINS = 10  # at most, of equal numbers of rows
PER_BIN = 25  # rows at least
SINGLE = 1  # curves are given for single attributes


def structures(cohort: TaskCohort) -> tuple[CaseCohort, ...]:
    """The structures of a segmentation that has several."""
    return cohort.parts if isinstance(cohort, CaseCohort) else ()


def ledgers(
    cohort: TaskCohort,
    sets: Sequence[StrataSet],
    parts: Sequence[tuple[TaskCohort, Sequence[StrataSet]]],
) -> list[Ledger]:
    """Count the cases of every structure in the four cells of the empty-mask ledger."""
    seen = parts or [(cohort, sets)]
    return [
        record
        for one, own in seen
        if isinstance(one, CaseCohort) and "present" in one.counts
        for strata in own
        for record in _ledger(one, strata)
    ]


def _ledger(cohort: CaseCohort, strata: StrataSet) -> Iterator[Ledger]:
    used, size = cohort.base.analysed, len(strata.strata)
    count = {
        name: np.bincount(strata.codes[used], weights=cohort.counts[name][used], minlength=size)
        for name in ("present", "missed", "absent", "invented")
    }
    for i, stratum in enumerate(strata.strata):
        yield Ledger(
            stratum=stratum,
            output=cohort.output,
            both_present=int(count["present"][i] - count["missed"][i]),
            reference_only=int(count["missed"][i]),
            prediction_only=int(count["invented"][i]),
            both_empty=int(count["absent"][i] - count["invented"][i]),
        )


def froc_curves(
    cohort: TaskCohort, sets: Sequence[StrataSet], plan: Plan, scheme: Resampling
) -> list[FrocCurve]:
    """Sensitivity at the usual false positives per image in every stratum of single attributes."""
    if not isinstance(cohort, CaseCohort) or cohort.found is None:
        return []
    out = []
    for strata in sets:
        for i, stratum in enumerate(strata.strata if len(strata.attributes) <= SINGLE else ()):
            rows = np.flatnonzero(cohort.base.analysed & (strata.codes == i))
            if rows.size:
                out.append(_froc(cohort, stratum, rows, plan, scheme))
    return out


def _froc(
    cohort: CaseCohort, stratum: str, rows: Ints, plan: Plan, scheme: Resampling
) -> FrocCurve:
    if cohort.found is None:
        raise ValueError("there are no objects")
    seen = objects_in(cohort.found, rows)
    value = sensitivity_at(seen, CPM_RATES)
    drawn = image_weights(cohort, rows, scheme).astype(np.float64)
    replicates = sensitivity_at(seen, CPM_RATES, drawn)
    lower, upper = percentile(replicates.T, plan.level)
    # Resamples that never vary, or often have no value, give no interval.
    known = (np.isnan(replicates).mean(axis=0) <= 0.05) & (upper > lower)
    return FrocCurve(
        stratum=stratum,
        images=int(rows.size),
        objects=int(seen.lesions.sum()),
        rates=CPM_RATES,
        sensitivity=tuple(_or_none(v) for v in value),
        lower=tuple(_or_none(v) if ok else None for v, ok in zip(lower, known, strict=True)),
        upper=tuple(_or_none(v) if ok else None for v, ok in zip(upper, known, strict=True)),
        level=plan.level,
        method=f"percentile_bootstrap_{scheme.method}",
    )


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def task_curves(cohort: TaskCohort, sets: Sequence[StrataSet], plan: Plan) -> Curves:
    """Predicted risk against Kaplan-Meier risk at the horizon, in bins of the prediction."""
    horizon = plan.survival.horizon if plan.survival is not None else None
    if not isinstance(cohort, SurvivalCohort) or horizon is None:
        return Curves(calibration=(), decision=(), risk=())
    if plan.score_kind != "probability":
        return Curves(calibration=(), decision=(), risk=())
    found = [
        curve
        for strata in sets
        if len(strata.attributes) <= SINGLE
        for curve in _calibrations(cohort, strata, horizon, plan.level)
    ]
    return Curves(calibration=tuple(found), decision=(), risk=())


def _calibrations(
    cohort: SurvivalCohort, strata: StrataSet, horizon: float, level: float
) -> Iterator[CalibrationCurve]:
    for i, stratum in enumerate(strata.strata):
        rows = np.flatnonzero(cohort.base.analysed & (strata.codes == i))
        bins = min(BINS, rows.size // PER_BIN)
        if bins >= 2:
            order = np.argsort(cohort.base.score[rows], kind="stable")
            place = np.empty(rows.size, dtype=np.int32)
            place[order] = np.arange(rows.size) * bins // rows.size
            made = _bins(cohort, rows, place, bins, horizon, level)
            if made:
                yield CalibrationCurve(stratum=stratum, method="kaplan_meier", bins=tuple(made))


def _bins(
    cohort: SurvivalCohort,
    rows: Ints,
    place: np.ndarray[tuple[int], np.dtype[np.int32]],
    bins: int,
    horizon: float,
    level: float,
) -> list[CalibrationBin]:
    codes = np.full(cohort.base.rows, bins, dtype=np.int32)
    codes[rows] = place
    data, used = assessed(cohort, codes, bins + 1)
    observed = observed_risk(data, horizon)
    bounds = linearised_interval(
        observed.value, observed.influence, codes[used], cohort.base.cluster[used], bins + 1, level,
        "logit",
    )  # fmt: skip
    # Where none, or all, had the event: as many independent units as are known at the horizon.
    known = np.bincount(data.group[horizon_weights(data, horizon).weight > 0], minlength=bins + 1)
    rough = wilson(np.nan_to_num(observed.value) * known, known, level)
    still = np.isnan(bounds.lower + bounds.upper)
    low, high = np.where(still, rough[0], bounds.lower), np.where(still, rough[1], bounds.upper)
    out = []
    for k in range(bins):
        mine = rows[place == k]
        made = (float(observed.value[k]), float(low[k]), float(high[k]))
        if np.isfinite(made).all():
            mean = float(np.sort(cohort.base.score[mine]).mean())
            out.append(
                CalibrationBin(
                    n=int(mine.size),
                    predicted=mean,
                    observed=made[0],
                    lower=made[1],
                    upper=made[2],
                )
            )
    return out
