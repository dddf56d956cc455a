"""What a person declares of a model that its file does not say: inputs, outputs, where it runs."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from audit.models.preprocessing import Preprocessing, SpecPart
from audit.models.protocol import ModelInput, OutputKind
from audit.problems import InputError, Problem

Format = Literal[
    "auto", "skops", "pickle", "torch_export", "torchscript", "state_dict", "onnx", "mlflow"
]
Activation = Literal["none", "sigmoid", "softmax"]
CALLABLE = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$"
Callable_ = Annotated[str, Field(pattern=CALLABLE)]


def _named(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _text(value: object) -> object:
    return str(value) if type(value) in (int, bool) else value


def _text_keys(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {_text(key): number for key, number in value.items()}


class TableColumn(SpecPart):
    """A column of the cohort, and how its cells become numbers: (cell - mean) / std."""

    name: str
    codes: Annotated[dict[str, float], BeforeValidator(_text_keys)] = Field(
        default_factory=dict, description="Number that stands for each text: {F: 0, M: 1}."
    )
    missing: float | None = Field(
        None, description="Number in place of an empty cell, before mean and std; absent: no score."
    )
    mean: float = 0.0
    std: Annotated[float, Field(gt=0)] = 1.0

    @property
    def plain(self) -> bool:
        """Whether the cells are taken as they are."""
        return not self.codes and self.missing is None and (self.mean, self.std) == (0.0, 1.0)


Column = Annotated[TableColumn, BeforeValidator(_named)]


class ColumnsInput(SpecPart):
    """A matrix with a column of the cohort in each of its columns."""

    kind: Literal["columns"]
    name: str
    columns: Annotated[tuple[Column, ...], Field(min_length=1)]
    dtype: Literal["float32", "float16", "float64", "int32", "int64"] = "float32"


class ImageInput(SpecPart):
    """An image or volume per unit."""

    kind: Literal["image"]
    name: str
    column: str | None = Field(None, description="Column that names the file; absent: `name`.")
    preprocessing: Preprocessing | None = Field(
        None, description="Absent only for a callable, which then gets images as they were read."
    )


Input = Annotated[ColumnsInput | ImageInput, Field(discriminator="kind")]


class Output(SpecPart):
    """What the model's numbers are. Nothing is guessed from their look."""

    kind: OutputKind = "scores"
    select: str | int | None = Field(
        None, description="Which output, by name or place, of a model that gives several."
    )
    activation: Activation | None = Field(
        None, description="Applied to the output: sigmoid or softmax of logits, or none."
    )
    score_kind: Literal["probability", "logit", "rank"] | None = Field(
        None, description="What scores without activation mean."
    )
    classes: Annotated[tuple[str, ...], Field(min_length=2)] | None = Field(
        None, description="Names of the columns of the output, in its order."
    )
    positive: str | int | None = Field(
        None, description="Class whose score is wanted, by name or by place from 0."
    )
    threshold: float | None = Field(
        None, description="Masks: a pixel belongs to it when its value is at least this."
    )
    layout: Literal["channels_first", "channels_last"] = Field(
        "channels_first", description="Where masks and images have their channels, if any."
    )
    grid: Literal["model", "image"] = Field(
        "model", description="image: masks and images are brought back to the pixels of the input."
    )

    @field_validator("classes", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        return [_text(item) for item in value] if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _said_in_full(self) -> "Output":
        if self.kind == "scores":
            self._check_scores()
        elif self.score_kind is not None:
            raise ValueError("'score_kind' is for scores")
        if self.kind != "masks" and self.threshold is not None:
            raise ValueError("'threshold' is for masks; that of scores stands in the plan")
        if self.kind == "masks":
            self._check_masks()
        if self.kind == "images" and (self.positive is not None or self.activation == "softmax"):
            raise ValueError("images have no classes")
        self._check_positive()
        return self

    def _check_scores(self) -> None:
        if self.activation is None:
            raise ValueError("say the 'activation' of the scores: none, sigmoid or softmax")
        if self.activation == "none" and self.score_kind is None:
            raise ValueError("say the 'score_kind': probability, logit or rank")
        if self.activation != "none" and self.score_kind not in (None, "probability"):
            raise ValueError(f"after a {self.activation} the scores are probabilities")
        if self.grid != "model":
            raise ValueError("'grid' is for masks and images")

    def _check_masks(self) -> None:
        if self.activation == "sigmoid" and self.threshold is None:
            raise ValueError("say the 'threshold' at which a pixel belongs to the mask")
        if self.activation == "softmax" and (self.threshold, self.positive) != (None, None):
            raise ValueError("softmax masks take the likeliest class: no threshold, no positive")

    def _check_positive(self) -> None:
        if isinstance(self.positive, str):
            if self.classes is None:
                raise ValueError("a 'positive' by name needs 'classes'")
            if self.positive not in self.classes:
                raise ValueError(f"'positive' is none of the classes {', '.join(self.classes)}")
        elif self.positive is not None:
            many = len(self.classes) if self.classes else self.positive + 1
            if not 0 <= self.positive < many:
                raise ValueError("'positive' is not a place among the classes")

    @property
    def place(self) -> int | None:
        """Place of the positive class among the columns of the output."""
        if isinstance(self.positive, str) and self.classes is not None:
            return self.classes.index(self.positive)
        return self.positive if isinstance(self.positive, int) else None

    @property
    def positive_name(self) -> str | None:
        """The positive class as text."""
        if self.place is None:
            return None
        return self.classes[self.place] if self.classes else str(self.place)


class ModelSpec(SpecPart):
    """A model, by its file or by a callable, and how to use it."""

    file: str | None = Field(None, description="Model file or MLflow folder, beside this file.")
    callable: Callable_ | None = Field(
        None, description="module:function that gets a batch, instead of a file; needs trust."
    )
    format: Format = Field("auto", description="Kind of file, where its suffix does not say it.")
    factory: Callable_ | None = Field(
        None, description="module:function that builds the network of a state dict; needs trust."
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="Keyword arguments of the factory."
    )
    state_key: str | None = Field(
        None, description="Key of the weights in a checkpoint that holds more."
    )
    state_prefix: str = Field("", description="Start of every weight's name, to be cut off.")
    inputs: tuple[Input, ...] = Field((), description="In the order in which the model takes them.")
    output: Output | None = None
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    batch_size: Annotated[int, Field(ge=1)] = 16
    deterministic: bool = Field(
        False, description="Ask the library for algorithms that repeat bit by bit; slower."
    )

    @model_validator(mode="after")
    def _whole(self) -> "ModelSpec":
        if (self.file is None) == (self.callable is None):
            raise ValueError("give one of 'file' and 'callable'")
        names = [item.name for item in self.inputs]
        if len(set(names)) < len(names):
            raise ValueError("two inputs have the same name")
        if self.callable is None:
            for item in self.inputs:
                if isinstance(item, ImageInput) and item.preprocessing is None:
                    raise ValueError(f"say the 'preprocessing' of image '{item.name}'")
        elif any(
            not column.plain
            for item in self.inputs
            if isinstance(item, ColumnsInput)
            for column in item.columns
        ):
            raise ValueError("a callable gets columns as they are: no codes, missing, mean or std")
        if self.output is not None and self.output.grid == "image":
            pictures = [item for item in self.inputs if isinstance(item, ImageInput)]
            if len(pictures) != 1 or pictures[0].preprocessing is None:
                raise ValueError("'grid: image' needs one image input with preprocessing")
        return self


def described_inputs(spec: ModelSpec) -> tuple[ModelInput, ...]:
    """Say each declared input in the words of a model's description."""
    return tuple(
        ModelInput(
            item.name,
            "columns",
            tuple(column.name for column in item.columns),
            item.dtype,
            (len(item.columns),),
        )
        if isinstance(item, ColumnsInput)
        else ModelInput(
            item.name,
            "image",
            (item.column or item.name,),
            item.preprocessing.dtype if item.preprocessing else "as read",
            item.preprocessing.unit_shape() if item.preprocessing else None,
            item.preprocessing,
        )
        for item in spec.inputs
    )


def table_columns(spec: ModelSpec) -> tuple[str, ...]:
    """Columns that the model reads itself, each once, in order; not those that name files."""
    names = [
        column.name
        for item in spec.inputs
        if isinstance(item, ColumnsInput)
        for column in item.columns
    ]
    return tuple(dict.fromkeys(names))


def image_names(spec: ModelSpec) -> tuple[str, ...]:
    """Names of the image inputs, in order."""
    return tuple(item.name for item in spec.inputs if isinstance(item, ImageInput))


def declared_output(spec: ModelSpec, path: Path) -> Output:
    """Return the declared output; a model whose file does not say it must have one, and inputs."""
    for part, present in (("inputs", spec.inputs), ("output", spec.output)):
        if not present:
            reason = f"the file does not say what the model's {part} mean"
            remedy = (
                f"declare '{part}' in a YAML file beside the model (file: {path.name}) and give "
                "that file"
            )
            raise InputError(Problem("undeclared_model", str(path), reason, remedy))
    assert spec.output is not None
    return spec.output
