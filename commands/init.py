"""``equipoise init``: a commented plan, its roles guessed from the columns."""

import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from audit.facts import MOST_LEVELS, ColumnFacts, column_facts
from audit.problems import InputError, Problem
from commands.requirement_examples import requirement_examples
from commands.yaml_text import quoted

_LABEL = ("label", "y", "y_true", "outcome", "target", "truth", "gt", "ground_truth", "event")
_SCORE = ("score", "p", "prob", "probability", "y_score", "y_prob", "pred_proba", "risk", "y_pred")
_PATIENT = ("patient", "patient_id", "pid", "subject", "subject_id", "mrn", "person_id")
_UNIT = ("unit", "unit_id", "exam_id", "study_id", "image_id", "id", "case_id", "row_id", "uid")
_SITE = ("hospital", "site", "site_id", "centre", "center", "clinic", "institution")
_ATTRIBUTES = (
    "sex", "gender", "race", "ethnicity", "age", "age_group", "ageband", "insurance", "income",
    "language", "scanner", "manufacturer", "vendor", "device", "view", "skin_type", "education",
)  # fmt: skip


Guess = ColumnFacts | None


def run_init(path: Path, out: Path, *, force: bool, ci: str = "none") -> str:
    """Write the plan, and the job of a build server if wanted; return lines for the terminal.

    Raises
    ------
    InputError
        Before anything is written: for an unknown build server, and every file that exists.
    """
    from commands.ci_files import ci_file, unknown_ci

    problems = unknown_ci(ci)
    job = ci_file(ci, out) if not problems else None
    targets = [out, *([job.path] if job is not None else [])]
    if not force:
        remedy = "choose another with --out, or overwrite with --force"
        problems += [
            Problem("exists", str(target), "this file exists already", remedy)
            for target in targets
            if target.exists()
        ]
    if problems:
        raise InputError(problems)

    from audit.atomic import write_atomic
    from audit.plan_file import parse_plan

    data = os.path.relpath(path, out.parent).replace(os.sep, "/")
    text = plan_text(data, column_facts(path))
    parse_plan(text, str(out))  # what is handed out must be readable
    write_atomic(out, text)
    lines = [f"wrote {out}: read it, correct the guesses, write requirements"]
    if job is not None:
        write_atomic(job.path, job.text)
        lines.append(f"wrote {job.path}: {job.note}")
    return "\n".join([*lines, *_next(out)])


def _next(out: Path) -> list[str]:
    """What to do next, in order; the plan is fixed before scores are read."""
    plan = "" if out == Path("equipoise.yaml") else f" --plan {shlex.quote(str(out))}"
    return [
        f"next: equipoise check{plan} --lock",
        f"then: equipoise audit --plan {shlex.quote(str(out))} --out out",
        "then: equipoise gate out/audit.json",
    ]


def plan_text(data: str, facts: Sequence[ColumnFacts]) -> str:
    """Write a plan for these columns, every guess marked as one."""
    label = _pick(facts, _LABEL, _binary, _zero_one)
    score = _pick(facts, _SCORE, _continuous, _in_unit_interval)
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
            f"title: {quoted('Audit of ' + data.rsplit('/', 1)[-1])}",
            "product:",
            "  name: ''          # model or device",
            "  version: ''",
            "  intended_use: ''  # who uses it, on whom, to decide what",
            f"data: {quoted(data)}",
            "columns:",
            *_role("label", label, "the outcome: two values", required=True),
            *_role("score", score, "the model's score", required=True),
            *_role("patient", patient, "rows of one patient are not independent"),
            *_role("site", site, "the hospital; also a stratum"),
            *_role("unit", unit, "unique identity of a row"),
            *_positive(label),
            *_score_kind(score),
            "# A unit is flagged when score >= value. source: fixed (set before these data),",
            "# external (tuned on other data) or tuned_here (every measure at it is optimistic).",
            "threshold: {value: 0.5, source: fixed}  # guessed; the one the product is used with",
            "# Whom to look at. Without a reference the largest level is used.",
            *_attributes(attributes),
            "depth: 1            # 2 crosses attributes in pairs",
            "level: 0.95",
            "resamples: 2000",
            "seed: 1",
            *requirement_examples(attributes, patient=patient is not None, site=site is not None),
            "",
        ]
    )


Test = Callable[[ColumnFacts], bool]


def _any(facts: ColumnFacts) -> bool:
    return True


def _binary(facts: ColumnFacts) -> bool:
    return facts.distinct == 2


def _continuous(facts: ColumnFacts) -> bool:
    return facts.numeric and facts.distinct > 2


def _zero_one(facts: ColumnFacts) -> bool:
    return facts.numeric and _binary(facts) and (facts.low, facts.high) == (0, 1)


def _in_unit_interval(facts: ColumnFacts) -> bool:
    if not _continuous(facts) or facts.low is None or facts.high is None:
        return False
    return facts.low >= 0 and facts.high <= 1


def _named(facts: Sequence[ColumnFacts], names: Sequence[str], ok: Test = _any) -> Guess:
    by_name = {f.name.lower(): f for f in facts}
    return next((by_name[n] for n in names if n in by_name and ok(by_name[n])), None)


def _pick(facts: Sequence[ColumnFacts], names: Sequence[str], ok: Test, looks: Test) -> Guess:
    """A column of a usual name, else the only one that looks the part."""
    found = _named(facts, names, ok)
    if found is not None:
        return found
    alike = [f for f in facts if looks(f)]
    return alike[0] if len(alike) == 1 else None


def _is_attribute(facts: ColumnFacts) -> bool:
    known = facts.name.lower() in _ATTRIBUTES
    return known or (not facts.numeric and 2 <= facts.distinct <= MOST_LEVELS)


def _role(role: str, facts: Guess, meaning: str, *, required: bool = False) -> list[str]:
    if facts is not None:
        return [f"  {role}: {quoted(facts.name)}  # guessed; {meaning}"]
    if required:
        return [f"  {role}: CHANGE_ME  # no column looked like {meaning}"]
    return [f"  # {role}: COLUMN  # none found; {meaning}"]


def _positive(label: Guess) -> list[str]:
    if label is None or label.levels in (("0", "1"), ("False", "True")):
        return ["# positive: 1       # label value that means the condition is present"]
    guess = label.levels[-1]
    return [f"positive: {quoted(guess)}  # guessed from {', '.join(label.levels)}: check it"]


def _score_kind(score: Guess) -> list[str]:
    inside = score is None or _in_unit_interval(score)
    kind = "probability" if inside else "rank"
    why = "all scores lie in [0,1]" if inside else "scores leave [0,1]; logit is the other choice"
    return [f"score_kind: {kind}  # guessed: {why}"]


def _attributes(attributes: Sequence[ColumnFacts]) -> list[str]:
    if not attributes:
        return ["attributes: {}      # none found"]
    lines = ["attributes:"]
    for f in attributes:
        missing = f", {f.missing} missing" if f.missing else ""
        if f.numeric and f.distinct > MOST_LEVELS:
            edges = _edges(f)
            span = f"{f.low:g} to {f.high:g}{missing}"
            lines.append(f"  {quoted(f.name)}: {{band: {edges}}}  # {span}")
        else:
            shown = ", ".join(f.levels[:MOST_LEVELS]).replace("\n", " ")
            lines.append(f"  {quoted(f.name)}: {{}}  # {shown}{missing}")
    return lines


def _edges(facts: ColumnFacts) -> list[float]:
    if facts.name.lower() == "age":
        return [40, 65, 80]
    low, high = facts.low or 0.0, facts.high or 1.0
    return [round(low + (high - low) * q, 2) for q in (0.25, 0.5, 0.75)]
