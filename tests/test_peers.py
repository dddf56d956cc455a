"""The page on other tools: its examples are run, and print what it shows."""

import contextlib
import io
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "peers.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(
    r"^```python\n(.*?)^```$(?:\n\n^```text\n(.*?)^```$)?", TEXT, re.MULTILINE | re.DOTALL
)


def run(blocks: list[str]) -> list[str]:
    """What each block prints; they share their names, as the page says."""
    names: dict[str, Any] = {}
    printed = []
    for place, block in enumerate(blocks):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(block, f"{PAGE.name}, example {place}", "exec"), names)
        printed.append(out.getvalue())
    return printed


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    with contextlib.chdir(tmp_path_factory.mktemp("peers")):
        return run([code for code, _ in EXAMPLES])


@pytest.mark.parametrize("place", range(len(EXAMPLES)))
def test_example_prints_what_the_page_shows(printed: list[str], place: int) -> None:
    code, shown = EXAMPLES[place]
    assert printed[place] == shown, code


def test_every_shown_output_belongs_to_an_example() -> None:
    assert sum(bool(shown) for _, shown in EXAMPLES) == TEXT.count("```text")
    assert len(EXAMPLES) == TEXT.count("```python") > 15


def test_versions_that_are_run_are_the_installed_ones() -> None:
    for package in ("scikit-learn", "fairlearn"):
        assert f"{package} {version(package)}" in TEXT


def test_every_stored_figure_names_its_version() -> None:
    sections = re.split(r"^#{2,3} ", TEXT, flags=re.MULTILINE)
    for section in sections[1:]:
        if "**stored**" in section.lower():
            assert re.search(r"\w+ \d+\.\d+", section), section.splitlines()[0]
