"""Binned ranking measures against those of the rows: the bounds hold, and some rows reach them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audit.stats import ladder
from audit.stats.auc import auc_variance, placements
from audit.tally.bounds import (
    Ranked,
    delong_variance,
    pairs,
    partial_auroc_error,
    precision,
    ranked,
    sensitivity_error,
    specificity_error,
)

Rows = list[tuple[float, bool, int]]
SCORES = st.sampled_from([0.0, 0.25, 0.5, 0.5 - 1e-12, 0.5 + 1e-12, 0.75, 1.0]) | st.floats(0, 1)
ROWS = st.lists(st.tuples(SCORES, st.booleans(), st.integers(0, 1)), min_size=1, max_size=60)
BINS = st.sampled_from([1, 2, 4, 64])


def columns(rows: Rows) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    p, y, group = (np.array(column) for column in zip(*rows, strict=True))
    return p.astype(np.float64), y.astype(np.int64), group


def tallied(p: NDArray[Any], y: NDArray[Any], group: NDArray[Any], bins: int) -> Ranked:
    """What a tally with so many uniform bins knows of the order of the rows."""
    bin = np.searchsorted(np.arange(1, bins) / bins, p, side="right")
    cells: dict[tuple[int, int, int], list[float]] = {}
    for s, label, g, b in zip(p, y, group, bin, strict=True):
        cells.setdefault((int(g), int(b), int(label)), []).append(float(s))
    table = np.array(list(cells), np.int64)
    count = np.array([len(scores) for scores in cells.values()], np.float64)
    common = np.array([s[0] if len(set(s)) == 1 else np.nan for s in cells.values()])
    return ranked(table[:, 0], 2, table[:, 1], table[:, 2], count, common)


def exact(p: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Positives and negatives at each distinct score, ascending."""
    scores = np.unique(p)
    return tuple(  # type: ignore[return-value]
        np.array([((p == s) & (y == label)).sum() for s in scores], np.float64) for label in (1, 0)
    )


@settings(deadline=None, max_examples=200)
@given(ROWS, BINS)
def test_bounds_hold_for_any_rows(rows: Rows, bins: int) -> None:
    p, y, group = columns(rows)
    data = tallied(p, y, group, bins)
    won, tied = pairs(data)
    summed, off = precision(data)
    for g in (0, 1):
        mine = group == g
        positives, negatives = exact(p[mine], y[mine])
        m, n = positives.sum(), negatives.sum()
        if m:
            true = float(ladder.average_precision(positives, negatives)) * m
            assert abs(summed[g] - true) <= off[g] + 1e-9
        if not m or not n:
            continue
        assert abs(won[g] - float(ladder.auroc(positives, negatives)) * m * n) <= tied[g] + 1e-9
        own = data.group == g
        of = data.positives[own], data.negatives[own]
        unsure = data.unsure[own]
        for wanted in (0.05, 0.1, 0.5, 0.9, 1.0):
            if wanted < 1.0:
                true = float(ladder.partial_auroc(positives, negatives, wanted))
                found = float(ladder.partial_auroc(*of, wanted))
                assert abs(found - true) <= partial_auroc_error(*of, unsure, wanted) + 1e-12
            true = float(ladder.sensitivity_at_specificity(positives, negatives, wanted)[0])
            found = float(ladder.sensitivity_at_specificity(*of, wanted)[0])
            assert abs(found - true) <= sensitivity_error(*of, unsure, wanted) + 1e-12
            true = float(ladder.specificity_at_sensitivity(positives, negatives, wanted)[0])
            found = float(ladder.specificity_at_sensitivity(*of, wanted)[0])
            assert abs(found - true) <= specificity_error(*of, unsure, wanted) + 1e-12


@settings(deadline=None, max_examples=100)
@given(ROWS)
def test_nothing_is_lost_where_every_cell_has_one_score(rows: Rows) -> None:
    p, y, group = columns(rows)
    p = np.round(p, 1)
    data = tallied(p, y, group, 64)
    assert not data.unsure.any()
    placement = placements(p, y, group, 2)
    area, variance, positives, negatives = auc_variance(placement, y, group, np.arange(p.size), 2)
    both = (positives > 0) & (negatives > 0)
    m, n = data.total(data.positives), data.total(data.negatives)
    assert (pairs(data)[0] / np.maximum(m * n, 1))[both] == pytest.approx(area[both], abs=1e-12)
    assert not pairs(data)[1].any()
    assert not precision(data)[1].any()
    known = ~np.isnan(variance)
    assert delong_variance(data)[known] == pytest.approx(variance[known], abs=1e-12)


def test_a_bin_with_one_score_for_each_outcome_is_put_in_order() -> None:
    p, y = np.array([0.51, 0.51, 0.52, 0.52]), np.array([0, 0, 1, 1])
    data = tallied(p, y, np.zeros(4, np.int64), 4)
    assert pairs(data)[0][0] == 4
    assert not data.unsure.any()
    turned = tallied(p, 1 - y, np.zeros(4, np.int64), 4)
    assert pairs(turned)[0][0] == 0


def test_the_bound_of_the_auroc_is_reached() -> None:
    # Two scores in each outcome, so that nothing but the bin is known: all positives are above.
    p, y = np.array([0.51, 0.52, 0.53, 0.54]), np.array([0, 0, 1, 1])
    won, tied = pairs(tallied(p, y, np.zeros(4, np.int64), 4))
    assert (won[0], tied[0]) == (2.0, 2.0)  # of 4 pairs: 2 -+ 2, and the truth is 4


def test_the_bound_of_the_average_precision_is_reached_at_its_best() -> None:
    p, y = np.array([0.51, 0.52, 0.53, 0.54]), np.array([0, 0, 1, 1])
    summed, off = precision(tallied(p, y, np.zeros(4, np.int64), 4))
    assert summed[0] == pytest.approx(1.0)  # both at precision 2/4
    assert off[0] == pytest.approx(1.0)  # truth: both at precision 1


def test_jumps_bound_the_sensitivity_at_a_specificity() -> None:
    # One negative above the bin, three positives and a negative in it.
    positives, negatives = np.array([0.0, 3.0, 1.0]), np.array([8.0, 1.0, 1.0])
    unsure = np.array([False, True, False])
    assert sensitivity_error(positives, negatives, unsure, 0.9) == pytest.approx(3 / 4)
    assert sensitivity_error(positives, negatives, unsure, 0.8) == 0.0
    assert specificity_error(positives, negatives, unsure, 0.5) == pytest.approx(1 / 10)
