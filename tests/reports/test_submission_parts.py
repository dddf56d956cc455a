"""The parts that documents for authorities add: forms, traceability, groups, people."""

from dataclasses import replace
from pathlib import Path

import pytest

from audit.result import AuditResult
from checklists.answers import AnswersFile
from commands.checklist.desk import Desk
from reports.blocks import Block, Facts, Table, Text
from reports.parts import (
    audit_summary,
    declaration,
    development,
    example_card,
    form,
    group_accuracy,
    pccp,
    people,
    product,
    registration,
)
from tests.audit.builders import audited, random_columns
from tests.audit.tasks.cases import audited as audited_cases
from tests.reports.exported import altered, planned
from tests.reports.sample import large, papers, papers_of, sample_dict
from tests.reports.submission import answer, desk_at, papers_at
from tests.reports.test_cases import made


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    made = desk_at(tmp_path_factory.mktemp("parts"))
    answer(made)
    return made


def the_table(blocks: list[Block]) -> Table:
    (found,) = [b for b in blocks if isinstance(b, Table)]
    return found


def cells(table: Table) -> list[list[tuple[str, str]]]:
    return [[(c.text, c.detail) for c in r.cells] for g in table.groups for r in g.rows]


def facts(blocks: list[Block]) -> dict[str, str]:
    return dict(pair for b in blocks if isinstance(b, Facts) for pair in b.pairs)


def test_a_cell_of_the_traceability_says_what_is_on_record_where_row_and_column_meet(
    desk: Desk,
) -> None:
    table = the_table(pccp.blocks(papers_at(desk, "fda")))
    assert [c.label for c in table.columns] == [
        "Modification", "Described", "Data management", "Re-training", "Performance evaluation",
        "Update procedures",
    ]  # fmt: skip
    component, listed, automatic, local, kind, questions = cells(table)
    assert [c[0] for c in component[2:]] == ["✓ met", "– not assessed", "✗ not met",
                                            "– not assessed"]  # fmt: skip
    assert listed[1:] == [("✓ met", ""), ("✓ met", ""), ("– not assessed", "missing: protocol"),
                          ("✗ not met", ""), ("– not assessed", "missing: protocol")]  # fmt: skip
    assert set(automatic[2:]) == {("○ not applicable", "modification")}
    assert local[2] == ("– not assessed", "missing: modification")
    assert local[3] == ("– not assessed", "missing: modification and protocol")
    assert kind[1] == ("◐ partly met", "")
    assert [c[0] for c in questions[2:]] == ["1 of 29 answered", "0 of 7 answered",
                                            "0 of 20 answered", "0 of 27 answered"]  # fmt: skip


def test_without_an_answer_the_traceability_says_what_is_missing_and_who_owes_it(
    desk: Desk,
) -> None:
    (text,) = pccp.blocks(papers_at(desk, "fda", AnswersFile()))
    assert isinstance(text, Text)
    assert "performance evaluation (PCCP-VII.B.3)" in text.paragraphs[0]
    assert text.paragraphs[0].endswith("Owed by the provider (manufacturer).")
    assert pccp.blocks(papers()) == []


def test_without_a_change_plan_there_is_nothing_to_trace(tmp_path: Path) -> None:
    assert pccp.blocks(papers_at(desk_at(tmp_path, change_plan="false"), "fda")) == []


def test_the_declaration_holds_what_is_on_record_and_blank_lines(desk: Desk) -> None:
    lead, table = declaration.blocks(papers_at(desk, "eu-annex-iv"))
    assert isinstance(lead, Text)
    assert lead.paragraphs[0].startswith("DRAFT. Nobody has signed this declaration")
    assert isinstance(table, Table)
    rows = cells(table)
    assert [r[0][0] for r in rows] == ["1", "1", "2", "2", "3", "4", "5", "6", "7", *["8"] * 4]
    assert rows[0][2] == ("CardioScan, version 2.1.0", "ANNEX-V.1: not assessed")
    assert rows[2][2][0] == "Example Medical AB"
    standards, body = rows[7][2], rows[8][2]
    assert standards[0] == "EN 62304:2006 + A1:2015."
    assert standards[1].startswith("ANNEX-V.6: ✓ met, Ann Example (Clinical lead), 2026-11-03")
    assert body[0] == form.BLANK
    assert body[1].endswith("not reviewed. No body is chosen.")
    assert all(r[2][0] == form.BLANK for r in rows[9:])
    assert all(r[3][0] for r in rows)
    assert "does not state whether personal data" in rows[6][2][1]


def test_the_declaration_of_an_unnamed_product_is_blank() -> None:
    rows = cells(the_table(declaration.blocks(planned(name=""))))
    assert {r[2] for r in rows} == {(form.BLANK, "")}


def test_a_stale_statement_fills_no_field(desk: Desk) -> None:
    at = papers_at(desk, "eu-annex-iv")
    content, told = form.on_record(at, "ANNEX-IV.9")
    assert content == ""
    assert "✓ met (stale)" in told
    assert form.on_record(at, "ANNEX-IV.1.a")[0] == "General description, version 3."


def test_the_registration_has_thirteen_entries_and_names_the_missing_ones(desk: Desk) -> None:
    at = papers_at(desk, "eu-annex-iv")
    found = registration.entries(at)
    assert [f.point for f in found] == [str(n) for n in range(1, 14)]
    filled = {f.point: f.content for f in found if f.content}
    assert set(filled) == {"1", "4", "5", "6", "7"}
    assert filled["7"] == "not on the market: before marketing (product profile)"
    lead = registration.blocks(at)[0]
    assert isinstance(lead, Text)
    assert lead.paragraphs == (
        "Draft; nothing has been submitted. Nothing is on record for 8 of the 13 entries: "
        "2, 3, 8, 9, 10, 11, 12, 13.",
        registration.UNOWED,
    )
    assert all(f.owed for f in found)


def test_the_registration_is_owed_on_the_route_of_annex_iii(tmp_path: Path) -> None:
    at = papers_at(desk_at(tmp_path, "annex_iii"), "eu-annex-iv")
    lead = registration.blocks(at)[0]
    assert isinstance(lead, Text)
    assert registration.UNOWED not in lead.paragraphs


def test_groups_at_both_ends_stand_with_their_values_and_the_gap() -> None:
    (table,) = group_accuracy.blocks(papers().index)
    assert isinstance(table, Table)
    sensitivity = table.groups[0]
    assert sensitivity.label == "Sensitivity (all units: 0.477 [0.428, 0.528])"
    race = next(r for r in sensitivity.rows if r.cells[0].text == "race")
    assert [c.text for c in race.cells[1:]] == [
        "Black", "0.276", "White", "0.539", "0.263 [0.146, 0.380]",
    ]  # fmt: skip
    assert race.cells[2].detail == "[0.188, 0.386]"


def test_groups_without_a_gap_say_nothing_or_why() -> None:
    assert group_accuracy.blocks(altered(disparities=[]).index) == []
    data = sample_dict()
    for d in data["disparities"]:
        d |= {"value": None, "lower": None, "upper": None, "status": "insufficient",
              "reason": "no interval can be formed"}  # fmt: skip
    index = papers_of(AuditResult.model_validate(data)).index
    gaps = [r.cells[-1] for g in the_table(group_accuracy.blocks(index)).groups for r in g.rows]
    assert {(c.text, c.kind) for c in gaps} == {("no interval can be formed", "status")}


def test_people_are_counted_by_what_they_did(desk: Desk) -> None:
    rows = cells(the_table(people.blocks(papers_at(desk, "eu-annex-iv"))))
    assert [[c[0] for c in r] for r in rows] == [
        ["Ann Example", "Clinical lead", "7", "0", "2026-11-03", "2026-11-03"],
        ["Ben Beispiel", "Quality manager", "0", "4", "2026-11-20", "2026-11-20"],
    ]
    assert people.blocks(papers()) == []


def test_the_model_card_has_every_element_with_what_is_on_record(desk: Desk) -> None:
    blocks = example_card.blocks(papers_at(desk, "fda"))
    titles = [b.caption for b in blocks if isinstance(b, Facts)]
    assert len(titles) == 13
    assert titles[:3] == ["Device information", "Regulatory status", "Description of use"]
    found = facts(blocks)
    assert found["Stated (MC-1)"] == (
        "✓ met. Created in 2026. (Ann Example (Clinical lead), 2026-11-03; not reviewed)"
    )
    assert found["Stated (MC-2)"].startswith("not assessed; owed by the provider (manufacturer)")
    assert found["Pathway"] == "510(k)"
    table = the_table(blocks)
    assert table.caption == "Accuracy in all units"
    assert [c.label for c in table.columns[2:]] == ["Sensitivity", "Specificity", "PPV", "NPV",
                                                   "AUROC"]  # fmt: skip
    assert "no answer is at hand" in facts(example_card.blocks(papers()))["Stated (MC-13)"]


def test_what_the_plan_leaves_empty_is_said_to_be_missing() -> None:
    empty = planned(name="")
    told = facts(product.blocks(empty))
    assert told["Intended use"] == (
        "not stated; the provider states it in the plan (product.intended_use)"
    )
    assert facts(development.blocks(empty))["Inputs"] == development.SILENT


def test_the_model_is_told_from_the_predictions() -> None:
    used = sample_dict()["provenance"]
    known = {"name": "model.onnx", "sha256": "ab" * 32, "format": "onnx", "library": "onnx 1.20",
             "inputs": [f"x{n}" for n in range(30)], "parameters": 1234}  # fmt: skip
    at = altered(provenance=used | {"predicted_by": known})
    told = facts(development.blocks(at))
    assert told["Format and library"] == "onnx onnx 1.20"
    assert told["Inputs"].endswith("x23 and 6 more")
    assert told["Fitted numbers"] == "1,234"
    assert product.model_file(at) == f"model.onnx, SHA-256 {'ab' * 32}"


def test_the_public_summary_has_counts_make_up_and_intervals() -> None:
    (block,) = audit_summary.public(papers())
    assert isinstance(block, Facts)
    told = facts([block])
    assert told["Make-up by sex"] == "F 710 (50.7 %), M 690 (49.3 %)"
    assert "(missing) withheld" in told["Make-up by race"]
    results = [value for key, value in block.pairs if key == "Result"]
    assert any("95 % interval" in r and r.startswith("AUROC overall") for r in results)


def test_levels_beyond_the_first_are_counted_in_the_public_summary() -> None:
    told = facts(audit_summary.public(papers_of(large())))
    assert told["Make-up by clinic"].endswith("and 292 more")


def test_the_audit_in_brief_has_every_verdict_and_says_what_is_unknown() -> None:
    blocks = audit_summary.blocks(papers())
    rows = cells(the_table(blocks))
    assert [r[1][0] for r in rows] == ["✓ met", "✗ violated", "? inconclusive", "– not estimable",
                                      "○ not applicable", "△ waived"]  # fmt: skip
    assert "not a pass" in the_table(blocks).note
    assert "What could not be assessed:" in str(blocks)


def test_long_foreign_and_marked_up_names_stay_text(desk: Desk) -> None:
    name = "<b>東京 مستشفى</b> & " + "L" * 120
    at = replace(papers_at(desk, "eu-annex-iv"), result=planned(name=name).result)
    assert cells(the_table(declaration.blocks(at)))[0][2][0] == name


def test_an_audit_without_attributes_has_no_groups() -> None:
    plan = "columns: {label: y, score: p}\nthreshold: {value: 0.4}\nresamples: 100\n"
    at = papers_of(audited(plan, random_columns(0, 60)))
    assert group_accuracy.blocks(at.index) == []
    assert the_table(example_card.blocks(at)).caption == "Accuracy in all units"


@pytest.mark.parametrize("task", ["segmentation", "survival"])
def test_other_tasks_have_the_parts_too(task: str, tmp_path: Path) -> None:
    at = papers_of(audited_cases(*made(task, tmp_path), tmp_path))
    table = the_table(example_card.blocks(at))
    named = {"segmentation": "Dice", "survival": "Harrell's C"}[task]
    assert named in [c.label for c in table.columns]
    told = facts(audit_summary.public(at))
    assert "there is no threshold" in told["Decision"]
    assert facts(development.blocks(at))["Decision"] == told["Decision"]
