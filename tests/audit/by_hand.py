"""Every measure of one group the slow way, from its formula: what the audit is held against.

A measure without a value is NaN here. Smooth calibration error is left to its own tests.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.metrics import roc_auc_score

Floats = NDArray[np.float64]
NAN = float("nan")
TARGET = 0.2  # the prevalence that rates are also adjusted to
CLIP = 1e-10


def over(top: float, bottom: float) -> float:
    return top / bottom if bottom else NAN


def decisions(y: Floats, flag: Floats) -> dict[str, float]:
    """Measures of the four counts."""
    tp, fp = float((flag * y).sum()), float((flag * (1 - y)).sum())
    fn, tn = float(((1 - flag) * y).sum()), float(((1 - flag) * (1 - y)).sum())
    n = tp + fp + fn + tn
    sensitivity, specificity = over(tp, tp + fn), over(tn, tn + fp)
    benefit = flag - y + 1
    share = benefit / benefit.mean() if benefit.any() else np.full(y.size, NAN)
    log_share = np.array([s * np.log(s) if s > 0 else s for s in share])
    right = TARGET * sensitivity
    wrong = (1 - TARGET) * (1 - specificity)
    return {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "ppv": over(tp, tp + fp),
        "npv": over(tn, tn + fn),
        "fpr": over(fp, tn + fp),
        "fnr": over(fn, tp + fn),
        "flag_rate": over(tp + fp, n),
        "prevalence": over(tp + fn, n),
        "accuracy": over(tp + tn, n),
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "f1": over(2 * tp, 2 * tp + fp + fn),
        "mcc": over(
            tp * tn - fp * fn, float(np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))
        ),
        "lr_plus": over(sensitivity, over(fp, tn + fp)),
        "lr_minus": over(over(fn, tp + fn), specificity),
        "youden": sensitivity + specificity - 1,
        "fn_fp_ratio": over(fn, fp),
        "generalised_entropy": float((share**2 - 1).mean() / 2),
        "theil": float(log_share.mean()),
        "ppv_adjusted": over(right, right + wrong),
        "npv_adjusted": over(
            (1 - TARGET) * specificity, (1 - TARGET) * specificity + TARGET * (1 - sensitivity)
        ),
    }


def rates(y: Floats, s: Floats) -> list[tuple[float, float]]:
    """Sensitivity and specificity at every threshold, the one above all scores first."""
    return [
        (float((s[y == 1] >= t).mean()), float((s[y == 0] < t).mean()))
        for t in (np.inf, *np.unique(s)[::-1])
    ]


def ranking(y: Floats, s: Floats, outside: Floats) -> dict[str, float]:
    """Measures of the order; `outside` holds the scores of the negatives of everyone else."""
    positive, negative = s[y == 1], s[y == 0]
    found = dict.fromkeys(
        ("auroc", "partial_auroc", "sensitivity_at_specificity", "specificity_at_sensitivity"), NAN
    )
    if positive.size and negative.size:
        found["auroc"] = pairs(positive, negative)
        found["partial_auroc"] = float(roc_auc_score(y, s, max_fpr=0.1))
        points = rates(y, s)
        found["sensitivity_at_specificity"] = max(a for a, b in points if b >= 0.9 - 1e-12)
        found["specificity_at_sensitivity"] = max(b for a, b in points if a >= 0.9 - 1e-12)
    own = [float(y[s >= t].mean()) for t in positive]
    found["average_precision"] = float(np.mean(own)) if own else NAN
    found["xauc"] = pairs(positive, outside) if positive.size and outside.size else NAN
    return found


def pairs(above: Floats, below: Floats) -> float:
    difference = above[:, None] - below[None, :]
    return float(((difference > 0) + (difference == 0) / 2).mean())


def risks(y: Floats, p: Floats, flag: Floats, odds: float) -> dict[str, float]:
    """Measures of the probabilities and of the net benefit at a threshold with such odds."""
    n, positives = y.size, float(y.sum())
    safe = np.clip(p, CLIP, 1 - CLIP)
    brier = float(((p - y) ** 2).mean())
    uncertainty = positives * (n - positives) / n**2
    benefit = float((flag * (y - (1 - y) * odds)).mean())
    of_positive = float(p[y == 1].mean()) if positives else NAN
    of_negative = float(p[y == 0].mean()) if positives < n else NAN
    flagged = (
        over(float((flag * y).sum()), positives),
        over(float((flag * (1 - y)).sum()), n - positives),
    )
    spread = float(((1 - 2 * p) ** 2 * p * (1 - p)).sum())
    by_width = np.array([int(sum(v >= k / 15 for k in range(1, 15))) for v in p])
    by_mass = np.array([15 * int((p < v).sum()) // n for v in p])
    return {
        "brier": brier,
        "scaled_brier": 1 - over(brier, uncertainty),
        "log_loss": float(-(y * np.log(safe) + (1 - y) * np.log(1 - safe)).mean()),
        "mean_score_positive": of_positive,
        "mean_score_negative": of_negative,
        "oe_ratio": over(positives, float(p.sum())),
        "ece": sum(abs(float((p - y)[by_width == k].sum())) for k in range(15)) / n,
        "ece_mass": sum(abs(float((p - y)[by_mass == k].sum())) for k in range(15)) / n,
        "spiegelhalter_z": over(float(((y - p) * (1 - 2 * p)).sum()), float(np.sqrt(spread))),
        "murphy_reliability": in_bins(p - y, by_mass),
        "murphy_resolution": in_bins(y - y.mean(), by_mass),
        "murphy_uncertainty": uncertainty,
        "net_benefit": benefit,
        "standardised_net_benefit": over(benefit, positives / n),
        "net_benefit_adjusted": TARGET * flagged[0] - (1 - TARGET) * flagged[1] * odds,
        "oe_ratio_adjusted": over(TARGET, TARGET * of_positive + (1 - TARGET) * of_negative),
    } | recalibrated(y, safe)


def in_bins(difference: Floats, bins: NDArray[np.int64]) -> float:
    """Mean over rows of the squared mean difference of their bin."""
    return float(
        sum((bins == k).mean() * difference[bins == k].mean() ** 2 for k in np.unique(bins))
    )


def recalibrated(y: Floats, p: Floats) -> dict[str, float]:
    """Roots of the score equations; none where one class or the separation of both forbids it."""
    found = dict.fromkeys(("citl", "calibration_intercept", "calibration_slope"), NAN)
    if y.min() == y.max():
        return found
    x = np.log(p) - np.log1p(-p)
    sign = 2 * y - 1  # y - expit(x) is sign * expit(-sign * x), without loss of digits near 0 and 1
    found["citl"] = float(
        brentq(lambda a: float((sign * expit(-sign * (a + x))).sum()), -60, 60, xtol=1e-13)
    )
    low, high = x[y == 0], x[y == 1]
    if low.max() <= high.min() or high.max() <= low.min():
        return found
    design, beta = np.column_stack([np.ones(y.size), x]), np.array([0.0, 0.0])
    for _ in range(200):
        chance = expit(design @ beta)
        step = np.linalg.solve(
            design.T @ (design * (chance * (1 - chance))[:, None]), design.T @ (y - chance)
        )
        beta = beta + step / max(1.0, float(np.abs(step).max()))
    return found | {"calibration_intercept": beta[0], "calibration_slope": beta[1]}


def by_hand(
    y: Floats, s: Floats, flag: Floats, outside: Floats, p: Floats | None, odds: float
) -> dict[str, float]:
    """Every measure of one group; without probabilities only those of order and decision."""
    found = decisions(y, flag) | ranking(y, s, outside)
    return found if p is None else found | risks(y, p, flag, odds)
