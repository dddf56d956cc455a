import hashlib
import io
import json
import logging
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from audit.result import AuditResult
from reports.drawing import DrawnAside
from reports.papers import Papers
from reports.pdf import UNSTATED, RenderError, _errors_raise, document_date, render_pdf
from reports.words import STATUS, VERDICT
from tests.reports.brief import brief_papers
from tests.reports.conftest import Rendered
from tests.reports.ingredients import in_a_fresh_process, ingredients
from tests.reports.sample import LEVELS, papers, papers_of, sample, sample_dict
from tests.reports.validators import PROFILES, assert_conforms, needs

ROOT = Path(__file__).parents[2]
PLAN = "version: 1\ntitle: made up\n"
LISTED = ["audit.json", "equipoise.yaml", "estimates.csv", "ro-crate-metadata.json"]
IN_A_FRESH_PROCESS = """
import hashlib
from reports.pdf import render_pdf
from tests.reports.brief import brief_papers
from tests.reports.ingredients import ingredients
from tests.reports.sample import papers
print(hashlib.sha256(render_pdf(brief_papers("version: 1\\n"))).hexdigest())
print(ingredients(papers("version: 1\\ntitle: made up\\n")))
"""


@pytest.fixture(scope="module")
def pdf(rendered: Rendered) -> bytes:
    return rendered(papers(PLAN))


@pytest.fixture(scope="module")
def text(pdf: bytes) -> str:
    pymupdf = needs("pymupdf")
    with pymupdf.open(stream=pdf) as document:
        return "\n".join(page.get_text() for page in document)


@pytest.fixture(scope="module")
def attached(pdf: bytes) -> dict[str, bytes]:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return {k: v.get_file().read_bytes() for k, v in document.attachments.items()}


def test_both_validators_accept_it(pdf: bytes, tmp_path: Path) -> None:
    assert_conforms(pdf, tmp_path)


@pytest.fixture(scope="module")
def short() -> bytes:
    return render_pdf(brief_papers("version: 1\n"))


def test_the_same_inputs_give_the_same_bytes_wherever_figures_are_drawn(short: bytes) -> None:
    with DrawnAside() as draw:
        made = render_pdf(brief_papers("version: 1\n"), draw=draw)
        assert draw.worked
    assert made == short


def test_another_process_and_clock_give_the_same_bytes(short: bytes) -> None:
    """The bytes of a short document, and all that the long one is laid out from."""
    laid_out, long = in_a_fresh_process(IN_A_FRESH_PROCESS)
    assert laid_out == hashlib.sha256(short).hexdigest()
    assert long == ingredients(papers(PLAN))


def test_attachments_are_what_the_manifest_says(attached: dict[str, bytes]) -> None:
    assert set(attached) == {*LISTED, "manifest.json"}
    manifest = json.loads(attached["manifest.json"])
    assert [a["name"] for a in manifest["attachments"]] == LISTED
    for entry in manifest["attachments"]:
        content = attached[entry["name"]]
        assert entry["bytes"] == len(content)
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
    assert AuditResult.from_json(attached["audit.json"]) == sample()
    assert manifest["inputs"]["data"][0]["sha256"] == sample().provenance.data[0].sha256


def test_the_footer_names_the_manifest(text: str, attached: dict[str, bytes]) -> None:
    short = hashlib.sha256(attached["manifest.json"]).hexdigest()[:12]
    pages = int(re.findall(r"Page 1 of (\d+)", text)[0])
    assert text.count(f"Manifest {short}") == pages


def test_a_plan_without_text_is_attached_as_json() -> None:
    from reports.attachments import attachments

    plan = attachments(papers())[1]
    assert plan.name == "equipoise.json"
    assert json.loads(plan.content) == sample().plan


def test_words_of_every_status_and_verdict(text: str) -> None:
    flat = " ".join(text.split())
    for status in ("undefined", "insufficient", "suppressed", "not_collected"):
        assert STATUS[status] in flat
    for status, (symbol, word) in VERDICT.items():
        if status != "error":  # no requirement of the sample fails to be judged
            assert word in flat
            assert symbol in flat


def test_no_machine_words_and_no_claims(text: str) -> None:
    assert not re.search(r"\b(NaN|nan|None|inf)\b(?!\))", text)
    assert not re.search(r"\b(compliant|fair|unbiased)\b", text, re.IGNORECASE)


def test_a_stream_that_ends_in_a_carriage_return_is_written_otherwise() -> None:
    page = needs("page")
    content = sample().to_json()
    # The last byte of compressed data is the low byte of its Adler checksum.
    awkward = next(
        text
        for text in (content.encode() + b" " * n + b"\t" * m for n in range(60) for m in range(60))
        if zlib.adler32(text) % 256 == ord("\r")
    )
    assert zlib.compress(awkward).endswith(b"\r")
    made = render_pdf(Papers(sample(), awkward, PLAN), "model-card")
    assert b"\r\nendstream" not in made
    report = page.validate_pdf_bytes(made, profile=page.ValidationProfile.PDF_A_3A)
    assert report.is_compliant
    with pikepdf.open(io.BytesIO(made)) as document:
        assert document.attachments["audit.json"].get_file().read_bytes() == awkward


def test_no_host_path_is_told(pdf: bytes) -> None:
    assert str(ROOT).encode() not in pdf
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert str(ROOT) not in str(document.docinfo)


def test_only_fonts_of_the_package_are_used(pdf: bytes) -> None:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        fonts = {str(o.BaseFont) for o in document.objects if _is_font(o)}
    assert fonts
    assert all("Inter" in name for name in fonts)


def _is_font(item: Any) -> bool:
    return isinstance(item, pikepdf.Dictionary) and "/BaseFont" in item


def test_date_is_stated_or_from_the_environment_or_said_to_be_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert document_date(sample()).isoformat() == "2024-06-30T00:00:00+00:00"
    undated = sample().model_copy(
        update={"provenance": sample().provenance.model_copy(update={"as_of": None})}
    )
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert document_date(undated).isoformat() == "1970-01-02T00:00:00+00:00"
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert document_date(undated) == UNSTATED


def test_environment_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    from reports.pdf import _source_date

    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    with _source_date(UNSTATED):
        assert os.environ["SOURCE_DATE_EPOCH"] == "315532800"
    assert "SOURCE_DATE_EPOCH" not in os.environ


def _write_and_log(message: str) -> Iterator[None]:
    with _errors_raise():
        logging.getLogger("weasyprint").error(message)
        yield


def test_an_unresolved_resource_stops_the_document() -> None:
    with pytest.raises(RenderError, match="Failed to load"):
        list(_write_and_log("Failed to load image"))


@pytest.mark.parametrize("url", ["https://example.org/x.png", "file:///etc/hostname"])
def test_resources_from_elsewhere_are_refused(url: str) -> None:
    from weasyprint.urls import FatalURLFetchingError

    from reports.pdf import _package_fetcher

    with pytest.raises(FatalURLFetchingError):
        _package_fetcher(lambda _: b"").fetch(url)


def test_hostile_long_and_foreign_names_do_not_break_it() -> None:
    data = sample_dict()
    names = ("<img src=file:///etc/passwd>", "L" * 120, "東京 हिन्दी", "مستشفى", "a & b ไทย")
    for attribute in data["cohort"]["attributes"]:
        if attribute["name"] == "hospital":
            attribute["levels"] = names
    renamed = dict(zip(LEVELS["hospital"], names, strict=True))
    for record in (*data["estimates"], *data["cohort"]["strata"]):
        for old, new in renamed.items():
            record["stratum"] = record["stratum"].replace(f"hospital={old}", f"hospital={new}")
    for kind in data["curves"].values():
        del kind[3:]
    data["sites"]["strata"] = [f"hospital={n}" for n in names]
    measures = ("sensitivity", "auroc", "oe_ratio")  # a third of the pages
    for part in ("estimates", "disparities"):
        data[part] = [r for r in data[part] if r["measure"] in measures]
    data["plan"] = data["plan"] | {"title": "A " + "very " * 30 + "long title <b>"}
    result = AuditResult.model_validate(data)
    made = render_pdf(papers_of(result))
    page = needs("page")
    for profile in PROFILES:
        report = page.validate_pdf_bytes(made, profile=getattr(page.ValidationProfile, profile))
        assert report.is_compliant, (profile, [f.message for f in report.failures])
