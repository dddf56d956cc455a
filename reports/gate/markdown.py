"""Verdicts as Markdown: the comment on a merge request, and what the step summary shares."""

import re
from collections.abc import Iterable, Sequence

from reports.exports.markdown import plain
from reports.format import plural, shorten
from reports.gate.entries import (
    MOVEMENT,
    Entry,
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
from reports.gate.judged import Failed, Judged

MARKER = "<!-- equipoise -->"
MOST = 65_000  # bytes; code hosts take comments below 65,536 characters
_CELL = 400
_TEXT = 1_500
_RESERVED = 600
_INVISIBLE = "\N{ZERO WIDTH SPACE}"
# After these, code hosts read the name of a person or a group, or the number of a thread.
_REFERENCE = re.compile(r"(?<=@)|(?<=[#!~%&$])(?=\w)")
_COLUMNS = ("Verdict", "Requirement", "Value", "Limit", "Severity")


def markdown(judged: Judged) -> str:
    """Give a comment; a bot finds the one that it wrote before by the marker."""
    return f"{MARKER}\n{body(judged, MOST - len(MARKER) - 1)}"


def failed_markdown(failed: Failed) -> str:
    """Give a comment that says that nothing was judged, and why."""
    return f"{MARKER}\n{failed_body(failed)}"


def body(judged: Judged, most: int) -> str:
    """Headline, table and details in at most so many bytes; what is left out is counted."""
    found = by_urgency(entries(judged))
    top = [f"## Audit gate: {safe(headline(judged), _TEXT)}", "", safe(outcome(judged), _TEXT), ""]
    head = _head(judged)
    room = most - _size([*top, *head]) - _RESERVED
    told = _beside(judged)
    beside = _folded("Findings", told, len(told), room // 4)
    room -= _size(beside)
    rows = _fitting((_row(e, judged) for e in found), room)
    out = [*top, *([*head, *rows, ""] if rows else [])]
    if left := len(found) - len(rows):
        out += [f"{plural(left, 'further requirement')} left out of this table.", ""]
    items = (_item(e) for e in found)
    full = _folded("Every verdict in full", items, len(found), room - _size(rows))
    return "\n".join([*out, *beside, *full])


def failed_body(failed: Failed) -> str:
    """One line that says that nothing was judged."""
    return (
        "**The audit gate could not run, nothing was judged:** "
        f"{safe(failed.reason, _TEXT)} ({safe(relative(failed.audit), _CELL)}; "
        f"exit code {failed.code})\n"
    )


def safe(text: str, most: int) -> str:
    """Text that means nothing but itself, mentions nobody and links to no issue."""
    return _REFERENCE.sub(_INVISIBLE, plain(shorten(one_line(text), most)))


def _head(judged: Judged) -> list[str]:
    names = [*_COLUMNS, *(["Since the baseline"] if judged.ratchet else [])]
    return [f"| {' | '.join(names)} |", f"| {' | '.join(['---'] * len(names))} |"]


def _row(entry: Entry, judged: Judged) -> str:
    line = entry.line
    where = f" in {line.where}" if line.where else ""
    cells = [
        f"{line.symbol} {line.word}",
        f"{entry.statement} ({line.id})",
        line.value + where,
        line.margin,
        entry.verdict.severity,
    ]
    if judged.ratchet:
        cells.append(MOVEMENT[entry.moved.movement] if entry.moved else "not compared")
    return f"| {' | '.join(safe(cell, _CELL) for cell in cells)} |"


def _item(entry: Entry) -> str:
    line = entry.line
    title = f"{line.symbol} {line.word}: {entry.statement} ({line.id})"
    told = " ".join(f"{safe(text, _TEXT)}" for text in sentences(entry))
    return f"- **{safe(title, _CELL)}** {told}"


def _beside(judged: Judged) -> list[str]:
    told = [n.text for n in notes(judged)]
    told += [text] if (text := lock_text(judged.result)) else []
    return [f"- {safe(text, _TEXT)}" for text in told]


def _folded(title: str, items: Iterable[str], many: int, room: int) -> list[str]:
    if not many:
        return []
    kept = _fitting(items, room)
    more = [f"- {many - len(kept)} more left out here."] if len(kept) < many else []
    return ["<details>", f"<summary>{title}</summary>", "", *kept, *more, "", "</details>", ""]


def _fitting(items: Iterable[str], room: int) -> list[str]:
    """The first items that fit; the rest is never made."""
    kept: list[str] = []
    for item in items:
        room -= _size([item])
        if room < 0:
            break
        kept.append(item)
    return kept


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)
