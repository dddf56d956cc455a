"""The table of a folder of images: one row per image, with what headers say of whom and where.

Of a DICOM header only the elements named here are read; names, dates and numbers of people never
leave it. People and studies are told apart by keyed hashes.
"""

import hashlib
import hmac
import re
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.problems import InputError, Problem
from audit.sources.images.dicom_header import DIRECTORY, numbers, quiet, read_header, text
from audit.sources.images.image import UnreadableError
from audit.sources.images.kinds import file_kind

Progress = Callable[[int, int], None]

# Column -> DICOM keyword, as text or as a number.
TEXTS = {
    "sex": "PatientSex",
    "ethnic_group": "EthnicGroup",
    "institution": "InstitutionName",
    "manufacturer": "Manufacturer",
    "model_name": "ManufacturerModelName",
    "station": "StationName",
    "view_position": "ViewPosition",
    "modality": "Modality",
    "body_part": "BodyPartExamined",
}
NUMBERS = {
    "kvp": "KVP",
    "field_strength": "MagneticFieldStrength",
    "slice_thickness": "SliceThickness",
}
HASHED = {"patient": "PatientID", "study": "StudyInstanceUID", "series": "SeriesInstanceUID"}
COLUMNS = ("image", *HASHED, "sex", "age", *list(TEXTS)[1:], *NUMBERS)
OLDEST = 90.0  # older people are told apart by their age alone
_AGE = re.compile(r"(\d{3})([DWMY])")
_YEARS = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}
_SEXES = ("M", "F", "O")


@dataclass(frozen=True)
class Manifest:
    """Columns of the table, and what was left out or missing, by what it was."""

    columns: dict[str, list[Any]]
    told: tuple[tuple[str, int], ...]

    @property
    def rows(self) -> int:
        """Images."""
        return len(self.columns["image"])


def scan_folder(
    folder: Path, *, key: bytes | None = None, progress: Progress | None = None
) -> Manifest:
    """List the images below a folder.

    With DICOM files: one row per series, or per file where files hold several frames or there is
    one file in the series; a series' files must lie in one folder, which then is the image. Other
    images: one row per file. Folder names become the columns ``folder_1``, ``folder_2`` ...

    Parameters
    ----------
    folder : Path
        Searched with everything below it; hidden files and links are passed over.
    key : bytes, optional
        Key of the hashes of patients, studies and series. Drawn at random when absent: rows of one
        patient still belong together, but not with those of another run.

    Raises
    ------
    InputError
        When the folder is none, or holds no image.
    """
    if not folder.is_dir():
        reason = "there is no such folder"
        raise InputError(Problem("missing_file", str(folder), reason, "check the path"))
    every = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    paths = sorted(path for path in every if not _hidden(path.relative_to(folder)))
    told: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    kinds = [(path, _kind(path, told)) for path in paths]
    dicom = [path for path, kind in kinds if kind == "DICOM"]
    for path, kind in kinds:
        if kind is None:
            told["files that are no image"] += 1
        elif kind != "DICOM":
            rows.append({"image": path.relative_to(folder).as_posix()})
    rows += _of_dicom(dicom, folder, key or secrets.token_bytes(32), told, progress)
    if not rows:
        reason = f"it holds no image among {len(paths):,} files"
        raise InputError(Problem("no_images", str(folder), reason, "check the path"))
    return Manifest(_columns(sorted(rows, key=lambda row: row["image"]), bool(dicom)),
                    tuple(sorted(told.items())))  # fmt: skip


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _kind(path: Path, told: Counter[str]) -> str | None:
    try:
        return file_kind(path)
    except OSError:
        told["files that cannot be read"] += 1
        return None


def _of_dicom(
    paths: Sequence[Path],
    folder: Path,
    key: bytes,
    told: Counter[str],
    progress: Progress | None,
) -> list[dict[str, Any]]:
    if not paths:
        return []
    wanted = [*TEXTS.values(), *NUMBERS.values(), *HASHED.values(), "PatientAge", "SOPClassUID"]
    series: dict[tuple[Path, str], list[tuple[Path, dict[str, Any]]]] = {}
    with quiet(folder) as pydicom:
        for done, path in enumerate(paths, start=1):
            try:
                header = read_header(pydicom, path, wanted)
            except UnreadableError:
                told["DICOM files that are damaged"] += 1
                continue
            if text(header, "SOPClassUID") == DIRECTORY:
                continue
            row = _row(header, key, told)
            series.setdefault((path.parent, row["series"] or path.name), []).append((path, row))
            if progress is not None:
                progress(done, len(paths))
    alone = Counter(parent for parent, _ in series)
    rows = []
    for (parent, _), files in series.items():
        if len(files) > 1 and alone[parent] == 1:
            rows.append(files[0][1] | {"image": parent.relative_to(folder).as_posix()})
        else:
            rows += [row | {"image": path.relative_to(folder).as_posix()} for path, row in files]
    return rows


def _row(header: Any, key: bytes, told: Counter[str]) -> dict[str, Any]:
    row: dict[str, Any] = {name: text(header, tag) or None for name, tag in TEXTS.items()}
    if row["sex"] is not None and row["sex"] not in _SEXES:
        told["values of PatientSex that are not M, F or O"] += 1
        row["sex"] = None
    for name, tag in NUMBERS.items():
        found = numbers(header, tag, 1)
        row[name] = None if found is None else found[0]
    row["age"] = _years(text(header, "PatientAge"), told)
    for name, tag in HASHED.items():
        value = text(header, tag)
        row[name] = _hashed(value, key) if value else None
    for name in ("sex", "age", "patient"):
        if row[name] is None:
            told[f"files without {name}"] += 1
    return row


def _years(value: str, told: Counter[str]) -> float | None:
    """Read an age such as 045Y; 90 and more is 90, as such ages count as identifiers."""
    if not value:
        return None
    found = _AGE.fullmatch(value)
    if found is None:
        told["values of PatientAge that are no age"] += 1
        return None
    years = int(found[1]) * _YEARS[found[2]]
    return min(round(years, 2), OLDEST)


def _hashed(value: str, key: bytes) -> str:
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:16]


def _columns(rows: Sequence[dict[str, Any]], dicom: bool) -> dict[str, list[Any]]:
    """Columns in order; those that no row fills are left out, but for those of DICOM."""
    parts = [Path(row["image"]).parts[:-1] for row in rows]
    deepest = max(len(part) for part in parts)
    names = COLUMNS if dicom else ("image",)
    columns = {name: [row.get(name) for row in rows] for name in names}
    for level in range(0 if dicom else deepest):
        columns[f"folder_{level + 1}"] = [
            part[level] if level < len(part) else None for part in parts
        ]
    return columns
