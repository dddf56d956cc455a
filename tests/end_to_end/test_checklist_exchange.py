"""Checklists out and back in: tables for colleagues, text and formats for machines."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter
from markdown_it import MarkdownIt
from python_calamine import CalamineWorkbook

from checklists.answers import FileEvidence
from tests.checklists.builders import item_data, write_instrument, write_profile
from tests.end_to_end.checklist_folder import (
    GRACE,
    GUEST,
    HOUSE,
    Checklist,
    commands,
    done,
    fill,
    held,
    plain,
)

Rows = list[dict[str, str]]
FORMULA = "=HYPERLINK(\"http://x.invalid\", 'see')"
HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> [link](javascript:alert(1)) ![i](j) "
    "*a* _b_ `c` | d | # e &lt; http://x.invalid <a@b.invalid> \\* ~~f~~ 1. g - h"
)


@pytest.fixture
def checklist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Checklist:
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    return commands(capsys, monkeypatch)


def read_csv(path: Path) -> Rows:
    text = path.read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def write_csv(path: Path, rows: Rows, separator: str = ",") -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [*rows[0]], delimiter=separator)
        writer.writeheader()
        writer.writerows(rows)


def write_semicolons(path: Path, rows: Rows) -> None:
    write_csv(path, rows, ";")


def read_xlsx(path: Path) -> Rows:
    header, *rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    return [{str(k): str(v) for k, v in zip(header, row, strict=True)} for row in rows]


def write_xlsx(path: Path, rows: Rows) -> None:
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet("answers")
        for number, values in enumerate([[*rows[0]], *([*row.values()] for row in rows)]):
            sheet.write_row(number, 0, values)


def filled(rows: Rows, item: str, /, **cells: str) -> None:
    next(row for row in rows if row["item"] == item).update(cells)


@pytest.mark.parametrize(
    ("name", "read", "write"),
    [
        ("table.csv", read_csv, write_csv),
        ("table.csv", read_csv, write_semicolons),
        ("table.xlsx", read_xlsx, write_xlsx),
    ],
)
def test_a_table_goes_out_and_comes_back(
    checklist: Checklist,
    tmp_path: Path,
    name: str,
    read: Callable[[Path], Rows],
    write: Callable[[Path, Rows], None],
) -> None:
    colleague = tmp_path / "colleague"
    colleague.mkdir()
    (colleague / "plan.md").write_text("# Plan\n", encoding="utf-8")
    path = colleague / name
    assert done(checklist("export", "--out", path)) == f"wrote {path}"
    rows = read(path)
    assert [row["item"] for row in rows] == ["GUEST-1", "GUEST-2", "HOUSE-1", "HOUSE-2", "HOUSE-3"]
    assert rows[2]["question"] == "Is what HOUSE-1 asks for in place?"
    assert (rows[2]["choices"], rows[2]["options"]) == (
        "met, partly, not_met, not_applicable", "sex, age",
    )  # fmt: skip
    assert all(not row["response"] for row in rows)

    said = {"response": "partly", "chosen_options": "sex, age", "rationale": FORMULA}
    grace = {"documents": "plan.md#page 2; ../risk.md", "name": "Grace", "role": "clinician"}
    filled(rows, "HOUSE-1", **said, **grace)
    filled(rows, "HOUSE-2", response="some_extent")
    write(path, rows)
    assert done(checklist("import", path)) == "2 answers saved in answers.yaml, 0 unchanged"
    answers = held()
    assert [*answers] == ["HOUSE-1", "HOUSE-2"]
    first = answers["HOUSE-1"]
    assert (first.status, first.options, first.rationale) == ("partly", ("sex", "age"), FORMULA)
    assert str(first.by) == "Grace (clinician)"
    plan, risk = first.evidence
    assert isinstance(plan, FileEvidence)
    assert isinstance(risk, FileEvidence)
    assert (plan.file, plan.locator) == ("colleague/plan.md", "page 2")
    assert (risk.file, risk.locator) == ("risk.md", None)
    assert str(answers["HOUSE-2"].by) == "Ada (developer)"
    assert [*answers["HOUSE-2"].also] == ["GUEST-1"]
    assert "2 answers, nothing to mend" in done(checklist("lint"))

    # Back out: what stands is in it, and taking it in as it is changes nothing.
    done(checklist("export", "--out", path))
    again = read(path)
    assert again[2]["rationale"].removeprefix("'") == FORMULA
    assert (again[0]["last_answered_by"], again[0]["response"]) == ("Ada (developer)", "")
    assert again[3]["response"] == "some_extent"
    assert done(checklist("import", path)) == "0 answers saved in answers.yaml, 2 unchanged"
    assert held() == answers
    filled(again, "HOUSE-2", response="yes")
    write(path, again)
    assert done(checklist("import", path)) == "1 answer saved in answers.yaml, 1 unchanged"
    assert held()["HOUSE-1"] == first
    assert [past.response for past in held()["HOUSE-2"].history] == ["some_extent"]


def test_no_cell_of_a_csv_is_a_formula(checklist: Checklist) -> None:
    for start in ("=", "+", "-", "@"):
        said = start + "1+1"
        done(checklist("answer", "HOUSE-1", "--status", "met", "--rationale", said))
        done(checklist("export", "--out", "t.csv"))
        rows = read_csv(Path("t.csv"))
        assert rows[2]["rationale"] == "'" + said
        assert not any(cell[:1] in ("=", "+", "-", "@") for row in rows for cell in row.values())


def test_a_sheet_offers_the_words_of_each_scale(checklist: Checklist) -> None:
    done(checklist("export", "--out", "t.xlsx"))
    with zipfile.ZipFile("t.xlsx") as packed:
        sheet = packed.read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<dataValidation ") == 5
    assert sheet.count('"yes,some_extent,no,dont_know,not_applicable"') == 2
    assert sheet.count('"met,partly,not_met,not_applicable"') == 3


def test_one_wrong_row_saves_none_and_every_problem_is_told(checklist: Checklist) -> None:
    done(checklist("export", "--out", "t.csv"))
    rows = read_csv(Path("t.csv"))
    filled(rows, "GUEST-2", response="met")
    filled(rows, "HOUSE-1", response="meet", chosen_options="sexx")
    filled(rows, "HOUSE-2", response="not_applicable")
    filled(rows, "HOUSE-3", response="met", documents="absent.md", item="HOUSE-33")
    write_csv(Path("t.csv"), rows)
    ended = checklist("import", "t.csv")
    assert ended.code == 2
    assert [plain(line) for line in ended.errors] == [
        "error: t.csv: row 4: HOUSE-1: 'meet' is no answer to this item; did you mean 'met'?",
        "error: t.csv: row 4: HOUSE-1: it has no option 'sexx'; did you mean 'sex'?",
        "error: t.csv: row 5: HOUSE-2: 'not_applicable' needs a rationale; say why it does not "
        "apply",
        "error: t.csv: row 6: HOUSE-33: unknown item 'HOUSE-33'; did you mean 'HOUSE-3'?",
    ]
    assert not Path("answers.yaml").exists()
    write_csv(Path("t.csv"), [*rows[:2], rows[1]])
    assert "row 4: item GUEST-2 is in row 3 too" in checklist("import", "t.csv").errors[0]


def test_a_table_does_not_overwrite_what_changed_since_it_went_out(
    checklist: Checklist, tmp_path: Path
) -> None:
    done(checklist("export", "--out", "t.csv"))
    rows = read_csv(Path("t.csv"))
    filled(rows, "HOUSE-1", response="met")
    write_csv(Path("t.csv"), rows)
    done(checklist("answer", "HOUSE-1", "--status", "not_met", *GRACE))
    ended = checklist("import", "t.csv")
    assert ended.code == 2
    assert "row 4: HOUSE-1: it was answered by Grace (clinician) since" in ended.errors[0]
    assert held()["HOUSE-1"].status == "not_met"

    filled(rows, "HOUSE-1", response="")
    filled(rows, "HOUSE-2", response="yes")
    write_csv(Path("t.csv"), rows)
    other = item_data("HOUSE-2", scale="measure", question="Is it in place at every site?")
    write_instrument(tmp_path, {**HOUSE, "items": [HOUSE["items"][0], other, HOUSE["items"][2]]})
    write_profile(tmp_path, instruments=["./house.yaml", "guest.yaml"])  # read anew
    from checklists.catalogue import load_catalogue

    load_catalogue.cache_clear()
    ended = checklist("import", "t.csv")
    assert ended.code == 2
    assert "row 5: HOUSE-2: its question changed since the table was exported" in ended.errors[0]


def hostile_folder(checklist: Checklist) -> None:
    """Answers in which every text that a person may choose is hostile to Markdown and HTML."""
    text = Path("equipoise.yaml").read_text(encoding="utf-8")
    product = "product:\n  name: |\n    " + HOSTILE + "\n    # second line\n"
    Path("equipoise.yaml").write_text(product + text, encoding="utf-8")
    Path("<b>*risk*.md").write_text("x", encoding="utf-8")
    words = (
        "--rationale",
        HOSTILE + "\n\n# top\n\n<div>\n- x",
        "--file",
        "<b>*risk*.md#" + "_p_ |",
    )
    figure = ("--figure", "auroc/overall", "--statement", HOSTILE)
    done(checklist("answer", "HOUSE-1", "--status", "met", *words, *figure, "--as", "*<i>Ada"))
    done(checklist("review", "HOUSE-1", "--comment", HOSTILE, "--as", "[G](h)", "--role", "`r`"))


def test_markdown_shows_what_people_wrote_and_runs_none_of_it(checklist: Checklist) -> None:
    hostile_folder(checklist)
    text = checklist("export", "--format", "markdown").out
    tokens = MarkdownIt("commonmark", {"linkify": True}).enable(["table", "strikethrough"])
    flat = [t for token in tokens.parse(text) for t in (token, *(token.children or []))]
    kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in flat}
    assert kinds == {
        "heading", "paragraph", "inline", "text", "bullet_list", "list_item",
        "table", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip
    shown = ["".join(t.content for t in token.children or []) for token in flat]
    assert f"Checklists: {HOSTILE} # second line" in shown
    assert f"Rationale: {HOSTILE} # top <div> - x" in shown
    assert any(s.startswith(f"Evidence: {HOSTILE} (auroc/overall, audit ") for s in shown)
    assert any(s.startswith("Evidence: <b>*risk*.md, _p_ | (SHA-256 ") for s in shown)
    assert f"Review: accepted by [G](h) (`r`), 2026-11-28: {HOSTILE}" in shown
    assert "Answer: met, *<i>Ada (developer), 2026-11-28" in shown
    headings = [t.tag for t in flat if t.type == "heading_open"]
    assert headings == ["h1", "h2", "h3", "h3", "h2", "h3", "h3", "h3"]


def test_markdown_counts_by_requirement(checklist: Checklist) -> None:
    done(checklist("answer", "HOUSE-1", "--status", "met"))
    done(checklist("answer", "HOUSE-2", "--status", "no"))
    lines = checklist("export", "--format", "markdown").out.splitlines()
    header = next(line for line in lines if line.startswith("| instrument"))
    counts = {
        line.split(" | ")[0]: dict(zip(header.split(" | "), line.split(" | "), strict=True))
        for line in lines
        if line.startswith(("| House", "| Guest"))
    }
    house = counts["| House"]
    assert [house[name] for name in ("items", "met", "partly", "not met", "n/a")] == [
        "3", "1", "0", "1", "0",
    ]  # fmt: skip
    assert house["open |"] == "1 |"
    assert counts["| Guest"]["not met"] == "1"
    assert "A share of items met is coverage. It says nothing of compliance." in "\n".join(lines)


def test_json_holds_every_item_as_it_stands(checklist: Checklist) -> None:
    hostile_folder(checklist)
    text = checklist("export", "--format", "json").out
    record = json.loads(text)
    assert record["as_of"] == "2026-11-23"
    assert record["facts"] == {"role": ["provider"]}
    items = {row["id"]: row for row in record["items"]}
    assert [*items] == ["GUEST-1", "GUEST-2", "HOUSE-1", "HOUSE-2", "HOUSE-3"]
    first = items["HOUSE-1"]
    assert (first["status"], first["decision"]) == ("met", "accepted")
    assert first["answer"]["rationale"] == HOSTILE + "\n\n# top\n\n<div>\n- x"
    assert first["answer"]["evidence"][1]["statement"] == HOSTILE
    assert first["answer_sha256"] == held()["HOUSE-1"].sha256()
    assert items["HOUSE-3"]["answer"] is None
    house = next(row for row in record["instruments"] if row["id"] == "house")
    assert (house["items"], house["answered"], house["statuses"]["met"]) == (3, 1, 1)


@pytest.mark.parametrize("format", ["json", "markdown", "csv", "xlsx", "oscal", "cyclonedx"])
def test_the_same_work_gives_the_same_bytes(
    checklist: Checklist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        fill(folder)
        done(checklist("answer", "HOUSE-1", "--status", "met", "--file", "risk.md#1"))
        done(checklist("answer", "HOUSE-3", "--status", "met", "--figure", "verdict/perfect"))
        done(checklist("review", "HOUSE-1", *GRACE))
        done(checklist("export", "--format", format, "--out", "export"))
        made.append((folder / "export").read_bytes())
        assert str(tmp_path).encode() not in made[-1]
    assert made[0] == made[1]
    if format in ("json", "oscal", "cyclonedx"):
        assert json.loads(made[0])


def test_an_export_can_be_of_some_instruments(checklist: Checklist) -> None:
    record = json.loads(checklist("export", "guest", "--format", "json").out)
    assert [row["id"] for row in record["items"]] == [item["id"] for item in GUEST["items"]]
