import re

import pytest

from audit.disclosure import shareable
from audit.result import AuditResult
from reports.blocks import Figure, Text
from reports.figures import specification
from reports.parts.heat_map import MOST_ROWS, blocks
from reports.parts.index import Index
from tests.audit.builders import audited, random_columns
from tests.reports.drawn import changed, everything, figures, fresh, svg, texts, tiles, with_clinics
from tests.reports.sample import THRESHOLD, rows, sample

PLAN = """
columns: {label: y, score: p, site: site}
threshold: {value: 0.4}
resamples: 100
depth: 2
attributes: {sex: , race: }
"""


def of(result: AuditResult) -> list[Figure]:
    return figures(blocks(Index(result)))


def pair(result: AuditResult, first: str, second: str) -> Figure:
    (found,) = [f for f in of(result) if {first, second} <= set(re.findall(r"\w+", f.caption))]
    return found


def test_a_cell_tells_the_value_and_n_counted_from_the_rows() -> None:
    wanted = {("age", "[40,65)"), ("hospital", "Leiden")}
    part = [r for r in rows() if wanted <= set(r.levels)]
    ill = [r for r in part if r.label]
    value = sum(r.score >= THRESHOLD for r in ill) / len(ill)
    tile = tiles(pair(sample(), "hospital", "age"))["Leiden", "[40,65)"]
    assert tile.lines == (f"{value:.3f}", f"n {len(part)}") == ("0.259", "n 108")
    assert tile.shade == 1
    assert not tile.hatched
    assert tile.tip.startswith("age=[40,65) & hospital=Leiden: 0.259 [")


def test_the_second_measure_stands_beside_the_first() -> None:
    figure = pair(sample(), "hospital", "age")
    assert [p.title for p in figure.data.panels] == ["Sensitivity", "Specificity"]
    assert tiles(figure, 1)["Leiden", "[40,65)"].lines == ("0.901", "n 108")
    assert figure.data.beside
    assert not pair(sample(), "race", "hospital").data.beside


def test_darker_is_higher_in_every_pair_alike() -> None:
    told = [t for f in of(sample()) for t in f.data.panels[0].tiles if t.shade is not None]
    by_value = sorted(told, key=lambda t: float(t.lines[0]))
    assert [t.shade for t in by_value] == sorted(t.shade for t in told)
    assert len({f.data.panels[0].edges for f in of(sample())}) == 1
    assert {t.shade for t in told} == set(range(6))


def test_what_has_no_inference_has_a_word_and_no_shade() -> None:
    found = tiles(pair(sample(), "race", "hospital"))
    undefined, weak = found["Other", "Charité"], found["Black", "Lyon"]
    assert undefined.lines == ("undefined", "n 14")
    assert weak.lines == ("○ 0.250", "n 37", "8 positive")
    assert undefined.hatched
    assert weak.hatched
    assert undefined.shade is weak.shade is None


def test_nobody_is_not_zero_and_not_hatched() -> None:
    tile = tiles(pair(sample(), "hospital", "age"))["Lyon", "[80,120)"]
    assert tile.lines == ("–", "no unit")
    assert tile.shade is None
    assert not tile.hatched


def test_a_measured_zero_keeps_its_shade() -> None:
    stratum = "hospital=Lyon & sex=F"
    tile = tiles(pair(changed(stratum, "sensitivity", value=0.0), "hospital", "sex"))["Lyon", "F"]
    assert (tile.lines[0], tile.shade, tile.hatched) == ("0.000", 0, False)


def test_an_estimate_that_was_not_made_says_so() -> None:
    data = fresh()
    gone = "sensitivity/hospital=Lyon & sex=F"
    data["estimates"] = [e for e in data["estimates"] if e["id"] != gone]
    tile = tiles(pair(AuditResult.model_validate(data), "hospital", "sex"))["Lyon", "F"]
    assert tile.lines == ("not computed",)
    assert tile.hatched


def test_a_withheld_cell_tells_nothing_though_the_record_holds_it() -> None:
    fields = {"status": "suppressed", "reason": "withheld", "value": 0.98765, "n": 98765}
    result = changed("hospital=Lyon & sex=F", **fields)
    figure = pair(result, "hospital", "sex")
    assert tiles(figure)["Lyon", "F"].lines == ("withheld",)
    assert not re.search(r"98.?765|0\.988", everything(figure))
    assert "; 1 cell withheld." in figure.alt


def test_levels_have_their_n_unless_it_is_withheld() -> None:
    rows_of = {r.text: r.size for r in pair(sample(), "race", "hospital").data.rows}
    assert rows_of["Black"] == "n 246"
    assert rows_of["(missing)"] == "n withheld"
    for measure, size in (("sensitivity", "n withheld"), ("brier", "n 246")):
        figure = pair(changed("race=Black", measure, status="suppressed"), "race", "sex")
        assert {r.text: r.size for r in figure.data.rows}["Black"] == size


def test_paper_has_two_pairs_and_says_how_many_more() -> None:
    found = of(sample())
    assert [f.screen_only for f in found] == [False, False, True, True, True, True]
    assert [f.print_note for f in found[:2]] == [
        "", "4 further crossed pairs are in the attached audit.json."
    ]  # fmt: skip
    # Most cells with inference come first.
    many = [sum(t.shade is not None for t in f.data.panels[0].tiles) for f in found]
    assert many == sorted(many, reverse=True)


def test_the_alternative_text_is_made_from_the_numbers() -> None:
    assert pair(sample(), "hospital", "age").alt == (
        "Map of 5 levels of hospital by 4 levels of age. Sensitivity is lowest in the intersection "
        "age=[40,65) & hospital=Leiden at 0.259 (n 108) and highest in the intersection "
        "age=[18,40) & hospital=Karolinska at 0.684 (n 86); 2 cells without inference. "
        "Specificity is lowest in the intersection age=[40,65) & hospital=St Mary's Hospital & "
        "Infirmary, North Wing at "
        "0.750 (n 45) and highest in the intersection age=[65,80) & hospital=Leiden at 0.949 (n "
        "79). Nobody is in 5 cells."
    )


def test_the_drawing_shows_the_texts_and_hatches_only_what_is_hatched() -> None:
    figure = pair(sample(), "hospital", "age")
    shown = texts(figure)
    for word in ("0.259", "n 108", "○ 0.375", "8 positive", "no unit", "without inference"):
        assert word in shown
    hatched = [t for p in figure.data.panels for t in p.tiles if t.hatched]
    key = 1
    assert len(specification(figure)["datasets"]["hatches"]) == len(hatched) + key == 3
    assert "without inference" not in texts(pair(sample(), "age", "sex"))


def test_of_many_levels_the_largest_are_drawn_and_the_rest_is_counted() -> None:
    figure = pair(with_clinics(200), "clinic", "sex")
    names = [r.text for r in figure.data.rows]
    assert names == [f"clinic {i:03d}" for i in range(MOST_ROWS)]
    assert "the largest 15 of 200 levels of clinic; the rest is in audit.json" in figure.note


@pytest.mark.parametrize("name", ["<b onload=x>&amp;</b>", "東京大学医学部附属病院"])
def test_strange_names_are_drawn_as_text(name: str) -> None:
    figure = pair(with_clinics(3), "hospital", "age")
    assert (name, "[18,40)") in tiles(figure)
    assert "<b onload" not in svg(figure)


def test_without_crossings_there_is_nothing() -> None:
    data = fresh()
    data["cohort"]["strata"] = [c for c in data["cohort"]["strata"] if len(c["attributes"]) < 2]
    assert blocks(Index(AuditResult.model_validate(data))) == []
    assert blocks(Index(AuditResult.model_validate(fresh() | {"estimates": []}))) == []


def test_three_crossed_attributes_are_no_pair() -> None:
    data = fresh()
    data["cohort"]["strata"][-1]["attributes"] = ["age", "race", "sex"]
    assert len(of(AuditResult.model_validate(data))) == 6


def test_a_pair_withheld_in_every_cell_is_named_and_not_drawn() -> None:
    data = fresh()
    for e in data["estimates"]:
        if "race=" in e["stratum"] and "sex=" in e["stratum"]:
            e |= {"status": "suppressed", "value": None}
    result = AuditResult.model_validate(data)
    assert len(of(result)) == 5
    (told,) = [b for b in blocks(Index(result)) if isinstance(b, Text)]
    assert told.paragraphs == (
        "Withheld for privacy in every cell, and so without a map: race and sex.",
    )


def test_a_shared_result_tells_only_what_it_holds() -> None:
    full = audited(PLAN, random_columns(3, 2500))
    shared = shareable(full)
    hidden = {c.stratum for c in shared.cohort.strata if c.n is None}
    seen = [(f, t) for f in of(shared) for p in f.data.panels for t in p.tiles]
    withheld = [t for _, t in seen if t.tip.partition(": ")[0] in hidden]
    assert withheld
    assert len(withheld) < len(seen)
    assert all(t.lines == ("withheld",) and t.shade is None for t in withheld)
    known = {str(c.n) for c in shared.cohort.strata} | {str(e.n) for e in shared.estimates}
    for figure in of(shared):
        sizes = re.findall(r"n ([\d,]+)", everything(figure))
        assert {s.replace(",", "") for s in sizes} <= known
