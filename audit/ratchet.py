"""What changed between a stored audit and a new one, requirement by requirement."""

from typing import Literal

from audit.result import VerdictStatus
from audit.sections import Record

Movement = Literal["new", "fixed", "worse", "better", "unchanged", "gone"]


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
