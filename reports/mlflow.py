"""An audit logged to a run of MLflow: metrics, parameters, tags and artefacts."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from audit.models.extras import required_module
from audit.result import AuditResult
from reports.exports.mlflow_results import TABLE, metrics, mlflow_folder, params, tags
from reports.papers import Papers

FOLDER = "equipoise"
AT_ONCE = 1000  # metrics that one request may hold
_TABLES = "mlflow.loggedArtifacts"  # tables of a run that the page of MLflow shows


def log_audit(
    result: AuditResult,
    run: Any = None,
    *,
    step: int | None = None,
    page: bool = True,
) -> None:
    """Log an audit to a run of MLflow.

    Metrics are the estimates and disparities with inference (``auroc/overall``,
    ``sensitivity/sex.F``, and the same with ``.lower`` and ``.upper``); a value that is undefined
    is not logged, and ``equipoise/without_value`` says how many there are. Tags hold the verdicts,
    parameters what the audit depends on. Artefacts are the tables, ``equipoise/audit.json`` and
    the report.

    Parameters
    ----------
    result : AuditResult
        The audit; a shared one logs nothing that is withheld from it.
    run : mlflow.entities.Run, mlflow.ActiveRun or str, optional
        The run, or its id; the active one if absent, which is started if there is none.
    step : int, optional
        Step of the metrics, as an epoch.
    page : bool
        Whether the report is logged as ``equipoise/report.html``.

    Raises
    ------
    InputError
        When MLflow is not installed.
    """
    mlflow = required_module("mlflow", "mlflow", "log_audit")
    client = mlflow.MlflowClient()
    id = _run_id(mlflow, run)
    _log_values(mlflow, client, id, result, step)
    papers = Papers(result, result.to_json().encode())
    files = mlflow_folder(papers)
    if page:
        from reports.html import render_html

        files["artifacts/report.html"] = render_html(papers).encode()
    with TemporaryDirectory() as folder:
        written = _written(files, Path(folder))
        client.log_artifact(id, str(written / TABLE))
        for path in sorted(written.iterdir()):
            if path.name != TABLE:
                client.log_artifact(id, str(path), FOLDER)
    _show_table(client, id)


def _run_id(mlflow: Any, run: Any) -> str:
    if isinstance(run, str):
        return run
    chosen = run or mlflow.active_run() or mlflow.start_run()
    return str(chosen.info.run_id)


def _log_values(mlflow: Any, client: Any, id: str, result: AuditResult, step: int | None) -> None:
    from time import time

    entities, now = mlflow.entities, int(1000 * time())
    values = [entities.Metric(k, v, now, step or 0) for k, v in metrics(result).items()]
    given = [entities.Param(k, v) for k, v in params(result).items()]
    client.log_batch(id, params=given)
    for start in range(0, len(values), AT_ONCE):
        client.log_batch(id, metrics=values[start : start + AT_ONCE])
    for name, value in tags(result).items():
        client.set_tag(id, name, value)


def _written(files: dict[str, bytes], folder: Path) -> Path:
    """The artefacts as files, without the layout that the run itself takes the place of."""
    for name, content in files.items():
        start, _, path = name.partition("/")
        if start == "artifacts":
            (folder / path).write_bytes(content)
    return folder


def _show_table(client: Any, id: str) -> None:
    """Add the table to those of the run that MLflow shows."""
    known = json.loads(client.get_run(id).data.tags.get(_TABLES, "[]"))
    entry = {"path": TABLE, "type": "table"}
    if entry not in known:
        client.set_tag(id, _TABLES, json.dumps([*known, entry]))
