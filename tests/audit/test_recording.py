from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from audit.dimensions import Dimension
from audit.findings import Findings
from audit.recording import record_covariates
from audit.result import AuditWarning, CovariateAtSite

# Serum cholesterol, ST depression and fluoroscopy of the first patients in the UCI heart disease
# data (Janosi, Steinbrunn, Pfisterer and Detrano 1989): Switzerland wrote 0 for a cholesterol that
# was not measured.
CHOL = {
    "Cleveland": [233, 286, 229, 250, 204, 236, 268, 354, 254, 203, 192, 294, 256, 263, 199, 168],
    "Switzerland": [0, 0, 0, 0, 0, 0, 0, 0],
    "VA Long Beach": [260, 209, 218, 228, 213, 0, 236, 0, 0, 267, 166, 0],
}
OLDPEAK = [2.3, 1.5, 2.6, 3.5, 1.4, 0.8, 3.6, 0.6, 1.4, 3.1, 0.4, 1.3, 0.6, 0, 0.5, 1.6, 1, 1.2]
CA = [0, 3, 2, 0, 0, 0, 2, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
SITES = [site for site, values in CHOL.items() for _ in values]


def site(values: list[str]) -> Dimension:
    levels = tuple(sorted(set(values)))
    codes = np.array([levels.index(v) for v in values], dtype=np.int32)
    return Dimension("hospital", "hospital", "site", None, levels, codes, None, "none", 0)


def record(
    values: Any, sites: list[str] | None = None
) -> tuple[tuple[CovariateAtSite, ...], list[AuditWarning]]:
    findings = Findings()
    where = site(sites) if sites is not None else None
    counts = record_covariates(pa.table({"x": values}), ["x"], where, findings)
    return counts, findings.warnings


def test_counts_overall_and_at_each_site() -> None:
    counts, _ = record([1.0, 0.0, None, float("nan"), 2.0, 2.0], list("ABABAA"))
    assert [c.model_dump() for c in counts] == [
        {"column": "x", "site": "overall", "rows": 6, "missing": 2, "zeros": 1, "distinct": 3},
        {"column": "x", "site": "A", "rows": 4, "missing": 1, "zeros": 0, "distinct": 2},
        {"column": "x", "site": "B", "rows": 2, "missing": 1, "zeros": 1, "distinct": 1},
    ]


def test_text_has_no_zeros() -> None:
    counts, warnings = record(["a", "0", None, "a", "nan"])
    assert counts == (
        CovariateAtSite(column="x", site="overall", rows=5, missing=2, zeros=None, distinct=2),
    )
    assert warnings == []


def test_numbers_as_text_count_as_numbers() -> None:
    (count,), _ = record(["0", "1.50", "", "1.5", "0.0"])
    assert (count.missing, count.zeros, count.distinct) == (1, 2, 2)


def test_nothing_recorded() -> None:
    (count,), warnings = record(pa.nulls(3, pa.float64()))
    assert (count.missing, count.zeros, count.distinct, warnings) == (3, None, 0, [])


def test_zero_for_missing_is_named_at_each_site_where_it_occurs() -> None:
    _, warnings = record([v for values in CHOL.values() for v in values], SITES)
    assert [(w.code, w.stratum, w.column) for w in warnings] == [
        ("isolated_zero", "hospital=Switzerland", "x"),
        ("isolated_zero", "hospital=VA Long Beach", "x"),
    ]
    assert warnings[0].message == (
        "x is 0 on 8 of 8 rows at hospital=Switzerland; the other values lie far from 0 "
        "(non-zero quartiles 207.75 to 260.75), so 0 is probably a code for missing."
    )
    assert "x is 0 on 4 of 12 rows at hospital=VA Long Beach" in warnings[1].message


def test_zero_for_missing_without_a_site() -> None:
    (_,), warnings = record([100, 110, 120, 130, 0])
    (warning,) = warnings
    assert warning.stratum is None
    assert warning.message.startswith("x is 0 on 1 of 5 rows; the other values lie far from 0")


@pytest.mark.parametrize(
    "values",
    [
        OLDPEAK,
        CA,
        [0, 1] * 20,
        [0, 2, 2, 2, 2, 1],
        [0, 0, 0],
        [100, 110, 120, 130],
        [100, 110, 120, 130, 0, -1],
        [0, 20, 40, 50],
        ["0", "a", "b"],
    ],
)
def test_plausible_zeros_are_left_alone(values: list[Any]) -> None:
    assert record(values)[1] == []


def test_the_fence_is_three_interquartile_ranges() -> None:
    # non-zero quartiles 3 and 4, then 3.1 and 4.1
    assert record([0, 2.5, 3, 3.5, 4, 4.5])[1] == []
    assert len(record([0, 2.6, 3.1, 3.6, 4.1, 4.6])[1]) == 1


def test_missing_at_one_site_only() -> None:
    values = [1.0] * 10 + [None] * 9 + [1.0] + [1.0] * 6 + [None] * 4
    _, warnings = record(values, ["A"] * 10 + ["B"] * 10 + ["C"] * 10)
    (warning,) = warnings
    assert (warning.code, warning.stratum, warning.column) == (
        "all_missing_at_site", "hospital=B", "x",
    )  # fmt: skip
    assert warning.message == (
        "x is missing on 9 of 10 rows (90 %) at hospital=B, and on 4 of 20 rows (20 %) elsewhere."
    )


@pytest.mark.parametrize(
    ("here", "elsewhere"), [(8, 0), (10, 5), (10, 10)], ids=["too few", "also elsewhere", "all"]
)
def test_other_gaps_are_left_alone(here: int, elsewhere: int) -> None:
    values = [None] * here + [1.0] * (10 - here) + [None] * elsewhere + [1.0] * (10 - elsewhere)
    assert record(values, ["A"] * 10 + ["B"] * 10)[1] == []
