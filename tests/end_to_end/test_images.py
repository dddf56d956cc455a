"""A folder of pictures, from the list of its files to an audit and a comparison."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.end_to_end.command import run

MODEL = """
callable: {name}:score
inputs: [{{kind: image, name: image}}]
output: {{activation: none, score_kind: probability}}
"""
CODE = """
def score(batch):
    import numpy as np
    return np.array([image.mean() / 255 for image in batch.images["image"]]) {change}
"""


def pictures(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for i in range(60):
        ill, sex = i % 3 == 0, "FM"[i % 2]
        path = folder / ("ill" if ill else "well") / sex / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        level = 150 if ill else 90
        picture = np.clip(rng.normal(level, 60, (8, 8)), 0, 255)
        Image.fromarray(picture.astype(np.uint8)).save(path)
    (folder / "ill" / "F" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 40)


def test_from_a_folder_to_an_audit_and_a_comparison(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "scans")

    def equipoise(*arguments: str) -> str:
        done = run(capsys, monkeypatch, *arguments)
        assert done.code == 0, done.err
        return done.out

    assert "61 images" in equipoise("manifest", "scans", "--out", "cohort.csv")
    for name, change in (("first", ""), ("second", "* 0.9")):
        (tmp_path / f"score_{name}.py").write_text(CODE.format(change=change))
        (tmp_path / f"{name}.yaml").write_text(MODEL.format(name=f"score_{name}"))
        told = equipoise("predict", f"{name}.yaml", "cohort.csv", "--images", "scans", "--trust",
                         "--out", f"{name}.parquet", "--quiet")  # fmt: skip
        assert "60 of 61 rows have a score" in told
        assert "1 row without a score: the image cannot be used" in told
    roles = ("--label", "folder_1", "--positive", "ill", "--score", "score", "--by", "folder_2",
             "--unit", "image", "--resamples", "200", "--quiet")  # fmt: skip
    equipoise("audit", "first.parquet", *roles, "--threshold", "0.47", "--out", "audited")
    result = json.loads((tmp_path / "audited" / "audit.json").read_text())
    assert result["cohort"]["missing_score"] == 1
    assert result["provenance"]["predicted_by"]["name"] == "score_first:score"
    (women,) = [e for e in result["estimates"] if e["id"] == "auroc/folder_2=F"]
    table = pd.read_parquet(tmp_path / "first.parquet").dropna(subset="score")
    own = table[table.folder_2 == "F"]
    ill, well = (own.score[own.folder_1 == kind].to_numpy() for kind in ("ill", "well"))
    pairs = (ill[:, None] > well[None, :]).mean()
    assert women["value"] == pytest.approx(float(pairs), abs=1e-12)
    told = equipoise("compare", "first.parquet", "second.parquet", *roles, "--threshold", "0.47",
                     "--out", "compared")  # fmt: skip
    assert "60 units compared" in told
    assert "Decisions that changed" in told


def test_a_killed_or_foreign_run_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "scans")
    assert run(capsys, monkeypatch, "manifest", "scans", "--out", "cohort.csv").code == 0
    (tmp_path / "score_first.py").write_text(CODE.format(change=""))
    (tmp_path / "first.yaml").write_text(MODEL.format(name="score_first"))
    left = tmp_path / "out.parquet.parts"
    left.mkdir()
    (left / "state.json").write_text('{"model": "another", "table": "another"}')
    arguments = ("predict", "first.yaml", "cohort.csv", "--images", "scans", "--trust", "--out",
                 "out.parquet", "--quiet")  # fmt: skip
    done = run(capsys, monkeypatch, *arguments)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "--restart" in done.err
    assert run(capsys, monkeypatch, *arguments, "--restart").code == 0
    assert not left.exists()
