"""Measures of calibration: how far the predicted probabilities agree with what happens."""

import numpy as np

from audit.measures.declaration import Direction, Measure, divide, ratio_of
from audit.sums import Array, Sums

_VAN_CALSTER = (
    "Van Calster et al. 2016, J Clin Epidemiol 74:167, doi:10.1016/j.jclinepi.2015.12.005"
)
_COX = "Cox 1958, Biometrika 45:562, doi:10.1093/biomet/45.3-4.562"


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


_AUSTIN = "Austin & Steyerberg 2019, Stat Med 38:4051, doi:10.1002/sim.8281"
_NULL = (
    "Read it against its null, what a perfectly calibrated model of this size scores; groups are "
    "never ranked by it."
)


def _flexible(id: str, name: str, what: str) -> Measure:
    return Measure(
        id=id,
        name=name,
        family="calibration",
        formula=f"{what} of |f(p) - p|, f the flexible calibration curve (lowess 2/3 without "
        "robustness up to 5,000 rows, else a restricted cubic spline with 5 knots)",
        numerator_text="absolute differences of flexibly calibrated and predicted probability",
        denominator_text="units",
        direction="lower",
        target=None,
        bounds=(0.0, 1.0),
        inference="basic",
        scale="identity",
        undefined_when="all units have the same outcome, or fewer than three scores",
        reading="How far the predicted risks are from the observed ones along the whole curve.",
        reference=_AUSTIN,
        needs_probability=True,
    )


def _null(id: str, name: str, formula: str, undefined_when: str, reference: str) -> Measure:
    return Measure(
        id=id,
        name=name,
        family="calibration",
        formula=formula,
        numerator_text="differences of predicted and observed events",
        denominator_text="units",
        direction="lower",
        target=None,
        bounds=(0.0, 1.0),
        inference="null",
        scale="identity",
        undefined_when=undefined_when,
        reading=_NULL,
        reference=reference,
        needs_probability=True,
    )


def _murphy(id: str, name: str, formula: str, direction: Direction, reading: str) -> Measure:
    return Measure(
        id=id,
        name=name,
        family="calibration",
        formula=formula,
        numerator_text="squared differences summed over bins",
        denominator_text="units",
        direction=direction,
        target=None,
        bounds=(0.0, 1.0),
        inference="basic",
        scale="identity",
        undefined_when="there are no units",
        reading=reading,
        reference="Murphy 1973, J Appl Meteorol 12:595, "
        "doi:10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2",
        needs_probability=True,
        appendix=True,
    )


MEASURES = (
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
        terms=("predicted",),
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
        terms=("score_c", "info_cc"),
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
        terms=("score_a", "score_b", "info_aa", "info_ab", "info_bb"),
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
        terms=("score_a", "score_b", "info_aa", "info_ab", "info_bb"),
    ),
    _flexible("ici", "Integrated calibration index", "mean"),
    _flexible("e50", "E50", "median"),
    _flexible("e90", "E90", "90 % quantile"),
    _flexible("emax", "Emax", "maximum"),
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
        undefined_when="there are no units",
        reading="Read it against its null, what a perfectly calibrated model of this size scores.",
        reference="Naeini et al. 2015, AAAI; bias: Broecker 2012, doi:10.1007/s00382-011-1191-1",
        needs_probability=True,
    ),
    _null(
        "ece_mass",
        "Expected calibration error, equal mass",
        "sum over 15 bins of equal mass (ties unsplit) of |sum of (p - y)| / n",
        "there are no units",
        "Naeini et al. 2015, AAAI; Roelofs et al. 2022, AISTATS; bias: Broecker 2012, "
        "doi:10.1007/s00382-011-1191-1",
    ),
    _null(
        "smece",
        "Smooth calibration error",
        "smECE_s at the s with smECE_s = s, the residuals y - p smoothed by a reflected Gaussian",
        "there are no units",
        "Blasiok & Nakkiran 2023, arXiv:2309.12236",
    ),
    Measure(
        id="spiegelhalter_z",
        name="Spiegelhalter z",
        family="calibration",
        formula="sum of (y - p)(1 - 2p) over the root of its variance under calibration",
        numerator_text="excess of the squared errors over what calibration would give",
        denominator_text="its standard deviation under calibration",
        direction="target",
        target=0.0,
        bounds=(float("-inf"), float("inf")),
        inference="null",
        scale="identity",
        undefined_when="no score differs from 0, 1/2 and 1",
        reading="Standard normal for a calibrated model; above 0 the errors are larger than the "
        "probabilities allow. It tests, and says nothing of how far off the probabilities are.",
        reference="Spiegelhalter 1986, Stat Med 5:421, doi:10.1002/sim.4780050506",
        needs_probability=True,
    ),
    _murphy(
        "murphy_reliability",
        "Reliability (Murphy)",
        "sum over 15 bins of equal mass of n_k (mean p - mean y)^2 / n",
        "lower",
        "The part of the Brier score that recalibration could remove; biased up in small groups.",
    ),
    _murphy(
        "murphy_resolution",
        "Resolution (Murphy)",
        "sum over 15 bins of equal mass of n_k (mean y of the bin - mean y)^2 / n",
        "higher",
        "How far the bins differ in what happens to them; subtracted in the Brier score.",
    ),
    Measure(
        id="murphy_uncertainty",
        name="Uncertainty (Murphy)",
        family="calibration",
        formula="prevalence (1 - prevalence)",
        numerator_text="product of the shares with and without the condition",
        denominator_text="1",
        direction="neutral",
        target=None,
        bounds=(0.0, 0.25),
        inference="bootstrap",
        scale="identity",
        undefined_when="there are no units",
        reading="The part of the Brier score that is the group's prevalence, not the model.",
        reference="Murphy 1973, J Appl Meteorol 12:595, "
        "doi:10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2",
        compute=lambda s: divide(s["positives"] * s["negatives"], s.n**2),
        needs_probability=True,
        appendix=True,
    ),
)
