"""What a document is laid out from: its page, its figures and what is attached, as one hash."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from reports.attachments import attachments
from reports.figures import specification
from reports.fonts import scripts_in
from reports.outline import outline
from reports.papers import Papers
from reports.pdf import document_date, document_html
from reports.view import build_view

ROOT = Path(__file__).parents[2]


def ingredients(papers: Papers, template: str = "full") -> str:
    """Hash them; two documents of the same ingredients differ in nothing but their layout."""
    chosen = outline(template)
    files = attachments(papers, template)
    view = build_view(papers, chosen, sha256(files[-1].content).hexdigest(), "manifest")
    shown = [f for f in view.figures if not f.screen_only]
    scripts = scripts_in("\n".join(map(str, (view.cover, view.summary, view.sections))))
    moment = document_date(papers.result)
    html = document_html(view, moment, chosen.id, scripts, card=chosen.layout == "card")
    drawn = json.dumps([specification(f) for f in shown])
    return sha256("\0".join([html, drawn, *map(str, files)]).encode()).hexdigest()


def in_a_fresh_process(script: str, *words: str | Path) -> list[str]:
    """Lines that a script prints elsewhere: hashing, time zone and clock are others there."""
    clean = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"}
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        cwd=ROOT,
        env=clean | {"PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo", "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()
