"""The same measures by scikit-learn, on rows repeated as often as a resample drew them."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import sklearn.metrics as sk
from numpy.typing import NDArray

from tests.audit.tasks.builders import CLASSES

Floats = NDArray[np.float64]
Values = dict[str, float]


def multiclass(columns: Mapping[str, Any], top_k: int = 2) -> Values:
    """Whole-task measures of one stratum with every class present and predicted."""
    y = np.array([CLASSES.index(c) for c in columns["y"]])
    p = np.stack([columns[f"p_{c}"] for c in CLASSES], axis=1)
    decided = p.argmax(1)
    labels = list(range(len(CLASSES)))
    mean: dict[str, Any] = {"labels": labels, "average": "macro"}
    tn = [((y != k) & (decided != k)).sum() / (y != k).sum() for k in labels]
    with warnings.catch_warnings():  # rounded scores do not sum to exactly 1
        warnings.simplefilter("ignore", UserWarning)
        loss = sk.log_loss(y, p, labels=labels)
        order = np.mean([sk.roc_auc_score(y == k, p[:, k]) for k in labels])
    return {
        "accuracy": sk.accuracy_score(y, decided),
        "top_k_accuracy": sk.top_k_accuracy_score(y, p, k=top_k, labels=labels),
        "balanced_accuracy": sk.balanced_accuracy_score(y, decided),
        "macro_sensitivity": sk.recall_score(y, decided, **mean),
        "macro_specificity": float(np.mean(tn)),
        "macro_ppv": sk.precision_score(y, decided, **mean),
        "macro_f1": sk.f1_score(y, decided, **mean),
        "micro_sensitivity": sk.recall_score(y, decided, labels=labels, average="micro"),
        "micro_f1": sk.f1_score(y, decided, labels=labels, average="micro"),
        "quadratic_kappa": sk.cohen_kappa_score(y, decided, labels=labels, weights="quadratic"),
        "macro_auroc": float(order),
        "multiclass_log_loss": loss,
        "multiclass_brier": float(((p - np.eye(len(CLASSES))[y]) ** 2).sum(1).mean()),
    }


def multilabel(columns: Mapping[str, Any], threshold: float = 0.4) -> Values:
    """Whole-task measures of one stratum; every label is seen on the rows that have it."""
    each: dict[str, list[float]] = {}
    counts = np.zeros(3)
    for name in "eon":
        y = np.array([np.nan if v is None else v for v in columns[f"y_{name}"]], dtype=float)
        p = np.array([np.nan if v is None else v for v in columns[f"p_{name}"]], dtype=float)
        known = ~np.isnan(y) & ~np.isnan(p)
        y, p = y[known], p[known]
        flag = (p >= threshold).astype(int)
        counts += [(y * flag).sum(), ((1 - y) * flag).sum(), y.sum()]
        found = {
            "macro_sensitivity": sk.recall_score(y, flag),
            "macro_specificity": sk.recall_score(1 - y, 1 - flag),
            "macro_ppv": sk.precision_score(y, flag),
            "macro_f1": sk.f1_score(y, flag),
            "macro_auroc": sk.roc_auc_score(y, p),
            "macro_average_precision": sk.average_precision_score(y, p),
        }
        for measure, value in found.items():
            each.setdefault(measure, []).append(float(value))
    tp, fp, positives = counts
    return {measure: float(np.mean(values)) for measure, values in each.items()} | {
        "micro_sensitivity": tp / positives,
        "micro_ppv": tp / (tp + fp),
        "micro_f1": 2 * tp / (tp + fp + positives),
    }


def regression(columns: Mapping[str, Any]) -> Values:
    """Measures of one stratum, the line by numpy's least squares."""
    y, p = np.asarray(columns["y"], float), np.asarray(columns["p"], float)
    error = p - y
    slope, intercept = np.polyfit(p, y, 1)
    deviation = error.std(ddof=1)
    return {
        "mae": sk.mean_absolute_error(y, p),
        "rmse": sk.root_mean_squared_error(y, p),
        "bias": float(error.mean()),
        "r2": sk.r2_score(y, p),
        "line_slope": float(slope),
        "line_intercept": float(intercept),
        "loa_lower": float(error.mean() - 1.96 * deviation),
        "loa_upper": float(error.mean() + 1.96 * deviation),
    }
