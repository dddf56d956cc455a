"""A network that sharpens blurred images, audited by body part and sex against the sharp ones.

    python examples/imaging/super_resolution.py OUT

Writes a network, its declaration, pairs of images and a plan; then
``equipoise predict OUT/sharpen.yaml OUT/cohort.csv --out OUT/predicted.parquet`` and
``equipoise audit OUT/predicted.parquet --plan OUT/equipoise.yaml --out OUT/audit``.
"""

# torch is not installed everywhere that types are checked.
# mypy: disable-error-code="misc,import-not-found,no-any-return,no-untyped-call"

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

sys.path.insert(0, str(Path(__file__).parent))
from networks import Sharpen, fit

SIDE = 40
MODEL = """\
file: sharpen.pt2
inputs:
  - kind: image
    name: image
    column: blurred
    preprocessing: {channels: grey}
output: {kind: images}
"""
PLAN = """\
version: 1
task: image
title: Sharpened images by body part
columns: {label: sharp, prediction: made, patient: patient, unit: exam}
attributes:
  part: {}
  sex: {}
image: {data_range: 1.0}
requirements:
  - {id: ssim-each-part, measure: ssim, floor: 0.85, strata: part}
"""
# Fine structure, in pixels, of what is seen.
FINE = {"chest": 2.5, "hand": 1.2}


def pair(rng: np.random.Generator, part: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Invent a sharp image and its blurred form."""
    sharp = gaussian_filter(rng.normal(size=(SIDE, SIDE)), FINE[part])
    sharp = (sharp - sharp.min()) / (sharp.max() - sharp.min())
    return sharp.astype(np.float32), gaussian_filter(sharp, 1.3).astype(np.float32)


def main(out: Path, patients: int = 60, steps: int = 150) -> None:
    """Train on chests for the most part, and write everything."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    (out / "images").mkdir(parents=True, exist_ok=True)
    seen = [pair(rng, "hand" if rng.random() < 0.1 else "chest") for _ in range(160)]
    y, x = (torch.tensor(np.stack(side)[:, None]) for side in zip(*seen, strict=True))
    network = fit(Sharpen(), x, y, torch.nn.MSELoss(), steps)
    units = {0: torch.export.Dim("units", min=1, max=4096)}
    program = torch.export.export(network, (x[:2],), dynamic_shapes=(units,))
    torch.export.save(program, out / "sharpen.pt2")
    rows = []
    for exam in range(patients):
        part = ("chest", "hand")[exam % 2]
        sharp, blurred = pair(rng, part)
        np.save(out / "images" / f"{exam}.npy", sharp)
        np.save(out / "images" / f"{exam}_blurred.npy", blurred)
        rows.append({"exam": exam, "patient": f"p{exam}", "part": part,
                     "sex": "FM"[int(rng.integers(2))], "sharp": f"images/{exam}.npy",
                     "blurred": f"images/{exam}_blurred.npy"})  # fmt: skip
    pd.DataFrame(rows).to_csv(out / "cohort.csv", index=False)
    (out / "sharpen.yaml").write_text(MODEL)
    (out / "equipoise.yaml").write_text(PLAN)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
