"""Models of every kind behind one protocol; the adapter is chosen by the file's suffix."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from audit.problems import InputError, Problem, nearest

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from audit.plan import ScoreKind

__all__ = ["Model", "ModelDescription", "load_model", "require_inputs"]

SUFFIXES = (".skops", ".joblib", ".pkl", ".pickle")


@dataclass(frozen=True)
class ModelDescription:
    """What is known of a model from its file.

    `classes` are in the model's order, as text, and the score is that of `positive`. `parameters`
    counts the fitted numbers of linear models and neural networks; other kinds have no such count.
    """

    format: str
    name: str
    sha256: str
    bytes: int
    inputs: tuple[str, ...]
    classes: tuple[str, ...]
    positive: str
    parameters: int | None


class Model(Protocol):
    """A model that gives one score per row."""

    @property
    def score_kind(self) -> "ScoreKind":
        """What the scores mean: a probability, or only an order."""
        ...

    def describe(self) -> ModelDescription:
        """Say what is known of the model."""
        ...

    def predict(self, batch: "pd.DataFrame") -> "NDArray[np.float64]":
        """Score each row for the positive class; columns beside the model's inputs are ignored.

        Raises
        ------
        InputError
            When a column is missing. Whatever else the model raises is about the rows.
        """
        ...


def require_inputs(inputs: Sequence[str], columns: Sequence[str], where: str) -> None:
    """Refuse a table that lacks some of a model's inputs; every one of them is named."""
    problems = [
        Problem(
            "missing_feature",
            where,
            f"the model needs a column '{name}' that the table does not have",
            nearest(name, columns),
        )
        for name in inputs
        if name not in columns
    ]
    if problems:
        raise InputError(problems)


def load_model(
    path: Path,
    trusted: Sequence[str] = (),
    trust: bool = False,
    *,
    positive: str | None = None,
) -> Model:
    """Load a model file.

    Parameters
    ----------
    path : Path
        A skops file, or a pickle (``.joblib``, ``.pkl``) when `trust` is given.
    trusted : sequence of str
        Names of types inside a skops file that may be loaded beside the usual ones.
    trust : bool
        Load a pickle. It can run any code: only for files whose maker is known.
    positive : str, optional
        The class whose score is wanted; the last of the model's classes when absent.

    Raises
    ------
    InputError
        For a missing or damaged file, an unknown kind of file, a pickle without `trust`, types
        that are not trusted, and models that do not give one score to named columns.
    """
    if _is_skops(path, trust):
        from audit.models.sklearn_models import load_skops

        return load_skops(path, trusted, positive)
    from audit.models.sklearn_models import load_pickle

    return load_pickle(path, positive)


def _is_skops(path: Path, trust: bool) -> bool:
    """Tell a skops file from a pickle; refuse other files, and pickles that are not trusted."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        reason = f"'{path.suffix}' is not a known kind of model file"
        remedy = f"known: {', '.join(SUFFIXES)}"
        raise InputError(Problem("unknown_model", str(path), reason, remedy))
    if suffix != ".skops" and not trust:
        reason = "this is a pickle, and loading a pickle runs whatever code it holds"
        remedy = (
            "save the model with skops.io.dump and give the .skops file, or, if you trust whoever "
            "made it, add --trust"
        )
        raise InputError(Problem("untrusted_pickle", str(path), reason, remedy))
    return suffix == ".skops"
