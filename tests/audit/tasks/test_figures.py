"""Whole-task figures: values, resamples and variances against independent computations."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from audit.stats.linear import cluster_variance
from tests.audit.tasks import reference
from tests.audit.tasks.builders import (
    MULTICLASS,
    MULTILABEL,
    REGRESSION,
    class_columns,
    figures_of,
    label_columns,
    value_columns,
    weights_of,
)

Twin = Callable[[Mapping[str, Any]], dict[str, float]]
TASKS: dict[str, tuple[str, Callable[..., dict[str, Any]], Twin]] = {
    "multiclass": (MULTICLASS, class_columns, reference.multiclass),
    "multilabel": (MULTILABEL, label_columns, reference.multilabel),
    "regression": (REGRESSION, value_columns, reference.regression),
}


def rows_of(columns: Mapping[str, Any], rows: NDArray[Any]) -> dict[str, Any]:
    return {name: np.asarray(values, dtype=object)[rows] for name, values in columns.items()}


def plain(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: values if name.startswith("y_") or values.dtype != object else values.tolist()
        for name, values in columns.items()
    }


def strata_of(columns: Mapping[str, Any]) -> dict[str, NDArray[np.bool_]]:
    sex = np.asarray(columns["sex"])
    return {"overall": np.ones(len(sex), dtype=np.bool_), "sex=F": sex == "F", "sex=M": sex == "M"}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("seed", [1, 2])
def test_values_are_those_of_scikit_learn(task: str, seed: int) -> None:
    text, make, twin = TASKS[task]
    columns = make(seed)
    figures = figures_of(text, columns)
    for name, mask in strata_of(columns).items():
        own = figures["" if name == "overall" else "sex"]
        place = own.strata.strata.index(name)
        expected = twin(plain(rows_of(columns, np.flatnonzero(mask))))
        assert set(expected) == {m.id for m in own.measures}
        for measure, value in expected.items():
            assert own.values[measure][place] == pytest.approx(value, abs=1e-9), (name, measure)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("rows", "patients", "scheme"), [
    (420, 260, "poisson"),
    (240, 120, "multinomial"),
])  # fmt: skip
def test_resamples_are_those_of_repeated_rows(
    task: str, rows: int, patients: int, scheme: str
) -> None:
    """Each resample, drawn again by hand: rows repeated by the weight of their patient."""
    text, make, twin = TASKS[task]
    columns = make(5, rows, patients)
    figures = figures_of(text, columns)
    weights = weights_of(text, columns).astype(np.int64)
    assert figures[""].scheme == scheme
    for name, mask in strata_of(columns).items():
        own = figures["" if name == "overall" else "sex"]
        place = own.strata.strata.index(name)
        for r in (0, 1, 63, 64, 129):
            drawn = np.repeat(np.arange(rows), np.where(mask, weights[:, r], 0))
            expected = twin(plain(rows_of(columns, drawn)))
            for measure, value in expected.items():
                found = own.replicates[measure][place, r]
                assert found == pytest.approx(value, abs=1e-9), (name, measure, r)


@pytest.mark.parametrize("task", TASKS)
def test_jackknife_leaves_out_each_patient(task: str) -> None:
    text, make, twin = TASKS[task]
    columns = make(6, 150, 60)
    figures = figures_of(text, columns)
    pid = np.asarray(columns["pid"])
    for name, mask in strata_of(columns).items():
        own = figures["" if name == "overall" else "sex"]
        place = own.strata.strata.index(name)
        patients = np.unique(pid[mask])
        without = [
            twin(plain(rows_of(columns, np.flatnonzero(mask & (pid != one))))) for one in patients
        ]
        for measure, moments in own.jackknife.items():
            values = np.array([w[measure] for w in without])
            deviation = values.mean() - values
            assert moments.second[place] == pytest.approx((deviation**2).sum(), rel=1e-6, abs=1e-12)
            assert moments.third[place] == pytest.approx((deviation**3).sum(), rel=1e-6, abs=1e-12)


def test_variance_of_a_mean_is_clustered_by_patient() -> None:
    columns = value_columns(7, 300, 90)
    error = columns["p"] - columns["y"]
    patient = np.unique(columns["pid"], return_inverse=True)[1]
    one, used = np.zeros(300, dtype=np.int64), np.ones(300, dtype=np.bool_)
    own = figures_of(REGRESSION, columns)[""]
    for measure, values in (("bias", error), ("mae", np.abs(error))):
        influence = (values - values.mean()) / 300
        expected, clusters = cluster_variance(influence, one, patient, 1, used)
        assert own.variance[measure][0] == pytest.approx(expected[0], rel=1e-9)
        assert own.informants[measure][0] == clusters[0] == len(np.unique(columns["pid"]))


def test_large_values_lose_no_digits() -> None:
    """Adding a constant moves nothing but the intercept of the line."""
    columns = value_columns(8)
    moved = columns | {"y": columns["y"] + 1e7, "p": columns["p"] + 1e7}
    one, other = figures_of(REGRESSION, columns)["sex"], figures_of(REGRESSION, moved)["sex"]
    for measure in ("mae", "rmse", "bias", "r2", "line_slope", "loa_lower"):
        np.testing.assert_allclose(other.values[measure], one.values[measure], rtol=1e-7)
        np.testing.assert_allclose(other.replicates[measure], one.replicates[measure], rtol=1e-6)
    shift = 1e7 * (1 - one.values["line_slope"])
    np.testing.assert_allclose(
        other.values["line_intercept"], one.values["line_intercept"] + shift, rtol=1e-8
    )


def test_slices_of_strata_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, make, _ in TASKS.values():
        columns = make(9, 240, 120)
        whole = figures_of(text, columns)["sex"]
        monkeypatch.setattr("audit.tasks.figures.SLICE_BYTES", 1)
        parts = figures_of(text, columns)["sex"]
        monkeypatch.undo()
        for measure, replicates in whole.replicates.items():
            np.testing.assert_array_equal(parts.replicates[measure], replicates)
