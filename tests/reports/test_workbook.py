import io
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from reports.exports import workbook as module
from reports.exports.tidy import COLUMNS
from reports.exports.workbook import workbook
from reports.papers import Papers
from tests.reports.exported import altered, digest, pair, planned, with_answers
from tests.reports.sample import papers, papers_of, sample, sample_dict

SHEETS = ["read me", "verdicts", "estimates", "disparities", "cohort", "sites", "checklists"]
Row = dict[str, Any]


def read(content: bytes) -> dict[str, list[Row]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    found = {}
    for name in book.sheet_names:
        head, *rows = book.get_sheet_by_name(name).to_python()
        found[name] = [dict(zip(map(str, head), row, strict=True)) for row in rows]
    return found


@pytest.fixture(scope="module")
def content() -> bytes:
    return workbook(papers())


@pytest.fixture(scope="module")
def sheets(content: bytes) -> dict[str, list[Row]]:
    return read(content)


def near(value: float) -> Any:
    """A number to the sixteen digits that a sheet holds."""
    return pytest.approx(value, rel=1e-15, abs=0)


def says(sheets: dict[str, list[Row]], what: str) -> list[str]:
    return [str(row["says"]) for row in sheets["read me"] if row["what"] == what]


def test_the_sheets_are_there_in_order(sheets: dict[str, list[Row]]) -> None:
    assert list(sheets) == SHEETS


def test_the_first_sheet_says_what_it_is_and_how_to_read_it(sheets: dict[str, list[Row]]) -> None:
    assert says(sheets, "product") == ["CardioScan 2.1.0"]
    assert says(sheets, "audit.json, SHA-256") == [digest(papers().audit_json)]
    assert says(sheets, "empty cells") == [
        "There is no value. Status and reason say why; it is not zero."
    ]
    (reading,) = says(sheets, "verdict: inconclusive")
    assert reading.endswith("not a pass")
    assert {w.message for w in sample().warnings} <= set(says(sheets, "limitation"))
    assert says(sheets, "checklists") == ["No checklist was at hand."]


def test_every_figure_is_a_number(sheets: dict[str, list[Row]]) -> None:
    for sheet, records in (
        ("estimates", sample().estimates),
        ("disparities", sample().disparities),
    ):
        rows = {row["id"]: row for row in sheets[sheet]}
        assert len(rows) == len(records)
        found: list[Any] = list(records)
        for record in found:
            row = rows[record.id]
            for name in ("value", "lower", "upper"):
                wanted = "" if getattr(record, name) is None else near(getattr(record, name))
                assert row[name] == wanted
            assert row["status"] == record.status


def test_columns_are_those_of_the_tidy_table(sheets: dict[str, list[Row]]) -> None:
    shown = {*sheets["estimates"][0], *sheets["disparities"][0], "record"}
    assert shown == set(COLUMNS)


def test_verdicts_have_their_parts(sheets: dict[str, list[Row]]) -> None:
    rows = [row for row in sheets["verdicts"] if row["requirement"] == "violated-example"]
    whole, part = rows
    assert whole["part"] == "decided by race=Black"
    assert part["part"] == "sensitivity/difference/race=Black:race=White"
    assert whole["verdict"] == part["verdict"] == "violated"
    assert whole["limit"] == "±0.1"
    assert len({row["requirement"] for row in sheets["verdicts"]}) == len(sample().verdicts)


def test_the_cohort_and_the_sites_are_told(sheets: dict[str, list[Row]]) -> None:
    cohort = {row["stratum"]: row for row in sheets["cohort"]}
    counts = {s.stratum: s for s in sample().cohort.strata}
    assert cohort["sex=F"]["n"] == counts["sex=F"].n
    assert cohort["race=(missing)"]["n"] == ""
    sites = sample().sites
    assert sites is not None
    assert [row["status"] for row in sheets["sites"]] == [h.status for h in sites.heterogeneity]
    pooled = sites.heterogeneity[0].pooled
    assert pooled is not None
    assert sheets["sites"][0]["pooled"] == near(pooled.value)


def test_checklists_have_a_row_for_each_item(tmp_path: Path) -> None:
    told = with_answers(tmp_path)
    rows = {row["item"]: row for row in read(workbook(told))["checklists"]}
    assert told.assessment is not None
    assert set(rows) == {s.item.id for s in told.assessment.items if s.counted}
    assert rows["CHAI-TI.1"]["status"] == "not met"
    assert rows["CHAI-SF.7"]["answer"] == "The training set was weighted by race."
    assert rows["CHAI-SF.7"]["by"] == "Ann Example (Clinical lead)"
    assert rows["CHAI-UD.3"]["status"] == "not assessed"
    assert rows["CHAI-UD.3"]["answer"] == ""


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "{=1}",
        "http://x.invalid",
        "1e5",
        "<b>&</b> \x01 רופא",
    ],
)
def test_text_stays_text_whatever_it_looks_like(text: str) -> None:
    first = sample_dict()["estimates"][0] | {"stratum": text, "reason": text}
    content = workbook(altered(estimates=[first], disparities=[]))
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        parts = {name: book.read(name).decode() for name in book.namelist() if "xml" in name}
    assert not any(re.search(r"<f[ >]", part) for part in parts.values())
    assert not any("hyperlink" in part for part in parts.values())
    (row,) = read(content)["estimates"]
    assert str(row["stratum"]).strip() == text.strip()


def test_long_text_is_cut_where_a_cell_ends() -> None:
    content = workbook(planned(name="x" * 40_000, intended_use="y" * 40_000))
    assert len(says(read(content), "intended use")[0]) == 32_767


def test_what_does_not_fit_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 101)
    sheets = read(workbook(papers()))
    assert len(sheets["estimates"]) == 100
    rest = len(sample().estimates) - 100
    assert says(sheets, "left out of estimates") == [f"{rest} rows; audit.json holds them"]
    assert says(sheets, "left out of sites") == []


def test_a_shared_audit_has_empty_cells() -> None:
    rows = read(workbook(papers_of(pair().shared)))["estimates"]
    hidden = [row for row in rows if row["status"] == "suppressed"]
    assert hidden
    assert all(row["value"] == row["lower"] == row["null_mean"] == "" for row in hidden)


def test_an_audit_without_sites_or_requirements_is_written() -> None:
    sheets = read(workbook(altered(sites=None, verdicts=[], warnings=[])))
    assert (sheets["sites"], sheets["verdicts"]) == ([], [])


def test_the_same_papers_give_the_same_bytes(content: bytes) -> None:
    again = Papers(sample(), papers().audit_json)
    assert digest(workbook(again)) == digest(content)
