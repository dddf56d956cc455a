import io
import json
from collections.abc import Callable
from dataclasses import replace

import pikepdf
import pytest

from audit.problems import InputError
from audit.result import AuditResult
from reports.attachments import attachments
from reports.papers import Papers
from reports.pdf import render_pdf
from reports.verification import Check, attached, verify, words_of
from tests.reports.brief import brief, brief_papers
from tests.reports.conftest import Rendered


@pytest.fixture(scope="module")
def pdf(rendered: Rendered) -> bytes:
    return rendered(brief_papers())


def outcomes(checks: list[Check]) -> set[str]:
    return {check.outcome for check in checks}


def with_attachments(pdf: bytes, change: Callable[[pikepdf.Pdf], None]) -> bytes:
    """The document with its attachments changed, its pages as they were."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        change(document)
        stream = io.BytesIO()
        document.save(stream)
        return stream.getvalue()


def put(document: pikepdf.Pdf, name: str, content: bytes) -> None:
    document.attachments[name] = pikepdf.AttachedFileSpec(document, content, filename=name)


def test_a_dossier_as_it_was_made_is_the_same_throughout(pdf: bytes) -> None:
    checks = verify(pdf, "dossier.pdf")
    assert outcomes(checks) == {"same"}
    assert checks[-1].what == "printed figures"
    assert checks[-1].detail.endswith("byte for byte")
    names = [
        entry["name"] for entry in json.loads(attached(pdf, "d")["manifest.json"])["attachments"]
    ]
    assert [c.what for c in checks[: len(names)]] == names


def test_another_audit_attached_is_found_by_its_hash(pdf: bytes) -> None:
    other = brief().model_copy(update={"schema_version": "1.1"}).to_json().encode()
    forged = with_attachments(pdf, lambda d: put(d, "audit.json", other))
    checks = {check.what: check for check in verify(forged, "d")}
    assert checks["audit.json"].outcome == "differs"
    assert checks["printed figures"].outcome == "not_checked"


@pytest.mark.usefixtures("kept")
def test_attachments_that_are_missing_or_added_are_named(pdf: bytes) -> None:
    def change(document: pikepdf.Pdf) -> None:
        del document.attachments["ro-crate-metadata.json"]
        put(document, "note.txt", b"x")

    checks = {check.what: check for check in verify(with_attachments(pdf, change), "d")}
    assert checks["ro-crate-metadata.json"].detail == "it is in the manifest and not attached"
    assert checks["note.txt"].detail == "it is attached and not in the manifest"


def better(result: AuditResult) -> AuditResult:
    """The audit with one figure improved: what somebody might wish to print."""
    estimates = [
        e.model_copy(update={"value": 0.999}) if e.id == "sensitivity/overall" else e
        for e in result.estimates
    ]
    return result.model_copy(update={"estimates": tuple(estimates)})


@pytest.mark.usefixtures("kept")
def test_a_printed_figure_that_the_audit_does_not_give_is_reported_with_its_page() -> None:
    honest = brief_papers()
    embellished = Papers(better(brief()), honest.audit_json)
    # The pages are those of the better figures, the attachments those of the true audit.
    pages = render_pdf(embellished)
    true = {f.name: f.content for f in attachments(honest)}

    def change(document: pikepdf.Pdf) -> None:
        for name, content in true.items():
            put(document, name, content)

    checks = [c for c in verify(with_attachments(pages, change), "d") if c.outcome == "differs"]
    assert checks
    told = [c.detail for c in checks if "0.999" in c.detail]
    value = next(e.value for e in brief().estimates if e.id == "sensitivity/overall")
    assert value is not None
    assert told
    assert all(f"{value:.3f}" in detail for detail in told)
    assert all(c.what.startswith("page ") for c in checks if c.detail in told)


@pytest.mark.usefixtures("kept")
def test_what_is_appended_after_the_document_does_not_count_against_it(pdf: bytes) -> None:
    checks = verify(pdf + b"\n% a signature would stand here\n", "d")
    assert outcomes(checks) == {"same"}
    assert "appended" in checks[-1].detail


@pytest.mark.usefixtures("kept")
def test_other_bytes_with_the_same_words_are_the_same(pdf: bytes) -> None:
    checks = verify(with_attachments(pdf, lambda _: None), "d")
    assert outcomes(checks) == {"same"}
    assert "every word the same" in checks[-1].detail


def test_the_previous_audit_goes_with_the_document() -> None:
    before = brief_papers()
    found = replace(before, previous=before.result, previous_json=before.audit_json)
    made = render_pdf(found)
    assert attached(made, "d")["previous-audit.json"] == before.audit_json
    assert outcomes(verify(made, "d")) == {"same"}


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7 broken", b"plain text"])
def test_what_is_no_pdf_is_told_in_one_line(content: bytes) -> None:
    with pytest.raises(InputError) as caught:
        verify(content, "x.pdf")
    assert [p.code for p in caught.value.problems] == ["bad_pdf"]


def test_a_pdf_without_a_manifest_is_no_dossier() -> None:
    with pikepdf.new() as document:
        document.add_blank_page()
        stream = io.BytesIO()
        document.save(stream)
    with pytest.raises(InputError) as caught:
        verify(stream.getvalue(), "x.pdf")
    assert caught.value.problems[0].code == "not_a_dossier"


def test_words_are_read_page_by_page(pdf: bytes) -> None:
    pages = words_of(pdf)
    assert len(pages) > 5
    assert all(page[-4] == "Page" or "Page" in page for page in pages)


def test_manifest_names_what_the_document_was_made_with(pdf: bytes) -> None:
    manifest = json.loads(attached(pdf, "d")["manifest.json"])
    assert manifest["document"] == {"template": "full", "checklists_as_of": None}
    crate = json.loads(attached(pdf, "d")["ro-crate-metadata.json"])
    by_id = {entry["@id"]: entry for entry in crate["@graph"]}
    assert by_id["ro-crate-metadata.json"]["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    listed = [part["@id"] for part in by_id["./"]["hasPart"]]
    assert listed == ["audit.json", "equipoise.json", "estimates.csv"]
    for entry in manifest["attachments"]:
        if entry["name"] in listed:
            assert by_id[entry["name"]]["sha256"] == entry["sha256"]
    action = by_id["#audit"]
    assert action["@type"] == "CreateAction"
    assert action["name"] == brief().provenance.command
    assert len(action["object"]) == len(brief().provenance.data) == 1
