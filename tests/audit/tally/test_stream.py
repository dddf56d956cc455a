"""Tallies of files, batch by batch: the same bytes as of the cohort, and the same refusals."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.feather as feather
import pytest

from audit.problems import InputError, Problem
from audit.tally import batches, stream, tally_of
from audit.tally.bins import bins_for
from audit.tally.file import tally_text
from audit.tally.stream import tally_files
from tests.audit.builders import Columns, cohort_of, plan_of, random_columns, take, write

PATIENTS = """
columns: {label: y, score: p, patient: pid, unit: uid, site: site}
threshold: {value: 0.4}
attributes: {race: , sex: {reference: M}, age: {band: [40, 65], levels: ["[40,65)"]}}
depth: 2
"""
ROWS = PATIENTS.replace("patient: pid, ", "")


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 37)
    monkeypatch.setattr(batches, "BLOCK", 2000)
    monkeypatch.setattr(stream, "SHARE_BYTES", 4000)
    monkeypatch.setattr(stream, "MERGED_AT_ONCE", 3)


def gappy(seed: int, rows: int = 300) -> Columns:
    columns = random_columns(seed, rows, patients=110, decimals=None)
    rng = np.random.default_rng(seed)
    out = {name: [v.item() for v in values] for name, values in columns.items()}
    for name in ("y", "p", "sex", "pid", "age"):
        for i in np.flatnonzero(rng.random(rows) < 0.05):
            out[name][i] = None
    return {name: np.array(values, dtype=object) for name, values in out.items()}


def as_file(columns: Columns, folder: Path, kind: str) -> Path:
    path = folder / f"predictions.{kind}"
    if kind == "parquet":
        return write(columns, path)
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    if kind == "feather":
        feather.write_feather(table, path, chunksize=50)
    elif kind == "csv.gz":
        plain = folder / "plain.txt"
        arrow_csv.write_csv(table, plain)
        path.write_bytes(gzip.compress(plain.read_bytes()))
    else:
        arrow_csv.write_csv(table, path)
    return path


@pytest.mark.parametrize("kind", ["parquet", "feather", "csv", "csv.gz"])
@pytest.mark.parametrize("text", [PATIENTS, ROWS])
def test_a_file_gives_the_bytes_of_its_cohort(tmp_path: Path, kind: str, text: str) -> None:
    plan, columns = plan_of(text), gappy(1)
    path = as_file(columns, tmp_path, kind)
    found = tally_files([path], plan, bins_for(plan))
    assert tally_text(found) == tally_text(tally_of(cohort_of(plan, columns), plan))


def test_several_files_and_folders_are_one_cohort(tmp_path: Path) -> None:
    plan, columns = plan_of(PATIENTS), gappy(2)
    (tmp_path / "shards").mkdir()
    for k in range(3):
        write(take(columns, np.arange(300) % 3 == k), tmp_path / "shards" / f"{k}.parquet")
    found = tally_files([tmp_path / "shards"], plan, bins_for(plan))
    assert tally_text(found) == tally_text(tally_of(cohort_of(plan, columns), plan))


@pytest.mark.parametrize("kind", ["logit", "rank", "decision"])
def test_other_kinds_of_score(tmp_path: Path, kind: str) -> None:
    columns = random_columns(4, 200, patients=80, decimals=None)
    columns["s"] = np.log(columns["p"] / (1 - columns["p"]))
    columns["d"] = columns["p"] > 0.5
    role = "prediction: d" if kind == "decision" else "score: s"
    declared = "" if kind == "decision" else f"score_kind: {kind}\nthreshold: {{value: -0.3}}\n"
    plan = plan_of(f"columns: {{label: y, {role}, patient: pid}}\n{declared}attributes: {{sex: }}")
    bins = bins_for(plan, edges=[-1.0, 0.0, 1.5] if kind == "rank" else [])
    found = tally_files([write(columns, tmp_path / "a.parquet")], plan, bins)
    assert tally_text(found) == tally_text(tally_of(cohort_of(plan, columns), plan, bins))


def test_a_positive_value_that_only_some_batches_have(tmp_path: Path) -> None:
    columns = random_columns(5, 300, decimals=None)
    columns["y"] = np.where(np.arange(300) < 20, "ill", "well")
    plan = plan_of("columns: {label: y, score: p}\npositive: ill")
    found = tally_files([write(columns, tmp_path / "a.parquet")], plan, bins_for(plan))
    assert found.totals.whole[0, :2].tolist() == [20, 280]


def test_whole_numbers_read_alike_in_every_batch(tmp_path: Path) -> None:
    columns = random_columns(5, 200, decimals=None)
    columns["sex"] = np.where(np.arange(200) < 100, "1.0", np.where(np.arange(200) < 190, "1", "x"))
    plan = plan_of("columns: {label: y, score: p}\nattributes: {sex: }")
    found = tally_files([as_file(columns, tmp_path, "csv")], plan, bins_for(plan))
    assert [s.name for s in found.strata] == ["overall", "sex=1", "sex=x"]
    assert found.rows.tolist() == [200, 190, 10]


def refused(columns: Columns, folder: Path, text: str = PATIENTS, kind: str = "csv") -> Problem:
    plan = plan_of(text)
    with pytest.raises(InputError) as raised:
        tally_files([as_file(columns, folder, kind)], plan, bins_for(plan))
    (problem,) = raised.value.problems
    return problem


def changed(name: str, value: Any, *rows: int) -> Columns:
    columns = random_columns(6, 200, patients=80, decimals=None)
    values = columns[name].astype(object)
    values[list(rows)] = value
    return {**columns, name: values}


def test_cells_that_cannot_be_read_are_named_by_their_row(tmp_path: Path) -> None:
    score = refused(changed("p", 1.5, 150), tmp_path, kind="parquet")
    assert (score.code, score.where) == (
        "score_not_probability",
        "predictions.parquet: row 151, column 'p'",
    )
    label = refused(changed("y", 7, 120), tmp_path, kind="parquet")
    assert (label.code, label.where) == (
        "label_not_binary",
        "predictions.parquet: row 121, column 'y'",
    )


def test_units_that_occur_twice_in_different_batches(tmp_path: Path) -> None:
    problem = refused(changed("uid", "u00003", 190), tmp_path)
    assert problem.code == "duplicate_unit"
    assert problem.reason == "the unit id of row 4 is used again in row 191"
    assert "u00003" not in str(problem)


def test_a_positive_value_that_never_occurs(tmp_path: Path) -> None:
    columns = random_columns(5, 200, decimals=None)
    columns["y"] = np.where(columns["y"] == 1, "ill", "well")
    problem = refused(columns, tmp_path, "columns: {label: y, score: p}\npositive: il")
    assert problem.code == "unknown_positive"
    assert "did you mean 'ill'?" in problem.remedy


def test_numeric_grades_are_not_two_outcomes(tmp_path: Path) -> None:
    columns = random_columns(5, 200, decimals=None)
    columns["y"] = np.arange(200) // 70
    problem = refused(columns, tmp_path, "columns: {label: y, score: p}\npositive: 2")
    assert problem.code == "label_not_binary"


def test_an_attribute_with_too_many_levels_over_all_batches(tmp_path: Path) -> None:
    text = "columns: {label: y, score: p}\nattributes: {uid: }\nmax_levels: 100"
    problem = refused(random_columns(5, 200, decimals=None), tmp_path, text)
    assert problem.code == "too_many_levels"


def test_columns_that_are_absent_are_all_told(tmp_path: Path) -> None:
    plan = plan_of("columns: {label: y, score: q}\nattributes: {sexx: }")
    path = write(random_columns(5, 20), tmp_path / "a.parquet")
    with pytest.raises(InputError) as raised:
        tally_files([path], plan, bins_for(plan))
    assert [p.code for p in raised.value.problems] == ["unknown_column", "unknown_column"]
    assert "did you mean 'sex'?" in str(raised.value)


def test_nothing_to_assess(tmp_path: Path) -> None:
    columns = changed("y", None, *range(200))
    assert refused(columns, tmp_path, kind="parquet").code == "nothing_to_assess"
    empty = take(columns, slice(0, 0))
    assert refused(empty, tmp_path, kind="parquet").code == "no_rows"


def test_ragged_text_names_the_row_and_quotes_nothing(tmp_path: Path) -> None:
    path = as_file(random_columns(6, 200, patients=80), tmp_path, "csv")
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[150] += ",more"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    plan = plan_of(PATIENTS)
    with pytest.raises(InputError) as raised:
        tally_files([path], plan, bins_for(plan))
    assert "line 151" in str(raised.value)
    assert "u00149" not in str(raised.value)


def test_a_truncated_file(tmp_path: Path) -> None:
    path = write(random_columns(6, 2000, patients=80), tmp_path / "a.parquet")
    path.write_bytes(path.read_bytes()[:-40])
    plan = plan_of(PATIENTS)
    with pytest.raises(InputError, match="Parquet"):
        tally_files([path], plan, bins_for(plan))
