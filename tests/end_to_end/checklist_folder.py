"""A folder with two small instruments, an audit and a document, and `equipoise checklist` in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from checklists.answers import Answer
from checklists.answers_file import read_answers
from tests.checklists.builders import (
    instrument_data,
    item_data,
    write_audit,
    write_instrument,
    write_profile,
)
from tests.end_to_end.command import Outcome, run

Checklist = Callable[..., Outcome]
GRACE = ("--as", "Grace", "--role", "clinician")
HOUSE = instrument_data(
    "house",
    item_data("HOUSE-1", options={"sex": "women and men", "age": "bands of age"}),
    item_data("HOUSE-2", scale="measure"),
    item_data("HOUSE-3", evidence_keys=["PERF"], automation="yes"),
)
GUEST = instrument_data(
    "guest",
    item_data("GUEST-1", scale="measure", maps_to={"equal": ["HOUSE-2"]}),
    item_data("GUEST-2", maps_to={"subset": ["HOUSE-1"]}),
)
PEOPLE = {
    "EQUIPOISE_NAME": "Ada",
    "EQUIPOISE_ROLE": "developer",
    "EQUIPOISE_AS_OF": "2026-11-23",
    "SOURCE_DATE_EPOCH": "1795867200",  # 2026-11-28 12:00 UTC
}


def commands(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Checklist:
    """`equipoise checklist`, by Ada and at a fixed moment."""
    for name, value in PEOPLE.items():
        monkeypatch.setenv(name, value)

    def call(*words: str | Path) -> Outcome:
        ended = run(capsys, monkeypatch, "checklist", *words)
        assert "Traceback" not in ended.err
        return ended

    return call


def fill(folder: Path) -> None:
    """Write the profile, the instruments, the audit and the document."""
    names = [write_instrument(folder, data).name for data in (HOUSE, GUEST)]
    write_profile(folder, role=["provider"], instruments=names)
    (folder / "out").mkdir()
    write_audit(folder / "out")
    (folder / "risk.md").write_text("# Risks\n", encoding="utf-8")


def done(outcome: Outcome) -> str:
    """What a command that went well printed, with one space for any white space."""
    assert outcome.code == 0, outcome.err or outcome.out
    return plain(outcome.out)


def plain(text: str) -> str:
    return " ".join(text.split())


def held(path: str = "answers.yaml") -> dict[str, Answer]:
    return read_answers(Path(path)).answers
