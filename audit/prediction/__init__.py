"""A model's scores, masks or images beside the columns of a table, part by part."""

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.atomic import atomic_path, check_writable
from audit.batches import Table, open_table, require_new_column
from audit.models import Model, ModelDescription, require_inputs
from audit.models.self_check import (
    MASK_TOLERANCE,
    TOLERANCE,
    counted_flops,
    largest_difference,
)
from audit.prediction.files import write_made
from audit.prediction.parts import Parts, open_parts
from audit.prediction.record import MODEL_KEY
from audit.prediction.units import (
    Inputs,
    Units,
    batch_of,
    image_columns,
    predict_units,
    read_images,
)
from audit.problems import InputError, Problem

if TYPE_CHECKING:
    import pandas as pd

    from audit.plan import ScoreKind

Progress = Callable[[int, int], None]
IMAGES_AT_ONCE = 32  # units of one part where there are images: as many are in memory


@dataclass(frozen=True)
class PredictionRun:
    """What was predicted. `unpredicted` counts the rows without a prediction, by reason."""

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
        what = {"scores": "a score", "masks": "a mask", "images": "an image"}[self.model.gives]
        head = f"{scored} have {'scores in columns' if several else f'{what} in column'} {named}"
        lines = [
            f"{count:,} {'row' if count == 1 else 'rows'} without {what}: {why}"
            for why, count in self.unpredicted
        ]
        if self.model.gives == "scores" and self.score_kind != "probability":
            kind = self.score_kind
            lines.append(f"the score is no probability; audit it with score_kind: {kind}")
        return "\n".join([head, *lines])


@dataclass(frozen=True, eq=False)
class _Run:
    """Everything that does not change from part to part."""

    model: Model
    table: Table
    out: Path
    names: tuple[str, ...]
    folder: Path
    images: dict[str, str]
    parts: Parts

    @property
    def made(self) -> Path:
        """Folder of the masks or images."""
        gives = self.model.describe().gives
        return self.out.with_name(f"{self.out.stem}_{gives}")

    @property
    def added(self) -> list[Any]:
        """Fields that are added to those of the table."""
        import pyarrow as pa

        gives = self.model.describe().gives
        kind = pa.float64() if gives == "scores" else pa.string()
        fields = [pa.field(name, kind) for name in self.names]
        if self.images or gives != "scores":
            fields.append(pa.field(problem_column(self.names[0]), pa.string()))
        return fields


def problem_column(name: str) -> str:
    """Column that says why a unit has no prediction, where a model takes or makes images."""
    return f"{name}_problem"


def predict_table(
    model: Model,
    source_path: Path,
    out_path: Path,
    score_name: str | None = None,
    *,
    images: Path | None = None,
    restart: bool = False,
    progress: Progress | None = None,
) -> PredictionRun:
    """Predict every row of a CSV or Parquet table and write all of it, with what was predicted.

    Rows keep their order. A row that cannot be read or predicted gets a null and is counted with
    the reason. A model that scores several classes gives a column for each, named
    ``score_name_CLASS``; masks and images are written as files, and the column holds their paths.
    What is known of the model is kept in the Parquet's metadata, under `MODEL_KEY`, as JSON.
    `out_path` appears in one step at the end, or not at all. Parts that are done are kept beside
    it until then, so that a run that was killed goes on where it stopped and gives the same bytes.

    Parameters
    ----------
    score_name : str, optional
        Name of the new column: ``p``, ``mask`` or ``image`` when absent.
    images : Path, optional
        Folder that file names in the table start from; that of the table when absent.
    restart : bool
        Let the parts of another run go.

    Raises
    ------
    InputError
        For a table that cannot be read or lacks an input of the model, a name that is taken, a
        model that gives other numbers when asked again or none at all, an unwritable `out_path`,
        and parts of another run.
    """
    check_writable(out_path.parent)
    known = model.describe()
    table = open_table(source_path)
    default = {"scores": "p", "masks": "mask", "images": "image"}[known.gives]
    names = _names(known, score_name or default)
    columns = image_columns(model)
    for name in names:
        require_new_column(source_path, table.schema, name)
    require_inputs([*known.inputs, *columns.values()], table.schema.names, str(source_path))
    settings = [*names, str(images or ""), str(IMAGES_AT_ONCE)]
    parts = open_parts(out_path, source_path, known, settings, restart=restart)
    folder = images or source_path.parent
    run = _Run(model, table, out_path, names, folder, columns, parts)
    try:
        with atomic_path(out_path) as temporary:
            reasons, description = _predicted(run, progress)
            _require_some(source_path, table.rows, reasons, known.gives)
            _join(run, temporary, description)
    except InputError as error:
        # Work is kept where the same call can succeed later, as with a disk that was full.
        if any(problem.code != "unwritable" for problem in error.problems):
            parts.remove()
        raise
    parts.remove()
    return PredictionRun(
        rows=table.rows,
        predicted=table.rows - reasons.total(),
        unpredicted=tuple(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        score_names=names,
        score_kind=model.score_kind,
        out=out_path,
        model=description,
    )


def _names(description: ModelDescription, name: str) -> tuple[str, ...]:
    """Name the score's column, or one column for each class."""
    several = description.positive is None and len(description.classes) > 1
    if several and description.gives == "scores":
        return tuple(f"{name}_{of}" for of in description.classes)
    return (name,)


def _slices(run: _Run) -> Iterator[tuple[int, Any]]:
    """Parts of the table in order, numbered; few rows each where there are images."""
    number = 0
    for batch in run.table.batches():
        step = IMAGES_AT_ONCE if run.images else max(batch.num_rows, 1)
        for first in range(0, batch.num_rows, step):
            yield number, batch.slice(first, step)
            number += 1


def _predicted(run: _Run, progress: Progress | None) -> tuple[Counter[str], ModelDescription]:
    """Make every part that is not there yet; return why how many rows have none, and the model."""
    reasons: Counter[str] = Counter()
    description = run.model.describe()
    checked = run.parts.checked()
    if checked is not None:
        description = dataclasses.replace(
            description, deterministic=checked[0], largest_difference=checked[1], flops=checked[2]
        )
    done = 0
    for part in _read_ahead(run):
        found = part.reasons
        if part.inputs is not None:
            found, description = _made(run, part.number, part.inputs, done, description)
        reasons += found
        done += part.rows
        if progress is not None:
            progress(done, run.table.rows)
    return reasons, description


def _made(
    run: _Run, number: int, job: "Future[Inputs]", first: int, description: ModelDescription
) -> tuple[Counter[str], ModelDescription]:
    """Predict one part and keep it; the first one is asked for twice."""
    inputs = job.result()
    units = predict_units(run.model, *inputs, len(run.names))
    if description.deterministic is None and any(not code for code in units.codes):
        description = _repeatable(run, inputs, units)
        run.parts.describe(description)
    run.parts.write(number, _columns(run, units, first), units.reasons)
    return units.reasons, description


@dataclass(frozen=True, eq=False)
class _Part:
    """A run of rows: what was predicted before, or what the model is to be given."""

    number: int
    rows: int
    reasons: Counter[str]
    inputs: "Future[Inputs] | None"


def _read_ahead(run: _Run) -> Iterator[_Part]:
    """Read the images of the next part while the model works on this one."""
    with ThreadPoolExecutor(1) as pool:
        waiting: _Part | None = None
        for number, batch in _slices(run):
            kept = run.parts.read(number, batch.num_rows)
            reasons = kept[1] if kept is not None else Counter[str]()
            job = pool.submit(_inputs, run, batch) if kept is None else None
            if waiting is not None:
                yield waiting
            waiting = _Part(number, batch.num_rows, reasons, job)
        if waiting is not None:
            yield waiting


def _inputs(run: _Run, batch: Any) -> "Inputs":
    frame = _features(batch, [*run.model.describe().inputs, *run.images.values()])
    if not run.images:
        return frame, {}, [("", "")] * len(frame)
    return frame, *read_images(frame, run.images, run.folder)


def _columns(run: _Run, units: Units, first: int) -> Any:
    """What is added to the rows of a part; masks and images are written to files of their own."""
    import pyarrow as pa

    if isinstance(units.values, list):
        paths = [
            None
            if array is None
            else f"{run.made.name}/{write_made(run.made, first + row, array, units.grids[row])}"
            for row, array in enumerate(units.values)
        ]
        values = [pa.array(paths, pa.string())]
    else:
        values = [pa.array(column, from_pandas=True) for column in units.values.T]
    if len(run.added) > len(values):
        values.append(pa.array([code or None for code in units.codes], pa.string()))
    return pa.table(values, schema=pa.schema(run.added))


def _join(run: _Run, path: Path, description: ModelDescription) -> None:
    """Write the table and its parts, and what is known of the model."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    schema = pa.schema([*run.table.schema, *run.added])
    number = 0
    with parquet.ParquetWriter(path, schema) as writer:
        for batch in run.table.batches():
            step = IMAGES_AT_ONCE if run.images else max(batch.num_rows, 1)
            made = []
            for first in range(0, batch.num_rows, step):
                part = run.parts.read(number, min(step, batch.num_rows - first))
                if part is None:
                    raise RuntimeError(f"part {number} of the prediction is gone")
                made.append(part[0])
                number += 1
            if made:
                added = pa.concat_tables(made)
                for field in run.added:
                    batch = batch.append_column(field, added.column(field.name))
                writer.write_table(batch.combine_chunks())
        known = json.dumps(description.as_json(), sort_keys=True)
        writer.add_key_value_metadata({MODEL_KEY: known})


def _features(batch: Any, inputs: Sequence[str]) -> "pd.DataFrame":
    """Bring the model's inputs into the form in which pandas would have read them."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    table = batch.select(list(dict.fromkeys(inputs)))
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            plain = table.column(place).cast(field.type.value_type)
            table = table.set_column(place, field.name, plain)
        elif pa.types.is_decimal(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.float64()))
    frame: pd.DataFrame = table.to_pandas()
    for name in frame.columns:
        if pd.api.types.is_object_dtype(frame[name].dtype):
            # Imputers look for NaN; Arrow gives None.
            frame[name] = frame[name].where(frame[name].notna(), np.nan)
    return frame


def _repeatable(run: _Run, inputs: "Inputs", units: Units) -> ModelDescription:
    """Ask for the first part again: an audit of numbers that change would say nothing.

    Returns the description with what was found; numbers may differ by rounding.
    """
    import numpy as np

    again = predict_units(run.model, *inputs, len(run.names))
    description = run.model.describe()
    masks = description.gives == "masks"
    largest, same = _apart(units, again, masks)
    if not largest <= (MASK_TOLERANCE if masks else TOLERANCE):
        what = {"scores": "score", "masks": "mask", "images": "image"}[description.gives]
        changed = sum(
            _apart(_only(units, row), _only(again, row), masks)[1] is False
            for row in range(len(units.codes))
        )
        reason = (
            f"the model gave {changed:,} of {len(units.codes):,} rows another {what} when asked "
            "again"
        )
        remedy = "fix the model's seed, or switch off what is random when it predicts"
        raise InputError(Problem("not_repeatable", description.name, reason, remedy))
    first = np.flatnonzero([not code for code in units.codes])[:1]
    flops = counted_flops(run.model, batch_of(inputs[0], inputs[1], first))
    return dataclasses.replace(
        description, deterministic=same, largest_difference=largest, flops=flops
    )


def _apart(one: Units, two: Units, masks: bool) -> tuple[float, bool]:
    if isinstance(one.values, list) or isinstance(two.values, list):
        first, second = ([v for v in units.values if v is not None] for units in (one, two))
        if len(first) != len(second):
            return float("inf"), False
        return largest_difference(tuple(first), tuple(second), masks)
    return largest_difference(one.values, two.values)


def _only(units: Units, row: int) -> Units:
    values = units.values[row : row + 1]
    return Units(values, units.codes[row : row + 1], Counter(), units.grids[row : row + 1])


def _require_some(source: Path, rows: int, reasons: Counter[str], gives: str) -> None:
    if reasons.total() < rows:
        return
    why, _ = reasons.most_common(1)[0]
    verb = "score none of" if gives == "scores" else f"make {gives} of none of"
    reason = f"the model could {verb} the {rows:,} rows ({why})"
    remedy = "give the columns the types and values that the model was trained on"
    raise InputError(Problem("no_scores", str(source), reason, remedy))
