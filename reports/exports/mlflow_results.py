"""MLflow's evaluation results: flat metrics, tables in its split layout, and their metadata.

The layout is what ``mlflow.models.EvaluationResult.save`` writes and ``load`` reads. Names of
metrics hold only what MLflow allows on every platform: ASCII letters and digits, underscores,
dashes, periods, spaces and slashes; no part of one name is the whole of another.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from audit.exit_codes import exit_code
from audit.result import AuditResult, Disparity, Estimate, Verdict
from reports.exports import tidy
from reports.papers import Papers

NAME = re.compile(r"[A-Za-z0-9_.\- /]+")
LONGEST = 250
LONGEST_VALUE = 6000
TABLE, VERDICTS, AUDIT = "eval_results_table.json", "verdicts.json", "audit.json"
_JSON = "mlflow.models.evaluation.artifacts.JsonEvaluationArtifact"
_SPELT = (("=", "."), (" & ", "__"), (":", "_vs_"))
_STATUSES = ("met", "violated", "inconclusive", "not_estimable", "not_applicable", "waived",
             "error")  # fmt: skip
_WORDS = {0: "met", 1: "violated", 3: "inconclusive", 4: "error"}


def mlflow_folder(papers: Papers) -> dict[str, bytes]:
    """Every file of the folder by its path inside it."""
    artifacts = {TABLE: _text(table(papers)), VERDICTS: _text(verdicts_table(papers.result))}
    metadata = {
        name.removesuffix(".json"): {"uri": f"artifacts/{name}", "class_name": _JSON}
        for name in (*artifacts, AUDIT)
    }
    return {
        "metrics.json": _text(metrics(papers.result)),
        "artifacts_metadata.json": _text(metadata),
        **{f"artifacts/{name}": content for name, content in artifacts.items()},
        f"artifacts/{AUDIT}": papers.audit_json,
    }


def metrics(result: AuditResult) -> dict[str, float]:
    """Every estimate and disparity with inference, and how many there are without.

    What is undefined, or is shown without an interval, is no metric: a chart could not tell it
    from a number. The tables hold it with its status and reason.
    """
    records: Sequence[Estimate | Disparity] = [*result.estimates, *result.disparities]
    ready = [r for r in records if r.status == "ok" and r.value is not None]
    found: dict[str, float] = {}
    for name, record in zip(metric_names([r.id for r in ready]), ready, strict=True):
        ends = (("", record.value), (".lower", record.lower), (".upper", record.upper))
        found |= {name + end: value for end, value in ends if value is not None}
    counts = Counter[str](v.status for v in result.verdicts)
    found |= {f"equipoise/verdicts.{s}": float(counts[s]) for s in _STATUSES}
    undefined = sum(r.value is None for r in records)
    found["equipoise/without_value"] = float(undefined)
    found["equipoise/without_inference"] = float(len(records) - len(ready) - undefined)
    return found


def metric_names(ids: Sequence[str]) -> list[str]:
    """Names that MLflow takes, different ids by different names whatever the capitals.

    A stratum ``sex=F`` reads ``sex.F``, ``race=B & sex=F`` reads ``race.B__sex.F``; every other
    sign becomes an underscore. A name that is too long, or that two ids come to, ends in the hash
    of its id.
    """
    plain = [_spelt(id) for id in ids]
    times = Counter(name.casefold() for name in plain)
    most = LONGEST - len(".lower")
    return [
        name
        if times[name.casefold()] == 1 and len(name) <= most
        else f"{name[: most - 9]}-{hashlib.sha256(id.encode()).hexdigest()[:8]}"
        for id, name in zip(ids, plain, strict=True)
    ]


def _spelt(id: str) -> str:
    name = id
    for sign, spelt in _SPELT:
        name = name.replace(sign, spelt)
    name = re.sub(r"[^A-Za-z0-9_.\-/]", "_", name)
    measure, *rest = name.split("/")
    # What stands in the name of a level must not make a folder, or one that leads up.
    kind = [rest.pop(0)] if rest and rest[0] in ("difference", "ratio", "gap") else []
    return "/".join([measure, *kind, "_".join(rest)])


def params(result: AuditResult) -> dict[str, str]:
    """What the audit depends on, as parameters of a run."""
    used, cohort = result.provenance, result.cohort
    threshold = cohort.threshold
    found = {
        "task": cohort.task,
        "plan_sha256": used.plan_sha256,
        "data_sha256": " ".join(file.sha256 for file in used.data),
        "model_sha256": used.model.sha256 if used.model is not None else None,
        "threshold": f"{threshold.value:g}" if threshold is not None else None,
        "threshold_source": threshold.source if threshold is not None else None,
        "level": f"{result.plan['level']:g}",
        "resamples": str(used.resamples),
        "seed": str(used.seed),
        "as_of": used.as_of,
        "min_cell": str(result.disclosure.min_cell) if result.disclosure is not None else None,
        "tool_version": used.tool_version,
    }
    return {f"equipoise.{k}": v[:LONGEST_VALUE] for k, v in found.items() if v}


def tags(result: AuditResult) -> dict[str, str]:
    """The verdicts as tags of a run: all of them in one word, and each by its requirement."""
    found = {"equipoise.verdict": outcome(result.verdicts)}
    for v in result.verdicts:
        name = f"equipoise.verdict.{v.requirement}"
        if len(name) <= LONGEST:  # the table of verdicts holds every one
            found[name] = v.status
    return found


def outcome(verdicts: Sequence[Verdict]) -> str:
    """What all verdicts come to, in the sense of the exit code of the gate."""
    judged = any(v.status not in ("waived", "not_applicable") for v in verdicts)
    return _WORDS[exit_code(verdicts)] if judged else "nothing judged"


def table(papers: Papers) -> dict[str, Any]:
    """The tidy table in pandas' split layout, as ``mlflow.load_table`` reads it."""
    rows = tidy.rows(papers)
    return {"columns": list(tidy.COLUMNS), "data": [[r[c] for c in tidy.COLUMNS] for r in rows]}


def verdicts_table(result: AuditResult) -> dict[str, Any]:
    """Every verdict as one row, in the same layout."""
    columns = ("requirement", "kind", "severity", "status", "found", "statement", "measure",
               "output", "stratum", "value", "lower", "upper", "level", "reason", "detectable",
               "n_needed")  # fmt: skip
    data = [[getattr(v, c) for c in columns] for v in result.verdicts]
    return {"columns": list(columns), "data": data}


def _text(content: Any) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
