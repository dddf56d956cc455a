import gzip
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as parquet
import pytest

from audit.sources.files import Source, read_files

NEEDED = {"y": "label", "p": "score"}
Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write


def column(source: Source, name: str) -> list[Any]:
    values: list[Any] = source.table.column(name).to_pylist()
    return values


def table(**columns: Any) -> pa.Table:
    return pa.table(columns)


def test_csv_gives_the_needed_columns_as_text(write: Write) -> None:
    path = write("a.csv", "id,p,y,sex\n1,0.25,1,F\n2, 0.5 ,0,M\n")
    source = read_files([path], NEEDED)
    assert source.table.column_names == ["y", "p"]
    assert column(source, "y") == ["1", "0"]
    assert column(source, "p") == ["0.25", "0.5"]
    assert source.all_columns == ("id", "p", "y", "sex")
    content = path.read_bytes()
    (file,) = source.files
    assert (file.name, file.bytes, file.sha256) == (
        "a.csv",
        len(content),
        sha256(content).hexdigest(),
    )


@pytest.mark.parametrize("token", ["", "NA", "N/A", "null", "NULL", "<NA>", '""', '"NA"', " NA "])
def test_missing_tokens_are_null(write: Write, token: str) -> None:
    source = read_files([write("a.csv", f"y,p\n1,{token}\n0,0.5\n")], NEEDED)
    assert column(source, "p") == [None, "0.5"]


@pytest.mark.parametrize("token", ["NaN", "nan", "none", "-", "inf"])
def test_other_tokens_stay_text(write: Write, token: str) -> None:
    source = read_files([write("a.csv", f"y,p\n1,{token}\n0,0.5\n")], NEEDED)
    assert column(source, "p") == [token, "0.5"]


def test_csv_lines_count_from_the_header(write: Write) -> None:
    source = read_files([write("a.csv", "y,p\n1,0.1\n0,0.2\n\n\n")], NEEDED)
    assert source.origin(0) == "a.csv: line 2"
    assert source.where(1, "p") == "a.csv: line 3, column 'p'"


def test_quoted_line_breaks_do_not_shift_anything_but_lines_become_rows(write: Write) -> None:
    source = read_files([write("a.csv", 'y,note,p\n1,"a\nb",0.1\n0,"c, d",0.2\n')], NEEDED)
    assert column(source, "p") == ["0.1", "0.2"]
    assert source.origin(1) == "a.csv: row 2"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_and_byte_order_mark(write: Write, newline: str) -> None:
    text = newline.join(["y,p", "1,0.1", "0,0.2", ""])
    source = read_files([write("a.csv", b"\xef\xbb\xbf" + text.encode())], NEEDED)
    assert column(source, "y") == ["1", "0"]
    assert source.origin(1) == "a.csv: line 3"


def test_tab_separated_and_gzipped(write: Write) -> None:
    tabs = write("a.tsv", "y\tp\n1\t0.1\n")
    packed = write("b.csv.gz", gzip.compress(b"y,p\n0,0.2\n"))
    source = read_files([tabs, packed], NEEDED)
    assert column(source, "p") == ["0.1", "0.2"]
    assert [source.origin(0), source.origin(1)] == ["a.tsv: line 2", "b.csv.gz: line 2"]


@pytest.mark.parametrize("suffix", [".parquet", ".pq", ".feather", ".arrow"])
def test_columnar_files_keep_their_types_and_count_rows_from_one(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    data = table(y=[True, None], p=[0.1, 0.2], sex=["F", "M"])
    (feather.write_feather if "p" not in suffix else parquet.write_table)(data, path)
    source = read_files([path], {**NEEDED, "sex": "attribute 'sex'"})
    assert column(source, "y") == [True, None]
    assert source.table.column("sex").type == pa.dictionary(pa.int32(), pa.string())
    assert source.origin(1) == f"a{suffix}: row 2"


def test_arrow_stream_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    data = table(y=[1], p=[0.5])
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, data.schema) as writer:
        writer.write_table(data)
    assert column(read_files([path], NEEDED), "p") == [0.5]


def test_a_shard_without_values_takes_the_type_of_the_others(tmp_path: Path) -> None:
    parquet.write_table(table(y=[1], p=[0.5]), tmp_path / "a.parquet")
    parquet.write_table(table(y=pa.nulls(1), p=[0.25]), tmp_path / "b.parquet")
    source = read_files([tmp_path], NEEDED)
    assert source.table.column("y").type == pa.int64()
    assert column(source, "y") == [1, None]


def test_shards_of_different_types_become_canonical_text(tmp_path: Path) -> None:
    parquet.write_table(table(y=[1], p=[0.5]), tmp_path / "a.parquet")
    parquet.write_table(table(y=[1.0], p=[0.25]), tmp_path / "b.parquet")
    parquet.write_table(table(y=["1"], p=[0.75]), tmp_path / "c.parquet")
    source = read_files([tmp_path], NEEDED)
    assert column(source, "y") == ["1", "1", "1"]
    assert column(source, "p") == [0.5, 0.25, 0.75]


def test_directory_is_read_in_order_of_name_and_hashes_are_sorted(tmp_path: Path) -> None:
    for name, score in (("b", 0.2), ("a", 0.1)):
        (tmp_path / f"{name}.csv").write_text(f"y,p\n1,{score}\n")
    (tmp_path / "README.txt").write_text("not data")
    (tmp_path / "_metadata.csv").write_text("not data")
    source = read_files([tmp_path], NEEDED)
    assert column(source, "p") == ["0.1", "0.2"]
    assert [file.name for file in source.files] == ["a.csv", "b.csv"]
    other = read_files([tmp_path / "b.csv", tmp_path / "a.csv"], NEEDED)
    assert column(other, "p") == ["0.2", "0.1"]
    assert other.files == source.files


def test_files_of_one_name_in_two_directories_are_told_apart(tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.csv").write_text("y,p\n1,0.1\n")
    source = read_files([tmp_path / "x", tmp_path / "y"], NEEDED)
    assert source.origin(1) == f"{tmp_path / 'y' / 'a.csv'}: line 2"


def test_tail_counts_rows_and_names_the_first() -> None:
    assert Source(None, (), (), ()).tail([4]) == ""
    assert Source(None, (), (), ()).tail([4, 6]) == " (2 rows, at rows 5, 7)"
    assert Source(None, (), (), ()).tail(range(2000)) == " (2,000 rows, first at rows 1, 2, 3)"


def test_tail_names_the_files_when_rows_are_in_several(write: Write) -> None:
    files = [write("a.csv", "y,p\n1,1\n"), write("b.csv", "y,p\n1,1\n")]
    assert read_files(files, NEEDED).tail([0, 1]) == " (2 rows, at a.csv: line 2, b.csv: line 2)"


def test_without_needed_columns_only_the_names_are_read(write: Write, tmp_path: Path) -> None:
    text = write("a.csv", "y,p\n1,0.5\n1\n")
    assert read_files([text], {}).all_columns == ("y", "p")
    path = tmp_path / "a.parquet"
    parquet.write_table(table(y=[1], p=[0.5]), path)
    assert read_files([path], {}).all_columns == ("y", "p")


def test_reading_does_not_import_pandas(write: Write) -> None:
    path = write("a.csv", "y,p,sex,pid\n1,0.5,F,a\n0,0.25,,b\n")
    packed = path.with_suffix(".parquet")
    parquet.write_table(table(y=[1, None], p=[0.5, None], sex=["F", None], pid=[1, 2]), packed)
    code = """
import sys
from pathlib import Path
from audit.cohort import build_cohort, needed_columns
from audit.plan import Plan
from audit.sources.files import read_files
from audit.strata import lattice
columns = {"label": "y", "score": "p", "patient": "pid", "covariates": ["sex"]}
plan = Plan.model_validate({"columns": columns, "attributes": {"sex": None}})
for name in sys.argv[1:]:
    cohort = build_cohort(read_files([Path(name)], needed_columns(plan)), plan)
    lattice(cohort.dimensions, 1, cohort.rows)
heavy = {"pandas", "sklearn", "numba"} & set(sys.modules)
sys.exit(", ".join(heavy) or 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), str(packed)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == 0, done.stderr
