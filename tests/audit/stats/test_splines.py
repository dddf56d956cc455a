"""Restricted cubic splines and their logistic fit against R's Hmisc, glm, rms and sandwich."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, logit

from audit.stats.splines import (
    curve_variance,
    fit_logistic_spline,
    predict_linear,
    resampled_curves,
    robust_covariance,
    spline_basis,
    spline_knots,
)

Floats = NDArray[np.float64]
AT = np.array([-5.0, -3.5, -2, -1, 0, 1, 2, 3])

# R 4.2.2, Hmisc 4.8.0, rms 6.5.0, sandwich 3.0.2 on the 6,000 rows of `rows()`, lp = qlogis(p):
#   kn <- quantile(lp, c(.05, .275, .5, .725, .95))
KNOTS = [-3.78265146926203, -2.33731431714552, -1.12562036578449, -0.0282750734908522,
         1.60001336971636]  # fmt: skip
#   X <- cbind(1, rcspline.eval(at, kn, inclx = TRUE, norm = 2)); X[5, ]; X[8, ]
BASIS = {
    4: [1, 0, 1.86807240856895, 0.440711945009763, 0.0492231753732359],
    7: [1, 3, 7.81954460309236, 3.06433373922618, 0.883037977598041],
}
#   f <- glm(y ~ rcspline.eval(lp, kn, inclx = TRUE), binomial, control = list(epsilon = 1e-15))
#   X %*% coef(f); sqrt(diag(X %*% vcov(f) %*% t(X))); predict(lrm(y ~ rcs(lp, kn))) agrees
LINEAR = [-3.06264563544046, -2.1102488982795, -1.11521339056858, -0.402511783761146,
          0.301674310262089, 0.988983480535226, 1.66889498311462, 2.34837035827735]  # fmt: skip
SE = [0.307456933370099, 0.0923220649142427, 0.0613536198941676, 0.0570888500394686,
      0.0542547722920016, 0.0577623607286491, 0.129443275441293, 0.231673345562584]  # fmt: skip
#   V <- vcovCL(f, cluster, type = "HC0", cadjust = TRUE); sqrt(diag(X %*% V %*% t(X)))
SE_CLUSTERED = [0.278472623040755, 0.0822042450538195, 0.0583510253261974, 0.0532473978273762,
                0.0508464292082037, 0.0555588015919744, 0.127949294607394,
                0.225390149041227]  # fmt: skip


def rows() -> tuple[Floats, NDArray[np.bool_], NDArray[np.int64]]:
    k = np.arange(1, 6001)
    u, v, w = k * 0.6180339887498949 % 1, k * 0.41421356237309515 % 1, k * 0.7320508075688772 % 1
    x = logit(0.02 + 0.9 * u * u)
    return x, v < expit(0.3 + 0.7 * x), np.floor(w * 900).astype(np.int64)


def ladder(decimals: int | None = None) -> tuple[Floats, Floats, Floats, NDArray[np.int64]]:
    x, y, _ = rows()
    score, rung = np.unique(x if decimals is None else np.round(x, decimals), return_inverse=True)
    pos = np.bincount(rung, weights=y, minlength=score.size)
    neg = np.bincount(rung, weights=~y, minlength=score.size)
    return score, pos.astype(np.float64), neg.astype(np.float64), rung.astype(np.int64)


def test_basis_agrees_with_hmisc() -> None:
    basis = spline_basis(AT, KNOTS)
    for row, expected in BASIS.items():
        np.testing.assert_allclose(basis[row], expected[1:], rtol=1e-12)


def test_basis_is_linear_outside_and_smooth_inside() -> None:
    step = 1e-3
    for points in (np.arange(-9.0, -4, step), np.arange(2.0, 9, step)):
        bend = np.diff(spline_basis(points, KNOTS), n=2, axis=0)
        np.testing.assert_allclose(bend, 0.0, atol=1e-11)
    inside = np.diff(spline_basis(np.arange(-4, 2, step), KNOTS), n=2, axis=0) / step**2
    # The second derivative is continuous: its steps are of the size of the third's.
    assert np.abs(np.diff(inside, axis=0)).max() < 0.02
    assert np.abs(inside[:, 1:]).max() > 0.5


def test_knots_are_quantiles_of_the_rows() -> None:
    x, pos, neg, _ = ladder()
    np.testing.assert_allclose(spline_knots(x, pos + neg), KNOTS, rtol=1e-12)
    x, pos, neg, rung = ladder(1)
    expected = np.quantile(x[rung], [0.05, 0.275, 0.5, 0.725, 0.95])
    np.testing.assert_allclose(spline_knots(x, pos + neg), expected, rtol=1e-12)


def test_coinciding_quantiles_give_fewer_knots() -> None:
    assert spline_knots(np.arange(5.0), [1000, 1, 1000, 1000, 1000]).size == 4
    assert spline_knots(np.arange(4.0), [100, 1000, 1000, 100]).tolist() == [1.0, 1.5, 2.0]
    assert spline_knots(np.arange(4.0), [1000, 10, 10, 10]).size == 0
    assert spline_knots(np.arange(5.0), [200, 100, 900, 100, 200]).size == 3
    assert spline_knots([0.0, 1.0], [500, 500]).size == 0
    assert spline_basis([0.5, 2.0], spline_knots([0.0, 1.0], [5, 5])).tolist() == [[0.5], [2.0]]


def test_fit_agrees_with_glm() -> None:
    x, pos, neg, rung = ladder()
    fit = fit_logistic_spline(x, pos, neg)
    assert fit.converged
    np.testing.assert_allclose(predict_linear(fit, AT), LINEAR, rtol=0, atol=1e-10)
    variance = curve_variance(fit, np.linalg.inv(fit.information), AT)
    np.testing.assert_allclose(np.sqrt(variance), SE, rtol=1e-8)
    np.testing.assert_allclose(fit.curve, expit(predict_linear(fit, x)), rtol=1e-12)
    _, y, cluster = rows()
    robust = robust_covariance(fit, rung, y, cluster)
    assert robust.clusters == 900
    se = np.sqrt(curve_variance(fit, robust.covariance, AT))
    np.testing.assert_allclose(se, SE_CLUSTERED, rtol=1e-8)


def test_robust_covariance_does_not_depend_on_order_or_names() -> None:
    x, pos, neg, rung = ladder(1)
    _, y, cluster = rows()
    fit = fit_logistic_spline(x, pos, neg)
    turn = np.random.default_rng(0).permutation(y.size)
    one = robust_covariance(fit, rung, y, cluster).covariance
    other = robust_covariance(fit, rung[turn], y[turn], 7000 - cluster[turn]).covariance
    np.testing.assert_allclose(other, one, rtol=1e-12)


def test_score_equations_hold_at_clipped_scores() -> None:
    x = np.array([logit(1e-10), -4, -2, -1, 0, 1, 3, logit(1 - 1e-10)])
    pos, neg = np.array([3, 20, 90, 200, 260, 350, 400, 390.0]), np.full(8, 400.0)
    fit = fit_logistic_spline(x, pos, neg - 5)
    assert fit.converged
    residual = pos - (pos + neg - 5) * fit.curve
    np.testing.assert_allclose(residual @ fit.design, 0.0, atol=1e-8)


def test_weights_scale_out() -> None:
    x, pos, neg, _ = ladder(1)
    once = fit_logistic_spline(x, pos, neg)
    twice = fit_logistic_spline(x, 2 * pos, 2 * neg, once.knots)
    np.testing.assert_allclose(twice.coefficients, once.coefficients, rtol=1e-9)
    np.testing.assert_allclose(twice.information, 2 * once.information, rtol=1e-9)


NO_FIT: dict[str, tuple[list[float], list[float]]] = {
    "one class": ([1, 1, 1, 1], [0, 0, 0, 0]),
    "separated": ([0, 0, 3, 3], [3, 3, 0, 0]),
    "touching": ([0, 1, 3, 3], [3, 3, 0, 0]),
    "nobody": ([0, 0, 0, 0], [0, 0, 0, 0]),
}


@pytest.mark.parametrize("case", NO_FIT)
def test_no_fit(case: str) -> None:
    x = [-1.0, 0.0, 1.0, 2.0]
    fit = fit_logistic_spline(x, *NO_FIT[case])
    assert not fit.converged
    assert np.isnan(fit.curve).all()
    robust = robust_covariance(fit, [0, 3], [0, 1], [0, 1])
    assert np.isnan(curve_variance(fit, robust.covariance, x)).all()
    assert np.isnan(resampled_curves(fit, np.ones((2, 4)), np.ones((2, 4)))).all()


def test_classes_separated_by_the_spline_have_no_fit() -> None:
    # Beyond the first knot all are positive, below it the classes are mixed.
    x = np.linspace(-3, 3, 13)
    mixed = x <= -1
    fit = fit_logistic_spline(
        x, np.where(mixed, 4.0, 9.0), np.where(mixed, 5.0, 0.0), [-1.0, 0.0, 1.0, 2.0]
    )
    assert not fit.converged


def test_knots_beyond_the_data_have_no_fit() -> None:
    fit = fit_logistic_spline([0.0, 1, 2], [1, 2, 3], [3, 2, 1], [5.0, 10.0, 20.0])
    assert not fit.converged


def test_one_step_is_near_the_full_fit_of_each_resample() -> None:
    x, pos, neg, _ = ladder(1)
    fit = fit_logistic_spline(x, pos, neg)
    rng = np.random.default_rng(11)
    again_pos = rng.poisson(pos, (6, x.size)).astype(np.float64)
    again_neg = rng.poisson(neg, (6, x.size)).astype(np.float64)
    one = resampled_curves(fit, again_pos, again_neg)
    three = resampled_curves(fit, again_pos, again_neg, steps=3)
    full = [
        fit_logistic_spline(x, p, n, fit.knots).curve
        for p, n in zip(again_pos, again_neg, strict=True)
    ]
    moved = np.abs(np.array(full) - fit.curve).max()
    assert moved > 0.02
    np.testing.assert_allclose(one, full, rtol=0, atol=0.05 * moved)
    np.testing.assert_allclose(three, full, rtol=0, atol=1e-7)
    np.testing.assert_allclose(
        resampled_curves(fit, pos[None], neg[None])[0], fit.curve, rtol=0, atol=1e-12
    )


def test_resamples_without_a_class_are_undefined() -> None:
    x, pos, neg, _ = ladder(1)
    fit = fit_logistic_spline(x, pos, neg)
    nothing = np.zeros_like(pos)
    first = np.where(np.arange(x.size) < 2, 5.0, 0.0)
    curves = resampled_curves(
        fit, np.stack([pos, nothing, nothing, first]), np.stack([nothing, neg, nothing, first])
    )
    assert np.isnan(curves).all()  # two distinct scores cannot carry five coefficients


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: spline_basis([0.0], [1.0, 1.0, 2.0]), "ascending"),
        (lambda: spline_knots([0.0, 1.0], [1, 1], count=6), "count"),
        (lambda: fit_logistic_spline([1.0, 0.0], [1, 1], [1, 1]), "ascending"),
        (lambda: fit_logistic_spline([0.0, 1.0], [1, -1], [1, 1]), "negative"),
        (lambda: fit_logistic_spline([0.0, 1.0], [[1, 1]], [[1, 1]]), "one set"),
    ],
)
def test_bad_arguments(call: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        call()
