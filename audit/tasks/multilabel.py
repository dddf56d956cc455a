"""Reading a multilabel cohort: every label is a binary question of its own.

An empty cell means that the label was not assessed on that row: the row leaves the denominators of
that label and of no other.
"""

from collections.abc import Sequence

import numpy as np

from audit.cells import NOT_RECORDED
from audit.cohort import Cohort, arranged, read_ids
from audit.dimensions import build_dimensions
from audit.findings import Findings, share
from audit.plan import Plan
from audit.roles import Outcome, flags, probabilities, read_label, read_score, role_conflicts
from audit.sources.source import Source
from audit.tasks.cohort import Floats, Ints, Member, OutputCohort, member_plan, view


def multilabel_cohort(source: Source, plan: Plan) -> OutputCohort:
    """Give the columns of a source their roles and see every label as a binary cohort.

    Raises
    ------
    InputError
        With every problem of every column.
    """
    findings = Findings()
    role_conflicts(plan, findings)
    names = tuple(plan.columns.labels)
    plans = [
        member_plan(plan, name, plan.columns.labels[name], plan.columns.scores[name])
        for name in names
    ]
    outcomes = [read_label(source, own, findings, NOT_RECORDED) for own in plans]
    scores = [read_score(source, str(own.columns.score), plan, findings) for own in plans]
    labelled = np.stack([outcome.label >= 0 for outcome in outcomes], axis=1)
    given = np.stack([~np.isnan(score) for score in scores], axis=1)
    analysed = (labelled & given).any(axis=1)
    if not findings.problems and not analysed.any():
        reason = "no row has both a label and its score"
        findings.problem("nothing_to_assess", "data", reason, "check the columns")
    dimensions = build_dimensions(source, plan, analysed, findings)
    ids = read_ids(source, plan, findings)
    findings.raise_problems()

    for own, outcome, score in zip(plans, outcomes, scores, strict=True):
        _warn(own, outcome, score, findings)
    by_name = sorted(range(len(names)), key=lambda k: names[k])
    content = [scores[k] for k in by_name] + [outcomes[k].label for k in by_name]
    # A row is assessed where some label has both; counted missing where none has the one or other.
    label = np.where(analysed | labelled.any(axis=1), 0, -1).astype(np.int8)
    anywhere = np.where(analysed | (given.any(axis=1) & ~labelled.any(axis=1)), 0.0, np.nan)
    base, order = arranged(
        source, plan, Outcome(label, ""), anywhere, content, dimensions, ids, findings
    )
    members = [
        Member(name, _seen(base, order, own, outcome, score), own)
        for name, own, outcome, score in zip(names, plans, outcomes, scores, strict=True)
    ]
    none = np.empty(0, dtype=np.int64)
    return OutputCohort(base, names, tuple(members), (), _terms(base, members), none, none)


def _seen(base: Cohort, order: Ints, own: Plan, outcome: Outcome, score: Floats) -> Cohort:
    """See the rows with one of the labels."""
    label, s = outcome.label[order], score[order]
    return view(base, label, s, flags(s, own), probabilities(s, own), outcome.positive)


def _terms(base: Cohort, members: Sequence[Member]) -> dict[str, Floats]:
    """Row terms of the whole-task measures: counts over the labels assessed on the row."""
    tp, fp, positives = (np.zeros(base.rows) for _ in range(3))
    for member in members:
        own = member.cohort
        positive = own.analysed & (own.label == 1)
        flagged = own.analysed & (own.flagged == 1)
        tp += positive & flagged
        fp += flagged & ~positive
        positives += positive
    rows = base.analysed.astype(np.float64)
    return {"rows": rows, "micro_tp": tp, "micro_fp": fp, "micro_positives": positives}


def _warn(own: Plan, outcome: Outcome, score: Floats, findings: Findings) -> None:
    column = own.columns.label
    for code, name, missing, fate in (
        ("label_not_assessed", column, outcome.label < 0, "they are left out of that label"),
        ("missing_score", own.columns.score, np.isnan(score), "they are not assessed for it"),
    ):
        if missing.any():
            told = share(int(missing.sum()), len(missing))
            findings.warn(code, f"'{name}' is missing on {told}; {fate}", column=name)
    used = (outcome.label >= 0) & ~np.isnan(score)
    if not used.any():
        message = f"No row has both the label '{column}' and its score: nothing is said of it"
        findings.warn("label_empty", message, column=column)
    elif outcome.label[used].min() == outcome.label[used].max():
        kind = "positive" if outcome.label[used].max() else "negative"
        message = f"All {int(used.sum()):,} rows assessed for '{column}' are {kind}"
        findings.warn("one_class", message, column=column)
