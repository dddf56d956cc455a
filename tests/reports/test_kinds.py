"""Verdicts on coverage, change and checklists, and failures, in every way a report shows them."""

import io
import json

from python_calamine import CalamineWorkbook

from reports.blocks import Table
from reports.exports.hugging_face import hugging_face
from reports.exports.in_toto import in_toto
from reports.exports.ml_bom import ml_bom
from reports.exports.workbook import workbook
from reports.gate.judged import Judged
from reports.gate.text import gate_text
from reports.papers import Papers
from reports.parts import changes, front
from reports.parts.findings import blocks
from reports.parts.index import Index
from tests.reports.kinds import kinds
from tests.reports.sample import papers_of, sample


def test_counts_are_written_as_counts_beside_what_was_asked() -> None:
    lines = {v.id: v for v in front.summary(Index(kinds())).verdicts}
    women, known = lines["few-women"], lines["known"]
    assert (women.value, women.where, women.margin) == ("31 positives", "sex=F", "at least 50")
    assert (known.value, known.margin) == (
        "5.0 % of rows without a recorded value", "at most 5 %",
    )  # fmt: skip
    assert known.reason.startswith("race: 63 of 1,250 rows")
    papers = lines["papers"]
    assert (papers.value, papers.margin, papers.where) == ("2 items short", "none short", "")
    change = lines["not-worse"]
    assert (change.value, change.margin) == ("+0.010 [−0.010, +0.030]", "worse by at most 0.02")
    assert (lines["broken"].symbol, lines["broken"].word) == ("!", "not judged")


def test_the_legend_and_the_count_name_what_was_not_judged() -> None:
    found = front.summary(Index(kinds()))
    assert "! not judged: the program failed in this requirement; not a pass" in found.legend
    assert "1 not judged" in " ".join(found.sentences)


def test_parts_of_counts_stand_in_the_table_of_parts() -> None:
    (table,) = front.parts(Index(kinds()))
    assert isinstance(table, Table)
    rows = {g.label: [[c.text for c in r.cells] for r in g.rows] for g in table.groups}
    assert rows["few-women: at least 50 positives in each sex"] == [
        ["sex=F", "✗ violated", "31 positives", "31 positives of at least 50"],
        ["sex=M", "✓ met", "80 positives", "80 positives of at least 50"],
    ]
    ((place, _, value, reason), _) = rows["papers: checklist items of tripod-ai are reviewed and "
                                          "not stale"]  # fmt: skip
    assert (place, value, reason) == ("TRIPOD-1", "–", "stale")


def test_the_terminal_tells_every_kind() -> None:
    told = " ".join(gate_text(Judged(kinds(), 1, "audit.json", {})).split())
    for expected in (
        "sex=F: 31 positives of at least 50 (1 of 2 strata short)",
        "2 of 9 items short: TRIPOD-1 (stale)",
        "ZeroDivisionError: division",
    ):
        assert expected in told


def test_findings_put_failures_after_violations_and_tell_counts_without_an_interval() -> None:
    (table,) = blocks(papers_of(kinds()))
    assert isinstance(table, Table)
    labels = [g.label for g in table.groups]
    assert labels[0].startswith("✗ violated, 4 requirements: ")
    assert labels[1].startswith("! not judged, 1 requirement: ")
    told = {r.cells[0].detail: r.cells[0].text for g in table.groups for r in g.rows}
    assert told["verdict/few-women"] == (
        "The requirement 'at least 50 positives in each sex' is violated: "
        "sex=F: 31 positives of at least 50 (1 of 2 strata short)."
    )
    assert "is met: a change of 0.010 (95 % interval" in told["verdict/not-worse"]


def test_exports_hold_every_kind() -> None:
    papers = papers_of(kinds())
    predicate = json.loads(in_toto(papers))["predicate"]
    assert {"few-women", "known", "papers"} < set(predicate["failedTests"])
    assert "broken" in predicate["warnedTests"]
    assert "few-women: violated. sex=F: 31 positives of at least 50" in ml_bom(papers)
    assert "31 positives" in hugging_face(papers)
    book = CalamineWorkbook.from_filelike(io.BytesIO(workbook(papers)))
    rows = [dict(zip(("requirement", "part", "verdict"), row[:3], strict=True)) | {"limit": row[8]}
            for row in book.get_sheet_by_name("verdicts").to_python()]  # fmt: skip
    mine = [r for r in rows if r["requirement"] == "few-women"]
    assert [r["part"] for r in mine] == [
        "decided by sex=F", "coverage/positives/sex=F", "coverage/positives/sex=M",
    ]  # fmt: skip
    assert {r["limit"] for r in mine} == {"at least 50"}


def test_versions_are_compared_by_their_counts() -> None:
    before = sample().model_copy(update={"verdicts": kinds().verdicts[-5:]})
    after = kinds().model_copy(update={"verdicts": kinds().verdicts[-5:-3]})
    made = changes.blocks(Papers(after, b"{}", previous=before))
    table = next(b for b in made if isinstance(b, Table) and b.id == "changes-verdicts")
    cells = {r.cells[0].detail: r.cells[1].detail for g in table.groups for r in g.rows}
    assert cells["few-women"] == "31 positives sex=F; limit at least 50"
