"""What is kept of the parsed instruments is what their YAML says, or it is not used."""

import sys
from pathlib import Path

import pytest

from audit.yaml_file import FileKind, parse_record
from checklists.catalogue import FOLDER
from checklists.instrument import InstrumentFile
from checklists.parsed import keep_instruments, kept_instruments
from tests.checklists.builders import instrument_data, write_instrument

KIND = FileKind("not_an_instrument", "an instrument", "", "")
SHIPPED = sorted(FOLDER.glob("*.yaml"))


def read(path: Path) -> InstrumentFile:
    return parse_record(path.read_text("utf-8"), str(path), InstrumentFile, KIND)


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return tmp_path / "__pycache__" / "kept.json"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_instrument(tmp_path, instrument_data())


def test_what_is_kept_is_what_the_shipped_files_say(at: Path) -> None:
    said = {path: read(path) for path in SHIPPED}
    keep_instruments(said, at)
    assert kept_instruments(SHIPPED, at) == {path.name: text for path, text in said.items()}


def test_an_edited_text_is_not_taken_from_what_was_kept(at: Path, path: Path) -> None:
    keep_instruments({path: read(path)}, at)
    assert kept_instruments([path], at) == {path.name: read(path)}
    path.write_text(path.read_text("utf-8") + "# changed\n", "utf-8")
    assert kept_instruments([path], at) is None


def test_a_file_more_is_noticed(at: Path, path: Path) -> None:
    keep_instruments({path: read(path)}, at)
    other = path.with_name("two.yaml")
    other.write_bytes(path.read_bytes())
    assert kept_instruments([path, other], at) is None


@pytest.mark.parametrize("broken", [b"", b"{", b'{"sha256": "", "files": {}}', b"\xff"])
def test_a_broken_file_is_done_without(broken: bytes, at: Path, path: Path) -> None:
    at.parent.mkdir()
    at.write_bytes(broken)
    assert kept_instruments([path], at) is None
    keep_instruments({path: read(path)}, at)
    assert kept_instruments([path], at) is not None, "and written anew"


def test_a_place_that_cannot_be_written_is_done_without(at: Path, path: Path) -> None:
    at.parent.write_text("a file where the folder should be", "utf-8")
    keep_instruments({path: read(path)}, at)
    assert kept_instruments([path], at) is None


def test_nothing_is_kept_where_python_keeps_no_bytecode(
    at: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    keep_instruments({path: read(path)}, at)
    assert not at.parent.exists()
