"""Options in the environment: the command line comes first, and nothing trips over a variable."""

import os
from pathlib import Path

import pytest

from tests.end_to_end.command import Outcome, run
from tests.reports.sample import sample


class Shell:
    """A folder with an audit, and an environment of one's own."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.folder, self.capsys, self.monkeypatch = folder, capsys, monkeypatch
        for name in [name for name in os.environ if name.startswith("EQUIPOISE_")]:
            monkeypatch.delenv(name)
        monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
        monkeypatch.chdir(folder)
        (folder / "audit.json").write_text(sample().to_json(), "utf-8")

    def __call__(self, *words: str, **variables: str) -> Outcome:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(f"EQUIPOISE_{name}", value)
            return run(self.capsys, self.monkeypatch, *words)


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    return Shell(tmp_path, capsys, monkeypatch)


FLAGS = ("audit", "absent.csv", "--label", "y", "--score", "p")


def test_a_plan_in_the_environment_gives_way_to_flags(shell: Shell) -> None:
    ended = shell(*FLAGS, PLAN="absent.yaml")
    assert ended.code == 2
    assert ended.errors == ["error: absent.csv: no such file; check the path"]


def test_a_plan_in_the_environment_is_read_where_there_are_no_flags(shell: Shell) -> None:
    ended = shell("audit", "absent.csv", PLAN="absent.yaml")
    assert [error.split(":")[1].strip() for error in ended.errors] == ["absent.yaml"]


def test_a_plan_on_the_command_line_beside_flags_is_refused_as_ever(shell: Shell) -> None:
    ended = shell(*FLAGS, "--plan", "absent.yaml")
    assert "--label, --score cannot be used with --plan" in ended.err


def test_an_empty_variable_is_none(shell: Shell) -> None:
    assert "no predictions file" in shell(*FLAGS[:1], *FLAGS[2:], PLAN="", OUT="").err


def test_a_date_on_the_command_line_comes_first(shell: Shell) -> None:
    wrong = shell("gate", "audit.json", AS_OF="soon")
    assert (wrong.code, "'soon' is not a date" in wrong.err) == (2, True)
    assert shell("gate", "audit.json", "--as-of", "2024-06-30", AS_OF="soon").code == 1


def test_formats_and_the_way_with_inconclusive_come_from_the_environment(shell: Shell) -> None:
    ended = shell("gate", "audit.json", FORMAT="json junit=gate.xml", ON_INCONCLUSIVE="warn")
    assert ended.out.startswith("{")
    assert '"on_inconclusive": "warn"' in ended.out
    assert (shell.folder / "gate.xml").exists()
    assert shell("gate", "audit.json", "--format", "text", FORMAT="json").out[0] != "{"


def test_variables_that_do_not_fit_a_command_are_not_there_for_it(shell: Shell) -> None:
    variables = {"PROFILE": "absent.yaml", "AS_OF": "2027-01-01"}
    assert shell("gate", "audit.json", **variables).code == 1
    variables["ANSWERS"] = "absent.yaml"
    ended = shell("export", "audit.json", "--format", "csv", "--out", "a.csv", **variables)
    assert (ended.code, ended.err) == (0, "")
    refused = shell("export", "audit.json", "--format", "csv", "--as-of", "2027-01-01")
    assert "the format csv holds no checklists" in refused.err


@pytest.mark.parametrize(("value", "traceback"), [("1", True), ("0", False), ("", False)])
def test_tracebacks_are_shown_where_they_are_asked_for(
    value: str, traceback: bool, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    import commands.explain

    def breaks(*_: object) -> str:
        raise RuntimeError("out of paper")

    monkeypatch.setattr(commands.explain, "run_explain", breaks)
    if traceback:
        with pytest.raises(RuntimeError):
            shell("explain", "auroc", DEBUG=value)
    else:
        ended = shell("explain", "auroc", DEBUG=value)
        assert (ended.code, "internal error: RuntimeError" in ended.err) == (4, True)
