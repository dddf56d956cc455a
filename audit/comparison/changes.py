"""Flips of decisions, changes of gaps, levelling down, and the parity of two models' numbers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audit.cohort import Cohort
from audit.comparison.records import Flips, GapChange, Paired, Parity
from audit.comparison.sides import Pair
from audit.measures import DECLARED
from audit.plan import Plan
from audit.stats.bootstrap import percentile
from audit.stats.paired import clustered_mcnemar, mcnemar
from audit.strata import StrataSet

Floats = NDArray[np.float64]
_KEY = ("sensitivity", "specificity", "fnr", "fpr", "ppv", "npv", "auroc", "accuracy",
        "balanced_accuracy", "macro_sensitivity", "macro_auroc", "mae", "dice", "nsd", "psnr",
        "ssim", "harrell_c", "uno_c", "object_sensitivity", "net_benefit", "brier")  # fmt: skip


def flips_of(strata: StrataSet, cohorts: tuple[Cohort, Cohort]) -> list[Flips]:
    """Count decisions that only one of the models gets right, by stratum and true class."""
    a, b = cohorts
    used = a.analysed & b.analysed & (a.flagged >= 0) & (b.flagged >= 0)
    several = a.patients_declared and a.largest_patient > 1
    out, count = [], len(strata.strata)
    found = {}
    for name, value in (("positive", 1), ("negative", 0)):
        mine = used & (a.label == value)
        group = strata.codes[mine].astype(np.int64)
        right = [(c.flagged[mine] == value).astype(np.int64) for c in cohorts]
        change = right[1] - right[0]
        n, lost, gained = (
            np.bincount(group[chosen], minlength=count)
            for chosen in (np.ones(group.size, np.bool_), change < 0, change > 0)
        )
        tests = mcnemar(lost, gained)
        by_patient = clustered_mcnemar(change, group, a.cluster[mine], count).p
        found[name] = (n, lost, gained, tests, by_patient)
    for i, stratum in enumerate(strata.strata):
        for name in ("positive", "negative"):
            n, lost, gained, tests, by_patient = found[name]
            out.append(
                Flips(
                    stratum=stratum,
                    label="positive" if name == "positive" else "negative",
                    n=int(n[i]),
                    lost=int(lost[i]),
                    gained=int(gained[i]),
                    exact_p=_known(tests.exact_p[i]),
                    mid_p=_known(tests.mid_p[i]),
                    clustered_p=_known(by_patient[i]) if several else None,
                )
            )
    return out


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def gap_changes(pair: Pair, records: Sequence[Paired], plan: Plan) -> list[GapChange]:
    """How the distance of model a's extreme groups changes; one attribute at a time.

    The two groups are those that are furthest apart under a, so that no search over groups biases
    the change. Levelling down is called where the interval of the better group's harm lies above 0,
    that of the other group's does not lie below 0, and that of the change of the distance does
    (Mittelstadt, Wachter & Russell 2023, The Unfairness of Fair Machine Learning).
    """
    if len(pair.strata.attributes) != 1:
        return []
    own = {(r.measure, r.stratum): r for r in records}
    out = []
    for measure in pair.a.figures.measures:
        declared = DECLARED.get(measure.id, measure)
        replicates = [side.figures.replicates.get(measure.id) for side in (pair.a, pair.b)]
        one, two = replicates
        usable = [i for i, s in enumerate(pair.strata.strata)
                  if (r := own.get((measure.id, s))) is not None and r.status == "ok"]  # fmt: skip
        if one is None or two is None or len(usable) < 2 or measure.id not in _KEY:
            continue
        a, b = (side.figures.values[measure.id] for side in (pair.a, pair.b))
        ordered = sorted(usable, key=lambda i: (a[i], pair.strata.strata[i]))
        worst, best = (ordered[0], ordered[-1])
        if declared.direction == "lower":
            worst, best = best, worst
        sign = -1.0 if declared.direction == "lower" else 1.0
        gap_a, gap_b = (sign * float(v[best] - v[worst]) for v in (a, b))
        moved = sign * ((two[best] - two[worst]) - (one[best] - one[worst]))
        lower, upper = percentile(moved[None, :], plan.level)
        top = own[measure.id, pair.strata.strata[best]]
        low = own[measure.id, pair.strata.strata[worst]]
        down = (
            float(upper[0]) < 0
            and abs(gap_b) < abs(gap_a)
            and (top.harm_lower or 0.0) > 0
            and low.harm_upper is not None
            and low.harm_upper >= 0
        )
        out.append(
            GapChange(
                measure=measure.id,
                attribute=pair.strata.attributes[0],
                output=pair.output,
                worst=low.stratum,
                best=top.stratum,
                gap_a=gap_a,
                gap_b=gap_b,
                change=gap_b - gap_a,
                lower=_known(float(lower[0])),
                upper=_known(float(upper[0])),
                level=plan.level,
                levelled_down=down,
                sentence=_sentence(declared.name, top, low, gap_a, gap_b) if down else "",
            )
        )
    return out


def _sentence(name: str, best: Paired, worst: Paired, gap_a: float, gap_b: float) -> str:
    return (
        f"Levelling down: the gap in {name} between {best.stratum} and {worst.stratum} went from "
        f"{gap_a:.3f} to {gap_b:.3f} because {best.stratum} got worse, from {best.value_a:.3f} to "
        f"{best.value_b:.3f}, while {worst.stratum} did not get better beyond chance "
        f"({worst.value_a:.3f} to {worst.value_b:.3f})."
    )


def parity_of(
    a: Floats,
    b: Floats,
    decisions: tuple[NDArray[np.int8], NDArray[np.int8]] | None,
    tolerance: float | None,
    output: str | None = None,
) -> Parity | None:
    """Hold the numbers of two models against each other; None where no unit has both."""
    known = ~np.isnan(a) & ~np.isnan(b)
    if not known.any():
        return None
    one, two = a[known], b[known]
    apart = np.abs(one - two)
    largest = float(apart.max())
    agree = None
    if decisions is not None:
        first, second = (d[known] for d in decisions)
        decided = (first >= 0) & (second >= 0)
        agree = float((first == second)[decided].mean()) if decided.any() else None
    return Parity(
        output=output,
        n=int(known.sum()),
        largest=largest,
        mean=float(np.sort(apart).mean()),
        identical=float((apart == 0).mean()),
        rank_correlation=_spearman(one, two),
        decisions_agree=agree,
        tolerance=tolerance,
        within=None if tolerance is None else largest <= tolerance,
    )


def _spearman(a: Floats, b: Floats) -> float | None:
    """Spearman's rank correlation, ties at their mean rank; None where a side does not vary."""
    ranks = [_mean_ranks(values) for values in (a, b)]
    centred = [r - r.mean() for r in ranks]
    scale = np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum())
    return float(min(1.0, (centred[0] * centred[1]).sum() / scale)) if scale > 0 else None


def _mean_ranks(values: Floats) -> Floats:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(count)
    ranks: Floats = (ends - (count - 1) / 2.0)[place]
    return ranks
