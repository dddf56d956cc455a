"""Whether a score declared as a probability (or its log odds) behaves like one.

Every sign needs two things: a shape that rescaling leaves behind, and outcomes that contradict the
scores read as risks. The shape alone is no proof: a calibrated score may be uniform, hold ties at
0.5 or take three values.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from audit.stats._arrays import Floats, as_finite, as_label, check_rows
from audit.stats._rungs import Rungs, rungs_of

Kind = Literal["probability", "rank", "logit"]

# Standard errors between outcomes and scores before these are contradicted. Rows of one patient
# count as independent here, so the usual 2 would fire by clustering alone.
CONTRADICTION = 5.0
# Difference of log odds between mean score and prevalence: a factor e on the odds is more than
# case-mix shift usually does to a model that was once calibrated.
FAR_LOG_ODDS = 1.0
# Half-width around 0.5 that still counts as 0.5: a logistic function of a raw output near 0.
NEAR_HALF = 1e-3
# Share of scores at 0.5 that is no accident; an even spread would put 0.2 % there.
PILE_SHARE = 0.05
# The logistic function takes 0..1 to 0.5..0.7311: scores inside were probabilities already.
SQUASHED = (0.5, float(expit(1.0)))
ROUNDING = 1e-6  # slack at both ends, for scores stored in single precision
# Kolmogorov distance of the scores to the uniform distribution below which they look like ranks;
# smaller samples cannot show it, as ranks themselves are 1/n away.
RANK_DISTANCE = 0.01
RANK_ROWS = 500
# A draw of n uniform scores comes this near (distance times the root of n) once in 100,000 times;
# ranks always do. Evidence that needs no outcomes.
TOO_EVEN = 0.3
# At most this many distinct values are categories or decisions.
FEW_VALUES = 10
# With fewer rows, few distinct values are no surprise.
FEW_ROWS = 100


@dataclass(frozen=True)
class Finding:
    """One sign of rescaling; `message` is a sentence without its full stop."""

    code: str
    message: str


def looks_rescaled(score: ArrayLike, label: ArrayLike, declared_kind: Kind) -> tuple[Finding, ...]:
    """Signs that a score declared ``probability`` or ``logit`` is something else.

    Parameters
    ----------
    score : array_like, shape (rows,)
        Finite; probabilities in [0, 1], or log odds.
    label : array_like, shape (rows,)
        0/1 or boolean.
    declared_kind : {"probability", "rank", "logit"}
        A rank promises nothing and has no finding. Log odds are judged as the probabilities
        they stand for.

    Returns
    -------
    tuple of Finding
        Codes, in this order: ``sigmoid_of_probability`` (all scores in 0.5..0.731),
        ``pile_up_at_half``, ``few_distinct_values``, ``looks_like_ranks``,
        ``mean_far_from_prevalence``. Empty without rows.

    Raises
    ------
    ValueError
        If a score is not finite, a probability lies outside [0, 1], a label is not 0/1, lengths
        differ or the kind is unknown.
    """
    if declared_kind not in ("probability", "rank", "logit"):
        raise ValueError(f"declared_kind must be probability, rank or logit, got {declared_kind!r}")
    s, positive = as_finite(score, "score"), as_label(label)
    check_rows(s.size, label=positive)
    if declared_kind == "rank" or not s.size:
        return ()
    p = np.asarray(expit(s), dtype=np.float64) if declared_kind == "logit" else s
    if p.min() < 0.0 or p.max() > 1.0:
        raise ValueError("a probability must lie in [0, 1]")
    rungs = rungs_of(p, positive)
    shapes = (_squashed, _piled_up, _few_values, _ranks, _far)
    return tuple(found for shape in shapes if (found := shape(rungs)) is not None)


def _contradicted(rungs: Rungs) -> float:
    """By how much the positives contradict the scores read as risks; above 5 they do.

    With t the distance of the positives from their expectation and V their variance,
    ``t / sqrt(V + t/3)``: standard errors with Bernstein's allowance for few expected positives,
    so that a value of 5 is rarer than exp(-12.5) at any size. V is that of the model or of the
    outcomes, whichever is larger: certain scores would be contradicted by a handful of errors.
    """
    p, n = rungs.score, rungs.positives + rungs.negatives
    rows, events = float(n.sum()), float(rungs.positives.sum())
    if not rows:
        return 0.0
    variance = max(float((n * p * (1.0 - p)).sum()), events * (rows - events) / rows)
    distance = abs(events - float((n * p).sum()))
    return distance / sqrt(variance + distance / 3.0) if distance else 0.0


def _part(rungs: Rungs, which: slice | np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Rungs:
    return Rungs(rungs.score[which], rungs.positives[which], rungs.negatives[which])


def _rows(rungs: Rungs) -> int:
    return int((rungs.positives + rungs.negatives).sum())


def _mean(rungs: Rungs) -> float:
    n = rungs.positives + rungs.negatives
    return float((n * rungs.score).sum() / n.sum())


def _rate(rungs: Rungs) -> float:
    return float(rungs.positives.sum()) / _rows(rungs)


def _squashed(rungs: Rungs) -> Finding | None:
    """A logistic function applied to what already was a probability."""
    low, high = float(rungs.score[0]), float(rungs.score[-1])
    inside = low >= SQUASHED[0] - ROUNDING and high <= SQUASHED[1] + ROUNDING
    if not inside or _contradicted(rungs) <= CONTRADICTION:
        return None
    return Finding(
        "sigmoid_of_probability",
        f"All {_rows(rungs):,} scores lie between {low:.3f} and {high:.3f}, where the logistic "
        f"function puts numbers of 0 to 1, while {100 * _rate(rungs):.1f} % have the condition: "
        "it may have been applied to scores that were probabilities already",
    )


def _piled_up(rungs: Rungs) -> Finding | None:
    """Many scores at 0.5 whose outcomes are not those of a coin."""
    near = np.abs(rungs.score - 0.5) <= NEAR_HALF
    pile = _part(rungs, near)
    share = _rows(pile) / _rows(rungs)
    if share < PILE_SHARE or _contradicted(pile) <= CONTRADICTION:
        return None
    exactly = _rows(_part(rungs, rungs.score == 0.5))
    return Finding(
        "pile_up_at_half",
        f"{_rows(pile):,} of {_rows(rungs):,} scores ({100 * share:.1f} %) lie within "
        f"{NEAR_HALF:g} of 0.5, {exactly:,} of them exactly on it, and "
        f"{100 * _rate(pile):.1f} % of these have the condition: 0.5 may be the logistic function "
        "of an empty output",
    )


def _few_values(rungs: Rungs) -> Finding | None:
    """Categories or decisions whose numbers are not their risks."""
    values, rows = rungs.score.size, _rows(rungs)
    if values > FEW_VALUES or rows < FEW_ROWS:
        return None
    errors = [_contradicted(_part(rungs, slice(k, k + 1))) for k in range(values)]
    worst = int(np.argmax(errors))
    if errors[worst] <= CONTRADICTION:
        return None
    rate = _rate(_part(rungs, slice(worst, worst + 1)))
    return Finding(
        "few_distinct_values",
        f"{rows:,} scores take only {values} values, and {100 * rate:.1f} % of those with score "
        f"{rungs.score[worst]:.4g} have the condition: they may be categories, not probabilities",
    )


def _uniform_distance(rungs: Rungs) -> float:
    """Kolmogorov distance of the scores to the uniform distribution on [0, 1]."""
    n = rungs.positives + rungs.negatives
    upto = np.cumsum(n) / n.sum()
    before: Floats = np.concatenate(([0.0], upto[:-1]))
    return float(np.maximum(np.abs(upto - rungs.score), np.abs(rungs.score - before)).max())


def _ranks(rungs: Rungs) -> Finding | None:
    """Scores spread over [0, 1] as evenly as ranks or percentiles."""
    rows = _rows(rungs)
    if rows < RANK_ROWS:
        return None
    distance = _uniform_distance(rungs)
    even = distance * sqrt(rows) < TOO_EVEN
    if distance >= RANK_DISTANCE or not (even or _contradicted(rungs) > CONTRADICTION):
        return None
    return Finding(
        "looks_like_ranks",
        f"{rows:,} scores are spread evenly over 0 to 1 (Kolmogorov distance to the uniform "
        f"distribution {distance:.4f}) while {100 * _rate(rungs):.1f} % have the condition: they "
        "may be ranks or percentiles",
    )


def _far(rungs: Rungs) -> Finding | None:
    """Mean score far from the prevalence."""
    mean, rate = _mean(rungs), _rate(rungs)
    # The log odds of 0 and 1 are infinite and far from any other.
    apart = abs(float(logit(mean)) - float(logit(rate))) if mean != rate else 0.0
    if apart <= FAR_LOG_ODDS or _contradicted(rungs) <= CONTRADICTION:
        return None
    rows, events = _rows(rungs), int(rungs.positives.sum())
    return Finding(
        "mean_far_from_prevalence",
        f"The mean score is {mean:.3f} where {100 * rate:.1f} % of {rows:,} have the condition "
        f"({rows * mean:,.0f} expected, {events:,} found): the score may be rescaled, or the "
        "cases enriched",
    )
