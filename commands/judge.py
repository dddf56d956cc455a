"""Judging a stored audit: by its plan or another, a baseline, answers, and waivers."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.problems import InputError, Problem

if TYPE_CHECKING:
    from audit.plan import Plan
    from audit.ratchet import Ratchet
    from audit.result import AuditResult, Verdict, Waiver
    from audit.result_file import ResultFile
    from reports.gate.judged import Judged, OnInconclusive


@dataclass(frozen=True)
class Inputs:
    """The files that a gate judges by, and how; none where nothing is said."""

    audit: Path
    plan: Path | None = None
    on_inconclusive: "OnInconclusive" = "fail"
    waivers: Path | None = None
    as_of: str | None = None
    baseline: Path | None = None
    baseline_predictions: Path | None = None
    predictions: Path | None = None
    answers: Path | None = None
    profile: Path | None = None


def judge(inputs: Inputs) -> "Judged":
    """Judge an audit.

    Raises
    ------
    InputError
        With every problem of the files and flags that were given.
    """
    from audit.exit_codes import exit_code
    from audit.result_file import read_result_file
    from commands.plan_places import from_here, places
    from reports.gate.judged import Judged

    file, plan, waivers, _ = _each(
        lambda: read_result_file(inputs.audit),
        lambda: _plan(inputs.plan),
        lambda: _waivers(inputs.waivers),
        lambda: _check_flags(inputs),
    )
    result: AuditResult = file.result
    if plan is not None:
        result = judged_by(result, plan, str(inputs.plan))
        result = _against_lock(result, inputs.plan, plan)
    result, ratchet_of = _beside_baseline(inputs, file, result, plan)
    result = _with_checklists(inputs, result, plan)
    result = _with_waivers(inputs, result, plan, waivers)
    return Judged(
        result=result,
        code=exit_code(result.verdicts, inputs.on_inconclusive),
        audit=from_here(inputs.audit),
        places=places(inputs.plan, inputs.audit, file.result.provenance.plan_sha256),
        on_inconclusive=inputs.on_inconclusive,
        ratchet=ratchet_of(result),
    )


def _each(*readers: Callable[[], Any]) -> list[Any]:
    """What every reader gives; the problems of all of them at once."""
    found: list[Any] = []
    problems: list[Problem] = []
    for read in readers:
        try:
            found.append(read())
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return found


def _plan(path: Path | None) -> "Plan | None":
    if path is None:
        return None
    from audit.plan_file import read_plan

    return read_plan(path)


def _waivers(path: Path | None) -> "tuple[Waiver, ...] | None":
    if path is None:
        return None
    from audit.waivers import read_waivers

    return read_waivers(path)


def _check_flags(inputs: Inputs) -> None:
    from audit.yaml_file import read_text
    from commands.baseline import check_flags
    from commands.dates import date_of

    check_flags(inputs.baseline, inputs.baseline_predictions, inputs.predictions)
    if inputs.as_of is not None:
        date_of(inputs.as_of)
    if inputs.answers is not None:
        read_text(inputs.answers)  # one that is named has to be there
    if inputs.profile is not None and inputs.answers is None:
        reason, remedy = "--profile has no meaning without --answers", "add --answers"
        raise InputError(Problem("bad_flag", "command line", reason, remedy))


def _against_lock(result: "AuditResult", path: Path | None, plan: "Plan") -> "AuditResult":
    from audit.lock import judged_against_lock

    return result if path is None else judged_against_lock(result, path, plan)


def judged_by(result: "AuditResult", plan: "Plan", name: str) -> "AuditResult":
    """Replace the verdicts by those of another plan's requirements; `name` is its file.

    Raises
    ------
    InputError
        When the audit does not hold what the plan speaks of.
    """
    from audit.judging import judged
    from audit.verdicts import Evidence, check_requirements

    stored = float(result.plan["level"])
    wrong = [r.id for r in plan.requirements if (r.level or plan.level) != stored]
    if wrong:
        reason = f"requirements {', '.join(wrong)} want another interval level than {stored:g}"
        remedy = "run `equipoise audit` with this plan"
        raise InputError(Problem("level", name, reason, remedy))
    groups = {c.stratum: " & ".join(c.attributes) for c in result.cohort.strata}
    known = sorted({g for g in groups.values() if g})
    if plan.task != result.cohort.task:
        reason = f"it is of task {plan.task}, the audit of task {result.cohort.task}"
        raise InputError(Problem("task", name, reason, "give a plan of that task"))
    check_requirements(plan, list(groups), known, name, result.cohort.outputs)
    evidence = {stored: Evidence(result.estimates, result.disparities, groups)}
    plan = plan.model_copy(update={"level": stored})
    return result.model_copy(update={"verdicts": judged(plan, evidence, result.cohort)})


def _beside_baseline(
    inputs: Inputs, file: "ResultFile", result: "AuditResult", plan: "Plan | None"
) -> "tuple[AuditResult, Callable[[AuditResult], Ratchet | None]]":
    """The result with required changes decided, and how to compare it in the end."""
    if inputs.baseline is None:
        return result, lambda _: None
    from audit.change import Audits
    from audit.change_verdicts import change_verdicts
    from audit.ratchet import ratchet
    from commands.baseline import paired, told_baseline

    baseline = told_baseline(file, inputs.baseline)
    audits = Audits(result, baseline.result)  # of one task, before any work
    pairs = None
    if inputs.baseline_predictions is not None and inputs.predictions is not None:
        chosen = plan or _stored(result)
        pairs = paired(
            result, baseline.result, chosen, (inputs.baseline_predictions, inputs.predictions)
        )
        audits = Audits(result, baseline.result, pairs)
    if any(v.kind == "change" for v in result.verdicts):
        stated = plan or _stored(result)
        result = with_verdicts(result, change_verdicts(stated, audits))
    return result, lambda final: ratchet(final, baseline, paired=pairs)


def _stored(result: "AuditResult") -> "Plan":
    from audit.stored_plan import stored_plan

    return stored_plan(result)


def with_verdicts(result: "AuditResult", decided: "Iterable[Verdict]") -> "AuditResult":
    """The result with some verdicts decided anew, in the order they had."""
    new = {v.requirement: v for v in decided}
    verdicts = tuple(new.get(v.requirement, v) for v in result.verdicts)
    return result.model_copy(update={"verdicts": verdicts})


def _with_checklists(inputs: Inputs, result: "AuditResult", plan: "Plan | None") -> "AuditResult":
    """Decide what is required of checklists, where answers were given."""
    if inputs.answers is None or not any(v.kind == "checklist" for v in result.verdicts):
        return result
    from checklists.profile import read_profile
    from checklists.requirements import checklist_verdicts
    from commands.checklist.desk import Desk
    from commands.papers import Named, _profile_path

    profile = _profile_path(
        Named(inputs.audit, inputs.plan, profile=inputs.profile, answers=inputs.answers)
    )
    if profile is None:
        raise TypeError("answers without a profile are refused before")
    on = judged_on(inputs.as_of, result, plan)
    desk = Desk(read_profile(profile), inputs.answers, inputs.audit, on)
    return with_verdicts(result, checklist_verdicts(plan or _stored(result), desk.assess, on))


def _with_waivers(
    inputs: Inputs,
    result: "AuditResult",
    plan: "Plan | None",
    waivers: "tuple[Waiver, ...] | None",
) -> "AuditResult":
    """Apply the waivers given, or look again at those on record in the audit."""
    from audit.waivers import apply_waivers, reapplied, waivers_in

    if waivers is not None:
        return apply_waivers(result, waivers, judged_on(inputs.as_of, result, plan))
    if waivers_in(result):
        return reapplied(result, judged_on(inputs.as_of, result, plan))
    return result


def judged_on(as_of: str | None, result: "AuditResult", plan: "Plan | None" = None) -> date:
    """The date of the judgement: stated, the plan's, SOURCE_DATE_EPOCH's, or today."""
    from commands.dates import date_of

    planned = plan.as_of if plan is not None else result.plan.get("as_of")
    return date_of(as_of or planned)
