"""The view: everything a document prints, as text, from its papers. It computes nothing."""

from hashlib import sha256

from reports.blocks import Report
from reports.outline import Outline, outline
from reports.papers import Papers
from reports.parts import covers, explorer, front
from reports.sections import sections

SHORT_HASH = 12


def build_view(
    papers: Papers,
    template: Outline | None = None,
    fingerprint: str | None = None,
    of: str = "audit.json",
    *,
    explored: bool = False,
) -> Report:
    """Build the view that the PDF and the page share.

    `fingerprint` is the hash printed on the cover and in every footer, `of` what it is the hash
    of. Without one it is the SHA-256 of ``audit.json``. The page alone asks for the numbers that it
    is `explored` by: hundreds of strata have many.
    """
    chosen = template or outline("full")
    result = papers.result
    digest = fingerprint or sha256(papers.audit_json).hexdigest()
    return Report(
        title=front.title_of(result),
        cover=covers.cover(papers, chosen.id, chosen.sign_off),
        summary=front.summary(papers.index),
        sections=sections(chosen, papers),
        as_of=front.as_of(result),
        tool=f"{result.provenance.tool} {result.provenance.tool_version}",
        fingerprint=digest[:SHORT_HASH],
        fingerprint_of=of,
        kind=chosen.kind,
        neutral=chosen.neutral,
        explorer=explorer.explorer(papers.index) if explored else {},
    )
