"""The example model card of the FDA draft guidance (Appendix E), filled from what is on record.

Each element has what the plan and the audit hold, then what people stated. An element of which
nothing is on record says who owes it.
"""

from collections.abc import Callable
from dataclasses import replace

from checklists.catalogue import load_catalogue
from checklists.proposals import AuditEvidence
from reports.blocks import Block, Facts
from reports.format import left_out
from reports.papers import Papers
from reports.parts import checklist, product, results
from reports.parts.results import TASK_FRONT

# Elements that take what the audit offers for their items: the first sentences of it.
FROM_AUDIT = ("MC-5", "MC-9")
MOST_SENTENCES = 4
ACCURACY = {"binary": ("sensitivity", "specificity", "ppv", "npv", "auroc")}
Pairs = list[tuple[str, str]]


def blocks(papers: Papers) -> list[Block]:
    """The elements in the order of the example; the table of accuracy under its own."""
    evidence = AuditEvidence(papers.result)
    found: list[Block] = []
    for id, item in load_catalogue().items.items():
        if item.instrument != "fda-ai-dsf" or not id.startswith("MC-"):
            continue
        pairs = _OWN[id](papers) if id in _OWN else []
        if id in FROM_AUDIT:
            pairs += _sentences(evidence, id)
        title = item.heading.removeprefix("Model card ").capitalize()
        found.append(Facts((*pairs, (f"Stated ({id})", _stated(papers, id))), title))
        if id == "MC-4":
            found += _accuracy(papers)
    return found


def _device(papers: Papers) -> Pairs:
    return [
        ("Name", product.told(papers, "name")),
        ("Version", product.told(papers, "version")),
        ("Architecture", product.told(papers, "description")),
        ("Model file", product.model_file(papers) or "none is named"),
    ]


def _regulatory(papers: Papers) -> Pairs:
    return [("Pathway", pathway(papers))]


def _use(papers: Papers) -> Pairs:
    return [("Intended use", product.told(papers, "intended_use"))]


def _test_data(papers: Papers) -> Pairs:
    return [("Test cohort", product.told(papers, "cohort"))]


def _precision(papers: Papers) -> Pairs:
    """Whether the model gave the same when it was asked twice; more a precision study shows."""
    known = (papers.result.provenance.predicted_by or {}).get("deterministic")
    told = {True: "the same, bit by bit", False: "the same but for rounding"}
    return [("Asked twice", "not checked" if known is None else told[bool(known)])]


def _gaps(papers: Papers) -> Pairs:
    sentence = AuditEvidence(papers.result).sentences.get("strata/without_inference")
    return [("From the audit", sentence)] if sentence else []


def _development_data(papers: Papers) -> Pairs:
    return [("From the audit", "nothing: it holds the test cohort alone")]


_OWN: dict[str, Callable[[Papers], Pairs]] = {
    "MC-1": _device,
    "MC-2": _regulatory,
    "MC-3": _use,
    "MC-6": _precision,
    "MC-7": _gaps,
    "MC-9": _test_data,
    "MC-13": _development_data,
}
_PATHWAYS = {"510k": "510(k)", "de_novo": "De Novo", "pma": "PMA", "none": "none"}


def pathway(papers: Papers) -> str:
    """The way to the US market, as the profile states it."""
    if papers.assessment is None:
        return "not stated: no product profile is at hand"
    stated = papers.assessment.profile.facts.fda_pathway
    return _PATHWAYS[stated] if stated else "not stated in the product profile (fda_pathway)"


def _sentences(evidence: AuditEvidence, id: str) -> Pairs:
    offered = [p.sentence for p in evidence.proposals(load_catalogue().items[id])]
    if not offered:
        return [("From the audit", "nothing that speaks to it")]
    shown = [("From the audit", sentence) for sentence in offered[:MOST_SENTENCES]]
    rest = left_out(max(0, len(offered) - MOST_SENTENCES), "figure")
    return [*shown, ("Besides", rest)] if rest else shown


def _accuracy(papers: Papers) -> list[Block]:
    index = papers.index
    wanted = ACCURACY.get(index.task, TASK_FRONT[index.task])
    present = tuple(m for m in wanted if m in index.measures)
    if not present:
        return []
    strata: dict[str, tuple[str, ...]] = {"": ("overall",)}
    table = results.table(index, "card-accuracy", "", present, strata)
    return [replace(table, caption="Accuracy in all units")]


def _stated(papers: Papers, id: str) -> str:
    state = papers.states.get(id)
    if state is None:
        return f"no answer is at hand; {checklist.owed_text(load_catalogue().items[id])}"
    if not state.standing.in_scope:
        return f"not in scope: {state.standing.reason}"
    if state.answer is None:
        return f"not assessed; {checklist.owed_text(state.item)}"
    said = f"{checklist.status_text(state)}. {state.answer.rationale or checklist.NO_RATIONALE}"
    cited = checklist.evidence_text(state.answer)
    evidence = f" Evidence: {cited}." if cited else ""
    return f"{said}{evidence} ({checklist.given_text(state)})"
