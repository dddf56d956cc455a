"""Waivers: named decisions to set a requirement aside for a stated time. They change no number."""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints, ValidationInfo, field_validator

from audit.plan_part import PlanPart
from audit.problems import nearest
from audit.result import AuditResult, Finding, Verdict, VerdictStatus, Waiver
from audit.yaml_file import FileKind, parse_record, read_text

WAIVABLE: tuple[VerdictStatus, ...] = ("violated", "inconclusive", "not_estimable")
_OURS = frozenset(
    {"waiver_expired", "waiver_unmatched", "waiver_not_needed", "waiver_not_yet", "waiver_refused"}
)
_KIND = FileKind(
    code="not_waivers",
    name="a file of waivers",
    start="start it with `version: 1` and `waivers:`",
    remedy="see `equipoise schema waivers`",
)


def _day(value: object) -> object:
    if isinstance(value, str | date):
        return value
    raise ValueError("write a date as 2026-01-31")


Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Day = Annotated[date, BeforeValidator(_day)]


class StatedWaiver(PlanPart):
    """One waiver as it is written; it holds on both of its days and on those between."""

    requirement: Words = Field(description="Id of the requirement that is set aside.")
    justification: Words = Field(description="Why; printed in full beside the verdict.")
    owner: Words = Field(description="Who answers for putting it right.")
    approver: Words = Field(description="Who decided it; another person than the owner.")
    created: Day = Field(description="First day on which it holds: 2026-01-31.")
    expires: Day = Field(description="Last day on which it holds; later than `created`.")

    @field_validator("approver")
    @classmethod
    def _another_person(cls, approver: str, info: ValidationInfo) -> str:
        if " ".join(approver.split()).casefold() == _plain(info.data.get("owner")):
            raise ValueError("the owner cannot approve their own waiver")
        return approver

    @field_validator("expires")
    @classmethod
    def _later(cls, expires: date, info: ValidationInfo) -> date:
        created = info.data.get("created")
        if created is not None and expires <= created:
            raise ValueError(f"it is not later than created, {created}")
        return expires

    def record(self) -> Waiver:
        """The waiver as a result holds it."""
        return Waiver.model_validate(self.model_dump(mode="json"))


class WaiverFile(PlanPart):
    """A whole file of waivers (``waivers.yaml``)."""

    version: Literal[1] = Field(description="Version of the format of the file.")
    waivers: tuple[StatedWaiver, ...] = Field(description="The waivers, in any order.")

    @field_validator("waivers")
    @classmethod
    def _one_at_a_time(cls, waivers: tuple[StatedWaiver, ...]) -> tuple[StatedWaiver, ...]:
        for one, other in combinations(waivers, 2):
            apart = one.expires < other.created or other.expires < one.created
            if one.requirement == other.requirement and not apart:
                raise ValueError(
                    f"two waivers of '{one.requirement}' hold at once: {one.created} to "
                    f"{one.expires} and {other.created} to {other.expires}"
                )
        return waivers


def _plain(name: str | None) -> str | None:
    return None if name is None else " ".join(name.split()).casefold()


def read_waivers(path: Path) -> tuple[Waiver, ...]:
    """Read a file of waivers.

    Raises
    ------
    InputError
        With every problem of the file, each with its line.
    """
    return parse_waivers(read_text(path), str(path))


def parse_waivers(text: str, name: str) -> tuple[Waiver, ...]:
    """Validate the text of a file of waivers; `name` is how problems call it."""
    return tuple(w.record() for w in parse_record(text, name, WaiverFile, _KIND).waivers)


def apply_waivers(result: AuditResult, waivers: Iterable[Waiver], on: date) -> AuditResult:
    """Set requirements aside on a date; earlier waivers of the result are undone first.

    A waiver that holds turns a verdict that is not met into ``waived``; `Verdict.found` keeps the
    status that the figures gave, and every number stays. A requirement that is met stays met and
    keeps the waiver on record. Whatever does not apply is told as a finding. An error is never
    waived: nothing was found that could be set aside.
    """
    given = tuple(waivers)
    bare = without_waivers(result)
    holding = {w.requirement: w for w in given if w.created <= on.isoformat() <= w.expires}
    verdicts = tuple(_decided(v, holding.get(v.requirement)) for v in bare.verdicts)
    of = {v.requirement: v for v in bare.verdicts}
    told = [f for w in given if (f := _finding(w, of, holding, on.isoformat())) is not None]
    return bare.model_copy(update={"verdicts": verdicts, "findings": (*bare.findings, *told)})


def _decided(verdict: Verdict, waiver: Waiver | None) -> Verdict:
    if waiver is None:
        return verdict
    if verdict.status not in WAIVABLE:
        return verdict.model_copy(update={"waiver": waiver})
    reason = _opening(waiver, verdict.status) + verdict.reason
    update = {"status": "waived", "found": verdict.status, "waiver": waiver, "reason": reason}
    return verdict.model_copy(update=update)


def _opening(waiver: Waiver, found: VerdictStatus) -> str:
    """What a waived verdict says before the reason that the figures gave."""
    return (
        f"waived until {waiver.expires} by {waiver.approver}: {waiver.justification}; "
        f"the figures say: {found}: "
    )


def _finding(
    waiver: Waiver, verdicts: dict[str, Verdict], holding: dict[str, Waiver], on: str
) -> Finding | None:
    id = waiver.requirement
    whose = f"the waiver of '{id}' (owner {waiver.owner}, approver {waiver.approver})"
    verdict = verdicts.get(id)
    if verdict is None:
        reason = f"{whose} matches no requirement: {nearest(id, sorted(verdicts))}"
        return Finding(code="waiver_unmatched", requirement=None, message=reason)
    if holding.get(id) is not waiver:
        if id in holding:  # one of several that follow each other; the one that holds is told
            return None
        if waiver.expires < on:
            reason = f"{whose} expired on {waiver.expires}: it no longer applies"
            return Finding(code="waiver_expired", requirement=id, message=reason)
        reason = f"{whose} begins on {waiver.created}: it does not apply yet"
        return Finding(code="waiver_not_yet", requirement=id, message=reason)
    return _idle(verdict, whose)


def _idle(verdict: Verdict, whose: str) -> Finding | None:
    """What is said of a waiver that holds and changes nothing."""
    if verdict.status == "error":
        reason = f"{whose} does not apply: the requirement could not be judged at all"
        return Finding(code="waiver_refused", requirement=verdict.requirement, message=reason)
    if verdict.status in ("met", "not_applicable"):
        word = "is met" if verdict.status == "met" else "does not apply"
        reason = f"{whose} is not needed: the requirement {word}"
        return Finding(code="waiver_not_needed", requirement=verdict.requirement, message=reason)
    return None


def without_waivers(result: AuditResult) -> AuditResult:
    """The result as the figures alone decide it."""
    findings = tuple(f for f in result.findings if f.code not in _OURS)
    verdicts = tuple(_as_found(v) for v in result.verdicts)
    return result.model_copy(update={"verdicts": verdicts, "findings": findings})


def _as_found(verdict: Verdict) -> Verdict:
    if verdict.waiver is None:
        return verdict
    if verdict.found is None:
        return verdict.model_copy(update={"waiver": None})
    reason = verdict.reason.removeprefix(_opening(verdict.waiver, verdict.found))
    update = {"status": verdict.found, "found": None, "waiver": None, "reason": reason}
    return verdict.model_copy(update=update)


def waivers_in(result: AuditResult) -> tuple[Waiver, ...]:
    """The waivers that a result holds on record, in the order of its verdicts."""
    return tuple(v.waiver for v in result.verdicts if v.waiver is not None)


def carried_over(
    before: Sequence[Verdict], after: Sequence[Verdict], findings: Sequence[Finding]
) -> tuple[tuple[Verdict, ...], tuple[Finding, ...]]:
    """Waivers kept where verdicts were decided again, as for a shared result.

    A waiver on record applies to the new status, whatever the old one was: whether one applied
    must not tell the status of a figure that is withheld. Findings that rest on such a status are
    made again.
    """
    held = {v.requirement: v.waiver for v in before if v.waiver is not None}
    bare = [_as_found(v) for v in after]
    kept = [f for f in findings if f.code not in ("waiver_not_needed", "waiver_refused")]
    for v in bare:
        waiver = held.get(v.requirement)
        if waiver is not None:
            told = _finding(waiver, {v.requirement: v}, {v.requirement: waiver}, waiver.created)
            kept += [told] if told is not None else []
    return tuple(_decided(v, held.get(v.requirement)) for v in bare), tuple(kept)


def reapplied(result: AuditResult, on: date) -> AuditResult:
    """The waivers that a result holds on record, as they stand on another date.

    What was said of waivers that the result does not hold is kept.
    """
    held = waivers_in(result)
    if not held:
        return result
    about = {w.requirement for w in held}
    told = [f for f in result.findings if f.code in _OURS and f.requirement not in about]
    made = apply_waivers(result, held, on)
    return made.model_copy(update={"findings": (*made.findings, *told)})
