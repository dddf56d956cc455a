"""Sentences for estimates, disparities and verdicts: value, interval, size, comparison, caveat.

None says more than its interval: a value without inference is called that, an undefined one is not
called zero, an inconclusive verdict is not called a pass.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from audit.requirement import where_of
from audit.result import AuditResult, Disparity, Estimate, Verdict
from audit.sections import Bounded

if TYPE_CHECKING:
    from audit.measures.declaration import Measure

_VERDICT = {
    "met": "is met",
    "violated": "is violated",
    "inconclusive": "is inconclusive, which is not a pass",
    "not_estimable": "cannot be judged, which is not a pass",
    "not_applicable": "does not apply to these data",
    "waived": "is waived, which is not a pass",
    "error": "was not judged, because the program failed, which is not a pass",
}
THRESHOLD = {
    "fixed": "fixed before these data were seen",
    "external": "tuned on other data",
    "tuned_here": "tuned on these data, so that every value at it is optimistic",
}
# Names of people and of things called after them keep their capital inside a sentence.
_PROPER = (
    "Brier", "Dice", "Emax", "Harrell", "Matthews", "Spiegelhalter", "Theil", "Uno", "Youden",
)  # fmt: skip


@dataclass(frozen=True)
class Records:
    """An audit with the records that its sentences look up beside their own."""

    result: AuditResult

    @cached_property
    def estimates(self) -> dict[tuple[str, str | None, str], Estimate]:
        """Estimates by measure, output and stratum."""
        return {(e.measure, e.output, e.stratum): e for e in self.result.estimates}

    @cached_property
    def by_id(self) -> dict[str, Estimate | Disparity]:
        """Everything that a verdict may name as its evidence."""
        found: dict[str, Estimate | Disparity] = {e.id: e for e in self.result.estimates}
        return found | {d.id: d for d in self.result.disparities}

    @cached_property
    def counts(self) -> dict[str, int | None]:
        """Units by stratum."""
        return {c.stratum: c.n for c in self.result.cohort.strata}

    def n(self, measure: str, output: str | None, stratum: str) -> int | None:
        """Units in a stratum, where they may be told; of a class or label, its own."""
        own = self.estimates.get((measure, output, stratum))
        if own is None:
            return self.counts.get(stratum)
        return own.n if own.status != "suppressed" else None

    def tuned(self, measure: str) -> str:
        """What to bear in mind of a measure at a threshold that these data chose."""
        used = self.result.cohort.threshold
        if used is None or used.source != "tuned_here":
            return ""
        declared = _declared(measure)
        at_it = declared is not None and declared.needs_threshold
        return f" The threshold was {THRESHOLD[used.source]}." if at_it else ""


def of_estimate(e: Estimate, audit: Records) -> str:
    """Say what an estimate says, in any of its statuses."""
    name = measure_of(e.measure, e.output)
    where = "overall" if e.stratum == "overall" else f"in {e.stratum}"
    behind = _behind(e, audit.result)
    if e.status == "undefined":
        return f"{name} has no value {where} ({behind}): {e.reason}. It is not zero."
    if e.status == "suppressed":
        return f"{name} {where} is withheld for privacy."
    if e.status == "not_collected" or e.value is None:
        return f"{name} {where} was not collected: {e.reason}."
    if e.status == "insufficient":
        return (
            f"{name} {where} was {number(e.value)} ({behind}); no conclusion is drawn: {e.reason}."
        )
    told = "; ".join([_interval(e), behind, *_beside(e)])
    return f"{name} {where} was {number(e.value)} ({told}).{audit.tuned(e.measure)}"


def _beside(e: Estimate) -> list[str]:
    """What a value is held against: the ideal, chance, a calibrated model.

    Not the value of everyone: the sentence would then change with people it does not speak of.
    """
    told = []
    declared = _declared(e.measure)
    if declared is not None and declared.direction == "target" and declared.target is not None:
        told.append(f"ideal {declared.target:g}")
    if e.baseline is not None:
        told.append(f"{number(e.baseline)} by chance alone")
    if e.null is not None:
        told.append(
            f"a calibrated model gives {number(e.null.mean)} in the mean, {p_text(e.null.p)}"
        )
    return told


def _behind(e: Estimate, result: AuditResult) -> str:
    if e.n is None or e.status == "suppressed":
        return "counts withheld"
    parts = [f"n = {e.n:,}"]
    if e.n_positive is not None:
        parts.append(f"{e.n_positive:,} with the condition")
    if result.cohort.patients_declared and e.clusters is not None:
        parts.append(f"{e.clusters:,} patients")
    return ", ".join(parts)


def of_disparity(d: Disparity, audit: Records) -> str:
    """Say how far groups are apart, how sure that is, and whether it was declared."""
    name = inside(measure_of(d.measure, d.output))
    one, two = _group(d, d.stratum, audit), _group(d, d.reference, audit)
    if d.contrast == "gap":
        what = f"The largest gap of {name} by {d.attribute}"
    else:
        what = f"The {d.contrast} of {name} between {one} and {two}"
    if d.value is None:
        return f"{what} has no value: {d.reason}."
    between = f", between {one} and {two}" if d.contrast == "gap" else ""
    if d.status != "ok" or d.lower is None or d.upper is None:
        return f"{what} was {number(d.value)}{between}; no conclusion is drawn: {d.reason}."
    told = "; ".join([_interval(d), *_tested(d)])
    return f"{what} was {number(d.value)} ({told}){between}.{_equal(d)}{audit.tuned(d.measure)}"


def _group(d: Disparity, stratum: str, audit: Records) -> str:
    """One side of a contrast with its value and size."""
    n = audit.n(d.measure, d.output, stratum)
    name, own = stratum, audit.estimates.get((d.measure, d.output, stratum))
    if stratum == f"not {d.stratum}":
        name = "everyone else"
        whole, part = (audit.n(d.measure, d.output, s) for s in ("overall", d.stratum))
        n = whole - part if whole is not None and part is not None else None
    told = [number(own.value)] if own is not None and own.value is not None else []
    told.append(f"n = {n:,}" if n is not None else "n withheld")
    return f"{name} ({', '.join(told)})"


def _tested(d: Disparity) -> list[str]:
    """How a contrast was tested, whether it was declared, and what chance alone would give."""
    told = []
    if d.simultaneous is not None and None not in (d.simultaneous.lower, d.simultaneous.upper):
        told.append(f"{_ends(d.simultaneous)} simultaneous over the primary family")
    kind = "declared beforehand" if d.family != "screening" else "screening, not declared"
    if d.p_adjusted is not None:
        told.append(f"{p_text(d.p_adjusted)} after adjustment, {kind}")
    else:
        told.append(kind if d.p is None else f"{p_text(d.p)} without adjustment, {kind}")
    if d.null is not None:
        told.append(f"chance alone gives {number(d.null.mean)} in the mean")
    return told


def _equal(d: Disparity) -> str:
    """What an interval that holds "no difference" does not show."""
    same = 1.0 if d.contrast == "ratio" else 0.0
    if d.lower is None or d.upper is None or not d.lower <= same <= d.upper:
        return ""
    return f" The interval includes {same:g}, which does not show that the groups are equal."


def of_verdict(v: Verdict, audit: Records) -> str:
    """Say what became of a requirement and what that rests on."""
    start = f"The requirement '{v.statement or v.requirement}' {_VERDICT[v.status]}"
    if v.kind in ("coverage", "checklist"):  # counts: no interval, and the reason holds them
        return f"{start}: {v.reason}."
    record = _decider(v, audit)
    n = _rests_on(record, audit)
    if v.value is None:
        return f"{start}: {v.reason}{f' ({n})' if n else ''}."
    told = "; ".join(part for part in (_verdict_interval(v, record), n) if part)
    more = []
    if v.lower is None or v.upper is None or v.status in ("waived", "not_applicable"):
        more.append(v.reason)
    elif len(v.parts) > 1:
        same = sum(part.status == v.status for part in v.parts)
        more.append(f"{same} of {len(v.parts)} parts {v.status.replace('_', ' ')}")
    if v.status == "inconclusive" and v.n_needed is not None:
        more.append(f"about n = {v.n_needed:,} would be needed")
    tail = "".join(f"; {part}" for part in more)
    value = f"a change of {number(v.value)}" if v.kind == "change" else number(v.value)
    return f"{start}: {value} ({told}){_where(v, record)}{tail}.{audit.tuned(v.measure)}"


def _decider(v: Verdict, audit: Records) -> Estimate | Disparity | None:
    """The record that decided: of those that the verdict names, the one whose numbers it has."""
    for id in v.evidence:
        record = audit.by_id.get(id)
        if record is not None and _place(record) == v.stratum and record.output == v.output:
            return record
    return audit.by_id.get(v.evidence[0]) if len(v.evidence) == 1 else None


def _place(record: Estimate | Disparity) -> str:
    if isinstance(record, Estimate):
        return record.stratum
    return f"{record.stratum}:{record.reference}"


def _rests_on(record: Estimate | Disparity | None, audit: Records) -> str:
    """How many units a verdict rests on."""
    if record is None:
        return ""
    if isinstance(record, Estimate):
        return _behind(record, audit.result)
    if record.status == "suppressed":
        return "counts withheld"
    sizes = [audit.n(record.measure, record.output, s) for s in (record.stratum, record.reference)]
    known = [f"{n:,}" for n in sizes if n is not None]
    return f"n = {' and '.join(known)}" if len(known) == 2 else "counts withheld"


def _verdict_interval(v: Verdict, record: Estimate | Disparity | None) -> str:
    if v.lower is None or v.upper is None:
        return "no interval"
    whole = isinstance(record, Disparity) and record.simultaneous is not None
    return _interval(v).replace("interval", "simultaneous interval") if whole else _interval(v)


def _where(v: Verdict, record: Estimate | Disparity | None) -> str:
    where = f" {where_of([v.stratum])}" if v.stratum else ""
    if isinstance(record, Disparity):
        where = f" between {record.stratum} and {record.reference}"
    if v.output is not None and f"'{v.output}'" not in v.statement:
        where += f" ({v.output})"
    return where


def measure_name(id: str) -> str:
    """A measure in words."""
    declared = _declared(id)
    return declared.name if declared else id.replace("_", " ")


def _declared(id: str) -> "Measure | None":
    from audit.measures import DECLARED  # brings the numerical libraries, which take a while

    return DECLARED.get(id)


def number(value: float) -> str:
    """A value in three decimals, or as many as its size leaves meaning for."""
    text = f"{value:.3f}" if abs(value) < 100 else f"{value:,.1f}"
    return text.replace("-", "" if value > -0.0005 else "\N{MINUS SIGN}")


def _interval(x: Estimate | Disparity | Verdict) -> str:
    if x.lower is None or x.upper is None:
        return "no interval"
    return f"{x.level * 100:g} % interval {_ends(x)}"


def _ends(x: Estimate | Disparity | Verdict | Bounded) -> str:
    low, high = (number(end) for end in (x.lower, x.upper) if end is not None)
    return f"{low} to {high}"


def p_text(p: float) -> str:
    """A p value, small ones as a bound."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def measure_of(measure: str, output: str | None) -> str:
    """A measure in words, of the class or label it speaks of."""
    name = measure_name(measure)
    return name if output is None else f"{name} ({output})"


def inside(name: str) -> str:
    """A name inside a sentence: abbreviations and names of people keep their capitals."""
    kept = name[:2].isupper() or name[1:2] == ":" or name.startswith(_PROPER)
    return name if kept else name[0].lower() + name[1:]
