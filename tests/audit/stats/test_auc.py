"""AUROC: placements, DeLong, Obuchowski and intervals."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audit.stats import auc
from audit.stats.auc import (
    auc_interval,
    auc_variance,
    logit_interval,
    paired_delong,
    placements,
)
from audit.stats.proportions import wilson
from tests.audit.stats.markers import OUTCOME, SCORES

# Literal data with ties, within and between the classes.
LABEL = np.array([1] * 7 + [0] * 11)
SCORE = np.array(
    [0.9, 0.8, 0.8, 0.7, 0.5, 0.4, 0.3, 0.8, 0.6, 0.5, 0.5, 0.4, 0.3, 0.3, 0.2, 0.2, 0.1, 0.05]
)
PATIENT = np.array([1, 1, 2, 3, 4, 4, 5, 1, 2, 3, 3, 5, 6, 6, 7, 7, 8, 8])
ONE = np.zeros(18, dtype=np.int64)

# R 4.2.2, pROC 1.18.0: r <- roc(y, s, direction="<"); r$auc; var(r, method="delong")
PROC_AUC, PROC_VARIANCE = 0.798701298701299, 0.0114662393883173
# plogis(qlogis(a) + c(-1, 1) * qnorm(.975) * sqrt(v) / (a * (1 - a))) in R 4.2.2
PROC_LOGIT = (0.518199043430567, 0.936049915557982)
# Direct R implementation (outer() kernel, sapply over clusters) of Obuchowski 1997 eqs 4-7,
# written for this test apart from the package.
OBUCHOWSKI_VARIANCE = 0.00956585804340512


# R 4.2.2, pROC 1.18.0: r <- roc(y, s, direction="<"); r$auc; var(r, method="delong"); then
# plogis(qlogis(a) + c(-1, 1) * qnorm(.975) * sqrt(v) / (a * (1 - a)))
MARKERS = {
    "marker": (0.7362804878048781, 0.002530203906258808, 0.6269107044170578, 0.8226584821076053),
    "enzyme": (0.6097560975609756, 0.003007744568948824, 0.4986399667641951, 0.7105412804134588),
    "grade": (0.7992886178861788, 0.001664030071529603, 0.7075434253275905, 0.867637021469629),
}
# roc.test(r1, r2, method="delong", paired=TRUE, conf.level=level): level, z, p, upper bound;
# and lower bound
MARKERS_PAIRED = [
    ("marker", "enzyme", 0.95, 1.775530563569964, 0.07581032361741974, 0.2661915146133826),
    ("marker", "enzyme", 0.90, 1.775530563569964, 0.07581032361741974, 0.2437367359283734),
    ("marker", "grade", 0.95, -0.9525836270314191, 0.340801076148782, 0.06663263025531491),
    ("enzyme", "grade", 0.95, -2.685493072602886, 0.007242287606096191, -0.05120525464491835),
    ("enzyme", "grade", 0.90, -2.685493072602886, 0.007242287606096191, -0.07344461949885688),
]
MARKERS_PAIRED_LOWER = [
    -0.0131427341255779,
    0.009312044559431396,
    -0.1926488904179165,
    -0.327859786005488,
    -0.3056204211515495,
]
# A second score of the literal data, compared with SCORE: roc.test as above; and Obuchowski's
# V_a + V_b - 2 C_ab from the same direct R implementation as OBUCHOWSKI_VARIANCE.
SECOND = np.array([3, 5, 2, 4, 4, 1, 2, 2, 3, 1, 1, 4, 2, 0, 1, 2, 0, 1])
PROC_PAIRED = (0.1151124814788839, 0.9083559668816242, -0.2081365124055734, 0.2341105383795996)
OBUCHOWSKI_PAIRED = (0.009417887203556588, 0.1338235457060711, 0.8935421078839896)


# Obuchowski 1997, eqs 4-7, in plain R 4.2.2 loops over clusters and pairs, written apart from the
# package; patients in the order of markers.py, cluster (0:112)^2 %% 37: AUROC, variance, and the
# variance by the leave-one-cluster-out jackknife of the same AUROC.
OBUCHOWSKI_MARKERS = {
    "marker": (0.73628048780487809, 0.001813068824466482, 0.0018942251770708851),
    "enzyme": (0.6097560975609756, 0.0014314328375499474, 0.0014642956583490834),
    "grade": (0.79928861788617889, 0.0016641016949462289, 0.0017279355226640588),
}


def brute(
    score: NDArray[Any], label: NDArray[Any], cluster: NDArray[Any]
) -> tuple[float, float, int, int]:
    """Obuchowski's variance from the full kernel, with loops."""
    x, y = score[label == 1], score[label == 0]
    cx, cy = cluster[label == 1], cluster[label == 0]
    m, n = len(x), len(y)
    kernel = (x[:, None] > y) + 0.5 * (x[:, None] == y)
    area = kernel.mean()
    v10, v01 = kernel.mean(axis=1), kernel.mean(axis=0)
    s10 = s01 = s11 = 0.0
    for c in set(cluster.tolist()):
        a = sum(v10[i] - area for i in range(m) if cx[i] == c)
        b = sum(v01[j] - area for j in range(n) if cy[j] == c)
        s10, s01, s11 = s10 + a * a, s01 + b * b, s11 + a * b
    i10, i01, i = len(set(cx.tolist())), len(set(cy.tolist())), len(set(cluster.tolist()))
    if i10 < 2 or i01 < 2:
        return area, np.nan, i10, i01
    s10, s01, s11 = s10 * i10 / (i10 - 1) / m, s01 * i01 / (i01 - 1) / n, s11 * i / (i - 1)
    return area, s10 / m + s01 / n + 2 * s11 / (m * n), i10, i01


def test_delong_agrees_with_proc() -> None:
    place = placements(SCORE, LABEL, ONE, 1)
    auc, variance, pos, neg = auc_variance(place, LABEL, ONE, np.arange(18), 1)
    np.testing.assert_allclose(auc, PROC_AUC, rtol=1e-14)
    np.testing.assert_allclose(variance, PROC_VARIANCE, rtol=1e-13)
    assert (pos[0], neg[0]) == (7, 11)
    lower, upper, method = auc_interval(auc, variance, pos, neg, clustered=False)
    np.testing.assert_allclose([lower[0], upper[0]], PROC_LOGIT, rtol=1e-12)
    assert method[0] == "delong_logit"


def test_obuchowski_agrees_with_independent_r() -> None:
    place = placements(SCORE, LABEL, ONE, 1)
    auc, variance, pos, neg = auc_variance(place, LABEL, ONE, PATIENT, 1)
    np.testing.assert_allclose(auc, PROC_AUC, rtol=1e-14)
    np.testing.assert_allclose(variance, OBUCHOWSKI_VARIANCE, rtol=1e-13)
    assert (pos[0], neg[0]) == (5, 7)
    assert auc_interval(auc, variance, pos, neg, clustered=True)[2][0] == "obuchowski_logit"


def test_placements_by_hand() -> None:
    place = placements([3, 2, 2, 1, 9], [1, 0, 1, 0, 1], [0, 0, 0, 0, 1], 3)
    np.testing.assert_array_equal(place, [1.0, 0.75, 0.75, 1.0, np.nan])


@st.composite
def data(draw: st.DrawFn) -> tuple[NDArray[Any], ...]:
    """Score (few values, so ties), label, group and cluster of up to 40 rows."""
    n = draw(st.integers(1, 40))

    def column(top: int) -> NDArray[Any]:
        return np.array(draw(st.lists(st.integers(0, top), min_size=n, max_size=n)))

    return column(6).astype(float), column(1), column(2), column(5)


def fit(
    score: NDArray[Any], label: NDArray[Any], group: NDArray[Any], cluster: NDArray[Any]
) -> tuple[NDArray[Any], ...]:
    return auc_variance(placements(score, label, group, 3), label, group, cluster, 3)


@settings(deadline=None)
@given(data())
def test_brute_force_twin(rows: tuple[NDArray[Any], ...]) -> None:
    score, label, group, cluster = rows
    auc, variance, pos, neg = fit(*rows)
    for g in range(3):
        inside = group == g
        if len(set(label[inside].tolist())) < 2:
            assert np.isnan(auc[g])
            assert np.isnan(variance[g])
            continue
        twin = brute(score[inside], label[inside], cluster[inside])
        np.testing.assert_allclose([auc[g], pos[g], neg[g]], [twin[0], *twin[2:]], rtol=1e-12)
        np.testing.assert_allclose(variance[g], twin[1], rtol=1e-10, atol=1e-12)


@settings(deadline=None)
@given(data(), st.randoms(use_true_random=False))
def test_row_order_changes_no_bit(rows: tuple[NDArray[Any], ...], random: Any) -> None:
    order = list(range(len(rows[0])))
    random.shuffle(order)
    for a, b in zip(fit(*rows), fit(*(column[order] for column in rows)), strict=True):
        np.testing.assert_array_equal(a, b)


@settings(deadline=None)
@given(data())
def test_monotone_map_changes_no_bit(rows: tuple[NDArray[Any], ...]) -> None:
    score, *rest = rows
    for a, b in zip(fit(*rows), fit(np.expm1(3 * score) - 7, *rest), strict=True):
        np.testing.assert_array_equal(a, b)


@settings(deadline=None)
@given(data())
def test_flips(rows: tuple[NDArray[Any], ...]) -> None:
    score, label, group, cluster = rows
    auc, variance, pos, neg = fit(*rows)
    both = fit(-score, 1 - label, group, cluster)
    np.testing.assert_allclose(both[0], auc, atol=1e-14)
    np.testing.assert_allclose(both[1], variance, atol=1e-14)
    np.testing.assert_array_equal(both[2], neg)
    np.testing.assert_array_equal(both[3], pos)
    one = fit(score, 1 - label, group, cluster)
    np.testing.assert_allclose(one[0], 1 - auc, atol=1e-14)
    np.testing.assert_allclose(one[1], variance, atol=1e-14)


@settings(deadline=None)
@given(data())
def test_copying_every_row_inside_its_cluster_adds_nothing(rows: tuple[NDArray[Any], ...]) -> None:
    once, twice = fit(*rows), fit(*(np.repeat(column, 2) for column in rows))
    np.testing.assert_allclose(twice[0], once[0], atol=1e-14)
    np.testing.assert_allclose(twice[1], once[1], atol=1e-14)
    np.testing.assert_array_equal(twice[2], once[2])


@settings(deadline=None)
@given(data())
def test_interval_is_never_a_point(rows: tuple[NDArray[Any], ...]) -> None:
    auc, variance, pos, neg = fit(*rows)
    lower, upper, method = auc_interval(auc, variance, pos, neg, clustered=True)
    there = ~np.isnan(auc)
    np.testing.assert_array_equal(there, method != "")
    assert np.all(upper[there] > lower[there])
    assert np.all((lower[there] <= auc[there]) & (auc[there] <= upper[there]))
    assert np.all(np.isnan(lower[~there]) & np.isnan(upper[~there]))


def test_separation_and_all_ties_fall_back_to_wilson() -> None:
    label = np.array([1, 1, 1, 0, 0, 0, 0] * 3)
    group = np.repeat([0, 1, 2], 7)
    score = np.concatenate([label[:7], 1 - label[:7], np.full(7, 0.5)]).astype(float)
    place = placements(score, label, group, 3)
    auc, variance, pos, neg = auc_variance(place, label, group, np.arange(21), 3)
    np.testing.assert_array_equal(auc, [1.0, 0.0, 0.5])
    np.testing.assert_array_equal(variance, 0.0)
    lower, upper, method = auc_interval(auc, variance, pos, neg, clustered=False)
    np.testing.assert_array_equal(method, "wilson_smaller_class")
    np.testing.assert_array_equal((lower, upper), wilson([3.0, 0.0, 1.5], 3))


def test_one_positive_has_no_variance_but_an_interval() -> None:
    place = placements([1.0, 2, 3, 4], [0, 0, 1, 0], [0] * 4, 1)
    auc, variance, pos, neg = auc_variance(place, [0, 0, 1, 0], [0] * 4, [0, 1, 2, 3], 1)
    assert auc[0] == pytest.approx(2 / 3)
    assert np.isnan(variance[0])
    lower, upper, method = auc_interval(auc, variance, pos, neg, clustered=False)
    assert method[0] == "wilson_smaller_class"
    assert 0 < lower[0] < 2 / 3 < upper[0] <= 1


def test_empty_input_and_empty_groups() -> None:
    place = placements([], [], [], 2)
    auc, variance, pos, neg = auc_variance(place, [], [], [], 2)
    assert np.all(np.isnan(auc))
    assert np.all(np.isnan(variance))
    np.testing.assert_array_equal([pos, neg], 0)
    assert np.all(np.isnan(auc_interval(auc, variance, pos, neg, clustered=True)[0]))


def test_infinite_scores_are_only_ranks() -> None:
    place = placements([np.inf, -np.inf, 0.0], [1, 0, 1], [0, 0, 0], 1)
    np.testing.assert_array_equal(place, [1, 1, 1])


def test_logit_interval_undefined_at_the_ends() -> None:
    lower, upper = logit_interval([0.0, 1.0, 0.5, 0.5], [0.1, 0.1, np.nan, -0.1])
    assert np.all(np.isnan(lower))
    assert np.all(np.isnan(upper))


@pytest.mark.parametrize(
    ("score", "label", "group"),
    [
        ([np.nan, 1.0], [0, 1], [0, 0]),
        ([0.5, 1.0], [0, 2], [0, 0]),
        ([0.5, 1.0], [0, 1], [0, 1]),
        ([0.5, 1.0], [0, 1], [0, -1]),
        ([0.5, 1.0], [0, 1], [0.0, 0.0]),
        ([0.5, 1.0], [0, 1, 1], [0, 0]),
        ([0.5, 1.0], [0, 1], [0]),
    ],
)
def test_bad_arguments(score: Any, label: Any, group: Any) -> None:
    with pytest.raises(ValueError, match=r"must|declared|rows"):
        placements(score, label, group, 1)


@pytest.mark.parametrize("name", MARKERS)
def test_delong_agrees_with_proc_on_invented_patients(name: str) -> None:
    score, zero = SCORES[name], np.zeros(113, dtype=np.int64)
    place = placements(score, OUTCOME, zero, 1)
    auc, variance, pos, neg = auc_variance(place, OUTCOME, zero, np.arange(113), 1)
    lower, upper, _ = auc_interval(auc, variance, pos, neg, clustered=False)
    assert (pos[0], neg[0]) == (41, 72)
    got = np.concatenate([auc, variance, lower, upper])
    np.testing.assert_allclose(got, MARKERS[name], rtol=1e-12)


@pytest.mark.parametrize("name", OBUCHOWSKI_MARKERS)
def test_obuchowski_agrees_with_independent_r_on_invented_patients(name: str) -> None:
    zero, cluster = np.zeros(113, dtype=np.int64), np.arange(113) ** 2 % 37
    place = placements(SCORES[name], OUTCOME, zero, 1)
    auc, variance, pos, neg = auc_variance(place, OUTCOME, zero, cluster, 1)
    area, expected, jackknife = OBUCHOWSKI_MARKERS[name]
    np.testing.assert_allclose([auc[0], variance[0]], [area, expected], rtol=1e-12)
    assert (pos[0], neg[0]) == (17, 19)
    # two estimators of one variance from 19 clusters, far from what rows alone would say
    assert variance[0] == pytest.approx(jackknife, rel=0.05)
    alone = auc_variance(place, OUTCOME, zero, np.arange(113), 1)[1][0]
    if name != "grade":
        assert abs(alone / jackknife - 1) > 0.3


@pytest.mark.parametrize(
    ("row", "lower"), list(zip(MARKERS_PAIRED, MARKERS_PAIRED_LOWER, strict=True))
)
def test_paired_delong_agrees_with_proc(row: tuple[Any, ...], lower: float) -> None:
    a, b, level, *figures = row
    zero = np.zeros(113, dtype=np.int64)
    got = paired_delong(SCORES[a], SCORES[b], OUTCOME, None, zero, 1, level)
    np.testing.assert_allclose(
        [got.auc_a[0], got.auc_b[0]], [MARKERS[a][0], MARKERS[b][0]], rtol=1e-14
    )
    np.testing.assert_allclose(got.difference[0], MARKERS[a][0] - MARKERS[b][0], rtol=1e-13)
    np.testing.assert_allclose([got.z[0], got.p[0], got.upper[0]], figures, rtol=1e-11)
    np.testing.assert_allclose(got.lower[0], lower, rtol=1e-11)


def test_paired_delong_with_and_without_clusters_on_the_literal_data() -> None:
    got = paired_delong(SCORE, SECOND, LABEL, None, ONE, 1)
    figures = [got.z[0], got.p[0], got.lower[0], got.upper[0]]
    np.testing.assert_allclose(figures, PROC_PAIRED, rtol=1e-12)
    clustered = paired_delong(SCORE, SECOND, LABEL, PATIENT, ONE, 1)
    figures = [clustered.variance[0], clustered.z[0], clustered.p[0]]
    np.testing.assert_allclose(figures, OBUCHOWSKI_PAIRED, rtol=1e-12)


def brute_paired_variance(
    a: NDArray[Any], b: NDArray[Any], label: NDArray[Any], cluster: NDArray[Any]
) -> float:
    """``V_a + V_b - 2 C_ab`` with every term from the full kernels, with loops."""
    one, two = (_components(score, label) for score in (a, b))
    clusters = set(cluster.tolist())
    sides = [cluster[label == 1], cluster[label == 0]]
    held = [len(set(side.tolist())) for side in sides]
    if min(held) < 2:
        return float("nan")

    def total(part: NDArray[Any], side: int, c: int) -> float:
        return float(part[sides[side] == c].sum() / sides[side].size)

    def covariance(s: Any, t: Any) -> float:
        value = 0.0
        for i, j in ((0, 0), (1, 1), (0, 1), (1, 0)):
            count = held[i] if i == j else len(clusters)
            products = sum(total(s[i], i, c) * total(t[j], j, c) for c in clusters)
            value += count / (count - 1) * products
        return value

    return covariance(one, one) + covariance(two, two) - 2 * covariance(one, two)


def _components(score: NDArray[Any], label: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    x, y = score[label == 1], score[label == 0]
    kernel = (x[:, None] > y) + 0.5 * (x[:, None] == y)
    return kernel.mean(axis=1) - kernel.mean(), kernel.mean(axis=0) - kernel.mean()


@settings(deadline=None)
@given(data(), st.lists(st.integers(0, 6), min_size=40, max_size=40), st.booleans())
def test_paired_brute_force_twin(
    rows: tuple[NDArray[Any], ...], other: list[int], clustered: bool
) -> None:
    score, label, group, cluster = rows
    second = np.array(other[: score.size])
    unit = cluster if clustered else np.arange(score.size)
    got = paired_delong(score, second, label, cluster if clustered else None, group, 3)
    back = paired_delong(second, score, label, unit, group, 3)
    np.testing.assert_array_equal(back.difference, -got.difference)
    np.testing.assert_array_equal(back.variance, got.variance)
    for g in range(3):
        inside = group == g
        if len(set(label[inside].tolist())) < 2:
            assert np.isnan([got.difference[g], got.variance[g], got.p[g], got.lower[g]]).all()
            continue
        twin = brute_paired_variance(score[inside], second[inside], label[inside], unit[inside])
        np.testing.assert_allclose(got.variance[g], twin, rtol=1e-10, atol=1e-12)
        areas = [brute(s[inside], label[inside], unit[inside])[0] for s in (score, second)]
        np.testing.assert_allclose([got.auc_a[g], got.auc_b[g]], areas, rtol=1e-12)
        np.testing.assert_allclose(got.difference[g], areas[0] - areas[1], atol=1e-14)


def test_paired_without_variation_is_undefined_and_never_a_point() -> None:
    label = np.array([1, 1, 1, 0, 0, 0, 0])
    zero = np.zeros(7, dtype=np.int64)
    for score, second in [(label, label * 2.0), (label, 1 - label), (SCORE[:7], SCORE[:7] * 3)]:
        got = paired_delong(score, second, label, None, zero, 1)
        assert got.variance[0] == 0.0
        assert np.isnan([got.z[0], got.p[0], got.lower[0], got.upper[0]]).all()
        assert not np.isnan(got.difference[0])


def test_paired_interval_stays_within_reach() -> None:
    label = np.array([1, 1, 0, 0])
    got = paired_delong([3, 4, 1, 2], [2, 1, 4, 2], label, None, np.zeros(4, dtype=np.int64), 1)
    assert got.upper[0] == 1.0
    assert -1.0 <= got.lower[0] < got.difference[0] < 1.0


def test_paired_checks_arguments() -> None:
    with pytest.raises(ValueError, match="rows"):
        paired_delong([1.0, 2.0], [1.0], [0, 1], None, [0, 0], 1)
    with pytest.raises(ValueError, match="level"):
        paired_delong([1.0, 2.0], [1.0, 2.0], [0, 1], None, [0, 0], 1, 1.0)


@pytest.mark.parametrize("runs", [1, 2, 7])
def test_runs_worked_on_together_change_no_bit(monkeypatch: pytest.MonkeyPatch, runs: int) -> None:
    rng = np.random.default_rng(3)
    group, score = np.sort(rng.integers(0, 5, 300)), rng.integers(0, 20, 300)
    order = np.lexsort((-score, group))
    group, score, positive = group[order], score[order], rng.random(300) < 0.3
    last = np.append((score[1:] != score[:-1]) | (group[1:] != group[:-1]), True)
    start = np.searchsorted(group, np.arange(6))
    at_once = auc.sorted_placements(positive, last, start)
    monkeypatch.setattr(auc, "_RUNS", runs)
    np.testing.assert_array_equal(auc.sorted_placements(positive, last, start), at_once)
