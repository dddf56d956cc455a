"""Sizes of the strata against the widths of their intervals: how precision grows with size."""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from audit.result import Estimate
from reports import words
from reports.blocks import Block, Figure
from reports.format import count, fixed, left_out, level_text, plural
from reports.parts.index import Index
from reports.parts.results import TASK_FRONT

LABELLED = 4
MOST_POINTS = 1500
CURVE_POINTS = 60
WITH, WITHOUT, EVERYONE = "with inference", "without inference", "all units"


@dataclass(frozen=True)
class FunnelData:
    """Points, the curve of a proportion (or none) and the labels of the extreme few.

    `domain` is the range of sizes, `top` the widest interval.
    """

    x_title: str
    y_title: str
    domain: tuple[float, float]
    top: float
    points: tuple[dict[str, Any], ...]
    curve: tuple[dict[str, float], ...]
    key: tuple[tuple[str, str, str], ...]


def blocks(index: Index) -> list[Block]:
    """Make the figure for the first front measure that has intervals; empty without any."""
    for measure in TASK_FRONT[index.task]:
        own = [e for e in index.own if e.measure == measure and e.status != "suppressed"]
        if sum(_width(e) is not None for e in own) > 1:
            return [_figure(index, measure, own)]
    return []


def _width(e: Estimate) -> float | None:
    if e.status != "ok" or e.lower is None or e.upper is None:
        return None
    return e.upper - e.lower


def _proportion(index: Index, measure: str) -> bool:
    declared = index.declared(measure)
    return declared is not None and declared.inference == "proportion"


def _base(index: Index, e: Estimate, by_clusters: bool) -> int | None:
    """What the estimate rests on: the denominator of a proportion, else patients or units."""
    if _proportion(index, e.measure):
        return e.denominator
    return e.clusters if by_clusters else e.n
