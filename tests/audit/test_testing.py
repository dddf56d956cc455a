"""Requirements as assertions, and the plugin of pytest, run in tests of its own."""

import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.result import AuditResult, Waiver
from audit.testing import (
    SETTINGS,
    InconclusiveWarning,
    Settings,
    WaiverWarning,
    assert_met,
)
from tests.reports.sample import sample

pytest_plugins = ["pytester"]

WAIVER = Waiver(
    requirement="violated-example",
    justification="Retraining is under way.",
    owner="A",
    approver="B",
    created="2024-01-01",
    expires="2024-12-31",
)


@pytest.fixture(autouse=True)
def _as_without_the_plugin() -> Iterator[None]:
    """What is asserted here belongs into no summary of the run that tests it."""
    token = SETTINGS.set(Settings())
    yield
    SETTINGS.reset(token)


def failure(*ids: str, result: AuditResult | None = None, **more: object) -> str:
    with pytest.raises(AssertionError) as error:
        assert_met(result or sample(), *ids, **more)  # type: ignore[arg-type]
    return str(error.value)


def test_met_passes_and_violated_tells_its_figures() -> None:
    assert_met(sample(), "met-example")
    text = failure("violated-example", "met-example")
    assert text.startswith("1 of 2 requirements not met\n")
    assert "'violated-example' is violated: difference in sensitivity" in text
    assert "value -0.2631 in race=Black, 95 % interval -0.3799 to -0.1463; limit 0.1" in text
    assert "the interval lies wholly outside the margin" in text
    assert "met-example" not in text.splitlines()[1]


def test_inconclusive_fails_with_the_number_that_would_decide_it() -> None:
    text = failure("inconclusive-example")
    assert "'inconclusive-example' is inconclusive" in text
    assert "about 3,120 units would decide it" in text


def test_inconclusive_warns_where_that_is_asked_for_and_violated_fails_all_the_same() -> None:
    with pytest.warns(InconclusiveWarning, match="about 3,120 units"):
        assert_met(sample(), "inconclusive-example", on_inconclusive="warn")
    with pytest.warns(InconclusiveWarning):
        text = failure("inconclusive-example", "violated-example", on_inconclusive="warn")
    assert "inconclusive-example" not in text


def test_nothing_judged_is_never_a_pass() -> None:
    text = failure(result=sample().model_copy(update={"verdicts": ()}))
    assert text == "nothing was judged: the plan states no requirement"
    assert failure("not-applicable-example") == (
        "nothing was judged: 'not-applicable-example' does not apply"
    )
    with pytest.warns(InconclusiveWarning):
        text = failure("not-estimable-example", on_inconclusive="warn")
    assert text == "nothing was judged: 'not-estimable-example' is not estimable"


def test_without_ids_all_requirements_are_judged() -> None:
    with pytest.warns(WaiverWarning):
        text = failure()
    assert text.startswith("3 of 6 requirements not met")


def test_an_unknown_requirement_names_the_nearest() -> None:
    text = failure("voilated-example", "met-example", "x")
    assert "no requirement 'voilated-example': did you mean 'violated-example'?" in text
    assert "no requirement 'x'" in text


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(ValueError, match="'fail' or 'warn', not 'pass'"):
        assert_met(sample(), on_inconclusive="pass")  # type: ignore[arg-type]


def test_a_waiver_holds_until_its_last_day(tmp_path: Path) -> None:
    with pytest.warns(WaiverWarning, match="Retraining is under way"):
        assert_met(sample(), "violated-example", waivers=[WAIVER])  # as of the audit: 2024-06-30
    with pytest.warns(WaiverWarning, match="expired on 2024-12-31"):
        failure("violated-example", waivers=[WAIVER], as_of="2025-01-01")
    path = tmp_path / "waivers.yaml"
    fields = "".join(f"\n    {k}: {v!r}" for k, v in WAIVER.model_dump().items())
    path.write_text(f"version: 1\nwaivers:\n  - {fields.strip()}\n", "utf-8")
    with pytest.warns(WaiverWarning):
        assert_met(sample(), "violated-example", waivers=path, as_of="2024-12-31")


def test_the_plugin_imports_nothing_heavy() -> None:
    code = (
        "import sys, pytest, audit.pytest_plugin\n"
        "print([m for m in ('numpy', 'pydantic', 'yaml', 'pyarrow', 'audit.result') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


INNER = """
from pathlib import Path
from audit import AuditResult
from audit.testing import assert_met

RESULT = AuditResult.from_json(Path("audit.json").read_bytes())

def test_met():
    assert_met(RESULT, "met-example")

def test_open():
    assert_met(RESULT, "inconclusive-example")
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    for name in ("ON_INCONCLUSIVE", "WAIVERS", "AS_OF"):
        monkeypatch.delenv(f"EQUIPOISE_{name}", raising=False)
    (pytester.path / "audit.json").write_text(sample().to_json(), "utf-8")
    pytester.makepyfile(INNER)
    return pytester


def test_the_summary_tells_every_verdict(suite: pytest.Pytester) -> None:
    done = suite.runpytest_inprocess()
    done.assert_outcomes(passed=1, failed=1)
    text = done.stdout.str().split("= requirements on models =")[1]
    assert text.index("inconclusive-example") < text.index("'met-example' is met: AUROC")
    assert "1 inconclusive, 1 met" in text


def test_a_run_without_requirements_has_no_summary(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing(): pass")
    done = pytester.runpytest_inprocess()
    assert "requirements on models" not in done.stdout.str()


@pytest.mark.parametrize("way", ["option", "environment", "ini"])
def test_inconclusive_warns_by_option_environment_or_ini(
    way: str, suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--equipoise-on-inconclusive", "warn"] if way == "option" else []
    if way == "environment":
        monkeypatch.setenv("EQUIPOISE_ON_INCONCLUSIVE", "warn")
    if way == "ini":
        suite.makeini("[pytest]\nequipoise_on_inconclusive = warn")
    done = suite.runpytest_inprocess("-W", "always", *words)
    done.assert_outcomes(passed=2, warnings=1)
    assert "InconclusiveWarning: requirement 'inconclusive-example'" in done.stdout.str()
    assert "1 inconclusive, 1 met" in done.stdout.str()


def test_the_option_comes_before_the_environment_and_is_checked(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EQUIPOISE_ON_INCONCLUSIVE", "warn")
    suite.runpytest_inprocess("--equipoise-on-inconclusive=fail").assert_outcomes(
        passed=1, failed=1
    )
    monkeypatch.setenv("EQUIPOISE_ON_INCONCLUSIVE", "pass")
    assert suite.runpytest_inprocess().ret == pytest.ExitCode.USAGE_ERROR


def test_settings_do_not_outlive_the_run(suite: pytest.Pytester) -> None:
    suite.runpytest_inprocess("--equipoise-on-inconclusive=warn", "-W", "always")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        failure("inconclusive-example")


FIXTURE = """
import pandas as pd
from audit.testing import assert_met

PLAN = {"columns": {"label": "y", "score": "p"}, "resamples": 100, "permutations": 0,
        "requirements": [{"id": "auroc", "measure": "auroc", "floor": 0.6}]}
TABLE = pd.DataFrame({"y": [0, 1] * 60, "p": [0.1, 0.9, 0.2, 0.8, 0.6, 0.7] * 20})

def test_once(equipoise_audit):
    assert equipoise_audit(PLAN, TABLE) is equipoise_audit(PLAN, TABLE.iloc[::-1])
    assert_met(equipoise_audit(PLAN, TABLE), "auroc")

def test_again(equipoise_audit):
    other = PLAN | {"seed": 2}
    assert equipoise_audit(other, TABLE) is not equipoise_audit(PLAN, TABLE)
    equipoise_audit(PLAN, TABLE.assign(p=0.5))
"""


def test_the_fixture_audits_once_for_the_same_content(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FIXTURE)
    pytester.runpytest_inprocess().assert_outcomes(passed=2)
