"""Reading images, held against other readers of the same files, and files that are damaged."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import PIL.ImageFile
import pytest
from PIL import Image as Pictures

from audit.problems import InputError
from audit.sources.images import read_image, read_mask

pydicom = pytest.importorskip("pydicom")
nibabel = pytest.importorskip("nibabel")


def packaged(name: str) -> Path:
    found = pydicom.data.get_testdata_file(name, download=False)
    if found is None:
        pytest.skip(f"{name} is not packaged")
    return Path(str(found))


def refused(path: Path, read: Any = read_image) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    (problem,) = caught.value.problems
    assert "\n" not in str(problem)
    assert str(path) in problem.where
    return problem.code


def test_a_ct_slice_is_in_hounsfield_units_with_its_spacing() -> None:
    path = packaged("CT_small.dcm")
    image = read_image(path)
    data = pydicom.dcmread(path)
    expected = data.pixel_array * float(data.RescaleSlope) + float(data.RescaleIntercept)
    np.testing.assert_array_equal(image.array, expected)
    assert image.axes == ("rows", "columns")
    assert image.spacing == pytest.approx(tuple(float(s) for s in data.PixelSpacing))
    assert image.orientation == "PL"


def test_an_mr_slice_and_a_film_of_frames() -> None:
    data = pydicom.dcmread(packaged("MR_small.dcm"))
    np.testing.assert_array_equal(read_image(packaged("MR_small.dcm")).array, data.pixel_array)
    path = packaged("examples_ybr_color.dcm")
    film = read_image(path)
    assert film.axes[0] == "frames"
    assert film.axes[-1] == "channels"
    assert "stored_order" in film.notes
    one = read_image(path, frame=2)
    np.testing.assert_array_equal(one.array, film.array[2])
    with pytest.raises(InputError, match="there is no frame 9999"):
        read_image(path, frame=9999)


def test_palettes_become_colours() -> None:
    path = packaged("examples_palette.dcm")
    data = pydicom.dcmread(path)
    expected = pydicom.pixels.apply_color_lut(data.pixel_array, data)
    np.testing.assert_array_equal(read_image(path).array, expected)


def slices(folder: Path, heights: list[float], **changes: Any) -> None:
    data = pydicom.dcmread(packaged("CT_small.dcm"))
    folder.mkdir(parents=True, exist_ok=True)
    base = data.pixel_array.copy()
    for k, height in enumerate(heights):
        data.ImagePositionPatient = [-10.0, -20.0, height]
        data.InstanceNumber = 100 - k
        data.SOPInstanceUID = f"1.2.3.{k}"
        data.PixelData = (base + np.int16(10 * height)).astype(np.int16).tobytes()
        for name, value in changes.items():
            setattr(data, name, value[k] if isinstance(value, list) else value)
        data.save_as(folder / f"{(7 * k) % 11:02d}.dcm")


def test_a_series_is_sorted_by_place_and_its_step_is_measured(tmp_path: Path) -> None:
    slices(tmp_path / "s", [6.0, 0.0, 4.0, 2.0], SliceThickness=5.0)
    image = read_image(tmp_path / "s")
    first = pydicom.dcmread(packaged("CT_small.dcm"))
    assert image.array.shape == (4, *first.pixel_array.shape)
    assert image.spacing[0] == pytest.approx(2.0)
    assert np.diff(image.array[:, 0, 0]).tolist() == [20, 20, 20]
    assert image.orientation == "SPL"
    assert image.origin == (-10.0, -20.0, 0.0)
    assert image.affine is not None
    np.testing.assert_allclose(image.affine[:3, 0], [0, 0, 2], atol=1e-9)


@pytest.mark.parametrize(
    ("heights", "changes", "code"),
    [
        ([0.0, 2.0, 6.0, 8.0], {}, "gap"),
        ([0.0, 2.0, 2.0, 4.0], {}, "repeated_position"),
        ([0.0, 2.0], {"SeriesInstanceUID": ["1.2", "1.3"]}, "several_series"),
        ([0.0, 2.0, 4.0], {"ImageOrientationPatient": [[1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, 1],
                                                       [1, 0, 0, 0, 1, 0]]}, "mixed_directions"),
        ([0.0, 2.0], {"PixelSpacing": [[1, 1], [2, 2]]}, "mixed_spacing"),
    ],
)  # fmt: skip
def test_a_series_that_is_no_even_volume_is_refused(
    tmp_path: Path, heights: list[float], changes: dict[str, Any], code: str
) -> None:
    slices(tmp_path / "s", heights, **changes)
    assert refused(tmp_path / "s") == code


def test_nifti_is_brought_to_one_orientation(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    data = rng.integers(0, 99, (5, 6, 7)).astype(np.int16)
    affine = np.array([[0, 0, 3.0, 4], [-1.5, 0, 0, 5], [0, 2.0, 0, -6], [0, 0, 0, 1]])
    nibabel.save(nibabel.Nifti1Image(data, affine), tmp_path / "a.nii.gz")
    image = read_image(tmp_path / "a.nii.gz")
    canonical = nibabel.as_closest_canonical(nibabel.load(tmp_path / "a.nii.gz"))
    expected = canonical.get_fdata()[::-1, ::-1, :].transpose(2, 1, 0)  # R, A, S to L, P, S
    np.testing.assert_array_equal(image.array, expected)
    zooms = canonical.header.get_zooms()
    assert image.spacing == pytest.approx((zooms[2], zooms[1], zooms[0]))
    assert image.affine is not None
    for place in ((0, 0, 0), (3, 2, 1)):
        ours = image.affine @ (*place, 1)
        n = canonical.shape
        theirs = canonical.affine @ (n[0] - 1 - place[2], n[1] - 1 - place[1], place[0], 1)
        np.testing.assert_allclose(ours[:3], theirs[:3] * (-1, -1, 1), atol=1e-9)


def test_nifti_scaling_units_and_time(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.eye(4))
    image.header.set_slope_inter(0.5, 1.0)
    image.header.set_xyzt_units("meter")
    nibabel.save(image, tmp_path / "a.nii")
    found = read_image(tmp_path / "a.nii")
    assert found.spacing == pytest.approx((1000.0,) * 3)
    assert found.array.max() == pytest.approx(nibabel.load(tmp_path / "a.nii").get_fdata().max())
    film = nibabel.Nifti1Image(np.zeros((2, 3, 4, 5), np.uint8), np.eye(4))
    nibabel.save(film, tmp_path / "b.nii")
    assert read_image(tmp_path / "b.nii").axes == ("frames", "slices", "rows", "columns")
    assert read_image(tmp_path / "b.nii", frame=1).array.shape == (4, 3, 2)


def test_pictures_keep_their_depth_and_palettes_of_masks_their_numbers(tmp_path: Path) -> None:
    deep = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000
    Pictures.fromarray(deep).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(read_image(tmp_path / "deep.png").array, deep)
    labels = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    indexed = Pictures.new("P", (3, 2))
    indexed.putdata(labels.ravel().tolist())
    indexed.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    indexed.save(tmp_path / "p.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "p.png").array, labels)
    assert read_image(tmp_path / "p.png").array.shape == (2, 3, 3)
    pages = [Pictures.fromarray(deep[:, :2].astype(np.uint8) + k) for k in range(3)]
    pages[0].save(tmp_path / "t.tif", save_all=True, append_images=pages[1:])
    assert read_image(tmp_path / "t.tif").axes == ("frames", "rows", "columns")


def test_arrays_tell_their_axes_by_shape(tmp_path: Path) -> None:
    for shape, axes in (
        ((4, 5), ("rows", "columns")),
        ((4, 5, 3), ("rows", "columns", "channels")),
        ((4, 5, 6), ("slices", "rows", "columns")),
        ((4, 5, 6, 2), ("slices", "rows", "columns", "channels")),
    ):
        np.save(tmp_path / "a.npy", np.zeros(shape))
        assert read_image(tmp_path / "a.npy").axes == axes
    np.savez_compressed(tmp_path / "one.npz", mask=np.ones((3, 3), bool))
    assert read_mask(tmp_path / "one.npz").array.sum() == 9
    np.savez(tmp_path / "two.npz", a=np.ones(3), b=np.ones(3))
    assert refused(tmp_path / "two.npz") == "several_arrays"
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object), allow_pickle=True)
    assert refused(tmp_path / "o.npy") == "pickled"


def cut(path: Path, target: Path, share: float = 0.6) -> Path:
    content = path.read_bytes()
    target.write_bytes(content[: int(len(content) * share)])
    return target


def test_files_that_are_cut_off_are_refused_not_padded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As it is in a process that has set a PDF page before.
    monkeypatch.setattr(PIL.ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    assert refused(cut(packaged("CT_small.dcm"), tmp_path / "a.dcm")) == "corrupt"
    rng = np.random.default_rng(0)
    picture = Pictures.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8))
    for name in ("a.png", "a.jpg", "a.tif"):
        picture.save(tmp_path / f"whole-{name}")
        assert refused(cut(tmp_path / f"whole-{name}", tmp_path / name)) == "corrupt"
    volume = nibabel.Nifti1Image(rng.integers(0, 99, (20, 20, 20)).astype(np.uint8), np.eye(4))
    for name in ("a.nii", "a.nii.gz"):
        nibabel.save(volume, tmp_path / f"whole-{name}")
        assert refused(cut(tmp_path / f"whole-{name}", tmp_path / name)) == "corrupt"
    np.save(tmp_path / "whole.npy", rng.normal(size=(50, 50)))
    assert refused(cut(tmp_path / "whole.npy", tmp_path / "a.npy")) == "corrupt"
    np.savez_compressed(tmp_path / "whole.npz", rng.normal(size=(50, 50)))
    assert refused(cut(tmp_path / "whole.npz", tmp_path / "a.npz")) == "corrupt"


def test_other_files_are_refused_by_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "folder").mkdir()
    assert refused(tmp_path / "empty.png") == "empty_file"
    assert refused(tmp_path / "text.png") == "corrupt"
    assert refused(tmp_path / "notes.txt") == "unknown_image"
    assert refused(tmp_path / "nowhere.png") == "missing_file"
    assert refused(tmp_path / "folder") == "no_dicom"


def test_a_header_that_promises_too_much_is_not_believed(tmp_path: Path) -> None:
    header = b"\x93NUMPY\x01\x00v\x00" + (
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999, 99999, 99), }".ljust(117)
        + b"\n"
    )
    (tmp_path / "bomb.npy").write_bytes(header + b"\0" * 64)
    assert refused(tmp_path / "bomb.npy") in ("too_large", "corrupt")
    image = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.float64), np.eye(4))
    raw = bytearray(image.to_bytes())
    raw[42:48] = np.array([30000, 30000, 30000], "<i2").tobytes()
    (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress(bytes(raw)))
    assert refused(tmp_path / "bomb.nii.gz") == "too_large"


def test_masks_are_whole_numbers(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.array([[0.0, 1.0], [2.0, 0.0]]))
    assert read_mask(tmp_path / "f.npy").array.dtype == np.int64
    for content, code in (
        (np.array([[0.5, 1.0]] * 2), "fractional_mask"),
        (np.array([[np.nan, 1.0]] * 2), "fractional_mask"),
        (np.array([[-1, 1]] * 2), "negative_mask"),
        (np.zeros((4, 5, 3), np.uint8), "coloured_mask"),
    ):
        np.save(tmp_path / "m.npy", content)
        assert refused(tmp_path / "m.npy", read_mask) == code


def test_missing_tags_are_told_without_their_neighbours(tmp_path: Path) -> None:
    data = pydicom.dcmread(packaged("CT_small.dcm"))
    data.PatientName = "SENTINEL^NAME"
    del data.PixelData
    data.save_as(tmp_path / "no_pixels.dcm")
    assert refused(tmp_path / "no_pixels.dcm") == "no_pixels"
    data = pydicom.dcmread(packaged("CT_small.dcm"))
    del data.PixelSpacing
    data.save_as(tmp_path / "no_spacing.dcm")
    assert read_image(tmp_path / "no_spacing.dcm").spacing == (None, None)


def segmentation(path: Path, frames: list[tuple[int, float, Any]], kind: str = "BINARY") -> None:
    """Write a DICOM segmentation by hand: segment, height and pixels of every frame."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.pixels.utils import pack_bits
    from pydicom.uid import UID, ExplicitVRLittleEndian

    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.3"
    data.SegmentationType, data.Modality = kind, "SEG"
    data.Rows, data.Columns, data.NumberOfFrames = 4, 6, len(frames)
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 1
    data.HighBit = data.PixelRepresentation = 0
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [0.5, 0.75]
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    data.SharedFunctionalGroupsSequence = [shared]
    own = []
    for number, height, _ in frames:
        place, segment, group = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = [0.0, 0.0, height]
        segment.ReferencedSegmentNumber = number
        group.PlanePositionSequence, group.SegmentIdentificationSequence = [place], [segment]
        own.append(group)
    data.PerFrameFunctionalGroupsSequence = own
    data.PixelData = pack_bits(np.stack([pixels for *_, pixels in frames]).astype(np.uint8))
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    data.save_as(path, enforce_file_format=True)


def test_a_dicom_segmentation_gives_the_number_of_each_segment(tmp_path: Path) -> None:
    left = np.zeros((4, 6), int)
    left[1:3, :2] = 1
    frames = [(1, 2.0, left), (2, 0.0, np.fliplr(left)), (1, 0.0, left), (2, 4.0, left)]
    segmentation(tmp_path / "s.dcm", frames)
    mask = read_mask(tmp_path / "s.dcm")
    expected = np.stack([left + 2 * np.fliplr(left), left, 2 * left])
    np.testing.assert_array_equal(mask.array, expected)
    assert mask.spacing == pytest.approx((2.0, 0.5, 0.75))
    assert mask.kind == "DICOM segmentation"
    segmentation(tmp_path / "o.dcm", [(1, 0.0, left), (2, 0.0, left), (1, 2.0, left)])
    assert refused(tmp_path / "o.dcm", read_mask) == "overlap"
    segmentation(tmp_path / "f.dcm", frames, "FRACTIONAL")
    assert refused(tmp_path / "f.dcm", read_mask) == "fractional_mask"
