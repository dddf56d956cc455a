import io
from datetime import UTC, datetime
from typing import Any

import pytest
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from audit.problems import InputError
from reports.credentials import (
    Named,
    signer_of_pem,
    usable,
)
from reports.signatures import signatures
from reports.signing import sign
from tests.reports.pki import (
    NO_USAGE,
    authority,
    holder,
    timestamper,
)
from tests.reports.signing_desk import (
    CA,
    EXPIRED,
    JANE,
    LATER,
    MOMENT,
    NOW,
    OTHER,
    checks_of,
    codes,
    one,
    plain,
    signed_plain,
)


@pytest.fixture
def pdf() -> bytes:
    return plain()


@pytest.fixture
def signed() -> bytes:
    return signed_plain()


def test_an_unknown_signer_is_not_checked(signed: bytes) -> None:
    for trusted, why in (
        ((), "whose it is was not checked: no certificate to trust was given"),
        ((OTHER,), "no certificate that was given to trust vouches for it"),
        ((authority(),), "'Example Clinic CA' does not vouch for it in a way that can be followed"),
    ):
        found = one(signed, *trusted)
        assert (found.intact, found.trusted, found.why) == (True, False, why)
        assert [c.outcome for c in checks_of(signed, *trusted)] == ["not_checked"]


def test_the_certificate_of_the_signer_can_be_trusted_itself(signed: bytes) -> None:
    found = one(signed, JANE)
    assert found.trusted
    assert found.why.startswith("its certificate is one that was given to trust")


def test_an_authority_between_goes_with_the_signature(pdf: bytes) -> None:
    between = authority("Department CA", CA)
    own = holder("Ana", between)
    signer = signer_of_pem(
        Named("k", own.key_pem()), Named("c", own.pem), [Named("chain", between.pem)]
    )
    assert one(sign(pdf, signer, moment=MOMENT), CA).trusted
    assert not one(sign(pdf, own.signer, moment=MOMENT), CA).trusted


def test_a_certificate_that_expired_since_is_no_longer_proof(pdf: bytes) -> None:
    made = sign(pdf, EXPIRED.signer, moment=MOMENT)
    assert one(made, CA).trusted
    for trusted in (CA, EXPIRED):
        found = one(made, trusted, at=LATER)
        assert (found.intact, found.trusted) == (True, False)
        assert "not valid on 2027-06-01, and no trusted timestamp tells" in found.why


def test_a_trusted_timestamp_outlives_the_certificate(pdf: bytes) -> None:
    tsa_root = authority("Time CA")
    made = sign(pdf, EXPIRED.signer, moment=MOMENT, timestamper=timestamper(tsa_root, MOMENT))
    found = one(made, CA, tsa_root, at=LATER)
    assert (found.level, found.trusted) == ("B-T", True)
    assert found.why.endswith("out of date by now, valid at the time of the timestamp")
    assert found.stamp is not None
    assert (found.stamp.at, found.stamp.by, found.stamp.trusted) == (MOMENT, "Example TSA", True)
    unknown = one(made, CA, at=LATER)
    assert (unknown.level, unknown.trusted) == ("B-T", False)
    detail = checks_of(made, CA, at=NOW)[0].detail
    assert "timestamp 2026-11-28 12:00 UTC by Example TSA, an authority that is not" in detail
    assert "own claim" in detail
    assert "own claim" not in checks_of(made, CA, tsa_root, at=NOW)[0].detail


def test_a_timestamp_after_the_end_of_the_certificate_does_not_help(pdf: bytes) -> None:
    tsa_root = authority("Time CA")
    late = timestamper(tsa_root, datetime(2027, 1, 1, tzinfo=UTC))
    made = sign(pdf, EXPIRED.signer, moment=MOMENT, timestamper=late)
    assert not one(made, CA, tsa_root, at=LATER).trusted


def test_a_timestamp_over_the_document_is_listed_by_its_authority(signed: bytes) -> None:
    from pyhanko.sign.signers import PdfTimeStamper

    tsa_root = authority("Time CA")
    writer: Any = IncrementalPdfFileWriter(io.BytesIO(signed))
    made = PdfTimeStamper(timestamper(tsa_root, MOMENT)).timestamp_pdf(writer, "sha256")
    content = made.read()
    before, stamp = signatures(content, [CA.certificate, tsa_root.certificate], moment=NOW)
    assert (before.signer, before.trusted, before.changed) == ("Jane Doe", True, False)
    assert (stamp.kind, stamp.signer, stamp.trusted) == ("timestamp", "Example TSA", True)
    assert (stamp.level, stamp.claimed_at, stamp.covers_all) == (None, None, True)
    *_, check = checks_of(content, CA, tsa_root)
    assert check.outcome == "same"
    assert check.what.startswith("timestamp Timestamp-")
    assert "timestamp 2026-11-28 12:00 UTC by Example TSA" in check.detail
    assert [c.outcome for c in checks_of(content, CA)] == ["same", "not_checked"]


def test_a_signature_of_another_form_is_not_judged(signed: bytes) -> None:
    other = signed.replace(b"/ETSI.CAdES.detached", b"/adbe.x509.rsa_sha1 ")
    found = one(other, CA)
    assert (found.intact, found.trusted) == (None, False)
    assert "/adbe.x509.rsa_sha1" in found.why
    assert checks_of(other, CA)[0].outcome == "not_checked"


def test_a_certificate_not_meant_for_it_is_refused_and_not_trusted(pdf: bytes) -> None:
    wrong = holder("Key Agreement", CA, usage=NO_USAGE)
    with pytest.raises(InputError) as caught:
        usable(wrong.signer, MOMENT, "c.pem")
    assert codes(caught) == ["not_for_signing"]
    found = one(sign(pdf, wrong.signer, moment=MOMENT), CA)
    assert (found.trusted, found.why) == (
        False,
        "the key usage of its certificate does not allow signatures",
    )


def test_a_certificate_without_key_usage_may_sign(pdf: bytes) -> None:
    free = holder("Free", CA, usage=None)
    usable(free.signer, MOMENT, "c.pem")
    assert one(sign(pdf, free.signer, moment=MOMENT), CA).trusted


def test_a_certificate_out_of_date_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        usable(EXPIRED.signer, LATER, "c.pem")
    assert codes(caught) == ["out_of_date"]
    assert "valid from 2024-01-01 to 2026-12-01, not on 2027-06-01" in str(caught.value)
