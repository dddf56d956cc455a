"""The stored audit that a gate compares with, and the predictions behind both."""

from pathlib import Path
from typing import TYPE_CHECKING

from audit.problems import InputError, Problem

if TYPE_CHECKING:
    from audit.comparison.records import Comparison
    from audit.plan import Plan
    from audit.result import AuditResult
    from audit.result_file import ResultFile


def check_flags(baseline: Path | None, before: Path | None, now: Path | None) -> None:
    """Refuse predictions that could not be paired."""
    if (before is None) != (now is None):
        reason = "one file of predictions alone cannot be paired"
        remedy = "give both --baseline-predictions and --predictions"
        raise InputError(Problem("bad_flag", "command line", reason, remedy))
    if before is not None and baseline is None:
        reason = "--baseline-predictions has no meaning without --baseline"
        raise InputError(Problem("bad_flag", "command line", reason, "add --baseline audit.json"))


def told_baseline(file: "ResultFile", baseline: Path) -> "ResultFile":
    """Read the baseline; beside a shared audit it is shared too, so that it tells no more.

    Raises
    ------
    InputError
        When it is no audit, or cannot be shared while the audit is.
    """
    from audit.result_file import read_result_file
    from commands.sharing import as_shared

    read = read_result_file(baseline)
    if file.result.disclosure is None:
        return read
    told = as_shared(file, share=False, previous=read)[1]
    return told if told is not None else read


def paired(
    now: "AuditResult", before: "AuditResult", plan: "Plan", predictions: tuple[Path, Path]
) -> "Comparison":
    """Compare both models on the same units, in the figures that requirements speak of.

    `plan` is the one judged by; `predictions` are those of the baseline and of the audit, the very
    files that were audited.

    Raises
    ------
    InputError
        For a shared audit, beside which single people would be counted; for other files than were
        audited; and for units that cannot be paired.
    """
    from audit.comparison.run import compare
    from audit.stored_plan import stored_plan
    from commands.audit import _place
    from commands.sharing import refuse_comparison

    if now.disclosure is not None or before.disclosure is not None:
        refuse_comparison(predictions[1])
    problems = []
    for path, result in zip(predictions, (before, now), strict=True):
        problems += _other_file(path, result)
    if problems:
        raise InputError(problems)
    own = _narrowed(stored_plan(now), plan, now)
    folders = [_place(own, None, [path], path.parent, None).folder for path in predictions]
    plans = (_of_baseline(own, stored_plan(before)), own)
    return compare(predictions, plans, folders=(folders[0], folders[1]))


def _other_file(path: Path, result: "AuditResult") -> list[Problem]:
    from audit.provenance import file_hash

    used = result.provenance.data
    if len(used) != 1:
        reason = f"the audit was made from {len(used)} files, and only one can be paired"
        return [Problem("not_paired", str(path), reason, "leave both predictions out")]
    if file_hash(path).sha256 != used[0].sha256:
        reason = f"it is not the file '{used[0].name}' that was audited"
        return [Problem("other_file", str(path), reason, "give the right one")]
    return []


def _narrowed(own: "Plan", judged_by: "Plan", now: "AuditResult") -> "Plan":
    """The plan of an audit with the measures alone that are judged: the rest need no figures."""
    asked = {r.measure for r in judged_by.requirements} | {r.measure for r in judged_by.change}
    computed = {e.measure for e in now.estimates}
    measures = tuple(sorted(asked & computed))
    return own.model_copy(update={"measures": measures or own.measures})


def _of_baseline(plan: "Plan", before: "Plan") -> "Plan":
    """The same plan with the columns and the threshold of the baseline's predictions."""
    columns = {name: getattr(before.columns, name) for name in ("score", "prediction", "scores")}
    update = {
        "columns": plan.columns.model_copy(update=columns),
        "threshold": before.threshold,
        "detection": before.detection,
    }
    return plan.model_copy(update=update)
