"""One statement, many instruments: what an answer to one item says about others.

Items that are mapped as equal, directly or through each other, share one answer. Parts of an item
and related ones are offered the statement as a draft, never answered by it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from checklists.catalogue import Catalogue
from checklists.instrument import Item
from checklists.vocabulary import Relation

_OFFERED: tuple[Relation, ...] = ("superset", "subset", "related")


@dataclass(frozen=True)
class Offer:
    """An answered item whose statement may serve as a draft, and how it relates to this one."""

    item: str
    relation: Relation


def equals(catalogue: Catalogue, id: str) -> tuple[str, ...]:
    """Every other item that asks the same, in the order of their ids."""
    seen = {id}
    waiting = [id]
    while waiting:
        for other, relation in catalogue.mapped[waiting.pop()].items():
            if relation == "equal" and other not in seen:
                seen.add(other)
                waiting.append(other)
    return tuple(sorted(seen - {id}))


def offers(catalogue: Catalogue, id: str, answered: Iterable[str]) -> tuple[Offer, ...]:
    """Answered items that are wider, narrower or related: the wider first.

    What is mapped to an equal item is offered too: a statement about the one is about the other.
    """
    same = (id, *equals(catalogue, id))
    known = set(answered).difference(same)
    found: dict[str, Relation] = {}
    for mine in same:
        for other, relation in catalogue.mapped[mine].items():
            if other in known:
                # How this item relates to the other, turned round: how the other relates to it.
                turned = _TURNED[relation]
                if other not in found or _OFFERED.index(turned) < _OFFERED.index(found[other]):
                    found[other] = turned
    ranked = sorted(found.items(), key=lambda pair: (_OFFERED.index(pair[1]), pair[0]))
    return tuple(Offer(item, relation) for item, relation in ranked)


_TURNED: Mapping[Relation, Relation] = {
    "equal": "equal",
    "subset": "superset",
    "superset": "subset",
    "related": "related",
}


@dataclass(frozen=True)
class Overlap:
    """How far one instrument is covered by statements made for another.

    `equal` items need nothing more; `part` items are covered in part (the other asks for a part of
    them, or for more); `related` ones have a draft.
    """

    instrument: str
    other: str
    items: int
    equal: int
    part: int
    related: int


def matrix(catalogue: Catalogue, instruments: Iterable[str]) -> tuple[Overlap, ...]:
    """For every pair of instruments, how many items of the first the second speaks to."""
    chosen = list(instruments)
    rows = []
    for name in chosen:
        items = catalogue.instruments[name].items
        strongest = [_strongest(catalogue, item) for item in items]
        for other in chosen:
            if other == name:
                continue
            found = [relations[other] for relations in strongest if other in relations]
            rows.append(
                Overlap(
                    instrument=name,
                    other=other,
                    items=len(items),
                    equal=found.count("equal"),
                    part=found.count("subset") + found.count("superset"),
                    related=found.count("related"),
                )
            )
    return tuple(rows)


def _strongest(catalogue: Catalogue, item: Item) -> dict[str, Relation]:
    """Other instrument -> the closest relation of an item to any of its items."""
    found: dict[str, Relation] = {}
    reached = [(other, relation) for other, relation in catalogue.mapped[item.id].items()]
    reached += [(other, "equal") for other in equals(catalogue, item.id)]
    order: tuple[Relation, ...] = ("equal", *_OFFERED)
    for other, relation in reached:
        name = catalogue.items[other].instrument
        if name not in found or order.index(relation) < order.index(found[name]):
            found[name] = relation
    return found
