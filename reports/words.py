"""The fixed words: statuses, verdicts, contrasts, measures, and how each interval was made."""

import re
from functools import cache

from audit.glossary import ENTRIES
from audit.measures import DECLARED, TASK_MEASURES
from audit.measures.declaration import Measure
from audit.result import AuditWarning

STATUS = {
    "ok": "estimated",
    "undefined": "undefined",
    "insufficient": "without inference",
    "suppressed": "suppressed",
    "not_collected": "not collected",
}
STATUS_READING = {
    "undefined": "The denominator is empty, so the measure has no value. It is not zero.",
    "insufficient": "The value is shown with the reason why no conclusion is drawn from it: counts "
    "below the minimum of the plan, resamples without a value, or no interval that can be formed.",
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
    "error": ("!", "not judged"),
}
VERDICT_READING = {
    "met": "the whole interval, or the count, lies inside the requirement",
    "violated": "the whole interval, or the count, lies outside the requirement",
    "inconclusive": "the interval reaches across the limit: the data do not decide; not a pass",
    "not_estimable": "no estimate exists to hold against it; not a pass",
    "not_applicable": "the requirement does not apply to these data",
    "waived": "set aside by a named decision; not a pass",
    "error": "the program failed in this requirement; not a pass",
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
    "macro_ppv": "Macro PPV",
    "micro_ppv": "Micro PPV",
    "macro_average_precision": "Macro av. precision",
    "multiclass_brier": "Brier score",
    "multiclass_log_loss": "Log loss",
    "quadratic_kappa": "Weighted kappa",
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R²",
    "line_slope": "Line slope",
    "line_intercept": "Line intercept",
    "loa_lower": "Lower limit of agr.",
    "loa_upper": "Upper limit of agr.",
    "spiegelhalter_z": "Spiegelhalter z",
    "dice": "Dice",
    "iou": "IoU",
    "nsd": "Surface Dice",
    "hd95": "HD95, mm",
    "assd": "ASSD, mm",
    "volume_error": "Volume error",
    "absolute_volume_error": "Abs. volume error",
    "missed_rate": "Missed",
    "false_mask_rate": "Invented",
    "lesion_sensitivity": "Lesion sens.",
    "lesion_ppv": "Lesion PPV",
    "lesion_f1": "Lesion F1",
    "psnr": "PSNR, dB",
    "ssim": "SSIM",
    "nrmse": "NRMSE",
    "sensitivity_at_fp": "Sens. at FP/image",
    "cpm": "CPM",
    "object_sensitivity": "Object sens.",
    "object_ppv": "Object PPV",
    "false_positives_per_image": "FP per image",
    "brier_at_horizon": "Brier at horizon",
    "oe_at_horizon": "O:E at horizon",
    "citl_at_horizon": "CITL at horizon",
    "slope_at_horizon": "Slope at horizon",
}
OUTPUT = {"multiclass": "class", "multilabel": "label", "segmentation": "structure"}
_WANTED = re.compile(r"(\d+) (.+); the plan asks for (\d+)")
_RESAMPLES = re.compile(r"undefined in ([\d.]+) ?% of the resamples")
# "1 units", "1 flagged units": the audit counts without looking at the noun.
_ONE = re.compile(r"^1 ((?:(?:un)?flagged )?\w+)s\b")
_PERCENT = re.compile(r"(\d)%")
_SHORTER = (
    (re.compile(r"(units|patients) with(out)? the condition"), r"\1 with\2 outcome"),
    (re.compile(r"units or patients"), "units"),
)
_WHY = (
    ("no interval can be formed", "no interval can be formed"),
    ("one outcome only, one score only", "no finite fit"),
    ("fewer patients than the plan asks for", "fewer patients than asked for"),
    ("withheld", "withheld"),
)
# What a warning is about, where its own words are withheld from a shared result.
WITHHELD_WARNING = {
    "tally_patients": "The figures come from tallies, which hold no identities: a patient with "
    "rows in two of the tallies that were merged counts as two patients.",
}
SOURCE = {
    "fixed": "fixed before these data were seen",
    "external": "tuned on other data",
    "tuned_here": "tuned on these data: every value at this threshold is optimistic",
}


def measure(id: str, task: str = "binary") -> Measure | None:
    """Give the declaration of a measure in a task, None for one this version does not declare."""
    return TASK_MEASURES[task].get(id) or DECLARED.get(id)


_RANK = {id: place for place, id in enumerate(DECLARED)}


@cache
def name(id: str) -> str:
    """Name a measure in full."""
    declared = DECLARED.get(id)
    return declared.name if declared else id.replace("_", " ").capitalize()


def short(id: str) -> str:
    """Name a measure where there is little room."""
    return SHORT.get(id, name(id))


def rank(id: str) -> int:
    """Order of a measure in reports; unknown ones come last."""
    return _RANK.get(id, len(_RANK))


def of_output(text: str, output: str | None) -> str:
    """Name the class or label that a measure speaks of, where there are several."""
    return text if output is None else f"{text}, {output}"


def why(status: str, reason: str | None) -> str:
    """Say in a few words why there is no inference: the count that fell short, not its status."""
    text = reason or ""
    if found := _WANTED.fullmatch(text):
        have, what, need = found.groups()
        for long, short_form in _SHORTER:
            what = long.sub(short_form, what)
        return f"{worded(f'{have} {what}')}, {need} asked for"
    if found := _RESAMPLES.search(text):
        return f"no value in {found.group(1)} % of resamples"
    for start, told in _WHY:
        if text.startswith(start):
            return told
    return STATUS[status]


def worded(text: str) -> str:
    """Write the reason of an audit as documents write it: one unit is no plural, 95 %."""
    return _PERCENT.sub(r"\1 %", _ONE.sub(r"1 \1", text))


def why_brief(status: str, reason: str | None) -> str:
    """Say it where there is room for two or three words."""
    text = reason or ""
    if found := _WANTED.fullmatch(text):
        have, what, _ = found.groups()
        if "without the condition" in what:
            return f"{have} negative"
        if "with the condition" in what:
            return f"{have} positive"
        return f"{have} {what}".split(" of '")[0]
    if found := _RESAMPLES.search(text):
        return "unstable"
    if text.startswith("no interval"):
        return "no interval"
    return {"insufficient": "no inference"}.get(status, STATUS[status])


def method(id: str) -> str:
    """Explain an interval method in the words of the glossary, with its source."""
    entry = ENTRIES.get(id.split("+")[0])  # what follows says how a tally was binned
    if entry is None:
        return "Named by the audit as above; see its documentation."
    source = f" ({entry.reference})" if entry.reference else ""
    return f"{entry.name}. {entry.meaning}{source}"


def warning(w: AuditWarning) -> str:
    """Give a warning; one that was withheld though it holds no figures is told all the same."""
    if w.message.endswith("its figures are withheld."):
        return WITHHELD_WARNING.get(w.code, w.message)
    return w.message


def verdict(status: str) -> str:
    """Give a verdict as symbol and word."""
    symbol, word = VERDICT[status]
    return f"{symbol} {word}"
