"""What a gate decided, or why it could not: everything that its formats are made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from audit.exit_codes import OnInconclusive as OnInconclusive
from audit.ratchet import Ratchet
from audit.result import AuditResult


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


@dataclass(frozen=True)
class Failed:
    """A gate that could not run: nothing was judged. `audit` is the file that it was to judge."""

    audit: str
    code: int
    reason: str
