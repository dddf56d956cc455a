"""The first page stays one page, however much the plan says of the product, and nothing is lost."""

import pytest

from reports.blocks import MOST, Cover
from reports.figures import forest
from reports.figures.plane import measured
from reports.parts.forest import ForestData, Panel

PANEL = Panel("AUROC", False, (0.0, 1.0), ())
SENTENCE = "Estimates the probability of disease in adults who are referred with chest pain. "


def cover(**facts: str) -> Cover:
    return Cover("Audit", "Score", "1", tuple(facts.items()))


def test_usual_texts_stand_in_full_and_in_usual_type() -> None:
    made = cover(use=SENTENCE * 3, model="Trees")
    assert not made.small
    assert made.shown == made.facts
    assert made.in_full == ()


@pytest.mark.parametrize("text", [SENTENCE * 60, "心" * 4000, "W" * 5000])
def test_what_is_cut_is_told_whole_after_the_first_page(text: str) -> None:
    made = cover(maker="Example Ltd", use=text, model="Trees")
    shown = dict(made.shown)
    assert made.small
    assert made.in_full == (("use", text),)
    assert shown["maker"] == "Example Ltd"
    assert shown["model"] == "Trees"
    begun, mark, _ = shown["use"].partition(" … (in full")
    assert mark
    assert text.startswith(begun)
    assert len(begun) > 400
    assert len(begun) * (2 if "心" in begun else 1) <= MOST


def test_several_long_texts_share_the_room() -> None:
    made = cover(use=SENTENCE * 60, model=SENTENCE * 50, cohort=SENTENCE * 40)
    assert [name for name, _ in made.in_full] == ["use", "model", "cohort"]
    assert sum(len(text) for _, text in made.shown) <= MOST


@pytest.mark.parametrize("letter", "MWAm")
def test_a_name_in_wide_letters_leaves_room_for_its_counts(letter: str) -> None:
    n = "17 472 / 13 468"
    label = {"y": 0, "text": letter * 30, "head": 0, "n": n}
    drawn = forest.spec(ForestData(1, (label,), (PANEL,)))["datasets"]["labels"][1]
    assert forest.INDENT + measured(drawn["text"]) + measured(n) < forest.LABELS
    assert drawn["text"].startswith(letter * 4)
