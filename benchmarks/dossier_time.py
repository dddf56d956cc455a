"""How long the demo's dossiers take and what memory, each a process from start to exit.

Targets: the full dossier within 15 s; about 60 pages, with three checklists answered, within 30 s;
each process within 600 MB. No peer renders such documents; the yardstick tells one machine from
another.
"""

import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from pikepdf import Pdf

from checklists.answering import find_response, new_answer
from checklists.answers import Answer, Person
from checklists.answers_file import whole
from commands.checklist.desk import open_desk

RUNS = 3
AS_OF = "2027-01-01"
BY = Person(name="Ann Example", role="regulatory affairs")
AT = datetime(2026, 12, 1, tzinfo=UTC)
ANSWERED = ("ALTAI-", "AIA-", "GMLP-")
WHY = "Examined by sex and by hospital; age is open, and the instructions for use say so."


def yardstick() -> float:
    """Seconds of ten million multiplications in plain Python."""
    start, total = time.perf_counter(), 0
    for i in range(10_000_000):
        total += i * i
    return time.perf_counter() - start


def answers(folder: Path) -> Path:
    """Answer every item of three checklists that can be met."""
    path, given = folder / "answered.yaml", dict[str, Answer]()
    for state in open_desk(folder / "equipoise.yaml", path, None, AS_OF).assess().items:
        item = state.item
        if item.id.startswith(ANSWERED) and find_response(item, "met") is not None:
            given[item.id] = new_answer(
                state.standing, response="met", by=BY, at=AT, rationale=WHY,
                options=[*item.options][:1],
            )  # fmt: skip
    path.write_text(whole(given), "utf-8")
    return path


def rendered(folder: Path, *words: str | Path) -> tuple[float, float, int]:
    """Seconds and MB of one process that renders a dossier, and its pages."""
    out = folder / "timed.pdf"
    named = ("dossier", folder / "audit.json", "--as-of", AS_OF, "--out", out, *words)
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *map(str, named)], stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    taken = time.perf_counter() - start
    if status:
        raise SystemExit(f"{named}: status {status}")
    with Pdf.open(out) as pdf:
        return taken, used.ru_maxrss / 1024, len(pdf.pages)


def main() -> None:
    """Time every template, and the full one with its checklists answered."""
    print(f"yardstick                    {median(yardstick() for _ in range(RUNS)):.2f} s")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In a process of its own: a child's memory is counted from what its parent holds.
        demo = [sys.executable, "-m", "cli", "demo", "--out", name, "--quiet"]
        subprocess.run(demo, check=True, capture_output=True)
        long = ("--answers", str(answers(folder)))
        cases: tuple[tuple[str, str, tuple[str, ...]], ...] = (
            ("full", "target 15 s, 600 MB", ()),
            ("full", "target 30 s, 600 MB", long),
            ("fda", "", ()),
            ("eu-annex-iv", "", ()),
            ("altai", "", ()),
            ("model-card", "", ()),
        )
        for template, target, more in cases:
            runs = [rendered(folder, "--template", template, *more) for _ in range(RUNS)]
            taken, most = median(r[0] for r in runs), max(r[1] for r in runs)
            print(f"{template:<12} {runs[0][2]:>3} pages  {taken:6.1f} s  {most:4.0f} MB  {target}")


if __name__ == "__main__":
    main()
