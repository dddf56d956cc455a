import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from audit.provenance import file_hash
from audit.result import FileHash
from audit.result_file import ResultFile
from reports.cyclonedx import cyclonedx
from reports.exchange import NOTICE, doubts
from tests.reports.answered import (
    ANN,
    AT,
    BARE,
    BEN,
    CONTRADICTED,
    NOT_APPLICABLE,
    NOT_MET,
    PARTLY,
    SENT_BACK,
    SIGNED,
    STALE,
    UNANSWERED,
    WITH_FIGURE,
    Answered,
    answered,
    unanswered,
)


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Answered:
    return answered(tmp_path_factory.mktemp("product"))


@pytest.fixture(scope="module")
def text(papers: Answered) -> str:
    return cyclonedx(papers.assessment, papers.audit, AT)


@pytest.fixture(scope="module")
def bom(text: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(text)
    return content


def assert_valid(text: str) -> None:
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert error is None, str(error)[:2000]


def maps(bom: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = [m for a in bom["declarations"]["attestations"] for m in a["map"]]
    return {m["requirement"].removeprefix("requirement/"): m for m in found}


def claim(bom: dict[str, Any], item: str) -> dict[str, Any]:
    claims: list[dict[str, Any]] = bom["declarations"]["claims"]
    return next(c for c in claims if c["bom-ref"] == f"claim/{item}")


def evidence(bom: dict[str, Any], refs: list[str]) -> list[dict[str, Any]]:
    by_ref = {e["bom-ref"]: e for e in bom["declarations"]["evidence"]}
    return [by_ref[ref] for ref in refs]


def walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from walk(part)
    elif isinstance(value, list):
        for part in value:
            yield from walk(part)


def test_it_fits_the_schema_with_and_without_answers(text: str, tmp_path: Path) -> None:
    assert_valid(text)
    bare = cyclonedx(unanswered(tmp_path).assessment, None, AT)
    assert_valid(bare)
    assert json.loads(bare)["declarations"] == {}


def test_references_lead_somewhere_and_are_unique(bom: dict[str, Any]) -> None:
    refs = [part["bom-ref"] for part in walk(bom) if "bom-ref" in part]
    assert len(refs) == len(set(refs))
    used = set()
    for part in walk(bom["declarations"]):
        for key in ("assessor", "requirement", "target"):
            used |= {part[key]} if key in part else set()
        for key in ("claims", "counterClaims", "evidence", "counterEvidence"):
            used |= {ref for ref in part.get(key, ()) if isinstance(ref, str)}
    assert used <= set(refs)
    assert {"model", f"claim/{SIGNED}", f"requirement/{SIGNED}"} <= used


def test_no_score_is_invented(text: str, bom: dict[str, Any]) -> None:
    assert not any("score" in part or "confidence" in part for part in walk(bom))
    assert NOTICE in text


@pytest.mark.parametrize(
    ("item", "side"),
    [
        (SIGNED, "claims"),
        (WITH_FIGURE, "claims"),
        (BARE, "claims"),
        (PARTLY, "claims"),
        (NOT_APPLICABLE, "claims"),
        (NOT_MET, "counterClaims"),
        (STALE, None),
        (CONTRADICTED, None),
        (SENT_BACK, None),
    ],
)
def test_a_requirement_is_mapped_to_what_can_be_taken_as_it_stands(
    bom: dict[str, Any], item: str, side: str | None
) -> None:
    mapped = maps(bom)[item]
    assert {key for key in ("claims", "counterClaims") if key in mapped} == ({side} - {None})
    assert mapped["conformance"]["rationale"].startswith("Answered: ")


def test_disputed_answers_are_told_with_what_disputes_them(
    papers: Answered, bom: dict[str, Any]
) -> None:
    for item in (STALE, CONTRADICTED, SENT_BACK):
        rationale = maps(bom)[item]["conformance"]["rationale"]
        assert all(doubt in rationale for doubt in doubts(papers.state(item)))
        assert "cannot be taken as it stands" in claim(bom, item)["predicate"]
    against = evidence(bom, claim(bom, CONTRADICTED)["counterEvidence"])
    assert "is violated" in against[0]["description"]


def test_what_nobody_assessed_is_no_claim_and_stands_as_open(bom: dict[str, Any]) -> None:
    assert UNANSWERED not in maps(bom)
    assert f"claim/{UNANSWERED}" not in {c["bom-ref"] for c in bom["declarations"]["claims"]}
    requirements = [r for s in bom["definitions"]["standards"] for r in s.get("requirements", ())]
    is_open = {
        r["identifier"]: p["value"]
        for r in requirements
        for p in r["properties"]
        if p["name"] == "equipoise:open"
    }
    assert {item: is_open[item] for item in (UNANSWERED, STALE, SIGNED)} == {
        UNANSWERED: "yes",
        STALE: "yes",
        SIGNED: "no",
    }


def test_a_claim_is_about_the_model_and_asks_what_was_asked(
    papers: Answered, bom: dict[str, Any]
) -> None:
    found = claim(bom, PARTLY)
    question = papers.state(PARTLY).standing.question
    assert found["target"] == bom["metadata"]["component"]["bom-ref"]
    assert found["predicate"] == f"{question} Answered: partly met."
    assert found["reasoning"] == "Two sites are\n\nmissing."


def test_documents_are_evidence_by_content(papers: Answered, bom: dict[str, Any]) -> None:
    sha256 = file_hash(papers.document).sha256
    found = claim(bom, SIGNED)
    (reference,) = found["externalReferences"]
    assert reference["url"] == "risk%20file.md"
    assert reference["hashes"] == [{"alg": "SHA-256", "content": sha256}]
    (cited,) = evidence(bom, found["evidence"])
    assert sha256 in cited["description"]
    assert f"section 3; SHA-256 {sha256}; cited by {ANN} on 2027-11-30." in cited["description"]


def test_figures_are_evidence_with_their_sentence(papers: Answered, bom: dict[str, Any]) -> None:
    (cited,) = evidence(bom, claim(bom, WITH_FIGURE)["evidence"])
    content = cited["data"][0]["contents"]["attachment"]["content"]
    assert content.startswith("AUROC overall was 0.778 (95 % interval ")
    assert papers.audit.sha256 in cited["description"]
    (reference,) = bom["metadata"]["component"]["externalReferences"]
    assert reference["hashes"][0]["content"] == papers.audit.sha256


def test_sign_offs_that_hold_are_signatories(bom: dict[str, Any]) -> None:
    affirmation = bom["declarations"]["affirmation"]
    (signatory,) = affirmation["signatories"]
    assert (signatory["name"], signatory["role"]) == (BEN.name, BEN.role)
    serial = bom["serialNumber"].removeprefix("urn:uuid:")
    assert signatory["externalReference"]["url"] == f"urn:cdx:{serial}/1#claim%2F{SIGNED}"
    assert "Nobody affirms here" in affirmation["statement"]


def test_assessors_are_those_who_answered(bom: dict[str, Any]) -> None:
    (assessor,) = bom["declarations"]["assessors"]
    assert assessor["organization"]["contact"] == [{"name": ANN.name}]
    assert "thirdParty" not in assessor
    instruments = [a["summary"].split(".")[0] for a in bom["declarations"]["attestations"]]
    assert len(instruments) == len(set(instruments)) == 2


def test_instruments_are_standards_and_items_requirements(
    papers: Answered, bom: dict[str, Any]
) -> None:
    standards = {s["bom-ref"]: s for s in bom["definitions"]["standards"]}
    assert "requirements" not in standards["standard/nyc-local-law-144"]
    (found,) = (r for r in standards["standard/gmlp"]["requirements"] if r["identifier"] == PARTLY)
    state = papers.state(PARTLY)
    assert (found["title"], found["text"]) == (state.item.heading, state.standing.question)


def test_the_model_is_named_and_hashed(papers: Answered, bom: dict[str, Any]) -> None:
    model = bom["metadata"]["component"]
    assert model["type"] == "machine-learning-model"
    assert (model["name"], model["version"]) == ("Example risk score", "1.2")
    assert "hashes" not in model
    used = papers.audit.result.provenance
    file = FileHash(name="model.onnx", bytes=9, sha256="ab" * 32)
    provenance = used.model_copy(update={"model": file})
    result = papers.audit.result.model_copy(update={"provenance": provenance})
    audit = ResultFile(papers.audit.path, papers.audit.sha256, result)
    hashed = json.loads(cyclonedx(papers.assessment, audit, AT))["metadata"]["component"]
    assert hashed["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]


def test_the_same_answers_give_the_same_bytes(papers: Answered, text: str) -> None:
    assert cyclonedx(papers.assessment, papers.audit, AT) == text
    later = json.loads(cyclonedx(papers.assessment, papers.audit, AT.replace(hour=11)))
    assert later["serialNumber"] != json.loads(text)["serialNumber"]
