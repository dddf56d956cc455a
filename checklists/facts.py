"""The named facts that decide which items apply: the product profile says them, items ask them."""

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from checklists.vocabulary import Role

Jurisdiction = Literal["EU", "US", "UK", "CA", "US-CO", "US-NYC"]
Study = Literal[
    "prediction_model",
    "diagnostic_accuracy",
    "imaging",
    "early_clinical",
    "trial_protocol",
    "trial_report",
    "dataset",
    "systematic_review",
    "language_model",
]


class Facts(BaseModel):
    """Facts about the product. One that is left out is unknown: it never takes an item away."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    role: tuple[Role, ...] = Field((), description="What the organisation is for this product.")
    jurisdiction: tuple[Jurisdiction, ...] = Field(
        (), description="Where it is placed on the market or used."
    )
    lifecycle: Literal["development", "premarket", "market", "retired"] | None = Field(
        None, description="Where the product stands."
    )
    phase: tuple[Literal["development", "evaluation"], ...] = Field(
        (), description="What a study of the model did: built it, evaluated it, or both."
    )
    ai_act_route: tuple[Literal["annex_i", "annex_iii", "not_high_risk"], ...] = Field(
        (), description="Why the AI Act holds it for high-risk: a device (I), a listed use (III)."
    )
    medical_device: bool | None = Field(None, description="A medical device by the law there.")
    mdr_class: Literal["I", "Is", "Im", "Ir", "IIa", "IIb", "III"] | None = Field(
        None, description="Class under the EU MDR."
    )
    ivdr_class: Literal["A", "As", "B", "C", "D"] | None = Field(
        None, description="Class under the EU IVDR (As: sterile class A)."
    )
    fda_pathway: Literal["510k", "de_novo", "pma", "none"] | None = Field(
        None, description="Way to the US market."
    )
    canada_class: Literal["I", "II", "III", "IV"] | None = Field(
        None, description="Class in Canada."
    )
    study: tuple[Study, ...] = Field((), description="What is reported, for the guidelines.")
    computer_aided_detection: bool | None = Field(
        None, description="It marks or grades findings for a reader (CADe, CADx)."
    )
    clinical_decision_support: bool | None = Field(
        None, description="It supports the decisions of a health-care professional."
    )
    in_vitro: bool | None = Field(None, description="It is an in vitro diagnostic.")
    change_plan: bool | None = Field(
        None, description="A predetermined change control plan is made or wanted."
    )
    continual_learning: bool | None = Field(None, description="It goes on learning in use.")
    connected: bool | None = Field(None, description="It can be connected to the internet.")
    personal_data: bool | None = Field(None, description="Personal data are processed.")
    special_categories: bool | None = Field(
        None, description="Sensitive data (as ethnicity) are used to find or correct bias."
    )
    interacts_with_people: bool | None = Field(
        None, description="People converse or deal with it directly."
    )
    generative: bool | None = Field(None, description="It makes text, images, sound or video.")
    general_purpose_model: bool | None = Field(
        None, description="It is, or rests on, a general-purpose AI model."
    )
    biometric: bool | None = Field(None, description="It identifies or sorts people by biometrics.")
    lay_users: bool | None = Field(None, description="Patients or lay people use it.")
    mobile: bool | None = Field(None, description="It runs on phones or tablets.")
    public_body: bool | None = Field(
        None, description="The deployer is a public body or gives public services."
    )
    employer: bool | None = Field(None, description="The deployer's staff work with it.")
    insurance: bool | None = Field(
        None, description="It prices or assesses life or health insurance."
    )
    eu_established: bool | None = Field(
        None, description="The provider is established in the European Union."
    )
    federal_funds: bool | None = Field(
        None, description="The deployer receives US federal health funds."
    )
    certified_health_it: bool | None = Field(
        None, description="It is supplied in US certified health IT."
    )
    employment_decisions: bool | None = Field(
        None, description="It decides on hiring or promotion."
    )


def values_of(facts: Facts, name: str) -> frozenset[str] | None:
    """The values of one fact as words (yes and no for a flag); none when it is unknown."""
    value = getattr(facts, name)
    if value is None or value == ():
        return None
    if isinstance(value, bool):
        return frozenset(("yes" if value else "no",))
    return frozenset(value) if isinstance(value, tuple) else frozenset((str(value),))


@cache
def possible_values(name: str) -> tuple[str, ...]:
    """Every value that a fact may have, as words (yes and no for a flag)."""
    return tuple(dict.fromkeys(_words(Facts.model_fields[name].annotation)))


def _words(annotation: Any) -> Iterator[str]:
    if annotation is bool:
        yield from ("yes", "no")
    for inner in get_args(annotation):
        if isinstance(inner, str):
            yield inner
        else:
            yield from _words(inner)
