"""The dossier as a PDF that is PDF/A-3a and PDF/UA-1 at once, with its evidence attached."""

import gc
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.request import url2pathname

from audit.result import AuditResult
from reports.attachments import Attached, attachments
from reports.blocks import Report
from reports.drawing import Draw, Drawn, drawn_here
from reports.fonts import Script, font_faces, in_families, scripts_in
from reports.outline import outline
from reports.papers import Papers
from reports.pdfa import mark_accessible
from reports.placed import placeholder
from reports.svg import Size
from reports.templating import ASSETS, asset, render
from reports.view import build_view

FIGURE = "figure:"
LARGE = 2**23
EPOCH_VARIABLE = "SOURCE_DATE_EPOCH"
# The first moment a ZIP archive can name; stands for "no date was stated".
UNSTATED = datetime(1980, 1, 1, tzinfo=UTC)


class RenderError(Exception):
    """A resource or a style was not usable, so the document would not be what it claims."""


def render_pdf(papers: Papers, template: str = "full", draw: Draw = drawn_here) -> bytes:
    """Render a dossier. Identical inputs give identical bytes, wherever the figures are drawn."""
    chosen = outline(template)
    files = attachments(papers, chosen.id)
    manifest = sha256(files[-1].content).hexdigest()
    view = build_view(papers, chosen, manifest, "manifest")
    drawn = draw([f for f in view.figures if not f.screen_only])
    moment = document_date(papers.result)
    scripts = scripts_in("\n".join(map(str, (view.cover, view.summary, view.sections))))
    html = document_html(view, moment, chosen.id, scripts, card=chosen.layout == "card")
    del view  # of hundreds of strata it is large, and what is printed of it stands in the text
    with _source_date(moment), _errors_raise():
        made = _write(html, files, moment, _Placeholders(drawn))
    return mark_accessible(made, {f"{FIGURE}{i}": p for i, p in enumerate(drawn.pages())})


def document_date(result: AuditResult) -> datetime:
    """Date of the document: the plan's as-of, else SOURCE_DATE_EPOCH, else 1980-01-01."""
    if result.provenance.as_of is not None:
        stated = datetime.fromisoformat(result.provenance.as_of)
        return stated if stated.tzinfo else stated.replace(tzinfo=UTC)
    epoch = os.environ.get(EPOCH_VARIABLE)
    return datetime.fromtimestamp(int(epoch), UTC) if epoch else UNSTATED


def document_html(
    view: Report, moment: datetime, template: str, scripts: tuple[Script, ...], *, card: bool
) -> str:
    """Make the page that is printed; its figures are named, not in it."""
    style = asset("print.css") + asset("card.css") if card else asset("print.css")
    shown = [f for f in view.figures if not f.screen_only]
    return render(
        f"{template}/document.html",
        view=view,
        images={f.id: f"{FIGURE}{i}" for i, f in enumerate(shown)},
        numbers={f.id: i for i, f in enumerate(shown, 1)},
        stamp=moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        fonts=font_faces(scripts),
        style=in_families(style, scripts),
    )


@dataclass(frozen=True)
class _Placeholders:
    """Pictures as large as the figures, by address; sizes are waited for when first needed."""

    drawn: Drawn

    @cached_property
    def _sizes(self) -> list[Size]:
        return self.drawn.sizes()

    def __call__(self, url: str) -> bytes:
        return placeholder(self._sizes[int(url.removeprefix(FIGURE))])


def _write(
    html: str, files: tuple[Attached, ...], moment: datetime, images: Callable[[str], bytes]
) -> bytes:
    from weasyprint import HTML, Attachment

    fetcher = _package_fetcher(images)
    attached = [
        Attachment(
            string=f.content,
            name=f.name,
            description=f.description,
            relationship=f.relationship,
            created=moment,
            modified=moment,
            url_fetcher=fetcher,
        )
        for f in files
    ]
    document = HTML(string=html, url_fetcher=fetcher, base_url=ASSETS.as_uri() + "/")
    with warnings.catch_warnings(), _uncollected():
        # WeasyPrint leaves its own colour profile to the garbage collector to close.
        warnings.simplefilter("ignore", ResourceWarning)
        # Compressed when it is marked accessible, which rewrites every page: once is enough,
        # unless what is attached would be held as it is, several times over.
        small = sum(len(f.content) for f in files) < LARGE
        pdf: bytes = document.write_pdf(
            pdf_variant="pdf/a-3a", attachments=attached, uncompressed_pdf=small
        )
    return pdf


@contextmanager
def _uncollected() -> Iterator[None]:
    """Pause the search for cycles: all boxes of a document live until it is written anyway."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _package_fetcher(images: Callable[[str], bytes]) -> Any:
    """Fetch the figures, data URIs and files of the package, nothing else."""
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

    class PackageFetcher(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Any = None) -> Any:
            if url.startswith(FIGURE):
                return URLFetcherResponse(url, images(url), {"Content-Type": "image/png"})
            if not url.startswith("data:") and not _inside(url):
                raise FatalURLFetchingError(f"not a resource of the package: {url}")
            return super().fetch(url, headers)

    return PackageFetcher(allowed_protocols=("data", "file"))


def _inside(url: str) -> bool:
    if not url.startswith("file://"):
        return False
    path = Path(url2pathname(url.removeprefix("file://"))).resolve()
    return path.is_relative_to(ASSETS.resolve())


@contextmanager
def _source_date(moment: datetime) -> Iterator[None]:
    """Let the font subsetter stamp fonts with the document's date instead of the clock."""
    before = os.environ.get(EPOCH_VARIABLE)
    os.environ[EPOCH_VARIABLE] = str(int(moment.timestamp()))
    try:
        yield
    finally:
        if before is None:
            del os.environ[EPOCH_VARIABLE]
        else:
            os.environ[EPOCH_VARIABLE] = before


@contextmanager
def _errors_raise() -> Iterator[None]:
    """WeasyPrint logs what it could not load and goes on; a dossier must not."""
    found: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    logger, handler = logging.getLogger("weasyprint"), Collect(logging.ERROR)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
    if found:
        raise RenderError("; ".join(found))
