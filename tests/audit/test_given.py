"""Plans and cohorts from Python: dicts, paths and tables in memory give one and the same audit."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import audit
from audit.cohort import Cohort
from audit.sources.tables import NAME

PREDICTIONS = Path(__file__).parents[2] / "examples" / "predictions.csv"
PLAN: dict[str, Any] = {
    "columns": {"label": "y", "score": "p", "patient": "pid", "site": "hospital"},
    "threshold": {"value": 0.5},
    "attributes": {"sex": {"reference": "M"}, "race": {}},
    "resamples": 100,
    "permutations": 0,
}
TASKS: dict[str, dict[str, Any]] = {
    "multiclass": {"columns": {"label": "kind", "scores": {"a": "pa", "b": "pb", "c": "pc"}}},
    "multilabel": {
        "columns": {"labels": {"x": "lx", "y": "ly"}, "scores": {"x": "pa", "y": "pb"}},
        "threshold": {"value": 0.5},
    },
    "regression": {"columns": {"label": "size", "score": "guess"}},
    "survival": {
        "columns": {"label": "ly", "score": "pa", "time": "size"},
        "survival": {"horizon": 1.0},
    },
}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return pd.read_csv(PREDICTIONS).head(400)


def of_any_task() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    scores = rng.dirichlet([1, 1, 1], 200)
    size = rng.gamma(4, 0.5, 200)
    return pd.DataFrame(scores, columns=["pa", "pb", "pc"]).assign(
        kind=rng.choice(list("abc"), 200),
        lx=rng.integers(0, 2, 200),
        ly=rng.integers(0, 2, 200),
        size=size,
        guess=size + rng.normal(0, 0.3, 200),
        sex=rng.choice(["F", "M"], 200),
    )


def without_data(result: audit.AuditResult) -> audit.AuditResult:
    origin = result.provenance.model_copy(update={"data": ()})
    return result.model_copy(update={"provenance": origin})


def test_a_frame_a_file_and_an_arrow_table_give_the_same_audit(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "predictions.csv"
    frame.to_csv(path, index=False)
    given = [frame, str(path), [path], pa.Table.from_pandas(frame)]
    results = [audit.audit(audit.cohort_of(table, PLAN), audit.plan_of(PLAN)) for table in given]
    assert len({without_data(r).to_json() for r in results}) == 1
    assert results[1].provenance.data[0].name == "predictions.csv"
    assert results[0].provenance.data == results[3].provenance.data
    assert results[0].provenance.data[0].name == NAME


def test_the_hash_of_a_frame_is_of_its_content_in_any_order(frame: pd.DataFrame) -> None:
    def hashed(table: pd.DataFrame) -> str:
        (file,) = audit.cohort_of(table, PLAN).files  # type: ignore[union-attr]
        return file.sha256

    base = hashed(frame)
    mixed = frame.sample(frac=1, random_state=1)[sorted(frame.columns, reverse=True)]
    assert hashed(mixed) == base
    assert hashed(frame.assign(unused=1)) == base
    other = frame.assign(p=np.append(frame["p"].to_numpy()[:-1], 0.5))
    assert hashed(other) != base
    swapped = frame.copy()
    swapped[["race", "hospital"]] = swapped[["hospital", "race"]]
    assert hashed(swapped) != base
    moved = frame.copy()  # the same values in every column, in other rows
    moved["p"] = np.roll(moved["p"], 1)
    assert hashed(moved) != base


@pytest.mark.parametrize("task", TASKS)
def test_audit_takes_a_cohort_of_every_tabular_task(task: str) -> None:
    plan = audit.plan_of(
        {"task": task, "attributes": {"sex": {}}, "resamples": 100, "permutations": 0} | TASKS[task]
    )
    result = audit.audit(audit.cohort_of(of_any_task(), plan), plan)
    assert result.cohort.task == task
    assert result.cohort.rows == 200
    assert any(e.stratum == "sex=F" and e.value is not None for e in result.estimates)


def test_missing_values_of_pandas_are_missing(frame: pd.DataFrame) -> None:
    gaps = frame.astype({"y": "Int64"})
    gaps.loc[:4, "y"] = pd.NA
    gaps.loc[10:12, "p"] = np.nan
    cohort = audit.cohort_of(gaps, PLAN)
    assert isinstance(cohort, Cohort)
    assert (cohort.missing_label, cohort.missing_score) == (5, 3)


def problems(table: Any, plan: Any = PLAN) -> str:
    with pytest.raises(audit.InputError) as error:
        audit.cohort_of(table, plan)
    return str(error.value)


def test_problems_name_the_table_and_all_come_at_once(frame: pd.DataFrame) -> None:
    told = problems(frame.rename(columns={"pid": "pidd", "sex": "sexx"}))
    assert "table: there is no column 'pid' (patient); did you mean 'pidd'?" in told
    assert "there is no column 'sex' (attribute 'sex')" in told
    twice = pd.concat([frame, frame[["p"]]], axis=1)
    assert "column 'p' is there twice" in problems(twice)
    lists = frame.assign(sex=pd.Series([["F"]] * len(frame), dtype=object))
    assert "column 'sex'" in problems(lists)
    assert "no rows" in problems(frame.head(0))
    assert "a int is no table" in problems(3)
    bad = frame.copy()
    bad["y"] = bad["y"].astype(object)
    bad.loc[7, "y"] = "perhaps"
    assert "table: column 'y'" in problems(bad)


def test_problems_of_a_plan_are_told_by_key() -> None:
    with pytest.raises(audit.InputError) as error:
        audit.plan_of(PLAN | {"thresold": 1, "level": 2})
    told = str(error.value)
    assert "plan: unknown key 'thresold'; did you mean 'threshold'?" in told
    assert "plan: 'level': input should be less than 1" in told


def test_a_plan_is_a_dict_a_path_or_itself(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("columns: {label: y, score: p}\n", "utf-8")
    plan = audit.plan_of(path)
    assert audit.plan_of(str(path)) == plan == audit.plan_of(plan)
    assert audit.plan_of({"columns": {"label": "y", "score": "p"}}).sha256() == plan.sha256()
