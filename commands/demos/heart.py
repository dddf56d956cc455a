"""A model of coronary disease, trained in one hospital and audited in four.

The developer's part is written here the way a careful one in Cleveland in 1988 might have done it.
The inputs are what is known before any imaging: history, examination, blood, the electrocardiogram
at rest and under exercise. Fluoroscopy (`ca`), the thallium scan (`thal`) and the slope of the
ST segment (`slope`) would raise the AUROC in Cleveland, where nearly everybody has them. Hardly
anybody has them elsewhere: there the model would run on the training median instead of a finding,
would call too many sick patients well, and nothing in Cleveland could have shown it.

Cholesterol is used as delivered. Switzerland wrote 0 for "not measured" on every patient, which an
imputer cannot know and the model takes for very low cholesterol. The audit has to show that.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.demos import DATA, Demo, DemoAudit, copy_plan

if TYPE_CHECKING:
    import pandas as pd

NUMERIC = ("age", "trestbps", "chol", "thalch", "oldpeak")
CATEGORICAL = ("sex", "cp", "fbs", "restecg", "exang")
DEVELOPMENT = "Cleveland"
TRAINED_ON = 0.6  # of the development hospital; the rest is for the audit
SEED = 1


def build(out: Path) -> Demo:
    """Train and save the model, then predict for patients it has not seen.

    Writes ``model.skops``, ``cohort.csv``, ``predictions.parquet`` and ``equipoise.yaml``. The same
    installation writes the same bytes every time.
    """
    from audit.atomic import check_writable, write_atomic
    from audit.models import load_model
    from audit.models.skops_file import skops_bytes
    from audit.prediction import predict_table

    check_writable(out)
    typed, written = read_cohort()
    training = _training_rows(typed)
    model_path, cohort_path = out / "model.skops", out / "cohort.csv"
    write_atomic(model_path, skops_bytes(train(typed.loc[training])))
    write_atomic(cohort_path, written.drop(training).to_csv(index=False, lineterminator="\n"))
    predictions = out / "predictions.parquet"
    run = predict_table(load_model(model_path), cohort_path, predictions)
    audit = DemoAudit(
        title="Heart disease in four hospitals",
        plan=copy_plan("heart.yaml", out / "equipoise.yaml"),
        predictions=predictions,
        model=model_path,
        out=out,
    )
    told = f"trained on {len(training)} patients of {DEVELOPMENT}, audited on {run.rows} others"
    return Demo((audit,), (told,))


def read_cohort() -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Return the shipped cohort with typed columns, and with every cell as it was delivered."""
    import pandas as pd

    path = DATA / "heart.csv.gz"
    typed = pd.read_csv(path).rename(columns={"dataset": "hospital"})
    typed["disease"] = (typed["num"] > 0).astype("int64")
    written = pd.read_csv(path, dtype=str, keep_default_na=False)
    written = written.rename(columns={"dataset": "hospital"})
    written["disease"] = typed["disease"].astype(str)
    return typed, written


def train(table: "pd.DataFrame") -> Any:
    """Fit the pipeline: impute, scale or encode, logistic regression."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numeric = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    categorical = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    columns = ColumnTransformer(
        [("numeric", numeric, list(NUMERIC)), ("categorical", categorical, list(CATEGORICAL))]
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=1000))
    return model.fit(table[[*NUMERIC, *CATEGORICAL]], table["disease"])


def _training_rows(typed: "pd.DataFrame") -> "pd.Index[int]":
    from sklearn.model_selection import train_test_split

    development = typed[typed["hospital"] == DEVELOPMENT]
    training, _ = train_test_split(
        development, train_size=TRAINED_ON, random_state=SEED, stratify=development["disease"]
    )
    rows: pd.Index[int] = training.index.sort_values()
    return rows
