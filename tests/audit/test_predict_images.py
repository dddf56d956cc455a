"""Predicting from image files: masks and images, units that fail, and runs that are killed."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image as Pictures

from audit import prediction
from audit.models import Batch, ModelDescription, ModelInput
from audit.plan import ScoreKind
from audit.prediction import PredictionRun, predict_table
from audit.problems import InputError
from audit.sources.images import read_image, read_mask

TAKES = (ModelInput("scan", "image", ("path",), "float32", None),
         ModelInput("age", "columns", ("age",), "float32", None))  # fmt: skip


class OfImages:
    """A model made of a function of one image and one age."""

    score_kind: ScoreKind = "probability"

    def __init__(
        self,
        function: Callable[[NDArray[Any], float], Any],
        gives: Literal["scores", "masks", "images"] = "scores",
        sha256: str = "",
    ) -> None:
        self.function, self.gives, self.sha256 = function, gives, sha256
        self.seen: list[int] = []

    def describe(self) -> ModelDescription:
        return ModelDescription(
            "fake", "fake", self.sha256, 0, ("age",), ("0", "1"), "1", None, TAKES, self.gives
        )

    def predict(self, batch: Batch) -> Any:
        self.seen.append(len(batch))
        ages = batch.table["age"].tolist()
        made = [self.function(a, age) for a, age in zip(batch.images["scan"], ages, strict=True)]
        return np.array(made, dtype=np.float64) if self.gives == "scores" else tuple(made)


def brightness(image: NDArray[Any], age: float) -> float:
    if image.shape != (8, 9):
        raise ValueError(f"expected 8 x 9, got {image.shape}")
    return float(image.mean()) / 255 + age / 1000


def cohort(folder: Path, units: int = 10) -> Path:
    rng = np.random.default_rng(0)
    (folder / "scans").mkdir(exist_ok=True)
    for i in range(units):
        picture = rng.integers(0, 255, (8, 9), dtype=np.uint8)
        Pictures.fromarray(picture).save(folder / "scans" / f"{i}.png")
    table = pd.DataFrame({"unit": range(units), "age": np.arange(units) + 20,
                          "path": [f"scans/{i}.png" for i in range(units)]})  # fmt: skip
    table.to_csv(folder / "cohort.csv", index=False)
    return folder / "cohort.csv"


def run(folder: Path, model: OfImages, **options: Any) -> tuple[PredictionRun, pd.DataFrame]:
    result = predict_table(model, folder / "cohort.csv", folder / "out.parquet", **options)
    return result, pd.read_parquet(folder / "out.parquet")


def test_scores_come_from_the_image_and_the_columns(tmp_path: Path) -> None:
    cohort(tmp_path)
    result, table = run(tmp_path, OfImages(brightness))
    for i in range(10):
        pixels = np.asarray(Pictures.open(tmp_path / f"scans/{i}.png"))
        assert table["p"][i] == pytest.approx(pixels.mean() / 255 + (20 + i) / 1000)
    assert table["p_problem"].isna().all()
    assert (result.predicted, result.unpredicted) == (10, ())
    assert not (tmp_path / "out.parquet.parts").exists()


def test_every_unit_that_fails_is_counted_with_its_reason(tmp_path: Path) -> None:
    path = cohort(tmp_path, 12)
    scans = tmp_path / "scans"
    (scans / "1.png").unlink()
    content = (scans / "2.png").read_bytes()
    (scans / "2.png").write_bytes(content[: len(content) // 2])
    Pictures.fromarray(np.zeros((3, 3), np.uint8)).save(scans / "3.png")
    table = pd.read_csv(path)
    table.loc[4, "path"] = np.nan
    table.to_csv(path, index=False)

    def score(image: NDArray[Any], age: float) -> float:
        if age == 25:
            raise RuntimeError("not today")
        return float("nan") if age == 26 else brightness(image, age)

    result, made = run(tmp_path, OfImages(score))
    codes = [None if pd.isna(code) else code for code in made["p_problem"]]
    assert codes[:8] == [None, "missing_file", "corrupt", "model_error", "no_file",
                         "model_error", "not_finite", None]  # fmt: skip
    assert made["p"].isna().tolist() == [c is not None for c in codes]
    assert (result.predicted, sum(n for _, n in result.unpredicted)) == (6, 6)
    assert any("the image cannot be used: there is no such file" in why
               for why, _ in result.unpredicted)  # fmt: skip


def test_masks_are_written_beside_the_table_and_lie_on_their_image(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    turned = np.array([[0.0, -2, 0, 5], [-1.5, 0, 0, 7], [0, 0, 3, -4], [0, 0, 0, 1]])
    rng = np.random.default_rng(0)
    for i in range(3):
        volume = rng.integers(0, 200, (6, 5, 4)).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(volume, turned), tmp_path / f"{i}.nii.gz")
    pd.DataFrame({"age": [1, 2, 3], "path": [f"{i}.nii.gz" for i in range(3)]}).to_csv(
        tmp_path / "cohort.csv", index=False
    )
    model = OfImages(lambda image, _: (image > 100).astype(np.uint8), "masks")
    result, table = run(tmp_path, model)
    assert str(result).startswith("3 of 3 rows have a mask in column 'mask'")
    assert table["mask"].tolist() == [f"out_masks/00000{i}.nii.gz" for i in (1, 2, 3)]
    for i in range(3):
        image, mask = read_image(tmp_path / f"{i}.nii.gz"), read_mask(tmp_path / table["mask"][i])
        assert (mask.spacing, mask.orientation) == (image.spacing, image.orientation)
        np.testing.assert_allclose(mask.origin or (), image.origin or (np.nan,), atol=1e-5)
        np.testing.assert_array_equal(mask.array, image.array > 100)
        # In another reader, voxel for voxel in space.
        scan, made = (nibabel.as_closest_canonical(nibabel.load(path)) for path in
                      (tmp_path / f"{i}.nii.gz", tmp_path / table["mask"][i]))  # fmt: skip
        np.testing.assert_allclose(made.affine, scan.affine, atol=1e-5)
        np.testing.assert_array_equal(made.get_fdata(), scan.get_fdata() > 100)


def test_planes_become_png_and_images_arrays(tmp_path: Path) -> None:
    cohort(tmp_path, 4)
    _, table = run(tmp_path, OfImages(lambda a, _: (a > 99).astype(np.uint8), "masks"))
    assert table["mask"][0] == "out_masks/000001.png"
    np.testing.assert_array_equal(
        read_mask(tmp_path / table["mask"][2]).array,
        np.asarray(Pictures.open(tmp_path / "scans/2.png")) > 99,
    )
    _, table = run(tmp_path, OfImages(lambda a, _: a / 2.0, "images"), score_name="made")
    assert table["made"][3] == "out_images/000004.npy"
    assert read_image(tmp_path / table["made"][3]).array.dtype == np.float32


def test_work_of_another_model_is_not_mixed_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort(tmp_path)
    monkeypatch.setattr(prediction, "IMAGES_AT_ONCE", 4)
    calls = []

    class StoppedError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        calls.append((done, total))
        if done >= 8:
            raise StoppedError

    with pytest.raises(StoppedError):
        run(tmp_path, OfImages(brightness, sha256="a"), progress=stop)
    assert calls == [(4, 10), (8, 10)]
    with pytest.raises(InputError, match="work of a run with another model") as caught:
        run(tmp_path, OfImages(brightness, sha256="b"))
    assert "--restart" in str(caught.value)
    again = OfImages(brightness, sha256="a")
    result, resumed = run(tmp_path, again)
    assert again.seen == [2]  # the third part; the check was made before
    assert result.model.deterministic is True
    resumed_bytes = (tmp_path / "out.parquet").read_bytes()
    whole = OfImages(brightness, sha256="a")
    run(tmp_path, whole)
    assert whole.seen == [4, 4, 4, 2]
    assert (tmp_path / "out.parquet").read_bytes() == resumed_bytes
    assert len(resumed) == 10


def test_only_a_few_images_are_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gc
    import weakref

    from audit.sources import images as source

    cohort(tmp_path, 40)
    monkeypatch.setattr(prediction, "IMAGES_AT_ONCE", 4)
    alive: list[weakref.ref[Any]] = []
    most = 0
    read = source.read_image

    def watched(path: Path, frame: int | None = None) -> Any:
        image = read(path, frame)
        alive.append(weakref.ref(image))
        return image

    def score(image: NDArray[Any], age: float) -> float:
        nonlocal most
        gc.collect()
        most = max(most, sum(one() is not None for one in alive))
        return brightness(image, age)

    monkeypatch.setattr(source, "read_image", watched)
    gc.collect()
    gc.freeze()  # what other tests left behind is not gone through at every image
    try:
        run(tmp_path, OfImages(score))
    finally:
        gc.unfreeze()
    assert len(alive) == 40
    assert 4 <= most <= 8  # a part, and the next one that is read ahead


SLOW = """
import sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.audit.test_predict_images import OfImages, brightness
from audit import prediction
prediction.IMAGES_AT_ONCE = 2
def slow(image, age):
    time.sleep({pause})
    return brightness(image, age)
folder = Path(sys.argv[1])
prediction.predict_table(OfImages(slow), folder / "cohort.csv", folder / "out.parquet")
"""


def test_a_run_that_is_killed_goes_on_and_gives_the_same_bytes(tmp_path: Path) -> None:
    cohort(tmp_path, 20)
    root = str(Path(__file__).parents[2])
    slow = [sys.executable, "-c", SLOW.format(root=root, pause=0.2), str(tmp_path)]
    quick = [sys.executable, "-c", SLOW.format(root=root, pause=0), str(tmp_path)]
    process = subprocess.Popen(slow)
    parts = tmp_path / "out.parquet.parts"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (parts / "000002.parquet").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = sorted(parts.glob("0*.parquet"))
    assert 3 <= len(done) < 10
    assert not (tmp_path / "out.parquet").exists()
    subprocess.run(quick, check=True, timeout=120)
    resumed = (tmp_path / "out.parquet").read_bytes()
    assert not parts.exists()
    subprocess.run(quick, check=True, timeout=120)
    assert (tmp_path / "out.parquet").read_bytes() == resumed


def test_a_description_says_what_the_check_found(tmp_path: Path) -> None:
    cohort(tmp_path, 4)
    moved = iter([0.0] * 4 + [1.0] * 4)

    def drifting(image: NDArray[Any], age: float) -> float:
        return brightness(image, age) + next(moved)

    with pytest.raises(InputError, match="4 of 4 rows another score"):
        run(tmp_path, OfImages(drifting))
    assert not (tmp_path / "out.parquet").exists()
    assert not (tmp_path / "out.parquet.parts").exists()
