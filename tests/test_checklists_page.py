"""The guide to the checklists: its profiles are read, its commands run in the order they stand."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from checklists.profile import ProfileSection
from tests.end_to_end.command import run

GUIDE = (Path(__file__).parents[1] / "docs" / "checklists_guide.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def test_every_profile_in_the_guide_fits_the_schema() -> None:
    profiles = [yaml.safe_load(text)["profile"] for language, text in BLOCKS if language == "yaml"]
    assert len(profiles) == 2
    for profile in profiles:
        ProfileSection.model_validate(profile)


def test_the_commands_of_the_guide_do_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    profile = next(text for language, text in BLOCKS if language == "yaml")
    codes: dict[str, int] = {}
    for line in "".join(text for language, text in BLOCKS if language == "sh").splitlines():
        words = shlex.split(line)
        assert words[:2] == ["equipoise", "checklist"]
        outcome = run(capsys, monkeypatch, *words[1:])
        codes[" ".join(words[2:4])] = outcome.code
        assert outcome.code == (1 if "--fail-on" in words else 0), (line, outcome.err)
        if words[2] == "init":
            assert "profile:" in Path("equipoise.yaml").read_text(encoding="utf-8")
            Path("equipoise.yaml").write_text(profile, encoding="utf-8")
    assert len(codes) >= 10
    for name in ("altai.xlsx", "assessment-results.json", "attestations.json", "checklists.md"):
        assert (tmp_path / name).stat().st_size > 1000
    answers = Path("answers.yaml").read_text(encoding="utf-8")
    assert "decision: signed_off" in answers
