"""``equipoise init``: a commented plan, its roles guessed from the columns."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.problems import InputError, Problem

_LABEL = ("label", "y", "y_true", "outcome", "target", "truth", "gt", "ground_truth", "event")
_SCORE = ("score", "p", "prob", "probability", "y_score", "y_prob", "pred_proba", "risk", "y_pred")
_PATIENT = ("patient", "patient_id", "pid", "subject", "subject_id", "mrn", "person_id")
_UNIT = ("unit", "unit_id", "exam_id", "study_id", "image_id", "id", "case_id", "row_id", "uid")
_SITE = ("hospital", "site", "site_id", "centre", "center", "clinic", "institution")
_ATTRIBUTES = (
    "sex", "gender", "race", "ethnicity", "age", "age_group", "ageband", "insurance", "income",
    "language", "scanner", "manufacturer", "vendor", "device", "view", "skin_type", "education",
)  # fmt: skip
_MOST_LEVELS = 12


@dataclass(frozen=True)
class ColumnFacts:
    """What was seen of a column: enough to guess its role, no values but level names."""

    name: str
    numeric: bool
    distinct: int
    missing: int
    levels: tuple[str, ...]
    low: float | None
    high: float | None


def run_init(path: Path, out: Path, *, force: bool) -> str:
    """Write the plan; return the lines for the terminal."""
    if out.exists() and not force:
        remedy = "choose another with --out, or overwrite with --force"
        raise InputError(Problem("exists", str(out), "this file exists already", remedy))

    from audit.atomic import write_atomic
    from audit.plan_file import parse_plan
    from audit.sources.files import read_facts

    facts = [ColumnFacts(**f) for f in read_facts(path)]
    text = plan_text(path.name, facts)
    parse_plan(text, str(out))  # what is handed out must be readable
    write_atomic(out, text)
    return (
        f"wrote {out}: read it, correct the guesses, write requirements\n"
        f"next: equipoise audit {path} --plan {out} --out out"
    )


def plan_text(data: str, facts: Sequence[ColumnFacts]) -> str:
    """Write a plan for these columns; every guess says what it was guessed from."""
    label = _pick(facts, _LABEL, lambda f: f.distinct == 2)
    score = _pick(facts, _SCORE, lambda f: f.numeric and f.distinct > 2)
    patient = _named(facts, _PATIENT)
    unit = _named(facts, _UNIT, lambda f: f.missing == 0)
    site = _named(facts, _SITE)
    taken = {f.name for f in (label, score, patient, unit, site) if f is not None}
    attributes = [f for f in facts if f.name not in taken and _is_attribute(f)]
    return "\n".join(
        [
            "# Audit plan. Written before scores are read; its hash is in every result.",
            "# Every role below was guessed from the column names and values: check each one.",
            "version: 1",
            f"title: Audit of {_quoted(data)[1:-1]}",
            "product:",
            "  name: ''          # model or device",
            "  version: ''",
            "  intended_use: ''  # who uses it, on whom, to decide what",
            f"data: {_quoted(data)}",
            "columns:",
            *_role("label", label, "the outcome: two values", required=True),
            *_role("score", score, "the model's score", required=True),
            *_role("patient", patient, "rows of one patient are not independent"),
            *_role("site", site, "the hospital; also a stratum"),
            *_role("unit", unit, "unique identity of a row"),
            *_positive(label),
            *_score_kind(score),
            "# A unit is flagged when score >= value. source: fixed (set before these data),",
            "# external (tuned on other data) or tuned_here (then every measure at it is optimistic).",
            "threshold: {value: 0.5, source: fixed}",
            "# Whom to look at. Without a reference the largest level is used.",
            *_attributes(attributes),
            "depth: 1            # 2 crosses attributes in pairs",
            "level: 0.95",
            "resamples: 2000",
            "seed: 1",
            "# What must hold. Judged from the whole interval: met, violated or inconclusive.",
            "# `equipoise explain MEASURE` says what each measure is.",
            "requirements: []",
            "#  - id: sensitivity-floor",
            "#    measure: sensitivity",
            "#    floor: 0.80",
            f"#    strata: [overall{', ' + attributes[0].name if attributes else ''}]",
            "#    rationale: why this floor, in the words of the person who answers for it",
            *_gap_example(attributes),
            "",
        ]
    )


def _named(facts: Sequence[ColumnFacts], names: Sequence[str], ok: Any = None) -> Any:
    by_name = {f.name.lower(): f for f in facts}
    for name in names:
        found = by_name.get(name)
        if found is not None and (ok is None or ok(found)):
            return found
    return None


def _pick(facts: Sequence[ColumnFacts], names: Sequence[str], ok: Any) -> Any:
    """A column of a usual name, else the only one that looks the part."""
    found = _named(facts, names, ok)
    if found is not None:
        return found
    if ok is not None and names is _SCORE:
        looks = [f for f in facts if ok(f) and f.low is not None and 0 <= f.low and f.high <= 1]
    else:
        looks = [f for f in facts if f.numeric and f.distinct == 2 and (f.low, f.high) == (0, 1)]
    return looks[0] if len(looks) == 1 else None


def _is_attribute(facts: ColumnFacts) -> bool:
    known = facts.name.lower() in _ATTRIBUTES
    return known or (not facts.numeric and 2 <= facts.distinct <= _MOST_LEVELS)


def _role(role: str, facts: Any, meaning: str, *, required: bool = False) -> list[str]:
    if facts is not None:
        return [f"  {role}: {_quoted(facts.name)}  # guessed; {meaning}"]
    if required:
        return [f"  {role}: CHANGE_ME  # no column looked like {meaning}"]
    return [f"  # {role}: COLUMN  # none found; {meaning}"]


def _positive(label: Any) -> list[str]:
    if label is None or label.levels in (("0", "1"), ("False", "True")):
        return ["# positive: 1       # label value that means the condition is present"]
    guess = label.levels[-1]
    return [f"positive: {_quoted(guess)}  # guessed from {', '.join(label.levels)}: check it"]


def _score_kind(score: Any) -> list[str]:
    inside = score is None or score.low is None or (score.low >= 0 and score.high <= 1)
    kind = "probability" if inside else "rank"
    why = "all scores lie in [0,1]" if inside else "scores leave [0,1]; logit is the other choice"
    return [f"score_kind: {kind}  # guessed: {why}"]


def _attributes(attributes: Sequence[ColumnFacts]) -> list[str]:
    if not attributes:
        return ["attributes: {}      # none found"]
    lines = ["attributes:"]
    for f in attributes:
        missing = f", {f.missing} missing" if f.missing else ""
        if f.numeric and f.distinct > _MOST_LEVELS:
            edges = _edges(f)
            lines.append(f"  {_quoted(f.name)}: {{band: {edges}}}  # {f.low:g} to {f.high:g}{missing}")
        else:
            shown = ", ".join(f.levels[:_MOST_LEVELS]).replace("\n", " ")
            lines.append(f"  {_quoted(f.name)}: {{}}  # {shown}{missing}")
    return lines


def _edges(facts: ColumnFacts) -> list[float]:
    if facts.name.lower() == "age":
        return [40, 65, 80]
    low, high = facts.low or 0.0, facts.high or 1.0
    return [round(low + (high - low) * q, 2) for q in (0.25, 0.5, 0.75)]


def _gap_example(attributes: Sequence[ColumnFacts]) -> list[str]:
    if not attributes:
        return []
    return [
        "#  - id: sensitivity-gap",
        "#    measure: sensitivity",
        "#    contrast: gap",
        f"#    attribute: {attributes[0].name}",
        "#    margin: 0.10",
    ]


def _quoted(text: str) -> str:
    """A YAML scalar that reads back as this text whatever is in it."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) and text.lower() not in (
        "y", "n", "yes", "no", "on", "off", "true", "false", "null",
    ):  # fmt: skip
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
