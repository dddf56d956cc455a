"""What is on record about a model, for every export: plan, audit and answers, and nothing else."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from audit.plan import Product
from audit.result import Disparity, Estimate, Verdict
from audit.result_file import ResultFile
from checklists.answers import Answer, FileEvidence
from checklists.assessment import ItemState
from checklists.figures import figures
from reports import words
from reports.blocks import Bullets
from reports.exchange import answered, doubts, line, statement_of
from reports.format import crossed
from reports.papers import Papers
from reports.parts import disparities, front, provenance

NOT_STATED = "Not stated"
AUDIT_FILE = "audit.json"


def audit_sha256(papers: Papers) -> str:
    """The hash of the audit's file."""
    return sha256(papers.audit_json).hexdigest()


def audit_file(papers: Papers) -> ResultFile:
    """The audit under the name that it has among the papers, beside the profile if there is one."""
    beside = papers.assessment.profile.path.parent if papers.assessment is not None else Path()
    return ResultFile(beside / AUDIT_FILE, audit_sha256(papers), papers.result)


def product_of(papers: Papers) -> Product:
    """The product as the plan describes it; as the profile does where the plan says nothing."""
    planned = Product.model_validate(papers.result.plan.get("product") or {})
    if papers.assessment is None:
        return planned
    stated = {k: v for k, v in planned.model_dump().items() if v}
    return papers.assessment.profile.product.model_copy(update=stated)


def measure_id(record: Estimate | Disparity) -> str:
    """The measure with the class or label that it speaks of, as the ids of an audit have it."""
    return record.measure if record.output is None else f"{record.measure}[{record.output}]"


def measure_name(measure: str, output: str | None) -> str:
    """The measure in words, with the class or label that it speaks of."""
    return words.of_output(words.name(measure), output)


def without(record: Estimate | Disparity) -> str:
    """Why a record has no inference: its status, and the reason as the audit gives it."""
    status = words.STATUS[record.status]
    return f"{status}: {record.reason}" if record.reason else status


def limits(papers: Papers) -> list[str]:
    """What the audit does not show, what it could not assess, and its warnings."""
    result = papers.result
    found = [
        item
        for block in provenance.limitations(papers.index)
        if isinstance(block, Bullets)
        for item in block.items
    ]
    found += [f"{text.rstrip('.')}." for text in front.not_assessed(result)]
    return found + [words.warning(w) for w in result.warnings]


def open_verdicts(papers: Papers) -> list[str]:
    """A sentence for every requirement that is not met."""
    told = figures(papers.result)
    return [told[f"verdict/{v.requirement}"] for v in papers.result.verdicts if v.status != "met"]


def groups_at_risk(papers: Papers) -> dict[str, list[str]]:
    """Stratum -> what the audit found to its disadvantage, or could not rule out.

    From the parts of requirements that are not shown to be met, and from the differences of a level
    from its reference that stand after adjustment, where a measure has a better end.
    """
    told = figures(papers.result)
    records: dict[str, Estimate | Disparity] = {e.id: e for e in papers.result.estimates}
    records |= papers.index.disparities
    found: dict[str, list[str]] = {}
    for verdict in papers.result.verdicts:
        for stratum, id, status in _parts_against(verdict, records):
            text = f"Requirement {verdict.requirement} ({verdict.statement}): {status}. {told[id]}"
            found.setdefault(stratum, []).append(text)
    for d in papers.result.disparities:
        group = _worse_off(d)
        if group is not None and d.attribute not in papers.index.site_attributes:
            found.setdefault(group, []).append(told[d.id])
    return {stratum: list(dict.fromkeys(texts)) for stratum, texts in found.items()}


def _parts_against(
    verdict: Verdict, records: Mapping[str, Estimate | Disparity]
) -> Iterator[tuple[str, str, str]]:
    """Stratum, id and status in words of the parts that do not hold, those of everyone left out."""
    for part in verdict.parts:
        if part.status in ("met", "not_applicable", "waived") or part.id not in records:
            continue
        group = _group(records[part.id])
        if group != "overall":
            yield group, part.id, words.VERDICT[part.status][1]


def _group(record: Estimate | Disparity) -> str:
    """Whom a figure is about; of a contrast the side that does worse, where that can be told."""
    if isinstance(record, Estimate):
        return record.stratum
    if record.value is None and record.contrast == "gap":
        return f"a level of {record.attribute}"
    return _worse(record) or f"{record.stratum} or {record.reference}"


def _worse_off(d: Disparity) -> str | None:
    """The stratum that a difference is to the disadvantage of, if it stands after adjustment.

    Of the many contrasts those of the primary family and of the measures that come first.
    """
    if d.contrast != "difference" or d.status != "ok" or crossed(d.stratum):
        return None
    if d.p_adjusted is None or d.p_adjusted > 1 - d.level:
        return None
    first = d.family.startswith(disparities.PRIMARY) or d.measure in disparities.KEY
    # Everyone but one level is no group; that level is told by its contrast with the reference.
    return _worse(d) if first and not d.reference.startswith("not ") else None


def _worse(d: Disparity) -> str | None:
    """Which of two strata does worse; none where neither end of the measure is better."""
    declared = words.measure(d.measure)
    if declared is None or d.value is None or declared.direction not in ("higher", "lower"):
        return None
    if d.contrast == "gap":  # the worst of all levels stands first
        return d.stratum
    even = 1.0 if d.contrast == "ratio" else 0.0
    lower = d.value < even
    return d.stratum if lower == (declared.direction == "higher") else d.reference


def mitigations(papers: Papers) -> list[str]:
    """What answers say of the mitigation of bias, each with its item."""
    told = ((s, said(papers, s)) for s in papers.states.values() if "MIT" in s.item.evidence_keys)
    return [f"{s.item.heading} ({s.item.id}): {text}" for s, text in told if text is not None]


def said_to(papers: Papers, item: str) -> str | None:
    """What was answered to an item, if anything."""
    state = papers.states.get(item)
    return None if state is None else said(papers, state)


def said(papers: Papers, state: ItemState) -> str | None:
    """An answer in words: its rationale, what it cites, and what speaks against it.

    None where nobody assessed the item, and where an answer says only that something is there.
    """
    answer = state.answer
    if answer is None or not state.counted or answer.status == "not_assessed":
        return None
    told = [answer.rationale or "", *_cited(papers, answer), _disputed(state)]
    text = " ".join(line(part) for part in told if part)
    if answer.status == "met":
        return text or None
    status = answered(state, answer)
    return f"{status[0].upper()}{status[1:]}. {text}".rstrip()


def _disputed(state: ItemState) -> str:
    against = [doubt.rstrip(".") for doubt in doubts(state)]
    return f"This cannot be taken as it stands: {'; '.join(against)}." if against else ""


def _cited(papers: Papers, answer: Answer) -> Iterator[str]:
    audit = audit_file(papers)
    for evidence in answer.evidence:
        if isinstance(evidence, FileEvidence):
            place = f", {evidence.locator}" if evidence.locator else ""
            yield f"See {evidence.file}{place}."
        else:
            yield statement_of(evidence, audit)
