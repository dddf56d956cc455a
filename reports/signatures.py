"""Checking the signatures of a PDF: whole or broken, what they cover, and who vouches for whom."""

import io
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from reports.appended import additions
from reports.credentials import may_sign, name_of, needs_extra, printable
from reports.signing import asn1

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_PADES = "/ETSI.CAdES.detached"
_NAMES_ITS_CERTIFICATE = {"signing_certificate", "signing_certificate_v2"}


@dataclass(frozen=True)
class Stamp:
    """A time, the authority that states it, and whether that one is trusted."""

    at: datetime
    by: str
    trusted: bool


@dataclass(frozen=True)
class Signature:
    """A signature that was found, and how it came out.

    `intact` is None where it could not be judged, and `why` says so; else `why` tells why it is
    broken, or what trust rests on or lacks. `appended` is the number of bytes after what it
    covers, `addition` what they are; `changed` says that they change what was signed.
    """

    field: str
    kind: Literal["signature", "timestamp"]
    intact: bool | None
    trusted: bool
    why: str
    signer: str = ""
    issuer: str = ""
    claimed_at: datetime | None = None
    stamp: Stamp | None = None
    level: Literal["B-B", "B-T"] | None = None
    appended: int = 0
    addition: str = ""
    changed: bool = False
    reason: str = ""
    location: str = ""

    @property
    def covers_all(self) -> bool:
        """Whether nothing was appended after it."""
        return self.intact is True and self.appended == 0


def is_signed(pdf: bytes) -> bool:
    """Whether a PDF holds a signature; told without the extra."""
    import pikepdf

    with pikepdf.open(io.BytesIO(pdf)) as document:
        return any(
            isinstance(o, pikepdf.Dictionary) and "/ByteRange" in o for o in document.objects
        )


def signatures(
    pdf: bytes, trusted: Sequence["Certificate"], *, moment: datetime | None = None
) -> list[Signature]:
    """Judge every signature of a PDF, in the order in which they were made, without any network.

    `trusted` holds certificates of authorities, or of signers themselves. Trust is judged at
    `moment`, now if absent: what a certificate that has expired since is worth, only a timestamp
    by a trusted authority can tell.

    Raises
    ------
    InputError
        When the `sign` extra is missing.
    """
    needs_extra("signatures")
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.fields import enumerate_sig_fields

    # What it has to tell is in what it returns; here it would go to the terminal as tracebacks.
    for name in ("pyhanko", "pyhanko_certvalidator"):
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    at = moment if moment is not None else datetime.now(UTC)
    try:
        reader = PdfFileReader(io.BytesIO(pdf))
        fields = list(enumerate_sig_fields(reader, filled_status=True))
    except PdfError as error:
        why = f"the file cannot be read as it was signed ({error})"
        return [Signature("", "signature", False, False, why)] if is_signed(pdf) else []
    found = [_judged(reader, name, field, trusted, at) for name, _, field in fields]
    return sorted(found, key=lambda s: -s.appended)


def _judged(
    reader: Any, name: str, field: Any, trusted: Sequence["Certificate"], at: datetime
) -> Signature:
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

    label = printable(name)
    try:
        found = field.get_object()["/V"]
        form = str(found.get("/SubFilter", ""))
        if form not in (_PADES, "/adbe.pkcs7.detached", "/ETSI.RFC3161"):
            why = f"signatures of the form '{printable(form)}' are not checked here"
            return Signature(label, "signature", None, False, why)
        embedded = EmbeddedPdfSignature(reader, field, name)
        if embedded.sig_object_type == "/DocTimeStamp":
            return _timestamp(embedded, label, trusted, at)
        return _signature(embedded, label, trusted, at)
    except Exception as error:
        # What anybody may have written can break a parser in any way; it is never a pass.
        why = f"it cannot be read ({type(error).__name__}: {printable(str(error))})"
        return Signature(label, "signature", False, False, why)


def _signature(
    embedded: Any, label: str, trusted: Sequence["Certificate"], at: datetime
) -> Signature:
    status = _status(embedded, trusted, at)
    signer = _certificate(embedded.signer_cert)
    told = status.timestamp_validity
    stamp = None
    if told is not None and told.intact and told.valid:
        stamp = Stamp(told.timestamp, name_of(_certificate(told.signing_cert)), told.trusted)
    intact = status.intact and status.valid
    appended, addition, changed = _after(embedded, status)
    ok, why = (
        (False, _broken(status)) if not intact else _trust(embedded, status, trusted, at, stamp)
    )
    return Signature(
        field=label,
        kind="signature",
        intact=intact,
        trusted=ok,
        why=why,
        signer=name_of(signer),
        issuer=printable(signer.issuer.rfc4514_string()),
        claimed_at=status.signer_reported_dt,
        stamp=stamp,
        level=_level(embedded, status, stamp) if intact else None,
        appended=appended,
        addition=addition,
        changed=changed,
        reason=_text(embedded, "/Reason"),
        location=_text(embedded, "/Location"),
    )


def _timestamp(
    embedded: Any, label: str, trusted: Sequence["Certificate"], at: datetime
) -> Signature:
    """A timestamp over the document, by nobody but the authority."""
    from pyhanko.sign.validation import validate_pdf_timestamp

    status = validate_pdf_timestamp(embedded, _context(trusted, at), skip_diff=True)
    intact = status.intact and status.valid
    authority = _certificate(status.signing_cert)
    appended, addition, changed = _after(embedded, status)
    why = "" if intact else _broken(status)
    if intact and not status.trusted:
        why = _unknown(trusted)
    return Signature(
        field=label,
        kind="timestamp",
        intact=intact,
        trusted=intact and status.trusted,
        why=why,
        signer=name_of(authority),
        issuer=printable(authority.issuer.rfc4514_string()),
        stamp=Stamp(status.timestamp, name_of(authority), status.trusted) if intact else None,
        appended=appended,
        addition=addition,
        changed=changed,
    )


def _status(embedded: Any, trusted: Sequence["Certificate"], at: datetime) -> Any:
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.settings import KeyUsageConstraints

    # Key usage is judged by `may_sign`: here a certificate without the extension would fail. What
    # was appended is judged by `additions`: here it takes half a minute for a dossier.
    free = KeyUsageConstraints(key_usage=())
    return validate_pdf_signature(
        embedded, _context(trusted, at), key_usage_settings=free, skip_diff=True
    )


def _context(trusted: Sequence["Certificate"], at: datetime) -> Any:
    from pyhanko_certvalidator import ValidationContext

    return ValidationContext(trust_roots=asn1(trusted), allow_fetching=False, moment=at)


def _certificate(found: Any) -> "Certificate":
    from cryptography.x509 import load_der_x509_certificate

    return load_der_x509_certificate(found.dump())


def _broken(status: Any) -> str:
    if not status.intact:
        return "what it covers was changed after it was signed"
    return "the signature was not made with the key of its certificate"


def _after(embedded: Any, status: Any) -> tuple[int, str, bool]:
    """How much was appended after what it covers, what that is, and whether it changes it."""
    from pyhanko.sign.fields import MDPPerm
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    if status.coverage == SignatureCoverageLevel.ENTIRE_FILE:
        return 0, "", False
    end, pdf = _end(embedded.sig_object), embedded.reader.stream.getvalue()
    appended = len(pdf) - end
    if status.coverage != SignatureCoverageLevel.ENTIRE_REVISION:
        return appended, "it does not cover all of what it seems to sign", True
    found = additions(pdf[:end], pdf)
    if any(addition.kind != "visible_signature" for addition in found):
        return appended, "it may show or say something else than was signed", True
    signed_later = any(_end(s) > end for s in _signing(embedded.reader))
    if signed_later and embedded.docmdp_level == MDPPerm.NO_CHANGES:
        return appended, "a further signature, which this one does not allow", True
    shown = ", which shows" if found else ""
    return appended, f"a further signature{shown}" if signed_later else "nothing that shows", False


def _signing(reader: Any) -> Iterator[Any]:
    """What the signed fields hold, timestamps of the document left out."""
    from pyhanko.sign.fields import enumerate_sig_fields

    for _, value, _ in enumerate_sig_fields(reader, filled_status=True):
        held = value.get_object()
        if held.get("/Type", "/Sig") != "/DocTimeStamp":
            yield held


def _end(held: Any) -> int:
    """Where what a signature covers ends."""
    *_, start, length = (int(n) for n in held["/ByteRange"])
    return start + length


def _trust(
    embedded: Any, status: Any, trusted: Sequence["Certificate"], at: datetime, stamp: Stamp | None
) -> tuple[bool, str]:
    """Whether somebody who is trusted vouches for the signer, and what that rests on."""
    signer = _certificate(embedded.signer_cert)
    if not may_sign(signer):
        return False, "the key usage of its certificate does not allow signatures"
    if status.revoked:
        return False, "its certificate was revoked"
    if status.validation_path is None:
        return False, _unknown(trusted)
    root = _certificate(status.validation_path.first)
    anchor = name_of(root)
    vouched = f"vouched for by '{anchor}', revocation not looked up"
    if root == signer:
        vouched = "its certificate is one that was given to trust, revocation not looked up"
    if _valid(signer, at) and status.trusted:
        return True, vouched
    if stamp is not None and stamp.trusted and _valid(signer, stamp.at):
        then = _status(embedded, trusted, stamp.at)
        if then.trusted:
            return True, f"{vouched}; out of date by now, valid at the time of the timestamp"
    if _expired(status, at):
        why = f"its certificate or one that vouches for it is not valid on {at:%Y-%m-%d}, and no "
        return False, why + "trusted timestamp tells that it was when it signed"
    return False, f"'{anchor}' does not vouch for it in a way that can be followed"


def _expired(status: Any, at: datetime) -> bool:
    return not all(_valid(_certificate(c), at) for c in status.validation_path)


def _valid(certificate: "Certificate", at: datetime) -> bool:
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def _unknown(trusted: Sequence["Certificate"]) -> str:
    if not trusted:
        return "whose it is was not checked: no certificate to trust was given"
    return "no certificate that was given to trust vouches for it"


def _level(embedded: Any, status: Any, stamp: Stamp | None) -> Literal["B-B", "B-T"] | None:
    """The level of PAdES (EN 319 142-1), from what the signature is made of."""
    from pyhanko.sign.validation.status import SignatureCoverageLevel

    attributes = {a["type"].native for a in embedded.signer_info["signed_attrs"]}
    baseline = (
        embedded.sig_object.get("/SubFilter") == _PADES
        and "/M" in embedded.sig_object
        and "signing_time" not in attributes
        and bool(attributes & _NAMES_ITS_CERTIFICATE)
        and status.coverage >= SignatureCoverageLevel.ENTIRE_REVISION
    )
    if not baseline:
        return None
    return "B-B" if stamp is None else "B-T"


def _text(embedded: Any, key: str) -> str:
    return printable(str(embedded.sig_object.get(key, "")))
