"""What kind of image a file is, told from its first bytes and not from its name."""

import zlib
from pathlib import Path
from typing import Literal

Format = Literal["DICOM", "NIfTI", "PNG", "JPEG", "TIFF", "NumPy"]

_HEAD = 4096
_SUFFIXES: dict[str, Format] = {
    ".dcm": "DICOM",
    ".dicom": "DICOM",
    ".ima": "DICOM",
    ".nii": "NIfTI",
    ".nii.gz": "NIfTI",
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".npy": "NumPy",
    ".npz": "NumPy",
}
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
KNOWN = "DICOM, NIfTI (.nii, .nii.gz), PNG, JPEG, TIFF, .npy and .npz"


def file_kind(path: Path) -> Format | None:
    """Kind of an image file by its content; None for anything else. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head[128:132] == b"DICM":
        return "DICOM"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(_TIFF):
        return "TIFF"
    if head.startswith(b"\x93NUMPY") or _is_npz(path, head):
        return "NumPy"
    return "NIfTI" if _is_nifti(path, head) else None


def named_kind(path: Path) -> Format | None:
    """Kind that the name of a file promises; None where it promises none."""
    name = path.name.lower()
    return next((kind for suffix, kind in _SUFFIXES.items() if name.endswith(suffix)), None)


def _is_npz(path: Path, head: bytes) -> bool:
    return head.startswith(b"PK\x03\x04") and path.suffix.lower() == ".npz"


def _is_nifti(path: Path, head: bytes) -> bool:
    """One file with header and voxels; pairs of .hdr and .img are none."""
    name = path.name.lower()
    if name.endswith(".nii.gz") and head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(31).decompress(head, 540)
        except zlib.error:
            return False
    elif not name.endswith(".nii"):
        return False
    return head[344:348] == b"n+1\0" or head[4:8] == b"n+2\0"
