"""`equipoise export`: every format from the command line, and what it says of wrong calls."""

import json
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from commands.export import FORMATS, WITH_CHECKLISTS
from tests.end_to_end.command import Outcome, run
from tests.reports.exported import with_answers
from tests.reports.sample import sample

START = {
    "ml-bom": b'{\n "$schema"',
    "chai": b"<?xml",
    "huggingface": b"---\n",
    "in-toto": b'{\n "_type"',
    "csv": b"\xef\xbb\xbfrecord,id,",
    "parquet": b"PAR1",
    "xlsx": b"PK\x03\x04",
}


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An audit with nothing beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    path = tmp_path / "audit.json"
    path.write_text(sample().to_json(), "utf-8")
    return path


@pytest.fixture
def product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An audit with profile and answers beside it."""
    folder = tmp_path / "product"
    folder.mkdir()
    with_answers(folder)
    shutil.copy(folder / "out" / "audit.json", folder / "audit.json")
    monkeypatch.chdir(folder)
    return folder / "audit.json"


def export(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str | Path
) -> Outcome:
    ended = run(capsys, monkeypatch, "export", *words)
    assert "Traceback" not in ended.err
    return ended


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_written_twice_alike(
    format: str, audit: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = audit.parent / "one.out", audit.parent / "new" / "two.out"
    ended = export(capsys, monkeypatch, audit, "--format", format, "--out", one)
    assert (ended.code, ended.out) == (0, f"wrote {one}\n")
    assert export(capsys, monkeypatch, audit, "--format", format, "--out", two).code == 0
    assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes().startswith(START[format])


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("x.csv", "csv"),
        ("x.PARQUET", "parquet"),
        ("x.xlsx", "xlsx"),
        ("x.xml", "chai"),
        ("README.md", "huggingface"),
    ],
)
def test_the_ending_names_the_format(
    name: str,
    format: str,
    audit: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert export(capsys, monkeypatch, audit, "--out", name).code == 0
    assert (audit.parent / name).read_bytes().startswith(START[format])


def test_without_a_file_it_goes_to_stdout(
    audit: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    import cli

    monkeypatch.setattr(sys, "argv", ["equipoise", "export", str(audit), "--format", "in-toto"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    assert json.loads(capfdbinary.readouterr().out)["predicate"]["result"] == "FAILED"


def test_answers_beside_the_audit_are_told(
    product: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    on = ("--as-of", "2027-12-02")
    assert export(capsys, monkeypatch, product, *on, "--format", "ml-bom", "--out", "b").code == 0
    bom = json.loads(Path("b").read_text("utf-8"))
    claims = {claim["bom-ref"] for claim in bom["declarations"]["claims"]}
    assert "claim/CHAI-SF.7" in claims
    as_of = [p for p in bom["metadata"]["properties"] if p["name"] == "equipoise:as-of"]
    assert [p["value"] for p in as_of] == ["2027-12-02"]
    assert export(capsys, monkeypatch, product, *on, "--out", "card.md").code == 0
    assert "weighted by race" in Path("card.md").read_text("utf-8")


def test_the_card_asks_its_own_questions_whatever_the_profile_follows(
    product: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = product.parent / "equipoise.yaml"
    content = yaml.safe_load(profile.read_text("utf-8"))
    content["profile"]["instruments"] = ["gmlp"]
    other = product.parent / "other.yaml"
    other.write_text(yaml.safe_dump(content), "utf-8")
    words = (product, "--profile", other, "--answers", "answers.yaml", "--as-of", "2027-12-02")
    assert export(capsys, monkeypatch, *words, "--out", "card.xml").code == 0
    card = ElementTree.parse("card.xml")
    contact = card.find(".//{https://mc.chai.org/v0.2/schema.xsd}DeveloperContact")
    assert contact is not None
    assert contact.text == "card@example.org"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "--format: no format is named, and the file's ending names none; give ml-bom, "),
        (("--out", "x.pdf"), "--format: no format is named, and the file's ending names none; "),
        (("--format", "in_toto"), "--format: unknown format 'in_toto'; did you mean 'in-toto'?"),
        (("--format", "csv", "--as-of", "2027-01-01"), "--as-of: the format csv holds no check"),
        (("--format", "in-toto", "--profile", "p"), "--profile: the format in-toto holds no check"),
        (("--format", "chai", "--profile", "none.yaml"), "none.yaml: no such file; "),
        (("--format", "chai", "--answers", "none.yaml"), "none.yaml: there is no product profile "),
    ],
)
def test_a_wrong_call_is_one_line(
    words: tuple[str, ...],
    line: str,
    audit: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = export(capsys, monkeypatch, audit, *words)
    assert ended.code == 2
    (error,) = ended.errors
    assert error.startswith(f"error: {line}")


def test_what_is_no_audit_is_one_line(
    audit: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for format in FORMATS:
        ended = export(capsys, monkeypatch, "none.json", "--format", format, "--out", "x")
        assert (ended.code, len(ended.errors)) == (2, 1)
    audit.write_text("{}", "utf-8")
    ended = export(capsys, monkeypatch, audit, "--format", "csv", "--out", "x")
    assert (ended.code, len(ended.errors)) == (2, 1)
    assert not Path("x").exists()


def test_a_binary_format_is_not_put_on_a_terminal(
    audit: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    ended = export(capsys, monkeypatch, audit, "--format", "xlsx")
    assert ended.errors == ["error: --out: xlsx is no text for a terminal; name a file to write"]


def test_every_format_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "exports.md").read_text("utf-8")
    for format in FORMATS:
        assert f"`{format}`" in text
    assert set(WITH_CHECKLISTS) < set(FORMATS)
