"""The declarations that docs/model.md shows are ones that a model can be loaded with."""

import re
from pathlib import Path

import pytest

from audit.models.spec_file import parse_model_spec

PAGE = (Path(__file__).parent.parent / "docs" / "model.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.mark.parametrize("text", EXAMPLES, ids=[text.splitlines()[0] for text in EXAMPLES])
def test_every_example_is_a_declaration(text: str) -> None:
    spec = parse_model_spec(text, "model.yaml")
    assert spec.inputs
    assert spec.output is not None


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 4
