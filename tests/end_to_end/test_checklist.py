"""Every checklist command but the walk, as a shell sees it: text, files and exit codes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from checklists.answers import FigureEvidence, FileEvidence
from checklists.catalogue import load_catalogue
from checklists.vocabulary import CERTAINTY_NAMES
from tests.checklists.builders import item_data, write_instrument
from tests.end_to_end.checklist_folder import (
    GRACE,
    HOUSE,
    Checklist,
    commands,
    done,
    fill,
    held,
    plain,
)


@pytest.fixture
def checklist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Checklist:
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    return commands(capsys, monkeypatch)


def test_list_tells_source_editions_and_verification_of_every_instrument(
    checklist: Checklist, tmp_path: Path
) -> None:
    (tmp_path / "equipoise.yaml").unlink()
    *blocks, last = checklist("list").out.strip().split("\n\n")
    told = {block.split()[0]: plain(block) for block in blocks}
    instruments = load_catalogue().instruments
    assert told.keys() == instruments.keys()
    total = sum(len(i.items) for i in instruments.values())
    assert last.startswith(f"{len(instruments)} instruments, {total} items.")
    for id, instrument in instruments.items():
        newest = instrument.editions[-1]
        assert plain(f"source: {instrument.publisher}: {newest.citation}") in told[id]
        assert plain(newest.url or "") in told[id]
        assert plain(f"editions: {'; '.join(e.id for e in instrument.editions)}") in told[id]
        assert f"({instrument.status}, {instrument.jurisdiction}, " in told[id]
        checked = told[id].split(f"checked on {instrument.verified_on}: ")[1]
        for certainty, name in CERTAINTY_NAMES.items():
            count = sum(item.certainty == certainty for item in instrument.items)
            assert (re.findall(rf"(?:^|, ){name} (\d+)", checked) or ["0"]) == [str(count)], id


def test_list_as_json_holds_the_same(checklist: Checklist) -> None:
    rows = {row["id"]: row for row in json.loads(checklist("list", "--json").out)}
    assert rows.keys() == {*load_catalogue().instruments, "house", "guest"}
    house = rows["house"]
    assert house["items"] == 3
    assert house["editions"][0]["citation"] == "first edition"
    assert (house["verification"], house["verified_on"]) == ("Made up.", "2026-11-01")


def test_list_of_an_instrument_shows_its_items_as_they_stand(checklist: Checklist) -> None:
    done(checklist("answer", "HOUSE-2", "--status", "some_extent"))
    lines = checklist("list", "guest", "house").out.splitlines()
    assert lines == [
        "◐ GUEST-1  Heading of GUEST-1  [due now; partly met]",
        "· GUEST-2  Heading of GUEST-2  [due now; not assessed]",
        "· HOUSE-1  Heading of HOUSE-1  [due now; not assessed]",
        "◐ HOUSE-2  Heading of HOUSE-2  [due now; partly met]",
        "· HOUSE-3  Heading of HOUSE-3  [due now; not assessed]",
    ]
    rows = json.loads(checklist("list", "guest", "--json").out)
    assert [(row["id"], row["status"], row["through"]) for row in rows] == [
        ("GUEST-1", "partly", "HOUSE-2"),
        ("GUEST-2", "not_assessed", None),
    ]


def test_show_tells_everything_about_an_item(checklist: Checklist) -> None:
    text = done(checklist("show", "HOUSE-3"))
    for part in (
        "HOUSE-3 Heading of HOUSE-3",
        "House, Point HOUSE-3",
        "due now: binding since 2025-01-01",
        "Is what HOUSE-3 asks for in place?",
        "Evidence expected: a record.",
        "Answers: met (met), partly (partly met), not_met (not met), not_applicable (not appl",
        "Owed by: provider (manufacturer).",
        "Text: first edition.",
        "Checked on 2026-11-01: checked against the text.",
        "· not assessed",
        "(2) verdict/perfect: The requirement 'AUROC at least 0.999 overall' is violated:",
    ):
        assert part in text
    done(checklist("answer", "HOUSE-1", "--status", "met"))
    text = done(checklist("show", "GUEST-1", "GUEST-2"))
    assert "The same is asked by: HOUSE-2." in text
    assert "Mapped to: HOUSE-1 (this is a part of it)." in text
    assert "Statements at hand as drafts: HOUSE-1." in text


def test_an_answer_from_a_script_holds_what_was_said(checklist: Checklist) -> None:
    words = ("--status", "met", "--option", "sex", "--option", "age", "--file", "risk.md#page 2")
    figures = ("--figure", "auroc/overall", "--figure", "verdict/perfect")
    own = ("--statement", "Ranks well.", "--rationale", "Looked at.")
    text = done(checklist("answer", "HOUSE-1", *words, *figures, *own))
    assert text.startswith("HOUSE-1 saved in answers.yaml ✓ met, by Ada (developer), 2026-11-28")
    answer = held()["HOUSE-1"]
    assert (answer.status, answer.options, answer.rationale) == (
        "met", ("sex", "age"), "Looked at.",
    )  # fmt: skip
    document, first, second = answer.evidence
    assert isinstance(document, FileEvidence)
    assert (document.file, document.locator) == ("risk.md", "page 2")
    assert isinstance(first, FigureEvidence)
    assert isinstance(second, FigureEvidence)
    assert (first.figure, first.statement) == ("auroc/overall", "Ranks well.")
    assert second.statement.startswith("The requirement 'AUROC at least 0.999 overall' is viol")
    assert first.audit.file == "out/audit.json"

    done(checklist("answer", "HOUSE-1", "--status", "not_met", *GRACE))
    answer = held()["HOUSE-1"]
    assert (answer.status, answer.by.name, answer.evidence) == ("not_met", "Grace", ())
    assert [(past.status, past.by.name) for past in answer.history] == [("met", "Ada")]


def test_an_answer_serves_equal_items_unless_told_otherwise(checklist: Checklist) -> None:
    done(checklist("answer", "HOUSE-2", "--status", "yes"))
    assert [*held()["HOUSE-2"].also] == ["GUEST-1"]
    assert "by the statement made for HOUSE-2" in done(checklist("show", "GUEST-1"))
    done(checklist("answer", "HOUSE-2", "--status", "yes", "--only"))
    assert held()["HOUSE-2"].also == {}
    assert "· not assessed" in done(checklist("show", "GUEST-1"))


def test_every_problem_of_an_answer_is_told_at_once(checklist: Checklist) -> None:
    words = ("--status", "not_applicabel", "--option", "sexx", "--file", "risc.md")
    ended = checklist("answer", "HOUSE-1", *words, "--figure", "auroc/overal")
    assert ended.code == 2
    assert [line.split("; ")[-1] for line in ended.errors] == [
        "did you mean 'not_applicable'?",
        "did you mean 'sex'?",
        "check the path and its permissions",
        "did you mean 'auroc/overall'?",
    ]
    ended = checklist("answer", "HOUSE-1", "--status", "not_applicable", "--rationale", " ")
    assert "'not_applicable' needs a rationale" in ended.errors[0]
    assert not Path("answers.yaml").exists()


def test_a_review_is_of_somebody_else_and_in_its_order(checklist: Checklist) -> None:
    def refused(*words: str) -> str:
        ended = checklist("review", *words)
        assert (ended.code, len(ended.errors)) == (2, 1), ended.err
        return ended.errors[0]

    done(checklist("answer", "HOUSE-2", "--status", "yes"))
    sign, change = ("--decision", "signed_off"), ("--decision", "changes_requested")
    assert "answered by Ada; somebody else has to review it" in refused("HOUSE-2")
    assert "somebody else" in refused("HOUSE-2", "--as", "ADA")
    assert "cannot be signed off: nobody has accepted it" in refused("HOUSE-2", *sign, *GRACE)
    assert "say in a comment what has to change" in refused("HOUSE-2", *change, *GRACE)
    assert "answered by the statement for HOUSE-2; review HOUSE-2" in refused("GUEST-1", *GRACE)
    assert "HOUSE-1: it is not answered" in refused("HOUSE-1", *GRACE)
    assert "no item is named" in refused(*GRACE)
    done(checklist("review", "HOUSE-2", *change, "--comment", "Say where.", *GRACE))
    assert "changes are asked for" in refused("HOUSE-2", *sign, *GRACE)
    assert "changes requested by Grace (clinician), 2026-11-28: Say where." in done(
        checklist("show", "HOUSE-2")
    )
    done(checklist("review", "HOUSE-2", *GRACE))
    done(checklist("review", "--instrument", "guest", *sign, *GRACE))
    assert held()["HOUSE-2"].decision() == "signed_off"
    assert len(held()["HOUSE-2"].reviews) == 3


def test_an_edit_voids_a_sign_off_and_a_stale_answer_cannot_be_signed(
    checklist: Checklist, tmp_path: Path
) -> None:
    done(checklist("answer", "HOUSE-1", "--status", "met", "--file", "risk.md"))
    done(checklist("review", "HOUSE-1", *GRACE))
    (tmp_path / "risk.md").write_text("# More risks\n", encoding="utf-8")
    ended = checklist("review", "HOUSE-1", "--decision", "signed_off", *GRACE)
    assert ended.code == 2
    assert "it is stale (risk.md: the file changed since it was cited)" in ended.errors[0]
    done(checklist("answer", "HOUSE-1", "--status", "met", "--file", "risk.md"))
    done(checklist("review", "HOUSE-1", *GRACE))
    done(checklist("review", "HOUSE-1", "--decision", "signed_off", *GRACE))
    assert done(checklist("lint")) == "1 answer, nothing to mend"
    path = tmp_path / "answers.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count("    status: met\n") == 1
    path.write_text(text.replace("    status: met\n", "    status: partly\n"), encoding="utf-8")
    ended = checklist("lint")
    assert (ended.code, ended.out) == (
        1,
        "answers: HOUSE-1: edited after its sign-off; review it again\n",
    )
    assert checklist("status", "--fail-on", "unsigned").code == 1


def test_diff_tells_what_changed(checklist: Checklist, tmp_path: Path) -> None:
    done(checklist("answer", "HOUSE-1", "--status", "met", "--rationale", "So it is."))
    done(checklist("answer", "HOUSE-3", "--status", "met"))
    old = tmp_path / "old.yaml"
    old.write_bytes((tmp_path / "answers.yaml").read_bytes())
    assert checklist("diff", old, "answers.yaml").code == 0
    done(checklist("answer", "HOUSE-1", "--status", "partly", "--file", "risk.md", *GRACE))
    done(checklist("answer", "HOUSE-2", "--status", "no"))
    done(checklist("review", "HOUSE-3", *GRACE))
    ended = checklist("diff", old, "answers.yaml")
    assert ended.code == 1
    assert ended.out.splitlines() == [
        "~ HOUSE-1",
        "  status: met -> partly met",
        "  rationale: So it is. -> none",
        "  evidence: none -> risk.md",
        "  by: Ada (developer) -> Grace (clinician)",
        "+ HOUSE-2: not met, by Ada (developer)",
        "~ HOUSE-3",
        "  review: none -> accepted",
    ]
    assert "- HOUSE-2: not met" in checklist("diff", "answers.yaml", old).out
    assert checklist("diff", old, "absent.yaml").code == 2


def test_lint_is_1_on_what_a_person_has_to_mend(checklist: Checklist, tmp_path: Path) -> None:
    done(checklist("answer", "HOUSE-3", "--status", "met"))
    assert done(checklist("lint")) == "1 answer, nothing to mend"
    ended = checklist("lint", "--strict")
    assert ended.code == 1
    assert "HOUSE-3: the audit says otherwise (to be explained): The requirement" in ended.out
    done(checklist("answer", "HOUSE-2", "--status", "yes"))
    done(checklist("answer", "GUEST-1", "--status", "no"))
    ended = checklist("lint")
    assert ended.code == 1
    assert "answers: HOUSE-2: differs from GUEST-1, which asks the same" in ended.out
    changed = {**HOUSE, "items": [*HOUSE["items"][:2], item_data("HOUSE-4")]}
    changed["items"][1] = item_data("HOUSE-2", scale="measure", question="Is it in place, and new?")
    write_instrument(tmp_path, changed)
    load_catalogue.cache_clear()
    lines = checklist("lint").out.splitlines()
    assert "answers: HOUSE-3: no instrument holds this item" in lines
    assert "answers: HOUSE-2: stale, question: its text changed since it was answered" in lines


def test_lint_is_2_on_a_merge_conflict_and_tells_both_sides(
    checklist: Checklist, tmp_path: Path
) -> None:
    done(checklist("answer", "HOUSE-2", "--status", "yes"))
    path = tmp_path / "answers.yaml"
    text = path.read_text(encoding="utf-8")
    conflict = "<<<<<<< ours\n    status: met\n=======\n    status: partly\n>>>>>>> theirs\n"
    path.write_text(text.replace("    status: met\n", conflict), encoding="utf-8")
    ended = checklist("lint")
    assert ended.code == 2
    (line,) = ended.errors
    assert "answers.yaml: lines 6 to 10: a merge left a conflict" in line
    assert "one side says met, the other says partly" in line
    path.write_text(text.replace("status: met", "status: good"), encoding="utf-8")
    ended = checklist("lint")
    assert ended.code == 2
    assert "answers.yaml: line 6" in ended.errors[0]


def test_crosswalk_counts_what_one_instrument_says_for_another(checklist: Checklist) -> None:
    lines = checklist("crosswalk", "house", "guest").out.splitlines()[2:]
    assert [plain(line) for line in lines] == [
        "house (3 items)", "guest 1 / 1 / 0", "guest (2 items)", "house 1 / 1 / 0",
    ]  # fmt: skip
    rows: list[dict[str, Any]] = json.loads(checklist("crosswalk", "--json").out)
    assert {row["instrument"] for row in rows} > {"house", "guest", "eu-ai-act", "altai"}
    assert [row for row in rows if row["instrument"] == "house"] == [
        {"instrument": "house", "other": "guest", "items": 3, "equal": 1, "part": 1, "related": 0}
    ]
