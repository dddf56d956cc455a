import json
import re
import time
from html.parser import HTMLParser
from typing import Any

import pytest

from audit.result import AuditResult
from reports.format import anchor
from reports.html import render_html
from reports.words import STATUS
from tests.reports.sample import LEVELS, large, papers, papers_of, sample, sample_dict

VOID = {"meta", "link", "col", "br", "img", "input", "hr"}
HOSTILE = "<script>alert(1)</script><!-- & \"quoted\" 'too'"


class Page(HTMLParser):
    """Collects what a browser would act on, and checks that elements nest."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.links: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "a":
            self.links.append(str(given.get("href")))
        elif given.get("href") or given.get("src"):
            self.loads.append(str(given.get("href") or given.get("src")))
        if tag == "script":
            self.scripts.append((given, ""))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        elif self.open and self.open[-1] != "style":
            self.text.append(data)


@pytest.fixture(scope="module")
def html() -> str:
    return render_html(papers())


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def payload(page: Page, id: str) -> Any:
    return json.loads(next(text for given, text in page.scripts if given.get("id") == id))


def test_elements_nest_and_ids_are_unique(page: Page) -> None:
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))


def test_nothing_is_loaded_from_anywhere(html: str, page: Page) -> None:
    assert all(load.startswith("data:") for load in page.loads)
    assert all("src" not in given for given, _ in page.scripts)
    style = html[html.index("<style>") : html.index("</style>")]
    assert "@import" not in style
    assert all(url.startswith("data:") for url in re.findall(r"url\(([^)]*)", style))
    assert len(html.encode()) < 5_000_000


def test_links_inside_the_page_have_targets(page: Page) -> None:
    assert {link[1:] for link in page.links} <= set(page.ids)


def test_every_estimate_of_a_single_attribute_is_in_the_tables(page: Page) -> None:
    ids = set(page.ids)
    single = [e for e in sample().estimates if " & " not in e.stratum]
    assert len(single) == 17 * 16
    assert [e.id for e in single if anchor(e.id) not in ids] == []


def test_every_estimate_is_in_the_explorer(page: Page) -> None:
    data = payload(page, "equipoise-data")
    assert len(data["estimates"]) == len(sample().estimates)
    assert len(data["disparities"]) == len(sample().disparities)
    first, row = sample().estimates[0], data["estimates"][0]
    assert data["measures"][row[0]]["id"] == first.measure
    assert data["strata"][row[1]] == first.stratum
    assert row[2] == pytest.approx(first.value, rel=1e-5)


def test_statuses_are_told_in_words(page: Page) -> None:
    text = " ".join(page.text)
    for status in ("undefined", "insufficient", "suppressed", "not_collected"):
        assert STATUS[status] in text


def test_missing_numbers_never_show_as_python_or_zero(page: Page) -> None:
    text = " ".join(page.text)
    assert not re.search(r"\b(NaN|nan|None|null,|inf\])\b", text)
    undefined = anchor("sensitivity/race=Other")
    assert undefined in page.ids


def test_suppressed_counts_are_withheld(html: str, page: Page) -> None:
    data = payload(page, "equipoise-data")
    place = data["strata"].index("race=(missing)")
    rows = [r for r in data["estimates"] if r[1] == place]
    assert rows
    assert all(r[5] is None and r[6] is None and r[7] is None and r[8] is None for r in rows)


def test_user_text_is_escaped() -> None:
    data = sample_dict()
    data["plan"] = data["plan"] | {"title": HOSTILE, "product": {"name": HOSTILE}}
    for record in (*data["estimates"], *data["cohort"]["strata"], *data["disparities"]):
        record["stratum"] = record["stratum"].replace("sex=F", f"sex={HOSTILE}")
    for attribute in data["cohort"]["attributes"]:
        if attribute["name"] == "sex":
            attribute["levels"] = (HOSTILE, "M")
    data["warnings"] = [{"code": "x", "message": HOSTILE}]
    clean = Page(render_html(papers()))
    page = Page(render_html(papers_of(AuditResult.model_validate(data), HOSTILE)))
    assert len(page.scripts) == len(clean.scripts)
    assert page.open == []
    assert HOSTILE in "".join(page.text)
    assert any(HOSTILE in s for s in payload(page, "equipoise-data")["strata"])


def test_long_names_do_not_break_the_page() -> None:
    data = sample_dict()
    for attribute in data["cohort"]["attributes"]:
        if attribute["name"] == "hospital":
            attribute["levels"] = (*LEVELS["hospital"][:4], "H" * 120)
    page = Page(render_html(papers_of(AuditResult.model_validate(data))))
    assert page.open == []


def test_a_large_audit_stays_small_and_quick() -> None:
    result = large()
    assert len(result.disparities) > 10_000
    render_html(papers())  # the imports and the bundle are paid for once per process
    start = time.perf_counter()
    html = render_html(papers_of(result))
    assert time.perf_counter() - start < 4
    assert len(html.encode()) < 5_000_000


def test_rendering_is_repeatable(html: str) -> None:
    assert render_html(papers()) == html


def test_a_rank_score_has_no_curves_and_still_renders() -> None:
    data = sample_dict()
    data["curves"] = {"calibration": [], "decision": [], "risk": []}
    data["sites"] = None
    data["verdicts"] = []
    data["disparities"] = []
    page = Page(render_html(papers_of(AuditResult.model_validate(data))))
    text = " ".join(page.text)
    assert "No decision curve" in text
    assert "The plan sets no requirement" in text
