from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from audit.problems import InputError
from reports.credentials import (
    Named,
    certificates,
    printable,
    signer_of_pem,
    signer_of_pkcs12,
)
from reports.signatures import Signature, is_signed, signatures
from reports.signing import sign
from reports.verification import Check
from tests.reports.pki import (
    END,
    SECRET,
    Holder,
    holder,
)
from tests.reports.signing_desk import (
    CA,
    JANE,
    MOMENT,
    NOW,
    OTHER,
    checks_of,
    codes,
    end_of_signature,
    flipped,
    one,
    plain,
    signed_plain,
    without_extra,
)


@pytest.fixture
def pdf() -> bytes:
    return plain()


@pytest.fixture
def signed() -> bytes:
    return signed_plain()


def test_a_signature_is_appended_and_says_who_when_and_why(pdf: bytes, signed: bytes) -> None:
    assert signed.startswith(pdf)
    found = one(signed, CA)
    assert found == Signature(
        field="Signature1",
        kind="signature",
        intact=True,
        trusted=True,
        why="vouched for by 'Example Clinic CA', revocation not looked up",
        signer="Jane Doe",
        issuer="CN=Example Clinic CA",
        claimed_at=MOMENT,
        level="B-B",
        reason="Signed by Jane Doe",
        location="Graz",
    )
    assert found.covers_all


def test_the_check_says_all_of_it_in_one_line(signed: bytes) -> None:
    (check,) = checks_of(signed, CA)
    assert check == Check(
        "same",
        "signature Signature1 by Jane Doe",
        "unbroken, vouched for by 'Example Clinic CA', revocation not looked up; PAdES B-B; it "
        "covers the whole file; signed 2026-11-28 12:00 UTC by the signer's own claim; "
        "reason given: Signed by Jane Doe; place given: Graz",
    )


def test_two_signers(signed: bytes) -> None:
    both = sign(signed, OTHER.signer, moment=MOMENT + timedelta(hours=1))
    assert both.startswith(signed)
    first, second = signatures(both, [CA.certificate, OTHER.certificate], moment=NOW)
    assert (first.signer, first.field) == ("Jane Doe", "Signature1")
    assert (first.intact, first.trusted, first.changed) == (True, True, False)
    assert (first.appended, first.addition) == (len(both) - len(signed), "a further signature")
    assert not first.covers_all
    assert (second.signer, second.field) == ("Somebody Else", "Signature2")
    assert second.covers_all
    assert [c.outcome for c in checks_of(both, CA, OTHER)] == ["same", "same"]
    assert [c.outcome for c in checks_of(both, CA)] == ["same", "not_checked"]


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_the_same_key_and_moment_give_the_same_bytes(pdf: bytes, kind: str) -> None:
    made = holder("R", rsa_bits=2048)
    if kind == "ed25519":
        key = ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32)
        made = _with_key(key)
    again = [sign(pdf, made.signer, moment=MOMENT) for _ in range(2)]
    assert again[0] == again[1]
    assert one(again[0], made).trusted
    assert sign(pdf, made.signer, moment=NOW)[len(pdf) :] != again[0][len(pdf) :]


def test_no_appended_stream_ends_ambiguously(pdf: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """How the table of places ended at first stands for an end that PDF/A forbids."""
    first = sign(pdf, JANE.signer, moment=MOMENT)
    forbidden = first[: first.rindex(b"endstream") + 9][-14:]
    assert forbidden.endswith(b"\nendstream")
    assert first.count(forbidden) == 1
    monkeypatch.setattr("reports.signing.AMBIGUOUS", forbidden)
    again = sign(pdf, JANE.signer, moment=MOMENT)
    assert forbidden not in again
    assert {c.outcome for c in checks_of(again, CA)} == {"same"}


def _with_key(key: ed25519.Ed25519PrivateKey) -> Holder:
    from cryptography import x509

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Ed")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(7)
    builder = builder.public_key(key.public_key()).not_valid_before(MOMENT).not_valid_after(END)
    return Holder(key, builder.sign(key, None))


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(lambda s: s.index(b"endstream") - 9, id="in what was signed"),
        pytest.param(lambda s: s.rindex(b"Signed by Jane"), id="in the reason"),
        pytest.param(lambda s: s.rindex(b"/M (") + 10, id="in the claimed time"),
        pytest.param(lambda s: s.rindex(b"/Contents <") + 400, id="in the certificate"),
        pytest.param(lambda s: end_of_signature(s) - 9, id="in the signature"),
        pytest.param(lambda s: s.rindex(b"/ByteRange [") + 14, id="in what it says to cover"),
    ],
)
def test_one_changed_byte_breaks_the_signature(
    signed: bytes, place: Callable[[bytes], int]
) -> None:
    found = one(flipped(signed, place(signed)), CA)
    assert found.intact is False
    assert not found.trusted
    assert not found.covers_all
    (check,) = checks_of(flipped(signed, place(signed)), CA)
    assert check.outcome == "differs"
    assert check.detail == found.why != ""


def test_what_is_broken_says_where(signed: bytes) -> None:
    reason = flipped(signed, signed.rindex(b"Signed by Jane"))
    assert one(reason, CA).why == "what it covers was changed after it was signed"
    value = flipped(signed, end_of_signature(signed) - 9)
    assert one(value, CA).why == "the signature was not made with the key of its certificate"


def test_a_comment_after_it_is_told_and_harmless(signed: bytes) -> None:
    found = one(signed + b"\n% hello\n", CA)
    assert (found.intact, found.changed, found.appended) == (True, False, 9)
    assert not found.covers_all
    (check,) = checks_of(signed + b"\n% hello\n", CA)
    assert check.outcome == "same"
    assert "9 bytes were appended after it, nothing that shows" in check.detail


def test_bytes_that_are_no_part_of_a_pdf_are_not_passed(signed: bytes) -> None:
    (check,) = checks_of(signed + b"x" * 5_000, CA)
    assert check.outcome == "differs"
    assert "cannot be read as it was signed" in check.detail


def test_a_document_that_is_not_signed(pdf: bytes) -> None:
    assert not is_signed(pdf)
    assert signatures(pdf, [], moment=NOW) == []
    assert checks_of(pdf) == []
    assert checks_of(pdf, CA) == [Check("not_checked", "signatures", "not signed")]


def test_fields_can_be_named_once(signed: bytes) -> None:
    for field in ("Signature1", "a.b", ""):
        with pytest.raises(InputError) as caught:
            sign(signed, OTHER.signer, moment=MOMENT, field=field)
        assert codes(caught) == ["bad_field"]
    made = sign(signed, OTHER.signer, moment=MOMENT, field="Physician")
    assert signatures(made, [], moment=NOW)[1].field == "Physician"


@pytest.mark.parametrize("content", [b"", b"plain text", b"%PDF-1.7 broken"])
def test_what_is_no_pdf_cannot_be_signed(content: bytes) -> None:
    with pytest.raises(InputError) as caught:
        sign(content, JANE.signer, moment=MOMENT)
    assert codes(caught) == ["bad_pdf"]


def test_names_cannot_steer_the_terminal(pdf: bytes) -> None:
    rude = holder("Eve\x1b[2J\u202e")
    made = sign(pdf, rude.signer, moment=MOMENT, reason="a\x1b[31m\nb")
    (check,) = checks_of(made, rude)
    assert check.what == "signature Signature1 by Eve?[2J?"
    assert check.detail.endswith("reason given: a?[31m?b")
    assert printable("مريم 王") == "مريم 王"


def test_keys_are_read_from_pem_and_pkcs12() -> None:
    for passphrase in (None, SECRET):
        pem = Named("k.pem", JANE.key_pem(passphrase))
        assert signer_of_pem(pem, Named("c.pem", JANE.pem), (), SECRET).name == "Jane Doe"
        p12 = Named("k.p12", JANE.pkcs12(CA.certificate, passphrase=passphrase))
        read = signer_of_pkcs12(p12, (), passphrase)
        assert (read.certificate, read.chain) == (JANE.certificate, (CA.certificate,))
    both = Named("both.pem", CA.pem + JANE.pem)
    read = signer_of_pem(Named("k.pem", JANE.key_pem()), both)
    assert (read.certificate, read.chain) == (JANE.certificate, (CA.certificate,))
    der = Named("c.der", JANE.certificate.public_bytes(Encoding.DER))
    assert certificates(der) == [JANE.certificate]
    assert "key" not in repr(read).lower()


@pytest.mark.parametrize(
    ("key", "certificate", "passphrase", "code"),
    [
        (JANE.key_pem(SECRET), JANE.pem, None, "passphrase_needed"),
        (JANE.key_pem(SECRET), JANE.pem, b"wrong", "wrong_passphrase"),
        (OTHER.key_pem(), JANE.pem, None, "key_mismatch"),
        (b"no key", JANE.pem, None, "bad_key"),
        (JANE.pem, JANE.pem, None, "bad_key"),
        (JANE.key_pem(), b"no certificate", None, "bad_certificate"),
        (JANE.key_pem(), JANE.key_pem(), None, "bad_certificate"),
    ],
)
def test_problems_with_keys(
    key: bytes, certificate: bytes, passphrase: bytes | None, code: str
) -> None:
    with pytest.raises(InputError) as caught:
        signer_of_pem(Named("k.pem", key), Named("c.pem", certificate), (), passphrase)
    assert codes(caught) == [code]


@pytest.mark.parametrize(
    ("content", "passphrase", "code"),
    [
        (JANE.pkcs12(), None, "passphrase_needed"),
        (JANE.pkcs12(), b"wrong", "wrong_passphrase"),
        (b"nothing", None, "bad_key"),
        (JANE.pem, None, "bad_key"),
    ],
)
def test_problems_with_pkcs12(content: bytes, passphrase: bytes | None, code: str) -> None:
    with pytest.raises(InputError) as caught:
        signer_of_pkcs12(Named("k.p12", content), (), passphrase)
    assert codes(caught) == [code]


def test_short_keys_are_refused() -> None:
    short = holder("Short", rsa_bits=1024)
    with pytest.raises(InputError) as caught:
        signer_of_pem(Named("k.pem", short.key_pem()), Named("c.pem", short.pem))
    assert "its 1024 bits are too few" in str(caught.value)


def test_without_the_extra_its_install_line_is_told(
    pdf: bytes, signed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_extra(monkeypatch)
    line = 'pip install "equipoise[sign]"'
    with pytest.raises(InputError, match="pyhanko, which is not installed") as caught:
        sign(pdf, JANE.signer, moment=MOMENT)
    assert caught.value.problems[0].remedy == line
    with pytest.raises(InputError):
        checks_of(pdf, CA)
    assert checks_of(pdf) == []
    (check,) = checks_of(signed)
    assert (check.outcome, check.detail.endswith(line)) == ("not_checked", True)
