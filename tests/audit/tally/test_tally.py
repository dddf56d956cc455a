"""Tallies: what they count, and that they add up in any grouping and order."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import logit

from audit.problems import InputError
from audit.tally import Tally, merge, tally_of
from audit.tally.bins import bins_for
from audit.tally.file import tally_text
from audit.tally.tally import FN, FP, PATTERNS, TN, TP, Stratum, pairs_of, summed
from tests.audit.builders import Columns, cohort_of, joined, plan_of, random_columns, take

PLAN = """
columns: {label: y, score: p, patient: pid, site: site}
threshold: {value: 0.4}
attributes: {race: , sex: }
depth: 2
"""


def tally(columns: Columns, text: str = PLAN, **options: Any) -> Tally:
    plan = plan_of(text)
    bins = bins_for(plan, **options) if options else None
    return tally_of(cohort_of(plan, columns), plan, bins)


def with_gaps(columns: Columns) -> Columns:
    """Some labels, scores and races missing, some scores exactly 0, 1 and on edges of bins."""
    rng = np.random.default_rng(5)
    size = columns["y"].size
    out = {name: list(values) for name, values in columns.items()}
    kept = [0.0, 1.0, 0.4, 1 / 15, 0.5, 1 / 4096]
    for i, (no_label, no_score, moved, no_race) in enumerate(rng.random((size, 4))):
        out["y"][i] = None if no_label < 0.05 else int(columns["y"][i])
        score = kept[i % 6] if moved > 0.8 else float(columns["p"][i])
        out["p"][i] = None if no_score < 0.05 else score
        out["race"][i] = None if no_race < 0.1 else str(columns["race"][i])
    return {name: np.array(values, dtype=object) for name, values in out.items()}


def members(columns: Columns, stratum: Stratum) -> list[int]:
    def level(name: str, i: int) -> str:
        value = columns[name][i]
        return "(missing)" if value is None else str(value)

    pairs = list(zip(stratum.attributes, stratum.levels, strict=True))
    return [i for i in range(len(columns["y"])) if all(level(name, i) == lv for name, lv in pairs)]


def test_against_counting_by_hand() -> None:
    columns = with_gaps(random_columns(3, 250, patients=90, decimals=None))
    found = tally(columns)
    bins = found.bins
    assert found.strata == tuple(sorted(found.strata))
    for g, stratum in enumerate(found.strata):
        rows = members(columns, stratum)
        assert found.rows[g] == len(rows)
        assert found.missing_label[g] == sum(columns["y"][i] is None for i in rows)
        assert found.missing_score[g] == sum(columns["p"][i] is None for i in rows)
        held = [i for i in rows if columns["y"][i] is not None and columns["p"][i] is not None]
        by_patient = check_patients(found, g, columns, held)
        assert found.totals.value[g] == pytest.approx(by_patient.sum(axis=0), rel=1e-13)
        for column, (i, j) in enumerate(pairs_of(8)):
            expected = (by_patient[:, i] * by_patient[:, j]).sum()
            assert found.products.value[g, column] == pytest.approx(expected, rel=1e-13)
        by_cell: dict[int, list[float]] = {}
        for i in held:
            p = float(columns["p"][i])
            b = int(np.searchsorted(bins.edges, p, side="right"))
            by_cell.setdefault((g * 2 + columns["y"][i]) * bins.count + b, []).append(p)
        for key in range(g * 2 * bins.count, (g + 1) * 2 * bins.count):
            check_cell(found, key, by_cell.get(key, []))


def check_patients(found: Tally, g: int, columns: Columns, held: list[int]) -> NDArray[np.float64]:
    """Check the patients by pattern; return every patient's own totals."""
    patterns = np.zeros(PATTERNS, np.int64)
    patients = sorted({columns["pid"][i] for i in held})
    totals = np.zeros((len(patients), 8))
    for place, patient in enumerate(patients):
        pattern = 0
        for i in (i for i in held if columns["pid"][i] == patient):
            y, p = columns["y"][i], float(columns["p"][i])
            flagged = p >= 0.4
            pattern |= (TP if flagged else FN) if y else (FP if flagged else TN)
            q = min(max(p, 1e-10), 1 - 1e-10)
            loss = -(np.log(q) if y else np.log1p(-q))
            own = (y, 1 - y, y * flagged, (1 - y) * flagged, (p - y) ** 2, p, p * y, loss)
            totals[place] += own
        patterns[pattern] += 1
    assert found.patterns[g].tolist() == patterns.tolist()
    assert summed("probability") == (
        "positives", "negatives", "tp", "fp",
        "squared_error", "predicted", "predicted_positive", "log_loss",
    )  # fmt: skip
    return totals


def check_cell(found: Tally, key: int, scores: list[float]) -> None:
    place = np.flatnonzero(found.cells.key == key)
    if not scores:
        assert place.size == 0
        return
    (at,) = place
    assert found.cells.count[at] == len(scores)
    x = logit(np.clip(scores, 1e-10, 1 - 1e-10))
    expected = [sum(scores), x.sum(), (x * x).sum()]
    assert found.cells.sums.value[at] == pytest.approx(expected, rel=1e-12, abs=1e-12)
    common = found.cells.score[at]
    assert (common == scores[0]) if len(set(scores)) == 1 else np.isnan(common)


def test_totals_of_the_cohort() -> None:
    columns = with_gaps(random_columns(3, 250, patients=90, decimals=None))
    found = tally(columns).cohort
    pid, site = columns["pid"], columns["site"]
    assert found.patients == len(set(pid))
    assert found.largest_patient == max(np.unique(pid.astype(str), return_counts=True)[1])
    visits = {p: {site[i] for i in range(250) if pid[i] == p} for p in set(pid)}
    assert found.patients_at_several_sites == sum(len(v) > 1 for v in visits.values())
    held = [
        float(p) for p, y in zip(columns["p"], columns["y"], strict=True)
        if p is not None and y is not None
    ]  # fmt: skip
    assert found.clipped == sum(p in (0.0, 1.0) for p in held)
    assert found.at_half == held.count(0.5)


def test_patients_in_several_strata_are_counted() -> None:
    columns = random_columns(4, 200, patients=60, decimals=None)
    found = tally(columns).several
    for name in ("race", "sex", "site"):
        groups = {p: set() for p in columns["pid"]}  # type: ignore[var-annotated]
        for patient, level in zip(columns["pid"], columns[name], strict=True):
            groups[patient].add(level)
        assert found[(name,)] == sum(len(g) > 1 for g in groups.values())
    assert found[()] == 0


COHORT = with_gaps(random_columns(8, 160, patients=60, decimals=None))
WHOLE = tally_text(tally(COHORT))


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(0, 4), min_size=60, max_size=60), st.randoms(use_true_random=False))
def test_five_shards_in_any_grouping_are_the_whole_to_the_byte(
    shard_of: list[int], random: Any
) -> None:
    shard = np.array([shard_of[int(str(p)[1:])] for p in COHORT["pid"]])
    parts = [tally(take(COHORT, shard == k)) for k in range(5) if (shard == k).any()]
    random.shuffle(parts)
    assert tally_text(merge(*parts)) == WHOLE
    while len(parts) > 1:  # a random tree of merges
        i, j = sorted(random.sample(range(len(parts)), 2))
        second, first = parts.pop(j), parts.pop(i)
        parts.insert(random.randrange(len(parts) + 1), merge(first, second))
    assert tally_text(parts[0]) == WHOLE


def test_strata_that_one_part_lacks_are_united() -> None:
    columns = random_columns(9, 120, patients=120, decimals=None)
    women, men = (take(columns, columns["sex"] == s) for s in "FM")
    merged = merge(tally(women), tally(men))
    assert {"sex=F", "sex=M"} <= {s.name for s in merged.strata}
    both = tally(joined(women, men))
    # A patient of both parts counts as two; everything that does not count patients is the same.
    assert merged.strata == both.strata
    assert merged.totals.integers() == both.totals.integers()
    assert np.array_equal(merged.cells.count, both.cells.count)
    assert merged.cohort.patients >= both.cohort.patients


def test_merging_one_changes_nothing_and_none_is_an_error() -> None:
    one = tally(random_columns(1, 50, patients=20))
    assert tally_text(merge(one)) == tally_text(one)
    with pytest.raises(ValueError, match="no tally"):
        merge()


def test_tallies_that_do_not_belong_together_are_refused_with_one_problem() -> None:
    columns = random_columns(1, 80, patients=30)
    other = PLAN.replace("0.4", "0.41")
    with pytest.raises(InputError) as raised:
        merge(tally(columns), tally(columns, other), tally(columns, uniform=64))
    (problem,) = raised.value.problems
    assert problem.code == "tallies_differ"
    assert "different plans and score bins" in str(problem)


def test_labels_of_sites_may_be_written_differently() -> None:
    columns = random_columns(1, 60, patients=60)
    truth = {**columns, "y": columns["y"] == 1}
    assert tally_text(tally(columns)) == tally_text(tally(truth))


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("columns: {label: y, score: p}\nscore_kind: rank", {}, "no natural bins"),
        ("columns: {label: y, score: p}", {"uniform": 1}, "1 bins"),
        ("columns: {label: y, score: p}", {"edges": [float("nan")]}, "finite"),
        ("columns: {label: y, score: p}\ntask: regression", {}, "binary"),
    ],
)
def test_bins_that_cannot_be(text: str, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        bins_for(plan_of(text), **options)


def test_edges_where_measures_need_them() -> None:
    bins = bins_for(plan_of("columns: {label: y, score: p}\nthreshold: {value: 0.123}"))
    for edge in (0.123, 1 / 15, 14 / 15, 1 / 4096, 0.01, 0.99, 0.05, 1.0, 2.0**-34):
        assert edge in bins.edges
        at, below = bins.of(np.array([edge, np.nextafter(edge, 0)]))
        assert at == below + 1
    assert bins_for(plan_of("columns: {label: y, prediction: p}")).count == 2
    rank = plan_of("columns: {label: y, score: p}\nscore_kind: rank\nthreshold: {value: 7}")
    assert bins_for(rank, edges=[5, 9]).edges.tolist() == [5, 7, 9]
