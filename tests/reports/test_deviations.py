from datetime import date
from typing import Any

import pytest

from audit.disclosure import shareable
from audit.result import AuditResult, Waiver
from audit.waivers import apply_waivers
from reports.blocks import Bullets, Facts, Text
from reports.parts.deviations import (
    NO_DEVIATION,
    NO_WAIVER,
    NONE_HOLDS,
    OTHER_REASONS,
    PRINT_STRATA,
    blocks,
)
from tests.audit.builders import audited, counted, random_columns
from tests.reports.drawn import with_clinics
from tests.reports.sample import papers_of, sample
from tests.reports.sections_of import lines, sample_data, table, words_of


def of(**more: Any) -> Any:
    return blocks(papers_of(AuditResult.model_validate(sample_data() | more)))


def deviations(made: Any) -> tuple[str, ...]:
    found = [b for b in made if isinstance(b, Bullets)]
    return found[0].items if found else ()


def test_no_waiver_and_no_deviation_are_said_in_so_many_words() -> None:
    verdicts = [v for v in sample_data()["verdicts"] if v["status"] != "waived"]
    made = of(verdicts=verdicts)
    assert made[0] == Text((NO_WAIVER,))
    assert made[1] == Text((NO_DEVIATION,))
    assert NO_WAIVER == "No waiver is on record."


def test_a_waiver_stands_with_its_value_and_its_reason() -> None:
    made = of()
    found = table(made, "waivers")
    assert found.caption == "1 waiver"
    (row,) = found.groups[0].rows
    assert [(c.text, c.detail) for c in row.cells] == [
        ("O:E ratio within 0.80 to 1.25 in hospital=Leiden", "waived-example"),
        ("1.12 [0.91, 1.37]", "hospital=Leiden; limit 0.8 to 1.25"),
        ("not on record", ""),
        ("waived until 2025-06-30: recalibration is under way", ""),
    ]
    assert "not a pass" in found.note
    assert NO_WAIVER not in words_of(made)


def test_a_waiver_names_its_people_its_days_and_what_the_figures_say() -> None:
    waivers = [
        Waiver(requirement=id, justification="Recalibration is under way.", owner="Ann Owner",
               approver="Bo Approver", created="2025-01-01", expires=expires)
        for id, expires in (("violated-example", "2025-06-30"), ("inconclusive-example",
                            "2025-02-28"), ("no-such-one", "2025-06-30"))
    ]  # fmt: skip
    verdicts = tuple(v for v in sample().verdicts if v.status != "waived")
    bare = sample().model_copy(update={"verdicts": verdicts})
    made = blocks(papers_of(apply_waivers(bare, waivers, date(2025, 3, 1))))
    (row,) = table(made, "waivers").groups[0].rows
    assert row.cells[0].detail == "violated-example"
    assert row.cells[2].text == "✗ violated"
    assert (row.cells[3].text, row.cells[3].detail) == (
        "Recalibration is under way.",
        "owner Ann Owner; approver Bo Approver; 2025-01-01 to 2025-06-30",
    )
    told = next(b for b in made if isinstance(b, Bullets))
    assert told.lead == "Waivers that set nothing aside:"
    assert len(told.items) == 2
    assert "expired on 2025-02-28" in told.items[0]
    assert "'no-such-one'" in told.items[1]
    lapsed = blocks(papers_of(apply_waivers(bare, waivers, date(2026, 1, 1))))
    assert lapsed[0] == Text((NONE_HOLDS,))


def test_a_part_that_was_waived_is_a_waiver_too() -> None:
    verdicts = sample_data()["verdicts"]
    for v in verdicts:
        v["status"] = "met" if v["status"] == "waived" else v["status"]
        for part in v["parts"]:
            part["reason"] = f"waived: {part['id']}" if part["status"] == "waived" else ""
    assert lines(table(of(verdicts=verdicts), "waivers")) == [
        ("O:E ratio within 0.80 to 1.25 in hospital=Leiden", "1.12 [0.91, 1.37]",
         "not on record", "waived: oe_ratio/hospital=Leiden"),
    ]  # fmt: skip


@pytest.mark.parametrize("source", ["fixed", "external", "tuned_here"])
def test_a_threshold_tuned_here_is_a_deviation(source: str) -> None:
    cohort = sample_data()["cohort"] | {"threshold": {"value": 0.4, "source": source}}
    found = deviations(of(cohort=cohort))
    assert bool(found) == (source == "tuned_here")
    if found:
        assert found == (
            "The decision threshold 0.4 was tuned on these data: every value at this threshold "
            "is optimistic.",
        )


def test_levels_and_methods_of_their_own_are_named() -> None:
    data = sample_data()
    data["verdicts"][0]["level"] = 0.9
    data["plan"]["intervals"] = {"auroc": "clopper_pearson"}
    assert deviations(of(**data)) == (
        "Requirement met-example is held at the 90 % level; the intervals of the plan are at 95 %.",
        "Intervals of AUROC are by clopper pearson, which the plan chose.",
    )


def test_a_plan_without_requirements_and_a_shared_result_are_told() -> None:
    shared = shareable(audited(
        "columns: {label: y, score: p}\nresamples: 100\nattributes: {race: }\n",
        random_columns(3, 130),
    ))  # fmt: skip
    found = deviations(blocks(papers_of(shared)))
    assert found[0] == "The plan sets no requirement: nothing was to be held beforehand."
    assert found[1].startswith("This is a shared result: ")


def test_the_plan_its_threshold_and_its_families_are_told() -> None:
    (facts,) = [b for b in of() if isinstance(b, Facts)]
    told = dict(facts.pairs)
    assert told["Plan, SHA-256"] == "0123456789abcdef" * 4
    assert told["Threshold"] == "0.4, tuned on other data"
    primary = sum(d.family == "primary" for d in sample().disparities)
    rest = len(sample().disparities) - primary
    assert (primary, rest) == (12, 156)
    assert told["Primary family"] == (
        "12 contrasts that requirements name; 156 contrasts of screening, which need confirmation "
        "on other data."
    )
    assert told["Minimum"].startswith("10 units and patients behind a proportion; 5 in the rarer")
    disparities = [d | {"family": "screening"} for d in sample_data()["disparities"]]
    (facts,) = [b for b in of(disparities=disparities) if isinstance(b, Facts)]
    assert dict(facts.pairs)["Primary family"].startswith("No contrast was declared beforehand; ")


def test_strata_below_the_minimum_are_named_with_what_fell_short() -> None:
    small = counted(F=(60, 20, 25, 95), M=(30, 15, 20, 60), X=(3, 2, 1, 4))
    text = """
    columns: {label: y, score: p}
    threshold: {value: 0.4}
    resamples: 100
    attributes: {sex: }
    measures: [sensitivity, specificity, accuracy]
    """
    found = table(blocks(papers_of(audited(text, small))), "below-minimum")
    assert found.caption == "1 stratum of 4 below the minimum of the plan in some measure"
    (row,) = found.groups[0].rows
    assert [c.text for c in row.cells] == ["sex=X", "10", "2", "Sensitivity, Specificity"]
    assert row.cells[3].detail == (
        "5 units with outcome, 10 asked for; 5 units without outcome, 10 asked for"
    )
    assert found.note.startswith("These 2 values are shown without inference")
    assert found.note.endswith("among the 2 that the summary counts as without inference.")


def test_nothing_below_the_minimum_is_told_with_the_number_of_strata() -> None:
    estimates = [e for e in sample_data()["estimates"] if e["status"] != "insufficient"]
    count = len(sample().cohort.strata)
    assert f"No stratum of {count} falls below the minimum of the plan." in words_of(
        of(estimates=estimates)
    )
    assert OTHER_REASONS not in words_of(of(estimates=estimates))
    other = [dict(estimates[0], status="insufficient", reason="no interval can be formed")]
    assert OTHER_REASONS in words_of(of(estimates=[*other, *estimates[1:]]))


def test_many_strata_are_printed_in_part() -> None:
    data = with_clinics(200).model_dump()
    for e in data["estimates"]:
        if e["stratum"].startswith("clinic="):
            e |= {"status": "insufficient", "lower": None, "upper": None,
                  "reason": "3 units; the plan asks for 10"}  # fmt: skip
    found = table(blocks(papers_of(AuditResult.model_validate(data))), "below-minimum")
    assert len(lines(found)) > 400
    assert len(lines(found, printed=True)) == PRINT_STRATA
    first = [r[0] for r in lines(found, printed=True)]
    assert not any(" & sex" in name for name in first)  # single attributes come first


def test_a_lock_and_every_departure_from_it_are_told() -> None:
    lock = {"sha256": "ab" * 32, "locked_on": "2026-03-01", "file": "equipoise.lock.yaml",
            "deviations": ["requirement x added after the lock"]}  # fmt: skip
    told = words_of(of(lock=lock))
    assert "From the locked plan: requirement x added after the lock." in told
    assert "Locked on 2026-03-01, in equipoise.lock.yaml" in told
    assert "1 deviation" in told
    assert "When it was written the hash does not show" not in told


def test_that_a_plan_was_not_locked_is_told() -> None:
    told = words_of(of(lock=None))
    assert "nothing shows that the plan was fixed before scores were read" in told
