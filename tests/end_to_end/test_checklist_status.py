"""What applies on which day, what fails a pipeline, and one clear line for every bad input."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.checklists.builders import instrument_data, item_data, write_instrument, write_profile
from tests.end_to_end.checklist_folder import GRACE, Checklist, commands, done, fill, plain

DEVICE = {"role": ["provider"], "jurisdiction": ["EU"], "instruments": ["eu-ai-act"]}
REQUIREMENTS = tuple(f"art-{number}" for number in range(9, 16))


@pytest.fixture
def checklist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Checklist:
    monkeypatch.chdir(tmp_path)
    fill(tmp_path)
    return commands(capsys, monkeypatch)


def act(checklist: Checklist, day: str) -> tuple[str, list[dict[str, Any]]]:
    """The status of the AI Act on a day as text, and its items as data."""
    text = done(checklist("status", "--as-of", day))
    exported = checklist("export", "--format", "json", "--as-of", day)
    rows: list[dict[str, Any]] = json.loads(exported.out)["items"]
    return text, rows


def states(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(row["state"] for row in rows)


def requirements(rows: list[dict[str, Any]]) -> dict[tuple[str, str | None], int]:
    """Articles 9 to 15: how many of the items in scope stand how, since when."""
    kept = [r for r in rows if r["section"] in REQUIREMENTS and r["state"] != "not_in_scope"]
    return Counter((r["state"], r["since"]) for r in kept)


def test_the_duties_of_a_device_under_the_ai_act_move_with_the_day(
    checklist: Checklist, tmp_path: Path
) -> None:
    write_profile(tmp_path, **DEVICE, ai_act_route=["annex_i"], mdr_class="IIa")
    found = {day: act(checklist, day) for day in ("2026-07-26", "2027-12-02", "2028-08-02")}
    for day, (text, rows) in found.items():
        counts = states(rows)
        assert sum(counts.values()) == len(rows)
        assert f"as of {day}" in text
        assert f"due now {counts['due_now']}, readiness gap {counts['readiness_gap']}" in text
    before, later, last = (rows for _, rows in found.values())
    # The day before the amendment the first date of the Act stood. The amendment took one item
    # away (10(5), sensitive data) and brought one.
    waiting, due = requirements(later), requirements(last)
    count = waiting["readiness_gap", "2028-08-02"]
    assert requirements(before) == {
        ("readiness_gap", "2027-08-02"): count,
        ("watch", "2028-08-02"): 1,
    }
    assert waiting == {("readiness_gap", "2028-08-02"): count, ("repealed", None): 1}
    assert due == {("due_now", "2028-08-02"): count, ("repealed", None): 1}
    assert count > 60
    assert [row["id"] for row in last if row["state"] == "repealed"] == ["AIA-10.5"]
    assert "the next ones apply from 2028-08-02" in found["2027-12-02"][0]
    moved = sum(row["since"] == "2028-08-02" for row in last)
    assert states(last)["due_now"] - states(later)["due_now"] == moved > 150


def test_the_duties_of_a_listed_use_come_eight_months_earlier(
    checklist: Checklist, tmp_path: Path
) -> None:
    write_profile(tmp_path, **DEVICE, ai_act_route=["annex_iii"])
    before = requirements(act(checklist, "2026-07-26")[1])
    assert {*before} == {("readiness_gap", "2026-08-02"), ("watch", "2027-12-02")}
    eve = requirements(act(checklist, "2027-12-01")[1])
    assert {*eve} == {("readiness_gap", "2027-12-02"), ("repealed", None)}
    day = requirements(act(checklist, "2027-12-02")[1])
    assert {*day} == {("due_now", "2027-12-02"), ("repealed", None)}


def test_scope_says_why_an_item_does_not_apply(checklist: Checklist, tmp_path: Path) -> None:
    facts = {"ai_act_route": ["annex_i"], "mdr_class": "I", "personal_data": False}
    write_profile(tmp_path, **DEVICE, **facts)
    text = done(checklist("status", "--scope"))
    assert (
        "AIA-10.2.f: applies where mdr_class is III, IIa, IIb, Im, Ir or Is; the profile says I"
        in text
    )
    assert "not in scope" in text
    write_profile(tmp_path, **{**DEVICE, "jurisdiction": ["US"]})
    text = done(checklist("status", "--scope"))
    assert "AIA-10.2.f: applies in EU; the profile names US" in text
    assert checklist("status", "--fail-on", "unanswered").code == 3


def test_fail_on_is_0_1_or_3(checklist: Checklist) -> None:
    def code(*words: str, on: str = "2026-11-23") -> int:
        flags = [part for word in words for part in ("--fail-on", word)]
        return checklist("status", *flags, "--as-of", on).code

    assert code() == 0
    assert code("unanswered", on="2024-12-31") == 3  # before there was a text, nothing is due
    assert code("unanswered") == 1
    for item, status in (("HOUSE-1", "met"), ("HOUSE-2", "yes"), ("GUEST-2", "met")):
        done(checklist("answer", item, "--status", status))
    assert code("unanswered") == 1
    done(checklist("answer", "HOUSE-3", "--status", "partly", "--file", "risk.md"))
    assert code("unanswered", "stale", "contradicted") == 0
    assert code("not_met") == 1  # met in part is not met
    done(checklist("answer", "HOUSE-3", "--status", "met", "--file", "risk.md"))
    assert code("unanswered", "not_met", "stale") == 0
    assert code("contradicted") == 1
    cited = ("--file", "risk.md", "--figure", "verdict/perfect", "--statement", "It is enough.")
    done(checklist("answer", "HOUSE-3", "--status", "met", *cited))
    assert code("unanswered", "not_met", "stale", "contradicted") == 0
    assert code("unreviewed") == 1
    everything = ("--instrument", "house", "--instrument", "guest")
    done(checklist("review", *everything, *GRACE))
    assert code("unreviewed") == 0
    assert code("unsigned") == 1
    done(checklist("review", *everything, "--decision", "signed_off", *GRACE))
    assert code("unanswered", "unsigned") == 0
    Path("risk.md").write_text("", encoding="utf-8")
    assert code("stale") == 1
    assert code("unsigned") == 1  # signed, and stale since


def test_a_description_is_stated_and_an_unknown_is_open(checklist: Checklist) -> None:
    own = instrument_data(
        "words",
        item_data("W-1", scale="descriptive"),
        item_data("W-2", scale="descriptive"),
        item_data("W-3", ask_if={"item": "W-1", "response": ["yes"]}),
    )
    write_profile(Path(), instruments=[write_instrument(Path(), own).name])
    assert "due now 3, after another answer 1 all: 0 of 2 answered" in done(checklist("status"))
    done(checklist("answer", "W-1", "--status", "no"))
    done(checklist("answer", "W-2", "--status", "dont_know"))
    assert "all: 1 of 2 answered, stated 1, not assessed 1," in done(checklist("status"))
    assert checklist("status", "--fail-on", "unanswered").code == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["show", "HOUSE-22"], "unknown item 'HOUSE-22'; did you mean 'HOUSE-2'?"),
        (["answer", "GUEST-", "--status", "met"], "unknown item 'GUEST-'; did you mean 'GUEST-"),
        (["review", "HOSE-1", *GRACE], "unknown item 'HOSE-1'; did you mean 'HOUSE-1'?"),
        (["status", "hous"], "unknown instrument 'hous'; did you mean 'house'?"),
        (["list", "eu-ai-akt"], "unknown instrument 'eu-ai-akt'; did you mean 'eu-ai-act'?"),
        (["crosswalk", "gmpl"], "unknown instrument 'gmpl'; did you mean 'gmlp'?"),
        (["review", "--instrument", "gest", *GRACE], "unknown instrument 'gest'; did you mean"),
        (["status", "--profile", "absent.yaml"], "absent.yaml: no such file"),
        (["show", "HOUSE-1", "--profile", "out"], "out: "),
        (["status", "--as-of", "2027-13-01"], "--as-of: '2027-13-01' is not a date"),
        (["lint", "--as-of", "tomorrow"], "--as-of: 'tomorrow' is not a date"),
        (["status", "--fail-on", "unsinged"], "did you mean 'unsigned'?"),
        (["export", "--format", "xslx"], "--format: unknown format 'xslx'; did you mean 'xlsx'?"),
        (["review", "HOUSE-1", "--decision", "accept", *GRACE], "did you mean 'accepted'?"),
        (["status", "--audit", "absent.json"], "absent.json: no such file"),
        (["status", "--audit", "risk.md"], "risk.md: not an audit result"),
        (["lint", "--answers", "risk.md"], "risk.md: "),
        (["import", "absent.csv"], "absent.csv: "),
        (["import", "risk.md"], "risk.md: row 1: column 'item' is missing"),
        (["init"], "equipoise.yaml: it has a profile already; edit it there"),
    ],
)
def test_bad_words_are_one_line(checklist: Checklist, words: list[str], told: str) -> None:
    ended = checklist(*words)
    assert ended.code == 2
    assert ended.err.count("\n") == 1, ended.err
    assert told in plain(ended.errors[0])
    assert ended.out == ""
    assert not Path("answers.yaml").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("product: {name: X}\n", "equipoise.yaml: it has no section 'profile'; start one with"),
        ("profile:\n  rol: [provider]\n", "line 2: unknown key 'profile.rol'; did you mean 'role'"),
        ("profile:\n  role: [provider]\n  mobile: perhaps\n", "line 3: 'profile.mobile'"),
        ("profile:\n  role:\n    - provider\n    - provder\n", "line 4: 'profile.role.1'"),
        ("profile: {instruments: [gmpl]}\n", "unknown instrument 'gmpl'; did you mean 'gmlp'?"),
        ("profile: {instruments: [own.yaml]}\n", "own.yaml: no such file"),
        ("profile: [\n", "equipoise.yaml: line 2"),
        ("", "equipoise.yaml: "),
    ],
)
def test_a_bad_profile_is_one_line(checklist: Checklist, text: str, told: str) -> None:
    Path("equipoise.yaml").write_text(text, encoding="utf-8")
    ended = checklist("status")
    assert ended.code == 2
    assert ended.err.count("\n") == 1, ended.err
    assert told in ended.errors[0]


def test_a_profile_that_states_nothing_leaves_everything_in(checklist: Checklist) -> None:
    Path("equipoise.yaml").write_text("product: {name: X}\nprofile:\n", encoding="utf-8")
    text = done(checklist("status"))
    assert "The profile does not state: role, jurisdiction; nothing is left out for it." in text
    assert "eu-ai-act EU AI Act (binding)" in text


def test_who_answers_has_to_be_said(checklist: Checklist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EQUIPOISE_NAME")
    monkeypatch.delenv("EQUIPOISE_ROLE")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "absent")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "absent")
    ended = checklist("answer", "HOUSE-1", "--status", "met")
    assert ended.code == 2
    assert "--as and --role: an answer needs to say who gave it" in ended.errors[0]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "noon")
    ended = checklist("answer", "HOUSE-1", "--status", "met", *GRACE)
    assert ended.code == 2
    assert "SOURCE_DATE_EPOCH: 'noon' is not a number of seconds since 1970" in ended.errors[0]
