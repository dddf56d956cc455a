"""Measures of a whole multiclass or multilabel task, from the one-against-rest sums of its outputs.

The sums are `audit.tasks.sums.OutputSums`: ``sums["tp"]`` has one number for each output, on the
last axis. A mean over outputs is undefined where it is undefined for any of them: a mean over fewer
outputs in one group than in another would compare different things.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from audit.measures.declaration import (
    Direction,
    Family,
    Inference,
    Measure,
    Scale,
    divide,
    ratio_of,
)
from audit.sums import Array, Sums

_INF = float("inf")
_SOKOLOVA = "Sokolova & Lapalme 2009, Inf Process Manag 45:427, doi:10.1016/j.ipm.2009.03.002"
_BRODERSEN = "Brodersen et al. 2010, ICPR, doi:10.1109/ICPR.2010.764"
_FAWCETT = "Fawcett 2006, Pattern Recognit Lett 27:861, doi:10.1016/j.patrec.2005.10.010"
_COHEN = "Cohen 1968, Psychol Bull 70:213, doi:10.1037/h0026256"
_BRIER = "Brier 1950, Mon Weather Rev 78:1, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2"
_GOOD = "Good 1952, J R Stat Soc B 14:107, doi:10.1111/j.2517-6161.1952.tb00104.x"


def _mean(values: Array) -> Array:
    mean: Array = values.mean(axis=-1)
    return mean


def _total(name: str) -> Callable[[Sums], Array]:
    def total(sums: Sums) -> Array:
        added: Array = sums[name].sum(axis=-1)
        return added

    return total


def _sensitivities(sums: Sums) -> Array:
    return divide(sums["tp"], sums["positives"])


def _specificities(sums: Sums) -> Array:
    return 1 - divide(sums["fp"], sums["negatives"])


def _ppvs(sums: Sums) -> Array:
    return divide(sums["tp"], sums["tp"] + sums["fp"])


def _f1s(sums: Sums) -> Array:
    return divide(2 * sums["tp"], sums["tp"] + sums["fp"] + sums["positives"])


def _aurocs(sums: Sums) -> Array:
    return divide(sums["pairs"], sums["positives"] * sums["negatives"])


def _average_precisions(sums: Sums) -> Array:
    return divide(sums["precision"], sums["positives"])


def _decided_and_true(sums: Sums) -> Array:
    total: Array = (sums["tp"] + sums["fp"] + sums["positives"]).sum(axis=-1)
    return total


def _quadratic_kappa(sums: Sums) -> Array:
    """1 - observed over expected squared distance, the latter from the margins."""
    true, decided = sums["positives"], sums["tp"] + sums["fp"]
    place = np.arange(true.shape[-1], dtype=np.float64)
    apart = sums.n * ((true * place**2).sum(-1) + (decided * place**2).sum(-1)) - 2 * (
        true * place
    ).sum(-1) * (decided * place).sum(-1)
    return 1 - divide(sums["squared_distance"] * sums.n, apart)


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
    family: Family = "classification",
    compute: Callable[[Sums], Array] | None = None,
    parts: tuple[Callable[[Sums], Array], Callable[[Sums], Array]] | None = None,
    score: bool = False,
    probability: bool = False,
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
        bounds=bounds,
        inference=inference,
        scale=scale,
        undefined_when=undefined_when,
        reading=reading,
        reference=reference,
        compute=compute if parts is None else ratio_of(*parts),
        numerator=None if parts is None else parts[0],
        denominator=None if parts is None else parts[1],
        needs_score=score,
        needs_probability=probability,
        needs_threshold=not score and not probability,
        appendix=appendix,
    )


def _macro(
    id: str,
    name: str,
    formula: str,
    of_each: Callable[[Sums], Array],
    undefined_when: str,
    reading: str,
    reference: str = _SOKOLOVA,
    *,
    score: bool = False,
    appendix: bool = False,
) -> Measure:
    return _declared(
        id,
        name,
        formula,
        ("sum over the classes or labels", "classes or labels"),
        "higher",
        (0.0, 1.0),
        "bootstrap",
        "logit",
        undefined_when,
        reading,
        reference,
        family="ranking" if score else "classification",
        compute=lambda sums: _mean(of_each(sums)),
        score=score,
        appendix=appendix,
    )


_NONE_OF = "some class or label has no unit in the stratum"

MACRO_AUROC = _macro(
    "macro_auroc",
    "Macro AUROC",
    "mean over classes or labels of the AUROC of each against the rest",
    _aurocs,
    "some class or label has no unit, or every unit",
    "Every class counts alike, however rare; 0.5 by chance.",
    _FAWCETT,
    score=True,
)
MACRO_AVERAGE_PRECISION = _macro(
    "macro_average_precision",
    "Macro average precision",
    "mean over labels of the average precision of each",
    _average_precisions,
    _NONE_OF,
    "By chance it equals the mean prevalence of the labels.",
    "Davis & Goadrich 2006, ICML, doi:10.1145/1143844.1143874",
    score=True,
)
MACRO_SENSITIVITY = _macro(
    "macro_sensitivity",
    "Macro sensitivity",
    "mean over classes or labels of TP / (TP + FN)",
    _sensitivities,
    _NONE_OF,
    "Every class counts alike, however rare. For classes it equals the balanced accuracy.",
)
MACRO_SPECIFICITY = _macro(
    "macro_specificity",
    "Macro specificity",
    "mean over classes or labels of TN / (TN + FP)",
    _specificities,
    "some class or label has every unit of the stratum",
    "High by itself where there are many classes: most units are not of any one class.",
)
MACRO_PPV = _macro(
    "macro_ppv",
    "Macro positive predictive value",
    "mean over classes or labels of TP / (TP + FP)",
    _ppvs,
    "some class or label is never predicted in the stratum",
    "A class that is never predicted leaves it undefined; it is not counted as 0.",
)
MACRO_F1 = _macro(
    "macro_f1",
    "Macro F1 score",
    "mean over classes or labels of 2 TP / (2 TP + FP + FN)",
    _f1s,
    "some class or label neither occurs nor is predicted in the stratum",
    "Depends on the class frequencies, and is improper: not for a decision.",
    appendix=True,
)


def _micro(id: str, name: str, formula: str, texts: tuple[str, str],
           parts: tuple[Callable[[Sums], Array], Callable[[Sums], Array]], reading: str,
           *, appendix: bool = False) -> Measure:  # fmt: skip
    return _declared(
        id,
        name,
        formula,
        texts,
        "higher",
        (0.0, 1.0),
        "proportion",
        "logit",
        f"there are no {texts[1]}",
        reading,
        _SOKOLOVA,
        parts=parts,
        appendix=appendix,
    )


MICRO_SENSITIVITY = _micro(
    "micro_sensitivity",
    "Micro sensitivity",
    "sum of TP / sum of (TP + FN) over labels",
    ("units with the condition that are found", "units with the condition"),
    (lambda sums: sums["micro_tp"], lambda sums: sums["micro_positives"]),
    "Frequent labels dominate it.",
)
MICRO_PPV = _micro(
    "micro_ppv",
    "Micro positive predictive value",
    "sum of TP / sum of (TP + FP) over labels",
    ("flagged units with the condition", "flagged units"),
    (lambda sums: sums["micro_tp"], lambda sums: sums["micro_tp"] + sums["micro_fp"]),
    "Frequent labels dominate it.",
)
MICRO_F1 = _declared(
    "micro_f1",
    "Micro F1 score",
    "2 sum of TP / (2 sum of TP + sum of FP + sum of FN) over labels",
    ("2 TP", "2 TP + FP + FN"),
    "higher",
    (0.0, 1.0),
    "bootstrap",
    "logit",
    "nothing occurs and nothing is predicted in the stratum",
    "Frequent labels dominate it.",
    _SOKOLOVA,
    compute=lambda sums: divide(2 * _total("tp")(sums), _decided_and_true(sums)),
    appendix=True,
)
_ACCURACY = _declared(
    "accuracy",
    "Accuracy",
    "units given their true class / n",
    ("units given their true class", "units"),
    "higher",
    (0.0, 1.0),
    "proportion",
    "logit",
    "there are no units",
    "Dominated by the frequent classes; high for a model that knows only those.",
    _SOKOLOVA,
    parts=(lambda sums: sums["right"], lambda sums: sums.n),
    appendix=True,
)
_TOP_K = _declared(
    "top_k_accuracy",
    "Top-k accuracy",
    "units whose true class is among the k highest scores (option top_k, 2) / n",
    ("units whose true class is among the k highest scores", "units"),
    "higher",
    (0.0, 1.0),
    "proportion",
    "logit",
    "there are no units",
    "For a model that offers a list; 1 by construction when k reaches the number of classes.",
    "Russakovsky et al. 2015, Int J Comput Vis 115:211, doi:10.1007/s11263-015-0816-y",
    parts=(lambda sums: sums["top_k"], lambda sums: sums.n),
    score=True,
)
_MICRO_OF_CLASSES = replace(
    _ACCURACY,
    id="micro_sensitivity",
    name="Micro sensitivity",
    formula="sum of TP / sum of (TP + FN) over classes",
    reading="With one class for each unit it equals the accuracy.",
)
_MICRO_F1_OF_CLASSES = replace(
    _ACCURACY,
    id="micro_f1",
    name="Micro F1 score",
    formula="2 sum of TP / (2 sum of TP + sum of FP + sum of FN) over classes",
    reading="With one class for each unit it equals the accuracy.",
)
_BALANCED = replace(
    MACRO_SENSITIVITY,
    id="balanced_accuracy",
    name="Balanced accuracy",
    formula="mean over classes of the share of their units given that class",
    reading="Every class counts alike, however rare; 1/K by chance with K classes.",
    reference=_BRODERSEN,
    appendix=True,
)
_KAPPA = _declared(
    "quadratic_kappa",
    "Quadratic-weighted kappa",
    "1 - sum of (i - j)^2 O_ij / sum of (i - j)^2 E_ij, E from the margins",
    ("observed squared distance of predicted to true class", "that expected by chance"),
    "higher",
    (-1.0, 1.0),
    "bootstrap",
    "identity",
    "true and predicted classes are all one and the same class",
    "For classes that have an order, taken as declared; it depends on the class frequencies.",
    _COHEN,
    compute=_quadratic_kappa,
)
_LOG_LOSS = _declared(
    "multiclass_log_loss",
    "Log loss over the classes",
    "mean of -log(probability of the true class)",
    ("sum of the negative log likelihoods", "units"),
    "lower",
    (0.0, _INF),
    "ratio",
    "log",
    "there are no units",
    "Punishes confident errors without limit; a probability of 0 is moved by 1e-10.",
    _GOOD,
    family="probability",
    parts=(lambda sums: sums["log_loss"], lambda sums: sums.n),
    probability=True,
)
_MULTI_BRIER = _declared(
    "multiclass_brier",
    "Brier score over the classes",
    "mean over units of the sum over classes of (p - y)^2",
    ("sum of squared differences between probabilities and class", "units"),
    "lower",
    (0.0, 2.0),
    "ratio",
    "log",
    "there are no units",
    "From 0 to 2: Brier's own form, twice the usual one where there are two classes.",
    _BRIER,
    family="probability",
    parts=(lambda sums: sums["brier"], lambda sums: sums.n),
    probability=True,
)

MULTICLASS: tuple[Measure, ...] = (
    _ACCURACY,
    _TOP_K,
    _BALANCED,
    MACRO_SENSITIVITY,
    MACRO_SPECIFICITY,
    MACRO_PPV,
    MACRO_F1,
    _MICRO_OF_CLASSES,
    _MICRO_F1_OF_CLASSES,
    _KAPPA,
    MACRO_AUROC,
    _LOG_LOSS,
    _MULTI_BRIER,
)
MULTILABEL: tuple[Measure, ...] = (
    MACRO_SENSITIVITY,
    MACRO_SPECIFICITY,
    MACRO_PPV,
    MACRO_F1,
    MICRO_SENSITIVITY,
    MICRO_PPV,
    MICRO_F1,
    MACRO_AUROC,
    MACRO_AVERAGE_PRECISION,
)
