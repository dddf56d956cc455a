"""Answers that were signed in full and leave with figures withheld: signed there, and not here."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from checklists.answers import Answer, replaced, reviewed
from checklists.answers_file import change_answer, parse_answers, read_answers
from checklists.coverage import coverages
from commands.checklist.desk import open_desk
from commands.checklist.lint import lint_findings
from commands.checklist.texts import answer_lines
from commands.papers import Named, gather
from reports.attachments import attachments
from reports.checklist_text import checklist_json, checklist_markdown
from reports.cyclonedx import cyclonedx
from reports.exports.record import audit_file
from reports.exports.workbook import workbook
from reports.oscal import oscal
from reports.outline import outline, outlines
from reports.papers import Papers
from reports.view import build_view
from tests.reports.answered import AT, BEN
from tests.reports.channels import AS_OF, cells_of, lay_out, lines_of
from tests.reports.nasty import CASES, full

NAME = "few-positives"
CITED = ["sensitivity/race=C", "verdict/floor"]
SAID = "signed in the full version by Ben Beispiel (Quality manager), 2027-12-02"
LATER = datetime(2027, 12, 2, 10, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lay_out(tmp_path / "product", CASES[NAME].plan, full(NAME), CITED)
    return tmp_path / "product"


def made(folder: Path, template: str = "full", share: bool = True) -> Papers:
    named = Named(
        folder / "out" / "audit.json",
        folder / "equipoise.yaml",
        answers=folder / "answers.yaml",
        as_of=AS_OF,
        share=share,
    )
    return gather(named, outline(template))


@cache
def papers(template: str = "full", share: bool = True) -> Papers:
    with TemporaryDirectory() as place:
        folder = Path(place) / "product"
        lay_out(folder, CASES[NAME].plan, full(NAME), CITED)
        return made(folder, template, share)


def given(papers: Papers) -> dict[str, Answer]:
    assert papers.answers_text is not None
    return parse_answers(papers.answers_text, "answers").answers


def changed(folder: Path, change: Callable[[Answer], Answer]) -> str:
    """Change the first answer of a file; its item."""
    path = folder / "answers.yaml"
    id, answer = next(iter(read_answers(path).answers.items()))
    change_answer(path, id, answer, lambda _: change(answer))
    return id


def test_a_sign_off_is_told_and_not_counted() -> None:
    for answer in given(papers()).values():
        assert answer.decision() is None
        assert answer.standing_reviews() == ()
        assert answer.full_version_text() == SAID
    for found in coverages(papers().assessment):  # type: ignore[arg-type]
        assert found.coverage.unsigned == found.coverage.items - _open(found.instrument.id)
        assert found.coverage.unsigned


def _open(instrument: str) -> int:
    states = papers().states.values()
    return sum(s.counted and s.answer is None for s in states if s.instrument.id == instrument)


@pytest.mark.parametrize("template", outlines())
def test_every_dossier_says_so_where_a_sign_off_stands(template: str) -> None:
    inside, left = (
        [*lines_of(build_view(papers(template, share), outline(template)))]
        for share in (False, True)
    )
    signed = [line for line in inside if f"; signed off by {BEN}" in line]
    assert len([line for line in left if f"; {SAID}" in line]) == len(signed)
    assert bool(signed) == (template in ("full", "fda", "altai"))
    assert not [line for line in left if "sign-off void" in line or "; signed off by" in line]


def test_matrix_and_list_of_reviews_say_so() -> None:
    lines = [*lines_of(build_view(papers(), outline("full")))]
    many = sum(s.counted and s.answer is not None for s in papers().states.values())
    told = f"Of the unsigned answers {many} are signed in the full version, from which this one"
    assert [line for line in lines if told in line]
    rows = [line for line in lines if "signed in the full version" in line and "09:30 UTC" in line]
    assert len(rows) == len(given(papers()))
    assert all("not of the words here" in row for row in rows)


def test_the_exports_say_so_and_attest_nothing() -> None:
    assessment = papers().assessment
    assert assessment is not None
    audit = audit_file(papers())
    escaped = SAID.replace("(", r"\(").replace(")", r"\)")
    assert f"Not signed as it stands here; {escaped}" in checklist_markdown(assessment)
    items = json.loads(checklist_json(assessment))["items"]
    signed = [i["signed_in_full_version"] for i in items if i["answer"] is not None]
    assert {json.dumps(one) for one in signed} == {
        json.dumps({"by": BEN.model_dump(), "at": "2027-12-02T09:30:00Z"})
    }
    assert {i["decision"] for i in items} == {None}
    assert any(SAID in row for row in cells_of(workbook(papers()), "checklists"))
    results = json.loads(oscal(assessment, audit, AT))["assessment-results"]["results"]
    assert SAID in json.dumps(results)
    assert "attestations" not in results[0]
    bom = json.loads(cyclonedx(assessment, audit, AT))
    assert f"Not signed off as it stands here; {SAID}." in json.dumps(bom)
    assert "affirmation" not in bom["declarations"]


def test_the_commands_on_shared_answers_say_so(folder: Path) -> None:
    shared = papers()
    (folder / "answers.yaml").write_text(shared.answers_text or "", "utf-8")
    (folder / "out" / "audit.json").write_bytes(shared.audit_json)
    assert given(made(folder, share=False)) == given(shared)
    desk = open_desk(folder / "equipoise.yaml", folder / "answers.yaml", None, AS_OF)
    found = lint_findings(desk.assess(), strict=False)
    assert [line for line in found if f"{SAID}, not as it stands here; review it" in line]
    assert not [line for line in found if "edited after its sign-off" in line]
    (answer, *_) = given(shared).values()
    told = " ".join(" ".join(answer_lines(answer)).split())
    assert f"not signed as it stands here; {SAID}" in told


def test_an_edit_of_the_shared_answer_voids_that_too() -> None:
    (answer, *_) = given(papers()).values()
    edited = answer.model_copy(update={"rationale": "Another."})
    assert edited.full_version_text() == ""
    assert edited.voided()


def test_who_reviews_the_shared_answer_reviews_that_one() -> None:
    (answer, *_) = given(papers()).values()
    accepted = reviewed(answer, "accepted", BEN, LATER)
    assert (accepted.decision(), accepted.full_version_text()) == ("accepted", "")


def test_no_more_is_claimed_than_was_signed(folder: Path) -> None:
    """An answer edited after its sign-off, or sent back, was not signed in the full version."""
    id = changed(folder, lambda a: a.model_copy(update={"rationale": "Edited since."}))
    answer = given(made(folder))[id]
    assert (answer.full_version_text(), answer.voided()) == ("", True)
    shutil.rmtree(folder)
    lay_out(folder, CASES[NAME].plan, full(NAME), CITED)
    id = changed(folder, lambda a: reviewed(a, "changes_requested", BEN, LATER, "Say more."))
    assert given(made(folder))[id].full_version_text() == ""


def test_what_is_not_reworded_stays_signed(folder: Path) -> None:
    def without_figures(answer: Answer) -> Answer:
        bare = answer.model_copy(update={"evidence": (), "reviews": ()})
        accepted = reviewed(bare, "accepted", BEN, AT)
        return reviewed(accepted, "signed_off", BEN, AT)

    id = changed(folder, without_figures)
    answer = given(made(folder))[id]
    assert (answer.decision(), answer.full_version_text()) == ("signed_off", "")


def test_no_hash_of_withheld_words_leaves(folder: Path) -> None:
    """Who holds the hash of a sentence finds its counts by trying them."""
    path = folder / "answers.yaml"
    id, first = next(iter(read_answers(path).answers.items()))
    second = replaced(first.model_copy(update={"rationale": "New.", "reviews": ()}), first)
    change_answer(path, id, first, lambda _: second)
    hashes = {a.sha256() for a in read_answers(path).answers.values()} | {first.sha256()}
    audit = made(folder, share=False).audit_json
    files = {f.name: f.content.decode("utf-8-sig") for f in attachments(made(folder), "full")}
    assert [name for name, text in files.items() if any(h in text for h in hashes)] == []
    whole = sha256(audit).hexdigest()
    assert [name for name, text in files.items() if whole in text] == []
    before = attachments(made(folder, share=False), "full")
    assert any(h in f.content.decode("utf-8-sig") for f in before for h in hashes)
