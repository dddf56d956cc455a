"""What a model takes, gives and says of itself, whatever library it was made with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, Union

from audit.problems import InputError, Problem, nearest

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from audit.models.preprocessing import Preprocessing
    from audit.plan import ScoreKind

InputKind = Literal["columns", "image"]
OutputKind = Literal["scores", "masks", "images"]

# Scores: float64 of shape (units,), or (units, classes) in the order of the description's classes.
# Masks and images: one array per unit, as large as each of them is.
Predicted: TypeAlias = Union["NDArray[np.float64]", "tuple[NDArray[Any], ...]"]


@dataclass(frozen=True)
class ModelFile:
    """A file beside the main one that the model's numbers depend on."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class ModelInput:
    """One input of a model.

    `shape` is that of one unit after preprocessing, None where a length is free, and None as a
    whole where nothing is known. `columns` are the table columns of a ``columns`` input, or the one
    that names the file of an ``image``.
    """

    name: str
    kind: InputKind
    columns: tuple[str, ...]
    dtype: str
    shape: tuple[int | None, ...] | None
    preprocessing: "Preprocessing | None" = None


@dataclass(frozen=True)
class ModelDescription:
    """What is known of a model.

    `inputs` are the table columns that it reads; `classes` are in the model's order, as text, and
    a single score is that of `positive`. `parameters` counts the fitted numbers of linear models
    and neural networks; other kinds have no such count. `flops` is per unit, two for a multiply and
    add. `deterministic` is None until one batch was run twice (`audit.models.self_check`);
    `largest_difference` is then how far the two runs lay apart.
    """

    format: str
    name: str
    sha256: str
    bytes: int
    inputs: tuple[str, ...]
    classes: tuple[str, ...]
    positive: str | None
    parameters: int | None
    takes: tuple[ModelInput, ...] = ()
    gives: OutputKind = "scores"
    activation: str | None = None
    parts: tuple[ModelFile, ...] = ()
    library: str = ""
    device: str = "cpu"
    batch_size: int | None = None
    flops: int | None = None
    deterministic: bool | None = None
    largest_difference: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values, for the record of where a result comes from."""
        from pydantic_core import to_jsonable_python

        record: dict[str, Any] = to_jsonable_python(self)
        return record


@dataclass(frozen=True, eq=False)
class Batch:
    """Some units: a table of their columns and, by input name, one image per row of the table.

    Images are as they were read: rows, columns and, where there are any, channels last; volumes
    have their slices first. A model without table columns gets a table without columns, whose
    index still says how many units there are.
    """

    table: "pd.DataFrame"
    images: "Mapping[str, Sequence[NDArray[Any]]]" = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse images that do not go with the table; that is a mistake of the caller."""
        for name, images in self.images.items():
            if len(images) != len(self.table):
                raise ValueError(f"{len(images)} images '{name}' for {len(self.table)} units")

    def __len__(self) -> int:
        return len(self.table)

    def take(self, rows: "NDArray[np.intp]") -> "Batch":
        """Return these units, by position."""
        images = {name: [of[int(row)] for row in rows] for name, of in self.images.items()}
        return Batch(self.table.iloc[rows], images)


class Model(Protocol):
    """A model that gives a score, a mask or an image for each unit."""

    @property
    def score_kind(self) -> "ScoreKind":
        """What scores mean: a probability, a logit, or only an order."""
        ...

    def describe(self) -> ModelDescription:
        """Say what is known of the model."""
        ...

    def predict(self, batch: Batch) -> Predicted:
        """Predict for each unit; columns and images beside the model's inputs are ignored.

        Raises
        ------
        InputError
            When a column or an image input is missing, or the model cannot take what it is given.
            Whatever else the model raises is about the units.
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


def require_images(inputs: Sequence[str], given: Sequence[str], where: str) -> None:
    """Refuse a batch that lacks some of a model's images; every one of them is named."""
    problems = [
        Problem(
            "missing_image",
            where,
            f"the model needs images '{name}' that the batch does not have",
            nearest(name, given),
        )
        for name in inputs
        if name not in given
    ]
    if problems:
        raise InputError(problems)
