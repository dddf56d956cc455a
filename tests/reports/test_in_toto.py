import hashlib
import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement

from audit.result import FileHash
from reports.exports.in_toto import TEST_RESULT, in_toto
from reports.papers import Papers
from tests.reports.exported import altered
from tests.reports.sample import papers, papers_of, sample, sample_dict


def statement(papers: Papers) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(in_toto(papers))
    return content


def judged(*statuses: str) -> Papers:
    """Papers with one requirement of each status."""
    model = sample_dict()["verdicts"][0]
    verdicts = [
        model | {"requirement": f"r{n}", "status": status} for n, status in enumerate(statuses)
    ]
    return altered(verdicts=verdicts)


def test_the_protocol_buffers_of_the_specification_read_it() -> None:
    content = statement(papers())
    message = ParseDict(content, statement_pb2.Statement())
    read = Statement.copy_from_pb(message)
    read.validate()
    assert MessageToDict(message)["predicateType"] == TEST_RESULT
    predicate = ParseDict(content["predicate"], test_result_pb2.TestResult())
    assert predicate.result == "FAILED"
    assert list(predicate.failed_tests) == ["violated-example"]
    (plan,) = predicate.configuration
    ResourceDescriptor.copy_from_pb(plan).validate()
    assert plan.digest["sha256"] == sample().provenance.plan_sha256


def test_fields_of_the_predicate_are_those_of_the_specification() -> None:
    content = statement(papers())
    assert set(content) == {"_type", "subject", "predicateType", "predicate"}
    fields = {"result", "configuration", "passedTests", "warnedTests", "failedTests"}
    assert set(content["predicate"]) == fields


@pytest.mark.parametrize(
    ("statuses", "result"),
    [
        (("met",), "PASSED"),
        (("met", "met"), "PASSED"),
        (("met", "violated"), "FAILED"),
        (("violated", "inconclusive"), "FAILED"),
        (("met", "inconclusive"), "WARNED"),
        (("met", "not_estimable"), "WARNED"),
        (("met", "not_applicable"), "WARNED"),
        (("met", "waived"), "WARNED"),
        (("waived",), "WARNED"),
        ((), "WARNED"),
    ],
)
def test_only_requirements_that_are_all_met_pass(statuses: tuple[str, ...], result: str) -> None:
    assert statement(judged(*statuses))["predicate"]["result"] == result


def test_every_requirement_is_in_one_list_with_its_verdict() -> None:
    predicate = statement(papers())["predicate"]
    assert predicate["passedTests"] == ["met-example"]
    assert predicate["failedTests"] == ["violated-example"]
    assert predicate["warnedTests"] == [
        "inconclusive-example", "not-estimable-example", "not-applicable-example", "waived-example",
    ]  # fmt: skip
    told = {v["id"]: v for v in predicate["configuration"][0]["annotations"]["verdicts"]}
    assert told["not-estimable-example"] == {
        "id": "not-estimable-example",
        "verdict": "not estimable",
        "reason": "no unit of the cohort is in this stratum",
    }
    assert len(told) == len(sample().verdicts)


def test_subjects_are_data_model_and_audit_by_content() -> None:
    used = sample().provenance
    model = FileHash(name="predictions.parquet", bytes=9, sha256="ab" * 32)
    changed = used.model_copy(update={"model": model})
    whole = papers_of(sample().model_copy(update={"provenance": changed}))
    found = {s["name"]: s["digest"]["sha256"] for s in statement(whole)["subject"]}
    assert found == {
        "predictions.parquet": used.data[0].sha256,
        "predictions.parquet (2)": "ab" * 32,
        "audit.json": hashlib.sha256(whole.audit_json).hexdigest(),
    }


def test_it_is_not_signed_and_has_no_moment() -> None:
    text = in_toto(papers())
    assert text == in_toto(papers())
    assert "signatures" not in text
    assert "payload" not in text
