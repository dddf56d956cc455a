"""Measures of a predicted number against the outcome.

The sums are `audit.tasks.sums.TermSums`. Errors are prediction less outcome. Outcome and prediction
are summed as deviations from the centres in ``sums.fit``, so that squares lose no digits.
"""

from collections.abc import Callable

from audit.measures.declaration import Direction, Inference, Measure, Scale, divide, ratio_of, root
from audit.sums import Array, Sums

_INF = float("inf")
_BLAND = "Bland & Altman 1986, Lancet 327:307, doi:10.1016/S0140-6736(86)90837-8"
_WILLMOTT = "Willmott & Matsuura 2005, Clim Res 30:79, doi:10.3354/cr030079"
_STEYERBERG = "Steyerberg 2019, Clinical Prediction Models, 2nd ed., ch. 15"
NORMAL_95 = 1.96  # as in Bland & Altman
NOTHING = 1e-30  # variation that is so much smaller than what it is set against counts as none


def _centred(sums: Sums, square: str, one: str, other: str) -> Array:
    """Sum of products of deviations from the stratum's (or resample's) own means."""
    product: Array = sums[square] - divide(sums[one] * sums[other], sums.n)
    return product


def _variation(sums: Sums, square: str, one: str, beside: Array) -> Array:
    """Sum of squared deviations; 0 where it is rounding, or nothing beside another such sum."""
    product = _centred(sums, square, one, one)
    kept: Array = product * ((product > 1e-12 * sums[square]) & (product > NOTHING * beside))
    return kept


def _bias(sums: Sums) -> Array:
    return divide(sums["error"], sums.n)


def _rmse(sums: Sums) -> Array:
    return root(divide(sums["squared_error"], sums.n))


def _r2(sums: Sums) -> Array:
    error = sums["squared_error"]
    return 1 - divide(error, _variation(sums, "outcome_squared", "outcome", error))


def _slope(sums: Sums) -> Array:
    outcome = _centred(sums, "outcome_squared", "outcome", "outcome")
    spread = _variation(sums, "predicted_squared", "predicted", outcome)
    return divide(_centred(sums, "product", "outcome", "predicted"), spread)


def _intercept(sums: Sums) -> Array:
    outcome = sums.fit[..., 0] + divide(sums["outcome"], sums.n)
    predicted = sums.fit[..., 1] + divide(sums["predicted"], sums.n)
    return outcome - _slope(sums) * predicted


def _deviation(sums: Sums) -> Array:
    """Standard deviation of the errors, with n - 1; NaN with fewer than two units."""
    n = sums.n
    square = sums["squared_error"] - divide(sums["error"] ** 2, n)
    return root(divide(square * (square > 1e-12 * sums["squared_error"]), (n - 1) * (n > 1)))


def _limit(sign: int) -> Callable[[Sums], Array]:
    def limit(sums: Sums) -> Array:
        return _bias(sums) + sign * NORMAL_95 * _deviation(sums)

    return limit


def _declared(
    id: str,
    name: str,
    formula: str,
    texts: tuple[str, str],
    direction: Direction,
    bounds: tuple[float, float],
    inference: Inference,
    scale: Scale,
    undefined_when: str,
    reading: str,
    reference: str,
    *,
    target: float | None = None,
    compute: Callable[[Sums], Array] | None = None,
    numerator: Callable[[Sums], Array] | None = None,
) -> Measure:
    mean = None if numerator is None else ratio_of(numerator, lambda sums: sums.n)
    return Measure(
        id=id,
        name=name,
        family="regression",
        formula=formula,
        numerator_text=texts[0],
        denominator_text=texts[1],
        direction=direction,
        target=target,
        bounds=bounds,
        inference=inference,
        scale=scale,
        undefined_when=undefined_when,
        reading=reading,
        reference=reference,
        compute=compute or mean,
        numerator=numerator,
        denominator=None if numerator is None else lambda sums: sums.n,
    )


REGRESSION: tuple[Measure, ...] = (
    _declared(
        "mae",
        "Mean absolute error",
        "mean of |prediction - outcome|",
        ("sum of the absolute errors", "units"),
        "lower",
        (0.0, _INF),
        "ratio",
        "log",
        "there are no units",
        "How far off a prediction is on average, in the units of the outcome.",
        _WILLMOTT,
        numerator=lambda sums: sums["absolute_error"],
    ),
    _declared(
        "rmse",
        "Root mean squared error",
        "root of the mean of (prediction - outcome)^2",
        ("sum of the squared errors", "units"),
        "lower",
        (0.0, _INF),
        "bootstrap",
        "log",
        "there are no units",
        "In the units of the outcome; large errors weigh more than in the mean absolute error.",
        _WILLMOTT,
        compute=_rmse,
    ),
    _declared(
        "bias",
        "Bias",
        "mean of (prediction - outcome)",
        ("sum of the errors", "units"),
        "target",
        (-_INF, _INF),
        "ratio",
        "identity",
        "there are no units",
        "Above 0 the model predicts too much on average, below 0 too little.",
        _BLAND,
        target=0.0,
        numerator=lambda sums: sums["error"],
    ),
    _declared(
        "r2",
        "R squared",
        "1 - sum of squared errors / sum of squared deviations of the outcome from its mean",
        ("sum of the squared errors", "squared deviations of the outcome"),
        "higher",
        (-_INF, 1.0),
        "bootstrap",
        "identity",
        "the outcome does not vary",
        "0 for predicting the group's mean; below 0 it does worse. It falls where outcomes vary "
        "little, so groups of different spread are not comparable on it.",
        "Kvalseth 1985, Am Stat 39:279, doi:10.1080/00031305.1985.10479448",
        compute=_r2,
    ),
    _declared(
        "line_slope",
        "Calibration line: slope",
        "slope of the least-squares line of the outcome on the prediction",
        ("covariance of outcome and prediction", "variance of the prediction"),
        "target",
        (-_INF, _INF),
        "bootstrap",
        "identity",
        "the prediction does not vary",
        "Below 1 the predictions are too extreme, above 1 not extreme enough.",
        _STEYERBERG,
        target=1.0,
        compute=_slope,
    ),
    _declared(
        "line_intercept",
        "Calibration line: intercept",
        "intercept of the least-squares line of the outcome on the prediction",
        ("mean outcome less slope times mean prediction", "1"),
        "target",
        (-_INF, _INF),
        "bootstrap",
        "identity",
        "the prediction does not vary",
        "Where the line meets a prediction of 0; read it with the slope, never alone.",
        _STEYERBERG,
        target=0.0,
        compute=_intercept,
    ),
    _declared(
        "loa_lower",
        "Lower limit of agreement",
        "bias - 1.96 SD of (prediction - outcome)",
        ("bias less 1.96 standard deviations of the errors", "1"),
        "neutral",
        (-_INF, _INF),
        "bootstrap",
        "identity",
        "there are fewer than two units",
        "About 95 % of the errors lie between the two limits where they are normal. The spread is "
        "that of single rows, also where patients have several.",
        _BLAND,
        compute=_limit(-1),
    ),
    _declared(
        "loa_upper",
        "Upper limit of agreement",
        "bias + 1.96 SD of (prediction - outcome)",
        ("bias plus 1.96 standard deviations of the errors", "1"),
        "neutral",
        (-_INF, _INF),
        "bootstrap",
        "identity",
        "there are fewer than two units",
        "About 95 % of the errors lie between the two limits where they are normal. The spread is "
        "that of single rows, also where patients have several.",
        _BLAND,
        compute=_limit(1),
    ),
)
