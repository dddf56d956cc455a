"""The CHAI Applied Model Card (schema v0.2) as XML, from plan, audit and answers alone.

Schema: https://github.com/coalition-for-health-ai/mc-schema. What nobody stated says so; optional
elements that nobody stated are left out.
"""

import re
from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from audit.result import Verdict
from checklists.figures import figures
from reports.exchange import line
from reports.exports import chai_metrics
from reports.exports.record import (
    NOT_STATED,
    groups_at_risk,
    limits,
    mitigations,
    open_verdicts,
    product_of,
    said_to,
)
from reports.papers import Papers
from reports.parts import front

NAMESPACE = "https://mc.chai.org/v0.2/schema.xsd"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NO_RISK = (
    "The audit found no requirement violated or undecided in a group, and no difference between "
    "groups that stands after adjustment. That is no evidence that groups are treated alike."
)
_STAGES = {
    "development": "In development",
    "premarket": "Before the market",
    "market": "On the market",
    "retired": "Retired",
}


def chai(papers: Papers) -> bytes:
    """Write the card."""
    card = Element("AppliedModelCard", {"xmlns": NAMESPACE})
    _basic_info(card, papers)
    _release_info(card, papers)
    _model_summary(card, papers)
    _uses(card, papers)
    _warnings(card, papers)
    _trust(card, papers)
    _key_metrics(card, papers)
    _resources(card, papers)
    SubElement(card, "Bibliography")
    ElementTree.indent(card, "\t")
    text: bytes = ElementTree.tostring(card, "utf-8", xml_declaration=True)
    return text + b"\n"


def _put(parent: Element, name: str, *told: str | None) -> None:
    """Put an element with what was told, or with the words that nothing was."""
    text = "\n\n".join(part for part in told if part)
    SubElement(parent, name).text = _NOT_XML.sub(" ", text or NOT_STATED)


def _put_optional(parent: Element, name: str, told: str | None) -> None:
    if told:
        _put(parent, name, told)


def _bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {line(item)}" for item in items)


def _basic_info(card: Element, papers: Papers) -> None:
    product = product_of(papers)
    part = SubElement(card, "BasicInfo")
    _put(part, "ModelName", line(product.name), said_to(papers, "CHAI-BI.1"))
    _put(part, "ModelDeveloper", line(product.manufacturer), said_to(papers, "CHAI-BI.2"))
    _put(part, "DeveloperContact", said_to(papers, "CHAI-BI.3"))


def _release_info(card: Element, papers: Papers) -> None:
    facts = papers.assessment.profile.facts if papers.assessment is not None else None
    stage = _STAGES[facts.lifecycle] if facts is not None and facts.lifecycle else None
    where = ", ".join(facts.jurisdiction) if facts is not None else ""
    part = SubElement(card, "ReleaseInfo")
    _put(part, "ReleaseStage", said_to(papers, "CHAI-RI.1") or stage)
    _put(part, "ReleaseDate", said_to(papers, "CHAI-RI.2"))
    _put(part, "ReleaseVersion", line(product_of(papers).version), said_to(papers, "CHAI-RI.3"))
    _put(part, "GlobalAvailability", said_to(papers, "CHAI-RI.4") or where)
    records = said_to(papers, "CHAI-RI.6")
    if records:
        _put(SubElement(part, "EHRCompatibility"), "EHR", records)
    _put_optional(part, "RegulatoryApproval", said_to(papers, "CHAI-RI.5"))


def _model_summary(card: Element, papers: Papers) -> None:
    product = product_of(papers)
    part = SubElement(card, "ModelSummary")
    _put(part, "Summary", line(product.description), said_to(papers, "CHAI-MS.1"))
    keywords = SubElement(part, "Keywords")
    _put_optional(keywords, "Keyword", said_to(papers, "CHAI-MS.2"))


def _uses(card: Element, papers: Papers) -> None:
    part = SubElement(card, "UsesAndDirections")
    use = line(product_of(papers).intended_use)
    _put(part, "IntendedUseAndWorkflow", use, said_to(papers, "CHAI-UD.1"))
    _put(part, "PrimaryIntendedUsers", said_to(papers, "CHAI-UD.2"))
    _put(part, "HowToUse", said_to(papers, "CHAI-UD.3"))
    _put(part, "TargetedPatientPopulation", said_to(papers, "CHAI-UD.4"))
    _put(part, "CautionedOutOfScopeSettings", said_to(papers, "CHAI-UD.5"))


def _warnings(card: Element, papers: Papers) -> None:
    part = SubElement(card, "Warnings")
    risks = _bullets([*open_verdicts(papers), *limits(papers)])
    _put(part, "KnownRisksAndLimitations", said_to(papers, "CHAI-W.1"), risks)
    found = [f"{group}: {text}" for group, some in groups_at_risk(papers).items() for text in some]
    biases = _bullets(found) or _NO_RISK
    _put(part, "KnownBiasesOrEthicalConsiderations", said_to(papers, "CHAI-W.2"), biases)
    _put(part, "ClinicalRiskLevel", said_to(papers, "CHAI-W.3"))


def _trust(card: Element, papers: Papers) -> None:
    trust = SubElement(card, "TrustIngredients")
    part = SubElement(trust, "AISystemFacts")
    gives, takes = _outputs(papers), _inputs(papers)
    _put(part, "OutcomesAndOutputs", said_to(papers, "CHAI-SF.1"), gives)
    _put(part, "ModelType", said_to(papers, "CHAI-SF.2"), _model_type(papers))
    _put_optional(part, "FoundationModels", said_to(papers, "CHAI-SF.3"))
    _put(part, "InputDataSource", said_to(papers, "CHAI-SF.4"))
    _put(part, "OutputAndInputDataTypes", said_to(papers, "CHAI-SF.5"), takes)
    _put(part, "DevelopmentDataCharacterization", said_to(papers, "CHAI-SF.6"))
    _put(part, "BiasMitigationApproaches", _bullets(mitigations(papers)))
    _put(part, "OngoingMaintenance", said_to(papers, "CHAI-SF.8"))
    _put_optional(part, "Security", said_to(papers, "CHAI-SF.9"))
    _put_optional(part, "Transparency", said_to(papers, "CHAI-SF.10"))
    part = SubElement(trust, "TransparencyInformation")
    _put(part, "FundingSource", said_to(papers, "CHAI-TI.1"))
    _put_optional(part, "ThirdPartyInformation", said_to(papers, "CHAI-TI.2"))
    _put(part, "StakeholdersConsulted", said_to(papers, "CHAI-TI.3"))


def _outputs(papers: Papers) -> str:
    """The outcome and how a score is read, as the audit took them."""
    told = front.outcome_text(papers.index)
    return f"In the test cohort {told}. {front.threshold(papers.result)}"


def _model_type(papers: Papers) -> str | None:
    known = papers.result.provenance.predicted_by or {}
    told = " ".join(str(known.get(key) or "") for key in ("format", "library")).strip()
    return f"As the predictions file tells: {told}." if told else None


def _inputs(papers: Papers) -> str | None:
    known = papers.result.provenance.predicted_by or {}
    names = ", ".join(str(name) for name in known.get("inputs") or ())
    score = papers.result.cohort.score_kind
    return f"Output: {score}. Inputs, as the predictions file tells: {names}." if names else None


def _key_metrics(card: Element, papers: Papers) -> None:
    part = SubElement(card, "KeyMetrics")
    for group in chai_metrics.GROUPS:
        _key_metric(SubElement(part, group.element), papers, group)


def _key_metric(part: Element, papers: Papers, group: chai_metrics.Group) -> None:
    verdicts = [v for v in papers.result.verdicts if group in chai_metrics.groups_of(papers, v)]
    _put(part, "MetricGoal", _bullets(_goal(v) for v in verdicts))
    results = SubElement(part, "Results")
    for label, value in chai_metrics.results(papers, group):
        result = SubElement(results, "MetricResult")
        _put(result, "Label", label)
        _put(result, "ValueJson", value)
    told = figures(papers.result)
    judged = _bullets(told[f"verdict/{v.requirement}"] for v in verdicts)
    _put(part, "Interpretation", judged, said_to(papers, group.item))
    level = papers.result.plan.get("level") or 0.95
    _put(part, "TestType", f"Audit of recorded predictions; intervals at {100 * level:g} %.")
    tested = " ".join(front.summary(papers.index).sentences[:-1])
    _put(part, "TestingDataDescription", line(product_of(papers).cohort), tested)
    _put(part, "ValidationProcessAndJustification", _process(papers))


def _goal(verdict: Verdict) -> str:
    why = f" {verdict.rationale}" if verdict.rationale else ""
    return f"{verdict.statement or verdict.requirement}.{why}"


def _process(papers: Papers) -> str:
    used = papers.result.provenance
    stated = f" as of {used.as_of}" if used.as_of else ""
    return (
        f"Requirements and strata were written down in a plan (SHA-256 {used.plan_sha256}) and "
        f"judged by their intervals with {used.tool} {used.tool_version}{stated}: seed "
        f"{used.seed}, {used.resamples:,} resamples. The same inputs give the same figures."
    )


def _resources(card: Element, papers: Papers) -> None:
    part = SubElement(card, "Resources")
    _put_optional(part, "EvaluationReferences", said_to(papers, "CHAI-R.1"))
    _put_optional(part, "ClinicalTrial", said_to(papers, "CHAI-R.2"))
    _put(part, "PeerReviewedPublications", said_to(papers, "CHAI-R.3"))
    _put_optional(part, "ReimbursementStatus", said_to(papers, "CHAI-R.4"))
    _put(part, "PatientConsentOrDisclosure", said_to(papers, "CHAI-R.5"))
