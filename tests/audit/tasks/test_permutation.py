"""The null of a gap of the whole task against shuffling by hand."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import rankdata

from tests.audit.tasks import reference
from tests.audit.tasks.builders import (
    CLASSES,
    MULTICLASS,
    MULTILABEL,
    REGRESSION,
    class_columns,
    label_columns,
    task_audit,
    value_columns,
)

Columns = Mapping[str, Any]
Twin = Callable[[Columns], dict[str, float]]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def auroc(y: Bools, p: Floats) -> float:
    ranks, positive = rankdata(p)[y].sum(), int(y.sum())
    return float((ranks - positive * (positive + 1) / 2) / (positive * (y.size - positive)))


def average_precision(y: Bools, p: Floats) -> float:
    order = np.argsort(-p)
    last = np.flatnonzero(np.append(np.diff(p[order]) != 0, True))  # of the rows with one score
    found = np.cumsum(y[order])[last]
    return float((np.diff(found, prepend=0) * found / (last + 1)).sum() / found[-1])


def multiclass(columns: Columns) -> dict[str, float]:
    y = (columns["y"][:, None] == np.array(CLASSES)).argmax(1)
    p = np.stack([columns[f"p_{c}"] for c in CLASSES], axis=1)
    counts = np.bincount(3 * y + p.argmax(1), minlength=9).reshape(3, 3)
    far = np.square(np.arange(3)[:, None] - np.arange(3))
    by_chance = np.outer(counts.sum(1), counts.sum(0)) / y.size
    return {
        "accuracy": float(counts.trace() / y.size),
        "macro_sensitivity": float((counts.diagonal() / counts.sum(1)).mean()),
        "macro_auroc": float(np.mean([auroc(y == k, p[:, k]) for k in range(3)])),
        "quadratic_kappa": float(1 - (far * counts).sum() / (far * by_chance).sum()),
        "multiclass_brier": float(np.square(p - np.eye(3)[y]).sum(1).mean()),
    }


def multilabel(columns: Columns) -> dict[str, float]:
    each = []
    counts = np.zeros(2)
    for name in "eon":
        known = ~np.isnan(columns[f"y_{name}"]) & ~np.isnan(columns[f"p_{name}"])
        y, p = columns[f"y_{name}"][known] == 1, columns[f"p_{name}"][known]
        counts += [(y & (p >= 0.4)).sum(), (p >= 0.4).sum()]
        each.append((auroc(y, p), (p[y] >= 0.4).mean(), average_precision(y, p)))
    area, sensitivity, precision = np.mean(each, axis=0)
    return {
        "macro_auroc": float(area),
        "macro_sensitivity": float(sensitivity),
        "micro_ppv": float(counts[0] / counts[1]),
        "macro_average_precision": float(precision),
    }


def regression(columns: Columns) -> dict[str, float]:
    y, error = columns["y"], columns["p"] - columns["y"]
    return {
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt(np.square(error).mean())),
        "bias": float(error.mean()),
        "r2": float(1 - np.square(error).sum() / np.square(y - y.mean()).sum()),
        "loa_upper": float(error.mean() + 1.96 * error.std(ddof=1)),
    }


@pytest.mark.parametrize(("text", "make", "slow", "quick"), [
    (MULTICLASS, class_columns, reference.multiclass, multiclass),
    (MULTILABEL, label_columns, reference.multilabel, multilabel),
    (REGRESSION, value_columns, reference.regression, regression),
])  # fmt: skip
def test_nulls_are_those_of_shuffled_groups(
    text: str, make: Callable[..., dict[str, Any]], slow: Twin, quick: Twin
) -> None:
    rows = 160
    columns = make(81, rows, rows)
    columns["pid"] = np.array([f"k{i}" for i in range(rows)])  # a patient is a row
    columns["sex"] = np.where(np.arange(rows) % 3 == 0, "F", "M")
    result = task_audit(text.replace("attributes", "permutations: 400\nattributes"), columns)
    by_id = {d.id: d for d in result.disparities}
    arrays = {name: plain(values) for name, values in columns.items()}
    measures = quick(arrays)
    assert measures == pytest.approx({m: slow(columns)[m] for m in measures}, abs=1e-12)
    rng = np.random.default_rng(82)
    drawn: dict[str, list[float]] = {m: [] for m in measures}
    for _ in range(400):
        sex = rng.permutation(columns["sex"])
        one, two = (quick({k: v[sex == level] for k, v in arrays.items()}) for level in ("F", "M"))
        for m in measures:
            drawn[m].append(abs(one[m] - two[m]))
    for m in measures:
        null = by_id[f"{m}/gap/sex"].null
        assert null is not None
        values = np.array(drawn[m])
        error = values.std() * np.sqrt(2 / 400)
        assert abs(null.mean - values.mean()) < 5 * error + 0.02 * values.mean(), m
        assert null.q95 == pytest.approx(np.quantile(values, 0.95), rel=0.2), m


def plain(values: Any) -> NDArray[Any]:
    """Numbers with NaN where there is none, or words."""
    return np.array(values, dtype=float) if isinstance(values, list) else np.asarray(values)


def test_levels_are_permuted_within_sites() -> None:
    """Groups at different sites: an error that belongs to the site is no gap of the groups."""
    columns = value_columns(83, 600, 600)
    columns["pid"] = np.array([f"k{i}" for i in range(600)])
    columns["site"] = np.where(np.arange(600) % 2 == 0, "a", "b")
    rng = np.random.default_rng(84)
    female = rng.random(600) < np.where(columns["site"] == "a", 0.9, 0.1)
    columns["sex"] = np.where(female, "F", "M")
    columns["p"] = columns["p"] + np.where(columns["site"] == "a", 8.0, 0.0)
    nulls = {}
    for ids in ("patient: pid, site: site", "patient: pid"):
        result = task_audit(REGRESSION.replace("patient: pid", ids), columns)
        gap = next(d for d in result.disparities if d.id == "bias/gap/sex")
        assert gap.null is not None
        nulls[ids] = gap.null.p
    assert nulls["patient: pid"] < 0.01
    assert nulls["patient: pid, site: site"] > 0.05
