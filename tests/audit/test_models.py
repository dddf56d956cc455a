import dataclasses
import hashlib
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.svm import LinearSVC

from audit.models import Batch, load_model
from audit.models.skops_file import skops_bytes
from audit.problems import InputError


def table(rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    age = rng.integers(20, 90, rows)
    sex = rng.choice(["F", "M"], rows)
    risk = (age + 10 * rng.standard_normal(rows) > 55).astype(int)
    return pd.DataFrame({"age": age, "sex": sex, "weight": rng.normal(70, 9, rows), "y": risk})


def pipeline(classifier: Any | None = None) -> Any:
    encode = ColumnTransformer(
        [
            ("numbers", SimpleImputer(strategy="median"), ["age", "weight"]),
            ("words", OneHotEncoder(handle_unknown="ignore"), ["sex"]),
        ]
    )
    last = LogisticRegression(max_iter=1000) if classifier is None else classifier
    return make_pipeline(encode, last)


def fitted(classifier: Any | None = None) -> Any:
    data = table()
    return pipeline(classifier).fit(data[["age", "sex", "weight"]], data["y"])


def codes(error: InputError) -> list[str]:
    return [problem.code for problem in error.problems]


def refused(path: Path, trusted: Sequence[str] = (), trust: bool = False) -> InputError:
    with pytest.raises(InputError) as caught:
        load_model(path, trusted, trust)
    return caught.value


def double(values: Any) -> Any:
    return 2 * values


def test_a_skops_pipeline_gives_the_probability_of_the_second_class(tmp_path: Path) -> None:
    model = fitted()
    skops.io.dump(model, tmp_path / "m.skops")
    loaded = load_model(tmp_path / "m.skops")
    data = table()
    # Other columns, another order: the model takes its own.
    scores = loaded.predict(Batch(data[["y", "weight", "sex", "age"]]))
    np.testing.assert_array_equal(scores, model.predict_proba(data)[:, 1])
    assert np.asarray(scores).dtype == np.float64
    assert loaded.score_kind == "probability"


def test_a_model_says_what_is_known_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "m.skops"
    skops.io.dump(fitted(), path)
    described = load_model(path).describe()
    assert {**dataclasses.asdict(described), "takes": None} == {
        "format": "skops (sklearn Pipeline)",
        "name": "m.skops",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
        "inputs": ("age", "sex", "weight"),
        "classes": ("0", "1"),
        "positive": "1",
        "parameters": 5,  # age, weight, two of sex, the intercept
        "takes": None,
        "gives": "scores",
        "activation": None,
        "parts": (),
        "library": f"scikit-learn {sklearn.__version__}",
        "device": "cpu",
        "batch_size": None,
        "flops": None,
        "deterministic": None,
        "largest_difference": None,
    }
    (takes,) = described.takes
    assert (takes.kind, takes.columns, takes.shape) == ("columns", described.inputs, (3,))


@pytest.mark.parametrize(
    ("classifier", "parameters"),
    [
        (RandomForestClassifier(3, random_state=1), None),
        (MLPClassifier((2,), max_iter=3000, solver="lbfgs", random_state=1), 4 * 2 + 2 + 2 + 1),
    ],
)
def test_parameters_are_counted_where_that_means_something(
    tmp_path: Path, classifier: Any, parameters: int | None
) -> None:
    joblib.dump(fitted(classifier), tmp_path / "m.joblib")
    model = load_model(tmp_path / "m.joblib", trust=True)
    assert model.describe().parameters == parameters


def test_the_positive_class_can_be_chosen(tmp_path: Path) -> None:
    data = table()
    words = data["y"].map({1: "disease", 0: "healthy"})
    model = pipeline().fit(data[["age", "sex", "weight"]], words)
    skops.io.dump(model, tmp_path / "m.skops")
    assert load_model(tmp_path / "m.skops").describe().positive == "healthy"
    chosen = load_model(tmp_path / "m.skops", positive="disease")
    np.testing.assert_array_equal(chosen.predict(Batch(data)), model.predict_proba(data)[:, 0])
    with pytest.raises(InputError, match="did you mean 'disease'"):
        load_model(tmp_path / "m.skops", positive="diseased")


@pytest.mark.parametrize(("positive", "sign"), [("1", 1), ("0", -1)])
def test_a_decision_function_is_only_an_order(tmp_path: Path, positive: str, sign: int) -> None:
    model = fitted(LinearSVC())
    skops.io.dump(model, tmp_path / "m.skops")
    loaded = load_model(tmp_path / "m.skops", positive=positive)
    assert loaded.score_kind == "rank"
    data = table()
    np.testing.assert_array_equal(loaded.predict(Batch(data)), sign * model.decision_function(data))


def test_types_that_are_not_trusted_are_refused_by_name(tmp_path: Path) -> None:
    data = table()
    model = make_pipeline(FunctionTransformer(double), LogisticRegression())
    model.fit(data[["age", "weight"]], data["y"])
    path = tmp_path / "m.skops"
    skops.io.dump(model, path)
    error = refused(path)
    (name,) = skops.io.get_untrusted_types(file=path)
    assert codes(error) == ["untrusted_type"]
    assert name in error.problems[0].reason
    assert error.problems[0].remedy.endswith(f"--trust-type {name}")
    assert codes(refused(path, trusted=["another.type"])) == ["untrusted_type"]


def test_a_type_named_by_the_caller_is_loaded(tmp_path: Path) -> None:
    data = table()
    model = make_pipeline(FunctionTransformer(np.nan_to_num), LogisticRegression())
    model.fit(data[["age", "weight"]], data["y"])
    path = tmp_path / "m.skops"
    skops.io.dump(model, path)
    trusted = [problem.reason.rsplit(" ", 1)[1] for problem in refused(path).problems]
    loaded = load_model(path, trusted=trusted)
    expected = model.predict_proba(data[["age", "weight"]])[:, 1]
    np.testing.assert_array_equal(loaded.predict(Batch(data)), expected)


@pytest.mark.parametrize("suffix", [".joblib", ".pkl", ".pickle", ".PKL"])
def test_a_pickle_needs_trust(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"m{suffix}"
    joblib.dump(fitted(), path)
    error = refused(path)
    assert codes(error) == ["untrusted_pickle"]
    assert "runs whatever code" in str(error)
    assert "--trust" in str(error)
    assert load_model(path, trust=True).describe().format == "pickle (sklearn Pipeline)"


def test_missing_columns_are_all_named_with_the_nearest(tmp_path: Path) -> None:
    skops.io.dump(fitted(), tmp_path / "m.skops")
    model = load_model(tmp_path / "m.skops")
    with pytest.raises(InputError) as caught:
        model.predict(Batch(table().rename(columns={"weight": "wieght", "sex": "gender"})))
    assert codes(caught.value) == ["missing_feature", "missing_feature"]
    assert "'sex'" in caught.value.problems[0].reason
    assert "did you mean 'wieght'?" in caught.value.problems[1].remedy


def _unnamed() -> Any:
    data = table()
    return LogisticRegression().fit(data[["age", "weight"]].to_numpy(), data["y"])


def _three_classes() -> Any:
    data = table()
    return LogisticRegression(max_iter=1000).fit(data[["age", "weight"]], np.arange(60) % 3)


def _regression() -> Any:
    data = table()
    return LinearRegression().fit(data[["age", "weight"]], data["y"])


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (_unnamed, "no_feature_names"),
        (_three_classes, "not_binary"),
        (LogisticRegression, "not_binary"),
        (_regression, "no_score"),
        (dict, "no_score"),
    ],
)
def test_models_that_cannot_score_named_columns_are_refused(
    tmp_path: Path, make: Any, code: str
) -> None:
    skops.io.dump(make(), tmp_path / "m.skops")
    assert codes(refused(tmp_path / "m.skops")) == [code]


def test_bad_files_are_bad_input(tmp_path: Path) -> None:
    whole = skops.io.dumps(fitted())
    (tmp_path / "cut.skops").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.skops").write_text("no model")
    (tmp_path / "empty.skops").write_bytes(b"")
    (tmp_path / "text.pkl").write_text("no model")
    with zipfile.ZipFile(tmp_path / "other.skops", "w") as archive:
        archive.writestr("schema.json", "{}")
    for name in ("cut.skops", "text.skops", "empty.skops", "other.skops", "text.pkl"):
        error = refused(tmp_path / name, trust=True)
        assert codes(error) == ["corrupt_model"], name
        assert "\n" not in str(error)
    assert codes(refused(tmp_path / "none.skops")) == ["missing_file"]
    assert codes(refused(tmp_path)) == ["unknown_model"]
    (tmp_path / "folder.skops").mkdir()
    assert codes(refused(tmp_path / "folder.skops")) == ["unreadable"]
    assert ".skops" in str(refused(tmp_path / "m.h5"))


def test_equal_estimators_give_equal_bytes() -> None:
    first, second = skops_bytes(fitted()), skops_bytes(fitted())
    assert first == second
    data = table()
    loaded = skops.io.loads(first, trusted=["numpy.dtype"])
    np.testing.assert_array_equal(loaded.predict_proba(data), fitted().predict_proba(data))
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}


def test_an_object_used_twice_stays_one_object() -> None:
    shared = np.arange(3.0)
    loaded = skops.io.loads(skops_bytes({"a": shared, "b": shared, "file": "x.npy"}))
    assert loaded["a"] is loaded["b"] or np.array_equal(loaded["a"], loaded["b"])
    assert loaded["file"] == "x.npy"
