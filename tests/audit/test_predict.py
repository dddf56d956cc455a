import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from numpy.typing import NDArray

from audit import batches
from audit.models import Batch, ModelDescription
from audit.plan import ScoreKind
from audit.prediction import PredictionRun, predict_table
from audit.problems import InputError

Scores = NDArray[np.float64]


class Fake:
    """A model made of a function of its inputs."""

    score_kind: ScoreKind = "probability"

    def __init__(self, function: Callable[[pd.DataFrame], Any], *inputs: str) -> None:
        self.function = function
        self.inputs = inputs or ("x",)
        self.calls: list[int] = []

    def describe(self) -> ModelDescription:
        return ModelDescription("fake", "fake", "", 0, self.inputs, ("0", "1"), "1", None)

    def predict(self, batch: Batch) -> Scores:
        self.calls.append(len(batch))
        return np.asarray(self.function(batch.table[list(self.inputs)]), dtype=np.float64)


def sigmoid(frame: pd.DataFrame) -> Scores:
    return np.asarray(1 / (1 + np.exp(-frame["x"].to_numpy(dtype=float))))


def strict(frame: pd.DataFrame) -> Scores:
    if frame["x"].isna().any():
        raise ValueError("Input X contains NaN.\nmore")
    if (frame["x"] > 900).any():
        raise ValueError(f"Found unknown categories ['{frame['x'].max()}'] in column 0")
    return sigmoid(frame)


def run(
    folder: Path, text: str, model: Fake | None = None, **options: Any
) -> tuple[PredictionRun, pd.DataFrame]:
    (folder / "in.csv").write_text(text)
    result = predict_table(
        model or Fake(sigmoid), folder / "in.csv", folder / "out.parquet", **options
    )
    return result, pd.read_parquet(folder / "out.parquet")


def refused(folder: Path, source: Path, model: Fake | None = None, name: str = "p") -> InputError:
    before = sorted(folder.iterdir())
    with pytest.raises(InputError) as caught:
        predict_table(model or Fake(sigmoid), source, folder / "out.parquet", name)
    assert sorted(folder.iterdir()) == before
    assert all("\n" not in str(problem) for problem in caught.value.problems)
    return caught.value


def test_every_column_and_the_order_are_kept(tmp_path: Path) -> None:
    text = "code,x,note,flag,y\n007,1,a,TRUE,1\n012,-1.5,,FALSE,0\n003,0,NA,true,1\n"
    result, table = run(tmp_path, text, score_name="risk")
    assert list(table.columns) == ["code", "x", "note", "flag", "y", "risk"]
    assert table["code"].tolist() == ["007", "012", "003"]
    assert table["flag"].tolist() == [True, False, True]
    assert table["y"].tolist() == [1, 0, 1]
    assert table["note"].isna().tolist() == [False, True, True]
    np.testing.assert_array_equal(table["risk"], sigmoid(table))
    assert (result.rows, result.predicted, result.unpredicted) == (3, 3, ())
    assert str(result) == "3 of 3 rows have a score in column 'risk'"


def test_rows_without_a_score_are_kept_and_counted_by_reason(tmp_path: Path) -> None:
    values = [1.0, None, 2.0, 950.0, 3.0, None, 960.0, float("inf")] * 10
    lines = ["" if v is None else str(v) for v in values]
    model = Fake(lambda f: np.where(np.isinf(f["x"]), np.nan, strict(f.clip(upper=999))))
    text = "".join(f"{value},{i}\n" for i, value in enumerate(lines))
    result, table = run(tmp_path, "x,id\n" + text, model)
    assert table["id"].tolist() == list(range(80))
    expected = [v is not None and v < 900 for v in values]
    assert table["p"].notna().tolist() == expected
    assert (result.rows, result.predicted) == (80, 30)
    assert dict(result.unpredicted) == {
        "ValueError: Found unknown categories ... in column 0": 30,
        "ValueError: Input X contains NaN": 20,
    }
    assert "20 rows without a score: ValueError: Input X contains NaN" in str(result)


def test_a_score_that_is_not_finite_is_no_score(tmp_path: Path) -> None:
    model = Fake(lambda f: np.where(f["x"] > 1, np.inf, 0.5))
    result, table = run(tmp_path, "x\n1\n2\n", model)
    assert table["p"].tolist()[0] == 0.5
    assert table["p"].isna().tolist() == [False, True]
    assert result.unpredicted == (("the model's score is not a finite number", 1),)


def test_a_model_that_scores_nothing_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("x\n950\n960\n")
    error = refused(tmp_path, tmp_path / "in.csv", Fake(strict))
    assert [p.code for p in error.problems] == ["no_scores"]
    assert "unknown categories" in str(error)


def test_a_model_that_changes_its_mind_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    (tmp_path / "in.csv").write_text("x\n1\n2\n")
    error = refused(tmp_path, tmp_path / "in.csv", Fake(lambda f: rng.random(len(f))))
    assert [p.code for p in error.problems] == ["not_repeatable"]


def test_every_missing_input_is_named_with_the_nearest_column(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("x,wieght,z\n1,2,3\n")
    error = refused(tmp_path, tmp_path / "in.csv", Fake(sigmoid, "x", "weight", "height"))
    assert [p.code for p in error.problems] == ["missing_feature", "missing_feature"]
    assert "did you mean 'wieght'?" in error.problems[0].remedy
    assert "in.csv" in error.problems[0].where


def test_a_taken_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("x,p\n1,2\n")
    error = refused(tmp_path, tmp_path / "in.csv")
    assert [p.code for p in error.problems] == ["column_exists"]


def test_batches_do_not_change_the_result_and_progress_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(2)
    words = np.array(["a", "b", None])[rng.integers(0, 3, 1000)]
    table = pd.DataFrame({"x": rng.normal(size=1000), "s": words, "i": range(1000)})
    table.to_parquet(tmp_path / "in.parquet", row_group_size=300)
    table.to_csv(tmp_path / "in.csv", index=False)
    monkeypatch.setattr(batches, "BATCH_ROWS", 64)
    told: list[tuple[int, int]] = []
    model = Fake(sigmoid)
    for name in ("in.parquet", "in.csv"):
        told.clear()
        predict_table(
            model,
            tmp_path / name,
            tmp_path / "out.parquet",
            progress=lambda done, total: told.append((done, total)),
        )
        out = pd.read_parquet(tmp_path / "out.parquet")
        np.testing.assert_allclose(out["p"], sigmoid(table), rtol=1e-15)
        pd.testing.assert_frame_equal(out.drop(columns="p"), table, check_dtype=False)
        assert told[-1] == (1000, 1000)
        assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert max(model.calls) == 64


def test_types_hold_for_the_whole_column_not_for_its_first_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BLOCK", 200)
    rows = [f"{i},{i}" for i in range(300)] + ["0.5,late"]
    _, table = run(tmp_path, "x,word\n" + "\n".join(rows) + "\n")
    assert len(table) == 301
    assert table["x"].iloc[-1] == 0.5
    assert table["word"].tolist()[0] == "0"
    assert table["word"].tolist()[-1] == "late"


def test_missing_values_reach_the_model_as_pandas_would_give_them(tmp_path: Path) -> None:
    seen: list[pd.DataFrame] = []

    def look(frame: pd.DataFrame) -> Scores:
        seen.append(frame)
        return np.full(len(frame), 0.5)

    text = "a,b,c,d\n1,TRUE,u,\n,,,\n3,FALSE,w,\n"
    run(tmp_path, text, Fake(look, "a", "b", "c", "d"))
    expected = pd.read_csv(tmp_path / "in.csv")
    pd.testing.assert_frame_equal(seen[0], expected)


def test_dictionaries_and_decimals_are_read(tmp_path: Path) -> None:
    table = pa.table(
        {
            "x": pa.array([Decimal(1), Decimal(2), None], pa.decimal128(20, 2)),
            "s": pa.array(["a", None, "b"]).dictionary_encode(),
        }
    )
    parquet.write_table(table, tmp_path / "in.parquet")
    seen: list[pd.DataFrame] = []

    def look(frame: pd.DataFrame) -> Scores:
        seen.append(frame)
        return np.full(len(frame), 0.5)

    predict_table(Fake(look, "x", "s"), tmp_path / "in.parquet", tmp_path / "o" / "out.parquet")
    assert seen[0]["x"].tolist()[:2] == [1.0, 2.0]
    assert seen[0]["s"].tolist()[::2] == ["a", "b"]
    out = parquet.read_table(tmp_path / "o" / "out.parquet")
    assert out.schema.field("x").type == pa.decimal128(20, 2)


def test_a_gzipped_tab_separated_table_is_read(tmp_path: Path) -> None:
    (tmp_path / "in.tsv.gz").write_bytes(gzip.compress(b"x\tw\n1\ta,b\n"))
    predict_table(Fake(sigmoid), tmp_path / "in.tsv.gz", tmp_path / "out.parquet")
    assert pd.read_parquet(tmp_path / "out.parquet")["w"].tolist() == ["a,b"]


def test_the_result_can_take_the_place_of_its_source(tmp_path: Path) -> None:
    pd.DataFrame({"x": [0.0, 1.0]}).to_parquet(tmp_path / "t.parquet")
    predict_table(Fake(sigmoid), tmp_path / "t.parquet", tmp_path / "t.parquet")
    assert list(pd.read_parquet(tmp_path / "t.parquet").columns) == ["x", "p"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("none.csv", None, "missing_file"),
        ("none.parquet", None, "missing_file"),
        ("a.xlsx", b"x", "unknown_suffix"),
        ("a.csv", b"", "empty_file"),
        ("a.parquet", b"PAR1 and then nothing", "corrupt"),
        ("a.csv", b"x,y\n", "no_rows"),
        ("a.csv", b"x,x\n1,2\n", "repeated_column"),
        ("a.csv", b"x,y\n1\n", "ragged_row"),
        ("a.csv", "x,y\n1,ü\n".encode("latin-1"), "encoding"),
        ("a.csv", b"x;y\n1;2\n", "separator"),
    ],
)
def test_bad_tables_are_bad_input(
    tmp_path: Path, name: str, content: bytes | None, code: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    error = refused(tmp_path, tmp_path / name)
    assert [problem.code for problem in error.problems] == [code]
    assert name in str(error)


def test_damage_in_the_middle_of_a_parquet_file_is_bad_input(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    pd.DataFrame({"x": rng.normal(size=20_000)}).to_parquet(tmp_path / "a.parquet")
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    data[4:4000] = bytes(3996)
    (tmp_path / "a.parquet").write_bytes(data)
    error = refused(tmp_path, tmp_path / "a.parquet")
    assert [problem.code for problem in error.problems] == ["corrupt"]


def test_an_unwritable_place_is_told_before_any_prediction(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("x\n1\n")
    model = Fake(sigmoid)
    with pytest.raises(InputError) as caught:
        predict_table(model, tmp_path / "in.csv", tmp_path / "in.csv" / "out.parquet")
    assert [problem.code for problem in caught.value.problems] == ["unwritable"]
    assert model.calls == []


class ThreeClasses(Fake):
    """A model that scores three classes."""

    def describe(self) -> ModelDescription:
        return ModelDescription("fake", "fake", "", 0, self.inputs, ("a", "b", "c"), None, None)


def test_every_class_gets_a_column(tmp_path: Path) -> None:
    def shares(frame: pd.DataFrame) -> Scores:
        x = frame["x"].to_numpy(dtype=float)
        scores = np.stack([x, 2 * x, 1 - 3 * x], axis=1)
        scores[x == 0.3, 1] = np.nan
        return scores

    result, table = run(tmp_path, "x\n0.1\n0.2\n0.3\n", ThreeClasses(shares))
    assert result.score_names == ("p_a", "p_b", "p_c")
    assert table.columns.to_list() == ["x", "p_a", "p_b", "p_c"]
    np.testing.assert_allclose(table["p_b"], [0.2, 0.4, np.nan])
    assert table["p_a"].isna().to_list() == [False, False, True]  # a row has all scores or none
    assert "scores in columns 'p_a' and 'p_b' and 'p_c'" in str(result)


def test_a_class_column_that_is_there_already_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is a column 'p_b' already"):
        run(tmp_path, "x,p_b\n1,2\n", ThreeClasses(lambda f: np.zeros((len(f), 3))))


def test_the_file_says_which_model_made_its_scores(tmp_path: Path) -> None:
    run(tmp_path, "x\n1\n2\n")
    metadata = parquet.read_metadata(tmp_path / "out.parquet").metadata
    known = json.loads(metadata[b"equipoise.model"])
    assert (known["name"], known["deterministic"], known["largest_difference"]) == ("fake", True, 0)


def test_rounding_between_two_runs_is_told_and_more_is_refused(tmp_path: Path) -> None:
    moved = iter([0.0, 1e-7, 0.0, 1e-3])

    def drifting(frame: pd.DataFrame) -> Scores:
        return sigmoid(frame) + next(moved)

    result, _ = run(tmp_path, "x\n1\n2\n", Fake(drifting))
    assert result.model.deterministic is False
    assert result.model.largest_difference == pytest.approx(1e-7)
    with pytest.raises(InputError, match="2 of 2 rows another score"):
        run(tmp_path, "x\n1\n2\n", Fake(drifting))
