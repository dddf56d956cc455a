"""The worked examples of docs/plan.md are run, and the records they show are in the result."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audit.cases.pairs import Place
from audit.cohort import needed_columns
from audit.measures import TASK_MEASURES
from audit.plan import Plan
from audit.plan_file import parse_plan
from audit.sources.files import read_files
from audit.tasks.read import build_any_cohort
from audit.tasks.run import audit_any
from tests.audit.tasks.builders import class_columns, label_columns, value_columns
from tests.audit.tasks.cases import follow_up, found_objects, masks
from tests.audit.tasks.test_image_to_image import pictures
from tests.end_to_end.command import run

ROOT = Path(__file__).parent.parent
PREDICTIONS = ROOT / "examples" / "predictions.csv"
PAGE = (ROOT / "docs" / "plan.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Example:
    """A plan of the page and parts of records that its result holds."""

    text: str
    plan: str
    shown: list[dict[str, Any]]


def examples() -> dict[str, Example]:
    found = {}
    worked = PAGE.split("## Worked examples")[1]
    for title, text in re.findall(r"^### (.*?)\n(.*?)(?=^### |\Z)", worked, re.M | re.S):
        (plan,) = re.findall(r"^```yaml\n(.*?)^```$", text, re.M | re.S)
        (records,) = re.findall(r"^```json\n(.*?)^```$", text, re.M | re.S)
        found[title] = Example(text, plan, [json.loads(line) for line in records.splitlines()])
    return found


EXAMPLES = examples()


def written(example: Example, plan: Plan, folder: Path) -> Path:
    """The file that the page says the example is run on."""
    cases: dict[str, Callable[[Path], pd.DataFrame]] = {
        "segmentation": masks,
        "image": pictures,
        "detection": found_objects,
        "survival": lambda folder: follow_up(300),
    }
    if plan.task in cases:
        cases[plan.task](folder).to_csv(folder / "predictions.csv", index=False)
        return folder / "predictions.csv"
    made = {
        "multiclass": class_columns(5),
        "multilabel": label_columns(6),
        "regression": value_columns(7),
    }.get(plan.task)
    if made is None:
        frame = pd.read_csv(PREDICTIONS, dtype=str, keep_default_na=False)
        number = frame["pid"].str[1:].astype(int) % 2 + 1
        frame["scanner"] = frame["hospital"] + " " + number.astype(str)
    else:
        named = re.search(r"columns\s+`([\w, \n]+)`", example.text)
        frame = pd.DataFrame(made)
        if named is not None:
            frame = frame[re.findall(r"\w+", named[1])]
    path = folder / "predictions.csv"
    frame.to_csv(path, index=False)
    return path


def result_of(example: Example, folder: Path) -> dict[str, Any]:
    plan = parse_plan(example.plan, "plan")
    source = read_files([written(example, plan, folder)], needed_columns(plan))
    cohort = build_any_cohort(source, plan, Place(folder))
    found: dict[str, Any] = json.loads(audit_any(cohort, plan).to_json())
    return found


def records_of(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of a result, however deep."""
    if isinstance(value, dict):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from records_of(one)


def agrees(real: Any, shown: Any) -> bool:
    """Whether a record holds what is shown of it; numbers to four decimals."""
    if isinstance(shown, dict):
        return isinstance(real, dict) and all(
            key in real and agrees(real[key], value) for key, value in shown.items()
        )
    if isinstance(shown, float):
        return isinstance(real, int | float) and abs(real - shown) <= 0.5001e-4
    return bool(real == shown)


@pytest.mark.parametrize("title", EXAMPLES)
def test_shown_records_are_in_the_result(title: str, tmp_path: Path) -> None:
    example = EXAMPLES[title]
    result = result_of(example, tmp_path)
    del result["plan"]  # what the plan says is no news
    for shown in example.shown:
        key = next(iter(shown))
        same = [r for r in records_of(result) if r.get(key) == shown[key]]
        assert any(agrees(record, shown) for record in same), (shown, same)


def test_a_record_that_is_not_there_is_noticed() -> None:
    real = {"id": "a", "value": 0.12344, "null": {"p": 0.5}, "denominator": 3}
    assert agrees(real, {"id": "a", "value": 0.1234, "null": {"p": 0.5}})
    for shown in ({"value": 0.1236}, {"null": {"p": 0.6}}, {"denominator": 4}, {"level": 0.95}):
        assert not agrees(real, shown)


def test_the_page_has_an_example_of_every_key_that_needs_one() -> None:
    wanted = ["measures", "intervals", "options", "permutations", "standardise", "label_error"]
    wanted += ["precision", "columns.scores", "columns.labels", "columns.nested"]
    wanted += ["coverage", "change", "checklists"]
    wanted += ["Requirement.output", *(f"task: {t}" for t in TASK_MEASURES if t != "binary")]
    for key in wanted:
        assert any(f"`{key}`" in title for title in EXAMPLES), key


def test_an_example_on_the_command_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.yaml").write_text(EXAMPLES["`measures`"].plan, encoding="utf-8")
    done = run(capsys, monkeypatch, "audit", PREDICTIONS, "--plan", "plan.yaml", "--quiet")
    assert done.code == 0, done.err
    result = json.loads((tmp_path / "out" / "audit.json").read_text(encoding="utf-8"))
    for shown in EXAMPLES["`measures`"].shown:
        assert any(agrees(record, shown) for record in records_of(result))


def test_every_key_of_the_plan_is_on_the_page_with_its_meaning() -> None:
    tables = PAGE.split("## Worked examples")[0]
    sections = dict(re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", tables, re.M | re.S))
    schema = Plan.model_json_schema()
    assert len(sections) == len(schema["$defs"]) + 1
    rows = {
        name: {cells[1].strip(" `"): cells for line in text.splitlines()
               if len(cells := re.split(r"(?<!\\)\|", line)) == 6}
        for name, text in sections.items()
    }  # fmt: skip
    assert set(schema["properties"]) == set(rows["plan"]) - {"key", "---"}
    assert set(schema["$defs"]["Requirement"]["properties"]) <= set(rows["requirements"])
    for name, cells in ((n, c) for n, keys in rows.items() for c in keys.values()):
        assert cells[2].strip(), (name, cells)
        assert cells[4].strip(), (name, cells)
    defaults = {key: cells[3].strip(" `") for key, cells in rows["plan"].items()}
    assert defaults["columns"] == "required"
    assert float(defaults["level"]) == Plan.model_fields["level"].default
    assert np.isclose(float(defaults["permutations"]), 500)
