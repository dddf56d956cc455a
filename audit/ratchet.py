"""What changed between a stored audit and a new one, requirement by requirement."""

from typing import TYPE_CHECKING, Literal

from audit.change import Audits, Change
from audit.result import AuditResult, Verdict, VerdictPart, VerdictStatus
from audit.result_file import ResultFile
from audit.sections import Record

if TYPE_CHECKING:
    from audit.comparison.records import Comparison

Movement = Literal["new", "fixed", "worse", "better", "unchanged", "gone"]

# Differences that single precision alone can make.
ROUNDING = 1e-6


class Moved(Record):
    """One requirement in both audits: `new` is a violation that was none, `fixed` the reverse.

    `change` is the difference now less then, in the direction that is better; with its interval
    where one can be had. `method` says how: paired on patients, or as two independent audits.
    """

    requirement: str
    movement: Movement
    before: VerdictStatus | None
    now: VerdictStatus | None
    change: float | None
    lower: float | None
    upper: float | None
    method: str
    reason: str


class Ratchet(Record):
    """The comparison of a result with its baseline. It hides nothing from any report."""

    baseline_sha256: str
    moved: tuple[Moved, ...]


def ratchet(
    result: AuditResult, baseline: ResultFile, *, paired: "Comparison | None" = None
) -> Ratchet:
    """Hold every verdict against that of a stored audit.

    Statuses are those that the figures gave: what is waived is not mended. A violation that can
    only not be shown any more is not fixed. `paired` compares both models on the same units.

    Raises
    ------
    InputError
        When the baseline is of another task.
    """
    audits = Audits(result, baseline.result, paired)
    before = {v.requirement: v for v in baseline.result.verdicts}
    moved = [_moved(v, before.get(v.requirement), audits) for v in result.verdicts]
    here = {v.requirement for v in result.verdicts}
    moved += [_gone(v) for v in baseline.result.verdicts if v.requirement not in here]
    return Ratchet(baseline_sha256=baseline.sha256, moved=tuple(moved))


def found(verdict: Verdict) -> VerdictStatus:
    """The status that the figures gave, whatever was decided about it."""
    return verdict.found or verdict.status


def _moved(now: Verdict, before: Verdict | None, audits: Audits) -> Moved:
    change = _change(now, before, audits)
    was = found(before) if before is not None else None
    return Moved(
        requirement=now.requirement,
        movement=_movement(found(now), was, change.value),
        before=was,
        now=found(now),
        change=change.value,
        lower=change.lower,
        upper=change.upper,
        method=change.method,
        reason="; ".join(_reasons(now, before, change)),
    )


def _gone(before: Verdict) -> Moved:
    return Moved(
        requirement=before.requirement,
        movement="gone",
        before=found(before),
        now=None,
        change=None,
        lower=None,
        upper=None,
        method="none",
        reason="the plan no longer requires it",
    )


def _movement(now: VerdictStatus, before: VerdictStatus | None, change: float | None) -> Movement:
    if now == "violated" and before != "violated":
        return "new"
    if before == "violated" and now == "met":
        return "fixed"
    if change is None or abs(change) <= ROUNDING:
        return "unchanged"
    return "better" if change > 0 else "worse"


def _change(now: Verdict, before: Verdict | None, audits: Audits) -> Change:
    """How far the figure that decides now has moved; a required change is its own figure."""
    if now.kind == "change":
        return Change(now.value, now.lower, now.upper, "as the requirement states", "")
    part = _deciding(now)
    if now.kind != "measure" or before is None or part is None:
        return Change(None, None, None, "none")
    return audits.change(part.id)


def _deciding(verdict: Verdict) -> VerdictPart | None:
    numbers = (found(verdict), verdict.value, verdict.lower, verdict.upper)
    return next(
        (p for p in verdict.parts if (p.status, p.value, p.lower, p.upper) == numbers), None
    )


def _reasons(now: Verdict, before: Verdict | None, change: Change) -> list[str]:
    if before is None:
        return ["the baseline does not hold this requirement"]
    told = []
    if found(before) == "violated" and found(now) not in ("violated", "met"):
        told.append(f"it was violated, and is {found(now)}: that is not mended")
    if before.statement != now.statement:
        told.append(f"the baseline stated it otherwise ({before.statement})")
    if change.reason:
        told.append(change.reason)
    if change.value is not None and change.lower is not None and change.upper is not None:
        sure = change.lower > 0 or change.upper < 0
        told.append(
            "the interval of the change excludes 0" if sure
            else "the interval of the change holds 0, so it may be chance"
        )  # fmt: skip
    return told
