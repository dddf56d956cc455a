import base64
import gzip
import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from audit.result import AuditResult
from reports.blocks import Cell
from reports.format import MINUS, anchor
from reports.html import SCRIPTS, packed, render_html, shortened, sort_key
from reports.parts import explorer
from reports.templating import ASSETS
from reports.words import STATUS
from tests.audit.tasks.cases import SEGMENTED, TWO, audited, masks, planned
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
    text = next(text for given, text in page.scripts if given.get("id") == id)
    return json.loads(gzip.decompress(base64.b64decode(text)))


def ids(data: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Put the ids of estimates and disparities together again, as the page does."""
    measures, strata = [m["id"] for m in data["measures"]], data["strata"]
    estimates = [f"{measures[row[0]]}/{strata[row[1]]}" for row in data["estimates"]]
    disparities = []
    for row in data["disparities"]:
        kind = data["contrasts"][row[1]][0]
        pair = f"{strata[row[2]]}:{strata[row[3]]}"
        between = data["crossings"][row[12]] if kind == "gap" else pair
        disparities.append(f"{measures[row[0]]}/{kind}/{between}")
    return estimates, disparities


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
    assert data["methods"][row[12]] == "Wilson score interval"


def test_ids_can_be_put_together_from_the_explorer(page: Page) -> None:
    estimates, disparities = ids(payload(page, "equipoise-data"))
    assert estimates == [e.id for e in sample().estimates]
    assert disparities == [d.id for d in sample().disparities]


def test_ids_of_structures_can_be_put_together_too(tmp_path: Path) -> None:
    plan = planned("segmentation", SEGMENTED, segmentation=TWO)
    result = audited(masks(tmp_path, 40), plan, tmp_path)
    data = explorer.explorer(papers_of(result).index)
    estimates, disparities = ids(data)
    assert estimates == [e.id for e in result.estimates]
    assert disparities == [d.id for d in result.disparities]
    assert {m["output"] for m in data["measures"]} == {None, "liver", "tumour"}


def test_shortened_numbers_print_as_the_whole_ones(page: Page) -> None:
    data = payload(page, "equipoise-data")
    for e, row in zip(sample().estimates, data["estimates"], strict=True):
        places = data["measures"][row[0]]["digits"]
        for whole, short in zip((e.value, e.lower, e.upper), row[2:5], strict=True):
            assert (whole is None) is (short is None)
            if whole is not None:
                assert f"{whole:.{places}f}" == f"{short:.{places}f}"


def test_a_number_next_to_a_tie_keeps_its_digits() -> None:
    assert explorer._number(0.18749999, 3) == 0.18749999  # six digits would round it up
    assert explorer._number(0.1234567, 3) == 0.123457
    assert explorer._number(5.0, 3) == 5


def test_strata_are_taken_apart_by_the_levels_that_exist(page: Page) -> None:
    data = payload(page, "equipoise-data")
    parts = dict(zip(data["strata"], data["parts"], strict=True))
    names = [name for name, _, _ in data["attributes"]]
    assert [site for _, site, _ in data["attributes"]] == [0, 0, 0, 1]
    long = LEVELS["hospital"][-1]
    assert " & " in long

    def told(stratum: str) -> dict[str, str]:
        return {names[a]: data["attributes"][a][2][level] for a, level in parts[stratum]}

    assert told(f"hospital={long} & sex=F") == {"hospital": long, "sex": "F"}
    assert told("age=[18,40) & race=Black") == {"age": "[18,40)", "race": "Black"}
    assert parts["overall"] == []


@pytest.mark.parametrize(
    ("cell", "kind", "key"),
    [
        (Cell("0.813", sort=0.8126), "value", ""),
        (Cell("0.813", sort=0.8149), "value", "0.8149"),
        (Cell(f"{MINUS}0.02", sort=-0.0249), "count", ""),
        (Cell("+0.02", sort=0.0249), "count", ""),
        (Cell("1,234", sort=1234), "count", ""),
        (Cell("28.4 %", sort=0.2841), "count", ""),
        (Cell("28.4 %", sort=28.4), "count", "28.4"),
        (Cell("28.4", sort=28.4), "text", "28.4"),
        (Cell("< 0.001", sort=0.0004), "count", "0.0004"),
        (Cell("2.5e+07", sort=2.5e7), "value", "25000000"),
        (Cell("b", sort="a"), "text", "a"),
        (Cell("\N{EN DASH}"), "value", ""),
    ],
)
def test_a_sort_key_stands_only_where_the_text_will_not_do(cell: Cell, kind: str, key: str) -> None:
    assert sort_key(cell, kind) == key


def test_figures_keep_the_digits_that_are_seen() -> None:
    assert shortened({"a": [1 / 3, 2, None, "x"], "b": 1234567.0}) == {
        "a": [0.33333333, 2, None, "x"],
        "b": 1234567.0,
    }


def test_every_part_of_the_script_is_in_the_page(html: str) -> None:
    files = {path.stem for path in (ASSETS / "page").glob("*.js")}
    assert files == set(SCRIPTS)
    for name in SCRIPTS:
        assert (ASSETS / "page" / f"{name}.js").read_text("utf-8") in html
    # Nothing in it may end the element that it stands in.
    assert "</script" not in "".join((ASSETS / "page" / f"{n}.js").read_text() for n in SCRIPTS)


def test_packed_numbers_are_the_same_each_time_and_cannot_end_an_element() -> None:
    text = str(packed({"a": "</script>"}))
    assert text == str(packed({"a": "</script>"}))
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", text)


def test_the_policy_lets_nothing_in_from_outside(html: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules["default-src"] == "'none'"
    allowed = {word for rule in rules.values() for word in rule.split()}
    assert allowed == {"'none'", "'unsafe-inline'", "data:"}


def test_statuses_are_told_in_words(page: Page) -> None:
    text = " ".join(page.text)
    for status in ("undefined", "insufficient", "suppressed", "not_collected"):
        assert STATUS[status] in text


def test_missing_numbers_never_show_as_python_or_zero(page: Page) -> None:
    text = " ".join(page.text)
    assert not re.search(r"\b(NaN|nan|None|null,|inf\])\b", text)
    undefined = anchor("sensitivity/race=Other")
    assert undefined == "sensitivity/race=Other"
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
    clean = Page(render_html(papers("version: 1")))
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
