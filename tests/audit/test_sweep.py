"""The sweep against brute force: resampled sums, weights, workers and the null of the ECE."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import binom, chisquare, poisson

import audit.figures
import audit.run
import audit.sweep
from audit.cohort import Cohort
from audit.figures import compute_figures
from audit.measures import MEASURES
from audit.null_labels import null_ece
from audit.plan import Plan
from audit.rows import Grouped, analysed_rows, grouped
from audit.stats.weights import multinomial_weights, poisson_weights
from audit.sums import FIELDS
from audit.sweep import point_sums, resampled_sums, resampling
from tests.audit.builders import (
    PLAN,
    Columns,
    audited,
    cohort_of,
    estimate,
    joined,
    plan_of,
    random_columns,
)

Floats = NDArray[np.float64]
SEED, REPLICATES = 7, 130  # three blocks, the last one not full
MASK = (1 << 64) - 1

TEXT = f"""
columns: {{label: y, score: p, patient: pid, unit: uid}}
threshold: {{value: 0.4}}
resamples: {REPLICATES}
seed: {SEED}
attributes: {{group: }}
"""


def hard_columns(rows: int, patients: int) -> Columns:
    """Ties, and groups of one row, of one class, with nobody and with everybody flagged."""
    columns = random_columns(11, rows, patients=patients, decimals=1)
    rng = np.random.default_rng(12)
    columns["group"] = rng.choice(["big", "small"], rows, p=[0.8, 0.2])
    extra = {
        "one": ([1], [0.4]),
        "positives": ([1] * 9, [0.1, 0.4, 0.4, 0.9, 0.9, 0.5, 0.2, 0.4, 0.8]),
        "negatives": ([0] * 7, [0.1, 0.4, 0.4, 0.9, 0.3, 0.5, 0.2]),
        "unflagged": ([0, 1, 0, 1, 0], [0.1, 0.2, 0.2, 0.3, 0.39]),
        "flagged": ([0, 1, 0, 1, 0], [0.4, 0.4, 0.5, 0.5, 0.9]),
        "tied": ([0, 1, 0, 1, 1], [0.7] * 5),
    }
    parts = [columns]
    for name, (label, score) in extra.items():
        part = {key: values[: len(label)].copy() for key, values in columns.items()}
        part["y"], part["p"] = np.array(label), np.array(score)
        part["group"] = np.array([name] * len(label))
        part["uid"] = np.array([f"{name}{i}" for i in range(len(label))])
        parts.append(part)
    return joined(*parts)


def prepared(rows: int, patients: int) -> tuple[Cohort, Plan, Grouped, NDArray[np.int32]]:
    plan = plan_of(TEXT)
    cohort = cohort_of(plan, hard_columns(rows, patients))
    codes = cohort.dimensions[0].codes
    data = grouped(analysed_rows(cohort, plan), codes, len(cohort.dimensions[0].levels))
    return cohort, plan, data, codes


def brute_force(
    w: Floats, y: Floats, p: Floats, fit: tuple[float, float, float]
) -> dict[str, float]:
    """Every field from its definition, by comparing all pairs of rows."""
    higher = (p[:, None] > p[None, :]) + 0.5 * (p[:, None] == p[None, :])
    at_least = (p[None, :] >= p[:, None]).astype(float)
    above = at_least @ w
    precision = np.divide(at_least @ (w * y), above, out=np.zeros_like(above), where=above > 0)
    x = np.log(p / (1 - p))
    intercept, slope, citl = np.nan_to_num(fit)
    joint, offset = expit(intercept + slope * x), expit(citl + x)
    weight = joint * (1 - joint)
    return {
        "positives": (w * y).sum(),
        "negatives": (w * (1 - y)).sum(),
        "tp": (w * y * (p >= 0.4)).sum(),
        "fp": (w * (1 - y) * (p >= 0.4)).sum(),
        "pairs": (w * y) @ higher @ (w * (1 - y)),
        "precision": (w * y * precision).sum(),
        "squared_error": (w * (p - y) ** 2).sum(),
        "predicted": (w * p).sum(),
        "predicted_positive": (w * p * y).sum(),
        "log_loss": -(w * (y * np.log(p) + (1 - y) * np.log(1 - p))).sum(),
        "score_a": (w * (y - joint)).sum(),
        "score_b": (w * (y - joint) * x).sum(),
        "info_aa": (w * weight).sum(),
        "info_ab": (w * weight * x).sum(),
        "info_bb": (w * weight * x * x).sum(),
        "score_c": (w * (y - offset)).sum(),
        "info_cc": (w * offset * (1 - offset)).sum(),
    }


@pytest.mark.parametrize(("rows", "patients", "method"), [
    (500, 260, "poisson"),
    (300, 120, "multinomial"),
])  # fmt: skip
def test_resampled_sums_equal_brute_force(rows: int, patients: int, method: str) -> None:
    cohort, _, data, codes = prepared(rows, patients)
    scheme = resampling(SEED, REPLICATES, cohort.clusters)
    assert scheme.method == method
    sums = resampled_sums(data.rows, scheme)
    assert sums.shape == (8, REPLICATES, len(FIELDS))
    if method == "poisson":
        weights = poisson_weights(cohort.key, SEED, REPLICATES)
    else:
        table = multinomial_weights(cohort.clusters, SEED, REPLICATES)
        weights = table[cohort.cluster].astype(float)
    point = point_sums(data.rows)
    y, p = cohort.label.astype(float), cohort.probability
    for g in range(8):
        mine = codes == g
        fit = (data.fit.intercept[g], data.fit.slope[g], data.fit.citl[g])
        for r in (0, 1, 63, 64, 100, REPLICATES - 1):
            twin = brute_force(weights[mine, r], y[mine], p[mine], fit)
            for k, field in enumerate(FIELDS):
                assert sums[g, r, k] == pytest.approx(twin[field], abs=1e-9), (g, r, field)
        twin = brute_force(np.ones(int(mine.sum())), y[mine], p[mine], fit)
        for k, field in enumerate(FIELDS):
            assert point[g, k] == pytest.approx(twin[field], abs=1e-9), (g, field)


@pytest.mark.parametrize(("rows", "patients"), [(500, 260), (300, 120)])
def test_rows_of_a_patient_share_their_weight(rows: int, patients: int) -> None:
    plan = plan_of(TEXT)
    cohort = cohort_of(plan, hard_columns(rows, patients))
    # every row a stratum of its own: its count in a resample is its weight
    codes = np.arange(cohort.rows, dtype=np.int32)
    data = grouped(analysed_rows(cohort, plan), codes, cohort.rows)
    sums = resampled_sums(data.rows, resampling(SEED, REPLICATES, cohort.clusters))
    weight = sums[:, :, 0] + sums[:, :, 1]
    assert weight.max() > 2
    first = np.searchsorted(cohort.cluster, cohort.cluster)
    np.testing.assert_array_equal(weight, weight[first])
    of_patients = weight[np.unique(first)]
    assert len(of_patients) < cohort.rows
    assert np.unique(of_patients, axis=0).shape == of_patients.shape  # patients differ


def test_slices_of_strata_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = random_columns(13, 400, patients=230)
    text = PLAN.replace("score: p", "score: p, patient: pid")
    whole = audited(text, columns)
    monkeypatch.setattr(audit.figures, "SLICE_BYTES", 1)
    assert audited(text, columns).to_json() == whole.to_json()


@pytest.mark.parametrize("patients", [150, 260])
def test_workers_change_nothing(monkeypatch: pytest.MonkeyPatch, patients: int) -> None:
    columns = random_columns(14, 500, patients=patients)
    text = PLAN.replace("score: p", "score: p, patient: pid").replace("200", "400")
    found = []
    for workers in (1, 4, 3):
        monkeypatch.setattr(audit.sweep, "workers", lambda workers=workers: workers)
        found.append(audited(text, columns).to_json())
    assert found[0] == found[1] == found[2]


def splitmix(z: int) -> int:
    """Steele, Lea & Flood 2014, in plain Python."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def test_poisson_weight_in_plain_python() -> None:
    golden = 0x9E3779B97F4A7C15
    keys = [0, 5, 2**63 + 11, MASK]
    found = poisson_weights(np.array(keys, dtype=np.uint64), SEED, 200)
    salt = splitmix(splitmix(SEED + golden & MASK) + golden & MASK)
    cdf = [int(65536 * poisson.cdf(k, 1)) for k in range(8)]
    for row, key in zip(found, keys, strict=True):
        for r in range(200):
            word = splitmix(key + salt + (r // 4 + 1) * golden & MASK)
            u = word >> (16 * (r % 4)) & 0xFFFF
            assert row[r] == sum(u >= c for c in cdf)


def test_poisson_weights_are_poisson_and_independent() -> None:
    patients, replicates = 4000, 640
    keys = np.arange(patients, dtype=np.uint64)  # the least random keys there could be
    w: Floats = poisson_weights(keys, 3, replicates)
    n = w.size
    assert abs(w.mean() - 1) < 5 / np.sqrt(n) + 1e-4
    assert abs(w.var() - 1) < 5 * np.sqrt(3 / n) + 5e-4  # fourth central moment 4
    counts = np.bincount(np.minimum(w.ravel().astype(int), 6), minlength=7)
    pmf = poisson.pmf(np.arange(6), 1)
    # 16 bits: cell probabilities are off by up to 2**-16, hence the generous level
    assert chisquare(counts, np.append(pmf, 1 - pmf.sum()) * n).pvalue > 1e-5
    between = np.asarray(np.corrcoef(w.T))[np.triu_indices(replicates, 1)]
    assert np.abs(between).max() < 6 / np.sqrt(patients)
    assert abs(between.std() * np.sqrt(patients) - 1) < 0.05
    keyed = np.asarray(np.corrcoef(w[:400]))[np.triu_indices(400, 1)]
    assert np.abs(keyed).max() < 6 / np.sqrt(replicates)
    assert abs(keyed.std() * np.sqrt(replicates) - 1) < 0.05
    other = poisson_weights(keys, 4, replicates)
    assert abs(np.corrcoef(w.ravel(), other.ravel())[0, 1]) < 5 / np.sqrt(n)


def test_poisson_weights_are_of_the_key_alone() -> None:
    keys = np.array([9, 4, 9, 2**40], dtype=np.uint64)
    w = poisson_weights(keys, 1, 300)
    np.testing.assert_array_equal(w[0], w[2])
    np.testing.assert_array_equal(poisson_weights(keys[1:2], 1, 300)[0], w[1])
    np.testing.assert_array_equal(poisson_weights(keys, 1, 70), w[:, :70])


@pytest.mark.parametrize("patients", [1, 2, 40, 199])
def test_multinomial_weights_keep_n(patients: int) -> None:
    table = multinomial_weights(patients, 5, 1000).astype(float)
    assert table.shape == (patients, 1024)
    np.testing.assert_array_equal(table.sum(0), patients)
    n = table.size
    spread = 1 - 1 / patients
    assert abs(table.var() - spread) <= 5 * np.sqrt(3 / n)
    if patients > 2:
        # every patient is drawn as often as another, up to chance
        rest = (table.sum(1) - 1024) / np.sqrt(1024 * spread)
        assert np.abs(rest).max() < 5
        between = np.corrcoef(table.T)[np.triu_indices(1024, 1)]
        assert abs(between.mean()) < 5 / np.sqrt(between.size * patients)


def test_scheme_changes_at_200_patients() -> None:
    assert resampling(1, 100, 199).method == "multinomial"
    assert resampling(1, 100, 200).method == "poisson"


def simulated_ece(p: Floats, draws: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    label = rng.random((draws, p.size)) < p
    index = np.minimum((p * 15).astype(int), 14)
    onehot = (index[:, None] == np.arange(15)).astype(float)
    return np.asarray(np.abs((label - p) @ onehot).sum(1) / p.size, dtype=np.float64)


def test_null_ece_is_that_of_a_calibrated_model() -> None:
    columns = random_columns(15, 900, decimals=None)
    columns["race"][:10] = "C"
    result = audited(PLAN, columns)
    tolerance = 4 * np.sqrt(0.95 * 0.05 / 1000) + 0.005
    for stratum, mask in [
        ("overall", np.ones(900, dtype=np.bool_)),
        *((f"race={r}", columns["race"] == r) for r in "ABC"),
    ]:
        twin = simulated_ece(columns["p"][mask], 4000, 16)
        null = estimate(result, "ece", stratum).null
        assert null is not None
        assert abs(null.mean - twin.mean()) < 5 * twin.std() * np.sqrt(1 / 1000 + 1 / 4000)
        assert abs((twin <= null.q95).mean() - 0.95) < tolerance
        value = estimate(result, "ece", stratum).value
        assert value is not None
        assert null.excess == pytest.approx(value - null.mean, abs=1e-12)
        above = float((twin >= value).mean())
        assert abs(null.p - above) < 5 * np.sqrt(above * (1 - above) / 800) + 0.003


def test_null_ece_of_single_rows() -> None:
    """A row alone has ECE |y - p|: 1 - p with chance p. Scores of 0 and 1 are never wrong."""
    p = np.array([0.0, 1.0, 0.25, 0.9, 0.5])
    plan = plan_of("columns: {label: y, score: p}\nattributes: {g: }\n")
    columns = {"y": np.array([0, 1, 0, 1, 1]), "p": p, "g": np.array(list("abcde"))}
    cohort = cohort_of(plan, columns)
    data = grouped(analysed_rows(cohort, plan), cohort.dimensions[0].codes, 5)
    draws = null_ece(data.rows, 1, 6400)
    assert not draws[0].any()
    assert not draws[1].any()
    for g in (2, 3):
        ones = np.isclose(draws[g], 1 - p[g])
        assert (ones | np.isclose(draws[g], p[g])).all()
        assert abs(ones.mean() - p[g]) < 5 * np.sqrt(p[g] * (1 - p[g]) / 6400)
    np.testing.assert_array_equal(draws[4], 0.5)
    # rows are redrawn independently of each other
    assert abs(np.corrcoef(draws[2], draws[3])[0, 1]) < 5 / np.sqrt(6400)


@pytest.mark.parametrize("positives", range(2, 12))
def test_null_p_counts_ties(positives: int) -> None:
    """Twenty rows of score 0.3: redrawn positives are binomial, and a tie counts as extreme."""
    label = np.array([1] * positives + [0] * (20 - positives))
    result = audited(
        "columns: {label: y, score: p}\nresamples: 100\n", {"y": label, "p": np.full(20, 0.3)}
    )
    null = estimate(result, "ece").null
    away = abs(positives - 6)
    exact = sum(binom.pmf(k, 20, 0.3) for k in range(21) if abs(k - 6) >= away)
    assert null is not None
    assert abs(null.p - exact) < 5 * np.sqrt(exact * (1 - exact) / 1000) + 2e-3


def test_figures_of_a_set_are_those_of_its_parts() -> None:
    """A stratum's replicates do not depend on which other strata the set holds."""
    plan = plan_of(TEXT)
    cohort = cohort_of(plan, hard_columns(500, 260))
    rows = analysed_rows(cohort, plan)
    scheme = resampling(SEED, REPLICATES, cohort.clusters)
    from audit.strata import lattice

    sets: Any = lattice(cohort.dimensions, 1, cohort.rows)
    measures = [MEASURES["prevalence"], MEASURES["flag_rate"]]
    whole = compute_figures(rows, sets[1], scheme, measures)
    overall = compute_figures(rows, sets[0], scheme, measures)
    assert whole.replicates["prevalence"].shape == (8, REPLICATES)
    # counts of all strata add up to those of the cohort, resample by resample
    data = grouped(rows, sets[1].codes, 8)
    parts = resampled_sums(data.rows, scheme)[:, :, :4].sum(0)
    n, y = parts[:, 0] + parts[:, 1], parts[:, 0]
    np.testing.assert_allclose(overall.replicates["prevalence"][0], y / n, rtol=1e-13)
    flagged = (parts[:, 2] + parts[:, 3]) / n
    np.testing.assert_allclose(overall.replicates["flag_rate"][0], flagged, rtol=1e-13)
