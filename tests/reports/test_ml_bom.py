import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from audit.result import AuditResult, FileHash
from checklists.figures import figures
from reports.cyclonedx import cyclonedx
from reports.exports.ml_bom import ml_bom
from reports.exports.record import groups_at_risk
from reports.papers import Papers
from tests.reports.answered import AT, answered
from tests.reports.exported import altered, planned, with_answers
from tests.reports.sample import large, papers, papers_of, sample, sample_dict


@pytest.fixture(scope="module")
def text() -> str:
    return ml_bom(papers())


@pytest.fixture(scope="module")
def card(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)["metadata"]["component"]["modelCard"]
    return found


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return with_answers(tmp_path_factory.mktemp("product"))


def assert_valid(text: str) -> None:
    """Hold it against both versions of the schema that have such model cards."""
    for version, name in ((SchemaVersion.V1_6, "1.6"), (SchemaVersion.V1_7, "1.7")):
        named = text.replace("bom-1.6.schema", f"bom-{name}.schema")
        named = named.replace('"specVersion": "1.6"', f'"specVersion": "{name}"')
        error = JsonStrictValidator(version).validate_str(named)
        assert error is None, str(error)[:2000]


def properties(card: dict[str, Any], name: str) -> list[str]:
    return [p["value"] for p in card["properties"] if p["name"] == f"equipoise:{name}"]


def walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from walk(part)


def test_it_fits_the_schemas(text: str, told: Papers) -> None:
    assert_valid(text)
    assert_valid(ml_bom(told))
    assert_valid(ml_bom(papers_of(large())))


def test_an_audit_of_nothing_fits_the_schemas() -> None:
    empty: dict[str, Any] = {
        "estimates": [],
        "disparities": [],
        "verdicts": [],
        "warnings": [],
        "sites": None,
    }
    text = ml_bom(altered(**empty, plan={}))
    assert_valid(text)
    component = json.loads(text)["metadata"]["component"]
    assert component["name"] == "unnamed product"
    assert "quantitativeAnalysis" not in component["modelCard"]


def test_every_estimate_with_a_value_is_a_metric(card: dict[str, Any]) -> None:
    metrics = card["quantitativeAnalysis"]["performanceMetrics"]
    found = {(m["type"], m["slice"]): m for m in metrics}
    known = [e for e in sample().estimates if e.value is not None]
    assert len(metrics) == len(found) == len(known)
    for e in known:
        metric = found[e.measure, e.stratum]
        assert float(metric["value"]) == e.value
        ends = metric.get("confidenceInterval")
        shown = ends and (float(ends["lowerBound"]), float(ends["upperBound"]))
        assert shown == (None if e.lower is None else (e.lower, e.upper))


def test_what_has_no_value_or_inference_is_listed_with_its_reason(card: dict[str, Any]) -> None:
    valueless = [e for e in sample().estimates if e.value is None]
    assert {e.status for e in valueless} == {"undefined", "suppressed", "not_collected"}
    assert len(properties(card, "without-value")) == len(valueless)
    assert (
        "sensitivity/age=[80,120): not collected: no unit of the cohort is in this stratum"
        in properties(card, "without-value")
    )
    weak = [e for e in sample().estimates if e.status == "insufficient"]
    listed = properties(card, "without-inference")
    assert [text.partition(": ")[0] for text in listed] == [e.id for e in weak]
    assert all("the plan asks for 10" in text for text in listed)


def test_a_class_is_named_with_its_measure() -> None:
    first = sample_dict()["estimates"][0] | {"output": "mel", "id": "sensitivity[mel]/overall"}
    card = json.loads(ml_bom(altered(estimates=[first])))["metadata"]["component"]["modelCard"]
    (metric,) = card["quantitativeAnalysis"]["performanceMetrics"]
    assert (metric["type"], metric["slice"]) == ("sensitivity[mel]", "overall")


def test_what_a_requirement_found_is_told_of_the_group(card: dict[str, Any]) -> None:
    found = {a["groupAtRisk"]: a for a in card["considerations"]["fairnessAssessments"]}
    sentence = figures(sample())["sensitivity/difference/race=Black:race=White"]
    assert sentence in found["race=Black"]["harms"]
    assert "violated" in found["race=Black"]["harms"]
    assert "inconclusive" in found["sex=F"]["harms"]
    assert "not estimable" in found["age=[80,120)"]["harms"]
    assert "overall" not in found
    assert not any("hospital=Leiden" in group for group in found)  # that one is waived
    assert not any({"benefits", "mitigationStrategy"} & set(a) for a in found.values())


def test_mitigation_is_what_somebody_answered(told: Papers) -> None:
    card = json.loads(ml_bom(told))["metadata"]["component"]["modelCard"]
    for found in card["considerations"]["fairnessAssessments"]:
        assert found["mitigationStrategy"] == (
            "Bias mitigation approaches (CHAI-SF.7): The training set was weighted by race."
        )
    assert card["considerations"]["users"] == ["Patients or lay people (product profile)"]


def contrast(measure: str, value: float, **more: Any) -> dict[str, Any]:
    known: list[dict[str, Any]] = sample_dict()["disparities"]
    model = next(d for d in known if d["contrast"] == "difference")
    ends = {"value": value, "lower": value - 0.01, "upper": value + 0.01}
    fixed = {"p": 0.001, "p_adjusted": 0.001, "status": "ok", "reason": None, "attribute": "sex",
             "stratum": "sex=F", "reference": "sex=M"}  # fmt: skip
    return model | ends | fixed | {"measure": measure, "id": f"{measure}/x"} | more


@pytest.mark.parametrize(
    ("disparity", "group"),
    [
        (contrast("sensitivity", -0.2), "sex=F"),
        (contrast("sensitivity", 0.2), "sex=M"),
        (contrast("brier", 0.1, family="primary"), "sex=F"),
        (contrast("brier", -0.1, family="primary"), "sex=M"),
        (contrast("brier", 0.1, family="screening"), None),
        (contrast("flag_rate", 0.2), None),  # neither end of it is better
        (contrast("oe_ratio", 0.2), None),
        (contrast("sensitivity", -0.2, p_adjusted=0.06), None),
        (contrast("sensitivity", -0.2, p_adjusted=None), None),
        (contrast("sensitivity", -0.2, status="insufficient", reason="few"), None),
        (contrast("sensitivity", -0.2, reference="not sex=F"), None),
        (contrast("sensitivity", -0.2, attribute="hospital"), None),
        (contrast("sensitivity", -0.2, stratum="race=Black & sex=F"), None),
    ],
)
def test_who_a_difference_is_to_the_disadvantage_of(
    disparity: dict[str, Any], group: str | None
) -> None:
    found = groups_at_risk(altered(disparities=[disparity], verdicts=[]))
    assert list(found) == ([] if group is None else [group])


def test_limitations_hold_what_is_not_met_and_every_warning(card: dict[str, Any]) -> None:
    told = card["considerations"]["technicalLimitations"]
    assert any("is inconclusive, which is not a pass" in text for text in told)
    assert any("cannot be judged, which is not a pass" in text for text in told)
    assert not any("is met" in text for text in told)
    assert all(w.message in told for w in sample().warnings)
    assert "met-example: met. the interval lies above the floor 0.75" in properties(card, "verdict")


def test_the_declarations_are_those_of_the_checklists(tmp_path: Path) -> None:
    made = answered(tmp_path)
    whole = Papers(made.audit.result, made.audit.path.read_bytes(), assessment=made.assessment)
    bom, other = json.loads(ml_bom(whole)), json.loads(cyclonedx(made.assessment, made.audit, AT))
    assert_valid(json.dumps(bom, indent=1))
    serial = bom["serialNumber"].removeprefix("urn:uuid:")
    theirs = other["serialNumber"].removeprefix("urn:uuid:")
    assert json.dumps(bom["declarations"]).replace(serial, theirs) == json.dumps(
        other["declarations"]
    )
    assert bom["definitions"] == other["definitions"]


def test_without_checklists_nothing_is_declared(text: str) -> None:
    assert not {"declarations", "definitions"} & set(json.loads(text))


def test_data_model_and_audit_are_named_by_content() -> None:
    used = sample().provenance
    model = FileHash(name="model.onnx", bytes=9, sha256="ab" * 32)
    changed = used.model_copy(update={"model": model})
    whole = papers_of(sample().model_copy(update={"provenance": changed}))
    bom = json.loads(ml_bom(whole))
    (data,) = bom["components"]
    assert data["hashes"] == [{"alg": "SHA-256", "content": used.data[0].sha256}]
    component = bom["metadata"]["component"]
    assert component["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert component["modelCard"]["modelParameters"]["datasets"] == [{"ref": data["bom-ref"]}]
    (reference,) = component["externalReferences"]
    assert reference["url"] == "audit.json"


def test_names_of_things_inside_are_unique(told: Papers) -> None:
    refs = [part["bom-ref"] for part in walk(json.loads(ml_bom(told))) if "bom-ref" in part]
    assert len(refs) == len(set(refs))


def test_the_product_is_that_of_the_plan_and_else_of_the_profile(told: Papers) -> None:
    component = json.loads(ml_bom(told))["metadata"]["component"]
    assert component["name"] == "CardioScan"
    bare = papers_of(sample().model_copy(update={"plan": {}}))
    whole = Papers(bare.result, bare.audit_json, assessment=told.assessment)
    assert json.loads(ml_bom(whole))["metadata"]["component"]["name"] == "Example risk score"


def test_long_and_foreign_names_stay_as_they_are() -> None:
    name = "רופא 医師 " + "x" * 120
    component = json.loads(ml_bom(planned(name=name)))["metadata"]["component"]
    assert component["name"] == name


def test_the_same_papers_give_the_same_bytes(text: str) -> None:
    assert ml_bom(papers()) == text
    assert "timestamp" not in text
    other = AuditResult.model_validate(sample_dict() | {"warnings": []})
    assert json.loads(ml_bom(papers_of(other)))["serialNumber"] not in text


@pytest.mark.parametrize("word", ["compliant", "unbiased", "is fair"])
def test_it_never_says_so(text: str, told: Papers, word: str) -> None:
    assert word not in text
    assert word not in json.dumps(json.loads(ml_bom(told))["metadata"])
