"""Signing a PDF as PAdES B-B, or B-T with a timestamp: appended, what was there stays as it is."""

import asyncio
import io
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any

from audit.problems import InputError, Problem
from reports.credentials import Signer, needs_extra
from reports.pdfa import AMBIGUOUS, ATTEMPTS

_FIELD = "Signature"


def sign(
    pdf: bytes,
    signer: Signer,
    *,
    moment: datetime,
    reason: str | None = None,
    location: str | None = None,
    field: str | None = None,
    timestamper: Any = None,
) -> bytes:
    """Append a signature that does not show; the bytes of `pdf` are the beginning of the result.

    `moment` is the time the signer claims. A `timestamper` (see `timestamp_authority`) adds the
    time an authority vouches for. Without `field`, the next free of Signature1, Signature2, ... is
    taken.

    Raises
    ------
    InputError
        When it is no PDF that can be signed, the field is taken or the authority does not answer.
    """
    needs_extra("sign")
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.sign.general import SigningError
    from pyhanko.sign.timestamps import TimestampRequestError

    try:
        for spare in range(ATTEMPTS):
            writer = _writer(pdf, signer, moment)
            name = _free_field(writer, field)
            session = _session(writer, signer, name, reason, location, timestamper)
            session.system_time = moment
            if made := asyncio.run(_signed(session, moment, len(pdf), spare)):
                return made
        raise ValueError("nothing can be appended without an ambiguous stream end")
    except TimestampRequestError as error:
        raise _no_timestamp(error.__cause__ or error) from None
    except (PdfError, SigningError) as error:
        problem = f"it cannot be signed ({error})"
        raise InputError(Problem("bad_pdf", "the document", problem, "give a dossier")) from None
    except ValueError as error:  # what the authority sent is no timestamp
        if timestamper is None:
            raise
        raise _no_timestamp(error) from None


def timestamp_authority(url: str) -> Any:
    """An authority that answers RFC 3161 requests at an address; it sees a hash, no document."""
    needs_extra("sign")
    from pyhanko.sign.timestamps import HTTPTimeStamper

    return HTTPTimeStamper(url, timeout=30)


def _no_timestamp(error: BaseException) -> InputError:
    what = " ".join(str(error).split())
    problem = f"the timestamp authority gave no timestamp ({what})"
    remedy = "check the address, or sign without a timestamp"
    return InputError(Problem("no_timestamp", "--timestamp-url", problem, remedy))


async def _signed(session: Any, moment: datetime, start: int, spare: int) -> bytes | None:
    """The signed file; None where a stream appended from `start` on ends in a carriage return.

    PDF/A forbids that (see `mark_accessible`). `spare` bytes in the room for the signature move
    what follows, and so change the table of places at the end.
    """
    from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes

    reserved = await session.estimate_signature_container_size(None)
    document = session.prepare_tbs_document(
        validation_info=None, bytes_reserved=reserved + 2 * spare
    )
    prepared, out = document.digest_tbs_document(output=io.BytesIO())
    if AMBIGUOUS in out.getvalue()[start:]:
        return None
    done = await document.perform_signature(
        document_digest=prepared.document_digest,
        pdf_cms_signed_attrs=PdfCMSSignedAttributes(signing_time=moment),
    )
    await done.post_signature_processing(out)
    made: bytes = out.getvalue()
    return made


def _session(
    writer: Any,
    signer: Signer,
    name: str,
    reason: str | None,
    location: str | None,
    timestamper: Any,
) -> Any:
    from pyhanko.sign.fields import SigSeedSubFilter
    from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner

    told = PdfSignatureMetadata(
        field_name=name, reason=reason, location=location, subfilter=SigSeedSubFilter.PADES
    )
    _add_field(writer, name)
    maker = PdfSigner(told, simple(signer), timestamper=timestamper)
    return maker.init_signing_session(writer, existing_fields_only=True)


def _add_field(writer: Any, name: str) -> None:
    """A field of no size that lies on no page.

    On a page it would have to be printed for PDF/A, and for PDF/UA either hidden, which PDF/A
    forbids, or read out, for which the structure that others signed would have to change.
    """
    from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, NameObject, pdf_string
    from pyhanko.sign.fields import InvisSigSettings, SignatureFormField

    field = SignatureFormField(
        name, invis_settings=InvisSigSettings(set_print_flag=True, set_hidden_flag=False)
    )
    field[NameObject("/TU")] = pdf_string(name)
    root = writer.root
    if "/AcroForm" not in root:
        root[NameObject("/AcroForm")] = writer.add_object(DictionaryObject({}))  # type: ignore[no-untyped-call]
        writer.update_root()
    form = root["/AcroForm"]
    if "/Fields" not in form:
        form[NameObject("/Fields")] = ArrayObject()
        writer.update_container(form)
    form["/Fields"].append(writer.add_object(field))
    writer.update_container(form["/Fields"])


def simple(signer: Signer) -> Any:
    """The signer in the types of the library."""
    from asn1crypto.keys import PrivateKeyInfo
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )
    from pyhanko.sign.signers import SimpleSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    chain = SimpleCertificateStore()  # type: ignore[no-untyped-call]
    chain.register_multiple(asn1(signer.chain))
    plain = signer.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    (own,) = asn1([signer.certificate])
    return SimpleSigner(own, PrivateKeyInfo.load(plain), chain)


def asn1(certificates: Iterable[Any]) -> list[Any]:
    """Certificates in the types of the library that checks them."""
    from asn1crypto.x509 import Certificate
    from cryptography.hazmat.primitives.serialization import Encoding

    return [Certificate.load(c.public_bytes(Encoding.DER)) for c in certificates]


def _writer(pdf: bytes, signer: Signer, moment: datetime) -> Any:
    """A writer that appends, and leaves everything that does not sign alone."""
    from cryptography.hazmat.primitives.serialization import Encoding
    from pyhanko.pdf_utils.generic import ArrayObject, ByteStringObject
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    class Appending(IncrementalPdfFileWriter):
        def _update_meta(self) -> None:
            """Keep the metadata: rewritten, they would no longer be those of PDF/A and PDF/UA."""

    writer = Appending(io.BytesIO(pdf))
    own = signer.certificate.public_bytes(Encoding.DER)
    state = sha256(pdf + own + moment.isoformat().encode()).digest()[:16]
    # The second half of the identifier is random otherwise.
    writer._document_id = ArrayObject([writer._document_id[0], ByteStringObject(state)])
    return writer


def _free_field(writer: Any, wanted: str | None) -> str:
    from pyhanko.sign.fields import enumerate_sig_fields

    taken = {name for name, value, _ in enumerate_sig_fields(writer.prev) if value is not None}
    if wanted is None:
        number = 1
        while f"{_FIELD}{number}" in taken:
            number += 1
        return f"{_FIELD}{number}"
    if not wanted or "." in wanted or wanted in taken:
        problem = "it is signed already" if wanted in taken else "a name without dots is needed"
        raise InputError(Problem("bad_field", f"field '{wanted}'", problem, "take another name"))
    return wanted
