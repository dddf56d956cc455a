"""A name for a requirement that stays while its numbers and its line in the plan change."""

import hashlib
import json
from typing import Any

from audit.result import AuditResult, Verdict

_SECTIONS = ("requirements", "coverage", "change", "checklists")
_NAMED = ("contrast", "attribute", "strata", "instruments", "items")


def fingerprint(verdict: Verdict, result: AuditResult) -> str:
    """Hash of what a requirement is about: id, kind, measure, output, contrast and strata."""
    stated = _stated(verdict.requirement, result)
    about = {name: _listed(stated[name]) for name in _NAMED if stated.get(name)}
    if "contrast" in about:  # the plan is stored with the strata that a contrast has not
        about.pop("strata", None)
    elif verdict.kind != "checklist":
        about.setdefault("strata", ["overall"])
    return hashed([verdict.requirement, verdict.kind, verdict.measure, stated.get("output"), about])


def hashed(content: list[Any]) -> str:
    """Hash of plain data, whatever the order of its keys."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _stated(id: str, result: AuditResult) -> dict[str, Any]:
    """The requirement as the plan of the audit states it; nothing where another plan was judged."""
    for section in _SECTIONS:
        for one in result.plan.get(section) or ():
            if one.get("id") == id:
                return dict(one)
    return {}


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else list(value)
