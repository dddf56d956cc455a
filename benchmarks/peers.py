"""The same thirteen figures from peers: one evaluation of the single attributes, no intervals."""

import time
from typing import Any

import numpy as np
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    confusion_matrix,
    precision_score,
    roc_auc_score,
)

from benchmarks.cohorts import ATTRIBUTES, THRESHOLD


def _ece(y: Any, p: Any) -> float:
    place = np.minimum((np.asarray(p) * 15).astype(int), 14)
    return float(np.abs(np.bincount(place, np.asarray(p) - np.asarray(y))).sum() / len(y))


def _npv(y: Any, flagged: Any) -> float:
    return float(precision_score(1 - np.asarray(y), 1 - np.asarray(flagged), zero_division=0))


def _slope(y: Any, p: Any) -> float:
    safe = np.clip(np.asarray(p), 1e-10, 1 - 1e-10)
    x = (np.log(safe) - np.log1p(-safe)).reshape(-1, 1)
    return float(LogisticRegression(C=np.inf).fit(x, np.asarray(y)).coef_[0, 0])


def scikit_learn(data: dict[str, Any]) -> float:
    """Seconds of a pandas-style loop over groups with scikit-learn's functions."""
    start = time.perf_counter()
    for attribute in ATTRIBUTES:
        for level in np.unique(data[attribute]):
            mine = data[attribute] == level
            y, p = data["y"][mine], data["p"][mine]
            confusion_matrix(y, p >= THRESHOLD)  # sensitivity, FPR, PPV, NPV, accuracy, flag rate
            roc_auc_score(y, p)
            average_precision_score(y, p)
            brier_score_loss(y, p)
            _ece(y, p)
            _slope(y, p)
    return time.perf_counter() - start


def fairlearn(data: dict[str, Any]) -> float:
    """Seconds of fairlearn's MetricFrame, two frames per attribute."""
    flagged = (data["p"] >= THRESHOLD).astype(int)
    decisions = {
        "sensitivity": true_positive_rate,
        "fpr": false_positive_rate,
        "flag_rate": selection_rate,
        "accuracy": accuracy_score,
        "ppv": precision_score,
        "npv": _npv,
    }
    scores = {
        "auroc": roc_auc_score,
        "ap": average_precision_score,
        "brier": brier_score_loss,
        "ece": _ece,
        "slope": _slope,
    }
    start = time.perf_counter()
    for attribute in ATTRIBUTES:
        for metrics, predicted in ((decisions, flagged), (scores, data["p"])):
            frame = MetricFrame(
                metrics=metrics,
                y_true=data["y"],
                y_pred=predicted,
                sensitive_features=data[attribute],
            )
            frame.by_group  # noqa: B018  # evaluated lazily
    return time.perf_counter() - start
