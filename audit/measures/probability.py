"""Measures of the predicted probabilities: error, calibration and clinical utility."""

import numpy as np

from audit.measures.declaration import Measure, divide, ratio_of
from audit.sums import Array, Sums

_VAN_CALSTER = (
    "Van Calster et al. 2016, J Clin Epidemiol 74:167, doi:10.1016/j.jclinepi.2015.12.005"
)
_COX = "Cox 1958, Biometrika 45:562, doi:10.1093/biomet/45.3-4.562"


def _net_benefit_numerator(sums: Sums) -> Array:
    value: Array = sums["tp"] - sums["fp"] * sums.odds
    return value


def _both_classes(sums: Sums, value: Array) -> Array:
    """A fit exists only where both outcomes occur."""
    both = (sums["positives"] > 0) & (sums["negatives"] > 0)
    kept: Array = np.where(both, value, np.nan)
    return kept


def _citl(sums: Sums) -> Array:
    return _both_classes(sums, sums.fit[..., 2] + divide(sums["score_c"], sums["info_cc"]))


def _step(sums: Sums) -> tuple[Array, Array]:
    """One Newton step of the joint fit, from the stratum's own fit to that of the resample."""
    a, b = sums["score_a"], sums["score_b"]
    aa, ab, bb = sums["info_aa"], sums["info_ab"], sums["info_bb"]
    determinant = aa * bb - ab * ab
    return divide(bb * a - ab * b, determinant), divide(aa * b - ab * a, determinant)


def _intercept(sums: Sums) -> Array:
    return _both_classes(sums, sums.fit[..., 0] + _step(sums)[0])


def _slope(sums: Sums) -> Array:
    return _both_classes(sums, sums.fit[..., 1] + _step(sums)[1])


def _not_from_sums(sums: Sums) -> Array:
    """The ECE needs the sums of its bins; the audit computes it with its null."""
    raise TypeError("the ECE is not a function of this record")


MEASURES = (
    Measure(
        id="brier",
        name="Brier score",
        family="probability",
        formula="mean of (p - y)^2",
        numerator_text="sum of squared differences between probability and outcome",
        denominator_text="units",
        direction="lower",
        target=None,
        bounds=(0.0, 1.0),
        inference="ratio",
        scale="logit",
        compute=ratio_of(lambda s: s["squared_error"], lambda s: s.n),
        undefined_when="there are no units",
        reading="Mean squared error of the probabilities; depends on the prevalence of the group.",
        reference="Brier 1950, Mon Weather Rev 78:1, "
        "doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
        numerator=lambda s: s["squared_error"],
        denominator=lambda s: s.n,
        needs_probability=True,
    ),
    Measure(
        id="oe_ratio",
        name="O:E ratio",
        family="calibration",
        formula="sum of y / sum of p",
        numerator_text="observed positives",
        denominator_text="expected positives (sum of the probabilities)",
        direction="target",
        target=1.0,
        bounds=(0.0, float("inf")),
        inference="ratio",
        scale="log",
        compute=ratio_of(lambda s: s["positives"], lambda s: s["predicted"]),
        undefined_when="the probabilities sum to zero",
        reading="Above 1 the model predicts too few events, below 1 too many.",
        reference=_VAN_CALSTER,
        numerator=lambda s: s["positives"],
        denominator=lambda s: s["predicted"],
        needs_probability=True,
    ),
    Measure(
        id="citl",
        name="Calibration-in-the-large",
        family="calibration",
        formula="a in logit P(y=1) = a + logit(p), slope fixed at 1",
        numerator_text="intercept of the offset model",
        denominator_text="units",
        direction="target",
        target=0.0,
        bounds=(float("-inf"), float("inf")),
        inference="fit",
        scale="identity",
        compute=_citl,
        undefined_when="all units have the same outcome",
        reading="Above 0 the predicted risks are too low on the whole, below 0 too high.",
        reference=_VAN_CALSTER,
        needs_probability=True,
    ),
    Measure(
        id="calibration_intercept",
        name="Calibration intercept",
        family="calibration",
        formula="a in logit P(y=1) = a + b logit(p), fitted jointly with the slope",
        numerator_text="intercept of the joint model",
        denominator_text="units",
        direction="target",
        target=0.0,
        bounds=(float("-inf"), float("inf")),
        inference="fit",
        scale="identity",
        compute=_intercept,
        undefined_when="one outcome only, one score only, or outcomes separated by the score",
        reading="Intercept beside the slope; not the same quantity as calibration-in-the-large.",
        reference=_COX,
        needs_probability=True,
    ),
    Measure(
        id="calibration_slope",
        name="Calibration slope",
        family="calibration",
        formula="b in logit P(y=1) = a + b logit(p)",
        numerator_text="slope of the joint model",
        denominator_text="units",
        direction="target",
        target=1.0,
        bounds=(float("-inf"), float("inf")),
        inference="fit",
        scale="identity",
        compute=_slope,
        undefined_when="one outcome only, one score only, or outcomes separated by the score",
        reading="Below 1 the predictions are too extreme (overfitting), above 1 too moderate.",
        reference=_COX,
        needs_probability=True,
    ),
    Measure(
        id="ece",
        name="Expected calibration error",
        family="calibration",
        formula="sum over 15 equal-width bins [l,u) of |sum of (p - y)| / n",
        numerator_text="sum over bins of the absolute difference of predicted and observed events",
        denominator_text="units",
        direction="lower",
        target=None,
        bounds=(0.0, 1.0),
        inference="null",
        scale="identity",
        compute=_not_from_sums,
        undefined_when="there are no units",
        reading="Read it against its null, what a perfectly calibrated model of this size scores.",
        reference="Naeini et al. 2015, AAAI; bias: Broecker 2012, doi:10.1007/s00382-011-1191-1",
        needs_probability=True,
    ),
    Measure(
        id="net_benefit",
        name="Net benefit",
        family="utility",
        formula="TP/n - FP/n * t/(1-t) at the declared threshold probability t",
        numerator_text="true positives less false positives weighted by the odds of the threshold",
        denominator_text="units",
        direction="higher",
        target=None,
        bounds=(float("-inf"), 1.0),
        inference="ratio",
        scale="identity",
        compute=ratio_of(_net_benefit_numerator, lambda s: s.n),
        undefined_when="there are no units",
        reading="True positives per unit, less false ones at the exchange rate of the threshold.",
        reference="Vickers & Elkin 2006, Med Decis Making 26:565, doi:10.1177/0272989X06295361",
        numerator=_net_benefit_numerator,
        denominator=lambda s: s.n,
        needs_threshold=True,
        needs_probability=True,
    ),
)
