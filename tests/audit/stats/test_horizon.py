"""Brier score and calibration at a horizon: other software, influence, laws and coverage."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import logit, ndtr

from audit.stats.horizon import (
    horizon_recalibration,
    ipcw_brier,
    observed_expected,
    observed_risk,
)
from audit.stats.logistic import recalibration, recalibration_influence
from audit.stats.survival import follow_up, linearised_interval
from tests.audit.stats.follow_ups import (
    DISTINCT_EVENT,
    DISTINCT_ONE,
    DISTINCT_PROBABILITY,
    DISTINCT_TIME,
    EVENT,
    ONE,
    PATIENT,
    PROBABILITY,
    TIME,
)
from tests.audit.stats.test_survival import brute_weights, data, derivative

# R 4.2.2, survival 3.5-3, horizons 5, 8 and 10.5: summary(survfit(Surv(time, event) ~ 1), times)
# surv and std.err; the same with cluster = patient: std.err (nine patients)
HORIZONS = (5.0, 8.0, 10.5)
SURVIVAL = (0.7805788982259571, 0.6201265691461770, 0.5512236170188241)
GREENWOOD = (0.08719063045232585, 0.10796089856565145, 0.11588542500825277)
CLUSTERED = (0.08474125161271072, 0.08091911724888785, 0.08483405561514321)
# t2 <- time + ifelse(event == 1, 0, 1e-4); G <- survfit(Surv(t2, 1 - event) ~ 1);
# w <- 1 / summary(G, times = pmin(time, h) - 1e-7, extend = TRUE)$surv where known at h, else 0;
# mean(w * (y - p)^2); glm(y ~ 1, offset = qlogis(p), weights = w, family = quasibinomial);
# glm(y ~ qlogis(p), weights = w, family = quasibinomial): coefficients, epsilon = 1e-14
BRIER = (0.1700019841269841, 0.1399032954663347, 0.1569535546811317)
CITL = (-1.344901690588129, -0.3393071789731624, -0.009890322630112532)
INTERCEPT = (-1.518783308763644, -0.2848320697889885, 0.1067595581503557)
SLOPE = (1.448527496583145, 1.7741056572144791, 1.5383365688249220)
# scikit-survival 0.28.0: brier_score(s, s, survival_probability, [4.1, 8.1, 14.1])
SKSURV_BRIER = {4.1: 0.1837932480936293, 8.1: 0.1376620361874646, 14.1: 0.1463710437283897}


def test_agreement_with_r() -> None:
    fit = follow_up(TIME, EVENT, ONE, 1)
    for k, horizon in enumerate(HORIZONS):
        risk = observed_risk(fit, horizon)
        assert risk.value[0] == pytest.approx(1.0 - SURVIVAL[k], rel=1e-13)
        assert (risk.influence**2).sum() == pytest.approx(GREENWOOD[k] ** 2, rel=1e-12)
        variance = linearised_interval(risk.value, risk.influence, ONE, PATIENT, 1).variance[0]
        assert variance == pytest.approx(CLUSTERED[k] ** 2 * 9 / 8, rel=1e-12)
        assert ipcw_brier(fit, PROBABILITY, horizon).value[0] == pytest.approx(BRIER[k], rel=1e-13)
        got = horizon_recalibration(fit, PROBABILITY, horizon)
        found = [got.citl[0], got.intercept[0], got.slope[0]]
        np.testing.assert_allclose(found, [CITL[k], INTERCEPT[k], SLOPE[k]], rtol=1e-10)
        ratio = observed_expected(fit, PROBABILITY, horizon)
        assert ratio.expected[0] == pytest.approx(11.36 / 24, rel=1e-14)
        assert ratio.ratio[0] == pytest.approx((1.0 - SURVIVAL[k]) / (11.36 / 24), rel=1e-13)


def test_brier_agrees_with_scikit_survival() -> None:
    fit = follow_up(DISTINCT_TIME, DISTINCT_EVENT, DISTINCT_ONE, 1)
    got = [ipcw_brier(fit, DISTINCT_PROBABILITY, h).value[0] for h in SKSURV_BRIER]
    np.testing.assert_allclose(got, list(SKSURV_BRIER.values()), rtol=1e-13)


def test_without_censoring_it_is_the_binary_measure() -> None:
    fit = follow_up(TIME, np.ones(24), ONE, 1)
    label = TIME <= 9.0
    brier = ipcw_brier(fit, PROBABILITY, 9.0)
    assert brier.value[0] == pytest.approx(((label - PROBABILITY) ** 2).mean())
    np.testing.assert_allclose(
        brier.influence, ((label - PROBABILITY) ** 2 - brier.value[0]) / 24, atol=1e-15
    )
    got = horizon_recalibration(fit, PROBABILITY, 9.0)
    x = logit(PROBABILITY)
    twin = recalibration(x, label, ONE, 1)
    np.testing.assert_allclose(
        [got.citl, got.intercept, got.slope], [twin.citl, twin.intercept, twin.slope], rtol=1e-10
    )
    influence = recalibration_influence(twin, x, label, ONE)
    np.testing.assert_allclose(got.influence, influence, rtol=1e-8, atol=1e-12)


def as_probability(risk: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray((risk + 0.5) / 7.0)


@settings(deadline=None)
@given(data(), st.sampled_from([2.0, 3.5, 5.0]))
def test_influence_is_the_derivative_by_case_weights(
    rows: tuple[NDArray[Any], ...], horizon: float
) -> None:
    time, event, group, risk = rows
    p, fit = as_probability(risk), follow_up(time, event, group, 2)
    brier, ratio = ipcw_brier(fit, p, horizon), observed_expected(fit, p, horizon)
    for g in range(2):
        inside = group == g
        if np.isnan(brier.value[g]):
            assert np.isnan([ratio.ratio[g], ratio.observed[g]]).all()
            continue
        t, d, q = time[inside], event[inside], p[inside]
        y = (d == 1) & (t <= horizon)

        def score(w: Any, t: Any = t, d: Any = d, q: Any = q, y: Any = y) -> Any:
            return (w * brute_weights(t, d, w, horizon) * (y - q) ** 2).sum() / w.sum()

        def over(w: Any, t: Any = t, d: Any = d, q: Any = q, y: Any = y) -> Any:
            return (w * brute_weights(t, d, w, horizon) * y).sum() / (w * q).sum()

        one = np.ones(t.size)
        assert brier.value[g] == pytest.approx(score(one).real, rel=1e-12)
        assert ratio.ratio[g] == pytest.approx(over(one).real, rel=1e-12)
        np.testing.assert_allclose(brier.influence[inside], derivative(score, t.size), atol=1e-11)
        if 1e-9 < ratio.observed[g] < 1 - 1e-9:
            np.testing.assert_allclose(
                ratio.influence[inside], derivative(over, t.size), atol=1e-11
            )
        else:
            assert np.isnan(ratio.influence[inside]).all()


@settings(deadline=None)
@given(data(), st.sampled_from([2.0, 3.5, 5.0]))
def test_recalibration_solves_its_equations_and_its_influence_is_the_implicit_derivative(
    rows: tuple[NDArray[Any], ...], horizon: float
) -> None:
    time, event, group, risk = rows
    p, fit = as_probability(risk), follow_up(time, event, group, 2)
    got = horizon_recalibration(fit, p, horizon)
    for g in range(2):
        inside = group == g
        t, d, x = time[inside], event[inside], logit(p[inside])
        y = (d == 1) & (t <= horizon)
        fits = [([got.citl[g]], False, [0]), ([got.intercept[g], got.slope[g]], True, [1, 2])]
        for beta, free, columns in fits:
            if np.isnan(beta).any():
                assert np.isnan(got.influence[inside][:, columns]).all()
                continue
            z = beta[0] + (beta[1] if free else 1.0) * x
            mean = 1 / (1 + np.exp(-z))
            design = np.column_stack([np.ones(x.size), x]) if free else np.ones((x.size, 1))

            def equations(
                w: Any, t: Any = t, d: Any = d, r: Any = y - mean, m: Any = design
            ) -> Any:
                return ((w * brute_weights(t, d, w, horizon) * r)[:, None] * m).sum(axis=0)

            omega = brute_weights(t, d, np.ones(t.size), horizon).real
            scale = omega.sum()
            np.testing.assert_allclose(equations(np.ones(t.size)).real / scale, 0.0, atol=1e-9)
            information = (design * (omega * mean * (1 - mean))[:, None]).T @ design
            if np.linalg.cond(information) > 1e8:
                continue
            score = np.column_stack(
                [derivative(lambda w, k=k: equations(w)[k], t.size) for k in range(len(beta))]
            )
            twin = np.linalg.solve(information, score.T).T
            size = 1.0 + np.abs(twin).max()
            found = got.influence[inside][:, columns]
            np.testing.assert_allclose(found / size, twin / size, atol=1e-7)


@settings(deadline=None)
@given(data(), st.randoms(use_true_random=False))
def test_row_order(rows: tuple[NDArray[Any], ...], random: Any) -> None:
    order = list(range(rows[0].size))
    random.shuffle(order)

    def values(time: Any, event: Any, group: Any, risk: Any) -> list[NDArray[Any]]:
        p, fit = as_probability(risk), follow_up(time, event, group, 2)
        return [ipcw_brier(fit, p, 3.0).value, observed_expected(fit, p, 3.0).ratio]

    one, two = values(*rows), values(*(column[order] for column in rows))
    np.testing.assert_allclose(one, two, rtol=1e-12)


def test_undefined() -> None:
    # Group 0 is followed to 2 only, group 1 has no event by 3, group 2 only events, 3 no row.
    time, event = [1.0, 2, 4, 5, 1, 2], [1, 0, 1, 0, 1, 1]
    group = [0, 0, 1, 1, 2, 2]
    fit = follow_up(time, event, group, 4)
    p = np.array([0.2, 0.3, 0.2, 0.3, 0.6, 0.7])
    risk = observed_risk(fit, 3.0)
    np.testing.assert_array_equal(risk.value, [np.nan, 0.0, 1.0, np.nan])
    np.testing.assert_array_equal(np.isnan(ipcw_brier(fit, p, 3.0).value), [1, 0, 0, 1])
    ratio = observed_expected(fit, p, 3.0)
    np.testing.assert_allclose(ratio.ratio, [np.nan, 0.0, 1 / 0.65, np.nan])
    got = linearised_interval(ratio.ratio, ratio.influence, group, np.arange(6), 4, scale="log")
    assert np.isnan(got.lower).all()
    refit = horizon_recalibration(fit, p, 3.0)
    assert np.isnan([refit.citl, refit.intercept, refit.slope]).all()
    assert np.isnan(observed_expected(fit, np.zeros(6), 3.0).ratio).all()
    assert np.isnan(ipcw_brier(follow_up([], [], [], 1), [], 3.0).value[0])


def test_separated_and_constant_risks_have_a_citl_but_no_slope() -> None:
    fit = follow_up(TIME, EVENT, ONE, 1)
    for p in (np.where(TIME <= 5, 0.9, 0.1), np.full(24, 0.3)):
        refit = horizon_recalibration(fit, p, 5.0)
        assert np.isfinite(refit.citl[0])
        assert np.isnan([refit.intercept[0], refit.slope[0]]).all()
        assert np.isnan(refit.influence[:, 1:]).all()
    # Risks of 0 and 1 are cut, not refused.
    assert np.isfinite(horizon_recalibration(fit, np.round(PROBABILITY), 8.0).citl[0])


def test_bad_risk() -> None:
    fit = follow_up(TIME, EVENT, ONE, 1)
    for p in (PROBABILITY * 2, np.where(TIME > 3, np.nan, PROBABILITY), PROBABILITY[:5]):
        with pytest.raises(ValueError, match="risk"):
            ipcw_brier(fit, p, 5.0)


def clustered(generator: np.random.Generator, patients: int) -> tuple[NDArray[Any], ...]:
    """Three units a patient, ICC 0.3; a third censored before 2; risk miscalibrated by a factor."""
    share = generator.normal(size=(2, patients)).repeat(3, axis=1) * np.sqrt(0.3)
    x, noise = share + generator.normal(size=(2, 3 * patients)) * np.sqrt(0.7)
    time = np.exp(0.8 - x + noise)
    end = np.exp(generator.normal(0.8, 0.8, size=patients)).repeat(3)
    risk = ndtr(1.2 * (np.log(2.0) - 0.8 + x) - 0.2)
    return np.minimum(time, end), time <= end, risk, np.arange(patients).repeat(3), time


MEASURES = ["risk", "brier", "ratio", "citl", "slope"]


def estimates(time: Any, event: Any, risk: Any) -> dict[str, tuple[Any, Any, Any]]:
    fit = follow_up(time, event, np.zeros(time.size, dtype=int), 1)
    ratio, refit = observed_expected(fit, risk, 2.0), horizon_recalibration(fit, risk, 2.0)
    return {
        "risk": (*observed_risk(fit, 2.0), "logit"),
        "brier": (*ipcw_brier(fit, risk, 2.0), "log"),
        "ratio": (ratio.ratio, ratio.influence, "log"),
        "citl": (refit.citl, refit.influence[:, 0], "identity"),
        "slope": (refit.slope, refit.influence[:, 2], "identity"),
    }


@pytest.mark.simulation
def test_intervals_cover_under_clustering() -> None:
    generator = np.random.default_rng(7)
    _, _, risk, _, complete = clustered(generator, 300_000)
    found = estimates(complete, np.ones(complete.size, dtype=bool), risk)
    truth = {name: value[0] for name, (value, _, _) in found.items()}
    zero, patient = np.zeros(450, dtype=int), np.arange(150).repeat(3)
    hits = dict.fromkeys(MEASURES, 0)
    for _ in range(1500):
        time, event, risk, _, _ = clustered(generator, 150)
        for name, (value, influence, scale) in estimates(time, event, risk).items():
            got = linearised_interval(value, influence, zero, patient, 1, scale=scale)
            hits[name] += got.lower[0] <= truth[name] <= got.upper[0]
    for name, count in hits.items():
        assert 0.93 <= count / 1500 <= 0.97, (name, count / 1500)
