"""Shrunken values of intersections: by hand on the pooling scale, their limits and their use."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, logit

from audit.measures import MEASURES
from audit.result import AuditResult, Estimate
from audit.sections import Shrunk
from audit.stats.shrinkage import main_effects, shrink
from tests.audit.builders import Columns, audited, counted, estimate, joined, random_columns

TEXT = """
columns: {label: y, score: p}
threshold: {value: 0.4}
resamples: 100
permutations: 0
depth: 2
attributes: {race: , sex: }
"""
Cells = dict[tuple[str, str], tuple[int, int]]


def grid(cells: Cells) -> Columns:
    """Give (found, missed) among those with the condition for every (race, sex)."""
    parts = []
    for (race, sex), (yes, no) in cells.items():
        columns = counted(**{sex: (yes, no, 20, 60)})
        parts.append(columns | {"race": np.array([race] * columns["y"].size)})
    return joined(*parts)


def drawn(races: str, sexes: str, seed: int, n: tuple[int, int] = (12, 60)) -> Cells:
    rng = np.random.default_rng(seed)
    cells: Cells = {}
    for i, race in enumerate(races):
        for j, sex in enumerate(sexes):
            size = int(rng.integers(*n))
            rate = expit(0.4 + 0.5 * i - 0.4 * j + rng.normal(0, 0.4))
            yes = min(max(int(rng.binomial(size, rate)), 1), size - 1)
            cells[race, sex] = (yes, size - yes)
    return cells


def shrunk(result: AuditResult, measure: str, stratum: str) -> Shrunk:
    found = estimate(result, measure, stratum).shrunk
    assert found is not None
    return found


def on_logits(cells: Cells) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    yes, no = np.array(list(cells.values()), dtype=float).T
    p, n = yes / (yes + no), yes + no
    return logit(p), 1 / (p * (1 - p) * (n - 1))


def agree(result: AuditResult, cells: Cells, design: NDArray[np.float64] | None) -> None:
    fit = shrink(*on_logits(cells), design)
    for i, (race, sex) in enumerate(cells):
        found = shrunk(result, "sensitivity", f"race={race} & sex={sex}")
        assert found.value == pytest.approx(expit(fit.value[i]), abs=1e-9)
        assert found.lower == pytest.approx(expit(fit.lower[i]), abs=1e-9)
        assert found.upper == pytest.approx(expit(fit.upper[i]), abs=1e-9)
        assert found.weight == pytest.approx(fit.own_weight[i], abs=1e-9)


def test_towards_the_sum_of_the_attributes() -> None:
    cells = drawn("ABC", "FMX", 1)
    levels = np.array([[i, j] for i in range(3) for j in range(3)])
    agree(audited(TEXT, grid(cells)), cells, main_effects(levels))


def test_towards_the_common_mean_where_there_are_too_few_strata() -> None:
    cells = drawn("AB", "FM", 2)
    agree(audited(TEXT, grid(cells)), cells, None)


def test_additive_groups_are_drawn_to_what_their_attributes_say() -> None:
    """With no interaction at all nothing of a stratum's own is kept, and margins are kept."""
    sizes = {"A": 100, "B": 300, "C": 900}
    cells: Cells = {}
    for i, (race, size) in enumerate(sizes.items()):
        for j, sex in enumerate("FMX"):
            yes = round(size * float(expit(0.3 * i - 0.5 * j + 0.7)))
            cells[race, sex] = (yes, size - yes)
    result = audited(TEXT, grid(cells))
    for (race, sex), (yes, no) in cells.items():
        found = shrunk(result, "sensitivity", f"race={race} & sex={sex}")
        assert found.weight < 1e-6
        assert found.value == pytest.approx(yes / (yes + no), abs=0.01)


def test_more_data_keep_more_of_their_own() -> None:
    pairs = [(race, sex) for race in "ABCDE" for sex in "FM"]
    cells = {pair: ((24, 6), (12, 18))[i % 3 == 0] for i, pair in enumerate(pairs)}
    cells["A", "F"] = (400, 100)
    cells["E", "M"] = (9, 3)
    result = audited(TEXT, grid(cells))
    weight = {c: shrunk(result, "sensitivity", f"race={c[0]} & sex={c[1]}").weight for c in cells}
    assert weight["E", "M"] == min(weight.values())
    assert weight["A", "F"] == max(weight.values())
    assert 0 <= min(weight.values()) < max(weight.values()) <= 1


def test_values_lie_between_their_own_and_the_fitted_one() -> None:
    result = audited(TEXT.replace("{race: , sex: }", "{race: , sex: , site: }"),
                     random_columns(91, 1500))  # fmt: skip
    crossed = [e for e in result.estimates if e.shrunk is not None]
    assert {e.measure for e in crossed} >= {"sensitivity", "auroc", "oe_ratio", "brier", "citl"}
    for e in crossed:
        assert e.shrunk is not None
        assert e.shrunk.lower < e.shrunk.value < e.shrunk.upper
        low, high = MEASURES[e.measure].bounds
        assert low <= e.shrunk.lower
        assert e.shrunk.upper <= high
        if e.status == "ok" and e.shrunk.weight > 0.999:
            assert e.shrunk.value == pytest.approx(e.value, rel=1e-2)


def test_only_intersections_of_measures_that_belong_on_the_front() -> None:
    result = audited(TEXT, grid(drawn("ABC", "FM", 4)))
    for e in result.estimates:
        measure = MEASURES[e.measure]
        if " & " not in e.stratum or measure.appendix or measure.inference == "null":
            assert e.shrunk is None
    assert shrunk(result, "average_precision", "race=A & sex=F").weight >= 0


def test_a_stratum_below_the_minimum_borrows_what_its_size_says() -> None:
    """4 of 4 found: half a unit in both cells, and never a variance below that of its size."""
    cells = drawn("ABCD", "FM", 5, (40, 80)) | {("D", "M"): (4, 0)}
    result = audited(TEXT, grid(cells))
    small = estimate(result, "sensitivity", "race=D & sex=M")
    assert small.status == "insufficient"
    assert small.shrunk is not None
    yes, no = np.array(list(cells.values()), dtype=float).T
    n = yes + no
    effect, variance = np.empty(8), np.empty(8)
    effect[:7], variance[:7] = on_logits(dict(list(cells.items())[:7]))
    effect[7] = np.log(4.5 / 0.5)
    variance[7] = max(1 / 4.5 + 1 / 0.5, float(np.median(variance[:7] * n[:7])) / 4)
    levels = np.array([[i, j] for i in range(4) for j in range(2)])
    fit = shrink(effect, variance, main_effects(levels))
    assert small.shrunk.value == pytest.approx(expit(fit.value[7]))
    assert small.shrunk.weight == pytest.approx(fit.own_weight[7])
    assert small.shrunk.value < 0.99


def test_few_units_that_agree_do_not_pass_for_certainty() -> None:
    """Two patients of nearly the same Brier score would otherwise outweigh everyone."""
    columns = random_columns(92, 900, decimals=None)
    columns["race"] = np.where(np.arange(900) < 2, "Z", columns["race"])
    columns["sex"] = np.where(np.arange(900) < 2, "F", columns["sex"])
    columns["y"][:2], columns["p"][:2] = 0, [0.9, 0.9001]
    result = audited(TEXT, columns)
    found = estimate(result, "brier", "race=Z & sex=F")
    assert found.status == "insufficient"
    assert found.shrunk is not None
    others = [e.shrunk.weight for e in result.estimates
              if e.measure == "brier" and e.shrunk is not None and e.n is not None
              and e.n > 20]  # fmt: skip
    assert found.shrunk.weight <= min(others)
    assert found.value is not None
    assert found.shrunk.upper - found.shrunk.lower > 0.05


def test_nothing_is_borrowed_from_too_few() -> None:
    cells = drawn("AB", "FM", 6)
    del cells["A", "F"]
    result = audited(TEXT, grid(cells))
    assert all(e.shrunk is None for e in result.estimates)


def test_verdicts_do_not_see_shrunken_values() -> None:
    cells = drawn("ABC", "FM", 7)
    rule = "requirements: [{id: r, measure: sensitivity, floor: 0.5, strata: race & sex}]\n"
    result = audited(TEXT + rule, grid(cells))
    own = {e.id: e for e in result.estimates}
    (verdict,) = result.verdicts
    assert len(verdict.parts) == 6
    for part in verdict.parts:
        e: Estimate = own[part.id]
        assert e.shrunk is not None
        assert (part.value, part.lower, part.upper) == (e.value, e.lower, e.upper)
        assert part.lower != e.shrunk.lower
