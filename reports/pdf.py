"""The dossier as a PDF that is PDF/A-3a and PDF/UA-1 at once, with its evidence attached."""

import base64
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.request import url2pathname

from audit.result import AuditResult
from reports.attachments import Attached, attachments
from reports.blocks import Report
from reports.fonts import font_faces, in_families, in_scripts, scripts_in
from reports.outline import outline
from reports.papers import Papers
from reports.pdfa import mark_accessible
from reports.templating import ASSETS, asset, render
from reports.view import build_view

EPOCH_VARIABLE = "SOURCE_DATE_EPOCH"
# The first moment a ZIP archive can name; stands for "no date was stated".
UNSTATED = datetime(1980, 1, 1, tzinfo=UTC)


class RenderError(Exception):
    """A resource or a style was not usable, so the document would not be what it claims."""


def render_pdf(papers: Papers, template: str = "full") -> bytes:
    """Render a dossier. Identical inputs give identical bytes."""
    chosen = outline(template)
    files = attachments(papers, chosen.id)
    manifest = sha256(files[-1].content).hexdigest()
    view = build_view(papers, chosen, manifest, "manifest")
    moment = document_date(papers.result)
    html = document_html(view, moment, chosen.id, card=chosen.layout == "card")
    with _source_date(moment), _errors_raise():
        made = _write(html, files, moment)
    return mark_accessible(made)


def document_date(result: AuditResult) -> datetime:
    """Date of the document: the plan's as-of, else SOURCE_DATE_EPOCH, else 1980-01-01."""
    if result.provenance.as_of is not None:
        stated = datetime.fromisoformat(result.provenance.as_of)
        return stated if stated.tzinfo else stated.replace(tzinfo=UTC)
    epoch = os.environ.get(EPOCH_VARIABLE)
    return datetime.fromtimestamp(int(epoch), UTC) if epoch else UNSTATED


def document_html(
    view: Report, moment: datetime, template: str = "full", *, card: bool = False
) -> str:
    """Make the page that is printed, its figures as vector images."""
    from reports.figures import specification
    from reports.svg import to_svg

    drawn = [f for f in view.figures if not f.screen_only]
    vectors = {f.id: to_svg(specification(f)) for f in drawn}
    told = (view.cover, view.summary, view.sections, *vectors.values())
    scripts = scripts_in("\n".join(map(str, told)))
    images = {id: _data_uri(in_scripts(svg, scripts)) for id, svg in vectors.items()}
    style = asset("print.css") + asset("card.css") if card else asset("print.css")
    return render(
        f"{template}/document.html",
        view=view,
        images=images,
        numbers={f.id: i for i, f in enumerate(drawn, 1)},
        stamp=moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        fonts=font_faces(scripts),
        style=in_families(style, scripts),
    )


def _data_uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _write(html: str, files: tuple[Attached, ...], moment: datetime) -> bytes:
    from weasyprint import HTML, Attachment

    fetcher = _package_fetcher()
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
    with warnings.catch_warnings():
        # WeasyPrint leaves its own colour profile to the garbage collector to close.
        warnings.simplefilter("ignore", ResourceWarning)
        pdf: bytes = document.write_pdf(pdf_variant="pdf/a-3a", attachments=attached)
    return pdf


def _package_fetcher() -> Any:
    """Fetch data URIs and files of the package, nothing else."""
    from weasyprint.urls import FatalURLFetchingError, URLFetcher

    class PackageFetcher(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Any = None) -> Any:
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
