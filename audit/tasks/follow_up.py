"""Values of the measures of follow-up in every stratum, and the influence of every row on them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.stats.concordance import harrell_c, uno_c
from audit.stats.horizon import horizon_recalibration, ipcw_brier, observed_expected
from audit.stats.survival import FollowUp, follow_up
from audit.tasks.cohort import Floats, Ints, SurvivalCohort


@dataclass(frozen=True, eq=False)
class Expansion:
    """First-order expansion of measures: `value` (strata, measures), `influence` (rows, measures).

    The influence of rows that are not assessed is 0; that on a value without a variance is NaN.
    """

    ids: tuple[str, ...]
    value: Floats
    influence: Floats


def assessed(
    cohort: SurvivalCohort, codes: NDArray[np.int32], strata: int
) -> tuple[FollowUp, Ints]:
    """Follow-up of the assessed rows by stratum, and which rows those are."""
    rows = np.flatnonzero(cohort.base.analysed)
    event = cohort.base.label[rows] == 1
    return follow_up(cohort.time[rows], event, codes[rows].astype(np.int64), strata), rows


def expansion(
    cohort: SurvivalCohort, codes: NDArray[np.int32], strata: int, ids: Sequence[str]
) -> Expansion:
    """Compute the wanted measures of every stratum."""
    data, rows = assessed(cohort, codes, strata)
    found = _concordances(cohort, data, rows, ids) | _at_horizon(cohort, data, rows, ids)
    value = np.full((strata, len(ids)), np.nan)
    influence = np.zeros((cohort.base.rows, len(ids)))
    for place, id in enumerate(ids):
        value[:, place], influence[rows, place] = found[id]
    return Expansion(tuple(ids), value, influence)


def _concordances(
    cohort: SurvivalCohort, data: FollowUp, rows: Ints, ids: Sequence[str]
) -> dict[str, tuple[Floats, Floats]]:
    risk, out = cohort.base.score[rows], {}
    if "harrell_c" in ids:
        own = harrell_c(data, risk)
        out["harrell_c"] = (own.value, own.influence)
    if "uno_c" in ids:
        own = uno_c(data, risk, _tau(cohort))
        out["uno_c"] = (own.value, own.influence)
    return out


def _tau(cohort: SurvivalCohort) -> float:
    """Declared tau, else the horizon, else just after the last event, so that it counts."""
    declared = cohort.plan.survival
    if declared is not None and (declared.tau or declared.horizon):
        return float(declared.tau or declared.horizon or 0.0)
    return float(np.nextafter(np.nanmax(cohort.time), np.inf))


def _at_horizon(
    cohort: SurvivalCohort, data: FollowUp, rows: Ints, ids: Sequence[str]
) -> dict[str, tuple[Floats, Floats]]:
    declared, out = cohort.plan.survival, dict[str, tuple[Floats, Floats]]()
    if declared is None or declared.horizon is None:
        return out
    risk, horizon = cohort.base.score[rows], declared.horizon
    if "brier_at_horizon" in ids:
        brier = ipcw_brier(data, risk, horizon)
        out["brier_at_horizon"] = (brier.value, brier.influence)
    if "oe_at_horizon" in ids:
        ratio = observed_expected(data, risk, horizon)
        out["oe_at_horizon"] = (ratio.ratio, ratio.influence)
    if "citl_at_horizon" in ids or "slope_at_horizon" in ids:
        fit = horizon_recalibration(data, risk, horizon)
        out["citl_at_horizon"] = (fit.citl, fit.influence[:, 0])
        out["slope_at_horizon"] = (fit.slope, fit.influence[:, 2])
    return out
