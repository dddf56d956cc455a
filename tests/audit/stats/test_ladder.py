"""Ranking measures of a ladder against scikit-learn, pROC, brute force and their own laws."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from audit.stats import ladder
from tests.audit.stats.markers import OUTCOME, SCORES

Weights = NDArray[np.float64]

# R 4.2.2, pROC 1.18.0: auc(roc(y, s, direction="<"), partial.auc=c(1, 1 - f),
# partial.auc.correct=TRUE) for f = 0.1 and 0.5; the AUROC as in test_auc.
PROC_PARTIAL = {
    "marker": (0.6628868920268151, 0.7125112917795845, 0.7362804878048781),
    "enzyme": (0.5478533732705748, 0.5736224028906955, 0.6097560975609756),
    "grade": (0.5641447368421053, 0.7507904245709123, 0.7992886178861788),
}


def rungs(score: NDArray[Any], label: NDArray[Any]) -> tuple[Weights, Weights]:
    """Counts of positives and negatives at the distinct scores."""
    distinct, place = np.unique(score, return_inverse=True)
    return tuple(  # type: ignore[return-value]
        np.bincount(place[label == c], minlength=distinct.size).astype(float) for c in (1, 0)
    )


def rows(positives: Weights, negatives: Weights) -> tuple[NDArray[Any], NDArray[Any], Weights]:
    """Label, score and sample weight, two rows a rung."""
    label = np.repeat([1, 0], positives.size)
    score = np.tile(np.arange(positives.size), 2)
    return label, score, np.concatenate([positives, negatives])


@st.composite
def ladders(draw: st.DrawFn, counts: bool = False) -> tuple[Weights, Weights]:
    """Weights of both classes on up to 9 rungs, some of them empty; each class has some."""
    n = draw(st.integers(1, 9))
    whole = st.integers(0, 4).map(float)
    weight = whole if counts else whole | st.floats(0.01, 5.0)
    pos, neg = (draw(arrays(np.float64, n, elements=weight)) for _ in range(2))
    assume(pos.sum() > 0 and neg.sum() > 0)
    return pos, neg


shares = st.floats(0.01, 1.0)


@pytest.mark.parametrize("name", PROC_PARTIAL)
def test_agreement_with_proc(name: str) -> None:
    pos, neg = rungs(SCORES[name], OUTCOME)
    got = [
        ladder.partial_auroc(pos, neg, 0.1),
        ladder.partial_auroc(pos, neg, 0.5),
        ladder.auroc(pos, neg),
    ]
    np.testing.assert_allclose(got, PROC_PARTIAL[name], rtol=1e-13)


@settings(deadline=None)
@given(ladders(), shares)
def test_agreement_with_scikit_learn(counts: tuple[Weights, Weights], max_fpr: float) -> None:
    label, score, weight = rows(*counts)
    assert ladder.auroc(*counts) == pytest.approx(
        roc_auc_score(label, score, sample_weight=weight), abs=1e-12
    )
    assert ladder.partial_auroc(*counts, max_fpr) == pytest.approx(
        roc_auc_score(label, score, sample_weight=weight, max_fpr=max_fpr), abs=1e-12
    )
    assert ladder.average_precision(*counts) == pytest.approx(
        average_precision_score(label, score, sample_weight=weight), abs=1e-12
    )


def test_scikit_learn_partial_on_invented_patients_at_many_cuts() -> None:
    for score in SCORES.values():
        for cut in (0.01, 1 / 72, 0.05, 0.1, 0.2, 0.25, 1 / 3, 0.5, 0.9, 1.0):
            got = ladder.partial_auroc(*rungs(score, OUTCOME), cut)
            assert got == pytest.approx(roc_auc_score(OUTCOME, score, max_fpr=cut), abs=1e-12)


@settings(deadline=None)
@given(ladders(counts=True))
def test_auroc_and_average_precision_by_hand(counts: tuple[Weights, Weights]) -> None:
    pos, neg = (list(map(int, w)) for w in counts)
    top = range(len(pos))
    pairs = sum(
        Fraction(pos[i] * neg[j]) * (1 if i > j else Fraction(1, 2) if i == j else 0)
        for i in top
        for j in top
    )
    assert ladder.auroc(*counts) == pytest.approx(float(pairs / (sum(pos) * sum(neg))), abs=1e-14)
    precision = sum(
        Fraction(pos[i] * sum(pos[i:]), sum(pos[i:]) + sum(neg[i:])) for i in top if pos[i]
    )
    average = float(precision / sum(pos))
    assert ladder.average_precision(*counts) == pytest.approx(average, abs=1e-14)


@settings(deadline=None)
@given(ladders(), st.lists(st.integers(0, 9), max_size=5), shares)
def test_only_the_order_of_the_scores_matters(
    counts: tuple[Weights, Weights], places: list[int], share: float
) -> None:
    # Empty rungs put between the others are another way to say the same distribution.
    where = np.array([min(p, counts[0].size) for p in places], dtype=int)
    spread = np.insert(counts[0], where, 0.0), np.insert(counts[1], where, 0.0)
    for measure in (ladder.auroc, ladder.average_precision):
        np.testing.assert_allclose(measure(*spread), measure(*counts), atol=1e-14)
    np.testing.assert_allclose(
        ladder.partial_auroc(*spread, share), ladder.partial_auroc(*counts, share), atol=1e-14
    )
    for at in (ladder.sensitivity_at_specificity, ladder.specificity_at_sensitivity):
        value, rung = at(*spread, share)
        expected, old = at(*counts, share)
        assert value == expected
        filled = np.flatnonzero(spread[0] + spread[1] > 0)
        kept = np.flatnonzero(counts[0] + counts[1] > 0)
        if old == counts[0].size:
            assert rung == spread[0].size
        else:
            assert filled.tolist().index(int(rung)) == kept.tolist().index(int(old))
    np.testing.assert_allclose(ladder.abroca(*spread, *counts), 0.0, atol=1e-14)


@settings(deadline=None)
@given(ladders(), shares, st.floats(0.1, 10.0))
def test_flips_and_scales(counts: tuple[Weights, Weights], share: float, scale: float) -> None:
    pos, neg = counts
    np.testing.assert_allclose(ladder.auroc(neg, pos), 1 - ladder.auroc(pos, neg), atol=1e-14)
    flipped = ladder.auroc(neg[::-1], pos[::-1])  # negate the score, swap the classes
    np.testing.assert_allclose(flipped, ladder.auroc(pos, neg), atol=1e-14)
    for measure in (ladder.auroc, ladder.cross_auroc):
        np.testing.assert_allclose(measure(scale * pos, neg), measure(pos, neg), atol=1e-13)
    np.testing.assert_allclose(
        ladder.partial_auroc(pos, scale * neg, share),
        ladder.partial_auroc(pos, neg, share),
        atol=1e-12,
    )


def brute_operating_point(
    fixed: list[Fraction], free: list[Fraction], wanted: Fraction
) -> tuple[float, int]:
    """Try every threshold; best free rate, then best fixed rate, then highest threshold."""
    candidates = [
        (free[t], fixed[t], t) for t in range(len(free)) if fixed[t] >= wanted - Fraction(1, 10**12)
    ]
    value, _, rung = max(candidates)
    return float(value), rung


@settings(deadline=None)
@given(ladders(counts=True), st.fractions(0, 1, max_denominator=12))
def test_operating_points_by_trying_every_threshold(
    counts: tuple[Weights, Weights], wanted: Fraction
) -> None:
    pos, neg = (list(map(int, w)) for w in counts)
    thresholds = range(len(pos) + 1)  # the last is plus infinity
    tpr = [Fraction(sum(pos[t:]), sum(pos)) for t in thresholds]
    tnr = [Fraction(sum(neg[:t]), sum(neg)) for t in thresholds]
    value, rung = ladder.sensitivity_at_specificity(*counts, float(wanted))
    assert (float(value), int(rung)) == brute_operating_point(tnr, tpr, wanted)
    value, rung = ladder.specificity_at_sensitivity(*counts, float(wanted))
    assert (float(value), int(rung)) == brute_operating_point(tpr, tnr, wanted)


def test_a_share_asked_for_is_reached_whatever_its_rounding() -> None:
    ten, top = np.full(10, 0.3), np.eye(10)[8] + np.eye(10)[9]
    value, rung = ladder.sensitivity_at_specificity(top, ten, 0.8)  # 0.8 less 1e-16 lie below
    assert (float(value), int(rung)) == (1.0, 8)
    value, rung = ladder.specificity_at_sensitivity(np.full(10, 0.7), np.roll(top, -3), 0.3)
    assert (float(value), int(rung)) == (1.0, 7)


def test_operating_points_agree_with_scikit_learn_on_invented_patients() -> None:
    for score in SCORES.values():
        counts = rungs(score, OUTCOME)
        fpr, tpr, threshold = roc_curve(OUTCOME, score, drop_intermediate=False)
        distinct = np.append(np.unique(score), np.inf)
        for wanted in (0.0, 0.5, 0.8, 0.9, 0.95, 1.0):
            value, rung = ladder.sensitivity_at_specificity(*counts, wanted)
            allowed = 1 - fpr >= wanted - 1e-12
            assert value == pytest.approx(tpr[allowed].max(), abs=1e-14)
            best = allowed & (tpr == tpr[allowed].max())
            assert distinct[rung] == threshold[best].max()
            value, rung = ladder.specificity_at_sensitivity(*counts, wanted)
            allowed = tpr >= wanted - 1e-12
            assert value == pytest.approx(1 - fpr[allowed].min(), abs=1e-14)


def exact_abroca(a: tuple[Weights, Weights], b: tuple[Weights, Weights]) -> float:
    """Area between two ROC curves in fractions, cut at every vertex and every crossing."""
    curves = [_curve(*a), _curve(*b)]
    cuts = sorted({x for curve in curves for x, _ in curve})
    area = Fraction(0)
    for start, end in pairwise(cuts):
        left, right = (
            _on(curves[0], start, end, x) - _on(curves[1], start, end, x) for x in (start, end)
        )
        if left * right < 0:
            middle = start + (end - start) * left / (left - right)
            area += (middle - start) * abs(left) / 2 + (end - middle) * abs(right) / 2
        else:
            area += (end - start) * (abs(left) + abs(right)) / 2
    return float(area)


def _curve(pos: Weights, neg: Weights) -> list[tuple[Fraction, Fraction]]:
    p, n = ([Fraction(float(w)) for w in weights] for weights in (pos, neg))
    nothing = Fraction(0)
    return [
        (sum(n[t:], nothing) / sum(n, nothing), sum(p[t:], nothing) / sum(p, nothing))
        for t in range(len(p), -1, -1)
    ]


def _on(
    curve: list[tuple[Fraction, Fraction]], start: Fraction, end: Fraction, x: Fraction
) -> Fraction:
    for (x0, y0), (x1, y1) in pairwise(curve):
        if x0 <= start and end <= x1 and x0 < x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    raise AssertionError("a curve spans all false positive rates")


@settings(deadline=None)
@given(ladders(), ladders())
def test_abroca_brute_force_twin(a: tuple[Weights, Weights], b: tuple[Weights, Weights]) -> None:
    got = ladder.abroca(*a, *b)
    assert got == pytest.approx(exact_abroca(a, b), abs=1e-12)
    np.testing.assert_allclose(ladder.abroca(*b, *a), got, atol=1e-14)
    assert 0.0 <= got <= 1.0 + 1e-12
    # The triangle inequality: no less than the difference of the areas.
    assert got >= abs(ladder.auroc(*a) - ladder.auroc(*b)) - 1e-12


@settings(deadline=None)
@given(ladders())
def test_abroca_of_a_group_with_itself(counts: tuple[Weights, Weights]) -> None:
    assert ladder.abroca(*counts, *counts) == 0.0


def test_abroca_by_hand() -> None:
    # Perfect against useless: the triangle above the diagonal; against reversed: everything.
    perfect, useless, reversed_ = ([0, 1], [1, 0]), ([1], [1]), ([1, 0], [0, 1])
    assert ladder.abroca(*perfect, *useless) == 0.5
    assert ladder.abroca(*perfect, *reversed_) == 1.0
    # (0,0)-(1,1/2)-(1,1) stays below the diagonal; (0,0)-(1/4,1/2)-(3/4,1/2)-(1,1) crosses it at
    # (1/2,1/2) and leaves four triangles of 1/32.
    assert ladder.abroca([1, 1], [0, 2], *useless) == pytest.approx(0.25)
    assert ladder.abroca([1, 0, 1], [1, 2, 1], *useless) == pytest.approx(4 / 32)


def test_cross_auroc_is_over_pairs_from_two_groups() -> None:
    # Positives of one group at scores 2, 3; negatives of another at 1, 2.
    assert ladder.cross_auroc([0, 1, 1], [1, 1, 0]) == 3.5 / 4


def test_leading_axes_broadcast() -> None:
    generator = np.random.default_rng(5)
    pos, neg = (generator.integers(0, 4, (3, 4, 6)).astype(float) for _ in range(2))
    pos[0, 0], neg[1, 2] = 0.0, 0.0
    other = neg[:, :1, ::2] + 1.0
    single = {
        "auroc": (ladder.auroc(pos, neg), ladder.auroc),
        "partial": (
            ladder.partial_auroc(pos, neg, 0.3),
            lambda p, n: ladder.partial_auroc(p, n, 0.3),
        ),
        "ap": (ladder.average_precision(pos, neg), ladder.average_precision),
        "sensitivity": (
            ladder.sensitivity_at_specificity(pos, neg, 0.6)[0],
            lambda p, n: ladder.sensitivity_at_specificity(p, n, 0.6)[0],
        ),
        "rung": (
            ladder.specificity_at_sensitivity(pos, neg, 0.6)[1],
            lambda p, n: ladder.specificity_at_sensitivity(p, n, 0.6)[1],
        ),
    }
    gap = ladder.abroca(pos, neg, other, other[..., ::-1])
    for i in range(3):
        for j in range(4):
            for whole, one in single.values():
                np.testing.assert_array_equal(whole[i, j], one(pos[i, j], neg[i, j]))
            alone = ladder.abroca(pos[i, j], neg[i, j], other[i, 0], other[i, 0, ::-1])
            np.testing.assert_array_equal(gap[i, j], alone)
    assert np.isnan(gap[0, 0]) & np.isnan(gap[1, 2])
    common = ladder.auroc(pos[0, 1], neg)  # one group's positives against all negatives
    np.testing.assert_array_equal(common[2, 3], ladder.auroc(pos[0, 1], neg[2, 3]))


@pytest.mark.parametrize(("pos", "neg"), [([0.0, 0.0], [1.0, 2.0]), ([3.0, 1.0], [0.0, 0.0])])
def test_undefined_without_a_class(pos: list[float], neg: list[float]) -> None:
    assert np.isnan(ladder.auroc(pos, neg))
    assert np.isnan(ladder.partial_auroc(pos, neg, 0.2))
    for at in (ladder.sensitivity_at_specificity, ladder.specificity_at_sensitivity):
        value, rung = at(pos, neg, 0.5)
        assert np.isnan(value)
        assert rung == -1
    assert np.isnan(ladder.abroca(pos, neg, [1], [1]))
    assert np.isnan(ladder.abroca([1], [1], pos, neg))
    # Precision needs no negatives.
    expected = 1.0 if sum(pos) else np.nan
    np.testing.assert_array_equal(ladder.average_precision(pos, neg), expected)


def test_no_rungs() -> None:
    nothing = np.zeros((2, 0))
    for measure in (ladder.auroc, ladder.average_precision):
        np.testing.assert_array_equal(measure(nothing, nothing), [np.nan, np.nan])
    assert np.isnan(ladder.partial_auroc(nothing, nothing, 0.1)).all()
    assert np.isnan(ladder.abroca(nothing, nothing, [1], [1])).all()
    value, rung = ladder.sensitivity_at_specificity(nothing, nothing, 0.9)
    assert np.isnan(value).all()
    np.testing.assert_array_equal(rung, [-1, -1])


def test_bad_arguments() -> None:
    for pos, neg in [([-1.0, 2.0], [1.0, 1.0]), ([np.nan, 2.0], [1.0, 1.0]), ([1.0], [1.0, 1.0])]:
        with pytest.raises(ValueError, match="weights"):
            ladder.auroc(pos, neg)
    for cut in (0.0, 1.5, np.nan):
        with pytest.raises(ValueError, match="max_fpr"):
            ladder.partial_auroc([1], [1], cut)
        with pytest.raises(ValueError, match="must lie in"):
            ladder.sensitivity_at_specificity([1], [1], cut or -0.1)
        with pytest.raises(ValueError, match="must lie in"):
            ladder.specificity_at_sensitivity([1], [1], cut or -0.1)
