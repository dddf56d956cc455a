"""The signatures of a document, as checks beside those of its attachments and figures."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from audit.problems import InputError
from reports.credentials import Named, certificates, needs_extra
from reports.verification import Check

if TYPE_CHECKING:
    from reports.signatures import Signature

_WHAT = "signatures"


def signature_checks(
    pdf: bytes,
    name: str,
    trusted: Sequence[Named] | None = None,
    *,
    moment: datetime | None = None,
) -> list[Check]:
    """Check the signatures of a PDF against certificates to trust.

    Without any (None) a document that is not signed is passed over, and a missing extra is told
    as something that was not checked.

    Raises
    ------
    InputError
        When a certificate cannot be read, or when there are some and the extra is missing.
    """
    from reports.signatures import is_signed, signatures

    if trusted is None and not is_signed(pdf):
        return []
    try:
        needs_extra("--trust" if trusted is not None else name)
    except InputError as error:
        if trusted is not None:
            raise
        problem = error.problems[0]
        return [Check("not_checked", _WHAT, f"{problem.reason}; {problem.remedy}")]
    given = [c for file in trusted or () for c in certificates(file)]
    found = signatures(pdf, given, moment=moment)
    if not found:
        return [Check("not_checked", _WHAT, "not signed")] if trusted is not None else []
    return [_check(signature) for signature in found]


def _check(s: "Signature") -> Check:
    what = f"{s.kind} {s.field}".strip()
    if s.signer:
        what += f" by {s.signer}"
    if s.intact is not True:
        return Check("differs" if s.intact is False else "not_checked", what, s.why)
    detail = "; ".join(_told(s))
    if s.changed:
        return Check("differs", what, detail)
    return Check("same" if s.trusted else "not_checked", what, detail)


def _told(s: "Signature") -> Iterator[str]:
    """What there is to know about an unbroken signature, the bad news first."""
    if s.changed:
        yield f"{s.appended:,} bytes were appended after it, {s.addition}"
    yield f"unbroken, {s.why}" if s.why else "unbroken"
    if s.kind == "signature":
        yield f"PAdES {s.level}" if s.level else "no baseline level of PAdES"
    if s.covers_all:
        yield "it covers the whole file"
    elif not s.changed:
        yield f"{s.appended:,} bytes were appended after it, {s.addition}"
    yield from _times(s)
    if s.reason:
        yield f"reason given: {s.reason}"
    if s.location:
        yield f"place given: {s.location}"


def _times(s: "Signature") -> Iterator[str]:
    if s.stamp is not None:
        trust = "" if s.stamp.trusted else ", an authority that is not trusted here"
        yield f"timestamp {_time(s.stamp.at)} by {s.stamp.by}{trust}"
    if s.claimed_at is not None:
        claim = " by the signer's own claim" if s.stamp is None or not s.stamp.trusted else ""
        yield f"signed {_time(s.claimed_at)}{claim}"


def _time(moment: datetime) -> str:
    from datetime import UTC

    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M UTC}"
