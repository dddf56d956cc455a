"""docs/python.md: its examples are run in order and print what it shows."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

import audit
from audit.testing import SETTINGS, Settings

TEXT = (Path(__file__).parent.parent / "docs" / "python.md").read_text("utf-8")
EXAMPLES = re.findall(
    r"^```python\n(.*?)^```$(?:\n\n^```text\n(.*?)^```$)?", TEXT, re.MULTILINE | re.DOTALL
)


@pytest.fixture(scope="module")
def printed() -> list[str]:
    names: dict[str, Any] = {}
    found = []
    token = SETTINGS.set(Settings())  # what the page asserts is no requirement of this run
    for place, (code, _) in enumerate(EXAMPLES):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, f"python.md, example {place}", "exec"), names)
        found.append(out.getvalue())
    SETTINGS.reset(token)
    return found


@pytest.mark.parametrize("place", range(len(EXAMPLES)))
def test_example_prints_what_the_page_shows(printed: list[str], place: int) -> None:
    code, shown = EXAMPLES[place]
    assert printed[place] == shown, code


def test_every_block_is_run() -> None:
    assert len(EXAMPLES) == TEXT.count("```python") == TEXT.count("```text") > 3


def test_every_name_of_the_package_that_the_page_tells_is_there() -> None:
    for name in re.findall(r"\baudit\.(\w+)", TEXT):
        assert name in ("testing", "json") or hasattr(audit, name), name
