import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audit.atomic import atomic_path, check_writable, write_atomic
from audit.problems import InputError

ROOT = Path(__file__).parents[2]

WRITER = """
import sys
from pathlib import Path
from audit.atomic import write_atomic

target, size = Path(sys.argv[1]), int(sys.argv[2])
turn = 0
while True:
    turn += 1
    write_atomic(target, bytes([turn % 256]) * size)
    if turn == 1:
        print("started", flush=True)
"""


def _names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_writes_bytes_and_text_as_they_are(tmp_path: Path) -> None:
    write_atomic(tmp_path / "deep" / "er" / "a.txt", "Zürich\nBasel\r\n")
    write_atomic(tmp_path / "b.bin", b"\x00\xff")
    assert (tmp_path / "deep" / "er" / "a.txt").read_bytes() == "Zürich\nBasel\r\n".encode()
    assert (tmp_path / "b.bin").read_bytes() == b"\x00\xff"
    assert _names(tmp_path) == ["b.bin", "deep"]


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_atomic(target, "old")
    with pytest.raises(ZeroDivisionError), atomic_path(target) as temporary:
        assert temporary.write_text("new") / 0
    assert target.read_text() == "old"
    assert _names(tmp_path) == ["a.txt"]


def test_the_temporary_path_keeps_the_suffix_and_the_folder(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "figure.svg") as temporary:
        assert temporary.suffix == ".svg"
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".")
        temporary.write_text("<svg/>")
    assert _names(tmp_path) == ["figure.svg"]


def test_permissions_of_the_old_file_stay_and_new_files_follow_the_umask(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("x")
    old.chmod(0o640)
    write_atomic(old, "y")
    write_atomic(tmp_path / "new", "z")
    (tmp_path / "plain").write_text("z")
    assert old.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_atomic(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


@pytest.mark.parametrize("name", ["file/out/a.txt", "file/a.txt", "folder"])
def test_an_unwritable_place_is_bad_input(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError) as caught:
        write_atomic(tmp_path / name, "x")
    (problem,) = caught.value.problems
    assert problem.code == "unwritable"
    assert problem.where.startswith(str(tmp_path))
    assert "\n" not in str(problem)


def test_check_writable_makes_the_folder_and_leaves_it_empty(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b")
    assert _names(tmp_path / "a" / "b") == []
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(InputError) as caught:
            check_writable(folder)
        assert caught.value.problems[0].code == "unwritable"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that refuses root too")
def test_check_writable_tries_instead_of_reading_permission_bits() -> None:
    with pytest.raises(InputError) as caught:
        check_writable(Path("/proc/self"))
    assert caught.value.problems[0].code == "unwritable"


def test_a_full_disk_is_reported_and_the_old_file_stays(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_atomic(target, "old")
    with pytest.raises(InputError, match="No space left"), atomic_path(target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert target.read_text() == "old"


def test_other_errors_of_the_block_pass_through(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.txt"):
        (tmp_path / "some other file").read_text()
    with pytest.raises(InputError), atomic_path(tmp_path / "a.txt"):
        pass  # nothing was written to the temporary path
    assert _names(tmp_path) == []


@pytest.mark.parametrize("attempt", range(8))
def test_a_killed_process_leaves_the_old_or_the_new_file(tmp_path: Path, attempt: int) -> None:
    target, size = tmp_path / "out.bin", 3_000_000
    command = [sys.executable, "-c", WRITER, str(target), str(size)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        # Spread over a write, which takes some milliseconds, at times no writer can foresee.
        time.sleep(0.003 * attempt + 0.0007 * attempt**2)
        process.send_signal(signal.SIGKILL)
    data = target.read_bytes()
    assert len(data) == size
    assert len(set(data)) == 1
    visible = [name for name in _names(tmp_path) if not name.startswith(".tmp-")]
    assert visible == ["out.bin"]
