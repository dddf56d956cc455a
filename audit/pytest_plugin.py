"""The plugin of pytest: audits as a fixture, options of the gate, a summary of all verdicts.

It is loaded by every test run of an environment that has Equipoise, so it imports nothing heavy.
"""

import os
from collections.abc import Iterator
from contextvars import Token
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from audit.testing import SETTINGS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from audit.result import AuditResult, Verdict

HOW = ("fail", "warn")
NAME = "equipoise"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the gate; each may also stand in the ini file or the environment."""
    group = parser.getgroup(NAME, "requirements on models")
    for name, values, said in (
        ("on-inconclusive", "fail|warn", "whether a requirement that cannot be decided fails"),
        ("waivers", "FILE", "file of waivers for assert_met"),
        ("as-of", "DATE", "date on which waivers are held: 2026-01-31"),
    ):
        group.addoption(f"--equipoise-{name}", metavar=values, default=None, help=said)
        ini = f"equipoise_{name.replace('-', '_')}"
        parser.addini(ini, f"{said}; the option --equipoise-{name} comes first", default=None)


class Verdicts:
    """What was judged in the test that runs."""

    def __init__(self) -> None:
        self.of_test: list[Verdict] = []

    def told(self, verdict: "Verdict") -> None:
        """Note a verdict."""
        self.of_test.append(verdict)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Start every test with nothing judged."""
        self.of_test.clear()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Iterator[None]:
        """Keep the verdicts with the report: so they come back from other processes too."""
        for verdict in self.of_test:
            from audit.testing import told

            line = [verdict.requirement, verdict.status, told(verdict)]
            item.user_properties.append((NAME, line))
        self.of_test.clear()
        return (yield)


_STARTED = pytest.StashKey[Token[Settings]]()


def pytest_configure(config: pytest.Config) -> None:
    """Let assert_met know the options."""
    noted = Verdicts()
    config.pluginmanager.register(noted, "equipoise verdicts")
    how = _option(config, "on_inconclusive") or "fail"
    if how not in HOW:
        raise pytest.UsageError(f"equipoise on-inconclusive is fail or warn, not '{how}'")
    waivers = _option(config, "waivers")
    settings = Settings(
        "warn" if how == "warn" else "fail",
        config.rootpath / waivers if waivers else None,
        _option(config, "as_of"),
        noted.told,
    )
    config.stash[_STARTED] = SETTINGS.set(settings)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave the process as it was found."""
    started = config.stash.get(_STARTED, None)
    if started is not None:
        SETTINGS.reset(started)


def _option(config: pytest.Config, name: str) -> str | None:
    """The option as given: on the command line, else in the environment, else in the ini file."""
    given = config.getoption(f"equipoise_{name}", None)
    return given or os.environ.get(f"EQUIPOISE_{name.upper()}") or config.getini(f"{NAME}_{name}")


@pytest.fixture(scope="session")
def equipoise_audit() -> "Callable[..., AuditResult]":
    """Audit predictions by a plan, once a session for the same plan and the same content.

    Called as ``equipoise_audit(plan, predictions, folder=None)``: the plan as a path or a dict,
    the predictions as a pandas DataFrame, an Arrow table or paths of files.
    """
    known: dict[tuple[str, ...], AuditResult] = {}

    def audited(plan: Any, predictions: Any, *, folder: str | Path | None = None) -> "AuditResult":
        import audit

        chosen = audit.plan_of(plan)
        cohort = audit.cohort_of(predictions, chosen, folder=folder)
        files = cohort.files if hasattr(cohort, "files") else cohort.base.files
        key = (chosen.sha256(), *(f"{file.name} {file.sha256}" for file in files))
        if key not in known:
            known[key] = audit.audit(cohort, chosen, command="pytest")
        return known[key]

    return audited


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """List every requirement that a test asserted, once for each status and figure."""
    reports = [r for found in terminalreporter.stats.values() for r in found]
    lines: dict[tuple[str, str, str], None] = {}
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name == NAME:
                lines[tuple(value)] = None
    if not lines:
        return
    terminalreporter.section("requirements on models")
    for _, status, text in sorted(lines, key=_first_what_matters):
        colour = {"violated": "red", "error": "red", "met": "green"}.get(status, "yellow")
        terminalreporter.line(text, **{colour: True})
    counts = {s: sum(status == s for _, status, _ in lines) for s in dict(_RANK)}
    told = ", ".join(f"{n} {s.replace('_', ' ')}" for s, n in counts.items() if n)
    terminalreporter.line(told)


_RANK = {
    status: place
    for place, status in enumerate(
        ("violated", "error", "inconclusive", "not_estimable", "waived", "not_applicable", "met")
    )
}


def _first_what_matters(line: tuple[str, str, str]) -> tuple[int, str, str]:
    id, status, text = line
    return _RANK[status], id, text
