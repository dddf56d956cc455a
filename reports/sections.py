"""The builders of blocks by the names that outlines call them."""

from collections.abc import Callable

from audit.measures import BY_CLASS
from reports import words
from reports.blocks import Block, Heading, Section, Text
from reports.outline import Outline, OutlineSection
from reports.papers import Papers
from reports.parts import (
    adequacy,
    altai_gaps,
    audit_summary,
    bounds,
    calibration_tests,
    case_mix,
    cases,
    changes,
    checklist,
    cohort,
    comparison,
    confusion,
    criteria,
    curves,
    dataset_claims,
    declaration,
    development,
    deviations,
    disparities,
    example_card,
    findings,
    front,
    funnel,
    gaps,
    group_accuracy,
    heat_map,
    intersections,
    ledger_figure,
    methods,
    missingness,
    model_card,
    operating,
    pccp,
    people,
    product,
    provenance,
    radar,
    registration,
    results,
    section_answers,
    sites,
)
from reports.parts.index import Index

Builder = Callable[[Papers], list[Block]]


def _of_index(build: Callable[[Index], list[Block]]) -> Builder:
    return lambda papers: build(papers.index)


def _of_risks(build: Callable[[Index], list[Block]]) -> Builder:
    """Blocks that speak of predicted risks; a predicted number has none."""
    return lambda papers: build(papers.index) if papers.result.cohort.task in BY_CLASS else []


def _calibration(papers: Papers) -> list[Block]:
    task = papers.result.cohort.task
    return curves.calibration(papers.index) if task in (*BY_CLASS, "survival") else []


BUILDERS: dict[str, Builder] = {
    "cohort": _of_index(cohort.blocks),
    "adequacy": _of_index(adequacy.blocks),
    "requirements": _of_index(front.parts),
    "results": _of_index(results.blocks),
    "confusion": _of_index(confusion.blocks),
    "cases": _of_index(cases.blocks),
    "outputs": _of_index(results.by_output),
    "disparities": _of_index(disparities.blocks),
    "criteria": _of_index(criteria.blocks),
    "case_mix": _of_index(case_mix.blocks),
    "bounds": _of_index(bounds.blocks),
    "calibration": _calibration,
    "calibration_tests": _of_risks(calibration_tests.blocks),
    "decision": _of_risks(curves.decision),
    "operating": _of_risks(operating.blocks),
    "risk": _of_risks(curves.risk),
    "sites": _of_index(sites.blocks),
    "intersections": _of_index(intersections.blocks),
    "not_assessed": _of_index(gaps.blocks),
    "warnings": _of_index(gaps.warnings),
    "methods": _of_index(methods.blocks),
    "limitations": _of_index(provenance.limitations),
    "provenance": _of_index(provenance.blocks),
    "further": _of_index(results.further),
    "missingness": _of_index(missingness.blocks),
    "funnel": _of_index(funnel.blocks),
    "heat_map": _of_index(heat_map.blocks),
    "ledger": _of_index(ledger_figure.blocks),
    "findings": findings.blocks,
    "deviations": deviations.blocks,
    "dataset_claims": lambda p: dataset_claims.blocks(p.claims, p.result.provenance.data),
    "card_release": model_card.release,
    "card_use": model_card.use,
    "card_figures": model_card.figures,
    "card_verdicts": model_card.verdicts,
    "card_risks": model_card.risks,
    "card_ingredients": model_card.ingredients,
    "checklist_status": checklist.status,
    "checklist_answers": checklist.answers,
    "reviews": checklist.reviews,
    "checklist_sources": checklist.sources,
    "checklist_radar": radar.blocks,
    "altai_gaps": altai_gaps.gaps,
    "comparison": comparison.blocks,
    "changes": changes.blocks,
    "people": people.blocks,
    "product": product.blocks,
    "development": development.blocks,
    "audit_summary": audit_summary.blocks,
    "public_summary": audit_summary.public,
    "group_accuracy": _of_index(group_accuracy.blocks),
    "example_card": example_card.blocks,
    "pccp": pccp.blocks,
    "declaration": declaration.blocks,
    "registration": registration.blocks,
}


def sections(outline: Outline, papers: Papers) -> tuple[Section, ...]:
    """The sections of a document, numbered; empty ones say what is missing or are left out."""
    made: list[Section] = []
    for planned in outline.sections:
        blocks = _blocks(planned, papers)
        if blocks or planned.required:
            title = _titled(planned, papers)
            content = tuple(blocks or [checklist.missing(planned)])
            made.append(
                Section(planned.id, len(made) + 1, title, content, planned.locator, planned.intro)
            )
    return tuple(made)


def _blocks(planned: OutlineSection, papers: Papers) -> list[Block]:
    found = [block for name in planned.parts for block in BUILDERS[name](papers)]
    found += section_answers.blocks(planned, papers)
    for sub in planned.subsections:
        blocks = _blocks(sub, papers)
        if blocks or sub.required:
            found.append(Heading(sub.title, sub.id))
            found += [Text((sub.intro,), lead=True)] if sub.intro else []
            found += blocks or [checklist.missing(sub)]
    return found


def _titled(planned: OutlineSection, papers: Papers) -> str:
    """The title; two sections are named after what the task calls its outputs and horizon."""
    task = papers.result.cohort.task
    if planned.id == "outputs":
        return f"Results of each {words.OUTPUT.get(task, 'output')}"
    if planned.id == "calibration" and task == "survival":
        return "Calibration at the horizon"
    return planned.title
