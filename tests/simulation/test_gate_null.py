"""The gate where there is nothing to find, and where there is: whole audits of drawn cohorts.

An attribute that is drawn anew and means nothing must not stop a build more often than the level of
the intervals allows, however small the margin. A gap that is real and beyond the margin must.
"""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import binom

from audit.plan import Plan
from audit.run import audit
from tests.audit.builders import plan_of
from tests.simulation.cohorts import Population, cohort, drawn

pytestmark = pytest.mark.simulation

RUNS, PATIENTS, REAL_RUNS = 1000, 300, 50
ALPHA = 0.05
PLAN = """
columns: {label: y, score: p, patient: pid}
threshold: {value: 0.4}
resamples: 100
permutations: 0
attributes: {arm: {reference: a00000}, sex: {reference: s00000}}
measures: [auroc, flag_rate, sensitivity]
requirements:
  - {id: gap-sex, measure: sensitivity, contrast: gap, attribute: sex, margin: 0.01}
  - {id: gap-arm, measure: sensitivity, contrast: gap, attribute: arm, margin: 0.01}
  - {id: difference-sex, measure: sensitivity, contrast: difference, attribute: sex, margin: 0.01}
  - {id: flag-rate-sex, measure: flag_rate, contrast: difference, attribute: sex, margin: 0.01}
  - {id: auroc-sex, measure: auroc, contrast: difference, attribute: sex, margin: 0.01}
  - {id: ratio-sex, measure: flag_rate, contrast: ratio, attribute: sex, margin: 0.99}
"""


def judged(rng: np.random.Generator, plan: Plan, weaker: float) -> dict[str, str]:
    """Verdicts on a fresh cohort; disease of one sex gives signs weaker by so much."""
    population = Population()
    sex, arm = rng.integers(0, 2, PATIENTS), rng.integers(0, 4, PATIENTS)
    effect = population.effect - weaker * sex
    label, latent = drawn(rng, PATIENTS, population, images=2, label_icc=1.0, effect=effect)
    made = cohort(rng, label, population.reported(latent), {"arm": arm, "sex": sex})
    return {v.requirement: v.status for v in audit(made, plan).verdicts}


def counts(runs: int, seed: int, weaker: float = 0.0) -> dict[str, Counter[str]]:
    rng, plan = np.random.default_rng(seed), plan_of(PLAN)
    found = {requirement.id: Counter[str]() for requirement in plan.requirements}
    for _ in range(runs):
        for id, status in judged(rng, plan, weaker).items():
            found[id][status] += 1
    return found


def test_nothing_is_found_more_often_than_the_level_allows() -> None:
    """Twelve in ten thousand runs of this test would fail by chance if each rate were just 5 %."""
    found = counts(RUNS, 91)
    most = int(binom.ppf(1 - 0.0002, RUNS, ALPHA))
    print(f"violated at most {most} of {RUNS}: { {k: v['violated'] for k, v in found.items()} }")
    for id, statuses in found.items():
        assert statuses["violated"] <= most, id
        assert statuses["met"] == 0, id  # so narrow a margin is never shown to hold
        assert sum(statuses.values()) == RUNS


def test_a_real_gap_is_found() -> None:
    found = counts(REAL_RUNS, 92, weaker=1.2)
    print({k: dict(v) for k, v in found.items()})
    for id in ("gap-sex", "difference-sex"):
        assert found[id]["violated"] >= 0.95 * REAL_RUNS, id
    assert found["gap-arm"]["violated"] <= binom.ppf(0.9998, REAL_RUNS, ALPHA)
