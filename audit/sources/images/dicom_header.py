"""Headers of DICOM files, read so that no value of theirs reaches a message, a log or a warning.

A header names its patient, and pydicom quotes values where they are odd. So all work with it is
done inside `quiet`, its exceptions are replaced by reasons of our own, and only the elements that
are asked for are read.
"""

import math
import threading
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from audit.models.extras import required_module
from audit.sources.images.image import LARGEST, UnreadableError

SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
DIRECTORY = "1.2.840.10008.1.3.10"
DEFLATED = "1.2.840.10008.1.2.1.99"

# What pixels and their place in space need.
GEOMETRY = (
    "SOPClassUID",
    "SeriesInstanceUID",
    "Modality",
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PixelPresentation",
    "BitsAllocated",
    "BitsStored",
    "PixelRepresentation",
    "NumberOfFrames",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "EstimatedRadiographicMagnificationFactor",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "GridFrameOffsetVector",
    "DoseGridScaling",
    "RescaleSlope",
    "RescaleIntercept",
    "ModalityLUTSequence",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData",
    "SegmentationType",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)

_lock = threading.RLock()


@contextmanager
def quiet(where: Path) -> Iterator[Any]:
    """Give pydicom with its warnings, logs and validation of values turned off.

    Those switches belong to the process, so one thread at a time holds them.

    Raises
    ------
    InputError
        With the line that installs pydicom, when it is not there.
    """
    pydicom = required_module("pydicom", "imaging", str(where))
    config = required_module("pydicom.config", "imaging", str(where))
    with _lock, warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        silent, config.logger.disabled = config.logger.disabled, True
        try:
            yield pydicom
        finally:
            config.logger.disabled = silent


def read_header(pydicom: Any, path: Path, keywords: Sequence[str]) -> Any:
    """Read some elements of a header into a dataset; raises UnreadableError."""
    try:
        if _transfer_syntax(pydicom, path) == DEFLATED:
            _require_small_when_inflated(pydicom, path)
        return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(keywords))
    except (UnreadableError, FileNotFoundError, PermissionError):
        raise
    except Exception:  # a damaged header fails in every way that a parser can
        damaged = True
    if damaged:  # outside of the handler, so that the parser's words do not travel along
        raise UnreadableError(
            "corrupt", "the file is not a whole DICOM file", "copy or export it again"
        )


def _transfer_syntax(pydicom: Any, path: Path) -> str:
    meta = pydicom.filereader.read_file_meta_info(path)
    return str(meta.get("TransferSyntaxUID", ""))


def _require_small_when_inflated(pydicom: Any, path: Path) -> None:
    """Inflate a deflated file piece by piece, as a small one can hold any number of zeros."""
    decoder, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with path.open("rb") as file:
        pydicom.filereader.read_preamble(file, False)
        pydicom.filereader._read_file_meta_info(file)
        left = file.read(1 << 20)
        while left and size <= LARGEST:
            size += len(decoder.decompress(left, 1 << 24))
            left = decoder.unconsumed_tail or file.read(1 << 20)
    if size > LARGEST:
        raise UnreadableError("too_large", "inflated, it is larger than 4 GiB", "split it")


def value(dataset: Any, keyword: str) -> Any:
    """Value of an element; None where it is absent, blank or cannot be understood."""
    try:
        found = dataset.get(keyword)
    except Exception:  # values are parsed when they are asked for
        return None
    return None if found is None or (isinstance(found, str) and not found.strip()) else found


def text(dataset: Any, keyword: str) -> str:
    """Value of an element as text; empty where there is none."""
    found = value(dataset, keyword)
    return "" if found is None else str(found).strip()


def whole(dataset: Any, keyword: str, default: int = 0) -> int:
    """Value of an element as a whole number."""
    try:
        return int(value(dataset, keyword))
    except (TypeError, ValueError, OverflowError):
        return default


def numbers(dataset: Any, keyword: str, count: int) -> tuple[float, ...] | None:
    """Exactly `count` finite numbers; None where the element does not hold them."""
    found = value(dataset, keyword)
    try:
        listed = [found] if count == 1 else list(found)
        read = tuple(float(item) for item in listed)
    except (TypeError, ValueError, OverflowError):
        return None
    return read if len(read) == count and all(map(math.isfinite, read)) else None


def items(dataset: Any, keyword: str) -> list[Any]:
    """Items of a sequence; none where it is absent."""
    found = value(dataset, keyword)
    try:
        return list(found) if found is not None else []
    except TypeError:
        return []


def groups(dataset: Any) -> list[list[Any]]:
    """For each frame, the datasets that describe it, the most special first.

    The frame's own functional groups, then those that frames share, then the header itself.
    """
    shared = [_grouped(item) for item in items(dataset, "SharedFunctionalGroupsSequence")[:1]]
    own = [_grouped(item) for item in items(dataset, "PerFrameFunctionalGroupsSequence")]
    common = [part for parts in shared for part in parts] + [dataset]
    frames = max(whole(dataset, "NumberOfFrames", 1), 1)
    if len(own) != frames:
        own = [[]] * frames
    return [parts + common for parts in own]


def _grouped(item: Any) -> list[Any]:
    """First item of every macro of a functional group."""
    try:
        keywords = [element.keyword for element in item if element.VR == "SQ"]
    except Exception:
        return []
    return [part for keyword in keywords for part in items(item, keyword)[:1]]
