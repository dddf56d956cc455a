"""The shipped patients, and what the demonstrations make of them."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from audit.models import load_model
from audit.plan_file import read_plan
from audit.prediction import predict_table
from audit.problems import InputError
from commands.demos import DATA, heart, support2

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def heart_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("heart")
    heart.build(folder)
    return folder


@pytest.fixture(scope="module")
def support_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("support2")
    support2.build(folder)
    return folder


def predictions(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "predictions.parquet")


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_the_heart_cohort_is_whole_and_its_traps_are_in_it() -> None:
    typed, written = heart.read_cohort()
    assert typed["hospital"].value_counts().to_dict() == {
        "Cleveland": 304,
        "Hungary": 293,
        "Switzerland": 123,
        "VA Long Beach": 200,
    }
    zeros = typed.loc[typed["chol"] == 0, "hospital"].value_counts()
    assert zeros.to_dict() == {"Switzerland": 123, "VA Long Beach": 49}
    women = (typed["sex"] == "Female").groupby(typed["hospital"]).sum()
    assert (women["Switzerland"], women["VA Long Beach"]) == (10, 6)
    assert typed["id"].is_unique
    assert set(written.loc[typed["hospital"] == "Switzerland", "chol"]) == {"0"}


def test_the_support2_cohort_is_whole_and_nobody_was_lost_before_the_horizon() -> None:
    cohort = support2.read_cohort()
    assert len(cohort) == 9105
    assert cohort["patient"].is_unique
    assert cohort.loc[cohort["death"] == 0, "d.time"].min() > support2.HORIZON
    assert cohort[["race", "income", "prg6m", "surv6m"]].isna().sum().to_dict() == {
        "race": 42,
        "income": 2982,
        "prg6m": 1633,
        "surv6m": 1,
    }


def test_the_attribution_names_every_source() -> None:
    for text in ((DATA / "README.md").read_text("utf-8"), (ROOT / "NOTICE").read_text("utf-8")):
        for needed in (
            "Janosi", "Steinbrunn", "Pfisterer", "Detrano", "10.24432/C52P4X", "Harrell", "Knaus",
            "10.3886/ICPSR02957.v2", "10.7326/0003-4819-122-3-199502010-00007", "CC BY 4.0",
        ):  # fmt: skip
            assert needed in text


def test_nobody_the_model_was_trained_on_is_audited(heart_folder: Path) -> None:
    audited = predictions(heart_folder)
    typed, _ = heart.read_cohort()
    rest = typed[~typed["id"].isin(audited["id"])]
    assert (len(audited), len(rest)) == (738, 182)
    assert set(rest["hospital"]) == {"Cleveland"}
    assert audited["p"].between(0, 1).all()
    # The model is the one that those 182 give, and no other.
    model = load_model(heart_folder / "model.skops")
    unseen = typed.set_index("id").loc[audited["id"]]
    again = heart.train(rest).predict_proba(unseen)[:, 1]
    pd.testing.assert_series_equal(audited["p"], pd.Series(again, name="p"), rtol=1e-9)
    assert set(model.describe().inputs) == {*heart.NUMERIC, *heart.CATEGORICAL}


def test_the_heart_model_discriminates_as_known(heart_folder: Path) -> None:
    table = predictions(heart_folder)
    areas = {
        str(hospital): roc_auc_score(rows["disease"], rows["p"])
        for hospital, rows in table.groupby("hospital")
    }
    known = {"Cleveland": 0.85, "Hungary": 0.875, "Switzerland": 0.759, "VA Long Beach": 0.723}
    assert areas == pytest.approx(known, abs=0.02)
    prevalence = table.groupby("hospital")["disease"].mean()
    assert prevalence["Hungary"] == pytest.approx(0.362, abs=0.001)
    assert prevalence["Switzerland"] == pytest.approx(0.935, abs=0.001)


def test_the_heart_table_holds_every_cell_as_delivered(heart_folder: Path) -> None:
    _, written = heart.read_cohort()
    cohort = pd.read_csv(heart_folder / "cohort.csv", dtype=str, keep_default_na=False)
    expected = written[written["id"].isin(cohort["id"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(cohort, expected)


def test_the_demonstrations_write_the_same_bytes_in_another_process(
    heart_folder: Path, support_folder: Path, tmp_path: Path
) -> None:
    code = (
        "import sys; from pathlib import Path; from commands.demos import heart, support2\n"
        "heart.build(Path(sys.argv[1], 'h')); support2.build(Path(sys.argv[1], 's'))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, env=environment)
    assert hashes(tmp_path / "h") == hashes(heart_folder)
    assert hashes(tmp_path / "s") == hashes(support_folder)
    assert sorted(hashes(heart_folder)) == [
        "cohort.csv",
        "equipoise.yaml",
        "model.skops",
        "predictions.parquet",
    ]


def test_a_table_that_lacks_an_input_is_refused_with_the_nearest_name(
    heart_folder: Path, tmp_path: Path
) -> None:
    cohort = pd.read_csv(heart_folder / "cohort.csv").rename(columns={"thalch": "thalach"})
    cohort.to_csv(tmp_path / "cohort.csv", index=False)
    model = load_model(heart_folder / "model.skops")
    with pytest.raises(InputError, match="did you mean 'thalach'"):
        predict_table(model, tmp_path / "cohort.csv", tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_model_and_physicians_are_audited_on_the_same_patients(support_folder: Path) -> None:
    model, physicians = predictions(support_folder), predictions(support_folder / "physicians")
    assert len(model) == 7472
    pd.testing.assert_frame_equal(model.drop(columns="p"), physicians.drop(columns="p"))
    for table, known in ((model, 0.785), (physicians, 0.787)):
        assert roc_auc_score(table["died_180d"], table["p"]) == pytest.approx(known, abs=0.0006)
        assert table["p"].between(0, 1).all()


def test_patients_without_an_estimate_are_counted_by_group(support_folder: Path) -> None:
    table = pd.read_csv(support_folder / "missing_estimates.csv")
    everyone = table.iloc[0]
    assert (everyone["patients"], everyone["without_estimate"]) == (9105, 1633)
    for _, rows in table.iloc[1:].groupby("attribute"):
        assert rows["patients"].sum() == 9105
        assert rows["without_estimate"].sum() == 1633
    assert set(table["attribute"]) == {"overall", "sex", "race", "income", "age"}
    assert (table["lower"] < table["share"]).all()
    assert (table["share"] < table["upper"]).all()
    notes = support2.build(support_folder).notes
    assert notes[0].startswith("7,472 of 9,105 patients have both estimates")
    assert len(notes) == 5


@pytest.mark.parametrize("demo", [heart, support2])
def test_the_plans_are_valid_and_say_what_is_true(demo: object, tmp_path: Path) -> None:
    for audit in demo.build(tmp_path).audits:  # type: ignore[attr-defined]
        plan = read_plan(audit.plan)
        table = pd.read_parquet(audit.predictions)
        assert audit.plan.parent == audit.predictions.parent == audit.out
        assert [audit.plan.parent / name for name in plan.data] == [audit.predictions]
        assert (plan.product.model is None) == (audit.model is None)
        roles = plan.columns
        named = {roles.label, roles.score, roles.unit, roles.site, *roles.covariates}
        assert named | set(plan.attributes) - {None} <= {*table.columns, None}
        assert plan.threshold is not None
        assert plan.threshold.source == "fixed"
        text = plan.product.description + plan.product.cohort
        numbers = {int(n.replace(",", "")) for n in re.findall(r"\d[\d,]{2,}(?= )", text)}
        facts = {182, 304, 122} if demo is heart else {7472, 9105}
        assert facts <= numbers
