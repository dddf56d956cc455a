"""The fixed words: statuses, verdicts, contrasts, measures, and how each interval was made."""

import re
from functools import cache

from audit.measures import MEASURES
from audit.measures.declaration import Measure

STATUS = {
    "ok": "estimated",
    "undefined": "undefined",
    "insufficient": "too few for inference",
    "suppressed": "suppressed",
    "not_collected": "not collected",
}
STATUS_READING = {
    "undefined": "The denominator is empty, so the measure has no value. It is not zero.",
    "insufficient": "The value is shown, but the counts are below the minimum the plan set for "
    "inference, or no interval can be formed. No conclusion is drawn from it.",
    "suppressed": "Withheld for privacy: too few people to show.",
    "not_collected": "The cohort holds no unit from which it could be estimated.",
}
VERDICT = {
    "met": ("✓", "met"),
    "violated": ("✗", "violated"),
    "inconclusive": ("?", "inconclusive"),
    "not_estimable": ("\N{EN DASH}", "not estimable"),
    "not_applicable": ("○", "not applicable"),
    "waived": ("△", "waived"),
}
VERDICT_READING = {
    "met": "the whole interval lies inside the requirement",
    "violated": "the whole interval lies outside the requirement",
    "inconclusive": "the interval reaches across the limit: the data do not decide; not a pass",
    "not_estimable": "no estimate exists to hold against it; not a pass",
    "not_applicable": "the requirement does not apply to these data",
    "waived": "set aside by a named decision; not a pass",
}
CONTRAST = {"difference": "difference", "ratio": "ratio", "gap": "largest gap"}
SHORT = {
    "ppv": "PPV",
    "npv": "NPV",
    "citl": "CITL",
    "ece": "ECE",
    "calibration_slope": "Slope",
    "calibration_intercept": "Intercept",
    "fpr": "FPR",
    "fnr": "FNR",
    "brier": "Brier score",
    "average_precision": "Average precision",
    "flag_rate": "Flag rate",
}
SOURCE = {
    "fixed": "fixed before these data were seen",
    "external": "tuned on other data",
    "tuned_here": "tuned on these data: every value at this threshold is optimistic",
}
_METHODS = (
    (r"^wilson$", "Wilson's score interval for a proportion of independent units (Wilson 1927)."),
    (
        r"^wilson_patients$",
        "Wilson's score interval on the number of patients, used where the rows "
        "show no variation between patients, so that the interval is never a single point.",
    ),
    (
        r"^wilson_smaller_class$",
        "Wilson's score interval on the number of patients in the smaller class, used where "
        "positives and negatives are perfectly separated and no variance can be estimated.",
    ),
    (
        r"^wilson_positives$",
        "Wilson's score interval on the number of positive patients, used where all resamples "
        "gave the same value.",
    ),
    (
        r"^mover$",
        "The square-and-add method (MOVER): the interval of a contrast from those of its two "
        "sides, used where the resamples show no variation on one side.",
    ),
    (r"newcombe", "Newcombe's hybrid score interval for a difference of proportions (1998)."),
    (r"^delong", "DeLong's variance of the AUROC (1988), formed on the logit scale."),
    (
        r"^obuchowski",
        "Obuchowski's variance of the AUROC for rows clustered in patients (1997), formed on the "
        "logit scale.",
    ),
    (
        r"^cluster_robust",
        "Cluster-robust linearisation: influence values summed by patient, Student t quantiles",
    ),
    (r"^linearised", "Linearisation: influence value of each unit, Student t quantiles"),
    (
        r"^max_t_pairs",
        "Interval of the largest gap from simultaneous (max-T) intervals of all pairs of levels in "
        "the shared resamples",
    ),
    (
        r"(max_?t|simultaneous)",
        "Simultaneous interval: the largest standardised deviation over the family in the shared "
        "resamples sets its width.",
    ),
    (
        r"(percentile|bootstrap).*",
        "Percentiles of a bootstrap that draws whole patients; all measures and strata share "
        "the same resamples",
    ),
    (r"permut", "Permutation of the attribute's labels over patients within site."),
    (
        r"^null_reference$",
        "No interval. The value is read against its null: the mean and the 95 % quantile for a "
        "perfectly calibrated model with the same scores (outcomes redrawn from them).",
    ),
    (r"hartung|reml", "Random effects by REML with the Hartung-Knapp interval (t quantiles)."),
    (r"^none$", "No value, so no interval."),
)
_SUFFIX = {
    "logit": "formed on the logit scale.",
    "log": "formed on the logarithmic scale.",
    "identity": "formed on the measure's own scale.",
    "poisson": "weights are Poisson(1), keyed to the patient.",
    "multinomial": "exactly as many patients are drawn as there are.",
    "bca": "bias-corrected and accelerated.",
}


def measure(id: str) -> Measure | None:
    """Give the declaration of a measure, None for one this version does not declare."""
    return MEASURES.get(id)


@cache
def name(id: str) -> str:
    """Name a measure in full."""
    declared = MEASURES.get(id)
    return declared.name if declared else id.replace("_", " ").capitalize()


def short(id: str) -> str:
    """Name a measure where there is little room."""
    return SHORT.get(id, name(id))


def rank(id: str) -> int:
    """Order of a measure in reports; unknown ones come last."""
    return list(MEASURES).index(id) if id in MEASURES else len(MEASURES)


def method(id: str) -> str:
    """Explain an interval method in words."""
    for pattern, text in _METHODS:
        if re.search(pattern, id, re.IGNORECASE):
            if text.endswith("."):
                return text
            tail = re.split(r"[^a-z]+", id.lower())[-1]
            return f"{text}; {_SUFFIX[tail]}" if tail in _SUFFIX else f"{text}."
    return "Named by the audit as above; see its documentation."


def verdict(status: str) -> str:
    """Give a verdict as symbol and word."""
    symbol, word = VERDICT[status]
    return f"{symbol} {word}"
