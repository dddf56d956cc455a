"""Detection through the audit, held against counting by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audit.problems import InputError
from audit.result import AuditResult
from tests.audit.tasks.cases import audited, estimate, found_objects, planned

COLUMNS = {"unit": "image", "patient": "pid"}
TABLES = {"references": "true.csv", "detections": "made.csv"}


def run(folder: Path, table: pd.DataFrame, **rest: object) -> AuditResult:
    plan = planned("detection", COLUMNS, threshold={"value": 0.5}, detection=TABLES | rest)
    return audited(table, plan, folder)


def apart(box: dict[Any, Any], point: dict[Any, Any]) -> float:
    middle = [(box[f"{axis}_min"] + box[f"{axis}_max"]) / 2 - point[axis] for axis in "xy"]
    return float(np.hypot(*middle))


def hits(folder: Path, images: set[str]) -> tuple[list[float], list[float], int]:
    """Scores of first hits, scores of false detections, and objects, in some images."""
    true = pd.read_csv(folder / "true.csv")
    boxes: list[dict[Any, Any]] = true.to_dict("records")
    made: list[dict[Any, Any]] = pd.read_csv(folder / "made.csv").to_dict("records")
    first: dict[int, float] = {}
    false = []
    for d in made:
        own = {
            apart(b, d): k
            for k, b in enumerate(boxes)
            if b["image"] == d["image"]
            and b["x_min"] <= d["x"] <= b["x_max"]
            and b["y_min"] <= d["y"] <= b["y_max"]
        }
        if d["image"] not in images:
            continue
        if own:
            k = own[min(own)]
            first[k] = max(first.get(k, -1.0), float(d["score"]))
        else:
            false.append(float(d["score"]))
    return list(first.values()), false, int(true.image.isin(images).sum())


def test_measures_are_counts_of_hits_and_false_detections(tmp_path: Path) -> None:
    table = found_objects(tmp_path, 80, per_patient=2)
    result = run(tmp_path, table)
    for stratum, own in (("overall", table), ("sex=F", table[table.sex == "F"])):
        first, false, objects = hits(tmp_path, set(own.image))
        kept, wrong = sum(s >= 0.5 for s in first), sum(s >= 0.5 for s in false)
        found = estimate(result, "object_sensitivity", stratum)
        assert found.value == pytest.approx(kept / objects, abs=1e-12)
        ppv = estimate(result, "object_ppv", stratum)
        assert ppv.value == pytest.approx(kept / (kept + wrong), abs=1e-12)
        rate = estimate(result, "false_positives_per_image", stratum)
        assert rate.value == pytest.approx(wrong / len(own), abs=1e-12)
        at = estimate(result, "sensitivity_at_fp", stratum)
        line = sorted(false, reverse=True)
        # One false positive an image: between the scores of two of them.
        below = sum(s > line[len(own)] for s in first) / objects
        above = sum(s > line[len(own) - 1] for s in first) / objects
        assert above - 1e-12 <= (at.value or 0) <= below + 1e-12
        assert at.lower is not None
        assert at.upper is not None
        assert at.lower < (at.value or 0) < at.upper


def test_the_group_whose_objects_are_missed_is_found(tmp_path: Path) -> None:
    table = found_objects(tmp_path, 200)
    result = run(tmp_path, table)
    for measure in ("object_sensitivity", "sensitivity_at_fp"):
        (gap,) = [d for d in result.disparities if d.id == f"{measure}/gap/sex"]
        assert gap.stratum == "sex=F"
        assert (gap.lower or 0) > 0.1
        assert gap.null is not None
        assert (gap.value or 0) > gap.null.q95


def test_an_image_without_objects_still_counts_its_false_detections(tmp_path: Path) -> None:
    table = found_objects(tmp_path, 40)
    before = estimate(run(tmp_path, table), "false_positives_per_image").value
    more = pd.concat([table, pd.DataFrame([{"image": "new", "pid": "new", "sex": "F"}])])
    after = estimate(run(tmp_path, more), "false_positives_per_image")
    assert after.value == pytest.approx((before or 0) * 40 / 41, abs=1e-12)


def test_order_of_images_and_of_detections_does_not_matter(tmp_path: Path) -> None:
    table = found_objects(tmp_path, 60)
    result = run(tmp_path, table)
    for name in ("true.csv", "made.csv"):
        frame = pd.read_csv(tmp_path / name)
        frame.sample(frac=1, random_state=1).to_csv(tmp_path / name, index=False)
    again = run(tmp_path, table.sample(frac=1, random_state=2))
    assert again.estimates == result.estimates
    assert again.froc == result.froc


def test_matching_by_iou_and_distance(tmp_path: Path) -> None:
    found_objects(tmp_path, 30)
    true = pd.read_csv(tmp_path / "true.csv")
    moved = true.copy()
    moved[["x_min", "x_max"]] += 3.0  # IoU 7/13
    moved.assign(score=0.9).to_csv(tmp_path / "made.csv", index=False)
    table = pd.DataFrame({"image": [f"i{i}" for i in range(30)], "pid": range(30),
                          "sex": ["F", "M"] * 15})  # fmt: skip
    for rest, value in (
        ({"match": "iou", "iou": 0.5}, 1.0),
        ({"match": "iou", "iou": 0.55}, 0.0),
        ({"match": "distance", "distance": 3.0}, 1.0),
        ({"match": "distance", "distance": 2.9}, 0.0),
    ):
        found = estimate(run(tmp_path, table, **rest), "object_sensitivity")
        assert found.value == pytest.approx(value, abs=0.02), rest


def test_all_problems_of_both_tables_are_told(tmp_path: Path) -> None:
    table = found_objects(tmp_path, 10)
    true, made = (pd.read_csv(tmp_path / name) for name in ("true.csv", "made.csv"))
    true.loc[0, "image"] = "elsewhere"
    true.loc[1, ["x_min", "x_max"]] = (50, 40)
    made["score"] = made.score.astype(object)
    made.loc[2, "score"] = "high"
    true.to_csv(tmp_path / "true.csv", index=False)
    made.to_csv(tmp_path / "made.csv", index=False)
    with pytest.raises(InputError) as caught:
        run(tmp_path, table)
    assert {p.code for p in caught.value.problems} == {"unknown_unit", "turned_box", "not_a_number"}
