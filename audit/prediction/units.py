"""Predicting some units: their images are read, and those that fail are found and counted."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.models import Batch, Model
from audit.problems import InputError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from audit.sources.images import Image

NOT_FINITE = "the model's score is not a finite number"
READERS = 4  # threads that read images; what is read does not depend on them
_NO_FILE = ("no_file", "the cell that names the image is empty")


# Columns of some units, their images by input, and why a unit cannot be read, or nothing.
Inputs = tuple["pd.DataFrame", dict[str, list["Image | None"]], list[tuple[str, str]]]


@dataclass(frozen=True, eq=False)
class Units:
    """What was predicted of some units, in their order.

    `values` is float64 of shape (units, columns) for scores, else one array a unit, None where it
    failed. `codes` says why a unit failed, "" where it did not; `reasons` counts them in words.
    `grids` holds the first image of each unit, for the place of what is predicted in space.
    """

    values: "NDArray[np.float64] | list[NDArray[Any] | None]"
    codes: list[str]
    reasons: Counter[str]
    grids: "list[Image | None]"


def image_columns(model: Model) -> dict[str, str]:
    """Column that names the file of each image that a model takes."""
    return {t.name: t.columns[0] for t in model.describe().takes if t.kind == "image"}


def read_images(
    frame: "pd.DataFrame", columns: Mapping[str, str], folder: Path
) -> "tuple[dict[str, list[Image | None]], list[tuple[str, str]]]":
    """Read the images of some units; with each unit, why it cannot be read, or nothing."""
    from audit.sources.images import read_image

    def one(value: Any) -> "Image | tuple[str, str]":
        if not isinstance(value, str) or not value.strip():
            return _NO_FILE
        try:
            return read_image(folder / value.strip())
        except InputError as error:
            problem = error.problems[0]
            if problem.code == "missing_extra":
                raise
            return problem.code, f"the image cannot be used: {problem.reason}"

    images: dict[str, list[Image | None]] = {}
    failed: list[tuple[str, str]] = [("", "")] * len(frame)
    with ThreadPoolExecutor(READERS) as pool:
        for name, column in columns.items():
            found = list(pool.map(one, frame[column].tolist()))
            images[name] = [None if isinstance(own, tuple) else own for own in found]
            for row, own in enumerate(found):
                if isinstance(own, tuple) and not failed[row][0]:
                    failed[row] = own
    return images, failed


def predict_units(
    model: Model,
    frame: "pd.DataFrame",
    images: "Mapping[str, Sequence[Image | None]]",
    failed: Sequence[tuple[str, str]],
    columns: int,
) -> Units:
    """Predict the units that could be read.

    Where the model refuses a batch, it is halved until the units at fault are alone; it is first
    parted into complete and incomplete rows, for missing values are the usual reason.
    """
    import numpy as np

    gives = model.describe().gives
    scores = np.full((len(frame), columns), np.nan)
    arrays: list[NDArray[Any] | None] = [None] * len(frame)
    codes = [code for code, _ in failed]
    reasons = Counter(reason for code, reason in failed if code)
    usable = np.array([row for row, code in enumerate(codes) if not code], dtype=np.intp)
    waiting = [usable] if usable.size else []
    while waiting:
        rows = waiting.pop()
        try:
            found = model.predict(batch_of(frame, images, rows))
        except (InputError, MemoryError):
            raise
        # Any step of a pipeline may refuse a unit in a way of its own.
        except Exception as error:
            if len(rows) == 1:
                codes[int(rows[0])] = "model_error"
                reasons[reason_of(error)] += 1
            else:
                waiting.extend(_parts(frame, rows))
            continue
        if isinstance(found, tuple):
            finite = np.array([bool(np.isfinite(array).all()) for array in found])
            for row, array, good in zip(rows, found, finite, strict=True):
                arrays[int(row)] = array if good else None
        else:
            scores[rows] = np.reshape(found, (-1, columns))
            finite = np.isfinite(scores[rows]).all(axis=1)
            scores[rows[~finite]] = np.nan
        for row in rows[~finite]:
            codes[int(row)] = "not_finite"
        told = NOT_FINITE if gives == "scores" else f"the model's {gives[:-1]} is not finite"
        reasons.update({told: int((~finite).sum())} if not finite.all() else {})
    first = next(iter(images.values()), [None] * len(frame))
    return Units(scores if gives == "scores" else arrays, codes, reasons, list(first))


def batch_of(
    frame: "pd.DataFrame", images: "Mapping[str, Sequence[Image | None]]", rows: "NDArray[np.intp]"
) -> Batch:
    """Put some of the units, all of which could be read, into a batch."""
    chosen = {
        name: [own.array for row in rows if (own := of[int(row)]) is not None]
        for name, of in images.items()
    }
    return Batch(frame.iloc[rows], chosen)


def _parts(frame: "pd.DataFrame", rows: "NDArray[np.intp]") -> "list[NDArray[np.intp]]":
    incomplete = frame.iloc[rows].isna().any(axis=1).to_numpy()
    if incomplete.any() and not incomplete.all():
        return [rows[incomplete], rows[~incomplete]]
    middle = len(rows) // 2
    return [rows[middle:], rows[:middle]]


def reason_of(error: Exception) -> str:
    """Shorten a message to what rows have in common: values in quotes or brackets are left out."""
    first = (str(error).splitlines() or [""])[0]
    text = re.sub(r"'[^']*'|\"[^\"]*\"|\[[^\]]*\]", "...", first)[:160].rstrip(" .:")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
