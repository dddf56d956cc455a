"""What was appended to a document: whether it changes what is drawn, as a signature does not."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

_MAY_CHANGE_IN_ROOT = {"/AcroForm", "/DSS", "/Extensions", "/Metadata", "/Perms", "/Version"}
_MAY_CHANGE_IN_PAGE = {"/Annots", "/Tabs"}
_MAY_CHANGE_IN_FORM = {"/Fields", "/NeedAppearances", "/SigFlags"}
_MAY_COME_TO_FORM = {"/DA", "/DR"}
_UP = {"/P", "/Parent", "/Pg"}
_UNSEEN = 0b100010  # the flags "hidden" and "no view"

Number = tuple[int, int]


@dataclass(frozen=True)
class Addition:
    """Something in an appended revision that a signature does not need."""

    kind: Literal["drawing", "visible_signature", "other"]
    page: int | None = None


def additions(made: bytes, pdf: bytes) -> list[Addition]:
    """Compare a document with the same one to which something was appended, object by object.

    What is drawn, what is attached and how it is read out has to be what it was. A signature may
    renew the catalogue and the form, fill a field that was empty and add what helps to check it.
    """
    import pikepdf

    with pikepdf.open(io.BytesIO(made)) as old, pikepdf.open(io.BytesIO(pdf)) as new:
        if _top(old) != _top(new) or not _form_kept(_form(old), _form(new)):
            return [Addition("drawing")]
        changed = _changed(old, new) - _about(old) - {page.objgen for page in old.pages}
        found = list(_on_pages(old, new))
        for number in [n for n in changed if _filled(old.get_object(n), new.get_object(n))]:
            changed.discard(number)
            if _shows(new.get_object(number)):
                found.append(Addition("visible_signature"))
        seen: set[Number] = set()
        for place, page in enumerate(old.pages, 1):
            if drawn := changed.intersection(_reached(page.obj, seen)):
                changed -= drawn
                found.append(Addition("drawing", place))
    if changed:
        found.append(Addition("other"))
    return list(dict.fromkeys(found))


def _on_pages(old: Any, new: Any) -> Iterator[Addition]:
    """What the pages themselves say that they did not, and what was laid over them."""
    for number, (before, after) in enumerate(zip(old.pages, new.pages, strict=True), 1):
        if _rest(before.obj, _MAY_CHANGE_IN_PAGE) != _rest(after.obj, _MAY_CHANGE_IN_PAGE):
            yield Addition("drawing", number)
        for kind in _laid_over(before.obj, after.obj):
            yield Addition(kind, number)


def _about(document: Any) -> set[Number]:
    """The numbers of what tells about the document and is not drawn: a signature renews it."""
    root, trailer = document.Root, document.trailer
    form = _form(document)
    told = [root, root.get("/Metadata"), trailer.get("/Info"), form, form.get("/Fields")]
    numbers = {item.objgen for item in told if item is not None}
    return numbers | set(_reached(root.get("/DSS"), set()))


def _top(document: Any) -> tuple[Any, ...]:
    """What has to stay at the top: the catalogue and the numbers of the pages."""
    pages = [page.objgen for page in document.pages]
    return _rest(document.Root, _MAY_CHANGE_IN_ROOT), pages


def _form(document: Any) -> Any:
    import pikepdf

    return document.Root.get("/AcroForm", pikepdf.Dictionary())


def _form_kept(old: Any, new: Any) -> bool:
    """Whether a form still has its fields, and is of no other kind (as XFA, which draws anew)."""
    fields = [field.objgen for field in old.get("/Fields", ())]
    kept = [field.objgen for field in new.get("/Fields", ())][: len(fields)] == fields
    before, after = _rest(old, _MAY_CHANGE_IN_FORM), _rest(new, _MAY_CHANGE_IN_FORM)
    added = after.keys() - before.keys()
    return kept and before.items() <= after.items() and added <= _MAY_COME_TO_FORM


def _filled(before: Any, after: Any) -> bool:
    """Whether an object is a field that was empty and is signed now."""
    import pikepdf

    if not isinstance(before, pikepdf.Dictionary) or not isinstance(after, pikepdf.Dictionary):
        return False
    free = {"/AP", "/V"}
    is_empty = str(before.get("/FT", "")) == "/Sig" and "/V" not in before
    return is_empty and "/V" in after and _rest(before, free) == _rest(after, free)


def _rest(item: Any, free: set[str]) -> dict[str, bytes]:
    return {k: _written(v) for k, v in item.items() if k not in free}


def _written(item: Any) -> bytes:
    """An object as it stands in a file, what it refers to left out."""
    import pikepdf

    if not isinstance(item, pikepdf.Object):
        return repr(item).encode()
    if item.is_indirect:
        return b"%d %d R" % item.objgen
    return item.unparse()


def _changed(old: Any, new: Any) -> set[Number]:
    """The numbers of the objects that are no longer what they were."""
    import pikepdf

    found = set()
    for before in old.objects:
        if str(_type(before)) in ("/ObjStm", "/XRef"):
            continue  # how a file is written, nothing that is in the document
        after = new.get_object(before.objgen)
        same = before.unparse(resolved=True) == after.unparse(resolved=True)
        if same and isinstance(before, pikepdf.Stream):
            same = before.read_raw_bytes() == after.read_raw_bytes()
        if not same:
            found.add(before.objgen)
    return found


def _type(item: Any) -> Any:
    import pikepdf

    return item.get("/Type", "") if isinstance(item, pikepdf.Dictionary | pikepdf.Stream) else ""


def _laid_over(before: Any, after: Any) -> Iterator[Literal["drawing", "visible_signature"]]:
    """What lies on a page that did not, or no longer lies on it."""
    old = [a.objgen for a in before.get("/Annots", ())]
    annotations = list(after.get("/Annots", ()))
    if [a.objgen for a in annotations[: len(old)]] != old:
        yield "drawing"
        return
    for added in annotations[len(old) :]:
        field = added if "/FT" in added else added.get("/Parent", {})
        if str(added.get("/Subtype", "")) != "/Widget" or str(field.get("/FT", "")) != "/Sig":
            yield "drawing"
        elif _shows(added):
            yield "visible_signature"


def _shows(annotation: Any) -> bool:
    left, bottom, right, top = (float(v) for v in annotation.get("/Rect", (0, 0, 0, 0)))
    hidden = int(annotation.get("/F", 0)) & _UNSEEN
    return not hidden and left != right and bottom != top


def _reached(start: Any, seen: set[Number]) -> Iterator[Number]:
    """The numbers of the objects that a page is drawn from, without its parents and siblings."""
    import pikepdf

    stack = [start]
    while stack:
        item = stack.pop()
        if isinstance(item, pikepdf.Object) and item.is_indirect:
            if item.objgen in seen:
                continue
            if item.objgen != start.objgen and str(_type(item)) == "/Page":
                continue  # the target of a link
            seen.add(item.objgen)
            yield item.objgen
        if isinstance(item, pikepdf.Array):
            stack.extend(item)
        elif isinstance(item, pikepdf.Dictionary | pikepdf.Stream):
            stack.extend(v for k, v in item.items() if k not in _UP)
