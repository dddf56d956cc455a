"""Text as Markdown that means nothing but itself."""

import re
from collections.abc import Iterable, Sequence

_SIGNS = str.maketrans({c: "\\" + c for c in "\\`*_[]<>#|~&$"})
# Where a line begins, these make a list, a rule or a heading of it.
_START = re.compile(r"^(?:\d+(?=[.)](?:\s|$))|(?=[-+=:]))")


def plain(text: str) -> str:
    """Text on one line, with every sign escaped that Markdown would read."""
    return _START.sub(r"\g<0>\\", " ".join(text.split()).translate(_SIGNS))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table with its rows."""
    body = [[plain(cell) for cell in row] for row in rows]
    made = [[plain(name) for name in head], ["---"] * len(head), *body]
    return [f"| {' | '.join(row)} |" for row in made]
