"""Variances of shares from counts, against the influence values that they stand for."""

import numpy as np
import pytest

from audit.figures import compute_figures
from audit.measures import MEASURES
from audit.rows import analysed_rows
from audit.stats.linear import ratio_influence, unit_variance
from audit.strata import lattice
from audit.sweep import resampling
from tests.audit.builders import cohort_of, plan_of

PLAN = plan_of(
    "{columns: {label: y, score: p}, threshold: {value: 0.4}, "
    "attributes: {group: {levels: [a, b, c, d, none]}}}"
)
# b has one positive, c one row, d no positive, and the last level no row.
GROUP = np.array(["a"] * 40 + ["b"] * 12 + ["c"] + ["d"] * 7)
RNG = np.random.default_rng(5)
LABEL = np.concatenate([RNG.integers(0, 2, 40), [1], np.zeros(11, int), [1], np.zeros(7, int)])
SCORE = RNG.random(60).round(2)
OF_ROW = {
    "sensitivity": (LABEL * (SCORE >= 0.4), LABEL),
    "specificity": ((1 - LABEL) * (SCORE < 0.4), 1 - LABEL),
    "ppv": (LABEL * (SCORE >= 0.4), SCORE >= 0.4),
    "flag_rate": (SCORE >= 0.4, np.ones(60)),
    "accuracy": ((SCORE >= 0.4) == LABEL, np.ones(60)),
}


@pytest.mark.parametrize("name", OF_ROW)
def test_variance_of_a_share(name: str) -> None:
    cohort = cohort_of(PLAN, {"y": LABEL, "p": SCORE, "group": GROUP})
    strata = next(s for s in lattice(cohort.dimensions, 1, cohort.rows) if s.attributes)
    found = compute_figures(
        analysed_rows(cohort, PLAN), strata, resampling(1, 0, cohort.clusters), [MEASURES[name]]
    )
    levels = [stratum.removeprefix("group=") for stratum in strata.strata]
    code = np.array([levels.index(of) for of in GROUP])
    top, bottom = (np.asarray(part, dtype=np.float64) for part in OF_ROW[name])
    with np.errstate(invalid="ignore"):
        influence = ratio_influence(top, bottom, code, len(levels))
    variance, units = unit_variance(influence, code, len(levels), bottom != 0)
    np.testing.assert_allclose(found.variance[name], variance, rtol=1e-12, atol=1e-18)
    np.testing.assert_array_equal(found.informants[name], units)
