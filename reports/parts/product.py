"""The product as the plan describes it; what the plan leaves empty is said to be missing."""

from reports.blocks import Block, Facts
from reports.papers import Papers

_FIELDS = (
    ("Name", "name"),
    ("Version", "version"),
    ("Manufacturer", "manufacturer"),
    ("Intended use", "intended_use"),
    ("Model", "description"),
    ("Test cohort", "cohort"),
)


def blocks(papers: Papers) -> list[Block]:
    """Name, version, purpose and the hash of the model."""
    pairs = [(label, told(papers, key)) for label, key in _FIELDS]
    file = model_file(papers) or "no model file is named in the plan or in the predictions"
    return [Facts((*pairs, ("Model file", file)), "The product, as the plan describes it")]


def stated(papers: Papers, key: str) -> str:
    """What the plan says of the product; empty where it says nothing."""
    return " ".join(str((papers.result.plan.get("product") or {}).get(key) or "").split())


def told(papers: Papers, key: str) -> str:
    """What the plan says of the product, or that it does not and who states it."""
    return stated(papers, key) or unstated(key)


def unstated(key: str) -> str:
    """Say which field of the plan is empty, and who fills it."""
    return f"not stated; the provider states it in the plan (product.{key})"


def model_file(papers: Papers) -> str:
    """Name and hash of the model file; empty where none is known."""
    used = papers.result.provenance
    if used.model is not None:
        return f"{used.model.name}, SHA-256 {used.model.sha256}"
    known = used.predicted_by or {}
    return f"{known['name']}, SHA-256 {known['sha256']}" if known.get("sha256") else ""


def reference(papers: Papers) -> str:
    """Name, version and model file: what identifies and traces the product."""
    name, version = stated(papers, "name"), stated(papers, "version")
    parts = [name, f"version {version}" if version else "", model_file(papers)]
    return ", ".join(part for part in parts if part)
