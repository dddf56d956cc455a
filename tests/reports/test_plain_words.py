"""What a careful reader stumbled over: numbers in two styles, words in pieces, false plurals."""

import math
import re
from dataclasses import replace
from itertools import combinations, pairwise

import pytest

from reports import words
from reports.blocks import Bullets, Table
from reports.figures import specification
from reports.figures.funnel import HEIGHT, ROOM, WIDTH
from reports.figures.plane import measured
from reports.format import count, plural
from reports.parts import checklist, curves, funnel, gaps, results, sites
from reports.parts.forest import APART, LOG, domain
from reports.parts.front import ALL_ASSESSED, summary
from reports.parts.index import Index
from reports.ticks import ENOUGH, log_ticks
from reports.view import build_view
from tests.checklists.builders import catalogue_of, instrument_data, item_data
from tests.checklists.papers import assessed
from tests.reports.drawn import figures, fresh, texts, with_clinics
from tests.reports.sample import papers, papers_of, sample
from tests.reports.sections_of import table

PAGE_MM, POINT_MM = 174, 0.3528


@pytest.mark.parametrize(
    ("number", "text"), [(7, "7"), (999, "999"), (7472, "7,472"), (1234567, "1,234,567")]
)
def test_thousands_have_commas_everywhere(number: int, text: str) -> None:
    assert count(number) == text
    assert plural(number, "unit") == f"{text} units"


def test_a_document_writes_thousands_in_one_way_alone() -> None:
    text = repr(build_view(papers()))
    assert "1,400" in text
    assert not re.findall(r"\d[\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}]\d{3}", text)


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0.76, 1.31, [0.8, 1, 1.2]),
        (0.33, 5.6, [0.5, 1, 2, 5]),
        (0.5, 2.2, [0.5, 1, 2]),
        (0.02, 2, [0.05, 0.2, 1]),
    ],
)
def test_a_logarithmic_axis_has_three_round_ticks_and_1(
    low: float, high: float, wanted: list[float]
) -> None:
    found = log_ticks(low, high, APART)
    assert set(wanted) <= set(found)
    assert len(found) >= ENOUGH
    steps = [math.log(b / a) / math.log(high / low) for a, b in pairwise(found)]
    assert min(steps) >= APART


def test_the_narrowest_forest_axis_still_has_three_ticks() -> None:
    for measure in sorted(LOG):
        assert len(log_ticks(*domain(measure, [], log=True), APART)) >= ENOUGH


def test_every_tick_of_a_logarithmic_axis_is_drawn_with_its_number() -> None:
    whole = next(f for f in figures(results.blocks(papers().index)) if f.form == "forest")
    panel = next(p for p in whole.data.panels if p.log)
    alone = replace(whole, data=replace(whole.data, panels=(panel,)))
    numbers = [t for t in texts(alone) if re.fullmatch(r"[\d.]+", t)]
    assert numbers == [f"{t:g}" for t in panel.ticks]
    assert len(numbers) >= ENOUGH
    assert f"{panel.title}, log" in texts(alone)


def test_the_shares_on_the_axis_of_risks_are_told_apart() -> None:
    (risk,) = figures(curves.risk(papers().index))
    for panel in risk.data["panels"]:
        for b in panel["bins"]:
            b |= {"up": 0.08, "down": -0.16}
    shares = [t for t in texts(risk) if re.fullmatch(r"0\.\d+", t)]
    assert {"0.05", "0.1", "0.15"} <= set(shares)


def test_numbers_of_the_funnel_stand_upon_no_other() -> None:
    (funnel_figure,) = figures(funnel.blocks(papers().index))
    numbered = specification(funnel_figure)["datasets"]["numbers"]
    close = [p | {"x": numbered[0]["x"] + i, "w": numbered[0]["w"]} for i, p in enumerate(numbered)]
    data = replace(funnel_figure.data, points=tuple(close))
    placed = specification(replace(funnel_figure, data=data))["datasets"]["numbers"]
    low, high = data.domain
    across = [WIDTH * math.log(p["nx"] / low) / math.log(high / low) for p in placed]
    down = [HEIGHT * p["ny"] / (1.1 * data.top) for p in placed]
    for i, j in combinations(range(len(placed)), 2):
        assert abs(across[i] - across[j]) >= ROOM[0] or abs(down[i] - down[j]) >= ROOM[1] * 0.9


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("1 units with the condition; the plan asks for 10", "1 unit with outcome, 10 asked for"),
        ("1 flagged units; the plan asks for 10", "1 flagged unit, 10 asked for"),
        ("2 patients; the plan asks for 10", "2 patients, 10 asked for"),
        ("11 units; the plan asks for 12", "11 units, 12 asked for"),
    ],
)
def test_one_unit_is_no_plural(reason: str, text: str) -> None:
    assert words.why("insufficient", reason) == text


def test_a_share_in_a_reason_is_written_as_in_the_tables() -> None:
    assert words.worded("undefined in 35.9% of the resamples").startswith("undefined in 35.9 % of")
    assert words.worded("1 analysed at a site") == "1 analysed at a site"


def test_no_heading_of_a_column_is_broken_inside_a_word() -> None:
    """Words of headings, in half-bold type of 7.4 points, against the widths of their columns."""
    for section in build_view(papers()).sections:
        for block in section.blocks:
            if isinstance(block, Table) and not block.screen_only:
                size = (7.0 if block.dense else 7.4) * POINT_MM
                for column, share in zip(block.columns, block.widths, strict=True):
                    longest = max(column.label.split() or [""], key=len)
                    room = share / 100 * PAGE_MM - 2
                    # A little more than letters take was measured; half-bold ones take it.
                    assert measured(longest, size) <= room, (block.caption, column.label)


def test_the_level_of_the_intervals_is_not_told_as_a_thing_not_assessed() -> None:
    made = summary(papers().index)
    assert any("Intervals are at the 95 % level." in s for s in made.sentences)
    assert not any("level" in line for line in made.not_assessed)
    total = len(sample().estimates)
    assert any(f"of {total:,} " in line for line in made.not_assessed)


def test_what_would_decide_is_told_as_a_distance_and_as_units() -> None:
    (line,) = (v for v in summary(papers().index).verdicts if v.id == "inconclusive-example")
    assert line.more == (
        "these data can tell a distance of 0.110 from the limit; about 3,120 units would decide "
        "the value seen (80 % power)"
    )
    assert all(not v.more for v in summary(papers().index).verdicts if v.status == "met")


def test_a_summary_without_gaps_says_so() -> None:
    every = sample().model_copy(
        update={"estimates": tuple(e for e in sample().estimates if e.status == "ok")}
    )
    assert summary(Index(every)).not_assessed == (ALL_ASSESSED,)


def test_gaps_are_counted_under_the_words_of_the_summary() -> None:
    made = table(gaps.blocks(papers().index), "refused")
    refused = [e for e in sample().estimates if e.status != "ok"]
    present = {e.status for e in refused}
    kinds = [word for status, word in words.STATUS.items() if status in present]
    assert made.caption == f"{len(refused)} estimates {' or '.join(kinds)}, by reason"
    assert [g.label for g in made.groups] == kinds


def test_every_mark_of_the_site_figure_and_of_the_risk_figure_is_explained() -> None:
    (site,) = (f for f in figures(sites.blocks(papers().index)))
    for told in ("95 % intervals", "dashed lines are limits", "vertical line", "Diamond", "Thick"):
        assert told in site.note
    (risk,) = figures(curves.risk(papers().index))
    assert "The dashed line is the declared threshold, 0.4." in risk.note
    data = fresh()
    data["cohort"]["threshold"] = None
    bare = type(sample()).model_validate(data)
    (risk,) = figures(curves.risk(Index(bare)))
    assert "dashed" not in risk.note


def test_the_page_lets_choose_panels_that_print_has_no_room_for() -> None:
    index = papers().index
    for form in ("decision", "risk"):
        found = curves.choice(index, form)
        assert found is not None
        known = getattr(sample().curves, form)
        assert len(found.attributes) + found.rest == len(known)
        assert len(found.attributes) == min(len(known), curves.PAGE_PANELS)
        assert [p["title"] for p in found.data["panels"]] == [t for t, _ in found.attributes]
        names = [a.name for a in index.attributes]
        for title, place in found.attributes:
            attribute = title.partition("=")[0] if "=" in title else None
            assert attribute == (None if place is None else names[place])
    assert curves.choice(index, "heatmap") is None


def test_of_very_many_panels_the_page_says_how_many_are_left() -> None:
    wide = papers_of(with_clinics(90)).index
    one = sample().curves.decision[0]
    strata = [s for levels in wide.single.values() for s in levels]
    many = tuple(one.model_copy(update={"stratum": s}) for s in strata)
    held = wide.result.curves.model_copy(update={"decision": many})
    found = curves.choice(Index(wide.result.model_copy(update={"curves": held})), "decision")
    assert found is not None
    assert len(found.attributes) == curves.PAGE_PANELS
    assert found.rest == len(many) - curves.PAGE_PANELS > 0


def test_who_owes_open_items_is_told_once_where_it_is_the_same_for_all() -> None:
    def told(*owners: list[str]) -> Bullets:
        items = [
            item_data(f"H-{i}", duty_holder=owner, evidence=[f"record {i}"])
            for i, owner in enumerate(owners)
        ]
        states = assessed(catalogue_of(instrument_data("house", *items)), {}).items
        (found,) = checklist.answered("house", states)
        assert isinstance(found, Bullets)
        return found

    same = told(["provider"], ["provider"])
    assert same.lead == "Not assessed, 2 items, owed by the provider (manufacturer):"
    assert same.items[1] == "H-1 Heading of H-1; expected: record 1"
    mixed = told(["provider"], ["deployer"])
    assert mixed.lead == "Not assessed, 2 items:"
    assert mixed.items[1] == "H-1 Heading of H-1; owed by the deployer; expected: record 1"


@pytest.mark.parametrize("form", ["calibration", "risk"])
def test_what_is_told_over_a_point_writes_counts_as_the_tables_do(form: str) -> None:
    figure = next(f for f in build_view(papers()).figures if f.form == form)
    text = repr(specification(figure))
    told = re.findall(
        r"\{[^{}]*'title': '(?:n|With outcome \(n\)|Without outcome \(n\))'[^{}]*\}", text
    )
    assert told
    assert all("'format': ',d'" in one for one in told)
