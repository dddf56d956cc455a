"""The comparison of two models, held against pandas and scikit-learn on the same pairs."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr
from sklearn.metrics import roc_auc_score

from audit.comparison.records import Comparison, Paired
from audit.comparison.run import compare
from audit.plan import Plan
from audit.plan_file import parse_plan
from audit.problems import InputError
from commands.audit import Flags
from commands.compare import run_compare
from tests.audit.tasks.cases import (
    FOLLOWED,
    SEGMENTED,
    TWO,
    follow_up,
    found_objects,
    masks,
    planned,
)

TEXT = """
columns: {label: y, score: p, unit: uid, patient: pid, site: site}
threshold: {value: 0.4}
attributes: {sex: }
resamples: 200
"""


def plan_of(text: str = TEXT) -> Plan:
    return parse_plan(text, "plan")


def predictions(rows: int = 600, per_patient: int = 1, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    y = rng.random(rows) < 0.4
    x = rng.normal(size=rows) + 1.5 * y
    return pd.DataFrame(
        {"uid": [f"u{i}" for i in range(rows)],
         "pid": [f"k{i // per_patient}" for i in range(rows)],
         "y": y.astype(int), "p": 1 / (1 + np.exp(-(x - 1))), "sex": rng.choice(["F", "M"], rows),
         "site": rng.choice(["A", "B"], rows)}
    )  # fmt: skip


def worse_for_women(table: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    other = table.copy()
    hit = (table.sex == "F") & (np.random.default_rng(seed).random(len(table)) < 0.4)
    other.loc[hit, "p"] = table.p[hit] * 0.3
    return other


def compared(folder: Path, a: pd.DataFrame, b: pd.DataFrame, **rest: object) -> Comparison:
    a.to_parquet(folder / "a.parquet")
    b.to_parquet(folder / "b.parquet")
    plan = plan_of()
    return compare((folder / "a.parquet", folder / "b.parquet"), (plan, plan), **rest)  # type: ignore[arg-type]


def record(result: Comparison, id: str) -> Paired:
    (found,) = [r for r in result.paired if r.id == id]
    return found


@pytest.mark.parametrize("per_patient", [1, 3])
def test_values_and_flips_are_those_of_the_joined_tables(tmp_path: Path, per_patient: int) -> None:
    a = predictions(per_patient=per_patient)
    b = worse_for_women(a)
    result = compared(tmp_path, a, b.sample(frac=1, random_state=5))
    both = a.merge(b[["uid", "p"]], on="uid", suffixes=("", "_b"))
    for stratum, own in (("overall", both), ("sex=F", both[both.sex == "F"])):
        ill = own[own.y == 1]
        sens = [float((ill[c] >= 0.4).mean()) for c in ("p", "p_b")]
        found = record(result, f"sensitivity/{stratum}")
        assert (found.value_a, found.value_b) == pytest.approx(sens, abs=1e-12)
        assert found.difference == pytest.approx(sens[1] - sens[0], abs=1e-12)
        assert found.method == ("tango" if per_patient == 1 else "paired_cluster_robust")
        auc = record(result, f"auroc/{stratum}")
        expected = [roc_auc_score(own.y, own[c]) for c in ("p", "p_b")]
        assert (auc.value_a, auc.value_b) == pytest.approx(expected, abs=1e-12)
        assert auc.method == ("paired_delong" if per_patient == 1 else "paired_obuchowski")
        (flip,) = [f for f in result.flips if (f.stratum, f.label) == (stratum, "positive")]
        assert flip.lost == int(((ill.p >= 0.4) & (ill.p_b < 0.4)).sum())
        assert flip.gained == int(((ill.p < 0.4) & (ill.p_b >= 0.4)).sum())
        assert (flip.clustered_p is None) == (per_patient == 1)


def test_the_group_that_got_worse_comes_first_and_men_are_not_called_worse(tmp_path: Path) -> None:
    a = predictions(1500)
    result = compared(tmp_path, a, worse_for_women(a), margins={"sensitivity": 0.05})
    assert result.worsened[0] == "sensitivity/sex=F"
    assert record(result, "sensitivity/sex=F").beyond_margin
    men = record(result, "sensitivity/sex=M")
    assert (men.difference, men.change) == (0.0, "no_worse")
    assert not any(id.endswith("sex=M") for id in result.worsened)


def test_a_model_against_itself_differs_by_nothing(tmp_path: Path) -> None:
    a = predictions()
    result = compared(tmp_path, a, a.sample(frac=1, random_state=2), tolerance=0.0)
    assert result.worsened == ()
    for r in result.paired:
        if r.status == "ok":
            assert r.difference == 0.0, r.id
            assert r.p in (None, 1.0), r.id
    (parity,) = result.parity
    assert (parity.largest, parity.identical, parity.within) == (0.0, 1.0, True)
    assert not any(g.levelled_down for g in result.gaps)


def test_swapping_the_models_turns_every_difference_round(tmp_path: Path) -> None:
    a = predictions(400, 2)
    b = worse_for_women(a)
    one, two = compared(tmp_path, a, b), compared(tmp_path, b, a)
    for r in one.paired:
        other = record(two, r.id)
        if r.difference is None or other.difference is None:
            continue
        assert other.difference == pytest.approx(-r.difference, abs=1e-12)
        if r.lower is not None and r.upper is not None and r.status == other.status == "ok":
            assert (other.lower, other.upper) == pytest.approx((-r.upper, -r.lower), abs=1e-9)


def test_rows_in_another_order_give_the_same_bytes(tmp_path: Path) -> None:
    a = predictions(300, 2)
    b = worse_for_women(a)
    one = compared(tmp_path, a, b)
    two = compared(tmp_path, a.sample(frac=1, random_state=7), b.sample(frac=1, random_state=8))
    assert one.paired == two.paired
    assert one.flips == two.flips
    assert one.gaps == two.gaps


def test_levelling_down_is_called_and_a_real_gain_is_not(tmp_path: Path) -> None:
    a = predictions(4000, seed=3)
    gap = (a.sex == "M") & (a.y == 1) & (np.random.default_rng(0).random(4000) < 0.4)
    a.loc[gap, "p"] *= 0.3  # men are missed more often
    down = a.copy()
    hit = (a.sex == "F") & (a.y == 1) & (np.random.default_rng(2).random(4000) < 0.3)
    down.loc[hit, "p"] *= 0.3
    (found,) = [g for g in compared(tmp_path, a, down).gaps
                if (g.measure, g.attribute) == ("sensitivity", "sex")]  # fmt: skip
    assert found.levelled_down
    assert "sex=F got worse" in found.sentence
    assert (found.worst, found.best) == ("sex=M", "sex=F")
    up = a.copy()
    up.loc[gap, "p"] /= 0.3
    (found,) = [g for g in compared(tmp_path, a, up).gaps
                if (g.measure, g.attribute) == ("sensitivity", "sex")]  # fmt: skip
    assert (found.upper or 0) < 0
    assert not found.levelled_down


def test_units_of_one_file_only_are_counted_and_others_must_agree(tmp_path: Path) -> None:
    a = predictions(200)
    result = compared(tmp_path, a, a.iloc[:-7])
    assert (result.only_a, result.only_b, result.compared) == (7, 0, 193)
    assert [w.code for w in result.warnings if "model a only" in w.message] == ["unpaired_units"]
    other = a.copy()
    other.loc[[3, 9], "y"] = 1 - other.loc[[3, 9], "y"]
    with pytest.raises(InputError, match="'y' differs between the files in 2 paired rows"):
        compared(tmp_path, a, other)


def test_a_unit_without_one_prediction_is_compared_in_neither(tmp_path: Path) -> None:
    a = predictions(200)
    b = a.copy()
    b.loc[:9, "p"] = np.nan
    result = compared(tmp_path, a, b)
    assert result.compared == 190
    assert record(result, "sensitivity/overall").n == 190


def test_segmentations_and_follow_up_are_compared_by_shared_resamples(tmp_path: Path) -> None:
    table = masks(tmp_path, 40)
    for i in range(40):
        drawn = np.load(tmp_path / f"p{i}.npy")
        if table.sex[i] == "F":
            drawn = np.roll(drawn, 1, axis=1)
        np.save(tmp_path / f"q{i}.npy", drawn)
    other = table.assign(pred=[f"q{i}.npy" for i in range(40)])
    paths = (tmp_path / "a.csv", tmp_path / "b.csv")
    for path, frame in zip(paths, (table, other), strict=True):
        frame.to_csv(path, index=False)
    plan = planned("segmentation", SEGMENTED | {"unit": "case"}, segmentation=TWO)
    result = compare(paths, (plan, plan))
    women, men = (record(result, f"dice[liver]/sex={s}") for s in "FM")
    assert women.change == "worse"
    assert (men.difference, men.change) == (0.0, "same")
    followed = follow_up(300)
    moved = followed.assign(risk=np.clip(followed.risk * 1.7, 0, 1))
    for path, frame in zip(paths, (followed, moved), strict=True):
        frame.to_csv(path, index=False)
    plan = planned("survival", FOLLOWED, survival={"horizon": 5})
    result = compare(paths, (plan, plan))
    assert record(result, "oe_at_horizon/overall").change in ("worse", "better")
    assert abs(record(result, "harrell_c/overall").difference or 0) < 0.02


def test_two_detectors_on_the_same_images(tmp_path: Path) -> None:
    table = found_objects(tmp_path, 120)
    table.to_csv(tmp_path / "images.csv", index=False)
    made = pd.read_csv(tmp_path / "made.csv")
    women = set(table.image[table.sex == "F"])
    lost = made.image.isin(women) & (np.random.default_rng(0).random(len(made)) < 0.5)
    made[~lost].to_csv(tmp_path / "other.csv", index=False)
    text = """
task: detection
columns: {unit: image, patient: pid}
attributes: {sex: }
threshold: {value: 0.5}
resamples: 200
detection: {references: true.csv, detections: made.csv}
"""
    (tmp_path / "plan.yaml").write_text(text)
    images = tmp_path / "images.csv"

    def run(other: str | None) -> int:
        return run_compare(images, images, tmp_path / "plan.yaml", Flags(), scores=(None, None),
                           thresholds=(None, None), margins=[], parity=None,
                           out=tmp_path / "out", quiet=True, detections_b=other)[1]  # fmt: skip

    assert run("other.csv") == 0
    found = Comparison.model_validate_json((tmp_path / "out" / "comparison.json").read_text())
    assert record(found, "object_sensitivity/sex=F").change == "worse"
    assert record(found, "object_sensitivity/sex=M").difference == 0.0
    with pytest.raises(InputError, match="nothing to compare"):
        run(None)


def test_the_command_writes_both_files_and_its_exit_code_follows_the_margins(
    tmp_path: Path,
) -> None:
    a = predictions(1500)
    a.assign(q=worse_for_women(a).p).to_parquet(tmp_path / "both.parquet")
    path, out = tmp_path / "both.parquet", tmp_path / "out"
    flags = Flags(label="y", score="p", threshold=0.4, by=("sex",), unit="uid", resamples=200)

    def run(other: str, margins: list[str], parity: float | None = None) -> tuple[str, int]:
        return run_compare(path, path, None, flags, scores=(None, other), thresholds=(None, None),
                           margins=margins, parity=parity, out=out, quiet=True)  # fmt: skip

    text, code = run("q", ["sensitivity=0.05"])
    assert code == 1
    assert "worse beyond the margin 0.05" in text
    assert Comparison.model_validate_json((out / "comparison.json").read_text()).worsened
    assert (out / "comparison.md").read_text().startswith("# Comparison of two models")
    assert run("q", [])[1] == 0
    assert run("q", ["specificity=0.5"])[1] == 0
    assert run("q", ["auroc=0.0001"])[1] == 1
    assert run("q", [], 1e-6)[1] == 1
    with pytest.raises(InputError, match="nothing to compare"):
        run_compare(path, path, None, flags, scores=(None, None), thresholds=(None, None),
                    margins=[], parity=None, out=out, quiet=True)  # fmt: skip


@pytest.mark.simulation
def test_intervals_of_paired_differences_cover_under_clustering(tmp_path: Path) -> None:
    """Two models of different sensitivity, decisions that patients share: 93 to 97 %."""
    from audit.stats.linear import interval
    from audit.stats.paired import paired_ratio_difference, tango_difference

    rng, runs = np.random.default_rng(11), 2000
    hits = np.zeros((runs, 2))
    for run in range(runs):
        owner = np.repeat(np.arange(150), rng.integers(1, 6, 150))
        shared = rng.normal(0, 1.2, (150, 2))[owner]
        a = (shared[:, 0] + rng.normal(size=owner.size) < 0.9).astype(float)
        mixed = 0.6 * shared[:, 0] + 0.8 * shared[:, 1] + rng.normal(size=owner.size)
        b = (mixed < 0.5).astype(float)
        ones: Any = np.ones(owner.size)
        found = paired_ratio_difference((a, ones), (b, ones), np.zeros(owner.size, int), owner, 1)
        low, high = interval(found.difference, found.variance, found.clusters, 0.95, "identity")
        hits[run, 0] = low[0] <= TRUE <= high[0]
        only_a, only_b = float((a * (1 - b)).sum()), float((b * (1 - a)).sum())
        low_t, high_t = tango_difference(only_a, only_b, owner.size)
        hits[run, 1] = float(low_t) <= TRUE <= float(high_t)
    ours, independent = hits.mean(axis=0)
    assert 0.93 <= ours <= 0.97
    assert independent < 0.90


# P(b) - P(a): both are normal sums of standard deviation sqrt(1.2^2 + 1).
_SD = float(np.sqrt(1.2**2 + 1))
TRUE = float(ndtr(0.5 / _SD) - ndtr(0.9 / _SD))
