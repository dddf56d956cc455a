"""Reading a segmentation: pairs of masks, measured; each structure also seen by its size."""

from dataclasses import replace

import numpy as np

from audit.cases.masks import PER_STRUCTURE, mask_measure, names_of, structures_of
from audit.cases.pairs import Measured, Place, measure_pairs
from audit.cohort import Cohort
from audit.dimensions import Dimension, band_labels
from audit.findings import Findings, share
from audit.plan import Plan
from audit.plan_tasks import Segmentation
from audit.problems import InputError, Problem
from audit.roles import role_conflicts
from audit.sources.source import Source
from audit.stats.overlap import BOTH_EMPTY, PREDICTION_ONLY, REFERENCE_ONLY
from audit.stats.surface import penalise
from audit.tasks.cases import measured_base, with_dimension
from audit.tasks.cohort import CaseCohort, Floats

SIZE = "size"
ABSENT = "(absent)"
THIRDS = ("smallest third", "middle third", "largest third")
FEWEST = 6  # cases with the structure below which thirds say nothing
_VALUES = ("dice", "iou", "nsd", "hd95", "assd", "volume_error", "absolute_volume_error")
_LESIONS = ("lesions", "lesions_found", "lesions_predicted", "lesions_true")


def segmentation_cohort(source: Source, plan: Plan, place: Place) -> CaseCohort:
    """Measure every pair of masks and order the cases.

    Raises
    ------
    InputError
        With every problem of every column and the first ones of the files.
    """
    declared = plan.segmentation or Segmentation()
    findings = Findings()
    role_conflicts(plan, findings)
    _refuse_name(plan, findings)
    columns = (plan.columns.label, str(plan.columns.prediction))
    settings = declared.model_dump(mode="json", include={"structures", "spacing", "tolerance",
                                                         "lesions", "lesion_iou"})  # fmt: skip
    measured = measure_pairs(
        source, columns, names_of(declared), mask_measure(declared), settings, place, findings
    )
    base, measured = measured_base(source, plan, measured, findings)
    _warn_of_spacing(base, measured, findings)
    _warn_of_labels(base, measured, findings)
    base = replace(base, warnings=(*base.warnings, *findings.warnings[len(base.warnings) :]))
    structures = structures_of(declared)
    parts = tuple(_structure(base, measured, declared, name) for name in structures)
    if len(parts) == 1:
        return replace(parts[0], output=None)
    return _together(base, parts)


def _refuse_name(plan: Plan, findings: Findings) -> None:
    if SIZE in plan.dimensions:
        reason = f"'{SIZE}' is what the size of the structure is called"
        findings.problem("conflicting_roles", f"attribute '{SIZE}'", reason, "rename it")


def _warn_of_spacing(base: Cohort, measured: Measured, findings: Findings) -> None:
    unknown = base.analysed & (measured.column("spaced") == 0)
    if unknown.any():
        told = share(int(unknown.sum()), base.rows)
        findings.warn(
            "no_spacing",
            f"The voxel spacing of {told} is not known, so distances in mm are undefined there; "
            "declare segmentation.spacing",
        )


def _warn_of_labels(base: Cohort, measured: Measured, findings: Findings) -> None:
    other = base.analysed & (measured.column("undeclared") == 1)
    if other.any():
        told = share(int(other.sum()), base.rows)
        findings.warn(
            "undeclared_labels",
            f"The masks of {told} hold labels that segmentation.structures does not name; they are "
            "not assessed",
        )


def _structure(base: Cohort, measured: Measured, declared: Segmentation, name: str) -> CaseCohort:
    own = {of: measured.column(f"{of}/{name}") for of in PER_STRUCTURE}
    used = base.analysed
    cell = np.where(used, np.nan_to_num(own["cell"], nan=BOTH_EMPTY), BOTH_EMPTY).astype(np.int64)
    values: dict[str, Floats] = {of: own[of] for of in ("dice", "iou", "nsd", "volume_error")}
    for of in ("hd95", "assd"):
        values[of] = _distance(own[of], cell, measured.column("diagonal"), declared)
    values["absolute_volume_error"] = np.abs(own["volume_error"])
    missed, invented = cell == REFERENCE_ONLY, cell == PREDICTION_ONLY
    absent = used & (invented | (cell == BOTH_EMPTY))
    ledger = {"present": used & ~absent, "missed": missed, "absent": absent, "invented": invented}
    counts = {of: np.where(used, flag, False).astype(np.float64) for of, flag in ledger.items()}
    if declared.lesions is not None:
        counts |= {of: np.nan_to_num(own[of]) for of in _LESIONS}
    size = _size(own["reference_size"], ledger["present"], declared)
    seen = with_dimension(base, size) if size is not None else base
    return CaseCohort(seen, {of: values[of] for of in _VALUES}, counts, name or None)


def _distance(
    apart: Floats, cell: np.ndarray[tuple[int], np.dtype[np.int64]], diagonal: Floats,
    declared: Segmentation,
) -> Floats:  # fmt: skip
    """Give cases in which one mask is empty the penalty; NaN where the spacing is not known."""
    known = ~np.isnan(diagonal)
    out = np.full(apart.size, np.nan)
    if known.any():
        try:
            out[known] = penalise(apart[known], cell[known], diagonal[known], declared.penalty)
        except ValueError as error:
            where, remedy = "plan key 'segmentation.penalty'", "declare a larger one"
            raise InputError(Problem("penalty_too_small", where, str(error), remedy)) from None
    return out


def _size(
    size: Floats, present: np.ndarray[tuple[int], np.dtype[np.bool_]], declared: Segmentation
) -> Dimension | None:
    """Band the reference by its size; cases without the structure are a level of their own."""
    known = present & ~np.isnan(size)
    edges = declared.size_bands
    if edges:
        levels = band_labels(edges)
    else:
        if known.sum() < FEWEST:
            return None
        edges = tuple(float(e) for e in np.quantile(size[known], (1 / 3, 2 / 3)))
        levels = THIRDS
        if edges[0] == edges[1]:
            return None
    codes = np.searchsorted(edges, np.where(known, size, 0.0), side="right").astype(np.int32)
    codes[~known] = len(levels)
    every = (*levels, ABSENT) if (~known).any() else levels
    count = np.bincount(codes[known], minlength=len(levels))
    return Dimension(
        SIZE, "reference size", "attribute", edges if declared.size_bands else None, every,
        codes, levels[int(count.argmax())], "largest", 0,
    )  # fmt: skip


def _together(base: Cohort, parts: tuple[CaseCohort, ...]) -> CaseCohort:
    """All structures at once: the mean over those that a case has, counts added up."""
    values = {}
    for name in _VALUES:
        table = np.stack([part.values[name] for part in parts])
        known = ~np.isnan(table)
        total = np.where(known, table, 0.0).sum(axis=0)
        with np.errstate(invalid="ignore"):
            values[name] = np.where(known.any(axis=0), total / known.sum(axis=0), np.nan)
    counts = {name: np.sum([part.counts[name] for part in parts], axis=0)
              for name in parts[0].counts}  # fmt: skip
    return CaseCohort(base, values, counts, None, parts)
