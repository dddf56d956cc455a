import io
from collections.abc import Callable
from typing import Any

import pikepdf
import pytest
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from audit.problems import InputError
from reports.appended import Addition, additions
from reports.signatures import signatures
from reports.signing import sign, simple
from tests.reports.signing_desk import (
    CA,
    JANE,
    MOMENT,
    NOW,
    OTHER,
    appended,
    checks_of,
    generic,
    one,
    other_page,
    plain,
    signed_plain,
)


@pytest.fixture
def pdf() -> bytes:
    return plain()


@pytest.fixture
def signed() -> bytes:
    return signed_plain()


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
    forged = appended(signed, other_page)
    assert forged.startswith(signed)
    found = one(forged, CA)
    assert (found.intact, found.changed, found.covers_all) == (True, True, False)
    (check,) = checks_of(forged, CA)
    assert check.outcome == "differs"
    assert "it may show or say something else than was signed" in check.detail


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (other_page, [Addition("drawing", 1)]),
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
