"""Annotations, comments and Code Quality, read back as the code hosts read them."""

import json
import re
from functools import cache

import pytest
from markdown_it import MarkdownIt

from audit.exit_codes import OnInconclusive
from reports.gate.github import command, failed_github, github
from reports.gate.github_summary import failed_github_summary, github_summary
from reports.gate.gitlab import failed_gitlab, gitlab
from reports.gate.judged import Judged, Place
from reports.gate.markdown import MARKER, failed_markdown, markdown
from tests.reports.gated import FAILED_GATE, gated, hostile, judged_of, verdict, with_verdicts

COMMAND = re.compile(r"::(?P<level>\w+) (?P<properties>.*?)::(?P<message>.*)")


@cache
def crowd(many: int = 400) -> Judged:
    """So many violated requirements that no comment holds them, and one that is inconclusive."""
    long = {"statement": "a long statement " * 30, "rationale": "é" * 3_000}
    one = verdict("violated").model_copy(update=long)
    some = [one.model_copy(update={"requirement": f"r{i}"}) for i in range(many - 1)]
    result = with_verdicts(verdict("inconclusive"), *some)
    return judged_of(result.model_copy(update={"findings": gated().result.findings}))


def read(line: str) -> tuple[str, dict[str, str], str]:
    """One command as the runner of GitHub Actions reads it (ActionCommand.TryParseV2)."""
    found = COMMAND.fullmatch(line)
    assert found is not None, line
    pairs = [p.partition("=") for p in found["properties"].split(",")]
    return (
        found["level"],
        {key: unescaped(value) for key, _, value in pairs},
        unescaped(found["message"]),
    )


def unescaped(text: str) -> str:
    for sign, code in (("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C"), ("%", "%25")):
        text = text.replace(code, sign)
    return text


def annotations(text: str) -> list[tuple[str, dict[str, str], str]]:
    return [read(line) for line in text.split("\n")[:-1]]


def test_annotations_are_most_urgent_first_and_at_their_lines() -> None:
    found = annotations(github(gated()))
    assert [(level, p["title"]) for level, p, _ in found[:4]] == [
        ("error", "violated: violated-example (critical)"),
        ("error", "not judged: error-example (major)"),
        ("error", "inconclusive: inconclusive-example (major)"),
        ("error", "not estimable: not-estimable-example (major)"),
    ]
    assert (found[0][1]["file"], found[0][1]["line"]) == ("plans/equipoise.yaml", "11")
    assert ("notice", "waived: oe-example (minor)") in [(a, p["title"]) for a, p, _ in found]


def test_severity_decides_between_two_of_one_status() -> None:
    one = verdict("violated")
    both = [one.model_copy(update={"requirement": s, "severity": s}) for s in ("minor", "critical")]
    titles = [p["title"] for _, p, _ in annotations(github(judged_of(with_verdicts(*both))))]
    assert titles[:2] == ["violated: critical (critical)", "violated: minor (minor)"]


@pytest.mark.parametrize(("rule", "level"), [("fail", "error"), ("warn", "warning")])
def test_undecided_stops_or_warns(rule: OnInconclusive, level: str) -> None:
    found = {p["title"]: level for level, p, _ in annotations(github(gated(rule)))}
    assert found["inconclusive: inconclusive-example (major)"] == level
    assert found["violated: violated-example (critical)"] == "error"


def test_ten_annotations_at_most_and_the_rest_is_counted() -> None:
    found = annotations(github(crowd()))
    assert len(found) == 11
    level, _, message = found[-1]
    assert level == "notice"
    assert "399 of 400 requirements violated" in " ".join(message.split())
    assert "392 more are not shown here" in message


def test_an_annotation_reads_back_as_it_was_meant() -> None:
    title, message = "a: b, c=d %3A ::", "100 % sure\n::error::x\r%0A"
    written = command("error", title, message, Place("a,b:c.yaml", 7))
    told = {"file": "a,b:c.yaml", "line": "7", "title": title}
    assert read(written) == ("error", told, message)
    assert len(written.splitlines()) == 1


def test_harmful_text_makes_no_further_annotation() -> None:
    text = github(hostile())
    assert [line[:2] for line in text.splitlines()] == ["::"] * len(annotations(text))
    assert len(annotations(text)) == 10
    assert {level for level, _, _ in annotations(text)} == {"error", "warning", "notice"}
    assert all("\n::" not in message for _, _, message in annotations(text))


SEVERITIES = {"info", "minor", "major", "critical", "blocker"}


@pytest.mark.parametrize("text", ["gated", "hostile", "failed"])
def test_code_quality_has_the_shape_that_gitlab_documents(text: str) -> None:
    made = {"gated": lambda: gitlab(gated()), "hostile": lambda: gitlab(hostile()),
            "failed": lambda: failed_gitlab(FAILED_GATE)}[text]()  # fmt: skip
    found = json.loads(made)
    assert isinstance(found, list)
    for entry in found:
        assert set(entry) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert all(isinstance(entry[k], str) and entry[k] for k in set(entry) - {"location"})
        assert entry["severity"] in SEVERITIES
        assert not entry["location"]["path"].startswith(("/", "./", ".."))
        assert entry["location"]["lines"]["begin"] >= 1
    assert len({e["fingerprint"] for e in found}) == len(found)


@pytest.mark.parametrize(
    ("severity", "rule", "violated", "inconclusive"),
    [
        ("critical", "fail", "blocker", "critical"),
        ("major", "fail", "critical", "major"),
        ("minor", "fail", "major", "minor"),
        ("critical", "warn", "blocker", "minor"),
    ],
)
def test_code_quality_weighs_by_status_and_severity(
    severity: str, rule: OnInconclusive, violated: str, inconclusive: str
) -> None:
    both = [verdict(s).model_copy(update={"severity": severity})
            for s in ("inconclusive", "violated")]  # fmt: skip
    found = json.loads(gitlab(judged_of(with_verdicts(*both), rule)))
    assert [e["severity"] for e in found] == [violated, inconclusive]


def test_code_quality_has_no_entry_for_what_is_met_and_a_mild_one_for_a_waiver() -> None:
    found = {e["check_name"]: e["severity"] for e in json.loads(gitlab(gated()))}
    assert "equipoise/met-example" not in found
    assert found["equipoise/oe-example"] == "info"
    assert json.loads(gitlab(judged_of(with_verdicts(verdict("met"))))) == []


def test_a_gate_that_could_not_run_blocks() -> None:
    (entry,) = json.loads(failed_gitlab(FAILED_GATE))
    assert (entry["severity"], entry["location"]["path"]) == ("blocker", "out/audit.json")
    ((level, where, message),) = annotations(failed_github(FAILED_GATE))
    assert (level, where["file"]) == ("error", "out/audit.json")
    assert "it is not JSON (exit code 2)" in message


def parsed(text: str) -> tuple[str, list[str]]:
    """The page as HTML, and every tag that was written as such."""
    reader = MarkdownIt("commonmark").enable(["table"])
    raw = [
        token.content.strip()
        for block in reader.parse(text)
        for token in [block, *(block.children or ())]
        if token.type in ("html_block", "html_inline")
    ]
    return reader.render(text), raw


def test_the_comment_has_a_marker_a_headline_and_a_row_for_each_requirement() -> None:
    text = markdown(gated())
    assert text.split("\n")[0] == MARKER == "<!-- equipoise -->"
    page, _ = parsed(text)
    assert "<h2>Audit gate: 1 of 7 requirements violated" in page
    assert page.count("<tr>") == 8
    assert page.index("✗ violated") < page.index("? inconclusive") < page.index("✓ met")
    assert page.count("<details>") == 2
    assert "violated now and not before" in page


def test_the_summary_of_a_step_is_the_same_without_the_marker() -> None:
    assert MARKER not in github_summary(gated())
    assert github_summary(gated()).strip() in markdown(gated())


@pytest.mark.parametrize("make", [markdown, github_summary])
def test_harmful_text_stays_text_in_markdown(make: object) -> None:
    assert callable(make)
    page, raw = parsed(make(hostile()))
    own = {"details", "/details", "summary", "/summary"}
    assert set(re.findall(r"<([^!>]+)>", " ".join(raw))) <= own
    assert not re.search(r"<(script|a|code|img)\b", page)
    assert "&lt;script&gt;" in page
    assert page.count("<tr>") == 8
    assert not re.search(r"[@#!]\w", re.sub(r"&\w+;|<[^>]*>", " ", page))


def test_the_comment_fits_and_says_what_it_leaves_out() -> None:
    text = markdown(crowd())
    assert len(text.encode()) < 65_536
    rows = len(re.findall(r"^\| ✗", text, re.MULTILINE))
    assert f"{400 - rows} further requirements left out" in text
    assert rows > 50
    assert "expired on 2023-12-31" in text
    assert "more left out here" in text
    assert len(github_summary(crowd()).encode()) < 1024 * 1024


def test_a_gate_that_could_not_run_is_one_line_of_markdown() -> None:
    first, second = failed_markdown(FAILED_GATE).splitlines()
    assert first == MARKER
    assert second == failed_github_summary(FAILED_GATE).strip()
    assert "it is not JSON" in second
