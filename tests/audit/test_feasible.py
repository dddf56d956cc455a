"""Withheld counts are told by zeros around them, and by strata that hold the same people."""

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import audit.feasible
import audit.suppression
from audit.feasible import atoms_of
from audit.result import CohortSummary, StratumCount
from audit.stratum_names import stratum_name
from audit.suppression import withheld_strata

Table = NDArray[np.int64]
RING = ((0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 3), (3, 3), (3, 0))
FIVE = {"a": [f"a{i}" for i in range(5)], "b": [f"b{i}" for i in range(5)]}


def cohort(
    levels: Mapping[str, Sequence[str]],
    table: Table,
    depth: int,
    linked: tuple[tuple[str, ...], ...] = (),
) -> CohortSummary:
    """Count (tp, fn, fp, tn) of every stratum of a table over all levels."""
    names = sorted(levels)
    strata = []
    for size in range(depth + 1):
        for some in combinations(range(len(names)), size):
            for cell in product(*(range(len(levels[names[i]])) for i in some)):
                at: list[Any] = [slice(None)] * len(names)
                for i, level in zip(some, cell, strict=True):
                    at[i] = level
                tp, fn, fp, tn = table[tuple(at)].reshape(-1, 4).sum(axis=0).tolist()
                n = tp + fn + fp + tn
                if n or size < 2:
                    own = [names[i] for i in some]
                    text = [levels[a][v] for a, v in zip(own, cell, strict=True)]
                    counts: dict[str, Any] = {
                        "n": n,
                        "n_positive": tp + fn,
                        "n_negative": fp + tn,
                        "rows": n,
                        "patients": n,
                    }
                    counts |= {"tp": tp, "fn": fn, "fp": fp, "tn": tn}
                    strata.append(
                        StratumCount.model_validate(
                            {"stratum": stratum_name(own, text), "attributes": own,
                             "missing_label": 0, "missing_score": 0} | counts
                        )
                    )  # fmt: skip
    attributes = [
        {"name": n, "column": n, "role": "attribute", "edges": None, "levels": levels[n],
         "reference": None, "reference_chosen": "none", "missing": 0}
        for n in names
    ]  # fmt: skip
    blank: dict[str, Any] = dict.fromkeys(CohortSummary.model_fields)
    more: dict[str, Any] = {"patients_declared": False, "label": "y", "positive": "1", "score": "p"}
    more |= {"score_kind": "probability", "covariates": (), "task": "binary", "outputs": ()}
    more |= {"attributes": attributes, "strata": strata, "linked": linked}
    return CohortSummary.model_validate(blank | more)


def ring(*true_positives: int) -> Table:
    """Five by five groups of which eight, in a ring, have few false negatives."""
    table = np.full((5, 5, 4), 60)
    table[4, :, :] = table[:, 4, :] = 70
    for place, count in zip(RING, true_positives, strict=True):
        table[place] = (count, 7, 60, 60)
    return table


def names(*places: tuple[int, int]) -> set[str]:
    return {f"a=a{i} & b=b{j}" for i, j in places}


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        # Every row and column of the ring adds up to eleven or more, and the two zeros, which go
        # up and down together with all the others, leave no other solution.
        ((0, 12, 13, 0, 12, 3, 9, 14), True),
        # Three is between one and four, or two and three: known to be small.
        ((1, 12, 13, 2, 12, 3, 9, 14), True),
        ((0, 12, 13, 1, 12, 3, 9, 14), True),
        ((12, 12, 13, 12, 12, 3, 9, 14), False),
    ],
)
def test_zeros_in_a_ring_tell_the_others(
    counts: tuple[int, ...], told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = cohort(FIVE, ring(*counts), 2)
    hidden = withheld_strata(made, (), 11)
    assert names(*RING) <= hidden
    assert (hidden > names(*RING)) == told
    monkeypatch.setattr(audit.feasible, "MOST_ATOMS", 0)  # by the strata instead of the atoms
    assert withheld_strata(made, (), 11) == hidden
    monkeypatch.setattr(audit.suppression, "_told", lambda *_: [])
    assert withheld_strata(made, (), 11) == names(*RING)


def test_attributes_that_are_not_crossed_need_no_more() -> None:
    table = np.full((4, 4), 50)
    table[2] = (3, 40, 30, 0)
    assert withheld_strata(cohort({"a": list("pqrs")}, table, 1), (), 11) == {"a=r", "a=p"}


def nested(south: tuple[int, ...]) -> Table:
    """Regions (rows) and hospitals; `south` gives the true positives of the hospitals there."""
    table = np.zeros((2, 2 + len(south), 4), dtype=np.int64)
    table[0, :2] = [(60, 30, 50, 80), (50, 30, 40, 70)]
    for i, count in enumerate(south, start=2):
        table[1, i] = (count, 30, 60, 90)
    return table


REGIONS = {"hospital": ["h1", "h2", "h3", "h4"], "region": ["north", "south"]}
TOGETHER = (("hospital=h1", "hospital=h2", "region=north"),
            ("hospital=h3", "hospital=h4", "region=south"))  # fmt: skip


def test_a_region_tells_what_its_hospitals_add_up_to() -> None:
    table = np.moveaxis(nested((80, 3)), 0, 1)
    # Of all hospitals the smallest would do, and leaves that of the region to be subtracted.
    assert withheld_strata(cohort(REGIONS, table, 1), (), 11) == {"hospital=h2", "hospital=h4"}
    linked = cohort(REGIONS, table, 1, TOGETHER)
    assert withheld_strata(linked, (), 11) == {"hospital=h3", "hospital=h4"}


def test_strata_withheld_in_any_case_take_others_with_them() -> None:
    table = np.full((4, 4), 50)
    table[3] = 40
    made = cohort({"a": list("pqrs")}, table, 1)
    assert withheld_strata(made, (), 11) == frozenset()
    assert withheld_strata(made, (), 11, ["a=q", "b=none"]) == {"a=q", "a=s"}


def test_atoms_are_those_that_somebody_can_be_in() -> None:
    levels = {"a": ["x", "y"], "b": ["u", "v"]}
    parsed = [((), ()), (("a",), ("x",)), (("a",), ("y",)), (("b",), ("u",)), (("b",), ("v",))]
    whole = atoms_of(parsed, levels, {})
    assert whole is not None
    assert whole.toarray().sum(axis=1).tolist() == [4, 2, 2, 2, 2]
    apart = {("a", "b"): frozenset({("x", "u"), ("y", "v")})}
    some = atoms_of(parsed, levels, apart)
    assert some is not None
    assert some.toarray().sum(axis=1).tolist() == [2, 1, 1, 1, 1]
    crossed = [*parsed, (("a", "b"), ("x", "u")), (("a", "b"), ("y", "u"))]
    few = atoms_of(crossed, levels, {})
    assert few is not None
    assert few.toarray().sum(axis=1).tolist() == [2, 1, 1, 2, 0, 1, 1]
