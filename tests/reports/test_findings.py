import re
from typing import Any

import pytest

from audit.result import AuditResult
from checklists.figures import figures
from reports import words
from reports.blocks import Table
from reports.parts.findings import GAPS_EACH, MOST_GAPS, MOST_WITHOUT, blocks
from tests.audit.builders import audited, random_columns
from tests.checklists.papers import AUDITS
from tests.reports.sample import large, papers_of, sample
from tests.reports.sections_of import sample_data


def table_of(result: AuditResult) -> Table:
    (made,) = blocks(papers_of(result))
    assert isinstance(made, Table)
    return made


def told(result: AuditResult) -> dict[str, list[tuple[str, str]]]:
    """Group -> (id, sentence)."""
    return {
        g.label: [(r.cells[0].detail, r.cells[0].text) for r in g.rows]
        for g in table_of(result).groups
    }


def changed(**more: Any) -> AuditResult:
    return AuditResult.model_validate(sample_data() | more)


def test_groups_stand_in_the_order_of_urgency() -> None:
    labels = [*told(sample())]
    starts = ("✗ violated, 1 requirement: ", "? inconclusive, 1 requirement: ",
              "– not estimable, 1 requirement: ", "△ waived, 1 requirement: ",
              "○ not applicable, 1 requirement: ", "✓ met, 1 requirement: ")  # fmt: skip
    for label, start in zip(labels, starts, strict=False):
        assert label.startswith(start)
    assert labels[len(starts) :] == [
        "Main measures over all units", "Largest gaps between groups", "Calibration", "Sites",
        "What was not assessed",
    ]  # fmt: skip
    unsure = ("inconclusive", "not estimable", "waived")
    assert all("not a pass" in label for label in labels if any(u in label for u in unsure))


def test_every_sentence_is_that_of_its_id_and_none_is_written_here() -> None:
    known = figures(sample())
    ids = set()
    for label, rows in told(sample()).items():
        for id, sentence in rows:
            if id:
                assert sentence == known[id]
                assert id not in ids
                ids.add(id)
            else:
                assert label == "What was not assessed"
    assert {f"verdict/{v.requirement}" for v in sample().verdicts} <= ids


def test_ids_are_found_in_the_attached_audit() -> None:
    content = sample().to_json()
    for rows in told(sample()).values():
        for id, _ in rows:
            kind, _, name = id.partition("/")
            if kind == "verdict":
                assert f'"requirement": "{name}"' in content
            elif kind not in ("sites", "plan", "strata", ""):
                assert f'"id": "{id}"' in content
    assert "verdict/" in table_of(sample()).note
    assert "sites.heterogeneity" in table_of(sample()).note


@pytest.mark.parametrize("status", words.VERDICT)
def test_no_verdict_is_told_as_more_than_it_is(status: str) -> None:
    verdicts = [v | {"status": status, "lower": None, "upper": None, "evidence": ()}
                for v in sample_data()["verdicts"]]  # fmt: skip
    rows = [r for label, r in told(changed(verdicts=verdicts)).items() if "requirement" in label]
    assert len(rows) == 1
    sentences = [sentence for _, sentence in rows[0]]
    assert len(sentences) == len(verdicts)
    claims = {"met": "is met:", "violated": "is violated:"}
    for sentence in sentences:
        for other, claim in claims.items():
            assert (claim in sentence) == (status == other)
        assert ("not a pass" in sentence) == (
            status in ("inconclusive", "not_estimable", "waived", "error")
        )  # fmt: skip


@pytest.mark.parametrize("status", words.STATUS)
def test_a_main_measure_without_inference_is_among_what_was_not_assessed(status: str) -> None:
    data = sample_data()
    for e in data["estimates"]:
        if e["id"] == "auroc/overall":
            e |= {"status": status, "reason": "for a reason"}
            e |= {} if status == "ok" else {"lower": None, "upper": None}
    found = told(AuditResult.model_validate(data))
    main = [id for id, _ in found["Main measures over all units"]]
    rest = dict(found["What was not assessed"])
    assert ("auroc/overall" in main) == (status == "ok")
    assert ("auroc/overall" in rest) == (status != "ok")
    if status == "undefined":
        assert rest["auroc/overall"].endswith("It is not zero.")
    if status == "insufficient":
        assert "no conclusion is drawn: for a reason" in rest["auroc/overall"]


def test_gaps_are_the_largest_of_each_measure_and_declared_ones_come_first() -> None:
    rows = [id for id, _ in told(sample())["Largest gaps between groups"]]
    gaps = {d.id: d for d in sample().disparities if d.contrast == "gap"}
    assert len(rows) <= MOST_GAPS
    assert not any("hospital" in id for id in rows)  # sites have a group of their own
    own = [d for d in gaps.values() if d.measure == "sensitivity" and d.attribute != "hospital"]
    sizes = sorted((d.value or 0.0 for d in own), reverse=True)[:GAPS_EACH]
    assert [gaps[id].value for id in rows[:GAPS_EACH]] == sizes
    smallest = min(own, key=lambda d: d.value or 0.0)
    data = sample_data()
    for d in data["disparities"]:
        if d["id"] == smallest.id:
            d["family"] = "primary"
    first = told(AuditResult.model_validate(data))["Largest gaps between groups"][0]
    assert first[0] == smallest.id
    assert "declared beforehand" in first[1]


def test_a_gap_without_inference_is_not_among_the_gaps() -> None:
    data = sample_data()
    for d in data["disparities"]:
        if d["contrast"] == "gap":
            d |= {"status": "insufficient", "reason": "too few", "lower": None, "upper": None}
    found = told(AuditResult.model_validate(data))
    assert "Largest gaps between groups" not in found
    ids = [id for id, _ in found["What was not assessed"] if id.count("/gap/")]
    assert len(ids) == MOST_WITHOUT
    more = [s for id, s in found["What was not assessed"] if not id and "main figures" in s]
    assert more == ["14 further main figures without a conclusion."]


def test_without_sites_it_says_that_they_were_not_assessed() -> None:
    found = told(changed(sites=None))
    assert "Sites" not in found or not any(i.startswith("sites/") for i, _ in found["Sites"])
    lines = [s for _, s in found["What was not assessed"]]
    assert "No site was declared: differences between sites were not assessed." in lines


def test_an_audit_without_figures_says_so_and_no_more() -> None:
    empty = changed(estimates=[], disparities=[], verdicts=[], sites=None)
    assert [*told(empty)] == ["Main measures over all units", "What was not assessed"]
    assert [id for id, _ in told(empty)["Main measures over all units"]] == ["plan/threshold"]


@pytest.mark.parametrize("name", AUDITS)
def test_findings_of_every_kind_of_audit_claim_nothing(name: str) -> None:
    text = " ".join(s for rows in told(AUDITS[name]()).values() for _, s in rows)
    assert not re.search(r"\b(compliant|fair|unbiased|safe|proves?|NaN|None)\b", text)


def test_a_threshold_tuned_here_is_told_beside_the_main_measures() -> None:
    plan = "columns: {label: y, score: p}\nthreshold: {value: 0.4, source: tuned_here}\n"
    found = told(audited(f"{plan}resamples: 100\n", random_columns(1, 300)))
    sentences = dict(found["Main measures over all units"])
    assert "optimistic" in sentences["plan/threshold"]
    assert sentences["sensitivity/overall"].endswith("every value at it is optimistic.")
    assert "optimistic" not in sentences["auroc/overall"]


def test_many_strata_do_not_make_it_longer() -> None:
    rows = sum(len(r) for r in told(large()).values())
    assert rows < 60
