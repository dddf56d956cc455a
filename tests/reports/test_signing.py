import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from audit.problems import InputError
from reports.appended import Addition, additions
from reports.credentials import (
    Named,
    certificates,
    printable,
    signer_of_pem,
    signer_of_pkcs12,
    usable,
)
from reports.pdf import render_pdf
from reports.signature_checks import signature_checks
from reports.signatures import Signature, is_signed, signatures
from reports.signing import sign, simple
from reports.verification import Check, verify
from tests.end_to_end.command import Outcome, run
from tests.reports.pki import (
    END,
    NO_USAGE,
    SECRET,
    Holder,
    authority,
    holder,
    served,
    timestamper,
)
from tests.reports.sample import papers
from tests.reports.validators import assert_conforms, needs

# Not all of it has types.
generic: Any = import_module("pyhanko.pdf_utils.generic")
MOMENT = datetime(2026, 11, 28, 12, tzinfo=UTC)
NOW = MOMENT + timedelta(days=1)
CA = authority()
JANE = holder("Jane Doe", CA)
OTHER = holder("Somebody Else")
EXPIRED = holder("Erik Expired", CA, end=datetime(2026, 12, 1, tzinfo=UTC))
LATER = datetime(2027, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def dossier() -> bytes:
    return render_pdf(papers())


@pytest.fixture(scope="module")
def pdf() -> bytes:
    """Two pages, each with its content, a link and a place in the structure; quick to look at."""
    with pikepdf.new() as document:
        for word in (b"first", b"second"):
            page = document.add_blank_page()
            page.Contents = document.make_stream(b"BT (" + word + b") Tj ET")
            link = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link)
            link.Rect = pikepdf.Array([0, 0, 9, 9])
            page.Annots = pikepdf.Array([document.make_indirect(link)])
        structure = pikepdf.Dictionary(Type=pikepdf.Name.StructTreeRoot)
        document.Root.StructTreeRoot = document.make_indirect(structure)
        out = io.BytesIO()
        document.save(out, object_stream_mode=pikepdf.ObjectStreamMode.generate)
        return out.getvalue()


@pytest.fixture(scope="module")
def signed(pdf: bytes) -> bytes:
    return sign(pdf, JANE.signer, moment=MOMENT, reason="Signed by Jane Doe", location="Graz")


def one(pdf: bytes, *trusted: Holder, at: datetime = NOW) -> Signature:
    (found,) = signatures(pdf, [t.certificate for t in trusted], moment=at)
    return found


def checks_of(pdf: bytes, *trusted: Holder, at: datetime = NOW) -> list[Check]:
    named = [Named(f"{i}.pem", t.pem) for i, t in enumerate(trusted)]
    return signature_checks(pdf, "d.pdf", named or None, moment=at)


def codes(caught: pytest.ExceptionInfo[InputError]) -> list[str]:
    return [p.code for p in caught.value.problems]


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


PDFA_OF_SEVERAL = "a signature /ByteRange does not cover the complete PDF except for its"


@pytest.mark.slow
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
def test_a_page_of_a_dossier_replaced_after_signing_is_found(dossier: bytes) -> None:
    forged = appended(sign(dossier, JANE.signer, moment=MOMENT), _other_page)
    assert checks_of(forged, CA)[0].outcome == "differs"
    checks = [c for c in verify(forged, "d") if c.outcome == "differs"]
    assert checks[-1] == Check("differs", "page 1", "what was appended changes what is shown")
    assert any("it says" in c.detail for c in checks)


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


def _with_key(key: ed25519.Ed25519PrivateKey) -> Holder:
    from cryptography import x509

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Ed")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(7)
    builder = builder.public_key(key.public_key()).not_valid_before(MOMENT).not_valid_after(END)
    return Holder(key, builder.sign(key, None))


def _flipped(pdf: bytes, place: int) -> bytes:
    other = b"1" if pdf[place : place + 1] == b"0" else b"0"
    return pdf[:place] + other + pdf[place + 1 :]


def _end_of_signature(pdf: bytes) -> int:
    start = pdf.rindex(b"/Contents <") + len(b"/Contents <")
    return start + len(pdf[start : pdf.index(b">", start)].rstrip(b"0"))


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(lambda s: s.index(b"endstream") - 9, id="in what was signed"),
        pytest.param(lambda s: s.rindex(b"Signed by Jane"), id="in the reason"),
        pytest.param(lambda s: s.rindex(b"/M (") + 10, id="in the claimed time"),
        pytest.param(lambda s: s.rindex(b"/Contents <") + 400, id="in the certificate"),
        pytest.param(lambda s: _end_of_signature(s) - 9, id="in the signature"),
        pytest.param(lambda s: s.rindex(b"/ByteRange [") + 14, id="in what it says to cover"),
    ],
)
def test_one_changed_byte_breaks_the_signature(
    signed: bytes, place: Callable[[bytes], int]
) -> None:
    found = one(_flipped(signed, place(signed)), CA)
    assert found.intact is False
    assert not found.trusted
    assert not found.covers_all
    (check,) = checks_of(_flipped(signed, place(signed)), CA)
    assert check.outcome == "differs"
    assert check.detail == found.why != ""


def test_what_is_broken_says_where(signed: bytes) -> None:
    reason = _flipped(signed, signed.rindex(b"Signed by Jane"))
    assert one(reason, CA).why == "what it covers was changed after it was signed"
    value = _flipped(signed, _end_of_signature(signed) - 9)
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


def appended(pdf: bytes, change: Callable[[Any, Any], None]) -> bytes:
    """The document with a revision in which its first page is another."""
    writer: Any = IncrementalPdfFileWriter(io.BytesIO(pdf))
    reference, _ = writer.find_page_for_modification(0)
    page = reference.get_object()
    change(writer, page)
    writer.update_container(page)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _other_page(writer: Any, page: Any) -> None:
    other = writer.prev.root["/Pages"]["/Kids"][1]["/Contents"]
    page[generic.NameObject("/Contents")] = writer.add_object(other)


def _annotation(subtype: str, rect: tuple[int, ...], **more: Any) -> Callable[[Any, Any], None]:
    def change(writer: Any, page: Any) -> None:
        box = generic.ArrayObject(generic.NumberObject(v) for v in rect)
        entries: dict[str, Any] = {"/Type": generic.NameObject("/Annot"), "/Rect": box}
        entries |= {"/Subtype": generic.NameObject(subtype)} | {f"/{k}": v for k, v in more.items()}
        added = generic.DictionaryObject({generic.NameObject(k): v for k, v in entries.items()})
        page["/Annots"].append(writer.add_object(added))

    return change


def _form(writer: Any, **entries: Any) -> None:
    made = {generic.NameObject(f"/{key}"): value for key, value in entries.items()}
    writer.root[generic.NameObject("/AcroForm")] = generic.DictionaryObject(made)
    writer.update_root()


def _name_tree(writer: Any, page: Any) -> None:
    writer.root[generic.NameObject("/OpenAction")] = generic.DictionaryObject(
        {
            generic.NameObject("/S"): generic.NameObject("/JavaScript"),
            generic.NameObject("/JS"): generic.pdf_string("app.beep()"),
        }
    )
    writer.update_root()


def test_a_page_replaced_after_signing_is_found(signed: bytes) -> None:
    forged = appended(signed, _other_page)
    assert forged.startswith(signed)
    found = one(forged, CA)
    assert (found.intact, found.changed, found.covers_all) == (True, True, False)
    (check,) = checks_of(forged, CA)
    assert check.outcome == "differs"
    assert "it may show or say something else than was signed" in check.detail


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_other_page, [Addition("drawing", 1)]),
        (_annotation("/FreeText", (0, 0, 500, 500)), [Addition("drawing", 1)]),
        (
            _annotation("/Widget", (0, 0, 500, 500), FT=generic.NameObject("/Tx")),
            [Addition("drawing", 1)],
        ),
        (
            _annotation("/Widget", (0, 0, 500, 500), FT=generic.NameObject("/Sig")),
            [Addition("visible_signature", 1)],
        ),
        (_annotation("/Widget", (0, 0, 0, 0), FT=generic.NameObject("/Sig")), []),
        (
            _annotation(
                "/Widget", (0, 0, 9, 9), FT=generic.NameObject("/Sig"), F=generic.NumberObject(2)
            ),
            [],
        ),
        (lambda w, p: p["/Annots"].pop(0), [Addition("drawing", 1)]),
        (lambda w, p: _form(w, XFA=generic.pdf_string("<xdp/>")), [Addition("drawing")]),
        (lambda w, p: _form(w, DR=generic.DictionaryObject({})), []),
        (_name_tree, [Addition("drawing")]),
        (lambda w, p: None, []),
    ],
)
def test_what_was_appended_is_told_by_what_it_does(
    pdf: bytes, change: Callable[[Any, Any], None], found: list[Addition]
) -> None:
    assert additions(pdf, appended(pdf, change)) == found


def test_a_figure_replaced_inside_its_object_is_found_on_its_page(pdf: bytes) -> None:
    writer: Any = IncrementalPdfFileWriter(io.BytesIO(pdf))
    with pikepdf.open(io.BytesIO(pdf)) as document:
        pages = [p.obj.Contents.objgen for p in document.pages]
    stream = writer.prev.get_object(_reference(writer, pages[1]))
    stream._data = stream.data.replace(b"second", b"other")
    stream._encoded_data = None
    writer.mark_update(_reference(writer, pages[1]))
    out = io.BytesIO()
    writer.write(out)
    assert additions(pdf, out.getvalue()) == [Addition("drawing", 2)]


def _reference(writer: Any, number: tuple[int, int]) -> Any:
    from pyhanko.pdf_utils.generic import Reference

    return Reference(*number, pdf=writer)


def with_field(pdf: bytes, *rect: int) -> bytes:
    """The document with an empty signature field on its first page."""
    from pyhanko.sign.fields import SigFieldSpec, append_signature_field

    writer: Any = IncrementalPdfFileWriter(io.BytesIO(pdf))
    append_signature_field(writer, SigFieldSpec("Prepared", box=rect or None))  # type: ignore[arg-type]
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def by_another_tool(pdf: bytes, field: str = "Prepared", **meta: Any) -> bytes:
    """Signed with the library's own way, which fills prepared fields and renews the metadata."""
    from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner

    writer: Any = IncrementalPdfFileWriter(io.BytesIO(pdf))
    signer = PdfSigner(PdfSignatureMetadata(field_name=field, **meta), simple(OTHER.signer))
    made: bytes = signer.sign_pdf(writer, existing_fields_only=field == "Prepared").getvalue()
    return made


def test_a_prepared_field_is_filled_after_another_signature(pdf: bytes) -> None:
    for rect, addition in (((), "a further signature"), ((0, 0, 90, 30), "which shows")):
        first = sign(with_field(pdf, *rect), JANE.signer, moment=MOMENT)
        both = by_another_tool(first)
        before, after = signatures(both, [CA.certificate, OTHER.certificate], moment=NOW)
        assert (before.intact, before.trusted, before.changed) == (True, True, False)
        assert before.addition.endswith(addition)
        assert (after.field, after.trusted, after.level) == ("Prepared", True, None)
        assert "no baseline level of PAdES" in checks_of(both, CA, OTHER)[1].detail


def test_a_signature_that_forbids_changes_is_heard(pdf: bytes) -> None:
    from pyhanko.sign.fields import MDPPerm

    only = by_another_tool(pdf, "Only", certify=True, docmdp_permissions=MDPPerm.NO_CHANGES)
    assert one(only, OTHER).trusted
    with pytest.raises(InputError) as caught:
        sign(only, JANE.signer, moment=MOMENT)
    assert "forbids all changes" in str(caught.value)
    free = by_another_tool(pdf, "Only", certify=True, docmdp_permissions=MDPPerm.FILL_FORMS)
    both = sign(free, JANE.signer, moment=MOMENT)
    assert [c.outcome for c in checks_of(both, CA, OTHER)] == ["same", "same"]


def test_a_field_that_was_taken_away_is_missed(signed: bytes) -> None:
    def change(writer: Any, page: Any) -> None:
        fields = writer.root["/AcroForm"]["/Fields"]
        fields.pop(0)
        writer.update_container(fields)

    both = sign(signed, OTHER.signer, moment=MOMENT)
    assert additions(signed, appended(both, change)) == [Addition("drawing")]
    assert [s.signer for s in signatures(appended(both, change), [])] == ["Somebody Else"]
    assert checks_of(appended(both, change), OTHER)[0].outcome == "differs"


def test_parts_that_are_not_drawn_are_told_apart(pdf: bytes) -> None:
    def change(writer: Any, page: Any) -> None:
        structure = writer.root["/StructTreeRoot"]
        structure[generic.NameObject("/Note")] = generic.pdf_string("x")
        writer.update_container(structure)

    made = appended(pdf, change)
    assert additions(pdf, made) == [Addition("other")]


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


def without_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr("audit.models.extras.import_module", gone)


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


class Desk:
    """A folder with a dossier and keys, and the command line in it."""

    def __init__(self, folder: Path, pdf: bytes, go: Callable[..., Outcome]) -> None:
        self.folder, self.run = folder, go
        for name, content in {
            "dossier.pdf": pdf,
            "key.pem": JANE.key_pem(),
            "locked.pem": JANE.key_pem(SECRET),
            "cert.pem": JANE.pem,
            "ca.pem": CA.pem,
            "jane.p12": JANE.pkcs12(CA.certificate),
            "other.pem": OTHER.key_pem(),
        }.items():
            (folder / name).write_bytes(content)

    def sign(self, *words: str, key: str = "key.pem") -> Outcome:
        return self.run("sign", "dossier.pdf", "--key", key, "--cert", "cert.pem", *words)


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
    (desk.folder / "signed.pdf").write_bytes(_flipped(made, made.rindex(b"Signed by Jane")))
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
