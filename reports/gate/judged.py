"""What a gate decided: everything that its formats are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from audit.ratchet import Ratchet
from audit.result import AuditResult

OnInconclusive = Literal["fail", "warn"]


@dataclass(frozen=True)
class Place:
    """Line of a file, relative to where the gate ran."""

    path: str
    line: int


@dataclass(frozen=True)
class Judged:
    """A result with its final verdicts, and the exit code they come to.

    `places` says where in the plan each requirement is stated, where the plan is at hand; `audit`
    is the file that was judged. `ratchet` compares with a baseline, where one was given.
    """

    result: AuditResult
    code: int
    audit: str
    places: Mapping[str, Place]
    on_inconclusive: OnInconclusive = "fail"
    ratchet: Ratchet | None = None
