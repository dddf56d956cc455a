import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as parquet
import pytest

from audit.problems import InputError, Problem
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


def problems(*paths: Path, needed: dict[str, str] | None = None) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as raised:
        read_files(paths, needed or NEEDED)
    return raised.value.problems


def only(*paths: Path, needed: dict[str, str] | None = None) -> Problem:
    found = problems(*paths, needed=needed)
    assert len(found) == 1, found
    return found[0]


def column(source: Source, name: str) -> list[Any]:
    values: list[Any] = source.table.column(name).to_pylist()
    return values


def table(**columns: Any) -> pa.Table:
    return pa.table(columns)


def test_missing_file(tmp_path: Path) -> None:
    for name in ("a.csv", "a"):
        found = only(tmp_path / name)
        assert (found.code, found.where) == ("missing_file", str(tmp_path / name))


def test_no_file_at_all() -> None:
    assert only().code == "no_files"


def test_unknown_suffix(write: Write) -> None:
    path = write("a.xlsx", "x")
    found = only(path)
    assert (found.code, found.where) == ("unknown_suffix", str(path))
    assert found.reason == "'.xlsx' is not a known kind of file"


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.feather"])
def test_empty_file(write: Write, name: str) -> None:
    found = only(write(name, b""))
    assert (found.code, found.where) == ("empty_file", name)


@pytest.mark.parametrize("content", [b"\n\n", b"\xef\xbb\xbf\n"])
def test_csv_without_text_is_empty(write: Write, content: bytes) -> None:
    assert only(write("a.csv", content)).code == "empty_file"


@pytest.mark.parametrize("content", ["y,p", "y,p\n", "y,p\n\n"])
def test_header_only(write: Write, content: str) -> None:
    found = only(write("a.csv", content))
    assert (found.code, found.where) == ("no_rows", "a.csv")


def test_one_file_without_rows_among_others_is_no_problem(write: Write) -> None:
    source = read_files([write("a.csv", "y,p\n"), write("b.csv", "y,p\n1,0.5\n")], NEEDED)
    assert source.origin(0) == "b.csv: line 2"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_is_refused(write: Write, encoding: str) -> None:
    found = only(write("a.csv", "y,p\n1,0.5\n".encode(encoding)))
    assert found.code == "encoding"
    assert found.where.startswith("a.csv: byte ")
    assert found.remedy == "save it as UTF-8"


@pytest.mark.parametrize("before", [0, 200_000])
def test_latin1_is_refused_with_its_line(write: Write, before: int) -> None:
    text = "y,p,name\n" + "1,0.5,Ann\n" * before + "1,0.5,Zoé\n"
    found = only(write("a.csv", text.encode("latin-1")))
    assert (found.code, found.where) == ("encoding", f"a.csv: line {before + 2}")
    assert found.reason == f"byte {17 + 10 * before} (0xE9) is not UTF-8; Latin-1, perhaps"


def test_utf8_that_straddles_a_chunk_is_accepted(write: Write) -> None:
    text = "y,p,name\n1,0.5," + "é" * 700_000 + "\n"
    assert len(read_files([write("a.csv", text)], NEEDED).table) == 1


def test_unknown_column_suggests_the_nearest(write: Write) -> None:
    found = only(write("a.csv", "y,p,Sex\n1,0.5,F\n"), needed={**NEEDED, "sex": "attribute 'sex'"})
    assert (found.code, found.where) == ("unknown_column", "a.csv")
    assert found.reason == "there is no column 'sex' (attribute 'sex')"
    assert found.remedy == "did you mean 'Sex'?"


def test_a_column_unknown_to_all_files_is_one_problem(write: Write) -> None:
    paths = [write(f"{i}.csv", "y,q\n1,0.5\n") for i in range(3)]
    found = only(*paths)
    assert (found.code, found.where) == ("unknown_column", "0.csv and 2 more files")


def test_repeated_column(write: Write) -> None:
    found = only(write("a.csv", "y,p,p\n1,0.5,0.6\n"))
    assert (found.code, found.where) == ("repeated_column", "a.csv")
    assert found.reason == "column 'p' is there twice"


def test_ragged_rows_are_named_by_line(write: Write) -> None:
    found = only(write("a.csv", "y,p\n1,0.5\n1\n0,0.1\n0,1,2\n1\n1\n"))
    assert (found.code, found.where) == ("ragged_row", "a.csv: line 3")
    assert found.reason == (
        "the row has 1 field where the header has 2 (4 such rows, first at lines 3, 5, 6)"
    )


def test_ragged_row_far_down_is_named_by_line(write: Write) -> None:
    text = "y,p,note\n" + ("1,0.5," + "x" * 90 + "\n") * 200_000 + "1,0.5\n"
    assert only(write("a.csv", text)).where == "a.csv: line 200002"


def test_unclosed_quote_is_refused_where_it_opens(write: Write) -> None:
    found = only(write("a.csv", 'y,p,site\n1,0.5,A\n0,0.1,"B\n1,0.9,C\n'))
    assert (found.code, found.where) == ("unclosed_quote", "a.csv: line 3")


def test_a_quote_inside_a_field_is_text(write: Write) -> None:
    source = read_files([write("a.csv", 'y,p,note\n1,0.5,5" screen\n0,0.1,x\n')], NEEDED)
    assert column(source, "p") == ["0.5", "0.1"]


@pytest.mark.parametrize(("separator", "called"), [(";", "semicolons"), ("\t", "tabs")])
def test_other_separator(write: Write, separator: str, called: str) -> None:
    found = only(write("a.csv", f"y{separator}p\n1{separator}0.5\n"))
    assert (found.code, found.reason) == ("separator", f"the columns are separated by {called}")


@pytest.mark.parametrize("name", ["a.parquet", "a.feather"])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.98])
def test_truncated_file(tmp_path: Path, name: str, share: float) -> None:
    path = tmp_path / name
    data = table(y=[0, 1] * 500, p=np.linspace(0, 1, 1000))
    (feather.write_feather if "feather" in name else parquet.write_table)(data, path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    found = only(path)
    assert (found.code, found.where) == ("corrupt", name)


def test_damaged_parquet_page(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(table(y=[0, 1] * 500, p=np.linspace(0, 1, 1000)), path)
    content = bytearray(path.read_bytes())
    content[4:400] = b"\xff" * 396
    path.write_bytes(content)
    assert only(path).code == "corrupt"


@pytest.mark.parametrize("name", ["a.parquet", "a.feather"])
def test_text_that_is_not_utf8(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    data = table(y=["Zoé", "Ann"], p=[0.1, 0.2])
    if "feather" in name:
        feather.write_feather(data, path, compression="uncompressed")
    else:
        parquet.write_table(data, path, compression="none")
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xe9\xe9"))
    assert only(path).code == "corrupt"


def test_broken_gzip(write: Write) -> None:
    whole = gzip.compress(b"y,p\n1,0.5\n")
    assert only(write("a.csv.gz", whole[:-9])).code == "corrupt"
    assert only(write("b.csv.gz", b"y,p\n1,0.5\n")).code == "corrupt"


def test_lists_are_not_single_values(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(table(y=[[0], [1]], p=[0.1, 0.2]), path)
    found = only(path)
    assert (found.code, found.where) == ("unsupported_type", "a.parquet: column 'y'")


def test_files_with_other_columns(write: Write) -> None:
    first = write("a.csv", "y,p,age\n1,0.5,40\n")
    second = write("b.csv", "y,p,site\n1,0.5,A\n")
    found = only(first, second)
    assert (found.code, found.where) == ("different_columns", "b.csv")
    assert found.reason == "compared with a.csv it lacks 'age' and adds 'site'"


def test_column_order_may_differ_between_files(write: Write) -> None:
    files = [write("a.csv", "y,p\n1,0.5\n"), write("b.csv", "p,y\n0.25,0\n")]
    assert column(read_files(files, NEEDED), "p") == ["0.5", "0.25"]


def test_directory_problems(tmp_path: Path) -> None:
    found = only(tmp_path)
    assert (found.code, found.where) == ("empty_directory", str(tmp_path))
    (tmp_path / "a.csv").write_text("y,p\n1,0.5\n")
    parquet.write_table(table(y=[1], p=[0.5]), tmp_path / "b.parquet")
    found = only(tmp_path)
    assert (found.code, found.where) == ("mixed_kinds", str(tmp_path))
    assert found.reason == "the directory mixes CSV and Parquet files"


def test_a_file_given_twice(write: Write) -> None:
    path = write("a.csv", "y,p\n1,0.5\n")
    assert only(path, path).code == "repeated_file"


def test_permission_denied(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("a.csv", "y,p\n1,0.5\n")

    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    found = only(path)
    assert (found.code, found.where) == ("unreadable", str(path))
    assert found.reason == "the file cannot be read (Permission denied)"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_permission_denied_by_the_system(write: Write) -> None:
    path = write("a.csv", "y,p\n1,0.5\n")
    path.chmod(0)
    assert only(path).code == "unreadable"


def test_all_problems_of_all_files_at_once(write: Write, tmp_path: Path) -> None:
    found = problems(
        write("a.csv", "y,q\n1,0.5\n"),
        write("b.csv", b""),
        write("c.txt", "x"),
        tmp_path / "d.csv",
        write("e.parquet", "not Parquet"),
        write("f.csv", "y,p\n1\n"),
        write("g.csv", "y,y,p\n1,1,0.5\n"),
    )
    assert [problem.code for problem in found] == [
        "unknown_suffix",
        "empty_file",
        "missing_file",
        "corrupt",
        "ragged_row",
        "repeated_column",
        "unknown_column",
    ]
