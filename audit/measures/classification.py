"""Measures of the yes/no decision at the declared threshold, and the prevalence."""

from collections.abc import Callable

from audit.measures.declaration import Direction, Family, Measure, ratio_of
from audit.sums import Array, Sums

_ALTMAN_BLAND_1 = "Altman & Bland 1994, BMJ 308:1552, doi:10.1136/bmj.308.6943.1552"
_ALTMAN_BLAND_2 = "Altman & Bland 1994, BMJ 309:102, doi:10.1136/bmj.309.6947.102"
_MITCHELL = (
    "Mitchell et al. 2021, Annu Rev Stat Appl 8:141, doi:10.1146/annurev-statistics-042720-125902"
)
_STRATOS = "Van Calster et al. 2025, Lancet Digit Health 7:100916, doi:10.1016/j.landig.2025.100916"
_STARD = "Bossuyt et al. 2015 (STARD), BMJ 351:h5527, doi:10.1136/bmj.h5527"


def _proportion(
    id: str,
    name: str,
    formula: str,
    texts: tuple[str, str],
    parts: tuple[Callable[[Sums], Array], Callable[[Sums], Array]],
    direction: Direction,
    reading: str,
    reference: str,
    family: Family = "classification",
    appendix: bool = False,
) -> Measure:
    return Measure(
        id=id,
        name=name,
        family=family,
        formula=formula,
        numerator_text=texts[0],
        denominator_text=texts[1],
        direction=direction,
        target=None,
        bounds=(0.0, 1.0),
        inference="proportion",
        scale="logit",
        compute=ratio_of(*parts),
        undefined_when=f"there are no {texts[1]}",
        reading=reading,
        reference=reference,
        numerator=parts[0],
        denominator=parts[1],
        needs_threshold=id != "prevalence",
        appendix=appendix,
    )


MEASURES = (
    _proportion(
        "sensitivity",
        "Sensitivity",
        "TP / (TP + FN)",
        ("flagged units with the condition", "units with the condition"),
        (lambda s: s["tp"], lambda s: s["positives"]),
        "higher",
        "Of those who have the condition, the share the model flags.",
        _ALTMAN_BLAND_1,
    ),
    _proportion(
        "specificity",
        "Specificity",
        "TN / (TN + FP)",
        ("unflagged units without the condition", "units without the condition"),
        (lambda s: s["negatives"] - s["fp"], lambda s: s["negatives"]),
        "higher",
        "Of those who do not have the condition, the share the model leaves unflagged.",
        _ALTMAN_BLAND_1,
    ),
    _proportion(
        "ppv",
        "Positive predictive value",
        "TP / (TP + FP)",
        ("flagged units with the condition", "flagged units"),
        (lambda s: s["tp"], lambda s: s.flagged),
        "higher",
        "Of those flagged, the share who have the condition. It falls with the prevalence.",
        _ALTMAN_BLAND_2,
    ),
    _proportion(
        "npv",
        "Negative predictive value",
        "TN / (TN + FN)",
        ("unflagged units without the condition", "unflagged units"),
        (lambda s: s["negatives"] - s["fp"], lambda s: s.n - s.flagged),
        "higher",
        "Of those not flagged, the share who do not have the condition.",
        _ALTMAN_BLAND_2,
    ),
    _proportion(
        "fpr",
        "False positive rate",
        "FP / (TN + FP) = 1 - specificity",
        ("flagged units without the condition", "units without the condition"),
        (lambda s: s["fp"], lambda s: s["negatives"]),
        "lower",
        "Of those who do not have the condition, the share flagged all the same.",
        _ALTMAN_BLAND_1,
    ),
    _proportion(
        "fnr",
        "False negative rate",
        "FN / (TP + FN) = 1 - sensitivity",
        ("unflagged units with the condition", "units with the condition"),
        (lambda s: s["positives"] - s["tp"], lambda s: s["positives"]),
        "lower",
        "Of those who have the condition, the share missed.",
        _ALTMAN_BLAND_1,
    ),
    _proportion(
        "flag_rate",
        "Flag rate",
        "(TP + FP) / n",
        ("flagged units", "units"),
        (lambda s: s.flagged, lambda s: s.n),
        "neutral",
        "The share of all units that the model flags (selection rate).",
        _MITCHELL,
    ),
    _proportion(
        "prevalence",
        "Prevalence",
        "(TP + FN) / n",
        ("units with the condition", "units"),
        (lambda s: s["positives"], lambda s: s.n),
        "neutral",
        "The share of units that have the condition: a fact about the cohort, not the model.",
        _STARD,
        family="cohort",
    ),
    _proportion(
        "accuracy",
        "Accuracy",
        "(TP + TN) / n",
        ("units classified rightly", "units"),
        (lambda s: s["tp"] + s["negatives"] - s["fp"], lambda s: s.n),
        "higher",
        "The share classified rightly; with a rare condition, high for a model that finds no one.",
        _STRATOS,
        appendix=True,
    ),
)
