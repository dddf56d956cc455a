"""Tables of answers: written and read with nothing changed, whatever stands in a cell."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings

from audit.problems import InputError, Problem
from checklists.tables import COLUMNS, read_table, to_csv, to_xlsx
from tests.checklists.papers import ODD, TEXTS, Cells, cells_of, in_csv, in_xlsx


def problems(act: Callable[[], object]) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        act()
    return caught.value.problems


def one_row(**more: str) -> Cells:
    record = dict.fromkeys(COLUMNS, "") | {"item": "H-1", "response": "met"} | more
    return [[*COLUMNS], [*record.values()]]


def test_semicolons_and_moved_columns_are_read(tmp_path: Path) -> None:
    cells = one_row(rationale="a; b, c", chosen_options="x,y", documents="a.pdf; b.pdf")
    path = tmp_path / "in.csv"
    path.write_bytes(in_csv(cells, ";"))
    (row,) = read_table(path)
    assert (row.item, row.rationale, row.options) == ("H-1", "a; b, c", ("x", "y"))
    assert row.documents == ("a.pdf", "b.pdf")
    order = [*reversed(range(len(COLUMNS)))]
    path.write_bytes(in_csv([["", *(line[i] for i in order)] for line in cells]))
    assert read_table(path) == [row]


def test_columns_that_only_inform_may_be_deleted(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    header = ["item", "response", "chosen_options", "rationale"]
    rows = [["H-1", "met", "", "x"], ["H-2", "", "", ""], ["H-3", "met"]]
    path.write_bytes(in_csv([header, *rows]))
    first, second = read_table(path)
    assert (first.item, first.line, first.item_sha256, first.rationale) == ("H-1", 2, "", "x")
    assert (second.item, second.line, second.rationale) == ("H-3", 4, "")


# Formulas and odd text

FORMULAS = ["=1+1", "+1", "-1", "@x", "=cmd|' /C calc'!A0", "'=1", "''-1", "'", "'plain'", "-"]


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_text_that_looks_like_a_formula_is_defused_and_restored(
    text: str, kind: str, tmp_path: Path
) -> None:
    path = tmp_path / f"in.{kind}"
    cells = one_row(rationale=text)
    path.write_bytes(to_csv(cells) if kind == "csv" else to_xlsx(cells, []))
    shown = cells_of(path)
    if kind == "csv":
        assert not any(cell.startswith(("=", "+", "-", "@")) for row in shown for cell in row)
    assert read_table(path)[0].rationale == text


def test_no_cell_of_a_workbook_is_a_formula_a_link_or_a_number(tmp_path: Path) -> None:
    sheet = sheet_of(to_xlsx(one_row(rationale="=1+1", name="https://example.org", role="12"), []))
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert "<v>12<" not in sheet.replace('t="s"><v>12<', "")


@settings(max_examples=100, deadline=None)
@example("a\r\nb\rc", "x")
@example("x\ty", "=\n=")
@given(TEXTS, TEXTS)
def test_any_text_survives_a_table(rationale: str, name: str) -> None:
    with TemporaryDirectory() as folder:
        for kind in ("csv", "xlsx"):
            path = Path(folder) / f"in.{kind}"
            cells = one_row(rationale=rationale, name=name)
            path.write_bytes(to_csv(cells) if kind == "csv" else to_xlsx(cells, []))
            (row,) = read_table(path)
            assert (row.rationale, row.name) == (lines(rationale), lines(name)), kind


def lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


# What the hidden columns tell


def sheet_of(book: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return archive.read("xl/worksheets/sheet1.xml").decode()


def test_hashes_are_hidden_and_responses_offered_in_a_workbook() -> None:
    sheet = sheet_of(to_xlsx(one_row(), [["met", "not_met"]]))
    hidden = re.findall(r'<col min="(\d+)" max="(\d+)"[^>]*hidden="1"', sheet)
    places = [n for first, last in hidden for n in range(int(first), int(last) + 1)]
    assert [COLUMNS[place - 1] for place in places] == ["item_sha256", "answer_sha256"]
    place = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[COLUMNS.index("response")]
    assert f'sqref="{place}2"' in sheet
    assert '<formula1>"met,not_met"</formula1>' in sheet


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_item_that_is_there_twice_is_told_with_its_rows(kind: str, tmp_path: Path) -> None:
    cells = one_row()
    cells += [[""] * len(COLUMNS), cells[1], cells[1]]
    path = tmp_path / f"in.{kind}"
    path.write_bytes(in_csv(cells) if kind == "csv" else in_xlsx(cells))
    found = problems(lambda: read_table(path))
    assert [(p.code, p.where, p.reason) for p in found] == [
        ("repeated_item", f"{path}: row 4", "item H-1 is in row 2 too"),
        ("repeated_item", f"{path}: row 5", "item H-1 is in row 4 too"),
    ]


@pytest.mark.parametrize("missing", ["item", "response", "chosen_options", "rationale"])
def test_a_column_that_is_missing_is_told(missing: str, tmp_path: Path) -> None:
    place = COLUMNS.index(missing)
    path = tmp_path / "in.csv"
    path.write_bytes(in_csv([row[:place] + row[place + 1 :] for row in one_row()]))
    (found,) = problems(lambda: read_table(path))
    assert (found.code, found.where) == ("missing_column", f"{path}: row 1")
    assert found.reason == f"column '{missing}' is missing"


def zipped(name: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, "text")
    return stream.getvalue()


@pytest.mark.parametrize("content", [b"", b"item,response\n", zipped("a.txt"), b"PK\x03\x04"])
def test_what_is_not_a_workbook_is_told(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "in.xlsx"
    path.write_bytes(content)
    (found,) = problems(lambda: read_table(path))
    assert (found.code, found.where) == ("bad_xlsx", str(path))


WRONG: list[tuple[str, bytes | None, str]] = [
    ("in.csv", b"", "empty"),
    ("in.csv", b"\xef\xbb\xbf\r\n\r\n", "empty"),
    ("in.xlsx", to_xlsx([], []), "empty"),
    ("in.csv", None, "missing_file"),
    ("in.xlsx", None, "missing_file"),
    ("in.csv", "item;response\n".encode("utf-16"), "encoding"),
    ("in.csv", in_csv(one_row())[:-4] + b'"' + b"x\n" * 70_000, "bad_csv"),
]


@pytest.mark.parametrize(("name", "content", "code"), WRONG)
def test_files_that_cannot_be_read_are_told(
    name: str, content: bytes | None, code: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    (found,) = problems(lambda: read_table(path))
    assert found.code == code
    assert found.where.startswith(str(path))


def test_the_same_rows_give_the_same_bytes() -> None:
    cells = one_row(rationale=ODD)
    assert to_xlsx(cells, [["met"]]) == to_xlsx(cells, [["met"]])
    book = to_xlsx(cells, [["met"]])
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert "2000-01-01T00:00:00Z" in archive.read("docProps/core.xml").decode()
