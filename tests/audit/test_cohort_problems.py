from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from tests.audit.cohorts import NAN, cohort, only, problems, warning


def test_label_with_more_than_two_values() -> None:
    found = only(data={"y": [0, 1, 2, 1]})
    assert (found.code, found.where) == ("label_not_binary", "label column 'y'")
    assert found.reason == "it has 3 values, not two: '1' (2), '0' (1), '2' (1)"
    assert found.remedy == "recode it to 0 and 1"
    assert only(data={"y": [0, 1, 2, 1]}, positive=1).code == "label_not_binary"
    assert "--positive" in only(data={"y": ["a", "b", "c", "a"]}).remedy


def test_label_with_very_many_values_lists_a_few() -> None:
    n = 10_000
    found = only(data={"y": [f"v{i:05d}" for i in range(n)], "p": [0.5] * n})
    assert found.reason.endswith("'v00005' (1) and 9,994 more")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["no", "yes", "no", "no"], "it has the values 'no' (3), 'yes' (1), and neither says"),
        ([1, 2, 2, None], "it has the values '2' (2), '1' (1), and neither says"),
        (["yes"] * 4, "it has the single value 'yes' (4), not known to be positive or negative"),
    ],
)
def test_two_values_need_the_positive_one(values: list[Any], reason: str) -> None:
    found = only(data={"y": values})
    assert (found.code, found.where) == ("positive_needed", "label column 'y'")
    assert found.reason.startswith(reason)
    assert found.remedy == "name the positive one with --positive (plan key 'positive')"


def test_positive_value_that_is_not_there() -> None:
    found = only(data={"y": ["yes", "no", "no", "no"]}, positive="Yes")
    assert (found.code, found.where) == ("unknown_positive", "label column 'y'")
    assert found.remedy == "did you mean 'yes'?"


def test_positive_without_cases_is_one_class_not_a_problem() -> None:
    found = cohort(data={"y": [0, 0, 0, 0]}, positive=1)
    assert warning("one_class", found).message == (
        "All 4 assessed rows are negative: nothing can be said of positives."
    )
    assert cohort(data={"y": [True] * 4}).positive == "True"
    assert cohort(data={"y": [False] * 4}).positive == "True"


@pytest.mark.parametrize(
    ("values", "shown"), [(["0", "1", "nan", "nan"], "nan"), ([0.0, 1.0, NAN, NAN], "nan")]
)
def test_nan_is_no_label(values: list[Any], shown: str) -> None:
    found = only(data={"y": pa.array(values)})
    assert (found.code, found.where) == ("label_not_value", "a.csv: line 4, column 'y'")
    assert found.reason == f"'{shown}' is not a label (2 rows, at lines 4, 5)"


def test_score_that_is_not_a_number() -> None:
    found = only(data={"p": ["abc", "0.5", "0,5", "1_0"]})
    assert (found.code, found.where) == ("score_not_number", "a.csv: line 2, column 'p'")
    assert found.reason == "'abc' is not a number (3 rows, at lines 2, 4, 5)"
    dated = only(data={"p": [date(2024, 1, 1), None, None, None]})
    assert (dated.code, dated.reason) == ("score_not_number", "'2024-01-01' is not a number")


@pytest.mark.parametrize(
    ("values", "shown"),
    [([0.1, NAN, 0.2, NAN], "nan"), (["0.1", "inf", "0.2", "-Infinity"], "inf")],
)
def test_score_that_is_not_finite(values: list[Any], shown: str) -> None:
    found = only(data={"p": pa.array(values)})
    assert (found.code, found.where) == ("score_not_finite", "a.csv: line 3, column 'p'")
    assert found.reason == f"'{shown}' is not a finite number (2 rows, at lines 3, 5)"


def test_score_outside_the_unit_interval() -> None:
    found = only(data={"p": [0.5, 1.5, -0.1, 1.0]})
    assert (found.code, found.where) == ("score_not_probability", "a.csv: line 3, column 'p'")
    assert found.reason == (
        "'1.5' is outside [0, 1], so the score is not a probability (2 rows, at lines 3, 4)"
    )
    assert found.remedy == "declare score_kind logit or rank"


def test_prediction_that_is_not_binary() -> None:
    found = only(data={"hat": [0, 1, 2, 1]}, prediction="hat")
    assert (found.code, found.where) == ("prediction_not_binary", "a.csv: line 4, column 'hat'")


def test_duplicate_units_are_told_by_row_not_by_id() -> None:
    found = only(data={"u": ["secret", "b", "secret", "secret"]}, unit="u")
    assert (found.code, found.where) == ("duplicate_unit", "a.csv: line 4, column 'u'")
    assert found.reason == ("the unit id was already used by a.csv: line 2 (2 rows, at lines 4, 5)")
    assert only(data={"u": ["1", "1.0", "x", "y"]}, unit="u").code == "duplicate_unit"


def test_units_without_id_are_no_duplicates() -> None:
    found = cohort(data={"u": ["a", None, None, "b"]}, unit="u")
    assert found.clusters == 4
    assert warning("unit_id_missing", found).column == "u"


def test_ten_thousand_levels_look_like_an_identifier() -> None:
    n = 10_000
    data = {"y": [0, 1] * (n // 2), "p": [0.5] * n}
    found = only({"name": {}}, data | {"name": [f"n{i}" for i in range(n)]})
    assert (found.code, found.where) == ("too_many_levels", "attribute 'name'")
    assert found.reason == "it has 10,000 levels (at most 500): it looks like an identifier"
    measured = only({"bmi": {}}, data | {"bmi": [i / 100 for i in range(n)]})
    assert measured.reason.endswith("it looks like a measurement")
    assert measured.remedy.startswith("band it")
    many = cohort({"name": {}}, data | {"name": [f"n{i}" for i in range(n)]}, max_levels=n)
    assert len(many.dimensions[0].levels) == n


def test_band_on_a_column_of_text() -> None:
    found = only({"age": {"band": [40]}}, {"age": ["30", "old", "inf", "50"]})
    assert (found.code, found.where) == ("band_not_numeric", "a.csv: line 3, column 'age'")
    assert found.reason == (
        "'old' cannot be put in a band, it is not a number (2 rows, at lines 3, 4)"
    )


def test_reserved_level() -> None:
    found = only({"sex": {}}, {"sex": ["F", "(missing)", "M", "M"]})
    assert (found.code, found.where) == ("reserved_level", "a.csv: line 3, column 'sex'")


def test_unknown_reference_suggests_the_nearest() -> None:
    found = only({"sex": {"reference": "Mal"}}, {"sex": ["Female", "Male", "Male", "Male"]})
    assert (found.code, found.where) == ("unknown_reference", "attribute 'sex'")
    assert found.remedy == "did you mean 'Male'?"


def test_declared_level_that_is_no_band() -> None:
    found = only({"age": {"band": [40], "levels": ["[40,inf]"]}}, {"age": [30, 50, 50, 50]})
    assert (found.code, found.where) == ("unknown_level", "attribute 'age'")
    assert found.remedy == "did you mean '[40,inf)'?"


def test_conflicting_roles() -> None:
    found = problems(score="y")
    assert [(p.code, p.where, p.reason) for p in found] == [
        ("conflicting_roles", "column 'y'", "it is both label and score")
    ]
    attribute = only({"grade": {"column": "p"}})
    assert attribute.reason == "it is both score and attribute 'grade'"
    site = only({"hospital": {"column": "x"}}, {"x": list("abcd")}, site="hospital")
    assert (site.code, site.where) == ("conflicting_roles", "attribute 'hospital'")


def test_nothing_to_assess() -> None:
    found = only(data={"y": [0, 1, None, None], "p": [None, None, 0.5, 0.5]})
    assert found.code == "nothing_to_assess"
    assert only(data={"y": pa.nulls(4), "p": pa.nulls(4)}).code == "nothing_to_assess"
    empty = {"y": pa.nulls(0, pa.int64()), "p": pa.nulls(0, pa.float64())}
    assert only(data=empty).code == "nothing_to_assess"


def test_all_problems_at_once() -> None:
    data = {
        "y": ["yes", "no", "no", "no"],
        "p": ["x", "2", "nan", "0.5"],
        "sex": ["F", "(missing)", "M", "M"],
        "age": ["old", "30", "40", "50"],
        "u": [1, 1, 2, 3],
    }
    attributes = {"sex": {"reference": "W"}, "age": {"band": [40]}}
    assert [p.code for p in problems(attributes, data, unit="u")] == [
        "positive_needed",
        "score_not_number",
        "score_not_finite",
        "score_not_probability",
        "band_not_numeric",
        "reserved_level",
        "duplicate_unit",
    ]


# --- warnings ----------------------------------------------------------------------------------


def test_scores_that_look_rescaled() -> None:
    labels = [1] * 30 + [0] * 170
    squashed = cohort(data={"y": labels, "p": [0.55] * 100 + [0.6] * 100})
    found = [w for w in squashed.warnings if w.code == "score_looks_rescaled"]
    assert len(found) == 3  # the range, the two values, the mean
    assert found[0].message == (
        "'p': All 200 scores lie between 0.550 and 0.600, where the logistic function puts numbers "
        "of 0 to 1, while 15.0 % have the condition: it may have been applied to scores that were "
        "probabilities already."
    )
    assert {w.column for w in found} == {"p"}
    logits = cohort(data={"y": labels, "p": [0.2] * 100 + [0.4] * 100}, score_kind="logit")
    assert [w.code for w in logits.warnings] == ["score_looks_rescaled"] * 3
    right = [0.1] * 100 + [0.2] * 100
    assert not cohort(data={"y": [1] * 10 + [0] * 90 + [1] * 20 + [0] * 80, "p": right}).warnings
    assert not cohort().warnings
    assert not cohort(data={"y": labels, "p": [0.55] * 200}, score_kind="rank").warnings
