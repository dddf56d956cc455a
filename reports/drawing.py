"""The figures of a document, drawn here or in a process of their own in the meantime.

What draws them takes seconds to start and most of the memory of a document; a process of its own
does it while the text is set and the pages are laid out. Both give the same bytes.
"""

import json
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from reports.blocks import Figure
from reports.figure_pdf import to_pdf
from reports.svg import Size, size_of, to_svg

Draw = Callable[[Sequence[Figure]], "Drawn"]
PLACE = Path(__file__).parents[1]


class Drawn(NamedTuple):
    """Figures that are being drawn; each of these waits until it is known.

    `sizes` in pixels come first, as the text is laid out around them; `pages` are PDF files of one
    page each.
    """

    sizes: Callable[[], list[Size]]
    pages: Callable[[], list[bytes]]


def drawn_here(figures: Sequence[Figure]) -> Drawn:
    """Draw the figures when they are asked for."""
    return _of(_specifications(figures))


class DrawnAside:
    """A process that starts at once, draws what it is given, and ends."""

    def __init__(self) -> None:
        path = os.pathsep.join(filter(None, (str(PLACE), os.environ.get("PYTHONPATH"))))
        # Safe path: a folder of the user named like one of the package is not imported.
        command = [sys.executable, "-P", "-m", "reports.drawing"]
        self._process: subprocess.Popen[bytes] | None
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": path},
            )
        except OSError:
            self._process = None
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> "DrawnAside":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        self._pool.shutdown()
        if self._process is not None:
            with self._process:
                pass

    @property
    def worked(self) -> bool:
        """Whether the process has drawn what it was given."""
        return self._process is not None and self._process.wait() == 0

    def __call__(self, figures: Sequence[Figure]) -> Drawn:
        """Hand the figures over; what comes back waits for them.

        Where the process failed they are drawn here, or fail here.
        """
        specs = _specifications(figures)
        if self._process is None:
            return _of(specs)
        process, here = self._process, _of(specs)
        sizes = self._pool.submit(_first_line, process, json.dumps(specs).encode())
        pages = self._pool.submit(_other_lines, process)

        def sized() -> list[Size]:
            found = sizes.result()
            whole = found.endswith(b"\n")  # else it ended in the middle
            return [Size(*pair) for pair in json.loads(found)] if whole else here.sizes()

        def drawn() -> list[bytes]:
            found = pages.result()
            return [b64decode(line) for line in found] if self.worked else here.pages()

        return Drawn(sized, drawn)


def _first_line(process: "subprocess.Popen[bytes]", given: bytes) -> bytes:
    """Hand over what is to be drawn and read the sizes; nothing where the process failed."""
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None
    try:
        with stdin:
            stdin.write(given)
    except OSError:
        return b""
    return stdout.readline()


def _other_lines(process: "subprocess.Popen[bytes]") -> list[bytes]:
    assert process.stdout is not None
    return process.stdout.readlines()


def _of(specs: list[Any]) -> Drawn:
    @cache
    def svgs() -> list[str]:
        return [to_svg(spec) for spec in specs]

    return Drawn(lambda: [size_of(s) for s in svgs()], lambda: [to_pdf(s) for s in svgs()])


def _specifications(figures: Sequence[Figure]) -> list[Any]:
    from reports.figures import specification

    return [specification(figure) for figure in figures]


def _main() -> None:
    """Be the process: make ready, read specifications, write a line of sizes, then the pages.

    It imports nothing that makes figures from results: that would take longer than to draw one.
    """
    to_svg({"mark": "point", "data": {"values": []}})
    drawn = _of(json.load(sys.stdin))
    print(json.dumps(drawn.sizes()), flush=True)
    for page in drawn.pages():
        print(b64encode(page).decode())


if __name__ == "__main__":
    _main()
