"""Gathering what a document is made from: audit, plan, answers, the version before."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audit.problems import InputError, Problem

if TYPE_CHECKING:
    from audit.comparison.records import Comparison
    from audit.result import AuditResult
    from audit.result_file import ResultFile
    from checklists.answers import AnswersFile
    from checklists.croissant import DatasetClaims
    from checklists.profile import Profile
    from checklists.shared import Shared
    from checklists.withheld import Withheld
    from reports.outline import Outline
    from reports.papers import Papers

WaiversOption = Annotated[
    Path | None,
    typer.Option(
        "--waivers",
        envvar="EQUIPOISE_WAIVERS",
        help="File of waivers: who set which requirement aside, until when.",
    ),
]


@dataclass(frozen=True)
class Named:
    """The files that a person names for a document; none where nothing is said."""

    audit: Path
    plan: Path | None = None
    profile: Path | None = None
    answers: Path | None = None
    as_of: str | None = None
    previous: Path | None = None
    comparison: Path | None = None
    croissant: Path | None = None
    share: bool = False
    min_cell: int | None = None
    waivers: Path | None = None


@dataclass(frozen=True)
class Told:
    """The audit of a document, as it was read and as it is told: shared, or the very same.

    `withheld` is what is kept from the document, of this audit and of the version before.
    """

    read: "ResultFile"
    file: "ResultFile"
    withheld: "Withheld"

    @property
    def shared(self) -> bool:
        """Whether small cells are withheld from the document."""
        return self.file.result.disclosure is not None

    def text(self, path: Path) -> str:
        """The text of a file; without its comments where they could tell what is withheld."""
        text = path.read_text(encoding="utf-8")
        if not self.shared:
            return text
        from audit.yaml_file import without_comments

        return without_comments(text)

    def content(self, path: Path) -> bytes:
        """The bytes of a file; without its comments where it is told as shared."""
        return self.text(path).encode() if self.shared else path.read_bytes()

    def answers(self, given: "AnswersFile") -> "AnswersFile":
        """The answers as they stand in the document."""
        return self._beside().answers(given) if self.shared else given

    def told(self, files: Iterable[tuple[Path, str]], given: "AnswersFile") -> "Iterator[Problem]":
        """What files and answers tell that is withheld."""
        from checklists.shared_texts import told_in_file

        for path, text in files:
            yield from told_in_file(text, str(path), self.withheld)
        yield from self._beside().told(given)

    def _beside(self) -> "Shared":
        from checklists.shared import Shared

        return Shared(self.file, self.read if self.read is not self.file else None, self.withheld)


def gather(named: Named, template: "Outline") -> "Papers":
    """Read everything that is named; every problem of one file at once."""
    from audit.result_file import read_result_file
    from commands.audit import check_sharing
    from commands.sharing import as_shared, json_of, refuse_comparison
    from reports.papers import Papers

    check_sharing(named.share, named.min_cell)
    read = read_result_file(named.audit)
    before, before_json = _previous(named.previous)
    file, previous = as_shared(read, named.min_cell, share=named.share, previous=before)
    audit = Told(read, file, _kept_from(read, file, before, previous))
    if audit.shared:
        refuse_comparison(named.comparison)
    if previous is not None and before is not None and before_json is not None:
        before_json = json_of(previous, before, before_json)
    plan_text = _plan_text(named.plan, audit)
    comparison, comparison_json = _comparison(named.comparison)
    claims, claims_json = _claims(named.croissant, audit)
    result, waivers_text, waivers_on = _waived(named, audit)
    held = _held(named)
    _refuse_told(named, audit, held)
    found = Papers(
        result=result,
        audit_json=json_of(file, read, named.audit.read_bytes()),
        plan_text=plan_text,
        previous=previous.result if previous is not None else None,
        previous_json=before_json,
        comparison=comparison,
        comparison_json=comparison_json,
        claims=claims,
        claims_json=claims_json,
        waivers_text=waivers_text,
        waivers_on=waivers_on,
    )
    return found if held is None else _with_checklists(found, named, audit, held, template)


def audit_alone(named: Named) -> "Papers":
    """The audit without checklists, for what has no place for them."""
    from audit.result_file import read_result_file
    from commands.audit import check_sharing
    from commands.sharing import as_shared, json_of
    from reports.papers import Papers

    check_sharing(named.share, named.min_cell)
    read = read_result_file(named.audit)
    told, _ = as_shared(read, named.min_cell, share=named.share)
    return Papers(told.result, json_of(told, read, named.audit.read_bytes()))


def _kept_from(
    read: "ResultFile",
    file: "ResultFile",
    before: "ResultFile | None",
    previous: "ResultFile | None",
) -> "Withheld":
    """What is withheld from a document: of the audit, and of the version before."""
    from checklists.withheld import Withheld

    pairs = [(read.result, file.result)]
    if before is not None and previous is not None:
        pairs.append((before.result, previous.result))
    return Withheld(tuple(pairs))


@dataclass(frozen=True)
class _Held:
    """The profile and the answers of a product, with the files they stand in."""

    profile: "Profile"
    answers: "AnswersFile"
    path: Path

    @property
    def instruments(self) -> dict[str, Path]:
        """Instruments of one's own, as the profile names them."""
        return {name: self.profile.path.parent / name for name in self.profile.own}


def _held(named: Named) -> _Held | None:
    """The checklists at hand; without a profile there are none."""
    found = _profile_path(named)
    if found is None:
        return None
    from checklists.answers_file import read_answers
    from checklists.profile import read_profile

    path = named.answers or named.audit.parent / "answers.yaml"
    return _Held(read_profile(found), read_answers(path, absent_ok=named.answers is None), path)


def _refuse_told(named: Named, audit: Told, held: _Held | None) -> None:
    """Refuse files whose words tell what is withheld, all of them at once."""
    if not audit.shared:
        return
    from audit.waivers import read_waivers
    from checklists.answers import AnswersFile
    from checklists.shared_texts import told_in_waivers

    files = [named.plan]
    if held is not None:
        files += [held.profile.path, *held.instruments.values()]
    wanted = {path.resolve(): path for path in files if path is not None}
    texts = [(path, audit.text(path)) for path in wanted.values()]
    problems = [*audit.told(texts, AnswersFile() if held is None else held.answers)]
    if named.waivers is not None:
        waivers = read_waivers(named.waivers)
        problems += told_in_waivers(waivers, str(named.waivers), audit.withheld)
    if problems:
        raise InputError(problems)


def _with_checklists(
    papers: "Papers", named: Named, audit: Told, held: _Held, template: "Outline"
) -> "Papers":
    """The papers with the checklists as they stand."""
    from dataclasses import replace

    from checklists.answers_file import whole
    from checklists.assessment import assess
    from checklists.staleness import CurrentAudit, Workplace

    given, found = audit.answers(held.answers), held.profile.path
    answers_text = held.path.read_text(encoding="utf-8") if held.path.exists() else None
    if audit.shared and answers_text is not None:
        answers_text = whole(given.answers)
    on = _as_of(named, audit.file.result, given)
    place = Workplace(held.path.parent, held.profile, CurrentAudit(audit.file))
    assessment = assess(held.profile, given, on, place, template.instruments or None)
    in_plan = named.plan is not None and found.resolve() == named.plan.resolve()
    return replace(
        papers,
        assessment=assessment,
        answers_text=answers_text,
        profile_text=None if in_plan else audit.text(found),
        instruments={Path(n).name: audit.content(p) for n, p in held.instruments.items()},
        recorded=place.recorded(),
    )


def _profile_path(named: Named) -> Path | None:
    """The profile named, that in the plan, or one beside the audit; none when there is none."""
    if named.profile is not None:
        return named.profile
    near = (named.plan, named.audit.parent / "equipoise.yaml", Path("equipoise.yaml"))
    for path in near:
        if path is not None and path.exists() and _has_profile(path):
            return path
    if named.answers is not None:
        reason = "there is no product profile to read the answers by"
        remedy = "give it with --profile, or start one with `equipoise checklist init`"
        raise InputError(Problem("no_profile", str(named.answers), reason, remedy))
    return None


def _has_profile(path: Path) -> bool:
    from audit.yaml_file import read_text

    return any(line.startswith("profile:") for line in read_text(path).splitlines())


def _waived(named: Named, audit: Told) -> tuple["AuditResult", str | None, date | None]:
    """The audit with the waivers named, or with its own as they stand on the date stated."""
    from audit.waivers import apply_waivers, parse_waivers, reapplied, waivers_in

    result, path = audit.file.result, named.waivers
    on = _stated_day(named, result)
    if path is None:
        if on is None or not waivers_in(result):
            return result, None, None
        return reapplied(result, on), None, on
    from audit.yaml_file import read_text

    waivers = parse_waivers(read_text(path), str(path))
    if on is None:
        reason = "waivers are judged from a date, and none is stated"
        raise InputError(
            Problem("no_date", "--as-of", reason, "give --as-of, or as_of in the plan")
        )
    return apply_waivers(result, waivers, on), audit.text(path), on


def _stated_day(named: Named, result: "AuditResult") -> date | None:
    """The date that is stated, or the audit's, or that of the build; the clock is not read."""
    import os

    from commands.dates import date_of

    stated = named.as_of or result.provenance.as_of
    if stated is not None:
        return date_of(stated[:10])
    return date_of(None) if os.environ.get("SOURCE_DATE_EPOCH") else None


def _as_of(named: Named, result: "AuditResult", given: "AnswersFile") -> date:
    """The date the checklists are judged from: stated, the audit's, or that of the last answer.

    The clock is not read, so that the same inputs give the same bytes on any day.
    """
    stated = _stated_day(named, result)
    if stated is not None:
        return stated
    moments = [answer.at for answer in given.answers.values()]
    if moments:
        return max(moments).date()
    reason = "checklists are judged from a date, and none is stated"
    raise InputError(Problem("no_date", "--as-of", reason, "give --as-of, or as_of in the plan"))


def _plan_text(plan_path: Path | None, audit: Told) -> str | None:
    """The plan as written; refused when it is not the plan that the audit followed."""
    if plan_path is None:
        return None
    from audit.plan_file import read_plan

    if read_plan(plan_path).sha256() != audit.read.result.provenance.plan_sha256:
        reason = "this is not the plan that the audit followed"
        remedy = "give the right plan, or run `equipoise audit` again"
        raise InputError(Problem("wrong_plan", str(plan_path), reason, remedy))
    return audit.text(plan_path)


def _previous(path: Path | None) -> tuple["ResultFile | None", bytes | None]:
    """The audit behind the version before: an audit.json, or a dossier with one attached."""
    if path is None:
        return None, None
    from hashlib import sha256

    from audit.result_file import ResultFile, parse_result, read_result_file

    if path.suffix.lower() == ".pdf":
        from reports.verification import attached_files

        files = attached_files(path)
        if "audit.json" not in files:
            reason = "no audit is attached to it"
            remedy = "give a dossier made by this tool, or an audit.json"
            raise InputError(Problem("no_audit", str(path), reason, remedy))
        content = files["audit.json"]
        result = parse_result(content, f"{path}: audit.json")
        return ResultFile(path, sha256(content).hexdigest(), result), content
    return read_result_file(path), path.read_bytes()


def _claims(path: Path | None, audit: Told) -> tuple["DatasetClaims | None", bytes | None]:
    """What the provider of the data set claims, from a Croissant file; less what is withheld."""
    if path is None:
        return None, None
    from checklists.croissant import parse_croissant, read_croissant

    claims, content = read_croissant(path), path.read_bytes()
    if not audit.shared:
        return claims, content
    from checklists.shared_texts import record_without_told

    text = content.decode()
    kept = record_without_told(text, audit.withheld)
    return (claims, content) if kept == text else (parse_croissant(kept, str(path)), kept.encode())


def _comparison(path: Path | None) -> tuple["Comparison | None", bytes | None]:
    if path is None:
        return None, None
    from pydantic import ValidationError

    from audit.comparison.records import Comparison
    from audit.yaml_file import read_text

    text = read_text(path, "run `equipoise compare` first")
    try:
        return Comparison.model_validate_json(text), text.encode()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        reason = f"not a comparison of this version ({place}: {first['msg']})"
        remedy = "run `equipoise compare` again"
        raise InputError(Problem("bad_comparison", str(path), reason, remedy)) from None
