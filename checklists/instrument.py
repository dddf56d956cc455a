"""An instrument (a law, a guidance, a guideline) as data: its source, its editions, its items.

The YAML file is written for people: what many items share stands once at the top (`defaults`,
`timelines`). `resolved` spells it out, so that nothing downstream knows of the shorthand.
"""

import hashlib
import json
from datetime import date
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from checklists.vocabulary import Automation, Certainty, Force, Key, Relation, Role

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Route = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Option = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Condition = dict[str, tuple[str, ...]]
Element = TypeVar("Element")


def _not_empty(values: tuple[Element, ...]) -> tuple[Element, ...]:
    if not values:
        raise ValueError("there has to be at least one")
    return values


# Not `min_length`, which also counts elements that were refused, and so says of a list with one
# mistake in it that it is empty.
Some = Annotated[
    tuple[Element, ...], AfterValidator(_not_empty), Field(json_schema_extra={"minItems": 1})
]


class Record(BaseModel):
    """A frozen record that refuses unknown keys."""

    # Built when the first one is made: a short command makes few kinds of record.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Edition(Record):
    """A text of the instrument that was or will be in force, or a draft of it."""

    id: Text
    citation: Text
    published: date | None = None
    url: str | None = None


class Version(Record):
    """How an item stands under one edition.

    The edition is the law (or the current text) from `valid_from` up to, and not on, `valid_until`.
    Under it the item applies from `applies_from`: one date, or one for each route; where it is left
    out, from `valid_from`. `question` is given where this edition asks something else.
    """

    edition: Text
    valid_from: date
    valid_until: date | None = None
    applies_from: date | dict[Route, date] | None = None
    status: Force
    certainty: Certainty = "verified"
    question: Text | None = None
    note: Text | None = None


class AskIf(Record):
    """Ask an item only where another one was answered with one of these responses or options."""

    item: Text
    response: tuple[Text, ...] = ()
    option: tuple[Text, ...] = ()


class MapsTo(Record):
    """How an item relates to another: equal, part of it (subset), wider (superset) or related."""

    item: Text
    relation: Relation


class Proposal(Record):
    """A change that is proposed and not law: what it would do, and to which items."""

    id: Text
    citation: Text
    effect: Text
    as_of: date
    certainty: Certainty
    items: tuple[Text, ...] = ()


class Section(Record):
    """A requirement, chapter or part of the instrument; `part_of` names the section above it."""

    id: Text
    title: Text
    part_of: Text | None = None


class Item(Record):
    """One question or obligation, in our own words, with everything needed to place it."""

    id: Text
    instrument: Text
    section: Text
    locator: Text
    heading: Text
    question: Text
    duty_holder: tuple[Role, ...]
    status: Force
    versions: tuple[Version, ...]
    verified_on: date
    certainty: Certainty
    applies: tuple[Condition, ...]
    scale: Text
    options: dict[Option, Text]
    ask_if: AskIf | None
    evidence: tuple[Text, ...]
    evidence_keys: tuple[Key, ...]
    automation: Automation
    maps_to: tuple[MapsTo, ...]
    note: Text | None

    def sha256(self, version: Version | None = None) -> str:
        """Hash what a person answers: a change of it makes an answer stale.

        Dates, certainty and mappings may be corrected without asking anybody again.
        """
        asked = version.question if version is not None and version.question else self.question
        text = [self.id, self.heading, asked, self.options, self.scale]
        return hashlib.sha256(json.dumps(text, ensure_ascii=False).encode()).hexdigest()


class Instrument(Record):
    """An instrument with its items spelled out."""

    id: Text
    title: Text
    short: Text
    publisher: Text
    status: Force
    jurisdiction: Text
    editions: tuple[Edition, ...]
    verified_on: date
    verification: Text
    rights: Text
    purpose: Text
    sections: tuple[Section, ...]
    proposals: tuple[Proposal, ...]
    items: tuple[Item, ...]


class Defaults(Record):
    """What an item says where it does not say otherwise."""

    timeline: Text
    scale: Text = "obligation"
    duty_holder: tuple[Role, ...] = ("provider",)
    certainty: Certainty = "verified"
    applies: tuple[Condition, ...] = ()


class ItemText(Record):
    """An item as it is written in the file."""

    id: Text
    section: Text
    locator: Text
    heading: Text
    question: Text
    duty_holder: tuple[Role, ...] | None = None
    timeline: Text | None = None
    versions: tuple[Version, ...] | None = None
    verified_on: date | None = None
    certainty: Certainty | None = None
    applies: tuple[Condition, ...] | None = None
    scale: Text | None = None
    options: dict[Option, Text] = Field(default_factory=dict)
    ask_if: AskIf | None = None
    evidence: tuple[Text, ...] = ()
    evidence_keys: tuple[Key, ...] = ()
    automation: Automation = "no"
    maps_to: dict[Relation, tuple[Text, ...]] = Field(default_factory=dict)
    note: Text | None = None


class InstrumentFile(Record):
    """A file of `checklists/instruments`."""

    id: Text
    title: Text
    short: Text
    publisher: Text
    status: Force
    jurisdiction: Text
    editions: Some[Edition]
    verified_on: date
    verification: Text
    rights: Text
    purpose: Text
    sections: Some[Section]
    proposals: tuple[Proposal, ...] = ()
    timelines: dict[str, Some[Version]]
    defaults: Defaults
    items: Some[ItemText]

    def resolved(self) -> Instrument:
        """Spell out what the items share."""
        shared = {name: getattr(self, name) for name in Instrument.model_fields if name != "items"}
        items = tuple(self._item(item) for item in self.items)
        return Instrument.model_construct(**shared, items=items)

    def _item(self, item: ItemText) -> Item:
        versions = item.versions or self.timelines[item.timeline or self.defaults.timeline]
        maps = [
            MapsTo.model_construct(item=target, relation=relation)
            for relation, targets in item.maps_to.items()
            for target in targets
        ]
        return Item.model_construct(
            id=item.id,
            instrument=self.id,
            section=item.section,
            locator=item.locator,
            heading=item.heading,
            question=item.question,
            duty_holder=item.duty_holder or self.defaults.duty_holder,
            status=versions[-1].status,
            versions=versions,
            verified_on=item.verified_on or self.verified_on,
            certainty=item.certainty or self.defaults.certainty,
            applies=self.defaults.applies if item.applies is None else item.applies,
            scale=item.scale or self.defaults.scale,
            options=item.options,
            ask_if=item.ask_if,
            evidence=item.evidence,
            evidence_keys=item.evidence_keys,
            automation=item.automation,
            maps_to=tuple(maps),
            note=item.note,
        )
