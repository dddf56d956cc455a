"""Small cohorts of the other tasks, and what is computed of them."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.cells import Texts
from audit.cohort import needed_columns
from audit.keys import text_keys
from audit.plan import Plan
from audit.result import AuditResult, Estimate
from audit.sources.files import read_files
from audit.sources.source import Source
from audit.stats.weights import EXACT_BELOW, multinomial_weights, poisson_weights
from audit.strata import lattice
from audit.sweep import resampling
from audit.tasks.cohort import OutputCohort, RegressionCohort
from audit.tasks.figures import TaskFigures, output_figures, regression_figures
from audit.tasks.measures import task_measures
from audit.tasks.read import build_any_cohort, build_task_cohort
from audit.tasks.run import audit_any
from audit.tasks.sweeps import output_rows
from tests.audit.builders import Columns, plan_of, write

Floats = NDArray[np.float64]
CLASSES = ("mel", "naevus", "bcc")

MULTICLASS = """
task: multiclass
columns: {label: y, scores: {mel: p_mel, naevus: p_naevus, bcc: p_bcc}, patient: pid}
resamples: 130
seed: 3
attributes: {sex: }
"""
MULTILABEL = """
task: multilabel
columns:
  labels: {effusion: y_e, oedema: y_o, nodule: y_n}
  scores: {effusion: p_e, oedema: p_o, nodule: p_n}
  patient: pid
threshold: {value: 0.4}
resamples: 130
seed: 3
attributes: {sex: }
"""
REGRESSION = """
task: regression
columns: {label: y, score: p, patient: pid}
resamples: 130
seed: 3
attributes: {sex: }
"""


def source_of(plan: Plan, columns: Mapping[str, Any]) -> Source:
    with TemporaryDirectory() as folder:
        path = write(columns, Path(folder) / "a.parquet")
        return read_files([path], needed_columns(plan))


def groups(rng: np.random.Generator, rows: int, patients: int) -> Columns:
    return {
        "sex": rng.choice(["F", "M"], rows, p=[0.35, 0.65]),
        "site": rng.choice(["n1", "n2", "n3"], rows),
        "pid": np.array([f"k{i}" for i in rng.integers(0, patients, rows)]),
    }


def class_columns(seed: int, rows: int = 500, patients: int = 300, decimals: int = 12) -> Columns:
    """Three classes of different frequency, probabilities that sum to 1."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, rows, p=[0.2, 0.5, 0.3])
    raw = rng.normal(0, 1, (rows, 3)) + 1.3 * np.eye(3)[truth] + np.array([-0.3, 0.4, 0.0])
    p = np.exp(raw) / np.exp(raw).sum(1, keepdims=True)
    p = np.round(p, decimals)
    scores = {f"p_{name}": p[:, k] for k, name in enumerate(CLASSES)}
    return {"y": np.array(CLASSES)[truth], **scores, **groups(rng, rows, patients)}


def label_columns(seed: int, rows: int = 500, patients: int = 300, missing: float = 0.1) -> Columns:
    """Three labels of different frequency, some not assessed, some scores missing."""
    rng = np.random.default_rng(seed)
    out: Columns = {}
    for name, shift in (("e", -0.5), ("o", -1.0), ("n", 0.2)):
        risk = 1 / (1 + np.exp(-(rng.normal(0, 1.2, rows) + shift)))
        y = (rng.random(rows) < risk).astype(int)
        score = np.round(np.clip(risk + rng.normal(0, 0.1, rows), 0, 1), 3)
        out[f"y_{name}"] = [
            None if u < missing else int(v) for u, v in zip(rng.random(rows), y, strict=True)
        ]
        out[f"p_{name}"] = [
            None if u < missing / 5 else float(v)
            for u, v in zip(rng.random(rows), score, strict=True)
        ]
    return {**out, **groups(rng, rows, patients)}


def value_columns(seed: int, rows: int = 500, patients: int = 300) -> Columns:
    """Predicted and true values with a bias, a slope below 1 and noise."""
    rng = np.random.default_rng(seed)
    outcome = rng.normal(120, 15, rows)
    predicted = 118 + 1.1 * (outcome - 120) + rng.normal(0, 6, rows)
    return {"y": outcome, "p": predicted, **groups(rng, rows, patients)}


def figures_of(text: str, columns: Mapping[str, Any]) -> dict[str, TaskFigures]:
    """Figures of the whole task, by the attribute of the set ("" for everyone)."""
    plan = plan_of(text)
    cohort = build_task_cohort(source_of(plan, columns), plan)
    base = cohort.base
    scheme = resampling(plan.seed, plan.resamples, base.clusters)
    measures = [m for m, outside in task_measures(plan) if outside is None]
    found = {}
    for strata in lattice(base.dimensions, plan.depth, base.rows):
        name = " & ".join(strata.attributes)
        if isinstance(cohort, RegressionCohort):
            found[name] = regression_figures(cohort, strata, scheme, measures)
        elif isinstance(cohort, OutputCohort):
            found[name] = output_figures(cohort, output_rows(cohort), strata, scheme, measures)
    return found


def weights_of(text: str, columns: Mapping[str, Any]) -> Floats:
    """Resample weights of every row of the input, one column for each resample.

    Every row must have a patient of its own or share one by `pid`; patients below 200 come from
    the multinomial table in the order of their keys.
    """
    plan = plan_of(text)
    pid = np.asarray(columns["pid"])
    names, place = np.unique(pid, return_inverse=True)
    key = text_keys(Texts(tuple(names), place.astype(np.int32)))
    if len(names) >= EXACT_BELOW:
        return poisson_weights(key, plan.seed, plan.resamples)
    table = multinomial_weights(len(names), plan.seed, plan.resamples).astype(np.float64)
    rank = np.unique(key, return_inverse=True)[1]
    return np.asarray(table[rank][:, : plan.resamples])


def task_audit(text: str, columns: Mapping[str, Any]) -> AuditResult:
    """Audit by the public path; the result must survive being written and read."""
    plan = plan_of(text)
    with TemporaryDirectory() as folder:
        path = write(columns, Path(folder) / "0.parquet")
        source = read_files([path], needed_columns(plan))
        result = audit_any(build_any_cohort(source, plan), plan)
    assert AuditResult.from_json(result.to_json()) == result
    return result


def of_output(result: AuditResult, measure: str, output: str, stratum: str = "overall") -> Estimate:
    (found,) = [
        e
        for e in result.estimates
        if (e.measure, e.output, e.stratum) == (measure, output, stratum)
    ]
    return found


def value_of(result: AuditResult, measure: str, stratum: str = "overall") -> Any:
    """Value of a measure of the whole task."""
    (found,) = [e for e in result.estimates if e.id == f"{measure}/{stratum}"]
    return found.value
