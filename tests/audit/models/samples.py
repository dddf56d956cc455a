"""Units, declarations and calls that several tests of models use."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from audit.models import Batch, Model, load_model
from audit.problems import InputError
from tests.reports.validators import needs

NETWORKS = Path(__file__).with_name("networks.py")

FUSED_INPUTS = """
inputs:
  - name: image
    kind: image
    column: path
    preprocessing:
      channels: grey
      steps: [{step: divide, by: 255}]
  - name: clinical
    kind: columns
    columns: [{name: age, mean: 60, std: 10}, {name: sex, codes: {F: 0, M: 1}}]
"""
FUSED_OUTPUT = """
output: {activation: softmax, classes: [healthy, disease], positive: disease}
batch_size: 4
"""
FUSED = FUSED_INPUTS + FUSED_OUTPUT


def units(count: int = 7, size: int = 8) -> Batch:
    rng = np.random.default_rng(4)
    table = pd.DataFrame(
        {
            "id": np.arange(count),
            "age": rng.integers(20, 90, count),
            "sex": rng.choice(["F", "M"], count),
        }
    )
    images = [rng.integers(0, 256, (size, size)).astype(np.uint8) for _ in range(count)]
    return Batch(table, {"image": images})


def fused_arrays(batch: Batch) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What `FUSED_INPUTS` says, written out."""
    images = np.stack(list(batch.images["image"]))[:, None].astype(np.float32) / np.float32(255)
    age = (batch.table["age"].to_numpy(dtype=float) - 60) / 10
    male = (batch.table["sex"] == "M").to_numpy(dtype=float)
    return images, np.stack([age, male], axis=1).astype(np.float32)


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    exponents = np.exp(logits.astype(np.float64))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))


def declared(folder: Path, text: str, trust: bool = False) -> Model:
    (folder / "model.yaml").write_text(text)
    return load_model(folder / "model.yaml", trust=trust)


def refusal(do: Callable[[], object]) -> InputError:
    """The error of bad input, each of whose problems is one line."""
    with pytest.raises(InputError) as caught:
        do()
    assert all("\n" not in str(problem) for problem in caught.value.problems)
    return caught.value


def codes(error: InputError) -> list[str]:
    return [problem.code for problem in error.problems]


def script(module: Any) -> Any:
    """A TorchScript program; torch advises against making one."""
    torch = needs("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(module)


def save_script(program: Any, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        program.save(str(path))
