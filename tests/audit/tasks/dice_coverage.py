"""Simulated coverage of the interval of a mean Dice over patients with several cases."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from audit.cohort import Cohort, build_cohort, needed_columns
from audit.dimensions import Dimension
from audit.measures import TASK_MEASURES
from audit.sources.files import read_files
from audit.stats.linear import interval
from audit.strata import lattice
from audit.sweep import Resampling
from audit.tasks.case_figures import case_figures
from audit.tasks.cohort import CaseCohort
from tests.audit.builders import plan_of, write

PATIENTS = 120


def build_cohort_of(owner: NDArray[np.int64]) -> Cohort:
    """Cases of patients, in canonical order."""
    plan = plan_of("columns: {label: y, score: p, patient: pid}")
    columns = {"y": owner * 0, "p": owner * 0.0, "pid": [f"k{k}" for k in owner]}
    with TemporaryDirectory() as folder:
        path = write(columns, Path(folder) / "a.parquet")
        return build_cohort(read_files([path], needed_columns(plan)), plan)


def coverage(runs: int) -> tuple[float, float]:
    """Share of runs whose interval holds the true mean: ours, and with cases as patients."""
    rng = np.random.default_rng(5)
    hits = np.zeros((runs, 2))
    plan = plan_of("task: segmentation\ncolumns: {label: a, prediction: b}")
    measures = [TASK_MEASURES["segmentation"]["dice"]]
    size = rng.integers(1, 8, PATIENTS)
    base = build_cohort_of(np.repeat(np.arange(PATIENTS), size))
    strata = lattice(list[Dimension](), 1, base.rows)[0]
    nothing = Resampling(1, 0, np.empty((0, 0), np.uint8))
    for run in range(runs):
        level = rng.beta(8, 2, PATIENTS)  # a patient's own mean; its mean is 0.8
        owner = base.cluster
        dice = rng.beta(20 * level[owner], 20 * (1 - level[owner]))
        cases = CaseCohort(base, {"dice": dice}, {})
        figures = case_figures(cases, strata, nothing, measures, plan)
        value, variance = figures.values["dice"], figures.variance["dice"]
        low, high = interval(value, variance, figures.clusters, 0.95, "logit")
        hits[run, 0] = low[0] <= 0.8 <= high[0]
        wrong = np.array([dice.var(ddof=1) / dice.size])
        low, high = interval(value, wrong, np.array([dice.size]), 0.95, "logit")
        hits[run, 1] = low[0] <= 0.8 <= high[0]
    ours, naive = hits.mean(axis=0)
    return float(ours), float(naive)
