"""The demos from command to dossier, held against facts known of their data."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from commands.demo import run_demo
from tests.end_to_end.command import run
from tests.reports.validators import assert_conforms

FILES = (
    "audit.json",
    "report.html",
    "dossier.pdf",
    "predictions.parquet",
    "model.skops",
    "equipoise.yaml",
)
UNCHANGED = ("cohort", "estimates", "disparities", "sites", "curves", "verdicts", "warnings")


@pytest.fixture(scope="module")
def support2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("support2")
    run_demo("support2", out, quiet=True)
    return out


def audit_of(folder: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    return result


def values(audit: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {e["id"]: e for e in audit["estimates"]}


def test_all_files_are_written(heart: Path) -> None:
    for name in FILES:
        assert (heart / name).stat().st_size > 1000, name


def test_the_model_never_saw_the_audited_patients(heart: Path) -> None:
    audited = pd.read_parquet(heart / "predictions.parquet")
    assert audited["id"].is_unique
    assert len(audited) == 920 - 182
    assert audited["hospital"].value_counts().to_dict() == {
        "Hungary": 293,
        "VA Long Beach": 200,
        "Switzerland": 123,
        "Cleveland": 122,
    }


def test_auroc_of_each_hospital_is_near_what_is_known(heart: Path) -> None:
    # A logistic model trained on Cleveland reaches 0.875, 0.759 and 0.723 there.
    found = values(audit_of(heart))
    for hospital, known in (("Hungary", 0.875), ("Switzerland", 0.759), ("VA Long Beach", 0.723)):
        estimate = found[f"auroc/hospital={hospital}"]
        assert estimate["value"] == pytest.approx(known, abs=0.03)
        assert estimate["lower"] < known < estimate["upper"]


def test_points_agree_with_scikit_learn(heart: Path) -> None:
    table = pd.read_parquet(heart / "predictions.parquet")
    found = values(audit_of(heart))
    strata = [("overall", table)]
    strata += [(f"sex={k}", g) for k, g in table.groupby("sex")]
    strata += [(f"hospital={k}", g) for k, g in table.groupby("hospital")]
    for stratum, rows in strata:
        y, p = rows["disease"].to_numpy(), rows["p"].to_numpy()
        flagged = p >= 0.5
        for measure, expected in {
            "sensitivity": recall_score(y, flagged),
            "specificity": recall_score(1 - y, ~flagged),
            "ppv": precision_score(y, flagged),
            "flag_rate": flagged.mean(),
            "auroc": roc_auc_score(y, p),
            "average_precision": average_precision_score(y, p),
            "brier": brier_score_loss(y, p),
            "oe_ratio": y.sum() / p.sum(),
        }.items():
            assert found[f"{measure}/{stratum}"]["value"] == pytest.approx(expected, abs=1e-12)


def test_points_agree_with_fairlearn(heart: Path) -> None:
    from fairlearn.metrics import MetricFrame, selection_rate, true_positive_rate

    table = pd.read_parquet(heart / "predictions.parquet")
    audit = audit_of(heart)
    found = values(audit)
    gaps = {d["id"]: d for d in audit["disparities"]}
    frame = MetricFrame(
        metrics={"sensitivity": true_positive_rate, "flag_rate": selection_rate},
        y_true=table["disease"],
        y_pred=(table["p"] >= 0.5).astype(int),
        sensitive_features=table["sex"],
    )
    for measure in ("sensitivity", "flag_rate"):
        for level, expected in frame.by_group[measure].items():
            value = found[f"{measure}/sex={level}"]["value"]
            assert value == pytest.approx(expected, abs=1e-12)
        gap = gaps[f"{measure}/gap/sex"]["value"]
        assert gap == pytest.approx(frame.difference()[measure], abs=1e-12)


def test_the_traps_of_this_cohort_are_visible(heart: Path) -> None:
    audit = audit_of(heart)
    said = {w["code"]: "" for w in audit["warnings"]}
    for warning in audit["warnings"]:
        said[warning["code"]] += warning["message"]
    assert "chol is 0 on 123 of 123 rows at hospital=Switzerland" in said["isolated_zero"]
    assert "0.362" in said["prevalence_differs_by_site"]
    assert "0.935" in said["prevalence_differs_by_site"]
    assert "hospital=Switzerland & sex=Female has 10 analysed units" in said["small_stratum"]
    assert "hospital=VA Long Beach & sex=Female has 6 analysed units" in said["small_stratum"]
    found = values(audit)
    nobody_well = found["specificity/hospital=Switzerland & sex=Female"]
    assert nobody_well["status"] == "undefined"
    assert nobody_well["value"] is None
    few = found["sensitivity/hospital=VA Long Beach & sex=Female"]
    assert few["status"] == "insufficient"
    assert few["lower"] is None
    zeros = {(c["column"], c["site"]): c["zeros"] for c in audit["cohort"]["covariates"]}
    assert zeros["chol", "Switzerland"] == 123
    assert zeros["chol", "Hungary"] == 0


def test_every_method_in_a_result_is_explained(heart: Path, support2: Path) -> None:
    from audit.glossary import ENTRIES

    for folder in (heart, support2):
        audit = audit_of(folder)
        used = {r["method"] for r in (*audit["estimates"], *audit["disparities"])}
        used |= {c["method"] for c in audit["curves"]["calibration"]}
        assert used <= set(ENTRIES)


def test_met_violated_and_inconclusive_all_occur(heart: Path) -> None:
    assert {v["status"] for v in audit_of(heart)["verdicts"]} == {
        "met",
        "violated",
        "inconclusive",
    }


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".feather"])
def test_order_columns_shards_and_format_change_nothing(
    heart: Path,
    tmp_path: Path,
    suffix: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = pq.read_table(heart / "predictions.parquet")
    chance = np.random.default_rng(5)
    rows = chance.permutation(table.num_rows)
    shuffled = table.take(pa.array(rows)).select(list(chance.permutation(table.column_names)))
    shards = tmp_path / "shards"
    shards.mkdir()
    for number, (first, size) in enumerate(((0, 300), (300, 1), (301, 437))):
        part = shuffled.slice(first, size)
        path = shards / f"part-{number}{suffix}"
        if suffix == ".parquet":
            pq.write_table(part, path)
        elif suffix == ".feather":
            pa.feather.write_feather(part, str(path))
        else:
            pa.csv.write_csv(part, str(path))
    out = tmp_path / "out"
    words = ("audit", shards, "--plan", heart / "equipoise.yaml", "--out", out)
    monkeypatch.chdir(heart)
    assert run(capsys, monkeypatch, *words, "--model", heart / "model.skops").code == 0
    before, after = audit_of(heart), audit_of(out)
    for section in UNCHANGED:
        assert json.dumps(after[section]) == json.dumps(before[section]), section


def test_gate_on_the_demo_is_violated(
    heart: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = run(capsys, monkeypatch, "gate", heart / "audit.json", "--format", "json")
    assert ended.code == 1
    assert len(json.loads(ended.out)["verdicts"]) == 7


def test_both_validators_accept_the_dossiers(heart: Path, support2: Path, tmp_path: Path) -> None:
    for folder in (heart, support2, support2 / "physicians"):
        assert_conforms((folder / "dossier.pdf").read_bytes(), tmp_path)


def test_support2_model_and_physicians_on_the_same_patients(support2: Path) -> None:
    model, physicians = audit_of(support2), audit_of(support2 / "physicians")
    for audit, auroc in ((model, 0.785), (physicians, 0.787)):
        assert audit["cohort"]["analysed"] == 7472
        assert values(audit)["auroc/overall"]["value"] == pytest.approx(auroc, abs=5e-4)
        names = {a["name"] for a in audit["cohort"]["attributes"]}
        assert names == {"race", "sex", "age", "income"}
    assert model["cohort"]["n_positive"] == physicians["cohort"]["n_positive"]
    missing = pd.read_csv(support2 / "missing_estimates.csv")
    overall = missing[missing["level"] == "overall"].iloc[0]
    assert (overall["patients"], overall["without_estimate"]) == (9105, 1633)
