"""`--share` of documents: all of it is shared, or nothing is made."""

import shutil
from functools import cache
from pathlib import Path

import pytest
import yaml

from audit.disclosure import shareable, withheld_from
from audit.problems import InputError
from audit.result import AuditResult
from checklists.answering import figure_evidence
from checklists.answers_file import change_answer, parse_answers, read_answers
from checklists.figures import figures
from commands.checklist.desk import open_desk
from commands.dossier import run_dossier
from commands.export import FORMATS, WITH_CHECKLISTS, run_export
from commands.papers import Named, audit_alone, gather
from reports.outline import outline, outlines
from reports.papers import Papers
from reports.pdf import render_pdf
from reports.verification import attached, verify, words_of
from tests.audit.builders import write
from tests.audit.tasks.builders import class_columns, task_audit
from tests.end_to_end.command import run
from tests.reports.attacker import beside
from tests.reports.channels import AS_OF, lay_out
from tests.reports.compared import comparison, paired
from tests.reports.nasty import CASES, full, shared

NAME = "few-positives"
CASE = CASES[NAME]
CITED = ["sensitivity/race=C", "cohort/race=C", "verdict/floor", "sensitivity/race=A"]
CLASSES = """
task: multiclass
columns: {label: y, scores: {mel: p_mel, naevus: p_naevus, bcc: p_bcc}}
resamples: 100
attributes: {sex: }
"""


@pytest.fixture
def audit(tmp_path: Path) -> Path:
    """The audit with its plan, profile and answers."""
    return lay_out(tmp_path / "product", CASE.plan, full(NAME), CITED)


def named(audit: Path, share: bool = True, **more: object) -> Named:
    folder = audit.parent.parent
    rest = {"plan": folder / "equipoise.yaml", "answers": folder / "answers.yaml", "as_of": AS_OF}
    return Named(audit, share=share, **{**rest, **more})  # type: ignore[arg-type]


def papers(audit: Path, share: bool = True, **more: object) -> Papers:
    return gather(named(audit, share, **more), outline("full"))


def code(error: InputError) -> set[str]:
    return {p.code for p in error.problems}


def test_a_shared_dossier_is_whole_and_gives_nothing_away(audit: Path) -> None:
    made = gather(named(audit), outline("model-card"))
    pdf = render_pdf(made, "model-card")
    assert {c.outcome for c in verify(pdf, "dossier")} == {"same"}
    files = attached(pdf, "dossier")
    assert {"audit.json", "answers.yaml", "equipoise.yaml", "estimates.csv"} <= set(files)
    text = "\n".join(" ".join(page) for page in words_of(pdf))
    every = [text, *(content.decode("utf-8-sig") for content in files.values())]
    gone = withheld_from(shared(NAME))
    told = figures(full(NAME))
    for one in every:
        assert not [id for id, s in told.items() if any(id.endswith(g) for g in gone) and s in one]
    kept = AuditResult.from_json(files["audit.json"])
    assert withheld_from(kept) == gone
    assert not beside(text, "race=C", ["417", "479", "483"])


def test_the_attached_audit_is_what_audit_share_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(CASE.columns, tmp_path / "p.parquet")
    (tmp_path / "equipoise.yaml").write_text(CASE.plan, "utf-8")
    call = ("audit", "p.parquet", "--plan", "equipoise.yaml", "-q")
    assert run(capsys, monkeypatch, *call, "--out", "full").code == 0
    rule = ("--share", "--min-cell", "9")
    ended = run(capsys, monkeypatch, *call, *rule, "--out", "left")
    assert ended.code == 0
    file = (tmp_path / "full" / "audit.json", tmp_path / "left" / "audit.json")
    both = [Named(path, share=path == file[0], min_cell=9 if path == file[0] else None)
            for path in file]  # fmt: skip
    first, second = (audit_alone(one) for one in both)
    assert first.audit_json == second.audit_json == file[1].read_bytes()
    page = (tmp_path / "left" / "report.html").read_text("utf-8")
    assert "3 missing" not in page
    assert "The plan, without its comments" in page
    assert "3 missing" in (tmp_path / "full" / "report.html").read_text("utf-8")
    for words in (["dossier"], ["export", "--format", "csv"]):
        out = ["--out", "made.pdf"]
        ended = run(capsys, monkeypatch, *words, "full/audit.json", "--min-cell", "9", *out)
        assert ended.code == 2
        assert "--min-cell has no meaning without --share" in ended.err


def test_answers_leave_with_the_sentences_of_the_shared_audit(audit: Path) -> None:
    before, made = papers(audit, share=False), papers(audit)
    told, kept = figures(full(NAME)), figures(made.result)
    assert made.answers_text is not None
    for id in CITED:
        assert (told[id] == kept[id]) == (id == "sensitivity/race=A")
    given = parse_answers(made.answers_text, "answers").answers
    assert given.keys() == read_answers(audit.parent.parent / "answers.yaml").answers.keys()
    said = {e.statement for a in given.values() for e in a.evidence}  # type: ignore[union-attr]
    assert said == {kept[id] for id in CITED}
    assert kept["sensitivity/race=C"] == "Sensitivity in race=C is withheld for privacy."
    for one in (before, made):
        states = [s for s in one.states.values() if s.answer is not None]
        assert states
        assert not [s for s in states if s.stale]
    assert {s.decision for s in before.states.values() if s.answer is not None} == {"signed_off"}
    # A sign-off is bound to what the signer saw, and not carried over to what was reworded.
    reworded = [s.answer for s in made.states.values() if s.answer is not None]
    assert all(answer.decision() is None and answer.voided() for answer in reworded)


@pytest.mark.parametrize("template", outlines())
def test_an_audit_that_was_shared_before_has_the_same_answers(audit: Path, template: str) -> None:
    """Also where the audit that the answers were read from is not at hand."""
    made = gather(named(audit), outline(template))
    audit.write_bytes(made.audit_json)
    again = gather(named(audit, share=False), outline(template))
    assert (again.answers_text, again.plan_text) == (made.answers_text, made.plan_text)
    assert again.audit_json == made.audit_json
    assert again.assessment == made.assessment


def test_earlier_answers_and_statements_of_other_audits_are_left_out(audit: Path) -> None:
    path = audit.parent.parent / "answers.yaml"
    desk = open_desk(path.parent / "equipoise.yaml", path, None, AS_OF)
    assert desk.audit is not None
    id = "GMLP-1"
    first = desk.answers().answers[id]
    own = figure_evidence(desk.audit, CITED[0], path.parent, "In race=C three of four were found.")
    other = own.model_copy(update={"figure": "no/such", "statement": "Four were ill."})
    second = first.model_copy(
        update={"evidence": (own, other), "rationale": "New.", "history": (first,), "reviews": ()}
    )
    change_answer(path, id, first, lambda _: second)
    text = papers(audit).answers_text or ""
    assert "three of four" not in text
    assert "Four were ill" not in text
    answer = parse_answers(text, "answers").answers[id]
    assert [e.statement for e in answer.evidence] == [  # type: ignore[union-attr]
        "Sensitivity in race=C is withheld for privacy.",
        "Withheld: it was read from another audit than the shared one.",
    ]
    assert answer.history[0].rationale == "Withheld: it was said of an earlier answer."


@pytest.mark.parametrize(
    "said",
    [
        "SENTENCE",
        "Of race=C only 3 of 4 were found.",
        "We looked at race C: 483 people.",
        "The specificity in race=C was 87.1 %.",
    ],
)
def test_words_of_people_that_tell_a_withheld_number_are_refused(audit: Path, said: str) -> None:
    said = said.replace("SENTENCE", f"As found: {figures(full(NAME))['auroc/race=C']}")
    path = audit.parent.parent / "answers.yaml"
    given = read_answers(path).answers
    (first, *_) = given.values()
    harmless = "In race=C few were ill, see section 2.5; in race=A 17 were missed."
    id = next(iter(given))
    change_answer(path, id, first, lambda _: first.model_copy(update={"rationale": harmless}))
    assert papers(audit).answers_text is not None
    now = read_answers(path).answers[id]
    change_answer(path, id, now, lambda _: now.model_copy(update={"rationale": said}))
    with pytest.raises(InputError) as raised:
        papers(audit)
    assert code(raised.value) == {"withheld_figure"}
    assert {p.where for p in raised.value.problems} == {id}
    assert papers(audit, share=False).answers_text is not None


def test_comments_leave_neither_with_plan_nor_profile(audit: Path) -> None:
    assert "3 missing" in (papers(audit, share=False).plan_text or "")
    made = papers(audit)
    assert "#" not in (made.plan_text or "#")
    assert yaml.safe_load(made.plan_text or "") == yaml.safe_load(CASE.plan)
    alone = papers(audit, plan=None, profile=audit.parent.parent / "equipoise.yaml")
    assert alone.profile_text is not None
    assert "#" not in alone.profile_text


@cache
def of_classes() -> str:
    return task_audit(CLASSES, class_columns(1, 200, 100)).to_json()


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """An audit of another task, whose cells are not worked out."""
    path = tmp_path / "audit.json"
    path.write_text(of_classes(), "utf-8")
    return path


def make(kind: str, audit: Path, out: Path) -> None:
    if kind in FORMATS:
        run_export(Named(audit, share=True), kind, out)
    else:
        run_dossier(Named(audit, share=True), kind, out)


@pytest.mark.parametrize("kind", [*FORMATS, *outlines()])
def test_other_tasks_are_refused_by_every_maker(kind: str, classes: Path, tmp_path: Path) -> None:
    out = tmp_path / "made"
    with pytest.raises(InputError) as raised:
        make(kind, classes, out)
    assert code(raised.value) == {"not_shareable"}
    assert not out.exists()


@pytest.mark.parametrize("kind", [*FORMATS, *outlines()])
def test_every_maker_shares_the_audit(kind: str, audit: Path, tmp_path: Path) -> None:
    """Or is made of papers that were shared, which other tests read."""
    if kind not in FORMATS:
        assert gather(named(audit), outline(kind)).result.disclosure is not None
        return
    out = tmp_path / "made"
    shutil.copy(audit.parent.parent / "answers.yaml", audit.parent)
    shutil.copy(audit.parent.parent / "equipoise.yaml", audit.parent)
    on = AS_OF if kind in WITH_CHECKLISTS else None
    run_export(Named(audit, share=True, as_of=on), kind, out)
    content = out.read_bytes()
    run_export(Named(audit, as_of=on), kind, out)
    assert out.read_bytes() != content


@pytest.mark.parametrize("format", ["markdown", "json", "oscal", "cyclonedx", "csv", "xlsx"])
def test_checklists_are_shared_too(
    format: str, audit: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(audit.parent.parent)
    call = ("checklist", "export", "--format", format, "--as-of", AS_OF, "--out", "made")
    told = figures(full(NAME))["sensitivity/race=C"]
    texts = []
    for flags in ((), ("--share",), ("--audit", "shared.json")):
        Path("shared.json").write_bytes(papers(audit).audit_json)
        assert run(capsys, monkeypatch, *call, *flags).code == 0
        texts.append(Path("made").read_bytes().replace(b"\\", b""))
    if format not in ("csv", "xlsx"):
        assert told.encode() in texts[0]
        for text in texts[1:]:
            assert told.encode() not in text
            assert b"Sensitivity in race=C is withheld for privacy." in text
    no_audit = ("checklist", "export", "--format", format, "--share")
    shutil.rmtree("out")
    ended = run(capsys, monkeypatch, *no_audit)
    assert (ended.code, "no audit to say what is withheld" in ended.err) == (2, True)


def test_comparisons_are_not_shared(
    audit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = run(capsys, monkeypatch, "compare", "a.parquet", "--share")
    assert ended.code == 2
    assert "--share" in ended.err
    path = tmp_path / "comparison.json"
    path.write_text(comparison(paired("sensitivity", "race=C", 0.75, 0.5)).to_json(), "utf-8")
    assert papers(audit, share=False, comparison=path).comparison is not None
    with pytest.raises(InputError) as raised:
        papers(audit, comparison=path)
    assert code(raised.value) == {"not_shareable"}
    audit.write_bytes(papers(audit).audit_json)  # shared before, without the flag
    with pytest.raises(InputError) as raised:
        papers(audit, share=False, comparison=path)
    assert code(raised.value) == {"not_shareable"}


def test_the_version_before_is_shared_with_it(audit: Path, tmp_path: Path) -> None:
    before = tmp_path / "before.json"
    before.write_text(full(NAME).to_json(), "utf-8")
    made = papers(audit, previous=before)
    assert made.previous is not None
    assert made.previous.disclosure == made.result.disclosure
    assert made.previous_json == made.audit_json
    audit.write_bytes(made.audit_json)
    again = papers(audit, share=False, previous=before)
    assert again.previous_json == made.audit_json
    with pytest.raises(ValueError, match="version before"):
        Papers(made.result, made.audit_json, previous=full(NAME))
    with pytest.raises(ValueError, match="comparison"):
        Papers(made.result, made.audit_json, comparison=comparison())
    weak = shareable(full(NAME), 4)
    before.write_text(weak.to_json(), "utf-8")
    with pytest.raises(InputError) as raised:
        papers(audit, share=False, previous=before)
    assert code(raised.value) == {"not_shareable"}
