"""Clinical utility at the declared threshold, and what another prevalence would make of it."""

from collections.abc import Callable

from audit.measures.declaration import Direction, Measure, Scale, divide, ratio_of
from audit.stats import prevalence
from audit.sums import Array, Sums

_INF = float("inf")
_VICKERS = "Vickers & Elkin 2006, Med Decis Making 26:565, doi:10.1177/0272989X06295361"
_BAYES = "Altman & Bland 1994, BMJ 309:102, doi:10.1136/bmj.309.6947.102"


def _net_benefit_numerator(sums: Sums) -> Array:
    value: Array = sums["tp"] - sums["fp"] * sums.setting.odds
    return value


def _rates(sums: Sums) -> tuple[Array, Array]:
    sensitivity = divide(sums["tp"], sums["positives"])
    return sensitivity, 1 - divide(sums["fp"], sums["negatives"])


def _adjusted_ppv(sums: Sums) -> Array:
    return prevalence.adjusted_ppv(*_rates(sums), sums.setting.target_prevalence)


def _adjusted_npv(sums: Sums) -> Array:
    return prevalence.adjusted_npv(*_rates(sums), sums.setting.target_prevalence)


def _adjusted_net_benefit(sums: Sums) -> Array:
    setting = sums.setting
    return prevalence.adjusted_net_benefit(*_rates(sums), setting.target_prevalence, setting.odds)


def _adjusted_oe(sums: Sums) -> Array:
    own = sums["predicted_positive"]
    positive = divide(own, sums["positives"])
    negative = divide(sums["predicted"] - own, sums["negatives"])
    return prevalence.adjusted_oe_ratio(positive, negative, sums.setting.target_prevalence)


def _adjusted(
    id: str,
    name: str,
    formula: str,
    compute: Callable[[Sums], Array],
    direction: Direction,
    bounds: tuple[float, float],
    scale: Scale,
    reference: str,
    *,
    probability: bool = False,
    threshold: bool = True,
    terms: tuple[str, ...] = (),
) -> Measure:
    return Measure(
        id=f"{id}_adjusted",
        name=f"{name}, at the target prevalence",
        family="utility",
        formula=formula,
        numerator_text="as for the measure itself, positives reweighted to the target prevalence",
        denominator_text="as for the measure itself",
        direction=direction,
        target=1.0 if direction == "target" else None,
        bounds=bounds,
        inference="bootstrap",
        scale=scale,
        undefined_when="there are no positives or no negatives, or no unit is flagged so",
        reading="What these error rates would give at the declared prevalence, not at this "
        "cohort's; it assumes that they carry over.",
        reference=reference,
        compute=compute,
        needs_threshold=threshold,
        needs_probability=probability,
        needs_target=True,
        terms=terms,
    )


MEASURES = (
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
        reference=_VICKERS,
        numerator=_net_benefit_numerator,
        denominator=lambda s: s.n,
        needs_threshold=True,
        needs_probability=True,
    ),
    Measure(
        id="standardised_net_benefit",
        name="Standardised net benefit",
        family="utility",
        formula="net benefit / prevalence",
        numerator_text="true positives less false positives weighted by the odds of the threshold",
        denominator_text="positives",
        direction="higher",
        target=None,
        bounds=(float("-inf"), 1.0),
        inference="ratio",
        scale="identity",
        undefined_when="there are no positives",
        reading="The share of the largest possible net benefit; comparable between prevalences.",
        reference="Kerr et al. 2016, J Clin Oncol 34:2534, doi:10.1200/JCO.2015.65.5654",
        compute=ratio_of(_net_benefit_numerator, lambda s: s["positives"]),
        numerator=_net_benefit_numerator,
        denominator=lambda s: s["positives"],
        needs_threshold=True,
        needs_probability=True,
    ),
    _adjusted(
        "ppv",
        "PPV",
        "sens pi / (sens pi + (1 - spec)(1 - pi)) at the target prevalence pi",
        _adjusted_ppv,
        "higher",
        (0.0, 1.0),
        "logit",
        _BAYES,
    ),
    _adjusted(
        "npv",
        "NPV",
        "spec (1 - pi) / (spec (1 - pi) + (1 - sens) pi) at the target prevalence pi",
        _adjusted_npv,
        "higher",
        (0.0, 1.0),
        "logit",
        _BAYES,
    ),
    _adjusted(
        "net_benefit",
        "Net benefit",
        "sens pi - (1 - spec)(1 - pi) t/(1-t) at the target prevalence pi",
        _adjusted_net_benefit,
        "higher",
        (float("-inf"), 1.0),
        "identity",
        _VICKERS,
        probability=True,
    ),
    _adjusted(
        "oe_ratio",
        "O:E ratio",
        "pi / (pi mean p of positives + (1 - pi) mean p of negatives)",
        _adjusted_oe,
        "target",
        (0.0, _INF),
        "log",
        "Van Calster et al. 2016, J Clin Epidemiol 74:167, doi:10.1016/j.jclinepi.2015.12.005",
        probability=True,
        threshold=False,
        terms=("predicted", "predicted_positive"),
    ),
)
