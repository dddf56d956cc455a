import json
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from audit.result import FileHash
from checklists.croissant import DatasetClaims, parse_croissant
from reports import sections
from reports.blocks import Bullets, Table, Text
from reports.outline import OutlineSection, outline
from reports.parts.dataset_claims import PRINT_FILES, blocks
from reports.pdf import render_pdf
from tests.reports.brief import brief_papers
from tests.reports.sample import sample
from tests.reports.validators import assert_conforms

AUDITED = sample().provenance.data
LONG = "The rows were drawn from the register of one hospital. " * 40


def claims(**more: Any) -> DatasetClaims:
    content = {
        "@type": "sc:Dataset",
        "name": "Hearts <b>",
        "dct:conformsTo": "http://mlcommons.org/croissant/1.1",
        "url": "https://example.org/hearts",
        "rai:dataCollection": LONG,
        "rai:dataBiases": ["Few women & <i>no</i> children.", "רק גברים"],
        "distribution": [{"name": "h.csv", "sha256": AUDITED[0].sha256.upper()}, {"name": "i.csv"}],
    } | more
    return parse_croissant(json.dumps(content), "metadata.json")


def rows(claims: DatasetClaims) -> dict[str, str]:
    table = next(b for b in blocks(claims, AUDITED) if isinstance(b, Table))
    return {r.cells[0].text: r.cells[1].text for g in table.groups for r in g.rows}


def test_without_a_record_there_is_nothing() -> None:
    assert blocks(None, AUDITED) == []


def test_everything_is_marked_as_claimed() -> None:
    made = blocks(claims(), AUDITED)
    assert isinstance(made[0], Text)
    said = made[0].paragraphs[0]
    assert said.startswith("All of this section is claimed by the provider of the dataset Hearts")
    assert f"in a Croissant record (SHA-256 {claims().sha256})" in said
    assert "The audit checked none of it." in said
    for table in made:
        if isinstance(table, Table):
            assert "claimed by the provider" in table.caption


def test_claims_are_printed_as_they_are() -> None:
    found = rows(claims())
    assert found["Known biases"] == "Few women & <i>no</i> children. • רק גברים"
    assert found["Address"] == "example.org/hearts"
    assert list(found) == ["Address", "How the data were collected", "Known biases"]


def test_what_the_provider_says_nothing_of_is_listed() -> None:
    (silent,) = [b for b in blocks(claims(), AUDITED) if isinstance(b, Bullets)]
    assert silent.lead == "The provider says nothing of:"
    assert "Known limitations" in silent.items
    assert len(silent.items) == 18


def test_files_are_held_against_those_that_were_audited() -> None:
    made = blocks(claims(), AUDITED)
    table = made[-1]
    assert isinstance(table, Table)
    found = [[c.text for c in r.cells] for g in table.groups for r in g.rows]
    sha256 = AUDITED[0].sha256
    assert found == [
        ["h.csv", sha256, "yes, as predictions.parquet"],
        ["i.csv", "not stated", "cannot be told"],
    ]
    assert isinstance(made[0], Text)
    assert "is one that was audited, by content" in made[0].paragraphs[0]


def test_a_record_of_other_files_is_a_claim_itself() -> None:
    other = [FileHash(name="predictions.parquet", bytes=1, sha256="ef" * 32)]
    made = blocks(claims(), other)
    assert isinstance(made[0], Text)
    assert "whether it speaks of these data is itself a claim" in made[0].paragraphs[0]
    table = made[-1]
    assert isinstance(table, Table)
    assert [r.cells[2].text for g in table.groups for r in g.rows] == ["no", "cannot be told"]


def test_two_hundred_files_are_for_the_screen() -> None:
    files = [{"name": f"{n}.csv"} for n in range(200)]
    table = blocks(claims(distribution=files), AUDITED)[-1]
    assert isinstance(table, Table)
    assert sum(not r.screen_only for g in table.groups for r in g.rows) == PRINT_FILES


def test_a_record_that_says_nothing_has_no_empty_table() -> None:
    bare = claims(url=None, distribution=None, **{"rai:dataCollection": "", "rai:dataBiases": []})
    made = blocks(bare, AUDITED)
    assert not any(isinstance(b, Table) for b in made)
    assert any(isinstance(b, Bullets) for b in made)


def test_the_pdf_with_it_conforms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        sections.BUILDERS, "dataset_claims", lambda p: blocks(claims(), p.result.provenance.data)
    )
    section = OutlineSection(id="claims", title="Claimed", parts=("dataset_claims",))
    full = outline("full")
    longer = full.model_copy(update={"sections": (*full.sections, section)})
    for module in ("pdf", "view"):
        monkeypatch.setattr(f"reports.{module}.outline", lambda id: longer)
    pdf = render_pdf(brief_papers())
    assert_conforms(pdf, tmp_path)
    (tmp_path / "made.pdf").write_bytes(pdf)
    text = "".join(page.extract_text() for page in PdfReader(tmp_path / "made.pdf").pages)
    assert "Few women & <i>no</i> children." in " ".join(text.split())
