"""``equipoise explain``: what a word in a result, or in another tool, means."""

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from textwrap import fill

from audit.aliases import ALIASES, folded, meanings
from audit.aliases.declaration import Alias
from audit.criteria_table import CRITERIA
from audit.glossary import ENTRIES
from audit.measures import DECLARED
from audit.problems import InputError, Problem
from commands.declarations import criterion_facts, meaning, measure_facts, other_names, users

_WIDTH = 88


def run_explain(id: str) -> str:
    """Explain a measure, criterion, status, verdict, method, an id of audit.json, or an alias."""
    # Ids of estimates and disparities start with the measure: sensitivity/sex=F, auroc[mel]/sex=F.
    # O/E does not.
    for word in dict.fromkeys((id, id.split("/", 1)[0], id.split("[", 1)[0])):
        own, elsewhere = _own(word), _merged(meanings(word))
        if own is not None:
            return _wrapped([*_declaration(own), *_names(own), *_same_word(own, elsewhere)])
        if elsewhere:
            return _wrapped(_as_alias(elsewhere))
    raise InputError(Problem("unknown_id", "explain", f"'{id}' is not known", _suggestions(id)))


def _own(word: str) -> str | None:
    """Find one of our own ids by itself, in another spelling, or by its name."""
    names = {
        id: declared.name
        for table in (DECLARED, CRITERIA, ENTRIES)
        for id, declared in table.items()
    }
    if word in names:
        return word
    wanted = folded(word)
    by_id = [id for id in names if folded(id) == wanted]
    by_name = [id for id, name in names.items() if folded(name) == wanted]
    return next(iter([*by_id, *by_name]), None)


def _declaration(id: str) -> list[str]:
    if id in DECLARED:
        measure = DECLARED[id]
        facts, reading, reference = measure_facts(measure), measure.reading, measure.reference
        head = f"{measure.name}  ({id})"
    elif id in CRITERIA:
        criterion = CRITERIA[id]
        facts = criterion_facts(criterion)
        reading, reference = criterion.reading, criterion.reference
        head = f"{criterion.name}  ({id})"
    else:
        entry = ENTRIES[id]
        tail = ["", f"Reference: {entry.reference}"] if entry.reference else []
        return [f"{entry.name}  ({id})", "", entry.meaning, "", f"How to read it: {entry.reading}",
                *tail]  # fmt: skip
    return [
        head,
        "",
        *(_fact(label, text) for label, text in facts),
        "",
        f"How to read it: {reading}",
        "",
        f"Reference: {reference}",
    ]


def _fact(label: str, text: str) -> str:
    return f"{label} {text}" if label == "Undefined when" else f"{label}: {text}"


def _names(id: str) -> list[str]:
    names = other_names(id)
    lines = ["", f"Also called: {', '.join(names.same)}"] if names.same else []
    for title, facts in (
        ("Comparisons of groups on it:", names.compared),
        ("Near to it, but another number:", names.differing),
    ):
        if facts:
            lines += ["", title, *(f"- {label}: {text}" for label, text in facts)]
    return lines


def _merged(elsewhere: Sequence[Alias]) -> list[Alias]:
    """Put the tools together that mean the same by a name; a word of the field needs none."""
    found: dict[tuple[object, ...], Alias] = {}
    for alias in elsewhere:
        key = (alias.target, alias.contrast, alias.same, alias.note)
        first = found.get(key)
        tools = (*first.tools, *alias.tools) if first is not None and first.tools else ()
        found[key] = alias if first is None else replace(first, tools=tools)
    return list(found.values())


def _same_word(own: str, elsewhere: Sequence[Alias]) -> list[str]:
    """Say where a word that is an id here means something else to others."""
    others = [a for a in elsewhere if a.target != own or a.contrast is not None]
    return ["", *(f"Elsewhere {_in_words(a)}" for a in others)] if others else []


def _as_alias(elsewhere: Sequence[Alias]) -> list[str]:
    """Say what a name is called here; where it has one target only, with its declaration."""
    lines = [_in_words(alias) for alias in elsewhere]
    targets = {alias.target for alias in elsewhere}
    if len(targets) > 1:
        head = f"{elsewhere[0].name} has {len(elsewhere)} meanings."
        return [head, "", *(f"- {line}" for line in lines)]
    (target,) = targets
    return lines if target is None else [*lines, "", *_declaration(target)]


def _in_words(alias: Alias) -> str:
    name = alias.name + users(alias)
    if alias.target is None:
        return f"{name}: {alias.note}"
    if alias.contrast is not None:
        return f"{name}: {meaning(alias)}"
    if alias.same:
        return f"{name} is called {alias.target} here. {alias.note}".rstrip()
    return f"{name} is near to {alias.target} here, but another number. {alias.note}"


def _suggestions(word: str) -> str:
    """Name the known words that look most like an unknown one, as the tail of a remedy."""
    known = {
        folded(name): name for name in (*(a.name for a in ALIASES), *ENTRIES, *CRITERIA, *DECLARED)
    }
    close = [known[match] for match in get_close_matches(folded(word), known, n=3, cutoff=0.6)]
    if not close:
        return "docs/measures.md, docs/criteria.md and docs/aliases.md list every word"
    *front, last = [f"'{name}'" for name in close]
    return f"did you mean {' or '.join([', '.join(front), last] if front else [last])}?"


def _wrapped(lines: Sequence[str]) -> str:
    text = [
        fill(line, _WIDTH, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)
        for line in lines
    ]
    return "\n".join(text) + "\n"
