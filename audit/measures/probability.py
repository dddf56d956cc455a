"""Measures of the predicted probabilities themselves: their error and their mean by outcome."""

from audit.measures.declaration import Measure, divide, ratio_of
from audit.sums import Array, Sums


def _scaled_brier(sums: Sums) -> Array:
    worst = divide(sums["positives"] * sums["negatives"], sums.n)
    return 1 - divide(sums["squared_error"], worst)


def _mean_score(outcome: str, sign: str) -> Measure:
    positive = outcome == "with"

    def numerator(sums: Sums) -> Array:
        own = sums["predicted_positive"]
        return own if positive else sums["predicted"] - own

    def denominator(sums: Sums) -> Array:
        return sums["positives"] if positive else sums["negatives"]

    return Measure(
        id=f"mean_score_{sign}",
        name=f"Mean score of the {sign}s",
        family="probability",
        formula=f"mean of p over units {outcome} the condition",
        numerator_text=f"sum of the probabilities of units {outcome} the condition",
        denominator_text=f"units {outcome} the condition",
        direction="higher" if positive else "lower",
        target=None,
        bounds=(0.0, 1.0),
        inference="ratio",
        scale="logit",
        undefined_when=f"there are no units {outcome} the condition",
        reading=f"Groups are compared on it for balance for the {sign} class.",
        reference="Kleinberg et al. 2017, ITCS, doi:10.4230/LIPIcs.ITCS.2017.43",
        compute=ratio_of(numerator, denominator),
        numerator=numerator,
        denominator=denominator,
        needs_probability=True,
        terms=("predicted", "predicted_positive"),
    )


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
        terms=("squared_error",),
    ),
    Measure(
        id="scaled_brier",
        name="Scaled Brier score",
        family="probability",
        formula="1 - Brier / (prevalence (1 - prevalence))",
        numerator_text="improvement on predicting the prevalence for everyone",
        denominator_text="Brier score of predicting the prevalence",
        direction="higher",
        target=None,
        bounds=(float("-inf"), 1.0),
        inference="bootstrap",
        scale="identity",
        undefined_when="all units have the same outcome",
        reading="0 for predicting the prevalence, 1 for a perfect model; below 0 it does harm.",
        reference="Steyerberg et al. 2010, Epidemiology 21:128, doi:10.1097/EDE.0b013e3181c30fb2",
        compute=_scaled_brier,
        needs_probability=True,
        terms=("squared_error",),
    ),
    Measure(
        id="log_loss",
        name="Log loss",
        family="probability",
        formula="mean of -(y log p + (1 - y) log(1 - p))",
        numerator_text="sum of the negative log likelihoods",
        denominator_text="units",
        direction="lower",
        target=None,
        bounds=(0.0, float("inf")),
        inference="ratio",
        scale="log",
        undefined_when="there are no units",
        reading="Punishes confident errors without limit; scores of 0 and 1 are moved by 1e-10.",
        reference="Good 1952, J R Stat Soc B 14:107, doi:10.1111/j.2517-6161.1952.tb00104.x",
        compute=ratio_of(lambda s: s["log_loss"], lambda s: s.n),
        numerator=lambda s: s["log_loss"],
        denominator=lambda s: s.n,
        needs_probability=True,
        terms=("log_loss",),
    ),
    _mean_score("with", "positive"),
    _mean_score("without", "negative"),
)
