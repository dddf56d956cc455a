"""The view: everything a document prints, as text, from one AuditResult. It computes nothing."""

from hashlib import sha256

from audit.measures import BY_CLASS
from audit.result import AuditResult
from reports import words
from reports.blocks import Block, Report, Section
from reports.parts import (
    adequacy,
    bounds,
    calibration_tests,
    case_mix,
    cases,
    cohort,
    confusion,
    criteria,
    curves,
    disparities,
    explorer,
    front,
    gaps,
    intersections,
    methods,
    operating,
    provenance,
    results,
    sites,
)
from reports.parts.index import Index

SHORT_HASH = 12


def build_view(
    result: AuditResult, fingerprint: str | None = None, of: str = "audit.json"
) -> Report:
    """Build the view that the PDF and the page share.

    `fingerprint` is the hash printed on the cover and in every footer, `of` what it is the hash
    of. Without one it is the SHA-256 of the canonical ``audit.json``.
    """
    index = Index(result)
    digest = fingerprint or sha256(result.to_json().encode()).hexdigest()
    return Report(
        title=front.title_of(result),
        cover=front.cover(result),
        summary=front.summary(index),
        sections=_sections(index),
        as_of=front.as_of(result),
        tool=f"{result.provenance.tool} {result.provenance.tool_version}",
        fingerprint=digest[:SHORT_HASH],
        fingerprint_of=of,
        explorer=explorer.explorer(index),
    )


def _sections(index: Index) -> tuple[Section, ...]:
    parts: tuple[tuple[str, str, list[Block]], ...] = (
        ("cohort", "Cohort", [*cohort.blocks(index), *adequacy.blocks(index)]),
        ("requirements", "Requirements in detail", front.parts(index)),
        (
            "results",
            "Results by subgroup",
            _by_subgroup(index),
        ),
        ("outputs", _outputs_title(index), results.by_output(index)),
        ("disparities", "Disparities", disparities.blocks(index)),
        ("criteria", "Named fairness criteria", criteria.blocks(index)),
        ("case-mix", "Gaps with site and case-mix fixed", case_mix.blocks(index)),
        ("bounds", "Missing attributes and wrong labels", bounds.blocks(index)),
        *_of_risks(index),
        ("sites", "Sites", sites.blocks(index)),
        ("intersections", "Intersections", intersections.blocks(index)),
        ("not-assessed", "What could not be assessed, and why", gaps.blocks(index)),
        ("warnings", "Warnings", gaps.warnings(index)),
        ("methods", "Methods", methods.blocks(index)),
        ("limitations", "Limitations", provenance.limitations(index)),
        ("provenance", "Provenance", provenance.blocks(index)),
        ("further", "Further measures", results.further(index)),
    )
    kept = [part for part in parts if part[2]]
    return tuple(
        Section(id, number, title, tuple(blocks))
        for number, (id, title, blocks) in enumerate(kept, 1)
    )


def _by_subgroup(index: Index) -> list[Block]:
    return [*results.blocks(index), *confusion.blocks(index), *cases.blocks(index)]


def _outputs_title(index: Index) -> str:
    kind = words.OUTPUT.get(index.result.cohort.task, "output")
    return f"Results of each {kind}"


def _of_risks(index: Index) -> tuple[tuple[str, str, list[Block]], ...]:
    """Sections that speak of predicted risks; a predicted number has none."""
    task = index.result.cohort.task
    if task == "survival":
        return (("calibration", "Calibration at the horizon", curves.calibration(index)),)
    if task not in BY_CLASS:
        return ()
    tests = calibration_tests.blocks(index)
    return (
        ("calibration", "Calibration by subgroup", [*curves.calibration(index), *tests]),
        ("utility", "Clinical utility", [*curves.decision(index), *operating.blocks(index)]),
        ("risk", "Distribution of risk", curves.risk(index)),
    )
