"""Small cohorts of masks, images, objects and follow-up, written to a folder."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from audit.cases.pairs import Place
from audit.cohort import needed_columns
from audit.plan import Plan
from audit.plan_file import parse_plan
from audit.result import AuditResult, Estimate
from audit.sources.files import read_files
from audit.tasks.cohort import CaseCohort
from audit.tasks.read import build_task_cohort
from audit.tasks.run import audit_any

QUICK = {"resamples": 200, "permutations": 60, "seed": 2}


def planned(task: str, columns: dict[str, str], **rest: Any) -> Plan:
    plan = {"version": 1, "task": task, "columns": columns, "attributes": {"sex": {}}, **QUICK}
    return parse_plan(yaml.safe_dump(plan | rest), "plan")


def masks(folder: Path, cases: int = 30, seed: int = 0) -> pd.DataFrame:
    """Two structures in volumes of 6 x 20 x 20; women's masks are shifted by one more voxel."""
    rng = np.random.default_rng(seed)
    rows = []
    z, y, x = np.mgrid[:6, :20, :20]
    for i in range(cases):
        centre, radius = rng.uniform(7, 13, 2), rng.uniform(2, 5)
        true = np.zeros(z.shape, np.uint8)
        if i % 7:
            true[(2 * (z - 3)) ** 2 + (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2] = 1
        true[3:5, 1:4, 1:4] = 2 * (i % 3 > 0)
        drawn = np.roll(true, 1 + (i % 2), axis=2)
        if i % 11 == 4:
            drawn[drawn == 2] = 0
        if i % 7 == 0 and i % 2:
            drawn[2, 10:12, 10:12] = 1
        np.save(folder / f"r{i}.npy", true)
        np.save(folder / f"p{i}.npy", drawn)
        rows.append({"case": i, "pid": f"k{i % (cases - 8)}", "sex": "FM"[i % 2 == 0],
                     "ref": f"r{i}.npy", "pred": f"p{i}.npy"})  # fmt: skip
    return pd.DataFrame(rows)


SEGMENTED = {"label": "ref", "prediction": "pred", "patient": "pid"}
TWO = {"structures": {"liver": 1, "tumour": 2}, "spacing": [2.0, 1.0, 0.5],
       "tolerance": 1.0, "lesions": "overlap"}  # fmt: skip


def cohort_of(table: pd.DataFrame, plan: Plan, folder: Path, **place: Any) -> Any:
    path = folder / "cases.csv"
    table.to_csv(path, index=False)
    return build_task_cohort(read_files([path], needed_columns(plan)), plan, Place(folder, **place))


def audited(table: pd.DataFrame, plan: Plan, folder: Path) -> AuditResult:
    return audit_any(cohort_of(table, plan, folder), plan)


def estimate(
    result: AuditResult, measure: str, stratum: str = "overall", output: str | None = None
) -> Estimate:
    (found,) = [e for e in result.estimates
                if (e.measure, e.stratum, e.output) == (measure, stratum, output)]  # fmt: skip
    return found


def follow_up(rows: int, seed: int = 0, per_patient: int = 1) -> pd.DataFrame:
    """Exponential times whose risk the score states, and uniform censoring."""
    rng = np.random.default_rng(seed)
    log_rate = np.repeat(rng.normal(0, 0.8, -(-rows // per_patient)), per_patient)[:rows] - 2
    time, end = rng.exponential(np.exp(-log_rate)), rng.uniform(0, 20, rows)
    return pd.DataFrame(
        {
            "event": (time <= end).astype(int),
            "time": np.minimum(time, end).round(4),
            "risk": 1 - np.exp(-5 * np.exp(log_rate)),
            "sex": rng.choice(["F", "M"], rows),
            "pid": [f"k{i // per_patient}" for i in range(rows)],
        }
    )


FOLLOWED = {"label": "event", "score": "risk", "time": "time", "patient": "pid"}


def found_objects(
    folder: Path, images: int = 60, seed: int = 0, per_patient: int = 1
) -> pd.DataFrame:
    """Boxes of 10 x 10; women's objects are found less often."""
    rng = np.random.default_rng(seed)
    rows, true, made = [], [], []
    for i in range(images):
        sex = "FM"[i % 2]
        rows.append({"image": f"i{i}", "pid": f"k{i // per_patient}", "sex": sex})
        for _ in range(int(rng.integers(0, 4))):
            x, y = rng.uniform(0, 200, 2).round(1)
            true.append((f"i{i}", x, y, x + 10, y + 10))
            if rng.random() < (0.5 if sex == "F" else 0.9):
                made.append((f"i{i}", x + 5, y + 4, rng.uniform(0.3, 1)))
        for _ in range(int(rng.integers(0, 4))):
            made.append((f"i{i}", *rng.uniform(0, 200, 2), rng.uniform(0, 0.7)))
    boxes = ["image", "x_min", "y_min", "x_max", "y_max"]
    pd.DataFrame(true, columns=boxes).to_csv(folder / "true.csv", index=False)
    pd.DataFrame(made, columns=["image", "x", "y", "score"]).to_csv(
        folder / "made.csv", index=False
    )
    return pd.DataFrame(rows)


def values_of(cohort: CaseCohort, name: str) -> NDArray[np.float64]:
    return np.asarray(cohort.values[name])
