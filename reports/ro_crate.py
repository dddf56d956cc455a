"""RO-Crate 1.1 metadata of a dossier: its files, and the act that made the audit from its inputs.

Specification: https://w3id.org/ro/crate/1.1 (doi:10.5281/zenodo.4541002).
"""

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from reports.papers import Papers

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
PROFILE = "https://w3id.org/ro/crate/1.1"
_FORMATS = {"json": "application/json", "yaml": "application/yaml", "csv": "text/csv"}


def ro_crate(papers: Papers, files: Sequence[tuple[str, bytes, str]]) -> bytes:
    """The metadata file; `files` are name, content and description of what is attached."""
    graph = [_descriptor(), _root(papers, files), *(_file(*f) for f in files)]
    graph += [_tool(papers), *_inputs(papers), _action(papers)]
    record = {"@context": CONTEXT, "@graph": graph}
    return (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode()


def _descriptor() -> dict[str, Any]:
    return {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "conformsTo": {"@id": PROFILE},
        "about": {"@id": "./"},
    }


def _root(papers: Papers, files: Sequence[tuple[str, bytes, str]]) -> dict[str, Any]:
    product = papers.result.plan.get("product") or {}
    name = str(product.get("name") or "unnamed product")
    root: dict[str, Any] = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Bias audit of {name}",
        "description": "What is attached to a dossier on a medical AI model: no rows, no persons.",
        "license": "The rights in these files lie with those who made the dossier.",
        "hasPart": [{"@id": name} for name, _, _ in files],
        "mentions": [{"@id": "#audit"}],
    }
    if papers.result.provenance.as_of is not None:
        root["datePublished"] = papers.result.provenance.as_of
    return root


def _file(name: str, content: bytes, description: str) -> dict[str, Any]:
    return {
        "@id": name,
        "@type": "File",
        "name": name,
        "description": description,
        "contentSize": str(len(content)),
        "encodingFormat": _FORMATS.get(name.rpartition(".")[2], "application/octet-stream"),
        "sha256": sha256(content).hexdigest(),
    }


def _tool(papers: Papers) -> dict[str, Any]:
    p = papers.result.provenance
    return {
        "@id": f"#{p.tool}-{p.tool_version}",
        "@type": "SoftwareApplication",
        "name": p.tool,
        "softwareVersion": p.tool_version,
    }


def _inputs(papers: Papers) -> list[dict[str, Any]]:
    """Data and model by content; they are not in the crate."""
    p = papers.result.provenance
    files = [*p.data, *((p.model,) if p.model is not None else ())]
    return [
        {
            "@id": f"#input-{number}",
            "@type": "CreativeWork",
            "name": f.name,
            "contentSize": str(f.bytes),
            "sha256": f.sha256,
        }
        for number, f in enumerate(files, start=1)
    ]


def _action(papers: Papers) -> dict[str, Any]:
    p = papers.result.provenance
    return {
        "@id": "#audit",
        "@type": "CreateAction",
        "name": p.command,
        "instrument": {"@id": f"#{p.tool}-{p.tool_version}"},
        "object": [{"@id": entry["@id"]} for entry in _inputs(papers)],
        "result": {"@id": "audit.json"},
    }
