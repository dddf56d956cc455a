"""Asking a person on a terminal: one line at a time, nothing lost when they break off."""

import sys
from contextlib import suppress
from typing import Any

from checklists.scales import SCALES


class QuitError(Exception):
    """The person wants to leave: q, or the end of the input."""


class BrokenOffError(Exception):
    """The person pressed Ctrl-C; `typed` is what stood in the line."""

    def __init__(self, typed: str = "") -> None:
        super().__init__("interrupted")
        self.typed = typed


def _readline() -> Any:
    """Line editing where the platform has it; it also tells what stood in a line at Ctrl-C."""
    with suppress(ImportError):
        import readline

        return readline
    return None


def say(text: str) -> None:
    """Print for the person; an empty list of lines prints nothing."""
    print(text, flush=True)


def ask(prompt: str) -> str:
    """One line from the person.

    Raises
    ------
    QuitError
        At the end of the input.
    BrokenOffError
        On Ctrl-C.
    """
    editing = _readline()
    try:
        return input(prompt)
    except EOFError:
        raise QuitError from None
    except KeyboardInterrupt:
        typed = editing.get_line_buffer() if editing is not None else ""
        print(file=sys.stdout)
        raise BrokenOffError(typed) from None


def ask_lines(prompt: str) -> str:
    r"""Text of one or more lines; a line that ends with a backslash is followed by another."""
    lines: list[str] = []
    while True:
        try:
            line = ask("  … " if lines else prompt)
        except BrokenOffError as stop:
            raise BrokenOffError("\n".join([*lines, stop.typed]).strip()) from None
        if line.endswith("\\"):
            lines.append(line[:-1].rstrip())
            continue
        return "\n".join([*lines, line]).strip()


def letters(scale: str) -> dict[str, tuple[str, str]]:
    """A letter for every response of a scale that no command uses; x is not applicable."""
    taken = set("sbwedqx?")
    found: dict[str, tuple[str, str]] = {}
    for response in SCALES[scale].responses:
        if response.id == "not_applicable":
            found["x"] = (response.id, response.label)
            continue
        letter = next(c for c in [*response.label.replace(" ", ""), *"123456789"] if c not in taken)
        taken.add(letter)
        found[letter] = (response.id, response.label)
    return found
