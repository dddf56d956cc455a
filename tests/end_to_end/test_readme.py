"""Everything in the README is run: commands, their output, and the figures it quotes."""

import contextlib
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

import cli
from reports.attachments import attachments
from reports.drawing import Draw, drawn_here
from reports.papers import Papers
from reports.pdf import render_pdf

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Block:
    """A fenced block of the README."""

    language: str
    text: str


BLOCKS = [
    Block(language, text)
    for language, text in re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
]


def blocks(language: str) -> list[str]:
    return [block.text for block in BLOCKS if block.language == language]


def make_recipe(target: str) -> str:
    """The `equipoise` line that a make target runs."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert recipe is not None, target
    return recipe[1]


def in_process(*words: str) -> tuple[int, str]:
    """Exit code and output of a command, with `python -m cli` as the shell would have it."""
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setattr(sys, "argv", ["equipoise", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    printed.seek(0)
    return int(ended.value.code or 0), printed.read()


def elsewhere(*words: str) -> tuple[int, str]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "cli", *words]
    done = subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout


def once(render: Callable[..., bytes]) -> Callable[..., bytes]:
    """Let `verify` take what `dossier` rendered; that it can make it is shown elsewhere."""
    made: dict[bytes, bytes] = {}

    def kept(papers: Papers, template: str = "full", draw: Draw = drawn_here) -> bytes:
        manifest = attachments(papers, template)[-1].content
        if manifest not in made:
            made[manifest] = render(papers, template, draw)
        return made[manifest]

    return kept


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Run every command in order in one folder; map it to what it printed."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "examples", folder / "examples")
    printed: dict[str, str] = {"": str(folder)}
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(folder):
        patch.setenv("COLUMNS", "100")
        patch.setattr("reports.pdf.render_pdf", once(render_pdf))
        for command in "".join(blocks("sh")).splitlines():
            if command.startswith("make "):
                continue
            words = command.split()
            assert words[0] == "equipoise", command
            run = elsewhere if words[1] == "demo" else in_process
            code, printed[command] = run(*words[1:])
            assert code == (1 if words[1] == "gate" else 0), command
    return printed


def test_make_targets_run_what_the_readme_says() -> None:
    assert "equipoise demo" in make_recipe("demo")
    assert "pytest" in make_recipe("test")
    assert "ruff" in make_recipe("lint")
    assert "mypy" in make_recipe("lint")


def test_shown_output_is_the_real_one(outputs: dict[str, str]) -> None:
    shown = [
        (BLOCKS[i - 1].text.strip(), block.text)
        for i, block in enumerate(BLOCKS)
        if block.language == "text"
    ]
    assert len(shown) == 2
    for command, text in shown:
        assert outputs[command].rstrip() == text.rstrip(), command


def test_shown_estimate_is_in_the_audit(outputs: dict[str, str]) -> None:
    audit = json.loads((Path(outputs[""]) / "out" / "audit.json").read_text(encoding="utf-8"))
    (text,) = blocks("json")
    shown = json.loads(text)
    (real,) = [e for e in audit["estimates"] if e["id"] == shown["id"]]
    assert shown == real


def test_files_promised_are_there(outputs: dict[str, str]) -> None:
    folder = Path(outputs[""])
    assert (folder / "my-plan.yaml").is_file()
    assert (folder / "scored.parquet").is_file()
    assert (folder / "out" / "dossier.pdf").read_bytes().startswith(b"%PDF-1.7")
    promised = re.findall(r"`([\w.]+\.(?:pdf|html|json|yaml|parquet|skops))`", README)
    for name in promised:
        if (folder / "demo").is_dir() and "/" not in name:
            assert (folder / "demo" / name).is_file(), name


def test_number_of_patients_the_model_has_not_seen(outputs: dict[str, str]) -> None:
    audit = json.loads((Path(outputs[""]) / "demo" / "audit.json").read_text(encoding="utf-8"))
    (number,) = re.findall(r"predicts (\d+) patients", README)
    assert audit["cohort"]["rows"] == int(number)


def test_the_demo_gives_the_same_bytes_in_another_process(
    outputs: dict[str, str], heart: Path
) -> None:
    again = Path(outputs[""]) / "demo"
    made = {p.relative_to(heart) for p in heart.rglob("*")}
    assert made == {p.relative_to(again) for p in again.rglob("*")}
    for name in made:
        assert (again / name).read_bytes() == (heart / name).read_bytes(), name


def test_csv_example_is_the_head_of_the_file() -> None:
    (text,) = blocks("csv")
    with (ROOT / "examples" / "predictions.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    shown = list(csv.reader(text.splitlines()))
    assert shown == rows[: len(shown)]


def test_yaml_example_is_part_of_the_example_plan() -> None:
    (text,) = blocks("yaml")
    plan = yaml.safe_load((ROOT / "examples" / "equipoise.yaml").read_text(encoding="utf-8"))
    assert yaml.safe_load(text)["requirements"] == plan["requirements"]


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(((?!http)[^)#]+)\)", README):
        assert (ROOT / target).exists(), target
