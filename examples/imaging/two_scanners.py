"""A U-Net-like segmentation of invented organs on two scanners, one of them noisier.

    python examples/imaging/two_scanners.py OUT

Writes a network, its declaration, images and masks of a test cohort, and a plan; then
``equipoise predict OUT/unet.yaml OUT/cohort.csv --out OUT/predicted.parquet`` and
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
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from networks import Unet, fit

SIDE = 48
NOISE = {"alpha": 12.0, "beta": 45.0}
MODEL = """\
file: unet.pt2
inputs:
  - kind: image
    name: image
    preprocessing: {channels: grey, steps: [{step: divide, by: 255}]}
output: {kind: masks, activation: sigmoid, threshold: 0.5}
"""
PLAN = """\
version: 1
task: segmentation
title: Organ masks on two scanners
columns: {label: reference, prediction: mask, patient: patient, unit: exam}
attributes:
  scanner: {reference: alpha}
  sex: {}
segmentation:
  spacing: [1.5, 1.5]
  tolerance: 3.0
  lesions: overlap
requirements:
  - {id: dice-each-scanner, measure: dice, floor: 0.75, strata: scanner}
  - {id: dice-gap, measure: dice, contrast: gap, attribute: scanner, margin: 0.05}
"""


def case(rng: np.random.Generator, scanner: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Invent one image and its mask; one in twelve has no organ."""
    y, x = np.mgrid[:SIDE, :SIDE]
    centre, radius = rng.uniform(16, SIDE - 16, 2), rng.uniform(4, 11, 2)
    mask = ((y - centre[0]) / radius[0]) ** 2 + ((x - centre[1]) / radius[1]) ** 2 <= 1
    mask &= rng.random() > 1 / 12
    image = 90 + 70.0 * mask + 25 * np.sin(x / 9 + rng.uniform(0, 6)) * np.cos(y / 7)
    image += rng.normal(0, NOISE[scanner], image.shape)
    return np.clip(image, 0, 255).astype(np.uint8), mask


def cohort(out: Path, patients: int, seed: int) -> pd.DataFrame:
    """Write images and reference masks of patients with one or two exams each."""
    rng = np.random.default_rng(seed)
    (out / "images").mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for patient in range(patients):
        sex = "F" if rng.random() < 0.5 else "M"
        for _ in range(int(rng.integers(1, 3))):
            exam, scanner = len(rows), "beta" if rng.random() < 0.4 else "alpha"
            image, mask = case(rng, scanner)
            Image.fromarray(image).save(out / "images" / f"{exam}.png")
            Image.fromarray(mask.astype(np.uint8)).save(out / "images" / f"{exam}_mask.png")
            rows.append({"exam": exam, "patient": f"p{patient}", "sex": sex, "scanner": scanner,
                         "image": f"images/{exam}.png",
                         "reference": f"images/{exam}_mask.png"})  # fmt: skip
    return pd.DataFrame(rows)


def main(out: Path, patients: int = 80, steps: int = 150) -> None:
    """Train mostly on one scanner, as happens, and write everything."""
    torch.manual_seed(0)
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    seen = [case(rng, "beta" if rng.random() < 0.1 else "alpha") for _ in range(160)]
    x = torch.tensor(np.stack([image for image, _ in seen])[:, None] / 255, dtype=torch.float32)
    y = torch.tensor(np.stack([mask for _, mask in seen])[:, None], dtype=torch.float32)
    network = fit(Unet(), x, y, torch.nn.BCEWithLogitsLoss(), steps)
    units = {0: torch.export.Dim("units", min=1, max=4096)}
    program = torch.export.export(network, (x[:2],), dynamic_shapes=(units,))
    torch.export.save(program, out / "unet.pt2")
    cohort(out, patients, 2).to_csv(out / "cohort.csv", index=False)
    (out / "unet.yaml").write_text(MODEL)
    (out / "equipoise.yaml").write_text(PLAN)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
