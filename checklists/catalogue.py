"""All instruments at once: loaded, held against each other, found by id."""

from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from pathlib import Path

from audit.problems import InputError, Problem, nearest
from audit.yaml_file import FileKind, parse_record, read_text
from checklists.facts import Facts
from checklists.instrument import Instrument, InstrumentFile, Item
from checklists.scales import SCALES
from checklists.vocabulary import Relation

FOLDER = Path(__file__).parent / "instruments"
_KIND = FileKind(
    code="not_an_instrument",
    name="an instrument",
    start="see `equipoise schema instrument`",
    remedy="see `equipoise schema instrument`",
)
_REVERSED: dict[Relation, Relation] = {
    "equal": "equal",
    "related": "related",
    "subset": "superset",
    "superset": "subset",
}


class Catalogue:
    """Instruments by id, items by id, and the mapping between items read in both directions."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self.instruments = {i.id: i for i in sorted(instruments, key=lambda i: i.id)}
        self.items: dict[str, Item] = {
            item.id: item for i in self.instruments.values() for item in i.items
        }

    @cached_property
    def mapped(self) -> Mapping[str, Mapping[str, Relation]]:
        """Item -> item -> how the first relates to the second, both ways."""
        found: dict[str, dict[str, Relation]] = {id: {} for id in self.items}
        for item in self.items.values():
            for link in item.maps_to:
                found[item.id][link.item] = link.relation
                found[link.item].setdefault(item.id, _REVERSED[link.relation])
        return found

    def instrument(self, id: str) -> Instrument:
        """The instrument of that id; InputError with the nearest one otherwise."""
        if id in self.instruments:
            return self.instruments[id]
        reason = f"unknown instrument '{id}'"
        raise InputError(Problem("unknown_instrument", "checklist", reason, _near(id, self)))

    def item(self, id: str) -> Item:
        """The item of that id; InputError with the nearest one otherwise."""
        if id in self.items:
            return self.items[id]
        reason = f"unknown item '{id}'"
        raise InputError(Problem("unknown_item", "checklist", reason, nearest(id, [*self.items])))


def _near(id: str, catalogue: Catalogue) -> str:
    return nearest(id, [*catalogue.instruments])


@cache
def load_catalogue(extra: tuple[Path, ...] = ()) -> Catalogue:
    """Load and check the instruments of the package, and files of one's own beside them.

    Raises
    ------
    InputError
        With every problem of every file: what does not fit the schema, an item twice, a mapping
        or a branch that leads nowhere, a condition on a fact that does not exist.
    """
    instruments = []
    problems: list[Problem] = []
    for path in [*sorted(FOLDER.glob("*.yaml")), *extra]:
        try:
            read = parse_record(read_text(path), str(path), InstrumentFile, _KIND)
            instruments.append(read.resolved())
        except InputError as error:
            problems += error.problems
    problems += list(crossed(instruments))
    if problems:
        raise InputError(problems)
    return Catalogue(instruments)


def crossed(instruments: Iterable[Instrument]) -> Iterable[Problem]:
    """What is wrong between records that each fit the schema."""
    instruments = list(instruments)
    owner: dict[str, str] = {}
    for instrument in instruments:
        for item in instrument.items:
            if item.id in owner:
                reason = f"item {item.id} is in {owner[item.id]} too"
                yield _wrong("repeated_item", instrument, reason, "keep it in one of them")
            owner[item.id] = instrument.id
    for instrument in instruments:
        yield from _within(instrument)
        for item in instrument.items:
            for link in item.maps_to:
                if link.item not in owner:
                    reason = f"{item.id} is mapped to '{link.item}', which does not exist"
                    yield _wrong("unknown_item", instrument, reason, nearest(link.item, [*owner]))


def _within(instrument: Instrument) -> Iterable[Problem]:
    sections = {section.id for section in instrument.sections}
    editions = {edition.id for edition in instrument.editions}
    items = {item.id: item for item in instrument.items}
    for item in instrument.items:
        if item.section not in sections:
            reason = f"{item.id} is of section '{item.section}', which does not exist"
            yield _wrong("unknown_section", instrument, reason, nearest(item.section, [*sections]))
        if item.scale not in SCALES:
            reason = f"{item.id} is answered on '{item.scale}', which is no scale"
            yield _wrong("unknown_scale", instrument, reason, nearest(item.scale, [*SCALES]))
        for version in item.versions:
            if version.edition not in editions:
                reason = f"{item.id} names edition '{version.edition}', which is not listed"
                remedy = nearest(version.edition, [*editions])
                yield _wrong("unknown_edition", instrument, reason, remedy)
        for name in {name for condition in item.applies for name in condition}:
            if name not in Facts.model_fields:
                reason = f"{item.id} asks for the fact '{name}', which does not exist"
                yield _wrong("unknown_fact", instrument, reason, nearest(name, [*FACTS]))
        if item.ask_if is not None and item.ask_if.item not in items:
            reason = f"{item.id} is asked after '{item.ask_if.item}', which does not exist"
            yield _wrong("unknown_item", instrument, reason, nearest(item.ask_if.item, [*items]))
    for proposal in instrument.proposals:
        for id in proposal.items:
            if id not in items:
                reason = f"proposal {proposal.id} names '{id}', which does not exist"
                yield _wrong("unknown_item", instrument, reason, nearest(id, [*items]))


FACTS = tuple(Facts.model_fields)


def _wrong(code: str, instrument: Instrument, reason: str, remedy: str) -> Problem:
    return Problem(code, f"{instrument.id}.yaml", reason, remedy)
