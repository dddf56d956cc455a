"""A model's scores beside the columns of a table, a batch at a time."""

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.atomic import atomic_path, check_writable
from audit.batches import Table, open_table, require_new_column
from audit.models import Batch, Model, ModelDescription, require_inputs
from audit.models.self_check import TOLERANCE, largest_difference
from audit.problems import InputError, Problem

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from audit.plan import ScoreKind

Progress = Callable[[int, int], None]
MODEL_KEY = "equipoise.model"
_NOT_FINITE = "the model's score is not a finite number"


@dataclass(frozen=True)
class PredictionRun:
    """What was predicted. `unpredicted` counts the rows without a score, by reason."""

    rows: int
    predicted: int
    unpredicted: tuple[tuple[str, int], ...]
    score_names: tuple[str, ...]
    score_kind: "ScoreKind"
    out: Path
    model: ModelDescription

    def __str__(self) -> str:
        """Say it in lines for a terminal."""
        scored = f"{self.predicted:,} of {self.rows:,} rows"
        named = " and ".join(f"'{name}'" for name in self.score_names)
        several = len(self.score_names) > 1
        head = f"{scored} have {'scores in columns' if several else 'a score in column'} {named}"
        lines = [f"{count:,} rows without a score: {why}" for why, count in self.unpredicted]
        if self.score_kind != "probability":
            kind = self.score_kind
            lines.append(f"the score is no probability; audit it with score_kind: {kind}")
        return "\n".join([head, *lines])


def predict_table(
    model: Model,
    source_path: Path,
    out_path: Path,
    score_name: str = "p",
    *,
    progress: Progress | None = None,
) -> PredictionRun:
    """Score every row of a CSV or Parquet table and write all of it, with the scores, as Parquet.

    Rows keep their order. A row that the model cannot score gets a null and is counted with the
    reason. A model that scores several classes gives a column for each, named ``score_name_CLASS``.
    What is known of the model is kept in the Parquet's metadata, under `MODEL_KEY`, as JSON.
    `out_path` appears in one step at the end, or not at all.

    Raises
    ------
    InputError
        For a table that cannot be read or lacks an input of the model, a score name that is taken,
        a model that takes images or gives none of the scores that are asked for, one that gives
        other numbers when asked again or none at all, an unwritable `out_path`.
    """
    check_writable(out_path.parent)
    _require_tabular(model.describe())
    table = open_table(source_path)
    names = _score_names(model.describe(), score_name)
    for name in names:
        require_new_column(source_path, table.schema, name)
    require_inputs(model.describe().inputs, table.schema.names, str(source_path))
    with atomic_path(out_path) as temporary:
        reasons, description = _write_scored(model, table, temporary, names, progress)
        _require_some(source_path, table.rows, reasons)
    return PredictionRun(
        rows=table.rows,
        predicted=table.rows - reasons.total(),
        unpredicted=tuple(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        score_names=names,
        score_kind=model.score_kind,
        out=out_path,
        model=description,
    )


def _require_tabular(description: ModelDescription) -> None:
    """Refuse models of images; a table has none."""
    images = [taken.name for taken in description.takes if taken.kind == "image"]
    if not images and description.gives == "scores":
        return
    reason = "the model takes images" if images else f"the model gives {description.gives}"
    remedy = "predict from Python: audit.models.load_model(...).predict(Batch(table, images))"
    raise InputError(Problem("needs_images", description.name, reason, remedy))


def _score_names(description: ModelDescription, name: str) -> tuple[str, ...]:
    """Name the score's column, or one column for each class."""
    if description.positive is None and len(description.classes) > 1:
        return tuple(f"{name}_{of}" for of in description.classes)
    return (name,)


def _write_scored(
    model: Model, table: Table, path: Path, names: Sequence[str], progress: Progress | None
) -> tuple[Counter[str], ModelDescription]:
    """Write the table with its scores; return why how many rows have none, and the model."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    fields = [pa.field(name, pa.float64()) for name in names]
    schema = pa.schema([*table.schema, *fields])
    description = model.describe()
    reasons: Counter[str] = Counter()
    done = 0
    with parquet.ParquetWriter(path, schema) as writer:
        for batch in table.batches():
            frame = _features(batch, description.inputs)
            scores, failed = _predict_rows(model, frame, len(names))
            if done == 0:
                description = _repeatable(model, frame, scores)
            reasons += failed
            for field, values in zip(fields, scores.T, strict=True):
                batch = batch.append_column(field, pa.array(values, from_pandas=True))
            writer.write_table(batch)
            done += len(frame)
            if progress is not None:
                progress(done, table.rows)
        known = json.dumps(description.as_json(), sort_keys=True)
        writer.add_key_value_metadata({MODEL_KEY: known})
    return reasons, description


def _features(batch: Any, inputs: Sequence[str]) -> "pd.DataFrame":
    """Bring the model's inputs into the form in which pandas would have read them."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    table = batch.select(list(inputs))
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            plain = table.column(place).cast(field.type.value_type)
            table = table.set_column(place, field.name, plain)
        elif pa.types.is_decimal(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.float64()))
    frame: pd.DataFrame = table.to_pandas()
    for name in inputs:
        if pd.api.types.is_object_dtype(frame[name].dtype):
            # Imputers look for NaN; Arrow gives None.
            frame[name] = frame[name].where(frame[name].notna(), np.nan)
    return frame


def _predict_rows(
    model: Model, frame: "pd.DataFrame", columns: int
) -> "tuple[NDArray[np.float64], Counter[str]]":
    """Score the rows, shape (rows, columns).

    Where the model refuses a batch, it is halved until the rows at fault are alone.

    A refused batch is first parted into complete and incomplete rows, for missing values are the
    usual reason.
    """
    import numpy as np

    scores = np.full((len(frame), columns), np.nan)
    reasons: Counter[str] = Counter()
    waiting = [np.arange(len(frame))]
    while waiting:
        rows = waiting.pop()
        try:
            scores[rows] = np.reshape(model.predict(Batch(frame.iloc[rows])), (-1, columns))
        except (InputError, MemoryError):
            raise
        # Any step of a pipeline may refuse a row in a way of its own.
        except Exception as error:
            if len(rows) == 1:
                reasons[_reason(error)] += 1
            else:
                waiting.extend(_parts(frame, rows))
            continue
        useless = rows[~np.isfinite(scores[rows]).all(axis=1)]
        scores[useless] = np.nan
        reasons.update({_NOT_FINITE: len(useless)} if len(useless) else {})
    return scores, reasons


def _parts(frame: "pd.DataFrame", rows: "NDArray[np.intp]") -> "list[NDArray[np.intp]]":
    incomplete = frame.iloc[rows].isna().any(axis=1).to_numpy()
    if incomplete.any() and not incomplete.all():
        return [rows[incomplete], rows[~incomplete]]
    middle = len(rows) // 2
    return [rows[middle:], rows[:middle]]


def _reason(error: Exception) -> str:
    """Shorten a message to what rows have in common: values in quotes or brackets are left out."""
    first = (str(error).splitlines() or [""])[0]
    text = re.sub(r"'[^']*'|\"[^\"]*\"|\[[^\]]*\]", "...", first)[:160].rstrip(" .:")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _repeatable(
    model: Model, frame: "pd.DataFrame", scores: "NDArray[np.float64]"
) -> ModelDescription:
    """Ask for the first batch again: an audit of scores that change would say nothing.

    Returns the description with what was found; scores may differ by rounding.
    """
    import numpy as np

    again, _ = _predict_rows(model, frame, scores.shape[1])
    largest, same = largest_difference(scores, again)
    if not largest <= TOLERANCE:
        equal = (again == scores) | (np.isnan(again) & np.isnan(scores))
        changed = int((~equal).any(axis=1).sum())
        reason = f"the model gave {changed:,} of {len(frame):,} rows another score when asked again"
        remedy = "fix the model's seed, or switch off what is random when it predicts"
        raise InputError(Problem("not_repeatable", model.describe().name, reason, remedy))
    return dataclasses.replace(model.describe(), deterministic=same, largest_difference=largest)


def _require_some(source: Path, rows: int, reasons: Counter[str]) -> None:
    if reasons.total() < rows:
        return
    why, _ = reasons.most_common(1)[0]
    reason = f"the model could score none of the {rows:,} rows ({why})"
    remedy = "give the columns the types and values that the model was trained on"
    raise InputError(Problem("no_scores", str(source), reason, remedy))
