"""What is kept of the instruments is what their YAML says, or it is not used."""

from pathlib import Path

import pytest

from checklists.catalogue import FOLDER, KEPT, read_files
from checklists.instrument import InstrumentFile
from checklists.parsed import kept_instruments, kept_text
from tests.checklists.builders import instrument_data, write_instrument

SHIPPED = sorted(FOLDER.glob("*.yaml"))


def read(*paths: Path) -> dict[Path, InstrumentFile]:
    files, problems = read_files(paths)
    assert not problems
    return files


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_instrument(tmp_path, instrument_data())


@pytest.fixture
def at(path: Path) -> Path:
    kept = path.with_name("kept.json")
    kept.write_text(kept_text(read(path)), "utf-8")
    return kept


def test_what_is_shipped_is_what_the_shipped_files_say() -> None:
    said = read(*SHIPPED)
    assert KEPT.read_text("utf-8") == kept_text(said), "run: python docs/generate.py"
    assert kept_instruments(SHIPPED, KEPT) == {path.name: text for path, text in said.items()}


def test_an_edited_text_is_not_taken_from_what_was_kept(at: Path, path: Path) -> None:
    assert kept_instruments([path], at) == {path.name: read(path)[path]}
    path.write_text(path.read_text("utf-8") + "# changed\n", "utf-8")
    assert kept_instruments([path], at) is None


def test_a_file_more_is_noticed(at: Path, path: Path) -> None:
    other = path.with_name("two.yaml")
    other.write_bytes(path.read_bytes())
    assert kept_instruments([path, other], at) is None


@pytest.mark.parametrize("broken", [b"", b"{", b'{"sha256": "", "files": {}}', b"\xff"])
def test_a_broken_file_is_done_without(broken: bytes, at: Path, path: Path) -> None:
    at.write_bytes(broken)
    assert kept_instruments([path], at) is None


def test_an_absent_file_is_done_without(path: Path) -> None:
    assert kept_instruments([path], path.with_name("nowhere.json")) is None
