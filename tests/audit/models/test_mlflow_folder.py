from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
import yaml
from sklearn.linear_model import LogisticRegression

from audit.models import Batch, load_model
from audit.models.extras import required_module
from tests.audit.models.onnx_builder import fused_bytes
from tests.audit.models.samples import FUSED, codes, declared, refusal, save_script, script, units
from tests.audit.models.test_onnx_models import by_hand, weights
from tests.reports.validators import needs


def folder(path: Path, **flavours: Any) -> Path:
    """A model folder with the listing that MLflow writes (format of MLflow 3)."""
    path.mkdir(exist_ok=True)
    python = {"loader_module": "mlflow.sklearn", "python_version": "3.11.7"}
    listing = {"flavors": {"python_function": python, **flavours}, "model_uuid": "0" * 32}
    (path / "MLmodel").write_text(yaml.safe_dump(listing))
    return path


def fitted() -> tuple[Any, Batch]:
    table = pd.DataFrame({"a": [0.0, 1, 2, 3], "b": [1.0, 0, 1, 0]})
    return LogisticRegression().fit(table, [0, 0, 1, 1]), Batch(table)


def test_scikit_learn_by_skops(tmp_path: Path) -> None:
    estimator, batch = fitted()
    flavour = {"pickled_model": "model.skops", "serialization_format": "skops"}
    path = folder(tmp_path / "m", sklearn=flavour)
    skops.io.dump(estimator, path / "model.skops")
    model = load_model(path)
    expected = estimator.predict_proba(batch.table)[:, 1]
    np.testing.assert_array_equal(model.predict(batch), expected)
    described = model.describe()
    assert described.format == "MLflow sklearn: skops (sklearn LogisticRegression)"
    assert described.name == "m"
    assert [part.name for part in described.parts] == ["MLmodel"]


@pytest.mark.parametrize("kind", ["pickle", "cloudpickle"])
def test_scikit_learn_by_pickle_needs_trust(tmp_path: Path, kind: str) -> None:
    estimator, batch = fitted()
    flavour = {"pickled_model": "model.pkl", "serialization_format": kind}
    path = folder(tmp_path / "m", sklearn=flavour)
    joblib.dump(estimator, path / "model.pkl")
    assert codes(refusal(lambda: load_model(path))) == ["untrusted_pickle"]
    scores = load_model(path, trust=True).predict(batch)
    np.testing.assert_array_equal(scores, estimator.predict_proba(batch.table)[:, 1])


def test_onnx(tmp_path: Path) -> None:
    needs("onnxruntime")
    path = folder(tmp_path / "m", onnx={"data": "model.onnx", "onnx_version": "1.19.0"})
    (path / "model.onnx").write_bytes(fused_bytes(weights()))
    assert codes(refusal(lambda: load_model(path))) == ["undeclared_model"]
    model = declared(tmp_path, "file: m" + FUSED)
    np.testing.assert_allclose(model.predict(units()), by_hand(units()), rtol=0, atol=1e-6)
    assert model.describe().format == "MLflow onnx: ONNX"


def test_pytorch(tmp_path: Path) -> None:
    torch = needs("torch")
    from tests.audit.models.networks import Fused

    module = Fused().eval()
    path = folder(tmp_path / "m", pytorch={"model_data": "data", "pytorch_version": "2.13.0"})
    (path / "data").mkdir()
    torch.save(module, path / "data" / "model.pth")
    assert codes(refusal(lambda: declared(tmp_path, "file: m" + FUSED))) == ["untrusted_pickle"]
    pickled = declared(tmp_path, "file: m" + FUSED, trust=True).predict(units())
    (path / "data" / "model.pth").unlink()
    save_script(script(module), path / "data" / "model.pth")
    scripted = declared(tmp_path, "file: m" + FUSED)
    np.testing.assert_allclose(scripted.predict(units()), pickled, rtol=0, atol=1e-6)
    assert scripted.describe().format == "MLflow pytorch: TorchScript"


def test_other_flavours_are_refused_by_name(tmp_path: Path) -> None:
    path = folder(tmp_path / "m", xgboost={"data": "model.xgb"}, lightgbm={})
    error = refusal(lambda: load_model(path))
    assert codes(error) == ["unknown_flavour"]
    assert "lightgbm, xgboost" in str(error)


def test_a_folder_that_leads_outside_is_refused(tmp_path: Path) -> None:
    joblib.dump(fitted()[0], tmp_path / "other.pkl")
    for name in ("../other.pkl", str(tmp_path / "other.pkl")):
        path = folder(tmp_path / "m", sklearn={"pickled_model": name})
        error = refusal(partial(load_model, path, trust=True))
        assert codes(error) == ["outside_folder"]


def test_folders_that_are_no_model(tmp_path: Path) -> None:
    path = folder(tmp_path / "m", sklearn={"pickled_model": "model.pkl"})
    assert codes(refusal(lambda: load_model(path, trust=True))) == ["missing_file"]
    for text in ("flavors: 3", "- a", "a: [", "flavors: !!python/object:os.system {}"):
        (path / "MLmodel").write_text(text)
        assert codes(refusal(lambda: load_model(path))) == ["corrupt_model"], text
    (path / "MLmodel").unlink()
    assert codes(refusal(lambda: load_model(path))) == ["unknown_model"]


def test_a_missing_library_is_answered_with_its_install_line() -> None:
    error = refusal(lambda: required_module("no_such_library", "torch", "m.pt2"))
    assert codes(error) == ["missing_extra"]
    assert str(error).endswith('pip install "equipoise[torch]"')
