"""Bringing the predictions of two models beside each other, unit by unit."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.cells import BLANK, decode, identities
from audit.cohort import needed_columns
from audit.plan import Plan
from audit.problems import InputError, Problem
from audit.sources.files import read_files
from audit.sources.source import Source


@dataclass(frozen=True, eq=False)
class Joined:
    """The same units in the same order on both sides, and how many were on one side only."""

    a: Source
    b: Source
    only_a: int
    only_b: int


def model_columns(plan: Plan) -> tuple[str, ...]:
    """Columns that hold what the model predicted."""
    columns = plan.columns
    one = columns.score or columns.prediction
    return (*((one,) if one else ()), *columns.scores.values())


def join_files(paths: tuple[Path, Path], plans: tuple[Plan, Plan]) -> Joined:
    """Read both files and pair their rows by the plan's unit, or by place where there is none.

    Raises
    ------
    InputError
        When rows cannot be paired, or paired rows differ in label, patient, site or an attribute.
    """
    sources = [read_files([path], needed_columns(plan))
               for path, plan in zip(paths, plans, strict=True)]  # fmt: skip
    a, b = sources
    unit = plans[0].columns.unit
    rows_a, rows_b = _by_unit(a, b, unit) if unit is not None else _by_place(a, b)
    both = (_taken(a, rows_a), _taken(b, rows_b))
    _require_same(both, plans, rows_a, a)
    both = _predicted_by_both(both, plans)
    return Joined(*both, len(a.table) - rows_a.size, len(b.table) - rows_b.size)


def _by_place(a: Source, b: Source) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if len(a.table) != len(b.table):
        reason = f"the files have {len(a.table):,} and {len(b.table):,} rows"
        remedy = "name the column that says which rows belong together (--unit, columns.unit)"
        raise InputError(Problem("not_paired", "comparison", reason, remedy))
    every = np.arange(len(a.table))
    return every, every


def _by_unit(a: Source, b: Source, unit: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    texts = [identities(source.table.column(unit)) for source in (a, b)]
    problems = []
    for source, ids in zip((a, b), texts, strict=True):
        absent = np.flatnonzero(ids.codes < 0)
        known = ids.codes[ids.codes >= 0]
        if absent.size:
            reason = f"the unit id is missing{source.tail(absent)}"
            problems.append(Problem("no_unit", source.where(int(absent[0]), unit), reason,
                                    "give every row its id"))  # fmt: skip
        if np.unique(known).size != known.size:
            reason = "a unit id stands in several rows"
            problems.append(Problem("duplicate_unit", f"column '{unit}'", reason,
                                    "keep each unit once"))  # fmt: skip
    if problems:
        raise InputError(problems)
    place_b = {texts[1].values[code]: row for row, code in enumerate(texts[1].codes)}
    found = [(row, place_b[texts[0].values[code]]) for row, code in enumerate(texts[0].codes)
             if texts[0].values[code] in place_b]  # fmt: skip
    if not found:
        reason = f"the files have no unit of column '{unit}' in common"
        raise InputError(Problem("not_paired", "comparison", reason, "compare files of one cohort"))
    rows = np.array(found, dtype=np.int64)
    return rows[:, 0], rows[:, 1]


def _taken(source: Source, rows: NDArray[np.int64]) -> Source:
    return replace(source, table=source.table.take(rows).combine_chunks())


def _require_same(
    both: tuple[Source, Source],
    plans: tuple[Plan, Plan],
    rows: NDArray[np.int64],
    whole_a: Source,
) -> None:
    """Refuse pairs that are not of one unit: everything but the predictions must be the same."""
    predicted = set(model_columns(plans[0])) | set(model_columns(plans[1]))
    problems = []
    for column in needed_columns(plans[0]):
        if column in predicted or column not in both[1].all_columns:
            continue
        one, two = (decode(source.table.column(column), BLANK) for source in both)
        differ = np.flatnonzero(_texts(one) != _texts(two))
        if differ.size:
            place = whole_a.origin(int(rows[int(differ[0])]))
            reason = f"'{column}' differs between the files in {differ.size:,} paired rows"
            remedy = "compare predictions of the same units, with the same labels and attributes"
            problems.append(Problem("not_the_same_unit", place, reason, remedy))
    if problems:
        raise InputError(problems)


def _predicted_by_both(
    both: tuple[Source, Source], plans: tuple[Plan, Plan]
) -> tuple[Source, Source]:
    """Empty the predictions of units that one model has no prediction for."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = [model_columns(plan) for plan in plans]
    missing = np.zeros(len(both[0].table), dtype=np.bool_)
    for source, own in zip(both, names, strict=True):
        for name in own:
            missing |= decode(source.table.column(name), BLANK).codes < 0
    if not missing.any():
        return both
    known, out = pa.array(~missing), []
    for source, own in zip(both, names, strict=True):
        table = source.table
        for name in own:
            column = table.column(name)
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            kept = pc.if_else(known, column, pa.scalar(None, column.type))
            table = table.set_column(table.schema.get_field_index(name), name, kept)
        out.append(replace(source, table=table))
    return out[0], out[1]


def _texts(texts: Any) -> NDArray[np.object_]:
    known: NDArray[np.object_] = np.array([*texts.values, None], dtype=object)[texts.codes]
    return known


def with_columns(plan: Plan, score: str | None, threshold: float | None) -> Plan:
    """Plan of one side: its own score column and threshold, where they are declared."""
    update: dict[str, Any] = {}
    if score is not None:
        role = "score" if plan.columns.score is not None else "prediction"
        update["columns"] = plan.columns.model_copy(update={role: score})
    if threshold is not None:
        from audit.plan import Threshold

        source = plan.threshold.source if plan.threshold is not None else "fixed"
        update["threshold"] = Threshold(value=threshold, source=source)
    return plan.model_copy(update=update) if update else plan


def with_detections(plan: Plan, table: str | None) -> Plan:
    """Plan of model b where it is a detector: its own table of detections.

    Raises
    ------
    InputError
        When a detector's table is missing, or named for another task.
    """
    if (plan.detection is None) != (table is None):
        reason = "two detectors are two tables of detections of the same images"
        if plan.detection is None:
            reason = f"task {plan.task} has no table of detections"
        remedy = "name model b's with --detections-b, in task detection alone"
        raise InputError(Problem("detections_b", "command line", reason, remedy))
    if plan.detection is None or table is None:
        return plan
    own = plan.detection.model_copy(update={"detections": table})
    return plan.model_copy(update={"detection": own})
