"""Read back with the models that pydantic-sarif generated from the OASIS schema.

They follow the schema before errata 01, in which the `status` that the text gives a suppression was
misspelt `state`; the constraints that they lack are checked by hand, each with its section of the
standard.
"""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Log

from reports.gate.judged import Place
from reports.gate.sarif import FINGERPRINT, failed_sarif, sarif
from tests.reports.gated import (
    FAILED_GATE,
    HOSTILE,
    RATCHET,
    gated,
    hostile,
    judged_of,
    moved,
    verdict,
    with_verdicts,
)

ALL: dict[str, Callable[[], str]] = {
    "fail": lambda: sarif(gated()),
    "warn": lambda: sarif(gated("warn")),
    "hostile": lambda: sarif(hostile()),
    "failed": lambda: failed_sarif(FAILED_GATE),
}


def run_of(text: str) -> dict[str, Any]:
    (run,) = json.loads(text)["runs"]
    assert isinstance(run, dict)
    return run


def results(text: str) -> dict[str, dict[str, Any]]:
    return {r["ruleId"]: r for r in run_of(text)["results"]}


@pytest.mark.parametrize("name", ALL)
def test_the_generated_models_accept_it(name: str) -> None:
    content = json.loads(ALL[name]())
    for result in content["runs"][0]["results"]:
        for suppression in result.get("suppressions", ()):
            suppression["state"] = suppression.pop("status")
    assert Log.model_validate(content).version.value == "2.1.0"


@pytest.mark.parametrize("name", ALL)
def test_constraints_of_the_standard(name: str) -> None:
    run = run_of(ALL[name]())
    rules = run["tool"]["driver"]["rules"]
    assert len({r["id"] for r in rules}) == len(rules)  # 3.19.23
    for result in run["results"]:
        if "ruleIndex" in result:  # 3.27.6
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        if result["kind"] != "fail":  # 3.27.10
            assert result["level"] == "none"
        assert result["message"]["text"]  # 3.11.8
        for place in result["locations"]:
            physical = place["physicalLocation"]
            uri = urlsplit(physical["artifactLocation"]["uri"])
            assert not uri.scheme  # relative (3.4.3)
            assert not uri.netloc
            assert not uri.path.startswith(("/", ".."))
            assert not set(uri.path) & set(' <>"{}|\\^`')  # RFC 3986
            assert physical["region"]["startLine"] >= 1  # 3.30.5
    assert "versionControlProvenance" not in run


@pytest.mark.parametrize(
    ("id", "kind", "level"),
    [
        ("met-example", "pass", "none"),
        ("violated-example", "fail", "error"),
        ("inconclusive-example", "fail", "warning"),
        ("not-estimable-example", "fail", "warning"),
        ("not-applicable-example", "notApplicable", "none"),
        ("error-example", "fail", "error"),
        ("oe-example", "fail", "warning"),  # waived; its severity is minor
    ],
)
def test_kind_and_level_of_each_status(id: str, kind: str, level: str) -> None:
    found = results(sarif(gated()))[id]
    assert (found["kind"], found["level"]) == (kind, level)


def test_undecided_is_a_note_where_it_only_warns() -> None:
    assert results(sarif(gated("warn")))["inconclusive-example"]["level"] == "note"
    assert results(sarif(gated("warn")))["violated-example"]["level"] == "error"


def test_only_what_is_waived_is_suppressed() -> None:
    found = results(sarif(gated()))
    assert [id for id, r in found.items() if "suppressions" in r] == ["oe-example"]
    (suppression,) = found["oe-example"]["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("external", "accepted")
    for told in ("the numbers say: violated", "Recalibration is under way.", "Ann Owner"):
        assert told in suppression["justification"]
    assert found["oe-example"]["properties"]["waiver"]["expires"] == "2024-12-31"


def test_results_stand_at_the_lines_of_the_plan_or_else_at_the_audit() -> None:
    def place(text: str) -> tuple[str, int]:
        physical = results(text)["violated-example"]["locations"][0]["physicalLocation"]
        return unquote(physical["artifactLocation"]["uri"]), physical["region"]["startLine"]

    assert place(sarif(gated())) == ("plans/equipoise.yaml", 11)
    bare = judged_of(gated().result)
    assert place(sarif(bare)) == ("out/audit.json", 1)
    far = judged_of(gated().result, audit="/home/ann/secret/audit.json")
    assert place(sarif(far)) == ("audit.json", 1)
    assert "ann/secret" not in sarif(far)


def prints(text: str) -> dict[str, str]:
    found = results(text)
    return {
        id: r["partialFingerprints"][FINGERPRINT]
        for id, r in found.items()
        if "partialFingerprints" in r
    }


def test_fingerprints_outlive_numbers_and_lines_and_differ_between_requirements() -> None:
    first = prints(sarif(gated()))
    assert len(set(first.values())) == len(gated().result.verdicts)
    changed = tuple(
        v.model_copy(update={"value": 0.5, "margin": 0.3, "status": "met", "statement": "other",
                             "severity": "minor", "stratum": "sex=M"})
        for v in gated().result.verdicts
    )  # fmt: skip
    places = {v.requirement: Place("other.yaml", 99) for v in changed}
    assert prints(sarif(judged_of(with_verdicts(*changed), places=places))) == first


@pytest.mark.parametrize(
    "change", [{"measure": "specificity"}, {"attribute": "sex"}, {"contrast": "gap"}]
)
def test_a_fingerprint_tells_what_a_requirement_is_about(change: dict[str, str]) -> None:
    stated = {"id": "gap", "measure": "sensitivity", "contrast": "difference", "attribute": "race"}

    def print_of(stated: dict[str, str]) -> str:
        v = verdict("violated").model_copy(
            update={"requirement": "gap", "measure": stated["measure"]}
        )
        result = with_verdicts(v).model_copy(update={"plan": {"requirements": [stated]}})
        return prints(sarif(judged_of(result)))["gap"]

    assert print_of(stated) != print_of(stated | change)
    assert print_of(stated) == print_of(stated | {"margin": "0.2", "strata": "overall"})


def test_the_baseline_state_is_that_of_the_ratchet() -> None:
    found = results(sarif(gated()))
    assert {id: r.get("baselineState") for id, r in found.items()} == {
        "met-example": "updated",
        "violated-example": "new",
        "inconclusive-example": "updated",
        "not-estimable-example": "unchanged",
        "not-applicable-example": "new",
        "oe-example": None,
        "error-example": None,
        "retired-example": "absent",
    }


def test_unchanged_needs_the_same_status() -> None:
    mended = moved("violated-example", "unchanged", "violated", "inconclusive")
    ratchet = RATCHET.model_copy(update={"moved": (mended,)})
    text = sarif(judged_of(with_verdicts(verdict("violated")), ratchet=ratchet))
    assert results(text)["violated-example"]["baselineState"] == "updated"


def test_rules_say_what_why_and_how_to_read() -> None:
    rules = {r["id"]: r for r in run_of(sarif(gated()))["tool"]["driver"]["rules"]}
    rule = rules["violated-example"]
    assert rule["shortDescription"]["text"].startswith("difference in sensitivity")
    assert rule["fullDescription"]["text"] == "Equal opportunity between groups."
    assert "never from the point alone" in rule["help"]["text"]
    assert rule["defaultConfiguration"]["level"] == "error"
    assert rules["oe-example"]["defaultConfiguration"]["level"] == "warning"


def test_the_invocation_says_what_came_of_it() -> None:
    (invocation,) = run_of(sarif(gated()))["invocations"]
    assert (invocation["exitCode"], invocation["executionSuccessful"]) == (1, False)
    (error,) = invocation["toolExecutionNotifications"]
    assert error["associatedRule"]["id"] == "error-example"
    codes = [n["descriptor"]["id"] for n in invocation["toolConfigurationNotifications"]]
    assert codes == ["waiver_expired", "waiver_unmatched", "requirement_gone", "lock_deviation"]
    (calm,) = run_of(sarif(judged_of(with_verdicts(verdict("violated")))))["invocations"]
    assert (calm["exitCode"], calm["executionSuccessful"]) == (1, True)


def test_a_gate_that_could_not_run_has_no_results() -> None:
    run = run_of(failed_sarif(FAILED_GATE))
    (invocation,) = run["invocations"]
    assert run["results"] == []
    assert (invocation["exitCode"], invocation["executionSuccessful"]) == (2, False)
    assert "it is not JSON" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_harmful_text_is_one_line_without_unseen_signs() -> None:
    text = results(sarif(hostile()))["violated-example"]["message"]["text"]
    assert HOSTILE not in text
    assert not set("\n\r\u2028\x00\x1b\u202e\u2066\ud800") & set(text)
    assert "<script>alert(1)</script> ]]> &amp;" in text
