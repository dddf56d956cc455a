"""Waivers, and what a reader has to know of how far the plan was fixed beforehand."""

from collections import defaultdict
from collections.abc import Iterator

from audit.result import AuditResult, Verdict
from reports import words
from reports.blocks import Block, Bullets, Cell, Column, Facts, Group, Row, Table, Text
from reports.format import (
    count,
    crossed,
    left_out,
    level_text,
    plural,
)
from reports.papers import Papers
from reports.parts.disparities import PRIMARY
from reports.parts.front import contrast_of
from reports.parts.index import Index
from reports.parts.verdict_values import limit_text, value_text

NO_WAIVER = "No waiver is on record."
NONE_HOLDS = "No waiver sets a requirement aside."
NO_DEVIATION = "No further deviation is on record."
ASKED = "the plan asks for"
OTHER_REASONS = "What the summary counts as without inference has other reasons."
PRINT_STRATA = 24


def blocks(papers: Papers) -> list[Block]:
    """Make the section: waivers, deviations, the plan, and strata below its minimum."""
    index = papers.index
    told = tuple(_deviations(index.result))
    return [
        *_waivers(index),
        Bullets(told, "Deviations, and choices that a reader has to know of:")
        if told
        else Text((NO_DEVIATION,)),
        Facts(_plan(index.result), "What was fixed beforehand"),
        *_below(index),
    ]


def _waivers(index: Index) -> list[Block]:
    """Requirements that a named decision set aside, whole or in part, and waivers that do not."""
    rows = tuple(row for v in index.result.verdicts for row in _waived(index, v))
    told = _waivers_told(index.result)
    if not rows:
        return [Text((NO_WAIVER if not told else NONE_HOLDS,)), *told]
    columns = (
        Column("Requirement", "text", 29),
        Column("Value [interval]", "text", 20),
        Column("The figures say", "text", 13),
        Column("Waiver", "text", 38),
    )
    note = "A waiver sets a requirement aside; it is not a pass, and the value stands as measured."
    caption = plural(len(rows), "waiver")
    return [Table("waivers", caption, columns, (Group("", rows),), note), *told]


def _waivers_told(result: AuditResult) -> list[Block]:
    """Waivers that set nothing aside, and why."""
    told = tuple(f"{f.message[:1].upper()}{f.message[1:]}." for f in result.findings)
    return [Bullets(told, "Waivers that set nothing aside:")] if told else []


def _waived(index: Index, v: Verdict) -> Iterator[Row]:
    contrast = contrast_of(index, v)
    limit = f"limit {limit_text(v, contrast)}"
    named = Cell(v.statement or v.requirement, v.requirement)
    if v.status == "waived":
        value = value_text(v, contrast)
        where = f"{words.of_output(v.stratum, v.output)}; {limit}" if v.stratum else limit
        yield Row((named, Cell(value, where), _found(v), _decision(v)))
        return
    for part in v.parts:
        if part.status == "waived":
            value = value_text(v, contrast, part)
            yield Row((named, Cell(value, f"{part.id}; {limit}"), _found(v), Cell(part.reason)))


def _found(v: Verdict) -> Cell:
    """The status that the figures gave, beneath the waiver."""
    if v.found is None:
        return Cell("not on record")
    symbol, word = words.VERDICT[v.found]
    return Cell(f"{symbol} {word}")


def _decision(v: Verdict) -> Cell:
    """Why a requirement was set aside, by whom, and for how long."""
    waiver = v.waiver
    if waiver is None:
        return Cell(v.reason)
    who = f"owner {waiver.owner}; approver {waiver.approver}"
    return Cell(waiver.justification, f"{who}; {waiver.created} to {waiver.expires}")


def _deviations(result: AuditResult) -> Iterator[str]:
    for told in result.lock.deviations if result.lock is not None else ():
        yield f"From the locked plan: {told}."
    used = result.cohort.threshold
    if used is not None and used.source == "tuned_here":
        yield f"The decision threshold {used.value:g} was {words.SOURCE[used.source]}."
    level = _level(result)
    for v in result.verdicts:
        if v.level != level:
            yield (
                f"Requirement {v.requirement} is held at the {level_text(v.level)} level; the "
                f"intervals of the plan are at {level_text(level)}."
            )
    for measure, method in (result.plan.get("intervals") or {}).items():
        told = str(method).replace("_", " ")
        yield f"Intervals of {words.name(measure)} are by {told}, which the plan chose."
    if not result.verdicts:
        yield "The plan sets no requirement: nothing was to be held beforehand."
    if result.disclosure is not None:
        many = plural(result.disclosure.strata_suppressed, "stratum", "strata")
        yield f"This is a shared result: {many} withheld, with whatever rests on them."


def _level(result: AuditResult) -> float:
    return float(result.plan.get("level") or 0.95)


def _plan(result: AuditResult) -> tuple[tuple[str, str], ...]:
    used, minimum = result.cohort.threshold, result.plan.get("minimum") or {}
    threshold = "None was declared."
    if used is not None:
        threshold = f"{used.value:g}, {words.SOURCE[used.source]}"
    pairs = [
        ("Plan, SHA-256", result.provenance.plan_sha256),
        ("Lock", _lock(result)),
        ("What that shows", _shown_by(result)),
        ("Requirements", count(len(result.verdicts))),
        ("Threshold", threshold),
        ("Primary family", _family(result)),
    ]  # fmt: skip
    if minimum:
        pairs.append(
            ("Minimum", f"{minimum.get('denominator')} units and patients behind a proportion; "
             f"{minimum.get('events')} in the rarer class for other measures")
        )  # fmt: skip
    return tuple(pairs)


def _lock(result: AuditResult) -> str:
    lock = result.lock
    if lock is None:
        return "No lock: nothing shows that the plan was fixed before scores were read."
    on = f"on {lock.locked_on}, " if lock.locked_on else ""
    many = plural(len(lock.deviations), "deviation") if lock.deviations else "no deviation"
    return f"Locked {on}in {lock.file}, SHA-256 {lock.sha256}; {many}."


def _shown_by(result: AuditResult) -> str:
    if result.lock is None:
        return ("Whether the plan is another one than in an earlier document. When it was written "
                "the hash does not show.")  # fmt: skip
    return ("The lock holds the plan as it was fixed, and every departure from it is told here. "
            "Its date is as stated by who wrote it; only a signature or a deposit of the lock "
            "shows that.")  # fmt: skip


def _family(result: AuditResult) -> str:
    primary = sum(d.family.startswith(PRIMARY) for d in result.disparities)
    rest = len(result.disparities) - primary
    screening = f"{plural(rest, 'contrast')} of screening, which need confirmation on other data"
    if not primary:
        return f"No contrast was declared beforehand; {screening}."
    return f"{plural(primary, 'contrast')} that requirements name; {screening}."


def _below(index: Index) -> list[Block]:
    """Strata in which a measure falls below the counts that the plan asks for."""
    by: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for e in index.result.estimates:
        if e.status == "insufficient" and ASKED in (e.reason or ""):
            by[e.stratum].append((e.measure, words.why(e.status, e.reason)))
    strata = len(index.result.cohort.strata)
    if not by:
        told = f"No stratum of {count(strata)} falls below the minimum of the plan."
        return [Text((told + (f" {OTHER_REASONS}" if _without(index) else ""),))]
    ordered = sorted(by, key=crossed)
    rows = tuple(_stratum(index, s, by[s], i >= PRINT_STRATA) for i, s in enumerate(ordered))
    columns = (
        Column("Stratum", "text", 38),
        Column("n", "count", 9),
        Column("Measures", "count", 10),
        Column("Which, and what fell short", "text", 43),
    )
    caption = f"{plural(len(by), 'stratum', 'strata')} of {count(strata)} below the minimum of the "
    caption += "plan in some measure"
    falling = sum(len(found) for found in by.values())
    note = f"These {plural(falling, 'value')} are shown without inference, and no conclusion is "
    note += f"drawn from them. They are among the {count(_without(index))} that the summary counts "
    note += "as without inference."
    rest = left_out(max(0, len(rows) - PRINT_STRATA), "stratum").replace("stratums", "strata")
    return [Table("below-minimum", caption, columns, (Group("", rows),), note, rest, dense=True)]


def _without(index: Index) -> int:
    """Count the estimates without inference, as the summary does."""
    return sum(e.status == "insufficient" for e in index.result.estimates)


def _stratum(index: Index, name: str, found: list[tuple[str, str]], screen_only: bool) -> Row:
    measures = [words.short(m) for m in dict.fromkeys(m for m, _ in found)]
    listed = ", ".join(measures[:4]) + (
        f" and {len(measures) - 4} more" if len(measures) > 4 else ""
    )
    counts = index.counts.get(name)
    n = counts.n if counts is not None else None
    why = dict.fromkeys(why for _, why in found)
    return Row(
        (
            Cell("All units" if name == "overall" else name),
            Cell(count(n), sort=n),
            Cell(str(len(measures)), sort=len(measures)),
            Cell(listed, "; ".join([*why][:3])),
        ),
        screen_only,
    )
