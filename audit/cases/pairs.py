"""Measuring every pair of files of a cohort, in bounded memory, resumable, all problems told."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audit.atomic import atomic_path
from audit.cells import decode
from audit.findings import Findings
from audit.problems import InputError, Problem
from audit.result import FileHash
from audit.sources.source import Source
from audit.sweep import workers

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], None]
Measure = Callable[[Path, Path], Sequence[float]]

CHUNK = 64  # cases between two checkpoints
TOLD = 12  # kinds of problems that are told one by one
_READ = 1 << 20


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured: `values` of shape (rows, names), NaN where a row was not.

    `has_reference` and `has_prediction` say which files a row names.
    """

    names: tuple[str, ...]
    values: Floats
    has_reference: NDArray[np.bool_]
    has_prediction: NDArray[np.bool_]
    files: tuple[FileHash, ...]

    def column(self, name: str) -> Floats:
        """Values of one name, shape (rows,)."""
        return self.values[:, self.names.index(name)]


@dataclass(frozen=True)
class Place:
    """Where files are looked for, and where work is kept until all of it is done."""

    folder: Path
    keep: Path | None = None
    progress: Progress | None = None


class _Pair(NamedTuple):
    row: int
    reference: Path
    prediction: Path


class _Done(NamedTuple):
    values: Sequence[float]
    digests: tuple[bytes, bytes]
    sizes: tuple[int, int]
    problem: Problem | None


def measure_pairs(
    source: Source,
    columns: tuple[str, str],
    names: Sequence[str],
    measure: Measure,
    settings: object,
    place: Place,
    findings: Findings,
) -> Measured:
    """Measure the pair of files that each row names; a row that names only one is not measured.

    Parameters
    ----------
    source : Source
        Its table holds both columns.
    columns : (str, str)
        Columns of the reference and of the predicted files.
    names : sequence of str
        What `measure` returns.
    measure : callable
        Takes both paths; raises InputError or ValueError for files that do not go together.
    settings
        What else the numbers depend on; work kept under other settings is not used again.
    place : Place
        Paths are taken relative to its folder. Finished chunks are kept in `place.keep`.
    findings : Findings
        Gets every problem, the first ones in full.
    """
    named = [_paths(source, column, place.folder) for column in columns]
    has = [np.array([path is not None for path in paths]) for paths in named]
    pairs = [
        _Pair(row, a, b)
        for row, (a, b) in enumerate(zip(*named, strict=True))
        if a is not None and b is not None
    ]
    table = np.full((len(has[0]), len(names)), np.nan)
    digests: tuple[set[bytes], set[bytes]] = (set(), set())
    sizes, problems, done = [0, 0], list[tuple[int, Problem]](), 0
    with ThreadPoolExecutor(workers()) as pool:
        for first in range(0, len(pairs), CHUNK):
            chunk = pairs[first : first + CHUNK]
            kept = _kept_at(place, chunk, names, settings)
            results = _kept(kept, len(chunk), len(names))
            if results is None:
                results = list(pool.map(lambda pair: _one(pair, measure), chunk))
                _keep(kept, results)
            for pair, found in zip(chunk, results, strict=True):
                if found.problem is not None:
                    problems.append((pair.row, found.problem))
                    continue
                table[pair.row] = found.values
                for k in (0, 1):
                    digests[k].add(found.digests[k])
                    sizes[k] += found.sizes[k]
            done += len(chunk)
            if place.progress is not None:
                place.progress(done, len(pairs), "cases measured")
    _tell(source, columns, problems, findings)
    files = tuple(
        FileHash(name=f"files of column '{column}'", bytes=sizes[k], sha256=_joined(digests[k]))
        for k, column in enumerate(columns)
    )
    return Measured(tuple(names), table, has[0], has[1], files)


def _paths(source: Source, column: str, folder: Path) -> list[Path | None]:
    texts = decode(source.table.column(column))
    known = [folder / value for value in texts.values]
    return [known[code] if code >= 0 else None for code in texts.codes]


def _one(pair: _Pair, measure: Measure) -> _Done:
    nothing = (b"", b"")
    try:
        values = measure(pair.reference, pair.prediction)
        seen = [_digest(path) for path in (pair.reference, pair.prediction)]
    except InputError as error:
        return _Done((), nothing, (0, 0), error.problems[0])
    except (ValueError, OSError) as error:
        reason = error.strerror or "it cannot be read" if isinstance(error, OSError) else str(error)
        remedy = "correct the file, or leave its cell empty: the case is then counted as missing"
        problem = Problem("bad_case", pair.prediction.name, reason, remedy)
        return _Done((), nothing, (0, 0), problem)
    return _Done(values, (seen[0][0], seen[1][0]), (seen[0][1], seen[1][1]), None)


def _digest(path: Path) -> tuple[bytes, int]:
    """SHA-256 and bytes of a file, or of the files of a folder whatever they are called."""
    if path.is_dir():
        parts = [_digest(one) for one in path.iterdir() if one.is_file()]
        joined = hashlib.sha256(b"".join(sorted(digest for digest, _ in parts))).digest()
        return joined, sum(size for _, size in parts)
    hashed, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_READ):
            hashed.update(block)
            size += len(block)
    return hashed.digest(), size


def _joined(digests: Iterable[bytes]) -> str:
    """One hash of a set of files, in no order."""
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def _kept_at(
    place: Place, chunk: Sequence[_Pair], names: Sequence[str], settings: object
) -> Path | None:
    """File of exactly this work, known by its files and settings, when it is done."""
    if place.keep is None:
        return None
    hashed = hashlib.sha256(json.dumps([list(names), settings], sort_keys=True).encode())
    for pair in chunk:
        for path in (pair.reference, pair.prediction):
            hashed.update(f"{os.path.relpath(path, place.folder)}|{_stamp(path)}\n".encode())
    return place.keep / f"{hashed.hexdigest()[:32]}.npz"


def _stamp(path: Path) -> str:
    """Say whether a file may have changed; a missing one will be told of when it is read."""
    try:
        known = path.stat()
    except OSError:
        return "-"
    return f"{known.st_size}|{known.st_mtime_ns}"


def _keep(path: Path | None, results: Sequence[_Done]) -> None:
    """Keep a chunk that has no problem; the others are to be measured again."""
    if path is None or any(done.problem is not None for done in results):
        return
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            values=np.array([done.values for done in results], dtype=np.float64),
            digests=np.array([np.frombuffer(b"".join(d.digests), np.uint8) for d in results]),
            sizes=np.array([done.sizes for done in results], dtype=np.int64),
        )


def _kept(path: Path | None, cases: int, width: int) -> list[_Done] | None:
    if path is None or not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as held:
            values, digests, sizes = held["values"], held["digests"], held["sizes"]
    except (OSError, ValueError, KeyError):
        return None
    if values.shape != (cases, width) or digests.shape != (cases, 64) or sizes.shape != (cases, 2):
        return None
    return [
        _Done(v, (bytes(d[:32]), bytes(d[32:])), (int(s[0]), int(s[1])), None)
        for v, d, s in zip(values, digests, sizes, strict=True)
    ]


def _tell(
    source: Source,
    columns: tuple[str, str],
    problems: Sequence[tuple[int, Problem]],
    findings: Findings,
) -> None:
    """Tell each kind of problem once, with its first file and the rows that it concerns."""
    kinds: dict[tuple[str, str, str], list[tuple[int, Problem]]] = {}
    for row, problem in problems:
        kinds.setdefault((problem.code, problem.reason, problem.remedy), []).append((row, problem))
    found = list(kinds.items())
    for (code, reason, remedy), own in found[:TOLD]:
        row, problem = own[0]
        where = f"{source.where(row, columns[1])}: {problem.where}"
        findings.problem(code, where, reason + source.tail([r for r, _ in own]), remedy)
    if len(found) > TOLD:
        rest = sum(len(own) for _, own in found[TOLD:])
        codes = sorted({code for (code, *_), _ in found[TOLD:]})
        findings.problem(
            "bad_cases", f"columns '{columns[0]}' and '{columns[1]}'",
            f"{rest:,} more cases cannot be measured ({', '.join(codes)})",
            "correct the files, or leave their cells empty",
        )  # fmt: skip
