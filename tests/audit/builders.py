"""Small cohorts and their audits, by the public path: file, plan, cohort, result."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from audit.cohort import Cohort, build_cohort, needed_columns
from audit.plan import Plan
from audit.plan_file import parse_plan
from audit.result import AuditResult, Disparity, Estimate
from audit.run import audit
from audit.sources.files import read_files

Columns = dict[str, Any]

PLAN = """
columns: {label: y, score: p}
threshold: {value: 0.4}
resamples: 200
attributes: {race: , sex: }
"""


def plan_of(text: str) -> Plan:
    return parse_plan(dedent(text), "plan")


def write(columns: Mapping[str, Any], path: Path) -> Path:
    pq.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), path)
    return path


def cohort_of(plan: Plan, *parts: Mapping[str, Any]) -> Cohort:
    """Write each part to a Parquet file of its own and read them all."""
    with TemporaryDirectory() as folder:
        paths = [write(part, Path(folder) / f"{i}.parquet") for i, part in enumerate(parts)]
        return build_cohort(read_files(paths, needed_columns(plan)), plan)


def audited(text: str, *parts: Mapping[str, Any]) -> AuditResult:
    plan = plan_of(text)
    return audit(cohort_of(plan, *parts), plan)


def estimate(result: AuditResult, measure: str, stratum: str = "overall") -> Estimate:
    return next(e for e in result.estimates if e.measure == measure and e.stratum == stratum)


def disparity(
    result: AuditResult, measure: str, contrast: str, stratum: str | None = None
) -> Disparity:
    """The only contrast of its kind, or that of one stratum against the reference.

    Contrasts with everyone else (``not sex=F``) are not meant.
    """
    found = [
        d
        for d in result.disparities
        if d.measure == measure
        and d.contrast == contrast
        and (contrast == "gap" or stratum in (None, d.stratum))
        and not d.reference.startswith("not ")
    ]
    if contrast == "gap" and stratum is not None:
        found = [d for d in found if d.attribute == stratum]
    assert len(found) == 1, [d.id for d in found]
    return found[0]


def width(record: Estimate) -> float:
    assert record.lower is not None
    assert record.upper is not None
    return record.upper - record.lower


def random_columns(
    seed: int, rows: int = 600, *, patients: int | None = None, decimals: int | None = 2
) -> Columns:
    """Scores with ties (when rounded), groups of very different size, two sites and ages."""
    rng = np.random.default_rng(seed)
    risk = rng.beta(1.2, 2.0, rows)
    label = (rng.random(rows) < risk).astype(np.int64)
    logit = np.log(risk / (1 - risk)) * 0.8 + rng.normal(0, 0.7, rows) + 0.2
    score = np.clip(1 / (1 + np.exp(-logit)), 0.001, 0.999)
    if decimals is not None:
        score = np.clip(np.round(score, decimals), 0.01, 0.99)
    columns: Columns = {
        "y": label,
        "p": score,
        "sex": rng.choice(["F", "M"], rows, p=[0.3, 0.7]),
        "race": rng.choice(["A", "B", "C"], rows, p=[0.6, 0.33, 0.07]),
        "age": rng.integers(20, 90, rows),
        "site": rng.choice(["n1", "n2", "n3"], rows, p=[0.5, 0.3, 0.2]),
        "uid": np.array([f"u{i:05d}" for i in range(rows)]),
    }
    if patients is not None:
        columns["pid"] = np.array([f"k{i}" for i in rng.integers(0, patients, rows)])
    return columns


def counted(**cells: tuple[int, int, int, int]) -> Columns:
    """Groups with exactly (tp, fn, fp, tn) at threshold 0.4; scores differ within each cell."""
    label: list[int] = []
    score: list[float] = []
    group: list[str] = []
    for name, counts in cells.items():
        for cell, count in enumerate(counts):
            label += [int(cell < 2)] * count
            base = 0.5 if cell in (0, 2) else 0.1
            score += [base + 0.25 * (i + 1) / (count + 1) for i in range(count)]
            group += [name] * count
    return {"y": np.array(label), "p": np.array(score), "sex": np.array(group)}


def take(columns: Mapping[str, Any], rows: NDArray[Any] | slice | Sequence[int]) -> Columns:
    return {name: np.asarray(values)[rows] for name, values in columns.items()}


def joined(*parts: Mapping[str, Any]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
