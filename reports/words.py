"""The fixed words: statuses, verdicts, contrasts, measures, and how each interval was made."""

from functools import cache

from audit.glossary import ENTRIES
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
    """Explain an interval method in the words of the glossary, with its source."""
    entry = ENTRIES.get(id.split("+")[0])  # what follows says how a tally was binned
    if entry is None:
        return "Named by the audit as above; see its documentation."
    source = f" ({entry.reference})" if entry.reference else ""
    return f"{entry.name}. {entry.meaning}{source}"


def verdict(status: str) -> str:
    """Give a verdict as symbol and word."""
    symbol, word = VERDICT[status]
    return f"{symbol} {word}"
