"""The plan that a result was made by, read back from it."""

from typing import Any

from audit.plan import Plan
from audit.result import AuditResult


def stored_plan(result: AuditResult) -> Plan:
    """Read the plan back. What cannot state its strata may not repeat those it was dumped with."""
    return plan_of_dump(dict(result.plan))


def plan_of_dump(plan: dict[str, Any]) -> Plan:
    """Make a plan of what `Plan.model_dump` or `Plan.canonical` gave."""
    for section in ("requirements", "coverage"):
        plan[section] = [_stated(one) for one in plan.get(section) or ()]
    columns = plan.get("columns")
    if isinstance(columns, dict) and isinstance(columns.get("scores"), list):
        plan["columns"] = columns | {"scores": dict(columns["scores"])}
    return Plan.model_validate(plan)


def _stated(one: dict[str, Any]) -> dict[str, Any]:
    about_strata = ("floor", "ceiling", "within", "n", "patients", "positives", "negatives",
                    "missing_label", "missing_score")  # fmt: skip
    if any(one.get(name) is not None for name in about_strata):
        return one
    return {key: value for key, value in one.items() if key != "strata"}
