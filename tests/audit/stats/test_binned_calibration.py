"""Binned calibration error and Murphy's decomposition, against plain loops and other software."""

from fractions import Fraction
from math import comb
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.calibration import calibration_curve

from audit.stats._rungs import Rungs, rungs_of
from audit.stats.binned_calibration import (
    BINS,
    ece_equal_mass,
    ece_equal_width,
    equal_mass_bins,
    equal_width_bins,
    expected_calibration_error,
    murphy_decomposition,
    murphy_equal_mass,
    murphy_exact,
    null_ece_equal_mass,
    null_generator,
    null_positives,
)

Floats = NDArray[np.float64]


def rows(n: int) -> tuple[Floats, NDArray[np.bool_]]:
    k = np.arange(1, n + 1)
    u, v = k * 0.6180339887498949 % 1, k * 0.41421356237309515 % 1
    p = 0.02 + 0.9 * u * u
    return p, v < expit(-0.4 + 0.6 * logit(p))


def test_equal_width_agrees_with_other_software() -> None:
    # relplot 1.0.3, binnedECE(p, y, 15), and calzone 0.1.0, calculate_ece_mce of its
    # reliability_diagram with 15 equal-space bins
    for n, expected in ((400, 0.07886018921640504), (450, 0.08120265720310839)):
        np.testing.assert_allclose(ece_equal_width(*rungs_of(*rows(n))), expected, rtol=1e-10)


def test_equal_mass_agrees_with_scikit_learn() -> None:
    # Without ties, and with a multiple of 15 rows, bins of equal mass are unambiguous.
    p, y = rows(450)
    rate, mean = calibration_curve(y, p, n_bins=15, strategy="quantile")
    np.testing.assert_allclose(ece_equal_mass(*rungs_of(p, y)), np.abs(rate - mean).mean())
    assert np.bincount(equal_mass_bins(np.ones(450))).tolist() == [30] * 15


def test_equal_width_edges() -> None:
    edges = np.arange(16) / 15
    assert equal_width_bins(edges).tolist() == [*range(15), 14]
    assert equal_width_bins(np.nextafter(edges[1:], 0)).tolist() == list(range(15))


def test_equal_mass_never_splits_ties() -> None:
    assert equal_mass_bins([7, 1, 1, 1], bins=5).tolist() == [0, 3, 4, 4]
    assert equal_mass_bins([1, 8, 1], bins=5).tolist() == [0, 0, 4]
    assert equal_mass_bins([0, 4, 0], bins=2).tolist() == [0, 0, 1]
    assert equal_mass_bins([2.5, 2.5], bins=2).tolist() == [0, 1]
    assert equal_mass_bins([], bins=2).size == 0
    assert equal_mass_bins([0.0, 0.0]).tolist() == [0, 0]


@st.composite
def ladders(draw: st.DrawFn) -> Rungs:
    scores = sorted(draw(st.sets(st.integers(0, 40), min_size=1, max_size=30)))
    counts = st.lists(st.integers(0, 5), min_size=len(scores), max_size=len(scores))
    pos, neg = draw(counts), draw(counts)
    return Rungs(np.array(scores) / 40, np.array(pos, float), np.array(neg, float))


def expanded(ladder: Rungs) -> list[tuple[float, float, int]]:
    """Score, outcome and rung of each row."""
    out = []
    for k, (p, pos, neg) in enumerate(zip(*ladder, strict=True)):
        out += [(float(p), 1.0, k)] * int(pos) + [(float(p), 0.0, k)] * int(neg)
    return out


@given(ladders(), st.integers(1, 20))
def test_ece_is_the_loop_over_bins(ladder: Rungs, bins: int) -> None:
    rows = expanded(ladder)
    got = ece_equal_mass(*ladder, bins)
    if not rows:
        assert np.isnan(got)
        return
    members: dict[int, list[tuple[float, float, int]]] = {}
    for row in rows:
        below = sum(r[0] < row[0] for r in rows)
        members.setdefault(bins * below // len(rows), []).append(row)
    expected = sum(abs(sum(r[1] - r[0] for r in held)) for held in members.values()) / len(rows)
    np.testing.assert_allclose(got, expected, atol=1e-12)


@given(ladders(), st.integers(1, 20))
def test_brier_identity_is_exact_for_any_bins(ladder: Rungs, bins: int) -> None:
    rows = expanded(ladder)
    for parts in (murphy_equal_mass(*ladder, bins), murphy_exact(*ladder)):
        if not rows:
            assert np.isnan(parts).all()
            continue
        brier = sum((p - y) ** 2 for p, y, _ in rows) / len(rows)
        np.testing.assert_allclose(parts.brier, brier, atol=1e-12)
        total = parts.reliability - parts.generalised_resolution + parts.uncertainty
        np.testing.assert_allclose(total, brier, atol=1e-12)
    if rows:
        exact = murphy_exact(*ladder)
        assert abs(exact.within_variance) < 1e-30
        assert abs(exact.within_covariance) < 1e-15


@given(ladders(), st.integers(1, 20))
def test_murphy_is_the_loop_over_bins(ladder: Rungs, bins: int) -> None:
    rows = expanded(ladder)
    if not rows:
        return
    codes = equal_mass_bins(ladder.positives + ladder.negatives, bins)
    overall = float(np.mean([y for _, y, _ in rows]))
    expected = np.zeros(4)
    for code in set(codes.tolist()):
        held = [(p, y) for p, y, k in rows if codes[k] == code]
        if not held:
            continue
        p, y = (np.array(side) for side in zip(*held, strict=True))
        off = p - p.mean()
        gaps = ((p.mean() - y.mean()) ** 2, (y.mean() - overall) ** 2)
        within = ((off**2).mean(), 2 * (off * (y - y.mean())).mean())
        expected += len(held) / len(rows) * np.array([*gaps, *within])
    parts = murphy_decomposition(*ladder, codes)
    got = (parts.reliability, parts.resolution, parts.within_variance, parts.within_covariance)
    np.testing.assert_allclose(got, expected, atol=1e-12)


def test_murphy_by_hand() -> None:
    # Bins {0.1, 0.3} with 1 of 4 and {0.8} with 3 of 4: p_b = 0.2 and 0.8, o_b = 0.25 and 0.75.
    parts = murphy_decomposition([0.1, 0.3, 0.8], [0, 1, 3], [2, 1, 1], [0, 0, 1])
    np.testing.assert_allclose(parts.reliability, 0.05**2, rtol=1e-12)
    np.testing.assert_allclose(parts.resolution, 0.25**2, rtol=1e-12)
    np.testing.assert_allclose(parts.uncertainty, 0.25, rtol=1e-12)
    np.testing.assert_allclose(parts.within_variance, 4 * 0.1**2 / 8, rtol=1e-12)
    # Deviations -0.1, -0.1, 0.1, 0.1 times outcomes 0, 0, 0, 1 less 0.25: 0.1 in all.
    np.testing.assert_allclose(parts.within_covariance, 2 * 0.1 / 8, rtol=1e-12)
    brier = (2 * 0.1**2 + 0.7**2 + 0.3**2 + 3 * 0.2**2 + 0.8**2) / 8
    np.testing.assert_allclose(parts.brier, brier, rtol=1e-12)
    exact = murphy_exact([0.1, 0.3, 0.8], [0, 1, 3], [2, 1, 1])
    assert abs(exact.within_variance) < 1e-30
    np.testing.assert_allclose(exact.reliability, (2 * 0.1**2 + 2 * 0.2**2 + 4 * 0.05**2) / 8)


def test_leading_axes() -> None:
    rng = np.random.default_rng(0)
    score = np.sort(rng.random(40))
    pos, neg = rng.poisson(2, (2, 3, 4, 40)).astype(np.float64)
    codes = equal_mass_bins(np.ones(40))
    ece = expected_calibration_error(score, pos, neg, codes)
    parts = murphy_decomposition(score, pos, neg, codes)
    assert ece.shape == parts.brier.shape == (3, 4)
    for i in np.ndindex(3, 4):
        one = expected_calibration_error(score, pos[i], neg[i], codes)
        np.testing.assert_allclose(ece[i], one, rtol=1e-12)
        alone = murphy_decomposition(score, pos[i], neg[i], codes)
        np.testing.assert_allclose([p[i] for p in parts], alone, rtol=1e-10, atol=1e-15)


def test_null_of_one_rung_is_the_binomial_mean_deviation() -> None:
    n, p = 20, Fraction(3, 10)
    mean = sum(
        comb(n, k) * p**k * (1 - p) ** (n - k) * abs(k - n * p) for k in range(n + 1)
    ) / n  # fmt: skip
    draws = null_ece_equal_mass([0.3], [20], null_generator(1, "a"), draws=40_000)
    assert draws.mean() == pytest.approx(float(mean), abs=4 * draws.std() / 200)


def test_null_is_what_a_calibrated_model_shows() -> None:
    score = np.arange(1, 60) / 60
    n = np.full(59, 10)
    rng = np.random.default_rng(8)
    null = null_ece_equal_mass(score, n, null_generator(3, "overall"), draws=2000)
    pos = rng.binomial(n, score, (2000, 59)).astype(np.float64)
    fair = expected_calibration_error(score, pos, n - pos, equal_mass_bins(n))
    assert null.mean() == pytest.approx(fair.mean(), rel=0.03)
    assert np.quantile(null, 0.95) == pytest.approx(np.quantile(fair, 0.95), rel=0.03)
    assert null.mean() > 0.02  # never 0, though the model is perfect


def test_null_depends_on_seed_and_name_alone() -> None:
    def draws(seed: int, name: str) -> list[float]:
        generator = null_generator(seed, name)
        return [float(x) for x in null_ece_equal_mass([0.2, 0.6], [30, 30], generator, draws=5)]

    assert draws(1, "sex=F") == draws(1, "sex=F")
    assert draws(1, "sex=F") != draws(1, "sex=M")
    assert draws(1, "sex=F") != draws(2, "sex=F")


def test_null_of_certain_scores_and_of_nobody() -> None:
    generator = null_generator(0, "")
    assert null_ece_equal_mass([0.0, 1.0], [4, 5], generator, draws=3).tolist() == [0.0] * 3
    assert np.isnan(null_ece_equal_mass([0.4], [0], generator, draws=3)).all()
    assert null_positives([0.5], [7], generator, 4).shape == (4, 1)


def test_equal_scores_in_one_bin_are_one_rung() -> None:
    tied = ([0.2, 0.5, 0.5], [1, 2, 0], [4, 1, 3], [0, 1, 1])
    single = ([0.2, 0.5], [1, 2], [4, 4], [0, 1])
    assert expected_calibration_error(*tied) == expected_calibration_error(*single)
    np.testing.assert_allclose(
        murphy_decomposition(*tied), murphy_decomposition(*single), rtol=1e-12, atol=1e-30
    )


def test_row_order_does_not_matter() -> None:
    p, y = rows(300)
    p = np.round(p, 2)
    turn = np.random.default_rng(2).permutation(300)
    one, other = rungs_of(p, y), rungs_of(p[turn], y[turn])
    assert ece_equal_mass(*one) == ece_equal_mass(*other)
    assert murphy_equal_mass(*one) == murphy_equal_mass(*other)


def test_fifteen_bins() -> None:
    assert BINS == 15


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: ece_equal_mass([0.1, 0.1], [1, 1], [1, 1]), "ascending"),
        (lambda: murphy_exact([0.1, 0.1], [1, 1], [1, 1]), "strictly"),
        (lambda: murphy_decomposition([0.2, 0.1], [1, 1], [1, 1], [0, 1]), "ascending"),
        (lambda: ece_equal_mass([0.1, 1.1], [1, 1], [1, 1]), r"\[0, 1\]"),
        (lambda: ece_equal_mass([0.1, 0.2], [1, -1], [1, 1]), "negative"),
        (lambda: ece_equal_mass([0.1, 0.2], [1, 1], [1, 1], 0), "bins"),
        (lambda: ece_equal_mass([0.1, 0.2], [[1, 1]], [[1, 1]]), "one-dimensional"),
        (lambda: expected_calibration_error([0.1, 0.2], [1, 1], [1, 1], [1, 0]), "ascend"),
        (lambda: expected_calibration_error([0.1, 0.2], [1, 1], [1, 1], [0]), "rows"),
        (lambda: equal_width_bins([np.nan]), r"\[0, 1\]"),
        (lambda: null_positives([0.5], [1.5], null_generator(0, ""), 1), "whole"),
        (lambda: null_positives([0.5], [1], null_generator(0, ""), 0), "draws"),
        (lambda: null_generator(-1, ""), "seed"),
    ],
)
def test_bad_arguments(call: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        call()
