from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.comparison.records import Comparison
from reports import comparison as told
from reports.blocks import Bullets, Facts, Text
from reports.figures.plane import measured
from reports.papers import Papers
from reports.parts.comparison import FIGURE_STRATA, PRINT_STRATA, blocks
from reports.parts.slope import HEAD, ROW, SlopeData, apart
from tests.reports.compared import SHA, comparison, flip, paired, side, weak, worse
from tests.reports.drawn import NAMES, everything, figures, svg, texts
from tests.reports.sample import papers, sample
from tests.reports.sections_of import lines, table, words_of

SENTENCE = "Levelling down: the gap in Sensitivity between sex=F and sex=M went from 0.1 to 0.0."
SMALL = comparison(
    paired("sensitivity", "overall", 0.8, 0.75, lower=-0.09, upper=0.01),
    paired("sensitivity", "sex=F", 0.7, 0.9, change="better", lower=0.1, upper=0.3),
    worse("sensitivity", "sex=M", 0.85, 0.6, lower=-0.3, upper=-0.2, n=1234),
    weak("sensitivity", "race=X", 0.5, 0.25),
    paired("sensitivity", "race=Y", 0.5, None),
    worse("brier", "overall", 0.1, 0.2, lower=0.05, upper=0.15),
    flips=(flip("overall", "positive", 7, 3), flip("sex=F & age=1", "positive", 1, 1)),
    gaps=(
        {"measure": "sensitivity", "attribute": "sex", "output": None, "worst": "sex=F",
         "best": "sex=M", "gap_a": 0.1, "gap_b": 0.0, "change": -0.1, "lower": -0.2,
         "upper": -0.05, "level": 0.95, "levelled_down": True, "sentence": SENTENCE},
    ),
)  # fmt: skip


def of(found: Comparison) -> Papers:
    return Papers(sample(), b"{}", comparison=found)


def drawn(found: Comparison, measure: str = "sensitivity") -> SlopeData:
    figure = next(f for f in figures(blocks(of(found))) if f.id == f"slope-{measure}")
    assert isinstance(figure.data, SlopeData)
    return figure.data


def row(data: SlopeData, name: str) -> dict[str, object]:
    return next(r for r in data.rows if r["full"] == name)


def test_without_a_comparison_there_is_no_section() -> None:
    assert blocks(papers()) == []


def test_who_got_worse_comes_first_in_the_order_of_the_comparison() -> None:
    first = table(blocks(of(SMALL)), "compared-worse")
    assert lines(first) == [
        ("Sensitivity", "sex=M", "1,234", "0.850", "0.600", "−0.250 [−0.300, −0.200]", "0.004",
         "worse"),
        ("Brier score", "All units", "100", "0.100", "0.200", "+0.100 [+0.050, +0.150]", "0.004",
         "worse"),
    ]  # fmt: skip
    assert next(b.id for b in blocks(of(SMALL)) if b.kind == "table") == "compared-worse"
    assert "95 % interval" in first.note


def test_the_words_are_those_of_the_text_for_a_terminal() -> None:
    made = blocks(of(SMALL))
    assert made[0] == Text(tuple(told.lead(SMALL)))
    assert made[-1] == Bullets(tuple(told.told(SMALL)))
    assert SENTENCE in told.told(SMALL)
    text = told.comparison_text(SMALL)
    rows = {r[0]: r for r in reversed(lines(table(made, "compared")))}  # the first measure's
    for name, stratum in (("All units", "overall"), ("sex=F", "sex=F")):
        value, change = rows[name][4], rows[name][6]
        line = next(x for x in text.splitlines() if x.split()[:2] == ["Sensitivity", stratum])
        assert value in line
        assert line.endswith(change)


def test_what_has_no_inference_says_why_and_what_has_no_value_is_not_zero() -> None:
    rows = {r[0]: r for r in lines(table(blocks(of(SMALL)), "compared"))}
    assert rows["race=X"][4:] == (
        "−0.250", "–", "model a: 3 units with the condition; the plan asks for 10",
    )  # fmt: skip
    assert rows["race=Y"][2:6] == ("0.500", "no value", "no value", "–")


def test_flips_are_counted_by_true_class_in_strata_of_one_attribute() -> None:
    found = table(blocks(of(SMALL)), "compared-flips")
    assert [g.label for g in found.groups] == ["Units that are positive"]
    assert lines(found) == [("All units", "50", "7", "3", "0.125")]


def test_the_p_value_of_flips_is_by_patient_where_they_have_several_rows() -> None:
    one = comparison(flips=(flip("overall", "negative", 1, 2, clustered_p=0.03),))
    assert lines(table(blocks(of(one)), "compared-flips"))[0][-1] == "0.030"


def test_margins_stand_with_what_was_held_against_them() -> None:
    one = comparison(
        worse("sensitivity", "sex=M", 0.9, 0.5, margin=0.05, beyond_margin=True),
        paired("sensitivity", "sex=F", 0.9, 0.9, margin=0.05, change="no_worse"),
        paired("specificity", "sex=F", 0.9, 0.9),
    )
    found = table(blocks(of(one)), "compared-margins")
    assert [(r[1], r[-1]) for r in lines(found)] == [
        ("sex=M", "worse beyond the margin 0.05"),
        ("sex=F", "no worse than the margin"),
    ]
    assert found.note == "Margins, how much worse b may be: Sensitivity 0.05."


def test_nothing_worse_is_no_proof_of_anything() -> None:
    made = blocks(of(comparison(paired("auroc", "overall", 0.8, 0.8, change="same"))))
    assert "That is no proof that none did." in words_of(made)
    assert not any(b.kind == "table" and b.id == "compared-worse" for b in made)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (side(SHA[::-1]), side("f" * 64), "Model a"),
        (side("e" * 64), side(SHA[::-1]), "Model b"),
        (side(SHA[::-1]), side(SHA[::-1], "p2"), "Model a"),
        (side("e" * 64), side("f" * 64), "Neither: it was made from other files"),
    ],
)
def test_it_says_which_model_this_document_is_about(a: object, b: object, expected: str) -> None:
    (facts,) = [x for x in blocks(of(comparison(a=a, b=b))) if isinstance(x, Facts)]
    assert dict(facts.pairs)["Audited here"] == expected
    assert "Plan" not in dict(facts.pairs)


def test_another_plan_than_that_of_the_audit_is_told() -> None:
    made = blocks(of(comparison(plan_sha256="a" * 64)))
    assert f"Plan: Another one than the audit's: SHA-256 {'a' * 64}" in words_of(made)


# The chart


def test_a_line_leads_from_one_value_to_the_other_on_one_scale() -> None:
    data = drawn(SMALL)
    by_value = sorted(
        [(float(str(r["va"])), r["a"]) for r in data.rows]
        + [(float(str(r["vb"])), r["b"]) for r in data.rows]
    )
    places = [place for _, place in by_value]
    assert places == sorted(places, reverse=True)
    low, high = row(data, "race=X")["b"], row(data, "sex=F")["b"]
    assert (high, low) == (HEAD + ROW / 2, data.height - ROW / 2)
    middle = row(data, "sex=M")["b"]  # 0.6, where the scale runs from 0.25 to 0.9
    height = data.height - HEAD
    assert middle == pytest.approx(HEAD + ROW / 2 + (height - ROW) * 0.3 / 0.65, abs=0.01)


def test_shape_and_word_say_who_got_worse() -> None:
    data = drawn(SMALL)
    assert {r["full"]: (r["mark"], r["word"]) for r in data.rows} == {
        "overall": ("plain", ""),
        "sex=F": ("better", "better"),
        "sex=M": ("worse", "worse"),
        "race=X": ("weak", ""),
    }
    assert data.rows[-1]["full"] == "sex=M"  # drawn above the others
    figure = figures(blocks(of(SMALL)))[0]
    shown = texts(figure)
    assert shown.count("worse") == 1
    assert shown.count("1,234") == 1
    assert shown.count("sex=M") == 2  # at both ends of its line
    assert {"0.850", "0.600", "−0.250 [−0.300, −0.200]", "Model a", "Model b"} <= set(shown)
    assert "M0,0" in svg(figure) or "path" in svg(figure)


def test_the_alternative_text_is_made_from_the_numbers() -> None:
    figure = figures(blocks(of(SMALL)))[0]
    assert figure.alt == (
        "Sensitivity in 4 strata, model a to b. Worse in 1: sex=M from 0.850 to 0.600. Better in "
        "1: sex=F from 0.700 to 0.900. Neither is shown in 2."
    )
    assert "Without a value under both models: race=Y." in figure.note


def test_a_measure_without_values_has_no_chart() -> None:
    assert figures(blocks(of(comparison(paired("auroc", "overall", None, None))))) == []


def test_ratios_are_drawn_on_a_logarithmic_scale_where_they_can_be() -> None:
    one = comparison(paired("oe_ratio", "overall", 1.0, 2.0), paired("oe_ratio", "sex=F", 0.5, 1.0))
    data = drawn(one, "oe_ratio")
    assert data.title == "O:E ratio, log scale"
    whole, half = row(data, "overall"), row(data, "sex=F")
    assert whole["a"] == half["b"]
    steps = [float(str(half["a"])) - float(str(whole["a"])),
             float(str(whole["a"])) - float(str(whole["b"]))]  # fmt: skip
    assert steps[0] == pytest.approx(steps[1], abs=0.02)
    empty = comparison(paired("oe_ratio", "overall", 1.0, 0.0))
    assert drawn(empty, "oe_ratio").title == "O:E ratio"


def test_equal_values_stand_in_the_middle() -> None:
    data = drawn(comparison(paired("auroc", "overall", 0.8, 0.8)), "auroc")
    assert data.rows[0]["a"] == data.rows[0]["b"] == HEAD + (data.height - HEAD) / 2


@given(
    st.lists(st.floats(0, 400, allow_nan=False), min_size=1, max_size=25),
    st.sampled_from([10.0, 14.0]),
)
def test_labels_keep_their_order_and_never_overlap(places: list[float], gap: float) -> None:
    height = max(400.0, gap * len(places))
    moved = apart(places, gap, height)
    order = sorted(range(len(places)), key=lambda i: (places[i], i))
    steps = [moved[b] - moved[a] for a, b in pairwise(order)]
    assert all(step >= gap - 0.02 for step in steps)
    assert min(moved) >= gap / 2 - 0.02
    assert max(moved) <= height - gap / 2 + 0.02


def test_labels_move_no_more_than_they_have_to() -> None:
    assert apart([100, 50, 150], 14, 400) == [100, 50, 150]
    assert apart([50, 50], 14, 400) == [43, 57]
    assert apart([0, 0, 200], 14, 400) == [7, 21, 200]
    assert apart([400, 398], 14, 400) == [393, 379]


@pytest.fixture(scope="module")
def many() -> Comparison:
    strata = [f"clinic={NAMES[i] if i < 4 else f'{i:03d}'}" for i in range(200)]
    records = [paired("sensitivity", s, 0.5, 0.5 + (i + 1) / 1000) for i, s in enumerate(strata)]
    records[150] = worse("sensitivity", "clinic=150", 0.5, 0.4)
    return comparison(paired("sensitivity", "overall", 0.5, 0.6), *records)


def test_of_many_strata_all_units_those_that_got_worse_and_the_largest_changes_are_drawn(
    many: Comparison,
) -> None:
    data = drawn(many)
    names = {str(r["full"]) for r in data.rows}
    assert len(names) == len(data.rows) == FIGURE_STRATA
    largest = {f"clinic={i:03d}" for i in range(200 - FIGURE_STRATA + 2, 200)}
    assert names == {"overall", "clinic=150", *largest}
    figure = figures(blocks(of(many)))[0]
    assert f"{201 - FIGURE_STRATA} further strata in the table below" in figure.note
    found = table(blocks(of(many)), "compared")
    assert len(lines(found)) == 201
    assert len(lines(found, printed=True)) == PRINT_STRATA
    assert found.print_note == f"{201 - PRINT_STRATA} further ones in comparison.json."


def test_a_level_with_an_ampersand_is_a_stratum_of_one_attribute() -> None:
    one = comparison(
        paired("auroc", "site=St Mary's & Guy's", 0.8, 0.7),
        paired("auroc", "sex=F & site=Lyon", 0.8, 0.7),
    )
    assert [r[0] for r in lines(table(blocks(of(one)), "compared"))] == ["site=St Mary's & Guy's"]
    assert "St Mary's & Guy's" in told.comparison_text(one)


def test_strange_names_are_drawn_short_and_as_text() -> None:
    one = comparison(
        *(worse("auroc", f"site={n}", 0.9, 0.5 + i / 10) for i, n in enumerate(NAMES[:4]))
    )
    figure = figures(blocks(of(one)))[0]
    assert all(measured(text) <= 130 for text in texts(figure))
    assert any(text.startswith("site=LLL") and "…" in text for text in texts(figure))
    assert "<b onload" not in svg(figure)
    assert "東京大学" in everything(figure)
