import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from trestle.oscal.assessment_results import Model

from audit.provenance import file_hash
from audit.result_file import ResultFile
from checklists.assessment import ItemState
from reports.exchange import NOTICE, NS, doubts, href
from reports.oscal import oscal
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
    return oscal(papers.assessment, papers.audit, AT)


@pytest.fixture(scope="module")
def document(text: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(text)["assessment-results"]
    return content


def result(document: dict[str, Any], instrument: str) -> dict[str, Any]:
    return next(r for r in document["results"] if prop(r, "instrument") == instrument)


def prop(part: dict[str, Any], name: str) -> str | None:
    return next((p["value"] for p in part.get("props", ()) if p["name"] == name), None)


def of_item(document: dict[str, Any], kind: str, item: str) -> list[dict[str, Any]]:
    parts = (part for r in document["results"] for part in r.get(kind, ()))
    return [part for part in parts if prop(part, "item-id") == item]


def walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from walk(part)
    elif isinstance(value, list):
        for part in value:
            yield from walk(part)


def test_trestle_reads_it_and_loses_nothing(text: str, document: dict[str, Any]) -> None:
    model = Model.model_validate_json(text).assessment_results
    assert model.uuid == document["uuid"]
    assert [r.title for r in model.results] == [r["title"] for r in document["results"]]


def test_trestle_reads_one_without_answers(tmp_path: Path) -> None:
    papers = unanswered(tmp_path)
    text = oscal(papers.assessment, None, AT)
    Model.model_validate_json(text)
    assert "findings" not in text
    assert "attestations" not in text


@pytest.mark.parametrize(
    ("item", "state", "reason"),
    [
        (SIGNED, "satisfied", "pass"),
        (WITH_FIGURE, "satisfied", "pass"),
        (PARTLY, "not-satisfied", "fail"),
        (NOT_MET, "not-satisfied", "fail"),
        (NOT_APPLICABLE, "not-satisfied", "other"),
        (STALE, "not-satisfied", "other"),
        (CONTRADICTED, "not-satisfied", "other"),
        (SENT_BACK, "not-satisfied", "other"),
    ],
)
def test_what_a_finding_says(document: dict[str, Any], item: str, state: str, reason: str) -> None:
    (finding,) = of_item(document, "findings", item)
    status = finding["target"]["status"]
    assert (status["state"], status["reason"]) == (state, reason)
    assert ("remarks" in status) == (reason == "other")


def test_satisfied_is_only_what_is_met_and_undisputed(
    papers: Answered, document: dict[str, Any]
) -> None:
    def holds(state: ItemState) -> bool:
        return state.counted and state.judged and state.status == "met" and not doubts(state)

    found = [f for r in document["results"] for f in r.get("findings", ())]
    satisfied = [f for f in found if f["target"]["status"]["state"] == "satisfied"]
    items = papers.assessment.items
    assert [prop(f, "item-id") for f in satisfied] == [s.item.id for s in items if holds(s)]
    assert len(found) > len(satisfied) > 1


def test_what_only_describes_the_system_satisfies_nothing(document: dict[str, Any]) -> None:
    assert of_item(document, "findings", BARE) == []
    assert len(of_item(document, "observations", BARE)) == 1
    remarks = result(document, "fda-cybersecurity")["remarks"]
    assert f"Described, without a judgement: {BARE}." in remarks


def test_what_nobody_assessed_has_no_finding_and_is_named(document: dict[str, Any]) -> None:
    assert of_item(document, "findings", UNANSWERED) == []
    assert of_item(document, "observations", UNANSWERED) == []
    remarks = result(document, "gmlp")["remarks"]
    assert remarks == f"Not assessed: GMLP-6, GMLP-9, {UNANSWERED}."


def test_not_applicable_is_told_with_its_reason(document: dict[str, Any]) -> None:
    (finding,) = of_item(document, "findings", NOT_APPLICABLE)
    told = {"state": "not-applicable", "remarks": "No person is in the loop."}
    assert finding["target"]["implementation-status"] == told


def test_stale_answers_say_why_and_their_sign_off_is_left_out(document: dict[str, Any]) -> None:
    (finding,) = of_item(document, "findings", STALE)
    assert "the file changed since it was cited" in finding["target"]["status"]["remarks"]
    assert prop(finding, "decision") == "signed_off"
    parts = [p for r in document["results"] for a in r.get("attestations", ()) for p in a["parts"]]
    assert [prop(p, "item-id") for p in parts] == [SIGNED]


def test_a_sign_off_is_an_attestation_of_the_signer(
    papers: Answered, document: dict[str, Any]
) -> None:
    (attestation,) = result(document, "gmlp")["attestations"]
    (responsible,) = attestation["responsible-parties"]
    parties = {p["uuid"]: p["name"] for p in document["metadata"]["parties"]}
    roles = {r["id"]: r["title"] for r in document["metadata"]["roles"]}
    assert [parties[uuid] for uuid in responsible["party-uuids"]] == [BEN.name]
    assert roles[responsible["role-id"]] == BEN.role
    (part,) = attestation["parts"]
    answer = papers.state(SIGNED).answer
    assert answer is not None
    assert prop(part, "answer-sha256") == answer.sha256()
    assert f"Signed off by {BEN} on 2027-12-01 as answered: met." in part["prose"]


@pytest.mark.parametrize(
    ("item", "methods"),
    [
        (SIGNED, ["EXAMINE"]),
        (WITH_FIGURE, ["TEST"]),
        (NOT_MET, ["INTERVIEW"]),
        (BARE, ["INTERVIEW"]),
    ],
)
def test_methods_follow_from_the_evidence(
    document: dict[str, Any], item: str, methods: list[str]
) -> None:
    (observation,) = of_item(document, "observations", item)
    assert observation["methods"] == methods
    assert observation["collected"] == "2027-11-30T08:00:00Z"


def test_a_document_is_found_by_path_and_hash(papers: Answered, document: dict[str, Any]) -> None:
    (observation,) = of_item(document, "observations", SIGNED)
    (evidence,) = observation["relevant-evidence"]
    sha256 = file_hash(papers.document).sha256
    assert evidence["href"] == "risk%20file.md"
    assert (prop(evidence, "sha256"), prop(evidence, "locator")) == (sha256, "section 3")
    uuid = evidence["links"][0]["href"].removeprefix("#")
    (resource,) = (r for r in document["back-matter"]["resources"] if r["uuid"] == uuid)
    hashes = [{"algorithm": "SHA-256", "value": sha256}]
    assert resource["rlinks"] == [{"href": "risk%20file.md", "hashes": hashes}]


def test_a_figure_is_told_with_its_audit(papers: Answered, document: dict[str, Any]) -> None:
    (observation,) = of_item(document, "observations", WITH_FIGURE)
    (evidence,) = observation["relevant-evidence"]
    assert evidence["description"].startswith("AUROC overall was 0.778 (95 % interval ")
    assert (prop(evidence, "figure"), evidence["href"]) == ("auroc/overall", "out/audit.json")
    assert prop(evidence, "sha256") == papers.audit.sha256
    audits = [r for r in document["back-matter"]["resources"] if prop(r, "type") == "tool-output"]
    assert [r["title"] for r in audits] == ["out/audit.json"]


def test_every_reference_leads_somewhere_and_no_uuid_is_used_twice(
    document: dict[str, Any],
) -> None:
    parts = list(walk(document))
    uuids = [part["uuid"] for part in parts if "uuid" in part]
    assert len(uuids) == len(set(uuids))
    used = {part["href"][1:] for part in parts if part.get("href", "").startswith("#")}
    used |= {part[key] for part in parts for key in ("actor-uuid", "subject-uuid") if key in part}
    used |= {part["observation-uuid"] for part in parts if "observation-uuid" in part}
    assert used <= set(uuids)
    assert document["import-ap"]["href"].removeprefix("#") in uuids
    defined = {part["id"] for part in parts if part.get("name") == "assessment-objective"}
    assert {part["target-id"] for part in parts if "target-id" in part} <= defined
    assert {part["objective-id"] for part in parts if "objective-id" in part} == defined


def test_ids_are_tokens_and_the_original_is_kept(document: dict[str, Any]) -> None:
    objectives = document["local-definitions"]["objectives-and-methods"]
    ids = {prop(o, "item-id"): o["control-id"] for o in objectives}
    assert ids[BARE] == "_524B-c"
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9._-]*", id) for id in ids.values())
    reviewed = result(document, "gmlp")["reviewed-controls"]["control-selections"]
    assert reviewed == [{"include-controls": [{"control-id": f"GMLP-{n}"} for n in range(1, 11)]}]


def test_own_properties_are_in_our_namespace(document: dict[str, Any]) -> None:
    props = [p for part in walk(document) for p in part.get("props", ())]
    assert {p.get("ns") for p in props} == {None, NS}
    assert {p["name"] for p in props if "ns" not in p} == {"method", "method-id", "type"}


def test_an_instrument_that_asks_nothing_reviews_nothing(document: dict[str, Any]) -> None:
    aside = result(document, "nyc-local-law-144")
    (selection,) = aside["reviewed-controls"]["control-selections"]
    assert selection["include-controls"] == selection["exclude-controls"]
    assert "findings" not in aside
    assert aside["remarks"] == "Not in scope: 5 items."


def test_metadata_names_people_and_claims_no_compliance(document: dict[str, Any]) -> None:
    metadata = document["metadata"]
    assert metadata["remarks"] == NOTICE
    assert metadata["last-modified"] == "2027-12-02T09:30:00Z"
    names = {p["name"]: p["type"] for p in metadata["parties"]}
    assert names == {ANN.name: "person", BEN.name: "person", "Example Ltd": "organization"}


def test_the_same_answers_give_the_same_bytes(papers: Answered, text: str) -> None:
    assert oscal(papers.assessment, papers.audit, AT) == text
    later = json.loads(oscal(papers.assessment, papers.audit, AT.replace(hour=11)))
    before = json.loads(text)
    assert later["assessment-results"]["uuid"] != before["assessment-results"]["uuid"]
    for kind in ("observations", "findings"):
        old, new = (d["assessment-results"]["results"][1][kind] for d in (before, later))
        assert old == new


def test_paths_become_references() -> None:
    assert href("a b/c:d#e.pdf") == "a%20b/c%3Ad%23e.pdf"


def test_folders_around_the_project_are_not_told(tmp_path: Path) -> None:
    folder = tmp_path / "product"
    folder.mkdir()
    papers = unanswered(folder)
    elsewhere = ResultFile(tmp_path / "secret" / "run.json", "ab" * 32, papers.audit.result)
    text = oscal(papers.assessment, elsewhere, AT)
    assert '"title": "run.json"' in text
    assert "secret" not in text
