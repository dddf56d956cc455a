"""Time to event through the audit: the values, their spread in resamples, and bad input."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audit.problems import InputError
from audit.stats.concordance import harrell_c, uno_c
from audit.stats.horizon import horizon_recalibration, ipcw_brier, observed_expected
from audit.stats.survival import follow_up as sorted_follow_up
from audit.strata import lattice
from audit.sweep import resampling
from audit.tasks.case_figures import image_weights, survival_figures
from audit.tasks.cohort import CaseCohort
from audit.tasks.measures import task_measures
from tests.audit.tasks.cases import FOLLOWED, audited, cohort_of, estimate, follow_up, planned

AT = {"survival": {"horizon": 5.0}}


def test_values_are_those_of_each_stratum_alone(tmp_path: Path) -> None:
    table = follow_up(400)
    result = audited(table, planned("survival", FOLLOWED, **AT), tmp_path)
    for stratum, own in (("overall", table), ("sex=F", table[table.sex == "F"])):
        data = sorted_follow_up(own.time, own.event, np.zeros(len(own), int), 1)
        risk = own.risk.to_numpy()
        fit = horizon_recalibration(data, risk, 5.0)
        expected = {
            "harrell_c": harrell_c(data, risk).value,
            "uno_c": uno_c(data, risk, 5.0).value,
            "brier_at_horizon": ipcw_brier(data, risk, 5.0).value,
            "oe_at_horizon": observed_expected(data, risk, 5.0).ratio,
            "citl_at_horizon": fit.citl,
            "slope_at_horizon": fit.slope,
        }
        for measure, value in expected.items():
            found = estimate(result, measure, stratum)
            assert found.value == pytest.approx(float(value[0]), rel=1e-12), measure
            assert found.lower is not None
            assert found.upper is not None
            assert found.lower < float(value[0]) < found.upper
        assert estimate(result, "uno_c", stratum).n_positive == int(own.event.sum())


def test_first_order_resamples_spread_as_those_computed_anew(tmp_path: Path) -> None:
    table = follow_up(600, per_patient=2)
    plan = planned("survival", FOLLOWED, **AT, resamples=400)
    cohort = cohort_of(table, plan, tmp_path)
    scheme = resampling(plan.seed, plan.resamples, cohort.base.clusters)
    strata = lattice(cohort.base.dimensions, 1, cohort.base.rows)[0]
    measures = [m for m, _ in task_measures(plan)]
    figures = survival_figures(cohort, strata, scheme, measures)
    weights = image_weights(CaseCohort(cohort.base, {}, {}), np.arange(cohort.base.rows), scheme)
    anew: dict[str, list[float]] = {m.id: [] for m in measures}
    for draw in weights:
        take = np.repeat(np.arange(cohort.base.rows), draw)
        data = sorted_follow_up(
            cohort.time[take], cohort.base.label[take] == 1, np.zeros(take.size, int), 1
        )
        risk = cohort.base.score[take]
        fit = horizon_recalibration(data, risk, 5.0)
        anew["harrell_c"].append(float(harrell_c(data, risk).value[0]))
        anew["uno_c"].append(float(uno_c(data, risk, 5.0).value[0]))
        anew["brier_at_horizon"].append(float(ipcw_brier(data, risk, 5.0).value[0]))
        anew["oe_at_horizon"].append(float(observed_expected(data, risk, 5.0).ratio[0]))
        anew["citl_at_horizon"].append(float(fit.citl[0]))
        anew["slope_at_horizon"].append(float(fit.slope[0]))
    for id, values in anew.items():
        # Same resamples: they move together, and as far.
        assert np.corrcoef(values, figures.replicates[id][0])[0, 1] > 0.97, id
        assert np.std(figures.replicates[id][0]) == pytest.approx(np.std(values), rel=0.12), id


def test_calibration_at_the_horizon_is_kaplan_meier_by_bins(tmp_path: Path) -> None:
    table = follow_up(500)
    result = audited(table, planned("survival", FOLLOWED, **AT), tmp_path)
    (curve,) = [c for c in result.curves.calibration if c.stratum == "overall"]
    assert curve.method == "kaplan_meier"
    assert sum(b.n for b in curve.bins) == 500
    own = table.sort_values("risk", kind="stable").iloc[:50]
    at_risk, survival = 50, 1.0
    for time, event in own.sort_values(["time", "event"], ascending=[True, False])[
        ["time", "event"]
    ].itertuples(index=False):
        if time > 5:
            break
        survival *= 1 - event / at_risk
        at_risk -= 1
    assert curve.bins[0].observed == pytest.approx(1 - survival, abs=1e-12)
    assert curve.bins[0].predicted == pytest.approx(own.risk.mean(), abs=1e-12)


def test_a_miscalibrated_group_is_found(tmp_path: Path) -> None:
    table = follow_up(3000)
    table.loc[table.sex == "F", "risk"] = table.risk[table.sex == "F"] ** 2.2
    need = [{"id": "oe", "measure": "oe_at_horizon", "strata": ["sex"], "within": [0.75, 1.33]}]
    plan = planned("survival", FOLLOWED, **AT, requirements=need)
    result = audited(table, plan, tmp_path)
    (verdict,) = result.verdicts
    assert verdict.status == "violated"
    assert verdict.stratum == "sex=F"
    (gap,) = [d for d in result.disparities if d.id == "oe_at_horizon/gap/sex"]
    assert gap.null is not None
    assert (gap.value or 0) > gap.null.q95


def test_without_a_horizon_only_the_order_is_assessed(tmp_path: Path) -> None:
    result = audited(follow_up(200), planned("survival", FOLLOWED), tmp_path)
    assert estimate(result, "uno_c").status == "ok"
    brier = estimate(result, "brier_at_horizon")
    assert (brier.status, brier.reason) == ("undefined", "no horizon was declared")


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [("time", -1.0, "negative_time"), ("time", np.inf, "time_not_number"),
     ("risk", 1.2, "score_not_probability"), ("event", 2, "label_not_binary")],
)  # fmt: skip
def test_bad_cells_are_named(tmp_path: Path, column: str, value: float, code: str) -> None:
    table = follow_up(50)
    table[column] = table[column].astype(object)
    table.loc[3, column] = value
    with pytest.raises(InputError) as caught:
        audited(table, planned("survival", FOLLOWED, **AT), tmp_path)
    assert [p.code for p in caught.value.problems] == [code]


def test_rows_without_a_time_are_counted_not_dropped_in_silence(tmp_path: Path) -> None:
    table = follow_up(60)
    table.loc[[1, 4], "time"] = np.nan
    result = audited(table, planned("survival", FOLLOWED), tmp_path)
    assert (result.cohort.rows, result.cohort.analysed, result.cohort.missing_label) == (60, 58, 2)
    assert isinstance(table, pd.DataFrame)
