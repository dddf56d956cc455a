"""How far a figure moved between a stored audit and a new one, towards what is better."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import inf, isfinite, log
from typing import TYPE_CHECKING

from audit.measures import DECLARED
from audit.problems import InputError, Problem
from audit.result import AuditResult, Disparity, Estimate
from audit.stats.mover import mover_difference

if TYPE_CHECKING:
    from audit.comparison.records import Comparison, Paired

Bounds = tuple[float, float, float]
UNPAIRED = "MOVER, as two independent audits"
SAME_DATA = "MOVER, as two independent audits: they are of the same data, so it is too wide"


@dataclass(frozen=True)
class Change:
    """Now less then, where more is better; without numbers, or without interval, `reason` says why.

    `scarce` holds where an interval is lacking because there is too little data.
    """

    value: float | None
    lower: float | None
    upper: float | None
    method: str
    reason: str = ""
    scarce: bool = False


@dataclass(frozen=True, eq=False)
class Audits:
    """Two audits whose figures are compared, `paired` where both models met the same units.

    Raises
    ------
    InputError
        When they are of different tasks: no figure of one is a figure of the other.
    """

    now: AuditResult
    before: AuditResult
    paired: "Comparison | None" = None

    def __post_init__(self) -> None:
        """Refuse audits of different tasks."""
        one, other = self.now.cohort.task, self.before.cohort.task
        if one != other:
            reason = f"the baseline is of task {other}, the audit of task {one}"
            raise InputError(
                Problem("baseline_task", "--baseline", reason, "give an audit of that task")
            )

    @cached_property
    def records(self) -> tuple[dict[str, Estimate | Disparity], dict[str, Estimate | Disparity]]:
        """Figures by id: now, and before."""
        return _by_id(self.now), _by_id(self.before)

    @cached_property
    def same_data(self) -> bool:
        """Whether both were made from files of the very same content."""
        one, other = ({f.sha256 for f in a.provenance.data} for a in (self.now, self.before))
        return bool(one) and one == other

    @cached_property
    def unlike(self) -> str:
        """Why no figure of the two can be compared; empty where they can."""
        return "; ".join(_unlike(self.now, self.before))

    @cached_property
    def _pairs(self) -> "dict[str, Paired]":
        return {p.id: p for p in self.paired.paired} if self.paired is not None else {}

    def change(self, id: str) -> Change:
        """How far one figure moved."""
        now, before = (records.get(id) for records in self.records)
        if before is None or now is None:
            where = "the audit" if now is None else "the baseline"
            return Change(None, None, None, "none", f"{where} has no figure of it")
        reason = self.unlike or self._thresholds(now.measure)
        if reason:
            return Change(None, None, None, "none", f"the baseline cannot be compared: {reason}")
        if better_end(now) is None:
            why = f"{now.measure} has no better end, so that nothing is worse"
            return Change(None, None, None, "none", why)
        pair = self._pairs.get(id)
        if pair is not None and pair.harm is not None and isinstance(now, Estimate):
            return _paired(pair)
        return self._unpaired(now, before)

    def _thresholds(self, measure: str) -> str:
        declared = DECLARED.get(measure)
        one, other = (a.cohort.threshold for a in (self.now, self.before))
        values = tuple(None if t is None else t.value for t in (one, other))
        if declared is None or not declared.needs_threshold or values[0] == values[1]:
            return ""
        told = tuple("none" if v is None else f"{v:g}" for v in values)
        return f"its threshold is {told[1]}, not {told[0]}"

    def _unpaired(self, now: Estimate | Disparity, before: Estimate | Disparity) -> Change:
        for when, one in (("now", now), ("before", before)):
            if one.value is None:
                why = f"{when}: {one.status}: {one.reason}"
                return Change(None, None, None, "none", why, one.status == "insufficient")
        ends = (_towards_better(now), _towards_better(before))
        value = ends[0][0] - ends[1][0]
        if not isfinite(value):  # a ratio of 0 is infinitely far from 1
            return Change(None, None, None, "none", "a ratio of 0 has no distance from 1")
        for when, one in (("now", now), ("before", before)):
            if one.lower is None or one.upper is None:
                why = f"{when}: {one.reason or one.status}"
                return Change(value, None, None, "none", why, one.status == "insufficient")
        if now.level != before.level:
            why = f"the interval level was {before.level:g} and is {now.level:g}"
            return Change(value, None, None, "none", why)
        lower, upper = (float(v) for v in mover_difference(*ends))
        if not (isfinite(lower) and isfinite(upper)):
            return Change(value, None, None, "none", "a bound is infinite", scarce=True)
        return Change(value, lower, upper, SAME_DATA if self.same_data else UNPAIRED)


def _by_id(result: AuditResult) -> dict[str, Estimate | Disparity]:
    found: dict[str, Estimate | Disparity] = {e.id: e for e in result.estimates}
    return found | {d.id: d for d in result.disparities}


def better_end(record: Estimate | Disparity) -> str | None:
    """Which end of a figure is better: higher, lower or target; None where it has none."""
    if isinstance(record, Disparity):
        return "lower" if record.contrast == "gap" else "target"
    direction = DECLARED[record.measure].direction if record.measure in DECLARED else "neutral"
    return None if direction == "neutral" else direction


def _towards_better(record: Estimate | Disparity) -> Bounds:
    """Value and bounds on a scale on which more is better; bounds may be absent (infinite).

    A figure with a target counts by its distance from that, and its interval by the distances it
    holds: a ratio of groups by that of its logarithm from 0.
    """
    value = record.value if record.value is not None else 0.0
    lower = record.lower if record.lower is not None else -inf
    upper = record.upper if record.upper is not None else inf
    end = better_end(record)
    if end == "higher":
        return value, lower, upper
    if end == "lower":
        return -value, -upper, -lower
    if isinstance(record, Disparity) and record.contrast == "ratio":
        value, lower, upper = (log(v) if v > 0 else -inf for v in (value, lower, upper))
        return _near(value, lower, upper, 0.0)
    target = 0.0 if isinstance(record, Disparity) else DECLARED[record.measure].target or 0.0
    return _near(value, lower, upper, target)


def _near(value: float, lower: float, upper: float, target: float) -> Bounds:
    """The negative distances from a target."""
    apart = (abs(lower - target), abs(upper - target))
    nearest = 0.0 if lower <= target <= upper else min(apart)
    return -abs(value - target), -max(apart), -nearest


def _paired(pair: "Paired") -> Change:
    harm, lower, upper = pair.harm, pair.harm_lower, pair.harm_upper
    if harm is None or lower is None or upper is None:
        return Change(None, None, None, "none", pair.reason or "")
    method = f"paired on the same units ({pair.method})"
    return Change(0.0 - harm, 0.0 - upper, 0.0 - lower, method)  # never a negative zero


def _unlike(now: AuditResult, before: AuditResult) -> Iterator[str]:
    for name, what in (("label", "outcome"), ("positive", "positive value"),
                       ("score_kind", "kind of score")):  # fmt: skip
        one, other = (getattr(a.cohort, name) for a in (now, before))
        if one != other:
            yield f"its {what} is '{other}', not '{one}'"
    for part in ("options", "survival", "segmentation", "image"):
        one, other = (a.plan.get(part) for a in (now, before))
        if one != other:
            yield f"its plan has another section '{part}'"
    one, other = (_matching(a) for a in (now, before))
    if one != other:
        yield "its plan matches detections otherwise"


def _matching(result: AuditResult) -> dict[str, object]:
    """How objects are matched, whatever the tables are called."""
    section = result.plan.get("detection") or {}
    return {k: v for k, v in section.items() if k not in ("references", "detections", "score")}
