"""The columns of label, score and prediction, checked cell by cell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit.cells import BLANK, NOT_A_NUMBER, NUMBER, Texts, decode, number_text, numbers
from audit.findings import Findings
from audit.plan import Plan
from audit.problems import nearest
from audit.sources.source import Source

Labels = NDArray[np.int8]
Floats = NDArray[np.float64]

SHOWN = 6  # values listed in a problem
SMALLEST = 1e-60  # probability that is told from 0
YES_NO = {"0": 0, "1": 1, "false": 0, "true": 1}
EMPTY_CELL = "leave the cell empty where it is not known"


@dataclass(frozen=True, eq=False)
class Outcome:
    """The label: 1, 0 or -1 (missing) per row, and the value that means positive."""

    label: Labels
    positive: str


def read_label(
    source: Source, plan: Plan, findings: Findings, missing: frozenset[str] = BLANK
) -> Outcome:
    """Read the label.

    0/1 and true/false need no declaration. Any other two values need the plan's `positive`. Text
    labels with more values are read as one value against the rest when `positive` is declared;
    numeric ones are refused, because grades above the positive one would count as negative.
    `missing` holds the texts that count as an empty cell.
    """
    column = plan.columns.label
    texts = decode(source.table.column(column), missing)
    nothing = np.full(len(texts.codes), -1, dtype=np.int8)
    odd = [value for value in texts.values if value in NOT_A_NUMBER or value.lower() in _INFINITE]
    for value in sorted(odd):
        rows = np.flatnonzero(texts.codes == texts.values.index(value))
        reason = f"'{value}' is not a label{source.tail(rows)}"
        findings.problem("label_not_value", source.where(int(rows[0]), column), reason, EMPTY_CELL)
    if odd:
        return Outcome(nothing, "")
    positive = _positive(texts, plan, findings)
    if positive is None:
        return Outcome(nothing, "")
    meaning = [int(_folded(value) == _folded(positive)) for value in texts.values]
    label = np.array([*meaning, -1], dtype=np.int8)[texts.codes]
    _warn_one_against_rest(texts, column, positive, findings)
    return Outcome(label, positive)


_INFINITE = frozenset({"inf", "-inf", "+inf", "infinity", "-infinity"})


def _positive(texts: Texts, plan: Plan, findings: Findings) -> str | None:
    """Decide which value is positive, or say why that cannot be decided."""
    where = f"label column '{plan.columns.label}'"
    values = sorted(texts.values)
    two = all(value.lower() in YES_NO for value in values)
    listed = _with_counts(texts)
    key = "name the positive one with --positive (plan key 'positive')"
    numeric = all(NUMBER.fullmatch(value) for value in values)
    if len(values) > 2 and not two and (plan.positive is None or numeric):
        reason = f"it has {len(values):,} values, not two: {listed}"
        remedy = "recode it to 0 and 1" if numeric else f"recode it to 0 and 1, or {key}"
        findings.problem("label_not_binary", where, reason, remedy)
        return None
    if plan.positive is None:
        if two:
            absent = "True" if values and values[0].isalpha() else "1"
            return next((value for value in values if _folded(value) == "1"), absent)
        reason = f"it has the values {listed}, and neither says that it is the positive one"
        if len(values) == 1:
            reason = f"it has the single value {listed}, not known to be positive or negative"
        findings.problem("positive_needed", where, reason, key)
        return None
    wanted = _positive_text(plan.positive)
    for value in values:
        if _folded(value) == _folded(wanted):
            return value
    if not values or (two and _folded(wanted) in ("0", "1")):
        return wanted
    reason = f"the declared positive value '{wanted}' is not among its values {listed}"
    findings.problem("unknown_positive", where, reason, nearest(wanted, values))
    return None


def _positive_text(positive: bool | float | str) -> str:
    if isinstance(positive, str):
        text = positive.strip()
        return number_text(float(text)) if NUMBER.fullmatch(text) and "." in text else text
    return str(positive) if isinstance(positive, bool) else number_text(positive)


def _folded(value: str) -> str:
    """Write true and false as 1 and 0, so that a flag reads the same from any file."""
    return str(YES_NO[value.lower()]) if value.lower() in YES_NO else value


def _with_counts(texts: Texts) -> str:
    counts = sorted(
        zip(texts.values, texts.counts().tolist(), strict=True), key=lambda vc: (-vc[1], vc[0])
    )
    shown = ", ".join(f"'{_short(value)}' ({count:,})" for value, count in counts[:SHOWN])
    return shown + (f" and {len(counts) - SHOWN:,} more" if len(counts) > SHOWN else "")


def _short(value: str) -> str:
    return value if len(value) <= 40 else value[:37] + "..."


def _warn_one_against_rest(texts: Texts, column: str, positive: str, findings: Findings) -> None:
    if len({_folded(value) for value in texts.values}) > 2:
        message = (
            f"The label '{column}' has the values {_with_counts(texts)}; '{positive}' counts as "
            "positive and all others as negative"
        )
        findings.warn("one_against_rest", message, column=column)


def read_score(source: Source, column: str, plan: Plan, findings: Findings) -> Floats:
    """Read the score: NaN where the cell is empty; anything that is not a number is a problem."""
    read = numbers(source.table.column(column))
    values = read.values + 0.0  # -0.0 becomes 0.0
    bad_cells(
        source, column, np.flatnonzero(read.unreadable), "score_not_number", "is not a number",
        "correct it (decimals take a point), or leave the cell empty", findings,
    )  # fmt: skip
    bad_cells(
        source, column, np.flatnonzero(read.not_finite), "score_not_finite",
        "is not a finite number", EMPTY_CELL, findings,
    )  # fmt: skip
    if plan.score_kind == "probability":
        outside = np.isfinite(values) & ((values < 0) | (values > 1))
        bad_cells(
            source, column, np.flatnonzero(outside), "score_not_probability",
            "is outside [0, 1], so the score is not a probability",
            "declare score_kind logit or rank", findings,
        )  # fmt: skip
    return values


def read_prediction(source: Source, column: str, findings: Findings) -> Floats:
    """Read a yes/no prediction as 1.0 or 0.0, NaN where the cell is empty."""
    texts = decode(source.table.column(column), BLANK)
    known = [YES_NO.get(value.lower()) for value in texts.values]
    bad = np.array([value is None for value in known] + [False])[texts.codes]
    bad_cells(
        source, column, np.flatnonzero(bad), "prediction_not_binary",
        "is not a yes/no prediction", "write 0 and 1, or true and false", findings,
    )  # fmt: skip
    return np.array([np.nan if v is None else v for v in known] + [np.nan])[texts.codes]


def bad_cells(
    source: Source,
    column: str,
    rows: NDArray[np.int64],
    code: str,
    verb: str,
    remedy: str,
    findings: Findings,
) -> None:
    """Report bad cells of a column as one problem, showing the value of the first."""
    if len(rows):
        row = int(rows[0])
        value = _short(str(source.table.column(column)[row].as_py()).strip())
        reason = f"'{value}' {verb}{source.tail(rows)}"
        findings.problem(code, source.where(row, column), reason, remedy)


def flags(score: Floats, plan: Plan) -> Labels:
    """Apply the threshold: 1 flagged, 0 not, -1 without threshold or score."""
    if plan.columns.prediction is None and plan.threshold is None:
        return np.full(len(score), -1, dtype=np.int8)
    line = 1.0 if plan.columns.prediction is not None else _threshold(plan)
    return np.where(np.isnan(score), -1, score >= line).astype(np.int8)


def _threshold(plan: Plan) -> float:
    return plan.threshold.value if plan.threshold is not None else np.nan


def probabilities(score: Floats, plan: Plan) -> Floats:
    """Return the predicted probability, NaN where the score is not one.

    Below 1e-60 it is 0: no sum of such probabilities can be divided by and squared.
    """
    if plan.columns.prediction is not None or plan.score_kind == "rank":
        return np.full(len(score), np.nan)
    if plan.score_kind == "probability":
        tiny = (score < SMALLEST) & (score != 0.0)
        return np.where(tiny, 0.0, score) if tiny.any() else score
    # both forms of the logistic function, so that neither tail overflows
    small = np.exp(-np.abs(score))
    chance = np.where(score >= 0, 1 / (1 + small), small / (1 + small))
    return np.where(chance < SMALLEST, 0.0, chance)


def role_conflicts(plan: Plan, findings: Findings) -> None:
    """Report columns that cannot play all the roles they are given."""
    columns = plan.columns
    roles = [("label", columns.label)] if columns.label else []
    score = columns.score or columns.prediction
    if score is not None:
        roles.append(("score" if columns.score else "prediction", score))
    roles.extend((f"label '{name}'", column) for name, column in columns.labels.items())
    roles.extend((f"score of '{name}'", column) for name, column in columns.scores.items())
    alone = len(roles)
    others: Sequence[tuple[str, str | None]] = (
        ("patient", columns.patient),
        ("unit", columns.unit),
        *((f"attribute '{name}'", a.column or name) for name, a in plan.attributes.items()),
        ("site", columns.site),
    )
    roles.extend((role, column) for role, column in others if column is not None)
    # a label or a score plays no other role; ids and attributes may share a column
    for index, (role, column) in enumerate(roles[:alone]):
        for other, same in roles[index + 1 :]:
            if same == column:
                reason = f"it is both {role} and {other}"
                where, remedy = f"column '{column}'", "give each role its own column"
                findings.problem("conflicting_roles", where, reason, remedy)
    named_as_site = plan.attributes.get(columns.site or "")
    if named_as_site is not None and named_as_site.column not in (None, columns.site):
        reason = f"the site has this name too, but the attribute reads '{named_as_site.column}'"
        where = f"attribute '{columns.site}'"
        findings.problem("conflicting_roles", where, reason, "rename the attribute")
