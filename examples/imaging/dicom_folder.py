"""A folder of DICOM files, from headers to an audit by sex and manufacturer.

    python examples/imaging/dicom_folder.py OUT

Collects the files that come inside the pydicom package, lists them with ``equipoise manifest``'s
function, gives each an invented outcome, and writes the declaration of a score and a plan; then
``equipoise predict OUT/score.yaml OUT/cohort.csv --out OUT/predicted.parquet --trust`` and
``equipoise audit OUT/predicted.parquet --plan OUT/equipoise.yaml --out OUT/audit``.
"""

import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from audit.sources.images.manifest import scan_folder

MODEL = """\
callable: brightness:score
inputs: [{kind: image, name: image}]
output: {activation: none, score_kind: probability}
"""
PLAN = """\
version: 1
title: Brightness of packaged DICOM files
columns: {label: outcome, score: score, patient: patient, site: manufacturer}
threshold: {value: 0.1}
attributes: {sex: {}}
"""


def main(out: Path) -> None:
    """Copy the packaged files, list them and write everything."""
    import pydicom

    folder = out / "dicom"
    folder.mkdir(parents=True, exist_ok=True)
    packaged = Path(str(pydicom.__file__)).parent / "data" / "test_files"
    for path in sorted(packaged.glob("*.dcm")):
        shutil.copy(path, folder / path.name)
    found = scan_folder(folder, key=b"an example, and no secret at all")
    table = pd.DataFrame(found.columns)
    table = table[table["modality"].isin(["CT", "MR", "CR", "US", "OT", "NM", "SC", "XA"])].copy()
    table["image"] = "dicom/" + table["image"]
    table["outcome"] = np.random.default_rng(0).integers(0, 2, len(table))
    table.to_csv(out / "cohort.csv", index=False)
    shutil.copy(Path(__file__).parent / "brightness.py", out / "brightness.py")
    (out / "score.yaml").write_text(MODEL)
    (out / "equipoise.yaml").write_text(PLAN)
    print(f"{len(table)} images; " + "; ".join(f"{n} {what}" for what, n in found.told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
