"""The sections on versions, checklists and findings, printed together."""

from pathlib import Path
from typing import Any

import pytest

from audit.comparison.records import Comparison
from audit.result import AuditResult
from checklists.answers import Answer
from checklists.catalogue import Catalogue, load_catalogue
from reports.papers import Papers
from reports.parts import altai_gaps, changes, comparison, deviations, findings, radar
from tests.checklists.papers import assessed, plain
from tests.reports import compared
from tests.reports.drawn import NAMES, with_clinics
from tests.reports.sections_of import printed, sample_data
from tests.reports.validators import assert_conforms, needs

BUILDERS = {
    "findings": findings.blocks,
    "comparison": comparison.blocks,
    "radar": radar.blocks,
    "gaps": altai_gaps.gaps,
    "changes": changes.blocks,
    "deviations": deviations.blocks,
}


def answers(catalogue: Catalogue) -> dict[str, Answer]:
    """Answers of every kind to the ALTAI, in turn."""
    kinds = (("yes", "met"), ("no", "not_met"), ("some_extent", "partly"), None)
    given = {}
    for i, item in enumerate(catalogue.instrument("altai").items):
        kind = kinds[i % len(kinds)]
        if kind is not None and item.scale == "measure":
            sha = item.sha256(item.versions[0])
            given[item.id] = plain(
                kind[1], response=kind[0], rationale=NAMES[i % len(NAMES)], item_sha256=sha
            )
    return given


@pytest.fixture(scope="module")
def hostile() -> Papers:
    result = with_clinics(200)
    data: dict[str, Any] = sample_data()
    data["provenance"]["data"][0]["sha256"] = "c" * 64
    records = [compared.worse("auroc", f"site={n}", 0.9, 0.4 + i / 10) for i, n in enumerate(NAMES)]
    records += [compared.paired("sensitivity", f"clinic={i}", 0.5, i / 200) for i in range(200)]
    records += [compared.weak("brier", "overall", 0.1, 0.2)]
    found: Comparison = compared.comparison(
        *records, flips=tuple(compared.flip(f"site={n}", "positive", 1, 2) for n in NAMES)
    )
    catalogue = load_catalogue()
    return Papers(
        result,
        result.to_json().encode(),
        assessment=assessed(catalogue, answers(catalogue)),
        previous=AuditResult.model_validate(data),
        comparison=found,
    )


def test_both_validators_accept_the_sections(
    hostile: Papers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = printed(hostile, monkeypatch, **BUILDERS)
    assert_conforms(made, tmp_path)
    pymupdf = needs("pymupdf")
    with pymupdf.open(stream=made) as document:
        text = " ".join(" ".join(page.get_text() for page in document).split())
    for name in BUILDERS:
        assert name.title() in text
    assert "<b onload=x>" in text  # markup in a name is text
    assert " NaN" not in text


def test_the_same_papers_give_the_same_bytes(
    hostile: Papers, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = {name: BUILDERS[name] for name in ("comparison", "radar")}
    first = printed(hostile, monkeypatch, **short)
    assert printed(hostile, monkeypatch, **short) == first
