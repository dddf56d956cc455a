"""All instruments at once: loaded, held against each other, found by id."""

from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from audit.problems import InputError, Problem, nearest
from audit.yaml_file import FileKind, parse_record, read_text
from checklists.facts import Facts, possible_values
from checklists.instrument import AskIf, Instrument, InstrumentFile, Item
from checklists.parsed import kept_instruments
from checklists.scales import SCALES
from checklists.vocabulary import Relation

FOLDER = Path(__file__).parent / "instruments"
KEPT = Path(__file__).parent / "instruments.json"
_KIND = FileKind(
    code="not_an_instrument",
    name="an instrument",
    start="see `equipoise schema instrument`",
    remedy="see `equipoise schema instrument`",
)
FACTS = tuple(Facts.model_fields)
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
    shipped, own = _shipped(), _read(extra)
    read = (*shipped.instruments, *own.instruments)
    problems = [*shipped.problems, *own.problems, *crossed(read)]
    if problems:
        raise InputError(problems)
    return Catalogue(instrument for _, instrument in read)


class _Read(NamedTuple):
    """Instruments with their files, and what could not be read."""

    instruments: tuple[tuple[str, Instrument], ...]
    problems: tuple[Problem, ...]


@cache
def _shipped() -> _Read:
    paths = sorted(FOLDER.glob("*.yaml"))
    kept = kept_instruments(paths, KEPT)
    return _read(paths) if kept is None else _resolved({p: kept[p.name] for p in paths}, ())


def _read(paths: Iterable[Path]) -> _Read:
    return _resolved(*read_files(paths))


def _resolved(files: Mapping[Path, InstrumentFile], problems: tuple[Problem, ...]) -> _Read:
    return _Read(tuple((str(path), text.resolved()) for path, text in files.items()), problems)


def read_files(paths: Iterable[Path]) -> tuple[dict[Path, InstrumentFile], tuple[Problem, ...]]:
    """The files that are sound, and what is wrong with the others."""
    sound: dict[Path, InstrumentFile] = {}
    problems: list[Problem] = []
    for path in paths:
        file = str(path)
        try:
            text = parse_record(read_text(path), file, InstrumentFile, _KIND)
        except InputError as error:
            problems += error.problems
            continue
        undated = list(_undated(text, file))
        problems += undated
        if not undated:
            sound[path] = text
    return sound, tuple(problems)


def _undated(text: InstrumentFile, file: str) -> Iterable[Problem]:
    """Timelines that do not exist, and versions that do not follow each other."""
    for item in text.items:
        name = item.timeline or text.defaults.timeline
        if not item.versions and name not in text.timelines:
            reason = f"{item.id} has the timeline '{name}', which does not exist"
            remedy = nearest(name, [*text.timelines])
            yield Problem("unknown_timeline", file, reason, remedy)
    dated = {f"timeline {name}": versions for name, versions in text.timelines.items()}
    dated |= {item.id: item.versions for item in text.items if item.versions}
    for name, versions in dated.items():
        for version, later in pairwise(versions):
            if version.valid_until != later.valid_from:
                reason = f"{name}: no text, or two, before the one of {later.valid_from} starts"
                remedy = f"end the one of {version.valid_from} on {later.valid_from}"
                yield Problem("bad_versions", file, reason, remedy)
        for version in versions:
            if version.valid_until is not None and version.valid_until <= version.valid_from:
                reason = f"{name}: the text of {version.valid_from} ends on {version.valid_until}"
                remedy = "list the oldest first, each ending after it starts"
                yield Problem("bad_versions", file, reason, remedy)


def crossed(read: Iterable[tuple[str, Instrument]]) -> Iterable[Problem]:
    """What is wrong between records that each fit the schema; each with the file it is from."""
    read = list(read)
    files: dict[str, str] = {}
    owner: dict[str, str] = {}
    for file, instrument in read:
        if instrument.id in files:
            reason = f"instrument {instrument.id} is in {files[instrument.id]} too"
            yield Problem("repeated_instrument", file, reason, "give it another id")
        files[instrument.id] = file
        for item in instrument.items:
            if item.id in owner:
                reason = f"item {item.id} is in {owner[item.id]} too"
                yield Problem("repeated_item", file, reason, "keep it in one of them")
            owner[item.id] = instrument.id
    told: dict[tuple[str, str], Relation] = {}
    for file, instrument in read:
        yield from _within(file, instrument)
        for item in instrument.items:
            for link in item.maps_to:
                if link.item not in owner:
                    reason = f"{item.id} is mapped to '{link.item}', which does not exist"
                    yield Problem("unknown_item", file, reason, nearest(link.item, [*owner]))
                before = told.setdefault((item.id, link.item), link.relation)
                told.setdefault((link.item, item.id), _REVERSED[link.relation])
                if before != link.relation:
                    reason = f"{item.id} is mapped to {link.item} as {before} and {link.relation}"
                    yield Problem("two_relations", file, reason, "keep one of them")


def _within(file: str, instrument: Instrument) -> Iterable[Problem]:
    sections: list[str] = []
    for section in instrument.sections:
        if section.part_of is not None and section.part_of not in sections:
            reason = f"section {section.id} is part of '{section.part_of}', which is not above it"
            yield Problem("unknown_section", file, reason, nearest(section.part_of, sections))
        sections.append(section.id)
    editions = [edition.id for edition in instrument.editions]
    items = {item.id: item for item in instrument.items}
    for item in instrument.items:
        if item.section not in sections:
            reason = f"{item.id} is of section '{item.section}', which does not exist"
            yield Problem("unknown_section", file, reason, nearest(item.section, sections))
        if item.scale not in SCALES:
            reason = f"{item.id} is answered on '{item.scale}', which is no scale"
            yield Problem("unknown_scale", file, reason, nearest(item.scale, [*SCALES]))
        for version in item.versions:
            if version.edition not in editions:
                reason = f"{item.id} names edition '{version.edition}', which is not listed"
                yield Problem("unknown_edition", file, reason, nearest(version.edition, editions))
        yield from _facts(file, item)
        if item.ask_if is not None:
            yield from _branch(file, item, item.ask_if, items)
    for proposal in instrument.proposals:
        for id in proposal.items:
            if id not in items:
                reason = f"proposal {proposal.id} names '{id}', which does not exist"
                yield Problem("unknown_item", file, reason, nearest(id, [*items]))


def _facts(file: str, item: Item) -> Iterable[Problem]:
    """Conditions that no profile could meet: on a fact or a value of it that does not exist."""
    asked = {(name, value) for one in item.applies for name in one for value in one[name]}
    for name in sorted({name for one in item.applies for name in one} - set(FACTS)):
        reason = f"{item.id} asks for the fact '{name}', which does not exist"
        yield Problem("unknown_fact", file, reason, nearest(name, FACTS))
    for name, value in sorted(asked):
        if name in FACTS and value not in possible_values(name):
            reason = f"{item.id} asks for {name} '{value}', which it cannot be"
            yield Problem("unknown_value", file, reason, nearest(value, possible_values(name)))


def _branch(file: str, item: Item, asked: AskIf, items: Mapping[str, Item]) -> Iterable[Problem]:
    """A branch that nobody could reach: its item, response or option does not exist."""
    parent = items.get(asked.item)
    if parent is None:
        reason = f"{item.id} is asked after '{asked.item}', which does not exist"
        yield Problem("unknown_item", file, reason, nearest(asked.item, [*items]))
        return
    scale = SCALES.get(parent.scale)
    words = {r.id for r in scale.responses} if scale is not None else set(asked.response)
    for given, known in ((asked.response, words), (asked.option, set(parent.options))):
        for word in given:
            if word not in known:
                reason = f"{item.id} is asked after '{word}', which is no answer to {parent.id}"
                yield Problem("unknown_answer", file, reason, nearest(word, sorted(known)))
    if not asked.response and not asked.option:
        reason = f"{item.id} is asked after {parent.id}, but not after which answer"
        yield Problem("unknown_answer", file, reason, "name a response or an option")
