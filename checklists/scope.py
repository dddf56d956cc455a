"""What applies to a product on a date, since when, and why: from dates and facts, not from code.

An item is taken away only by a fact that is stated. What the profile leaves open stays in, and the
reason says so.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from checklists.facts import Facts, values_of
from checklists.instrument import Condition, Instrument, Item, Proposal, Version
from checklists.vocabulary import ROLE_NAMES, State

ANYWHERE = "INT"
_FORCE = {
    "binding": "binding",
    "guidance": "guidance in force",
    "voluntary": "voluntary, current",
    "draft": "draft",
    "proposed": "proposed",
    "repealed": "repealed",
}


@dataclass(frozen=True)
class Standing:
    """How one item stands for a product on a date.

    `since` is the day from which it applies (in the past or to come); `version` the text that is
    current on that date, none before there was one.
    """

    item: Item
    state: State
    version: Version | None
    since: date | None
    reason: str
    proposals: tuple[Proposal, ...] = ()

    @property
    def question(self) -> str:
        """What is asked on that date."""
        return asked(self.item, self.version)

    @property
    def in_scope(self) -> bool:
        """Whether there is anything to answer now or to get ready for."""
        return self.state in ("due_now", "readiness_gap", "watch")


def asked(item: Item, version: Version | None) -> str:
    """The question as a version of the text puts it."""
    return version.question if version is not None and version.question else item.question


def scoped(instrument: Instrument, facts: Facts, on: date) -> tuple[Standing, ...]:
    """How every item of an instrument stands for a product on a date."""
    return tuple(standing(item, instrument, facts, on) for item in instrument.items)


def standing(item: Item, instrument: Instrument, facts: Facts, on: date) -> Standing:
    """How an item stands for a product on a date.

    Outside the product's scope first, then by the version that is current: repealed, to watch
    (draft, proposed, or not yet a text), due, or due from a later day.
    """
    pending = tuple(p for p in instrument.proposals if item.id in p.items and p.as_of <= on)
    version = current(item, on)
    out = _outside(item, instrument, facts)
    if out is not None:
        return Standing(item, "not_in_scope", version, None, out, pending)
    if version is not None and version.status == "repealed":
        reason = f"repealed on {version.valid_from} by {version.edition}"
        return Standing(item, "repealed", version, None, reason, pending)
    text = version or item.versions[0]
    since, why = _since(text, facts)
    if since is None:
        return Standing(item, "not_in_scope", version, None, why, pending)
    in_force = text.status not in ("draft", "proposed")
    if version is None:
        reason = f"{_FORCE[text.status]} from {text.valid_from}; no text before that"
        return Standing(item, "watch", None, since if in_force else None, reason, pending)
    if not in_force:
        reason = f"{version.status} of {version.valid_from}, not in force"
        return Standing(item, "watch", version, None, reason, pending)
    if since > on:
        reason = f"{_FORCE[version.status]}, applies from {since}{why}"
        return Standing(item, "readiness_gap", version, since, reason, pending)
    reason = f"{_FORCE[version.status]} since {since}{why}"
    return Standing(item, "due_now", version, since, reason, pending)


def current(item: Item, on: date) -> Version | None:
    """The version of an item's text that is current on a date; none before the first."""
    for version in item.versions:
        if version.valid_from <= on and (version.valid_until is None or on < version.valid_until):
            return version
    return None


def _since(version: Version, facts: Facts) -> tuple[date | None, str]:
    """The day from which a version applies on the product's routes; the earliest of several."""
    dates = version.applies_from
    if dates is None:
        return version.valid_from, ""
    if isinstance(dates, date):
        return dates, ""
    routes = values_of(facts, "ai_act_route")
    if routes is None:
        return min(dates.values()), " (the profile states no route: earliest date)"
    reached = {route: day for route, day in dates.items() if route in routes}
    if not reached:
        return None, f"applies on the route {_either(dates)}; the profile says {_either(routes)}"
    route = min(reached, key=lambda name: reached[name])
    return reached[route], f" (route {route})"


def _outside(item: Item, instrument: Instrument, facts: Facts) -> str | None:
    """Why an item is not in the product's scope; none when nothing stated takes it away."""
    places = values_of(facts, "jurisdiction")
    if places is not None and instrument.jurisdiction not in _reached(places):
        return f"applies in {instrument.jurisdiction}; the profile names {_either(places, 'and')}"
    if facts.role and not set(item.duty_holder) & set(facts.role):
        holder = _either((ROLE_NAMES[role] for role in item.duty_holder), "or")
        mine = _either((ROLE_NAMES[role] for role in facts.role), "and")
        return f"owed by the {holder}; the profile is of the {mine}"
    failures = [_failing(condition, facts) for condition in item.applies]
    if failures and all(failures):
        # Of several ways into scope, the one that fails latest says most.
        return max((f for f in failures if f is not None), key=lambda f: f[0])[1]
    return None


def _reached(places: Iterable[str]) -> set[str]:
    """The laws of these places: what is used in a state (US-CO) is used in its country (US)."""
    return {ANYWHERE} | {law for place in places for law in (place, place.partition("-")[0])}


def _failing(condition: Condition, facts: Facts) -> tuple[int, str] | None:
    """The first stated fact that contradicts a condition, and how many held before it."""
    for place, (name, allowed) in enumerate(condition.items()):
        values = values_of(facts, name)
        if values is not None and not values & set(allowed):
            text = f"applies where {name} is {_either(allowed)}; the profile says {_either(values)}"
            return place, text
    return None


def _either(words: Iterable[str], last: str = "or") -> str:
    listed = sorted(words)
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} {last} {listed[-1]}"
