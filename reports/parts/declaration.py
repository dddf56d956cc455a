"""A draft of the EU declaration of conformity (Annex V of the AI Act) that nobody has signed."""

from checklists.facts import values_of
from reports.blocks import Block, Text
from reports.papers import Papers
from reports.parts import form, product

DRAFT = (
    "DRAFT. Nobody has signed this declaration and nothing is declared by it. It holds what the "
    "plan and the answers say; everything else is left blank for the person named."
)
_PROVIDER = "provider (manufacturer)"
_REST = (
    ("3", "ANNEX-V.3", "Statement that the declaration is issued under the sole responsibility of "
     "the provider", "provider, on signing"),
    ("4", "ANNEX-V.4", "Statement of conformity with Regulation (EU) 2024/1689 and with other "
     "Union law that calls for the declaration", "provider, on signing"),
    ("5", "ANNEX-V.5", "Where personal data are processed: statement on Regulations (EU) 2016/679 "
     "and (EU) 2018/1725 and Directive (EU) 2016/680", "provider, on signing"),
    ("6", "ANNEX-V.6", "Harmonised standards or common specifications that conformity is declared "
     "against", _PROVIDER),
    ("7", "ANNEX-V.7", "Where one took part: name and number of the notified body, procedure and "
     "certificate", "provider, from the notified body's certificate"),
)  # fmt: skip
_SIGNING = (
    ("Place and date of issue", "person who signs"),
    ("Name and function of the person who signs", "person who signs"),
    ("For or on behalf of whom it is signed", "person who signs"),
    ("Signature", "person who signs"),
)


def blocks(papers: Papers) -> list[Block]:
    """The eight points of Annex V."""
    rest = tuple(_point(papers, *row) for row in _REST)
    _, told = form.on_record(papers, "ANNEX-V.8")
    signing = tuple(
        form.Field("8", wanted, "", told if place == 0 else "", owed)
        for place, (wanted, owed) in enumerate(_SIGNING)
    )
    fields = (*_identity(papers), *rest, *signing)
    caption = "Draft of the EU declaration of conformity (Annex V)"
    note = "On record: from the plan of the audit, or the statement of an answer that is met and "
    note += "not stale. Signing stays with the provider (Article 47)."
    return [Text((DRAFT,)), form.table("declaration", caption, fields, note)]


def _identity(papers: Papers) -> tuple[form.Field, ...]:
    _, system = form.on_record(papers, "ANNEX-V.1")
    maker, provider = form.on_record(papers, "ANNEX-V.2")
    return (
        form.Field("1", "Name of the system, and a reference that identifies and traces it",
                   product.reference(papers), system, _PROVIDER),
        form.Field("1", "Type of the system", "", "", _PROVIDER),
        form.Field("2", "Name of the provider", product.stated(papers, "manufacturer"), "",
                   _PROVIDER),
        form.Field("2", "Address of the provider or, where there is one, name and address of the "
                   "authorised representative", maker, provider,
                   "provider or authorised representative"),
    )  # fmt: skip


def _point(papers: Papers, point: str, item: str, wanted: str, owed: str) -> form.Field:
    content, told = form.on_record(papers, item)
    if item == "ANNEX-V.5" and papers.assessment is not None:
        known = values_of(papers.assessment.profile.facts, "personal_data")
        if known is None:
            told = f"{told}; the profile does not state whether personal data are processed"
    return form.Field(point, wanted, content, told, owed)
