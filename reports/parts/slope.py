"""What a slope chart is drawn from: a line for each stratum from model a to model b."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from audit.comparison.records import Paired
from reports import words
from reports.comparison import change_text
from reports.format import count, digits, fixed, interval, signed
from reports.parts.forest import LOG

ROW = 14
HEAD = 34
LEAST = 7 * ROW
MARKS = {"worse": "worse", "better": "better", "no_worse": "held", "none": "weak"}


@dataclass(frozen=True)
class SlopeData:
    """One measure; places are in pixels from the top.

    Every row has a line from `a` to `b`, and labels at `left` and `right` that do not overlap.
    """

    title: str
    height: int
    rows: tuple[dict[str, Any], ...]


def slope_data(records: Sequence[Paired]) -> SlopeData:
    """Lay out the records of one measure that have a value under both models."""
    drawn = [r for r in records if r.value_a is not None and r.value_b is not None]
    first = drawn[0]
    height = max(LEAST, ROW * len(drawn))
    pairs = [(r.value_a or 0.0, r.value_b or 0.0) for r in drawn]
    log = first.measure in LOG and all(v > 0 for pair in pairs for v in pair)
    places = _places([v for pair in pairs for v in pair], log, height)
    ends = list(zip(places[::2], places[1::2], strict=True))
    left = apart([a for a, _ in ends], ROW, height)
    right = apart([b for _, b in ends], ROW, height)
    rows = [
        {"a": HEAD + a, "b": HEAD + b, "left": HEAD + one, "right": HEAD + two, **_text(r)}
        for r, (a, b), one, two in zip(drawn, ends, left, right, strict=True)
    ]
    title = words.short(first.measure) + (", log scale" if log else "")
    # What got worse is drawn last, above the others.
    return SlopeData(title, HEAD + height, tuple(sorted(rows, key=lambda row: row["order"])))


def _places(values: list[float], log: bool, height: int) -> list[float]:
    """Pixels from the top, the largest value uppermost."""
    scaled = [math.log(v) for v in values] if log else values
    low, high = min(scaled), max(scaled)
    span = (high - low) or 1.0
    room = height - ROW
    top = ROW / 2 if high > low else height / 2
    return [round(top + room * (high - v) / span, 2) for v in scaled]


def apart(places: list[float], gap: float, height: float) -> list[float]:
    """Move places as little as possible so that they are a gap apart and inside the height.

    Least squares under an order: neighbours that are too near share their mean (pool adjacent
    violators).
    """
    order = sorted(range(len(places)), key=lambda i: (places[i], i))
    blocks: list[tuple[float, int]] = []
    for rank, i in enumerate(order):
        mean, size = places[i] - gap * rank, 1
        while blocks and blocks[-1][0] > mean:
            before, many = blocks.pop()
            mean, size = (before * many + mean * size) / (many + size), many + size
        blocks.append((mean, size))
    flat = [mean for mean, size in blocks for _ in range(size)]
    last = max(gap / 2, height - gap / 2 - gap * (len(places) - 1))
    out = [0.0] * len(places)
    for rank, i in enumerate(order):
        out[i] = round(min(max(flat[rank], gap / 2), last) + gap * rank, 2)
    return out


def _text(r: Paired) -> dict[str, Any]:
    places = digits(r.measure)
    mark = MARKS.get(r.change, "plain") if r.status == "ok" else "weak"
    return {
        "name": "All units" if r.stratum == "overall" else r.stratum,
        "full": r.stratum,
        "n": count(r.n),
        "va": fixed(r.value_a or 0.0, places),
        "vb": fixed(r.value_b or 0.0, places),
        "moved": _moved(r, places),
        "change": change_text(r),
        "word": mark if mark in ("worse", "better") else "",
        "mark": mark,
        "order": {"worse": 2, "better": 1}.get(mark, 0),
    }


def _moved(r: Paired, places: int) -> str:
    moved = signed(r.difference or 0.0, places)
    return f"{moved} {interval(r.lower, r.upper, places, True)}".rstrip()
