"""What a forest plot is drawn from: labels, points, axis and the limits of the plan."""

from dataclasses import dataclass
from typing import Any

from audit.result import Estimate
from reports import words
from reports.format import count, digits, fixed, shorten, with_interval
from reports.parts.index import Index
from reports.ticks import log_ticks

LABEL_LETTERS = 30
# Pixels that the number at a tick takes, and what share of the narrowest printed panel that is.
NUMBER = 21
APART = 0.22
LOG = frozenset(("oe_ratio", "lr_plus", "lr_minus"))


@dataclass(frozen=True)
class Panel:
    """One measure: its axis and its points, one or none for each row."""

    title: str
    log: bool
    domain: tuple[float, float]
    points: tuple[dict[str, Any], ...]

    @property
    def ticks(self) -> list[float]:
        """Round places on a logarithmic axis; empty where the axis finds its own."""
        return log_ticks(*self.domain, APART) if self.log else []


@dataclass(frozen=True)
class ForestData:
    """Rows of labels, and panels beside them; `y` counts rows from the top."""

    rows: int
    labels: tuple[dict[str, Any], ...]
    panels: tuple[Panel, ...]
    heading: str = "n / n+"


def forest_data(index: Index, measures: list[str], rows: list[tuple[str, str]]) -> ForestData:
    """Lay out rows of (attribute, stratum), an attribute's name above its levels."""
    labels, places = layout(index, rows)
    panels = tuple(
        panel(m, [(y, index.estimate(m, s)) for y, s in places], index) for m in measures
    )
    return ForestData(len(labels), tuple(labels), panels, "n / n+" if index.has_outcome else "n")


def layout(
    index: Index, rows: list[tuple[str, str]]
) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    """Give every row its place: headings take one too."""
    labels: list[dict[str, Any]] = []
    places: list[tuple[int, str]] = []
    last = ""
    for attribute, stratum in rows:
        if attribute != last:
            labels.append({"y": len(labels), "text": shorten(attribute, 34), "head": 1, "n": ""})
            last = attribute
        places.append((len(labels), stratum))
        labels.append(label(index, len(labels), stratum))
    return labels, places


def label(index: Index, y: int, stratum: str) -> dict[str, Any]:
    """Name a row, with its counts unless they are withheld."""
    text = "All units" if stratum == "overall" else stratum.partition("=")[2]
    c = index.counts.get(stratum)
    withheld = any(
        e is not None and e.status == "suppressed"
        for e in (index.estimate(m, stratum) for m in index.measures[:1])
    )
    n = "" if c is None or withheld else count(c.n)
    if n and c is not None and index.has_outcome:
        n += f" / {count(c.n_positive)}"
    head = 1 if stratum == "overall" else 0
    return {"y": y, "text": shorten(text, LABEL_LETTERS), "head": head, "n": n}


def panel(measure: str, found: list[tuple[int, Estimate | None]], index: Index) -> Panel:
    """Make the points of one measure."""
    log = measure in LOG
    points = [point(y, e, log, index) for y, e in found if e is not None]
    overall = index.estimate(measure, "overall")
    base = overall.value if overall is not None else None
    return Panel(words.short(measure), log, domain(measure, points, log),
                 tuple({**p, "base": base} for p in points))  # fmt: skip


def point(y: int, e: Estimate, log: bool, index: Index) -> dict[str, Any]:
    """Place an estimate; without a value, its status in words takes the place."""
    off = e.value is not None and log and e.value <= 0
    places = digits(e.measure)
    text = words.why(e.status, e.reason)
    if e.value is not None:
        text = f"{fixed(e.value, places)}, off the scale"
    limits = index.limits.get((e.measure, e.stratum))
    drawn = e.value is not None and not off
    return {
        "y": y,
        "v": e.value if drawn else None,
        "l": e.lower if drawn and e.status == "ok" else None,
        "u": e.upper if drawn and e.status == "ok" else None,
        "mark": ("ok" if e.status == "ok" else "weak") if drawn else "none",
        "text": "" if drawn else text,
        "floor": limits.lower if limits else None,
        "ceiling": limits.upper if limits else None,
        "tip": with_interval(e.value, e.lower, e.upper, places),
        "name": "All units" if e.stratum == "overall" else e.stratum,
        "n": count(e.n) if e.status != "suppressed" else "withheld",
        "status": words.why(e.status, e.reason),
    }


def domain(measure: str, points: list[dict[str, Any]], log: bool) -> tuple[float, float]:
    """Choose an axis that holds every interval and limit."""
    keys = ("v", "l", "u", "floor", "ceiling")
    seen = [p[k] for p in points for k in keys if p[k] is not None]
    if log:
        seen = [v for v in seen if v > 0] + [1.0]
        return min(*seen, 0.8) / 1.05, max(*seen, 1.25) * 1.05
    declared = words.measure(measure)
    if not seen:
        return 0.0, 1.0
    low, high = min(seen), max(seen)
    pad = 0.04 * (high - low) or 0.05
    low, high = low - pad, high + pad
    if declared is not None:
        low = max(low, declared.bounds[0])
        high = min(high, declared.bounds[1])
    return low, high
