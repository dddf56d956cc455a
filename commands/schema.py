"""``equipoise schema``: published JSON schemas, made from the types."""

import json

from audit.problems import InputError, Problem, nearest


def run_schema(name: str) -> str:
    """JSON schema (draft 2020-12) of the plan or the result, as text."""
    from audit.plan import Plan
    from audit.result import AuditResult

    models = {"plan": Plan, "result": AuditResult}
    if name not in models:
        reason = f"unknown schema '{name}'"
        raise InputError(Problem("bad_argument", "schema", reason, nearest(name, list(models))))
    mode = "validation" if name == "plan" else "serialization"
    schema = models[name].model_json_schema(mode=mode)  # type: ignore[arg-type]
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
