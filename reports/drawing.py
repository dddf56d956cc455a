"""The figures of a document as SVG: drawn here, or in a process of their own in the meantime.

What draws them takes seconds to start and most of the memory of a document; a process of its own
does it while the text is set, and is gone before the pages are laid out. Both give the same bytes.
"""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

from reports.blocks import Figure

Drawn = Callable[[], list[str]]
Draw = Callable[[Sequence[Figure]], Drawn]
PLACE = Path(__file__).parents[1]


def drawn_here(figures: Sequence[Figure]) -> Drawn:
    """Draw the figures when they are asked for."""
    return lambda: _svgs(figures)


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
        return self._process is not None and self._process.poll() == 0

    def __call__(self, figures: Sequence[Figure]) -> Drawn:
        """Hand the figures over; what comes back waits for them."""
        if self._process is None:
            return drawn_here(figures)
        answer = self._pool.submit(self._process.communicate, pickle.dumps(tuple(figures)))
        return lambda: self._received(answer, figures)

    def _received(self, answer: "Future[tuple[bytes, bytes]]", figures: Sequence[Figure]) -> Any:
        """Read the answer; where the process failed, the figures are drawn here, or fail here."""
        out, _ = answer.result()
        return json.loads(out) if self.worked else _svgs(figures)


def _svgs(figures: Sequence[Figure]) -> list[str]:
    from reports.figures import specification
    from reports.svg import to_svg

    return [to_svg(specification(figure)) for figure in figures]


def _main() -> None:
    """Be the process: make ready, read the figures, write them as a list of SVG."""
    from reports.svg import to_svg

    to_svg({"mark": "point", "data": {"values": []}})
    figures = pickle.load(sys.stdin.buffer)
    sys.stdout.write(json.dumps(_svgs(figures)))


if __name__ == "__main__":
    _main()
