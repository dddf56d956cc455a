"""Harrell's C and Uno's C: other software, brute force, influence, laws and coverage."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audit.stats.concordance import Concordance, concordance_interval, harrell_c, uno_c
from audit.stats.proportions import wilson
from audit.stats.survival import follow_up
from tests.audit.stats.follow_ups import (
    DISTINCT_EVENT,
    DISTINCT_ONE,
    DISTINCT_RISK,
    DISTINCT_TIME,
    EVENT,
    ONE,
    PATIENT,
    RISK,
    TIME,
)
from tests.audit.stats.test_survival import brute_curve, data, derivative

# R 4.2.2, survival 3.5-3: concordance(Surv(time, event) ~ risk, reverse = TRUE): count (the first
# three), concordance, var; the same with cluster = patient: var; influence = 1: dfbeta
HARRELL = (123, 26, 10, 0.8050314465408805, 0.003323552255676926)
HARRELL_CLUSTERED = 0.003581112169316954
DFBETA = [
    [0.018769036034967, 0.00933507377081604, -0.000692219453344408, 0.0131719473122108],
    [-0.0308532099204937, -0.00138443890668882, -0.00138443890668882, 0.00251176773070685],
    [0.00613108658676476, 5.93330960009519e-05, -0.0376765159606028, -0.00399509513073059],
    [5.93330960009519e-05, 0.00980973853882362, 0.00037577627467268, -0.00239310153870495],
    [0.00474664768007595, -0.0036193188560579, 0.0103437364028322, -0.000474664768007591],
    [-0.00170088208536055, 0.00213599145603418, 0.00336220877338713, 0.00336220877338713],
]
# The same with timewt = "n/G2", and that with ymax = 12.5
UNO = {
    np.inf: (186.783438387388, 49.2123152815537, 23.8023562789661, 0.7647654425457885),
    12.5: (186.783438387388, 32.4696992593057, 11.2453942622801, 0.8347390932386122),
}
# scikit-survival 0.28.0 on rows with distinct times: concordance_index_censored(event, time, risk);
# concordance_index_ipcw(s, s, risk, tau) with s = Surv.from_arrays(event, time)
SKSURV_HARRELL = (394, 66, 4, 0.853448275862069)
SKSURV_UNO = {8.0: 0.9618059555646962, 12.0: 0.9076015186390652, 18.0: 0.7568913787590683}


def figures(fit: Concordance) -> list[float]:
    return [float(x[0]) for x in (fit.concordant, fit.discordant, fit.tied, fit.value)]


def test_harrell_agrees_with_r() -> None:
    fit = harrell_c(follow_up(TIME, EVENT, ONE, 1), RISK)
    np.testing.assert_allclose(figures(fit), HARRELL[:4], rtol=1e-14)
    np.testing.assert_allclose(fit.influence, np.ravel(DFBETA), rtol=1e-12, atol=1e-16)
    assert (fit.influence**2).sum() == pytest.approx(HARRELL[4], rel=1e-13)
    variance = concordance_interval(fit, ONE, PATIENT)[2][0]
    assert variance == pytest.approx(HARRELL_CLUSTERED * 9 / 8, rel=1e-13)


@pytest.mark.parametrize("tau", UNO)
def test_uno_agrees_with_r(tau: float) -> None:
    fit = uno_c(follow_up(TIME, EVENT, ONE, 1), RISK, tau)
    np.testing.assert_allclose(figures(fit), UNO[tau], rtol=1e-13)


def test_agreement_with_scikit_survival() -> None:
    fit = follow_up(DISTINCT_TIME, DISTINCT_EVENT, DISTINCT_ONE, 1)
    np.testing.assert_allclose(figures(harrell_c(fit, DISTINCT_RISK)), SKSURV_HARRELL, rtol=1e-14)
    got = [uno_c(fit, DISTINCT_RISK, tau).value[0] for tau in SKSURV_UNO]
    np.testing.assert_allclose(got, list(SKSURV_UNO.values()), rtol=1e-13)


def brute(
    time: NDArray[Any], event: NDArray[Any], risk: NDArray[Any], weight: Any, tau: float | None
) -> tuple[Any, Any, Any]:
    """Weight of concordant, tied and all pairs, with loops; Harrell's where tau is None."""
    concordant, tied, total = 0.0, 0.0, 0.0
    for i in range(time.size):
        if not event[i] or (tau is not None and time[i] >= tau):
            continue
        inverse = 1.0
        if tau is not None:
            inverse = brute_curve(time, event, weight, time[i], True, False) ** -2
        for j in range(time.size):
            if time[j] > time[i] or (time[j] == time[i] and not event[j]):
                pair = weight[i] * weight[j] * inverse
                total = total + pair
                concordant = concordant + pair * (risk[i] > risk[j])
                tied = tied + pair * (risk[i] == risk[j])
    return concordant, tied, total


TAUS = st.sampled_from([None, 2.0, 4.5, np.inf])


def fitted(rows: tuple[NDArray[Any], ...], tau: float | None) -> Concordance:
    time, event, group, risk = rows
    fit = follow_up(time, event, group, 2)
    return harrell_c(fit, risk) if tau is None else uno_c(fit, risk, tau)


@settings(deadline=None)
@given(data(), TAUS)
def test_brute_force_twin(rows: tuple[NDArray[Any], ...], tau: float | None) -> None:
    time, event, group, risk = rows
    got = fitted(rows, tau)
    for g in range(2):
        inside = group == g
        t, d, r = time[inside], event[inside], risk[inside]
        concordant, tied, total = (np.real(x) for x in brute(t, d, r, np.ones(t.size), tau))
        if total == 0.0:
            assert np.isnan(got.value[g])
            assert np.isnan(got.influence[inside]).all()
            assert not got.contributes[inside].any()
            continue
        twin = [concordant, total - concordant - tied, tied, (concordant + tied / 2) / total]
        found = [got.concordant[g], got.discordant[g], got.tied[g], got.value[g]]
        np.testing.assert_allclose(found, twin, rtol=1e-12, atol=1e-9)

        def value(w: Any, t: Any = t, d: Any = d, r: Any = r) -> Any:
            concordant, tied, total = brute(t, d, r, w, tau)
            return (concordant + tied / 2) / total

        np.testing.assert_allclose(got.influence[inside], derivative(value, t.size), atol=1e-10)
        assert np.isfinite(got.influence[inside & got.contributes]).all()
        np.testing.assert_allclose(got.influence[inside & ~got.contributes], 0.0, atol=1e-12)


@settings(deadline=None)
@given(data(), TAUS, st.randoms(use_true_random=False))
def test_row_order_changes_no_bit(
    rows: tuple[NDArray[Any], ...], tau: float | None, random: Any
) -> None:
    order = list(range(rows[0].size))
    random.shuffle(order)
    one, two = fitted(rows, tau), fitted(tuple(column[order] for column in rows), tau)
    for x, y in zip(one[:4], two[:4], strict=True):
        np.testing.assert_array_equal(x, y)
    np.testing.assert_allclose(one.influence[order], two.influence, atol=1e-12)


@settings(deadline=None)
@given(data(), TAUS)
def test_monotone_maps_and_the_turned_sign(
    rows: tuple[NDArray[Any], ...], tau: float | None
) -> None:
    time, event, group, risk = rows
    got = fitted(rows, tau)
    mapped = fitted((time, event, group, np.expm1(3 * risk) - 7), tau)
    np.testing.assert_array_equal(got.value, mapped.value)
    np.testing.assert_array_equal(got.influence, mapped.influence)
    turned = fitted((time, event, group, -risk), tau)
    np.testing.assert_allclose(turned.value, 1.0 - got.value, atol=1e-12)
    np.testing.assert_allclose(turned.influence, -got.influence, atol=1e-12)


@settings(deadline=None)
@given(data())
def test_without_censoring_uno_is_harrell(rows: tuple[NDArray[Any], ...]) -> None:
    time, _, group, risk = rows
    complete = (time, np.ones(time.size, dtype=int), group, risk)
    one, two = fitted(complete, None), fitted(complete, np.inf)
    np.testing.assert_allclose(one.value, two.value, rtol=1e-14)
    np.testing.assert_allclose(one.influence, two.influence, atol=1e-14)


def test_estimating_the_curve_of_censoring_lowers_the_variance() -> None:
    # Ignoring it (as survival 3.5-3 does: var = 0.004014243008471893) is conservative here.
    fit = uno_c(follow_up(TIME, EVENT, ONE, 1), RISK, np.inf)
    assert (fit.influence**2).sum() < 0.75 * 0.004014243008471893


def test_separation_falls_back_to_wilson() -> None:
    time, event = np.arange(1.0, 11.0), np.array([1, 1, 0, 1, 0, 0, 1, 0, 0, 0])
    zero = np.zeros(10, dtype=int)
    fit = harrell_c(follow_up(time, event, zero, 1), -time)
    assert fit.value[0] == 1.0
    lower, upper, variance, method = concordance_interval(fit, zero, np.arange(10) // 2)
    assert method[0] == "wilson_patients_with_event"
    assert variance[0] == 0.0
    # Rows 0 and 1 are one patient: three patients have an event.
    np.testing.assert_array_equal((lower, upper), wilson([3.0], [3]))


def test_undefined_without_a_comparable_pair() -> None:
    # Group 0 has no event, group 1 only its last row, group 2 two events at one time, 3 no row.
    time, event = [1.0, 2, 1, 2, 5, 5], [0, 0, 0, 1, 1, 1]
    group = [0, 0, 1, 1, 2, 2]
    fit = harrell_c(follow_up(time, event, group, 4), np.arange(6.0))
    assert np.isnan(fit.value).all()
    lower, upper, _, method = concordance_interval(fit, group, np.arange(6))
    assert np.isnan(lower).all()
    assert np.isnan(upper).all()
    assert (method == "").all()
    assert np.isnan(uno_c(follow_up([], [], [], 1), [], 1.0).value[0])


def test_bad_arguments() -> None:
    fit = follow_up(TIME, EVENT, ONE, 1)
    with pytest.raises(ValueError, match="NaN"):
        harrell_c(fit, np.where(RISK > 8, np.nan, RISK))
    with pytest.raises(ValueError, match="rows"):
        harrell_c(fit, RISK[:4])
    with pytest.raises(ValueError, match="tau"):
        uno_c(fit, RISK, 0.0)
    with pytest.raises(ValueError, match="rows"):
        concordance_interval(harrell_c(fit, RISK), ONE, PATIENT[:5])


UNITS = 5


def clustered(generator: np.random.Generator, patients: int) -> tuple[NDArray[Any], ...]:
    """Five units a patient, ICC 0.6 of risk and of log time; about 40 % censored by a patient."""
    share = generator.normal(size=(2, patients)).repeat(UNITS, axis=1) * np.sqrt(0.6)
    own = generator.normal(size=(2, UNITS * patients)) * np.sqrt(0.4)
    risk, noise = share + own
    time = np.exp(-risk + noise)
    end = np.exp(generator.normal(0.4, 1.2, size=patients)).repeat(UNITS)
    return np.minimum(time, end), time <= end, risk, np.arange(patients).repeat(UNITS), time


@pytest.mark.simulation
@pytest.mark.parametrize("kind", ["harrell", "uno"])
def test_intervals_cover_under_clustering(kind: str) -> None:
    tau, generator = 3.0, np.random.default_rng(20260)

    def fit(time: Any, event: Any, risk: Any) -> Concordance:
        rows = follow_up(time, event, np.zeros(time.size, dtype=int), 1)
        return harrell_c(rows, risk) if kind == "harrell" else uno_c(rows, risk, tau)

    time, event, risk, _, complete = clustered(generator, 300_000)
    if kind == "harrell":
        truth = fit(time, event, risk).value[0]
    else:  # the target is that of follow-up without any censoring
        truth = fit(complete, np.ones(complete.size, dtype=bool), risk).value[0]
    hits, naive = 0, 0
    for _ in range(1500):
        time, event, risk, patient, _ = clustered(generator, 120)
        got, zero = fit(time, event, risk), np.zeros(120 * UNITS, dtype=int)
        lower, upper, _, _ = concordance_interval(got, zero, patient)
        hits += lower[0] <= truth <= upper[0]
        lower, upper, _, _ = concordance_interval(got, zero, np.arange(120 * UNITS))
        naive += lower[0] <= truth <= upper[0]
    assert 0.93 <= hits / 1500 <= 0.97
    assert naive / 1500 < 0.93
