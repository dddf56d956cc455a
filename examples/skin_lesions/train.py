"""Train two small networks on dermoscopy images, and write what an audit of them needs.

    python examples/skin_lesions/train.py DATA OUT

DATA is the data set in its original layout: ``metadata.csv`` (lesion_id, image_id, dx, age, sex,
source) and ``images/IMAGE_ID.jpg``. OUT gets the models (torch export, weights with their factory,
ONNX, ONNX in 8-bit integers), a declaration of each, the test cohort and a plan. Lesions, not
images, are split into training, tuning and test, so that no lesion is in two of them.
"""

# torch is not installed everywhere that types are checked.
# mypy: disable-error-code="misc,import-not-found,import-untyped,no-any-return,no-untyped-call"

import argparse
import hashlib
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from networks import SIDE, convolutions, transformer

MALIGNANT = ("mel", "bcc", "akiec")
MEAN, STD = [0.75, 0.57, 0.58], [0.14, 0.16, 0.17]
WANTED = 0.85  # sensitivity at the threshold, on the images for tuning
PLAN = """\
# Who is missed? Malignant: melanoma, basal cell carcinoma, actinic keratosis.
version: 1
title: Skin lesions by sex, age and source
product:
  name: Small convolutional network
  intended_use: Shows an audit from training to dossier; not a medical product.
  description: Three convolutions, trained for a few minutes on 56 x 56 pixels.
  cohort: Test part of the images, split by lesion.
columns: {{label: malignant, score: score, patient: lesion_id, unit: image_id, site: source}}
threshold: {{value: {threshold:.6f}, source: external}}
attributes:
  sex: {{}}
  age: {{band: [40, 60]}}
depth: 2
requirements:
  - id: sensitivity-each-sex
    measure: sensitivity
    floor: 0.6
    strata: [overall, sex]
    rationale: Fewer than six in ten would be worse than the triage that it is to support.
  - id: sensitivity-gap
    measure: sensitivity
    contrast: gap
    attribute: sex
    margin: 0.15
  - id: order
    measure: auroc
    floor: 0.7
    strata: [overall, age]
"""
DECLARATION = """\
inputs:
  - kind: image
    name: image
    column: file
    preprocessing:
      channels: rgb
      steps:
        - {{step: resize, shape: [{side}, {side}], interpolation: linear, antialias: true}}
        - {{step: divide, by: 255}}
        - {{step: normalise, mean: {mean}, std: {std}}}
output: {{activation: sigmoid}}
batch_size: 64
"""


def parts_of(metadata: pd.DataFrame) -> NDArray[Any]:
    """Split by lesion: three fifths to train, a fifth to tune, a fifth to test."""
    digits = [int(hashlib.sha256(str(i).encode()).hexdigest(), 16) % 5
              for i in metadata["lesion_id"]]  # fmt: skip
    return np.array(["test", "tune", "train", "train", "train"])[digits]


def pixels(paths: list[Path]) -> torch.Tensor:
    """Read images as the declaration says that they are read later."""
    out = np.empty((len(paths), 3, SIDE, SIDE), np.float32)
    for i, path in enumerate(paths):
        with Image.open(path) as picture:
            small = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        seen = (np.asarray(small, np.float32) / 255 - MEAN) / STD
        out[i] = seen.transpose(2, 0, 1)
    return torch.from_numpy(out)


def trained(network: torch.nn.Module, x: torch.Tensor, y: torch.Tensor, epochs: int) -> None:
    """Fit with mirrored images; the rarer class weighs more."""
    optimiser = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=1e-3)
    weight = (1 - y).sum() / y.sum().clamp(min=1)
    loss = torch.nn.BCEWithLogitsLoss(pos_weight=weight)
    order = torch.Generator().manual_seed(0)
    for _ in range(epochs):
        network.train()
        for rows in torch.randperm(len(x), generator=order).split(64):
            seen = x[rows]
            flips = torch.rand(2, generator=order) < 0.5
            seen = seen.flip(2) if flips[0] else seen
            seen = seen.flip(3) if flips[1] else seen
            optimiser.zero_grad()
            loss(network(seen)[:, 0], y[rows]).backward()
            optimiser.step()
    network.eval()


def threshold_of(network: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Threshold that finds the wanted share of the malignant lesions for tuning."""
    with torch.no_grad():
        scores = torch.sigmoid(network(x)[:, 0]).numpy()
    found = np.sort(scores[y.numpy() == 1])
    return float(found[int((1 - WANTED) * len(found))])


def exported(network: torch.nn.Module, out: Path) -> None:
    """Write the network as a torch export, as ONNX, and as ONNX in 8-bit integers."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    units = {0: torch.export.Dim("units", min=1, max=4096)}
    example = (torch.zeros(2, 3, SIDE, SIDE),)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporters, about their own future
        program = torch.export.export(network, example, dynamic_shapes=(units,))
        torch.export.save(program, out / "cnn.pt2")
        torch.onnx.export(network, example, out / "cnn.onnx", dynamic_shapes=(units,),
                          external_data=False, verbose=False)  # fmt: skip
        quantize_dynamic(out / "cnn.onnx", out / "cnn_int8.onnx", weight_type=QuantType.QUInt8)


def main(data: Path, out: Path, epochs: int) -> None:
    """Train, export and write everything to `out`."""
    torch.manual_seed(0)
    out.mkdir(parents=True, exist_ok=True)
    metadata = pd.read_csv(data / "metadata.csv")
    metadata["file"] = metadata["image_id"] + ".jpg"
    metadata["malignant"] = metadata["dx"].isin(MALIGNANT).astype(int)
    # The data set writes what it does not know as a word.
    metadata["sex"] = metadata["sex"].where(metadata["sex"] != "unknown")
    part = parts_of(metadata)
    x = pixels([data / "images" / name for name in metadata["file"]])
    y = torch.from_numpy(metadata["malignant"].to_numpy(np.float32))
    train, tune = (torch.from_numpy(part == name) for name in ("train", "tune"))
    first, second = convolutions(), transformer()
    for network in (first, second):
        trained(network, x[train], y[train], epochs)
    exported(first, out)
    torch.save(second.state_dict(), out / "vit.pt")
    shutil.copy(Path(__file__).parent / "networks.py", out / "skin_networks.py")
    text = DECLARATION.format(side=SIDE, mean=MEAN, std=STD)
    for name in ("cnn.pt2", "cnn.onnx", "cnn_int8.onnx"):
        stem = {"cnn.pt2": "cnn", "cnn.onnx": "cnn_onnx"}.get(name, "cnn_int8")
        (out / f"{stem}.yaml").write_text(f"file: {name}\n{text}")
    head = "file: vit.pt\nfactory: skin_networks:transformer\n"
    (out / "vit.yaml").write_text(head + text)
    columns = ["image_id", "lesion_id", "file", "malignant", "sex", "age", "source"]
    metadata.loc[part == "test", columns].to_csv(out / "cohort.csv", index=False)
    plan = PLAN.format(threshold=threshold_of(first, x[tune], y[tune]))
    (out / "equipoise.yaml").write_text(plan)
    yaml.safe_load(plan)
    counts = {name: int((part == name).sum()) for name in ("train", "tune", "test")}
    print(f"trained on {counts['train']} images, tuned on {counts['tune']}; "
          f"{counts['test']} are the test cohort in {out / 'cohort.csv'}")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epochs", type=int, default=12)
    given = parser.parse_args()
    main(given.data, given.out, given.epochs)
