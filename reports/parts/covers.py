"""What stands on the first page of a template: who, what, on which route, as of when."""

from collections.abc import Callable
from dataclasses import replace

from checklists.assessment import ItemState
from checklists.catalogue import load_catalogue
from checklists.facts import Facts
from reports.blocks import Cover
from reports.format import names
from reports.papers import Papers
from reports.parts import front, product
from reports.parts.example_card import pathway
from reports.parts.people import team
from reports.parts.section_answers import standings

NO_PROFILE = "not stated: no product profile is at hand"
_ROUTES = {
    "annex_i": "Annex I (product legislation)",
    "annex_iii": "Annex III (listed uses)",
    "not_high_risk": "not high-risk",
}
Pairs = tuple[tuple[str, str], ...]
MOST_PEOPLE = 8


def cover(papers: Papers, template: str, roles: tuple[str, ...]) -> Cover:
    """The first page of a template; that of the audit where it has none of its own."""
    made = replace(front.cover(papers.result), roles=roles)
    facts = _FACTS.get(template)
    return made if facts is None else replace(made, facts=(*facts(papers), *_dated(papers)))


def _dated(papers: Papers) -> Pairs:
    on = str(papers.assessment.on) if papers.assessment is not None else "none are at hand"
    return (("As of", f"audit {front.as_of(papers.result)}; answers {on}"),)


def _fda(papers: Papers) -> Pairs:
    return (
        ("Sponsor", product.told(papers, "manufacturer")),
        ("Device", product.reference(papers) or product.unstated("name")),
        ("Intended use", product.told(papers, "intended_use")),
        ("Pathway", pathway(papers)),
        ("Change control plan", _flag(papers, "change_plan")),
        ("Guidance", _citation(papers, "fda-ai-dsf")),
    )


def _eu(papers: Papers) -> Pairs:
    return (
        ("Provider", product.told(papers, "manufacturer")),
        ("System", product.reference(papers) or product.unstated("name")),
        ("Intended purpose",
         product.told(papers, "intended_use")),
        ("Procedure", _procedure(papers)),
        ("Annex IV", _standing(papers, "ANNEX-IV.")),
        ("Regulation", _citation(papers, "eu-ai-act")),
    )  # fmt: skip


def _altai(papers: Papers) -> Pairs:
    found = team(papers)
    days = sorted(day for work in found.values() for day in work.days)
    told = [str(person) for person in sorted(found, key=str)]
    nobody = "nobody has answered yet"
    return (
        ("System", product.reference(papers) or product.unstated("name")),
        ("Intended use", product.told(papers, "intended_use")),
        ("Team", names(told, MOST_PEOPLE) if told else nobody),
        ("Answered", f"from {days[0]} to {days[-1]}" if days else nobody),
        ("List", _citation(papers, "altai")),
    )


_FACTS: dict[str, Callable[[Papers], Pairs]] = {"fda": _fda, "eu-annex-iv": _eu, "altai": _altai}


def _profile(papers: Papers) -> Facts | None:
    return papers.assessment.profile.facts if papers.assessment is not None else None


def _flag(papers: Papers, name: str) -> str:
    facts = _profile(papers)
    if facts is None:
        return NO_PROFILE
    value = getattr(facts, name)
    if value is None:
        return f"not stated in the product profile ({name})"
    return f"{'yes' if value else 'no'} (product profile)"


def _procedure(papers: Papers) -> str:
    """Route into high risk, class of the device, and what was said of the assessment."""
    facts = _profile(papers)
    if facts is None:
        return NO_PROFILE
    routes = ", ".join(_ROUTES[r] for r in facts.ai_act_route)
    parts = [f"route {routes}" if routes else "route not stated in the product profile"]
    if facts.mdr_class:
        parts.append(f"MDR class {facts.mdr_class}")
    if facts.ivdr_class:
        parts.append(f"IVDR class {facts.ivdr_class}")
    said = papers.states.get("AIA-43.3")
    if said is not None and said.standing.in_scope:
        parts.append(f"conformity assessment (AIA-43.3): {said.status_words}")
    return "; ".join(parts)


def _standing(papers: Papers, prefix: str) -> str:
    found: list[ItemState] = [s for id, s in papers.states.items() if id.startswith(prefix)]
    if not found:
        return "no answers are at hand"
    lines = list(dict.fromkeys(s.partition(" (ANNEX")[0].rstrip(".") for s in standings(found)))
    return "; ".join(lines)


def _citation(papers: Papers, instrument: str) -> str:
    """The text that is current for the product; the latest one where no answers are at hand."""
    known = load_catalogue().instruments[instrument]
    states = papers.assessment.of(instrument) if papers.assessment is not None else ()
    current = [s.standing.version for s in states if s.standing.version is not None]
    used = (current or known.items[0].versions)[-1].edition
    return next(e.citation for e in known.editions if e.id == used)
