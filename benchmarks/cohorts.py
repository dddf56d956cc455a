"""The invented cohort that every benchmark runs on, and the columns that go with it."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ATTRIBUTES = ("sex", "race", "age_band", "hospital")
THRESHOLD = 0.2
# What the peers are asked for too: thirteen measures of the front page.
THIRTEEN = (
    "sensitivity", "fpr", "ppv", "npv", "accuracy", "flag_rate", "auroc", "average_precision",
    "brier", "ece", "calibration_slope", "calibration_intercept", "citl",
)  # fmt: skip


def cohort(rows: int) -> dict[str, Any]:
    """Invent a cohort: a third as many patients as rows, groups down to 2 %."""
    rng = np.random.default_rng(7)
    patients = max(rows // 3, 1)
    patient = rng.integers(0, patients, rows)
    effect = rng.normal(0, 0.7, patients)[patient]
    hospital = rng.integers(0, 20, patients)[patient]
    race = rng.choice(5, patients, p=[0.6, 0.2, 0.1, 0.08, 0.02])[patient]
    linear = -2.6 + effect + 0.1 * race + 0.02 * hospital + rng.normal(0, 0.8, rows)
    y = rng.random(rows) < 1 / (1 + np.exp(-linear))
    p = 1 / (1 + np.exp(-(linear + rng.normal(0, 0.5, rows))))
    ages = np.array(["18-39", "40-54", "55-64", "65-79", "80+"])
    return {
        "y": y.astype(np.int8),
        "p": p.astype(np.float32).astype(np.float64),
        "pid": patient,
        "sex": np.array(["F", "M"])[rng.integers(0, 2, patients)][patient],
        "race": np.array(["Asian", "Black", "Hispanic", "Other", "White"])[race],
        "age_band": ages[rng.integers(0, 5, patients)][patient],
        "hospital": np.array([f"site {i:02}" for i in range(20)])[hospital],
    }


def write(rows: int, folder: Path) -> Path:
    """Write the cohort as Parquet, unless it is there."""
    path = folder / f"predictions-{rows}.parquet"
    if not path.exists():
        pq.write_table(pa.table(cohort(rows)), path)
    return path
