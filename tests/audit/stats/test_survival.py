"""Kaplan-Meier curves, weights for censoring and their influence."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audit.stats.survival import (
    FollowUp,
    censoring_influence,
    follow_up,
    horizon_weights,
    linearised_interval,
    weighted_sum_influence,
)
from tests.audit.stats.follow_ups import EVENT, ONE, PATIENT, TIME

# R 4.2.2, survival 3.5-3: summary(survfit(Surv(time, event) ~ 1), times = c(5, 8, 10.5))$surv
SURVIVAL = {5: 0.7805788982259571, 8: 0.6201265691461770, 10.5: 0.5512236170188241}
# t2 <- time + ifelse(event == 1, 0, 1e-6), so that events come first;
# summary(survfit(Surv(t2, 1 - event) ~ 1), times = c(2, 3, 5, 8) - 1e-9)$surv
UNCENSORED = {2: 1.0, 3: 0.9545454545454546, 5: 0.8540669856459330, 8: 0.7390964298859036}


def brute_curve(time: Any, event: Any, weight: Any, upto: float, before: bool, kind: bool) -> Any:
    """Product-limit curve of rows with case weights: of events (kind True) or of censoring."""
    value = 1.0 + 0.0j
    for u in sorted(set(time.tolist())):
        if u > upto or (before and u == upto):
            break
        at_risk = weight[time >= u].sum()
        died = weight[(time == u) & (event == 1)].sum()
        gone = weight[(time == u) & (event == 0)].sum()
        if kind:
            value *= 1 - died / at_risk
        elif np.any((time == u) & (event == 0)):
            value *= 1 - gone / (at_risk - died)
    return value


def brute_weights(time: Any, event: Any, weight: Any, horizon: float) -> NDArray[Any]:
    out = np.zeros(time.size, dtype=complex)
    for i in range(time.size):
        if event[i] and time[i] <= horizon:
            out[i] = 1 / brute_curve(time, event, weight, time[i], True, False)
        elif time[i] > horizon or (time[i] == horizon and not event[i]):
            out[i] = 1 / brute_curve(time, event, weight, horizon, True, False)
    return out


def derivative(function: Any, rows: int) -> NDArray[np.float64]:
    """Derivative of a function of case weights by the complex step: exact to rounding."""
    out = np.empty(rows)
    for k in range(rows):
        weight = np.ones(rows, dtype=complex)
        weight[k] += 1e-30j
        out[k] = function(weight).imag / 1e-30
    return out


@st.composite
def data(draw: st.DrawFn) -> tuple[NDArray[Any], ...]:
    """Time (few values, so ties), event, group and risk of up to 24 rows."""
    n = draw(st.integers(1, 24))

    def column(top: int) -> NDArray[Any]:
        return np.array(draw(st.lists(st.integers(0, top), min_size=n, max_size=n)))

    return column(7).astype(float), column(1), column(1), column(5).astype(float)


def curve_at(fit: FollowUp, name: str, time: float) -> float:
    return float(getattr(fit, name)[np.searchsorted(fit.at, time, side="right") - 1])


def test_curves_agree_with_r() -> None:
    fit = follow_up(TIME, EVENT, ONE, 1)
    got = [curve_at(fit, "survival", t) for t in SURVIVAL]
    np.testing.assert_allclose(got, list(SURVIVAL.values()), rtol=1e-14)
    got = [curve_at(fit, "uncensored_before", t) for t in UNCENSORED]
    np.testing.assert_allclose(got, list(UNCENSORED.values()), rtol=1e-14)


def test_curves_by_hand() -> None:
    # At 2 an event and a censoring: the event leaves three, of whom one is censored.
    fit = follow_up([1, 2, 2, 3, 4], [0, 1, 0, 1, 0], [0] * 5, 1)
    np.testing.assert_array_equal(fit.at_risk, [5, 4, 2, 1])
    np.testing.assert_allclose(fit.survival, [1, 3 / 4, 3 / 8, 3 / 8])
    np.testing.assert_allclose(fit.uncensored_before, [1, 4 / 5, 8 / 15, 8 / 15])
    np.testing.assert_allclose(fit.uncensored, [4 / 5, 8 / 15, 8 / 15, 0])


@settings(deadline=None)
@given(data())
def test_curves_brute_force_twin(rows: tuple[NDArray[Any], ...]) -> None:
    time, event, group, _ = rows
    fit = follow_up(time, event, group, 2)
    ones = np.ones(time.size)
    for g in range(2):
        inside = group == g
        part = time[inside], event[inside], ones[inside]
        for k in range(fit.start[g], fit.start[g + 1]):
            u = fit.at[k]
            assert fit.survival[k] == pytest.approx(brute_curve(*part, u, False, True).real)
            assert fit.uncensored[k] == pytest.approx(brute_curve(*part, u, False, False).real)
            before = brute_curve(*part, u, True, False).real
            assert fit.uncensored_before[k] == pytest.approx(before)


@settings(deadline=None)
@given(data(), st.sampled_from([0.5, 2.0, 3.5, 5.0, 7.0]))
def test_weights_add_up_to_the_rows_and_to_kaplan_meier(
    rows: tuple[NDArray[Any], ...], horizon: float
) -> None:
    time, event, group, _ = rows
    fit = follow_up(time, event, group, 2)
    weights = horizon_weights(fit, horizon)
    for g in range(2):
        inside = group == g
        n = inside.sum()
        alive = brute_curve(time[inside], event[inside], np.ones(n), horizon, False, True).real
        known = np.any(time[inside] > horizon) | np.any(
            (time[inside] == horizon) & (event[inside] == 0)
        )
        assert weights.defined[g] == (n > 0 and (known or alive == 0.0))
        if weights.defined[g]:
            w = weights.weight[inside]
            assert w.sum() == pytest.approx(n, rel=1e-12)
            assert w[weights.event[inside]].sum() / n == pytest.approx(1.0 - alive, abs=1e-12)


@settings(deadline=None)
@given(data(), st.sampled_from([0.5, 2.0, 3.5, 5.0, 7.0]))
def test_influence_is_the_derivative_by_case_weights(
    rows: tuple[NDArray[Any], ...], horizon: float
) -> None:
    time, event, group, value = rows
    fit = follow_up(time, event, group, 2)
    weights = horizon_weights(fit, horizon)
    got = weighted_sum_influence(fit, weights, value)
    for g in np.flatnonzero(weights.defined):
        inside = group == g
        t, d, r = time[inside], event[inside], value[inside]

        def total(w: Any, t: Any = t, d: Any = d, r: Any = r) -> Any:
            return (w * brute_weights(t, d, w, horizon) * r).sum()

        np.testing.assert_allclose(got[inside], derivative(total, t.size), atol=1e-10)


def test_censoring_influence_adds_up_to_zero_and_is_zero_without_censoring() -> None:
    fit = follow_up(TIME, EVENT, ONE, 1)
    influence = censoring_influence(fit, np.arange(24.0), fit.moment)
    assert influence.sum() == pytest.approx(0.0, abs=1e-12)
    assert np.abs(influence).max() > 0.1
    complete = follow_up(TIME, np.ones(24), ONE, 1)
    assert not censoring_influence(complete, np.arange(24.0), complete.moment).any()


def test_study_that_closes_at_the_horizon_is_known_there() -> None:
    time, event = np.array([1.0, 2, 5, 5, 5, 5]), np.array([1, 0, 0, 0, 0, 0])
    weights = horizon_weights(follow_up(time, event, np.zeros(6, dtype=int), 1), 5.0)
    assert weights.defined[0]
    np.testing.assert_allclose(weights.weight, [1, 0, 1.25, 1.25, 1.25, 1.25])
    later = horizon_weights(follow_up(time, event, np.zeros(6, dtype=int), 1), 5.001)
    assert not later.defined[0]


def test_groups_do_not_touch_each_other() -> None:
    half = np.arange(24) % 2
    both = follow_up(TIME, EVENT, half, 3)
    assert both.rows.tolist() == [12, 12, 0]
    for g in range(2):
        inside = half == g
        alone = follow_up(TIME[inside], EVENT[inside], ONE[inside], 1)
        part = slice(both.start[g], both.start[g + 1])
        np.testing.assert_array_equal(both.survival[part], alone.survival)
        np.testing.assert_array_equal(both.uncensored[part], alone.uncensored)
        one, two = (horizon_weights(x, 6.0) for x in (both, alone))
        np.testing.assert_array_equal(one.weight[inside], two.weight)
        np.testing.assert_array_equal(
            weighted_sum_influence(both, one, TIME)[inside],
            weighted_sum_influence(alone, two, TIME[inside]),
        )


def test_empty() -> None:
    fit = follow_up([], [], [], 2)
    weights = horizon_weights(fit, 1.0)
    assert not weights.defined.any()
    assert weighted_sum_influence(fit, weights, []).size == 0


def test_linearised_interval_is_the_t_interval_of_a_mean() -> None:
    values = np.array([0.2, 0.4, 0.9, 0.7])
    influence = (values - values.mean()) / 4
    got = linearised_interval([values.mean()], influence, [0] * 4, range(4), 1)
    # R 4.2.2: t.test(c(.2, .4, .9, .7))$conf.int
    np.testing.assert_allclose(
        [got.lower[0], got.upper[0]], [0.05526861658, 1.04473138342], rtol=1e-9
    )
    assert got.clusters[0] == 4
    np.testing.assert_allclose(got.variance, values.var(ddof=1) / 4)


@pytest.mark.parametrize(
    ("time", "event", "group"),
    [
        ([-1.0, 1.0], [0, 1], [0, 0]),
        ([np.nan, 1.0], [0, 1], [0, 0]),
        ([1.0, 1.0], [0, 2], [0, 0]),
        ([1.0, 1.0], [0, 1], [0, 1]),
        ([1.0, 1.0], [0, 1], [0]),
    ],
)
def test_bad_rows(time: Any, event: Any, group: Any) -> None:
    with pytest.raises(ValueError, match=r"must|declared|rows"):
        follow_up(time, event, group, 1)


@pytest.mark.parametrize("horizon", [0.0, -1.0, np.inf, np.nan])
def test_bad_horizon(horizon: float) -> None:
    with pytest.raises(ValueError, match="horizon must"):
        horizon_weights(follow_up(TIME, EVENT, ONE, 1), horizon)


def test_bad_lengths() -> None:
    fit = follow_up(TIME, EVENT, ONE, 1)
    with pytest.raises(ValueError, match="rows"):
        censoring_influence(fit, PATIENT[:3], fit.moment)
