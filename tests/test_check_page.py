"""The commands of docs/check.md are run, and print what the page shows."""

import re
import shutil
from pathlib import Path

import pytest

from tests.end_to_end.command import run

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^```sh\n(.*?)^```\n\n```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_page_shows_commands() -> None:
    assert len(SHOWN) == 2


@pytest.mark.parametrize(("command", "text"), SHOWN)
def test_shown_output_is_the_real_one(
    command: str,
    text: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    words = command.split()
    assert words[0] == "equipoise"
    outcome = run(capsys, monkeypatch, *words[1:])
    assert text in outcome.out
