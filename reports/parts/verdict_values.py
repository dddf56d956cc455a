"""Value and limit of a verdict in words: intervals of measures, and plain counts of the rest."""

from audit.coverage_verdicts import COUNTED, SHARED, decided_by
from audit.result import Verdict, VerdictPart
from reports.format import count, digits, percent, plural, with_interval


def value_text(v: Verdict, contrast: str | None, part: VerdictPart | None = None) -> str:
    """Write the value that decided, or that of a part, with its interval where it has one."""
    of = v if part is None else part
    if of.value is not None and v.kind == "coverage":
        return _counted(of.value, _name(v, part))
    if of.value is not None and v.kind == "checklist":
        return f"{plural(int(of.value), 'item')} short"
    sign = contrast == "difference" or v.kind == "change"
    return with_interval(of.value, of.lower, of.upper, digits(v.measure, contrast), sign)


def limit_text(v: Verdict, contrast: str | None) -> str:
    """Write the margin or limits of a requirement."""
    if isinstance(v.margin, tuple):
        return " to ".join(f"{m:g}" for m in v.margin)
    if v.kind == "coverage":
        return _asked(v)
    if v.kind == "checklist":
        return "none short"
    if v.kind == "change":
        return f"worse by at most {v.margin:g}"
    return f"±{v.margin:g}" if contrast == "difference" else f"{v.margin:g}"


def _name(v: Verdict, part: VerdictPart | None) -> str:
    return (decided_by(v) if part is None else part.id.split("/")[1]) or ""


def _counted(value: float, name: str) -> str:
    if name in SHARED:
        return f"{percent(value)} of rows {SHARED[name]}"
    return f"{count(int(value))} {COUNTED.get(name, '')}".rstrip()


def _asked(v: Verdict) -> str:
    """What was asked of the count or share that decided."""
    margin = v.margin if isinstance(v.margin, float) else 0.0
    if _name(v, None) in SHARED:
        return f"at most {100 * margin:.3g} %"
    return f"at least {count(int(margin))}"
