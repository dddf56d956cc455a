from typing import Any, get_args

import pytest

from audit.result import AuditResult, Verdict, VerdictStatus
from reports.papers import Papers
from reports.parts.changes import PRINT_APART, PRINT_STRATA, apart, blocks, verdict_change
from tests.reports.drawn import with_clinics
from tests.reports.sample import papers, sample
from tests.reports.sections_of import lines, sample_data, table, words_of

Data = dict[str, Any]


def made(before: Data | AuditResult, now: Data | AuditResult | None = None) -> Any:
    old = before if isinstance(before, AuditResult) else AuditResult.model_validate(before)
    new = AuditResult.model_validate(now) if isinstance(now, dict) else now or sample()
    return blocks(Papers(new, b"{}", previous=old))


def moved(**estimates: tuple[float, float, float]) -> Data:
    """The sample with other values, by id with underscores for slashes and equals signs."""
    data = sample_data()
    for e in data["estimates"]:
        if e["id"] in estimates:
            e["value"], e["lower"], e["upper"] = estimates[e["id"]]
    return data


def verdict(status: str = "met", **more: Any) -> Verdict:
    one = {**sample().verdicts[0].model_dump(), "status": status, **more}
    return Verdict.model_validate(one)


def test_without_a_version_before_there_is_no_section() -> None:
    assert blocks(papers()) == []


def test_inputs_are_told_apart_by_their_content() -> None:
    before = sample_data()
    provenance = before["provenance"]
    provenance["plan_sha256"] = "a" * 64
    provenance["data"][0]["name"] = "renamed.parquet"
    provenance["model"] = {"name": "m.onnx", "bytes": 1, "sha256": "b" * 64}
    before["cohort"]["threshold"] = {"value": 0.5, "source": "tuned_here"}
    rows = {r[0]: r[1:] for r in lines(table(made(before), "changes-inputs"))}
    assert rows["Plan"] == ("aaaaaaaaaaaaaaaa…", "0123456789abcdef…", "changed")
    assert rows["Data"][2] == "same"  # another name is no other content
    assert rows["Model"] == ("bbbbbbbbbbbbbbbb…", "not stated", "cannot be told")
    assert rows["Threshold"][0].startswith("0.5, tuned on these data")
    assert rows["Threshold"][2] == "changed"
    assert rows["Units analysed"] == ("1,400", "1,400", "same")


def test_different_data_are_said_not_to_be_paired() -> None:
    before = sample_data()
    before["provenance"]["data"][0]["sha256"] = "c" * 64
    text = words_of(made(before))
    assert "made from different data" in text
    assert "nothing here is paired" in text
    assert "made from the same data files" not in text
    same = words_of(made(sample()))
    assert "made from the same data files" in same
    assert "Nothing here is paired" in same
    before["provenance"]["data"] = []
    assert "is not stated, so nothing here is paired" in words_of(made(before))


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        ("violated", "met", "better"),
        ("inconclusive", "met", "better"),
        ("not_estimable", "met", "better"),
        ("met", "violated", "worse"),
        ("met", "inconclusive", "worse"),
        ("met", "not_estimable", "worse"),
        ("inconclusive", "violated", "worse"),
        ("violated", "inconclusive", "undecided now"),
        ("violated", "not_estimable", "undecided now"),
        ("inconclusive", "not_estimable", "changed"),
        ("waived", "met", "changed"),
        ("violated", "waived", "changed"),
        ("met", "not_applicable", "changed"),
        ("met", "met", "same"),
    ],
)
def test_how_a_verdict_changed(before: str, now: str, change: str) -> None:
    assert verdict_change(verdict(before), verdict(now)) == change


def test_nothing_is_better_that_is_not_met_now() -> None:
    every = [verdict(s) for s in get_args(VerdictStatus)]
    for before in every:
        for now in every:
            if verdict_change(before, now) == "better":
                assert now.status == "met"
            if now.status == "waived":
                assert verdict_change(before, now) in ("changed", "same")


def test_new_gone_and_changed_requirements() -> None:
    assert verdict_change(None, verdict()) == "new"
    assert verdict_change(verdict(), None) == "gone"
    for other in ({"margin": 0.7}, {"statement": "another"}, {"level": 0.9}):
        assert verdict_change(verdict(**other), verdict("violated")) == "requirement changed"


def test_verdicts_stand_beside_each_other_the_worst_change_first() -> None:
    before = sample_data()
    by = {v["requirement"]: v for v in before["verdicts"]}
    by["violated-example"]["status"] = "met"
    by["met-example"]["status"] = "violated"
    gone = by["waived-example"] | {"requirement": "old-one", "status": "met"}
    before["verdicts"] = [v for v in before["verdicts"] if v["status"] != "waived"] + [gone]
    found = table(made(before), "changes-verdicts")
    assert [(r[1], r[2], r[3]) for r in lines(found)] == [
        ("✓ met", "✗ violated", "worse"),
        ("✓ met", "not required", "gone"),
        ("not required", "△ waived", "new"),
        ("✗ violated", "✓ met", "better"),
        ("? inconclusive", "? inconclusive", "same"),
        ("– not estimable", "– not estimable", "same"),
        ("○ not applicable", "○ not applicable", "same"),
    ]
    assert found.caption == "Verdicts: 1 worse, 1 gone, 1 new, 1 better, 3 same"
    first = found.groups[0].rows[0].cells[2]
    assert first.detail == "−0.263 [−0.380, −0.146] race=Black; limit ±0.1"


def test_audits_without_requirements_say_so() -> None:
    none = sample_data() | {"verdicts": []}
    assert "Neither plan sets a requirement" in words_of(made(none, none))


def test_only_intervals_without_a_common_value_moved() -> None:
    before = moved(**{
        "sensitivity/overall": (0.9, 0.85, 0.95),
        "specificity/overall": (0.85, 0.80, 0.87),
        "brier/sex=F": (0.9, 0.8, 0.95),
    })  # fmt: skip
    blocks_ = made(before)
    found = table(blocks_, "changes-estimates")
    main, rest = found.groups
    by = {r.cells[0].text: (r.cells[4].text, r.cells[4].detail) for r in main.rows}
    assert by["Sensitivity"] == ("lower, worse", "intervals do not overlap")
    assert by["Specificity"] == ("no clear change", "")
    assert by["AUROC"] == ("same", "")
    assert by["Expected calibration error"] == ("cannot be told", "no interval")
    assert rest.label == "Everything that moved, 2 estimates"
    assert [(r.cells[0].text, r.cells[1].text, r.cells[4].text) for r in rest.rows] == [
        ("Sensitivity", "All units", "lower, worse"), ("Brier score", "sex=F", "lower, better"),
    ]  # fmt: skip
    n = sum(e.status == "ok" and e.lower is not None for e in sample().estimates)
    told = f"{n:,}"
    rest_n = f"{n - 2:,}"
    assert (
        f"{told} estimates have an interval at one level in both audits: of 2 the intervals do "
        f"not overlap, of {rest_n} there is no clear change."
    ) in words_of(blocks_)


def test_intervals_that_touch_do_overlap() -> None:
    now = sample().estimates[0]
    touching = now.model_copy(update={"lower": now.upper, "upper": 1.0})
    beyond = now.model_copy(update={"lower": (now.upper or 0) + 1e-9, "upper": 1.0})
    assert not apart(now, touching)
    assert apart(now, beyond)
    assert apart(beyond, now)


def test_another_level_or_no_inference_cannot_be_compared() -> None:
    before = sample_data()
    for e in before["estimates"]:
        if e["id"] == "sensitivity/overall":
            e["level"] = 0.9
        if e["id"] == "specificity/overall":
            e |= {"status": "insufficient", "reason": "3 units; the plan asks for 10",
                  "lower": None, "upper": None}  # fmt: skip
    blocks_ = made(before)
    rows = {r.cells[0].text: r for r in table(blocks_, "changes-estimates").groups[0].rows}
    assert rows["Sensitivity"].cells[4].detail == "other level"
    assert rows["Specificity"].cells[4].detail == "without inference in one"
    assert "1 estimate gained inference." in words_of(blocks_)


def test_an_undefined_value_is_no_number() -> None:
    before = sample_data()
    for e in before["estimates"]:
        if e["id"] == "auroc/overall":
            e |= {"status": "undefined", "reason": "none", "value": None, "lower": None,
                  "upper": None}  # fmt: skip
    rows = {r.cells[0].text: r for r in table(made(before), "changes-estimates").groups[0].rows}
    assert rows["AUROC"].cells[2].text == "undefined"


def test_strata_are_counted_and_named_when_they_come_or_go() -> None:
    before = sample_data()
    strata = before["cohort"]["strata"]
    before["cohort"]["strata"] = [s for s in strata if "race=Asian" not in s["stratum"]]
    gone = next(s for s in strata if s["stratum"] == "sex=F")
    before["cohort"]["strata"].append(gone | {"stratum": "sex=X", "n": 5})
    gone["n"] = 700
    found = table(made(before), "changes-strata")
    rows = {r[0]: r[1:] for r in lines(found)}
    assert rows["race=Asian"] == ("not there", "198", "new")
    assert rows["sex=X"] == ("5", "not there", "gone")
    assert rows["sex=F"] == ("700", "710", "+10")
    assert rows["sex=M"] == ("690", "690", "same n")
    assert rows["race=(missing)"] == ("withheld", "withheld", "withheld")
    assert [*rows][:3] == ["All units", "race=Asian", "sex=X"]
    crossed = sum("race=Asian" in s.stratum and " & " in s.stratum for s in sample().cohort.strata)
    assert found.note == (
        f"Of the intersections of attributes, {crossed} are new and 0 are gone."
    )  # fmt: skip


def test_another_task_is_not_compared() -> None:
    before = sample_data()
    before["cohort"]["task"] = "regression"
    blocks_ = made(before)
    assert len(blocks_) == 2
    assert "audited as task regression, this one as binary" in words_of(blocks_)


def test_many_strata_are_printed_in_part_and_counted() -> None:
    many = with_clinics(200)
    data = many.model_dump()
    for e in data["estimates"]:
        if e["lower"] is not None and "clinic" in e["stratum"] and e["measure"] == "brier":
            e |= {"value": 0.9, "lower": 0.85, "upper": 0.95}
    blocks_ = made(data, many)
    found = table(blocks_, "changes-estimates")
    assert found.groups[1].label == "Everything that moved, 400 estimates"
    printed = [r for r in found.groups[1].rows if not r.screen_only]
    assert len(printed) == PRINT_APART
    assert not any(" & " in r.cells[1].text for r in printed)  # single attributes come first
    assert "100 further estimates" in found.note
    strata = table(blocks_, "changes-strata")
    assert len(lines(strata, printed=True)) == PRINT_STRATA
    assert strata.print_note.endswith("further strata are in the attached audit.json.")
