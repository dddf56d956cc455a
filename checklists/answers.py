"""Answers as they stand in `answers.yaml`, and the acts that change them: answer, review, sign off.

An act gives a new record and keeps the old one in the history. What binds them is a hash: of the
question that was asked (in the answer), and of the answer (in every review of it).
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from checklists.vocabulary import STATUS_NAMES, Status

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Decision = Literal["accepted", "changes_requested", "signed_off"]
DECISION_NAMES: dict[Decision, str] = {
    "accepted": "accepted",
    "changes_requested": "changes requested",
    "signed_off": "signed off",
}
# What stands for a sign-off that was given before figures were withheld from an answer.
FULL_VERSION = "signed in the full version"
# What an answer says; reviews and history are about it.
_ABOUT = {"reviews", "history"}


class AnswerPart(BaseModel):
    """A frozen part of the answers file; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Person(AnswerPart):
    """Who did something, as they say themselves: names are recorded, not proven."""

    name: Text
    role: Text

    def __str__(self) -> str:
        return f"{self.name} ({self.role})"


class AuditSource(AnswerPart):
    """The audit that a figure was read from, by content."""

    file: Text = Field(description="audit.json, relative to the answers file.")
    sha256: Sha256
    plan: Sha256
    data: tuple[Sha256, ...]
    model: Sha256 | None = None


class FigureEvidence(AnswerPart):
    """A figure of an audit, by its stable id, and what a person says with it."""

    figure: Text = Field(description="Id of an estimate, disparity, verdict or section.")
    audit: AuditSource
    statement: Text = Field(description="The sentence that was accepted, or a person's own.")


class FileEvidence(AnswerPart):
    """A document, by content."""

    file: Text = Field(description="Path, relative to the answers file.")
    sha256: Sha256
    locator: Text | None = Field(None, description="Where in it: section, page, record.")


Evidence = FigureEvidence | FileEvidence


class Review(AnswerPart):
    """What somebody else decided about an answer; it holds for that answer and no later one."""

    decision: Decision
    by: Person
    at: AwareDatetime
    answer_sha256: Sha256
    comment: Text | None = None
    of_full_version: bool = Field(
        False,
        description="It was given of this answer as the full version words it, before figures "
        "were withheld from it; of the words here it says nothing.",
    )


class Said(AnswerPart):
    """What was answered to one item."""

    status: Status
    response: Text | None = Field(None, description="The word of the item's own scale.")
    options: tuple[Text, ...] = ()
    rationale: Text | None = None
    evidence: tuple[Evidence, ...] = ()
    also: dict[str, Sha256] = Field(
        default_factory=dict,
        description="Items mapped as equal that this statement answers, with their hashes.",
    )
    by: Person
    at: AwareDatetime
    item_sha256: Sha256
    edition: Text

    @model_validator(mode="after")
    def _reasoned(self) -> "Said":
        if self.status == "not_applicable" and self.rationale is None:
            raise ValueError("'not_applicable' needs a rationale: say why it does not apply")
        return self

    def sha256(self) -> str:
        """Hash what was said, by whom and when; reviews and history are left out."""
        said = self.model_dump(mode="json", exclude=_ABOUT)
        text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


class Past(Said):
    """An earlier answer, with what was decided about it."""

    reviews: tuple[Review, ...] = ()


class Answer(Said):
    """The answer to an item, its reviews, and the answers that stood before it."""

    reviews: tuple[Review, ...] = ()
    history: tuple[Past, ...] = ()

    def standing_reviews(self) -> tuple[Review, ...]:
        """The reviews that are about this answer as it is now."""
        digest = self.sha256()
        return tuple(r for r in self.reviews if r.answer_sha256 == digest and not r.of_full_version)

    def signed_in_full(self) -> Review | None:
        """The sign-off of the full version, where this is its shared one and nobody reviewed it."""
        digest = self.sha256()
        given = [r for r in self.reviews if r.answer_sha256 == digest]
        last = given[-1] if given else None
        signed = last is not None and last.of_full_version and last.decision == "signed_off"
        return last if signed else None

    def full_version_text(self) -> str:
        """By whom and when the full version was signed; empty where there is nothing to say."""
        full = self.signed_in_full()
        return f"{FULL_VERSION} by {full.by}, {full.at:%Y-%m-%d}" if full is not None else ""

    def decision(self) -> Decision | None:
        """The last decision that still holds; none when it was never reviewed or edited since."""
        standing = self.standing_reviews()
        return standing[-1].decision if standing else None

    def voided(self) -> bool:
        """Whether it was reviewed or signed off and edited afterwards."""
        past = [*self.reviews, *(r for before in self.history for r in before.reviews)]
        signed = any(r.decision == "signed_off" for r in past)
        return signed and self.decision() != "signed_off"


class AnswersFile(AnswerPart):
    """The file `answers.yaml`: item id -> answer."""

    version: Literal[1] = 1
    answers: dict[Text, Answer] = Field(default_factory=dict)


def replaced(answer: Answer, previous: Answer | None) -> Answer:
    """The new answer with the previous one at the end of its history."""
    if previous is None:
        return answer
    past = Past(**_fields(previous, but={"history"}))
    return answer.model_copy(update={"history": (*previous.history, past)})


def reviewed(
    answer: Answer, decision: Decision, by: Person, at: datetime, comment: str | None = None
) -> Answer:
    """The answer with a review more.

    Raises
    ------
    ValueError
        When the reviewer gave the answer, when changes are asked for without saying which, or when
        it is signed off while the last review asks for changes or nobody has accepted it.
    """
    if by.name.casefold() == answer.by.name.casefold():
        raise ValueError(f"it was answered by {answer.by.name}; somebody else has to review it")
    if decision == "changes_requested" and not comment:
        raise ValueError("say in a comment what has to change")
    if decision == "signed_off" and answer.decision() not in ("accepted", "signed_off"):
        last = answer.decision()
        why = "nobody has accepted it" if last is None else "changes are asked for"
        raise ValueError(f"it cannot be signed off: {why}")
    review = Review(decision=decision, by=by, at=at, comment=comment, answer_sha256=answer.sha256())
    return answer.model_copy(update={"reviews": (*answer.reviews, review)})


def _fields(record: BaseModel, but: set[str]) -> dict[str, Any]:
    return {name: getattr(record, name) for name in type(record).model_fields if name not in but}


def stamped(moment: datetime) -> datetime:
    """A moment as it is written: UTC, whole seconds."""
    return moment.astimezone(UTC).replace(microsecond=0)


def status_name(status: Status) -> str:
    """The status in words."""
    return STATUS_NAMES[status]
