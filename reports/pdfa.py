"""Marks a PDF/A-3a file as PDF/UA-1 too, which WeasyPrint cannot do in one go.

Header cells get the scope that WeasyPrint leaves out, boxes of figures are stated in points, and
running headers are marked as artifacts.
The metadata stream is written without compression (PDF/A) and names the PDF/UA identifier together
with the extension schema that PDF/A wants for it.
"""

import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from io import BytesIO
from itertools import chain
from typing import Any

from reports.placed import place_figures

ATTEMPTS = 16
WIDEST = 4096
POINTS = 0.75  # of a CSS pixel
AMBIGUOUS = b"\r\nendstream"
PAD = "/EQPS_Pad"
UNSEEN = b"<034f>"  # the combining grapheme joiner: no width, no effect on its neighbours
UA = "http://www.aiim.org/pdfua/ns/id/"
_EXTENSION = f"""
<rdf:Description rdf:about="" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" \
xmlns:pdfuaid="{UA}" pdfuaid:part="1" />
<rdf:Description rdf:about="" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" \
xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" \
xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" \
xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>{UA}</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Part of ISO 14289 that applies</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
"""
# Written with the file: what objects are packed in, and where each of them stands; the metadata is
# to be read without decoding.
_OF_THE_FILE = ("/ObjStm", "/XRef", "/Metadata")
_MARKED = re.compile(rb"/\w+\s*<<\s*/MCID (\d+)\s*>>\s*BDC")
_END = re.compile(rb"</(\w+:)?RDF>")


def mark_accessible(pdf: bytes, figures: Mapping[str, bytes]) -> bytes:
    """Add the PDF/UA-1 identifier to a PDF/A-3a file; the same input gives the same bytes.

    `figures` are the drawings, by the addresses that their placeholders were fetched from.
    """
    import pikepdf

    with pikepdf.open(BytesIO(pdf)) as document:
        place_figures(document, figures)
        xmp = document.Root.Metadata.read_bytes()
        end = list(_END.finditer(xmp))[-1].start()
        stream = document.make_stream(xmp[:end] + _EXTENSION.encode() + xmp[end:])
        stream.Type, stream.Subtype = pikepdf.Name.Metadata, pikepdf.Name.XML
        document.Root.Metadata = stream
        elements = _by_kind(document.Root.StructTreeRoot)
        _unmark_furniture(document, elements)
        _scope_headers(elements)
        _state_boxes(elements["/Figure"])
        document.Root.ViewerPreferences = pikepdf.Dictionary(DisplayDocTitle=True)
        _name_every_glyph(document)
        _compress(document)
        made = _saved(document, compress_streams=False)
    return _packed(made)


def _name_every_glyph(document: Any) -> None:
    """Let no glyph stand for nothing, which PDF/A forbids.

    Of letters that are drawn as several glyphs WeasyPrint gives the text to the first alone.
    """
    for page in document.pages:
        for font in page.obj.Resources.get("/Font", {}).values():
            names = font.get("/ToUnicode")
            if names is not None and b"<>" in (text := names.read_bytes()):
                names.write(text.replace(b"<>", UNSEEN))


def _compress(document: Any) -> None:
    """Compress what is not, so that no stream ends in a carriage return.

    Followed by the line feed before ``endstream`` it would read as part of the line's end, and the
    stream as one byte shorter than its /Length says, which PDF/A forbids.
    """
    import pikepdf

    for item in document.objects:
        if not isinstance(item, pikepdf.Stream) or str(item.get("/Type")) in _OF_THE_FILE:
            continue
        if "/Filter" not in item:
            item.write(zlib.compress(item.read_bytes()), filter=pikepdf.Name.FlateDecode)
        if item.read_raw_bytes().endswith(b"\r"):
            _reencode(item)


def _packed(pdf: bytes) -> bytes:
    """Write a file with its objects packed into streams, none of which ends in a carriage return.

    These are made while saving: empty objects near the start shift what follows into other packs.
    """
    import pikepdf

    for attempt in range(ATTEMPTS):
        with pikepdf.open(BytesIO(pdf)) as document:
            if attempt:
                empty = [document.make_indirect(pikepdf.Dictionary()) for _ in range(attempt)]
                document.Root[PAD] = pikepdf.Array(empty)
            # Streams read from a file keep their filters, those just written would not.
            made = _saved(document)
        if AMBIGUOUS not in made:
            return made
    raise ValueError("the file cannot be written without an ambiguous stream end")


def _saved(document: Any, compress_streams: bool = True) -> bytes:
    import pikepdf

    out = BytesIO()
    document.save(
        out,
        deterministic_id=True,
        compress_streams=compress_streams,
        object_stream_mode=pikepdf.ObjectStreamMode.generate,
        stream_decode_level=pikepdf.StreamDecodeLevel.none,
    )
    return out.getvalue()


def _reencode(stream: Any) -> None:
    """Compress a stream's data behind a PNG predictor that leaves it as it is.

    The last byte of compressed data is a checksum of what was compressed, so other settings would
    end alike. The predictor's first row says "up", which adds 2 to that sum; the others say "none".
    """
    import pikepdf

    data = stream.read_bytes()
    columns = next(c for c in range(min(len(data), WIDEST), 0, -1) if len(data) % c == 0)
    rows = [data[i : i + columns] for i in range(0, len(data), columns)]
    framed = b"\x02" + b"\x00".join(rows)
    settings = pikepdf.Dictionary(Predictor=12, Columns=columns)
    stream.write(zlib.compress(framed, 9), filter=pikepdf.Name.FlateDecode, decode_parms=settings)


def _scope_headers(elements: Mapping[str, list[Any]]) -> None:
    """Say of every header cell whether it heads its column or its row."""
    import pikepdf

    for table in elements["/Table"]:
        _demote_lone_rows(table)
    for row in elements["/TR"]:
        cells = [c for c in _children(row) if str(c.get("/S")) in ("/TH", "/TD")]
        only_headers = all(str(c.S) == "/TH" for c in cells)
        scope = pikepdf.Name.Column if only_headers else pikepdf.Name.Row
        for cell in cells:
            if str(cell.S) == "/TH":
                added = pikepdf.Dictionary(O=pikepdf.Name.Table, Scope=scope)
                known = cell.get("/A")
                if known is None:
                    cell.A = added
                else:
                    kept = list(known) if isinstance(known, pikepdf.Array) else [known]
                    cell.A = pikepdf.Array([*kept, added])


def _state_boxes(figures: list[Any]) -> None:
    """State the boxes of figures in points from the bottom left of their page.

    WeasyPrint writes them in the pixels of its layout, from the top left.
    """
    import pikepdf

    for figure in figures:
        layout, page = figure.get("/A"), figure.get("/Pg")
        if isinstance(layout, pikepdf.Dictionary) and "/BBox" in layout and page is not None:
            top = float(page.MediaBox[3])
            left, upper, right, lower = (float(v) * POINTS for v in layout.BBox)
            box = (left, top - lower, right, top - upper)
            layout.BBox = pikepdf.Array([round(Decimal(v), 3) for v in box])


def _demote_lone_rows(table: Any) -> None:
    """Make row headers plain cells in a piece of a table so short that headers outnumber data.

    WeasyPrint writes each page's piece as a table of its own, with the column headers repeated.
    """
    import pikepdf

    rows = [_children(row) for row in _rows(table)]
    cells = [c for row in rows for c in row]
    if 2 * sum(str(c.S) == "/TH" for c in cells) <= len(cells):
        return
    gone = set()
    for row in rows:
        mixed = any(str(c.S) == "/TD" for c in row)
        for cell in (c for c in row if mixed and str(c.S) == "/TH"):
            cell.S = pikepdf.Name.TD
            gone.add(str(cell.get("/ID", "")))
    for cell in cells:
        known = cell.get("/A")
        if isinstance(known, pikepdf.Dictionary) and "/Headers" in known:
            known.Headers = pikepdf.Array([h for h in known.Headers if str(h) not in gone])


def _unmark_furniture(document: Any, elements: Mapping[str, list[Any]]) -> None:
    """Mark text outside the structure (running header and footer) as an artifact, to be skipped."""
    read: dict[tuple[int, int], set[int]] = {}
    for element in chain.from_iterable(elements.values()):
        page = element.get("/Pg")
        for kid in _kids(element):
            if isinstance(kid, int) and page is not None:
                read.setdefault(page.objgen, set()).add(kid)
            elif not isinstance(kid, int) and "/MCID" in kid:
                where = kid.get("/Pg", page)
                read.setdefault(where.objgen, set()).add(int(kid.MCID))
    for page in document.pages:
        own = read.get(page.obj.objgen, set())

        def mark(match: re.Match[bytes], own: set[int] = own) -> bytes:
            return match.group() if int(match.group(1)) in own else b"/Artifact BMC"

        page.contents_coalesce()
        content = page.Contents.read_bytes()
        page.Contents = document.make_stream(_MARKED.sub(mark, content))


def _by_kind(root: Any) -> Mapping[str, list[Any]]:
    """The elements of a structure tree by kind, walked without recursion: rows nest deeply."""
    found: dict[str, list[Any]] = defaultdict(list)
    stack = [root]
    while stack:
        element = stack.pop()
        found[str(element.get("/S"))].append(element)
        stack.extend(_children(element))
    return found


def _rows(table: Any) -> Iterator[Any]:
    stack = [table]
    while stack:
        element = stack.pop()
        if str(element.S) == "/TR":
            yield element
        else:
            stack.extend(_children(element))


def _children(element: Any) -> list[Any]:
    """Give the child elements; marked content and page references are none."""
    return [k for k in _kids(element) if not isinstance(k, int) and "/S" in k]


def _kids(element: Any) -> list[Any]:
    import pikepdf

    kids = element.get("/K")
    if kids is None:
        return []
    return list(kids) if isinstance(kids, pikepdf.Array) else [kids]
