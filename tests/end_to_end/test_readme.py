"""Everything in the README is run: commands, their output, and the figures it quotes."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

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


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Run every command in order in one folder; map it to what it printed."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "examples", folder / "examples")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    printed: dict[str, str] = {"": str(folder)}
    for command in "".join(blocks("sh")).splitlines():
        if command.startswith("make "):
            continue
        words = command.split()
        assert words[0] == "equipoise", command
        done = subprocess.run(
            [sys.executable, "-m", "cli", *words[1:]],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        expected = 1 if words[1] == "gate" else 0
        assert done.returncode == expected, (command, done.stderr)
        printed[command] = done.stdout
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
