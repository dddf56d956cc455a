"""Verdicts as workflow commands of GitHub Actions: annotations at the lines of the plan.

GitHub shows ten annotations of a step, so the most urgent ten are written, and one that says how
many are not. What is met is counted in that one alone.
"""

from reports.gate.entries import (
    UNDECIDED,
    Entry,
    Note,
    by_urgency,
    entries,
    headline,
    lock_text,
    notes,
    one_line,
    outcome,
    relative,
    sentences,
)
from reports.gate.judged import Failed, Judged, OnInconclusive, Place

MOST = 10
_QUIET = ("waived", "not_applicable")
_MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = _MESSAGE | {":": "%3A", ",": "%2C"}


def github(judged: Judged) -> str:
    """Write the annotations, most urgent first."""
    found = [e for e in by_urgency(entries(judged)) if e.verdict.status != "met"]
    lines = [_of_entry(e, judged.on_inconclusive) for e in found if e.verdict.status not in _QUIET]
    lines += [_of_note(n, judged) for n in notes(judged)]
    lines += [_of_entry(e, judged.on_inconclusive) for e in found if e.verdict.status in _QUIET]
    rest = len(lines) - MOST
    more = (
        f" {rest} more are not shown here; every format of the gate has them." if rest > 0 else ""
    )
    lock = f" {text}" if (text := lock_text(judged.result)) else ""
    last = f"{headline(judged)}. {outcome(judged)}{lock}{more}"
    return "\n".join([*lines[:MOST], command("notice", "equipoise", last)]) + "\n"


def failed_github(failed: Failed) -> str:
    """Write one error."""
    text = f"the gate could not run, nothing was judged: {one_line(failed.reason)}"
    place = Place(relative(failed.audit), 1)
    return command("error", "equipoise", f"{text} (exit code {failed.code})", place) + "\n"


def command(level: str, title: str, message: str, place: Place | None = None) -> str:
    """One workflow command, with everything escaped that the runner would read."""
    where = {"file": place.path, "line": str(place.line)} if place else {}
    told = ",".join(f"{k}={_escaped(v, _PROPERTY)}" for k, v in (where | {"title": title}).items())
    return f"::{level} {told}::{_escaped(message, _MESSAGE)}"


def _escaped(text: str, signs: dict[str, str]) -> str:
    return "".join(signs.get(c, c) for c in text)


def _of_entry(entry: Entry, on_inconclusive: OnInconclusive) -> str:
    status = entry.verdict.status
    stops = status in ("violated", "error") or on_inconclusive == "fail"
    level = "error" if stops else "warning"
    if status not in ("violated", "error", *UNDECIDED):
        level = "notice"
    title = f"{entry.line.word}: {entry.line.id} ({entry.verdict.severity})"
    return command(level, title, "\n".join([entry.statement, *sentences(entry)]), entry.place)


def _of_note(note: Note, judged: Judged) -> str:
    place = judged.places.get(note.requirement or "")
    found = Place(relative(place.path), place.line) if place else None
    return command("warning", note.code.replace("_", " "), note.text, found)
