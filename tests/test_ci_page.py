"""docs/ci.md says what the program does, and the files for build servers fit their schemas."""

import json
import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

import cli
from tests.end_to_end.command import run
from tests.reports.sample import sample

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
SERVERS = {
    "github-actions": ROOT / "action.yml",
    "github-workflows": ROOT / "examples" / "ci" / ".github" / "workflows" / "equipoise.yml",
    "gitlab-ci": ROOT / "examples" / "ci" / ".gitlab-ci.yml",
}


def settings() -> list[str]:
    """The table of variables, from the options of every command."""
    found: dict[tuple[str, str], list[str]] = {}

    def walk(path: tuple[str, ...], command: Any) -> None:
        for param in command.params:
            if getattr(param, "envvar", None):
                option = max(param.opts, key=len)
                found.setdefault((param.envvar, option), []).append(" ".join(path) or "all")
        if hasattr(command, "list_commands"):
            for name in command.list_commands(None):
                walk((*path, name), command.get_command(None, name))

    walk((), typer.main.get_command(cli.app))
    return [f"| `{env}` | `{o}` | {_told(names)} |" for (env, o), names in sorted(found.items())]


def _told(names: list[str]) -> str:
    plain = [name for name in names if not name.startswith("checklist ")]
    inner = [name.removeprefix("checklist ") for name in names if name not in plain]
    return ", ".join([*plain, *([f"checklist {'/'.join(inner)}"] if inner else [])])


def test_the_table_of_variables_is_that_of_the_program() -> None:
    shown = [line for line in PAGE.splitlines() if line.startswith("| `EQUIPOISE_")]
    assert shown == settings()


def test_a_variable_means_one_option_and_carries_the_prefix() -> None:
    names = [line.split("`")[1] for line in settings()]
    assert len(names) == len(set(names))
    assert all(name.startswith("EQUIPOISE_") for name in names)


@pytest.mark.parametrize("server", SERVERS)
def test_files_for_build_servers_fit_their_schema(server: str) -> None:
    """The schemas are those of SchemaStore and GitLab that check-jsonschema ships."""
    from check_jsonschema.cli import main_command

    with pytest.raises(SystemExit) as ended:
        main_command.main(
            ["--builtin-schema", f"vendor.{server}", str(SERVERS[server])], prog_name="check"
        )
    assert ended.value.code == 0


def test_the_schemas_would_refuse_a_file_that_is_wrong(tmp_path: Path) -> None:
    from check_jsonschema.cli import main_command

    wrong = tmp_path / "action.yml"
    wrong.write_text(json.dumps(ACTION | {"inputs": ["plan"]}), "utf-8")
    with pytest.raises(SystemExit) as ended:
        main_command.main(["--builtin-schema", "vendor.github-actions", str(wrong)])
    assert ended.value.code == 1
    assert files("check_jsonschema.builtin_schemas.vendor") / "github-actions.json"


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ACTION["runs"]["steps"]
    return found


def test_no_input_stands_in_a_script_and_every_action_is_pinned() -> None:
    assert not [step for step in steps() if "${{" in step.get("run", "")]
    written = [SERVERS["github-workflows"].read_text("utf-8"), (ROOT / "action.yml").read_text()]
    used = re.findall(r"uses: (\S+)", "\n".join([*written, PAGE]))
    pinned = [name for name in used if not name.startswith("OWNER/")]
    assert len(pinned) >= 6
    for name in pinned:
        assert re.search(r"@[0-9a-f]{40}$", name), name


def test_every_input_is_used_and_named_as_the_option() -> None:
    given = re.findall(r"inputs\.([\w-]+)", json.dumps(steps()))
    assert set(given) == set(ACTION["inputs"])
    variables = {line.split("`")[1] for line in settings()}
    (gate,) = [step for step in steps() if step.get("id") == "gate"]
    assert {name for name in gate["env"] if name.startswith("EQUIPOISE_")} <= variables


STAND_IN = """#!{shell}
if [ "$1" = audit ]; then
  printf '%s\\n' "$@" > "$CALLS"
  [ "$AUDIT_CODE" = 0 ] && mkdir -p "$EQUIPOISE_OUT" && cp "$SAMPLE" "$EQUIPOISE_OUT/audit.json"
  exit "$AUDIT_CODE"
fi
exec "{python}" -m cli "$@"
"""


@pytest.fixture
def acted(tmp_path: Path) -> Any:
    """Run the script of the action as a runner would; the audit itself is given."""
    audit, stand_in = tmp_path / "sample.json", tmp_path / "bin" / "equipoise"
    audit.write_text(sample().to_json(), "utf-8")
    stand_in.parent.mkdir()
    stand_in.write_text(STAND_IN.format(shell="/bin/sh", python=sys.executable), "utf-8")
    stand_in.chmod(0o755)
    (gate,) = [step for step in steps() if step.get("id") == "gate"]

    def act(
        audit_code: int = 0, predictions: str = "", **inputs: str
    ) -> tuple[int, dict[str, str]]:
        given = dict.fromkeys(gate["env"], "") | {
            "EQUIPOISE_OUT": "out", "EQUIPOISE_ON_INCONCLUSIVE": "fail", "PREDICTIONS": predictions,
        }  # fmt: skip
        environment = os.environ | given | inputs | {
            "PATH": f"{stand_in.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "SAMPLE": str(audit),
            "CALLS": str(tmp_path / "calls"),
            "AUDIT_CODE": str(audit_code),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
            "SOURCE_DATE_EPOCH": "1719700000",
        }  # fmt: skip
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", gate["run"]],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        lines = (tmp_path / "output").read_text("utf-8").splitlines()
        return done.returncode, dict(line.split("=", 1) for line in lines) | {"log": done.stdout}

    return act


REPORTS = ("gate.json", "gate.xml", "gate.sarif", "gate.md")


def test_the_action_fails_with_all_its_reports(acted: Any, tmp_path: Path) -> None:
    hostile = "a b.csv\n$(touch hacked).csv\n"
    code, outputs = acted(predictions=hostile)
    assert code == 1
    assert (outputs["verdict"], outputs["exit-code"]) == ("violated", "1")
    assert (outputs["report"], outputs["sarif"]) == ("out/report.html", "out/gate.sarif")
    assert "::error" in outputs["log"]
    assert "violated" in (tmp_path / "summary.md").read_text("utf-8")
    for name in REPORTS:
        assert (tmp_path / "out" / name).stat().st_size > 100, name
    words = (tmp_path / "calls").read_text("utf-8").splitlines()
    assert words == ["audit", "--quiet", "--", "a b.csv", "$(touch hacked).csv"]
    assert not (tmp_path / "hacked").exists()


def test_an_audit_that_fails_is_told_by_the_action(acted: Any, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "audit.json").write_text("of an earlier build", "utf-8")
    code, outputs = acted(audit_code=4)
    assert code == 4
    assert (outputs["verdict"], outputs["exit-code"]) == ("error", "4")
    for name in REPORTS:
        assert (tmp_path / "out" / name).stat().st_size > 100, name


def test_inconclusive_that_is_let_through_is_not_called_met(acted: Any, tmp_path: Path) -> None:
    open_ = [v for v in sample().verdicts if v.status in ("met", "inconclusive")]
    made = sample().model_copy(update={"verdicts": tuple(open_)})
    (tmp_path / "sample.json").write_text(made.to_json(), "utf-8")
    code, outputs = acted(EQUIPOISE_ON_INCONCLUSIVE="warn")
    assert (code, outputs["exit-code"], outputs["verdict"]) == (0, "0", "inconclusive")


def test_the_hooks_have_what_pre_commit_needs_and_run() -> None:
    """Keys as in pre-commit's own documentation of .pre-commit-hooks.yaml."""
    assert [hook["id"] for hook in HOOKS] == ["equipoise-lint", "equipoise-checklist"]
    for hook in HOOKS:
        assert {"id", "name", "entry", "language"} <= set(hook)
        assert hook["language"] == "python"
    assert [hook.get("pass_filenames", True) for hook in HOOKS] == [True, False]
    lint, checklist = (re.compile(hook["files"]) for hook in HOOKS)
    assert lint.search("models/heart/equipoise.yaml")
    assert lint.search("waivers.yml")
    assert not lint.search("other-equipoise.yaml")
    assert not lint.search("equipoise.lock.yaml")
    assert checklist.search("out/audit.json")
    assert checklist.search("answers.yaml")


def test_the_hooks_start_without_what_only_an_audit_needs(tmp_path: Path) -> None:
    """Each would take a good part of the second that a commit may wait."""
    answers, profile = tmp_path / "answers.yaml", ROOT / "commands" / "demos" / "heart.yaml"
    answers.write_text("version: 1\nanswers: {}\n", "utf-8")
    calls = [
        ["lint", str(profile), "--as-of", "2027-01-01"],
        ["checklist", "lint", "--profile", str(profile), "--answers", str(answers)],
    ]
    code = (
        "import json, sys, cli\n"
        "for words in json.loads(sys.argv[1]):\n"
        "    sys.argv = ['equipoise', *words]\n"
        "    try: cli.main()\n"
        "    except SystemExit as ended: assert not ended.code, words\n"
        "print([m for m in ('numpy', 'pyarrow', 'scipy', 'pandas', 'numba') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(calls)],
        check=True, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"


def lint(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str
) -> tuple[int, str]:
    done = run(capsys, monkeypatch, "lint", *words)
    return done.code, done.out + done.err


def test_lint_of_a_plan_and_its_waivers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT / "examples" / "ci")
    for name in ("AS_OF", "WAIVERS"):
        monkeypatch.delenv(f"EQUIPOISE_{name}", raising=False)
    sound = lint(capsys, monkeypatch, "--as-of", "2027-02-28")
    assert sound == (0, "equipoise.yaml, waivers.yaml: nothing to mend\n")
    code, text = lint(capsys, monkeypatch, "--as-of", "2027-03-01")
    assert code == 1
    assert "the waiver of 'sensitivity-gap-sex' expired on 2027-02-28" in text
    plan = Path("equipoise.yaml").read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    Path("equipoise.yaml").write_text(plan.replace("gap-sex", "gap-sexes"), "utf-8")
    Path("waivers.yaml").write_bytes((ROOT / "examples/ci/waivers.yaml").read_bytes())
    code, text = lint(capsys, monkeypatch, "--as-of", "2027-01-01")
    assert (code, "did you mean 'sensitivity-gap-sexes'?" in text) == (1, True)
    assert lint(capsys, monkeypatch, "waivers.yaml", "equipoise.yaml") == (code, text)
    Path("equipoise.yaml").rename("equipoise.yml")
    Path("waivers.yaml").rename("waivers.yml")
    told = text.replace("waivers.yaml", "waivers.yml")
    assert lint(capsys, monkeypatch, "waivers.yml") == (code, told)
    Path("waivers.yml").rename("waivers.yaml")
    Path("equipoise.yml").unlink()
    Path("equipoise.yaml").write_text(plan + "colums: 1\n", "utf-8")
    Path("waivers.yaml").write_text("version: 2\n", "utf-8")
    code, text = lint(capsys, monkeypatch)
    assert code == 2
    assert "unknown key 'colums'" in text
    assert "waivers.yaml: line 1" in text


def test_lint_imports_nothing_heavy() -> None:
    code = (
        "import sys\nsys.argv = ['equipoise', 'lint', '--as-of', '2027-01-01']\nimport cli\n"
        "try: cli.main()\nexcept SystemExit: pass\n"
        "print([m for m in ('numpy', 'pandas', 'pyarrow', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "examples" / "ci",
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"
