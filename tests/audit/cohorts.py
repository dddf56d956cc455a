"""Small cohorts and the problems of bad ones, for the tests of cohort and dimensions."""

from typing import Any

import pyarrow as pa
import pytest

from audit.cohort import Cohort, Dimension, build_cohort
from audit.plan import Plan
from audit.problems import InputError, Problem
from audit.result import AuditWarning
from audit.sources.source import Part, Source

NAN = float("nan")


def plan(attributes: dict[str, Any] | None = None, **settings: Any) -> Plan:
    roles = ("label", "score", "prediction", "patient", "site", "unit", "covariates")
    columns = {"label": "y"} | {key: settings.pop(key) for key in roles if key in settings}
    if "prediction" not in columns:
        columns.setdefault("score", "p")
    return Plan.model_validate({"columns": columns, "attributes": attributes or {}, **settings})


def source(**columns: Any) -> Source:
    table = pa.table(columns)
    return Source(table, (), (Part("a.csv", len(table), "line", 2),), tuple(columns))


def cohort(
    attributes: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
    **settings: Any,
) -> Cohort:
    columns = {"y": [0, 1, 0, 1], "p": [0.1, 0.9, 0.6, 0.4], **(data or {})}
    return build_cohort(source(**columns), plan(attributes, **settings))


def problems(
    attributes: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
    **settings: Any,
) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as raised:
        cohort(attributes, data, **settings)
    return raised.value.problems


def only(
    attributes: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
    **settings: Any,
) -> Problem:
    found = problems(attributes, data, **settings)
    assert len(found) == 1, found
    return found[0]


def dimension(values: Any, name: str = "a", **attribute: Any) -> Dimension:
    n = len(values)
    data = {"y": [0, 1] * (n // 2) + [0] * (n % 2), "p": [0.5] * n, name: values}
    return cohort({name: attribute}, data).dimensions[0]


def warning(code: str, found: Cohort) -> AuditWarning:
    (one,) = [w for w in found.warnings if w.code == code]
    return one
