import json
import re
from typing import Any

import numpy as np
import pytest

from audit.disclosure import shareable
from audit.result import AuditResult
from reports.blocks import Figure, Text
from reports.parts.index import Index
from reports.parts.matrix import Tile
from reports.parts.missingness import blocks
from tests.audit.builders import audited, random_columns
from tests.reports.drawn import everything, figures, fresh, svg, texts, tiles, with_clinics
from tests.reports.sample import WITHHELD, rows, sample

PLAN = """
columns: {label: y, score: p, site: site, covariates: [bmi, note]}
threshold: {value: 0.4}
resamples: 100
depth: 2
attributes: {sex: , race: }
"""


def of(result: AuditResult) -> list[Figure]:
    return figures(blocks(Index(result)))


def strata_map(result: AuditResult) -> dict[tuple[str, str], Tile]:
    return tiles(next(f for f in of(result) if f.id == "missingness-0"))


def covariate_map(result: AuditResult, panel: int) -> dict[tuple[str, str], Tile]:
    return tiles(next(f for f in of(result) if f.id == "missing-covariates-0"), panel)


def altered(**fields: Any) -> AuditResult:
    data = fresh()
    data["cohort"] |= fields
    return AuditResult.model_validate(data)


def recorded(**fields: Any) -> list[dict[str, Any]]:
    """Records of one covariate at two sites, the second with the given fields."""
    plain = {"column": "x", "site": "Lyon", "rows": 50, "missing": 0, "zeros": 0, "distinct": 9}
    return [plain, plain | {"site": "Leiden"} | fields]


def cohort_with_gaps() -> dict[str, Any]:
    columns = random_columns(5, 1500)
    gaps = np.random.default_rng(0).random((3, 1500))
    columns["race"] = columns["race"].astype(object)
    columns["race"][gaps[0] < 0.08] = None
    columns["bmi"] = np.where(gaps[1] < 0.3, np.nan, np.where(gaps[1] < 0.5, 0.0, gaps[1]))
    columns["note"] = [None if gap < 0.2 else "text" for gap in gaps[2]]
    return columns


def test_rows_without_an_attribute_are_counted_in_every_other_stratum() -> None:
    part = [r for r in rows() if ("hospital", "Karolinska") in r.levels]
    lost = sum(("race", "(missing)") in r.levels for r in part)
    tile = strata_map(sample())["Karolinska", "race"]
    assert tile.lines == (f"{100 * lost / len(part):.1f} % ({lost})",) == ("2.1 % (7)",)
    assert tile.tip == "hospital=Karolinska, race: 7 of 333 (2.1 %)"


def test_rows_are_counted_and_not_the_analysed_units_alone() -> None:
    data = fresh()
    for c in data["cohort"]["strata"]:
        if c["stratum"] == "hospital=Karolinska & race=(missing)":
            c["rows"] += 3
        if c["stratum"] == "hospital=Karolinska":
            c["rows"] += 67
    found = strata_map(AuditResult.model_validate(data))
    assert found["Karolinska", "race"].lines == ("2.5 % (10)",)


def test_labels_and_scores_are_counted_and_zero_is_white() -> None:
    found = strata_map(sample())
    assert found["All units", "Label"].lines == ("0.1 % (2)",)
    assert (found["All units", "Score"].lines, found["All units", "Score"].shade) == (("0",), 0)
    assert (found["F", "Label"].lines, found["F", "Label"].shade) == (("0",), 0)


def test_the_same_attribute_and_an_empty_stratum_have_no_share() -> None:
    found = strata_map(sample())
    for place, word in ((("Black", "race"), "–"), (("[80,120)", "Label"), "no row")):
        assert found[place].lines == (word,)
        assert found[place].shade is None
        assert not found[place].hatched


def test_pairs_that_were_not_crossed_are_not_counted() -> None:
    data = fresh()
    data["cohort"]["strata"] = [c for c in data["cohort"]["strata"] if len(c["attributes"]) < 2]
    found = strata_map(AuditResult.model_validate(data))
    assert found["F", "race"].lines == ("–",)
    assert found["All units", "race"].lines == ("0.6 % (9)",)


def test_a_withheld_stratum_is_hatched_and_without_numbers() -> None:
    figure = next(f for f in of(sample()) if f.id == "missingness-0")
    tile = tiles(figure)["(missing)", "Label"]
    assert (tile.lines, tile.shade, tile.hatched) == (("withheld",), None, True)
    assert "n withheld" in {r.size for r in figure.data.rows}
    assert figure.note.endswith("Hatched: withheld.")
    assert figure.alt.endswith("2 cells withheld.")


def test_a_withheld_total_of_an_attribute_is_not_read_off_what_is_absent() -> None:
    data = fresh()
    race = next(a for a in data["cohort"]["attributes"] if a["name"] == "race")
    race["missing"] = None
    found = strata_map(AuditResult.model_validate(data))
    assert found["All units", "race"].lines == ("withheld",)
    # Nobody without a race is at Leiden: the stratum is not in the audit.
    assert found["Leiden", "race"].lines == ("withheld",)


@pytest.mark.parametrize(
    ("lost", "text", "shade"),
    [(1, "<0.1 % (1)", 1), (14, "1.0 % (14)", 1), (15, "1.1 % (15)", 2), (140, "10.0 % (140)", 3),
     (700, "49.9 % (700)", 4), (1402, "100.0 % (1,402)", 5)],
)  # fmt: skip
def test_shades_have_fixed_limits(lost: int, text: str, shade: int) -> None:
    data = fresh()
    data["cohort"]["strata"][0] |= {"missing_score": lost}
    if lost == 1:
        data["cohort"]["strata"][0] |= {"rows": 14020}
    tile = strata_map(AuditResult.model_validate(data))["All units", "Score"]
    assert (tile.lines, tile.shade) == ((text,), shade)


def test_covariates_have_their_missing_values_and_zeros_by_site() -> None:
    missing, zeros = (covariate_map(sample(), i) for i in (0, 1))
    assert missing["Lyon", "creatinine"].lines == ("6.9 % (9)",)
    assert zeros["Lyon", "creatinine"].lines == ("46.9 % (61)",)
    assert zeros["Leiden", "creatinine"].lines == ("0",)


def test_zeros_of_a_yes_or_no_are_left_out_and_text_has_none() -> None:
    for fields, told in (({"distinct": 2}, True), ({"zeros": None}, False)):
        records = [r | fields for r in recorded()]
        found = of(altered(covariates=records))[1]
        assert [p.title for p in found.data.panels] == ["Missing"]
        assert ("Zeros of x are left out" in found.note) is told


def test_a_withheld_covariate_is_hatched_in_both_panels() -> None:
    blank = dict.fromkeys(("rows", "missing", "zeros", "distinct"))
    result = altered(covariates=recorded(**blank))
    for panel in (0, 1):
        tile = covariate_map(result, panel)["Leiden", "x"]
        assert (tile.lines, tile.hatched) == (("withheld",), True)
    assert covariate_map(result, 1)["Lyon", "x"].lines == ("0",)


def test_many_covariates_are_cut_into_parts() -> None:
    records = [r | {"column": f"x{i}"} for i in range(11) for r in recorded(missing=2)]
    found = of(altered(covariates=records))[1:]
    assert [[c.text for c in f.data.panels[0].columns] for f in found] == [
        ["x0", "x1", "x2", "x3"], ["x4", "x5", "x6"], ["x7", "x8", "x9", "x10"]
    ]  # fmt: skip
    assert found[2].caption.endswith("(part 3 of 3)")
    assert tiles(found[0])["Leiden", "x0"].lines == ("4.0 %", "2")


def test_where_nothing_is_missing_a_sentence_says_so() -> None:
    data = fresh()["cohort"]
    strata = [c | {"missing_label": 0, "missing_score": 0} for c in data["strata"]
              if c["stratum"] != "race=(missing)"]  # fmt: skip
    attributes = [a | {"missing": 0} for a in data["attributes"]]
    found = blocks(Index(altered(strata=strata, attributes=attributes, covariates=[])))
    assert found == [
        Text(("In 1,402 rows no label, no score and no value of an attribute is missing.",))
    ]


def test_withheld_is_not_taken_for_nothing_missing() -> None:
    data = fresh()["cohort"]
    blank = dict.fromkeys(WITHHELD)
    strata = [c | (blank if c["stratum"] == "sex=F" else {"missing_label": 0})
              for c in data["strata"]]  # fmt: skip
    attributes = [a | {"missing": 0} for a in data["attributes"]]
    assert of(altered(strata=strata, attributes=attributes, covariates=[]))


def test_without_strata_and_covariates_there_is_nothing() -> None:
    assert blocks(Index(altered(strata=[], covariates=[]))) == []


def test_many_strata_are_cut_and_paper_counts_what_it_leaves_out() -> None:
    found = [f for f in of(with_clinics(200)) if f.id.startswith("missingness")]
    assert [f.screen_only for f in found] == [False] * 2 + [True] * 7
    assert found[1].print_note == "7 further parts are in the attached audit.json."
    assert max(len(f.data.rows) for f in found) <= 34
    named = [r.text for f in found for r in f.data.rows if r.text.startswith("clinic ")]
    assert named == [f"clinic {i:03d}" for i in range(200)]
    assert all(f.data.rows[0].head for f in found[1:])


def test_the_alternative_text_names_the_highest_shares() -> None:
    assert of(sample())[0].alt == (
        "Map of 17 strata by 3 columns. The highest shares: race is missing in 7 of the 333 rows "
        "of hospital=Karolinska (2.1 %); race is missing in 6 of the 710 rows of sex=F (0.8 %); "
        "race is missing in 4 of the 476 rows of age=[65,80) (0.8 %). 2 cells withheld."
    )


def test_the_drawing_shows_the_texts_and_keeps_markup_out() -> None:
    shown = texts(of(sample())[0])
    for word in ("2.1 % (7)", "withheld", "no row", "Karolinska", "n 333", "100 %"):
        assert word in shown
    assert "<b onload" not in svg(of(with_clinics(2))[1])


def test_counts_of_an_audit_are_those_of_its_rows() -> None:
    columns = cohort_with_gaps()
    found = of(audited(PLAN, columns))
    at = columns["site"] == "n2"
    lost = int(sum(v is None for v in columns["race"][at]))
    assert f"({lost})" in tiles(found[0])["n2", "race"].lines[0]
    zero = int((columns["bmi"][at] == 0).sum())
    missing, zeros = tiles(found[1], 0), tiles(found[1], 1)
    assert f"({zero})" in zeros["n2", "bmi"].lines[0]
    assert f"({int(np.isnan(columns['bmi'][at]).sum())})" in missing["n2", "bmi"].lines[0]
    assert "note" not in {c for _, c in zeros}


def test_a_shared_result_tells_only_counts_that_it_holds() -> None:
    columns = cohort_with_gaps()
    columns["y"] = columns["y"].astype(object)
    columns["y"][:4] = None
    shared = shareable(audited(PLAN, columns))
    assert any(c.rows is None for c in shared.cohort.strata)
    known = set(re.findall(r"\d+", json.dumps(shared.cohort.model_dump())))
    for figure in of(shared):
        told = everything(figure).replace(",", "")
        for shown in re.findall(r"(\d+) of (?:the )?(\d+)", told):
            assert set(shown) <= known
        assert set(re.findall(r"n (\d+)", told)) <= known
        assert "withheld" in told
