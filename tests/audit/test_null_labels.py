"""Nulls of calibration errors by signs of patients: by hand, and beside a twin in NumPy."""

import numpy as np
from numpy.typing import NDArray

from audit.null_labels import null_ece, signed_residuals
from audit.rows import Grouped, analysed_rows, grouped
from audit.stats.mixing import GOLDEN, splitmix64
from audit.stats.weights import stream
from tests.audit.builders import cohort_of, plan_of

PLAN = "columns: {label: y, score: p, patient: pid}\nattributes: {g: }\n"


def data_of(
    patient: list[str], label: list[int], score: list[float], group: list[str]
) -> tuple[Grouped, NDArray[np.float64]]:
    plan = plan_of(PLAN)
    columns = {
        "pid": np.array(patient),
        "y": np.array(label),
        "p": np.array(score),
        "g": np.array(group),
    }
    cohort = cohort_of(plan, columns)
    rows = analysed_rows(cohort, plan)
    strata = len(set(group))
    return grouped(rows, cohort.dimensions[0].codes, strata), rows.rung_score


def test_patients_change_sign_together() -> None:
    """Residuals 0.4 and 0.4 of one bin: 0.8 of one patient, 0 or 0.8 of two."""
    data, _ = data_of(["a", "a", "b", "c"], [1, 1, 1, 1], [0.6, 0.6, 0.6, 0.6], list("xxyy"))
    one, two = null_ece(data.rows, 1, 6400, signed=True)
    np.testing.assert_allclose(one, 0.4, atol=1e-15)
    apart = np.isclose(two, 0.4, atol=1e-15)
    assert (apart | np.isclose(two, 0.0, atol=1e-15)).all()
    assert abs(apart.mean() - 0.5) < 5 * 0.5 / np.sqrt(6400)


def test_bins_are_kept_apart() -> None:
    """In two bins the residuals of one patient cannot cancel: (0.4 + 0.3) / 2 whatever the sign."""
    data, _ = data_of(["a", "a"], [1, 0], [0.6, 0.3], ["x", "x"])
    np.testing.assert_allclose(null_ece(data.rows, 1, 64, signed=True)[0], 0.35, atol=1e-15)


def test_signed_residuals_beside_a_twin() -> None:
    rng = np.random.default_rng(5)
    n = 60
    data, rungs = data_of(
        [f"p{i}" for i in rng.integers(0, 20, n)],
        rng.integers(0, 2, n).tolist(),
        rng.choice([0.1, 0.25, 0.4, 0.7], n).tolist(),
        ["x"] * n,
    )
    rows = data.rows
    found = signed_residuals(rows, rungs.size, 9, 100)
    block = np.arange(100) // 64
    with np.errstate(over="ignore"):
        keys = rows.unit[:, None] + stream(9, 4) + (block + 1).astype(np.uint64) * GOLDEN
        bits = splitmix64(keys - GOLDEN) >> (np.arange(100) % 64).astype(np.uint64)
    sign = np.where(bits & np.uint64(1), 1.0, -1.0)
    twin = np.zeros((100, rungs.size))
    for i in range(n):
        twin[:, rows.rung[i]] += sign[i] * (rows.label[i] - rows.probability[i])
    np.testing.assert_allclose(found, twin, atol=1e-12)
    assert abs(found.mean()) < 0.5
