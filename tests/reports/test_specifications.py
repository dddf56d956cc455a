"""Specifications of figures, also held against the JSON schema of Vega-Lite that Altair ships."""

import json
from collections.abc import Iterator
from copy import deepcopy
from importlib.metadata import files
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from jsonschema import Draft7Validator

from audit.result import AuditResult
from checklists.catalogue import load_catalogue
from reports.blocks import Figure
from reports.figures import forest, specification
from reports.papers import Papers
from reports.parts import comparison, ledger_figure, radar
from reports.parts.index import Index
from reports.view import build_view
from tests.checklists.papers import assessed
from tests.reports.compared import comparison as compared
from tests.reports.compared import paired, weak, worse
from tests.reports.drawn import figures, fresh
from tests.reports.sample import papers, sample

COMPARED = compared(
    paired("auroc", "overall", 0.8, 0.75),
    worse("auroc", "sex=F", 0.85, 0.6),
    weak("auroc", "race=Black", 0.5, 0.25),
)
LEDGER = {"stratum": "overall", "output": None, "both_present": 34, "reference_only": 2,
          "prediction_only": 1, "both_empty": 3}  # fmt: skip
FORMS = get_args(get_type_hints(Figure)["form"])


@pytest.fixture(scope="module")
def specs() -> dict[str, list[dict[str, Any]]]:
    """What is drawn of the samples, by form."""
    with_ledger = AuditResult.model_validate(fresh() | {"ledger": [LEDGER]})
    found = [
        *build_view(papers()).figures,
        *figures(ledger_figure.blocks(Index(with_ledger))),
        *figures(comparison.blocks(Papers(sample(), b"{}", comparison=COMPARED))),
        *figures(radar.blocks(Papers(sample(), b"{}", assessment=assessed(load_catalogue(), {})))),
    ]
    return {form: [specification(f) for f in found if f.form == form] for form in FORMS}


@pytest.fixture(scope="module")
def schema() -> Draft7Validator:
    path = next(f for f in files("altair") or () if f.name == "vega-lite-schema.json")
    return Draft7Validator(json.loads(Path(str(path.locate())).read_text(encoding="utf-8")))


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Every object of a specification, the rows left out."""
    if isinstance(node, list):
        for part in node:
            yield from nodes(part)
    if isinstance(node, dict):
        yield node
        for name, part in node.items():
            if name != "datasets":
                yield from nodes(part)


def valid(schema: Draft7Validator, spec: dict[str, Any]) -> bool:
    """Rows are free in form, and many."""
    return bool(schema.is_valid(spec | {"datasets": {}}))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_figure_follows_the_schema(
    form: str, specs: dict[str, list[dict[str, Any]]], schema: Draft7Validator
) -> None:
    assert specs[form]
    for spec in specs[form]:
        assert valid(schema, spec)


def test_the_template_of_the_page_follows_the_schema(schema: Draft7Validator) -> None:
    assert valid(schema, forest.template())


@pytest.mark.parametrize(
    ("form", "name", "wrong"),
    [("calibration", "tickCount", "ticks"), ("radar", "strokeDash", "dash"),
     ("slope", "align", "aligned"), ("decision", "facet", "facets")],
)  # fmt: skip
def test_an_option_that_does_not_exist_is_found(
    form: str, name: str, wrong: str, specs: dict[str, list[dict[str, Any]]],
    schema: Draft7Validator,
) -> None:  # fmt: skip
    spec = deepcopy(specs[form][0])
    config = spec.pop("config")
    holder = next(node for node in nodes(spec) if name in node)
    holder[wrong] = holder.pop(name)
    assert not valid(schema, spec | {"config": config})


@pytest.mark.parametrize("form", FORMS)
def test_data_and_fields_that_are_drawn_exist(
    form: str, specs: dict[str, list[dict[str, Any]]]
) -> None:
    for spec in specs[form]:
        found = list(nodes(spec))
        names = {n["data"]["name"] for n in found if "data" in n}
        assert names <= set(spec["datasets"])
        known = {key for name in names for row in spec["datasets"][name] for key in row}
        known |= {n["as"] for n in found if "calculate" in n}
        assert {n["field"] for n in found if "field" in n} <= known


def test_a_ratio_has_round_ticks_on_a_logarithmic_axis(
    specs: dict[str, list[dict[str, Any]]],
) -> None:
    encoded = [n for spec in specs["forest"] for n in nodes(spec) if "scale" in n and n.get("axis")]
    ratios = [x for x in encoded if x["axis"]["title"] == "O:E ratio, log"]
    assert ratios
    for x in ratios:
        assert x["scale"]["type"] == "log"
        assert "zero" not in x["scale"]
        low, high = x["scale"]["domain"]
        assert x["axis"]["values"]
        assert all(low <= t <= high for t in x["axis"]["values"])
    assert {x["scale"]["type"] for x in encoded if x not in ratios} == {"linear"}
