"""Verdicts as SARIF 2.1.0: requirements are rules, and each has one result.

SARIF allows a level only to results of kind ``fail``, so what is undecided is such a result: a
warning, or a note where it was set only to warn. What is met or does not apply has no level, and
what is waived is suppressed.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from audit.ratchet import Moved
from audit.requirement import Severity
from reports import words
from reports.gate.entries import (
    UNDECIDED,
    Entry,
    Note,
    entries,
    headline,
    lock_text,
    moved_text,
    notes,
    one_line,
    outcome,
    relative,
    sentences,
    waiver_text,
    word,
)
from reports.gate.fingerprint import fingerprint
from reports.gate.json_text import written
from reports.gate.judged import Failed, Judged, OnInconclusive, Place

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
FINGERPRINT = "equipoiseRequirement/v1"
_LEVEL: dict[Severity, str] = {"critical": "error", "major": "error", "minor": "warning"}
_KIND = {"met": "pass", "not_applicable": "notApplicable"}
_READ = {
    "measure": "It is decided from the interval, never from the point alone.",
    "coverage": "Counts are facts, so it is decided without an interval.",
    "change": "The interval of the change since the baseline decides it.",
    "checklist": "It is decided from the answers on record and their state.",
}


def sarif(judged: Judged) -> str:
    """Give one run of the gate."""
    found = entries(judged)
    errors = [e for e in found if e.verdict.status == "error"]
    told: dict[str, str] = {"headline": headline(judged), "onInconclusive": judged.on_inconclusive}
    if lock := lock_text(judged.result):
        told["lock"] = lock
    invocation = {
        "executionSuccessful": not errors,
        "exitCode": judged.code,
        "exitCodeDescription": outcome(judged),
        "toolExecutionNotifications": [_not_judged(e) for e in errors],
        "toolConfigurationNotifications": [_notification(n) for n in notes(judged)],
        "properties": told,
    }
    driver = {
        "name": "equipoise",
        "version": judged.result.provenance.tool_version,
        "rules": [_rule(e) for e in found],
    }
    results = [_result(i, e, judged) for i, e in enumerate(found)]
    return _log(driver, invocation, [*results, *_absent(judged)], judged.audit)


def failed_sarif(failed: Failed) -> str:
    """Give a run without results whose execution failed."""
    text = f"The gate could not run, nothing was judged: {one_line(failed.reason)}"
    invocation = {
        "executionSuccessful": False,
        "exitCode": failed.code,
        "toolExecutionNotifications": [
            {
                "level": "error",
                "message": {"text": text},
                "descriptor": {"id": "gate_failed"},
                "locations": [_location(Place(relative(failed.audit), 1))],
            }
        ],
    }
    return _log({"name": "equipoise", "rules": []}, invocation, [], failed.audit)


def _log(
    driver: dict[str, Any], invocation: dict[str, Any], results: Sequence[Any], audit: str
) -> str:
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "artifacts": [{"location": {"uri": _uri(relative(audit))}, "roles": ["analysisTarget"]}],
        "columnKind": "unicodeCodePoints",
        "results": list(results),
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return written(log)


def _rule(entry: Entry) -> dict[str, Any]:
    v = entry.verdict
    rationale = entry.line.rationale or "The plan gives no reason for this requirement."
    return {
        "id": v.requirement,
        "shortDescription": {"text": entry.statement},
        "fullDescription": {"text": rationale},
        "help": {"text": _help(v.kind)},
        "defaultConfiguration": {"level": _LEVEL[v.severity]},
        "properties": {"tags": ["bias-audit", v.kind, v.severity], "severity": v.severity},
    }


def _help(kind: str) -> str:
    told = [_READ[kind]]
    told += [f"{word(s).capitalize()}: {words.VERDICT_READING[s]}." for s in words.VERDICT_READING]
    return " ".join(told)


def level(entry: Entry, on_inconclusive: OnInconclusive) -> str:
    """The level of a result; ``none`` for what is met or does not apply."""
    if entry.verdict.status in _KIND:
        return "none"
    if entry.found == "error":
        return "error"
    if entry.found in UNDECIDED:
        return "warning" if on_inconclusive == "fail" else "note"
    if entry.found == "violated":
        return _LEVEL[entry.verdict.severity]
    return "note"  # waived without a word of what the numbers gave


def _result(index: int, entry: Entry, judged: Judged) -> dict[str, Any]:
    v = entry.verdict
    text = f"{word(v.status)}: {entry.statement}. {' '.join(sentences(entry))}"
    result: dict[str, Any] = {
        "ruleId": v.requirement,
        "ruleIndex": index,
        "kind": _KIND.get(v.status, "fail"),
        "level": level(entry, judged.on_inconclusive),
        "message": {"text": text},
        "locations": [_location(entry.place)],
        "partialFingerprints": {FINGERPRINT: fingerprint(v, judged.result)},
        "properties": _properties(entry),
    }
    if v.status == "waived":
        why = waiver_text(v) or entry.reason
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": why}]
    if entry.moved:
        result["baselineState"] = _baseline(entry.moved)
    return result


def _baseline(moved: Moved) -> str:
    if moved.before is None or moved.movement == "new":
        return "new"
    same = moved.movement == "unchanged" and moved.before == moved.now
    return "unchanged" if same else "updated"


def _absent(judged: Judged) -> list[dict[str, Any]]:
    """Requirements of the baseline that the plan no longer holds; they have no rule here."""
    moved = judged.ratchet.moved if judged.ratchet else ()
    return [
        {
            "ruleId": m.requirement,
            "kind": "informational",
            "level": "none",
            "message": {"text": f"{one_line(m.requirement)}: {moved_text(m)}"},
            "locations": [_location(Place(relative(judged.audit), 1))],
            "baselineState": "absent",
        }
        for m in moved
        if m.movement == "gone"
    ]


def _properties(entry: Entry) -> dict[str, Any]:
    v = entry.verdict
    keep = {"kind", "measure", "output", "stratum", "value", "lower", "upper", "level", "margin",
            "severity", "status", "detectable", "n_needed", "waiver"}  # fmt: skip
    told = v.model_dump(mode="json", include=keep) | {
        "found": entry.found,
        "movement": entry.moved.movement if entry.moved else None,
    }
    return {k: _clean(told[k]) for k in sorted(told) if told[k] is not None}


def _clean(value: Any) -> Any:
    """Plain data whose texts are on one line."""
    if isinstance(value, dict):
        return {k: _clean(v) for k, v in value.items()}
    return one_line(value) if isinstance(value, str) else value


def _not_judged(entry: Entry) -> dict[str, Any]:
    return {
        "level": "error",
        "message": {"text": f"{entry.statement}: {entry.reason}"},
        "descriptor": {"id": "requirement_not_judged"},
        "associatedRule": {"id": entry.verdict.requirement},
        "locations": [_location(entry.place)],
    }


def _notification(note: Note) -> dict[str, Any]:
    told = {"level": "warning", "message": {"text": note.text}, "descriptor": {"id": note.code}}
    # A requirement that is gone or unknown has no rule to point at.
    known = note.requirement is not None and note.code != "requirement_gone"
    return told | ({"associatedRule": {"id": note.requirement}} if known else {})


def _location(place: Place) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(place.path)},
            "region": {"startLine": place.line},
        }
    }


def _uri(path: str) -> str:
    return quote(path, safe="/-._~")
