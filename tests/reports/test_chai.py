"""The card against the content model of the schema: which elements, in which order, with text.

After the schema of the CHAI Applied Model Card, v0.2,
Copyright (c) 2024 Coalition for Health AI, Inc.
"""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from audit.result import AuditResult
from reports.exports.chai import NAMESPACE, chai
from reports.papers import Papers
from tests.reports.exported import altered, planned, with_answers
from tests.reports.sample import large, papers, papers_of, sample, sample_dict

TEXT: dict[str, Any] = {}
METRIC = {
    "MetricGoal": TEXT,
    "Results": {"MetricResult+": {"Label": TEXT, "ValueJson": TEXT}},
    "Interpretation": TEXT,
    "TestType": TEXT,
    "TestingDataDescription": TEXT,
    "ValidationProcessAndJustification": TEXT,
}
# Version 0.2: elements in their order; "?" may be left out, "*" repeats or is absent, "+" repeats.
CARD = {
    "BasicInfo": {"ModelName": TEXT, "ModelDeveloper": TEXT, "DeveloperContact": TEXT},
    "ReleaseInfo": {
        "ReleaseStage": TEXT,
        "ReleaseDate": TEXT,
        "ReleaseVersion": TEXT,
        "GlobalAvailability": TEXT,
        "EHRCompatibility?": {"EHR*": TEXT},
        "RegulatoryApproval?": TEXT,
    },
    "ModelSummary": {"Summary": TEXT, "Keywords": {"Keyword*": TEXT}},
    "UsesAndDirections": {
        "IntendedUseAndWorkflow": TEXT,
        "PrimaryIntendedUsers": TEXT,
        "HowToUse": TEXT,
        "TargetedPatientPopulation": TEXT,
        "CautionedOutOfScopeSettings": TEXT,
    },
    "Warnings": {
        "KnownRisksAndLimitations": TEXT,
        "KnownBiasesOrEthicalConsiderations": TEXT,
        "ClinicalRiskLevel": TEXT,
    },
    "TrustIngredients": {
        "AISystemFacts": {
            "OutcomesAndOutputs": TEXT,
            "ModelType": TEXT,
            "FoundationModels?": TEXT,
            "InputDataSource": TEXT,
            "OutputAndInputDataTypes": TEXT,
            "DevelopmentDataCharacterization": TEXT,
            "BiasMitigationApproaches": TEXT,
            "OngoingMaintenance": TEXT,
            "Security?": TEXT,
            "Transparency?": TEXT,
        },
        "TransparencyInformation": {
            "FundingSource": TEXT,
            "ThirdPartyInformation?": TEXT,
            "StakeholdersConsulted": TEXT,
        },
    },
    "KeyMetrics": {
        "UsefulnessUsabilityEfficacy": METRIC,
        "FairnessEquity": METRIC,
        "SafetyReliability": METRIC,
    },
    "Resources": {
        "EvaluationReferences?": TEXT,
        "ClinicalTrial?": TEXT,
        "PeerReviewedPublications": TEXT,
        "ReimbursementStatus?": TEXT,
        "PatientConsentOrDisclosure": TEXT,
    },
    "Bibliography": TEXT,
}
MAY_BE_EMPTY = ("Bibliography",)  # BibTeX or nothing


def name_of(element: Element) -> str:
    namespace, _, name = element.tag[1:].partition("}")
    assert namespace == NAMESPACE
    return name


def assert_fits(element: Element, model: dict[str, Any]) -> None:
    """Hold an element against its content model, from the outside in."""
    waiting = list(element)
    if not model:
        assert not waiting
        assert (element.text or "").strip() or name_of(element) in MAY_BE_EMPTY, element.tag
        return
    for key, inner in model.items():
        name, often = key.rstrip("?*+"), key[len(key.rstrip("?*+")) :]
        found = 0
        while waiting and name_of(waiting[0]) == name and (found == 0 or often in ("*", "+")):
            assert_fits(waiting.pop(0), inner)
            found += 1
        assert found or often in ("?", "*"), f"{name} is missing"
    assert not waiting, f"{name_of(waiting[0])} is out of place"


def parsed(papers: Papers) -> Element:
    root = ElementTree.fromstring(chai(papers))
    assert name_of(root) == "AppliedModelCard"
    assert_fits(root, CARD)
    return root


def text(root: Element, path: str) -> str | None:
    steps = "/".join(f"{{{NAMESPACE}}}{step}" for step in path.split("/"))
    return root.findtext(steps)


def metrics(root: Element, group: str) -> dict[str, dict[str, Any]]:
    path = f".//{{{NAMESPACE}}}{group}//{{{NAMESPACE}}}MetricResult"
    found = [[part.text or "" for part in result] for result in root.iterfind(path)]
    assert len({label for label, _ in found}) == len(found)
    return {label: json.loads(value) for label, value in found}


@pytest.fixture(scope="module")
def card() -> Element:
    return parsed(papers())


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Element:
    return parsed(with_answers(tmp_path_factory.mktemp("product")))


def test_the_check_itself_can_fail() -> None:
    root = ElementTree.fromstring(chai(papers()))
    first, second = root[0][0], root[0][1]
    root[0].remove(first)
    with pytest.raises(AssertionError, match="ModelName is missing"):
        assert_fits(root, CARD)
    root[0].insert(1, first)
    with pytest.raises(AssertionError, match="ModelName is missing"):
        assert_fits(root, CARD)
    root[0].remove(first)
    root[0].insert(0, first)
    second.text = " "
    with pytest.raises(AssertionError):
        assert_fits(root, CARD)


def test_what_nobody_stated_says_so_and_optional_elements_are_left_out(card: Element) -> None:
    for path in (
        "BasicInfo/DeveloperContact",
        "ReleaseInfo/ReleaseStage",
        "ReleaseInfo/GlobalAvailability",
        "UsesAndDirections/HowToUse",
        "Warnings/ClinicalRiskLevel",
        "TrustIngredients/AISystemFacts/BiasMitigationApproaches",
        "TrustIngredients/TransparencyInformation/FundingSource",
        "Resources/PeerReviewedPublications",
    ):
        assert text(card, path) == "Not stated", path
    for path in ("ReleaseInfo/RegulatoryApproval", "TrustIngredients/AISystemFacts/Security"):
        assert text(card, path) is None


def test_the_plan_fills_what_it_knows(card: Element) -> None:
    assert text(card, "BasicInfo/ModelName") == "CardioScan"
    assert text(card, "BasicInfo/ModelDeveloper") == "Example Medical AB"
    assert text(card, "ReleaseInfo/ReleaseVersion") == "2.1.0"
    described = "Gradient-boosted trees on 13 clinical variables."
    assert text(card, "ModelSummary/Summary") == described
    path = "KeyMetrics/FairnessEquity/TestingDataDescription"
    assert "Consecutive referrals 2019-2022" in (text(card, path) or "")


def test_answers_fill_what_they_speak_of(answered: Element) -> None:
    assert text(answered, "BasicInfo/DeveloperContact") == "card@example.org"
    assert text(answered, "ReleaseInfo/ReleaseStage") == "On the market"
    assert text(answered, "ReleaseInfo/GlobalAvailability") == "EU, US"
    funding = text(answered, "TrustIngredients/TransparencyInformation/FundingSource")
    assert funding == "Not reported, which counts as not met. The funder is not named yet."
    assert text(answered, "Resources/ClinicalTrial") == "Not applicable. No trial was made."
    path = "TrustIngredients/AISystemFacts/BiasMitigationApproaches"
    assert "The training set was weighted by race." in (text(answered, path) or "")


def test_an_answer_that_the_audit_speaks_against_says_so(answered: Element) -> None:
    told = text(answered, "Warnings/KnownBiasesOrEthicalConsiderations") or ""
    assert told.startswith("Seen by race. Sensitivity in race=")
    assert "This cannot be taken as it stands: the audit says otherwise" in told


def test_metrics_of_everyone_of_groups_and_of_sites(card: Element) -> None:
    everyone = metrics(card, "UsefulnessUsabilityEfficacy")
    auroc = next(e for e in sample().estimates if e.id == "auroc/overall")
    ends = [round(value or 0.0, 4) for value in (auroc.value, auroc.lower, auroc.upper)]
    found = everyone["AUROC, overall"]
    assert [found.pop(key) for key in ("estimate", "lower", "upper")] == ends
    assert found == {"kind": "estimate_ci", "level": 95}
    groups = metrics(card, "FairnessEquity")
    assert groups["Largest gap of Sensitivity by race"]["kind"] == "estimate_ci"
    assert "Sensitivity, sex=F" in groups
    sites = metrics(card, "SafetyReliability")
    assert "Sensitivity, hospital=Lyon" in sites
    assert sites["AUROC at a new hospital (prediction interval)"]["kind"] == "estimate_ci"
    assert not any("hospital" in label for label in groups)


def test_a_metric_without_value_is_null_and_says_why(card: Element) -> None:
    groups = metrics(card, "FairnessEquity")
    empty = "Sensitivity, age=[80,120) (not collected: no unit of the cohort is in this stratum)"
    assert groups[empty] == {"kind": "single", "value": None}
    undefined = next(label for label in groups if label.startswith("Sensitivity, race=Other"))
    assert "undefined: there are no units with the condition" in undefined
    assert groups[undefined]["value"] is None


def test_requirements_are_goals_where_they_belong(card: Element) -> None:
    goal = "KeyMetrics/{}/MetricGoal"
    everyone = text(card, goal.format("UsefulnessUsabilityEfficacy")) or ""
    groups = text(card, goal.format("FairnessEquity")) or ""
    sites = text(card, goal.format("SafetyReliability")) or ""
    assert "AUROC at least 0.75 overall" in everyone
    assert "between levels of race" in groups
    assert "Equal opportunity between groups." in groups
    assert "O:E ratio within 0.80 to 1.25 in hospital=Leiden" in sites
    judged = text(card, "KeyMetrics/FairnessEquity/Interpretation") or ""
    assert "is violated" in judged
    assert "is inconclusive, which is not a pass" in judged


def test_without_sites_and_requirements_the_card_still_fits() -> None:
    attributes = [a for a in sample_dict()["cohort"]["attributes"] if a["role"] != "site"]
    cohort = sample_dict()["cohort"] | {"attributes": attributes}
    root = parsed(altered(sites=None, verdicts=[], cohort=cohort))
    found = metrics(root, "SafetyReliability")
    assert found == {"Not stated": {"kind": "single", "value": None}}
    assert text(root, "KeyMetrics/SafetyReliability/MetricGoal") == "Not stated"


def test_no_finding_is_no_evidence_of_equality() -> None:
    root = parsed(altered(verdicts=[], disparities=[]))
    told = text(root, "Warnings/KnownBiasesOrEthicalConsiderations") or ""
    assert "That is no evidence that groups are treated alike." in told


def test_signs_that_xml_lacks_and_markup_do_no_harm() -> None:
    root = parsed(planned(name="<b>A & B</b>\x00\ufffe רופא", version="]]>"))
    assert text(root, "BasicInfo/ModelName") == "<b>A & B</b>   רופא"
    assert text(root, "ReleaseInfo/ReleaseVersion") == "]]>"


def test_three_hundred_strata_fit() -> None:
    parsed(papers_of(large()))


def test_the_same_papers_give_the_same_bytes(tmp_path: Path) -> None:
    assert chai(papers()) == chai(papers_of(AuditResult.model_validate(sample_dict())))
    told = with_answers(tmp_path)
    assert chai(told) == chai(told)
