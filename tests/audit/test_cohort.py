from datetime import date, datetime
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.cohort import Cohort, Dimension, build_cohort, needed_columns
from audit.dimensions import MISSING, band_labels
from audit.keys import splitmix64
from audit.plan import Plan
from audit.problems import InputError, Problem
from audit.result import AuditWarning
from audit.sources.files import read_files
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


# --- roles -------------------------------------------------------------------------------------


def test_needed_columns_say_what_each_is_for() -> None:
    declared = plan(
        {"sex": {}, "age": {"column": "years"}},
        patient="pid", site="hospital", unit="exam", covariates=["chol", "years"],
    )  # fmt: skip
    assert needed_columns(declared) == {
        "y": "label",
        "p": "score",
        "pid": "patient",
        "hospital": "site",
        "exam": "unit",
        "sex": "attribute 'sex'",
        "years": "attribute 'age', covariate",
        "chol": "covariate",
    }
    assert needed_columns(plan(prediction="hat")) == {"y": "label", "hat": "prediction"}


def test_rows_are_ordered_by_key_and_hold_all_roles() -> None:
    found = cohort(
        {"sex": {}},
        {"unit": ["a", "b", "c", "d"], "sex": ["F", "M", None, "F"]},
        unit="unit",
        threshold={"value": 0.6},
    )
    digests = [blake2b(text, digest_size=8).digest() for text in (b"a", b"b", b"c", b"d")]
    expected = [int.from_bytes(digest, "little") for digest in digests]
    order = np.argsort(np.array(expected, dtype=np.uint64))
    assert found.key.tolist() == [expected[i] for i in order]
    assert found.cluster.tolist() == [0, 1, 2, 3]
    assert found.label.tolist() == [[0, 1, 0, 1][i] for i in order]
    assert found.score.tolist() == [[0.1, 0.9, 0.6, 0.4][i] for i in order]
    assert found.probability.tolist() == found.score.tolist()
    assert found.flagged.tolist() == [[0, 1, 1, 0][i] for i in order]
    (sex,) = found.dimensions
    assert [sex.levels[c] for c in sex.codes] == [["F", "M", MISSING, "F"][i] for i in order]
    assert (found.rows, found.clusters, found.patients_declared) == (4, 4, False)
    assert (found.missing_label, found.missing_score, found.largest_patient) == (0, 0, 1)


def test_dtypes() -> None:
    found = cohort({"sex": {}}, {"sex": ["F", "M", "F", "M"]})
    assert [
        a.dtype.name
        for a in (found.label, found.score, found.flagged, found.probability, found.key)
    ] == ["int8", "float64", "int8", "float64", "uint64"]
    assert found.cluster.dtype == np.int64
    assert found.dimensions[0].codes.dtype == np.int32


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        ([0, 1, 0, 1], "1"),
        ([0.0, 1.0, 0.0, 1.0], "1"),
        ([False, True, False, True], "True"),
        (["0", "1", "0", " 1"], "1"),
        (["0.0", "1.0", "0.0", "1"], "1"),
        (["FALSE", "TRUE", "FALSE", "TRUE"], "TRUE"),
        (["false", "1", "0", "true"], "1"),
        ([Decimal("0"), Decimal("1"), Decimal("0"), Decimal("1")], "1"),
    ],
)
def test_labels_that_need_no_declaration(values: list[Any], positive: str) -> None:
    found = cohort(data={"y": values})
    assert sorted(zip(found.score, found.label, strict=True)) == [
        (0.1, 0), (0.4, 1), (0.6, 0), (0.9, 1),
    ]  # fmt: skip
    assert found.positive == positive


@pytest.mark.parametrize(
    ("values", "positive"),
    [(["no", "yes"] * 2, "yes"), ([1, 2] * 2, 2), ([1.0, 2.0] * 2, "2.0"), ([1, 2] * 2, "2")],
)
def test_declared_positive(values: list[Any], positive: Any) -> None:
    found = cohort(data={"y": values}, positive=positive)
    assert found.label.sum() == 2
    assert found.positive == str(values[1]).removesuffix(".0")


@pytest.mark.parametrize(("positive", "expected"), [(0, [0.1, 0.6]), (False, [0.1, 0.6])])
def test_declared_positive_may_be_zero(positive: Any, expected: list[float]) -> None:
    found = cohort(positive=positive)
    assert sorted(found.score[found.label == 1]) == expected


def test_text_label_with_more_values_is_one_against_the_rest_when_declared() -> None:
    found = cohort(data={"y": ["mel", "nev", "bcc", "mel"]}, positive="mel")
    assert sorted(found.score[found.label == 1]) == [0.1, 0.4]
    assert warning("one_against_rest", found).message == (
        "The label 'y' has the values 'mel' (2), 'bcc' (1), 'nev' (1); 'mel' counts as positive "
        "and all others as negative."
    )


def test_prediction_is_its_own_flag() -> None:
    found = cohort(data={"hat": [True, False, None, True]}, prediction="hat")
    assert sorted(found.flagged.tolist()) == [-1, 0, 1, 1]
    assert np.array_equal(found.flagged == 1, found.score == 1.0)
    assert np.isnan(found.probability).all()
    assert found.missing_score == 1


def test_score_kinds() -> None:
    logits = {"p": [-800.0, 0.0, 800.0, -2.0]}
    found = cohort(data=logits, score_kind="logit")
    by_score = dict(zip(found.score.tolist(), found.probability.tolist(), strict=True))
    assert by_score[-800.0] == 0.0
    assert by_score[0.0] == 0.5
    assert by_score[800.0] == 1.0
    assert by_score[-2.0] == pytest.approx(0.11920292202211755, rel=1e-15)
    assert np.isnan(cohort(data=logits, score_kind="rank").probability).all()


def test_without_threshold_nothing_is_flagged() -> None:
    assert (cohort().flagged == -1).all()


def test_missing_cells_are_counted_not_dropped() -> None:
    found = cohort(
        data={"y": [None, 1, 0, None], "p": [0.1, None, 0.6, None]}, threshold={"value": 0.5}
    )
    assert (found.rows, found.missing_label, found.missing_score) == (4, 2, 2)
    assert found.analysed.sum() == 1
    assert found.flagged[np.isnan(found.score)].tolist() == [-1, -1]
    assert warning("missing_label", found).message == (
        "'y' is missing on 2 of 4 rows (50 %); they are not assessed."
    )
    assert warning("missing_score", found).column == "p"


def test_text_scores_are_parsed() -> None:
    found = cohort(data={"p": ["1e-1", " .9", "0.60", ""]})
    assert sorted(found.score[~np.isnan(found.score)].tolist()) == [0.1, 0.6, 0.9]
    assert found.missing_score == 1


# --- sampling units ----------------------------------------------------------------------------


def test_patients_are_clusters_in_ascending_key() -> None:
    found = cohort(data={"pid": ["x", "z", "x", "y"]}, patient="pid")
    assert found.patients_declared
    assert (found.clusters, found.largest_patient) == (3, 2)
    assert (np.diff(found.key.astype(object)) >= 0).all()
    assert np.array_equal(found.cluster, np.unique(found.key, return_inverse=True)[1])


@pytest.mark.parametrize(
    "ids",
    [
        [1, 2, 1, 30],
        [1.0, 2.0, 1.0, 30.0],
        ["1", "2", " 1", "30"],
        ["1.0", "2", "1", "30.0"],
        [Decimal("1.00"), Decimal("2"), Decimal("1"), Decimal("30")],
        pa.array([1, 2, 1, 30], pa.uint8()),
        pa.array(["1", "2", "1", "30"]).dictionary_encode(),
        pa.array([1, 2, 1, 30]).dictionary_encode(),
    ],
)
def test_ids_hash_alike_whatever_their_type(ids: Any) -> None:
    expected = cohort(data={"pid": [1, 2, 1, 30]}, patient="pid").key
    assert np.array_equal(cohort(data={"pid": ids}, patient="pid").key, expected)


def test_leading_zeros_tell_patients_apart() -> None:
    assert cohort(data={"pid": ["007", "7", "07", "7"]}, patient="pid").clusters == 3


@pytest.mark.parametrize("gap", [[None, "a", "a", None], ["", "a", "a", "NaN"]])
def test_rows_without_patient_are_patients_of_their_own(gap: list[Any]) -> None:
    found = cohort(data={"pid": gap}, patient="pid")
    assert (found.clusters, found.largest_patient) == (3, 2)
    assert warning("patient_id_missing", found).message == (
        "'pid' is missing on 2 of 4 rows (50 %); each counts as a patient of its own."
    )
    by_unit = cohort(data={"pid": gap, "u": list("abcd")}, patient="pid", unit="u")
    assert by_unit.clusters == 3
    assert not set(by_unit.key) <= set(found.key)


def test_rows_without_patient_keep_their_key_when_others_are_added() -> None:
    few = cohort(data={"pid": [None, "a", "a", "b"], "u": list("abcd")}, patient="pid", unit="u")
    data = {"y": [0, 1], "p": [0.1, 0.9], "pid": [None, None], "u": ["a", "z"]}
    more = cohort(data=data, patient="pid", unit="u")
    assert len(set(few.key) & set(more.key)) == 1


def test_repeated_rows_without_ids_are_rows_of_their_own() -> None:
    n = 1000
    found = cohort(data={"y": [0, 1] * (n // 2), "p": [0.5] * n})
    assert found.clusters == n
    expected = np.sort(splitmix64(np.arange(n, dtype=np.uint64)))
    assert np.array_equal(found.key, expected)


def test_splitmix64_reference_values() -> None:
    # the first outputs of the reference generator (prng.di.unimi.it/splitmix64.c) from state 0
    golden = np.uint64(0x9E3779B97F4A7C15)
    states = np.arange(3, dtype=np.uint64) * golden
    assert [hex(v) for v in splitmix64(states).tolist()] == [
        "0xe220a8397b1dcdaf", "0x6e789e6aa1b965f4", "0x6c45d188009454f",
    ]  # fmt: skip


def test_patients_at_several_sites() -> None:
    data = {"pid": ["a", "a", "b", "b"], "site": ["X", "Y", "X", None]}
    found = cohort(data=data, patient="pid", site="site")
    assert found.patients_at_several_sites == 1
    message = "1 of 2 patients have rows at more than one site, so the sites are not independent."
    assert warning("patient_at_several_sites", found).message == message


# --- attributes --------------------------------------------------------------------------------


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


# --- problems ----------------------------------------------------------------------------------


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
    piled = cohort(data={"p": [0.5, 0.9, 0.2, 0.4]})
    assert warning("score_looks_rescaled", piled).message == (
        "'p' may be rescaled, not a probability: it is exactly 0.5 on 1 of 4 rows (25 %)."
    )
    drifted = cohort(data={"p": [0.9, 0.95, 0.9, 0.85]})
    assert warning("score_looks_rescaled", drifted).message == (
        "'p' may be rescaled, not a probability: its mean is 0.90 where the prevalence is 0.50."
    )
    assert not cohort().warnings
    assert not cohort(data={"p": [0.5] * 4}, score_kind="rank").warnings


# --- the same rows give the same cohort ----------------------------------------------------------


def same(one: Cohort, other: Cohort) -> None:
    for name in ("label", "score", "flagged", "probability", "key", "cluster"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.warnings == other.warnings
    assert one.covariates == other.covariates
    assert one.largest_patient == other.largest_patient
    assert one.patients_at_several_sites == other.patients_at_several_sites
    for a, b in zip(one.dimensions, other.dimensions, strict=True):
        assert (a.name, a.levels, a.reference, a.missing) == (
            b.name, b.levels, b.reference, b.missing,
        )  # fmt: skip
        np.testing.assert_array_equal(a.codes, b.codes)


ROWS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 1, None]),
        st.sampled_from([0.0, -0.0, 0.25, 0.5, 0.75, None]),
        st.sampled_from(["F", "M", None]),
        st.sampled_from([1, 2, 10, None]),
        st.sampled_from([1, 2, 3, None]),
    ),
    min_size=1,
    max_size=30,
)
TYPES = (pa.int64(), pa.float64(), pa.string(), pa.int64(), pa.int64())
NAMES = ("y", "p", "sex", "site", "pid")


def arrow(rows: list[tuple[Any, ...]], names: tuple[str, ...] = NAMES) -> pa.Table:
    columns = dict(zip(NAMES, zip(*rows, strict=True), strict=True))
    kinds = dict(zip(NAMES, TYPES, strict=True))
    return pa.table({name: pa.array(columns[name], kinds[name]) for name in names})


@pytest.mark.parametrize("ids", [{"patient": "pid"}, {}])
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=ROWS, data=st.data())
def test_row_order_column_order_and_files_do_not_matter(
    tmp_path: Path, ids: dict[str, str], rows: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    rows = [*rows, (0, 0.125, "F", 1, 1), (1, 0.625, "M", 2, 2)]
    declared = plan({"sex": {}}, site="site", covariates=["pid"], **ids)
    whole = tmp_path / "whole.parquet"
    parquet.write_table(arrow(rows), whole)
    one = build_cohort(read_files([whole], needed_columns(declared)), declared)

    shuffled = data.draw(st.permutations(rows))
    cut = data.draw(st.integers(1, len(rows) - 1))
    parts = [tmp_path / "part-1.parquet", tmp_path / "part-2.parquet"]
    parquet.write_table(arrow(shuffled[:cut]), parts[0])
    parquet.write_table(arrow(shuffled[cut:], NAMES[::-1]), parts[1])
    split = build_cohort(read_files(parts, needed_columns(declared)), declared)
    same(one, split)


def test_csv_and_parquet_of_the_same_rows_give_the_same_cohort(tmp_path: Path) -> None:
    rows = [
        (1, 0.1, "F", 1, 1),
        (0, 0.25, None, 2, None),
        (1, None, "M", None, 3),
        (0, 1.0, "F", 1, 1),
    ]
    parquet.write_table(arrow(rows), tmp_path / "a.parquet")
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
    (tmp_path / "a.csv").write_text("\n".join([",".join(NAMES), *lines]))
    # as pandas writes whole numbers with gaps
    floats = ["1,0.1,F,1.0,1.0", "0,0.25,,2.0,", "1,,M,,3.0", "0,1.0,F,1.0,1.0"]
    (tmp_path / "b.csv").write_text("\n".join([",".join(NAMES), *floats]))
    declared = plan({"sex": {}}, patient="pid", site="site")
    cohorts = [
        build_cohort(read_files([tmp_path / name], needed_columns(declared)), declared)
        for name in ("a.parquet", "a.csv", "b.csv")
    ]
    same(cohorts[0], cohorts[1])
    same(cohorts[0], cohorts[2])
