"""Verdicts as GitLab Code Quality: what is not met, at the lines of the plan.

GitLab takes every entry for a defect and one that is gone for a repair, so what is met has none.
"""

from typing import Any

from reports.gate.entries import (
    UNDECIDED,
    Entry,
    Note,
    by_urgency,
    entries,
    notes,
    one_line,
    relative,
    sentences,
    word,
)
from reports.gate.fingerprint import fingerprint, hashed
from reports.gate.json_text import written
from reports.gate.judged import Failed, Judged, OnInconclusive, Place

_VIOLATED = {"critical": "blocker", "major": "critical", "minor": "major"}
_UNDECIDED = {"critical": "critical", "major": "major", "minor": "minor"}


def gitlab(judged: Judged) -> str:
    """Give one entry for each requirement that is not met, and for each finding."""
    found = [e for e in by_urgency(entries(judged)) if e.verdict.status != "met"]
    told = [_of_entry(e, judged) for e in found]
    return written([*told, *(_of_note(n, judged) for n in notes(judged))])


def failed_gitlab(failed: Failed) -> str:
    """Give one entry that blocks."""
    text = f"the gate could not run, nothing was judged: {one_line(failed.reason)}"
    place = Place(relative(failed.audit), 1)
    return written([_entry(text, "equipoise/gate", hashed(["failed"]), "blocker", place)])


def severity(entry: Entry, on_inconclusive: OnInconclusive) -> str:
    """How much a requirement weighs, in the words of Code Quality."""
    status, own = entry.verdict.status, entry.verdict.severity
    if status == "error":
        return "blocker"
    if status == "violated":
        return _VIOLATED[own]
    if status in UNDECIDED:
        return _UNDECIDED[own] if on_inconclusive == "fail" else "minor"
    return "info"


def _of_entry(entry: Entry, judged: Judged) -> dict[str, Any]:
    text = f"{word(entry.verdict.status)}: {entry.statement}. {' '.join(sentences(entry))}"
    print_ = fingerprint(entry.verdict, judged.result)
    weight = severity(entry, judged.on_inconclusive)
    return _entry(text, f"equipoise/{entry.line.id}", print_, weight, entry.place)


def _of_note(note: Note, judged: Judged) -> dict[str, Any]:
    found = judged.places.get(note.requirement or "")
    path, line = (found.path, found.line) if found else (judged.audit, 1)
    print_ = hashed([note.code, note.requirement, note.text])
    place = Place(relative(path), line)
    return _entry(note.text, f"equipoise/{note.code}", print_, "minor", place)


def _entry(text: str, name: str, print_: str, weight: str, place: Place) -> dict[str, Any]:
    return {
        "description": text,
        "check_name": name,
        "fingerprint": print_,
        "severity": weight,
        "location": {"path": place.path, "lines": {"begin": place.line}},
    }
