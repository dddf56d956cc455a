"""What the provider of a dataset claims of it: a Croissant record with its RAI properties.

Croissant is JSON-LD. Only what a record needs to be read is asked for, and no context is fetched.
Formats: http://mlcommons.org/croissant/1.1 and http://mlcommons.org/croissant/RAI/1.0.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.problems import InputError, Problem
from audit.yaml_file import read_text

RAI = "mlcommons.org/croissant/RAI/"
# RAI 1.0, in the order in which they are read.
PROPERTIES = {
    "dataCollection": "How the data were collected",
    "dataCollectionType": "Kinds of collection",
    "dataCollectionTimeframe": "When they were collected",
    "dataCollectionRawData": "Source of the raw data",
    "dataCollectionMissingData": "Missing data",
    "dataImputationProtocol": "Imputation",
    "dataManipulationProtocol": "Manipulation",
    "dataPreprocessingProtocol": "Preprocessing",
    "dataAnnotationProtocol": "How labels were made",
    "dataAnnotationPlatform": "Tools of the annotators",
    "dataAnnotationAnalysis": "From annotations to labels",
    "annotationsPerItem": "Annotations per item",
    "annotatorDemographics": "Who the annotators were",
    "machineAnnotationTools": "Machine annotation",
    "personalSensitiveInformation": "Personal and sensitive information",
    "dataBiases": "Known biases",
    "dataLimitations": "Known limitations",
    "dataUseCases": "Uses it is meant for",
    "dataSocialImpact": "Social impact",
    "dataReleaseMaintenancePlan": "Maintenance",
}
# Spellings that are in use beside those of the specification.
_SPELLINGS = {
    "datacollectionraw": "dataCollectionRawData",
    "datacollectiontimeframestart": "dataCollectionTimeframe",
    "datacollectiontimeframeend": "dataCollectionTimeframe",
    "datadatamanipulationprotocol": "dataManipulationProtocol",
} | {name.casefold(): name for name in PROPERTIES}
_GENERAL = {
    "description": "Description",
    "version": "Version",
    "datePublished": "Published on",
    "dateModified": "Modified on",
    "creator": "Made by",
    "publisher": "Published by",
    "license": "Licence",
    "url": "Address",
    "citeAs": "To be cited as",
    "isLiveDataset": "Still growing",
}
_PREFIXES = {
    "rai": f"http://{RAI}",
    "cr": "http://mlcommons.org/croissant/",
    "sc": "https://schema.org/",
    "schema": "https://schema.org/",
    "dct": "http://purl.org/dc/terms/",
}
_START = "ask the provider of the dataset for its Croissant record (metadata.json)"
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class Claim:
    """A property of the dataset and what the provider says of it."""

    property: str
    label: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class ClaimedFile:
    """A file of the dataset; without a hash it cannot be told from another."""

    name: str
    sha256: str | None


@dataclass(frozen=True)
class DatasetClaims:
    """A dataset as its provider describes it; `sha256` is the hash of the record itself."""

    name: str
    conforms_to: tuple[str, ...]
    claims: tuple[Claim, ...]
    not_stated: tuple[str, ...]
    files: tuple[ClaimedFile, ...]
    sha256: str


def read_croissant(path: Path) -> DatasetClaims:
    """Read a Croissant record.

    Raises
    ------
    InputError
        With every problem found, as `parse_croissant` gives them, or when it cannot be read.
    """
    return parse_croissant(read_text(path), str(path))


def parse_croissant(text: str, name: str) -> DatasetClaims:
    """Validate the text of a Croissant record; `name` is how problems call the file.

    Raises
    ------
    InputError
        With every problem found: no JSON, no dataset, no name, a format that is not declared,
        values that are no text, hashes that are none.
    """
    record = _Record(_object(text, name), name)
    found = DatasetClaims(
        name=record.text_of("name"),
        conforms_to=record.conforms_to(),
        claims=tuple(record.claims()),
        not_stated=record.not_stated(),
        files=tuple(record.files()),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )
    if record.problems:
        raise InputError(record.problems)
    return found


def _object(text: str, name: str) -> dict[str, Any]:
    try:
        content = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        where = f"{name}: line {error.lineno}"
        raise InputError(
            Problem("not_json", where, f"it is no JSON ({error.msg})", _START)
        ) from None
    except (RecursionError, ValueError) as error:
        raise InputError(
            Problem("not_json", name, f"it cannot be read ({error})", _START)
        ) from None
    if isinstance(content, dict):
        return content
    raise InputError(Problem("not_croissant", name, "this is no description of a dataset", _START))


class _Record:
    """The dataset of a record by the full names of its properties."""

    def __init__(self, content: Mapping[str, Any], name: str) -> None:
        self._name = name
        self.problems: list[Problem] = []
        context = content.get("@context", {})
        parts = context if isinstance(context, list) else [context]
        self._context = {k: v for part in parts if isinstance(part, dict) for k, v in part.items()}
        self._values: dict[str, Any] = {}
        for key, value in content.items():
            self._values.setdefault(self._full(key), value)
        self._check(content)

    def _check(self, content: Mapping[str, Any]) -> None:
        if "@graph" in content:
            self._wrong("@graph", "holds the dataset inside a graph", "give the dataset alone")
        elif not any(self._full(t).endswith("schema.org/Dataset") for t in self._types(content)):
            self._wrong("@type", "does not say that this is a dataset", 'it must be "sc:Dataset"')
        if not self.text_of("name"):
            self._wrong("name", "is missing", "add the name of the dataset")
        if not any("mlcommons.org/croissant" in format for format in self.conforms_to()):
            remedy = 'add "http://mlcommons.org/croissant/1.1" or "http://mlcommons.org/croissant/RAI/1.0"'
            self._wrong("conformsTo", "names no version of Croissant", remedy)

    @staticmethod
    def _types(content: Mapping[str, Any]) -> list[str]:
        types = content.get("@type", [])
        return [t for t in (types if isinstance(types, list) else [types]) if isinstance(t, str)]

    def _wrong(self, key: str, reason: str, remedy: str) -> None:
        problem = Problem("not_croissant", self._name, f"'{key}' {reason}", remedy)
        if problem not in self.problems:
            self.problems.append(problem)

    def _full(self, key: str, depth: int = 0) -> str:
        """The full name of a property: its term or prefix written out, the scheme left off."""
        term = self._context.get(key)
        term = term.get("@id") if isinstance(term, dict) else term
        if isinstance(term, str) and term != key and depth < 8:
            return self._full(term, depth + 1)
        prefix, colon, rest = key.partition(":")
        if colon and not rest.startswith("//"):
            base = self._context.get(prefix, _PREFIXES.get(prefix))
            base = base.get("@id") if isinstance(base, dict) else base
            key = f"{base}{rest}" if isinstance(base, str) else key
        elif not colon and not key.startswith("@"):
            vocabulary = self._context.get("@vocab")
            key = f"{vocabulary if isinstance(vocabulary, str) else _PREFIXES['sc']}{key}"
        return key.removeprefix("https://").removeprefix("http://")

    def _get(self, name: str) -> Any:
        """The value of a property by the last part of its name; RAI ones are not meant."""
        for full, value in self._values.items():
            if full.rpartition("/")[2] == name and not full.startswith(RAI):
                return value
        return None

    def text_of(self, name: str) -> str:
        """A property that is one text; empty where it is not there."""
        return "; ".join(self._texts(name, self._get(name)))

    def conforms_to(self) -> tuple[str, ...]:
        """The formats that the record says it follows."""
        return self._texts("conformsTo", self._get("conformsTo"))

    def claims(self) -> Iterator[Claim]:
        """General facts, then the properties of RAI 1.0, then others under the name of RAI."""
        for name, label in _GENERAL.items():
            if texts := self._texts(name, self._get(name)):
                yield Claim(name, label, texts)
        stated = self._responsible()
        for name, label in PROPERTIES.items():
            if name in stated:
                yield Claim(f"rai:{name}", label, stated[name])
        for name, texts in stated.items():
            if name not in PROPERTIES:
                yield Claim(f"rai:{name}", name, texts)

    def not_stated(self) -> tuple[str, ...]:
        """What RAI has a place for and the provider says nothing of."""
        stated = self._responsible()
        return tuple(label for name, label in PROPERTIES.items() if name not in stated)

    def _responsible(self) -> dict[str, tuple[str, ...]]:
        """RAI properties under the names of the specification, whatever their spelling."""
        found: dict[str, tuple[str, ...]] = {}
        for full, value in self._values.items():
            if full.startswith(RAI):
                written = full.removeprefix(RAI)
                name = _SPELLINGS.get(written.casefold(), written)
                texts = self._texts(f"rai:{written}", value)
                if texts:
                    found[name] = (*found.get(name, ()), *texts)
        return found

    def files(self) -> Iterator[ClaimedFile]:
        """The files that the record describes, those inside others included."""
        given = self._get("distribution")
        for number, file in enumerate(given if isinstance(given, list) else [given], start=1):
            if file is None:
                continue
            where = f"distribution {number}"
            if not isinstance(file, dict):
                self._wrong(where, "describes no file", "it must be an object")
                continue
            values = {self._full(key).rpartition("/")[2]: value for key, value in file.items()}
            names = self._texts(where, values.get("name") or values.get("@id"))
            yield ClaimedFile(names[0] if names else where, self._hash(where, values))

    def _hash(self, where: str, values: Mapping[str, Any]) -> str | None:
        """The hash of a file; providers put an address in its place where they have none."""
        sha256 = values.get("sha256")
        if sha256 is None or (isinstance(sha256, str) and sha256.startswith("http")):
            return None
        if isinstance(sha256, str) and _SHA256.fullmatch(sha256):
            return sha256.lower()
        self._wrong(f"{where}.sha256", "is no SHA-256", "it has 64 hexadecimal digits")
        return None

    def _texts(self, key: str, value: Any) -> tuple[str, ...]:
        """Every text of a value; one that is no text is a problem."""
        if value is None:
            return ()
        values = value if isinstance(value, list) else [value]
        found = [self._text(key, one) for one in values]
        return tuple(text for text in found if text)

    def _text(self, key: str, value: Any) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, str | int | float):
            return " ".join(str(value).split())
        if isinstance(value, dict):
            for inner in ("@value", "name", "sc:name", "@id", "url"):
                if isinstance(value.get(inner), str | int | float):
                    return self._text(key, value[inner])
            by_language = [v for v in value.values() if isinstance(v, str)]
            if by_language and len(by_language) == len(value) and "@type" not in value:
                return "; ".join(" ".join(text.split()) for text in by_language)
        self._wrong(key, "is no text", "write it as a text or a list of texts")
        return ""
