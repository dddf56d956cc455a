import gzip
import re

import pytest

from audit.measures import MEASURES
from audit.result import AuditResult
from reports import words
from reports.blocks import Table
from reports.format import DASH, MINUS, anchor, fixed, interval, p_value, shorten, signed
from reports.html import VEGA
from reports.svg import flattened, stable_ids
from reports.templating import ASSETS, script_json
from reports.view import build_view
from tests.reports.sample import papers, papers_of, sample, sample_dict


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (0.12345, 3, "0.123"),
        (-0.0001, 3, "0.000"),
        (-1.5, 2, f"{MINUS}1.50"),
        (2.5e7, 2, "2.5e+07"),
    ],
)
def test_fixed(value: float, places: int, text: str) -> None:
    assert fixed(value, places) == text


def test_signs_intervals_and_p() -> None:
    assert [signed(v, 2) for v in (0.5, -0.5, 0.001)] == ["+0.50", f"{MINUS}0.50", "0.00"]
    assert interval(-0.1, 0.2, 2, sign=True) == f"[{MINUS}0.10, +0.20]"
    assert interval(None, 0.2, 2) == ""
    assert [p_value(p) for p in (None, 0.0004, 0.25)] == [DASH, "< 0.001", "0.250"]


def test_long_names_keep_both_ends() -> None:
    short = shorten("a" * 60 + "b" * 60, 30)
    assert len(short) == 30
    assert short.startswith("aaa")
    assert short.endswith("bbb")


def test_anchor_has_no_space() -> None:
    assert anchor("auroc/race=Black & sex=F") == "auroc/race=Black%20&%20sex=F"


def test_json_cannot_leave_its_script_element() -> None:
    text = str(script_json({"a": "</script><!--\u2028&"}))
    assert not set("<>&\u2028") & set(text)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("wilson", "Wilson"),
        ("newcombe", "Newcombe"),
        ("delong_logit", "DeLong"),
        ("obuchowski_logit", "Obuchowski"),
        ("cluster_robust_log", "summed by patient"),
        ("percentile_bootstrap_poisson", "Poisson"),
        ("max_t_pairs_multinomial", "Simultaneous pairs"),
        ("null_reference", "redrawn"),
        ("reml_hartung_knapp", "Hartung-Knapp"),
        ("something_new", "Named by the audit"),
    ],
)
def test_every_interval_method_is_explained(method: str, expected: str) -> None:
    assert expected in words.method(method)


def test_undefined_is_never_a_number() -> None:
    tables = [b for s in build_view(papers()).sections for b in s.blocks if isinstance(b, Table)]
    cells = [c for t in tables for g in t.groups for r in g.rows for c in r.cells]
    refused = [c for c in cells if c.kind == "status"]
    assert refused
    assert not any(re.search(r"\d", c.text) for c in refused)


def test_every_measure_used_is_in_the_methods() -> None:
    view = build_view(papers())
    table = next(b for s in view.sections for b in s.blocks if isinstance(b, Table)
                 and b.id == "measures")  # fmt: skip
    named = {r.cells[0].text for g in table.groups for r in g.rows}
    assert named == {MEASURES[e.measure].name for e in sample().estimates}


def test_widths_add_up() -> None:
    for section in build_view(papers()).sections:
        for block in section.blocks:
            if isinstance(block, Table):
                assert sum(block.widths) == pytest.approx(100, abs=0.1)


def test_summary_counts_the_verdicts_and_claims_no_more() -> None:
    summary = build_view(papers()).summary
    assert "1 met, 1 violated, 1 inconclusive" in " ".join(summary.sentences)
    told = [word for status, (_, word) in words.VERDICT.items() if status != "error"]
    assert [v.word for v in summary.verdicts] == told
    assert "not a pass" in summary.legend


def test_alternative_texts_come_from_the_numbers() -> None:
    alt = {f.id: f.alt for f in build_view(papers()).figures}
    assert "lowest in the subgroup race=Black at 0.276" in alt["forest-0"]
    assert all(len(text) > 40 for text in alt.values())


def test_an_empty_audit_has_a_view() -> None:
    data = sample_dict() | {"estimates": [], "disparities": [], "verdicts": [], "warnings": []}
    data |= {"sites": None, "curves": {"calibration": [], "decision": [], "risk": []}}
    view = build_view(papers_of(AuditResult.model_validate(data)))
    assert "Cohort" in [section.title for section in view.sections]


def test_generated_ids_are_numbered_again() -> None:
    assert stable_ids('<a clip="url(#clip17)" id="clip17"/><b id="clip9"/>') == (
        '<a clip="url(#clip0)" id="clip0"/><b id="clip1"/>'
    )


def test_groups_without_a_look_are_dropped() -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg"><g class="a" role="b"><g transform="scale(2)">'
        '<g aria-label="c"><path d="M0,0"/></g></g></g></svg>'
    )
    assert flattened(svg).count("<g") == 1


def test_the_vega_bundle_is_that_of_the_installed_version() -> None:
    import vl_convert

    text = gzip.decompress((ASSETS / VEGA).read_bytes()).decode()
    readme = (ASSETS / "README.md").read_text()
    assert f"Vega {vl_convert.get_vega_version()}" in readme
    assert f"Vega-Lite {vl_convert.get_vegalite_versions()[-1]}" in readme
    assert "window.vegaEmbed=" in text
    assert "</script" not in text
