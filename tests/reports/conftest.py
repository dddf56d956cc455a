"""Dossiers that several files of tests look at, rendered once for all workers of a run."""

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from filelock import FileLock

from reports import pdf as printing
from reports.attachments import attachments
from reports.drawing import Draw, drawn_here
from reports.papers import Papers

render = printing.render_pdf
Rendered = Callable[..., bytes]


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """Give the PDF of papers, from a folder that all workers share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "rendered"
    folder.mkdir(exist_ok=True)

    def kept(papers: Papers, template: str = "full", draw: Draw = drawn_here) -> bytes:
        path = folder / f"{_content(papers, template)}.pdf"
        with FileLock(f"{path}.lock"):
            if not path.exists():
                _put(path, render(papers, template, draw))
        return path.read_bytes()

    return kept


def _content(papers: Papers, template: str) -> str:
    """Name what a document is made from."""
    manifest = attachments(papers, template)[-1].content
    date = os.environ.get(printing.EPOCH_VARIABLE, "").encode()
    return sha256(b"\0".join((manifest, papers.result.to_json().encode(), date))).hexdigest()


def _put(path: Path, content: bytes) -> None:
    half = path.with_suffix(".half")
    half.write_bytes(content)
    half.replace(path)


@pytest.fixture
def kept(rendered: Rendered, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `verify` take what was rendered before; that it can make it is shown elsewhere."""
    monkeypatch.setattr("reports.pdf.render_pdf", rendered)
