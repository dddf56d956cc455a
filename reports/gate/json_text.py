"""Verdicts as JSON: every number unrounded, one object for each requirement."""

import json
from typing import Any

from audit.result import SCHEMA_VERSION
from reports.gate.entries import Entry, entries, headline, relative
from reports.gate.judged import Failed, Judged

_KEEP = (
    "requirement", "statement", "rationale", "kind", "severity", "status", "found", "waiver",
    "measure", "output", "stratum", "value", "lower", "upper", "level", "margin", "reason",
    "detectable", "n_needed", "evidence",
)  # fmt: skip


def gate_json(judged: Judged) -> str:
    """Give all that was judged."""
    result = judged.result
    return written(
        {
            "schema_version": result.schema_version,
            "audit": relative(judged.audit),
            "exit_code": judged.code,
            "on_inconclusive": judged.on_inconclusive,
            "headline": headline(judged),
            "plan_sha256": result.provenance.plan_sha256,
            "task": result.cohort.task,
            "verdicts": [_verdict(e) for e in entries(judged)],
            "findings": [f.model_dump(mode="json") for f in result.findings],
            "lock": result.lock.model_dump(mode="json") if result.lock else None,
            "baseline": judged.ratchet.model_dump(mode="json") if judged.ratchet else None,
        }
    )


def failed_json(failed: Failed) -> str:
    """Say that nothing was judged, and why."""
    return written(
        {
            "schema_version": SCHEMA_VERSION,
            "audit": relative(failed.audit),
            "exit_code": failed.code,
            "error": failed.reason,
            "verdicts": [],
        }
    )


def _verdict(entry: Entry) -> dict[str, Any]:
    found = entry.verdict.model_dump(mode="json", include=set(_KEEP))
    place = {"path": entry.place.path, "line": entry.place.line}
    return {key: found[key] for key in _KEEP} | {"place": place}


def written(content: object) -> str:
    """Plain data as JSON text."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    # A lone surrogate has no bytes in UTF-8.
    return text.encode("utf-8", "replace").decode("utf-8") + "\n"
