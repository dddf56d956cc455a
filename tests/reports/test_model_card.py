import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import pikepdf
import pytest

from audit.result import AuditResult
from checklists.answering import new_answer
from checklists.answers import AnswersFile
from checklists.assessment import assess
from checklists.profile import read_profile
from checklists.scope import standing
from checklists.staleness import Workplace
from reports.outline import outline
from reports.papers import Papers
from reports.parts import model_card
from reports.pdf import render_pdf
from tests.reports.answered import ANN, AT, PROFILE
from tests.reports.sample import LEVELS, large, papers, papers_of, sample, sample_dict
from tests.reports.validators import assert_conforms

ON = date(2027, 12, 2)
LONG = "Every sentence of this statement says a little more than the one before it did. " * 40


def with_answers(found: Papers, folder: Path, text: str) -> Papers:
    """Answer every item that the card could take a text from."""
    path = folder / "equipoise.yaml"
    path.write_text(PROFILE, encoding="utf-8")
    profile = read_profile(path)
    given = {}
    for name in outline("model-card").instruments:
        instrument = profile.catalogue.instruments[name]
        for item in instrument.items:
            stands = standing(item, instrument, profile.facts, ON)
            given[item.id] = new_answer(
                stands, response="met", by=ANN, at=AT, rationale=f"{item.id}: {text}"
            )
    workplace = Workplace(folder, profile, None)
    answers = AnswersFile(answers=given)
    names = outline("model-card").instruments
    return replace(found, assessment=assess(profile, answers, ON, workplace, names))


def pages(pdf: bytes) -> int:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return len(document.pages)


def renamed() -> AuditResult:
    """The sample with levels of 120 letters."""
    data = sample_dict()
    names = {old: (old + " ") * 30 for old in LEVELS["hospital"]}
    for record in (*data["estimates"], *data["cohort"]["strata"]):
        for old, new in names.items():
            record["stratum"] = record["stratum"].replace(f"hospital={old}", f"hospital={new}")
    for attribute in data["cohort"]["attributes"]:
        if attribute["name"] == "hospital":
            attribute["levels"] = [names[old] for old in LEVELS["hospital"]]
    data["sites"]["strata"] = [f"hospital={new}" for new in names.values()]
    return AuditResult.model_validate(data)


@pytest.mark.parametrize("make", [sample, large, renamed])
@pytest.mark.parametrize("text", ["", LONG])
def test_it_has_two_pages_whatever_is_put_into_it(make: object, text: str, tmp_path: Path) -> None:
    assert callable(make)
    found = papers_of(make())
    if text:
        found = with_answers(found, tmp_path, text)
    assert pages(render_pdf(found, "model-card")) == 2


def test_both_validators_accept_it(tmp_path: Path) -> None:
    found = with_answers(papers(), tmp_path, "Said.")
    assert_conforms(render_pdf(found, "model-card"), tmp_path)


def facts(found: Papers) -> dict[str, str]:
    parts = (model_card.release, model_card.use, model_card.risks, model_card.ingredients)
    blocks = [block for part in parts for block in part(found)]
    return {k: v for block in blocks if block.kind == "facts" for k, v in block.pairs}


def test_a_field_is_taken_from_an_answer_before_the_plan(tmp_path: Path) -> None:
    told = facts(with_answers(papers(), tmp_path, "Said by a person."))
    assert told["Intended use and workflow"] == "CHAI-UD.1: Said by a person."
    assert told["Known biases or ethical considerations"] == "CHAI-W.2: Said by a person."


def test_a_field_of_which_nothing_is_on_record_says_who_owes_it() -> None:
    told = facts(papers())
    product = sample().plan["product"]
    assert told["Intended use and workflow"] == product["intended_use"]
    assert told["How to use"] == "Not stated. Owed by the provider (manufacturer) (CHAI-UD.3)."
    assert told["Funding"] == "Not stated. Owed by the provider (manufacturer) (CHAI-TI.1)."


def test_a_text_is_cut_at_a_word_and_marked(tmp_path: Path) -> None:
    told = facts(with_answers(papers(), tmp_path, LONG))["How to use"]
    assert len(told) <= model_card.LETTERS
    assert told.endswith("…")
    assert f"CHAI-UD.3: {LONG}".startswith(told[:-1] + " ")


def test_figures_stand_with_interval_and_counts() -> None:
    (table,) = model_card.figures(papers())
    assert table.kind == "table"
    first = table.groups[0].rows[0]
    result = sample()
    overall = next(e for e in result.estimates if e.id == "sensitivity/overall")
    assert overall.value is not None
    assert first.cells[0].text == "All units"
    assert first.cells[2].text == f"{overall.value:.3f}"
    assert f"{overall.lower:.3f}" in first.cells[2].detail
    whole = next(c for c in result.cohort.strata if c.stratum == "overall")
    assert first.cells[1].text.split(" / ")[1] == str(whole.n_positive)


def test_a_subgroup_without_a_value_says_why_and_shows_no_zero() -> None:
    (table,) = model_card.figures(papers())
    assert table.kind == "table"
    by_status = {c.text for g in table.groups for r in g.rows for c in r.cells[2:]}
    assert "undefined" in by_status
    assert not any(text in ("0", "0.000") for text in by_status)
