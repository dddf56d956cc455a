"""The table of a folder of images; what identifies a person stays in the headers."""

import logging
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from audit.problems import InputError
from audit.sources.images.manifest import COLUMNS, scan_folder
from commands.manifest import run_manifest
from tests.audit.sources.images.test_read_image import packaged, slices

pydicom = pytest.importorskip("pydicom")
SENTINEL = "Zaphod"


def dicom(path: Path, **changes: Any) -> None:
    data = pydicom.dcmread(packaged("CT_small.dcm"))
    for name, value in changes.items():
        setattr(data, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path)


def with_sentinels(path: Path) -> None:
    """Put a name into every element that may hold text, private and nested ones too."""
    data = pydicom.dcmread(packaged("CT_small.dcm"))
    for name in ("PatientName", "PatientID", "OtherPatientIDs", "PatientAddress",
                 "AccessionNumber", "StudyDescription", "SeriesDescription", "StudyID",
                 "ReferringPhysicianName", "OperatorsName", "PatientComments",
                 "PatientMotherBirthName", "DeviceSerialNumber", "ProtocolName"):  # fmt: skip
        setattr(data, name, SENTINEL)
    data.PatientBirthDate = "not a date Zaphod"
    data.PatientAge = "Zaphod"
    data.PatientSex = "Zaphod"
    block = data.private_block(0x0013, "CTP", create=True)
    block.add_new(0x10, "LO", SENTINEL)
    item = pydicom.Dataset()
    item.PatientID = SENTINEL
    data.OtherPatientIDsSequence = [item]
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data.save_as(path, enforce_file_format=False)


def test_no_identifier_leaves_a_header(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with_sentinels(tmp_path / "in" / "a.dcm")
    (tmp_path / "in" / "cut.dcm").write_bytes((tmp_path / "in" / "a.dcm").read_bytes()[:900])
    caplog.clear()
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        text = run_manifest(tmp_path / "in", tmp_path / "out.csv", None, quiet=True)
    table = (tmp_path / "out.csv").read_text()
    told = [*(str(w.message) for w in warned), caplog.text, *capsys.readouterr(), text, table]
    assert not any(SENTINEL.lower() in one.lower() for one in told)
    assert "values of PatientSex that are not M, F or O" in text
    assert "values of PatientAge that are no age" in text


def test_headers_give_attributes_and_site(tmp_path: Path) -> None:
    dicom(tmp_path / "a.dcm", PatientSex="F", PatientAge="045Y", InstitutionName="North",
          ManufacturerModelName="Optima", StationName="R2", KVP=120, PatientID="1",
          MagneticFieldStrength=1.5, ViewPosition="PA", EthnicGroup="x")  # fmt: skip
    dicom(tmp_path / "b.dcm", PatientSex="M", PatientAge="006M", PatientID="1",
          SeriesInstanceUID="1.9", SOPInstanceUID="1.9.1")  # fmt: skip
    dicom(tmp_path / "c.dcm", PatientAge="097Y", PatientID="2", SeriesInstanceUID="1.8",
          SOPInstanceUID="1.8.1")  # fmt: skip
    found = scan_folder(tmp_path, key=b"k" * 32)
    table = pd.DataFrame(found.columns)
    assert tuple(table.columns) == COLUMNS
    first = table.iloc[0]
    assert (first.image, first.sex, first.age, first.institution) == ("a.dcm", "F", 45.0, "North")
    assert (first.model_name, first.station, first.kvp) == ("Optima", "R2", 120.0)
    assert (first.field_strength, first.view_position, first.ethnic_group) == (1.5, "PA", "x")
    assert table.age.tolist() == [45.0, 0.5, 90.0]
    assert table.patient[0] == table.patient[1] != table.patient[2]
    again = scan_folder(tmp_path, key=b"k" * 32)
    assert again.columns == found.columns
    assert scan_folder(tmp_path).columns["patient"] != found.columns["patient"]


def test_a_series_is_one_row_and_missing_tags_are_counted(tmp_path: Path) -> None:
    slices(tmp_path / "p1" / "ct", [0.0, 2.0, 4.0], PatientSex="", PatientAge="")
    found = scan_folder(tmp_path, key=b"k" * 32)
    assert found.columns["image"] == ["p1/ct"]
    assert found.columns["sex"] == [None]
    assert dict(found.told)["files without sex"] == 3


def test_other_images_take_attributes_from_their_folders(tmp_path: Path) -> None:
    from PIL import Image

    for name in ("naevus/north/1.png", "naevus/south/2.png", "melanoma/north/3.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("x")
    found = scan_folder(tmp_path)
    assert found.columns["folder_1"] == ["melanoma", "naevus", "naevus"]
    assert found.columns["folder_2"] == ["north", "north", "south"]
    assert dict(found.told) == {"files that are no image": 1}


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no image among 0 files"):
        scan_folder(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        scan_folder(tmp_path / "nowhere")
    (tmp_path / "key").write_text("short")
    with pytest.raises(InputError, match="the key has 5 bytes"):
        run_manifest(tmp_path, tmp_path / "o.csv", tmp_path / "key", quiet=True)
    with pytest.raises(InputError, match="no kind of table"):
        run_manifest(tmp_path, tmp_path / "o.xlsx", None, quiet=True)
