"""Reading a detection task: images, the objects in them and what was found, from three tables."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.batches import open_table
from audit.cells import identities, numbers
from audit.cohort import arranged, read_ids
from audit.dimensions import build_dimensions
from audit.findings import Findings
from audit.plan import Plan
from audit.plan_tasks import Detection
from audit.problems import nearest
from audit.result import FileHash
from audit.roles import Outcome, bad_cells, role_conflicts
from audit.sources.files import read_files
from audit.sources.source import Source
from audit.stats.froc import NO_LESION, detections
from audit.tasks.cohort import CaseCohort, Floats, Ints, Objects

AXES = "xyz"
_WITH = "correct it, or take the row out"


@dataclass(frozen=True, eq=False)
class _Table:
    """Objects of one table: image (row of the cohort), score, low and high corner of each box.

    Points have no extent: both corners are the point.
    """

    row: Ints
    score: Floats
    low: Floats
    high: Floats
    boxes: bool
    files: tuple[FileHash, ...]

    @property
    def centre(self) -> Floats:
        """Middle of every box, shape (objects, axes)."""
        return (self.low + self.high) / 2


def detection_cohort(source: Source, plan: Plan, folder: Path) -> CaseCohort:
    """Match what was found in every image with what is there.

    Every row of the cohort is an image, also where nothing is in it and nothing was found.
    `folder` is what the plan's two tables are relative to.

    Raises
    ------
    InputError
        With every problem of the cohort and of both tables.
    """
    declared = plan.detection
    if declared is None:
        raise ValueError("the plan has no section 'detection'")
    findings = Findings()
    role_conflicts(plan, findings)
    unit = str(plan.columns.unit)
    image = identities(source.table.column(unit))
    bad_cells(
        source, unit, np.flatnonzero(image.codes < 0), "no_unit", "names no image",
        "give every image its id", findings,
    )  # fmt: skip
    row_of = {image.values[code]: row for row, code in enumerate(image.codes) if code >= 0}
    true = _read(folder / declared.references, unit, None, row_of, findings)
    made = _read(folder / declared.detections, unit, declared.score, row_of, findings)
    _check_shapes(true, made, declared, findings)
    rows = len(image.codes)
    dimensions = build_dimensions(source, plan, np.ones(rows, dtype=np.bool_), findings)
    ids = read_ids(source, plan, findings)
    findings.raise_problems()
    found = _matched(true, made, declared, rows)
    counts = _at_threshold(found, plan)
    base, order = arranged(
        source, plan.model_copy(update={"threshold": None}), Outcome(np.zeros(rows, np.int8), ""),
        np.zeros(rows), [*counts.values()], dimensions, ids, findings,
    )  # fmt: skip
    moved = replace(found, row=np.argsort(order)[found.row], objects=found.objects[order])
    return CaseCohort(
        replace(base, files=(*base.files, *true.files, *made.files)),
        {},
        {name: values[order] for name, values in counts.items()},
        found=moved,
    )


def _read(
    path: Path, unit: str, score: str | None, row_of: dict[str, int], findings: Findings
) -> _Table:
    names = open_table(path).schema.names
    boxes = "x_min" in names
    axes = [a for a in AXES if (f"{a}_min" if boxes else a) in names]
    wanted = [f"{a}_{end}" for end in ("min", "max") for a in axes] if boxes else list(axes)
    if len(axes) < 2:
        reason = "it has neither boxes (x_min, y_min, x_max, y_max) nor points (x, y)"
        remedy = nearest("x_min", names)
        findings.problem("no_coordinates", str(path), reason, remedy)
    uses = {unit: "image", **dict.fromkeys(wanted, "coordinates")}
    if score is not None:
        uses[score] = "score of a detection"
    source = read_files([path], uses)
    corners = np.stack([_numbers(source, name, findings) for name in wanted], axis=1)
    values = np.zeros(len(corners)) if score is None else _numbers(source, score, findings)
    half = len(axes) if boxes else 0
    low, high = corners[:, : len(axes)], corners[:, half : half + len(axes)]
    turned = np.flatnonzero((low > high).any(axis=1))
    if turned.size:
        reason = f"a box ends before it begins{source.tail(turned)}"
        findings.problem("turned_box", source.origin(int(turned[0])), reason, _WITH)
    return _Table(_rows(source, unit, row_of, findings), values, low, high, boxes, source.files)


def _numbers(source: Source, column: str, findings: Findings) -> Floats:
    read = numbers(source.table.column(column))
    bad = np.flatnonzero(~np.isfinite(read.values))
    bad_cells(source, column, bad, "not_a_number", "is not a finite number", _WITH, findings)
    return read.values


def _rows(source: Source, unit: str, row_of: dict[str, int], findings: Findings) -> Ints:
    texts = identities(source.table.column(unit))
    known = np.array([row_of.get(value, -1) for value in texts.values] + [-1], dtype=np.int64)
    rows: Ints = known[texts.codes]
    strange = np.flatnonzero(rows < 0)
    if strange.size:
        reason = f"it names an image that the cohort does not have{source.tail(strange)}"
        remedy = "add the image to the cohort, or take the row out"
        findings.problem("unknown_unit", source.where(int(strange[0]), unit), reason, remedy)
    return rows


def _check_shapes(true: _Table, made: _Table, declared: Detection, findings: Findings) -> None:
    if true.low.shape[1] != made.low.shape[1]:
        reason = f"objects have {true.low.shape[1]} axes, detections {made.low.shape[1]}"
        findings.problem("mixed_axes", declared.detections, reason, "give both alike")
    needs = {"centre": [(true, declared.references)], "distance": [],
             "iou": [(true, declared.references), (made, declared.detections)]}  # fmt: skip
    for table, name in needs[declared.match]:
        if not table.boxes:
            reason = f"match: {declared.match} needs boxes, and it has points"
            remedy = "give boxes, or declare match: distance"
            findings.problem("no_boxes", name, reason, remedy)


def _matched(true: _Table, made: _Table, declared: Detection, rows: int) -> Objects:
    """Give every detection the nearest object that it hits (under `iou`, the most alike)."""
    by_true, by_made = (np.argsort(t.row, kind="stable") for t in (true, made))
    start = [np.searchsorted(t.row[by], np.arange(rows + 1))
             for t, by in ((true, by_true), (made, by_made))]  # fmt: skip
    hit = np.full(made.row.size, NO_LESION, dtype=np.int64)
    for row in np.unique(made.row):
        theirs = by_true[start[0][row] : start[0][row + 1]]
        ours = by_made[start[1][row] : start[1][row + 1]]
        if theirs.size:
            cost = _costs(true, theirs, made, ours, declared)
            best = cost.argmin(axis=1)
            hit[ours] = np.where(np.isfinite(cost.min(axis=1)), best, NO_LESION)
    return Objects(made.score, made.row, hit, np.bincount(true.row, minlength=rows))


def _costs(
    true: _Table, theirs: Ints, made: _Table, ours: Ints, declared: Detection
) -> NDArray[Any]:
    """What a match of each detection with each object costs; infinite where it is no hit."""
    centre = made.centre[ours][:, None, :]
    apart = np.linalg.norm(centre - true.centre[theirs][None], axis=-1)
    low, high = true.low[theirs][None], true.high[theirs][None]
    if declared.match == "distance":
        return np.where(apart <= float(declared.distance or 0.0), apart, np.inf)
    if declared.match == "centre":
        return np.where(((centre >= low) & (centre <= high)).all(axis=-1), apart, np.inf)
    own_low, own_high = made.low[ours][:, None, :], made.high[ours][:, None, :]
    sides = np.maximum(np.minimum(high, own_high) - np.maximum(low, own_low), 0.0)
    common = sides.prod(axis=-1)
    union = (high - low).prod(axis=-1) + (own_high - own_low).prod(axis=-1) - common
    iou = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return np.where(iou >= declared.iou, -iou, np.inf)


def _at_threshold(found: Objects, plan: Plan) -> dict[str, Floats]:
    """Count, in every image, objects, first hits and false detections at the plan's threshold."""
    rows = found.objects.size
    counts = {"images": np.ones(rows), "objects": found.objects.astype(np.float64)}
    seen = detections(found.score, found.hit, found.row, found.objects)
    line = np.inf if plan.threshold is None else plan.threshold.value
    kept = seen.score >= line
    for name, wanted in (("objects_found", seen.hit), ("false_detections", ~seen.hit)):
        counts[name] = np.bincount(seen.image[kept & wanted], minlength=rows).astype(np.float64)
    counts["detections"] = counts["objects_found"] + counts["false_detections"]
    return counts
