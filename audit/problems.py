"""What is wrong with an input: one problem, one line, with its place, reason and remedy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an input.

    `code` is a stable machine word (``unknown_column``); `where` names file, row or column.
    """

    code: str
    where: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}; {self.remedy}"


class InputError(Exception):
    """Bad input. Carries every problem found, not only the first."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (
            (problems,) if isinstance(problems, Problem) else tuple(problems)
        )
        super().__init__("\n".join(str(p) for p in self.problems))


def nearest(name: str, known: Sequence[str]) -> str:
    """Say which known name was probably meant, as the tail of a remedy."""
    same = [k for k in known if k.casefold() == name.casefold()]
    match = same or get_close_matches(name, known, n=1, cutoff=0.5)
    if match:
        return f"did you mean '{match[0]}'?"
    shown = ", ".join(f"'{k}'" for k in known[:12]) + (", ..." if len(known) > 12 else "")
    return f"known names: {shown}" if shown else "there are none"
