"""The checklists as they stand, in Markdown for people and in JSON for programs."""

import json
from collections.abc import Iterable
from typing import Any

from checklists.answers import DECISION_NAMES, Answer, FileEvidence
from checklists.assessment import Assessment, ItemState
from checklists.coverage import coverages
from checklists.vocabulary import CERTAINTY_NAMES, STATE_NAMES, STATUS_NAMES

_COVERAGE = "A share of items met is coverage. It says nothing of compliance."
_MARKDOWN = str.maketrans({c: "\\" + c for c in "\\`*_{}[]<>()#+!|~&"})


def checklist_markdown(assessment: Assessment) -> str:
    """Coverage by requirement, then every item with its answer, evidence and reviews."""
    name = assessment.profile.product.name or assessment.profile.path.name
    lines = [f"# Checklists: {_plain(name)}", "", f"As of {assessment.on}. {_COVERAGE}", ""]
    lines += ["| instrument | requirement | items | met | partly | not met | n/a | stated | open |"]
    lines += ["| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    found = [c for c in coverages(assessment) if c.coverage.items]
    for c in found:
        for section in c.sections:
            if section.coverage.items:
                n = section.coverage.statuses
                left = section.coverage.items - section.coverage.answered
                cells = [n["met"], n["partly"], n["not_met"], n["not_applicable"]]
                cells += [section.coverage.stated, left]
                counts = " | ".join(str(value) for value in cells)
                title = f"{_plain(c.instrument.short)} | {_plain(section.title)}"
                lines.append(f"| {title} | {section.coverage.items} | {counts} |")
    for c in found:
        lines += ["", f"## {_plain(c.instrument.title)}", "", _source(c.instrument.id, assessment)]
        for state in assessment.of(c.instrument.id):
            if state.counted:
                lines += ["", *_item(state)]
    return "\n".join(lines) + "\n"


def _source(id: str, assessment: Assessment) -> str:
    instrument = assessment.profile.catalogue.instruments[id]
    edition = instrument.editions[-1]
    return (
        f"{_plain(instrument.publisher)}: {_plain(edition.citation)}. Status: {instrument.status}. "
        f"Checked on {instrument.verified_on}: {_plain(instrument.verification)}"
    )


def _item(state: ItemState) -> list[str]:
    item, standing = state.item, state.standing
    lines = [
        f"### {_plain(item.id)} {_plain(item.heading)}",
        "",
        _plain(standing.question),
        "",
        f"- Place: {_plain(item.locator)}",
        f"- Standing: {STATE_NAMES[standing.state]}, {_plain(standing.reason)}; "
        f"{CERTAINTY_NAMES[item.certainty]}",
    ]
    if state.answer is None:
        return [*lines, "- Answer: not assessed"]
    return [*lines, *_answer(state.answer, state)]


def _answer(answer: Answer, state: ItemState) -> list[str]:
    through = f", by the statement for {_plain(state.through)}" if state.through else ""
    stale = " (stale)" if state.stale else ""
    word = answer.response.replace("_", " ") if answer.response else STATUS_NAMES[answer.status]
    said = f"{_plain(word)}{stale}, {_plain(str(answer.by))}"
    lines = [f"- Answer: {said}, {answer.at:%Y-%m-%d}{through}"]
    if answer.rationale:
        lines.append(f"- Rationale: {_plain(answer.rationale)}")
    for evidence in answer.evidence:
        if isinstance(evidence, FileEvidence):
            place = f", {evidence.locator}" if evidence.locator else ""
            text = f"{evidence.file}{place} (SHA-256 {evidence.sha256})"
        else:
            text = f"{evidence.statement} ({evidence.figure}, audit {evidence.audit.sha256})"
        lines.append(f"- Evidence: {_plain(text)}")
    for review in answer.standing_reviews():
        comment = f": {review.comment}" if review.comment else ""
        text = f"{review.by}, {review.at:%Y-%m-%d}{comment}"
        lines.append(f"- Review: {DECISION_NAMES[review.decision]} by {_plain(text)}")
    if full := answer.full_version_text():
        lines.append(f"- Not signed as it stands here; {_plain(full)}")
    lines += [f"- Stale: {_plain(str(reason))}" for reason in state.stale]
    for c in state.contradictions:
        lines.append(f"- Against it, {c.words}: {_plain(c.sentence)}")
    return lines


def _plain(text: str) -> str:
    """Text on one line that Markdown leaves as it is."""
    return " ".join(text.split()).translate(_MARKDOWN)


def checklist_json(assessment: Assessment) -> str:
    """Everything of an assessment as JSON; stable order, one trailing newline."""
    profile = assessment.profile
    record = {
        "schema_version": "1.0",
        "product": profile.product.model_dump(mode="json"),
        "facts": profile.facts.model_dump(mode="json", exclude_defaults=True),
        "as_of": assessment.on.isoformat(),
        "instruments": [
            {
                "id": c.instrument.id,
                "title": c.instrument.title,
                "status": c.instrument.status,
                "editions": [e.model_dump(mode="json") for e in c.instrument.editions],
                "verified_on": c.instrument.verified_on.isoformat(),
                "states": dict(sorted(c.states.items())),
                "pending": c.pending,
                "items": c.coverage.items,
                "answered": c.coverage.answered,
                "statuses": dict(c.coverage.statuses),
                "stated": c.coverage.stated,
                "stale": c.coverage.stale,
                "unsigned": c.coverage.unsigned,
            }
            for c in coverages(assessment)
        ],
        "items": item_rows(assessment.items),
    }
    return json.dumps(record, indent=1, ensure_ascii=False) + "\n"


def item_rows(states: Iterable[ItemState]) -> list[dict[str, Any]]:
    """Items with standing, answer and troubles as plain data."""
    return [_row(state) for state in states]


def _signed_in_full(answer: Answer | None) -> dict[str, Any] | None:
    """By whom and when an answer was signed before figures were withheld from it."""
    full = answer.signed_in_full() if answer is not None else None
    return None if full is None else full.model_dump(mode="json", include={"by", "at"})


def _row(state: ItemState) -> dict[str, Any]:
    standing, answer = state.standing, state.answer
    return {
        "id": state.item.id,
        "instrument": state.instrument.id,
        "section": state.item.section,
        "locator": state.item.locator,
        "heading": state.item.heading,
        "question": standing.question,
        "duty_holder": list(state.item.duty_holder),
        "force": standing.version.status if standing.version else None,
        "edition": standing.version.edition if standing.version else None,
        "state": standing.state,
        "since": standing.since.isoformat() if standing.since else None,
        "reason": standing.reason,
        "certainty": state.item.certainty,
        "verified_on": state.item.verified_on.isoformat(),
        "branch": state.branch,
        "status": state.status,
        "through": state.through,
        "answer": answer.model_dump(mode="json", exclude={"history"}) if answer else None,
        "answer_sha256": answer.sha256() if answer else None,
        "decision": state.decision,
        "signed_in_full_version": _signed_in_full(answer),
        "stale": [{"cause": s.cause, "what": s.what, "detail": s.detail} for s in state.stale],
        "contradictions": [
            {
                "finding": c.finding,
                "sentence": c.sentence,
                "explained": c.explained,
                "shown": c.shown,
            }
            for c in state.contradictions
        ],
    }
