"""Random-effects pooling against metafor and against a direct maximisation of REML.

R 4.2.2, metafor 3.8-1, for every literal below:
  f <- rma(yi, vi, method = "REML", test = "knha",
           control = list(threshold = 1e-14, maxiter = 10000)); predict(f); leave1out(f)
(with the default threshold of 1e-5 metafor's own tau^2 moves by up to 2e-7 on these data).
BCG: escalc(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg).
"""

from dataclasses import astuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from audit.stats.meta import RandomEffects, random_effects

# Vaccinated cases and non-cases, control cases and non-cases (Colditz et al. 1994, dat.bcg).
BCG = np.array(
    [
        (4, 119, 11, 128),
        (6, 300, 29, 274),
        (3, 228, 11, 209),
        (62, 13536, 248, 12619),
        (33, 5036, 47, 5761),
        (180, 1361, 372, 1079),
        (8, 2537, 10, 619),
        (505, 87886, 499, 87892),
        (29, 7470, 45, 7232),
        (17, 1699, 65, 1600),
        (186, 50448, 141, 27197),
        (5, 2493, 3, 2338),
        (27, 16886, 29, 17825),
    ],
    dtype=float,
)
_TREATED, _CONTROL = BCG[:, 0] + BCG[:, 1], BCG[:, 2] + BCG[:, 3]
BCG_EFFECT = np.log(BCG[:, 0] / _TREATED) - np.log(BCG[:, 2] / _CONTROL)
BCG_VARIANCE = 1 / BCG[:, 0] - 1 / _TREATED + 1 / BCG[:, 2] - 1 / _CONTROL

T0_EFFECT, T0_VARIANCE = [0.30, 0.35, 0.28, 0.40, 0.33], [0.04, 0.09, 0.06, 0.05, 0.08]

# tau2, I2, Q, Qp; estimate, ci.lb, ci.ub, pi.lb, pi.ub; s2w
METAFOR: dict[str, tuple[Any, Any, list[float]]] = {
    "bcg": (
        BCG_EFFECT,
        BCG_VARIANCE,
        [
            3.13243258136481e-01,
            9.22213845212690e01,
            1.52233008082373e02,
            1.99676459084597e-26,
            -0.714532342158139,
            -1.108443713685551,
            -0.320620970630728,
            -1.996016834196202,
            0.566952149879924,
            1.01126997196685,
        ],
    ),
    "k = 3": (
        [0.3, 0.9, -0.2],
        [0.04, 0.09, 0.06],
        [
            0.214252722456462,
            78.122368499176886,
            8.114035087719298,
            0.017300540350043,
            0.313703972639134,
            -1.021487055614782,
            1.648895000893050,
            -2.084036062716947,
            2.711444007995216,
            1.0463771090199,
        ],
    ),
    "k = 2": (
        [0.3, 0.9],
        [0.04, 0.09],
        [
            0.1149999999999999,
            63.8888888888888715,
            2.7692307692307696,
            0.0960923294556737,
            0.558333333333333,
            -3.216583414384929,
            4.333250081051595,
            -5.170233233786795,
            6.286899900453462,
            1.0,
        ],
    ),
    "tau2 = 0": (
        T0_EFFECT,
        T0_VARIANCE,
        [
            0.0,
            0.0,
            0.166593376764387,
            0.996717591530707,
            0.330456026058632,
            0.269098191543466,
            0.391813860573797,
            0.269098191543466,
            0.391813860573797,
            0.0416483441910966,
        ],
    ),
}

# One row per omitted study: estimate, ci.lb, ci.ub, tau2.
LEFT_OUT = {
    "bcg": [
        (-0.707083784699259, -1.134080933005114, -0.280086636393405, 0.336156701803629),
        (-0.654031200293526, -1.053272172178800, -0.254790228408252, 0.292583083996311),
        (-0.685554410836617, -1.100870081497320, -0.270238740175914, 0.320737929649036),
        (-0.628409369807674, -1.028850433413501, -0.227968306201848, 0.262758148091002),
        (-0.764170095140256, -1.186640724462436, -0.341699465818075, 0.327803260442081),
        (-0.710876555564008, -1.150516028968306, -0.271237082159711, 0.359554070376809),
        (-0.655247599784662, -1.053188664308686, -0.257306535260639, 0.293025869767263),
        (-0.794767604515521, -1.195996428790683, -0.393538780240359, 0.273182929386648),
        (-0.741197299304493, -1.174617644614685, -0.307776953994302, 0.349452009805488),
        (-0.653032915305876, -1.063933000881600, -0.242132829730152, 0.298724504633231),
        (-0.757858626723502, -1.188081443798448, -0.327635809648555, 0.340488287792991),
        (-0.759812099334467, -1.153563156881138, -0.366061041787796, 0.308162214795441),
        (-0.777536184894367, -1.185908443930282, -0.369163925858452, 0.303733366367171),
    ],
    "k = 3": [
        (0.336363636363636, -6.649900707412815, 7.322627980140087, 0.530000000000000),
        (0.070000000000000, -3.096369904053944, 3.236369904053944, 0.0750000000000001),
        (0.558333333333333, -3.216583414384929, 4.333250081051595, 0.115000000000000),
    ],
    "tau2 = 0": [
        (0.343087557603687, 0.256525422807690, 0.429649692399683, 0.0),
        (0.327528089887641, 0.241731664666466, 0.413324515108815, 0.0),
        (0.342712550607288, 0.267864289115461, 0.417560812099114, 0.0),
        (0.309148936170213, 0.263535218225783, 0.354762654114642, 0.0),
        (0.330534351145038, 0.242626845435678, 0.418441856854398, 0.0),
    ],
}


def figures(fit: RandomEffects) -> NDArray[np.float64]:
    return np.array(astuple(fit)[1:11])


@pytest.mark.parametrize("case", METAFOR)
def test_agrees_with_metafor(case: str) -> None:
    effect, variance, expected = METAFOR[case]
    fit = random_effects(effect, variance, 0.95)
    assert fit.k == len(effect) == len(fit.leave_one_out)
    np.testing.assert_allclose(figures(fit), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("case", LEFT_OUT)
def test_leave_one_out_agrees_with_metafor(case: str) -> None:
    effect, variance, _ = METAFOR[case]
    fit = random_effects(effect, variance)
    np.testing.assert_allclose(np.array(fit.leave_one_out), LEFT_OUT[case], rtol=1e-9, atol=1e-12)


def test_two_studies_leave_nothing_to_pool() -> None:
    fit = random_effects([0.3, 0.9], [0.04, 0.09])
    assert np.isnan(np.array(fit.leave_one_out)).all()


def test_fewer_than_two_studies() -> None:
    for k in (0, 1):
        fit = random_effects([0.5] * k, [0.1] * k)
        assert fit.k == k == len(fit.leave_one_out)
        assert np.isnan(figures(fit)).all()
        assert all(np.isnan(one.estimate) for one in fit.leave_one_out)


def test_equal_effects_give_an_estimate_but_no_interval_of_no_width() -> None:
    fit = random_effects([0.4, 0.4, 0.4], [0.1, 0.2, 0.3])
    assert fit.tau2 == 0.0
    assert fit.estimate == pytest.approx(0.4)
    assert np.isnan([fit.lower, fit.upper, fit.prediction_lower, fit.prediction_upper]).all()


def test_flat_likelihood_converges() -> None:
    # metafor 3.8-1 stops here with "Fisher scoring algorithm did not converge".
    y, v = np.array([0.0, 0, 1, 1, 1, 1, 1]), np.array([1, 0.125, 1, 1, 1, 1, 1])
    fit = random_effects(y, v)
    grid = [minus_reml(t, y, v) for t in np.linspace(0, 1, 2001)]
    assert minus_reml(fit.tau2, y, v) <= min(grid)
    assert 0.02 < fit.tau2 < 0.04


@st.composite
def studies(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any]]:
    k = draw(st.integers(2, 12))
    effect = draw(st.lists(st.floats(-3, 3), min_size=k, max_size=k))
    variance = draw(st.lists(st.floats(0.001, 2.0), min_size=k, max_size=k))
    return np.round(effect, 3), np.round(variance, 3)


def minus_reml(tau2: float, y: NDArray[Any], v: NDArray[Any]) -> float:
    """Twice minus the restricted log likelihood, by matrices."""
    inverse = np.linalg.inv(np.diag(v + tau2))
    ones = np.ones((y.size, 1))
    information = ones.T @ inverse @ ones
    p = inverse - inverse @ ones @ np.linalg.inv(information) @ ones.T @ inverse
    determinant = np.sum(np.log(v + tau2)) + np.linalg.slogdet(information)[1]
    return float(determinant + y @ p @ y)


@given(studies())
def test_reml_is_a_maximum(data: tuple[NDArray[Any], NDArray[Any]]) -> None:
    y, v = data
    fit = random_effects(y, v)
    assert fit.tau2 >= 0
    best = minimize_scalar(
        minus_reml, bounds=(0, 20), args=(y, v), method="bounded", options={"xatol": 1e-10}
    )
    near = [minus_reml(t, y, v) for t in (0.0, fit.tau2 * 0.999, fit.tau2 * 1.001 + 1e-6)]
    assert minus_reml(fit.tau2, y, v) <= min(near) + 1e-9
    # The restricted likelihood can have two maxima; where they agree, so must the position.
    if abs(minus_reml(fit.tau2, y, v) - best.fun) < 1e-12 and fit.tau2 > 1e-3:
        assert fit.tau2 == pytest.approx(best.x, rel=1e-3, abs=1e-5)


@given(studies(), st.randoms(use_true_random=False))
def test_order_shift_and_scale(data: tuple[NDArray[Any], NDArray[Any]], random: Any) -> None:
    y, v = data
    fit = random_effects(y, v)
    order = random.sample(range(y.size), y.size)
    other = random_effects(4 * y[order] + 1, 16 * v[order])
    close: Any = {"rtol": 1e-6, "atol": 1e-7}
    np.testing.assert_allclose(other.tau2, 16 * fit.tau2, **close)
    np.testing.assert_allclose(other.estimate, 4 * fit.estimate + 1, **close)
    np.testing.assert_allclose(other.i2, fit.i2, **close)
    np.testing.assert_allclose(other.upper - other.lower, 4 * (fit.upper - fit.lower), **close)
    flipped = random_effects(-y, v)
    np.testing.assert_allclose([flipped.lower, flipped.upper], [-fit.upper, -fit.lower], **close)


@given(studies())
def test_leave_one_out_is_a_refit(data: tuple[NDArray[Any], NDArray[Any]]) -> None:
    y, v = data
    fit = random_effects(y, v)
    for i, left in enumerate(fit.leave_one_out):
        again = random_effects(np.delete(y, i), np.delete(v, i))
        one = (again.estimate, again.lower, again.upper, again.tau2)
        np.testing.assert_allclose(left, one, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(
    ("effect", "variance"),
    [([0.1, np.nan], [1, 1]), ([0.1, 0.2], [1, 0]), ([0.1, 0.2], [1, -1]), ([0.1, 0.2], [1])],
)
def test_bad_arguments(effect: Any, variance: Any) -> None:
    with pytest.raises(ValueError, match=r"finite|positive|variances"):
        random_effects(effect, variance)
