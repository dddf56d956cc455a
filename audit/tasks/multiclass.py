"""Reading a multiclass cohort: the class, and a score for every class or a predicted class.

The decision is the class with the highest score; ties go to the class declared first and are
counted. Each class is then also a binary question: this class against the rest.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audit.cells import BLANK, NUMBER, Texts, decode, number_text
from audit.cohort import Cohort, arranged, read_ids
from audit.dimensions import build_dimensions
from audit.findings import Findings, share
from audit.plan import Plan
from audit.roles import Outcome, probabilities, read_score, role_conflicts
from audit.rows import CLIP
from audit.sources.source import Source
from audit.tasks.cohort import Floats, Ints, Member, OutputCohort, member_plan, view

SHOWN = 6
SUM_TOLERANCE = 0.01  # scores are often written with two decimals


def multiclass_cohort(source: Source, plan: Plan) -> OutputCohort:
    """Give the columns of a source their roles and see every class as a binary cohort.

    Raises
    ------
    InputError
        With every problem found: labels that are not declared classes (one problem for all), bad
        scores, a threshold (the decision is the highest score), fewer than two classes.
    """
    findings = Findings()
    role_conflicts(plan, findings)
    if plan.threshold is not None:
        reason = "task multiclass decides for the class with the highest score, not at a threshold"
        findings.problem("no_threshold", "plan key 'threshold'", reason, "leave it out")
    classes, truth, predicted = _classes(source, plan, findings)
    scores = _scores(source, plan, findings)
    known: NDArray[np.bool_] = predicted >= 0
    if plan.columns.scores:
        known = np.asarray(~np.isnan(scores).any(axis=1))
    analysed = (truth >= 0) & known
    if not findings.problems and not analysed.any():
        reason = "no row has both a class and its scores"
        findings.problem("nothing_to_assess", "data", reason, "check the columns")
    dimensions = build_dimensions(source, plan, analysed, findings)
    ids = read_ids(source, plan, findings)
    findings.raise_problems()

    decision, tied = _decision(scores, predicted, known)
    _warn(plan, classes, truth, scores, analysed, tied, findings)
    content = _content(classes, truth, scores, decision)
    base, order = arranged(
        source,
        plan,
        Outcome(np.where(truth >= 0, 0, -1).astype(np.int8), ""),
        np.where(known, 0.0, np.nan),
        content,
        dimensions,
        ids,
        findings,
    )
    return _views(plan, base, classes, truth[order], scores[order], decision[order])


def _classes(source: Source, plan: Plan, findings: Findings) -> tuple[tuple[str, ...], Ints, Ints]:
    """Read the true classes, and the predicted ones where there are no scores."""
    columns = plan.columns
    truth = decode(source.table.column(columns.label), BLANK)
    nothing = np.full(len(truth.codes), -1, dtype=np.int64)
    if columns.scores:
        classes = tuple(_as_written(name) for name in columns.scores)
        _refuse_unknown(source, plan, truth, classes, findings)
        codes, predicted = _codes(truth, classes), nothing
    else:
        told = decode(source.table.column(str(columns.prediction)), BLANK)
        classes = _natural({*truth.values, *told.values})
        if len(classes) > plan.max_levels:
            reason = f"it has {len(classes):,} classes (at most {plan.max_levels})"
            where, remedy = f"label column '{columns.label}'", "group it, or raise max_levels"
            findings.problem("too_many_classes", where, reason, remedy)
        codes, predicted = _codes(truth, classes), _codes(told, classes)
    again = sorted({name for name in classes if classes.count(name) > 1})
    if again:
        where, reason = "plan key 'columns.scores'", f"the class '{again[0]}' is declared twice"
        findings.problem("repeated_class", where, reason, "declare each class once")
    if len(classes) < 2:
        reason = f"there is only the class {classes[0]!r}" if classes else "there is no class"
        where, remedy = f"label column '{columns.label}'", "declare every class, or use task binary"
        findings.problem("one_class_only", where, reason, remedy)
    return classes, codes, predicted


def _as_written(name: str) -> str:
    text = name.strip()
    return number_text(float(text)) if NUMBER.fullmatch(text) and "." in text else text


def _natural(values: set[str]) -> tuple[str, ...]:
    if all(NUMBER.fullmatch(value) for value in values):
        return tuple(sorted(values, key=lambda value: (float(value), value)))
    return tuple(sorted(values))


def _codes(texts: Texts, classes: Sequence[str]) -> Ints:
    place = {name: index for index, name in enumerate(classes)}
    table = [place.get(value, -1) for value in texts.values] + [-1]
    return np.array(table, dtype=np.int64)[texts.codes]


def _refuse_unknown(
    source: Source, plan: Plan, texts: Texts, classes: Sequence[str], findings: Findings
) -> None:
    """Report every label that is not a declared class as one problem."""
    counts = dict(zip(texts.values, texts.counts().tolist(), strict=True))
    odd = sorted((value for value in counts if value not in classes), key=lambda v: (-counts[v], v))
    if not odd:
        return
    rows = np.flatnonzero(np.isin(texts.codes, [texts.values.index(value) for value in odd]))
    listed = ", ".join(f"'{value[:40]}' ({counts[value]:,})" for value in odd[:SHOWN])
    more = f" and {len(odd) - SHOWN:,} more" if len(odd) > SHOWN else ""
    declared = ", ".join(f"'{name}'" for name in classes[:SHOWN])
    declared += ", ..." if len(classes) > SHOWN else ""
    reason = f"labels that are not among the declared classes {declared}: {listed}{more}"
    remedy = "give each class its score column in columns.scores, or correct the labels"
    where = source.where(int(rows[0]), plan.columns.label)
    findings.problem("unknown_class", where, f"{reason}{source.tail(rows)}", remedy)


def _scores(source: Source, plan: Plan, findings: Findings) -> Floats:
    """Read the score of every class, shape (rows, classes)."""
    columns = [
        read_score(source, column, plan, findings) for column in plan.columns.scores.values()
    ]
    return np.stack(columns, axis=1) if columns else np.empty((len(source.table), 0))


def _decision(
    scores: Floats, predicted: Ints, known: NDArray[np.bool_]
) -> tuple[Ints, NDArray[np.bool_]]:
    """Take the class of the highest score, the first of them where several share it."""
    if not scores.shape[1]:
        return predicted, np.zeros(len(predicted), dtype=np.bool_)
    filled = np.where(known[:, None], scores, 0.0)
    best = filled.argmax(axis=1).astype(np.int64)
    shared = (filled == filled.max(axis=1, keepdims=True)).sum(axis=1) > 1
    return np.where(known, best, -1), shared & known


def _content(
    classes: Sequence[str], truth: Ints, scores: Floats, decision: Ints
) -> list[NDArray[np.float64]]:
    """What rows are ordered by: the same whatever order the classes were declared in."""
    by_name = sorted(range(len(classes)), key=lambda k: classes[k])
    place = np.append(np.argsort(by_name), -1).astype(np.float64)
    given = [scores[:, k] for k in by_name] if scores.shape[1] else [place[decision]]
    return [*given, place[truth]]


def _views(
    plan: Plan, base: Cohort, classes: tuple[str, ...], truth: Ints, scores: Floats, decision: Ints
) -> OutputCohort:
    chance = class_probabilities(scores, plan) if plan.columns.scores else scores
    scored, decided = [], []
    for k, name in enumerate(classes):
        label = np.where(truth >= 0, truth == k, -1).astype(np.int8)
        flag = np.where(decision >= 0, decision == k, -1).astype(np.int8)
        if plan.columns.scores:
            column = list(plan.columns.scores.values())[k]
            own = member_plan(plan, name, plan.columns.label, column)
            score = one_against_rest(scores, k, plan)
            score = np.where(decision >= 0, score, np.nan)
            unset = np.full(len(flag), -1, dtype=np.int8)
            cohort = view(base, label, score, unset, probabilities(score, own), name)
            scored.append(Member(name, cohort, own))
        yes = np.where(decision >= 0, flag, np.nan).astype(np.float64)
        nothing = np.full(len(flag), np.nan)
        own = member_plan(plan, name, plan.columns.label, None)
        decided.append(Member(name, view(base, label, yes, flag, nothing, name), own))
    terms = _terms(plan, truth, decision, scores, chance)
    return OutputCohort(base, classes, tuple(scored), tuple(decided), terms, truth, decision)


def one_against_rest(scores: Floats, k: int, plan: Plan) -> Floats:
    """Score of one class against the rest: its own, or for logits its log odds in the softmax."""
    if plan.score_kind != "logit":
        return scores[:, k].copy()
    rest = np.delete(scores, k, axis=1)
    top = rest.max(axis=1)
    odds: Floats = scores[:, k] - top - np.log(np.exp(rest - top[:, None]).sum(axis=1))
    return odds


def class_probabilities(scores: Floats, plan: Plan) -> Floats:
    """Probability of every class: the scores themselves, or the softmax of logits."""
    if plan.score_kind != "logit":
        return scores
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float64)


def _terms(
    plan: Plan, truth: Ints, decision: Ints, scores: Floats, chance: Floats
) -> dict[str, Floats]:
    """Row terms of the whole-task measures, 0 on rows that are not assessed."""
    used = (truth >= 0) & (decision >= 0)
    distance = np.where(used, truth - decision, 0).astype(np.float64)
    terms = {
        "rows": used.astype(np.float64),
        "right": (used & (truth == decision)).astype(np.float64),
        "squared_distance": distance**2,
    }
    if not plan.columns.scores:
        return terms
    rows, own = np.flatnonzero(used), truth[used]
    hit, loss, brier = (np.zeros(len(truth)) for _ in range(3))
    s, p = scores[rows], chance[rows]
    mine = s[np.arange(len(rows)), own][:, None]
    before = np.arange(s.shape[1]) < own[:, None]  # ties go to the class declared first
    hit[rows] = ((s > mine) | ((s == mine) & before)).sum(axis=1) < plan.options.top_k
    terms["top_k"] = hit
    if plan.score_kind != "rank":
        mine = p[np.arange(len(rows)), own]
        loss[rows] = -np.log(np.maximum(mine, CLIP))
        brier[rows] = (p**2).sum(axis=1) + (1 - mine) ** 2 - mine**2
        terms |= {"log_loss": loss, "brier": brier}
    return terms


def _warn(
    plan: Plan,
    classes: Sequence[str],
    truth: Ints,
    scores: Floats,
    analysed: NDArray[np.bool_],
    tied: NDArray[np.bool_],
    findings: Findings,
) -> None:
    columns = plan.columns
    gaps = [("missing_label", columns.label, truth < 0)]
    gaps += [
        ("missing_score", column, np.isnan(scores[:, k]))
        for k, column in enumerate(columns.scores.values())
    ]
    for code, column, missing in gaps:
        if missing.any():
            told = share(int(missing.sum()), len(missing))
            findings.warn(
                code, f"'{column}' is missing on {told}; they are not assessed", column=column
            )
    counts = np.bincount(truth[analysed], minlength=len(classes))
    absent = [name for name, count in zip(classes, counts, strict=True) if not count]
    if absent:
        listed = ", ".join(f"'{name}'" for name in absent)
        message = f"No assessed row is of class {listed}: means over the classes are undefined"
        findings.warn("class_absent", message, column=columns.label)
    if tied.any():
        told = share(int((tied & analysed).sum()), int(analysed.sum()))
        message = f"Several classes share the highest score on {told}; the first declared counts"
        findings.warn("tied_classes", message)
    if columns.scores:
        _warn_of_scores(plan, truth[analysed], scores[analysed], findings)


def _warn_of_scores(plan: Plan, truth: Ints, scores: Floats, findings: Findings) -> None:
    if plan.options.top_k >= scores.shape[1]:
        message = f"top_k is {plan.options.top_k} with {scores.shape[1]} classes: always 1"
        findings.warn("top_k_trivial", f"Top-k accuracy says nothing: {message}")
    if plan.score_kind != "probability":
        return
    total = scores.sum(axis=1)
    off = np.abs(total - 1) > SUM_TOLERANCE + 1e-9
    if off.any():
        told = share(int(off.sum()), len(off))
        message = (
            f"The scores of the classes do not sum to 1 on {told}: from {total.min():.3g} to "
            f"{total.max():.3g}; taken as they are"
        )
        findings.warn("scores_do_not_sum", message)
    mine = scores[np.arange(len(truth)), truth]
    zero = int((mine < CLIP).sum())
    if zero:
        message = f"The true class has probability 0 on {share(zero, len(mine))}; moved by {CLIP:g}"
        findings.warn("probability_0_or_1", f"{message} for the log loss")
