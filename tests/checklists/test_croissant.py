import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from audit.problems import InputError
from checklists.croissant import PROPERTIES, ClaimedFile, parse_croissant, read_croissant

SHA = "AB" * 32
CONTEXT = {
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "citeAs": "cr:citeAs",
}


def record(**more: Any) -> dict[str, Any]:
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": "Hearts",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
    } | more


def claimed(content: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    found = parse_croissant(json.dumps(content), "metadata.json")
    return {claim.property: claim.texts for claim in found.claims}


def problems(text: str) -> list[str]:
    with pytest.raises(InputError) as error:
        parse_croissant(text, "metadata.json")
    lines = str(error.value).splitlines()
    assert len(lines) == len(error.value.problems)
    return lines


def test_general_facts_and_claims_are_read() -> None:
    content = record(
        description="Patients\nof four hospitals.",
        license={"@id": "https://creativecommons.org/licenses/by/4.0/"},
        creator=[{"@type": "sc:Person", "name": "Ada"}, {"@type": "sc:Person", "name": "Grace"}],
        isLiveDataset=False,
        citeAs="@misc{hearts}",
    )
    content["rai:dataBiases"] = ["Few women.", "One country."]
    content["rai:annotationsPerItem"] = 3
    assert claimed(content) == {
        "description": ("Patients of four hospitals.",),
        "creator": ("Ada", "Grace"),
        "license": ("https://creativecommons.org/licenses/by/4.0/",),
        "citeAs": ("@misc{hearts}",),
        "isLiveDataset": ("no",),
        "rai:dataBiases": ("Few women.", "One country."),
        "rai:annotationsPerItem": ("3",),
    }


def test_what_is_not_stated_is_told() -> None:
    content = record()
    content["rai:dataBiases"], content["rai:dataLimitations"] = "Few women.", ""
    found = parse_croissant(json.dumps(content), "x")
    assert len(found.not_stated) == len(PROPERTIES) - 1
    assert "Known limitations" in found.not_stated
    assert "Known biases" not in found.not_stated


@pytest.mark.parametrize("name", PROPERTIES)
def test_every_property_of_rai_has_its_label(name: str) -> None:
    found = parse_croissant(json.dumps(record(**{f"rai:{name}": "said"})), "x")
    (claim,) = found.claims
    assert (claim.property, claim.label) == (f"rai:{name}", PROPERTIES[name])


@pytest.mark.parametrize(
    "key",
    [
        "rai:dataBiases",
        "r:dataBiases",
        "biases",
        "alias",
        "http://mlcommons.org/croissant/RAI/dataBiases",
        "https://mlcommons.org/croissant/RAI/dataBiases",
        "rai:databiases",
    ],
)
def test_a_property_is_known_by_its_full_name(key: str) -> None:
    context = CONTEXT | {
        "r": {"@id": "http://mlcommons.org/croissant/RAI/"},
        "biases": {"@id": "r:dataBiases", "@type": "@id"},
        "alias": "biases",
    }
    content = record(**{"@context": ["https://example.org/context", context], key: "Few women."})
    assert claimed(content) == {"rai:dataBiases": ("Few women.",)}


def test_prefixes_are_known_without_a_context() -> None:
    content = record(**{"rai:dataBiases": "Few women.", "@context": "https://example.org/context"})
    content["dct:conformsTo"] = content.pop("conformsTo")
    assert claimed(content) == {"rai:dataBiases": ("Few women.",)}


def test_spellings_in_use_mean_the_same() -> None:
    content = record()
    content["rai:dataCollectionTimeFrameStart"] = {"@value": "1989-01-01", "@type": "sc:Date"}
    content["rai:dataCollectionTimeFrameEnd"] = {"@value": "1990-01-01"}
    assert claimed(content) == {"rai:dataCollectionTimeframe": ("1989-01-01", "1990-01-01")}


def test_a_property_that_is_not_of_the_version_is_kept_under_its_name() -> None:
    found = parse_croissant(json.dumps(record(**{"rai:hasSyntheticData": True})), "x")
    (claim,) = found.claims
    assert (claim.property, claim.label, claim.texts) == (
        "rai:hasSyntheticData", "hasSyntheticData", ("yes",),
    )  # fmt: skip


def test_texts_in_languages_are_read() -> None:
    assert claimed(record(description={"en": "Hearts", "de": "Herzen"})) == {
        "description": ("Hearts; Herzen",)
    }


def test_a_term_that_means_itself_ends() -> None:
    context = CONTEXT | {"a": "b", "b": "a"}
    assert claimed(record(**{"@context": context, "a": "x"})) == {}


def test_files_are_known_by_their_hash() -> None:
    files = [
        {"@type": "cr:FileObject", "@id": "f1", "name": "hearts.csv", "sha256": SHA},
        {"@type": "cr:FileSet", "@id": "f2", "includes": "*.csv"},
        {"@type": "cr:FileObject", "name": "repo", "sha256": "https://github.com/x/issues/80"},
    ]
    found = parse_croissant(json.dumps(record(distribution=files)), "x")
    assert found.files == (
        ClaimedFile("hearts.csv", SHA.lower()),
        ClaimedFile("f2", None),
        ClaimedFile("repo", None),
    )
    (one,) = parse_croissant(json.dumps(record(distribution=files[0])), "x").files
    assert one.name == "hearts.csv"


def test_the_record_itself_is_hashed() -> None:
    text = json.dumps(record())
    assert parse_croissant(text, "x").sha256 == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "metadata.json: line 1: it is no JSON (Expecting value); ask the provider"),
        (
            '{\n"name": }',
            "metadata.json: line 2: it is no JSON (Expecting value); ask the provider",
        ),
        ("[]", "metadata.json: this is no description of a dataset; ask the provider"),
        ("[" * 100_000, "metadata.json: it cannot be read (maximum recursion depth exceeded"),
    ],
)
def test_what_is_no_record_is_one_line(text: str, line: str) -> None:
    (found,) = problems(text)
    assert found.startswith(line)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"@type": "cr:RecordSet"}, "'@type' does not say that this is a dataset"),
        ({"@type": 3}, "'@type' does not say that this is a dataset"),
        ({"@graph": []}, "'@graph' holds the dataset inside a graph"),
        ({"name": ""}, "'name' is missing"),
        ({"conformsTo": "http://example.org"}, "'conformsTo' names no version of Croissant"),
        ({"rai:dataBiases": {"a": {"b": 1}}}, "'rai:dataBiases' is no text"),
        ({"license": [["x"]]}, "'license' is no text"),
        ({"distribution": ["x"]}, "'distribution 1' describes no file"),
        ({"distribution": {"name": "f", "sha256": "zz"}}, "'distribution 1.sha256' is no SHA-256"),
        ({"distribution": {"name": "f", "sha256": 3}}, "'distribution 1.sha256' is no SHA-256"),
    ],
)
def test_each_fault_is_one_line(change: dict[str, Any], line: str) -> None:
    (found,) = problems(json.dumps(record(**change)))
    assert found.startswith(f"metadata.json: {line}; ")


def test_all_faults_are_told_at_once() -> None:
    found = problems(json.dumps({"rai:dataBiases": [{}, None], "distribution": [1]}))
    assert [line.split("'")[1] for line in found] == [
        "@type", "name", "conformsTo", "rai:dataBiases", "distribution 1",
    ]  # fmt: skip


def test_a_file_is_read_and_a_missing_one_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "metadata.json"
    path.write_text("\ufeff" + json.dumps(record()), "utf-8")
    assert read_croissant(path).name == "Hearts"
    with pytest.raises(InputError, match=r"no such file; check the path"):
        read_croissant(tmp_path / "none.json")
