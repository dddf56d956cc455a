"""Verdicts as plain text: 100 columns, symbols with words, no colour."""

from reports.gate.columns import inert, wrapped
from reports.gate.entries import (
    Entry,
    entries,
    headline,
    lock_text,
    notes,
    one_line,
    outcome,
    sentences,
)
from reports.gate.judged import Failed, Judged


def gate_text(judged: Judged) -> str:
    """List every requirement with its verdict, interval and reason."""
    out = wrapped(f"{headline(judged)}.", "")
    for entry in entries(judged):
        out += ["", *_told(entry)]
    beside = [f"! {n.text}" for n in notes(judged)]
    if lock := lock_text(judged.result):
        beside.append(lock)
    if beside:
        out += ["", *(line for text in beside for line in wrapped(text, ""))]
    out += ["", *wrapped(outcome(judged), "")]
    return "\n".join(inert(line) for line in out) + "\n"


def failed_text(failed: Failed) -> str:
    """Say in one line that nothing was judged, and why."""
    text = (
        f"! ERROR  the gate could not run, nothing was judged: {one_line(failed.reason)} "
        f"({one_line(failed.audit)}; exit code {failed.code})"
    )
    return inert(text) + "\n"


def _told(entry: Entry) -> list[str]:
    line = entry.line
    severity = entry.verdict.severity
    title = f"{line.symbol} {line.word.upper()}  {line.statement}  ({line.id}, {severity})"
    return wrapped(title, "") + [
        part for text in sentences(entry) for part in wrapped(text, "    ")
    ]
