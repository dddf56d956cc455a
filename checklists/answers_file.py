"""The answers file on disk: read it, and change one answer of it without touching the rest.

A change is made under a lock to the file as it is at that moment. Only the lines of the answer are
written anew: comments, order and other people's answers stay as they are. Where the same answer
was changed since it was read, nothing is written and the caller is told.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from audit.atomic import write_atomic
from audit.problems import InputError, Problem
from audit.yaml_file import FileKind, parse_record, read_text
from checklists.answers import Answer, AnswersFile

HEADER = """\
# Answers to checklists, one block an item. Written by `equipoise checklist`; may be edited by hand:
# an answer that is edited after its review has to be reviewed again.
version: 1
answers:
"""
WAIT_S = 10.0
_KIND = FileKind(
    code="not_answers",
    name="an answers file",
    start="start one with `equipoise checklist walk`",
    remedy="see `equipoise schema answers`",
)
_MARK = re.compile(r"^(<{7}|={7}|>{7}|\|{7})( |$)")


class ChangedMeanwhileError(InputError):
    """The answer was changed by somebody else since it was read; nothing was written."""

    def __init__(self, path: Path, item: str, theirs: Answer | None) -> None:
        self.theirs = theirs
        who = f"answered by {theirs.by} at {theirs.at:%Y-%m-%d %H:%M} UTC" if theirs else "removed"
        reason = f"{item} was {who} while you were answering it; yours is not saved"
        remedy = f"look at it with `equipoise checklist show {item}`, then answer again"
        super().__init__(Problem("changed_meanwhile", str(path), reason, remedy))


def read_answers(path: Path, *, absent_ok: bool = True) -> AnswersFile:
    """Read the answers; an empty record where there is no file yet.

    Raises
    ------
    InputError
        With every problem found: a merge conflict (both sides told), YAML that does not parse, an
        item twice, unknown keys, values that do not fit.
    """
    if absent_ok and not path.exists():
        return AnswersFile()
    return parse_answers(read_text(path), str(path))


def parse_answers(text: str, name: str) -> AnswersFile:
    """Validate the text of an answers file; `name` is how problems call it."""
    conflicts = _conflicts(text, name)
    if conflicts:
        raise InputError(conflicts)
    return parse_record(text, name, AnswersFile, _KIND)


def change_answers(
    path: Path,
    seen: Mapping[str, Answer | None],
    change: Callable[[str, Answer | None], Answer],
) -> dict[str, Answer]:
    """Change answers in the file, all or none; `seen` is what the person looked at, by item.

    Raises
    ------
    ChangedMeanwhileError
        When the file holds another answer to one of the items by now.
    InputError
        When the file is locked for longer than `WAIT_S` seconds, cannot be read or written.
    """
    with _locked(path):
        text = read_text(path) if path.exists() else ""
        now = parse_answers(text, str(path)).answers if text.strip() else {}
        for item, before in seen.items():
            if now.get(item) != before:
                raise ChangedMeanwhileError(path, item, now.get(item))
        changed = {item: change(item, now.get(item)) for item in seen}
        write_atomic(path, _checked(text, now, changed).replace("\n", _line_end(path)))
    return changed


def change_answer(
    path: Path,
    item: str,
    seen: Answer | None,
    change: Callable[[Answer | None], Answer],
) -> Answer:
    """Change one answer in the file, as `change_answers` does."""
    return change_answers(path, {item: seen}, lambda _, before: change(before))[item]


def _line_end(path: Path) -> str:
    """The line end of a file; that of Windows where every line has it."""
    data = path.read_bytes() if path.exists() else b""
    return "\r\n" if 0 < data.count(b"\n") == data.count(b"\r\n") else "\n"


def _checked(text: str, now: Mapping[str, Answer], changed: Mapping[str, Answer]) -> str:
    """The new text; written anew where the old one is laid out so that it would not read back."""
    wanted = {**now, **changed}
    new = with_answers(text, changed)
    try:
        if parse_answers(new, "answers").answers == wanted:
            return new
    except InputError:
        pass
    return whole(wanted)


def with_answers(text: str, changed: Mapping[str, Answer]) -> str:
    """The text of the file with the lines of some answers replaced, or put in their place."""
    found = _spans(text)
    if found is None:
        kept = parse_answers(text, "answers").answers if text.strip() else {}
        return whole({**kept, **changed})
    spans, indent = found
    lines = text.splitlines(keepends=True)
    if not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    last = max(end for _, end in spans.values())
    # Edits as (from line, to line, order among those at one place, text), made from the end.
    edits: list[tuple[int, int, int, str]] = []
    for place, item in enumerate(sorted(changed, key=natural)):
        block = _block(item, changed[item], indent)
        if item in spans:
            edits.append((*spans[item], place, block))
            continue
        later = [span for other, span in spans.items() if natural(other) > natural(item)]
        if later:
            start = top = min(later)[0]
            while not lines[top - 1].strip() or _comment(lines[top - 1], indent):
                top -= 1
                if lines[top].strip():  # a comment stays with the answer below it
                    start = top
            edits.append((start, start, place, block + "\n"))
        else:
            edits.append((last, last, place, "\n" + block))
    for start, end, _, block in sorted(edits, reverse=True):
        lines[start:end] = [block]
    return "".join(lines)


def whole(answers: dict[str, Answer]) -> str:
    """The text of a file that holds these answers and nothing else."""
    ids = sorted(answers, key=natural)
    if not ids:
        return HEADER.rstrip("\n") + " {}\n"
    return HEADER + "\n".join(_block(id, answers[id]) for id in ids)


def natural(id: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts 9.2 before 10.1."""
    parts = re.findall(r"\d+|\D+", id)
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts)


def _spans(text: str) -> tuple[dict[str, tuple[int, int]], int] | None:
    """First line of every answer and the line after its last, and how far answers are indented.

    None where lines do not tell. Comments and blank lines above an answer belong to it.
    """
    root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    if not isinstance(root, yaml.MappingNode):
        return None
    held = next((v for k, v in root.value if k.value == "answers"), None)
    if not isinstance(held, yaml.MappingNode) or held.flow_style or not held.value:
        return None
    lines = text.splitlines()
    after = [k.start_mark.line for k, _ in root.value if k.start_mark.line > held.start_mark.line]
    starts = [key.start_mark.line for key, _ in held.value]
    indent = held.value[0][0].start_mark.column
    if any(lines[start][:indent].strip() for start in starts):  # "? " before a key
        return None
    spans: dict[str, tuple[int, int]] = {}
    for (key, _), start, end in zip(
        held.value, starts, [*starts[1:], min([*after, len(lines)])], strict=True
    ):
        while end > start + 1 and (not lines[end - 1].strip() or _comment(lines[end - 1], indent)):
            end -= 1
        spans[str(key.value)] = (start, end)
    return spans, indent


def _comment(line: str, indent: int) -> bool:
    # Text inside an answer is indented deeper than its key, so a comment there cannot be mistaken.
    return re.match(rf" {{0,{indent}}}#", line) is not None


class _Dumper(yaml.SafeDumper):
    """Long text folded, several lines as they are, and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else ">" if len(value) > 80 else None
    if re.search("[\x85\u2028\u2029]", value):  # line breaks that YAML would not keep as they are
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _block(item: str, answer: Answer, indent: int = 2) -> str:
    data = answer.model_dump(mode="json", exclude_defaults=True)
    text = yaml.dump(
        {item: data}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=96, indent=2
    )
    lines = text.splitlines(keepends=True)
    return "".join(" " * indent + line if line.strip() else line for line in lines)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    target = Path(os.path.realpath(path))
    name = target.parent / f".{target.name}.lock"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(name, timeout=WAIT_S)
        with lock:
            try:
                yield
            finally:
                with suppress(OSError):  # those who wait see that it is gone and make a new one
                    name.unlink()
    except Timeout:
        reason = f"another process has held it for {WAIT_S:g} seconds"
        remedy = f"wait for it to end; if none runs, remove {name}"
        raise InputError(Problem("locked", str(path), reason, remedy)) from None
    except OSError as error:
        reason = f"it cannot be locked ({error.strerror or error})"
        remedy = "check the path and the permissions of its folder"
        raise InputError(Problem("unwritable", str(path), reason, remedy)) from None


def _conflicts(text: str, name: str) -> list[Problem]:
    """Merge conflicts in a file, each with what the two sides say."""
    found: list[Problem] = []
    sides: list[list[str]] = []
    start = 0
    for number, line in enumerate(text.splitlines(), start=1):
        mark = _MARK.match(line)
        if mark is None:
            if sides:
                sides[-1].append(line)
        elif mark[1][0] == "<":
            start, sides = number, [[]]
        elif sides and mark[1][0] in "|=":
            sides.append([])
        elif sides:
            found.append(_conflict(name, start, number, sides[0], sides[-1]))
            sides = []
    return found


def _conflict(name: str, start: int, end: int, ours: list[str], theirs: list[str]) -> Problem:
    where = f"{name}: lines {start} to {end}"
    reason = f"a merge left a conflict: one side {_told(ours)}, the other {_told(theirs)}"
    remedy = "keep one side, or both where they are of two items, and delete the marker lines"
    return Problem("merge_conflict", where, reason, remedy)


def _told(lines: list[str]) -> str:
    """The items, statuses and names that a side of a conflict shows."""
    keys = [m[1].strip("'\"") for line in lines if (m := re.match(r"^  (\S+):\s*$", line))]
    statuses = [m[1] for line in lines if (m := re.match(r"^    status: (\S+)", line))]
    names = [m[1] for line in lines if (m := re.match(r"^      name: (.+)$", line))]
    said = [f"answers {', '.join(keys)}"] if keys else []
    said += [f"says {', '.join(statuses)}"] if statuses else []
    said += [f"is by {', '.join(dict.fromkeys(names))}"] if names else []
    return " and ".join(said) if said else f"has {len(lines)} lines"
