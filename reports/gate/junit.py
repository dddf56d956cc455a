"""Verdicts as JUnit XML, which every build server reads as test results.

The schema of Jenkins knows no properties of a test case. They stand in its output, and under the
name of the requirement among those of its suite.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from reports.gate.entries import (
    UNDECIDED,
    Entry,
    entries,
    headline,
    lock_text,
    notes,
    one_line,
    outcome,
    relative,
    sentences,
    word,
)
from reports.gate.judged import Failed, Judged, OnInconclusive

_KINDS = ("measure", "coverage", "change", "checklist")
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def junit(judged: Judged) -> str:
    """Give one suite for each kind of requirement, and one of what stands beside the verdicts."""
    found = sorted(entries(judged), key=lambda e: _KINDS.index(e.verdict.kind))
    suites: list[str] = []
    for kind, group in groupby(found, key=lambda e: e.verdict.kind):
        suites += _suite(kind, list(group), judged)
    counts = _counts(found, judged.on_inconclusive)
    return _document(headline(judged), counts, [*suites, *_beside(judged)])


def failed_junit(failed: Failed) -> str:
    """Give one suite with one error."""
    counts = {"tests": 1, "failures": 0, "errors": 1}
    text = f"the gate could not run, nothing was judged: {one_line(failed.reason)}"
    detail = f"{relative(failed.audit)}; exit code {failed.code}"
    suite = [
        f"  <testsuite{_attributes({'name': 'equipoise.gate', **counts, 'skipped': 0})}>",
        '    <testcase name="gate" classname="equipoise.gate" time="0">',
        _element("error", detail, type="error", message=text),
        "    </testcase>",
        "  </testsuite>",
    ]
    return _document("the gate could not run", counts, suite)


def _document(name: str, counts: Mapping[str, int], body: Sequence[str]) -> str:
    all_but_skipped = {k: v for k, v in counts.items() if k != "skipped"}
    head = _attributes({"name": f"equipoise gate: {name}", **all_but_skipped, "time": 0})
    return "\n".join([_HEAD, f"<testsuites{head}>", *body, "</testsuites>"]) + "\n"


def _suite(kind: str, found: Sequence[Entry], judged: Judged) -> list[str]:
    counts = _counts(found, judged.on_inconclusive)
    head = {"name": f"equipoise.{kind}", **counts, "time": 0}
    named = {f"{e.line.id}.{k}": v for e in found for k, v in facts(e).items()}
    out = [f"  <testsuite{_attributes(head)}>", *_properties(named)]
    for entry in found:
        case = {"name": entry.line.id, "classname": f"equipoise.{kind}", "time": 0}
        out += [
            f"    <testcase{_attributes(case)}>",
            *_decision(entry, judged.on_inconclusive),
            "    </testcase>",
        ]
    return [*out, "  </testsuite>"]


def _beside(judged: Judged) -> list[str]:
    """A suite without cases: exit code, findings, and the lock."""
    told = {f"{n.code}.{i}": n.text for i, n in enumerate(notes(judged), 1)}
    told |= {"outcome": outcome(judged), "exit_code": str(judged.code)}
    if lock := lock_text(judged.result):
        told["lock"] = lock
    head = {"name": "equipoise.gate", "tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    return [f"  <testsuite{_attributes(head)}>", *_properties(told), "  </testsuite>"]


def role(entry: Entry, on_inconclusive: OnInconclusive) -> str:
    """How a build server counts a requirement: passed, failures, errors or skipped."""
    status = entry.verdict.status
    if status == "error":
        return "errors"
    if status in ("waived", "not_applicable"):
        return "skipped"
    stops = status == "violated" or (status in UNDECIDED and on_inconclusive == "fail")
    return "failures" if stops else "passed"


def _counts(found: Sequence[Entry], on_inconclusive: OnInconclusive) -> dict[str, int]:
    roles = [role(e, on_inconclusive) for e in found]
    return {"tests": len(roles)} | {k: roles.count(k) for k in ("failures", "errors", "skipped")}


def _decision(entry: Entry, on_inconclusive: OnInconclusive) -> list[str]:
    status = entry.verdict.status
    message = f"{word(status)}: {entry.statement}"
    text = "\n".join([message, *sentences(entry)])
    how = role(entry, on_inconclusive)
    out: list[str] = []
    if how == "failures":
        kind = "inconclusive" if status in UNDECIDED else "violated"
        out.append(_element("failure", text, type=kind, message=message))
    elif how == "errors":
        out.append(_element("error", text, type="error", message=message))
    elif how == "skipped":
        out.append(_element("skipped", text, type=status, message=message))
    elif status in UNDECIDED:
        text = f"WARNING: {text}"
    listed = "\n".join(f"{k}: {v}" for k, v in facts(entry).items())
    body = f"{text}\n{listed}" if not out else listed
    return [*out, _element("system-out", body)]


def facts(entry: Entry) -> dict[str, str]:
    """What a program may want to know of a requirement, unrounded."""
    v = entry.verdict
    span = None if v.lower is None or v.upper is None else f"[{v.lower!r}, {v.upper!r}]"
    margin = " to ".join(map(repr, v.margin)) if isinstance(v.margin, tuple) else repr(v.margin)
    told: dict[str, object] = {
        "measure": v.measure,
        "output": v.output,
        "stratum": v.stratum,
        "value": v.value,
        "interval": span,
        "level": v.level,
        "margin": margin,
        "severity": v.severity,
        "status": v.status,
        "found": entry.found,
        "movement": entry.moved.movement if entry.moved else None,
        "place": f"{entry.place.path}:{entry.place.line}",
    }
    return {k: one_line(str(x)) for k, x in told.items() if x is not None}


def _properties(named: Mapping[str, str]) -> list[str]:
    rows = [
        f"      <property{_attributes({'name': name, 'value': value})}/>"
        for name, value in named.items()
    ]
    return ["    <properties>", *rows, "    </properties>"] if rows else []


def _element(name: str, text: str, **attributes: str) -> str:
    return f"      <{name}{_attributes(attributes)}>{escape(text)}</{name}>"


def _attributes(named: Mapping[str, object]) -> str:
    return "".join(f" {name}={quoteattr(str(value))}" for name, value in named.items())
