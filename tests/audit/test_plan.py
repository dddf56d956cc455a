"""Plans: every problem with its line, all at once; what the hash depends on."""

from pathlib import Path
from textwrap import dedent

import pytest

from audit.plan_file import parse_plan, read_plan
from audit.problems import InputError, Problem
from tests.audit.builders import plan_of

GOOD = """
columns: {label: y, score: p}
"""


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        parse_plan(dedent(text), "plan.yaml")
    return caught.value.problems


def test_every_problem_with_its_line() -> None:
    found = problems(
        """\
        version: 1
        columns:
          label: y
          scroe: p
        threshold:
          value: high
          source: guessed
        attributes:
          age:
            band: [65, 40]
            refrence: young
          sex:
        depth: 9
        requirements:
          - id: one
            measure: auroc
          - id: two
            measure: auroc
            floor: 0.7
            flor: 0.7
          - {id: three, floor: 0.7}
        """
    )
    told = {(p.code, p.where): p for p in found}
    assert set(told) == {
        ("bad_value", "plan.yaml: line 6"),
        ("bad_value", "plan.yaml: line 7"),
        ("unknown_key", "plan.yaml: line 4"),
        ("bad_value", "plan.yaml: line 10"),
        ("unknown_key", "plan.yaml: line 11"),
        ("bad_value", "plan.yaml: line 13"),
        ("bad_value", "plan.yaml: line 15"),
        ("unknown_key", "plan.yaml: line 20"),
        ("missing_key", "plan.yaml: line 21"),
    }
    assert told["unknown_key", "plan.yaml: line 4"].remedy == "did you mean 'score'?"
    assert told["unknown_key", "plan.yaml: line 11"].remedy == "did you mean 'reference'?"
    assert told["unknown_key", "plan.yaml: line 20"].remedy == "did you mean 'floor'?"
    assert "'requirements.2.measure' is missing" in told["missing_key", "plan.yaml: line 21"].reason
    assert "band edges must increase" in told["bad_value", "plan.yaml: line 10"].reason
    assert len(found) == len(told)


def test_keys_written_twice() -> None:
    found = problems(
        """\
        columns:
          label: y
          score: p
          label: z
        seed: 3
        seed: 4
        sede: 5
        """
    )
    assert [(p.code, p.where) for p in found] == [
        ("repeated_key", "plan.yaml: line 4"),
        ("repeated_key", "plan.yaml: line 6"),
        ("unknown_key", "plan.yaml: line 7"),
    ]
    assert found[2].remedy == "did you mean 'seed'?"
    assert "'label' is written twice" in found[0].reason


def test_requirement_id_used_twice() -> None:
    found = problems(
        """\
        columns: {label: y, score: p}
        requirements:
          - {id: a, measure: auroc, floor: 0.5}
          - {id: a, measure: brier, ceiling: 0.5}
        """
    )
    assert len(found) == 1
    assert "requirement id 'a' is used twice" in found[0].reason
    assert found[0].where == "plan.yaml: line 2"


@pytest.mark.parametrize(("part", "told"), [
    ("{id: a, measure: m}", "give exactly one of floor, ceiling and within"),
    ("{id: a, measure: m, floor: 0.1, ceiling: 0.2}", "give exactly one of"),
    ("{id: a, measure: m, floor: 0.1, margin: 0.2}", "margin and attribute belong to a contrast"),
    ("{id: a, measure: m, within: [0.2, 0.1]}", "rising order"),
    ("{id: a, measure: m, contrast: gap, margin: 0.1}", "needs both attribute and margin"),
    ("{id: a, measure: m, contrast: gap, attribute: s}", "needs both attribute and margin"),
    ("{id: a, measure: m, contrast: ratio, attribute: s, margin: 1.2}", "below 1"),
    ("{id: a, measure: m, contrast: gap, attribute: s, margin: 0.1, floor: 0.2}", "not floor"),
    ("{id: a, measure: m, contrast: gap, attribute: s, margin: 0.1, strata: s}", "use attribute"),
    ("{id: a, measure: m, contrast: gap, attribute: s, margin: 0}", "greater than 0"),
    ("{id: a, measure: m, contrast: gap, attribute: s, margin: -0.1}", "greater than 0"),
    ("{id: a, measure: m, floor: .nan}", "finite"),
    ("{id: a, measure: m, floor: 0.1, level: 1}", "less than 1"),
    ("{id: a b, measure: m, floor: 0.1}", "pattern"),
])  # fmt: skip
def test_a_requirement_of_the_wrong_form(part: str, told: str) -> None:
    (found,) = problems(f"columns: {{label: y, score: p}}\nrequirements:\n  - {part}\n")
    assert told in found.reason
    assert found.where == "plan.yaml: line 3"


@pytest.mark.parametrize(("text", "told"), [
    ("columns: {label: y}", "exactly one of 'score' and 'prediction'"),
    ("columns: {label: y, score: p, prediction: q}", "exactly one of 'score' and 'prediction'"),
    ("columns: {score: p}", "'columns.label' is missing"),
    (GOOD + "level: 1.5", "less than 1"),
    (GOOD + "level: .inf", "finite"),
    (GOOD + "resamples: 10", "greater than or equal to 100"),
    (GOOD + "seed: -1", "greater than or equal to 0"),
    (GOOD + "version: 2", "1"),
    (GOOD + "as_of: yesterday", "as_of"),
    (GOOD + "as_of: '2024-99-99'", "as_of"),
    (GOOD + "score_kind: odds", "'probability', 'rank' or 'logit'"),
    (GOOD + "attributes: {a=b: }", "may not hold"),
    (GOOD + "attributes: {overall: }", "overall"),
])  # fmt: skip
def test_values_that_do_not_fit(text: str, told: str) -> None:
    (found,) = problems(text)
    assert told in str(found)


@pytest.mark.parametrize("text", [
    "", "[]", "just text", "3",
])  # fmt: skip
def test_not_a_plan(text: str) -> None:
    (found,) = problems(text)
    assert found.code == "not_a_plan"


@pytest.mark.parametrize("text", [
    "columns: {label: y, score: p}\nas_of: 2024-13-01\n",
    "columns: &a [*a]\n",
    "columns: {label: y\n",
    "a: b: c\n",
    "\x00",
    "columns: !!python/object:os.system x\n",
    "? [a]\n: b\n",
])  # fmt: skip
def test_text_that_cannot_be_read_is_a_problem_not_a_crash(text: str) -> None:
    (found,) = problems(text)
    assert found.code == "yaml"


def test_line_of_a_syntax_error() -> None:
    (found,) = problems("columns:\n  label: y\n  score: [p\nseed: 1\n")
    assert found.where == "plan.yaml: line 4"


def test_one_problem_for_one_value() -> None:
    """The positive value may be of several types; a wrong one is told once."""
    found = problems("columns: {label: y, score: p}\npositive: [1]\n")
    assert [p.where for p in found] == ["plan.yaml: line 2"]


def test_attribute_named_as_a_key() -> None:
    (found,) = problems(GOOD + "attributes: {band: {refernce: a}}\n")
    assert found.remedy == "did you mean 'reference'?"


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    with pytest.raises(InputError) as caught:
        read_plan(path)
    assert caught.value.problems[0].code == "missing_file"
    path.write_bytes("columns: {label: Größe, score: p}\n".encode("latin-1"))
    with pytest.raises(InputError) as caught:
        read_plan(path)
    (found,) = caught.value.problems
    assert (found.code, found.where) == ("encoding", f"{path}: byte 19")
    path.write_text("columns: {label: Größe, score: p}\n", encoding="utf-8")
    assert read_plan(path).columns.label == "Größe"


ONE = """
# a comment
version: 1
columns:
  label: y
  score: p
attributes:
  sex: {reference: F}
  age:
    band: [40, 65]
requirements:
  - {id: a, measure: auroc, floor: 0.7}
seed: 5
"""
SAME = """
seed: 5
requirements: [{floor: 0.7, measure: auroc, strata: [overall], id: a}]
attributes: {age: {band: [40, 65.0]}, sex: {reference: F}}  # another order
columns: {score: p, label: y}
level: 0.95
"""


def test_hash_is_of_the_meaning() -> None:
    one, other = plan_of(ONE), plan_of(SAME)
    assert one == other
    assert one.sha256() == other.sha256()
    assert len(one.sha256()) == 64


@pytest.mark.parametrize(("before", "after"), [
    ("floor: 0.7", "floor: 0.71"),
    ("id: a", "id: b"),
    ("seed: 5", "seed: 6"),
    ("[40, 65]", "[40, 66]"),
    ("reference: F", "reference: M"),
    ("label: y", "label: z"),
    ("version: 1", "level: 0.9"),
])  # fmt: skip
def test_hash_changes_with_the_meaning(before: str, after: str) -> None:
    assert before in ONE
    assert plan_of(ONE).sha256() != plan_of(ONE.replace(before, after)).sha256()


def test_order_of_requirements_is_part_of_the_plan() -> None:
    rules = ["{id: a, measure: auroc, floor: 0.7}", "{id: b, measure: brier, ceiling: 0.2}"]
    texts = [GOOD + f"requirements: [{', '.join(r)}]\n" for r in (rules, rules[::-1])]
    assert plan_of(texts[0]).sha256() != plan_of(texts[1]).sha256()


def test_dates() -> None:
    for text in ("2024-02-29", "'2024-02-29'"):
        assert plan_of(GOOD + f"as_of: {text}\n").as_of == "2024-02-29"
    problems(GOOD + "as_of: 2023-02-29\n")


def test_defaults_and_levels() -> None:
    plan = plan_of(GOOD)
    assert (plan.level, plan.resamples, plan.depth, plan.seed) == (0.95, 2000, 1, 1)
    assert (plan.minimum.denominator, plan.minimum.events) == (10, 5)
    text = ONE.replace("floor: 0.7}", "floor: 0.7, level: 0.9}") + "level: 0.95\n"
    assert plan_of(text).levels_needed == (0.95, 0.9)
    assert list(plan_of(ONE).dimensions) == ["age", "sex"]
    with_site = ONE.replace("score: p", "score: p\n  site: hospital")
    assert list(plan_of(with_site).dimensions) == ["age", "hospital", "sex"]
