"""Made images beside true ones, held against scikit-learn-free arithmetic of the same pairs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audit.problems import InputError
from tests.audit.tasks.cases import SEGMENTED, audited, estimate, planned


def pictures(folder: Path, cases: int = 24) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = []
    for i in range(cases):
        true = rng.uniform(0, 1, (16, 18))
        np.save(folder / f"r{i}.npy", true)
        np.save(folder / f"p{i}.npy", true + rng.normal(0, 0.02 * (1 + i % 2), true.shape))
        rows.append({"ref": f"r{i}.npy", "pred": f"p{i}.npy", "pid": i // 2, "sex": "FM"[i % 2]})
    return pd.DataFrame(rows)


def test_psnr_and_nrmse_are_means_over_patients(tmp_path: Path) -> None:
    table = pictures(tmp_path)
    result = audited(table, planned("image", SEGMENTED, image={"data_range": 1.0}), tmp_path)
    errors = np.array([
        np.sqrt(np.mean((np.load(tmp_path / f"p{i}.npy") - np.load(tmp_path / f"r{i}.npy")) ** 2))
        for i in range(24)
    ])  # fmt: skip
    table["psnr"], table["nrmse"] = -20 * np.log10(errors), errors
    for stratum, own in (("overall", table), ("sex=M", table[table.sex == "M"])):
        for name in ("psnr", "nrmse"):
            expected = own.groupby("pid")[name].mean().mean()
            assert estimate(result, name, stratum).value == pytest.approx(expected, rel=1e-12)
    (gap,) = [d for d in result.disparities if d.id == "psnr/gap/sex"]
    assert gap.stratum == "sex=M"
    assert (gap.lower or 0) > 3


def test_an_identical_image_has_no_finite_psnr_and_is_told(tmp_path: Path) -> None:
    table = pictures(tmp_path)
    before = audited(table, planned("image", SEGMENTED, image={"data_range": 1.0}), tmp_path)
    assert not any(w.code == "identical_images" for w in before.warnings)
    np.save(tmp_path / "p0.npy", np.load(tmp_path / "r0.npy"))
    result = audited(table, planned("image", SEGMENTED, image={"data_range": 1.0}), tmp_path)
    assert any(w.code == "identical_images" for w in result.warnings)
    assert estimate(result, "psnr").n == 24


def test_a_wrong_data_range_and_nan_are_refused(tmp_path: Path) -> None:
    table = pictures(tmp_path, 4)
    np.save(tmp_path / "p1.npy", np.full((16, 18), np.nan))
    with pytest.raises(InputError) as caught:
        audited(table, planned("image", SEGMENTED, image={"data_range": 1.0}), tmp_path)
    assert "image must be finite" in str(caught.value)
    with pytest.raises(InputError, match="more than the data_range"):
        audited(table, planned("image", SEGMENTED, image={"data_range": 0.2}), tmp_path)


def test_coloured_images_are_compared_over_their_channels(tmp_path: Path) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    errors = []
    for i in range(12):
        true = rng.integers(0, 256, (20, 22, 3), dtype=np.uint8)
        made = np.clip(true + rng.integers(-9, 10, true.shape), 0, 255).astype(np.uint8)
        Image.fromarray(true).save(tmp_path / f"r{i}.png")
        Image.fromarray(made).save(tmp_path / f"p{i}.png")
        errors.append(np.sqrt(np.mean((true.astype(float) - made) ** 2)) / 255)
    table = pd.DataFrame({"ref": [f"r{i}.png" for i in range(12)],
                          "pred": [f"p{i}.png" for i in range(12)],
                          "pid": range(12), "sex": ["F", "M"] * 6})  # fmt: skip
    result = audited(table, planned("image", SEGMENTED, image={"data_range": 255}), tmp_path)
    assert estimate(result, "nrmse").value == pytest.approx(float(np.mean(errors)), rel=1e-12)
    Image.fromarray(np.zeros((20, 22), np.uint8)).save(tmp_path / "p3.png")
    with pytest.raises(InputError, match=r"p3\.png"):
        audited(table, planned("image", SEGMENTED, image={"data_range": 255}), tmp_path)
