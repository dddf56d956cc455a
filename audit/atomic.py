"""Writing files so that a reader finds the old one or the new one, never a part of either.

The new content goes to a hidden file in the same folder and takes the name in one step. A process
that is killed in between leaves that hidden file behind and the old content untouched.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from audit.problems import InputError, Problem

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a file in one step; text is written as UTF-8 with its line ends as they are.

    Raises
    ------
    InputError
        Code ``unwritable``, when the folder cannot be made or written to, or the disk is full.
    """
    data = content.encode() if isinstance(content, str) else content
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path with the same suffix; its file takes the place of `path` at the end.

    For libraries that write files themselves. When the block raises, the old file stays and the
    temporary one is removed. Parent folders are made; a symbolic link is followed, not replaced.

    Raises
    ------
    InputError
        Code ``unwritable``, also for an `OSError` of the block that names the temporary file or
        says that the disk is full.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise _unwritable(path, "it is a folder", "give the path of a file")
    _make_folder(target.parent)
    temporary = target.parent / f".tmp-{secrets.token_hex(6)}-{target.name}"
    try:
        with _unwritable_reported(path, temporary):
            yield temporary
            _finish(temporary, target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def check_writable(folder: Path) -> None:
    """Make sure, before any work starts, that files can be written to a folder; it is made.

    Raises
    ------
    InputError
        Code ``unwritable``.
    """
    _make_folder(folder)
    probe = folder / f".tmp-{secrets.token_hex(6)}"
    try:
        # Whether a file can be made is only known by making one: permission bits do not tell
        # of read-only mounts, access lists or a user who may do everything.
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        probe.unlink()
    except OSError as error:
        raise _from_os(folder, error) from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _from_os(folder, error) from None


def _finish(temporary: Path, target: Path) -> None:
    """Bring the temporary file to disk, give it the target's permissions and its name."""
    with suppress(FileNotFoundError):
        os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
    _sync(temporary)
    os.replace(temporary, target)
    # The new name itself is on disk only once the folder is; some systems cannot sync folders.
    with suppress(OSError):
        _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _unwritable_reported(path: Path, temporary: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        ours = str(temporary) in (str(error.filename), str(error.filename2))
        if ours or error.errno in _NO_SPACE:
            raise _from_os(path, error) from None
        raise


def _from_os(path: Path, error: OSError) -> InputError:
    reason = f"it cannot be written ({error.strerror or error})"
    return _unwritable(path, reason, "check its permissions and the disk, or write elsewhere")


def _unwritable(path: Path, reason: str, remedy: str) -> InputError:
    return InputError(Problem("unwritable", str(path), reason, remedy))
