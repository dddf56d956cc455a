"""Keys, a small PDF and its signed version, and a folder with the command line in it."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from audit.problems import InputError
from reports.credentials import Named
from reports.signature_checks import signature_checks
from reports.signatures import Signature, signatures
from reports.signing import sign
from reports.verification import Check
from tests.end_to_end.command import Outcome
from tests.reports.pki import SECRET, Holder, authority, holder

# Not all of it has types.
generic: Any = import_module("pyhanko.pdf_utils.generic")
MOMENT = datetime(2026, 11, 28, 12, tzinfo=UTC)
NOW = MOMENT + timedelta(days=1)
CA = authority()
JANE = holder("Jane Doe", CA)
OTHER = holder("Somebody Else")
EXPIRED = holder("Erik Expired", CA, end=datetime(2026, 12, 1, tzinfo=UTC))
LATER = datetime(2027, 6, 1, tzinfo=UTC)


@cache
def plain() -> bytes:
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


@cache
def signed_plain() -> bytes:
    return sign(plain(), JANE.signer, moment=MOMENT, reason="Signed by Jane Doe", location="Graz")


def one(pdf: bytes, *trusted: Holder, at: datetime = NOW) -> Signature:
    (found,) = signatures(pdf, [t.certificate for t in trusted], moment=at)
    return found


def checks_of(pdf: bytes, *trusted: Holder, at: datetime = NOW) -> list[Check]:
    named = [Named(f"{i}.pem", t.pem) for i, t in enumerate(trusted)]
    return signature_checks(pdf, "d.pdf", named or None, moment=at)


def codes(caught: pytest.ExceptionInfo[InputError]) -> list[str]:
    return [p.code for p in caught.value.problems]


def flipped(pdf: bytes, place: int) -> bytes:
    other = b"1" if pdf[place : place + 1] == b"0" else b"0"
    return pdf[:place] + other + pdf[place + 1 :]


def end_of_signature(pdf: bytes) -> int:
    start = pdf.rindex(b"/Contents <") + len(b"/Contents <")
    return start + len(pdf[start : pdf.index(b">", start)].rstrip(b"0"))


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


def other_page(writer: Any, page: Any) -> None:
    other = writer.prev.root["/Pages"]["/Kids"][1]["/Contents"]
    page[generic.NameObject("/Contents")] = writer.add_object(other)


def without_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr("audit.models.extras.import_module", gone)


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
