"""What is attached to the dossier, and the manifest that lists it."""

import json
from dataclasses import dataclass
from hashlib import sha256

from audit.result import AuditResult
from reports.papers import Papers


@dataclass(frozen=True)
class Attached:
    """A file inside the PDF."""

    name: str
    content: bytes
    description: str
    relationship: str


def attachments(papers: Papers) -> tuple[Attached, ...]:
    """Collect the attached files, the manifest last."""
    result, audit_json, plan_text = papers.result, papers.audit_json, papers.plan_text
    if plan_text is not None:
        plan = Attached("equipoise.yaml", plan_text.encode(), "The audit plan as written", "Source")
    else:
        text = json.dumps(result.plan, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        plan = Attached("equipoise.json", text.encode(), "The audit plan in the result", "Source")
    files = (Attached("audit.json", audit_json, "The complete result of the audit", "Data"), plan)
    manifest = manifest_json(result, files)
    note = "Names, sizes and SHA-256 of the attached files and of the audit's inputs"
    return (*files, Attached("manifest.json", manifest, note, "Data"))


def manifest_json(result: AuditResult, files: tuple[Attached, ...]) -> bytes:
    """List the attached files and the inputs by content."""
    p = result.provenance
    content = {
        "attachments": [
            {"name": f.name, "bytes": len(f.content), "sha256": sha256(f.content).hexdigest()}
            for f in files
        ],
        "inputs": {
            "plan_sha256": p.plan_sha256,
            "data": [f.model_dump() for f in p.data],
            "model": p.model.model_dump() if p.model else None,
        },
        "tool": p.tool,
        "tool_version": p.tool_version,
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
