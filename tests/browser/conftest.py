"""A headless Chromium, and the pages that it opens from files."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from commands.audit import Flags, run_audit
from commands.demos.heart import build
from reports.html import render_html
from tests.reports.sample import PLAN, papers, sample

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PAGES = ("heart", "sample", "wide")
CLINICS = 186
WIDE_PLAN = """\
version: 1
title: Two hundred strata
columns: {label: y, score: p, patient: pid, site: clinic}
positive: 1
score_kind: probability
threshold: {value: 0.4, source: fixed}
attributes:
  sex: {}
  race: {}
  age: {band: [30, 40, 50, 60, 70, 80]}
depth: 1
resamples: 100
permutations: 20
"""


@dataclass(frozen=True)
class Made:
    """A report and the audit that it was made from."""

    path: Path
    audit: dict[str, Any]

    @property
    def estimates(self) -> dict[str, dict[str, Any]]:
        """Estimates by id."""
        return {e["id"]: e for e in self.audit["estimates"]}

    def url(self, fragment: str = "") -> str:
        """Address of the page, with a fragment as it would be typed."""
        return self.path.as_uri() + (f"#{fragment}" if fragment else "")


@pytest.fixture(scope="session")
def heart(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The page of the heart demo."""
    demo = build(tmp_path_factory.mktemp("heart"))
    (part,) = demo.audits
    run_audit([part.predictions], part.plan, Flags(), model=part.model, out=part.out, quiet=True)
    return Made(part.out / "report.html", json.loads((part.out / "audit.json").read_text("utf-8")))


@pytest.fixture(scope="session")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The page of the sample, which has every status and every verdict."""
    path = tmp_path_factory.mktemp("sample") / "report.html"
    path.write_text(render_html(papers(json.dumps(PLAN, indent=1))), encoding="utf-8")
    return Made(path, json.loads(sample().to_json()))


@pytest.fixture(scope="session")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The page of an audit by two hundred levels, with every measure there is."""
    folder, draw = tmp_path_factory.mktemp("wide"), np.random.default_rng(7)
    n = 24_000
    shares = draw.dirichlet(np.full(CLINICS, 4.0))
    z = draw.normal(size=n)
    table = {
        "pid": np.arange(n),
        "y": draw.random(n) < 1 / (1 + np.exp(1.2 - 1.3 * z)),
        "p": (1 / (1 + np.exp(1.2 - 1.3 * (z + draw.normal(0, 0.5, n))))).round(6),
        "clinic": draw.choice([f"clinic {i:03d}" for i in range(CLINICS)], n, p=shares),
        "sex": draw.choice(list("FM"), n),
        "age": draw.integers(18, 95, n),
        "race": draw.choice(["Asian", "Black", "White", "Other"], n),
    }
    pd.DataFrame(table).astype({"y": int}).to_csv(folder / "cohort.csv", index=False)
    (folder / "equipoise.yaml").write_text(WIDE_PLAN, encoding="utf-8")
    run_audit(
        [folder / "cohort.csv"],
        folder / "equipoise.yaml",
        Flags(),
        model=None,
        out=folder,
        quiet=True,
    )
    return Made(folder / "report.html", json.loads((folder / "audit.json").read_text("utf-8")))


@pytest.fixture(params=PAGES)
def report(request: pytest.FixtureRequest) -> Made:
    """Each of the three pages."""
    made: Made = request.getfixturevalue({"sample": "made_up"}.get(request.param, request.param))
    return made


def program() -> str:
    """Find the browser: a visible skip without one, a failure where everything is there."""
    for name in PROGRAMS:
        found = shutil.which(name)
        if found:
            return found
    missing = "no Chromium is installed (Debian: apt-get install chromium)"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser with a profile of its own; a module each, because it occupies the event loop."""
    path = program()
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        yield started
        started.close()


@dataclass
class Heard:
    """What a page asked for and complained of."""

    requests: list[str]
    errors: list[str]


@dataclass(frozen=True)
class Visit:
    """A window on one page, and what was heard from it."""

    page: Page
    heard: Heard

    def open(self, made: Made, fragment: str = "") -> Page:
        """Open a report and wait until every figure is drawn."""
        self.page.goto("about:blank")  # a change of the fragment alone would not load it again
        self.page.goto(made.url(fragment))
        self.page.wait_for_selector("html[data-ready=yes]", state="attached")
        return self.page


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """A new window in a context without storage; what it complains of fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.set_default_timeout(30_000)
    page = context.new_page()
    heard = Heard([], [])
    page.on("request", lambda request: heard.requests.append(request.url))
    page.on("console", lambda message: heard.errors.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: heard.errors.append(str(error)))
    yield Visit(page, heard)
    context.close()
    assert heard.errors == []
