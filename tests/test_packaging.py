"""What an installation brings: read from a wheel that is built here, without any network."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
ROOMS = ("audit", "checklists", "commands", "reports")
BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"


def sources() -> Iterator[Path]:
    """Give every file of the rooms that belongs to the product, relative to the root."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(ROOT)
    yield Path("cli.py")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """Build in a copy, because a build leaves its traces in the tree."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    for path in [*sources(), *map(Path, ("pyproject.toml", "README.md", "LICENSE", "NOTICE"))]:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tree / path)
    subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)], cwd=tree, check=True, capture_output=True
    )
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        yield archive


def metadata(wheel: zipfile.ZipFile, name: str) -> str:
    (path,) = (n for n in wheel.namelist() if re.fullmatch(rf"equipoise-[^/]+/{name}", n))
    return wheel.read(path).decode()


def test_the_wheel_holds_every_file_of_the_rooms_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == {path.as_posix() for path in sources()}


def test_the_wheel_holds_what_is_easily_forgotten(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert {
        "commands/demo_data/heart.csv.gz",
        "commands/demo_data/support2.csv.gz",
        "commands/demo_data/README.md",
        "commands/demos/heart.yaml",
        "audit/py.typed",
        "checklists/instruments/eu-ai-act.yaml",
        "checklists/py.typed",
        "commands/py.typed",
    } <= names
    assert any(name.startswith("reports/templates/") for name in names)


def test_licence_notice_and_entry_point(wheel: zipfile.ZipFile) -> None:
    assert metadata(wheel, "licenses/LICENSE") == (ROOT / "LICENSE").read_text("utf-8")
    assert metadata(wheel, "licenses/NOTICE") == (ROOT / "NOTICE").read_text("utf-8")
    assert "equipoise = cli:main" in metadata(wheel, "entry_points.txt")
    described = Parser().parsestr(metadata(wheel, "METADATA"))
    assert described["Name"] == "equipoise"
    assert described["License-Expression"] == "Apache-2.0"
    assert described["Requires-Python"] == ">=3.11"
    assert set(described.get_all("Provides-Extra", [])) == {
        "torch", "onnx", "imaging", "explain", "warehouse", "serve", "sign", "mlflow", "test",
    }  # fmt: skip


def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins == sorted(pins, key=str.lower)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", pin) for pin in pins)
    return {canonicalize_name(name): version for name, version in (p.split("==") for p in pins)}


def declared() -> list[Requirement]:
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    return [Requirement(text) for group in groups for text in group]


def test_constraints_pin_every_declared_dependency_within_its_range() -> None:
    pins = constraints()
    for requirement in declared():
        version = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement
    assert pins["torch"] == "2.13.0"


def test_dependencies_have_a_lower_bound_and_no_upper_one() -> None:
    for requirement in declared():
        assert [clause.operator for clause in requirement.specifier] == [">="], requirement


def test_constraints_pin_the_whole_closure_of_what_is_installed() -> None:
    pins = constraints()
    waiting = [
        Requirement(text)
        for text in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
    ]
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{requirement} is not in constraints.txt"
        for extra in ("", *requirement.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            try:
                further = distribution(name).requires or []
            except PackageNotFoundError:
                pytest.fail(f"{name} is needed but not installed")
            environment = {k: str(v) for k, v in default_environment().items()} | {"extra": extra}
            for text in further:
                child = Requirement(text)
                if child.marker is None or child.marker.evaluate(environment):
                    waiting.append(child)


@pytest.mark.parametrize("target", ["install", "demo", "test", "test-all", "bench", "clean"])
def test_the_makefile_has_the_promised_targets(target: str) -> None:
    run = subprocess.run(
        ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_missing_system_libraries_are_named_in_one_line(tmp_path: Path) -> None:
    """A Python that says so stands in for a machine without the libraries and without root."""
    (tmp_path / "python").write_text("#!/bin/sh\necho libpango-1.0-0 libharfbuzz-subset0\n")
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    for name in ("python", "id"):
        (tmp_path / name).chmod(0o755)
    run = subprocess.run(
        ["sh", str(ROOT / "scripts/system-libraries.sh"), str(tmp_path / "python")],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.count("\n") == 1
    assert "libpango-1.0-0 libharfbuzz-subset0" in run.stderr
