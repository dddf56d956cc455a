"""The audit as a model card for the Hugging Face Hub: metadata with a model index, then sections.

Metadata: https://github.com/huggingface/hub-docs/blob/main/modelcard.md. Estimates of everyone and
of the levels of single attributes stand in the model index, each stratum as a configuration of the
test data. What has no value is no metric there; it is listed in the text.
"""

from collections.abc import Iterable
from typing import Any

import yaml

from audit.result import Estimate
from reports import words
from reports.exchange import Json, filled, line
from reports.exports.markdown import plain, table
from reports.exports.record import (
    NOT_STATED,
    groups_at_risk,
    limits,
    measure_name,
    mitigations,
    product_of,
    said_to,
    without,
)
from reports.format import crossed, digits, with_interval
from reports.papers import Papers
from reports.parts import front
from reports.parts.results import TASK_FRONT

# Tasks of the Hub. What is predicted is known here, but not always from what.
_TASKS = {
    "segmentation": "image-segmentation",
    "detection": "object-detection",
    "image": "image-to-image",
}
_FROM_TABLES = {
    "binary": "tabular-classification",
    "multiclass": "tabular-classification",
    "multilabel": "tabular-classification",
    "regression": "tabular-regression",
}
_TASK_NAMES = {
    "binary": "Binary classification",
    "multiclass": "Multiclass classification",
    "multilabel": "Multilabel classification",
    "regression": "Regression",
    "segmentation": "Segmentation",
    "detection": "Detection",
    "image": "Image to image",
    "survival": "Time to event",
}
# Names of the same number in the Hub's own list of metrics, of yes/no tasks.
_METRICS = {
    "accuracy": "accuracy",
    "auroc": "roc_auc",
    "brier": "brier_score",
    "f1": "f1",
    "mcc": "matthews_correlation",
    "ppv": "precision",
    "sensitivity": "recall",
}
_LISTED = 200


def hugging_face(papers: Papers) -> str:
    """Write the card."""
    head = yaml.safe_dump(
        _metadata(papers), sort_keys=False, allow_unicode=True, width=100, line_break="\n"
    )
    return "\n".join(["---", head + "---", "", *_body(papers)]).rstrip() + "\n"


def _metadata(papers: Papers) -> Json:
    product = product_of(papers)
    index = {
        "name": line(f"{product.name} {product.version}") or "unnamed product",
        "results": _results(papers),
    }
    known: Json = {"tags": ["medical", "bias-audit"]}
    return known | ({"model-index": [index]} if index["results"] else {})


def _results(papers: Papers) -> list[Json]:
    """One result a stratum: the task, the stratum as data, and its metrics."""
    by_stratum: dict[str, list[Estimate]] = {}
    for e in papers.result.estimates:
        if e.value is not None and not crossed(e.stratum):
            by_stratum.setdefault(e.stratum, []).append(e)
    return [
        {
            "task": _task(papers),
            "dataset": _dataset(papers, stratum),
            "metrics": [_metric(papers, e) for e in some],
        }
        for stratum, some in by_stratum.items()
    ]


def _task(papers: Papers) -> Json:
    task = papers.result.cohort.task
    taken = (papers.result.provenance.predicted_by or {}).get("takes") or ()
    from_tables = bool(taken) and all(t.get("kind") == "columns" for t in taken)
    type = _FROM_TABLES.get(task, "other") if from_tables else _TASKS.get(task, "other")
    return {"type": type, "name": _TASK_NAMES[task]}


def _dataset(papers: Papers, stratum: str) -> Json:
    """The test data by name; the Hub's own id of a data set is not on record."""
    files = papers.result.provenance.data
    content = {
        "type": "test-cohort",
        "name": _cohort_name(papers),
        "config": stratum,
        "split": "test",
        "args": {"stratum": stratum, "sha256": [f.sha256 for f in files]},
    }
    return filled(content)


def _cohort_name(papers: Papers) -> str:
    title = line(str(papers.result.plan.get("title") or ""))
    return f"Test cohort of: {title}" if title else "Test cohort"


def _metric(papers: Papers, e: Estimate) -> Json:
    """A figure with all that it rests on; none is verified by the Hub."""
    binary = papers.result.cohort.task == "binary" and e.output is None
    told: dict[str, Any] = {
        "id": e.id,
        "level": e.level,
        "lower": e.lower,
        "upper": e.upper,
        "method": e.method,
        "n": e.n,
        "status": e.status,
        "reason": e.reason,
    }
    return {
        "type": _METRICS.get(e.measure, e.measure) if binary else e.measure,
        "value": e.value,
        "name": measure_name(e.measure, e.output),
        "args": {key: value for key, value in told.items() if value is not None},
        "verified": False,
    }


def _body(papers: Papers) -> list[str]:
    product = product_of(papers)
    name = line(f"{product.name} {product.version}") or "unnamed product"
    sections = (
        ("Model Details", _details(papers)),
        ("Uses", _uses(papers)),
        ("Bias, Risks, and Limitations", _bias(papers)),
        ("Training Details", [_told(said_to(papers, "CHAI-SF.6"))]),
        ("Evaluation", _evaluation(papers)),
        ("More Information", _origin(papers)),
    )
    lines = [f"# Model Card for {plain(name)}", ""]
    for title, content in sections:
        lines += [f"## {title}", "", *content, ""]
    return lines


def _told(text: str | None) -> str:
    return plain(text) if text else f"{NOT_STATED}."


def _details(papers: Papers) -> list[str]:
    product = product_of(papers)
    return [
        _told(line(product.description)),
        "",
        f"- **Developed by:** {_told(line(product.manufacturer))}",
        f"- **Version:** {_told(line(product.version))}",
        f"- **Funded by:** {_told(said_to(papers, 'CHAI-TI.1'))}",
        f"- **Contact:** {_told(said_to(papers, 'CHAI-BI.3'))}",
    ]


def _uses(papers: Papers) -> list[str]:
    return [
        _told(line(product_of(papers).intended_use)),
        "",
        "### Out-of-Scope Use",
        "",
        _told(said_to(papers, "CHAI-UD.5")),
    ]


def _bias(papers: Papers) -> list[str]:
    found = [f"{group}: {text}" for group, some in groups_at_risk(papers).items() for text in some]
    none = "No requirement is violated or undecided in a group, and no difference between groups "
    none += "stands after adjustment. That is no evidence that groups are treated alike."
    return [
        *(_bullets(found) if found else [none]),
        "",
        "### Limitations",
        "",
        *_bullets(limits(papers)),
        "",
        "### Mitigation",
        "",
        *(_bullets(mitigations(papers)) or [f"{NOT_STATED}."]),
    ]


def _bullets(items: Iterable[str]) -> list[str]:
    return [f"- {plain(line(item))}" for item in items]


def _evaluation(papers: Papers) -> list[str]:
    sentences = front.summary(papers.index).sentences
    return [
        "### Testing Data, Factors & Metrics",
        "",
        _told(line(product_of(papers).cohort)),
        "",
        *(plain(line(sentence)) for sentence in sentences[:-1]),
        "",
        "### Requirements",
        "",
        plain(sentences[-1]),
        "",
        *_verdicts(papers),
        "### Results",
        "",
        "The measures that stand first in reports; the metadata hold the others.",
        "",
        *_front_table(papers),
        *_missing(papers),
    ]


def _verdicts(papers: Papers) -> list[str]:
    lines = [front.verdict_line(papers.index, v) for v in papers.result.verdicts]
    if not lines:
        return []
    rows = [(v.id, v.statement, v.word, f"{v.value} {v.where}".strip(), v.reason) for v in lines]
    return [*table(("requirement", "what", "verdict", "value", "reason"), rows), ""]


def _front_table(papers: Papers) -> list[str]:
    index = papers.index
    measures = [m for m in TASK_FRONT[index.task] if m in index.measures]
    strata = [s for some in index.single.values() for s in some]
    rows = [(stratum, *(_cell(index.estimate(m, stratum)) for m in measures)) for stratum in strata]
    return table(("stratum", *(words.name(m) for m in measures)), rows)


def _cell(e: Estimate | None) -> str:
    if e is None:
        return "not computed"
    if e.value is None:
        return words.STATUS[e.status]
    shown = with_interval(e.value, e.lower, e.upper, digits(e.measure))
    return shown if e.status == "ok" else f"{shown} ({words.STATUS[e.status]})"


def _missing(papers: Papers) -> list[str]:
    """The estimates that the metadata leave out or that nothing may be concluded from."""
    refused = [e for e in papers.result.estimates if e.status != "ok" and not crossed(e.stratum)]
    if not refused:
        return []
    lines = ["", "### Without inference", ""]
    lines += [f"- {plain(f'{e.id}: {without(e)}')}" for e in refused[:_LISTED]]
    rest = len(refused) - _LISTED
    return lines + ([f"- and {rest} more in audit.json"] if rest > 0 else [])


def _origin(papers: Papers) -> list[str]:
    used = papers.result.provenance
    return [
        f"From an audit by {plain(f'{used.tool} {used.tool_version}')}: plan SHA-256 "
        f"`{used.plan_sha256}`, seed {used.seed}, {used.resamples:,} resamples, as of "
        f"{used.as_of or 'no stated date'}. It measures and documents; it judges no obligation.",
    ]
