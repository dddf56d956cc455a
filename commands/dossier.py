"""``equipoise dossier``: an audit as a PDF."""

from pathlib import Path

from audit.problems import InputError, Problem


def run_dossier(path: Path, plan_path: Path | None, template: str, out: Path) -> str:
    """Render the dossier, write it and return a line for the terminal."""
    from reports.outline import outline

    outline(template)  # an unknown one is told before any work

    from audit.atomic import check_writable, write_atomic
    from audit.result_file import read_result

    result = read_result(path)
    check_writable(out.parent)
    plan_text = _plan_text(plan_path, result.provenance.plan_sha256)

    from reports.papers import Papers
    from reports.pdf import render_pdf

    write_atomic(out, render_pdf(Papers(result, path.read_bytes(), plan_text), template))
    return f"wrote {out}"


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
