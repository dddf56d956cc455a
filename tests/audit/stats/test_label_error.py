"""Label error: printed corrections, exact round trips, and bounds against fine grids."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audit.stats.label_error import (
    NO_FEASIBLE_RATES,
    NO_ROWS,
    Corrected,
    correct_label_error,
    label_error_bounds,
    label_error_differences,
    label_error_gap,
)


def test_published_outcome_misclassification() -> None:
    # Lash, Fox and Fink 2009, Applying Quantitative Bias Analysis to Epidemiologic Data (DOI
    # 10.1007/978-0-387-87959-8), chapter 6: deaths certified as myocardial infarction, men and
    # women, sensitivity 0.53 and specificity 0.99 of the certificate. episensr 0.7:
    #   misclassification(matrix(c(4558, 3428, 46305, 46085), nrow = 2, byrow = TRUE),
    #                     type = "outcome", bias = c(.53, .53, .99, .99))
    # prints corrected relative risk 1.3440 and odds ratio 1.4062. Sex stands where the flag does:
    # the risks in men and in women are PPV and 1 - NPV.
    fixed = correct_label_error(4558, 46305, 3428, 46085, 0.01, 0.47)
    men, women = float(fixed.ppv), 1 - float(fixed.npv)
    assert men / women == pytest.approx(1.3440, abs=5e-5)
    assert men / (1 - men) / (women / (1 - women)) == pytest.approx(1.4062, abs=5e-5)


def test_by_hand() -> None:
    # Of 100 flagged 46 are labelled positive, of 400 others 44. With alpha 0.1 and beta 0.3:
    # (46 - 10)/0.6 = 60 and (44 - 40)/0.6 = 20/3 are.
    fixed = correct_label_error(46, 54, 44, 356, 0.1, 0.3)
    truth = 60 + 20 / 3
    expected = [truth / 500, 60 / truth, (400 - 20 / 3) / (500 - truth), 0.6, 1 - 1 / 60]
    np.testing.assert_allclose(fixed, expected, rtol=1e-12)


def test_rogan_gladen_prevalence() -> None:
    # Apparent prevalence p: (p - alpha) / (1 - alpha - beta).
    fixed = correct_label_error(30, 20, 25, 125, 0.05, 0.2)
    assert float(fixed.prevalence) == pytest.approx((55 / 200 - 0.05) / 0.75, rel=1e-12)


def test_perfect_label_changes_nothing() -> None:
    fixed = correct_label_error(30, 20, 10, 140, 0.0, 0.0)
    np.testing.assert_allclose(fixed, [0.2, 0.75, 0.875, 0.6, 140 / 150], rtol=1e-14)


def observed(truth: NDArray[Any], alpha: float, beta: float) -> NDArray[Any]:
    """Expected label counts (tp, fp, fn, tn) of true counts, errors independent of the flag."""
    tp, fp, fn, tn = truth
    return np.array(
        [
            tp * (1 - beta) + fp * alpha,
            tp * beta + fp * (1 - alpha),
            fn * (1 - beta) + tn * alpha,
            fn * beta + tn * (1 - alpha),
        ]
    )


def measures(truth: NDArray[Any]) -> list[float]:
    tp, fp, fn, tn = truth
    return [
        (tp + fn) / truth.sum(),
        tp / (tp + fn),
        tn / (tn + fp),
        tp / (tp + fp),
        tn / (tn + fn),
    ]


cells = st.lists(st.integers(1, 500), min_size=4, max_size=4)


@settings(deadline=None)
@given(cells, st.floats(0, 0.45), st.floats(0, 0.45))
def test_expected_counts_give_the_truth_back(truth: list[int], alpha: float, beta: float) -> None:
    whole = np.array(truth, dtype=float)
    tp, fp, fn, tn = observed(whole, alpha, beta)
    fixed = correct_label_error(tp, fp, fn, tn, alpha, beta)
    np.testing.assert_allclose(fixed, measures(whole), rtol=1e-9)


def test_simulated_labels_give_the_truth_back() -> None:
    rng = np.random.default_rng(8)
    n = 400_000
    truth = rng.random(n) < 0.3
    flag = np.where(truth, rng.random(n) < 0.8, rng.random(n) < 0.1)
    label = np.where(truth, rng.random(n) >= 0.15, rng.random(n) < 0.05)
    tp, fp = float(np.sum(flag & label)), float(np.sum(flag & ~label))
    fn, tn = float(np.sum(~flag & label)), float(np.sum(~flag & ~label))
    fixed = correct_label_error(tp, fp, fn, tn, 0.05, 0.15)
    np.testing.assert_allclose(fixed[:3], [0.3, 0.8, 0.9], atol=0.006)
    raw = correct_label_error(tp, fp, fn, tn, 0.0, 0.0)
    assert float(raw.sensitivity) < 0.74  # what the label alone would have said


def test_infeasible_rates_are_undefined() -> None:
    # 44 of 400 others labelled positive: a false positive rate above 0.11 cannot be.
    fixed = correct_label_error(46, 54, 44, 356, [0.11, 0.12, 0.05, 0.6], [0.1, 0.1, 0.55, 0.5])
    np.testing.assert_array_equal(np.isnan(fixed.prevalence), [False, True, True, True])
    assert fixed.sensitivity[0] == pytest.approx(1.0)


def test_empty_rows_and_columns() -> None:
    nothing_flagged = correct_label_error(0, 0, 20, 80, 0.05, 0.1)
    assert float(nothing_flagged.sensitivity) == 0
    assert np.isnan(nothing_flagged.ppv)
    assert float(nothing_flagged.npv) == pytest.approx(1 - 15 / 0.85 / 100)
    assert np.isnan(correct_label_error(0, 0, 0, 0, 0.0, 0.0)).all()


def grid(
    counts: list[int], alphas: NDArray[Any], betas: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], float]:
    """Smallest and largest of every measure over a grid of rates, and the infeasible share."""
    a, b = (x.ravel() for x in np.meshgrid(alphas, betas))
    n1, n0 = counts[0] + counts[1], counts[2] + counts[3]
    fixed = np.full((5, a.size), np.nan)
    feasible = np.zeros(a.size, dtype=bool)
    for i in range(a.size):
        left = 1 - a[i] - b[i]
        if left <= 1e-9:
            continue
        one, zero = (counts[0] - a[i] * n1) / left, (counts[2] - a[i] * n0) / left
        if min(one, n1 - one, zero, n0 - zero) < -1e-9:
            continue
        feasible[i] = True
        one, zero = np.clip(one, 0, n1), np.clip(zero, 0, n0)
        t = one + zero
        pairs = ((t, n1 + n0), (one, t), (n0 - zero, n1 + n0 - t), (one, n1), (n0 - zero, n0))
        fixed[:, i] = [x / y if y > 1e-9 else np.nan for x, y in pairs]
    share = 1 - feasible.mean()
    return np.fmin.reduce(fixed, axis=1), np.fmax.reduce(fixed, axis=1), float(share)


@settings(deadline=None)
@given(
    cells,
    st.tuples(st.floats(0, 0.3), st.floats(0, 0.3)),
    st.tuples(st.floats(0, 0.3), st.floats(0, 0.3)),
)
def test_bounds_are_those_of_a_grid(
    counts: list[int], alphas: tuple[float, float], betas: tuple[float, float]
) -> None:
    (a0, a1), (b0, b1) = sorted(alphas), sorted(betas)
    tp, fp, fn, tn = counts
    bounds = label_error_bounds(tp, fp, fn, tn, (a0, a1), (b0, b1))
    n1, n0 = tp + fp, fn + tn
    # Corners of the feasible part are put on the grid, which is 21 by 21 besides.
    a_max, b_max = min(tp / n1, fn / n0), min(fp / n1, tn / n0)
    assume(abs(a0 - a_max) > 1e-6 and abs(b0 - b_max) > 1e-6 and 1 - a_max - b_max > 1e-6)
    alphas21 = np.append(np.linspace(a0, a1, 21), np.clip(a_max, a0, a1))
    betas21 = np.append(np.linspace(b0, b1, 21), np.clip(b_max, b0, b1))
    lower, upper, _ = grid(counts, alphas21, betas21)
    np.testing.assert_allclose(np.array(bounds.lower), lower, atol=1e-6)
    np.testing.assert_allclose(np.array(bounds.upper), upper, atol=1e-6)
    whole = a0 <= a_max and b0 <= b_max
    assert (bounds.reason == "") == whole
    assert np.isnan(bounds.lower.prevalence) == (not whole)


@pytest.mark.parametrize("counts", [[46, 54, 44, 356], [10, 90, 3, 97], [80, 20, 30, 70]])
def test_infeasible_share_is_that_of_a_fine_grid(counts: list[int]) -> None:
    tp, fp, fn, tn = counts
    bounds = label_error_bounds(tp, fp, fn, tn, (0.0, 0.2), (0.1, 0.5))
    middle = (np.arange(200) + 0.5) / 200
    lower, upper, share = grid(counts, 0.2 * middle, 0.1 + 0.4 * middle)
    assert float(bounds.infeasible) == pytest.approx(share, abs=0.01)
    assert share > 0
    np.testing.assert_allclose(np.array(bounds.lower), lower, atol=0.02)
    np.testing.assert_allclose(np.array(bounds.upper), upper, atol=0.02)


def test_share_with_one_rate_fixed() -> None:
    # alpha up to 0.11 of a declared 0 to 0.2; beta fixed.
    bounds = label_error_bounds(46, 54, 44, 356, (0.0, 0.2), (0.1, 0.1))
    assert float(bounds.infeasible) == pytest.approx(0.45)
    points = label_error_bounds(46, 54, 44, 356, (0.1, 0.1), (0.3, 0.3))
    fixed = correct_label_error(46, 54, 44, 356, 0.1, 0.3)
    np.testing.assert_allclose(points.lower, fixed, rtol=1e-12)
    np.testing.assert_allclose(points.upper, fixed, rtol=1e-12)
    assert float(points.infeasible) == 0


def test_no_feasible_rate_says_why() -> None:
    bounds = label_error_bounds([46, 46, 0], [54, 54, 0], [44, 44, 0], [356, 356, 0],
                                ([0.0, 0.2, 0.0], [0.1, 0.3, 0.1]), (0.0, 0.1))  # fmt: skip
    assert bounds.reason.tolist() == ["", NO_FEASIBLE_RATES, NO_ROWS]
    np.testing.assert_allclose(bounds.infeasible, [0, 1, np.nan])
    for measure in (*bounds.lower, *bounds.upper):
        np.testing.assert_array_equal(np.isnan(measure), [False, True, True])


def test_label_without_information_at_a_corner() -> None:
    # The label is as often positive among the flagged as among the others: at alpha = 0.2 and
    # beta = 0.8 it would be pure noise, and predictive values anything up to there.
    bounds = label_error_bounds(20, 80, 40, 160, (0.0, 0.2), (0.0, 0.8))
    np.testing.assert_allclose([bounds.lower.ppv, bounds.upper.ppv], [0, 1])
    np.testing.assert_allclose([bounds.lower.prevalence, bounds.upper.prevalence], [0, 1])
    np.testing.assert_allclose([bounds.lower.sensitivity, bounds.upper.sensitivity], 1 / 3)
    assert float(bounds.infeasible) == 0


def test_differences_and_gap() -> None:
    bounds = label_error_bounds(
        [46, 80, 30], [54, 60, 40], [44, 10, 30], [356, 350, 200], (0.0, 0.02), (0.0, 0.2)
    )
    pairs, gap = label_error_differences(bounds), label_error_gap(bounds)
    rng = np.random.default_rng(2)
    seen = []
    for _ in range(3000):  # each group's rates on their own, ends included
        a, b = np.clip(rng.uniform(-0.3, 1.3, (2, 3)), 0, 1)
        seen.append(
            correct_label_error(
                [46, 80, 30], [54, 60, 40], [44, 10, 30], [356, 350, 200], 0.02 * a, 0.2 * b
            )
        )
    for k, name in enumerate(Corrected._fields):
        values = np.array([fixed[k] for fixed in seen])
        differences = values[:, :, None] - values[:, None, :]
        low, high = getattr(pairs.lower, name), getattr(pairs.upper, name)
        assert np.all(differences.min(axis=0) >= low - 1e-12)
        assert np.all(differences.max(axis=0) <= high + 1e-12)
        np.testing.assert_allclose(differences.min(axis=0), low, atol=0.01)
        np.testing.assert_allclose(differences.max(axis=0), high, atol=0.01)
        spread = values.max(axis=1) - values.min(axis=1)
        assert float(getattr(gap.lower, name)) <= spread.min() + 1e-12
        assert spread.max() <= float(getattr(gap.upper, name)) + 1e-12
        assert spread.max() == pytest.approx(float(getattr(gap.upper, name)), abs=0.01)
        assert spread.min() == pytest.approx(float(getattr(gap.lower, name)), abs=0.02)


def test_gap_leaves_groups_without_bounds_out() -> None:
    three = label_error_bounds(
        [46, 80, 46], [54, 60, 54], [44, 10, 44], [356, 350, 356],
        ([0.0, 0.0, 0.2], [0.02, 0.02, 0.3]), (0.0, 0.2),
    )  # fmt: skip
    two = label_error_bounds([46, 80], [54, 60], [44, 10], [356, 350], (0.0, 0.02), (0.0, 0.2))
    assert label_error_gap(three) == label_error_gap(two)
    alone = label_error_bounds([46], [54], [44], [356], (0.0, 0.02), (0.0, 0.2))
    assert np.isnan(np.array(label_error_gap(alone))).all()
    pair = label_error_differences(three)
    assert np.isnan(pair.upper.ppv[2]).all()
    np.testing.assert_array_equal(np.diag(pair.lower.ppv)[:2], 0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: correct_label_error(-1, 1, 1, 1, 0.1, 0.1),
        lambda: correct_label_error(np.nan, 1, 1, 1, 0.1, 0.1),
        lambda: correct_label_error(1, 1, 1, 1, 1.1, 0.1),
        lambda: correct_label_error(1, 1, 1, 1, 0.1, np.nan),
        lambda: label_error_bounds(1, 1, 1, 1, (0.2, 0.1), (0.0, 0.1)),
        lambda: label_error_bounds(1, 1, 1, 1, (0.0, 0.1), (0.0, 1.1)),
    ],
)
def test_bad_arguments(call: Any) -> None:
    with pytest.raises(ValueError, match="must"):
        call()
