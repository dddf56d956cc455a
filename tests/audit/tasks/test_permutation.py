"""The null of a gap of the whole task against shuffling by hand."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from tests.audit.tasks import reference
from tests.audit.tasks.builders import (
    MULTICLASS,
    MULTILABEL,
    REGRESSION,
    class_columns,
    label_columns,
    task_audit,
    value_columns,
)

Twin = Callable[[Mapping[str, Any]], dict[str, float]]


@pytest.mark.parametrize(("text", "make", "twin", "measures"), [
    (MULTICLASS, class_columns, reference.multiclass,
     ("accuracy", "macro_sensitivity", "macro_auroc", "quadratic_kappa", "multiclass_brier")),
    (MULTILABEL, label_columns, reference.multilabel,
     ("macro_auroc", "macro_sensitivity", "micro_ppv", "macro_average_precision")),
    (REGRESSION, value_columns, reference.regression, ("mae", "rmse", "bias", "r2", "loa_upper")),
])  # fmt: skip
def test_nulls_are_those_of_shuffled_groups(
    text: str, make: Callable[..., dict[str, Any]], twin: Twin, measures: tuple[str, ...]
) -> None:
    rows = 160
    columns = make(81, rows, rows)
    columns["pid"] = np.array([f"k{i}" for i in range(rows)])  # a patient is a row
    columns["sex"] = np.where(np.arange(rows) % 3 == 0, "F", "M")
    result = task_audit(text.replace("attributes", "permutations: 400\nattributes"), columns)
    by_id = {d.id: d for d in result.disparities}
    rng = np.random.default_rng(82)
    drawn: dict[str, list[float]] = {m: [] for m in measures}
    for _ in range(400):
        sex = rng.permutation(columns["sex"])
        one, two = (twin(part(columns, sex == level)) for level in ("F", "M"))
        for m in measures:
            drawn[m].append(abs(one[m] - two[m]))
    for m in measures:
        null = by_id[f"{m}/gap/sex"].null
        assert null is not None
        values = np.array(drawn[m])
        error = values.std() * np.sqrt(2 / 400)
        assert abs(null.mean - values.mean()) < 5 * error + 0.02 * values.mean(), m
        assert null.q95 == pytest.approx(np.quantile(values, 0.95), rel=0.2), m


def part(columns: Mapping[str, Any], mask: Any) -> dict[str, Any]:
    return {
        name: [v for v, keep in zip(values, mask, strict=True) if keep]
        if isinstance(values, list)
        else np.asarray(values)[mask]
        for name, values in columns.items()
    }


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
