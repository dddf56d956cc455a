"""The heart demo, run once for all workers of a run."""

import os
from pathlib import Path

import pytest
from filelock import FileLock

from commands.demo import run_demo


@pytest.fixture(scope="session")
def heart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder with what it left; nothing may be written there."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "heart"
    done = folder.with_suffix(".done")
    with FileLock(folder.with_suffix(".lock")):
        if not done.exists():
            run_demo("heart", folder, quiet=True)
            done.touch()
    return folder
