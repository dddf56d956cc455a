"""Sizes of the strata against the widths of their intervals: how precision grows with size."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from audit.result import Estimate
from reports import words
from reports.blocks import Block, Figure
from reports.format import count, digits, fixed, left_out, level_text, plural
from reports.parts.index import Index
from reports.parts.results import TASK_FRONT

LABELLED = 4
MOST_POINTS = 1500
CURVE_POINTS = 80
WITH, WITHOUT, EVERYONE = "with inference", "without inference", "all units"


@dataclass(frozen=True)
class Key:
    """A labelled point: the number beside it, and what it is."""

    number: str
    name: str
    detail: str


@dataclass(frozen=True)
class FunnelData:
    """Points, the curve of a proportion (or none) and the key to the labelled few.

    `domain` is the range of sizes, `top` the widest interval; a point without an interval has no
    `w`.
    """

    x_title: str
    y_title: str
    domain: tuple[float, float]
    top: float
    points: tuple[dict[str, Any], ...]
    curve: tuple[dict[str, float], ...]
    curve_name: str
    key: tuple[Key, ...]


@dataclass(frozen=True)
class _Base:
    """What the width of an interval is held against, in words and as a number."""

    proportion: bool
    patients: bool

    def of(self, e: Estimate) -> int | None:
        """Give the units or patients behind an estimate."""
        return e.clusters if self.patients else e.denominator

    @property
    def what(self) -> str:
        """Name it."""
        return "patients behind the value" if self.patients else "units behind the value"


def blocks(index: Index) -> list[Block]:
    """Make the figure for the first front measure that has intervals; empty without any."""
    for measure in TASK_FRONT[index.task]:
        own = [e for e in index.own if e.measure == measure]
        told = [e for e in own if e.status != "suppressed"]
        if sum(width(e) is not None for e in told) > 1:
            return [_figure(index, measure, told, len(own) - len(told))]
    return []


def width(e: Estimate) -> float | None:
    """Give the width of an interval; None where no inference is drawn."""
    if e.status != "ok" or e.lower is None or e.upper is None:
        return None
    return e.upper - e.lower


def _base(index: Index, measure: str, told: list[Estimate]) -> _Base:
    declared = index.declared(measure)
    proportion = declared is not None and declared.inference == "proportion"
    counted = all(e.clusters is not None for e in told)
    return _Base(proportion, not proportion and counted and index.result.cohort.patients_declared)


def _figure(index: Index, measure: str, told: list[Estimate], withheld: int) -> Figure:
    base = _base(index, measure, told)
    sized = [e for e in told if base.of(e)]
    drawn = _shown(index, sized, base)
    with_width = [e for e in drawn if width(e) is not None]
    labelled = _labelled(with_width)
    data = _data(index, measure, base, drawn, labelled)
    return Figure(
        "funnel",
        "funnel",
        f"Size of every stratum against the width of its interval: {words.name(measure)}",
        _alt(measure, base, with_width, len(drawn) - len(with_width), len(told) - len(sized)),
        data,
        _note(index, measure, base, data, len(told) - len(sized), withheld),
        left_out(len(sized) - len(drawn), "stratum").replace("stratums", "strata"),
    )


def _shown(index: Index, sized: list[Estimate], base: _Base) -> list[Estimate]:
    """Keep what can be drawn: the strata of fewest attributes first, large before small."""

    def place(e: Estimate) -> tuple[int, int]:
        counted = index.counts.get(e.stratum)
        return len(counted.attributes) if counted is not None else 1, -(base.of(e) or 0)

    return sorted(sized, key=place)[:MOST_POINTS]


def _labelled(with_width: list[Estimate]) -> list[Estimate]:
    """Everyone, and the few with the widest intervals."""
    whole = [e for e in with_width if e.stratum == "overall"]
    parts = sorted((e for e in with_width if e.stratum != "overall"),
                   key=lambda e: (-(width(e) or 0), e.stratum))  # fmt: skip
    return [*parts[:LABELLED], *whole]


def _data(
    index: Index, measure: str, base: _Base, drawn: list[Estimate], labelled: list[Estimate]
) -> FunnelData:
    sizes = [base.of(e) or 1 for e in drawn]
    widths = [w for e in drawn if (w := width(e)) is not None]
    domain = (min(sizes) / 1.15, max(sizes) * 1.25)
    numbers = {e.id: str(i) for i, e in enumerate(labelled, 1)}
    level = level_text(drawn[0].level)
    # Gaps of size 0 have a width of 0, which would leave the axis without a range.
    top = max(widths) or 1.0
    return FunnelData(
        f"{base.what.capitalize()}{_denominator(measure, base)}, log scale",
        f"Width of the {level} interval",
        domain,
        top,
        tuple(_point(e, base, numbers.get(e.id, "")) for e in drawn),
        _curve(index.estimate(measure, "overall"), base, domain, top),
        "width of a proportion",
        tuple(Key(numbers[e.id], _name(e), _detail(e, base)) for e in labelled),
    )


def _denominator(measure: str, base: _Base) -> str:
    return f" (denominator of {words.name(measure).lower()})" if base.proportion else ""


def _name(e: Estimate) -> str:
    return "All units" if e.stratum == "overall" else e.stratum


def _detail(e: Estimate, base: _Base) -> str:
    name = "patients" if base.patients else "denominator"
    behind = f", {name} {count(base.of(e))}" if base.patients or base.of(e) != e.n else ""
    return f"width {fixed(width(e) or 0, digits(e.measure))}, n {count(e.n)}{behind}"


def _point(e: Estimate, base: _Base, number: str) -> dict[str, Any]:
    w = width(e)
    kind = WITHOUT if w is None else EVERYONE if e.stratum == "overall" else WITH
    why = words.why(e.status, e.reason) if e.status != "ok" else "no interval"
    return {
        "x": base.of(e),
        "w": w,
        "kind": kind,
        "number": number,
        "name": _name(e),
        "tip": why if w is None else _detail(e, base),
        "n": count(e.n),
    }


def _curve(
    whole: Estimate | None, base: _Base, domain: tuple[float, float], top: float
) -> tuple[dict[str, float], ...]:
    """Widths of a proportion of the value in all units; empty for any other measure."""
    if not base.proportion or whole is None or whole.value is None or not 0 < whole.value < 1:
        return ()
    z = quantile(whole.level)
    low, high = math.log(domain[0]), math.log(domain[1])
    sizes = [math.exp(low + (high - low) * i / CURVE_POINTS) for i in range(CURVE_POINTS + 1)]
    spread = whole.value * (1 - whole.value)
    found = [{"x": n, "w": 2 * z * math.sqrt(spread / n)} for n in sizes]
    return tuple(p for p in found if p["w"] <= 1.1 * top)


def quantile(level: float) -> float:
    """Give the normal quantile of a two-sided interval: 1.96 for 95 %."""
    return NormalDist().inv_cdf(0.5 + level / 2)


def _note(
    index: Index, measure: str, base: _Base, data: FunnelData, empty: int, withheld: int
) -> str:
    note = "Each mark is one stratum, crossed ones included; numbered marks are named at the right."
    if data.curve:
        whole = index.estimate(measure, "overall")
        assert whole is not None  # the curve is that of its value
        p = fixed(whole.value or 0, digits(measure))
        note += f" The dashed curve is 2 × {fixed(quantile(whole.level), 2)} × √(p(1 \N{MINUS SIGN}"
        note += f" p)/n) with the value in all units, p = {p}: the width to expect of independent "
        note += "units. Above it an interval is wider than its size explains."
    elif not base.proportion:
        note += f" {words.name(measure)} is no proportion, so no reference curve is drawn."
    if any(p["w"] is None for p in data.points):
        note += " Triangles in the lower strip have no interval."
    if empty:
        note += f" Not drawn: {plural(empty, 'stratum', 'strata')} with nothing behind the value."
    if withheld:
        note += f" {plural(withheld, 'stratum', 'strata')} withheld."
    return note


def _alt(measure: str, base: _Base, known: list[Estimate], weak: int, empty: int) -> str:
    ordered = sorted(known, key=lambda e: (width(e) or 0, e.stratum))
    low, high = ordered[0], ordered[-1]
    text = (
        f"Width of the interval of {words.name(measure)} against the {base.what} in "
        f"{plural(len(known), 'stratum', 'strata')}. Narrowest in {_name(low)} "
        f"({_detail(low, base)}), widest in {_name(high)} ({_detail(high, base)})."
    )
    if weak:
        text += f" {plural(weak, 'stratum', 'strata')} without inference."
    return text + (f" {plural(empty, 'stratum', 'strata')} empty." if empty else "")
