"""What the exports for other programs share: ids, times, references and the weight of an answer.

An export may only say less than an answer, never more: `doubts` lists what stands against taking
it as it is, and a sign-off counts while the answer is not stale.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from audit.result_file import ResultFile
from checklists.answering import relative
from checklists.answers import (
    Answer,
    AuditSource,
    FigureEvidence,
    FileEvidence,
    Person,
    Review,
    stamped,
)
from checklists.assessment import Assessment, ItemState
from checklists.facts import Facts, values_of
from checklists.scales import SCALES

Json = dict[str, Any]

NS = "https://equipoise.dev/ns/oscal"
NAMESPACE = uuid5(NAMESPACE_URL, NS)
NOTICE = (
    "This document records answers that people gave and the evidence that they cite. It is no "
    "statement of compliance. Names are recorded as they were given. Paths of files are relative "
    "to the file of answers."
)

_WITHHELD = "Withheld: it was read from another audit than the shared one."


def text_of(content: Any) -> str:
    """Content as JSON text, the same for the same content."""
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def filled(content: Json) -> Json:
    """Leave out what is empty: the schemas want a thing said or not there."""
    return {key: value for key, value in content.items() if value not in (None, "", [], {})}


def line(text: str) -> str:
    """Text on one line."""
    return " ".join(text.split())


def moment(at: datetime) -> str:
    """A point in time in UTC, to the second."""
    return stamped(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def href(path: str) -> str:
    """A path as a reference."""
    return quote(path, safe="/")


def product_name(assessment: Assessment) -> str:
    """The product and its version, as the profile calls them."""
    product = assessment.profile.product
    return line(f"{product.name or 'unnamed product'} {product.version}")


def answered(state: ItemState, answer: Answer) -> str:
    """The answer in words: what was chosen, and the status that it stands for."""
    status = state.status_words
    if answer.response is None or state.through is not None:
        return status
    found = SCALES[state.item.scale].response(answer.response)
    label = found.label if found is not None else answer.response
    return status if label == status else f"{label}, which counts as {status}"


def doubts(state: ItemState) -> list[str]:
    """Why an answer must not be taken as it stands."""
    found = [f"Stale: {reason}" for reason in state.stale]
    found += [f"{c.words}: {c.sentence}" for c in state.contradictions if not c.explained]
    if state.answer is not None and state.decision == "changes_requested":
        review = state.answer.standing_reviews()[-1]
        found.append(f"Changes are requested by {review.by}: {review.comment}")
    return found


def statement_of(evidence: FigureEvidence, audit: ResultFile | None) -> str:
    """What was said of a figure; beside a shared audit not what was read from another one.

    That one may show figures that are withheld from the shared audit.
    """
    shared = audit is not None and audit.result.disclosure is not None
    if audit is not None and shared and evidence.audit.sha256 != audit.sha256:
        return _WITHHELD
    return evidence.statement


def signed_off(state: ItemState) -> Review | None:
    """The sign-off of an answer that still holds; none where it is stale."""
    if state.answer is None or state.stale or state.decision != "signed_off":
        return None
    return state.answer.standing_reviews()[-1]


def people(states: Iterable[ItemState]) -> Iterator[Person]:
    """Everybody who answered or reviewed, in the order of the items."""
    for state in states:
        if state.answer is not None:
            yield state.answer.by
            yield from (review.by for review in state.answer.standing_reviews())


def cited_files(assessment: Assessment) -> list[FileEvidence]:
    """The files that answers cite, each content once."""
    cited = {
        (e.file, e.sha256): e
        for state in assessment.items
        if state.counted and state.answer is not None
        for e in state.answer.evidence
        if isinstance(e, FileEvidence)
    }
    return list(cited.values())


def cited_audits(assessment: Assessment, audit: ResultFile | None) -> list[AuditSource]:
    """The audits that answers cite, and the one at hand, each once."""
    found = {
        (e.audit.file, e.audit.sha256): e.audit
        for state in assessment.items
        if state.counted and state.answer is not None
        for e in state.answer.evidence
        if not isinstance(e, FileEvidence)
    }
    if audit is not None and audit.sha256 not in {sha256 for _, sha256 in found}:
        beside = relative(audit.path, assessment.profile.path.parent)
        # Folders around the project are nobody's business.
        file = audit.path.name if beside.startswith("../") else beside
        found[file, audit.sha256] = _at_hand(audit, file)
    return list(found.values())


def _at_hand(audit: ResultFile, file: str) -> AuditSource:
    used = audit.result.provenance
    return AuditSource(
        file=file,
        sha256=audit.sha256,
        plan=used.plan_sha256,
        data=tuple(f.sha256 for f in used.data),
        model=used.model.sha256 if used.model is not None else None,
    )


def stated_facts(facts: Facts) -> dict[str, str | None]:
    """The facts that the profile states, which decide what is asked."""
    stated = {name: values_of(facts, name) for name in Facts.model_fields}
    return {name: ", ".join(sorted(values)) for name, values in stated.items() if values}
