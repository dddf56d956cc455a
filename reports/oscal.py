"""The checklists as OSCAL assessment results, for the tools that read those.

OSCAL knows an objective that is satisfied or not, and nothing between. An answer is called
satisfied only where it says "met" and nothing speaks against it; what nobody assessed has no
finding at all.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import uuid5

from audit.result_file import ResultFile
from checklists.answers import Answer, AuditSource, Evidence, FileEvidence, Person, Review, stamped
from checklists.assessment import Assessment, ItemState
from checklists.vocabulary import STATE_NAMES, STATES
from reports.exchange import (
    NAMESPACE,
    NOTICE,
    NS,
    Json,
    answered,
    cited_audits,
    cited_files,
    doubts,
    filled,
    href,
    line,
    moment,
    people,
    product_name,
    signed_off,
    stated_facts,
    statement_of,
    text_of,
)

OSCAL_VERSION = "1.1.3"
_PLAN = "The profile of the product and the plan of its audit; there is no OSCAL assessment plan."


def oscal(assessment: Assessment, audit: ResultFile | None, at: datetime) -> str:
    """Write an assessment as OSCAL assessment results, one result for each instrument."""
    paper = _Paper(assessment, audit, at)
    names = dict.fromkeys(s.instrument.id for s in assessment.items)
    body = {
        "metadata": _metadata(paper),
        "import-ap": {"href": paper.link("plan"), "remarks": _PLAN},
        "local-definitions": filled({"objectives-and-methods": _objectives(paper)}),
        "results": [_result(paper, name) for name in names],
        "back-matter": {"resources": _resources(paper)},
    }
    # The content names the document, as OSCAL wants another UUID for every change of it.
    uuid = str(uuid5(NAMESPACE, text_of(body)))
    return text_of({"assessment-results": {"uuid": uuid} | filled(body)})


@dataclass(frozen=True)
class _Paper:
    """What every part of the document is made from."""

    assessment: Assessment
    audit: ResultFile | None
    at: datetime

    @cached_property
    def counted(self) -> tuple[ItemState, ...]:
        return tuple(s for s in self.assessment.items if s.counted)

    def id(self, *parts: str) -> str:
        """UUID of a part of this product's papers: the same in every document about it."""
        product = self.assessment.profile.product
        return str(uuid5(NAMESPACE, text_of([product.name, product.version, *parts])))

    def link(self, *parts: str) -> str:
        return f"#{self.id(*parts)}"

    def party(self, person: Person) -> str:
        return self.id("party", line(person.name).casefold())


def _token(id: str) -> str:
    """An id as an OSCAL token; a sign that tokens lack is written by its number."""
    text = re.sub(r"[^A-Za-z0-9._-]", lambda found: f"_x{ord(found[0]):02X}_", id)
    return text if re.match(r"[A-Za-z_]", text) else f"_{text}"


def _role(person: Person) -> str:
    return _token(line(person.role).replace(" ", "-"))


def _prop(name: str, value: str, own: bool = True) -> Json:
    return {"name": name, "ns": NS, "value": value} if own else {"name": name, "value": value}


def _props(content: Mapping[str, str | None]) -> list[Json]:
    return [_prop(name, line(value)) for name, value in content.items() if value]


def _metadata(paper: _Paper) -> Json:
    on = paper.assessment.on
    roles: dict[str, Json] = {}
    parties: dict[str, Json] = {}
    for person in people(paper.counted):
        name = _role(person)
        roles.setdefault(name, {"id": name, "title": line(person.role)})
        uuid = paper.party(person)
        parties.setdefault(uuid, {"uuid": uuid, "type": "person", "name": line(person.name)})
    maker = line(paper.assessment.profile.product.manufacturer)
    if maker:
        uuid = paper.id("manufacturer", maker)
        parties[uuid] = {"uuid": uuid, "type": "organization", "name": maker}
    content = {
        "title": f"Checklists of {product_name(paper.assessment)} as of {on}",
        "last-modified": moment(paper.at),
        "version": on.isoformat(),
        "oscal-version": OSCAL_VERSION,
        "roles": list(roles.values()),
        "parties": list(parties.values()),
        "remarks": NOTICE,
    }
    return filled(content)


def _objectives(paper: _Paper) -> list[Json]:
    """The questions, so that the ids of controls and objectives mean something in this file."""
    return [_objective(state) for state in paper.counted]


def _objective(state: ItemState) -> Json:
    item, control = state.item, _token(state.item.id)
    expected = "; ".join(item.evidence) or "the recorded answer and the evidence that it cites"
    objective = {
        "id": f"{control}_obj",
        "name": "assessment-objective",
        "title": line(item.heading),
        "props": [_prop("method-id", f"{control}_method", own=False)],
        "prose": state.standing.question,
    }
    method = {
        "id": f"{control}_method",
        "name": "assessment-method",
        "props": [_prop("method", "EXAMINE", own=False)],
        "parts": [{"name": "assessment-objects", "prose": expected}],
    }
    version = state.standing.version
    told = {
        "item-id": item.id,
        "instrument": item.instrument,
        "locator": item.locator,
        "edition": version.edition if version is not None else None,
        "standing": state.standing.state,
    }
    return {
        "control-id": control,
        "description": f"{STATE_NAMES[state.standing.state]}: {state.standing.reason}",
        "props": _props(told),
        "parts": [objective, method],
    }


def _result(paper: _Paper, name: str) -> Json:
    states = paper.assessment.of(name)
    asked = [s for s in states if s.counted]
    instrument = states[0].instrument
    given = [(s, s.answer) for s in asked if s.answer is not None]
    content = {
        "uuid": paper.id("result", name),
        "title": line(instrument.title),
        "description": f"{line(instrument.purpose)} {line(instrument.rights)}",
        "start": moment(min([paper.at, *(answer.at for _, answer in given)])),
        "end": moment(paper.at),
        "props": _props({"instrument": name, "force": instrument.status}),
        "reviewed-controls": _reviewed(states, asked),
        "attestations": _attestations(paper, asked),
        "observations": [_observation(paper, s, a) for s, a in given],
        "findings": [_finding(paper, s, a) for s, a in given if _found(s, a)],
        "remarks": _left_out(states),
    }
    return filled(content)


def _found(state: ItemState, answer: Answer) -> bool:
    """Whether an answer judges something: what only describes the system satisfies nothing."""
    return answer.status != "not_assessed" and (state.judged or answer.status != "met")


def _reviewed(states: Sequence[ItemState], asked: Sequence[ItemState]) -> Json:
    controls = [{"control-id": _token(s.item.id)} for s in asked or states]
    if not asked:
        # A selection has to include something; what is included here is taken out again.
        none = "Nothing of this instrument is asked of this product on this date."
        selection = {"include-controls": controls, "exclude-controls": controls}
        return {"control-selections": [{"description": none} | selection]}
    objectives = [{"objective-id": f"{c['control-id']}_obj"} for c in controls]
    return {
        "control-selections": [{"include-controls": controls}],
        "control-objective-selections": [{"include-objectives": objectives}],
    }


def _left_out(states: Sequence[ItemState]) -> str:
    """What the result has no finding for, and why."""
    scope = [s for s in states if s.standing.in_scope]
    listed = {
        "Not assessed": [s for s in scope if s.counted and s.status == "not_assessed"],
        "Described, without a judgement": [
            s for s in scope if s.counted and s.status == "met" and not s.judged
        ],
        "Not asked after another answer": [s for s in scope if s.branch == "not_asked"],
        "Not asked before another answer": [s for s in scope if s.branch == "pending"],
    }
    told = [f"{why}: {', '.join(s.item.id for s in some)}." for why, some in listed.items() if some]
    for name in STATES:
        out = sum(s.standing.state == name and not s.standing.in_scope for s in states)
        if out:
            told.append(f"{STATE_NAMES[name].capitalize()}: {out} items.")
    return "\n\n".join(told)


def _origins(paper: _Paper, person: Person) -> list[Json]:
    actor = {"type": "party", "actor-uuid": paper.party(person), "role-id": _role(person)}
    return [{"actors": [actor]}]


def _observed(paper: _Paper, state: ItemState, answer: Answer) -> str:
    return paper.id("observation", state.item.id, answer.sha256())


def _observation(paper: _Paper, state: ItemState, answer: Answer) -> Json:
    product = {"subject-uuid": paper.id("product"), "type": "resource"}
    content = {
        "uuid": _observed(paper, state, answer),
        "title": line(f"Answer to {state.item.id}: {state.item.heading}"),
        "description": answer.rationale or f"Answer: {answered(state, answer)}.",
        "props": _props({"item-id": state.item.id, "answer-sha256": answer.sha256()}),
        "methods": _methods(answer),
        "types": ["control-objective"],
        "origins": _origins(paper, answer.by),
        "subjects": [product | {"title": product_name(paper.assessment)}],
        "relevant-evidence": [_evidence(paper, e) for e in answer.evidence],
        "collected": moment(answer.at),
        "remarks": "\n\n".join(f"Stale: {reason}" for reason in state.stale),
    }
    return filled(content)


def _methods(answer: Answer) -> list[str]:
    """How it was observed; without any evidence, by asking a person."""
    files = any(isinstance(e, FileEvidence) for e in answer.evidence)
    figures = any(not isinstance(e, FileEvidence) for e in answer.evidence)
    return ["EXAMINE"] * files + ["TEST"] * figures or ["INTERVIEW"]


def _evidence(paper: _Paper, evidence: Evidence) -> Json:
    if isinstance(evidence, FileEvidence):
        file, sha256 = evidence.file, evidence.sha256
        told: dict[str, str | None] = {"locator": evidence.locator}
        description = ", ".join(filter(None, (file, evidence.locator)))
    else:
        file, sha256 = evidence.audit.file, evidence.audit.sha256
        told = {"figure": evidence.figure}
        description = statement_of(evidence, paper.audit)
    return {
        "href": href(file),
        "description": description,
        "props": _props(told | {"sha256": sha256}),
        "links": [{"href": paper.link("file", file, sha256), "rel": "reference"}],
    }


def _finding(paper: _Paper, state: ItemState, answer: Answer) -> Json:
    question, against = state.standing.question, doubts(state)
    told = {
        "item-id": state.item.id,
        "status": answer.status,
        "response": answer.response,
        "options": ", ".join(answer.options),
        "answered-through": state.through,
        "decision": state.decision,
        "review-of-full-version": answer.full_version_text() or None,
        "answer-sha256": answer.sha256(),
    }
    seen = [f"{c.words}: {c.sentence}" for c in state.contradictions if c.explained]
    content = {
        "uuid": paper.id("finding", state.item.id),
        "title": line(f"{state.item.id}: {state.item.heading}"),
        "description": f"{question}\n\nAnswer: {answered(state, answer)}.",
        "props": _props(told),
        "origins": _origins(paper, answer.by),
        "target": _target(state, answer, against),
        "related-observations": [{"observation-uuid": _observed(paper, state, answer)}],
        "remarks": "\n\n".join(seen),
    }
    return filled(content)


def _target(state: ItemState, answer: Answer, against: Sequence[str]) -> Json:
    status: Json = {"state": "not-satisfied", "reason": "fail"}
    if against or answer.status == "not_applicable":
        status["reason"] = "other"
    elif answer.status == "met":
        status = {"state": "satisfied", "reason": "pass"}
    told = list(against)
    if answer.status == "not_applicable":
        told.append("Said not to apply: neither satisfied nor failed, for which OSCAL has no word.")
    content = {
        "type": "objective-id",
        "target-id": f"{_token(state.item.id)}_obj",
        "status": filled(status | {"remarks": "\n\n".join(told)}),
        "implementation-status": _implementation(answer, against),
    }
    return filled(content)


def _implementation(answer: Answer, against: Sequence[str]) -> Json | None:
    if against:
        return None
    if answer.status == "not_applicable":
        return filled({"state": "not-applicable", "remarks": answer.rationale})
    return {"state": "partial"} if answer.status == "partly" else None


def _attestations(paper: _Paper, asked: Sequence[ItemState]) -> list[Json]:
    """Sign-offs, gathered by the person who gave them."""
    parts: dict[tuple[str, str], list[Json]] = {}
    for state in asked:
        review = signed_off(state)
        if review is not None and state.answer is not None:
            signer = (_role(review.by), paper.party(review.by))
            parts.setdefault(signer, []).append(_sign_off(paper, state, state.answer, review))
    return [
        {"responsible-parties": [{"role-id": role, "party-uuids": [party]}], "parts": some}
        for (role, party), some in parts.items()
    ]


def _sign_off(paper: _Paper, state: ItemState, answer: Answer, review: Review) -> Json:
    comment = f" {review.comment}" if review.comment else ""
    told = {"item-id": state.item.id, "answer-sha256": answer.sha256()}
    return {
        "uuid": paper.id("sign-off", state.item.id, answer.sha256(), str(review.by)),
        "name": "sign-off",
        "ns": NS,
        "title": line(f"Sign-off of the answer to {state.item.id}"),
        "props": _props(told | {"signed-off-at": moment(review.at)}),
        "prose": f"{state.standing.question}\n\nSigned off by {review.by} on "
        f"{stamped(review.at):%Y-%m-%d} as answered: {answered(state, answer)}.{comment}",
    }


def _resources(paper: _Paper) -> list[Json]:
    found = [
        _plan(paper),
        _product(paper),
        *(_file(paper, e.file, e.sha256, "evidence", []) for e in cited_files(paper.assessment)),
        *(_audit(paper, source) for source in cited_audits(paper.assessment, paper.audit)),
    ]
    # An audit may be cited as a file too; it stands here once.
    return list({resource["uuid"]: resource for resource in found}.values())


def _plan(paper: _Paper) -> Json:
    profile = paper.assessment.profile
    plan = paper.audit.result.provenance.plan_sha256 if paper.audit is not None else None
    return {
        "uuid": paper.id("plan"),
        "title": "Product profile and audit plan",
        "description": f"{_PLAN} Judged as of {paper.assessment.on}.",
        "props": [
            _prop("type", "plan", own=False),
            *_props(stated_facts(profile.facts) | {"plan-sha256": plan}),
        ],
        "rlinks": [{"href": href(os.path.basename(profile.path))}],
    }


def _product(paper: _Paper) -> Json:
    model = paper.audit.result.provenance.model if paper.audit is not None else None
    links = [] if model is None else [_rlink(model.name, model.sha256)]
    content = {
        "uuid": paper.id("product"),
        "title": product_name(paper.assessment),
        "description": paper.assessment.profile.product.intended_use.strip(),
        "rlinks": links,
    }
    return filled(content)


def _file(paper: _Paper, file: str, sha256: str, kind: str, props: list[Json]) -> Json:
    return {
        "uuid": paper.id("file", file, sha256),
        "title": line(file),
        "props": [_prop("type", kind, own=False), *props],
        "rlinks": [_rlink(file, sha256)],
    }


def _rlink(file: str, sha256: str) -> Json:
    return {"href": href(file), "hashes": [{"algorithm": "SHA-256", "value": sha256}]}


def _audit(paper: _Paper, source: AuditSource) -> Json:
    props = _props({"plan-sha256": source.plan, "model-sha256": source.model})
    props += [_prop("data-sha256", sha256) for sha256 in source.data]
    return _file(paper, source.file, source.sha256, "tool-output", props)
