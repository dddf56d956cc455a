"""Measures of a predicted risk against time to event, some of it censored.

They are no ratios of sums. Their record holds each stratum's value (``sums.fit``) and the sums of
the influence values of its rows, which are zero on the data: what a resample adds is the value's
first-order change. The same expansion gives their variance.
"""

from collections.abc import Callable

import numpy as np
import scipy  # its parts are loaded when they are first used: reading a result needs none

from audit.measures.declaration import Direction, Measure, Scale
from audit.sums import Array, Sums

INFLUENCE = "influence_"
_INF = float("inf")
_GRAF = (
    "Gerds & Schumacher 2006, Biom J 48:1029, doi:10.1002/bimj.200610301 (after Graf et al. 1999)"
)
_HORIZON = "no horizon was declared, or follow-up ends before it in a stratum"


def moved(value: Array, change: Array, scale: Scale) -> Array:
    """Value after a first-order change, taken on the measure's scale so that it stays in range."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if scale == "logit":
            inside = (value > 0) & (value < 1)
            found = scipy.special.expit(scipy.special.logit(value) + change / (value * (1 - value)))
            return np.where(inside, found, value + 0 * change)
        if scale == "log":
            return np.where(value > 0, value * np.exp(change / value), value + 0 * change)
    return value + change


def _survival(
    id: str,
    name: str,
    formula: str,
    texts: tuple[str, str],
    direction: Direction,
    bounds: tuple[float, float],
    scale: Scale,
    undefined_when: str,
    reading: str,
    reference: str,
    *,
    target: float | None = None,
    needs_score: bool = False,
    needs_probability: bool = False,
) -> Measure:
    return Measure(
        id=id,
        name=name,
        family="survival",
        formula=formula,
        numerator_text=texts[0],
        denominator_text=texts[1],
        direction=direction,
        target=target,
        bounds=bounds,
        inference="fit",
        scale=scale,
        undefined_when=undefined_when,
        reading=reading,
        reference=reference,
        compute=_compute(id, scale),
        needs_score=needs_score,
        needs_probability=needs_probability,
    )


def _compute(id: str, scale: Scale) -> Callable[[Sums], Array]:
    def compute(sums: Sums) -> Array:
        value: Array = sums["value_" + id]
        return moved(value, sums[INFLUENCE + id], scale)

    return compute


SURVIVAL: tuple[Measure, ...] = (
    _survival(
        "harrell_c", "Harrell's C",
        "concordant pairs (ties of risk 1/2) / pairs whose earlier time is an event",
        ("concordant pairs", "comparable pairs"), "higher", (0.0, 1.0), "logit",
        "there is no comparable pair",
        "Depends on the censoring, so it is not comparable between groups followed for different "
        "times; Uno's C is.",
        "Harrell et al. 1982, JAMA 247:2543, doi:10.1001/jama.1982.03320430047030",
        needs_score=True,
    ),
    _survival(
        "uno_c", "Uno's C",
        "as Harrell's, every pair weighted by 1 / G(t)^2 of its earlier time, up to tau",
        ("weighted concordant pairs", "weighted comparable pairs"), "higher", (0.0, 1.0), "logit",
        "there is no comparable pair before tau",
        "Does not depend on the censoring, which is estimated within the stratum.",
        "Uno et al. 2011, Stat Med 30:1105, doi:10.1002/sim.4154", needs_score=True,
    ),
    _survival(
        "brier_at_horizon", "Brier score at the horizon",
        "mean of w (event by the horizon - p)^2, w inverse to the probability of no censoring",
        ("weighted squared errors", "units"), "lower", (0.0, 1.0), "logit", _HORIZON,
        "Weighted for those whose follow-up ended before the horizon.", _GRAF,
        needs_probability=True,
    ),
    _survival(
        "oe_at_horizon", "O:E ratio at the horizon", "Kaplan-Meier risk / mean predicted risk",
        ("observed risk", "mean predicted risk"), "target", (0.0, _INF), "log",
        f"{_HORIZON}, or no event came by then",
        "Above 1 the model predicts too little risk, below 1 too much.",
        "McLernon et al. 2023, Ann Intern Med 176:105, doi:10.7326/M22-0844", target=1.0,
        needs_probability=True,
    ),
    _survival(
        "citl_at_horizon", "Calibration-in-the-large at the horizon",
        "a in logit P(event by the horizon) = a + logit(p), weighted for censoring",
        ("intercept of the weighted fit", "1"), "target", (-_INF, _INF), "identity",
        f"{_HORIZON}, or all or none had the event by then",
        "In log odds; above 0 the model predicts too little risk.",
        "Vock et al. 2016, J Biomed Inform 61:119, doi:10.1016/j.jbi.2016.03.009", target=0.0,
        needs_probability=True,
    ),
    _survival(
        "slope_at_horizon", "Calibration slope at the horizon",
        "b in logit P(event by the horizon) = a + b logit(p), weighted for censoring",
        ("slope of the weighted fit", "1"), "target", (-_INF, _INF), "identity",
        f"{_HORIZON}, or the risk separates events from others or is constant",
        "Below 1 the predictions are too extreme, above 1 not extreme enough.",
        "Vock et al. 2016, J Biomed Inform 61:119, doi:10.1016/j.jbi.2016.03.009", target=1.0,
        needs_probability=True,
    ),
)  # fmt: skip
