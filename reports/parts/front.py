"""Cover and summary."""

from collections import Counter

from audit.measures import BY_CLASS
from audit.result import AuditResult, AuditWarning, Verdict, VerdictPart
from reports import words
from reports.blocks import Block, Cell, Column, Cover, Group, Row, Summary, Table, VerdictLine
from reports.format import (
    count,
    crossed,
    digits,
    fixed,
    left_out,
    level_text,
    names,
    plural,
    share,
)
from reports.parts.index import Index
from reports.parts.verdict_values import limit_text, value_text

NOT_STATED = "not stated"
SHOWN_WARNINGS = 5
PRINT_PARTS = 24
ALL_ASSESSED = "Every estimate has a value and an interval"


def title_of(result: AuditResult) -> str:
    """Give the document's title."""
    product = result.plan.get("product") or {}
    named = " ".join(p for p in (product.get("name"), product.get("version")) if p)
    return str(result.plan.get("title") or (f"Bias audit of {named}" if named else "Bias audit"))


def as_of(result: AuditResult) -> str:
    """Give the date of the document in words."""
    return result.provenance.as_of or "date not stated"


def cover(result: AuditResult) -> Cover:
    """Fill the first page from the plan; what the plan leaves empty is said to be."""
    product = result.plan.get("product") or {}
    columns = (
        ("Manufacturer", "manufacturer"),
        ("Intended use", "intended_use"),
        ("Model", "description"),
        ("Test cohort", "cohort"),
    )
    return Cover(
        title=title_of(result),
        product=str(product.get("name") or "Product name not stated"),
        version=str(product.get("version") or NOT_STATED),
        facts=(
            *((label, str(product.get(key) or NOT_STATED)) for label, key in columns),
            ("As of", as_of(result)),
            ("Made with", f"{result.provenance.tool} {result.provenance.tool_version}"),
        ),
    )


def summary(index: Index) -> Summary:
    """Say on one page what was audited, what the requirements came to and what is unknown."""
    result = index.result
    warnings = tuple(words.warning(w) for w in urgent(result))
    rest = len(warnings) - SHOWN_WARNINGS
    return Summary(
        sentences=(*_audited(index), verdict_sentence(result)),
        verdicts=tuple(verdict_line(index, v) for v in result.verdicts),
        legend=_legend(result),
        not_assessed=not_assessed(result) or (ALL_ASSESSED,),
        warnings=warnings[:SHOWN_WARNINGS],
        more_warnings=f"{plural(rest, 'further warning')} in full below." if rest > 0 else "",
    )


def urgent(result: AuditResult) -> list[AuditWarning]:
    """One warning of each kind before the second of any."""
    seen = Counter[str]()
    placed = []
    for w in result.warnings:
        placed.append((seen[w.code], w))
        seen[w.code] += 1
    return [w for _, w in sorted(placed, key=lambda pair: pair[0])]


def _audited(index: Index) -> tuple[str, ...]:
    c = index.result.cohort
    who = plural(c.patients, "patient") if c.patients_declared else "patients not identified"
    sites = [a for a in c.attributes if a.role == "site"]
    groups = [a.name for a in c.attributes if a.role == "attribute"]
    where = f" from {plural(len(index.single[sites[0].name]), 'site')}" if sites else ""
    first = (
        f"{plural(c.analysed, 'unit')} of {plural(c.rows, 'row')} were analysed{where} ({who}); "
        f"{outcome_text(index)}."
    )
    by = f"Results are given by {names(groups)}" if groups else "No attribute was declared"
    by += f" and by {sites[0].name}" if sites else ""
    level = f"Intervals are at the {level_text(_level(index.result))} level."
    return first, f"{by}. {threshold(index.result)} {level}"


_PREDICTS = {
    "regression": "the model predicts the number {c.label}",
    "image": "the model makes images like those in {c.label}",
    "detection": "the model finds objects in images",
    "survival": "{n} have the event ({c.label} = {c.positive})",
}
_COMPARES = {
    "regression": "the predicted with the true number",
    "image": "made with true images",
    "segmentation": "drawn with reference masks",
    "survival": "the predicted risk with the time to the event",
}


def outcome_text(index: Index) -> str:
    """Say what is predicted, and of whom it is true where that is a yes or no."""
    c = index.result.cohort
    if c.task == "binary":
        part = f" ({share(c.n_positive, c.analysed)})" if c.analysed else ""
        has = "has" if c.n_positive == 1 else "have"
        return f"{plural(c.n_positive, 'unit')}{part} {has} {index.positive}"
    if c.task in _PREDICTS:
        return _PREDICTS[c.task].format(c=c, n=count(c.n_positive))
    if c.task == "segmentation" and not c.outputs:
        return "the model draws one structure"
    kind = words.OUTPUT[c.task]
    many = plural(len(c.outputs), kind, "classes" if kind == "class" else None)
    verb = {"multiclass": "predicts one of", "multilabel": "predicts any of"}.get(c.task, "draws")
    return f"the model {verb} {many}: {names(list(c.outputs), 12)}"


def threshold(result: AuditResult) -> str:
    """Say which threshold was used and where it came from."""
    t = result.cohort.threshold
    if result.cohort.task in _COMPARES:
        what = _COMPARES[result.cohort.task]
        return f"The measures compare {what}; there is no threshold."
    if result.cohort.task == "detection":
        if t is None:
            return "No threshold was declared, so measures of single detections are undefined."
        return f"A detection counts at a score of {t.value:g} or more."
    if t is None and result.cohort.task == "multiclass":
        return "A unit is given the class with the highest score."
    if t is None:
        return "No threshold was declared, so measures of the yes/no decision are undefined."
    return (
        f"A unit is flagged at a score of {t.value:g} or more (threshold {words.SOURCE[t.source]})."
    )


def verdict_sentence(result: AuditResult) -> str:
    """Count the verdicts; nothing is summed up beyond the counts."""
    if not result.verdicts:
        return "The plan sets no requirement, so no verdict is given."
    tally = Counter[str](v.status for v in result.verdicts)
    parts = [f"{tally[s]} {words.VERDICT[s][1]}" for s in words.VERDICT if tally[s]]
    total = len(result.verdicts)
    return f"Of {plural(total, 'requirement')} in the plan: {', '.join(parts)}."


def _legend(result: AuditResult) -> str:
    present = [s for s in words.VERDICT if any(v.status == s for v in result.verdicts)]
    return "; ".join(f"{words.verdict(s)}: {words.VERDICT_READING[s]}" for s in present) + (
        "." if present else ""
    )


def parts(index: Index) -> list[Block]:
    """Table of every part a requirement was held against, and why it was required."""
    if all(len(v.parts) < 2 and not v.rationale for v in index.result.verdicts):
        return []
    columns = (
        Column("Stratum or contrast", "text", 28),
        Column("Verdict", "text", 14),
        Column("Value [interval]", "text", 22),
        Column("Reason", "text", 36),
    )
    groups = tuple(
        Group(
            f"{v.requirement}: {v.statement}" + (f". {v.rationale}" if v.rationale else ""),
            tuple(_part_row(index, v, p, i >= PRINT_PARTS) for i, p in enumerate(v.parts)),
        )
        for v in index.result.verdicts
        if v.parts
    )
    hidden = sum(r.screen_only for g in groups for r in g.rows)
    return [Table("requirement-parts", "Each requirement, part by part", columns, groups, "",
                  left_out(hidden, "part"), dense=True)]  # fmt: skip


def _part_row(index: Index, v: Verdict, part: VerdictPart, screen_only: bool) -> Row:
    contrast = index.disparities[part.id].contrast if part.id in index.disparities else None
    value = value_text(v, contrast, part)
    place = part.id.split("/", 2)[2] if v.kind == "coverage" else part.id.partition("/")[2]
    cells = (
        Cell(words.of_output(place, v.output)),
        Cell(words.verdict(part.status)),
        Cell(value),
        Cell(part.reason),
    )
    return Row(cells, screen_only)


def contrast_of(index: Index, v: Verdict) -> str | None:
    """Tell whether a verdict is about a disparity, from its evidence."""
    found = [index.disparities[e] for e in v.evidence if e in index.disparities]
    return found[0].contrast if found else None


def verdict_line(index: Index, v: Verdict) -> VerdictLine:
    """Turn a verdict into text."""
    contrast = contrast_of(index, v)
    symbol, word = words.VERDICT[v.status]
    places = digits(v.measure, contrast)
    value = value_text(v, contrast)
    return VerdictLine(
        id=v.requirement,
        status=v.status,
        symbol=symbol,
        word=word,
        statement=v.statement or v.requirement,
        rationale=v.rationale or "",
        value=value,
        where=words.of_output(v.stratum or "", v.output) if v.value is not None else "",
        margin=limit_text(v, contrast),
        reason=v.reason,
        more=_more(v, places),
    )


def _more(v: Verdict, places: int) -> str:
    """Say what these data could have shown, and how many units would decide."""
    parts = []
    if v.detectable is not None:
        parts.append(f"these data can tell a distance of {fixed(abs(v.detectable), places)} from "
                     "the limit")  # fmt: skip
    if v.n_needed is not None:
        parts.append(f"about {count(v.n_needed)} units would decide the value seen")
    return "; ".join(parts) + (" (80 % power)" if parts else "")


def not_assessed(result: AuditResult) -> tuple[str, ...]:
    """Count what has no estimate or no inference, and name the strata left out entirely."""
    tally = Counter[str](e.status for e in result.estimates if e.status != "ok")
    total = len(result.estimates)
    lines = [
        f"{plural(tally[s], 'estimate')} of {count(total)} {'is' if tally[s] == 1 else 'are'} "
        f"{words.STATUS[s]}"
        for s in words.STATUS
        if tally[s]
    ]
    for status in ("not_collected", "suppressed"):
        single = {
            e.stratum for e in result.estimates if e.status == status and not crossed(e.stratum)
        }
        if single:
            lines.append(f"{words.STATUS[status].capitalize()}: {names(sorted(single), 6)}")
    if not result.curves.decision and result.cohort.task in BY_CLASS:
        lines.append("No decision curve: clinical utility was not assessed")
    if result.sites is None:
        lines.append("No site was declared: differences between sites were not assessed")
    if result.disclosure is not None:
        people = result.disclosure.min_cell - 1
        lines.append(f"Shared result: counts of 1 to {people} people are withheld")
    return tuple(lines)


def _level(result: AuditResult) -> float:
    return float(result.plan.get("level") or 0.95)
