"""`equipoise gate`: what its exit code says, and that every output is written whatever it is."""

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from audit import judging
from audit.result import AuditResult
from audit.verdicts import verdict_of
from checklists.answers_file import whole
from tests.checklists.builders import (
    TODAY,
    answer_of,
    catalogue_of,
    instrument_data,
    item_data,
    standing_of,
    write_instrument,
    write_profile,
)
from tests.end_to_end.gating import (
    CHANGE,
    PLAN,
    REQUIREMENTS,
    WAIVERS,
    Gate,
    audit_file,
    gate_in,
    planned,
)

ALL = ("met", "violated", "inconclusive")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two audits and the predictions behind them; the newer one misses more women."""
    folder = tmp_path_factory.mktemp("stored")
    audit_file(folder, planned(ALL, CHANGE), 0.6)
    audit_file(folder, planned(ALL), name="before")
    return folder


@pytest.fixture
def folder(stored: Path, tmp_path: Path) -> Path:
    for path in stored.iterdir():
        shutil.copy(path, tmp_path / path.name)
    return tmp_path


@pytest.fixture
def gate(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Gate:
    return gate_in(folder, capsys, monkeypatch)


def by_plan(folder: Path, *names: str, more: str = "") -> tuple[str, str]:
    (folder / "other.yaml").write_text(planned(names, more), encoding="utf-8")
    return "--plan", "other.yaml"


def statuses(text: str) -> dict[str, str]:
    return {v["requirement"]: v["status"] for v in json.loads(text)["verdicts"]}


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (("met",), 0),
        (("violated",), 1),
        (("inconclusive",), 3),
        (("met", "inconclusive"), 3),
        (("met", "inconclusive", "violated"), 1),
        ((), 3),
    ],
)
def test_the_exit_code_follows_the_verdicts(
    folder: Path, gate: Gate, names: tuple[str, ...], code: int
) -> None:
    ended = gate("now.json", *by_plan(folder, *names), "--format", "json")
    assert ended.code == code
    assert statuses(ended.out) == {name: name for name in names}
    assert ended.err == ""


def test_what_no_baseline_was_given_for_is_not_a_pass(folder: Path, gate: Gate) -> None:
    ended = gate("now.json", *by_plan(folder, "met", more=CHANGE), "--format", "json")
    assert ended.code == 3
    assert statuses(ended.out) == {"met": "met", "not-worse": "not_estimable"}


@pytest.mark.parametrize(
    ("names", "more", "code"),
    [
        (("inconclusive",), "", 0),
        (("met",), CHANGE, 0),
        (("met", "violated", "inconclusive"), "", 1),
        ((), CHANGE, 3),  # nothing was judged
        ((), "", 3),
    ],
)
def test_what_is_not_decided_may_warn_and_never_passes_in_silence(
    folder: Path, gate: Gate, names: tuple[str, ...], more: str, code: int
) -> None:
    ended = gate("now.json", *by_plan(folder, *names, more=more), "--on-inconclusive", "warn")
    assert ended.code == code
    assert ("warning: not shown to be met" in ended.err) == (code == 0)


def test_a_crash_in_one_requirement_leaves_the_others_judged(
    folder: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = verdict_of

    def broken(requirement, plan, evidence):  # type: ignore[no-untyped-def]
        if requirement.id == "met":
            raise ZeroDivisionError("by nothing")
        return kept(requirement, plan, evidence)

    monkeypatch.setattr(judging, "verdict_of", broken)
    ended = gate("now.json", *by_plan(folder, "met", "inconclusive"), "--format", "json")
    assert ended.code == 4
    assert statuses(ended.out) == {"met": "error", "inconclusive": "inconclusive"}
    assert "ZeroDivisionError: by nothing" in ended.out
    assert gate("now.json", *by_plan(folder, "met", "violated")).code == 1  # violated wins


FORMATS = ("text", "json", "junit", "sarif", "github", "github-summary", "gitlab", "markdown")
EVERY = [word for name in FORMATS for word in ("--format", f"{name}=out/{name}.txt")]


def written(folder: Path) -> dict[str, str]:
    return {p.stem: p.read_text(encoding="utf-8") for p in sorted((folder / "out").iterdir())}


def test_every_format_is_written_when_the_gate_fails(folder: Path, gate: Gate) -> None:
    ended = gate("now.json", *EVERY)
    assert (ended.code, ended.out) == (1, "")
    made = written(folder)
    assert set(made) == set(FORMATS)
    assert all(text.endswith("\n") for text in made.values())
    assert statuses(made["json"])["violated"] == "violated"
    suite = ET.fromstring(made["junit"])
    assert len(list(suite.iter("testcase"))) == 4
    gate("now.json", *EVERY)
    assert written(folder) == made


def test_every_format_says_why_an_audit_cannot_be_read(folder: Path, gate: Gate) -> None:
    (folder / "cut.json").write_bytes((folder / "now.json").read_bytes()[:5000])
    ended = gate("cut.json", *EVERY)
    assert ended.code == 2
    assert "not an audit result of this version" in ended.err
    made = written(folder)
    assert set(made) == set(FORMATS)
    for name, text in made.items():
        assert "cut.json" in text, name
        assert "not an audit result" in text, name
    cases = list(ET.fromstring(made["junit"]).iter("testcase"))
    assert cases
    assert all(case.find("error") is not None for case in cases)


def test_every_format_says_that_the_gate_itself_failed(
    folder: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> AuditResult:
        raise RuntimeError("the shelf fell down")

    monkeypatch.setattr("commands.judge.judged_by", broken)
    ended = gate("now.json", *by_plan(folder, "met"), *EVERY)
    assert ended.code == 4
    assert "internal error: RuntimeError: the shelf fell down" in ended.err
    for name, text in written(folder).items():
        assert "the shelf fell down" in text, name


def test_all_problems_of_all_files_come_at_once(folder: Path, gate: Gate) -> None:
    (folder / "w.yaml").write_text("version: 2\n", encoding="utf-8")
    ended = gate("no.json", "--plan", "no.yaml", "--waivers", "w.yaml", "--as-of", "soon")
    assert ended.code == 2
    for words in (
        "no.json",
        "no.yaml",
        "'version'",
        "'waivers' is missing",
        "'soon' is not a date",
    ):
        assert any(words in line for line in ended.errors), words
    assert len(ended.errors) == 5


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--format", "jnuit"), "did you mean 'junit'?"),
        (("--format", "text", "--format", "json"), "text and json would be mixed on stdout"),
        (("--format", "json=a.txt", "--format", "text=./a.txt"), "two formats would be written to"),
        (("--format", "json="), "no file is named"),
        (("--format", "json=a", "--output", "b"), "--output is the file of one format"),
        (("--on-inconclusive", "pass"), "it is fail or warn"),
        (("--predictions", "now.parquet"), "give both"),
        (("--profile", "equipoise.yaml"), "--profile has no meaning without --answers"),
    ],
)
def test_flags_that_contradict_are_refused(gate: Gate, words: tuple[str, ...], told: str) -> None:
    ended = gate("now.json", *words)
    assert ended.code == 2
    assert any(told in line for line in ended.errors), ended.err


def test_output_names_the_file_of_one_format(folder: Path, gate: Gate) -> None:
    ended = gate("now.json", "--format", "json", "--output", "deep/gate.json")
    assert (ended.code, ended.out) == (1, "")
    assert "verdicts" in json.loads((folder / "deep" / "gate.json").read_text("utf-8"))
    text = gate("now.json")
    assert text.out == gate("now.json", "--format", "text").out
    assert "VIOLATED" in text.out


def test_the_summary_page_of_a_build_grows(
    folder: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = folder / "page.md"
    page.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    ended = gate("now.json", "--format", "github-summary", "--format", "json")
    assert statuses(ended.out)["violated"] == "violated"
    once = page.read_text("utf-8")
    assert once.startswith("before\n")
    gate("now.json", "--format", "github-summary")
    assert page.read_text("utf-8") == once + once.removeprefix("before\n")
    gate("now.json", "--format", "github-summary=own.md")
    assert (folder / "own.md").read_text("utf-8") == once.removeprefix("before\n")
    assert page.read_text("utf-8") == once + once.removeprefix("before\n")


def test_annotations_stand_at_the_lines_of_the_plan_that_was_followed(
    folder: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(ALL, CHANGE)
    lines = plan.splitlines()
    at = next(i for i, line in enumerate(lines, start=1) if "id: violated" in line)
    told = ("now.json", "--format", "github")
    assert "file=now.json,line=1" in gate(*told).out
    (folder / "equipoise.yaml").write_text(plan, encoding="utf-8")
    assert f"file=equipoise.yaml,line={at}," in gate(*told).out
    (folder / "equipoise.yaml").write_text(plan + "seed: 2\n", encoding="utf-8")
    assert "file=equipoise.yaml" not in gate(*told).out
    (folder / "equipoise.yaml").write_text("neither: [a plan\n", encoding="utf-8")
    assert gate(*told).code == 1
    (folder / "sub").mkdir()
    shutil.copy(folder / "now.json", folder / "sub" / "audit.json")
    (folder / "sub" / "equipoise.yaml").write_text("# one line more\n" + plan, encoding="utf-8")
    ended = gate("sub/audit.json", "--format", "github")
    assert f"file=sub/equipoise.yaml,line={at + 1}," in ended.out
    (folder / "other.yaml").write_text(PLAN + "requirements:\n" + REQUIREMENTS["violated"], "utf-8")
    ended = gate("now.json", "--plan", "other.yaml", "--format", "github")
    assert f"file=other.yaml,line={len(PLAN.splitlines()) + 2}," in ended.out


@pytest.mark.parametrize(
    ("on", "code", "found"),
    [("2026-03-01", 0, "waived"), ("2026-07-01", 1, "violated"), (None, 0, "waived")],
)
def test_a_waiver_holds_on_its_days_alone(
    folder: Path, gate: Gate, on: str | None, code: int, found: str
) -> None:
    (folder / "waivers.yaml").write_text(WAIVERS, encoding="utf-8")
    day = ("--as-of", on) if on else ()  # else that of the plan
    words = ("--waivers", "waivers.yaml", *day, "--format", "json")
    ended = gate("now.json", *by_plan(folder, "met", "violated"), *words)
    assert ended.code == code
    assert statuses(ended.out)["violated"] == found
    assert ("expired on 2026-06-30" in ended.out) == (code == 1)


def test_nothing_but_waived_requirements_is_nothing_judged(folder: Path, gate: Gate) -> None:
    (folder / "waivers.yaml").write_text(WAIVERS, encoding="utf-8")
    plan = by_plan(folder, "violated")
    assert gate("now.json", *plan, "--waivers", "waivers.yaml").code == 3


def test_change_is_decided_from_two_audits_or_better_from_the_same_units(
    folder: Path, gate: Gate
) -> None:
    plan = by_plan(folder, "met", more=CHANGE)
    words = ("now.json", *plan, "--baseline", "before.json", "--format", "json")
    apart = gate(*words)
    pairs = ("--baseline-predictions", "before.parquet", "--predictions", "now.parquet")
    together = gate(*words, *pairs)
    widths = []
    for ended, method in ((apart, "MOVER"), (together, "paired on the same units (tango)")):
        (verdict,) = [v for v in json.loads(ended.out)["verdicts"]
                      if v["requirement"] == "not-worse"]  # fmt: skip
        assert verdict["stratum"] == "sex=F"
        assert verdict["value"] < -0.05
        assert method in verdict["reason"]
        widths.append(verdict["upper"] - verdict["lower"])
    assert widths[1] < widths[0]
    assert together.code == 1


def test_the_baseline_is_told_and_hides_nothing(folder: Path, gate: Gate) -> None:
    plain, beside = gate("now.json"), gate("now.json", "--baseline", "before.json")
    assert plain.code == beside.code == 1
    assert "Against the baseline" in beside.out
    assert "Against the baseline" not in plain.out
    assert plain.out.count("VIOLATED") <= beside.out.count("VIOLATED")


def test_other_predictions_than_were_audited_are_refused(gate: Gate) -> None:
    words = ("--baseline", "before.json", "--baseline-predictions", "now.parquet")
    ended = gate("now.json", *words, "--predictions", "before.parquet")
    assert ended.code == 2
    assert len([e for e in ended.errors if "it is not the file" in e]) == 2


def test_another_interval_level_is_refused(folder: Path, gate: Gate) -> None:
    (folder / "other.yaml").write_text(planned(("met",)) + "level: 0.9\n", encoding="utf-8")
    ended = gate("now.json", "--plan", "other.yaml")
    assert ended.code == 2
    assert "another interval level than 0.95" in ended.err


def test_checklists_are_judged_by_the_answers_given(folder: Path, gate: Gate) -> None:
    data = instrument_data("house", item_data("HOUSE-1"), item_data("HOUSE-2"))
    write_instrument(folder, data)
    profile = write_profile(folder, role=["provider"], instruments=["house.yaml"])
    answer = answer_of(standing_of(catalogue_of(data), "HOUSE-1"))
    more = "checklists:\n  - {id: house, items: [HOUSE-1]}\n"
    words = ("now.json", *by_plan(folder, more=more), "--as-of", TODAY.isoformat())
    assert gate(*words).code == 3
    given = (*words, "--profile", profile, "--answers", "answers.yaml", "--format", "json")
    for answers, code in (({}, 1), ({"HOUSE-1": answer}, 0)):
        (folder / "answers.yaml").write_text(whole(answers), encoding="utf-8")
        ended = gate(*given)
        assert ended.code == code, ended
        assert set(statuses(ended.out)) == {"house"}
    missing = gate(*given[:-4], "--answers", "no.yaml")
    assert missing.code == 2
    assert "no.yaml" in missing.err
