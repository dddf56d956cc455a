"""The reference pages say what the code says."""

import importlib.util
import re
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

DOCS = Path(__file__).parent.parent / "docs"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", sorted(generator().pages()))
def test_page_is_up_to_date(name: str) -> None:
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == generator().pages()[name], "run: python docs/generate.py"


def test_every_command_and_option_has_help() -> None:
    import typer

    import cli

    def check(name: str, command: Any) -> None:
        assert command.help, name
        for param in command.params:
            assert getattr(param, "help", None), f"{name}: {param.name}"
        if hasattr(command, "list_commands"):
            for inner in command.list_commands(None):
                check(f"{name} {inner}", command.get_command(None, inner))

    check("equipoise", typer.main.get_command(cli.app))


SOURCE = re.compile(r"doi:10\.|arXiv:\d{4}\.\d{5}|, ch\. \d|\d CFR \d")


def test_every_measure_and_criterion_cites_a_source_that_can_be_found() -> None:
    from audit.criteria_table import CRITERIA
    from audit.measures import DECLARED

    references = {id: measure.reference for id, measure in DECLARED.items()}
    references |= {id: criterion.reference for id, criterion in CRITERIA.items()}
    for id, reference in references.items():
        assert SOURCE.search(reference), id


def sections(page: str) -> dict[str, str]:
    """The entries of a generated page by their ids."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return dict(re.findall(r"^## `(\w+)` (.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))


# Each field of a measure and what stands for it on the page; the functions show as their source.
SHOWN = {
    "id": "",
    "name": "{0.name}",
    "family": "- Family: {0.family}",
    "formula": "- Formula: {0.formula}",
    "numerator_text": "- Numerator: {0.numerator_text}",
    "denominator_text": "- Denominator: {0.denominator_text}",
    "bounds": "- Range: {0.bounds[0]:g} to {0.bounds[1]:g}. ",
    "undefined_when": "- Undefined when: {0.undefined_when}.",
    "reading": "{0.reading}",
    "reference": "- Reference: {0.reference}",
    "scale": "- Scale: {0.scale}",
    "inference": "- Interval: ",
    "compute": "- Computed from: ",
    "of_ladder": "- Computed from: ",
    "numerator": "- Numerator: ",
    "denominator": "- Denominator: ",
    "needs_threshold": "- Needs: {0.needs}.",
    "needs_score": "- Needs: {0.needs}.",
    "needs_probability": "- Needs: {0.needs}.",
    "needs_target": "- Needs: {0.needs}.",
    "pairwise": "- Groups: ",
}
WHERE_SET = {
    "appendix": "in the appendix",
    "terms": "among them ",
    "target": "Best at {0.target:g}",
}
DIRECTIONS = {
    "higher": "Higher is better",
    "lower": "Lower is better",
    "target": "Best at",
    "neutral": "Neither high nor low",
}


def test_every_declared_field_of_a_measure_is_on_its_page() -> None:
    from audit.measures import DECLARED
    from audit.measures.declaration import Measure

    names = {field.name for field in fields(Measure)}
    assert names == {*SHOWN, *WHERE_SET, "direction"}
    entries = sections("measures.md")
    assert list(entries) == list(DECLARED)
    for id, measure in DECLARED.items():
        text = entries[id]
        wanted = [*SHOWN.values(), DIRECTIONS[measure.direction]]
        wanted += [shown for name, shown in WHERE_SET.items() if getattr(measure, name)]
        for shown in wanted:
            assert shown.format(measure) in text, (id, shown)


def test_every_criterion_and_its_parts_are_on_the_page() -> None:
    from audit.criteria_table import CRITERIA

    entries = sections("criteria.md")
    assert list(entries) == list(CRITERIA)
    for id, criterion in CRITERIA.items():
        for shown in (criterion.formula, criterion.reading, criterion.reference, criterion.name):
            assert shown in entries[id]
        for part in criterion.parts:
            assert f"({part})" in entries[id]
        assert f"- Fair at: {criterion.fair:g}." in entries[id]
        assert ("Conventional line" in entries[id]) is (criterion.line is not None)


def test_every_alias_is_on_the_page_with_what_differs() -> None:
    from audit.aliases import ALIASES

    text = (DOCS / "aliases.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    shown = [row for row in rows if row[0] not in ("name", "---")]
    assert all(len(row) == 3 for row in shown)
    assert len(shown) == len(ALIASES)
    for alias in ALIASES:
        here = "none" if alias.target is None else f"`{alias.target}`"
        assert any(
            row[0] == alias.name
            and row[1].startswith(here)
            and row[2] == (alias.note or "the same")
            for row in shown
        ), alias


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in DOCS.glob("*.md"):
        for target in re.findall(r"\]\(((?!http)[^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (DOCS / target).exists(), (page.name, target)
