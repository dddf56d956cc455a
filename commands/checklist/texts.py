"""How an item, its standing, its answer and its evidence read on a terminal."""

import shutil
import textwrap
from collections.abc import Iterable

from checklists.answers import DECISION_NAMES, Answer, FileEvidence
from checklists.assessment import ItemState
from checklists.instrument import Instrument
from checklists.proposals import AuditEvidence, FigureProposal
from checklists.scales import SCALES
from checklists.vocabulary import CERTAINTY_NAMES, ROLE_NAMES, STATE_NAMES, STATUS_NAMES

SIGNS = {
    "met": "✓",
    "partly": "◐",
    "not_met": "✗",
    "not_applicable": "○",
    "not_assessed": "·",
}


def width() -> int:
    """Columns to write in."""
    return max(60, min(shutil.get_terminal_size((100, 24)).columns, 110))


def wrapped(text: str, indent: int = 0, hanging: int | None = None) -> str:
    """Text in lines that fit, each indented."""
    first, rest = " " * indent, " " * (indent if hanging is None else hanging)
    return textwrap.fill(
        " ".join(text.split()), width(), initial_indent=first, subsequent_indent=rest,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def item_lines(state: ItemState) -> list[str]:
    """What is asked: id, heading, place, standing and question."""
    item, instrument = state.item, state.instrument
    lines = [f"{item.id}  {item.heading}"]
    lines.append(wrapped(f"{instrument.short}, {item.locator}", 2, 4))
    standing = f"{STATE_NAMES[state.standing.state]}: {state.standing.reason}"
    lines += [wrapped(standing, 2, 4), "", wrapped(state.standing.question), ""]
    for id, label in item.options.items():
        lines.append(wrapped(f"- {id}: {label}", 2, 4))
    if item.options:
        lines.append("")
    if item.evidence:
        lines.append(wrapped(f"Evidence expected: {'; '.join(item.evidence)}.", 0, 2))
    return lines


def why_lines(state: ItemState) -> list[str]:
    """Why an item is asked of this product, on which text it rests and how sure that is."""
    item, instrument, version = state.item, state.instrument, state.standing.version
    holders = ", ".join(ROLE_NAMES[role] for role in item.duty_holder)
    certainty = version.certainty if version is not None else item.certainty
    lines = [
        wrapped(f"Instrument: {instrument.title} ({instrument.publisher}).", 0, 2),
        wrapped(f"Purpose: {instrument.purpose}", 0, 2),
        wrapped(f"Owed by: {holders}.", 0, 2),
        wrapped(f"Standing: {state.standing.reason}.", 0, 2),
    ]
    if version is not None:
        edition = next(e for e in instrument.editions if e.id == version.edition)
        lines.append(wrapped(f"Text: {edition.citation}.", 0, 2))
        if version.note:
            lines.append(wrapped(f"On this text: {version.note}", 0, 2))
    lines.append(
        wrapped(
            f"Checked on {item.verified_on}: {CERTAINTY_NAMES[item.certainty]}"
            + (f"; this text {CERTAINTY_NAMES[certainty]}" if certainty != item.certainty else "")
            + ".",
            0,
            2,
        )
    )
    if item.note:
        lines.append(wrapped(f"Note: {item.note}", 0, 2))
    for proposal in state.standing.proposals:
        lines.append(
            wrapped(f"Watch: {proposal.citation}: {proposal.effect} (as of {proposal.as_of})", 0, 2)
        )
    if item.ask_if is not None:
        wanted = ", ".join([*item.ask_if.response, *item.ask_if.option])
        lines.append(wrapped(f"Asked where {item.ask_if.item} is answered: {wanted}.", 0, 2))
    return lines


def answer_lines(answer: Answer, through: str | None = None) -> list[str]:
    """What was answered, by whom, with which evidence, and what others decided."""
    said = STATUS_NAMES[answer.status]
    if answer.response is not None and answer.response != answer.status:
        said = answer.response.replace("_", " ")
    lines = [f"{SIGNS[answer.status]} {said}, by {answer.by}, {answer.at:%Y-%m-%d %H:%M} UTC"]
    if through is not None:
        lines.append(f"  by the statement made for {through}, which asks the same")
    if answer.options:
        lines.append(wrapped(f"chosen: {', '.join(answer.options)}", 2, 4))
    if answer.rationale:
        lines.append(wrapped(answer.rationale, 2))
    for evidence in answer.evidence:
        if isinstance(evidence, FileEvidence):
            place = f", {evidence.locator}" if evidence.locator else ""
            lines.append(
                wrapped(f"- {evidence.file}{place} (SHA-256 {evidence.sha256[:12]}…)", 2, 4)
            )
        else:
            lines.append(wrapped(f"- {evidence.figure}: {evidence.statement}", 2, 4))
    if answer.also:
        lines.append(wrapped(f"answers too: {', '.join(answer.also)}", 2, 4))
    for review in answer.standing_reviews():
        comment = f": {review.comment}" if review.comment else ""
        decided = DECISION_NAMES[review.decision]
        lines.append(wrapped(f"{decided} by {review.by}, {review.at:%Y-%m-%d}{comment}", 2, 4))
    if full := answer.full_version_text():
        lines.append(wrapped(f"not signed as it stands here; {full}", 2, 4))
    elif answer.voided():
        lines.append("  signed off before, edited since: the sign-off is void")
    if answer.history:
        lines.append(f"  {len(answer.history)} earlier answer(s) in the history")
    return lines


def trouble_lines(state: ItemState) -> list[str]:
    """What is stale about an answer, and what the audit says against it."""
    lines = [wrapped(f"! stale, {reason}", 2, 4) for reason in state.stale]
    for c in state.contradictions:
        lines.append(wrapped(f"! {c.words}: {c.sentence}", 2, 4))
    return lines


def proposal_lines(proposals: Iterable[FigureProposal], unanswered: Iterable[str]) -> list[str]:
    """The figures that the audit offers, numbered."""
    lines = [
        wrapped(f"({number}) {proposal.figure}: {proposal.sentence}", 2, 6)
        for number, proposal in enumerate(proposals, start=1)
    ]
    lines += [wrapped(f"nothing on {why}", 2, 6) for why in unanswered]
    return lines


def evidence_lines(state: ItemState, audit: AuditEvidence | None) -> list[str]:
    """What the audit offers for an item, or why it offers nothing."""
    if not state.item.evidence_keys:
        return ["An audit has nothing to say to this item; evidence is documents."]
    if audit is None:
        return ["No audit at hand; give one with --audit to see its figures here."]
    lines = ["Figures of the audit that speak to it:"]
    return lines + proposal_lines(audit.proposals(state.item), audit.unanswered(state.item))


def choices(state: ItemState) -> str:
    """The responses of an item's scale."""
    return ", ".join(f"{r.id} ({r.label})" for r in SCALES[state.item.scale].responses)


def instrument_lines(instrument: Instrument) -> list[str]:
    """An instrument with its source, editions and the state of its verification."""
    counts: dict[str, int] = {}
    for item in instrument.items:
        counts[item.certainty] = counts.get(item.certainty, 0) + 1
    sure = ", ".join(f"{CERTAINTY_NAMES[c]} {n}" for c, n in sorted(counts.items()))  # type: ignore[index]
    newest = instrument.editions[-1]
    editions = "; ".join(e.id for e in instrument.editions)
    lines = [
        f"{instrument.id}  {instrument.short} ({instrument.status}, {instrument.jurisdiction}, "
        f"{len(instrument.items)} items)",
        wrapped(f"source: {instrument.publisher}: {newest.citation}", 2, 4),
    ]
    if newest.url:
        lines.append(f"  {newest.url}")
    lines.append(wrapped(f"editions: {editions}", 2, 4))
    lines.append(wrapped(f"checked on {instrument.verified_on}: {sure}", 2, 4))
    return lines
