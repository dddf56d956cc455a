"""What an explanation of a word holds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A word, what it means, how to read it and where it comes from."""

    id: str
    name: str
    meaning: str
    reading: str
    reference: str | None = None
