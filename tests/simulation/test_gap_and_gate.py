"""Simulated coverage of differences and gaps, through the whole audit of each drawn cohort.

Sensitivity differs by 0.10 between zones and by 0.05 between sexes; the ten arms are drawn at
random and differ in nothing. Where a patient has three rows, these have an intra-class correlation
of 0.3. Coverage over 500 cohorts has a Monte Carlo standard error of 1 point.
"""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from audit.cohort import Cohort
from audit.dimensions import Dimension
from audit.plan import Plan
from audit.result import AuditResult, Disparity
from audit.run import audit
from audit.stats.bootstrap import percentile
from audit.stats.proportions import newcombe_difference
from audit.stats.weights import poisson_weights
from tests.audit.builders import plan_of

pytestmark = pytest.mark.simulation

COHORTS, PATIENTS, ICC, ARMS = 500, 400, 0.3, 10
FPR, BASE, ZONE, SEX = 0.2, 0.7, 0.1, 0.05
PREVALENCE = 0.5
PLAN = """
columns: {label: y, score: p, patient: pid}
score_kind: rank
threshold: {value: 0.5}
resamples: 320
attributes: {arm: , sex: {reference: M}, zone: }
"""
# sensitivity by sex is the mean over three zones, by zone the mean over both sexes
TRUE_GAP = {"sensitivity": ZONE, "fpr": 0.0, "flag_rate": PREVALENCE * ZONE, "auroc": ZONE / 2}
TRUE_DIFFERENCE = {
    "sensitivity": SEX,
    "fpr": 0.0,
    "flag_rate": PREVALENCE * SEX,
    "auroc": SEX / 2,  # (sensitivity + specificity) / 2: scores say no more than the flag
}
Ints = NDArray[np.int64]


def dimension(name: str, codes: Ints, reference: str | None) -> Dimension:
    levels = tuple(sorted(f"{name}{i}" for i in range(int(codes.max()) + 1)))
    if name == "sex":
        levels = ("F", "M")
    return Dimension(
        name, name, "attribute", None, levels, codes.astype(np.int32), reference or levels[0],
        "declared", 0,
    )  # fmt: skip


def drawn(rows: int, rng: np.random.Generator) -> Cohort:
    """Draw a cohort of patients with so many rows each; disease is of the patient."""
    patients = PATIENTS * (1 if rows == 3 else 2)
    sex, zone = rng.integers(0, 2, patients), rng.integers(0, 3, patients)
    arm = rng.integers(0, ARMS, patients)
    sick = (rng.random(patients) < PREVALENCE).astype(np.int64)
    rate = np.where(sick == 1, BASE + ZONE * (zone == 0) + SEX * (sex == 0), FPR)
    total = (1 - ICC) / ICC
    own = rng.beta(rate * total, (1 - rate) * total) if rows > 1 else rate
    flagged = (rng.random((patients, rows)) < own[:, None]).ravel()
    score = np.where(flagged, 0.5, 0.0) + 0.5 * rng.random(flagged.size) * 0.999
    # keys as of hashed ids; patients stand in the order of their keys
    key = np.sort(rng.integers(0, 2**64, patients, dtype=np.uint64))
    cluster = np.repeat(np.arange(patients), rows)
    return Cohort(
        label=sick[cluster].astype(np.int8),
        score=score,
        flagged=flagged.astype(np.int8),
        probability=np.full(score.size, np.nan),
        key=key[cluster],
        cluster=cluster,
        patients_declared=True,
        dimensions=(
            dimension("arm", arm[cluster], None),
            dimension("sex", sex[cluster], "M"),
            dimension("zone", zone[cluster], None),
        ),
        files=(),
        positive="1",
        warnings=(),
        missing_label=0,
        missing_score=0,
        patients_at_several_sites=0,
        largest_patient=rows,
        covariates=(),
    )


@dataclass
class Tally:
    """Shares over the drawn cohorts, by measure."""

    difference: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    rejected: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    gap: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    no_gap: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    by_chance: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    methods: set[str] = field(default_factory=set)

    def add(self, result: AuditResult) -> None:
        for d in result.disparities:
            if d.measure not in TRUE_GAP or d.p is None:  # none only for ratios to nearly 0
                continue
            if d.contrast == "difference" and d.attribute == "sex":
                self.difference[d.measure].append(covers(d, TRUE_DIFFERENCE[d.measure]))
                self.rejected[d.measure].append(d.p < 0.05)
                self.methods.add(d.method)
            elif d.contrast == "gap" and d.attribute == "zone":
                self.gap[d.measure].append(covers(d, TRUE_GAP[d.measure]))
            elif d.contrast == "gap" and d.attribute == "arm":
                self.no_gap[d.measure].append(covers(d, 0.0))
                self.by_chance[d.measure].append(d.p < 0.05)


def covers(d: Disparity, truth: float) -> bool:
    assert d.lower is not None
    assert d.upper is not None
    return d.lower <= truth + 1e-12 and truth <= d.upper + 1e-12


def shares(found: dict[str, list[bool]]) -> dict[str, float]:
    assert set(found) == set(TRUE_GAP)
    assert {len(v) for v in found.values()} == {COHORTS}
    return {measure: round(float(np.mean(v)), 4) for measure, v in found.items()}


def simulated(rows: int, seed: int) -> Tally:
    plan: Plan = plan_of(PLAN)
    rng = np.random.default_rng(seed)
    tally = Tally()
    for _ in range(COHORTS):
        tally.add(audit(drawn(rows, rng), plan))
    return tally


@pytest.fixture(scope="module")
def clustered() -> Tally:
    return simulated(3, 81)


@pytest.fixture(scope="module")
def independent() -> Tally:
    return simulated(1, 82)


def within(found: dict[str, float], low: float, high: float) -> None:
    assert all(low <= share <= high for share in found.values()), found


@pytest.mark.parametrize("patients", [200, 400])
@pytest.mark.parametrize("measure", ["sensitivity", "flag_rate"])
def test_differences_of_patients_with_three_rows(patients: int, measure: str) -> None:
    """The sweep's percentile interval by its own functions, for many cohorts of the same keys.

    That the audit gives these numbers is shown in tests/audit/test_disparity.py.
    """
    rng = np.random.default_rng(81)
    cohorts, group = 3000, np.arange(patients) % 2
    sick = (rng.random((cohorts, patients)) < PREVALENCE).astype(np.float64)
    rate = np.where(sick == 1, BASE + SEX * (group == 0), FPR)
    total = (1 - ICC) / ICC
    own = rng.beta(rate * total, (1 - rate) * total)
    flagged = rng.binomial(3, own).astype(np.float64)
    counts = np.stack([flagged * sick, 3 * sick] if measure == "sensitivity" else
                      [flagged, np.full_like(sick, 3)])  # fmt: skip
    weights = poisson_weights(rng.integers(0, 2**64, patients, dtype=np.uint64), 1, 2000)
    rates, naive = [], []
    for g in (0, 1):
        top, bottom = counts[:, :, group == g] @ weights[group == g]
        rates.append(top / bottom)
        # the wrong way: every row is resampled on its own
        events, n = counts[:, :, group == g].sum(-1)
        naive.append(events / n * (1 - events / n) / n)
    lower, upper = percentile(rates[0] - rates[1], 0.95)
    truth = SEX if measure == "sensitivity" else PREVALENCE * SEX
    share = float(np.mean((lower <= truth) & (truth <= upper)))
    top, bottom = counts[:, :, group == 0].sum(-1), counts[:, :, group == 1].sum(-1)
    moved = top[0] / top[1] - bottom[0] / bottom[1] - truth
    wrong = float(np.mean(np.abs(moved) < 1.96 * np.sqrt(naive[0] + naive[1])))
    print(f"{patients} patients x 3, difference in {measure}: {share:.4f}, by row {wrong:.4f}")
    assert 0.93 <= share <= 0.97
    assert wrong < 0.91


def test_differences_of_independent_rows(independent: Tally) -> None:
    found = shares(independent.difference)
    print(f"independent, difference by sex, Newcombe (AUROC: BCa bootstrap): {found}")
    assert independent.methods == {"newcombe", "bca_bootstrap_poisson"}
    within(found, 0.93, 0.97)


def test_p_of_a_difference_that_is_not_there(clustered: Tally, independent: Tally) -> None:
    for name, tally in (("clustered", clustered), ("independent", independent)):
        share = shares(tally.rejected)["fpr"]
        print(f"{name}, p < 0.05 for equal false positive rates: {share}")
        assert 0.03 <= share <= 0.07


def test_gap_that_is_there(clustered: Tally, independent: Tally) -> None:
    for name, tally in (("clustered", clustered), ("independent", independent)):
        found = shares(tally.gap)
        print(f"{name}, gap of three zones: {found}")
        within(found, 0.93, 1.0)


def test_no_gap_between_ten_arms(clustered: Tally, independent: Tally) -> None:
    for name, tally in (("clustered", clustered), ("independent", independent)):
        found, chance = shares(tally.no_gap), shares(tally.by_chance)
        print(f"{name}, no gap of ten arms: covered {found}, p < 0.05 {chance}")
        within(found, 0.93, 1.0)
        within(chance, 0.0, 0.07)


@pytest.mark.parametrize(("p1", "n1", "p2", "n2"), [
    (0.8, 60, 0.7, 150),
    (0.95, 80, 0.9, 400),
    (0.3, 25, 0.5, 40),
    (0.98, 100, 0.98, 60),
])  # fmt: skip
def test_newcombe_itself(p1: float, n1: int, p2: float, n2: int) -> None:
    rng = np.random.default_rng(83)
    x1, x2 = rng.binomial(n1, p1, 40_000), rng.binomial(n2, p2, 40_000)
    lower, upper = newcombe_difference(x1, n1, x2, n2, 0.95)
    share = float(np.mean((lower <= p1 - p2) & (p1 - p2 <= upper)))
    print(f"Newcombe {p1} of {n1}, {p2} of {n2}: {share:.4f}")
    assert 0.93 <= share <= 0.985  # conservative where both are near 1
