"""What holds in every format of the gate, and what the sentences of all of them say."""

import json
from dataclasses import replace

import pytest

from audit.exit_codes import OnInconclusive
from reports.gate.entries import headline, outcome, relative
from reports.gate.formats import FAILED, FORMATS
from reports.gate.judged import Judged
from reports.gate.text import gate_text
from tests.reports.gated import (
    FAILED_GATE,
    WAIVER,
    gated,
    hostile,
    judged_of,
    verdict,
    with_verdicts,
)

# These two show what is wrong; what is met would be a defect there.
WRONG_ONLY = {"github", "gitlab"}


def of(*statuses: str, on_inconclusive: OnInconclusive = "fail") -> Judged:
    found = [
        gated_verdict.model_copy(update={"requirement": f"{status}-{i}"})
        for i, status in enumerate(statuses)
        for gated_verdict in gated().result.verdicts
        if gated_verdict.status == status
    ]
    return judged_of(with_verdicts(*found), on_inconclusive)


def test_the_registry_is_complete() -> None:
    names = ["text", "json", "junit", "sarif", "github", "github-summary", "gitlab", "markdown"]
    assert list(FORMATS) == names == list(FAILED)


@pytest.mark.parametrize("name", FORMATS)
def test_every_requirement_is_there(name: str) -> None:
    result = gated().result.model_copy(update={"findings": ()})
    text = FORMATS[name](replace(gated(), result=result.model_copy(update={"lock": None})))
    left_out = {v.requirement for v in gated().result.verdicts if v.requirement not in text}
    assert left_out == ({"met-example"} if name in WRONG_ONLY else set())


@pytest.mark.parametrize("name", FORMATS)
def test_waivers_findings_movement_and_the_lock_are_there(name: str) -> None:
    text = " ".join(FORMATS[name](gated()).split())
    for told in (WAIVER.justification, WAIVER.owner, WAIVER.approver, WAIVER.expires,
                 "expired on 2023-12-31", "no-such-requirement", "retired-example",
                 "the margin of met-example was 0.8 and is 0.75"):  # fmt: skip
        if (name, told) == ("github", "the margin of met-example was 0.8 and is 0.75"):
            continue  # ten annotations at most; the last one counts the deviations
        assert told in text, told


@pytest.mark.parametrize("name", FORMATS)
def test_the_bytes_depend_on_nothing_else(name: str) -> None:
    turned = replace(gated(), places=dict(reversed(list(gated().places.items()))))
    first = FORMATS[name](gated())
    assert first.encode() == FORMATS[name](turned).encode()
    assert first.endswith("\n")
    assert "\r" not in first


@pytest.mark.parametrize("name", FORMATS)
def test_undecided_is_never_said_to_pass(name: str) -> None:
    for rule in ("fail", "warn"):
        text = FORMATS[name](of("inconclusive", on_inconclusive=rule))
        assert "not shown to hold" in " ".join(text.split())
        lowered = text.replace("not a pass", "").lower()
        for word in ("pass", "success", "compliant", "✓"):
            # SARIF tells of each run whether the tool ran to its end.
            assert word not in lowered.replace("executionsuccessful", ""), word


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"json"}))
def test_undecided_says_interval_and_what_would_decide(name: str) -> None:
    text = " ".join(FORMATS[name](of("inconclusive")).replace("\\", "").replace("%25", "%").split())
    assert "The 95 % interval [−0.192, +0.006] reaches across the limit ±0.05" in text
    assert "at least 0.110 away from the limit" in text
    assert "About 3,120 units would decide the value seen." in text


@pytest.mark.parametrize("name", FORMATS)
def test_a_gate_that_could_not_run_says_why_in_every_format(name: str) -> None:
    text = FAILED[name](FAILED_GATE)
    assert "it is not JSON" in text
    assert "✓" not in text


@pytest.mark.parametrize("name", FORMATS)
def test_without_requirements_every_format_can_be_written(name: str) -> None:
    text = FORMATS[name](judged_of(with_verdicts()))
    assert name == "gitlab" or "nothing was judged" in text


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"json"}))
def test_no_unseen_sign_gets_through(name: str) -> None:
    text = FORMATS[name](hostile())
    assert not set("\r\u2028\x00\x1b\u202e\u2066\ud800") & set(text)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (("met", "met"), "2 of 2 requirements met"),
        (("met",), "1 of 1 requirement met"),
        (("violated", "violated", "inconclusive", "met"),
         "2 of 4 requirements violated, 1 inconclusive: not shown to hold; 1 met"),
        (("inconclusive", "met"), "1 of 2 requirements inconclusive: not shown to hold; 1 met"),
        (("met", "waived"), "1 of 2 requirements met, 1 waived"),
        (("waived",), "0 of 1 requirement met, 1 waived: nothing was judged"),
        ((), "The plan sets no requirement: nothing was judged"),
    ],
)  # fmt: skip
def test_the_headline_counts(statuses: tuple[str, ...], expected: str) -> None:
    assert headline(of(*statuses)) == expected


@pytest.mark.parametrize(
    ("statuses", "rule", "expected"),
    [
        (("met",), "fail", "Exit code 0: every requirement that was judged is met."),
        (("violated", "met"), "fail", "Exit code 1: at least one requirement is violated."),
        (("inconclusive",), "fail", "Exit code 3: not every requirement is shown to hold."),
        (("waived",), "warn", "Exit code 3: nothing was judged."),
        (("error", "met"), "fail", "Exit code 4: at least one requirement could not be judged."),
        (("inconclusive", "met"), "warn",
         "Warning: exit code 0 although 1 requirement is not shown to hold; what is undecided was "
         "set only to warn."),
    ],
)  # fmt: skip
def test_the_exit_code_is_explained(
    statuses: tuple[str, ...], rule: OnInconclusive, expected: str
) -> None:
    assert outcome(of(*statuses, on_inconclusive=rule)) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("out/audit.json", "out/audit.json"),
        ("./out/audit.json", "out/audit.json"),
        ("/home/ann/audit.json", "audit.json"),
        ("../elsewhere/audit.json", "audit.json"),
        ("out\\audit.json", "out/audit.json"),
        ("C:\\Users\\ann\\audit.json", "audit.json"),
        ("C:/Users/ann/audit.json", "audit.json"),
    ],
)
def test_no_path_leads_out_of_where_the_gate_ran(path: str, expected: str) -> None:
    assert relative(path) == expected


def test_no_line_of_the_text_is_a_command_of_a_build_server() -> None:
    start = "word " * 19 + "::error file=x::gotcha ##[group]x ::stop-commands::y"
    v = verdict("violated").model_copy(update={"reason": start, "rationale": "::add-mask::x"})
    text = gate_text(judged_of(with_verdicts(v)))
    assert "error file=x" in text
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    assert "##[" not in text


def test_json_holds_everything_that_was_judged() -> None:
    content = json.loads(FORMATS["json"](gated()))
    waived = next(v for v in content["verdicts"] if v["status"] == "waived")
    assert (waived["found"], waived["waiver"]["owner"]) == ("violated", "Ann Owner")
    assert waived["place"] == {"path": "plans/equipoise.yaml", "line": 15}
    assert (content["exit_code"], content["on_inconclusive"]) == (1, "fail")
    assert [f["code"] for f in content["findings"]] == ["waiver_expired", "waiver_unmatched"]
    assert content["lock"]["deviations"]
    assert content["baseline"]["moved"][0]["movement"] == "fixed"
