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

from audit.cohort import Cohort, build_cohort, needed_columns
from audit.sources.files import read_files
from audit.stats.mixing import splitmix64
from audit.stratum_names import MISSING
from tests.audit.cohorts import cohort, plan, warning


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
