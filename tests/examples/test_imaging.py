"""The imaging examples, run as their pages say, each ending in a result by subgroup or site."""

import sys
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from audit.comparison.records import Comparison
from audit.result import AuditResult, Estimate
from commands.audit import Flags, run_audit
from commands.compare import run_compare
from commands.predict import run_predict

EXAMPLES = Path(__file__).parents[2] / "examples"


def loaded(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load a script; its folder, and the networks beside it, are forgotten afterwards."""
    path = EXAMPLES / f"{name}.py"
    monkeypatch.syspath_prepend(str(path.parent))
    monkeypatch.delitem(sys.modules, "networks", raising=False)
    spec = util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.delitem(sys.modules, "networks", raising=False)
    return module


def predicted(folder: Path, model: str, out: str, **options: Any) -> str:
    rest: dict[str, Any] = {"score": None, "images": None, "restart": False, "trusted": [],
                            "trust": False}  # fmt: skip
    return run_predict(
        folder / model, folder / "cohort.csv", folder / out, quiet=True, **rest | options
    )


def audited(folder: Path, predictions: str) -> AuditResult:
    run_audit([folder / predictions], folder / "equipoise.yaml", Flags(), model=None,
              out=folder / "audit", quiet=True)  # fmt: skip
    return AuditResult.from_json((folder / "audit" / "audit.json").read_bytes())


def estimate(result: AuditResult, id: str) -> Estimate:
    (found,) = [e for e in result.estimates if e.id == id]
    return found


def skin(folder: Path, images: int = 440) -> Path:
    """Pictures in the layout of the data set; malignant ones have a darker spot."""
    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    rows = []
    for i in range(images):
        dx = str(rng.choice(["nv", "mel", "bcc", "bkl"], p=[0.5, 0.25, 0.15, 0.1]))
        source = str(rng.choice(["rosendahl", "vidir_modern"]))
        picture = rng.normal(190, 12, (60, 60, 3)) - (20 if source == "vidir_modern" else 0)
        size = int(rng.integers(10, 20))
        picture[20 : 20 + size, 20 : 20 + size] -= 90 if dx in ("mel", "bcc") else 45
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(
            folder / "images" / f"ISIC_{i}.jpg"
        )
        sex = str(rng.choice(["male", "female", "unknown"], p=[0.5, 0.45, 0.05]))
        age = float(rng.integers(20, 80))
        rows.append((f"L{i // 2}", f"ISIC_{i}", dx, age, sex, source))
    names = ["lesion_id", "image_id", "dx", "age", "sex", "source"]
    table = pd.DataFrame(rows, columns=names)
    table.to_csv(folder / "metadata.csv", index=False)
    return folder


def test_skin_lesions_from_training_to_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("torch", "onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(module)
    data, out = skin(tmp_path / "data"), tmp_path / "skin"
    loaded("skin_lesions/train", monkeypatch).main(data, out, epochs=5)
    for stem, trust in (("cnn", False), ("cnn_onnx", False), ("cnn_int8", False), ("vit", True)):
        told = predicted(out, f"{stem}.yaml", f"{stem}.parquet", images=data / "images",
                         trust=trust)  # fmt: skip
        cohort = len(pd.read_csv(out / "cohort.csv"))
        assert told.startswith(f"{cohort} of {cohort} rows have a score")
    result = audited(out, "cnn.parquet")
    model = result.provenance.predicted_by or {}
    assert model["name"] == "cnn.pt2"
    (taken,) = model["takes"]
    assert [step["step"] for step in taken["preprocessing"]["steps"]] == [
        "resize", "divide", "normalise"
    ]  # fmt: skip
    for stratum in ("sex=female", "sex=male", "source=rosendahl", "source=vidir_modern"):
        found = estimate(result, f"auroc/{stratum}")
        assert found.status == "ok"
        assert (found.value or 0) > 0.8
    assert {v.requirement for v in result.verdicts} == {
        "sensitivity-each-sex", "sensitivity-gap", "order"
    }  # fmt: skip

    def compared(other: str, parity: float | None, margins: list[str]) -> tuple[Comparison, int]:
        paths = out / "cnn.parquet", out / f"{other}.parquet"
        code = run_compare(*paths, out / "equipoise.yaml", Flags(), scores=(None, None),
                           thresholds=(None, None), margins=margins, parity=parity,
                           out=out / other, quiet=True)[1]  # fmt: skip
        text = (out / other / "comparison.json").read_bytes()
        return Comparison.model_validate_json(text), code

    onnx, code = compared("cnn_onnx", 1e-4, [])
    assert code == 0
    assert onnx.parity[0].within
    assert onnx.worsened == ()
    small, _ = compared("cnn_int8", 1e-4, ["auroc=0.05"])
    assert not small.parity[0].within
    assert 0 < small.parity[0].largest < 0.2
    assert (small.a.model or {})["sha256"] != (small.b.model or {})["sha256"]
    other, _ = compared("vit", None, [])
    assert {f.stratum for f in other.flips} >= {"overall", "sex=male", "source=rosendahl"}


def test_two_scanners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    loaded("imaging/two_scanners", monkeypatch).main(tmp_path, patients=60)
    told = predicted(tmp_path, "unet.yaml", "predicted.parquet")
    assert "have a mask in column 'mask'" in told
    result = audited(tmp_path, "predicted.parquet")
    good, poor = (estimate(result, f"dice/scanner={name}") for name in ("alpha", "beta"))
    assert (good.value or 0) > 0.8
    assert (good.value or 0) - (poor.value or 0) > 0.05
    assert estimate(result, "hd95/scanner=beta").status == "ok"
    (ledger,) = [r for r in result.ledger if r.stratum == "scanner=alpha"]
    counts = (ledger.both_present, ledger.reference_only, ledger.prediction_only,
              ledger.both_empty)  # fmt: skip
    assert sum(c or 0 for c in counts) == good.n
    (verdict,) = [v for v in result.verdicts if v.requirement == "dice-gap"]
    assert verdict.status in ("violated", "inconclusive")


def test_super_resolution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    loaded("imaging/super_resolution", monkeypatch).main(tmp_path, patients=40)
    told = predicted(tmp_path, "sharpen.yaml", "predicted.parquet", score="made")
    assert told.startswith("40 of 40 rows have an image in column 'made'")
    result = audited(tmp_path, "predicted.parquet")
    chest, hand = (estimate(result, f"psnr/part={name}") for name in ("chest", "hand"))
    assert (chest.value or 0) > (hand.value or 0) + 3
    (gap,) = [d for d in result.disparities if d.id == "psnr/gap/part"]
    assert (gap.lower or 0) > 0


def test_a_dicom_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pydicom")
    loaded("imaging/dicom_folder", monkeypatch).main(tmp_path)
    told = predicted(tmp_path, "score.yaml", "predicted.parquet", trust=True)
    table = pd.read_parquet(tmp_path / "predicted.parquet")
    assert len(table) > 20
    assert table["score"].notna().sum() > 10
    failed = table[table["score"].isna()]
    assert failed["score_problem"].notna().all()
    assert f"{len(table) - len(failed)} of {len(table)} rows have a score" in told
    result = audited(tmp_path, "predicted.parquet")
    assert any(e.stratum.startswith("manufacturer=") for e in result.estimates)
    assert any(e.stratum == "sex=F" for e in result.estimates)
