"""Measures that combine the confusion counts: most of them belong in an appendix."""

from collections.abc import Callable

import numpy as np

from audit.measures.declaration import Direction, Measure, Scale, divide, root
from audit.sums import Array, Sums

_INF = float("inf")
_SOKOLOVA = "Brodersen et al. 2010, ICPR, doi:10.1109/ICPR.2010.764"
_F1 = "van Rijsbergen 1979, Information Retrieval, 2nd ed., ch. 7"
_MCC = "Matthews 1975, Biochim Biophys Acta 405:442, doi:10.1016/0005-2795(75)90109-9"
_LR = "Deeks & Altman 2004, BMJ 329:168, doi:10.1136/bmj.329.7458.168"
_YOUDEN = (
    "Youden 1950, Cancer 3:32, doi:10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3"
)
_BERK = "Berk et al. 2021, Sociol Methods Res 50:3, doi:10.1177/0049124118782533"
_SPEICHER = "Speicher et al. 2018, KDD, doi:10.1145/3219819.3220046"


def _sensitivity(sums: Sums) -> Array:
    return divide(sums["tp"], sums["positives"])


def _fpr(sums: Sums) -> Array:
    return divide(sums["fp"], sums["negatives"])


def _f1(sums: Sums) -> Array:
    return divide(2 * sums["tp"], sums.flagged + sums["positives"])


def _mcc(sums: Sums) -> Array:
    tp, fp = sums["tp"], sums["fp"]
    fn, tn = sums["positives"] - tp, sums["negatives"] - fp
    margins = root(sums.flagged) * root(sums.n - sums.flagged)
    margins = margins * root(sums["positives"]) * root(sums["negatives"])
    return divide(tp * tn - fp * fn, margins)


def _lr_minus(sums: Sums) -> Array:
    missed = divide(sums["positives"] - sums["tp"], sums["positives"])
    return divide(missed, 1 - _fpr(sums))


def _benefits(sums: Sums) -> tuple[Array, Array, Array, Array]:
    """Shares of units with benefit 0 (missed), 1 (right) and 2 (false alarm), and the mean."""
    n = np.where(sums.n > 0, sums.n, np.nan)
    missed, alarm = (sums["positives"] - sums["tp"]) / n, sums["fp"] / n
    return missed, 1 - missed - alarm, alarm, 1 - missed + alarm


def _generalised_entropy(sums: Sums) -> Array:
    """GE(2) = (mean of (b / mean b)^2 - 1) / 2."""
    _, right, alarm, mean = _benefits(sums)
    return (divide(right + 4 * alarm, mean**2) - 1) / 2


def _theil(sums: Sums) -> Array:
    """Mean of b / mean b times its logarithm, with 0 log 0 = 0."""
    _, right, alarm, mean = _benefits(sums)
    share = divide(np.ones_like(mean), mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        value: Array = right * share * np.log(share) + 2 * alarm * share * np.log(2 * share)
    return np.where(mean > 0, value, np.nan)


def _composite(
    id: str,
    name: str,
    formula: str,
    texts: tuple[str, str],
    compute: Callable[[Sums], Array],
    direction: Direction,
    bounds: tuple[float, float],
    scale: Scale,
    undefined_when: str,
    reading: str,
    reference: str,
    target: float | None = None,
) -> Measure:
    return Measure(
        id=id,
        name=name,
        family="classification",
        formula=formula,
        numerator_text=texts[0],
        denominator_text=texts[1],
        direction=direction,
        target=target,
        bounds=bounds,
        inference="bootstrap",
        scale=scale,
        undefined_when=undefined_when,
        reading=reading,
        reference=reference,
        compute=compute,
        needs_threshold=True,
        appendix=True,
    )


_ONE_CLASS = "there are no positives or no negatives"

MEASURES = (
    _composite(
        "balanced_accuracy",
        "Balanced accuracy",
        "(sensitivity + specificity) / 2",
        ("sensitivity + specificity", "2"),
        lambda s: (_sensitivity(s) + 1 - _fpr(s)) / 2,
        "higher",
        (0.0, 1.0),
        "logit",
        _ONE_CLASS,
        "Mean of the shares classified rightly in the two classes; 0.5 by chance.",
        _SOKOLOVA,
    ),
    _composite(
        "f1",
        "F1 score",
        "2 TP / (2 TP + FP + FN)",
        ("2 TP", "2 TP + FP + FN"),
        _f1,
        "higher",
        (0.0, 1.0),
        "logit",
        "there are neither positives nor flagged units",
        "Ignores true negatives, depends on the prevalence, and is improper: not for a decision.",
        _F1,
    ),
    _composite(
        "mcc",
        "Matthews correlation coefficient",
        "(TP TN - FP FN) / sqrt((TP+FP)(TP+FN)(TN+FP)(TN+FN))",
        ("TP TN - FP FN", "root of the product of the four margins"),
        _mcc,
        "higher",
        (-1.0, 1.0),
        "identity",
        "one outcome, or one decision, does not occur",
        "Correlation of decision and outcome; depends on the prevalence.",
        _MCC,
    ),
    _composite(
        "lr_plus",
        "Positive likelihood ratio",
        "sensitivity / (1 - specificity)",
        ("sensitivity", "false positive rate"),
        lambda s: divide(_sensitivity(s), _fpr(s)),
        "higher",
        (0.0, _INF),
        "log",
        "there are no positives, no negatives or no false positives",
        "How many times more often the flag occurs with the condition than without it.",
        _LR,
    ),
    _composite(
        "lr_minus",
        "Negative likelihood ratio",
        "(1 - sensitivity) / specificity",
        ("false negative rate", "specificity"),
        _lr_minus,
        "lower",
        (0.0, _INF),
        "log",
        "there are no positives, no negatives or no true negatives",
        "How many times more often no flag occurs with the condition than without it.",
        _LR,
    ),
    _composite(
        "youden",
        "Youden's J",
        "sensitivity + specificity - 1",
        ("sensitivity + specificity - 1", "1"),
        lambda s: _sensitivity(s) - _fpr(s),
        "higher",
        (-1.0, 1.0),
        "identity",
        _ONE_CLASS,
        "0 for a flag that says nothing, 1 for a perfect one; weighs both errors alike.",
        _YOUDEN,
    ),
    _composite(
        "fn_fp_ratio",
        "Treatment-equality ratio",
        "FN / FP",
        ("missed units with the condition", "flagged units without the condition"),
        lambda s: divide(s["positives"] - s["tp"], s["fp"]),
        "neutral",
        (0.0, _INF),
        "log",
        "there are no false positives",
        "Which of the two errors a group bears more; groups are compared on it.",
        _BERK,
    ),
    _composite(
        "generalised_entropy",
        "Generalised entropy index",
        "(mean of (b / mean b)^2 - 1) / 2 with benefit b = flag - outcome + 1",
        ("variance of the benefits", "twice their squared mean"),
        _generalised_entropy,
        "lower",
        (0.0, _INF),
        "identity",
        "there are no units, or every unit is missed",
        "Inequality of the benefits that the decisions hand out, between all units.",
        _SPEICHER,
    ),
    _composite(
        "theil",
        "Theil index",
        "mean of (b / mean b) log(b / mean b) with benefit b = flag - outcome + 1",
        ("sum of b log(b / mean b)", "sum of b"),
        _theil,
        "lower",
        (0.0, _INF),
        "identity",
        "there are no units, or every unit is missed",
        "Inequality of the benefits that the decisions hand out, between all units.",
        _SPEICHER,
    ),
)
