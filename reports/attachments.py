"""What is attached to a dossier, and the manifest that lists it."""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from checklists.shared_texts import TOLD
from reports.exports.tidy import tidy_csv
from reports.papers import Papers
from reports.ro_crate import ro_crate

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Attached:
    """A file inside the PDF."""

    name: str
    content: bytes
    description: str
    relationship: str


def attachments(papers: Papers, template: str = "full") -> tuple[Attached, ...]:
    """Collect the attached files, the manifest last."""
    files = [
        Attached("audit.json", papers.audit_json, "The complete result of the audit", "Data"),
        _plan(papers),
        *_checklists(papers),
    ]
    what = "Every estimate and contrast as one row of a table"
    files.append(Attached("estimates.csv", tidy_csv(papers), what, "Data"))
    if papers.previous_json is not None:
        what = "The audit behind the previous version"
        files.append(Attached("previous-audit.json", papers.previous_json, what, "Source"))
    if papers.comparison_json is not None:
        what = "The comparison of two versions"
        files.append(Attached("comparison.json", papers.comparison_json, what, "Data"))
    if papers.waivers_text is not None:
        what = "The waivers: who set which requirement aside, why and until when"
        files.append(Attached("waivers.yaml", papers.waivers_text.encode(), what, "Source"))
    if papers.claims_json is not None:
        what = "What the provider of the data set claims (Croissant)"
        what += ", without what is withheld" if _withholds(papers.claims_json) else ""
        files.append(Attached("croissant.json", papers.claims_json, what, "Source"))
    crate = ro_crate(papers, [(f.name, f.content, f.description) for f in files])
    what = "RO-Crate metadata: the files and how they came about"
    files.append(Attached("ro-crate-metadata.json", crate, what, "Data"))
    note = "Names, sizes and SHA-256 of the attached files and of the inputs"
    manifest = manifest_json(papers, template, files)
    return (*files, Attached(MANIFEST, manifest, note, "Data"))


def _plan(papers: Papers) -> Attached:
    if papers.plan_text is not None:
        content = papers.plan_text.encode()
        bare = papers.result.disclosure is not None
        what = "The audit plan, without its comments" if bare else "The audit plan as written"
        return Attached("equipoise.yaml", content, what, "Source")
    text = json.dumps(papers.result.plan, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    return Attached("equipoise.json", text.encode(), "The audit plan in the result", "Source")


def _checklists(papers: Papers) -> list[Attached]:
    """The answers, the profile where it is not in the plan, and instruments of one's own."""
    found = []
    if papers.profile_text is not None:
        content = papers.profile_text.encode()
        found.append(Attached("profile.yaml", content, "The product profile", "Source"))
    if papers.answers_text is not None:
        content = papers.answers_text.encode()
        found.append(Attached("answers.yaml", content, "The answers to checklists", "Source"))
    for name, content in papers.instruments.items():
        found.append(Attached(name, content, "An instrument of one's own", "Source"))
    return found


# What a file that people wrote is beside a shared audit; others are made from that audit.
_FORMS = {
    "answers.yaml": "with the sentences of the shared audit, without comments",
    "croissant.json": "as it was given",
}
_MADE = ("audit.json", "previous-audit.json", "estimates.csv", "equipoise.json",
         "ro-crate-metadata.json")  # fmt: skip


def _form(file: Attached) -> str:
    """How a file stands in a shared document: made for it, whole, or without what it told."""
    if file.name in _MADE:
        return "made from the shared audit"
    if file.name == "croissant.json" and _withholds(file.content):
        return "texts that tell what is withheld say so in their place"
    return _FORMS.get(file.name, "as it was written, without comments")


def _withholds(content: bytes) -> bool:
    return TOLD.encode() in content


def manifest_json(papers: Papers, template: str, files: list[Attached]) -> bytes:
    """List the attached files and the inputs by content, and what the document was made with."""
    p = papers.result.provenance
    as_of = papers.assessment.on.isoformat() if papers.assessment is not None else None
    document = {"template": template, "checklists_as_of": as_of}
    if papers.waivers_on is not None:
        document["waivers_as_of"] = papers.waivers_on.isoformat()
    content: dict[str, Any] = {
        "document": document,
        "attachments": [
            {"name": f.name, "bytes": len(f.content), "sha256": sha256(f.content).hexdigest()}
            | ({"form": _form(f)} if papers.result.disclosure is not None else {})
            for f in files
        ],
        "inputs": {
            "plan_sha256": p.plan_sha256,
            "data": [f.model_dump() for f in p.data],
            "model": p.model.model_dump() if p.model else None,
        },
        "cited": papers.recorded,
        "tool": p.tool,
        "tool_version": p.tool_version,
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
