"""Small instruments, profiles and answers: written as files and read by the public path."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from audit.result import AuditResult
from checklists.answers import Answer, Person
from checklists.catalogue import Catalogue
from checklists.facts import Facts
from checklists.instrument import Instrument, InstrumentFile
from checklists.profile import Profile, read_profile
from checklists.scope import Standing, standing
from tests.audit.builders import PLAN, audited, random_columns

Data = dict[str, Any]

ADA = Person(name="Ada", role="regulatory affairs")
BEN = Person(name="Ben", role="quality")
MOMENT = datetime(2026, 11, 28, 12, tzinfo=UTC)
TODAY = MOMENT.date()
# One requirement that this audit meets and one that it violates.
REQUIREMENTS = """
requirements:
  - {id: ranks, measure: auroc, floor: 0.7, strata: [overall]}
  - {id: perfect, measure: auroc, floor: 0.999, strata: [overall]}
"""


def item_data(id: str, **more: Any) -> Data:
    """An item as it is written in an instrument file."""
    written = {
        "id": id,
        "section": "one",
        "locator": f"Point {id}",
        "heading": f"Heading of {id}",
        "question": f"Is what {id} asks for in place?",
        "evidence": ["a record"],
    }
    return {**written, **more}


def instrument_data(id: str = "house", *items: Data, **more: Any) -> Data:
    """An instrument file as data: one edition, one section, binding since 2025."""
    written = {
        "id": id,
        "title": f"Rules of {id}",
        "short": id.title(),
        "publisher": "the house",
        "status": "binding",
        "jurisdiction": "INT",
        "purpose": "To be tested.",
        "verified_on": date(2026, 11, 1),
        "verification": "Made up.",
        "rights": "Made up.",
        "editions": [{"id": "first", "citation": "first edition"}],
        "sections": [{"id": "one", "title": "Section one"}],
        "timelines": {
            "usual": [
                {"edition": "first", "valid_from": date(2025, 1, 1), "status": "binding"},
            ]
        },
        "defaults": {"timeline": "usual"},
        "items": list(items) or [item_data(f"{id.upper()}-1")],
    }
    return {**written, **more}


def instrument_of(data: Mapping[str, Any]) -> Instrument:
    return InstrumentFile.model_validate(data).resolved()


def catalogue_of(*data: Mapping[str, Any]) -> Catalogue:
    """A catalogue of these instruments and no others."""
    return Catalogue(instrument_of(one) for one in data)


def write_yaml(path: Path, data: Any) -> Path:
    path.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def write_instrument(folder: Path, data: Mapping[str, Any]) -> Path:
    """Write an instrument file that is called after its id."""
    return write_yaml(folder / f"{data['id']}.yaml", dict(data))


def write_profile(folder: Path, **profile: Any) -> Path:
    """Write `equipoise.yaml` with this section `profile`."""
    return write_yaml(folder / "equipoise.yaml", {"profile": profile})


def profile_of(folder: Path, *data: Mapping[str, Any], **facts: Any) -> Profile:
    """A profile that follows these instruments alone; files in a folder, read back."""
    names = [write_instrument(folder, one).name for one in data]
    return read_profile(write_profile(folder, **facts, instruments=names))


def standing_of(catalogue: Catalogue, item: str, on: str | date = TODAY, **facts: Any) -> Standing:
    """How an item stands on a date for a product with these facts."""
    day = date.fromisoformat(on) if isinstance(on, str) else on
    found = catalogue.item(item)
    return standing(found, catalogue.instrument(found.instrument), Facts(**facts), day)


def answer_of(standing: Standing, status: str = "met", **more: Any) -> Answer:
    """An answer of Ada to an item as it stands."""
    version = standing.version or standing.item.versions[0]
    said = {
        "status": status,
        "by": ADA,
        "at": MOMENT,
        "item_sha256": standing.item.sha256(standing.version),
        "edition": version.edition,
    }
    return Answer.model_validate({**said, **more})


@cache
def small_audit() -> AuditResult:
    """An audit of 400 rows with two requirements; made once."""
    return audited(PLAN + REQUIREMENTS, random_columns(1, 400))


def write_audit(folder: Path) -> Path:
    """Write that audit as `audit.json`."""
    path = folder / "audit.json"
    path.write_text(small_audit().to_json(), encoding="utf-8")
    return path
