"""Every export of every task fits its schema and keeps classes and structures apart."""

import io
import json
from xml.etree import ElementTree

import pyarrow.parquet as pq
import pytest
from python_calamine import CalamineWorkbook

from audit.result import AuditResult
from reports.exports.chai import chai
from reports.exports.hugging_face import hugging_face
from reports.exports.in_toto import in_toto
from reports.exports.ml_bom import ml_bom
from reports.exports.tidy import tidy_csv, tidy_parquet
from reports.exports.workbook import workbook
from tests.audit.tasks.builders import (
    MULTICLASS,
    MULTILABEL,
    REGRESSION,
    class_columns,
    label_columns,
    task_audit,
    value_columns,
)
from tests.audit.tasks.cases import audited
from tests.reports.sample import papers_of
from tests.reports.test_cases import made
from tests.reports.test_chai import CARD, assert_fits
from tests.reports.test_hugging_face import metadata, read
from tests.reports.test_ml_bom import assert_valid

COLUMNS = {
    "multiclass": lambda: task_audit(MULTICLASS, class_columns(1, 200, 150)),
    "multilabel": lambda: task_audit(MULTILABEL, label_columns(1, 200, 150)),
    "regression": lambda: task_audit(REGRESSION, value_columns(1, 200, 150)),
}
CASES = ("segmentation", "detection", "image", "survival")


@pytest.fixture(scope="module", params=(*COLUMNS, *CASES))
def result(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AuditResult:
    if request.param in COLUMNS:
        return COLUMNS[request.param]()
    folder = tmp_path_factory.mktemp(request.param)
    return audited(*made(request.param, folder), folder)


def test_the_bill_of_materials(result: AuditResult) -> None:
    text = ml_bom(papers_of(result))
    assert_valid(text)
    card = json.loads(text)["metadata"]["component"]["modelCard"]
    found = card["quantitativeAnalysis"]["performanceMetrics"]
    pairs = {(m["type"], m["slice"]) for m in found}
    assert len(pairs) == len(found) == sum(e.value is not None for e in result.estimates)
    assert card["modelParameters"]["task"] == result.cohort.task


def test_the_chai_card(result: AuditResult) -> None:
    root = ElementTree.fromstring(chai(papers_of(result)))
    assert_fits(root, CARD)
    labels = [e.text for e in root.iter() if e.tag.endswith("}Label")]
    assert labels
    for group in root.iter():
        if group.tag.endswith("}Results"):
            inner = [result[0].text for result in group]
            assert len(inner) == len(set(inner))


def test_the_hugging_face_card(result: AuditResult) -> None:
    text = hugging_face(papers_of(result))
    assert read(text).to_dict() == metadata(text)
    ids = [e.metric_args["id"] for e in read(text).eval_results]
    assert len(ids) == len(set(ids))
    assert set(ids) <= {e.id for e in result.estimates}


def test_tables_and_workbook(result: AuditResult) -> None:
    papers = papers_of(result)
    records = len(result.estimates) + len(result.disparities)
    assert tidy_csv(papers).decode().count("\r\n") == records + 1
    table = pq.read_table(io.BytesIO(tidy_parquet(papers)))
    assert table.num_rows == records
    outputs = {e.output for e in result.estimates}
    assert set(table.column("output").to_pylist()) == outputs
    book = CalamineWorkbook.from_filelike(io.BytesIO(workbook(papers)))
    assert len(book.get_sheet_by_name("estimates").to_python()) == len(result.estimates) + 1


def test_the_statement_of_no_requirement_is_no_pass(result: AuditResult) -> None:
    assert result.verdicts == ()
    assert json.loads(in_toto(papers_of(result)))["predicate"]["result"] == "WARNED"
