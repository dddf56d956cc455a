"""``equipoise schema``: published JSON schemas, made from the types."""

import json

from audit.problems import InputError, Problem, nearest


def run_schema(name: str) -> str:
    """JSON schema (draft 2020-12) of a file that is read or written, as text."""
    from pydantic import BaseModel

    from audit.comparison.records import Comparison
    from audit.lock import LockFile
    from audit.models.spec import ModelSpec
    from audit.plan import Plan
    from audit.result import AuditResult
    from audit.waivers import WaiverFile
    from checklists.answers import AnswersFile
    from checklists.instrument import InstrumentFile
    from checklists.profile import ProfileSection

    models: dict[str, type[BaseModel]] = {
        "plan": Plan,
        "result": AuditResult,
        "model": ModelSpec,
        "comparison": Comparison,
        "instrument": InstrumentFile,
        "answers": AnswersFile,
        "profile": ProfileSection,
        "waivers": WaiverFile,
        "lock": LockFile,
    }
    if name not in models:
        reason = f"unknown schema '{name}'"
        raise InputError(Problem("bad_argument", "schema", reason, nearest(name, list(models))))
    # What is optional in a plan is always present in a result.
    written = name in ("result", "comparison")
    schema = models[name].model_json_schema(mode="serialization" if written else "validation")
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
