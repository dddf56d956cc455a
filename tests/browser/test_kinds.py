"""Pages of every task, of nothing, and of names that try to be markup open without complaint."""

import json
from pathlib import Path

import pytest

from audit.result import AuditResult
from reports.format import anchor
from reports.html import render_html
from tests.audit.tasks.cases import audited
from tests.browser.conftest import Made, Visit
from tests.browser.reading import choose, chooser, numbers, value_text
from tests.reports.sample import LEVELS, papers_of, sample_dict
from tests.reports.test_cases import TASKS, made

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror=alert(1)>\"'&\u2028</script><b>"
FOREIGN = "東京大学医学部附属病院", "مستشفى القاهرة", "H" * 120


def page_of(result: AuditResult, folder: Path, plan: str = "version: 1\n") -> Made:
    path = folder / "report.html"
    path.write_text(render_html(papers_of(result, plan)), encoding="utf-8")
    return Made(path, json.loads(result.to_json()))


def renamed(level: str) -> AuditResult:
    """The sample, with another name for women."""
    data = sample_dict()
    for record in (*data["estimates"], *data["cohort"]["strata"], *data["disparities"]):
        record["stratum"] = record["stratum"].replace("sex=F", f"sex={level}")
        if "measure" in record and "contrast" not in record:
            record["id"] = f"{record['measure']}/{record['stratum']}"
    for attribute in data["cohort"]["attributes"]:
        if attribute["name"] == "sex":
            attribute["levels"] = (level, "M")
    for curve in data["curves"]["calibration"]:
        curve["stratum"] = curve["stratum"].replace("sex=F", f"sex={level}")
    return AuditResult.model_validate(data)


@pytest.mark.parametrize("level", [HOSTILE, *FOREIGN])
def test_names_are_names_whatever_they_hold(visit: Visit, tmp_path: Path, level: str) -> None:
    dialogs: list[str] = []
    visit.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    visit.page.set_viewport_size({"width": 320, "height": 800})
    report = page_of(renamed(level), tmp_path, HOSTILE)
    page = visit.open(report, anchor(f"sensitivity/sex={level}"))
    assert page.locator(".found").get_attribute("id") == anchor(f"sensitivity/sex={level}")
    choose(page, "#forest", "Subgroups", "race × sex")
    choose(page, "#forest", "Inside", level)
    drawn = numbers(page, "#forest")
    black = f"race=Black & sex={level}"
    assert [row[1] for row in drawn if row[0] == black] == [
        value_text(report.estimates[f"sensitivity/{black}"])
    ]
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    assert page.locator("img").count() == 0
    assert dialogs == []


def test_an_audit_without_strata(visit: Visit, tmp_path: Path) -> None:
    data = sample_dict()
    data["estimates"] = [e for e in data["estimates"] if e["stratum"] == "overall"]
    data["cohort"]["strata"] = [s for s in data["cohort"]["strata"] if s["stratum"] == "overall"]
    data["cohort"]["attributes"] = []
    data |= {"disparities": [], "sites": None, "verdicts": []}
    data["curves"] = {"calibration": [], "decision": [], "risk": []}
    page = visit.open(page_of(AuditResult.model_validate(data), tmp_path))
    assert chooser(page, "#forest", "Inside").count() == 0
    assert len(numbers(page, "#forest")) == 1
    assert page.locator("#all-disparities").count() == 0


def test_an_audit_without_estimates(visit: Visit, tmp_path: Path) -> None:
    data = sample_dict() | {"estimates": [], "disparities": [], "verdicts": [], "sites": None}
    data["curves"] = {"calibration": [], "decision": [], "risk": []}
    page = visit.open(page_of(AuditResult.model_validate(data), tmp_path))
    assert page.locator("#forest").count() == 0
    assert page.locator("#all-estimates > .note").inner_text() == "No row fits."


@pytest.mark.parametrize("task", TASKS)
def test_every_task_draws_and_links(visit: Visit, tmp_path: Path, task: str) -> None:
    report = page_of(audited(*made(task, tmp_path), tmp_path), tmp_path)
    last = report.audit["estimates"][-1]
    page = visit.open(report, anchor(last["id"]))
    marked = page.locator(".found")
    assert marked.count() == 1
    there = marked.get_attribute("id") or anchor(marked.get_attribute("data-id") or "")
    assert there == anchor(last["id"])
    assert page.locator(".figure[data-drawn=yes]").count() == page.locator(".figure").count() > 0
    measure = chooser(page, "#forest", "Measure")
    outputs = measure.locator("optgroup").evaluate_all("(all) => all.map((g) => g.label)")
    assert outputs == (["liver", "tumour"] if task == "segmentation" else [])


def test_every_level_of_the_sample_can_be_looked_into(visit: Visit, made_up: Made) -> None:
    page = visit.open(made_up)
    labels = chooser(page, "#forest", "Inside").locator("option").all_text_contents()
    known = {level for levels in LEVELS.values() for level in levels}
    assert set(labels) - {"all units"} == known
