"""Equipoise beside its peers and beside the machine's limits, measured in one run.

Seconds are those from cohort to result: reading, the page and start-up are left out. The first
table is of whole audits, with curves, sites, case-mix and calibration tests; peers compute
points only; a bootstrap by them is one evaluation times the resamples, which is how they do it,
and none of them can resample patients. The memory limit is the time to read the sorted rows once
per 64 resamples at the bandwidth measured in the same run.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.cohorts import ATTRIBUTES, THIRTEEN, THRESHOLD, cohort, write

HERE = Path(__file__).parent
LARGEST_FOR_FAIRLEARN = 100_000


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    rows: int
    depth: int
    resamples: int
    measures: tuple[str, ...]
    permutations: int = 0


CASES = (
    Case(10_000, 1, 1000, THIRTEEN),
    Case(100_000, 1, 1000, THIRTEEN),
    Case(100_000, 1, 2000, THIRTEEN),
    Case(200_000, 1, 2000, THIRTEEN),
    Case(100_000, 1, 2000, (), 500),
    Case(100_000, 2, 2000, THIRTEEN),
    Case(100_000, 2, 2000, (), 500),
    Case(1_000_000, 1, 2000, THIRTEEN),
    Case(1_000_000, 3, 2000, THIRTEEN),
)
CLOSED_FORM = (
    "sensitivity", "fpr", "ppv", "npv", "accuracy", "flag_rate", "auroc", "brier",
)  # fmt: skip
PARTS = (
    ("points", "row", Case(1_000_000, 1, 100, CLOSED_FORM)),
    ("analytic", "row", Case(1_000_000, 1, 100, CLOSED_FORM)),
    ("analytic", "patient", Case(1_000_000, 1, 100, CLOSED_FORM)),
    ("estimates", "patient", Case(100_000, 1, 1000, THIRTEEN)),
    ("estimates", "row", Case(1_000_000, 1, 2000, THIRTEEN)),
    ("estimates", "patient", Case(1_000_000, 1, 2000, THIRTEEN)),
    ("estimates", "patient", Case(1_000_000, 3, 2000, THIRTEEN)),
)


def bandwidth() -> float:
    """Bytes per second that all cores together read, by summing an array larger than the cache."""
    big = np.ones(2**27)
    start = time.perf_counter()
    for _ in range(3):
        big.sum()
    return 3 * big.nbytes / (time.perf_counter() - start) * (os.cpu_count() or 1)


def least_seconds(case: Case, bytes_per_second: float) -> float:
    """Time to read the rows once per 64 resamples, for the overall set and every crossing."""
    from math import comb

    per_row = 8 + 8 + 1 + 1 + 8 * 9  # key, patient, label, end of tie, terms
    sets = sum(comb(len(ATTRIBUTES), size) for size in range(case.depth + 1))
    blocks = -(-case.resamples // 64)
    return case.rows * per_row * sets * blocks / bytes_per_second


def engine(case: Case, folder: Path, part: str = "whole", unit: str = "patient") -> dict[str, Any]:
    """Run one case in a process of its own."""
    command = [sys.executable, str(HERE / "engine.py"), str(write(case.rows, folder)), part, unit]
    command += [str(case.depth), str(case.resamples), str(case.permutations), *case.measures]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=_environment())
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def whole_command(rows: int, folder: Path, cache: Path) -> float:
    """Wall seconds of ``equipoise audit`` with the default measures, files and page included."""
    command = [sys.executable, "-m", "cli", "audit", str(write(rows, folder)), "--label", "y"]
    command += ["--score", "p", "--threshold", str(THRESHOLD), "--patient", "pid"]
    command += ["--site", "hospital", "--by", "sex", "--by", "race", "--by", "age_band"]
    command += ["--out", str(folder / "out"), "--quiet"]
    start = time.perf_counter()
    environment = _environment() | {"NUMBA_CACHE_DIR": str(cache)}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.perf_counter() - start


def _environment() -> dict[str, str]:
    return dict(os.environ) | {"PYTHONPATH": str(HERE.parent)}


def machine() -> str:
    """Name the machine in words."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def lines(folder: Path) -> list[str]:
    """Measure everything and write the lines of the page."""
    speed = bandwidth()
    once: dict[int, tuple[float, float | None]] = {}
    out = [
        "| rows | strata | measures | resamples | seconds | peak MB | fairlearn | sklearn loop "
        "| memory limit |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for case in CASES:
        found = engine(case, folder)
        if case.rows not in once:
            data = cohort(case.rows)
            frame = peers.fairlearn(data) if case.rows <= LARGEST_FOR_FAIRLEARN else None
            once[case.rows] = peers.scikit_learn(data), frame
        loop, frame = once[case.rows]
        seconds = found["seconds"]
        alone = case.depth == 1
        ratio = [
            f"{one * case.resamples / seconds:,.0f} x" if one is not None and alone else "-"
            for one in (frame, loop)
        ]
        limit = seconds / least_seconds(case, speed)
        out.append(
            f"| {case.rows:,} | {found['strata']:,} | {found['measures']} | {case.resamples:,} "
            f"| {seconds:.2f} | {found['peak_mb']:.0f} | {ratio[0]} | {ratio[1]} | {limit:.1f} x |"
        )
        print(out[-1], flush=True)
    out += ["", *_evaluations(once), "", *_parts(folder), "", *_starts(folder)]
    return out


def _parts(folder: Path) -> list[str]:
    """Measure what other tools' figures are of: estimates and intervals, without the rest."""
    told = [
        "Parts of an audit alone: values, values with closed-form variances, and estimates and",
        "differences with all their intervals. Peak memory is that of the process, with libraries",
        "(about 150 MB) and cohort.",
        "",
        "| part | independent | rows | strata | measures | resamples | seconds | peak MB |",
        "| :--- | :--- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for part, unit, case in PARTS:
        found = engine(case, folder, part, unit)
        resamples = f"{case.resamples:,}" if part == "estimates" else "none"
        told.append(
            f"| {part} | {unit}s | {case.rows:,} | {found['strata']:,} | {found['measures']} "
            f"| {resamples} | {found['seconds']:.2f} | {found['peak_mb']:.0f} |"
        )
        print(told[-1], flush=True)
    return told


def _evaluations(once: dict[int, tuple[float, float | None]]) -> list[str]:
    told = ["One evaluation of the peers (points only, four single attributes), seconds:", ""]
    told += ["| rows | fairlearn | sklearn loop |", "| ---: | ---: | ---: |"]
    told += [
        f"| {rows:,} | {'not run' if frame is None else f'{frame:.2f}'} | {loop:.2f} |"
        for rows, (loop, frame) in once.items()
    ]
    return told


def _starts(folder: Path) -> list[str]:
    cache = folder / "kernels"
    first = whole_command(5_000, folder, cache)
    later = sorted(whole_command(5_000, folder, cache) for _ in range(3))[1]
    return [
        f"The whole command on 5,000 rows with every measure: {first:.1f} s the first time ever "
        f"(kernels are compiled), {later:.1f} s later.",
    ]


def main() -> None:
    """Print the table and write it beside this file."""
    with tempfile.TemporaryDirectory() as folder:
        body = lines(Path(folder))
    page = "\n".join(["# Speed and memory", "", __doc__ or "", f"Machine: {machine()}.", "", *body])
    (HERE / "RESULTS.md").write_text(page + "\n", encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
