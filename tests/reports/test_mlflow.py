"""MLflow reads the folder and the run back; its rules on names are those of its own validator."""

import json
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import audit.models.extras
from audit.problems import InputError
from audit.result import Disparity, Estimate
from reports.exports.mlflow_results import LONGEST, metric_names, metrics, outcome
from reports.mlflow import log_audit
from tests.end_to_end.command import run
from tests.reports.sample import sample

TIDY = 36


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """MLflow over a store of files, with nothing sent anywhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        import mlflow

        mlflow.set_tracking_uri(tmp_path_factory.mktemp("runs").as_uri())
        mlflow.set_experiment("audits")
        yield mlflow
        while mlflow.active_run() is not None:
            mlflow.end_run()


@pytest.fixture(scope="module")
def logged(mlflow: Any) -> Any:
    with mlflow.start_run() as started:
        log_audit(sample(), page=False)
    return mlflow.get_run(started.info.run_id)


def test_every_metric_has_a_name_that_mlflow_takes(mlflow: Any) -> None:
    validation: Any = import_module("mlflow.utils.validation")
    names = list(metrics(sample()))
    assert len(names) > 500
    for name in names:
        validation._validate_metric_name(name)
        assert re.fullmatch(r"[A-Za-z0-9_.\- /]{1,250}", name), name  # as on Windows, and ASCII
    folders = {name.rsplit("/", 1)[0] for name in names}
    assert not folders & set(names)  # a store of files could not hold both


def test_names_are_flat_and_never_shared() -> None:
    ids = [
        "auroc/overall", "sensitivity/race=B & sex=F", "sensitivity/difference/sex=F:sex=M",
        "ppv/a=x+y", "ppv/a=x y", "ppv/a=X y", "ppv/a=../../b", "ppv/a=" + "é" * 300,
    ]  # fmt: skip
    names = metric_names(ids)
    assert names[:3] == [
        "auroc/overall", "sensitivity/race.B__sex.F", "sensitivity/difference/sex.F_vs_sex.M",
    ]  # fmt: skip
    assert len({name.casefold() for name in names}) == len(ids)
    assert names[6] == "ppv/a..._.._b"
    assert max(map(len, names)) <= LONGEST - len(".lower")
    assert metric_names(ids[::-1]) == names[::-1]


def test_only_what_has_inference_is_a_metric_and_the_rest_is_counted() -> None:
    result = sample()
    found = metrics(result)
    records: list[Estimate | Disparity] = [*result.estimates, *result.disparities]
    ready = sum(r.status == "ok" for r in records)
    undefined = sum(r.value is None for r in records)
    assert undefined > 10
    assert found["equipoise/without_value"] == undefined
    assert found["equipoise/without_inference"] == len(records) - ready - undefined > 0
    plain = [n for n in found if not n.endswith((".lower", ".upper")) and "equipoise/" not in n]
    assert len(plain) == ready
    value = next(e for e in result.estimates if e.id == "sensitivity/sex=F")
    assert found["sensitivity/sex.F"] == value.value
    assert found["sensitivity/sex.F.lower"] == value.lower
    assert found["equipoise/verdicts.inconclusive"] == 1


def test_what_is_withheld_is_no_metric() -> None:
    result = sample()
    hidden = {"status": "suppressed", "value": None, "lower": None, "upper": None}
    estimates = tuple(
        e.model_copy(update=hidden) if e.stratum == "sex=F" else e for e in result.estimates
    )
    found = metrics(result.model_copy(update={"estimates": estimates}))
    assert "sensitivity/sex.F" in metrics(result)
    assert not [name for name in found if re.search(r"^[^/]+/sex\.F(\.|$)", name)]
    assert found["equipoise/without_value"] > metrics(result)["equipoise/without_value"]


def test_the_outcome_is_that_of_the_gate() -> None:
    by = {v.status: v for v in sample().verdicts}
    assert outcome(sample().verdicts) == "violated"
    assert outcome([by["met"], by["waived"]]) == "met"
    assert outcome([by["met"], by["inconclusive"]]) == "inconclusive"
    assert outcome([by["waived"], by["not_applicable"]]) == outcome([]) == "nothing judged"


@pytest.fixture
def folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Path:
    path, out = tmp_path / "audit.json", tmp_path / "evaluation"
    path.write_text(sample().to_json(), "utf-8")
    ended = run(capsys, monkeypatch, "export", path, "--format", "mlflow", "--out", out)
    assert (ended.code, ended.out) == (0, f"wrote 5 files in {out}\n")
    return out


def test_mlflow_loads_the_folder(
    folder: Path, mlflow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader of MLflow imports matplotlib, which it needs for pictures only."""
    for name in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(sys.modules["matplotlib.pyplot"], "Figure", ModuleType, raising=False)
    models: Any = import_module("mlflow.models")
    found = models.EvaluationResult.load(folder)
    assert found.metrics == metrics(sample())
    assert set(found.artifacts) == {"eval_results_table", "verdicts", "audit"}
    assert found.artifacts["audit"].content == json.loads(sample().to_json())
    table = found.artifacts["eval_results_table"].content
    assert len(table["columns"]) == TIDY
    assert len(table["data"]) == len(sample().estimates) + len(sample().disparities)
    empty = next(
        dict(zip(table["columns"], row, strict=True))
        for row in table["data"]
        if row[table["columns"].index("status")] == "undefined"
    )
    assert empty["value"] is None
    assert empty["reason"]


def test_the_folder_is_the_same_whenever_it_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {p: p.read_bytes() for p in folder.rglob("*.json")}
    path = folder.parent / "audit.json"
    run(capsys, monkeypatch, "export", path, "--format", "mlflow", "--out", folder)
    assert {p: p.read_bytes() for p in folder.rglob("*.json")} == before
    ended = run(capsys, monkeypatch, "export", path, "--format", "mlflow")
    assert ended.code == 2
    assert "mlflow is a folder of files; name a folder to write" in ended.err


def test_a_run_holds_metrics_parameters_tags_and_artefacts(logged: Any, mlflow: Any) -> None:
    data = logged.data
    assert data.metrics == pytest.approx(metrics(sample()))
    assert data.params["equipoise.plan_sha256"] == sample().provenance.plan_sha256
    assert data.params["equipoise.threshold"] == "0.4"
    assert data.tags["equipoise.verdict"] == "violated"
    assert data.tags["equipoise.verdict.inconclusive-example"] == "inconclusive"
    client = mlflow.MlflowClient()
    names = {f.path for f in client.list_artifacts(logged.info.run_id)}
    assert names == {"equipoise", "eval_results_table.json"}
    inside = {f.path for f in client.list_artifacts(logged.info.run_id, "equipoise")}
    assert inside == {"equipoise/audit.json", "equipoise/verdicts.json"}


def test_the_table_of_a_run_is_one_that_mlflow_reads(logged: Any, mlflow: Any) -> None:
    table = mlflow.load_table("eval_results_table.json", run_ids=[logged.info.run_id])
    row = table[table["id"] == "sensitivity/sex=F"].iloc[0]
    value = next(e for e in sample().estimates if e.id == "sensitivity/sex=F").value
    assert row["value"] == pytest.approx(value)


def test_a_run_is_named_by_its_id(mlflow: Any) -> None:
    experiment = mlflow.get_experiment_by_name("audits").experiment_id
    id = mlflow.MlflowClient().create_run(experiment).info.run_id
    small = sample().model_copy(update={"estimates": sample().estimates[:3], "disparities": ()})
    log_audit(small, id, step=7, page=False)
    history = mlflow.MlflowClient().get_metric_history(id, "equipoise/verdicts.met")
    assert [(m.step, m.value) for m in history] == [(7, 1.0)]


def test_without_mlflow_the_line_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(audit.models.extras, "import_module", absent)
    with pytest.raises(InputError, match=r'pip install "equipoise\[mlflow\]"'):
        log_audit(sample())
