"""The walk in a real terminal: every key, nothing lost, and a checklist signed off at the end."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from checklists.answers import Answer, FigureEvidence, FileEvidence
from checklists.answers_file import read_answers
from checklists.drafts import read_draft
from tests.audit.builders import audited, counted
from tests.end_to_end.command import Outcome, run
from tests.end_to_end.terminal import Terminal, need_tmux

ROOT = Path(__file__).parents[2]
HEAD = """\
title: Rules of the house for models that predict
publisher: The house
status: guidance
jurisdiction: INT
purpose: To see before use whether a model is fit for the patients of the house.
verified_on: 2026-11-01
verification: Written here.
rights: Our own words.
editions: [{id: "1", citation: "Rules of the house, first edition", published: 2026-01-01}]
timelines: {first: [{edition: "1", valid_from: 2026-01-01, status: guidance}]}
defaults: {timeline: first}
sections: [{id: data, title: Data}, {id: use, title: Use}]
"""
HOUSE = f"""\
id: a-house
short: House rules
{HEAD}
items:
  - {{id: H-1, section: data, locator: Rule 1, heading: Groups compared, scale: measure,
     question: Was the model compared between groups of patients?,
     options: {{sex: women and men, age: bands of age}}}}
  - {{id: H-2, section: data, locator: Rule 2, heading: Women and men,
     question: Is sensitivity shown for women and for men?,
     ask_if: {{item: H-1, option: [sex]}}, evidence_keys: [SUB], automation: "yes"}}
  - {{id: H-3, section: data, locator: Rule 3, heading: Why no groups,
     question: Is it justified that no groups were compared?,
     ask_if: {{item: H-1, response: ["no"]}}}}
  - {{id: H-4, section: use, locator: Rule 4, heading: Cases that are missed,
     question: Are few enough cases missed?, evidence: [Report of the audit],
     evidence_keys: [PERF], automation: "yes"}}
  - {{id: H-5, section: use, locator: Rule 5, heading: Learning in use, scale: descriptive,
     question: Does the model go on learning in use?}}
  - {{id: H-6, section: use, locator: Rule 6, heading: Phones,
     question: Is the text legible on a phone?}}
"""
GUESTS = f"""\
id: b-guests
short: Guest rules
{HEAD}
items:
  - {{id: G-1, section: use, locator: Page 1, heading: Updates, scale: descriptive,
     question: Do you say whether the model changes by itself?, maps_to: {{equal: [H-5]}}}}
  - {{id: G-2, section: use, locator: Page 2, heading: Small screens,
     question: Can everything be read on a small screen?, maps_to: {{equal: [H-6]}}}}
"""
PLAN = """
columns: {label: y, score: p}
threshold: {value: 0.4}
resamples: 100
attributes: {sex: }
requirements:
  - {id: few-missed, measure: sensitivity, floor: 0.8, rationale: A missed case goes untreated.}
"""
ENVIRONMENT = {
    "PYTHONPATH": str(ROOT),
    "LC_ALL": "C.UTF-8",
    "EQUIPOISE_NAME": "Ada Lovelace",
    "EQUIPOISE_ROLE": "developer",
    "EQUIPOISE_AS_OF": "2026-11-23",
}


@pytest.fixture(scope="module")
def audit() -> str:
    cohort = counted(F=(30, 30, 10, 60), M=(60, 30, 15, 100))
    return audited(PLAN, cohort).to_json()


@dataclass(frozen=True)
class Room:
    """A folder with the profile that `init` wrote and the instruments it follows."""

    path: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def run(self, *words: str) -> Outcome:
        return run(self.capsys, self.monkeypatch, "checklist", *words)

    def as_grace(self, *words: str) -> Outcome:
        return self.run(*words, "--as", "Grace Hopper", "--role", "clinician")

    def walk(self, *words: str) -> Terminal:
        need_tmux()
        program = [sys.executable, "-m", "cli", "checklist", "walk", *words]
        return Terminal(program, self.path, ENVIRONMENT)

    def answers(self) -> dict[str, Answer]:
        return read_answers(self.path / "answers.yaml").answers


@pytest.fixture
def room(
    tmp_path: Path, audit: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Room:
    monkeypatch.chdir(tmp_path)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    made = Room(tmp_path, capsys, monkeypatch)
    assert made.run("init").code == 0
    profile = tmp_path / "equipoise.yaml"
    text = profile.read_text(encoding="utf-8")
    for commented, stated in {
        "name: ''": "name: Triage",
        "  # role: [": "  role: [provider]  # [",
        "  # instruments:\n": "  instruments:\n    - house.yaml\n    - guests.yaml\n",
    }.items():
        assert text.count(commented) == 1, commented
        text = text.replace(commented, stated)
    profile.write_text(text, encoding="utf-8")
    (tmp_path / "out").mkdir()
    files = {"house.yaml": HOUSE, "guests.yaml": GUESTS, "out/audit.json": audit}
    for name, content in {**files, "usability.md": "# Usability\n"}.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    return made


def test_from_an_empty_folder_to_a_checklist_that_is_signed_off(room: Room) -> None:
    with room.walk() as term:
        first_sitting(term)
        assert term.ended() == 0
    assert [*room.answers()] == ["H-1", "H-2", "H-4", "H-5", "H-6"]
    with room.walk() as term:
        term.see("Guest rules: 1 of 2 answered")
        term.see("G-2 Small screens")
        term.answer("Answer:", "p")
        term.answer("Rationale", "Not yet the table.")
        term.answer("Evidence", "")
        term.see("nothing more is open here; 1 answer saved in answers.yaml")
        assert term.ended() == 0
    said(room.answers())
    reviews(room)


def first_sitting(term: Terminal) -> None:
    """Everything that can be said at a question; G-2 is skipped."""
    term.see("House rules: 0 of 4 answered")
    term.see("H-1 Groups compared")
    term.answer("Answer:", "b")
    term.see("this is the first item of this sitting")
    term.answer("Answer:", "w")
    assert "Purpose: To see before use" in term.answer("Answer:", "e")
    assert "evidence is documents" in term.answer("Answer:", "certainly")
    assert "'certainly' is none of these: y, t, n, o, x" in term.answer("Answer:", "y")
    term.answer("Which of them (comma-separated: sex, age):", "sex, hat")
    term.see("'hat' is none of: sex, age")
    term.answer("Which of them", "sex")
    term.answer("Rationale (Enter for none", "Women and men,\\")
    term.answer("…", "as the plan says.")
    term.answer("Evidence", "")
    term.see("saved H-1")

    # The rule on women and men comes up, now that they were named; the one on "no" does not.
    assert "House rules: 1 of 5 answered" in term.see("H-2 Women and men")
    term.answer("Answer:", "b")
    assert "H-1 Groups compared" in term.see("As it stands:")
    term.see("✓ yes, by Ada Lovelace (developer)")
    term.answer("Answer:", "s")
    term.see("H-2 Women and men")
    term.answer("Answer:", "e")
    term.see("(1) sensitivity/gap/sex: The largest gap of sensitivity by sex was 0.167")
    term.answer("Answer:", "met")
    term.answer("Rationale", "")
    term.answer("Evidence", "1")
    term.answer("Evidence", "2 Women are ranked no worse.")
    term.answer("Evidence", "9")
    term.see("there is no figure 9")
    term.answer("Evidence", "useability.md#page 2")
    term.see("useability.md: the file cannot be read")
    term.answer("Evidence", "usability.md#page 2")
    term.answer("Evidence", "")

    term.see("H-4 Cases that are missed")
    term.answer("Answer:", "m")
    term.answer("Rationale", "A nurse sees everybody who is not flagged.")
    term.see("(1) verdict/few-missed: The requirement 'Sensitivity at least 0.8 overall' is")
    term.answer("Evidence", "1 It misses the floor, and the nurse finds those.")
    term.answer("Evidence", "")

    term.see("H-5 Learning in use")
    term.answer("Answer:", "n")
    term.answer("Rationale", "It is frozen.")
    term.answer("Evidence", "")
    term.see("The same is asked by: - G-1 (Guest rules): Do you say whether the model changes")
    term.answer("Does this answer them too?", "perhaps")
    term.see("say y, n, or ids from the list")
    term.answer("Does this answer them too?", "y")

    term.see("H-6 Phones")
    term.answer("Answer:", "x")
    term.answer("Rationale (needed: why does it not apply", "")
    term.see("'not applicable' needs a rationale; choose again")
    term.answer("Answer [not_applicable]:", "")
    term.answer("Rationale", "No phone shows it.")
    term.answer("Evidence", "")
    term.answer("Does this answer them too?", "n")

    assert "G-1" not in term.see("G-2 Small screens")
    term.answer("Answer:", "s")
    term.see("nothing more is open here; 5 answers saved in answers.yaml")


def said(answers: dict[str, Answer]) -> None:
    """What the file holds is what was typed."""
    assert answers["H-1"].response == "yes"
    assert answers["H-1"].options == ("sex",)
    assert answers["H-1"].rationale == "Women and men,\nas the plan says."
    accepted, reworded, document = answers["H-2"].evidence
    assert isinstance(accepted, FigureEvidence)
    assert accepted.figure == "sensitivity/gap/sex"
    assert accepted.statement.startswith("The largest gap of sensitivity by sex was 0.167")
    assert isinstance(reworded, FigureEvidence)
    assert (reworded.figure, reworded.statement) == ("auroc/gap/sex", "Women are ranked no worse.")
    assert isinstance(document, FileEvidence)
    assert (document.file, document.locator) == ("usability.md", "page 2")
    (verdict,) = answers["H-4"].evidence
    assert isinstance(verdict, FigureEvidence)
    assert verdict.statement == "It misses the floor, and the nurse finds those."
    assert (answers["H-5"].status, answers["H-5"].response) == ("met", "no")
    assert [*answers["H-5"].also] == ["G-1"]
    assert answers["H-6"].status == "not_applicable"
    assert (answers["H-6"].rationale, answers["H-6"].also) == ("No phone shows it.", {})
    assert answers["G-2"].status == "partly"
    assert all(str(answer.by) == "Ada Lovelace (developer)" for answer in answers.values())


def reviews(room: Room) -> None:
    """Only somebody else accepts and signs, and then the checklist passes."""
    gate = ("status", "--fail-on", "unanswered", "--fail-on", "unsigned")
    both = ("review", "--instrument", "a-house", "--instrument", "b-guests")
    before = room.run(*gate)
    assert before.code == 1
    assert "all: 5 of 5 answered, met 3, n/a 1, stated 1, unreviewed 5, unsigned 5" in before.out
    assert "! the audit says otherwise (explained): The requirement" in before.out
    own = room.run(*both)
    assert own.code == 2
    assert len(own.errors) == 6
    assert all("somebody else has to review it" in line for line in own.errors)
    early = room.as_grace(*both, "--decision", "signed_off")
    assert early.code == 2
    assert all("nobody has accepted it" in line for line in early.errors)
    assert room.as_grace(*both).code == 0
    assert room.run(*gate).code == 1
    assert room.as_grace(*both, "--decision", "signed_off").code == 0
    after = room.run(*gate)
    assert after.code == 0
    assert "all: 5 of 5 answered, met 3, n/a 1, stated 1\n" in after.out
    assert "all: 2 of 2 answered, partly 1, stated 1\n" in after.out
    shown = room.run("show", "G-1").out
    assert "by the statement made for H-5, which asks the same" in shown
    assert "signed off by Grace Hopper (clinician)" in shown
    assert {a.decision() for a in room.answers().values()} == {"signed_off"}


def test_ctrl_c_in_the_middle_of_a_line_loses_nothing(room: Room) -> None:
    with room.walk() as term:
        term.answer("Answer:", "y")
        term.answer("Which of them", "age")
        term.see("Rationale")
        term.type("We looked at old and")
        term.see("We looked at old and")
        term.press("C-c")
        term.see("what you had begun is kept as a draft")
        assert term.ended() == 130
    assert not (room.path / "answers.yaml").exists()
    draft = read_draft(room.path / "answers.yaml")
    assert draft is not None
    assert (draft.item, draft.response, draft.options) == ("H-1", "yes", ("age",))
    assert draft.rationale == "We looked at old and"

    with room.walk() as term:
        term.see("You had begun to answer this; Enter keeps what stands in [brackets].")
        term.answer("Answer [yes]:")
        term.answer("Which of them (comma-separated: sex, age) [age]:")
        term.answer("[We looked at old and…]:")
        term.answer("Evidence", "usability.md#page 3")
        term.see("noted")
        term.see("Evidence")
        term.type("usab")
        term.see("usab")
        term.press("C-c")
        assert term.ended() == 130
    assert not (room.path / "answers.yaml").exists()

    with room.walk() as term:
        term.answer("Answer [yes]:")
        term.answer("Which of them")
        term.answer("[We looked at old and…]:")
        term.see("kept from the draft: usability.md")
        term.answer("Evidence")
        term.see("saved H-1")
        term.answer("Answer:", "q")
        term.see("stopped; 1 answer saved in answers.yaml")
        assert term.ended() == 0
    answer = room.answers()["H-1"]
    assert (answer.options, answer.rationale) == (("age",), "We looked at old and")
    assert [getattr(e, "locator", None) for e in answer.evidence] == ["page 3"]
    assert read_draft(room.path / "answers.yaml") is None


def test_a_draft_outlives_answers_to_other_items(room: Room) -> None:
    with room.walk() as term:
        term.answer("Answer:", "t")
        term.answer("Which of them", "sex")
        term.answer("Rationale", "Only some\\")
        term.see("…")
        term.type("of them")
        term.see("of them")
        term.press("C-c")
        assert term.ended() == 130
    with room.walk() as term:
        term.answer("Answer [some_extent]:", "s")
        term.see("H-4 Cases that are missed")
        term.answer("Answer:", "p")
        term.answer("Rationale")
        term.answer("Evidence")
        term.see("saved H-4")
        term.answer("Answer:", "q")
        assert term.ended() == 0
    draft = read_draft(room.path / "answers.yaml")
    assert draft is not None
    assert (draft.item, draft.rationale) == ("H-1", "Only some\nof them")


def test_an_answer_given_meanwhile_is_told_and_not_overwritten(room: Room) -> None:
    with room.walk() as term:
        term.see("Answer:")
        words = ("answer", "H-1", "--status", "no", "--rationale", "Nobody did.")
        assert room.as_grace(*words).code == 0
        term.say("y")
        term.answer("Which of them", "sex")
        term.answer("Rationale", "I did.")
        term.answer("Evidence")
        term.see("H-1 was answered by Grace Hopper (clinician) at")
        term.see("while you were answering it; yours is not saved")
        term.see("✗ no, by Grace Hopper (clinician)")
        term.see("Nobody did.")
        term.answer("Answer [yes]:", "s")

        # Theirs decides what is asked next; there, what the person said is given once more.
        term.see("H-3 Why no groups")
        term.see("Answer:")
        assert room.as_grace("answer", "H-3", "--status", "not_met").code == 0
        term.say("m")
        term.answer("Rationale", "Too few.")
        term.answer("Evidence")
        term.see("H-3 was answered by Grace Hopper (clinician) at")
        term.answer("Answer [met]:")
        term.answer("[Too few.…]:")
        term.answer("Evidence")
        term.see("saved H-3")
        term.answer("Answer:", "q")
        term.see("stopped; 1 answer saved")
    answers = room.answers()
    assert answers["H-1"].by.name == "Grace Hopper"
    assert (answers["H-1"].response, answers["H-1"].rationale) == ("no", "Nobody did.")
    assert answers["H-1"].history == ()
    assert (answers["H-3"].by.name, answers["H-3"].rationale) == ("Ada Lovelace", "Too few.")
    assert [(past.by.name, past.status) for past in answers["H-3"].history] == [
        ("Grace Hopper", "not_met")
    ]


def test_without_a_terminal_the_answers_file_is_named(room: Room) -> None:
    ended = room.run("walk", "--answers", "papers/ours.yaml")
    assert ended.code == 2
    assert len(ended.errors) == 1
    assert "papers/ours.yaml: this is no terminal" in ended.errors[0]
    assert "equipoise checklist answer" in ended.errors[0]
    assert not (room.path / "papers").exists()


def test_a_missing_emulator_is_a_failure_in_ci_and_a_skip_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="tmux"):
        need_tmux()
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="tmux"):
        need_tmux()
