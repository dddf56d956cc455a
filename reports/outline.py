"""The outline of a document: its sections, what fills each, and who owes what is missing.

Outlines are data, one file a template. A section names builders of blocks and items of checklists;
where neither has anything to say, the document states what is missing and who owes it.
"""

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from audit.problems import InputError, Problem, nearest
from audit.yaml_file import FileKind, parse_record, read_text
from checklists.vocabulary import Role

FOLDER = Path(__file__).parent / "outlines"
_KIND = FileKind("not_an_outline", "an outline", "compare it with another one", "correct it")


class OutlinePart(BaseModel):
    """A frozen part of an outline; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OutlineSection(OutlinePart):
    """A section: builders of blocks by name, items by pattern (``AIDSF-V.*``).

    `needs` says what belongs here, for when it is missing; `owed_by` who has to bring it. A section
    that is not `required` is left out when it is empty. `subsections` follow under headings of
    their own, each with what is missing in it.
    """

    id: str
    title: str
    locator: str = ""
    parts: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    intro: str = ""
    needs: str = ""
    owed_by: tuple[Role, ...] = ()
    required: bool = True
    subsections: tuple["OutlineSection", ...] = ()


class Outline(OutlinePart):
    """A template: its name, what it says of itself, and its sections in order."""

    id: str
    kind: str
    file: str = Field(description="Word for it on the command line and in the file's metadata.")
    purpose: str
    neutral: str
    instruments: tuple[str, ...] = ()
    summary: bool = True
    sign_off: tuple[str, ...] = (
        "Prepared by",
        "Clinical review",
        "Statistical review",
        "Approved by",
    )
    layout: Literal["report", "card"] = "report"
    sections: tuple[OutlineSection, ...]


@cache
def outlines() -> dict[str, Outline]:
    """Every template by id."""
    found = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        read = parse_record(read_text(path), path.name, Outline, _KIND)
        found[read.id] = read
    return found


def outline(id: str) -> Outline:
    """The template of that id; InputError with the nearest one otherwise."""
    known = outlines()
    if id in known:
        return known[id]
    reason = f"unknown template '{id}'"
    raise InputError(Problem("bad_flag", "--template", reason, nearest(id, [*known])))
