"""What is declared about a name that other tools, or other fields, use."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Contrast = Literal["difference", "ratio", "gap"]


@dataclass(frozen=True)
class Alias:
    """Another name, and what it is here.

    `tools` are those that use the name so; none for a word of the field at large. `target` is the
    measure or criterion of the same meaning; None where there is none, and `note` then names the
    nearest. `contrast` says that the name is of a comparison of groups: a `difference` from or
    `ratio` to the reference group, or the max-min `gap`. `same` says that both give the same
    number on all data, and none (or an infinite one) where the other gives none; otherwise `note`
    says what differs.
    """

    name: str
    tools: tuple[str, ...]
    target: str | None
    contrast: Contrast | None = None
    same: bool = True
    note: str = ""


def alike(
    target: str, tools: tuple[str, ...], *names: str, contrast: Contrast | None = None
) -> Iterator[Alias]:
    """Declare names of the same number."""
    for name in names:
        yield Alias(name, tools, target, contrast)


def unlike(
    target: str, tools: tuple[str, ...], note: str, *names: str, contrast: Contrast | None = None
) -> Iterator[Alias]:
    """Declare names of a number that differs from the one they are nearest to."""
    for name in names:
        yield Alias(name, tools, target, contrast, same=False, note=note)


def absent(tools: tuple[str, ...], note: str, *names: str) -> Iterator[Alias]:
    """Declare names of which there is no equal here."""
    for name in names:
        yield Alias(name, tools, None, same=False, note=note)
