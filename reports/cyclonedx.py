"""The checklists as a CycloneDX 1.6 bill of materials: the model, and declarations about it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import uuid5

from audit.plan import Product
from audit.provenance import tool_version
from audit.result import FileHash
from audit.result_file import ResultFile
from checklists.answers import AuditSource
from checklists.assessment import Assessment
from reports.declarations import (
    MODEL,
    Declared,
    declarations,
    hashed,
    named,
    reference,
    standards,
)
from reports.exchange import (
    NAMESPACE,
    NOTICE,
    Json,
    cited_audits,
    filled,
    line,
    moment,
    stated_facts,
    text_of,
)


def cyclonedx(assessment: Assessment, audit: ResultFile | None, at: datetime) -> str:
    """Write an assessment as a CycloneDX bill of materials with declarations."""
    paper = Declared(assessment, audit)
    # The content names the document; references into itself then carry that name.
    serial = str(uuid5(NAMESPACE, text_of(_bom(paper, at, ""))))
    return text_of(_bom(paper, at, serial))


def _bom(paper: Declared, at: datetime, serial: str) -> Json:
    return {
        **envelope(serial),
        "metadata": _metadata(paper, at),
        "declarations": declarations(paper, serial),
        "definitions": {"standards": standards(paper)},
    }


def envelope(serial: str) -> Json:
    """What every bill of materials begins with."""
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
    }


def tools() -> Json:
    """The tool that wrote it."""
    tool = {"type": "application", "name": "equipoise", "version": tool_version()}
    return {"components": [tool]}


def checklist_properties(assessment: Assessment) -> dict[str, str]:
    """The date that the checklists are judged from, and the facts that decide what is asked."""
    facts = stated_facts(assessment.profile.facts)
    told = {"notice": NOTICE, "as-of": assessment.on.isoformat()}
    return told | {f"fact:{name}": value for name, value in facts.items() if value}


def _metadata(paper: Declared, at: datetime) -> Json:
    told = checklist_properties(paper.assessment)
    return {
        "timestamp": moment(at),
        "tools": tools(),
        "component": _model(paper),
        "properties": [named(name, value) for name, value in told.items()],
    }


def _model(paper: Declared) -> Json:
    product = paper.assessment.profile.product
    file = paper.audit.result.provenance.model if paper.audit is not None else None
    use = line(product.intended_use)
    card = {"considerations": {"useCases": [use]}} if use else {}
    return component(product, file, cited_audits(paper.assessment, paper.audit), card)


def component(
    product: Product, model: FileHash | None, audits: Sequence[AuditSource], card: Json
) -> Json:
    """The model that a bill of materials is about, with the audits of it."""
    maker = line(product.manufacturer)
    content = {
        "type": "machine-learning-model",
        "bom-ref": MODEL,
        "manufacturer": {"name": maker} if maker else None,
        "name": line(product.name) or "unnamed product",
        "version": line(product.version),
        "description": line(product.description),
        "hashes": [hashed(model.sha256)] if model is not None else [],
        "externalReferences": [reference("quality-metrics", a.file, a.sha256) for a in audits],
        "modelCard": card,
    }
    return filled(content)
