"""``equipoise gate``: verdicts and an exit code."""

from collections.abc import Sequence
from pathlib import Path

from audit.problems import InputError, Problem, nearest
from audit.result import AuditResult, Verdict
from audit.result_file import read_result

FORMATS = ("text", "json")


def run_gate(
    path: Path, plan_path: Path | None, format: str, output: Path | None
) -> tuple[str, int]:
    """Judge an audit; return the text for stdout (empty when written to a file) and the code."""
    if format not in FORMATS:
        reason = f"unknown format '{format}'"
        raise InputError(Problem("bad_flag", "--format", reason, nearest(format, FORMATS)))
    result = read_result(path)
    if plan_path is not None:
        result = _judged_by(result, plan_path)

    from reports.gate.text import gate_json, gate_text

    text = gate_text(result) if format == "text" else gate_json(result)
    text = text if text.endswith("\n") else text + "\n"
    if output is not None:
        from audit.atomic import write_atomic

        write_atomic(output, text)
        text = ""
    return text, exit_code(result.verdicts)


def exit_code(verdicts: Sequence[Verdict]) -> int:
    """0 all met, 1 any violated, 3 any inconclusive or not estimable, or nothing to judge."""
    judged = [v.status for v in verdicts if v.status not in ("waived", "not_applicable")]
    if "violated" in judged:
        return 1
    if not judged or any(status != "met" for status in judged):
        return 3
    return 0


def _judged_by(result: AuditResult, plan_path: Path) -> AuditResult:
    """Replace the verdicts by those of another plan's requirements."""
    from audit.plan_file import read_plan
    from audit.verdicts import Evidence, check_requirements, verdicts_of

    plan = read_plan(plan_path)
    stored = float(result.plan["level"])
    wrong = [r.id for r in plan.requirements if (r.level or plan.level) != stored]
    if wrong:
        reason = f"requirements {', '.join(wrong)} want another interval level than {stored:g}"
        remedy = "run `equipoise audit` with this plan"
        raise InputError(Problem("level", str(plan_path), reason, remedy))
    groups = {c.stratum: " & ".join(c.attributes) for c in result.cohort.strata}
    known = sorted({g for g in groups.values() if g})
    if plan.task != result.cohort.task:
        reason = f"it is of task {plan.task}, the audit of task {result.cohort.task}"
        raise InputError(Problem("task", str(plan_path), reason, "give a plan of that task"))
    check_requirements(plan, list(groups), known, str(plan_path), result.cohort.outputs)
    evidence = {stored: Evidence(result.estimates, result.disparities, groups)}
    plan = plan.model_copy(update={"level": stored})
    return result.model_copy(update={"verdicts": tuple(verdicts_of(plan, evidence))})
