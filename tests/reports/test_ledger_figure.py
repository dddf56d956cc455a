from itertools import pairwise
from typing import Any

import pytest

from audit.result import AuditResult
from reports.blocks import Figure
from reports.figures import specification
from reports.figures.ledger import LOOKS
from reports.parts.index import Index
from reports.parts.ledger_figure import LedgerRow, blocks
from tests.reports.drawn import NAMES, everything, figures, fresh, svg, texts
from tests.reports.sample import sample

CELLS = ("both_present", "reference_only", "prediction_only", "both_empty")


def entry(
    stratum: str, counts: tuple[int | None, ...], output: str | None = None
) -> dict[str, Any]:
    return {"stratum": stratum, "output": output, **dict(zip(CELLS, counts, strict=True))}


def of(*records: dict[str, Any]) -> list[Figure]:
    result = AuditResult.model_validate(fresh() | {"ledger": list(records)})
    return figures(blocks(Index(result)))


def rows(*records: dict[str, Any]) -> dict[str, LedgerRow]:
    return {r.name: r for f in of(*records) for r in f.data.rows}


WHOLE = entry("overall", (34, 2, 1, 3), "liver")
PARTS = (WHOLE, entry("sex=F", (17, 2, 0, 1), "liver"), entry("sex=M", (17, 0, 1, 2), "liver"))


def test_counts_and_shares_stand_as_text_and_fill_the_bar() -> None:
    row = rows(*PARTS)["All cases"]
    assert row.cases == "40"
    assert row.texts == ("34 (85.0 %)", "2 (5.0 %)", "1 (2.5 %)", "3 (7.5 %)")
    assert row.shares == pytest.approx((0.85, 0.05, 0.025, 0.075))
    shown = texts(of(*PARTS)[0])
    for text in (*row.texts, "In both", "reference only", "prediction only", "cases", "liver, sex"):
        assert text in shown


def test_the_pieces_of_a_bar_are_as_long_as_their_shares() -> None:
    spec = specification(of(WHOLE)[0])
    bar = [r for r in spec["datasets"]["rects"] if r["y"] > 34]
    widths = [r["x2"] - r["x"] for r in bar]
    assert [w / sum(widths) for w in widths] == pytest.approx([0.85, 0.05, 0.025, 0.075], abs=1e-3)
    assert all(a["x2"] == pytest.approx(b["x"]) for a, b in pairwise(bar))


def test_cells_differ_without_colour() -> None:
    fills = [(fill == "white", slope) for fill, _, slope in LOOKS]
    assert len(set(fills)) == len(LOOKS)
    # Two hatched pieces of the bar, and two in the heads of the columns.
    assert len(specification(of(WHOLE)[0])["datasets"]["hatches"]) == 4
    only_both = entry("overall", (34, 0, 0, 3))
    assert len(specification(of(only_both)[0])["datasets"]["hatches"]) == 2


def test_a_withheld_count_takes_the_whole_row_with_it() -> None:
    (figure,) = of(WHOLE, entry("sex=F", (17, None, 1187, 1), "liver"))
    row = {r.name: r for r in figure.data.rows}["F"]
    assert (row.cases, row.texts, row.shares) == ("withheld", ("withheld",) * 4, ())
    assert "187" not in everything(figure)
    assert "Rows without a bar are withheld." in figure.note
    assert figure.alt.endswith("1 row withheld.")


def test_no_case_has_no_share() -> None:
    (figure,) = of(WHOLE, entry("sex=X", (0, 0, 0, 0), "liver"))
    row = {r.name: r for r in figure.data.rows}["X"]
    assert (row.cases, row.texts, row.shares) == ("0", ("0",) * 4, ())
    assert "Rows of no case have no bar." in figure.note


def test_structures_and_attributes_head_their_rows() -> None:
    heads = [r.name for r in of(*PARTS, entry("overall", (1, 0, 0, 0), "tumour"))[0].data.rows
             if r.head]  # fmt: skip
    assert heads == ["liver", "liver, sex", "tumour"]
    assert rows(entry("overall", (1, 2, 3, 4)))["All cases"].head is False


def test_crossed_strata_are_left_to_the_attachment() -> None:
    assert "F & size" not in str(rows(*PARTS, entry("sex=F & size=big", (1, 1, 1, 1), "liver")))
    assert of(entry("sex=F & size=big", (1, 1, 1, 1))) == []


def test_the_alternative_text_is_made_from_the_numbers() -> None:
    assert of(*PARTS)[0].alt == (
        "Stacked bars of 3 rows. The structure liver is in both masks in 34 of 40 cases; it was "
        "missed in 2 of them, invented in 1, and neither mask holds it in 3. It is missed most "
        "often in the stratum liver, sex=F, in 2 of 20 cases."
    )


def test_without_a_ledger_there_is_nothing() -> None:
    assert blocks(Index(sample())) == []


def test_many_strata_are_cut_and_paper_counts_what_it_leaves_out() -> None:
    records = [entry(f"site=clinic {i:03d}", (i, 1, 1, 1)) for i in range(200)]
    found = of(*records)
    assert [f.screen_only for f in found] == [False, False, True, True, True, True]
    drawn = [sum(not r.head for r in f.data.rows) for f in found]
    assert sum(drawn) == 200
    assert max(drawn) <= 34
    assert (
        found[1].print_note
        == f"{200 - sum(drawn[:2])} further strata are in the attached audit.json."
    )
    assert found[0].caption.endswith("(part 1 of 6)")


@pytest.mark.parametrize("name", NAMES)
def test_strange_names_are_cut_and_escaped(name: str) -> None:
    drawn = svg(of(entry("overall", (1, 2, 3, 4), name), entry(f"site={name}", (1, 2, 3, 4)))[0])
    assert "L" * 60 not in drawn
    assert "<b onload" not in drawn
