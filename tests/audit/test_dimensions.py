from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from audit.dimensions import band_labels
from audit.stratum_names import MISSING
from tests.audit.cohorts import NAN, cohort, dimension, warning


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        (["b", " a", "b ", "B"], ("B", "a", "b")),
        ([True, False, None, True], ("False", "True", MISSING)),
        ([10, 9, 100, -1], ("-1", "9", "10", "100")),
        ([10.0, 9.0, None, NAN], ("9", "10", MISSING)),
        ([0.5, 1.0, 10.25, -0.0], ("0", "0.5", "1", "10.25")),
        (["10", "9", "1e3", "x"], ("10", "1e3", "9", "x")),
        (["10", "9", "1e3", "9"], ("9", "10", "1e3")),
        (["1.0", "2.0", "nan", "10"], ("1", "2", "10", MISSING)),
        (["1.0", "1.1", "2.0", "1"], ("1", "1.0", "1.1", "2.0")),
        ([date(2024, 1, 2), date(2023, 5, 6)] * 2, ("2023-05-06", "2024-01-02")),
        (
            [datetime(2024, 1, 2), datetime(2024, 1, 2, 3, 4, 5, 600000)] * 2,
            ("2024-01-02", "2024-01-02T03:04:05.6"),
        ),
        (pa.array([0, 1] * 2, pa.timestamp("s", tz="UTC")), ("1970-01-01", "1970-01-01T00:00:01Z")),
        (pa.array([0, 1] * 2, pa.time32("s")), ("00:00:00", "00:00:01")),
        (pa.array([0.1, 2, 0.1, 0.1], pa.float32()), ("0.1", "2")),
        (pa.array([1, None, 3, 3], pa.int8()), ("1", "3", MISSING)),
        (pa.array([Decimal("1.50"), Decimal("20")] * 2), ("1.5", "20")),
        (pa.nulls(4), (MISSING,)),
        (["", "  ", "NaN", "nan"], (MISSING,)),
        (["NA", "x", "NA", "x"], ("NA", "x")),
    ],
)
def test_levels_as_text_and_in_order(values: Any, levels: tuple[str, ...]) -> None:
    assert dimension(values).levels == levels


def test_unused_categories_are_no_levels() -> None:
    indices = pa.array([1, 1, None, 3], pa.int8())
    values = pa.DictionaryArray.from_arrays(indices, pa.array(["w", "x", "y", "z"]))
    assert dimension(values).levels == ("x", "z", MISSING)


def test_missing_level_is_last_counted_and_warned_of() -> None:
    found = cohort({"sex": {}}, {"sex": ["M", None, "z", None]})
    (sex,) = found.dimensions
    assert sex.levels == ("M", "z", MISSING)
    assert (sex.codes == 2).sum() == sex.missing == 2
    said = warning("missing_attribute", found)
    assert said.message == (
        "'sex' is missing on 2 of 4 rows (50 %); they form the level (missing)."
    )
    assert (said.column, said.stratum) == ("sex", "sex=(missing)")


def test_bands_are_half_open_and_leave_out_empty_ones() -> None:
    found = dimension([39.9, 40, 64, 80, None, NAN], band=[40, 65, 80])
    assert found.levels == ("(-inf,40)", "[40,65)", "[80,inf)", MISSING)
    assert np.bincount(found.codes).tolist() == [1, 2, 1, 2]
    assert found.edges == (40.0, 65.0, 80.0)
    assert found.missing == 2


def test_bands_of_text_and_declared_bands() -> None:
    found = dimension(["1", "2.5", "", "nan"], band=[2], levels=["[2,inf)", "(-inf,2)"])
    assert found.levels == ("(-inf,2)", "[2,inf)", MISSING)
    absent = dimension([1, 1], band=[2, 2.5], levels=["[2.5,inf)"])
    assert absent.levels == ("(-inf,2)", "[2.5,inf)")


def test_band_labels() -> None:
    assert band_labels((0.5,)) == ("(-inf,0.5)", "[0.5,inf)")
    assert band_labels((-1, 1e6, 2e20))[1:3] == ("[-1,1000000)", "[1000000,2e+20)")


def test_declared_levels_without_rows_are_kept() -> None:
    found = dimension(["F", "M", "F", "M"], levels=["F", "M", "X"])
    assert found.levels == ("F", "M", "X")
    assert np.bincount(found.codes, minlength=3).tolist() == [2, 2, 0]
    assert dimension([1.0, 2.0, 1.0, None], levels=["1.0", "10"]).levels == (
        "1", "2", "10", MISSING,
    )  # fmt: skip


def test_undeclared_level_is_warned_of() -> None:
    found = cohort({"sex": {"levels": ["F", "M"]}}, {"sex": ["F", "M", "U", None]})
    said = warning("undeclared_level", found)
    assert said.message == "'sex' is 'U' on 1 of 4 rows (25 %), a level the plan does not declare."
    assert said.stratum == "sex=U"


def test_reference_is_declared_or_the_largest_among_assessed_rows() -> None:
    assert dimension(["F", "M", "M", None], reference="F").reference == "F"
    assert dimension([1.0, 2.0, None, 2.0], reference="1.0").reference == "1"
    found = dimension(["b", "a", "b", "a", None, None, None])
    assert (found.reference, found.reference_chosen) == ("a", "largest")
    data = {"y": [0, 1, None, None, None], "p": [0.1, 0.9, 0.5, 0.5, 0.5]}
    (sex,) = cohort({"sex": {}}, data | {"sex": ["F", "F", "M", "M", "M"]}).dimensions
    assert sex.reference == "F"


def test_no_reference_where_everything_is_missing() -> None:
    found = dimension(pa.nulls(4, pa.string()))
    assert (found.reference, found.reference_chosen) == (None, "none")


def test_site_is_a_dimension_with_its_own_role() -> None:
    data = {"hospital": ["B", "A", "B", "B"], "sex": ["F", "M", "F", "M"]}
    found = cohort({"sex": {}}, data, site="hospital").dimensions
    assert [(d.name, d.role, d.reference) for d in found] == [
        ("hospital", "site", "B"),
        ("sex", "attribute", "F"),
    ]
    referred = cohort({"hospital": {"reference": "A"}}, data, site="hospital").dimensions
    assert [(d.name, d.role, d.reference) for d in referred] == [("hospital", "site", "A")]


def test_attribute_may_have_another_name_than_its_column() -> None:
    data = {"years": [30, 50, 50, 70]}
    attributes = {"age": {"column": "years", "band": [40]}, "decade": {"column": "years"}}
    found = cohort(attributes, data).dimensions
    assert [(d.name, d.column, len(d.levels)) for d in found] == [
        ("age", "years", 2),
        ("decade", "years", 3),
    ]
