"""Where the formats of a gate go: stdout, files, and the summary page of a build."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.problems import InputError, Problem, nearest

SUMMARY, SUMMARY_FILE = "github-summary", "GITHUB_STEP_SUMMARY"


@dataclass(frozen=True)
class Outlet:
    """One format, and the file it goes to: stdout without one. `added` files grow."""

    format: str
    path: Path | None
    added: bool = False


def outlets(wanted: Sequence[str], output: Path | None) -> tuple[Outlet, ...]:
    """Read ``--format FORMAT`` and ``--format FORMAT=FILE``; text to stdout where none is wanted.

    Raises
    ------
    InputError
        With every problem: an unknown format, two for stdout, two for one file, a file that
        cannot be written.
    """
    from reports.gate.formats import FORMATS

    problems: list[Problem] = []
    found = [_outlet(text, list(FORMATS), problems) for text in wanted or ["text"]]
    if output is not None:
        found = _with_output(found, output, problems)
    problems += _clashes(found)
    if problems:
        raise InputError(problems)
    _check_writable(found)
    return tuple(found)


def _outlet(text: str, known: Sequence[str], problems: list[Problem]) -> Outlet:
    name, equals, file = text.partition("=")
    if name not in known:
        reason = f"unknown format '{name}'"
        problems.append(Problem("bad_flag", "--format", reason, nearest(name, known)))
    if equals and not file:
        reason = f"--format {text}: no file is named"
        problems.append(Problem("bad_flag", "--format", reason, f"write --format {name}=FILE"))
    if file:
        return Outlet(name, Path(file))
    page = os.environ.get(SUMMARY_FILE)
    if name == SUMMARY and page:
        return Outlet(name, Path(page), added=True)
    return Outlet(name, None)


def _with_output(found: list[Outlet], output: Path, problems: list[Problem]) -> list[Outlet]:
    if len(found) == 1 and found[0].path is None:
        return [Outlet(found[0].format, output)]
    reason = "--output is the file of one format that names none itself"
    remedy = "write --format FORMAT=FILE for each"
    problems.append(Problem("bad_flag", "--output", reason, remedy))
    return found


def _clashes(found: Sequence[Outlet]) -> list[Problem]:
    loose = [o.format for o in found if o.path is None]
    problems = []
    if len(loose) > 1:
        reason = f"{' and '.join(loose)} would be mixed on stdout"
        remedy = f"give files: --format {loose[1]}=FILE"
        problems.append(Problem("bad_flag", "--format", reason, remedy))
    paths = [o.path.resolve() for o in found if o.path is not None]
    for path in sorted({p for p in paths if paths.count(p) > 1}):
        reason = f"two formats would be written to {path.name}"
        problems.append(Problem("bad_flag", "--format", reason, "give each a file of its own"))
    return problems


def _check_writable(found: Sequence[Outlet]) -> None:
    """Refuse a folder that cannot be written to, before anything is judged."""
    from audit.atomic import check_writable

    problems: list[Problem] = []
    for outlet in found:
        if outlet.path is None:
            continue
        try:
            check_writable(outlet.path.parent)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)


def emit(wanted: Sequence[Outlet], write: Callable[[str], str]) -> str:
    """Write every format to its file; what is for stdout is returned.

    `write` gives the text of a format. All texts are made before the first file is touched.
    """
    from audit.atomic import write_atomic

    texts = [(outlet, _ended(write(outlet.format))) for outlet in wanted]
    shown = ""
    for outlet, text in texts:
        if outlet.path is None:
            shown = text
        elif outlet.added:
            _add(outlet.path, text)
        else:
            write_atomic(outlet.path, text)
    return shown


def _ended(text: str) -> str:
    return text if text.endswith("\n") or not text else text + "\n"


def _add(path: Path, text: str) -> None:
    """Append to the page that the steps of a build write one after another."""
    try:
        with path.open("a", encoding="utf-8", newline="\n") as page:
            page.write(text)
    except OSError as error:
        reason = f"it cannot be written ({error.strerror})"
        raise InputError(Problem("unwritable", str(path), reason, "check the path")) from None
