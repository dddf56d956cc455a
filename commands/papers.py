"""Gathering what a document is made from: audit, plan, answers, the version before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from audit.problems import InputError, Problem

if TYPE_CHECKING:
    from audit.comparison.records import Comparison
    from audit.result import AuditResult
    from audit.result_file import ResultFile
    from checklists.answers import AnswersFile
    from checklists.croissant import DatasetClaims
    from reports.outline import Outline
    from reports.papers import Papers


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


def gather(named: Named, template: "Outline") -> "Papers":
    """Read everything that is named; every problem of one file at once."""
    from audit.result_file import read_result_file
    from reports.papers import Papers

    audit = read_result_file(named.audit)
    plan_text = _plan_text(named.plan, audit.result.provenance.plan_sha256)
    previous, previous_json = _previous(named.previous)
    comparison, comparison_json = _comparison(named.comparison)
    claims, claims_json = _claims(named.croissant)
    found = Papers(
        result=audit.result,
        audit_json=named.audit.read_bytes(),
        plan_text=plan_text,
        previous=previous,
        previous_json=previous_json,
        comparison=comparison,
        comparison_json=comparison_json,
        claims=claims,
        claims_json=claims_json,
    )
    return _with_checklists(found, named, audit, template.instruments)


def _with_checklists(
    papers: "Papers", named: Named, audit: "ResultFile", instruments: Sequence[str]
) -> "Papers":
    """The papers with the checklists as they stand; without a profile there are none."""
    from dataclasses import replace

    found = _profile_path(named)
    if found is None:
        return papers
    from checklists.answers_file import read_answers
    from checklists.assessment import assess
    from checklists.profile import read_profile
    from checklists.staleness import CurrentAudit, Workplace

    profile = read_profile(found)
    path = named.answers or named.audit.parent / "answers.yaml"
    given = read_answers(path, absent_ok=named.answers is None)
    on = _as_of(named, audit.result, given)
    place = Workplace(path.parent, profile, CurrentAudit(audit))
    assessment = assess(profile, given, on, place, instruments or None)
    in_plan = named.plan is not None and found.resolve() == named.plan.resolve()
    return replace(
        papers,
        assessment=assessment,
        answers_text=path.read_text(encoding="utf-8") if path.exists() else None,
        profile_text=None if in_plan else found.read_text(encoding="utf-8"),
        instruments={Path(n).name: (found.parent / n).read_bytes() for n in profile.own},
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


def _as_of(named: Named, result: "AuditResult", given: "AnswersFile") -> date:
    """The date the checklists are judged from: stated, the audit's, or that of the last answer.

    The clock is not read, so that the same inputs give the same bytes on any day.
    """
    import os

    from commands.checklist.desk import date_of

    stated = named.as_of or result.provenance.as_of
    if stated is not None:
        return date_of(stated[:10])
    if os.environ.get("SOURCE_DATE_EPOCH"):
        return date_of(None)
    moments = [answer.at for answer in given.answers.values()]
    if moments:
        return max(moments).date()
    reason = "checklists are judged from a date, and none is stated"
    raise InputError(Problem("no_date", "--as-of", reason, "give --as-of, or as_of in the plan"))


def _plan_text(plan_path: Path | None, expected: str) -> str | None:
    """The plan as written; refused when it is not the plan that the audit followed."""
    if plan_path is None:
        return None
    from audit.plan_file import read_plan

    if read_plan(plan_path).sha256() != expected:
        reason = "this is not the plan that the audit followed"
        remedy = "give the right plan, or run `equipoise audit` again"
        raise InputError(Problem("wrong_plan", str(plan_path), reason, remedy))
    return plan_path.read_text(encoding="utf-8")


def _previous(path: Path | None) -> tuple["AuditResult | None", bytes | None]:
    """The audit behind the version before: an audit.json, or a dossier with one attached."""
    if path is None:
        return None, None
    from audit.result_file import parse_result, read_result_file

    if path.suffix.lower() == ".pdf":
        from reports.verification import attached_files

        files = attached_files(path)
        if "audit.json" not in files:
            reason = "no audit is attached to it"
            remedy = "give a dossier made by this tool, or an audit.json"
            raise InputError(Problem("no_audit", str(path), reason, remedy))
        return parse_result(files["audit.json"], f"{path}: audit.json"), files["audit.json"]
    return read_result_file(path).result, path.read_bytes()


def _claims(path: Path | None) -> tuple["DatasetClaims | None", bytes | None]:
    """What the provider of the data set claims, from a Croissant file."""
    if path is None:
        return None, None
    from checklists.croissant import read_croissant

    return read_croissant(path), path.read_bytes()


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
