"""Problems and warnings gathered while an input is read, so that all are told at once."""

from dataclasses import dataclass, field

from audit.problems import InputError, Problem
from audit.result import AuditWarning


@dataclass(frozen=True)
class Findings:
    """What was found so far: problems stop the audit, warnings travel with its result."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[AuditWarning] = field(default_factory=list)

    def problem(self, code: str, where: str, reason: str, remedy: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(code, where, reason, remedy))

    def warn(
        self, code: str, message: str, *, column: str | None = None, stratum: str | None = None
    ) -> None:
        """Note a warning; `message` is one sentence without its full stop."""
        self.warnings.append(
            AuditWarning(code=code, message=f"{message}.", stratum=stratum, column=column)
        )

    def raise_problems(self) -> None:
        """Raise InputError if any problem was noted."""
        if self.problems:
            raise InputError(self.problems)


def share(count: int, total: int) -> str:
    """Write a count among a total: ``12 of 1,000 rows (1.2 %)``."""
    percent = f"{100 * count / total:.1f}".removesuffix(".0")
    return f"{count:,} of {total:,} rows ({percent} %)"
