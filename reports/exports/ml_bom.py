"""The audit as a CycloneDX 1.6 ML-BOM: the model with its model card, and the data it was tried on.

CycloneDX wants a value for every metric. An estimate without one is no metric: it is listed, with
its reason, among the properties of the card.
"""

from uuid import uuid5

from audit.result import Estimate, FileHash
from checklists.answers import AuditSource
from reports import words
from reports.cyclonedx import checklist_properties, component, envelope, tools
from reports.declarations import Declared, declarations, hashed, named, standards
from reports.exchange import NAMESPACE, Json, cited_audits, filled, line, text_of
from reports.exports.record import (
    AUDIT_FILE,
    audit_file,
    groups_at_risk,
    limits,
    measure_id,
    mitigations,
    open_verdicts,
    product_of,
    without,
)
from reports.papers import Papers

_USERS = {
    "clinical_decision_support": "Health-care professionals whose decisions it supports",
    "computer_aided_detection": "Readers for whom it marks or grades findings",
    "lay_users": "Patients or lay people",
}


def ml_bom(papers: Papers) -> str:
    """Write the papers as a bill of materials; declarations are there where checklists are."""
    # The content names the document; references into itself then carry that name.
    serial = str(uuid5(NAMESPACE, text_of(_bom(papers, ""))))
    return text_of(_bom(papers, serial))


def _bom(papers: Papers, serial: str) -> Json:
    bom: Json = {**envelope(serial), "metadata": _metadata(papers), "components": _data(papers)}
    if papers.assessment is not None:
        declared = Declared(papers.assessment, audit_file(papers))
        bom["declarations"] = declarations(declared, serial)
        bom["definitions"] = {"standards": standards(declared)}
    return filled(bom)


def _metadata(papers: Papers) -> Json:
    """Without a moment: the same papers give the same bytes on any day."""
    told = checklist_properties(papers.assessment) if papers.assessment is not None else {}
    model = papers.result.provenance.model
    content = {
        "tools": tools(),
        "component": component(product_of(papers), model, _audits(papers), _card(papers)),
        "properties": [named(name, value) for name, value in told.items()],
    }
    return filled(content)


def _audits(papers: Papers) -> list[AuditSource]:
    file = audit_file(papers)
    if papers.assessment is not None:
        return cited_audits(papers.assessment, file)
    used = papers.result.provenance
    data = tuple(f.sha256 for f in used.data)
    return [AuditSource(file=AUDIT_FILE, sha256=file.sha256, plan=used.plan_sha256, data=data)]


def _data(papers: Papers) -> list[Json]:
    """The files that the model was tried on, by content."""
    told = line(product_of(papers).cohort)
    return [
        {
            "type": "data",
            "bom-ref": _data_ref(number),
            "name": file.name,
            "hashes": [hashed(file.sha256)],
            "data": [_dataset(file, told)],
        }
        for number, file in enumerate(papers.result.provenance.data, start=1)
    ]


def _dataset(file: FileHash, told: str) -> Json:
    return filled({"type": "dataset", "name": file.name, "description": told})


def _data_ref(number: int) -> str:
    return f"data/{number}"


def _card(papers: Papers) -> Json:
    result = papers.result
    files = range(1, len(result.provenance.data) + 1)
    parameters = {
        "task": result.cohort.task,
        "datasets": [{"ref": _data_ref(number)} for number in files],
    }
    metrics = [_metric(e) for e in result.estimates if e.value is not None]
    content = {
        "modelParameters": filled(parameters),
        "quantitativeAnalysis": filled({"performanceMetrics": metrics}),
        "considerations": _considerations(papers),
        "properties": _properties(papers),
    }
    return filled(content)


def _metric(e: Estimate) -> Json:
    content: Json = {"type": measure_id(e), "value": _number(e.value), "slice": e.stratum}
    if e.lower is not None and e.upper is not None:
        ends = {"lowerBound": _number(e.lower), "upperBound": _number(e.upper)}
        content["confidenceInterval"] = ends
    return content


def _number(value: float | None) -> str:
    """All digits that a value has."""
    return repr(value)


def _considerations(papers: Papers) -> Json:
    use = line(product_of(papers).intended_use)
    content = {
        "users": _users(papers),
        "useCases": [use] if use else [],
        "technicalLimitations": [*open_verdicts(papers), *limits(papers)],
        "fairnessAssessments": _fairness(papers),
    }
    return filled(content)


def _users(papers: Papers) -> list[str]:
    """Who the profile says it is for; the plan tells it in one text with the use."""
    if papers.assessment is None:
        return []
    facts = papers.assessment.profile.facts
    return [f"{told} (product profile)" for fact, told in _USERS.items() if getattr(facts, fact)]


def _fairness(papers: Papers) -> list[Json]:
    mitigated = "\n".join(mitigations(papers))
    return [
        filled({"groupAtRisk": group, "harms": "\n".join(found), "mitigationStrategy": mitigated})
        for group, found in groups_at_risk(papers).items()
    ]


def _properties(papers: Papers) -> list[Json]:
    """What the card has no place for: how it was made, verdicts, and estimates that are missing."""
    result, used = papers.result, papers.result.provenance
    told = [
        ("as-of", used.as_of or ""),
        ("schema-version", result.schema_version),
        ("plan-sha256", used.plan_sha256),
        ("seed", str(used.seed)),
        ("resamples", str(used.resamples)),
        *(
            ("interval-level", f"{level:g}")
            for level in sorted({e.level for e in result.estimates})
        ),
    ]
    for v in result.verdicts:
        told.append(("verdict", f"{v.requirement}: {words.VERDICT[v.status][1]}. {line(v.reason)}"))
    for e in result.estimates:
        if e.value is None:
            told.append(("without-value", f"{e.id}: {without(e)}"))
        elif e.status != "ok":
            told.append(("without-inference", f"{e.id}: {without(e)}"))
    return [named(name, value) for name, value in told if value]
