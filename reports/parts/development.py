"""How the model was made and what it takes, as far as the plan and the predictions tell."""

from reports.blocks import Block, Facts
from reports.format import count, names
from reports.papers import Papers
from reports.parts import front, product

MOST_INPUTS = 24
SILENT = "the predictions do not tell; the provider states it"


def blocks(papers: Papers) -> list[Block]:
    """What is known of the model; the training data are not in an audit."""
    known = papers.result.provenance.predicted_by or {}
    made = " ".join(str(known.get(k) or "") for k in ("format", "library")).strip()
    size = known.get("parameters")
    pairs = (
        ("How it was made", product.told(papers, "description")),
        ("Format and library", made or SILENT),
        ("Inputs", inputs(papers) or SILENT),
        ("Fitted numbers", SILENT if size is None else count(int(size))),
        ("Decision", front.threshold(papers.result)),
        ("Training data", "not in the audit, which holds the test cohort alone"),
    )
    return [Facts(pairs, "The model, as the plan and the predictions tell of it")]


def inputs(papers: Papers) -> str:
    """Names of what goes into the model; empty where the predictions do not tell."""
    known = papers.result.provenance.predicted_by or {}
    found = [str(name) for name in known.get("inputs") or ()]
    return names(found, MOST_INPUTS)
