"""Read back with junitparser, which is independent of what writes here."""

from collections.abc import Callable, Iterator
from xml.etree import ElementTree

import pytest
from junitparser import Error, Failure, JUnitXml, Property, Skipped, TestCase, TestSuite

from audit.exit_codes import OnInconclusive
from reports.gate.junit import failed_junit, junit
from tests.reports.gated import (
    FAILED_GATE,
    HOSTILE,
    gated,
    hostile,
    judged_of,
    verdict,
    with_verdicts,
)

# Names that the schema of Jenkins (junit-10.xsd of its xunit plugin) allows in each element.
ALLOWED = {
    "testsuites": ({"testsuite"}, {"name", "time", "tests", "failures", "errors"}),
    "testsuite": (
        {"properties", "testcase", "system-out"},
        {"name", "tests", "failures", "errors", "time", "skipped"},
    ),
    "properties": ({"property"}, set()),
    "property": (set(), {"name", "value"}),
    "testcase": ({"skipped", "error", "failure", "system-out"}, {"name", "time", "classname"}),
    "failure": (set(), {"type", "message"}),
    "error": (set(), {"type", "message"}),
    "skipped": (set(), {"type", "message"}),
    "system-out": (set(), set()),
}

ALL: dict[str, Callable[[], str]] = {
    "fail": lambda: junit(gated()),
    "warn": lambda: junit(gated("warn")),
    "hostile": lambda: junit(hostile()),
    "failed": lambda: failed_junit(FAILED_GATE),
}


def suites(text: str) -> list[TestSuite]:
    found = JUnitXml.fromstring(text.encode())
    assert isinstance(found, JUnitXml)
    return list(found)


def properties_of(suite: TestSuite) -> list[Property]:
    return list(suite.properties())  # type: ignore[no-untyped-call]


def cases(text: str) -> dict[str, TestCase]:
    return {case.name: case for suite in suites(text) for case in suite}


@pytest.mark.parametrize("on_inconclusive", ["fail", "warn"])
def test_stated_counts_are_those_of_the_cases(on_inconclusive: OnInconclusive) -> None:
    text = junit(gated(on_inconclusive))
    stated = JUnitXml.fromstring(text.encode())
    told = [(s.tests, s.failures, s.errors, s.skipped) for s in suites(text)]
    counted = []
    for suite in suites(text):
        suite.update_statistics()  # type: ignore[no-untyped-call]
        counted.append((suite.tests, suite.failures, suite.errors, suite.skipped))
    assert told == counted
    total = tuple(sum(column) for column in zip(*counted, strict=True))
    assert (stated.tests, stated.failures, stated.errors) == total[:3]
    assert total == ((7, 3, 1, 2) if on_inconclusive == "fail" else (7, 1, 1, 2))


@pytest.mark.parametrize(
    ("id", "kind", "type"),
    [
        ("violated-example", Failure, "violated"),
        ("inconclusive-example", Failure, "inconclusive"),
        ("not-estimable-example", Failure, "inconclusive"),
        ("oe-example", Skipped, "waived"),
        ("not-applicable-example", Skipped, "not_applicable"),
        ("error-example", Error, "error"),
    ],
)
def test_each_status_is_what_a_build_server_makes_of_it(id: str, kind: type, type: str) -> None:
    (outcome,) = cases(junit(gated()))[id].result
    assert isinstance(outcome, kind)
    assert outcome.type == type


def test_what_is_met_is_the_only_case_without_a_mark() -> None:
    assert [n for n, c in cases(junit(gated())).items() if not c.result] == ["met-example"]


def test_undecided_that_only_warns_says_so_in_its_output() -> None:
    case = cases(junit(gated("warn")))["inconclusive-example"]
    assert not case.result
    assert case.system_out.startswith("WARNING: inconclusive: difference in sensitivity")
    assert "not shown to hold" in case.system_out


def test_a_waived_case_says_what_the_numbers_say_and_who_decided() -> None:
    (outcome,) = cases(junit(gated()))["oe-example"].result
    for told in ("the numbers say: violated", "Recalibration is under way.", "Ann Owner",
                 "Ben Approver", "2024-12-31"):  # fmt: skip
        assert told in outcome.text


def test_properties_hold_the_numbers_unrounded() -> None:
    measure = next(s for s in suites(junit(gated())) if s.name == "equipoise.measure")
    named = {p.name: p.value for p in properties_of(measure)}
    met = verdict("met")
    assert float(named["met-example.value"]) == met.value
    assert named["met-example.interval"] == f"[{met.lower!r}, {met.upper!r}]"
    assert named["violated-example.severity"] == "critical"
    assert (named["oe-example.status"], named["oe-example.found"]) == ("waived", "violated")


def test_each_kind_has_its_suite_and_findings_stand_beside() -> None:
    found = suites(junit(gated()))
    assert [s.name for s in found] == ["equipoise.measure", "equipoise.checklist", "equipoise.gate"]
    told = [p.value for p in properties_of(found[-1])]
    assert any("expired on 2023-12-31" in t for t in told)
    assert any("departs from the locked one" in t for t in told)


def everything(element: ElementTree.Element) -> Iterator[ElementTree.Element]:
    yield element
    for child in element:
        yield from everything(child)


@pytest.mark.parametrize("name", ALL)
def test_nothing_stands_where_the_schema_knows_nothing(name: str) -> None:
    for element in everything(ElementTree.fromstring(ALL[name]().encode())):
        children, attributes = ALLOWED[element.tag]
        assert {child.tag for child in element} <= children
        assert set(element.attrib) <= attributes


def test_harmful_text_stays_text() -> None:
    text = junit(hostile())
    assert {c.name for c in cases(text).values()} == {
        v.requirement for v in hostile().result.verdicts
    }
    (outcome,) = cases(text)["violated-example"].result
    assert "<script>alert(1)</script> ]]> &amp; `code`" in outcome.text
    assert not set("\x00\x1b\u202e\u2066\ud800") & set(text)
    assert set("\x00\x1b\u202e\u2066\ud800") <= set(HOSTILE)


def test_a_gate_that_could_not_run_is_one_error() -> None:
    (suite,) = suites(failed_junit(FAILED_GATE))
    (case,) = suite
    (outcome,) = case.result
    assert (suite.tests, suite.errors, suite.failures) == (1, 1, 0)
    assert isinstance(outcome, Error)
    assert "it is not JSON" in outcome.message


def test_without_requirements_no_case_is_made_up() -> None:
    text = junit(judged_of(with_verdicts()))
    assert cases(text) == {}
    assert "nothing was judged" in text
