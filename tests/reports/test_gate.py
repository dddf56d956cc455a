import json
import subprocess
import sys
from pathlib import Path

import pytest

from reports.format import MINUS
from reports.gate.columns import COLUMNS
from reports.gate.json_text import gate_json
from reports.gate.summary import summary_text
from reports.gate.text import gate_text
from reports.words import VERDICT
from tests.reports.gated import gated, judged_of
from tests.reports.sample import sample

HEAVY = ("vl_convert", "weasyprint", "jinja2", "pikepdf")


@pytest.mark.parametrize("status", [s for s in VERDICT if s != "error"])
def test_gate_names_each_verdict_with_symbol_and_word(status: str) -> None:
    symbol, word = VERDICT[status]
    assert f"{symbol} {word.upper()}" in gate_text(gated())


def test_gate_gives_interval_limit_reason_and_what_is_needed() -> None:
    text = gate_text(gated())
    assert f"value {MINUS}0.093 [{MINUS}0.192, +0.006] in sex=F; limit ±0.05" in text
    assert "the interval crosses the margin" in text
    words = " ".join(text.split())
    assert "only a value at least 0.110 away from the limit could be told from it" in words
    assert "About 3,120 units would decide the value seen." in words


def test_gate_json_has_the_numbers_unrounded() -> None:
    content = json.loads(gate_json(gated()))
    assert [v["status"] for v in content["verdicts"]] == [v.status for v in gated().result.verdicts]
    assert content["verdicts"][0]["value"] == sample().verdicts[0].value
    assert content["plan_sha256"] == sample().provenance.plan_sha256


def test_lines_fit_the_terminal() -> None:
    for text in (gate_text(gated()), summary_text(sample())):
        assert max(len(line) for line in text.splitlines()) <= COLUMNS


def test_summary_shows_levels_statuses_and_warnings() -> None:
    text = summary_text(sample())
    for expected in ("all units", "Black", "undefined", "not collected", "suppressed",
                     "(0 positive)", "3 warnings", "1 violated"):  # fmt: skip
        assert expected in text
    assert not any(word in text for word in ("None", "nan", "NaN"))


def test_without_requirements_it_says_so() -> None:
    bare = sample().model_copy(update={"verdicts": ()})
    text = gate_text(judged_of(bare))
    assert text.startswith("The plan sets no requirement: nothing was judged.\n")
    assert text.endswith("Exit code 3: nothing was judged.\n")


def test_importing_the_room_is_light() -> None:
    code = (
        "import sys, reports.gate.formats, reports.html, reports.pdf, reports.view, reports.pdfa\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
