"""A whole `equipoise audit` of 100,000 rows, and the same figures from peers, in one run.

4 attributes, all pairs, 2,000 patient-level resamples, start-up and reading included. Target:
under 10 s on 2 cores and under 700 MB. The peers compute points for the single attributes only,
and one resample of them, which is scaled up; neither can resample patients.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 100_000
RESAMPLES = 2000
ATTRIBUTES = ("sex", "race", "age_band", "hospital")
THRESHOLD = 0.2


def cohort() -> dict[str, Any]:
    """Invent a cohort: a third as many patients as rows, groups down to 2 %."""
    rng = np.random.default_rng(7)
    patient = rng.integers(0, ROWS // 3, ROWS)
    effect = rng.normal(0, 0.7, ROWS // 3)[patient]
    hospital = rng.integers(0, 20, ROWS)
    race = rng.choice(5, ROWS, p=[0.6, 0.2, 0.1, 0.08, 0.02])
    linear = -2.6 + effect + 0.1 * race + 0.02 * hospital + rng.normal(0, 0.8, ROWS)
    y = rng.random(ROWS) < 1 / (1 + np.exp(-linear))
    p = 1 / (1 + np.exp(-(linear + rng.normal(0, 0.5, ROWS))))
    return {
        "y": y.astype(np.int8),
        "p": p.astype(np.float32).astype(np.float64),
        "pid": patient,
        "sex": np.array(["F", "M"])[rng.integers(0, 2, ROWS)],
        "race": np.array(["Asian", "Black", "Hispanic", "Other", "White"])[race],
        "age_band": np.array(["18-39", "40-54", "55-64", "65-79", "80+"])[rng.integers(0, 5, ROWS)],
        "hospital": np.array([f"site {i:02}" for i in range(20)])[hospital],
    }


def equipoise(path: Path, out: Path) -> tuple[float, float]:
    """Wall seconds and peak MB of the command."""
    command = [sys.executable, "-m", "cli", "audit", str(path), "--label", "y", "--score", "p"]
    command += ["--threshold", str(THRESHOLD), "--site", "hospital", "--patient", "pid"]
    command += ["--by", "sex", "--by", "race", "--by", "age_band", "--depth", "2"]
    command += ["--resamples", str(RESAMPLES), "--out", str(out), "--quiet"]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    wall = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return wall, peak


def scikit_learn(data: dict[str, Any]) -> float:
    """Seconds for one evaluation of the single attributes with scikit-learn in a loop."""
    from sklearn.metrics import (
        average_precision_score,
        brier_score_loss,
        confusion_matrix,
        roc_auc_score,
    )

    start = time.perf_counter()
    for attribute in ATTRIBUTES:
        for level in np.unique(data[attribute]):
            mine = data[attribute] == level
            y, p = data["y"][mine], data["p"][mine]
            confusion_matrix(y, p >= THRESHOLD)
            roc_auc_score(y, p)
            average_precision_score(y, p)
            brier_score_loss(y, p)
    return time.perf_counter() - start


def fairlearn(data: dict[str, Any]) -> float:
    """Seconds for one evaluation of the single attributes with MetricFrame."""
    from fairlearn.metrics import (
        MetricFrame,
        false_positive_rate,
        selection_rate,
        true_positive_rate,
    )
    from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

    flagged = (data["p"] >= THRESHOLD).astype(int)
    decisions = {
        "sensitivity": true_positive_rate,
        "fpr": false_positive_rate,
        "flag_rate": selection_rate,
    }
    scores = {
        "auroc": roc_auc_score,
        "ap": average_precision_score,
        "brier": brier_score_loss,
    }
    start = time.perf_counter()
    for attribute in ATTRIBUTES:
        for metrics, predicted in ((decisions, flagged), (scores, data["p"])):
            frame = MetricFrame(
                metrics=metrics,
                y_true=data["y"],
                y_pred=predicted,
                sensitive_features=data[attribute],
            )
            frame.by_group  # noqa: B018  # evaluated lazily
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    data = cohort()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.parquet"
        pq.write_table(pa.table(data), path)
        equipoise(path, Path(folder) / "warm")  # compiles, once per installation
        runs = [equipoise(path, Path(folder) / f"out{i}") for i in range(3)]
    wall, peak = sorted(runs)[1][0], max(mb for _, mb in runs)
    loop, frame = scikit_learn(data), fairlearn(data)
    print(f"{ROWS:,} rows, {len(ATTRIBUTES)} attributes, all pairs, {RESAMPLES:,} resamples")
    print(f"equipoise audit, whole command  {wall:7.2f} s   peak {peak:.0f} MB")
    for name, once in (("scikit-learn loop", loop), ("fairlearn", frame)):
        scaled = once * RESAMPLES
        print(
            f"{name + ', one evaluation':32}{once:7.2f} s   x {RESAMPLES} = {scaled:.0f} s, "
            f"{scaled / wall:.0f} times ours"
        )


if __name__ == "__main__":
    main()
