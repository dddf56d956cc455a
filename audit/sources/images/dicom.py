"""DICOM files and series as images; see `dicom_header` for how identifiers are kept out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit.sources.images.dicom_header import (
    DIRECTORY,
    GEOMETRY,
    SEGMENTATIONS,
    groups,
    quiet,
    read_header,
    text,
    whole,
)
from audit.sources.images.dicom_planes import (
    Plane,
    Stack,
    common_spacing,
    plane_of,
    planes,
    stacked,
)
from audit.sources.images.image import (
    Axis,
    Image,
    Refusal,
    UnreadableError,
    require_frame,
    require_size,
)
from audit.sources.images.kinds import file_kind

_CODECS = 'pip install "pylibjpeg[all]", or export it uncompressed'
_MOST = 100_000  # files of one series


def read_dicom(path: Path, frame: int | None = None) -> Image:
    """Read one DICOM file: a plane, a volume of frames, a film or a segmentation.

    Raises UnreadableError, and InputError with the line that installs pydicom.
    """
    with quiet(path) as pydicom:
        header = read_header(pydicom, path, GEOMETRY)
        kind = text(header, "SOPClassUID")
        if kind == DIRECTORY:
            raise UnreadableError(
                "directory", "it is the directory of a medium", "name the images themselves"
            )
        if kind in SEGMENTATIONS:
            return _segmentation(pydicom, path, header)
        frames = max(whole(header, "NumberOfFrames", 1), 1)
        require_frame(frame, frames)
        array, notes = _pixels(pydicom, path, header)
        if frames == 1:
            return _plane_image(array, planes(header)[0], header, notes)
        if frame is not None:
            return _plane_image(array[frame], planes(header)[frame], header, notes)
        return _frames_image(array, planes(header), header, notes)


def read_series(folder: Path) -> Image:
    """Read the one series that a folder holds as a volume; raises UnreadableError."""
    with quiet(folder) as pydicom:
        paths = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
        paths = [p for p in paths[:_MOST] if p.name != "DICOMDIR" and file_kind(p) == "DICOM"]
        if not paths:
            raise UnreadableError("no_dicom", "the folder holds no DICOM file", "check the path")
        headers = [read_header(pydicom, path, GEOMETRY) for path in paths]
        if len(paths) == 1:
            return read_dicom(paths[0])
        series = {text(header, "SeriesInstanceUID") for header in headers}
        if len(series) > 1:
            reason = f"the folder holds {len(series)} series"
            raise UnreadableError("several_series", reason, "put each in a folder of its own")
        shapes = {(whole(h, "Rows"), whole(h, "Columns"), whole(h, "NumberOfFrames", 1))
                  for h in headers}  # fmt: skip
        if len(shapes) > 1 or next(iter(shapes))[2] != 1:
            reason = "its files differ in size, or hold several frames each"
            raise UnreadableError("mixed_sizes", reason, "name the files one by one")
        require_size((len(paths), *next(iter(shapes))[:2]), 2)
        flat = [planes(header)[0] for header in headers]
        found = stacked(flat)
        if isinstance(found, Refusal):
            raise UnreadableError(*found)
        pixels = [_pixels(pydicom, paths[i], headers[i]) for i in found.order]
    array = np.stack([own for own, _ in pixels])
    return _volume(array, flat, found, headers[0], pixels[0][1], "DICOM series")


def _pixels(pydicom: Any, path: Path, header: Any) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Read all frames: rescaled, palettes as colours, white bones on black."""
    frames = max(whole(header, "NumberOfFrames", 1), 1)
    samples = max(whole(header, "SamplesPerPixel", 1), 1)
    shape = (frames, whole(header, "Rows"), whole(header, "Columns"), samples)
    require_size(shape, max(whole(header, "BitsAllocated", 8) // 8, 1))
    why: UnreadableError | None = None
    try:
        dataset = pydicom.dcmread(path)
        if not any(k in dataset for k in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
            why = UnreadableError("no_pixels", "it holds no pixels", "name an image")
        else:
            syntax = dataset.file_meta.get("TransferSyntaxUID")
            array: NDArray[Any] = pydicom.pixels.pixel_array(dataset)
            if text(header, "PhotometricInterpretation") == "PALETTE COLOR":
                array = pydicom.pixels.apply_color_lut(array, dataset)
                samples = 3
    except (FileNotFoundError, PermissionError):
        raise
    except (NotImplementedError, RuntimeError, ImportError):
        name = str(getattr(syntax, "name", "of an unknown kind"))
        why = UnreadableError("compressed", f"its pixels are compressed ({name})", _CODECS)
    except Exception:  # a damaged file fails in every way that a parser can
        why = UnreadableError(
            "corrupt", "the pixels are not those that the header promises", "export it again"
        )
    if why is not None:
        raise why
    return _meaningful(array, header, frames, samples)


def _meaningful(
    array: NDArray[Any], header: Any, frames: int, samples: int
) -> tuple[NDArray[Any], tuple[str, ...]]:
    if samples > 1:
        return array, ()
    notes: tuple[str, ...] = ()
    if text(header, "PhotometricInterpretation") == "MONOCHROME1":
        top = (1 << whole(header, "BitsStored", 8)) - 1
        signed = array.dtype.kind == "i"
        array = (-1 if signed else top) - array.astype(np.int64)
        notes = ("inverted",)
    each = groups(header)
    scales = [_scale(parts) for parts in each]
    if all(scale == (1.0, 0.0) for scale in scales):
        return array, notes
    parts = array[None] if frames == 1 else array
    done = [_rescaled(own, *scale) for own, scale in zip(parts, scales, strict=True)]
    return (done[0] if frames == 1 else np.stack(done)), notes


def _scale(parts: Sequence[Any]) -> tuple[float, float]:
    slope, shift = (plane_of(parts, k, 1) for k in ("RescaleSlope", "RescaleIntercept"))
    dose = plane_of(parts, "DoseGridScaling", 1)
    if slope is None and dose is not None:
        return dose[0], 0.0
    return (1.0 if slope is None else slope[0]), (0.0 if shift is None else shift[0])


def _rescaled(array: NDArray[Any], slope: float, shift: float) -> NDArray[Any]:
    if slope == 1.0 and shift == int(shift):
        return array.astype(np.int32) + int(shift)
    return array.astype(np.float64) * slope + shift


def _bits(header: Any) -> int:
    return whole(header, "BitsStored", 8)


def _plane_image(array: NDArray[Any], plane: Plane, header: Any, notes: tuple[str, ...]) -> Image:
    axes: tuple[Axis, ...] = ("rows", "columns")
    if array.ndim == 3:
        axes = (*axes, "channels")
    return Image(
        array, axes, plane.spacing, "DICOM", _bits(header),
        orientation=plane.orientation(volume=False), origin=plane.position, notes=notes,
    )  # fmt: skip


def _frames_image(
    array: NDArray[Any],
    flat: Sequence[Plane],
    header: Any,
    notes: tuple[str, ...],
) -> Image:
    """Frames as a volume where they form an even one, else as they are stored."""
    found = stacked(flat) if len(flat) == len(array) else None
    if isinstance(found, Stack):
        return _volume(array[found.order], flat, found, header, notes, "DICOM")
    axes: tuple[Axis, ...] = ("frames", "rows", "columns")
    if array.ndim == 4:
        axes = (*axes, "channels")
    return Image(
        array, axes, (None, *common_spacing(flat)), "DICOM", _bits(header),
        notes=(*notes, "stored_order"),
    )  # fmt: skip


def _volume(
    array: NDArray[Any],
    flat: Sequence[Plane],
    found: Stack,
    header: Any,
    notes: tuple[str, ...],
    kind: Any,
) -> Image:
    first = flat[int(found.order[0])]
    axes: tuple[Axis, ...] = ("slices", "rows", "columns")
    if array.ndim == 4:
        axes = (*axes, "channels")
    return Image(
        array, axes, (found.step, *common_spacing(flat)), kind, _bits(header),
        orientation=first.orientation(volume=True), origin=first.position,
        notes=(*notes, *(("sheared",) if found.sheared else ())),
        affine=_affine(first, found.step, common_spacing(flat)),
    )  # fmt: skip


def _affine(
    first: Plane, step: float | None, spacing: tuple[float | None, float | None]
) -> NDArray[np.float64] | None:
    normal, lengths = first.normal, (step, *spacing)
    if normal is None or first.directions is None or first.position is None or None in lengths:
        return None
    down, across = first.directions[3:], first.directions[:3]
    affine = np.eye(4)
    for place, (axis, length) in enumerate(zip((normal, down, across), lengths, strict=True)):
        affine[:3, place] = np.asarray(axis) * length
    affine[:3, 3] = first.position
    return affine


def _segmentation(pydicom: Any, path: Path, header: Any) -> Image:
    """Number of the segment of every voxel, on the planes that the file has frames for."""
    if text(header, "SegmentationType") not in ("BINARY", "LABELMAP"):
        reason = "its segments are fractions"
        raise UnreadableError("fractional_mask", reason, "export it as a binary segmentation")
    array, _ = _pixels(pydicom, path, header)
    array = array[None] if array.ndim == 2 else array
    flat = planes(header)
    places = {plane.position: i for i, plane in reversed(list(enumerate(flat)))}
    if None in places:
        raise UnreadableError("no_position", "its frames have no position", "export it again")
    unique = [flat[i] for i in sorted(places.values())]
    found = stacked(unique)
    if isinstance(found, Refusal):
        raise UnreadableError(*found)
    slot = {unique[i].position: place for place, i in enumerate(found.order)}
    out = np.zeros((len(unique), *array.shape[1:]), dtype=np.uint16)
    for own, plane, number in zip(array, flat, _segments(header, len(flat)), strict=True):
        target = out[slot[plane.position]]
        drawn = own > 0
        if (drawn & (target > 0)).any():
            reason = "two of its segments overlap"
            raise UnreadableError("overlap", reason, "give each segment a file of its own")
        target[drawn] = own[drawn] if number == 0 else number
    return _volume(out, unique, found, header, (), "DICOM segmentation")


def _segments(header: Any, frames: int) -> list[int]:
    """Segment of every frame; 0 where the pixels themselves are the numbers."""
    if text(header, "SegmentationType") == "LABELMAP":
        return [0] * frames
    numbers = []
    for parts in groups(header):
        own = [whole(part, "ReferencedSegmentNumber") for part in parts]
        numbers.append(next((n for n in own if n), 1))
    return numbers
