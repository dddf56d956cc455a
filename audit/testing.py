"""Requirements as assertions: for tests of a model in a test suite."""

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import date

    from audit.result import AuditResult, Verdict, Waiver

OnInconclusive = Literal["fail", "warn"]
OPEN = ("inconclusive", "not_estimable")


class InconclusiveWarning(UserWarning):
    """A requirement that the figures neither show to be met nor to be violated."""


class WaiverWarning(UserWarning):
    """A requirement that was set aside, or a waiver that does nothing."""


@dataclass(frozen=True)
class Settings:
    """What holds where a call does not say: set by the plugin of pytest from its options.

    `told` is called with every verdict that was judged.
    """

    on_inconclusive: OnInconclusive = "fail"
    waivers: Path | None = None
    as_of: str | None = None
    told: Callable[["Verdict"], None] | None = None


_AS_IT_STANDS = Settings()
SETTINGS: ContextVar[Settings] = ContextVar("equipoise settings", default=_AS_IT_STANDS)


def assert_met(
    result: "AuditResult",
    *requirements: str,
    on_inconclusive: OnInconclusive | None = None,
    waivers: "str | Path | Iterable[Waiver] | None" = None,
    as_of: str | None = None,
) -> None:
    """Fail unless requirements of the plan are met.

    Parameters
    ----------
    result : AuditResult
        The audit, with its verdicts.
    *requirements : str
        Ids of the requirements; all of the plan if none is named.
    on_inconclusive : {"fail", "warn"}, optional
        Whether a requirement that cannot be decided fails (as it does if absent), or warns with
        `InconclusiveWarning`. It is never met.
    waivers : path or sequence of Waiver, optional
        Requirements that are set aside on the date `as_of`. They do not fail and are never met:
        each warns with `WaiverWarning`, as does a waiver that has expired, which does nothing.
    as_of : str, optional
        Date on which waivers are held; that of the audit if absent, else SOURCE_DATE_EPOCH, else
        today.

    Raises
    ------
    AssertionError
        When a requirement is not met, naming each with its value, interval and limit; when the
        plan has no requirement or none of them applies or can be estimated, as then nothing was
        judged; or when an id is not one of the plan's.
    """
    settings = SETTINGS.get()
    how = on_inconclusive or settings.on_inconclusive
    if how not in ("fail", "warn"):
        raise ValueError(f"on_inconclusive is 'fail' or 'warn', not '{how}'")
    given = settings.waivers if waivers is None else waivers
    judged = result if given is None else _waived(result, given, as_of or settings.as_of)
    verdicts = _chosen(judged.verdicts, requirements)
    if settings.told is not None:
        for verdict in verdicts:
            settings.told(verdict)
    _assert(verdicts, how)


def _assert(verdicts: Sequence["Verdict"], how: OnInconclusive) -> None:
    warned = [v for v in verdicts if v.status in OPEN and how == "warn"]
    failed = [v for v in verdicts if v.status in ("violated", "error", *OPEN) and v not in warned]
    for verdict in warned:
        warnings.warn(told(verdict), InconclusiveWarning, stacklevel=3)
    for verdict in (v for v in verdicts if v.status == "waived"):
        warnings.warn(told(verdict), WaiverWarning, stacklevel=3)
    if failed:
        count = f"{len(failed)} of {len(verdicts)} requirements not met"
        raise AssertionError("\n".join([count, *(told(v) for v in failed)]))
    if not any(v.status in ("met", "inconclusive", "waived") for v in verdicts):
        states = ", ".join(f"'{v.requirement}' {words(v.status)}" for v in verdicts)
        raise AssertionError(f"nothing was judged: {states or 'the plan states no requirement'}")


def told(verdict: "Verdict") -> str:
    """Tell a verdict in lines for a terminal: statement, value, interval, limit, units needed."""
    lines = [f"requirement '{verdict.requirement}' {words(verdict.status)}: {verdict.statement}"]
    if verdict.value is not None:
        where = f" in {verdict.stratum}" if verdict.stratum not in (None, "overall") else ""
        value = f"value {verdict.value:.4g}{where}"
        if verdict.lower is not None and verdict.upper is not None:
            value += f", {100 * verdict.level:g} % interval {verdict.lower:.4g} to "
            value += f"{verdict.upper:.4g}"
        lines.append(f"{value}; limit {_limit(verdict)}")
    lines.append(verdict.reason)
    if verdict.n_needed is not None:
        lines.append(f"about {verdict.n_needed:,} units would decide it")
    if verdict.rationale:
        lines.append(f"why: {verdict.rationale}")
    return "\n    ".join(lines)


def words(status: str) -> str:
    """Read a status inside a sentence."""
    verb = {"not_applicable": "does not apply", "error": "could not be judged"}
    return verb.get(status, f"is {status.replace('_', ' ')}")


def _limit(verdict: "Verdict") -> str:
    margin = verdict.margin
    return f"{margin[0]:g} to {margin[1]:g}" if isinstance(margin, tuple) else f"{margin:g}"


def _chosen(verdicts: Sequence["Verdict"], ids: Sequence[str]) -> list["Verdict"]:
    """The verdicts of some requirements, or all of them."""
    from audit.problems import nearest

    known = {v.requirement: v for v in verdicts}
    unknown = [
        f"the plan has no requirement '{id}': {nearest(id, sorted(known))}"
        for id in ids
        if id not in known
    ]
    if unknown:
        raise AssertionError("\n".join(unknown))
    return [known[id] for id in dict.fromkeys(ids)] if ids else list(verdicts)


def _waived(
    result: "AuditResult", waivers: "str | Path | Iterable[Waiver]", as_of: str | None
) -> "AuditResult":
    from audit.waivers import apply_waivers, read_waivers

    given = read_waivers(Path(waivers)) if isinstance(waivers, str | Path) else tuple(waivers)
    judged = apply_waivers(result, given, _day(result, as_of))
    for finding in judged.findings:
        if finding.code in ("waiver_expired", "waiver_unmatched"):
            warnings.warn(finding.message, WaiverWarning, stacklevel=4)
    return judged


def _day(result: "AuditResult", as_of: str | None) -> "date":
    """The date on which waivers are held."""
    from datetime import UTC, date, datetime

    stated = as_of or result.provenance.as_of
    if stated is not None:
        return date.fromisoformat(stated)
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.fromtimestamp(int(epoch), UTC).date() if epoch else datetime.now(UTC).date()
