"""Calibration through the whole audit, against R's rms::val.prob and the definitions behind it.

R 4.2.2, rms 6.5.0, pROC 1.18.0; k <- 1:400; u <- (k * 0.6180339887498949) %% 1;
v <- (k * 0.41421356237309515) %% 1; p <- .02 + .9 * u * u; y <- v < plogis(-0.4 + 0.6 * qlogis(p)).

val.prob stops its fit early (about 1e-6) and groups the scores for its C, so that the fits are
compared with glm at epsilon = 1e-15 and the AUROC with pROC as well.
"""

import numpy as np
import pytest
from scipy.special import expit, logit

from audit.result import AuditResult
from tests.audit.builders import audited, estimate

# val.prob(p, y, pl = FALSE)[...]
VAL_PROB = {
    "calibration_intercept": ("Intercept", -0.4204606812078055, 1e-5),
    "calibration_slope": ("Slope", 0.60758776933197622, 1e-5),
    "ici": ("Eavg", 0.073273431746371256, 1e-10),
    "e90": ("E90", 0.17820634427406842, 1e-10),
    "emax": ("Emax", 0.22489880308755505, 1e-10),
    "brier": ("Brier", 0.18015796360458522, 1e-12),
    "auroc": ("C (ROC)", 0.75075144154091522, 5e-5),
}
# coef(glm(y ~ qlogis(p), binomial)); coef(glm(y ~ offset(qlogis(p)), binomial)), which is the
# calibration-in-the-large of CalibrationCurves::val.prob.ci.2; sum(y) / sum(p); and, of
# r <- roc(y, p, direction = "<"), r$auc
DEFINITIONS = {
    "calibration_intercept": -0.42046068493065869,
    "calibration_slope": 0.6075877799323347,
    "citl": -0.24974666585029032,
    "oe_ratio": 0.88911131497902074,
    "auroc": 0.75073610599926388,
}


@pytest.fixture(scope="module")
def result() -> AuditResult:
    k = np.arange(1.0, 401.0)
    p = 0.02 + 0.9 * (k * 0.6180339887498949 % 1) ** 2
    y = (k * 0.41421356237309515 % 1 < expit(-0.4 + 0.6 * logit(p))).astype(np.int64)
    return audited("columns: {label: y, score: p}\nresamples: 100\n", {"y": y, "p": p})


@pytest.mark.parametrize("measure", VAL_PROB)
def test_val_prob(result: AuditResult, measure: str) -> None:
    name, expected, tolerance = VAL_PROB[measure]
    assert estimate(result, measure).value == pytest.approx(expected, rel=tolerance), name


@pytest.mark.parametrize("measure", DEFINITIONS)
def test_definitions(result: AuditResult, measure: str) -> None:
    assert estimate(result, measure).value == pytest.approx(DEFINITIONS[measure], rel=1e-9)


def test_the_two_intercepts_are_different_quantities(result: AuditResult) -> None:
    citl, joint = (estimate(result, m).value for m in ("citl", "calibration_intercept"))
    assert citl is not None
    assert joint is not None
    assert abs(citl - joint) > 0.1
