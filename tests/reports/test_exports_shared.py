"""What is withheld from a shared audit stands in none of its exports."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from checklists.figures import figures
from reports.cyclonedx import cyclonedx
from reports.exports.chai import chai
from reports.exports.hugging_face import hugging_face
from reports.exports.in_toto import in_toto
from reports.exports.ml_bom import ml_bom
from reports.exports.record import audit_file
from reports.exports.tidy import tidy_csv, tidy_parquet
from reports.exports.workbook import workbook
from reports.oscal import oscal
from reports.papers import Papers
from tests.reports.answered import AT
from tests.reports.exported import beside, pair, with_answers
from tests.reports.sample import papers_of


def parquet_text(papers: Papers) -> str:
    table = pq.read_table(io.BytesIO(tidy_parquet(papers)))
    return "\n".join(repr(value) for row in table.to_pylist() for value in row.values())


def workbook_text(papers: Papers) -> str:
    with zipfile.ZipFile(io.BytesIO(workbook(papers))) as book:
        return "\n".join(book.read(n).decode() for n in book.namelist() if n.endswith(".xml"))


EXPORTS: dict[str, Callable[[Papers], str]] = {
    "ml-bom": ml_bom,
    "chai": lambda p: chai(p).decode(),
    "huggingface": hugging_face,
    "in-toto": in_toto,
    "csv": lambda p: tidy_csv(p).decode(),
    "parquet": parquet_text,
    "xlsx": workbook_text,
}
DIGITS = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")


def found_numbers(text: str) -> set[str]:
    """Every number with decimals, at the digits that all formats keep."""
    return {f"{float(word):.12g}" for word in DIGITS.findall(text)}


def withheld_numbers() -> set[str]:
    """Values and ends that are withheld and stand nowhere in what is shared."""
    numbers = {n for r in pair().withheld for n in (r.value, r.lower, r.upper) if n is not None}
    written = {f"{n:.12g}" for n in numbers}
    return {w for w in written if len(w) > 9} - found_numbers(pair().shared.to_json())


def sentences() -> list[str]:
    """What the full audit says of its figures and the shared one does not."""
    kept = set(figures(pair().shared).values())
    told = figures(pair().full)
    return [told[r.id] for r in pair().withheld if told[r.id] not in kept]


@pytest.mark.parametrize("format", EXPORTS)
def test_no_withheld_figure_leaves(format: str) -> None:
    text = EXPORTS[format](papers_of(pair().shared))
    assert not withheld_numbers() & found_numbers(text)
    plain = text.replace("\\", "")
    assert not [sentence for sentence in sentences() if sentence in plain]


@pytest.mark.parametrize("format", ["ml-bom", "huggingface", "csv", "parquet", "xlsx"])
def test_the_check_itself_finds_figures(format: str) -> None:
    text = EXPORTS[format](papers_of(pair().full))
    assert withheld_numbers() & found_numbers(text)


def test_there_is_something_to_withhold() -> None:
    assert len(withheld_numbers()) > 100
    assert len(sentences()) > 100


@pytest.mark.parametrize("format", EXPORTS)
def test_no_figure_that_an_answer_cited_from_the_full_audit_leaves(
    format: str, tmp_path: Path
) -> None:
    full = with_answers(tmp_path, pair().full)
    (cited,) = [s for s in full.states.values() if s.item.id == "CHAI-W.2"]
    assert cited.answer is not None
    statement = getattr(cited.answer.evidence[0], "statement", "")
    assert statement in sentences()
    shared = EXPORTS[format](beside(tmp_path, pair().shared)).replace("\\", "")
    assert statement not in shared
    assert not withheld_numbers() & found_numbers(shared)
    if format in ("ml-bom", "chai", "xlsx"):
        assert "Withheld: it was read from another audit than the shared one." in shared
        whole = EXPORTS[format](full).replace("\\", "")
        assert statement in whole


def test_nor_does_it_with_the_checklists_alone(tmp_path: Path) -> None:
    with_answers(tmp_path, pair().full)
    shared = beside(tmp_path, pair().shared)
    assert shared.assessment is not None
    file = audit_file(shared)
    for text in (cyclonedx(shared.assessment, file, AT), oscal(shared.assessment, file, AT)):
        assert "Withheld: it was read from another audit" in text
        assert not withheld_numbers() & found_numbers(text)
        assert not [sentence for sentence in sentences() if sentence in text]
