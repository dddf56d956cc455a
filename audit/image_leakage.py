"""Images that are in both cohorts: the same file, or another file with the same pixels."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audit.cells import decode
from audit.leakage import AtSite, Overlap, What
from audit.problems import InputError
from audit.sources.source import Source
from audit.unscored import Unscored, at_sites

SUFFIXES = (
    ".dcm", ".dicom", ".ima", ".nii", ".nii.gz", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".npy",
    ".npz",
)  # fmt: skip


@dataclass(frozen=True)
class Hashes:
    """Content of the image that each row names, None where it names none or there is no file."""

    files: tuple[str | None, ...]
    pixels: tuple[str | None, ...]
    absent: int


def image_columns(source: Source, left_out: frozenset[str]) -> tuple[str, ...]:
    """Columns that name image files, told by the suffix of every value in them."""
    found = []
    for column in sorted(set(source.table.column_names) - left_out):
        values = decode(source.table.column(column)).values
        if values and all(value.lower().endswith(SUFFIXES) for value in values):
            found.append(column)
    return tuple(found)


def hashed(source: Source, column: str, folder: Path) -> Hashes:
    """Hash every image once, as bytes and as decoded pixels."""
    texts = decode(source.table.column(column))
    kept = [_hashes(folder / value) for value in texts.values] + [(None, None)]
    absent = sum(file is None for file, _ in kept[:-1])
    files = tuple(kept[code][0] for code in texts.codes)
    return Hashes(files, tuple(kept[code][1] for code in texts.codes), absent)


def same_images(
    cohort: Unscored, test: Hashes, development: Hashes, column: str, name: str
) -> tuple[Overlap, ...]:
    """Rows of the test cohort whose image is in the development cohort too."""
    pairs: Sequence[tuple[What, tuple[str | None, ...], tuple[str | None, ...]]] = (
        ("same_files", test.files, development.files),
        ("same_images", test.pixels, development.pixels),
    )
    absent = ""
    if test.absent or development.absent:
        absent = f"{test.absent} files of the test cohort and {development.absent} of the other "
        absent += "were not found"
    found = []
    for what, ours, theirs in pairs:
        if not any(ours) or not any(theirs):
            reason = absent or "no image could be decoded"
            found.append(Overlap(what=what, file=name, count=None, of=None, telling=False,
                                 compared=(column,), reason=reason))  # fmt: skip
            continue
        known = set(theirs) - {None}
        hit = np.array([one in known for one in ours], dtype=np.bool_)
        count = int(hit.sum())
        sites = at_sites(cohort.site) if cohort.site is not None and count else []
        by_site = [
            AtSite(site=level, count=int(hit[rows].sum()), of=int(rows.sum()))
            for level, rows in sites
            if hit[rows].any()
        ]
        found.append(
            Overlap(what=what, file=name, count=count, of=len(hit), leak=count > 0,
                    compared=(column,), by_site=tuple(by_site), reason=absent)
        )  # fmt: skip
    return tuple(found)


def _hashes(path: Path) -> tuple[str | None, str | None]:
    from audit.sources.images import read_image

    try:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None, None
    try:
        array = np.ascontiguousarray(read_image(path).array)
    except (InputError, OSError, ValueError):  # its bytes are still compared
        return content, None
    if array.dtype.kind in "iub":  # the same grey values, however many bits they are kept in
        array = array.astype(np.int64)
    digest = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    digest.update(array.tobytes())
    return content, digest.hexdigest()
