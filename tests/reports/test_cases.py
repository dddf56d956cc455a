"""Dossiers and terminal summaries of masks, objects, images and follow-up."""

from html import unescape
from pathlib import Path

import pandas as pd
import pytest

from audit.plan import Plan
from audit.result import AuditResult
from reports.gate.summary import summary_text
from reports.html import render_html
from reports.pdf import render_pdf
from tests.audit.tasks.cases import (
    FOLLOWED,
    SEGMENTED,
    TWO,
    audited,
    follow_up,
    found_objects,
    masks,
    planned,
)
from tests.audit.tasks.test_image_to_image import pictures
from tests.reports.sample import papers_of
from tests.reports.validators import assert_conforms, needs

TASKS = ("segmentation", "detection", "image", "survival")


def made(task: str, folder: Path) -> tuple[pd.DataFrame, Plan]:
    if task == "segmentation":
        return masks(folder, 40), planned(task, SEGMENTED, segmentation=TWO)
    if task == "detection":
        tables = {"references": "true.csv", "detections": "made.csv"}
        plan = planned(task, {"unit": "image", "patient": "pid"}, detection=tables,
                       threshold={"value": 0.5})  # fmt: skip
        return found_objects(folder, 80), plan
    if task == "image":
        return pictures(folder), planned(task, SEGMENTED, image={"data_range": 1.0})
    return follow_up(300), planned(task, FOLLOWED, survival={"horizon": 5.0})


@pytest.fixture(scope="module", params=TASKS)
def result(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AuditResult:
    folder = tmp_path_factory.mktemp(request.param)
    return audited(*made(request.param, folder), folder)


def test_both_validators_accept_the_dossier(result: AuditResult, tmp_path: Path) -> None:
    pymupdf = needs("pymupdf")
    pdf = render_pdf(papers_of(result, "version: 1\n"))
    assert_conforms(pdf, tmp_path)
    with pymupdf.open(stream=pdf) as document:
        text = "\n".join(page.get_text() for page in document)
    wanted = {
        "segmentation": "Ledger of empty masks",
        "detection": "Points of the FROC curve",
        "image": "Likeness of the images",
        "survival": "Calibration at the horizon",
    }
    assert wanted[result.cohort.task] in text
    for word in ("Brier score at the threshold", "Clinical utility", "decision curve"):
        assert word not in text


def test_the_result_reads_back_and_the_page_and_the_summary_name_its_measures(
    result: AuditResult,
) -> None:
    assert AuditResult.from_json(result.to_json()) == result
    names = {"segmentation": "Dice", "detection": "FP per image", "image": "PSNR",
             "survival": "Uno's C"}  # fmt: skip
    name = names[result.cohort.task]
    assert name in summary_text(result)
    assert name in unescape(render_html(papers_of(result, "version: 1\n")))
