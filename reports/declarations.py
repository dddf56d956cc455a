"""Declarations of a CycloneDX bill of materials: who answered what, with which evidence.

CycloneDX may carry a score of conformance and of confidence. Neither is written: a share of items
met is coverage, and how sure an answer is stands in its evidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from audit.result_file import ResultFile
from checklists.answers import Answer, Evidence, FileEvidence, Person, Review, stamped
from checklists.assessment import Assessment, Contradiction, ItemState
from checklists.instrument import Instrument
from reports.exchange import (
    NOTICE,
    Json,
    answered,
    doubts,
    filled,
    href,
    line,
    moment,
    signed_off,
    statement_of,
)

MODEL = "model"
_AFFIRMED = (
    "Each signatory signed off one answer: the claim that the reference beside the name points to. "
    "Nobody affirms here what another signed off, or the document as a whole."
)


@dataclass(frozen=True)
class Declared:
    """The checklists that are declared, beside the audit; `given` are the answers that count."""

    assessment: Assessment
    audit: ResultFile | None

    @cached_property
    def given(self) -> tuple[tuple[ItemState, Answer], ...]:
        """Items that count, with their answers."""
        items = self.assessment.items
        return tuple((s, s.answer) for s in items if s.counted and s.answer is not None)

    @cached_property
    def claimed(self) -> tuple[tuple[ItemState, Answer], ...]:
        """Those of which an answer says something."""
        return tuple((s, a) for s, a in self.given if a.status != "not_assessed")


def named(name: str, value: str) -> Json:
    """A property under the name of this tool."""
    return {"name": f"equipoise:{name}", "value": value}


def hashed(sha256: str) -> Json:
    """A hash of a file."""
    return {"alg": "SHA-256", "content": sha256}


def reference(kind: str, file: str, sha256: str) -> Json:
    """A reference to a file by its content."""
    return {"type": kind, "url": href(file), "hashes": [hashed(sha256)]}


def declarations(paper: Declared, serial: str) -> Json:
    """Who assessed, what is claimed and on what evidence; empty where nobody answered."""
    people = {str(answer.by): answer.by for _, answer in paper.given}
    content = {
        "assessors": [_assessor(person) for person in people.values()],
        "attestations": _attestations(paper),
        "claims": [_claim(state, answer) for state, answer in paper.claimed],
        "evidence": _evidence(paper),
        "affirmation": _affirmation(paper, serial),
    }
    return filled(content)


def _assessor(person: Person) -> Json:
    """A person who answered. Whether they belong to the maker is not known, so it is not said."""
    return {
        "bom-ref": f"assessor/{person}",
        "organization": {"contact": [{"name": line(person.name)}]},
    }


def _attestations(paper: Declared) -> list[Json]:
    """What one person answered to one instrument, item by item."""
    found: dict[tuple[str, str], list[Json]] = {}
    titles = {state.instrument.id: state.instrument.short for state, _ in paper.given}
    for state, answer in paper.given:
        key = (state.instrument.id, str(answer.by))
        found.setdefault(key, []).append(_map(state, answer))
    return [
        {
            "summary": line(f"Answers of {by} to {titles[instrument]}. {NOTICE}"),
            "assessor": f"assessor/{by}",
            "map": maps,
        }
        for (instrument, by), maps in found.items()
    ]


def _map(state: ItemState, answer: Answer) -> Json:
    """A requirement with its claim, unless something speaks against taking the claim as it is."""
    against = doubts(state)
    claims: Json = {}
    if not against and answer.status != "not_assessed":
        side = "counterClaims" if answer.status == "not_met" else "claims"
        claims = {side: [f"claim/{state.item.id}"]}
    told = [f"Answered: {answered(state, answer)}.", *against, answer.rationale or ""]
    if full := answer.full_version_text():
        told.append(f"Not signed off as it stands here; {full}.")
    rationale = {"rationale": "\n".join(filter(None, told))}
    return {"requirement": f"requirement/{state.item.id}", **claims, "conformance": rationale}


def _claim(state: ItemState, answer: Answer) -> Json:
    against = doubts(state)
    held = " It cannot be taken as it stands; the reasoning says why." if against else ""
    files = {(e.file, e.sha256): e for e in answer.evidence if isinstance(e, FileEvidence)}
    told = "\n".join(filter(None, [answer.rationale, *against]))
    content = {
        "bom-ref": f"claim/{state.item.id}",
        "target": MODEL,
        "predicate": f"{line(state.standing.question)} Answered: {answered(state, answer)}.{held}",
        "reasoning": told,
        "evidence": [_evidence_ref(state, n) for n, _ in enumerate(answer.evidence, start=1)],
        "counterEvidence": [_counter_ref(state, c) for c in state.contradictions],
        "externalReferences": [reference("evidence", e.file, e.sha256) for e in files.values()],
    }
    return filled(content)


def _evidence_ref(state: ItemState, number: int) -> str:
    return f"evidence/{state.item.id}/{number}"


def _counter_ref(state: ItemState, against: Contradiction) -> str:
    return f"counter-evidence/{state.item.id}/{against.finding}"


def _evidence(paper: Declared) -> list[Json]:
    found = []
    for state, answer in paper.claimed:
        cited = f"cited by {answer.by} on {stamped(answer.at):%Y-%m-%d}"
        for number, evidence in enumerate(answer.evidence, start=1):
            found.append(
                {"bom-ref": _evidence_ref(state, number)} | _cited(evidence, cited, paper.audit)
            )
        for c in state.contradictions:
            said = f"{c.words}: {line(c.sentence)}"
            found.append({"bom-ref": _counter_ref(state, c), "description": said})
    return found


def _cited(evidence: Evidence, cited: str, audit: ResultFile | None) -> Json:
    if isinstance(evidence, FileEvidence):
        place = f", {line(evidence.locator)}" if evidence.locator else ""
        return {
            "description": f"{evidence.file}{place}; SHA-256 {evidence.sha256}; {cited}.",
            "data": [{"name": evidence.file, "contents": {"url": href(evidence.file)}}],
        }
    source = f"{evidence.audit.file}, SHA-256 {evidence.audit.sha256}"
    statement = {"contentType": "text/plain", "content": statement_of(evidence, audit)}
    return {
        "description": f"{evidence.figure} of the audit {source}; {cited}.",
        "data": [{"name": evidence.figure, "contents": {"attachment": statement}}],
    }


def _affirmation(paper: Declared, serial: str) -> Json | None:
    signed = [(state, signed_off(state)) for state, _ in paper.claimed]
    found = [_signatory(state, review, serial) for state, review in signed if review is not None]
    return {"statement": _AFFIRMED, "signatories": found} if found else None


def _signatory(state: ItemState, review: Review, serial: str) -> Json:
    """Who signed off an answer. Nothing is signed by cryptography, so the claim is referred to."""
    comment = f" {line(review.comment)}" if review.comment else ""
    claim = quote(f"claim/{state.item.id}", safe="")
    return {
        "name": line(review.by.name),
        "role": line(review.by.role),
        "organization": {"contact": [{"name": line(review.by.name)}]},
        "externalReference": {
            "type": "attestation",
            "url": f"urn:cdx:{serial}/1#{claim}",
            "comment": f"{state.item.id} signed off at {moment(review.at)}; "
            f"SHA-256 of the answer {review.answer_sha256}.{comment}",
        },
    }


def standards(paper: Declared) -> list[Json]:
    """The instruments with their items, as standards with requirements."""
    states: dict[str, list[ItemState]] = {}
    for state in paper.assessment.items:
        states.setdefault(state.instrument.id, []).append(state)
    return [_standard(some[0].instrument, some) for some in states.values()]


def _standard(instrument: Instrument, states: Sequence[ItemState]) -> Json:
    editions = [e for e in instrument.editions if e.url]
    content = {
        "bom-ref": f"standard/{instrument.id}",
        "name": line(instrument.title),
        "description": f"{line(instrument.purpose)} {line(instrument.rights)}",
        "owner": line(instrument.publisher),
        "requirements": [_requirement(s) for s in states if s.standing.in_scope],
        "externalReferences": [
            {"type": "documentation", "url": e.url, "comment": line(e.citation)} for e in editions
        ],
    }
    return filled(content)


def _requirement(state: ItemState) -> Json:
    item, standing = state.item, state.standing
    told = {
        "locator": line(item.locator),
        "standing": standing.state,
        "branch": state.branch,
        "open": "yes" if state.open else "no",
        "edition": standing.version.edition if standing.version is not None else None,
    }
    return {
        "bom-ref": f"requirement/{item.id}",
        "identifier": item.id,
        "title": line(item.heading),
        "text": standing.question,
        "descriptions": [f"{line(standing.reason)}. The text is a question in our own words."],
        "properties": [named(name, value) for name, value in told.items() if value],
    }
