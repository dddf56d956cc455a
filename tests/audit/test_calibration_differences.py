"""Whether groups differ in calibration: the records, against a sandwich worked out by hand."""

from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import chi2

from audit.calibration_differences import calibration_interactions
from audit.glossary import ENTRIES
from audit.plan import Minimum
from audit.rows import analysed_rows
from audit.sections import CalibrationInteraction
from audit.strata import lattice
from tests.audit.builders import Columns, cohort_of, plan_of, random_columns, take

Arrays = np.ndarray[Any, np.dtype[np.float64]]
TEXT = "columns: {label: y, score: p, site: site}\nattributes: {race: , sex: }\ndepth: 2\n"
CLUSTERED = TEXT.replace("site: site", "site: site, patient: pid")


def records(
    text: str, columns: Columns, minimum: Minimum | None = None
) -> dict[str, CalibrationInteraction]:
    plan = plan_of(text)
    cohort = cohort_of(plan, columns)
    sets = lattice(cohort.dimensions, plan.depth, cohort.rows)
    found = calibration_interactions(analysed_rows(cohort, plan), sets, minimum)
    return {c.attribute: c for c in found}


def by_hand(columns: Columns, name: str, cluster: Arrays) -> tuple[float, float]:
    """Wald statistics from one model with all groups and a sandwich over clusters."""
    y, x = columns["y"].astype(float), logit(columns["p"])
    levels = np.unique(columns[name])
    design = np.column_stack(
        [part for v in levels for part in ((columns[name] == v) * 1.0, (columns[name] == v) * x)]
    )
    beta = np.zeros(design.shape[1])
    for _ in range(50):
        mean = expit(design @ beta)
        bread = np.linalg.inv((design.T * (mean * (1 - mean))) @ design)
        beta = beta + bread @ design.T @ (y - mean)
    scores = design * (y - expit(design @ beta))[:, None]
    owner = np.unique(cluster, return_inverse=True)[1]
    sums = np.zeros((owner.max() + 1, beta.size))
    np.add.at(sums, owner, scores)
    count = sums.shape[0]
    covariance = bread @ (sums.T @ sums) @ bread * count / (count - 1)
    rest = levels.size - 1
    differ = np.kron(np.column_stack([-np.ones(rest), np.eye(rest)]), np.eye(2))
    out = []
    for contrast in (differ[1::2], differ):
        d = contrast @ beta
        out.append(float(d @ np.linalg.solve(contrast @ covariance @ contrast.T, d)))
    return out[0], out[1]


@pytest.mark.parametrize("patients", [None, 250])
def test_against_one_model_of_all_groups(patients: int | None) -> None:
    columns = random_columns(11, 900, patients=patients)
    found = records(TEXT if patients is None else CLUSTERED, columns)
    assert list(found) == ["race", "sex", "site"]
    for name, test in found.items():
        cluster = np.arange(900.0) if patients is None else columns["pid"]
        slope, joint = by_hand(columns, name, cluster)
        rest = np.unique(columns[name]).size - 1
        assert test.id == f"calibration_interaction/{name}"
        assert test.status == "ok"
        assert test.left_out == ()
        assert test.levels == tuple(np.unique(columns[name]))
        assert (test.slope_df, test.joint_df) == (rest, 2 * rest)
        assert test.slope_chi2 == pytest.approx(slope, rel=1e-6)
        assert test.joint_chi2 == pytest.approx(joint, rel=1e-6)
        assert test.slope_p == pytest.approx(chi2.sf(slope, rest), rel=1e-5)
        assert test.joint_p == pytest.approx(chi2.sf(joint, 2 * rest), rel=1e-5)
    assert (found["sex"].method == "wald_cluster_robust") == (patients is not None)
    assert found["sex"].method in ENTRIES


def test_a_group_scored_too_low_is_found() -> None:
    columns = random_columns(12, 3000, decimals=None)
    before = records(TEXT, columns)["sex"].joint_p
    women = columns["sex"] == "F"
    columns["p"] = np.where(women, expit(logit(columns["p"]) - 1.0), columns["p"])
    after = records(TEXT, columns)["sex"]
    assert before is not None
    assert after.joint_p is not None
    assert after.joint_p < 1e-6 < before
    assert after.slope_p is not None  # a shift of log odds leaves the slope alone
    assert after.slope_p > 1e-3


def test_small_levels_are_named_not_tested() -> None:
    columns = random_columns(13, 600)
    columns["race"] = columns["race"].astype(object)
    columns["race"][columns["race"] == "C"] = "A"
    columns["race"][:4] = "C"
    columns["y"][:4] = [0, 0, 1, 1]
    with_few = records(TEXT, columns)["race"]
    assert with_few.levels == ("A", "B")
    assert with_few.left_out == ("C",)
    others = records(TEXT, take(columns, columns["race"] != "C"))["race"]
    assert with_few.joint_chi2 == pytest.approx(others.joint_chi2, rel=1e-9)
    strict = records(TEXT, columns, Minimum(events=10_000))["race"]
    assert strict.status == "insufficient"
    assert strict.levels == ()
    assert strict.joint_chi2 is strict.joint_p is strict.joint_df is None


def test_a_patient_repeated_counts_once() -> None:
    """Three copies of every row of every patient are no more evidence than one."""
    columns = random_columns(14, 500)
    columns["pid"] = np.arange(500).astype(str)
    one = records(CLUSTERED, columns)["sex"]
    thrice = records(CLUSTERED, {k: np.tile(v, 3) for k, v in columns.items()})["sex"]
    assert thrice.joint_chi2 == pytest.approx(one.joint_chi2, rel=1e-6)


def test_one_outcome_only_has_no_test() -> None:
    columns = random_columns(15, 300)
    columns["y"] = np.zeros(300, dtype=int)
    found = records(TEXT, columns)["sex"]
    assert found.status == "insufficient"
    assert found.reason is not None
    assert found.left_out == ("F", "M")


def test_no_test_for_a_score_that_is_no_probability() -> None:
    assert records(TEXT + "score_kind: rank\n", random_columns(16, 200)) == {}


def test_row_order_does_not_matter() -> None:
    columns = random_columns(17, 500, patients=120)
    order = np.random.default_rng(1).permutation(500)
    assert records(CLUSTERED, columns) == records(CLUSTERED, take(columns, order))
