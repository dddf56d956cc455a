from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reports.appended import additions
from reports.signatures import is_signed
from reports.signing import sign
from reports.verification import Check, verify
from tests.end_to_end.command import run
from tests.reports.brief import brief_papers
from tests.reports.conftest import Rendered
from tests.reports.pki import (
    SECRET,
    authority,
    served,
    timestamper,
)
from tests.reports.signing_desk import (
    CA,
    JANE,
    MOMENT,
    OTHER,
    Desk,
    appended,
    checks_of,
    flipped,
    one,
    other_page,
    plain,
    without_extra,
)
from tests.reports.validators import assert_conforms, needs


@pytest.fixture
def pdf() -> bytes:
    return plain()


@pytest.fixture(scope="module")
def dossier(rendered: Rendered) -> bytes:
    return rendered(brief_papers())


@pytest.fixture
def desk(
    pdf: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Desk:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(MOMENT.timestamp())))
    return Desk(tmp_path, pdf, lambda *words: run(capsys, monkeypatch, *words))


@pytest.fixture
def unheld(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what is not about signatures: holding the figures against the attachments."""
    monkeypatch.setattr("reports.verification.verify", lambda pdf, name: [])


PDFA_OF_SEVERAL = "a signature /ByteRange does not cover the complete PDF except for its"


@pytest.mark.slow
@pytest.mark.usefixtures("kept")
def test_signed_dossiers_verify_and_conform(dossier: bytes, tmp_path: Path) -> None:
    made = sign(dossier, JANE.signer, moment=MOMENT, reason="Signed by Jane Doe")
    checks = verify(made, "d.pdf")
    assert {c.outcome for c in checks} == {"same"}
    assert checks[-1].detail == (
        "made again, byte for byte; what was appended to it changes no page"
    )
    assert_conforms(made, tmp_path)
    both = sign(made, OTHER.signer, moment=MOMENT)
    assert additions(dossier, both) == []
    assert {c.outcome for c in checks_of(both, CA, OTHER)} == {"same"}
    # Of several signatures only the last can cover all, which is all that is held against them.
    page = needs("page")
    for profile, told in (("PDF_A_3A", [PDFA_OF_SEVERAL]), ("PDF_UA_1", [])):
        report = page.validate_pdf_bytes(both, profile=getattr(page.ValidationProfile, profile))
        assert [f.message[: len(PDFA_OF_SEVERAL)] for f in report.failures] == told


@pytest.mark.slow
@pytest.mark.usefixtures("kept")
def test_a_page_of_a_dossier_replaced_after_signing_is_found(dossier: bytes) -> None:
    forged = appended(sign(dossier, JANE.signer, moment=MOMENT), other_page)
    assert checks_of(forged, CA)[0].outcome == "differs"
    checks = [c for c in verify(forged, "d") if c.outcome == "differs"]
    assert checks[-1] == Check("differs", "page 1", "what was appended changes what is shown")
    assert any("it says" in c.detail for c in checks)


@pytest.mark.usefixtures("kept")
def test_the_command_signs_and_verify_lists_it(desk: Desk, dossier: bytes) -> None:
    (desk.folder / "dossier.pdf").write_bytes(dossier)
    ended = desk.sign("--chain", "ca.pem", "--as", "Jane Doe", "--role", "quality manager")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "wrote signed.pdf",
        "signed by Jane Doe, 2026-11-28 12:00 UTC (PAdES B-B); the time is the signer's own "
        "claim, no authority was asked",
    ]
    made = (desk.folder / "signed.pdf").read_bytes()
    assert made.startswith(dossier)
    assert (desk.folder / "dossier.pdf").read_bytes() == dossier
    ended = desk.run("verify", "signed.pdf", "--trust", "ca.pem")
    assert ended.code == 0
    last = ended.out.splitlines()[-1]
    assert last.startswith("✓ signature Signature1 by Jane Doe: unbroken, vouched for by")
    assert last.endswith("reason given: Signed by Jane Doe as quality manager")
    assert "✓ printed figures: made again, byte for byte" in ended.out


@pytest.mark.usefixtures("unheld")
def test_verify_without_trust_and_of_what_was_changed(desk: Desk) -> None:
    assert desk.sign("--as", "Jane Doe").code == 0
    made = (desk.folder / "signed.pdf").read_bytes()
    ended = desk.run("verify", "signed.pdf")
    assert ended.code == 0
    assert ended.out.splitlines()[-1].startswith("? signature Signature1 by Jane Doe")
    (desk.folder / "signed.pdf").write_bytes(flipped(made, made.rindex(b"Signed by Jane")))
    ended = desk.run("verify", "signed.pdf", "--trust", "ca.pem")
    assert ended.code == 1
    assert "✗ signature Signature1 by Jane Doe: what it covers was changed" in ended.out


@pytest.mark.usefixtures("unheld")
def test_unsigned_is_told_only_when_signatures_were_asked_for(desk: Desk) -> None:
    assert desk.run("verify", "dossier.pdf").out == ""
    ended = desk.run("verify", "dossier.pdf", "--trust", "ca.pem")
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "? signatures: not signed")
    ended = desk.run("verify", "dossier.pdf", "--trust", "key.pem")
    assert (ended.code, "it holds no X.509 certificate" in ended.errors[0]) == (2, True)


def test_the_input_is_overwritten_only_when_it_is_named(desk: Desk, pdf: bytes) -> None:
    (desk.folder / "signed.pdf").write_bytes(pdf)
    words = ("sign", "signed.pdf", "--key", "key.pem", "--cert", "cert.pem")
    ended = desk.run(*words)
    assert ended.code == 2
    assert "it would be overwritten by its signed version; name a file with --out" in ended.err
    assert (desk.folder / "signed.pdf").read_bytes() == pdf
    assert desk.run(*words, "--out", "signed.pdf").code == 0
    assert is_signed((desk.folder / "signed.pdf").read_bytes())


def test_a_passphrase_comes_from_the_environment_or_a_terminal(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = desk.sign(key="locked.pem")
    assert (ended.code, "--passphrase-env, or use a terminal" in ended.err) == (2, True)
    ended = desk.sign("--passphrase-env", "NOWHERE_SET", key="locked.pem")
    assert (ended.code, "there is no such environment variable" in ended.err) == (2, True)
    monkeypatch.setenv("PHRASE", "wrong")
    ended = desk.sign("--passphrase-env", "PHRASE", key="locked.pem")
    assert (ended.code, "the passphrase does not open it" in ended.err) == (2, True)
    monkeypatch.setenv("PHRASE", SECRET.decode())
    assert desk.sign("--passphrase-env", "PHRASE", key="locked.pem").code == 0
    words = ("sign", "dossier.pdf", "--pkcs12", "jane.p12")
    assert desk.run(*words, "--passphrase-env", "PHRASE").code == 0
    asked = []

    def answer(prompt: str, stream: Any) -> str:
        asked.append(prompt)
        return SECRET.decode()

    monkeypatch.setattr("commands.sign.getpass", answer)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert desk.run(*words).code == 0
    assert desk.sign(key="locked.pem").code == 0
    assert desk.sign().code == 0
    assert asked == ["Passphrase of jane.p12: ", "Passphrase of locked.pem: "]
    assert not (desk.folder / "signed.pdf").read_bytes().count(SECRET)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "a signature needs one key; give --key and --cert, or --pkcs12"),
        (("--key", "key.pem"), "a signature needs one key"),
        (("--cert", "cert.pem"), "a signature needs one key"),
        (("--pkcs12", "jane.p12", "--cert", "cert.pem"), "a signature needs one key"),
        (("--key", "key.pem", "--cert", "cert.pem", "--pkcs12", "x"), "a signature needs one key"),
        (("--key", "gone.pem", "--cert", "cert.pem"), "gone.pem: it cannot be read"),
        (("--key", "other.pem", "--cert", "cert.pem"), "does not belong to the certificate in"),
        (("--key", "key.pem", "--cert", "cert.pem", "--role", "x"), "give the name with --as"),
    ],
)
def test_what_the_command_refuses(desk: Desk, words: tuple[str, ...], told: str) -> None:
    ended = desk.run("sign", "dossier.pdf", *words)
    assert ended.code == 2
    assert told in ended.err
    assert not (desk.folder / "signed.pdf").exists()


def test_the_command_refuses_a_time_outside_of_the_certificate(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert "not on 1970-01-01" in desk.sign().err
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "noon")
    assert "'noon' is not a number of seconds" in desk.sign().err
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert desk.sign().code == 0
    claimed = one((desk.folder / "signed.pdf").read_bytes()).claimed_at
    assert claimed is not None
    assert abs(datetime.now(UTC) - claimed) < timedelta(minutes=5)


def test_the_command_without_the_extra(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    without_extra(monkeypatch)
    ended = desk.sign()
    assert ended.code == 2
    assert 'pip install "equipoise[sign]"' in ended.errors[0]


@pytest.mark.usefixtures("unheld")
def test_a_timestamp_is_fetched_only_from_the_address_that_is_given(desk: Desk) -> None:
    from asn1crypto.tsp import TimeStampReq

    root = authority("Time CA")
    (desk.folder / "time.pem").write_bytes(root.pem)
    stamps = timestamper(root, MOMENT)
    with served(lambda r: stamps.request_tsa_response(TimeStampReq.load(r)).dump()) as url:
        ended = desk.sign("--timestamp-url", url)
        assert ended.code == 0
        assert ended.out.splitlines()[-1].endswith(f"with a timestamp from {url} (PAdES B-T)")
    ended = desk.run("verify", "signed.pdf", "--trust", "ca.pem", "--trust", "time.pem")
    assert "PAdES B-T" in ended.out
    assert "timestamp 2026-11-28 12:00 UTC by Example TSA" in ended.out
    assert "own claim" not in ended.out


def test_an_authority_that_does_not_answer_leaves_nothing(desk: Desk) -> None:
    with served(lambda _: b"not ASN.1") as url:
        pass
    ended = desk.sign("--timestamp-url", url)
    assert (ended.code, "the timestamp authority gave no timestamp" in ended.err) == (2, True)
    with served(lambda _: b"not ASN.1") as url:
        ended = desk.sign("--timestamp-url", url)
    assert (ended.code, "the timestamp authority gave no timestamp" in ended.err) == (2, True)
    assert not (desk.folder / "signed.pdf").exists()
