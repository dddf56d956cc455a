"""One line of progress on a terminal, nothing anywhere else."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int, int, str], None]


@contextmanager
def progress_line(what: str, *, quiet: bool) -> Iterator[Progress]:
    """Give a function that shows (done, total, detail) on stderr with the time left."""
    shown = not quiet and sys.stderr.isatty() and not os.environ.get("CI")
    start = time.monotonic()

    def show(done: int, total: int, detail: str) -> None:
        if not shown:
            return
        spent = time.monotonic() - start
        line = f"{what} {done:,}/{total:,} {detail[:40]}"
        if done and spent > 0:
            rate = done / spent
            line += f"  {rate:,.{1 if rate < 10 else 0}f}/s, {(total - done) / rate:.0f} s left"
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
