"""The null of a gap against a slow permutation of the attribute over patients within site."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import fisher_exact, hypergeom
from sklearn.metrics import average_precision_score, roc_auc_score

from audit.cohort import Cohort
from audit.measures import MEASURES
from audit.permutation import affordable, blocks_of, permutations_of
from audit.result import AuditResult, Disparity
from audit.rows import analysed_rows
from tests.audit.builders import (
    Columns,
    audited,
    cohort_of,
    counted,
    disparity,
    estimate,
    joined,
    plan_of,
    random_columns,
)

Floats = NDArray[np.float64]
Statistic = Callable[[Floats, Floats], float]
T = 0.4
DRAWS = 2000
TEXT = f"""
columns: {{label: y, score: p, patient: pid, site: site}}
threshold: {{value: {T}}}
resamples: 100
permutations: {DRAWS}
attributes: {{race: }}
measures: [sensitivity, specificity, ppv, flag_rate, auroc, average_precision, brier, oe_ratio,
           net_benefit, mcc, partial_auroc]
"""


def correlation(y: Floats, p: Floats) -> float:
    return float(np.corrcoef(y, p >= T)[0, 1])


STATISTICS: dict[str, Statistic] = {
    "sensitivity": lambda y, p: float((p[y == 1] >= T).mean()),
    "specificity": lambda y, p: float((p[y == 0] < T).mean()),
    "ppv": lambda y, p: float(y[p >= T].mean()),
    "flag_rate": lambda y, p: float((p >= T).mean()),
    "auroc": lambda y, p: float(roc_auc_score(y, p)),
    "average_precision": lambda y, p: float(average_precision_score(y, p)),
    "brier": lambda y, p: float(((p - y) ** 2).mean()),
    "oe_ratio": lambda y, p: float(y.sum() / p.sum()),
    "net_benefit": lambda y, p: float(((p >= T) * (y - (1 - y) * T / (1 - T))).mean()),
    "mcc": correlation,
    "partial_auroc": lambda y, p: float(roc_auc_score(y, p, max_fpr=0.1)),
}


def uneven_columns() -> Columns:
    """Race goes with the site, patients with several rows, some with two races or two sites."""
    columns = random_columns(91, 420, patients=170)
    rng = np.random.default_rng(92)
    names = np.unique(columns["pid"])
    home = dict(zip(names, rng.choice(3, names.size), strict=True))
    place = np.array([home[k] for k in columns["pid"]])
    away = rng.random(420) < 0.05
    columns["site"] = np.array(["n1", "n2", "n3"])[np.where(away, (place + 1) % 3, place)]
    mostly = {k: rng.choice(3, p=[[0.7, 0.2, 0.1], [0.2, 0.6, 0.2], [0.4, 0.3, 0.3]][s])
              for k, s in home.items()}  # fmt: skip
    own = np.array([mostly[k] for k in columns["pid"]])
    other = rng.random(420) < 0.05
    columns["race"] = np.array(["A", "B", "C"])[np.where(other, (own + 1) % 3, own)]
    return columns


def slow_gaps(columns: Columns, statistic: Statistic, draws: int, seed: int) -> Floats:
    """Hand out the races again among a patient's rows at one site with one race, site by site."""
    rng = np.random.default_rng(seed)
    keys = list(zip(columns["site"], columns["pid"], columns["race"], strict=True))
    blocks = sorted(set(keys))
    of_row = np.array([blocks.index(k) for k in keys])
    site = np.array([b[0] for b in blocks])
    race = np.array([b[2] for b in blocks])
    y, p = columns["y"].astype(np.float64), columns["p"]
    out = np.empty(draws)
    for j in range(draws):
        given = race.copy()
        for s in np.unique(site):
            given[site == s] = rng.permutation(given[site == s])
        level = given[of_row]
        values = [statistic(y[level == r], p[level == r]) for r in "ABC"]
        out[j] = max(values) - min(values)
    return out


@pytest.fixture(scope="module")
def result() -> AuditResult:
    return audited(TEXT, uneven_columns())


@pytest.mark.parametrize("measure", STATISTICS)
def test_null_is_that_of_slow_permutation(result: AuditResult, measure: str) -> None:
    columns, statistic = uneven_columns(), STATISTICS[measure]
    gap = disparity(result, measure, "gap", "race")
    assert gap.status == "ok"
    assert gap.reason is None  # all three races are compared
    assert gap.null is not None
    # what was observed is the gap itself: there are fewer than 128 distinct scores
    assert gap.null.mean + gap.null.excess == pytest.approx(gap.value, abs=1e-9)
    draws = 600
    twin = slow_gaps(columns, statistic, draws, 93)
    twin = twin[~np.isnan(twin)]
    error = twin.std() * np.sqrt(1 / twin.size + 1 / DRAWS)
    assert abs(gap.null.mean - twin.mean()) < 4 * error
    share = float((twin <= gap.null.q95).mean())
    assert abs(share - 0.95) < 4 * np.sqrt(0.95 * 0.05 * (1 / twin.size + 1 / DRAWS)) + 1 / draws
    assert gap.value is not None
    above = float((twin >= gap.value - 1e-9).mean())
    assert abs(gap.null.p - above) < 4 * np.sqrt(max(above * (1 - above), 0.01) / draws) + 2e-3


def test_blocks_keep_patients_together_and_levels_at_their_sites() -> None:
    plan = plan_of(TEXT)
    cohort = cohort_of(plan, uneven_columns())
    rows, (race, site) = analysed_rows(cohort, plan), codes(cohort)
    blocks = blocks_of(rows, race, site)
    assert blocks.rows.size == rows.label.size
    for b in range(blocks.level.size):
        mine = rows.position[blocks.rows[blocks.first[b] : blocks.first[b + 1]]]
        for of in (cohort.cluster, race, site):
            assert np.unique(of[mine]).size == 1
        assert race[mine[0]] == blocks.level[b]
    permuted = permutations_of(blocks, 1, 0, 50)
    moved = 0
    for s in range(3):
        part = slice(int(blocks.site[s]), int(blocks.site[s + 1]))
        before = np.bincount(blocks.level[part], minlength=3)
        for draw in permuted:
            np.testing.assert_array_equal(np.bincount(draw[part], minlength=3), before)
            moved += int((draw[part] != blocks.level[part]).sum())
    assert moved > 50 * 30
    # a permutation is a pure function of its number
    np.testing.assert_array_equal(permutations_of(blocks, 1, 20, 30), permuted[20:])


def codes(cohort: Cohort) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    by_name = {d.name: d.codes for d in cohort.dimensions}
    return by_name["race"], by_name["site"]


def test_every_arrangement_is_as_likely() -> None:
    """Four blocks at one site, two levels: each of the six arrangements a sixth of the time."""
    plan = plan_of("columns: {label: y, score: p}\nattributes: {race: }\n")
    columns = {"y": np.array([0, 1, 0, 1]), "p": np.array([0.1, 0.2, 0.3, 0.4]),
               "race": np.array(list("AABB"))}  # fmt: skip
    cohort = cohort_of(plan, columns)
    blocks = blocks_of(analysed_rows(cohort, plan), cohort.dimensions[0].codes, None)
    drawn = permutations_of(blocks, 3, 0, 12_000)
    _, counts = np.unique(drawn, axis=0, return_counts=True)
    assert counts.size == 6
    assert np.abs(counts - 2000).max() < 5 * np.sqrt(12_000 * 5 / 36)


def test_p_is_that_of_fishers_exact_test() -> None:
    """Flag rates of two groups: the permuted table is hypergeometric."""
    columns = counted(F=(9, 3, 2, 10), M=(5, 8, 4, 22))
    text = f"""
    columns: {{label: y, score: p}}
    threshold: {{value: {T}}}
    resamples: 100
    permutations: 20000
    attributes: {{sex: }}
    measures: [flag_rate]
    """
    gap = disparity(audited(text, columns), "flag_rate", "gap", "sex")
    flagged = columns["p"] >= T
    table = [[int((flagged & (columns["sex"] == s)).sum()),
              int((~flagged & (columns["sex"] == s)).sum())] for s in "FM"]  # fmt: skip
    n, flags = 63, sum(row[0] for row in table)
    # two-sided by the size of the difference
    possible = np.arange(25)
    law = hypergeom(n, flags, 24)
    difference = np.abs(possible / 24 - (flags - possible) / 39)
    exact = float(law.pmf(possible)[difference >= (gap.value or 0) - 1e-12].sum())
    assert fisher_exact(table).pvalue == pytest.approx(exact, abs=0.02)
    assert gap.null is not None
    assert abs(gap.null.p - exact) < 5 * np.sqrt(exact * (1 - exact) / 20_000) + 1e-4


def confounded(site: bool) -> Disparity:
    """Flags differ by hospital alone; one race goes to the one, the other to the other."""
    parts = []
    for place, cells, races in (("n1", (40, 10, 60, 40), 0.85), ("n2", (10, 40, 10, 90), 0.15)):
        part = counted(X=cells)
        rng = np.random.default_rng(94)
        part["race"] = np.where(rng.random(part["y"].size) < races, "A", "B")
        part["site"] = np.array([place] * part["y"].size)
        parts.append(part)
    text = TEXT.replace(", patient: pid", "").replace(", site: site", ", site: site" * site)
    text = text.split("measures")[0] + "measures: [flag_rate]\n"
    return disparity(audited(text, joined(*parts)), "flag_rate", "gap", "race")


def test_a_gap_due_to_the_site_is_no_news_within_sites() -> None:
    within, over_all = confounded(True), confounded(False)
    assert within.value == over_all.value
    assert within.null is not None
    assert over_all.null is not None
    assert over_all.null.p < 0.01
    assert within.null.p > 0.05
    assert within.null.mean > 3 * over_all.null.mean


def test_gaps_grow_with_the_number_of_groups() -> None:
    """Levels that mean nothing: the more there are, the larger the gap and its null."""
    columns = random_columns(95, 1200)
    rng = np.random.default_rng(96)
    means = []
    for groups in (2, 5, 12):
        own = columns | {"race": rng.integers(0, groups, 1200)}
        text = TEXT.replace(", patient: pid, site: site", "")
        gap = disparity(audited(text, own), "sensitivity", "gap", "race")
        assert gap.null is not None
        assert gap.null.p > 0.01
        means.append(gap.null.mean)
    assert means[0] < 0.5 * means[1] < 0.5 * means[2]


def test_strata_that_are_not_compared_have_no_say() -> None:
    """A level with too few rows is permuted with the others but left out of the gap."""
    columns = counted(A=(60, 40, 50, 150), B=(55, 45, 60, 140), C=(2, 1, 1, 2))
    columns["race"] = columns.pop("sex")
    text = TEXT.replace(", patient: pid, site: site", "")
    gap = disparity(audited(text, columns), "sensitivity", "gap", "race")
    assert gap.reason == "left out for want of data: race=C"
    assert gap.null is not None
    assert gap.null.mean + gap.null.excess == pytest.approx(0.05)
    # without C the expected difference of two rates of 100 each
    assert gap.null.mean == pytest.approx(np.sqrt(2 / np.pi * 2 * 0.575 * 0.425 / 100), rel=0.1)


def test_no_permutations_no_null() -> None:
    result = audited(TEXT.replace(f"permutations: {DRAWS}", "permutations: 0"), uneven_columns())
    assert not [d for d in result.disparities if d.null is not None]


def test_only_single_attributes_are_permuted() -> None:
    text = TEXT.replace(f"permutations: {DRAWS}", "permutations: 20\ndepth: 2")
    result = audited(text, uneven_columns())
    with_null = {d.attribute for d in result.disparities if d.null is not None}
    assert with_null == {"race", "site"}


def test_every_gap_but_those_of_smooth_curves_has_a_null() -> None:
    text = TEXT.split("measures")[0].replace(f"permutations: {DRAWS}", "permutations: 20")
    result = audited(text, random_columns(97, 900, patients=500))
    for d in result.disparities:
        measure = MEASURES[d.measure]
        permutable = measure.compute is not None or measure.of_ladder is not None
        if measure.pairwise or d.contrast == "gap":
            assert (d.null is not None) == (d.status == "ok" and (permutable or measure.pairwise))
        else:
            assert d.null is None
    assert estimate(result, "auroc").status == "ok"


def test_large_cohorts_get_fewer_permutations() -> None:
    assert affordable(500, 10_000) == 500
    assert affordable(500, 10**9) < 500
    assert affordable(500, 10**9) >= 99
    assert affordable(20, 10**9) == 20
