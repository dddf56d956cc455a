"""Examples of all that a plan can require, commented out, for the plan that `init` writes."""

from collections.abc import Sequence

from audit.facts import ColumnFacts
from commands.yaml_text import quoted

_HEAD = (
    "# What must hold. Each verdict is met, violated or inconclusive, judged from the whole",
    "# interval. To use an example, delete the # before its lines and set the bound that you can",
    "# answer for; `equipoise explain MEASURE` says what each measure is.",
)


def requirement_examples(
    attributes: Sequence[ColumnFacts], *, patient: bool, site: bool
) -> list[str]:
    """One example of each kind that these columns allow. Delete each # and the plan is valid."""
    first = quoted(attributes[0].name) if attributes else None
    return [*_HEAD, *_measures(first), *_coverage(first, patient, site), *_change(), *_checklists()]


def _measures(attribute: str | None) -> list[str]:
    strata = f"[overall, {attribute}]" if attribute else "[overall]"
    lines = [
        "#requirements:",
        "#  - id: sensitivity-floor",
        "#    measure: sensitivity",
        "#    floor: 0.80",
        f"#    strata: {strata}",
        "#    severity: critical",
        "#    rationale: why this floor, in the words of the person who answers for it",
    ]
    if attribute is None:
        return lines
    return [
        *lines,
        "#  - id: sensitivity-gap",
        "#    measure: sensitivity",
        "#    contrast: gap",
        f"#    attribute: {attribute}",
        "#    margin: 0.10",
    ]


def _coverage(attribute: str | None, patient: bool, site: bool) -> list[str]:
    lines = [
        "# Who must be in the cohort. Counts are facts: met or violated, without an interval.",
        "#coverage:",
        "#  - id: enough-people",
        f"#    strata: [{attribute or 'overall'}]",
        "#    positives: 50",
        *(["#    patients: 200"] if patient else ["#    n: 200"]),
        "#    missing_label: 0.05",
    ]
    if attribute is not None:
        lines += [
            "#  - id: attribute-known",
            f"#    attribute: {attribute}",
            "#    missing: 0.10",
        ]
    return [*lines, *(["#  - id: enough-sites", "#    sites: 3"] if site else [])]


def _change() -> list[str]:
    return [
        "# Held against a stored audit: equipoise gate out/audit.json --baseline before/audit.json",
        "#change:",
        "#  - id: auroc-not-worse",
        "#    measure: auroc",
        "#    worse_by: 0.02",
    ]


def _checklists() -> list[str]:
    return [
        "# Held against your answers: equipoise gate out/audit.json --answers answers.yaml",
        "#checklists:",
        "#  - id: reported",
        "#    instruments: [tripod-ai]",
        "#    state: answered",
    ]
