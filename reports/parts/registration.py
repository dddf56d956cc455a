"""Data for the registration of a high-risk system in the EU database (Annex VIII, Section A)."""

from reports.blocks import Block, Text
from reports.format import names
from reports.papers import Papers
from reports.parts import form, product
from reports.parts.development import inputs

ITEM = "ANNEX-VIII.A"
UNOWED = (
    "By the product profile this registration is not owed; the entries are set out for the case "
    "that the profile changes."
)
PROVIDER = "provider (manufacturer)"
_STATUS = {
    "development": "not on the market: in development (product profile)",
    "premarket": "not on the market: before marketing (product profile)",
    "market": "on the market or in service (product profile)",
    "retired": "no longer on the market (product profile)",
}
_BODY = "provider, from the notified body's certificate"


def blocks(papers: Papers) -> list[Block]:
    """The thirteen entries; what is not on record is named with who has to bring it."""
    found = entries(papers)
    blank = [f.point for f in found if not f.content]
    lead = [f"Draft; nothing has been submitted. Nothing is on record for {len(blank)} of the "
            f"{len(found)} entries: {names(blank, len(blank))}."]  # fmt: skip
    state = papers.states.get(ITEM)
    if state is not None and not state.standing.in_scope:
        lead.append(UNOWED)
    caption = "Data for the registration (Annex VIII, Section A)"
    note = "On record: from the plan of the audit, its predictions or the product profile."
    return [Text(tuple(lead)), form.table("registration", caption, found, note)]


def entries(papers: Papers) -> tuple[form.Field, ...]:
    """The thirteen entries in order."""
    return (*_who(papers), *_what(papers), *_papers())


def _who(papers: Papers) -> tuple[form.Field, ...]:
    maker = product.stated(papers, "manufacturer")
    return (
        form.Field("1", "Name, address and contact details of the provider", maker,
                   "address and contact details are not on record" if maker else "", PROVIDER),
        form.Field("2", "If somebody else submits for the provider: name, address and contact "
                   "details", "", "", "person who submits"),
        form.Field("3", "Where there is one: name, address and contact details of the authorised "
                   "representative", "", "", "authorised representative"),
    )  # fmt: skip


def _what(papers: Papers) -> tuple[form.Field, ...]:
    known = papers.assessment.profile.facts.lifecycle if papers.assessment is not None else None
    used = inputs(papers)
    logic = product.stated(papers, "description")
    inside = f"{logic} Inputs: {used}." if used else logic
    return (
        form.Field("4", "Trade name, and a reference that identifies and traces the system",
                   product.reference(papers), "", PROVIDER),
        form.Field("5", "Intended purpose, and the components and functions that it supports",
                   product.stated(papers, "intended_use"), "", PROVIDER),
        form.Field("6", "Information that the system uses (data, inputs) and its operating logic",
                   inside.strip(), "", PROVIDER),
        form.Field("7", "Status: on the market, in service, no longer, or recalled",
                   _STATUS.get(known or "", ""), "", PROVIDER),
    )  # fmt: skip


def _papers() -> tuple[form.Field, ...]:
    return (
        form.Field("8", "Where there is one: type, number and expiry date of the notified body's "
                   "certificate, with the body's name or number", "", "", _BODY),
        form.Field("9", "Where there is one: scanned copy of that certificate", "", "", _BODY),
        form.Field("10", "Member States in which it is on the market, in service or available",
                   "", "", PROVIDER),
        form.Field("11", "Copy of the EU declaration of conformity", "", "",
                   "provider, once it is signed"),
        form.Field("12", "Electronic instructions for use", "", "", PROVIDER),
        form.Field("13", "Web address for further information (optional)", "", "", PROVIDER),
    )  # fmt: skip
