"""Every verdict of a gate with all that is said of it, in words that each format shares."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath, PureWindowsPath

from audit.ratchet import Moved
from audit.result import AuditResult, Finding, Lock, Verdict, VerdictStatus, Waiver
from audit.waivers import without_waivers
from reports import words
from reports.blocks import VerdictLine
from reports.format import count, digits, fixed, interval, level_text, plural, signed
from reports.gate.judged import Judged, Place
from reports.parts.front import contrast_of, verdict_line
from reports.parts.index import Index

# What a reader must see first.
URGENCY: tuple[VerdictStatus, ...] = (
    "violated", "error", "inconclusive", "not_estimable", "waived", "not_applicable", "met",
)  # fmt: skip
UNDECIDED: tuple[VerdictStatus, ...] = ("inconclusive", "not_estimable")
NOT_SHOWN = "not shown to hold"
MOVEMENT = {
    "new": "violated now and not before",
    "fixed": "violated before and met now",
    "worse": "worse",
    "better": "better",
    "unchanged": "unchanged",
    "gone": "no longer required",
}
_SEVERITY = ("critical", "major", "minor")
# Control characters, lone surrogates, and signs that turn the direction of what follows them.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufffe\uffff]"
)


@dataclass(frozen=True)
class Entry:
    """One requirement: its verdict, the same in words, its place, and its move since a baseline.

    `reason` is the one that the numbers gave, whatever was decided about it.
    """

    verdict: Verdict
    line: VerdictLine
    reason: str
    place: Place
    moved: Moved | None
    contrast: str | None

    @property
    def found(self) -> VerdictStatus:
        """The status that the numbers gave."""
        return self.verdict.found or self.verdict.status

    @property
    def statement(self) -> str:
        """What is required, on one line."""
        return one_line(self.line.statement)


@dataclass(frozen=True)
class Note:
    """Something beside the verdicts that a reader must see."""

    code: str
    requirement: str | None
    text: str


def entries(judged: Judged) -> tuple[Entry, ...]:
    """Every requirement, in the order of the plan."""
    index = Index(judged.result)
    bare = {v.requirement: v.reason for v in without_waivers(judged.result).verdicts}
    moved = {m.requirement: m for m in judged.ratchet.moved} if judged.ratchet else {}
    fallback = Place(relative(judged.audit), 1)
    out = []
    for v in judged.result.verdicts:
        place = judged.places.get(v.requirement)
        out.append(
            Entry(
                verdict=v,
                line=_line(index, v),
                reason=one_line(bare[v.requirement]),
                place=Place(relative(place.path), place.line) if place else fallback,
                moved=moved.get(v.requirement),
                contrast=contrast_of(index, v),
            )
        )
    return tuple(out)


def _line(index: Index, v: Verdict) -> VerdictLine:
    line = verdict_line(index, v)
    texts = ("id", "statement", "rationale", "value", "where", "margin", "reason", "more")
    return replace(line, **{name: one_line(getattr(line, name)) for name in texts})


def word(status: str) -> str:
    """A status as a word."""
    return words.VERDICT[status][1]


def by_urgency(found: Sequence[Entry]) -> list[Entry]:
    """What must be seen first comes first: by status, then by severity, then as in the plan."""
    return sorted(
        found,
        key=lambda e: (URGENCY.index(e.verdict.status), _SEVERITY.index(e.verdict.severity)),
    )


def one_line(text: str) -> str:
    """Text on one line, without signs that no reader sees; those show as U+FFFD."""
    return " ".join(_UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\x85", " ")).split())


def relative(path: str) -> str:
    """A path as it stands in reports: no folder outside the one where the gate ran."""
    found = PurePosixPath(path if "/" in path else PureWindowsPath(path).as_posix())
    if found.is_absolute() or ".." in found.parts or PureWindowsPath(path).drive:
        return one_line(found.name)
    return one_line(str(found))


def headline(judged: Judged) -> str:
    """Count the verdicts in one sentence that sums nothing up beyond them."""
    verdicts = judged.result.verdicts
    if not verdicts:
        return "The plan sets no requirement: nothing was judged"
    tally = Counter[str](v.status for v in verdicts)
    bad, rest = URGENCY[:4], URGENCY[4:]
    open_ = [(tally[s], word(s)) for s in bad if tally[s]]
    aside = [(tally[s], word(s)) for s in rest if tally[s] and s != "met"]
    total = plural(len(verdicts), "requirement")
    if open_:
        (many, status), *others = open_
        told = ", ".join([f"{many} of {total} {status}", *(f"{n} {w}" for n, w in others)])
        kept = [(tally["met"], "met")] if tally["met"] else []
        tail = ", ".join(f"{n} {w}" for n, w in [*kept, *aside])
        return f"{told}: {NOT_SHOWN}" + (f"; {tail}" if tail else "")
    told = ", ".join([f"{tally['met']} of {total} met", *(f"{n} {w}" for n, w in aside)])
    return told if tally["met"] else f"{told}: nothing was judged"


def outcome(judged: Judged) -> str:
    """Say what the exit code is, and why."""
    tally = Counter[str](v.status for v in judged.result.verdicts)
    undecided = sum(tally[s] for s in UNDECIDED)
    nothing = not any(tally[s] for s in ("met", "violated", "error", *UNDECIDED))
    why = {
        0: "every requirement that was judged is met",
        1: "at least one requirement is violated",
        3: "nothing was judged" if nothing else "not every requirement is shown to hold",
        4: "at least one requirement could not be judged",
    }
    if judged.code == 0 and undecided:
        verb = "is" if undecided == 1 else "are"
        return (
            f"Warning: exit code 0 although {plural(undecided, 'requirement')} {verb} {NOT_SHOWN}; "
            "what is undecided was set only to warn."
        )
    return f"Exit code {judged.code}: {why.get(judged.code, 'see the verdicts')}."


def sentences(entry: Entry) -> list[str]:
    """All that is said of a requirement, one sentence or two each."""
    told = [measured(entry), entry.reason, *undecided(entry)]
    told += [text] if (text := waiver_text(entry.verdict)) else []
    told += [f"Required because: {entry.line.rationale}"] if entry.line.rationale else []
    told += [moved_text(entry.moved)] if entry.moved else []
    return [_ended(text) for text in told if text]


def measured(entry: Entry) -> str:
    """Give value, interval, place and limit."""
    if entry.verdict.value is None:
        return f"no value; limit {entry.line.margin}"
    where = f" in {entry.line.where}" if entry.line.where else ""
    return f"value {entry.line.value}{where}; limit {entry.line.margin}"


def undecided(entry: Entry) -> list[str]:
    """Say why the data do not decide, what they could have shown, and what would."""
    v = entry.verdict
    if entry.found == "not_estimable":
        return [f"There is nothing to hold against the limit: {NOT_SHOWN}."]
    if entry.found != "inconclusive":
        return []
    places = digits(v.measure, entry.contrast)
    sign = entry.contrast == "difference" or v.kind == "change"
    span = interval(v.lower, v.upper, places, sign)
    told = [
        f"The {level_text(v.level)} interval {span} reaches across the limit {entry.line.margin}: "
        f"the data do not decide, so it is {NOT_SHOWN}."
        if span else f"There is no interval to decide from, so it is {NOT_SHOWN}."
    ]  # fmt: skip
    if v.detectable is not None:
        distance = fixed(abs(v.detectable), places)
        told.append(
            f"With these data only a value at least {distance} away from the limit could be told "
            "from it (80 % power)."
        )
    if v.n_needed is not None:
        told.append(f"About {count(v.n_needed)} units would decide the value seen.")
    return told


def waiver_text(v: Verdict) -> str:
    """Say who set a requirement aside, until when and why; empty where nobody did."""
    w = v.waiver
    if w is None:
        return ""
    people = f"Owner: {one_line(w.owner)}; approver: {one_line(w.approver)}; since {w.created}."
    if v.found is None:
        return f"A waiver until {w.expires} is on record and changes nothing. {people}"
    return (
        f"Waived until {w.expires}; the numbers say: {word(v.found)}. "
        f"Justification: {_ended(justification(w))} {people}"
    )


def justification(waiver: Waiver) -> str:
    """Why a requirement was set aside, on one line."""
    return one_line(waiver.justification)


def moved_text(moved: Moved) -> str:
    """Say how a requirement moved since the baseline."""
    text = f"Against the baseline: {MOVEMENT[moved.movement]}"
    if moved.before is not None and moved.movement != "fixed":
        text += f" (then {word(moved.before)})"
    if moved.change is not None:
        by = f"{signed(moved.change, 3)} {interval(moved.lower, moved.upper, 3, True)}".rstrip()
        text += f"; change towards better {by}, {one_line(moved.method)}"
    return _ended(f"{text}; {one_line(moved.reason)}" if moved.reason else text)


def notes(judged: Judged) -> list[Note]:
    """Findings about waivers, requirements that are gone, and departures from a locked plan."""
    told = [_of_finding(f) for f in judged.result.findings]
    told += gone(judged)
    return told + (_of_lock(judged.result.lock) if judged.result.lock else [])


def gone(judged: Judged) -> list[Note]:
    """Requirements of the baseline that are no longer required."""
    moved = judged.ratchet.moved if judged.ratchet else ()
    return [
        Note("requirement_gone", m.requirement, f"{one_line(m.requirement)}: {moved_text(m)}")
        for m in moved
        if m.movement == "gone"
    ]


def lock_text(result: AuditResult) -> str:
    """Say against which locked plan this one was held; empty where none was."""
    lock = result.lock
    if lock is None:
        return ""
    on = f" on {lock.locked_on}" if lock.locked_on else ""
    held = plural(len(lock.deviations), "deviation") if lock.deviations else "no deviation"
    return f"Plan locked{on} ({one_line(lock.file)}, sha256 {lock.sha256[:12]}): {held}."


def _of_finding(finding: Finding) -> Note:
    return Note(finding.code, finding.requirement, one_line(finding.message))


def _of_lock(lock: Lock) -> list[Note]:
    return [
        Note("lock_deviation", None, f"The plan departs from the locked one: {one_line(d)}")
        for d in lock.deviations
    ]


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
