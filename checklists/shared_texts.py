"""Texts that leave with a shared audit and are none of its figures, held against what it withholds.

Plan, profile, waivers and instruments of one's own are refused where they tell a withheld number:
who wrote them can say it otherwise. What nobody can word anew is withheld in its place: what a lock
tells of earlier locks, and what a provider claims of the data set.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from audit.problems import Problem
from audit.result import AuditResult, Waiver
from checklists.withheld import Withheld

TOLD = "Withheld: it tells a number that the shared audit withholds."
# How a deviation begins, before the words of people: a relock, or the place in the plan.
_ABOUT = re.compile(
    r"relocked on \S+ \(first locked on [^)]*\)|(?:(?:\w+ )?requirement \S+: )?[\w.]+"
)


def told_in_file(text: str, name: str, withheld: Withheld) -> Iterator[Problem]:
    """What the texts of a YAML file tell, keys among them; `name` is how problems call it."""
    yield from _told(yaml.safe_load(text), name, withheld)


def told_in_result(result: AuditResult, name: str, withheld: Withheld) -> Iterator[Problem]:
    """What a result tells in words of people: its plan, its model's description, its waivers."""
    yield from _told(result.plan, f"{name}: the plan in it", withheld)
    described = result.provenance.predicted_by
    yield from _told(described, f"{name}: the description of the model in it", withheld)
    held = (v.waiver for v in result.verdicts if v.waiver is not None)
    yield from told_in_waivers(held, name, withheld)


def told_in_waivers(waivers: Iterable[Waiver], name: str, withheld: Withheld) -> Iterator[Problem]:
    """What the words of waivers tell; `name` is the file that holds them."""
    for waiver in waivers:
        yield from _told(waiver.model_dump(), f"{name}: waiver of '{waiver.requirement}'", withheld)


def _told(node: Any, whose: str, withheld: Withheld) -> Iterator[Problem]:
    for place, text in _texts(node):
        yield from withheld.told_in(whose, place or "text", text)


def _texts(node: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text in data, with its place."""
    if isinstance(node, str):
        yield place, node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            if isinstance(key, str):
                yield f"key at {place or 'the top'}", key
            yield from _texts(value, f"{place}.{key}" if place else str(key))
    elif isinstance(node, list | tuple):
        for number, value in enumerate(node, start=1):
            one = value.get("id", number) if isinstance(value, Mapping) else number
            yield from _texts(value, f"{place}.{one}" if place else str(one))


def without_told(result: AuditResult, withheld: Withheld) -> AuditResult:
    """The result without what its lock tells of the withheld: reasons are sealed in the lock."""
    lock = result.lock
    if lock is None or not any(withheld.tells(told) for told in lock.deviations):
        return result
    made = tuple(_opening(d) if withheld.tells(d) else d for d in lock.deviations)
    return result.model_copy(update={"lock": lock.model_copy(update={"deviations": made})})


def _opening(deviation: str) -> str:
    """What a deviation is about, without what is told of it."""
    found = _ABOUT.match(deviation)
    said = f"{TOLD[0].lower()}{TOLD[1:-1]}"
    return f"{found[0]}: {said}" if found is not None else said


def record_without_told(text: str, withheld: Withheld) -> str:
    """A JSON record in which every text that tells the withheld says so instead.

    Inside the record the fields of one object are read together: a level beside a count. Where
    nothing is told, the text is given back as it is.
    """
    repeated: list[str] = []

    def taken(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        repeated.extend([k for k, _ in pairs] if len(made) < len(pairs) else [])
        return made

    content = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=taken)
    made = _kept(content, withheld, top=True)
    if made == content and not repeated:  # of two fields with one name only the last was read
        return text
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _kept(node: Any, withheld: Withheld, *, top: bool = False) -> Any:
    if isinstance(node, str):
        return TOLD if withheld.tells(node) else node
    if isinstance(node, list):
        return [_kept(value, withheld) for value in node]
    if not isinstance(node, dict):
        return node
    made = {_kept(key, withheld): _kept(value, withheld) for key, value in node.items()}
    return made if top else _beside(made, withheld)


def _beside(fields: dict[str, Any], withheld: Withheld) -> dict[str, Any]:
    """An object without the numbers of a stratum that it names in another field."""
    together = "; ".join(f"{key}: {_line(value)}" for key, value in fields.items())
    strata = [s for s in withheld.named(together) if withheld.counts(s, together)]

    def kept(value: Any) -> Any:
        if isinstance(value, list):
            return [kept(one) for one in value]
        plain = isinstance(value, int | float | str) and not isinstance(value, bool)
        return TOLD if plain and any(withheld.counts(s, str(value)) for s in strata) else value

    return {key: kept(value) for key, value in fields.items()} if strata else fields


def _line(value: Any) -> str:
    """The plain values of a field."""
    if isinstance(value, list):
        return ", ".join(filter(None, map(_line, value)))
    return "" if isinstance(value, dict) or value is None else str(value)
